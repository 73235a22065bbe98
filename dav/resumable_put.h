// Resumable uploads as the IETF drafts them (draft-ietf-httpbis-resumable-upload;
// docs/sync.md#put). A PUT with Upload-Complete: ?0 begins an upload that goes on after a break. It
// has the same URLs as those of tus (dav/tus.h). Any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "dav/call.h"
#include "dav/message.h"
#include "storage/staging.h"

namespace holdfast::dav {

// What StagedInfo::label is for such an upload.
inline constexpr std::string_view kResumablePut = "put";

// Returns true for a PUT that begins such an upload, because its body is not the whole content
// (Upload-Complete: ?0). A PUT of the whole is a PUT: no 104 tells its client of an upload.
[[nodiscard]] bool begins_upload(const Call& call);
// Answers such a PUT. Throws Error like a PUT, and 507 for too many uploads.
[[nodiscard]] Response put_resumable(Call& call);

// These answer requests on the upload, which is the caller's. Throw Error, among others: 400 for a
// malformed field or another length than was said before, 409 for another offset, 413, 415, 423
// while another request adds to the upload.
[[nodiscard]] Response look_at_resumable(const Call& call, const storage::StagedStatus& status);
// For an upload that has become a file of `size` bytes.
[[nodiscard]] Response finished_resumable(std::uint64_t size);
[[nodiscard]] Response add_to_resumable(Call& call, const storage::StagedStatus& status);

}  // namespace holdfast::dav
