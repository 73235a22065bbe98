#include "dav/sync_client.h"

#include "text/ascii.h"

namespace holdfast::dav {

std::optional<std::vector<std::string>> segments_of(const Request& request, const UrlSpace& space) {
  try {
    UrlSpace whole = space;
    // The tree's own limits are applied to what lies below the prefix of the clients.
    whole.limits = {.segment_bytes = 4096, .path_bytes = 64 * 1024, .depth = 4096};
    const Target target =
        parse_url(request.target, whole, request.fields.find("Host").value_or(""));
    if (target.above_prefix || target.path.is_root()) return std::nullopt;
    return std::vector<std::string>(target.path.segments().begin(), target.path.segments().end());
  } catch (const Error&) {
    return std::nullopt;  // the engine says what is wrong
  }
}

std::optional<SyncTarget> sync_target(const Request& request, const UrlSpace& space,
                                      std::string_view user) {
  const auto segments = segments_of(request, space);
  if (!segments || segments->size() < 2 || segments->front() != "remote.php") return std::nullopt;
  if (user.empty()) user = kNobodysUser;
  const auto is = [&](std::size_t at, std::string_view name) {
    return at < segments->size() && (*segments)[at] == name;
  };
  SyncTarget target;
  target.prefix = space.prefix;
  const auto add = [&](std::initializer_list<std::string_view> names) {
    target.prefix.insert(target.prefix.end(), names.begin(), names.end());
  };
  if (is(1, "webdav")) {
    add({"remote.php", "webdav"});
    return target;
  }
  if (!is(1, "dav") || !is(3, user)) return std::nullopt;
  add({"remote.php", "dav", "files", user});
  if (is(2, "files")) return target;
  if (is(2, "trashbin") || is(2, "versions")) {
    target.kind = is(2, "trashbin") ? SyncTarget::Kind::trashbin : SyncTarget::Kind::versions;
    target.rest.assign(segments->begin() + 4, segments->end());
    return target;
  }
  if (!is(2, "uploads") || segments->size() > 6) return std::nullopt;
  target.kind = SyncTarget::Kind::upload;
  if (segments->size() > 4) target.upload = (*segments)[4];
  if (segments->size() > 5) target.part = (*segments)[5];
  return target;
}

std::string file_id(storage::NodeId id) {
  constexpr std::size_t kDigits = 8;
  std::string text = std::to_string(id);
  if (text.size() < kDigits) text.insert(0, kDigits - text.size(), '0');
  return text + "holdfast";
}

void add_file_id(Response& response, const Options& options, storage::NodeId id) {
  if (!options.for_sync_clients || id == 0) return;
  response.set("OC-FileId", file_id(id));
  if (const auto tag = response.find("ETag")) response.set("OC-ETag", std::string(*tag));
}

std::string collection_tag(const storage::Snapshot& snapshot, const storage::Resource& collection,
                           std::uint64_t rights) {
  std::string tag = snapshot.epoch();
  tag += '.';
  text::append_number(tag, static_cast<std::uint64_t>(snapshot.last_change(collection)), 36);
  tag += '.';
  text::append_number(tag, rights, 36);
  return tag;
}

std::string permissions(const storage::Resource& resource, storage::Right right) {
  std::string letters = "G";
  if (right < storage::Right::write) return letters;
  // The root can be neither removed nor renamed.
  if (!resource.name.empty()) letters += "DNV";
  return letters += resource.is_collection() ? "CK" : "W";
}

}  // namespace holdfast::dav
