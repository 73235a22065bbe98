// Sync tokens (RFC 6578 §3.2, §4): what a client has of a collection, as a URI. A token belongs to
// one collection, to one store since its last restore, and to the rights of its caller. Pure
// functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/namespace.h"

namespace holdfast::dav {

// `number` is that of the first change that the client does not have (Snapshot::next_change),
// `rights` the fingerprint of the caller's rights. The result needs no XML escaping.
[[nodiscard]] std::string sync_token(const storage::Snapshot& snapshot,
                                     const storage::Resource& collection, std::int64_t number,
                                     std::uint64_t rights);
// Returns the number of a token; nullopt when it is none that this store gave out for the
// collection and these rights, or when changes since then are not known any more.
[[nodiscard]] std::optional<std::int64_t> number_of_token(const storage::Snapshot& snapshot,
                                                          const storage::Resource& collection,
                                                          std::string_view token,
                                                          std::uint64_t rights);

}  // namespace holdfast::dav
