// GET on a collection for browsers: a plain HTML page with names, sizes and dates. It has no
// script, and stored text is escaped. Any thread.
#pragma once

#include <memory>

#include "dav/call.h"

namespace holdfast::dav {

// Returns the page for the mapped collection `target`, streamed from `snapshot`; for HEAD, only its
// header fields.
[[nodiscard]] Response listing_page(const Call& call,
                                    std::unique_ptr<const storage::Snapshot> snapshot,
                                    const storage::Resolution& target);

}  // namespace holdfast::dav
