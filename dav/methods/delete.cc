#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/junk.h"
#include "dav/leases.h"
#include "dav/locks.h"
#include "dav/methods/methods.h"
#include "dav/rights.h"

namespace holdfast::dav {

// DELETE (RFC 4918 §9.6) removes all or nothing: a locked member whose token is missing refuses the
// whole request with a plain 423 instead of a 207, which Finder cannot handle
// (docs/conflicts.md#modes).
Response handle_delete(Call& call) {
  const Conditions conditions(call);
  const auto depth = parse_depth(call.fields());
  if (call.target.path.is_root()) throw Error(403, "the root cannot be deleted");

  bool discards = false;
  write(call, storage::Flush::required, [&](storage::Transaction& tx) {
    storage::Resolution target = tx.resolve(call.target.path);
    if (revive_named_locks(call, conditions, tx, {&target})) target = tx.resolve(call.target.path);
    discards = !target.mapped() && is_discarded(call.options, target);
    if (discards) return;
    const storage::Resource& resource = existing(call, target);
    if (resource.is_collection() && depth && *depth != storage::Depth::infinity)
      throw Error(400, "DELETE of a collection has Depth: infinity only");
    require_right_within(call, tx, call.target.path, storage::Right::write);
    conditions.check(tx, target);
    require_tokens(call, conditions, tx, target.parent_locks);
    require_tokens_within(call, conditions, tx, target);
    tx.remove_tree(resource);
  });
  Response response;
  response.status = 204;
  if (!discards) response.changed.emplace();
  return response;
}

}  // namespace holdfast::dav
