// One request on its way through a handler: what was asked, and what it may be asked of. Lives on
// the stack of Engine::handle; nothing that outlives the handler may point to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dav/caller.h"
#include "dav/engine.h"
#include "dav/message.h"
#include "dav/parse_slots.h"
#include "dav/path.h"
#include "storage/content.h"
#include "storage/namespace.h"

namespace holdfast::dav {

class PropFindMemo;

struct Call {
  Request& request;
  const std::shared_ptr<const Caller>& caller;  // who asks; never null
  storage::Namespace& names;
  storage::ContentStore& contents;
  const Options& options;
  ParseSlots& parses;  // one is taken while a parsed document lives
  PropFindMemo& propfinds;
  Target target;

  [[nodiscard]] const Fields& fields() const { return request.fields; }
  [[nodiscard]] std::string_view host() const { return request.host(); }
};

// Reads the whole body, at most `limit` bytes. Throws Error 413 above it, 400 when it is truncated
// or malformed, 408 when it is too slow.
[[nodiscard]] std::string read_body(Body& body, std::uint64_t limit);
// The refusal for a body that ended in `state`, which is none of more and complete.
[[nodiscard]] Error body_error(Body::State state);

// The Allow value for a resource of this kind, or for an unmapped URL.
[[nodiscard]] std::string_view allowed_on(const std::optional<storage::Resource>& resource);
// 405 with Allow.
[[nodiscard]] Error not_allowed(const std::optional<storage::Resource>& resource,
                                std::string detail);

// The resource that a read, DELETE, MOVE, COPY or PROPPATCH is about. A file's URL with a final
// slash names nothing (robustness P14). Throws Error 404.
[[nodiscard]] const storage::Resource& existing(const Call& call,
                                                const storage::Resolution& resolution);
// Refuses unless the parent of an unmapped URL is a collection. Throws Error 409 (RFC 4918 §9.3.1,
// §9.7.1, §9.8.5, §9.9.4, §9.10.4).
void require_parent(const storage::Resolution& resolution);
// Refuses what would leave less free space than the floor after storing `bytes` more. Throws Error
// 507. For everything that adds to the store; what removes, moves or unlocks goes on.
void require_space(const Call& call, std::uint64_t bytes = 0);

}  // namespace holdfast::dav
