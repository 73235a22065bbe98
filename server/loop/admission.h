// Counts all connections, and those of each client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <sys/socket.h>
#include <unordered_map>

#include "server/http1/limits.h"
#include "server/net/address.h"
#include "storage/model.h"

namespace holdfast::server::loop {

// The owner's mutex must guard it.
class Admission {
 public:
  explicit Admission(const http1::Limits& limits) : limits_(limits) {}

  // Counts a new connection and returns true, unless there are too many in total or of this client.
  [[nodiscard]] bool admit(net::ClientKey key);
  void leave(net::ClientKey key);
  // Returns true when over three quarters of all connections are in use.
  [[nodiscard]] bool crowded() const { return total_ > limits_.connections / 4 * 3; }
  [[nodiscard]] std::size_t total() const { return total_; }

 private:
  const http1::Limits& limits_;
  std::size_t total_ = 0;
  std::unordered_map<net::ClientKey, std::size_t> clients_;
};

}  // namespace holdfast::server::loop
