// The handlers of RFC 4918 §9 and RFC 9110 §9.3, one file each. Each takes a call whose target is
// parsed, and returns the response or throws Error or storage::Error. Any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "dav/call.h"
#include "dav/property.h"
#include "dav/propfind_request.h"

namespace holdfast::dav {

// The type of body that PATCH takes.
inline constexpr std::string_view kPartialUpdateType = "application/x-sabredav-partialupdate";

Response handle_options(Call& call);
Response handle_get(Call& call);  // HEAD as well
Response handle_put(Call& call);
Response handle_delete(Call& call);
Response handle_mkcol(Call& call);
Response handle_copy(Call& call);
// COPY of what was at `source` at an instant (dav/past.h). The target of `call` is not looked at.
Response copy_from_past(Call& call, const storage::Instant& instant, const storage::Path& source);
Response handle_move(Call& call);
Response handle_propfind(Call& call);
Response handle_proppatch(Call& call);
Response handle_lock(Call& call);
Response handle_unlock(Call& call);
Response handle_patch(Call& call);
Response handle_report(Call& call);
Response handle_search(Call& call);

// Returns what the properties that are asked for are rendered from, but for the member. The
// snapshot must live as long.
[[nodiscard]] PropertyContext context_of(const Call& call, const PropFind& propfind,
                                         const storage::Snapshot& snapshot);
// Sets the entity tag and the size for this member, where collections have them. `segments` are its
// names below the target of the call.
void tag_member(PropertyContext& context, const storage::Member& member,
                std::span<const std::string> segments);

}  // namespace holdfast::dav
