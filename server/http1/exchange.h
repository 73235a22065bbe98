// One request and its response: calls the handler, drains what the handler left of the body, sends
// the response, and notifies the observer. An exception of the handler becomes a plain 500. Called
// on the fibers of tasks, one exchange in each.
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

// Returns true when many clients connect from this numeric address, such as that of a proxy: its
// connections are then not counted for a client. Any thread.
using IsShared = std::function<bool(const std::string& address)>;

// What happens to a connection after an exchange.
enum class Fate {
  go_on,   // serve the next request
  close,   // no more bytes can arrive, so a reset cannot destroy the response
  linger,  // the client may still be sending: read for a while, or a reset could destroy the
           // response
};

// What all connections of a listener share.
struct Service {
  const Limits& limits;
  const Handler& handler;
  observe::Observer& observer;
  const std::atomic<bool>& stopping;  // no further request is accepted
  const tls::TlsCredentials* tls;     // nullptr: connections are plain
  const IsShared& is_shared;          // may be empty: no address is shared
};

struct ExchangeEnd {
  Fate fate = Fate::close;
  bool small = false;        // the response is small
  std::span<char> leftover;  // with go_on: the received part of the next request
};

// Answers the request in space.head; `arrived` was received with it.
[[nodiscard]] ExchangeEnd exchange(const Service& service, net::Wire& wire, Buffers& space,
                                   const Peer& peer, std::span<char> arrived);

// Answers a request that no handler may see, and notifies the observer of what is known about it.
// `arrived` is the received part of the request.
void refuse(const Service& service, net::Wire& wire, const Peer& peer, const Refusal& refusal,
            std::string_view arrived);

// The response for connections that are turned away. It is sent without waiting.
inline constexpr std::string_view kUnavailable =
    "HTTP/1.1 503 Service Unavailable\r\nServer: Holdfast\r\nRetry-After: 5\r\n"
    "Content-Length: 0\r\nConnection: close\r\n\r\n";

}  // namespace holdfast::server::http1
