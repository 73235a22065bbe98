// The function that answers requests, and what it knows about the client.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/message.h"

namespace holdfast::server::http1 {

// The peer of a connection; when a handler trusts the peer as a proxy, the client behind it.
struct Peer {
  std::string address;  // numeric, without port
  bool loopback = false;
  bool tls = false;
  bool trusted_proxy = false;  // a proxy that the handler trusts has sent the request
  std::string certificate{};   // SHA-256 of the client's verified certificate (DER) in lower-case
                               // hex; empty: none
  // The handler sets these: the account of the caller, for the log; an object that is kept until
  // the response has been sent; and whether no other request is accepted on this connection.
  std::string user{};
  std::shared_ptr<const void> place{};
  bool last = false;
};

// Answers one request. Called on the fibers of tasks (server/loop/task.h), any number at once. It
// should not throw; an exception becomes a plain 500. The peer is this request's copy: what the
// handler sets in it goes to the log.
using Handler = std::function<http::Response(http::Request&, Peer&)>;

}  // namespace holdfast::server::http1
