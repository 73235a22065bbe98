// The tus resumable upload protocol 1.0.0 (https://tus.io/protocols/resumable-upload) with its
// extensions creation, creation-with-upload, creation-defer-length, expiration, checksum and
// termination (docs/sync.md#tus). An upload begins by a POST to the URL of its file, or of the
// file's collection, with the query "?upload". It then has the URL "?upload=ID" on the root of the
// tree, so that no name in the tree is taken. Any thread.
#pragma once

#include <optional>
#include <string_view>

#include "dav/call.h"
#include "dav/message.h"

namespace holdfast::dav {

// Returns what follows "?upload=" in the target of a request about an upload; an empty text for a
// request that begins one, or asks what is possible. Returns nullopt for other requests.
[[nodiscard]] std::optional<std::string_view> upload_in(const Request& request);
// Returns true for such a request that changes something.
[[nodiscard]] bool changes_upload(const Request& request);

// Answers such a request. `id` is from upload_in(). Throws Error, among others: 404 for what is not
// the caller's upload, 405, 409 for another offset than that of the upload, 412 for another version
// of the protocol, 413, 415, 423 while another request adds to the upload, 460 for a wrong
// checksum.
[[nodiscard]] Response handle_upload(Call& call, std::string_view id);

}  // namespace holdfast::dav
