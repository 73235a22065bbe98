#include "dav/file_history.h"

#include <algorithm>
#include <string>

#include "dav/rights.h"
#include "http/date.h"
#include "text/ascii.h"
#include "text/json.h"

namespace holdfast::dav {
namespace {

constexpr std::string_view kHistory = "history";

}  // namespace

void require_right_to_past(const Call& call, const storage::Resolution& file) {
  require_right(call, file.path, false, storage::Right::write);
}

std::string version_href(std::string_view file, std::int64_t version) {
  return std::string(file) + "?" + std::string(kHistory) + "=" + std::to_string(version);
}

std::optional<AskedHistory> asked_history(std::string_view target) {
  const std::size_t query = target.find('?');
  if (query == std::string_view::npos) return std::nullopt;
  std::string_view text = target.substr(query + 1);
  if (text == kHistory) return AskedHistory{};
  if (!text.starts_with(kHistory) || text.substr(kHistory.size(), 1) != "=") return std::nullopt;
  text.remove_prefix(kHistory.size() + 1);
  const auto id = text::parse_number(text);
  constexpr auto kMost = std::uint64_t{1} << 53;
  return AskedHistory{.version = id && *id <= kMost ? static_cast<std::int64_t>(*id) : 0};
}

Response history_listing(const Call& call, const storage::Snapshot& snapshot,
                         const storage::Resolution& file) {
  require_right_to_past(call, file);
  const auto accounts = call.names.accounts();
  const std::string self = href(call.options.space, file.stored, false);
  std::string out = "{\"href\":";
  text::append_json_string(out, self);
  out += ",\"versions\":[";
  bool first = true;
  for (const storage::Version& version : snapshot.versions(*file.resource)) {
    const std::string id = std::to_string(version.id);
    out.append(first ? "" : ",").append("{\"id\":").append(id);
    first = false;
    text::append_json_member(out, "href", version_href(self, version.id));
    text::append_json_member(out, "stored", http::format_rfc3339(version.file.stored / 1000));
    text::append_json_member(out, "modified",
                             http::format_rfc3339(http::second_of(version.file.modified.at)));
    text::append_json_member(out, "replaced", http::format_rfc3339(version.replaced / 1000));
    if (const storage::Account* author = accounts->find(version.author))
      text::append_json_member(out, "by", author->name);
    out.append(",\"size\":").append(std::to_string(version.file.size));
    text::append_json_member(out, "etag", "\"" + version.file.etag + "\"");
    out += '}';
  }
  out += "]}\n";
  Response response;
  response.set("Content-Type", "application/json")
      .set("Cache-Control", "no-cache")
      .set("X-Content-Type-Options", "nosniff");
  if (call.request.method == "HEAD") {
    response.head_length = out.size();
  } else {
    response.body = std::move(out);
  }
  return response;
}

storage::Resource version_of(const Call& call, const storage::Snapshot& snapshot,
                             const storage::Resolution& file, std::int64_t version) {
  require_right_to_past(call, file);
  for (const storage::Version& each : snapshot.versions(*file.resource)) {
    if (each.id != version) continue;
    storage::Resource before = each.file;
    before.name = file.resource->name;
    return before;
  }
  throw Error(404, "the file has no such version");
}

}  // namespace holdfast::dav
