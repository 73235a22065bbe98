// GET on a collection for clients of JSON: its members, a page at a time
// (docs/clients.md#the-listing-in-json). Any thread.
#pragma once

#include <memory>

#include "dav/call.h"

namespace holdfast::dav {

// The page that the query of the call asks for of the mapped collection `target`, streamed from
// `snapshot`; for HEAD its head only. Throws Error 400 when the query cannot be read.
[[nodiscard]] Response json_listing(const Call& call,
                                    std::unique_ptr<const storage::Snapshot> snapshot,
                                    const storage::Resolution& target);

}  // namespace holdfast::dav
