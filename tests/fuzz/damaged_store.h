// What must hold of a store whatever has become of its database: it refuses to open, or every
// question and act ends, with an answer or with storage::Error; and what its check finds sound can
// be read.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "dav/engine.h"
#include "tests/fuzz/property.h"
#include "tests/fuzz/sqlite_folder.h"
#include "tests/fuzz/store_text.h"

namespace holdfast::fuzz {

// True when `what` ends without an Error.
template <class What>
bool works(const What& what) {
  try {
    what();
    return true;
  } catch (const storage::Error&) {
    return false;
  }
}

inline void ask(const dav::Engine& engine, std::string_view method, std::string_view target,
                std::string_view destination = {}) {
  struct Counting final : http::Sink {
    void write(std::string_view bytes) override { total += bytes.size(); }
    std::size_t total = 0;
  };
  http::Request request;
  http::NoBody none;
  request.method = method;
  request.target = target;
  request.body = &none;
  request.fields.add("Host", "h");
  if (!destination.empty()) request.fields.add("Destination", destination);
  http::Response response = engine.handle(request, dav::anonymous_caller(storage::Right::write));
  require(response.status >= 200 && response.status < 600, "an answer");
  if (auto* producer = std::get_if<std::unique_ptr<http::Producer>>(&response.body)) {
    Counting sink;
    try {
      (*producer)->produce(sink);
    } catch (const storage::Error&) {  // the answer is cut
    } catch (const dav::Error&) {
    }
  } else if (auto* content = std::get_if<http::SourceBody>(&response.body)) {
    char buffer[16];
    (void)works([&] { (void)content->source->read(0, buffer); });
  }
}

struct Examined {
  bool opened = false;
  bool sound = false;           // as the check says
  std::uint64_t resources = 0;  // when sound
};

inline Examined examine(SqliteFolder& folder) {
  Examined result;
  std::unique_ptr<storage::Namespace> names;
  try {
    names = folder.open();
  } catch (const storage::OpenError&) {
    return result;
  } catch (const storage::Error&) {
    return result;
  }
  result.opened = true;
  (void)works([&] { result.sound = names->check(false).problems.empty(); });
  const bool readable = works([&] {
    const auto snapshot = names->snapshot();
    (void)text_of(*snapshot);
    result.resources = snapshot->usage().resources;
  });
  require(readable || !result.sound, "what is sound can be read");

  const dav::Engine engine(*names, folder.contents, {});
  ask(engine, "PROPFIND", "/");
  for (const char* target : {"/a/b/c/t.txt", "/a/big", "/a/", "/copy/c/t.txt"}) {
    ask(engine, "GET", target);
    ask(engine, "LOCK", target);
  }
  ask(engine, "COPY", "/a", "/copy/new");
  ask(engine, "MOVE", "/a/b", "/copy/b");
  ask(engine, "MOVE", "/copy", "/a/moved");
  ask(engine, "PUT", "/again");
  ask(engine, "DELETE", "/a");
  (void)works([&] { names->purge_expired_locks(0); });
  (void)works([&] { names->forget_garbage(names->garbage(10)); });
  (void)works([&] { names->for_each_blob([](std::int64_t, const storage::Content&) {}); });
  (void)works([&] { (void)names->check(true); });
  (void)works([&] {
    if (!names->check(false).problems.empty()) return;
    require(works([&] { (void)text_of(*names->snapshot()); }), "what was repaired can be read");
  });
  (void)works([&] { names->checkpoint(); });
  return result;
}

}  // namespace holdfast::fuzz
