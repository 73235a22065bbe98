#include "dav/call.h"

namespace holdfast::dav {

Error body_error(Body::State state) {
  switch (state) {
    case Body::State::truncated:
      return {400, "the body ended before its announced end"};
    case Body::State::timed_out:
      return {408, "the body arrived too slowly"};
    case Body::State::too_large:
      return {413, "the body is larger than the limit"};
    case Body::State::malformed:
    case Body::State::more:
    case Body::State::complete:
      break;
  }
  return {400, "the body's framing is broken"};
}

std::string read_body(Body& body, std::uint64_t limit) {
  std::string text;
  if (const auto length = body.length()) {
    if (*length > limit) throw Error(413, "the body is larger than the limit for this method");
    if (*length == 0) return text;
    text.reserve(static_cast<std::size_t>(*length));
  }
  for (;;) {
    const Body::Piece piece = body.read();
    if (piece.bytes.size() > limit - text.size())
      throw Error(413, "the body is larger than the limit for this method");
    text.append(piece.bytes.data(), piece.bytes.size());
    if (piece.state == Body::State::complete) return text;
    if (piece.state != Body::State::more) throw body_error(piece.state);
  }
}

std::string_view allowed_on(const std::optional<storage::Resource>& resource) {
  if (!resource) return "OPTIONS, PUT, MKCOL, LOCK";
  if (resource->is_collection())
    return "OPTIONS, GET, HEAD, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK";
  return "OPTIONS, GET, HEAD, PUT, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK";
}

Error not_allowed(const std::optional<storage::Resource>& resource, std::string detail) {
  Error error(405, std::move(detail));
  error.fields = "Allow: " + std::string(allowed_on(resource)) + "\r\n";
  return error;
}

const storage::Resource& existing(const Call& call, const storage::Resolution& resolution) {
  if (!resolution.resource) throw Error(404, "nothing is mapped at the URL");
  if (call.target.trailing_slash && !resolution.resource->is_collection())
    throw Error(404, "a file's URL does not end in a slash");
  return *resolution.resource;
}

void require_parent(const storage::Resolution& resolution) {
  if (!resolution.parent) throw Error(409, "the parent collection does not exist");
  if (!resolution.parent->is_collection()) throw Error(409, "the parent is not a collection");
}

void require_space(const Call& call, std::uint64_t bytes) {
  const std::uint64_t floor = call.options.free_space_floor_bytes;
  if (floor == 0) return;
  const std::uint64_t available = call.contents.space().available;
  if (available < floor || bytes > available - floor)
    throw Error(507, Precondition::sufficient_disk_space, "the free-space floor would be crossed");
}

}  // namespace holdfast::dav
