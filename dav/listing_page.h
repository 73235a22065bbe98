// GET on a collection: a plain HTML page with names, sizes and dates (no script, nothing stored is
// interpreted). Any thread.
#pragma once

#include <memory>

#include "dav/call.h"

namespace holdfast::dav {

// The page for the mapped collection `target`, streamed from `snapshot`; for HEAD its head only.
[[nodiscard]] Response listing_page(const Call& call,
                                    std::unique_ptr<const storage::Snapshot> snapshot,
                                    const storage::Resolution& target);

}  // namespace holdfast::dav
