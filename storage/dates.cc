#include "storage/dates.h"

#include <algorithm>

namespace holdfast::storage {
namespace {

// Of a file.
constexpr Millis kShared = 999;
constexpr Millis kSharedWithEmpty = 998;

// Of a collection.
constexpr Millis kLostThen = 999;
constexpr Millis kLostBefore = 998;
constexpr Millis kLostSometime = 997;
constexpr Millis kHidesDates = 996;

// Also of dates before 1970, which clients may set.
Millis second_of(Millis date) { return date / 1000 - (date % 1000 < 0 ? 1 : 0); }
Millis mark_of(Millis date) { return date - second_of(date) * 1000; }
Millis marked(Millis date, Millis mark) { return second_of(date) * 1000 + mark; }

bool has_lost(Millis collection) { return mark_of(collection) >= kHidesDates; }
// The date of a collection that has lost nothing.
Millis unmarked(Millis date) { return has_lost(date) ? marked(date, kHidesDates - 1) : date; }

// Whether what is gone from a collection dated `collection` may have had the date.
bool may_repeat(Millis date, Millis collection) {
  switch (mark_of(collection)) {
    case kLostThen:
      return second_of(date) <= second_of(collection);
    case kLostBefore:
      return second_of(date) < second_of(collection);
    case kLostSometime:
    case kHidesDates:
      return true;
    default:
      return false;
  }
}

// No content of the resource was served under a later date (2).
Millis last_date(const Resource& resource) { return std::max(resource.stored, resource.modified); }

// When content of the resource was last stored, where the clock was set back since. A collection's
// date tells as much unless a client has set it, to a whole second.
Millis last_stored(const Resource& resource) {
  if (!resource.is_collection()) return resource.stored;
  switch (mark_of(resource.modified)) {
    case 0:
    case kHidesDates:
    case kLostSometime:
      return 0;
    default:
      return resource.modified;
  }
}

Millis marked_if(bool doubtful, Millis date) { return doubtful ? marked(date, kShared) : date; }
// The clock's own milliseconds are no mark.
Millis clear(Millis date) { return marked(date, std::min(mark_of(date), kSharedWithEmpty - 1)); }

}  // namespace

bool date_is_its_own(const Resource& file) { return mark_of(file.modified) != kShared; }

bool date_tells_writes(const Resource& file) { return mark_of(file.modified) < kSharedWithEmpty; }

bool hides_dates(const Resource& collection) { return mark_of(collection.modified) == kHidesDates; }

Millis date_of_new(Millis date, const Resource& parent) {
  return marked_if(may_repeat(date, parent.modified), clear(date));
}

Millis date_of_content(Millis date, const Resource& old, const Resource& parent) {
  date = clear(date);
  const bool later = second_of(date) > second_of(last_date(old));
  if (!date_is_its_own(old)) return marked_if(!later || may_repeat(date, parent.modified), date);
  // Finder and Windows make every file empty and fill it at once; a date that the empty file had as
  // well still serves them (docs/clients.md R31, R37).
  const bool fills = old.size == 0 && second_of(date) >= second_of(old.modified);
  if (fills && second_of(date) == second_of(old.modified)) return marked(date, kSharedWithEmpty);
  return marked_if(!later && !fills, date);
}

Millis date_set(Millis date, const Resource& old, const Resource& parent) {
  if (date_is_its_own(old)) {
    if (second_of(date) == second_of(old.modified)) return old.modified;
    if (second_of(date) > second_of(old.modified)) return date;
  }
  const bool first_content = old.stored <= old.created;  // stored_after
  const bool later = second_of(date) > second_of(old.stored);
  return marked_if((!first_content && !later) || may_repeat(date, parent.modified), date);
}

Millis date_of_arrived(Millis date, const Resource& parent, const Resource* replaced) {
  const bool later = !replaced || second_of(date) > second_of(last_date(*replaced));
  return marked_if(!later || may_repeat(date, parent.modified), date);
}

Millis stored_after(const Resource& old, Millis now) {
  return std::max(now, std::max(old.stored, old.created) + 1);
}

Millis date_after_arrival(Millis modified, Millis now) {
  switch (mark_of(modified)) {
    case kLostThen:
    case kLostBefore:
      // Set back, the clock may come to those seconds once more.
      return second_of(now) > second_of(modified) ? marked(now, kLostBefore) : modified;
    case kLostSometime:
      return marked(now, kLostThen);
    case kHidesDates:
      return marked(now, kHidesDates);
    default:
      return unmarked(now);
  }
}

Millis date_after_loss(Millis modified, Millis now, const Resource& lost) {
  const Millis mark = mark_of(modified);
  if (mark == kHidesDates) return marked(now, kHidesDates);
  Millis last = now;
  if (mark == kLostThen || mark == kLostBefore) last = std::max(last, modified);
  return marked(std::max(last, last_stored(lost)), kLostThen);
}

Millis collection_date_set(Millis date, Millis modified, Millis now) {
  if (!has_lost(modified)) return unmarked(date);
  const bool hides = mark_of(modified) == kHidesDates || second_of(modified) > second_of(now);
  return marked(date, hides ? kHidesDates : kLostSometime);
}

Millis date_of_arrived_collection(Millis date, bool populated, Millis parent, Millis now) {
  if (!has_lost(parent)) return unmarked(date);
  if (populated || second_of(parent) > second_of(now)) return marked(date, kHidesDates);
  if (!may_repeat(date, parent)) return marked(date, kLostBefore);
  if (!may_repeat(date + 1000, parent)) return marked(date, kLostThen);
  return marked(date, kLostSometime);
}

}  // namespace holdfast::storage
