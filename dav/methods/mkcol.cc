#include "dav/conditions.h"
#include "dav/locks.h"
#include "dav/methods/methods.h"

namespace holdfast::dav {

// RFC 4918 §9.3. Whether the name is taken comes first: sync clients send MKCOL for collections
// that exist and understand 405 only (clients R50).
Response handle_mkcol(Call& call) {
  const Conditions conditions(call);
  const auto refuse_mapped = [&](const storage::Resolution& target) {
    if (target.mapped()) throw not_allowed(target.resource, "the URL is mapped already");
  };
  // Judged before the body: it is refused whatever it holds.
  if (call.target.path.is_root()) throw not_allowed(storage::Resource{}, "the root exists already");
  if (!read_body(*call.request.body, call.options.proppatch_limit_bytes).empty()) {
    refuse_mapped(call.names.snapshot()->resolve(call.target.path));
    throw Error(415, "MKCOL takes no body");
  }

  call.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const storage::Resolution target = tx.resolve(call.target.path);
    refuse_mapped(target);
    require_parent(target);
    conditions.check(tx, target);
    require_tokens_to_add(call, conditions, tx, target);
    require_space(call);
    tx.make_collection(*target.parent, call.target.path.name(), storage::kNobody);
  });
  Response response;
  response.status = 201;
  return response;
}

}  // namespace holdfast::dav
