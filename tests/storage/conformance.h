// The suites *_conformance_test.cc hold every back end to the sentences of storage/namespace.h and
// storage/content.h. This header has what they stand on: a back end that can be closed and opened
// again, the list of all back ends, and a fixture whose helpers read like the acts they do.
//
//   class Listing : public StoreTest {};
//   INSTANTIATE_TEST_SUITE_P(All, Listing, each_backend(), backend_name);
//   TEST_P(Listing, ...) { collection("a"); file("a/b", "text"); EXPECT_EQ(text("a/b"), "text"); }
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/content.h"
#include "storage/files/content_store.h"
#include "storage/files/data_folder.h"
#include "storage/namespace.h"
#include "storage/sqlite/namespace.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

using storage::Content;
using storage::Depth;
using storage::Error;
using storage::Fault;
using storage::Flush;
using storage::Kind;
using storage::Lock;
using storage::LockScope;
using storage::Member;
using storage::Millis;
using storage::NodeId;
using storage::Path;
using storage::Property;
using storage::PropertyChange;
using storage::PropertyName;
using storage::Resolution;
using storage::Resource;
using storage::Snapshot;
using storage::Transaction;
using storage::Wanted;

// A namespace with its content store, on a clock that the test holds.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual storage::Namespace& names() = 0;
  [[nodiscard]] virtual storage::ContentStore& contents() = 0;
  // Closes both and opens them again; does nothing where nothing outlives the process.
  virtual void reopen() {}
  // The same as after SIGKILL: nothing is closed, and what the files hold now is opened.
  virtual void crash() {}
  // False where acknowledged writes need not be on disk (`relaxed`).
  [[nodiscard]] virtual bool flushes() const { return true; }

  ManualClock clock;
};

class MemoryBackend final : public Backend {
 public:
  [[nodiscard]] storage::Namespace& names() override { return names_; }
  [[nodiscard]] storage::ContentStore& contents() override { return contents_; }

 private:
  MemoryNamespace names_{clock};
  MemoryContentStore contents_;
};

// SQLite and files in a temporary folder.
class SqliteBackend final : public Backend {
 public:
  explicit SqliteBackend(storage::Durability durability) : durability_(durability) { open(); }
  [[nodiscard]] storage::Namespace& names() override { return *now_.names; }
  [[nodiscard]] storage::ContentStore& contents() override { return *now_.contents; }
  void reopen() override {
    now_.names.reset();
    now_.contents.reset();
    now_.folder.reset();
    open();
  }
  void crash() override {
    auto copy = std::make_unique<TemporaryFolder>(TemporaryFolder::in_memory());
    std::filesystem::copy(now_.root->path(), copy->path(),
                          std::filesystem::copy_options::recursive);
    // What the test still holds of the dead process, an upload perhaps, must not reach a closed
    // one.
    dead_.push_back(std::move(now_));
    now_.root = std::move(copy);
    open();
  }
  [[nodiscard]] bool flushes() const override { return durability_ == storage::Durability::full; }

 private:
  struct Process {
    std::unique_ptr<TemporaryFolder> root;
    std::unique_ptr<storage::files::DataFolder> folder;
    std::unique_ptr<storage::files::FileContentStore> contents;
    std::unique_ptr<storage::Namespace> names;
  };

  void open() {
    now_.folder =
        std::make_unique<storage::files::DataFolder>((now_.root->path() / "data").string());
    now_.contents = std::make_unique<storage::files::FileContentStore>(*now_.folder, durability_);
    storage::sqlite::Options options;
    options.durability = durability_;
    now_.names = storage::sqlite::open(now_.folder->database(), *now_.contents, clock, options);
  }

  storage::Durability durability_;
  std::vector<Process> dead_;
  Process now_{.root = std::make_unique<TemporaryFolder>(TemporaryFolder::in_memory()),
               .folder = nullptr,
               .contents = nullptr,
               .names = nullptr};
};

struct BackendFactory {
  const char* name;
  std::unique_ptr<Backend> (*make)();
};

inline void PrintTo(const BackendFactory& factory, std::ostream* out) { *out << factory.name; }

