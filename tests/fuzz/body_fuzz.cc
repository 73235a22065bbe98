// Any bytes behind a head, by Content-Length or chunked, cut anywhere between what came with the
// head and what comes later in pieces of any size: the body that the framing means and not a byte
// of what follows it; truncated when the connection ends first, and never complete then; never more
// than the limit; invited exactly when it has to be. The first five bytes are the parameters.
#include <algorithm>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "Poco/Net/StreamSocketImpl.h"
#include "server/http1/body_reader.h"
#include "tests/fuzz/naive_chunked.h"
#include "tests/fuzz/property.h"

using namespace holdfast;
using State = http::Body::State;

namespace {

class OwnedSocket final : public Poco::Net::StreamSocket {
 public:
  explicit OwnedSocket(int descriptor)
      : StreamSocket(new Poco::Net::StreamSocketImpl(descriptor)) {}
};

struct Expected {
  State end = State::complete;
  std::string data;
  std::size_t used = 0;  // bytes on the wire, when complete
};

Expected expected(const server::http1::Head& head, std::string_view bytes, std::uint64_t limit) {
  Expected body;
  if (!head.chunked) {
    const std::uint64_t length = head.content_length.value_or(0);
    if (length > limit) return {State::too_large, {}, 0};
    body.data = bytes.substr(0, static_cast<std::size_t>(length));
    body.used = body.data.size();
    if (body.used < length) body.end = State::truncated;
    return body;
  }
  const fuzz::NaiveChunked naive = fuzz::read_chunked(bytes);
  body.data = naive.data;
  body.used = naive.used;
  if (naive.end == fuzz::NaiveChunked::End::open) body.end = State::truncated;
  if (naive.end == fuzz::NaiveChunked::End::malformed) body.end = State::malformed;
  return body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kParameters = 5;
  if (size < kParameters || size > 16 * 1024) return 0;
  const std::string_view bytes = fuzz::text_of(data + kParameters, size - kParameters);
  server::http1::Head head;
  head.chunked = (data[0] & 1) != 0;
  head.expects_continue = (data[0] & 2) != 0;
  if (!head.chunked) head.content_length = data[1];
  server::http1::Limits limits;
  if ((data[0] & 4) != 0) limits.body_limit_bytes = data[2];
  const std::size_t early = std::min<std::size_t>(data[3], bytes.size());
  const std::size_t piece = 1 + data[4];

  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 0;
  const std::string_view late = bytes.substr(early);
  const bool sent = late.empty() || ::send(ends[1], late.data(), late.size(), MSG_NOSIGNAL) ==
                                        static_cast<ssize_t>(late.size());
  fuzz::require(sent, "the socket takes it at once");
  ::shutdown(ends[1], SHUT_WR);
  {
    server::net::Wire wire(OwnedSocket{ends[0]}, std::chrono::seconds(5));
    std::string arrived(bytes.substr(0, early));
    std::string buffer(piece, '\0');
    server::http1::BodyReader reader(wire, limits, head, arrived, buffer);
    std::string body;
    http::Body::Piece next;
    while ((next = reader.read()).state == State::more) {
      body.append(next.bytes.data(), next.bytes.size());
      fuzz::require(body.size() <= limits.body_limit_bytes, "never more than the limit");
    }
    fuzz::require(reader.read().state == next.state, "an end is an end");

    const Expected wanted = expected(head, bytes, limits.body_limit_bytes);
    fuzz::require(std::string_view(wanted.data).starts_with(body), "the body's own bytes");
    if (next.state == State::complete) {
      fuzz::require(wanted.end == State::complete && body == wanted.data, "the whole body");
      // What arrived behind it, and what is still on the wire.
      std::string rest(reader.leftover().data(), reader.leftover().size());
      for (;;) {
        std::string more(4096, '\0');
        const auto received = wire.receive_now(more);
        if (received.state != server::net::Wire::Received::State::bytes) break;
        rest.append(more, 0, received.count);
      }
      // A body that ends early leaves alone what came with the head.
      fuzz::require(rest == bytes.substr(wanted.used), "and nothing of what follows");
    } else if (wanted.data.size() > limits.body_limit_bytes) {
      fuzz::require(next.state == State::too_large || wanted.end != State::complete, "too large");
    } else if (wanted.end == State::truncated) {
      fuzz::require(next.state == State::truncated || next.state == State::malformed, "truncated");
    } else {
      fuzz::require(next.state == wanted.end, "the end that the framing means");
    }

    std::string answer(256, '\0');
    const ssize_t got = ::recv(ends[1], answer.data(), answer.size(), MSG_DONTWAIT);
    const bool invited = got > 0;
    const bool due =
        head.expects_continue && head.has_body() && early == 0 && next.state != State::too_large;
    fuzz::require(!invited || answer.starts_with("HTTP/1.1 100 Continue\r\n\r\n"), "100 Continue");
    fuzz::require(!invited || (head.expects_continue && head.has_body() && early == 0),
                  "invited only who waits");
    fuzz::require(invited || !due, "invited who waits");
  }
  ::close(ends[1]);
  return 0;
}
