// Uploads that go on after a break, whatever protocol they come by: the bytes lie in the staging
// area (storage/staging.h) until they are whole, and then become a file as by a PUT: judged by the
// same conditions, locks, quotas and rights of that instant, in one transaction. One thread at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "dav/call.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/storing.h"
#include "storage/staging.h"

namespace holdfast::dav {

// Returns the call as if it were one that stores a file at `path`. Throws Error 403 when the caller
// may not write there, or when the path is in the past.
[[nodiscard]] Call as_storing(const Call& call, storage::Path path);

// Returns the staging area. Throws Error 501 where there is none.
[[nodiscard]] storage::Staging& staging_of(const Call& call);

// Returns the caller's upload with this id. Throws Error 404 when there is none.
[[nodiscard]] storage::StagedStatus upload_of(const Call& call, std::string_view id);

// Takes hold of an upload. Throws Error 423 when another request has it, 404 when it is gone.
[[nodiscard]] std::unique_ptr<storage::Staged> claim(const Call& call, std::string_view id);

// Judges an upload of `length` bytes, if that is known, as a PUT is judged before its body. `file`
// is from as_storing(). Throws like check_target and check_room; returns the room.
[[nodiscard]] std::uint64_t judge(Call& file, const Conditions& conditions,
                                  std::optional<std::uint64_t> length);

// Begins an upload for the target of `file`, and returns its id. Throws Error 507 when the account
// has too many.
[[nodiscard]] std::string begin_upload(const Call& file, storage::StagedInfo info);

// Adds the request's body to the upload. What arrived of a body that breaks off is kept when
// `upload` is destroyed. `locks`, which may be null, live until then. Throws Error 413 for more
// than the upload's length or the limit of a body, 423 when another request took the upload
// meanwhile, 507, and 400 or 408 for a body that is not whole.
void add_body(Call& file, HeldLocks* locks, storage::Staged& upload, std::uint64_t room_bytes);

// Stores the upload, which is whole, as the file, and removes it. When that is refused, the upload
// stays, and its client may try again. Throws as store() does.
[[nodiscard]] Outcome complete(Call& file, const Conditions& conditions, const HeldLocks* locks,
                               storage::Staged& upload, const ExpectedChecksums& checksums,
                               std::optional<storage::Millis> modified);

}  // namespace holdfast::dav