inline auto each_backend() {
  return ::testing::Values(
      BackendFactory{
          "Memory", []() -> std::unique_ptr<Backend> { return std::make_unique<MemoryBackend>(); }},
      BackendFactory{"Sqlite",
                     []() -> std::unique_ptr<Backend> {
                       return std::make_unique<SqliteBackend>(storage::Durability::full);
                     }},
      BackendFactory{"SqliteRelaxed", []() -> std::unique_ptr<Backend> {
                       return std::make_unique<SqliteBackend>(storage::Durability::relaxed);
                     }});
}

inline std::string backend_name(const ::testing::TestParamInfo<BackendFactory>& info) {
  return info.param.name;
}

// "a/b" → {"a", "b"}; "" is the root.
inline Path path_of(std::string_view text) {
  Path path;
  while (!text.empty()) {
    const std::size_t slash = text.find('/');
    path = path.child(text.substr(0, slash));
    text.remove_prefix(slash == text.npos ? text.size() : slash + 1);
  }
  return path;
}

inline std::string text_of(std::span<const std::string> segments) {
  std::string text;
  for (const std::string& segment : segments) {
    if (!text.empty()) text += '/';
    text += segment;
  }
  return text;
}

// `size` bytes that differ from those of another seed.
inline std::string bytes_of(std::size_t size, std::uint32_t seed = 1) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    seed = seed * 1'664'525u + 1'013'904'223u;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

constexpr std::size_t kLarge = storage::kInlineLimitBytes + 1;  // the smallest content with a file

// The fault that `act` throws; nothing when it throws none.
template <class Act>
std::optional<Fault> fault_of(Act act) {
  try {
    act();
  } catch (const Error& error) {
    return error.fault();
  }
  return std::nullopt;
}

inline std::vector<std::string> tokens(const std::vector<Lock>& locks) {
  std::vector<std::string> all;
  for (const Lock& lock : locks) all.push_back(lock.token);
  return all;
}

// A member that outlives its visit.
struct Row {
  Resource resource;
  std::string path;  // below the listing's root
  std::vector<Property> properties;
  std::vector<Lock> locks;
  std::optional<storage::Checksums> checksums;
};

inline std::vector<Row> rows(const Snapshot& snapshot, const Resolution& from, Depth depth,
                             Wanted wanted = {}) {
  std::vector<Row> all;
  snapshot.members(from, depth, wanted, [&](const Member& member) {
    all.push_back({member.resource, text_of(member.segments), member.properties, member.locks,
                   member.checksums});
  });
  return all;
}

inline std::string read_all(storage::ContentReader& reader) {
  std::string bytes;
  std::array<char, 10'000> buffer{};
  while (const std::size_t got = reader.read(bytes.size(), buffer))
    bytes.append(buffer.data(), got);
  return bytes;
}

class StoreTest : public ::testing::TestWithParam<BackendFactory> {
 protected:
  [[nodiscard]] storage::Namespace& names() { return backend_->names(); }
  [[nodiscard]] storage::ContentStore& contents() { return backend_->contents(); }
  [[nodiscard]] ManualClock& clock() { return backend_->clock; }
  [[nodiscard]] Backend& backend() { return *backend_; }
  // Goes on with an empty store.
  void start_afresh() { backend_ = GetParam().make(); }

  void write(const std::function<void(Transaction&)>& fn) { names().write(Flush::required, fn); }
  [[nodiscard]] std::unique_ptr<const Snapshot> snapshot() { return names().snapshot(); }
  [[nodiscard]] Resolution resolve(std::string_view path) {
    return snapshot()->resolve(path_of(path));
  }
  // The resource that must be mapped at `path`.
  [[nodiscard]] static Resource at(const Snapshot& snapshot, std::string_view path) {
    const Resolution resolution = snapshot.resolve(path_of(path));
    if (!resolution.resource) throw std::logic_error("nothing is mapped at " + std::string(path));
    return *resolution.resource;
  }
  [[nodiscard]] Resource at(std::string_view path) { return at(*snapshot(), path); }
  [[nodiscard]] bool mapped(std::string_view path) { return resolve(path).mapped(); }

