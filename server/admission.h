// How many connections there are and how many each client has, and how many requests of each
// account are being answered.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "server/limits.h"
#include "server/net/address.h"
#include "storage/model.h"

namespace holdfast::server {

// Guarded by its owner.
class Admission {
 public:
  explicit Admission(const Limits& limits) : limits_(limits) {}

  // Counts a new connection, unless there are too many of all or of this client.
  [[nodiscard]] bool admit(net::ClientKey key);
  void leave(net::ClientKey key);
  // Over three quarters of all connections are in use.
  [[nodiscard]] bool crowded() const { return total_ > limits_.connections / 4 * 3; }
  [[nodiscard]] std::size_t total() const { return total_; }

 private:
  const Limits& limits_;
  std::size_t total_ = 0;
  std::unordered_map<net::ClientKey, std::size_t> clients_;
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
