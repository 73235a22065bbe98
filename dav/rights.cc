#include "dav/rights.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "dav/method.h"
#include "dav/quota.h"
#include "storage/name_key.h"

namespace holdfast::dav {
namespace {

using storage::at_or_below;
using storage::Path;
using storage::Right;

// Visits every path for which the caller has a grant; of two grants for one path the later one
// decides.
template <class Visit>
void for_each_grant(const Caller& caller, Visit visit) {
  if (caller.account != storage::kNobody) visit(caller.home, Right::write);
  for (const storage::Grant& grant : caller.grants) visit(grant.path, grant.right);
}

bool strictly_below(const Path& path, const Path& above) {
  return path.depth() > above.depth() && at_or_below(path, above);
}

Path joined(const Path& base, std::span<const std::string> below) {
  std::vector<std::string> segments(base.segments().begin(), base.segments().end());
  segments.insert(segments.end(), below.begin(), below.end());
  return Path(std::move(segments));
}

Error signed_out() {
  Error error(401, "the account, the token or the password was taken away meanwhile");
  error.signed_out = true;
  return error;
}

Error lacking(const Call& call, const Path& path, bool slash, Right needed) {
  Error error(Precondition::need_privileges, needed == Right::write
                                                 ? "the caller may not write there"
                                                 : "the caller may not read there");
  error.lacks_right = true;
  error.privilege = needed == Right::write ? "write" : "read";
  error.hrefs.push_back(href(call.options.space, path, slash));
  return error;
}

// Makes the call's caller that of `now`, and checks that it may still do what it asks for.
void judge_again(Call& call, const std::shared_ptr<const storage::Accounts>& now) {
  std::shared_ptr<const Caller> caller = caller_as_of(call.caller, now);
  if (caller == call.caller) return;
  if (!caller) throw signed_out();
  call.caller = std::move(caller);
  require_right_on_target(call);
}

// Returns the granted paths strictly below `root` on which the caller has less than `needed`.
std::vector<Path> lesser_below(const Caller& caller, const Path& root, Right needed) {
  std::vector<Path> paths;
  for_each_grant(caller, [&](const Path& path, Right) {
    if (strictly_below(path, root) && right_on(caller, path) < needed) paths.push_back(path);
  });
  return paths;
}

}  // namespace

Right right_on(const Caller& caller, const Path& path) {
  if (!at_or_below(path, caller.scope)) return Right::none;
  Right right = Right::none;
  std::size_t depth = 0;
  for_each_grant(caller, [&](const Path& granted, Right each) {
    if (granted.depth() < depth || !at_or_below(path, granted)) return;
    right = each;
    depth = granted.depth();
  });
  return std::min(right, caller.most);
}

bool leads_to_rights(const Caller& caller, const Path& path) {
  // Everything readable below begins at a granted path, or at the scope inside one.
  const auto leads = [&](const Path& below) {
    return strictly_below(below, path) && right_on(caller, below) >= Right::read;
  };
  bool found = leads(caller.scope);
  for_each_grant(caller, [&](const Path& granted, Right) { found = found || leads(granted); });
  return found;
}

void require_right(const Call& call, const Path& path, bool slash, Right needed) {
  if (right_on(*call.caller, path) < needed) throw lacking(call, path, slash, needed);
}

void require_right_on_target(const Call& call) {
  const Right needed = call.method.right;
  if (needed == Right::none) return;
  const Path& path = call.target.path;
  const Caller& caller = *call.caller;
  if (right_on(caller, path) >= needed) return;
  // For methods that read, a path above something that the caller may read is enough.
  if (call.method.access == Access::read && leads_to_rights(caller, path)) return;
  require_right(call, path, call.target.trailing_slash || path.is_root(), needed);
}

void write(Call& call, storage::Flush flush, const std::function<void(storage::Transaction&)>& fn) {
  bool keeps = true;
  const auto attempt = [&] {
    call.names.write(flush, [&](storage::Transaction& tx) {
      judge_again(call, tx.accounts());
      tx.acts_for(call.caller->account);
      if (!keeps) tx.keep_nothing();
      fn(tx);
    });
  };
  try {
    with_room(call, attempt);
  } catch (const Error& error) {
    // What this write itself would keep gives way last.
    if (!error.shortage) throw;
    keeps = false;
    attempt();
  }
}

void require_signed_in(Call& call) {
  if (call.caller->accounts) judge_again(call, call.names.accounts());
}

void require_visible(const Call& call, const storage::Resolution& target) {
  if (target.resource && target.resource->is_collection()) return;
  require_right(call, target.path, call.target.trailing_slash, Right::read);
}

void require_right_within(const Call& call, const storage::Snapshot& snapshot, const Path& root,
                          Right needed) {
  const auto lesser = find_lesser_within(*call.caller, snapshot, root, needed);
  if (!lesser) return;
  // The tree is refused in either case; a resource that the caller may not read is not named.
  const bool named = right_on(*call.caller, lesser->path) >= Right::read;
  throw lacking(call, named ? lesser->path : root, !named || lesser->resource->is_collection(),
                needed);
}

std::optional<storage::Resolution> find_lesser_within(const Caller& caller,
                                                      const storage::Snapshot& snapshot,
                                                      const Path& root, Right needed) {
  for (const Path& path : lesser_below(caller, root, needed))
    if (storage::Resolution at = snapshot.resolve(path); at.mapped()) return at;
  return std::nullopt;
}

void require_right_at_destination(const Call& call, const storage::Snapshot& snapshot,
                                  const Path& source, const Path& destination) {
  for (const Path& path : lesser_below(*call.caller, destination, Right::write)) {
    const auto suffix = path.segments().subspan(destination.depth());
    if (snapshot.resolve(joined(source, suffix)).mapped())
      throw lacking(call, destination, true, Right::write);
  }
}

VisibleTree::VisibleTree(std::shared_ptr<const Caller> caller, Path collection)
    : caller_(std::move(caller)),
      collection_(std::move(collection)),
      right_(right_on(*caller_, collection_)),
      same_below_(!strictly_below(caller_->scope, collection_)) {
  for_each_grant(*caller_, [&](const Path& granted, Right) {
    if (strictly_below(granted, collection_)) same_below_ = false;
  });
}

Right VisibleTree::right(std::span<const std::string> segments) const {
  return same_below_ ? right_ : right_on(*caller_, joined(collection_, segments));
}

storage::Shown VisibleTree::filter() const {
  if (same_below_ && right_ >= Right::read) return {};
  return
      [visible = *this](const storage::Resource& resource, std::span<const std::string> segments) {
        return visible.right(segments) >= Right::read ||
               (resource.is_collection() &&
                leads_to_rights(*visible.caller_, joined(visible.collection_, segments)));
      };
}

storage::Resolution as_seen(const Caller& caller, storage::Resolution target) {
  if (target.resource && right_on(caller, target.path) < Right::read) {
    target.resource->modified = target.resource->created;
    target.locks.clear();
  }
  return target;
}

storage::Member as_seen(storage::Member member) {
  member.resource.modified = member.resource.created;
  member.properties.clear();
  member.locks.clear();
  return member;
}

std::string principal_href(const UrlSpace& space, std::string_view account) {
  return href(space, {}, true) + "?principal=" + encode_segment(account);
}

std::uint64_t fingerprint(const Caller& caller) {
  // FNV-1a, of 64 bits.
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&](std::string_view bytes) {
    for (const char byte : bytes) {
      hash ^= static_cast<unsigned char>(byte);
      hash *= 0x100000001b3U;
    }
    hash *= 0x100000001b3U;  // as for a byte 0, which no name has
  };
  const auto add_path = [&](const storage::Path& path) {
    for (const std::string& segment : path.segments()) add(segment);
    add("/");
  };
  add(std::to_string(caller.account));
  add_path(caller.home);
  for (const storage::Grant& grant : caller.grants) {
    add_path(grant.path);
    add(std::to_string(static_cast<int>(grant.right)));
  }
  add_path(caller.scope);
  add(std::to_string(static_cast<int>(caller.most)));
  return hash;
}

}  // namespace holdfast::dav
