// Accepts connections, parks the idle ones, gives the busy ones a worker each, and answers requests
// through a handler (DESIGN §3). One Listener per listening address.
//
//   Listener listener(address, limits, handler, observer);   // bound: port() is known
//   listener.start();
//   ...
//   listener.stop();  // finishes requests in flight, shutdown_grace_s at most; joins every thread
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/message.h"
#include "server/limits.h"
#include "server/observe.h"

namespace holdfast::server {

class Proxies;
class TlsCredentials;

// The other end of a connection; for a handler that believes a proxy, the client behind it.
struct Peer {
  std::string address;  // numeric, without port
  bool loopback = false;
  bool tls = false;
  std::string certificate{};  // SHA-256 of the client's certificate (DER) in lower-case hex,
                              // verified to be its own; empty: none
  // For the handler to set: the account that asks, for the log; what is kept until the answer has
  // been sent; and whether no other request is wanted on this connection.
  std::string user{};
  std::shared_ptr<const void> place{};
  bool last = false;
};

// Answers one request. Called on worker threads, any number at once. Must not throw; what it throws
// all the same becomes a plain 500. The peer is this request's copy: what the handler sets there
// goes to the log.
using Handler = std::function<http::Response(http::Request&, Peer&)>;

class Listener {
 public:
  // Binds "ADDR:PORT" ("127.0.0.1:0", "[::1]:8080") and listens without accepting yet. Throws
  // std::runtime_error with one sentence when the address is malformed or taken. With `tls`,
  // connections begin with a handshake; those of trusted `proxies` are not counted by client. Both
  // must outlive the listener.
  Listener(const std::string& address, Limits limits, Handler handler, Observer& observer,
           const TlsCredentials* tls = nullptr, const Proxies* proxies = nullptr);
  // Takes over a socket that listens already (systemd.socket(5)); it belongs to the listener.
  struct Inherited {
    int descriptor = -1;
  };
  // Binds and listens, for a listener that is to be made later. Throws as the first constructor.
  [[nodiscard]] static Inherited listen(const std::string& address);
  Listener(Inherited socket, Limits limits, Handler handler, Observer& observer,
           const TlsCredentials* tls = nullptr, const Proxies* proxies = nullptr);
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

}  // namespace holdfast::server
