#include "server/auth/credential_cache.h"

namespace holdfast::server::auth {

bool CredentialCache::Entries::has(const Mac& credentials, storage::Millis now) {
  while (!list.empty() && list.front().until <= now) {
    index.erase(list.front().credentials);
    list.pop_front();
  }
  return index.contains(credentials);
}

void CredentialCache::Entries::add(const Mac& credentials, storage::Millis until,
                                   std::size_t capacity) {
  if (const auto known = index.find(credentials); known != index.end()) {
    known->second->until = until;
    list.splice(list.end(), list, known->second);
    return;
  }
  list.push_back({credentials, until});
  index.emplace(credentials, std::prev(list.end()));
  if (list.size() <= capacity) return;
  index.erase(list.front().credentials);
  list.pop_front();
}

CredentialCache::Verdict CredentialCache::judge(const Mac& credentials) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const storage::Millis now = clock_.lease();
    if (right_.has(credentials, now)) {
      right_.add(credentials, now + kLifetime, capacity_);
      return Verdict::right;
    }
    if (wrong_.has(credentials, now)) return Verdict::wrong;
    if (judged_.insert(credentials).second) return Verdict::unknown;
    recorded_.wait(lock, [&] { return !judged_.contains(credentials); });
  }
}

void CredentialCache::record(const Mac& credentials, Verdict verdict) {
  const std::scoped_lock lock(mutex_);
  judged_.erase(credentials);
  recorded_.notify_all();
  const storage::Millis until = clock_.lease() + kLifetime;
  if (verdict == Verdict::right) right_.add(credentials, until, capacity_);
  if (verdict == Verdict::wrong) wrong_.add(credentials, until, capacity_);
}

}  // namespace holdfast::server::auth
