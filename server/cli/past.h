// `holdfast history …` and `holdfast snapshot …`: the tree as it was, bringing it back, and the
// instants that are kept under a name. As in history.h, on an open store; each function throws
// UsageError with one sentence when the request cannot be fulfilled and nothing was changed. Any
// thread.
#pragma once

#include "server/cli/control_socket.h"
#include "server/cli/user_store.h"
#include "storage/namespace.h"

namespace holdfast::server::cli {

// Returns the instant that a text means: "30m", "2h" or "7d" before now; a date-time; the name of a
// snapshot; or what storage::text_of returned.
[[nodiscard]] storage::Instant parse_instant(const storage::Snapshot& snapshot,
                                             std::string_view text);

// Says how far back the tree can be seen as it was.
[[nodiscard]] ControlReply show_history(const storage::Namespace& names,
                                        const UserRequest& request);
// Returns one line for each member of the collection "path" at the time "at", or for the file.
[[nodiscard]] ControlReply list_past(const storage::Namespace& names, const UserRequest& request);
// Brings back what was at "path" at the time "at" (storage/undo.h). Asks before it goes on without
// what is lost (kAsksExit), and refuses while somebody has a lock there, unless "break-locks".
[[nodiscard]] ControlReply undo_past(storage::Namespace& names, const UserRequest& request);

[[nodiscard]] ControlReply add_snapshot(storage::Namespace& names, const UserRequest& request);
[[nodiscard]] ControlReply list_snapshots(const storage::Namespace& names,
                                          const UserRequest& request);
[[nodiscard]] ControlReply remove_snapshot(storage::Namespace& names, const UserRequest& request);

}  // namespace holdfast::server::cli
