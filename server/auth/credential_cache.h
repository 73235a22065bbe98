// Credentials that were verified lately, by their MAC under a key that only this process has: the
// right ones, so that a client's next request costs no hash, and the wrong ones, so that a device
// with an old password is one failure and not one a minute. Belongs to one state of the accounts
// and goes with it. Bounded: the oldest are forgotten first. Any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <list>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "server/auth/secrets.h"
#include "storage/clock.h"

namespace holdfast::server::auth {

class CredentialCache {
 public:
  static constexpr storage::Millis kLifetime = 5 * 60 * 1000;

  // Remembers at most `capacity` of the right and as many of the wrong.
  CredentialCache(const storage::Clock& clock, std::size_t capacity)
      : clock_(clock), capacity_(capacity) {}

  enum class Verdict {
    right,
    wrong,
    unknown,  // the caller must verify, and tell with record
  };
  // While another thread verifies the same credentials, waits for what it finds.
  [[nodiscard]] Verdict judge(const Mac& credentials);
  // unknown: they could not be verified now; who waits must try itself.
  void record(const Mac& credentials, Verdict verdict);

 private:
  struct Entry {
    Mac credentials{};
    storage::Millis until = 0;
  };
  struct Hash {
    std::size_t operator()(const Mac& credentials) const {
      std::size_t out = 0;
      std::memcpy(&out, credentials.data(), sizeof out);
      return out;
    }
  };
  // In the order they came, and so in the order they end.
  struct Entries {
    std::list<Entry> list;
    std::unordered_map<Mac, std::list<Entry>::iterator, Hash> index;

    [[nodiscard]] bool has(const Mac& credentials, storage::Millis now);
    void add(const Mac& credentials, storage::Millis until, std::size_t capacity);
  };

  const storage::Clock& clock_;
  const std::size_t capacity_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable recorded_;
  Entries right_;
  Entries wrong_;
  std::unordered_set<Mac, Hash> judged_;  // being verified now
};

}  // namespace holdfast::server::auth
