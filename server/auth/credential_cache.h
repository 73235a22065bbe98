// Credentials that were verified lately, as a MAC under a key that only this process has. Right
// ones are kept so that a client's next request needs no slow hash, wrong ones so that a device
// with an old password counts as one failure and not one a minute. The MAC must cover what the
// store keeps of the password, so that another password of the account is another entry. The size
// is bounded: the entries that were not used for the longest time are removed first. Any thread.
#pragma once

#include <cstddef>
#include <cstring>
#include <list>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "fiber/wait.h"
#include "server/auth/secrets.h"
#include "storage/clock.h"

namespace holdfast::server::auth {

class CredentialCache {
 public:
  // How long right credentials are remembered after their last use, and wrong ones after they were
  // verified.
  static constexpr storage::Millis kLifetime = 5 * 60 * 1000;

  // Remembers at most `capacity` right credentials and as many wrong ones.
  CredentialCache(const storage::Clock& clock, std::size_t capacity)
      : clock_(clock), capacity_(capacity) {}

  enum class Verdict {
    right,
    wrong,
    unknown,  // the caller must verify them and call record
  };
  // Returns what is known. While another request verifies the same credentials, waits for its
  // verdict.
  [[nodiscard]] Verdict judge(const Mac& credentials);
  // Ends a verification. `unknown` means that they could not be verified now; a waiting request
  // must then verify them itself.
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
  // Entries in the order in which they were added or used, which is that in which they expire.
  struct Entries {
    std::list<Entry> list;
    std::unordered_map<Mac, std::list<Entry>::iterator, Hash> index;

    [[nodiscard]] bool has(const Mac& credentials, storage::Millis now);
    void add(const Mac& credentials, storage::Millis until, std::size_t capacity);
  };

  const storage::Clock& clock_;
  const std::size_t capacity_;
  std::mutex mutex_;  // guards what follows
  fiber::Condition recorded_;
  Entries right_;
  Entries wrong_;
  std::unordered_set<Mac, Hash> judged_;  // being verified now
};

}  // namespace holdfast::server::auth
