// Accepts connections, parks what waits for its client, has workers serve the others, and answers
// requests through a handler (docs/design.md#life-of-a-request). One Listener per listening
// address.
//
//   Listener listener(address, limits, handler, observer);   // bound: port() is known
//   listener.start();
//   ...
//   listener.stop();  // finishes requests in flight, shutdown_grace_s at most; joins every thread
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "http/message.h"
#include "server/http1/exchange.h"
#include "server/http1/handler.h"
#include "server/http1/limits.h"
#include "server/net/address.h"
#include "server/observe/observer.h"

namespace holdfast::server::tls {
class TlsCredentials;
}

namespace holdfast::server::loop {

class Listener {
 public:
  // Binds the address and listens without accepting yet. Throws std::runtime_error with one
  // sentence when the address is in use. With `tls`, connections begin with a handshake.
  // Connections of shared addresses are not counted for a client. `tls` must outlive the listener.
  Listener(const net::Address& address, http1::Limits limits, http1::Handler handler,
           observe::Observer& observer, const tls::TlsCredentials* tls = nullptr,
           http1::IsShared is_shared = {});
  // A socket that listens already (systemd.socket(5)). The listener takes ownership of it.
  struct Inherited {
    int descriptor = -1;
  };
  // Binds and listens, for a listener that is made later. Throws what the first constructor throws.
  [[nodiscard]] static Inherited listen(const net::Address& address);
  Listener(Inherited socket, http1::Limits limits, http1::Handler handler,
           observe::Observer& observer, const tls::TlsCredentials* tls = nullptr,
           http1::IsShared is_shared = {});
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  void stop();
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::server::loop
