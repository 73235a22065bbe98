// Uploads in parts, as the clients of Nextcloud and ownCloud send large files ("chunking v1";
// docs/sync.md#nextcloud):
//
//   MKCOL  /remote.php/dav/uploads/USER/ID           begins one
//   PUT    /remote.php/dav/uploads/USER/ID/NUMBER    a part; in any order, several at once
//   PROPFIND, Depth: 1, on the ID                    says which parts have arrived
//   MOVE   /remote.php/dav/uploads/USER/ID/.file     puts them together, by their numbers, as the
//   file
//                                                    that Destination names
//   DELETE on the ID                                 gives up
//
// The MOVE is judged as a PUT of the file. Any thread.
#pragma once

#include "dav/call.h"
#include "dav/message.h"
#include "dav/sync_client.h"

namespace holdfast::dav {

// Answers a request whose target is an upload. Throws Error, among others: 404 for an upload that
// is not the caller's, 405, 409 for a part of an upload that is being put together, 411 for a part
// without a length, 423 for a MOVE while parts arrive, 507 for too many uploads or parts.
[[nodiscard]] Response handle_chunks(Call& call, const SyncTarget& target);

}  // namespace holdfast::dav
