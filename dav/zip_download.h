// GET on a collection with the query "zip": all that the caller may read below it as one zip
// archive; with "zip=NAME/NAME", these members alone, the names percent-encoded. What the archive
// has is decided in one snapshot. The contents are read one after the other while the client takes
// them, and no snapshot is held while it is waited for: a file is as it is when its turn comes, and
// left out when it is gone by then. The answer is cut off when the caller loses the right to read.
// Any thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "dav/call.h"

namespace holdfast::dav {

// Returns the value of "zip" in the query, percent-encoded as it is, empty for the whole
// collection; nullopt when the query does not have it.
[[nodiscard]] std::optional<std::string_view> asked_zip(std::string_view target);

// Returns the archive of the mapped collection `target`; for HEAD, its header fields. Throws Error
// 400 when `asked` is malformed, 404 when it names no member, 403 for more resources than
// Options::propfind_infinity_limit, or names of more than 16 MiB.
[[nodiscard]] Response zip_download(const Call& call,
                                    std::unique_ptr<const storage::Snapshot> snapshot,
                                    const storage::Resolution& target, std::string_view asked);

}  // namespace holdfast::dav
