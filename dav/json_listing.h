// GET on a collection for clients that prefer JSON: its members, a page at a time
// (docs/clients.md#the-listing-in-json). Any thread.
#pragma once

#include <memory>

#include "dav/call.h"

namespace holdfast::dav {

// Returns the page of the mapped collection `target` that the call's query selects, streamed from
// `snapshot`; for HEAD, only its header fields. Throws Error 400 when the query is malformed.
[[nodiscard]] Response json_listing(const Call& call,
                                    std::unique_ptr<const storage::Snapshot> snapshot,
                                    const storage::Resolution& target);

}  // namespace holdfast::dav
