// The trash and the versions of files, as the clients of Nextcloud ask for them
// (docs/sync.md#nextcloud):
//
//   PROPFIND, Depth: 1, on /remote.php/dav/trashbin/USER/trash  what this user has removed
//   MOVE  …/trash/ENTRY, to …/trashbin/USER/restore/ENTRY        puts it back where it was
//   DELETE …/trash/ENTRY, or …/trash                            gives it up, or all of it
//   PROPFIND, Depth: 1, on /remote.php/dav/versions/USER/versions/FILEID   a file's versions
//   GET   …/FILEID/VERSION                                      its content
//   MOVE or COPY of it, to …/versions/USER/restore/NAME          makes it the file's content
//
// Rights are those on the files, as everywhere. Any thread.
#pragma once

#include "dav/call.h"
#include "dav/message.h"
#include "dav/sync_client.h"

namespace holdfast::dav {

// Answers a request whose target is in the trash of the caller. Throws Error, among others: 404 for
// what the caller may not restore, 405, 409 when the collection where it was is gone or a snapshot
// holds what is to be given up, 423.
[[nodiscard]] Response handle_trashbin(Call& call, const SyncTarget& target);

// Answers a request whose target is among the versions of a file. Throws Error, among others: 403
// for who may not write the file, 404, 405, and what COPY of a version throws.
[[nodiscard]] Response handle_versions(Call& call, const SyncTarget& target);

}  // namespace holdfast::dav
