// When a modification date can stand for content. Last-Modified tells whole seconds (RFC 9110
// §8.8.2.2), and a client that has cached content asks with nothing else: a date that a URL's
// earlier content may have had confirms what is no longer there. So no date is trusted that could
// repeat one. Pure functions; who stores a date asks here for the value to store.
//
// The milliseconds of a stored date say what is known, because nobody sees them. A file's:
//   999        other content of this URL may have had this second: the date proves nothing
//   998        so may content without bytes, and none else: the date proves that a copy is
//              current, because nobody keeps an empty one, but not that nobody has written
// A collection's, about content that is gone from URLs below it:
//   999        some of it may have been dated in the second of this date, none later
//   998        some of it in earlier seconds only
//   997        some of it at a time that is not known, but not later than now
//   996        some of it, and what came in its place was not judged one by one: below this
//              collection no date proves anything
//   others     there never was any
// Hence for every file, the seconds of all dates under which other content was served at its URL
// are (1) earlier than its own date's, unless that is marked 999 or a collection above it 996, and
// (2) at most its `stored`'s, or as its parent's date says of what is gone.
// Empty content is left out, but for the mark 998. Dates later than now are served as now
// (RFC 9110 §8.8.2.1); where the clock was set back, what was stored before it counts as well.
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
[[nodiscard]] Millis date_of_new(Millis date, const Resource& parent);
// With content that replaces the file `old` in place.
[[nodiscard]] Millis date_of_content(Millis date, const Resource& old, const Resource& parent);
// With the file `old` when it gets another date and keeps its content.
[[nodiscard]] Millis date_set(Millis date, const Resource& old, const Resource& parent);
// With a file that was copied or moved into `parent`. `replaced`: what was mapped there, or null.
[[nodiscard]] Millis date_of_arrived(Millis date, const Resource& parent, const Resource* replaced);

// When content was stored that replaces that of `old` in place: now, but after everything before
// it.
[[nodiscard]] Millis stored_after(const Resource& old, Millis now);

// Of a collection that is dated `modified`, for the back ends. After a member came:
[[nodiscard]] Millis date_after_arrival(Millis modified, Millis now);
// After `lost` went, or was replaced by another resource:
[[nodiscard]] Millis date_after_loss(Millis modified, Millis now, const Resource& lost);
// When it gets the date `date`:
[[nodiscard]] Millis collection_date_set(Millis date, Millis modified, Millis now);
// When it came with the date `date`, by COPY or MOVE, to a collection dated `parent`, which already
// counts what it replaced. `populated`: it may have members.
[[nodiscard]] Millis date_of_arrived_collection(Millis date, bool populated, Millis parent,
                                                Millis now);

}  // namespace holdfast::storage
