#include "dav/locks.h"

#include <algorithm>
#include <array>
#include <sys/random.h>
#include <utility>
#include <vector>

#include "dav/conflict.h"
#include "dav/headers.h"
#include "dav/xml.h"

namespace holdfast::dav {

namespace {

// How the shared locks on one resource stand: one submitted token opens all of them (§6.2, §7.5).
struct Shared {
  const storage::Lock* missing = nullptr;
  bool held = false;
  [[nodiscard]] bool refuses() const { return missing && !held; }
};

// Judges the locks on resources, one after the other.
class Judge {
 public:
  Judge(const Call& call, const Conditions& conditions, const storage::Snapshot& snapshot)
      : call_(call), conditions_(conditions), snapshot_(snapshot) {}

  // Refuses an exclusive lock without its token; counts a shared one.
  void take(const storage::Lock& lock, Shared& shared) const {
    const bool submitted = conditions_.submitted(lock.token);
    if (submitted && lock.principal != call_.request.caller->name)
      throw Error(403, "the lock token belongs to another account");
    if (lock.scope == storage::LockScope::exclusive) {
      if (!submitted) refuse(lock);
    } else if (submitted) {
      shared.held = true;
    } else {
      shared.missing = &lock;
    }
  }
  // To be called when all locks on the resource have been taken.
  void settle(const Shared& shared) const {
    if (shared.refuses()) refuse(*shared.missing);
  }

 private:
  [[noreturn]] void refuse(const storage::Lock& lock) const {
    throw token_missing(lock, lock_root_href(call_.options, snapshot_, lock));
  }

  const Call& call_;
  const Conditions& conditions_;
  const storage::Snapshot& snapshot_;
};

bool contains(const storage::Path& collection, const storage::Path& path) {
  const auto outer = collection.segments();
  const auto inner = path.segments();
  return outer.size() <= inner.size() && std::equal(outer.begin(), outer.end(), inner.begin());
}

// A resource with locks of its own, and the shared locks that its members inherit from it.
struct Level {
  storage::Path root;
  Shared inherited;
};

}  // namespace

void require_tokens(const Call& call, const Conditions& conditions,
                    const storage::Snapshot& snapshot, std::span<const storage::Lock> locks) {
  const Judge judge(call, conditions, snapshot);
  Shared shared;
  for (const storage::Lock& lock : locks) judge.take(lock, shared);
  judge.settle(shared);
}

void require_tokens_to_add(const Call& call, const Conditions& conditions,
                           const storage::Snapshot& snapshot,
                           const storage::Resolution& resolution) {
  require_tokens(call, conditions, snapshot, resolution.parent_locks);
  require_tokens(call, conditions, snapshot, resolution.locks);
}

void require_tokens_within(const Call& call, const Conditions& conditions,
                           const storage::Snapshot& snapshot,
                           const storage::Resolution& resolution) {
  require_tokens(call, conditions, snapshot, resolution.locks);
  std::vector<storage::Lock> locks = snapshot.locks_within(*resolution.resource);
  if (locks.empty() && resolution.locks.empty()) return;

  const Judge judge(call, conditions, snapshot);
  const auto settle_members = [&](const Level& level) {
    if (!level.inherited.refuses()) return;
    const auto collection = snapshot.resolve(level.root).resource;
    if (collection && snapshot.count(*collection, 1) > 1) judge.settle(level.inherited);
  };
  std::vector<Level> levels(1);
  levels[0].root = resolution.stored;
  for (const storage::Lock& lock : resolution.locks)
    if (lock.infinite) judge.take(lock, levels[0].inherited);
  settle_members(levels[0]);

  // In path order every collection comes before its members.
  std::erase_if(locks, [&](const auto& lock) { return lock.root_id == resolution.resource->id; });
  std::sort(locks.begin(), locks.end(),
            [](const storage::Lock& a, const storage::Lock& b) { return a.root < b.root; });
  for (std::size_t i = 0; i < locks.size();) {
    while (!contains(levels.back().root, locks[i].root)) levels.pop_back();
    Level level{.root = locks[i].root, .inherited = levels.back().inherited};
    Shared all = level.inherited;
    for (const storage::NodeId root = locks[i].root_id;
         i < locks.size() && locks[i].root_id == root; ++i) {
      judge.take(locks[i], all);
      if (locks[i].infinite) judge.take(locks[i], level.inherited);
    }
    judge.settle(all);
    settle_members(level);
    levels.push_back(std::move(level));
  }
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
