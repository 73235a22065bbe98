// How many connections there are and how many each client has, and how many requests of each
// account are being answered.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <sys/socket.h>
#include <unordered_map>

#include "server/http1/limits.h"
#include "storage/model.h"

namespace holdfast::server {

// Whom a connection counts against: an IPv4 address, or the /64 network of an IPv6 address, which
// one client has to itself. 0: nobody (loopback, and trusted proxies).
using ClientKey = std::uint64_t;

struct Client {
  std::string address;  // numeric
  bool loopback = false;
  ClientKey key = 0;
};
[[nodiscard]] Client describe(const sockaddr_storage& address);

// Guarded by its owner.
class Admission {
 public:
  explicit Admission(const Limits& limits) : limits_(limits) {}

  // Counts a new connection, unless there are too many of all or of this client.
  [[nodiscard]] bool admit(ClientKey key);
  void leave(ClientKey key);
  // Over three quarters of all connections are in use.
  [[nodiscard]] bool crowded() const { return total_ > limits_.connections / 4 * 3; }
  [[nodiscard]] std::size_t total() const { return total_; }

 private:
  const Limits& limits_;
  std::size_t total_ = 0;
  std::unordered_map<ClientKey, std::size_t> clients_;
};

// Any thread.
class ActiveRequests {
 public:
  explicit ActiveRequests(std::size_t most_per_account) : most_(most_per_account) {}

  // Counts a request of this account until what is returned is gone, which must be before this is.
  // Empty when there are too many.
  [[nodiscard]] std::shared_ptr<const void> enter(storage::AccountId account);

 private:
  void leave(storage::AccountId account);

  const std::size_t most_;
  std::mutex mutex_;
  std::unordered_map<storage::AccountId, std::size_t> counts_;  // of those that have any
};

}  // namespace holdfast::server
