#include "dav/locks.h"

#include <algorithm>
#include <array>
#include <map>
#include <sys/random.h>
#include <utility>
#include <vector>

#include "dav/conflict.h"
#include "dav/headers.h"
#include "dav/xml.h"

namespace holdfast::dav {

void require_tokens(const Call& call, const Conditions& conditions,
                    const storage::Snapshot& snapshot, std::span<const storage::Lock> locks) {
  const storage::Lock* unheld_shared = nullptr;
  bool holds_shared = false;
  for (const storage::Lock& lock : locks) {
    const bool submitted = conditions.submitted(lock.token);
    if (submitted && lock.principal != call.request.principal)
      throw Error(403, "the lock token belongs to another account");
    if (lock.scope == storage::LockScope::shared) {
      holds_shared |= submitted;
      if (!submitted) unheld_shared = &lock;
    } else if (!submitted) {
      throw token_missing(lock, lock_root_href(call.options, snapshot, lock));
    }
  }
  if (unheld_shared && !holds_shared)
    throw token_missing(*unheld_shared, lock_root_href(call.options, snapshot, *unheld_shared));
}

void require_tokens_within(const Call& call, const Conditions& conditions,
                           const storage::Snapshot& snapshot,
                           const storage::Resolution& resolution) {
  require_tokens(call, conditions, snapshot, resolution.locks);
  // Each locked resource below is judged by itself: a shared token held elsewhere does not open it.
  std::map<storage::NodeId, std::vector<storage::Lock>> by_root;
  for (storage::Lock& lock : snapshot.locks_within(*resolution.resource))
    if (lock.root_id != resolution.resource->id) by_root[lock.root_id].push_back(std::move(lock));
  for (const auto& [root, locks] : by_root) require_tokens(call, conditions, snapshot, locks);
}

std::optional<storage::Lock> conflicting_lock(const storage::Snapshot& snapshot,
                                              const storage::Resolution& resolution,
                                              storage::LockScope scope, bool infinite) {
  const auto conflicts = [&](const storage::Lock& lock) {
    return scope == storage::LockScope::exclusive || lock.scope == storage::LockScope::exclusive;
  };
  for (const storage::Lock& lock : resolution.locks)
    if (conflicts(lock)) return lock;
  if (infinite && resolution.resource && resolution.resource->is_collection()) {
    for (const storage::Lock& lock : snapshot.locks_within(*resolution.resource))
      if (conflicts(lock)) return lock;
  }
  return std::nullopt;
}

std::string lock_root_href(const Options& options, const storage::Snapshot& snapshot,
                           const storage::Lock& lock) {
  const auto root = snapshot.resolve(lock.root).resource;
  return href(options.space, lock.root, root && root->is_collection());
}

void append_active_lock(std::string& out, const storage::Lock& lock, std::string_view root_href,
                        storage::Millis lease_now, bool show_token) {
  out += "<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope>";
  out += lock.scope == storage::LockScope::exclusive ? "<D:exclusive/>" : "<D:shared/>";
  out += "</D:lockscope><D:depth>";
  out += lock.infinite ? "infinity" : "0";
  out += "</D:depth>";
  if (!lock.owner.empty()) out.append("<D:owner>").append(lock.owner).append("</D:owner>");
  const storage::Millis left = std::max<storage::Millis>(0, lock.expires() - lease_now);
  out.append("<D:timeout>Second-")
      .append(std::to_string((left + 999) / 1000))
      .append("</D:timeout>");
  if (show_token)
    out.append("<D:locktoken><D:href>").append(lock.token).append("</D:href></D:locktoken>");
  out += "<D:lockroot><D:href>";
  xml::append_escaped(out, root_href);
  out += "</D:href></D:lockroot></D:activelock>";
}

std::string new_lock_token() {
  std::array<std::uint8_t, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw Error(503, "the system gave no random bytes");
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);  // version 4 (RFC 9562 §5.4)
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string token = hex(bytes);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) token.insert(dash, 1, '-');
  return "urn:uuid:" + token;
}

}  // namespace holdfast::dav
