// One request and its answer: hands the request to the handler, settles what the handler left of
// the body, sends the answer, tells the observer. Whatever the handler throws ends here as a plain
// 500. Worker threads, one exchange each.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "server/http1/body_reader.h"
#include "server/http1/buffers.h"
#include "server/http1/handler.h"
#include "server/http1/head.h"
#include "server/http1/limits.h"
#include "server/net/wire.h"
#include "server/observe/observer.h"

namespace holdfast::server::tls {
class TlsCredentials;
}

namespace holdfast::server::http1 {

// True when many clients connect from this numeric address, such as a proxy's: then its connections
// are not counted against a client. Any thread.
using IsShared = std::function<bool(const std::string& address)>;

// How a connection goes on.
enum class Fate {
  go_on,   // with the next request
  close,   // nothing more can arrive that the client could miss an answer by
  linger,  // the client may still be sending: read on for a while, or a reset would eat the answer
};

// What all connections of a listener share.
struct Service {
  const Limits& limits;
  const Handler& handler;
  observe::Observer& observer;
  const std::atomic<bool>& stopping;  // no further request is wanted
  const tls::TlsCredentials* tls;     // nullptr: connections are plain
  const IsShared& is_shared;          // may be empty: no address is
};

struct ExchangeEnd {
  Fate fate = Fate::close;
  bool small = false;        // the answer
  std::span<char> leftover;  // with go_on: what arrived of the next request
};

// Answers the request in space.head; `arrived` came with it.
[[nodiscard]] ExchangeEnd exchange(const Service& service, net::Wire& wire, Buffers& space,
                                   const Peer& peer, std::span<char> arrived);

// Answers a request that no handler may see, and tells the observer what is known of it. `arrived`
// is what came of it.
void refuse(const Service& service, net::Wire& wire, const Peer& peer, const Refusal& refusal,
            std::string_view arrived);

// For those whom no worker has time for, and those who never finish a head: sent without waiting.
inline constexpr std::string_view kUnavailable =
    "HTTP/1.1 503 Service Unavailable\r\nServer: Holdfast\r\nRetry-After: 5\r\n"
    "Content-Length: 0\r\nConnection: close\r\n\r\n";

}  // namespace holdfast::server::http1
