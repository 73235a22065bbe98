// Who has signed in before: names together with the networks they came from. When many passwords
// wait to be verified, theirs come first (HashSlots). Only a right password adds an entry, so no
// flood of wrong ones can displace any. Bounded: the one whose last success is the longest ago is
// removed first. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>

namespace holdfast::server::auth {

class KnownClients {
 public:
  explicit KnownClients(std::size_t capacity) : capacity_(capacity) {}

  // `client` is Throttle::Source::account.
  [[nodiscard]] bool has(std::uint64_t client) const;
  void add(std::uint64_t client);

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;          // guards what follows
  std::list<std::uint64_t> clients_;  // the one that was added last is first
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> index_;
};

}  // namespace holdfast::server::auth
