// Grants belong to resources (storage/accounts.h): here they follow what write operations do to the
// tree. An operation that concerns no grant costs a look into a set in memory. One that does makes
// a new value of all accounts.
#include <algorithm>

#include "storage/name_key.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

namespace {

// Returns a text in which paths below `path` begin with its own text and a slash, whatever the
// spelling of their names.
std::string key_of(const Path& path) {
  std::string key;
  for (const std::string& segment : path.segments())
    key.append("/").append(NameKey(segment).view());
  return key;
}

Path moved(const Path& path, const Path& from, const Path& to) {
  std::vector<std::string> segments(to.segments().begin(), to.segments().end());
  const auto below = path.segments().subspan(from.depth());
  segments.insert(segments.end(), below.begin(), below.end());
  return Path(std::move(segments));
}

}  // namespace

const WriteTransaction::Granted& WriteTransaction::granted() {
  if (granted_.of == state_.accounts) return granted_;
  granted_ = Granted{.of = state_.accounts};
  const auto add = [this](const std::vector<Grant>& grants) {
    for (const Grant& grant : grants) {
      if (grant.node != 0) {
        granted_.nodes.insert(grant.node);
        granted_.paths.push_back(key_of(grant.path));
        continue;
      }
      granted_.waiting.push_back(grant.path);
      for (const std::string& segment : grant.path.segments())
        granted_.waiting_names.emplace(NameKey(segment).view());
    }
  };
  for (const Account& account : granted_.of->accounts) add(account.grants);
  for (const Group& group : granted_.of->groups) add(group.grants);
  std::sort(granted_.paths.begin(), granted_.paths.end());
  return granted_;
}

Path WriteTransaction::path_of(NodeId id) {
  std::vector<std::string> names;
  while (id != kRoot) {
    if (names.size() == kMostLevels) throw Error(Fault::corrupt, "a collection lies inside itself");
    NodeRow at = row(id);
    names.push_back(std::move(at.resource.name));
    id = at.resource.parent;
  }
  std::reverse(names.begin(), names.end());
  return Path(std::move(names));
}

bool WriteTransaction::has_grants(const Resource& root) {
  const Granted& known = granted();
  if (known.nodes.empty()) return false;
  if (known.nodes.contains(root.id)) return true;
  if (!root.is_collection() || row(root.id).height == 0) return false;
  const std::optional<Path> path = queries_.path_of(root.id);
  if (!path) return false;  // in the trash
  const std::string above = key_of(*path) + "/";
  const auto first = std::lower_bound(known.paths.begin(), known.paths.end(), above);
  return first != known.paths.end() && first->starts_with(above);
}

WriteTransaction::Following WriteTransaction::grants_of(const Resource* leaving,
                                                        const Resource* replaced,
                                                        const Resource& parent,
                                                        std::string_view name) {
  Following following;
  if (leaving != nullptr && has_grants(*leaving)) following.from = path_of(leaving->id);
  following.replaces = replaced != nullptr && has_grants(*replaced);
  const Granted& known = granted();
  bool arrives = following.replaces || following.from;
  if (!arrives && known.waiting_names.contains(NameKey(name).view())) {
    const Path to = path_of(parent.id).child(name);
    arrives = std::any_of(known.waiting.begin(), known.waiting.end(),
                          [&](const Path& path) { return at_or_below(path, to); });
  }
  if (arrives) following.to = path_of(parent.id).child(name);
  return following;
}

void WriteTransaction::follow(const Following& following) {
  if (!following.from && !following.to) return;
  queries_.forget();
  auto next = std::make_shared<Accounts>(*state_.accounts);
  bool changed = false;
  const auto take = [&](AccountId of, std::vector<Grant>& grants) {
    const auto concerned = [&](const Grant& grant) {
      return (following.from && at_or_below(grant.path, *following.from)) ||
             (following.to && at_or_below(grant.path, *following.to));
    };
    if (std::none_of(grants.begin(), grants.end(), concerned)) return;
    std::vector<Grant> kept;  // those that moved come first, and the first one for a path stays
    std::vector<Grant> others;
    for (Grant& grant : grants) {
      const bool leaves =
          grant.node != 0 && following.from && at_or_below(grant.path, *following.from);
      if (leaves && following.to) {
        grant.path = moved(grant.path, *following.from, *following.to);
        kept.push_back(std::move(grant));
      } else if (!leaves) {
        const bool lost = grant.node != 0 && following.replaces &&
                          at_or_below(grant.path, *following.to) && !resolve(grant.path).mapped();
        if (!lost) others.push_back(std::move(grant));
      }
    }
    for (Grant& grant : others)
      if (std::none_of(kept.begin(), kept.end(),
                       [&](const Grant& other) { return same_path(other.path, grant.path); }))
        kept.push_back(std::move(grant));
    grants = std::move(kept);
    write_grants(of, grants);
    changed = true;
  };
  for (Account& account : next->accounts) take(account.id, account.grants);
  for (Group& group : next->groups) take(group.id, group.grants);
  if (changed) state_.accounts = std::move(next);
}

}  // namespace holdfast::storage::sqlite
