// What answers a request, and what it knows of who sent it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/message.h"

namespace holdfast::server::http1 {

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

}  // namespace holdfast::server::http1
