// When a modification date can stand for content. Last-Modified tells whole seconds (RFC 9110
// §8.8.2.2), and a client that has cached content asks with nothing else: a date that a URL's
// earlier content may have had confirms what is no longer there. So no date is trusted that could
// repeat one. A date is stored with a mark that says what it proves (DateMark in storage/model.h).
// Pure functions; whoever stores a date asks here for the date and its mark.
//
// For every file, the marks keep two rules about all dates under which other content was served at
// its URL. (1) Their seconds are earlier than that of its own date, unless that is marked `shared`
// or a collection above it `hides_dates`. (2) Their seconds are at most that of its `stored`, or as
// its parent's date says of what is gone. Empty content is left out, but for the mark
// `shared_with_empty`. Dates later than now are served as now (RFC 9110 §8.8.2.1). Where the clock
// was set back, what was stored before it counts as well.
#pragma once

#include "storage/model.h"

namespace holdfast::storage {

// False when other content of the file's URL may have been served with the same date, as far as the
// file itself knows.
[[nodiscard]] bool date_is_its_own(const Resource& file);
// False as well when that other content had no bytes. Who made a file empty and asks whether it is
// unmodified must hear of the one who has filled it since.
[[nodiscard]] bool date_tells_writes(const Resource& file);
// True when no date of a file anywhere below the collection proves anything.
[[nodiscard]] bool hides_dates(const Resource& collection);

// The date to store with a file where nothing is mapped in `parent`.
[[nodiscard]] Date date_of_new(Millis date, const Resource& parent);
// With content that replaces the file `old` in place.
[[nodiscard]] Date date_of_content(Millis date, const Resource& old, const Resource& parent);
// With the file `old` when it gets another date and keeps its content.
[[nodiscard]] Date date_set(Millis date, const Resource& old, const Resource& parent);
// With a file that was copied or moved into `parent`. `replaced`: what was mapped there, or null.
[[nodiscard]] Date date_of_arrived(Date date, const Resource& parent, const Resource* replaced);

// When content was stored that replaces that of `old` in place: now, but after everything before
// it.
[[nodiscard]] Millis stored_after(const Resource& old, Millis now);

// Of a collection that is dated `modified`, for the back ends. After a member came:
[[nodiscard]] Date date_after_arrival(Date modified, Millis now);
// After `lost` went, or was replaced by another resource:
[[nodiscard]] Date date_after_loss(Date modified, Millis now, const Resource& lost);
// When it gets the date `date`:
[[nodiscard]] Date collection_date_set(Date date, Date modified, Millis now);
// When it came with the date `date`, by COPY or MOVE, to a collection dated `parent`, which already
// counts what it replaced. `populated`: it may have members.
[[nodiscard]] Date date_of_arrived_collection(Date date, bool populated, Date parent, Millis now);

}  // namespace holdfast::storage
