#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/leases.h"
#include "dav/locks.h"
#include "dav/method.h"
#include "dav/methods/methods.h"
#include "dav/quota.h"
#include "dav/rights.h"
#include "dav/sync_client.h"

namespace holdfast::dav {
namespace {

// A caller who can see that the name is taken gets 405, whatever other rights the caller has. All
// others get 403, which does not show whether it is. Throws Error 405 or 403.
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

// MKCOL (RFC 4918 §9.3). The first check is whether the name is taken: sync clients send MKCOL for
// collections that exist and understand only 405 (docs/clients.md R50).
Response handle_mkcol(Call& call) {
  const Conditions conditions(call);
  const std::optional<storage::Millis> modified = parse_oc_mtime(call.fields());
  const auto judge_now = [&] { judge(call, call.names.snapshot()->resolve(call.target.path)); };
  const storage::Right right = right_on(*call.caller, call.target.path);
  // The request is checked before its body, because it is refused whatever the body is.
  if (call.target.path.is_root() || right < storage::Right::write) judge_now();
  if (!read_body(call).empty()) {
    judge_now();
    throw Error(415, "MKCOL takes no body");
  }

  storage::NodeId id = 0;
  write(call, storage::Flush::required, [&](storage::Transaction& tx) {
    storage::Resolution target = tx.resolve(call.target.path);
    if (revive_named_locks(call, conditions, tx, {&target})) target = tx.resolve(call.target.path);
    judge(call, target);
    require_parent(target);
    conditions.check(tx, target);
    require_tokens_to_add(call, conditions, tx, target);
    require_space(call);
    const storage::AccountId owner = call.caller->account;
    const QuotaCheck quota(call, tx, owner);
    const storage::Resource made =
        tx.make_collection(*target.parent, call.target.path.name(), owner);
    id = made.id;
    if (modified) tx.set_modified(made.id, {*modified, storage::DateMark::set});
    quota.require_within(tx);
  });
  Response response;
  response.status = 201;
  response.changed.emplace();
  if (modified) response.set("X-OC-Mtime", "accepted");
  add_file_id(response, call.options, id);
  return response;
}

}  // namespace holdfast::dav
