// Answers every request on the plain listener of --http-redirect with the same URL under https (RFC
// 9110 §15.4): 301 for GET and HEAD, which every client follows, 308 for other methods, which keeps
// method and body. It reads no body. Immutable after construction; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "http/origin.h"
#include "server/config/config.h"

namespace holdfast::server::app {

class Redirect {
 public:
  // Redirects to the --public-url with the host of the request, else to the first --public-url.
  // Without --public-url it redirects to `port` of the request's host, if that is a loopback name
  // or one of the server's addresses, `own_hosts`.
  Redirect(const config::Config& config, std::uint16_t port,
           std::vector<std::string> own_hosts = {});

  // Returns 421 when the Host is not this server's, so that no request can choose the target of a
  // redirect.
  [[nodiscard]] http::Response answer(const http::Request& request) const;

 private:
  // Returns "https://host:port" for the value of a Host field; empty when the host is not this
  // server's.
  [[nodiscard]] std::string origin(std::string_view field) const;

  std::vector<http::Origin> public_origins_;  // the ones with https
  std::vector<std::string> own_hosts_;        // without brackets
  std::string port_;                          // ":8443", or empty for 443
};

}  // namespace holdfast::server::app
