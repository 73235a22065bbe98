// How many connections there are, and how many each client has.
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

// Guarded by its owner.
class Admission {
 public:
  explicit Admission(const http1::Limits& limits) : limits_(limits) {}

  // Counts a new connection, unless there are too many of all or of this client.
  [[nodiscard]] bool admit(net::ClientKey key);
  void leave(net::ClientKey key);
  // Over three quarters of all connections are in use.
  [[nodiscard]] bool crowded() const { return total_ > limits_.connections / 4 * 3; }
  [[nodiscard]] std::size_t total() const { return total_; }

 private:
  const http1::Limits& limits_;
  std::size_t total_ = 0;
  std::unordered_map<net::ClientKey, std::size_t> clients_;
};

}  // namespace holdfast::server::loop
