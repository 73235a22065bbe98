// Any bytes as a sequence of requests to the DAV engine over an empty store. Every request gets a
// documented status and well-formed fields, and XML that is well-formed for libxml2. Whatever is
// refused, partly refused or only asks changes nothing at all; whatever succeeds has done what RFC
// 4918 says. No upload is left behind.
//
// A request is lines "METHOD target", "Field: value" …, an empty line and a body; requests are
// parted by a line "==". "$T" stands for the newest lock token and "$E" for the newest entity tag.
#include <optional>
#include <set>
#include <string>

#include "dav/engine.h"
#include "tests/fuzz/independent_xml.h"
#include "tests/fuzz/property.h"
#include "tests/fuzz/store_text.h"
#include "tests/support/memory_store.h"
#include "text/ascii.h"

using namespace holdfast;

namespace {

class TextBody final : public http::Body {
 public:
  explicit TextBody(std::string_view text) : text_(text) {}
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return text_.size(); }
  Piece read() override {
    if (text_.empty()) return {State::complete, {}};
    const std::string_view piece = text_.substr(0, 7);
    text_.remove_prefix(piece.size());
    return {State::more, piece};
  }

 private:
  std::string_view text_;
};

class TextSink final : public http::Sink {
 public:
  void write(std::string_view bytes) override { text.append(bytes); }
  std::string text;
};

struct Answer {
  int status = 0;
  std::string fields;
  std::string body;
  [[nodiscard]] std::string field(const std::string& name) const {
    const std::size_t at = ("\r\n" + fields).find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 2;
    return fields.substr(begin, fields.find("\r\n", begin) - begin);
  }
};

Answer ask(const dav::Engine& engine, http::Request& request) {
  http::Response response = engine.handle(request, dav::anonymous_caller(storage::Right::write));
  Answer answer{response.status, response.fields, {}};
  if (auto* text = std::get_if<std::string>(&response.body)) {
    answer.body = *text;
  } else if (auto* content = std::get_if<http::SourceBody>(&response.body)) {
    for (const http::SourceBody::Run& run : content->runs) {
      answer.body += run.text;
      std::string bytes(run.length, '\0');
      if (run.length > 0)
        fuzz::require(content->source->read(run.offset, bytes) > 0, "content is there");
      answer.body += bytes;
    }
  } else if (auto* producer = std::get_if<std::unique_ptr<http::Producer>>(&response.body)) {
    TextSink sink;
    (*producer)->produce(sink);
    answer.body = sink.text;
  }
  return answer;
}

std::string_view take(std::string_view& text, std::string_view end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + end.size(), text.size()));
  return taken;
}

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

// Field lines "Name: value\r\n" without other controls.
void check_fields(const std::string& fields) {
  std::string_view rest = fields;
  while (!rest.empty()) {
    const std::string_view line = take(rest, "\r\n");
    fuzz::require(line.find(": ") != std::string_view::npos, "a field line");
    for (const char c : line)
      fuzz::require((c >= ' ' || c < 0 || c == '\t') && c != '\x7f', "no controls in a field");
  }
}

constexpr int kDocumented[] = {200, 201, 204, 206, 207, 301, 304, 400, 403, 404, 405, 409,
                               411, 412, 413, 414, 415, 416, 422, 423, 500, 501, 502, 507};

class Session {
 public:
  void run(std::string_view script) {
    for (int i = 0; !script.empty() && i < 12; ++i) step(std::string(take(script, "\n==\n")));
    std::set<std::string> known;
    store_.names.for_each_blob(
        [&](std::int64_t, const storage::Content& each) { known.insert(each.blob); });
    for (std::string& blob : store_.names.garbage(1000)) known.insert(std::move(blob));
    fuzz::require(store_.contents.uploads() == 0 && store_.contents.files() == known.size(),
                  "every stored file is known");
  }

