// GET and HEAD (RFC 9110 §9.3.1, §9.3.2, §14). Stored content is served so that a browser runs none
// of it (docs/robustness.md S6).
#include <algorithm>
#include <utility>

#include "dav/conditions.h"
#include "dav/file_history.h"
#include "dav/headers.h"
#include "dav/json_listing.h"
#include "dav/long_poll.h"
#include "dav/method.h"
#include "dav/methods/methods.h"
#include "dav/page/listing.h"
#include "dav/past.h"
#include "dav/rights.h"
#include "dav/zip_download.h"
#include "http/accept.h"
#include "http/date.h"
#include "http/entity_tag.h"
#include "http/media_type.h"
#include "http/range.h"
#include "storage/name_key.h"
#include "text/ascii.h"
#include "text/percent.h"

namespace holdfast::dav {
namespace {

// The policies depend on what a browser does with a type. A page that could run scripts is
// sandboxed. A viewer of the browser itself must be able to load what it shows.
constexpr std::string_view kSandbox = "sandbox; default-src 'none'";
constexpr std::string_view kViewed =
    "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'";
constexpr std::string_view kViewedDocument =
    "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; "
    "object-src 'self'";

std::string_view policy_of(std::string_view type) {
  if (http::is_document(type)) return kViewedDocument;
  return http::shown_inline(type) ? kViewed : kSandbox;
}

// Returns true when the path is in a tree whose pages may run (Options::trusted_html).
bool is_trusted(const Options& options, const storage::Path& path) {
  return std::ranges::any_of(options.trusted_html, [&](const storage::Path& tree) {
    const auto segments = path.segments();
    if (segments.size() < tree.depth()) return false;
    const auto first = segments.first(tree.depth());
    return storage::same_path(tree, storage::Path({first.begin(), first.end()}));
  });
}

// Evaluates If-Range (RFC 9110 §13.1.5). Returns false when Range must be ignored because the
// content may be another.
bool range_applies(const Call& call, const storage::Snapshot& snapshot,
                   const storage::Resolution& target) {
  const auto if_range = call.fields().find("If-Range");
  if (!if_range) return true;
  if (if_range->find('"') != std::string_view::npos)
    return http::parse_entity_tags(*if_range).matches_exactly(target.resource->etag);
  const auto date = http::parse_date(*if_range);
  return date && date_identifies(snapshot, target, *date);
}

std::string content_range(const http::ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.offset) + "-" +
         std::to_string(range.offset + range.length - 1) + "/" + std::to_string(size);
}

// The content of a file: its bytes, or a reader of its content file.
struct Opened {
  storage::Content content;
  bool known_sound = false;                        // then, for HEAD, inline bytes may be missing
  std::unique_ptr<storage::ContentReader> reader;  // null for inline content
};

void set_representation(Response& response, const storage::Resource& file, storage::Millis now) {
  if (!file.is_collection()) response.set("ETag", "\"" + file.etag + "\"");
  response.set("Last-Modified", http::last_modified(file.modified.at, now))
      .set("Cache-Control", "no-cache");
}

// Opens the content. Call while the snapshot exists. Returns nullopt when the content file is gone.
std::optional<Opened> open_content(const Call& call, const storage::Snapshot& snapshot,
                                   const storage::Resource& file) {
  Opened opened;
  opened.known_sound = call.request.method == "HEAD" && call.contents.is_known_sound(file.content);
  opened.content = opened.known_sound ? snapshot.facts(file) : snapshot.content(file);
  if (!opened.content.is_inline() && !(opened.reader = call.contents.open(opened.content)))
    return std::nullopt;
  return opened;
}

// Throws when the content is damaged: damage is never served with a success status
// (docs/robustness.md G9).
void require_sound(const Call& call, const storage::Resource& file, const Opened& opened) {
  // The size has two places: a listing reads it from the resource, the bytes belong to the content.
  if (file.size != opened.content.size)
    throw storage::Error(storage::Fault::corrupt, "the content of a file has another size");
  if (opened.reader) {
    opened.reader->require_sound();
  } else if (!opened.known_sound) {
    call.contents.require_sound(file.content, opened.content);
  }
}

// Stored content as the body of a response.
class StoredSource final : public http::Source {
 public:
  explicit StoredSource(std::unique_ptr<storage::ContentReader> reader)
      : reader_(std::move(reader)) {}
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<char> buffer) override {
    return reader_->read(offset, buffer);
  }
  [[nodiscard]] int descriptor(std::uint64_t offset, std::uint64_t length) const override {
    return reader_->descriptor(offset, length);
  }

 private:
  std::unique_ptr<storage::ContentReader> reader_;
};

// Sets the body. Inline content becomes a string, which is sent together with the header section.
void set_body(Response& response, Opened opened, std::vector<SourceBody::Run> runs) {
  if (opened.reader) {
    SourceBody body;
    body.source = std::make_unique<StoredSource>(std::move(opened.reader));
    body.runs = std::move(runs);
    response.body = std::move(body);
    return;
  }
  std::string& bytes = opened.content.bytes;
  if (runs.size() == 1 && runs.front().length == bytes.size()) {
    response.body = std::move(bytes);
    return;
  }
  std::string text;
  for (const SourceBody::Run& run : runs) {
    text += run.text;
    text.append(bytes, static_cast<std::size_t>(run.offset), static_cast<std::size_t>(run.length));
  }
  response.body = std::move(text);
}

void set_single_range(Response& response, Opened opened, const http::ByteRange& range) {
  std::vector<SourceBody::Run> runs;
  runs.push_back({.text = {}, .offset = range.offset, .length = range.length});
  set_body(response, std::move(opened), std::move(runs));
}

