// What the admin listener answers: /healthz (200 "ok", or 503 and why) and /metrics (Prometheus
// text). It has a listener of its own so that no name in the user's tree is reserved. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "http/message.h"

namespace holdfast::server {

struct Admin {
  // nullopt: reads and writes work. Else one sentence.
  std::function<std::optional<std::string>()> trouble;
  std::function<std::string()> metrics;

  // GET and HEAD; 404 for other paths, 405 for other methods, 500 (/healthz: 503) when a function
  // throws.
  [[nodiscard]] http::Response answer(const http::Request& request) const;
};

}  // namespace holdfast::server