 private:
  void step(std::string text) {
    replace_all(text, "$T", token_);
    replace_all(text, "$E", tag_);
    std::string_view rest = text;
    std::string_view head = take(rest, "\n\n");
    std::string_view line = take(head, "\n");
    http::Request request;
    TextBody body(rest);
    request.body = &body;
    request.method = take(line, " ");
    request.target = line;
    request.fields.add("Host", "h");
    while (!head.empty()) {
      std::string_view field = take(head, "\n");
      const std::string_view name = take(field, ":");
      request.fields.add(name, text::trimmed(field));
    }
    if (request.target.empty()) return;

    store_.clock.advance(1000);
    const std::string before = everything();
    const Answer answer = ask(engine_, request);
    const std::string after = everything();

    fuzz::require(std::find(std::begin(kDocumented), std::end(kDocumented), answer.status) !=
                      std::end(kDocumented),
                  "a documented status");
    fuzz::require(answer.status != 500, "nothing goes wrong inside");
    check_fields(answer.fields);
    const std::string type = answer.field("Content-Type");
    if (type.starts_with("application/xml") && !answer.body.empty() && request.method != "GET")
      fuzz::require(fuzz::parse_independently(answer.body) != nullptr, "well-formed XML");

    const std::string_view method = request.method;
    const bool partly = answer.status == 207 && method == "PROPPATCH" &&
                        (answer.body.find("<D:status>HTTP/1.1 4") != std::string::npos ||
                         answer.body.find("<D:status>HTTP/1.1 5") != std::string::npos);
    const bool asks = method == "GET" || method == "HEAD" || method == "OPTIONS" ||
                      method == "PROPFIND" || method == "POST";
    if (answer.status >= 300 || partly || asks)
      fuzz::require(before == after, "nothing has changed");
    else
      check_success(request, rest, answer);
    if (const std::string token = answer.field("Lock-Token"); token.size() > 2)
      token_ = token.substr(1, token.size() - 2);
    if (const std::string tag = answer.field("ETag"); !tag.empty()) tag_ = tag;
  }

  void check_success(const http::Request& request, std::string_view body, const Answer& answer) {
    const dav::Target target = dav::parse_url(request.target, {}, "h");
    const auto snapshot = store_.names.snapshot();
    const storage::Resolution found = snapshot->resolve(target.path);
    const std::string_view method = request.method;
    if (method == "DELETE") {
      fuzz::require(!found.mapped(), "deleted");
    } else if (method == "MKCOL") {
      fuzz::require(found.mapped() && found.resource->is_collection(), "a collection");
    } else if (method == "PUT") {
      fuzz::require(found.mapped() && snapshot->content(*found.resource).bytes == body,
                    "the content that was put");
      fuzz::require(answer.field("ETag") == "\"" + found.resource->etag + "\"", "its entity tag");
    } else if (method == "COPY" || method == "MOVE") {
      const dav::Target to =
          dav::parse_reference(request.fields.find("Destination").value_or(""), {}, "h");
      const storage::Resolution there = snapshot->resolve(to.path);
      fuzz::require(there.mapped(), "it is at the destination");
      fuzz::require(found.mapped() == (method == "COPY") ||
                        (found.mapped() && found.resource->id == there.resource->id),
                    "it is, or is not, at the source");
    } else if (method == "LOCK") {
      const std::string token = answer.field("Lock-Token");
      if (!token.empty())
        fuzz::require(snapshot->find_lock(token.substr(1, token.size() - 2)).has_value(), "locked");
      fuzz::require(found.mapped() && !found.locks.empty(), "a lock covers it");
    }
  }

  std::string everything() {
    const auto snapshot = store_.names.snapshot();
    return fuzz::text_of(*snapshot);
  }

  test::MemoryStore store_;
  dav::Engine engine_{store_.names, store_.contents, {}};
  std::string token_ = "urn:none";
  std::string tag_ = "\"none\"";
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  Session().run(fuzz::text_of(data, size));
  return 0;
}