// Makes a multipart/byteranges body (RFC 9110 §14.6).
void set_multiple_ranges(Response& response, Opened opened, const storage::Resource& file,
                         const std::vector<http::ByteRange>& ranges) {
  const std::string boundary = "holdfast-" + file.etag;
  response.set("Content-Type", "multipart/byteranges; boundary=" + boundary);
  std::vector<SourceBody::Run> runs;
  for (const http::ByteRange& range : ranges) {
    std::string text = "\r\n--" + boundary + "\r\nContent-Type: ";
    text.append(http::content_type(file.name)).append("\r\nContent-Range: ");
    text.append(content_range(range, file.size)).append("\r\n\r\n");
    runs.push_back({.text = std::move(text), .offset = range.offset, .length = range.length});
  }
  runs.push_back({.text = "\r\n--" + boundary + "--\r\n", .offset = 0, .length = 0});
  set_body(response, std::move(opened), std::move(runs));
}

Response answer_file(const Call& call, storage::Millis now, const storage::Resource& file,
                     bool in_ranges, Opened opened) {
  Response response;
  set_representation(response, file, now);
  const std::string_view type = http::content_type(file.name);
  const bool trusted = is_trusted(call.options, call.target.path);
  if (!trusted) response.set("Content-Security-Policy", policy_of(type));
  response.set("Accept-Ranges", "bytes")
      .set("X-Content-Type-Options", "nosniff")
      .set("Content-Disposition",
           http::content_disposition(file.name, trusted || http::shown_inline(type)))
      .set("OC-Checksum", oc_checksum(opened.content.checksums));  // of the whole content

  // Range applies to GET only (RFC 9110 §14.2).
  const bool head = call.request.method == "HEAD";
  http::Ranges ranges;
  if (!head && in_ranges)
    ranges = http::parse_range(call.fields(), file.size, call.options.range_limit);
  if (ranges.kind == http::Ranges::Kind::unsatisfiable) {
    Error error(416, "the range lies outside the content");
    error.fields = "Content-Range: bytes */" + std::to_string(file.size) + "\r\n";
    throw error;
  }
  if (ranges.kind == http::Ranges::Kind::some) {
    response.status = 206;
    if (ranges.ranges.size() > 1) {
      set_multiple_ranges(response, std::move(opened), file, ranges.ranges);
      return response;
    }
    response.set("Content-Range", content_range(ranges.ranges.front(), file.size));
    set_single_range(response, std::move(opened), ranges.ranges.front());
  } else if (head) {
    response.head_length = file.size;
  } else {
    set_single_range(response, std::move(opened), {.offset = 0, .length = file.size});
  }
  response.set("Content-Type", type);
  return response;
}

// The bytes that a query has without encoding (RFC 3986 §3.4).
constexpr auto kPlainInQuery = text::ByteSet::alphanumeric_and("-._~!$&'()*+,;=:@/?%");

// Redirects to the collection's URL with a final slash, because relative links in the listing need
// it. A cache must revalidate the response, because a file may be stored at this URL later.
Response to_final_slash(const Call& call) {
  Response response;
  response.status = 301;
  std::string location = href(call.target.spelling, {}, true);
  const std::string_view target = call.request.target;
  if (const std::size_t query = target.find('?'); query != std::string_view::npos)
    text::append_encoded(location += '?', target.substr(query + 1), kPlainInQuery);
  response.set("Location", location)
      .set("DAV", compliance_classes())
      .set("Allow", allowed_on(storage::Resource{}))
      .set("Cache-Control", "no-cache");
  return response;
}

}  // namespace

Response handle_get(Call& call) {
  const Conditions conditions(call);
  LongPoll poll(call);
  for (bool last_try = false;;) {
    poll.begin_look();
    auto snapshot = snapshot_of(call);
    const storage::Resolution target = as_seen(*call.caller, snapshot->resolve(call.target.path));
    require_visible(call, target);
    storage::Resource resource = existing(call, target);
    if (resource.is_collection() && !call.target.trailing_slash) return to_final_slash(call);
    const auto history =
        resource.is_collection() ? std::nullopt : asked_history(call.request.target);
    if (history && !history->version) return history_listing(call, *snapshot, target);
    if (history) resource = version_of(call, *snapshot, target, *history->version);
    // Conditions are about what is stored now.
    if (!history && !conditions.check_read(*snapshot, target)) {
      Response response;
      response.status = 304;
      set_representation(response, resource, snapshot->wall_now());
      return response;
    }
    if (resource.is_collection()) {
      if (const auto zip = asked_zip(call.request.target); zip && !call.past)
        return zip_download(call, std::move(snapshot), target, *zip);
      const LongPoll::Next next = poll.decide(snapshot, target);
      if (next == LongPoll::Next::look_again) continue;
      if (next == LongPoll::Next::not_modified) {
        Response response;
        response.status = 304;
        poll.describe(response.set("Cache-Control", "no-cache"));
        return response;
      }
      const bool json = http::preferred_form(call.fields()) == http::Preferred::json;
      Response response = json ? json_listing(call, std::move(snapshot), target)
                               : page::listing(call, std::move(snapshot), target);
      poll.describe(response.set("Vary", "Accept, Accept-Language"));
      return response;
    }
    if (auto opened = open_content(call, *snapshot, resource)) {
      const storage::Millis now = snapshot->wall_now();
      const bool in_ranges = !history && range_applies(call, *snapshot, target);
      snapshot.reset();  // the next calls may read a whole file
      require_sound(call, resource, *opened);
      return answer_file(call, now, resource, in_ranges, std::move(*opened));
    }
    // The file was replaced between the lookup and the open, so it is looked up once more. A file
    // that is missing twice is damage.
    if (std::exchange(last_try, true)) break;
  }
  throw storage::Error(storage::Fault::corrupt, "the content of a mapped file is missing");
}

}  // namespace holdfast::dav
