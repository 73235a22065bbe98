// Says when a modification date identifies content. Last-Modified has whole seconds (RFC 9110
// §8.8.2.2), and some clients that have cached content send no other validator. A date that earlier
// content of the URL may have had would confirm what is no longer there, so such a date is not
// trusted. A date is stored with a mark that says what it proves (DateMark in storage/model.h).
// Whoever stores a date gets the date and its mark from a function here. Pure functions; any
// thread.
//
// For every file, the marks keep two rules about all dates under which other content was served at
// its URL. (1) Their seconds are earlier than that of its own date, unless that is marked `shared`
// or a collection above it `hides_dates`. (2) Their seconds are at most that of its `stored`, or as
// its parent's date says of what is gone. Empty content does not count, but for the mark
// `shared_with_empty`. Dates later than now are served as now (RFC 9110 §8.8.2.1). Where the clock
// was set back, content that was stored before counts as well.
#pragma once

#include "storage/model.h"

namespace holdfast::storage {

// Returns false when other content of the file's URL may have been served with the same date, as
// far as the file's own row says.
[[nodiscard]] bool date_is_its_own(const Resource& file);
// Does what date_is_its_own does, and returns false as well when that other content had no bytes. A
// client that made a file empty and sends If-Unmodified-Since must learn of the client that has
// filled it since.
[[nodiscard]] bool date_tells_writes(const Resource& file);
// Returns true when no date of a file anywhere below the collection proves anything.
[[nodiscard]] bool hides_dates(const Resource& collection);

// Returns the date to store with a new file in `parent`, where nothing was mapped under its name.
[[nodiscard]] Date date_of_new(Millis date, const Resource& parent);
// Returns the date to store with content that replaces that of the file `old` in place.
[[nodiscard]] Date date_of_content(Millis date, const Resource& old, const Resource& parent);
// Returns the date to store with the file `old` when it gets another date and keeps its content.
[[nodiscard]] Date date_set(Millis date, const Resource& old, const Resource& parent);
// Returns the date to store with a file that was copied or moved into `parent`. `replaced` is what
// was mapped there, or null.
[[nodiscard]] Date date_of_arrived(Date date, const Resource& parent, const Resource* replaced);

// Returns the value of Resource::stored for content that replaces that of `old` in place: now, but
// later than everything before it.
[[nodiscard]] Millis stored_after(const Resource& old, Millis now);

// The functions below return the new date of a collection that is dated `modified`, for the back
// ends. This one is for a member that was added.
[[nodiscard]] Date date_after_arrival(Date modified, Millis now);
// `lost` was removed, or replaced by another resource.
[[nodiscard]] Date date_after_loss(Date modified, Millis now, const Resource& lost);
// A client set the date `date`.
[[nodiscard]] Date collection_date_set(Date date, Date modified, Millis now);
// The collection came with the date `date`, by COPY or MOVE, to a collection dated `parent`, which
// already covers what was replaced. `populated` means that it may have members.
[[nodiscard]] Date date_of_arrived_collection(Date date, bool populated, Date parent, Millis now);

}  // namespace holdfast::storage
