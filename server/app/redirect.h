// Answers every request on the plain listener of --http-redirect with the same URL under https (RFC
// 9110 §15.4): 301 for GET and HEAD, which every client follows, 308 for the rest, which keeps
// method and body. Takes no body. Immutable after construction; any thread.
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
  // To the --public-url with the host that the client asked for, else to the first; without one to
  // `port` of the host that the client asked for, if that is this machine's loopback or one of
  // the addresses that are served on, `own_hosts`.
  Redirect(const config::Config& config, std::uint16_t port,
           std::vector<std::string> own_hosts = {});

  // 421 when the Host is none of ours: nobody is sent to a place that a request names.
  [[nodiscard]] http::Response answer(const http::Request& request) const;

 private:
  // "https://host:port" for the value of a Host field; empty when there is none.
  [[nodiscard]] std::string origin(std::string_view field) const;

  std::vector<http::Origin> public_origins_;  // those with https
  std::vector<std::string> own_hosts_;        // without brackets
  std::string port_;                          // ":8443", or empty for 443
};

}  // namespace holdfast::server::app
