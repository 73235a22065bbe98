// `holdfast upload …`: the uploads that are not finished (storage/staging.h), on an open store: in
// a command that opened the data folder itself, or in a server for a request on its control socket.
// Each function throws UsageError with one sentence when the request cannot be fulfilled and
// nothing was changed. Any thread.
#pragma once

#include "server/cli/control_socket.h"
#include "server/cli/store.h"
#include "server/cli/user_store.h"

namespace holdfast::server::cli {

// Returns one line for each upload, the oldest first, or with "json" one document
// (docs/operations.md#json). With "name", only those of that account.
[[nodiscard]] ControlReply list_uploads(const Store& store, const UserRequest& request);
// Removes the upload "id", or all.
[[nodiscard]] ControlReply remove_uploads(const Store& store, const UserRequest& request);

}  // namespace holdfast::server::cli