  Resource collection(std::string_view path) {
    Resource made;
    const Path whole = path_of(path);
    write([&](Transaction& tx) {
      made = tx.make_collection(*tx.resolve(whole).parent, whole.name(), storage::kNobody);
    });
    return made;
  }
  [[nodiscard]] std::unique_ptr<storage::Upload> upload(std::string_view bytes,
                                                        storage::Digests digests = {}) {
    auto upload = contents().begin(digests);
    upload->append(bytes);
    return upload;
  }
  Resource file(std::string_view path, std::string_view bytes = "text",
                std::optional<Millis> modified = std::nullopt, storage::Digests digests = {}) {
    Resource made;
    const Path whole = path_of(path);
    const auto staged = upload(bytes, digests);
    const Content& content = staged->seal();
    write([&](Transaction& tx) {
      made = tx.put(*tx.resolve(whole).parent, whole.name(), content, modified, storage::kNobody);
    });
    staged->keep();
    return made;
  }
  Resource copy(std::string_view from, std::string_view to, bool recursive = true) {
    Resource made;
    const Path whole = path_of(to);
    write([&](Transaction& tx) {
      made = tx.copy_tree(at(tx, from), recursive, *tx.resolve(whole).parent, whole.name(),
                          storage::kNobody);
    });
    return made;
  }
  Resource move(std::string_view from, std::string_view to) {
    Resource made;
    const Path whole = path_of(to);
    write([&](Transaction& tx) {
      made = tx.move_tree(at(tx, from), *tx.resolve(whole).parent, whole.name());
    });
    return made;
  }
  void remove(std::string_view path) {
    write([&](Transaction& tx) { tx.remove_tree(at(tx, path)); });
  }
  void set_property(std::string_view path, const std::string& name, const std::string& value) {
    const PropertyChange change{{"urn:x", name}, value};
    write([&](Transaction& tx) { tx.patch_properties(at(tx, path).id, std::span(&change, 1)); });
  }
  [[nodiscard]] std::vector<Property> properties(std::string_view path) {
    const auto now = snapshot();
    return now->properties(at(*now, path));
  }
  // The value of one property set by set_property.
  [[nodiscard]] std::string property(std::string_view path, const std::string& name) {
    for (const Property& property : properties(path))
      if (property.name == PropertyName{"urn:x", name}) return property.xml;
    return {};
  }
  struct LockPlan {
    bool infinite = false;
    LockScope scope = LockScope::exclusive;
    std::int64_t timeout_s = 600;
  };
  Lock lock(std::string_view path, const std::string& token, LockPlan plan) {
    Lock made;
    write([&](Transaction& tx) {
      Lock wanted;
      wanted.token = token;
      wanted.root_id = at(tx, path).id;
      wanted.scope = plan.scope;
      wanted.infinite = plan.infinite;
      wanted.owner = "<o xmlns=\"urn:o\">me</o>";
      wanted.creator = 7;
      wanted.timeout_s = plan.timeout_s;
      made = tx.add_lock(wanted);
    });
    return made;
  }
  Lock lock(std::string_view path, const std::string& token) { return lock(path, token, {}); }
  Lock deep_lock(std::string_view path, const std::string& token) {
    return lock(path, token, {.infinite = true});
  }
  [[nodiscard]] std::vector<Row> list(std::string_view path, Depth depth, Wanted wanted = {}) {
    const auto now = snapshot();
    return rows(*now, now->resolve(path_of(path)), depth, wanted);
  }
  [[nodiscard]] std::vector<std::string> paths(std::string_view path, Depth depth) {
    std::vector<std::string> all;
    for (const Row& row : list(path, depth)) all.push_back(row.path);
    return all;
  }
  [[nodiscard]] std::string text(std::string_view path) {
    const auto now = snapshot();
    return text(now->content(at(*now, path)));
  }
  [[nodiscard]] std::string text(const Content& content) {
    if (content.is_inline()) return content.bytes;
    const auto reader = contents().open(content);
    if (!reader) throw std::logic_error("no file for " + content.blob);
    return read_all(*reader);
  }
  // Garbage, all of it: in `relaxed` superseded content waits for a flush (docs/robustness.md G11).
  [[nodiscard]] std::vector<std::string> garbage(std::size_t limit = 1'000'000) {
    names().checkpoint();
    return names().garbage(limit);
  }
  // The back end's own judgement of itself.
  [[nodiscard]] std::vector<std::string> problems() { return names().check(false).problems; }

 private:
  std::unique_ptr<Backend> backend_ = GetParam().make();
};

}  // namespace holdfast::test
