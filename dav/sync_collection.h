// The report DAV:sync-collection (RFC 6578 §3): what has changed at or below a collection since a
// token. One snapshot, streamed; its cost is that of the changes, not of the tree. Any thread.
#pragma once

#include <memory>

#include "dav/call.h"
#include "dav/xml/document.h"

namespace holdfast::dav {

// Makes the report on a collection, as Report::make says. Throws Error 400 for another Depth than 0
// and for what is no sync-collection, 403 valid-sync-token for a token since which the changes are
// not known, and number-of-matches-within-limits for too many members.
[[nodiscard]] Response report_sync_collection(Call& call, const xml::Element& asked,
                                              std::unique_ptr<const storage::Snapshot> snapshot,
                                              storage::Resolution target);

}  // namespace holdfast::dav
