// LOCK and UNLOCK (RFC 4918 §9.10, §9.11).
#include <algorithm>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/junk.h"
#include "dav/leases.h"
#include "dav/locks.h"
#include "dav/methods/methods.h"
#include "dav/quota.h"
#include "dav/refusal.h"
#include "dav/rights.h"
#include "dav/xml/document.h"
#include "dav/xml/output.h"
#include "storage/dates.h"

namespace holdfast::dav {
namespace {

struct LockInfo {
  storage::LockScope scope = storage::LockScope::exclusive;
  std::string owner;
};

// Parses DAV:lockinfo (RFC 4918 §14.11).
LockInfo parse_lockinfo(std::string_view body, const Options& options) {
  const xml::Document document = xml::Document::parse(body, options.xml);
  const xml::Element root = document.root();
  if (!root.is_dav("lockinfo")) throw Error(400, "the root element is not DAV:lockinfo");
  const auto scope = root.child_dav("lockscope");
  const auto type = root.child_dav("locktype");
  if (!scope || !type) throw Error(400, "DAV:lockinfo needs lockscope and locktype");
  const bool exclusive = scope->child_dav("exclusive").has_value();
  const bool shared = scope->child_dav("shared").has_value();
  if (exclusive == shared || scope->children().size() != 1)
    throw Error(400, "DAV:lockscope is either exclusive or shared");
  if (!type->child_dav("write") || type->children().size() != 1)
    throw Error(422, "the only lock type is write");
  LockInfo info;
  info.scope = exclusive ? storage::LockScope::exclusive : storage::LockScope::shared;
  if (const auto owner = root.child_dav("owner")) {
    info.owner = owner->inner_standalone(options.lock_owner_limit_bytes);
    if (info.owner.size() > options.lock_owner_limit_bytes)
      throw Error(400, "DAV:owner is too long");
  }
  return info;
}

// Throws Error 403 unless the caller may refresh and remove the lock.
void require_use(const Call& call, const storage::Lock& lock) {
  if (!created_by(lock, *call.caller)) throw Error(403, "the lock belongs to another account");
  if (!may_use(lock, *call.caller))
    throw Error(403, "the caller may not write where the lock is rooted");
}

Response lock_answer(const Call& call, const storage::Lock& lock, bool collection,
                     storage::Millis lease_now) {
  Response response;
  response.set("Content-Type", "application/xml; charset=utf-8");
  std::string body = std::string(xml::kDeclaration) + "<D:prop xmlns:D=\"DAV:\"><D:lockdiscovery>";
  append_active_lock(body, lock, href(call.options.space, lock.root, collection), lease_now,
                     {.token = true, .owner = true});
  body += "</D:lockdiscovery></D:prop>";
  response.body = std::move(body);
  response.changed.emplace();
  return response;
}

// Refreshes a lock (RFC 4918 §9.10.2): a submitted token names it, and the URL may be any resource
// that it covers.
Response refresh(Call& call, const Conditions& conditions) {
  if (conditions.submitted_tokens().empty())
    throw Error(400, "LOCK without a body refreshes, and needs the token in If");
  const std::int64_t timeout_s = parse_timeout(call.fields(), call.options.lock_timeout_s);
  storage::Lock lock;
  bool collection = false;
  storage::Millis lease_now = 0;
  write(call, storage::Flush::deferrable, [&](storage::Transaction& tx) {
    storage::Resolution target = tx.resolve(call.target.path);
    if (revive_named_locks(call, conditions, tx, {&target})) target = tx.resolve(call.target.path);
    conditions.check(tx, target);
    const auto held =
        std::find_if(target.locks.begin(), target.locks.end(),
                     [&](const storage::Lock& each) { return conditions.submitted(each.token); });
    // A lock covers resources, so at an unmapped URL there is no lock to refresh, whatever is
    // locked above.
    if (!target.mapped() || held == target.locks.end()) throw token_of_no_lock_to_refresh();
    require_use(call, *held);
    collection = held->root_id != target.resource->id || target.resource->is_collection();
    lock = tx.refresh_lock(*held, timeout_s);
    lease_now = tx.lease_now();
  });
  return lock_answer(call, lock, collection, lease_now);
}

}  // namespace

Response handle_lock(Call& call) {
  const Conditions conditions(call);
  const auto depth = parse_depth(call.fields());
  if (depth == storage::Depth::one) throw Error(400, "LOCK has Depth 0 or infinity");
  const std::string body = read_body(call);
  // Finder sends a Content-Type of text/xml and no body: that is a refresh (docs/clients.md R64).
  if (body.empty()) return refresh(call, conditions);

  const LockInfo info = [&] {
    const xml::ParseSlots::Slot slot = call.parses.take();
    return parse_lockinfo(body, call.options);
  }();
  storage::Lock wanted;
  wanted.token = new_lock_token();
  wanted.scope = info.scope;
  wanted.infinite = depth != storage::Depth::zero;
  wanted.owner = info.owner;
  wanted.creator = call.caller->account;
  wanted.timeout_s = parse_timeout(call.fields(), call.options.lock_timeout_s);

  storage::Lock lock;
  storage::Resource resource;
  bool created = false;
  storage::Millis lease_now = 0;
  // When LOCK has to create its resource, the store runs this once more and flushes it.
  write(call, storage::Flush::deferrable, [&](storage::Transaction& tx) {
    storage::Resolution target = tx.resolve(call.target.path);
    created = !target.mapped();
    // A resource that exists needs no expired lock for a new LOCK, but a new member may need that
    // of its collection.
    if (created && revive_named_locks(call, conditions, tx, {&target}))
      target = tx.resolve(call.target.path);
    if (call.target.trailing_slash && (created || !target.resource->is_collection()))
      throw slash_after_file();
    if (wanted.infinite) require_right_within(call, tx, call.target.path, storage::Right::write);
    if (created) require_parent(target);
    conditions.check(tx, target);
    if (const auto other = conflicting_lock(tx, target, wanted.scope, wanted.infinite))
      throw lock_refused(*other, lock_root_href(call.options, tx, *other));
    if (const auto why = too_many_locks(call.options, target.locks, wanted); !why.empty())
      throw Error(507, std::string(why));
    if (wanted.creator != storage::kNobody &&
        tx.locks_of(wanted.creator) >= call.options.locks_per_account)
      throw Error(507, "the account has as many locks as allowed");
    if (created) {
      require_tokens_to_add(call, conditions, tx, target);
      require_space(call);
      const storage::AccountId owner = call.caller->account;
      const QuotaCheck quota(call, tx, owner);
      // LOCK creates an empty resource that is not a collection (RFC 4918 §7.3).
      resource = tx.put(*target.parent, call.target.path.name(),
                        call.contents.begin(call.options.checksums)->seal(),
                        storage::date_of_new(tx.wall_now(), *target.parent), owner);
      quota.require_within(tx);
    } else {
      resource = *target.resource;
    }
    storage::Lock request = wanted;
    request.root_id = resource.id;
    request.root = created ? target.stored.child(call.target.path.name()) : target.stored;
    lock = tx.add_lock(std::move(request));
    lease_now = tx.lease_now();
  });

  Response response = lock_answer(call, lock, resource.is_collection(), lease_now);
  response.status = created ? 201 : 200;
  response.set("Lock-Token", "<" + lock.token + ">");
  if (!resource.is_collection()) response.set("ETag", "\"" + resource.etag + "\"");
  return response;
}

Response handle_unlock(Call& call) {
  const auto token = parse_lock_token(call.fields());
  if (!token) throw Error(400, "the Lock-Token field is missing");
  const Conditions conditions(call);

  write(call, storage::Flush::deferrable, [&](storage::Transaction& tx) {
    const storage::Resolution target = tx.resolve(call.target.path);
    conditions.check(tx, target);
    // UNLOCK of a lock that ran out lately succeeds, because Finder hides the file after any other
    // answer (docs/robustness.md L2).
    const auto lock = tx.find_lock(target, *token, kLateLockS);
    if (!lock) throw token_of_no_lock_to_remove();
    require_use(call, *lock);
    tx.remove_lock(*lock);
    // Only when the request names the lock's own URL and no other lock is there was the empty file
    // made for this lock alone.
    if (lock->root_id != target.resource->id || !is_discarded(call.options, target)) return;
    bool locked = false;
    tx.locks_within(*target.resource, storage::Among::all,
                    [&](const storage::Lock&) { return !(locked = true); });
    if (!locked) tx.remove_tree(*target.resource);
  });
  Response response;
  response.status = 204;
  response.changed.emplace();
  return response;
}

}  // namespace holdfast::dav
