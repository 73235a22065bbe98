// Counts the requests of each account that are being answered. Any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "storage/model.h"

namespace holdfast::server::auth {

class ActiveRequests {
 public:
  explicit ActiveRequests(std::size_t most_per_account) : most_(most_per_account) {}

  // Counts a request of this account until the result is destroyed, which must not outlive this
  // object. Returns null when the account has too many requests.
  [[nodiscard]] std::shared_ptr<const void> enter(storage::AccountId account);

 private:
  void leave(storage::AccountId account);

  const std::size_t most_;
  std::mutex mutex_;
  std::unordered_map<storage::AccountId, std::size_t> counts_;  // of accounts with at least one
};

}  // namespace holdfast::server::auth
