// One request for a handler: what the client requests, and what the handler may use to answer. It
// lives on the stack of Engine::handle, so nothing that outlives the handler may point to it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dav/body_budget.h"
#include "dav/caller.h"
#include "dav/engine.h"
#include "dav/message.h"
#include "dav/options.h"
#include "dav/path.h"
#include "dav/xml/parse_slots.h"
#include "storage/content.h"
#include "storage/namespace.h"
#include "storage/space_ledger.h"
#include "storage/staging.h"

namespace holdfast::dav {

struct Method;
class FolderSizes;
class PropFindCache;

struct Past {
  storage::Instant instant;
  std::shared_ptr<const Options> options;
};

struct Call {
  Request& request;
  // Never null. write() and require_signed_in() in dav/rights.h replace it when the accounts
  // change.
  std::shared_ptr<const Caller> caller;
  const Method& method;
  storage::Namespace& names;
  storage::ContentStore& contents;
  const Options& options;
  xml::ParseSlots& parses;  // a handler takes one while a parsed document exists
  BodyBudget& bodies;
  PropFindCache& propfinds;
  FolderSizes& sizes;
  storage::SpaceLedger& space;
  storage::Staging* staging;  // null where uploads do not go on after a break
  Target target;
  // Set by answer_past (dav/past.h): the target is a path of this instant. `options` are those of
  // the call.
  std::optional<Past> past = std::nullopt;

  [[nodiscard]] const Fields& fields() const { return request.fields; }
  [[nodiscard]] std::string_view host() const { return request.host(); }
};

// Returns the mapped resource for a read, DELETE, MOVE, COPY or PROPPATCH. A file's URL with a
// final slash names no resource (docs/robustness.md P14). Throws Error 404.
[[nodiscard]] const storage::Resource& existing(const Call& call,
                                                const storage::Resolution& resolution);
// Throws Error 409 unless the parent of an unmapped URL is a collection (RFC 4918 §9.3.1, §9.7.1,
// §9.8.5, §9.9.4, §9.10.4).
void require_parent(const storage::Resolution& resolution);
}  // namespace holdfast::dav
