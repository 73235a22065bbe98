// GET on a file with the query "history": its versions in JSON
// (docs/clients.md#the-history-of-a-file). With "history=ID": the content of one of them. Any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dav/call.h"

namespace holdfast::dav {

// What a query asks of a file's history.
struct AskedHistory {
  std::optional<std::int64_t> version;  // nullopt: the list of all; 0: what is no id
};
// Returns nullopt when the request target has no such query.
[[nodiscard]] std::optional<AskedHistory> asked_history(std::string_view target);

// Throws Error 403 unless the caller may write the file: who may only read it does not see what it
// was before. The right is that on the path of now: what a right was taken away from, or given to,
// is the past as well.
void require_right_to_past(const Call& call, const storage::Resolution& file);

// Returns the URL of a version of the file that has the URL `file`.
[[nodiscard]] std::string version_href(std::string_view file, std::int64_t version);

// Returns the list of the file's versions, the newest first; for HEAD, only its header fields.
// Throws as require_right_to_past does.
[[nodiscard]] Response history_listing(const Call& call, const storage::Snapshot& snapshot,
                                       const storage::Resolution& file);
// Returns the file as it was in this version. Throws as history_listing does, and Error 404 when it
// has no such version.
[[nodiscard]] storage::Resource version_of(const Call& call, const storage::Snapshot& snapshot,
                                           const storage::Resolution& file, std::int64_t version);

}  // namespace holdfast::dav
