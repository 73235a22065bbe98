#include "dav/body.h"

#include "dav/method.h"

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

std::uint64_t body_limit_bytes(const Call& call) {
  return call.options.*call.method.body_limit_bytes;
}

std::string read_body(const Call& call) {
  Body& body = *call.request.body;
  const std::uint64_t limit_bytes = body_limit_bytes(call);
  std::string text;
  if (const auto length = body.length()) {
    if (*length > limit_bytes)
      throw Error(413, "the body is larger than the limit for this method");
    if (*length == 0) return text;
    text.reserve(static_cast<std::size_t>(*length));
  }
  for (;;) {
    const Body::Piece piece = body.read();
    if (piece.bytes.size() > limit_bytes - text.size())
      throw Error(413, "the body is larger than the limit for this method");
    text.append(piece.bytes.data(), piece.bytes.size());
    if (piece.state == Body::State::complete) return text;
    if (piece.state != Body::State::more) throw body_error(piece.state);
  }
}

}  // namespace holdfast::dav
