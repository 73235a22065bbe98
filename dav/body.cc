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

Error body_too_large(const Call& call) {
  const auto limit = call.method.body_limit_bytes;
  const std::string name = limit == &Options::body_limit_bytes  ? "body-limit"
                           : limit == &Options::xml_limit_bytes ? "xml-limit"
                                                                : "proppatch-limit";
  return {413, "the body is larger than " + std::to_string(body_limit_bytes(call)) +
                   " bytes, the limit of the setting " + name};
}

std::uint64_t body_limit_bytes(const Call& call) {
  return call.options.*call.method.body_limit_bytes;
}

std::string read_body(const Call& call) {
  Body& body = *call.request.body;
  const std::uint64_t limit_bytes = body_limit_bytes(call);
  std::string text;
  if (const auto length = body.length()) {
    if (*length > limit_bytes) throw body_too_large(call);
    if (*length == 0) return text;
    text.reserve(static_cast<std::size_t>(*length));
  }
  BodyBudget::Share memory(call.bodies);
  for (;;) {
    const Body::Piece piece = body.read();
    if (piece.bytes.size() > limit_bytes - text.size()) throw body_too_large(call);
    memory.grow(piece.bytes.size());
    text.append(piece.bytes.data(), piece.bytes.size());
    if (piece.state == Body::State::complete) return text;
    if (piece.state != Body::State::more) throw body_error(piece.state);
  }
}

}  // namespace holdfast::dav
