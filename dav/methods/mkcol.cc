#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/leases.h"
#include "dav/locks.h"
#include "dav/method.h"
#include "dav/methods/methods.h"
#include "dav/quota.h"
#include "dav/rights.h"

namespace holdfast::dav {
namespace {

// Whoever can see that the name is taken is told so, whatever else they may; to all others nothing
// tells whether it is. Throws Error 405 or 403.
void judge(const Call& call, const storage::Resolution& target) {
  const storage::Path& path = call.target.path;
  const Caller& caller = *call.caller;
  const bool seen =
      target.mapped() && (right_on(caller, path) >= storage::Right::read ||
                          (target.resource->is_collection() && leads_to_rights(caller, path)));
  if (seen)
    throw not_allowed(target.resource,
                      "MKCOL makes a new collection, and something is stored here already");
  require_right(call, path, true, storage::Right::write);
}

}  // namespace

// RFC 4918 §9.3. Whether the name is taken comes first: sync clients send MKCOL for collections
// that exist and understand 405 only (docs/clients.md R50).
Response handle_mkcol(Call& call) {
  const Conditions conditions(call);
  const auto judge_now = [&] { judge(call, call.names.snapshot()->resolve(call.target.path)); };
  const storage::Right right = right_on(*call.caller, call.target.path);
  // Judged before the body: it is refused whatever it holds.
  if (call.target.path.is_root() || right < storage::Right::write) judge_now();
  if (!read_body(call).empty()) {
    judge_now();
    throw Error(415, "MKCOL takes no body");
  }

  call.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    storage::Resolution target = tx.resolve(call.target.path);
    if (revive_named_locks(call, conditions, tx, {&target})) target = tx.resolve(call.target.path);
    judge(call, target);
    require_parent(target);
    conditions.check(tx, target);
    require_tokens_to_add(call, conditions, tx, target);
    require_space(call);
    const storage::AccountId owner = call.caller->account;
    const QuotaCheck quota(call, tx, owner);
    tx.make_collection(*target.parent, call.target.path.name(), owner);
    quota.require_within(tx);
  });
  Response response;
  response.status = 201;
  return response;
}

}  // namespace holdfast::dav
