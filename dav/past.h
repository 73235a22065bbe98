// The read-only tree beside the files (--history-name, docs/clients.md#the-files-as-they-were):
// /NAME/WHEN/PATH is PATH as it was. WHEN is the name of a snapshot or a time like
// 2026-11-30T14-00-00Z; /NAME/ lists the snapshots. Who may write at a path sees its past: what a
// caller may only read, or may not read where it is now, is not there. Any thread.
#pragma once

#include <memory>

#include "dav/call.h"
#include "storage/past_view.h"

namespace holdfast::dav {

// Returns true when the path is the tree of the past, or something in it.
[[nodiscard]] bool is_past(const Options& options, const storage::Path& path);

// Answers a request whose target is in the past: OPTIONS, GET, HEAD, PROPFIND, and COPY to where
// the files are. Throws Error 403 for other methods, and 404 for what is no time or not within the
// history.
[[nodiscard]] Response answer_past(Call& call);

// Throws Error 403 when a Destination is in the past.
void require_present(const Options& options, const Target& destination);

// Returns whether the caller sees a resource of the past that `now`, which must outlive the result,
// has: not when it may not read it where it is now.
[[nodiscard]] storage::InView seen_by(std::shared_ptr<const Caller> caller,
                                      const storage::Snapshot& now);
// Returns the caller with the right to write as the right to read, and no other: a reader does not
// see what a file was before.
[[nodiscard]] std::shared_ptr<const Caller> reader_of_past(const Caller& caller);

// Returns the snapshot that the request is about: that of now, or of Call::past.
[[nodiscard]] std::unique_ptr<const storage::Snapshot> snapshot_of(const Call& call);

}  // namespace holdfast::dav
