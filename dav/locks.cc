#include "dav/locks.h"

#include <algorithm>
#include <array>
#include <sys/random.h>
#include <utility>
#include <vector>

#include "dav/headers.h"
#include "dav/refusal.h"
#include "dav/rights.h"
#include "dav/xml/document.h"
#include "dav/xml/output.h"
#include "text/hex.h"

namespace holdfast::dav {

namespace {

// Appends the text of an element and of all elements in it.
void append_text(std::string& out, const xml::Element& element) {
  out += element.text();
  for (const xml::Element& child : element.children()) append_text(out, child);
}

// The DAV:owner elements of the locks that cover one resource may have this many times the bytes
// that one may have.
constexpr std::uint64_t kOwners = 4;

// The shared locks on one resource and the submitted tokens: one token is enough for all of them
// (RFC 4918 §6.2, §7.5).
struct Shared {
  const storage::Lock* missing = nullptr;
  bool held = false;
  [[nodiscard]] bool refuses() const { return missing && !held; }
};

// Compares the locks on a resource with the tokens that the request submits, one lock after the
// other.
class TokenCheck {
 public:
  TokenCheck(const Call& call, const Conditions& conditions, const storage::Snapshot& snapshot)
      : call_(call), conditions_(conditions), snapshot_(snapshot) {}

  // Refuses an exclusive lock without its token; records a shared one.
  void require_token(const storage::Lock& lock, Shared& shared) const {
    const bool submitted = conditions_.submitted(lock.token);
    if (submitted && !created_by(lock, *call_.caller))
      throw Error(403, "the lock token belongs to another account");
    if (lock.scope == storage::LockScope::exclusive) {
      if (!submitted) throw_missing(lock);
    } else if (submitted) {
      shared.held = true;
    } else {
      shared.missing = &lock;
    }
  }
  // Refuses when no token of the recorded shared locks was submitted. Call after the last lock on
  // the resource.
  void require_one_of(const Shared& shared) const {
    if (shared.refuses()) throw_missing(*shared.missing);
  }

 private:
  [[noreturn]] void throw_missing(const storage::Lock& lock) const {
    throw token_missing(lock, lock_root_href(call_.options, snapshot_, lock));
  }

  const Call& call_;
  const Conditions& conditions_;
  const storage::Snapshot& snapshot_;
};

// Refuses when a member without a lock of its own may not be written: it inherits its collection's
// locks with infinite depth.
void require_tokens_of_members(const TokenCheck& check, const storage::Snapshot& snapshot,
                               const storage::Resolution& collection) {
  if (!collection.mapped() || !collection.resource->is_collection()) return;
  Shared inherited;
  for (const storage::Lock& lock : collection.locks)
    if (lock.infinite) check.require_token(lock, inherited);
  if (inherited.refuses() && snapshot.count(*collection.resource, 1) > 1)
    check.require_one_of(inherited);
}

}  // namespace

bool created_by(const storage::Lock& lock, const Caller& caller) {
  return lock.creator == caller.account;
}

bool may_use(const storage::Lock& lock, const Caller& caller) {
  return created_by(lock, caller) && right_on(caller, lock.root) >= storage::Right::write;
}

void require_tokens(const Call& call, const Conditions& conditions,
                    const storage::Snapshot& snapshot, std::span<const storage::Lock> locks) {
  const TokenCheck check(call, conditions, snapshot);
  Shared shared;
  for (const storage::Lock& lock : locks) check.require_token(lock, shared);
  check.require_one_of(shared);
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
  const TokenCheck check(call, conditions, snapshot);
  require_tokens_of_members(check, snapshot, resolution);
  storage::NodeId judged = resolution.resource->id;
  snapshot.locks_within(*resolution.resource, storage::Among::all, [&](const storage::Lock& lock) {
    if (lock.root_id == judged) return true;
    judged = lock.root_id;
    const storage::Resolution locked = snapshot.resolve(lock.root);
    require_tokens(call, conditions, snapshot, locked.locks);
    require_tokens_of_members(check, snapshot, locked);
    return true;
  });
}

std::optional<storage::Lock> conflicting_lock(const storage::Snapshot& snapshot,
                                              const storage::Resolution& resolution,
                                              storage::LockScope scope, bool infinite) {
  const auto conflicts = [&](const storage::Lock& lock) {
    return scope == storage::LockScope::exclusive || lock.scope == storage::LockScope::exclusive;
  };
  for (const storage::Lock& lock : resolution.locks)
    if (conflicts(lock)) return lock;
  std::optional<storage::Lock> found;
  if (infinite && resolution.resource && resolution.resource->is_collection()) {
    const auto among =
        scope == storage::LockScope::exclusive ? storage::Among::all : storage::Among::exclusive;
    snapshot.locks_within(*resolution.resource, among, [&](const storage::Lock& lock) {
      found = lock;
      return false;
    });
  }
  return found;
}

std::string_view too_many_locks(const Options& options, std::span<const storage::Lock> others,
                                const storage::Lock& wanted) {
  if (others.size() >= options.shared_lock_limit)
    return "the resource has as many shared locks as allowed";
  std::size_t own = 0;
  std::uint64_t owner_bytes = wanted.owner.size();
  for (const storage::Lock& other : others) {
    if (other.creator == wanted.creator) ++own;
    owner_bytes += other.owner.size();
  }
  if (wanted.creator != storage::kNobody && own >= options.shared_locks_per_account)
    return "the account has as many shared locks on the resource as allowed";
  if (owner_bytes > kOwners * options.lock_owner_limit_bytes)
    return "the owners of the locks on the resource are too long together";
  return {};
}

std::string lock_root_href(const Options& options, const storage::Snapshot& snapshot,
                           const storage::Lock& lock) {
  const auto root = snapshot.resolve(lock.root).resource;
  return href(options.space, lock.root, root && root->is_collection());
}

std::string holder_of(const storage::Lock& lock, std::string_view creator) {
  std::string name(creator);
  if (!name.empty()) return name;
  try {
    append_text(name, xml::Document::parse("<owner>" + lock.owner + "</owner>").root());
  } catch (const Error&) {
    // The owner was well-formed when it was stored; if it is not now, the name is unknown.
  }
  return name;
}

void append_active_lock(std::string& out, const storage::Lock& lock, std::string_view root_href,
                        storage::Millis lease_now, ActiveLockParts parts) {
  out += "<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope>";
  out += lock.scope == storage::LockScope::exclusive ? "<D:exclusive/>" : "<D:shared/>";
  out += "</D:lockscope><D:depth>";
  out += lock.infinite ? "infinity" : "0";
  out += "</D:depth>";
  if (parts.owner && !lock.owner.empty())
    out.append("<D:owner>").append(lock.owner).append("</D:owner>");
  const storage::Millis left = std::max<storage::Millis>(0, lock.expires() - lease_now);
  out.append("<D:timeout>Second-")
      .append(std::to_string((left + 999) / 1000))
      .append("</D:timeout>");
  if (parts.token)
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
  std::string token = text::hex(bytes);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) token.insert(dash, 1, '-');
  return "urn:uuid:" + token;
}

}  // namespace holdfast::dav
