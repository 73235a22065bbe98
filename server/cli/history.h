// `holdfast trash …` and `holdfast versions …`, on an open store: in a command that opened the data
// folder itself, or in a server for a request on its control socket. Each function throws
// UsageError with one sentence when the request cannot be fulfilled and nothing was changed. Any
// thread.
#pragma once

#include "server/cli/control_socket.h"
#include "server/cli/user_store.h"
#include "storage/namespace.h"

namespace holdfast::server::cli {

// Returns one line for each tree in the trash, the oldest first, or with "json" one document
// (docs/operations.md#json). With "name", only that account's.
[[nodiscard]] ControlReply list_trash(const storage::Namespace& names, const UserRequest& request);
// Puts the tree "id" back where it was, or at the path "to". When its name is taken, asks whether
// it may have another (kAsksExit).
[[nodiscard]] ControlReply restore_trash(storage::Namespace& names, const UserRequest& request);
// Removes the tree "id" for good, or all.
[[nodiscard]] ControlReply purge_trash(storage::Namespace& names, const UserRequest& request);

// Does what list_trash does, for the versions of the file at "path", the newest first.
[[nodiscard]] ControlReply list_versions(const storage::Namespace& names,
                                         const UserRequest& request);
// Makes the version "id" of the file the newest.
[[nodiscard]] ControlReply restore_version(storage::Namespace& names, const UserRequest& request);
// Removes the version "id" of the file for good, or all.
[[nodiscard]] ControlReply purge_versions(storage::Namespace& names, const UserRequest& request);

}  // namespace holdfast::server::cli
