#include "storage/dates.h"

#include <algorithm>

namespace holdfast::storage {
namespace {

// Rounds down, also for dates before 1970, which clients may set.
Millis second_of(Millis date) { return date / 1000 - (date % 1000 < 0 ? 1 : 0); }
Millis second_of(Date date) { return second_of(date.at); }

bool has_lost(Date collection) { return collection.mark >= DateMark::lost_sometime; }
// Returns the date as that of a collection from which nothing is gone.
Date without_loss(Date date) { return has_lost(date) ? Date(date.at) : date; }

// Returns true when a resource that is gone from a collection dated `collection` may have had the
// date.
bool may_repeat(Millis date, Date collection) {
  switch (collection.mark) {
    case DateMark::lost_then:
      return second_of(date) <= second_of(collection);
    case DateMark::lost_before:
      return second_of(date) < second_of(collection);
    case DateMark::lost_sometime:
    case DateMark::hides_dates:
      return true;
    default:
      return false;
  }
}

// No content of the resource was served under a later date (rule 2 of storage/dates.h).
Millis last_date(const Resource& resource) {
  return std::max(resource.stored, resource.modified.at);
}

// Returns when content of the resource was last stored, for a clock that was set back since. A
// collection's date says the same unless a client has set it.
Millis last_stored(const Resource& resource) {
  if (!resource.is_collection()) return resource.stored;
  switch (resource.modified.mark) {
    case DateMark::set:
    case DateMark::hides_dates:
    case DateMark::lost_sometime:
      return 0;
    default:
      return resource.modified.at;
  }
}

Date shared_if(bool doubtful, Date date) {
  return doubtful ? Date(date.at, DateMark::shared) : date;
}

}  // namespace

bool date_is_its_own(const Resource& file) { return file.modified.mark < DateMark::shared; }

bool date_tells_writes(const Resource& file) {
  return file.modified.mark < DateMark::shared_with_empty;
}

bool hides_dates(const Resource& collection) {
  return collection.modified.mark == DateMark::hides_dates;
}

Date date_of_new(Millis date, const Resource& parent) {
  return shared_if(may_repeat(date, parent.modified), date);
}

Date date_of_content(Millis date, const Resource& old, const Resource& parent) {
  const bool later = second_of(date) > second_of(last_date(old));
  if (!date_is_its_own(old)) return shared_if(!later || may_repeat(date, parent.modified), date);
  // Finder and Windows make every file empty and fill it at once; a date that the empty file had as
  // well still serves them (docs/clients.md R31, R37).
  const bool fills = old.size == 0 && second_of(date) >= second_of(old.modified);
  if (fills && second_of(date) == second_of(old.modified))
    return Date(date, DateMark::shared_with_empty);
  return shared_if(!later && !fills, date);
}

Date date_set(Millis date, const Resource& old, const Resource& parent) {
  if (date_is_its_own(old)) {
    if (second_of(date) == second_of(old.modified)) return old.modified;
    if (second_of(date) > second_of(old.modified)) return date;
  }
  const bool first_content = old.stored <= old.created;  // stored_after
  const bool later = second_of(date) > second_of(old.stored);
  return shared_if((!first_content && !later) || may_repeat(date, parent.modified), date);
}

Date date_of_arrived(Date date, const Resource& parent, const Resource* replaced) {
  const bool later = !replaced || second_of(date) > second_of(last_date(*replaced));
  return shared_if(!later || may_repeat(date.at, parent.modified), date);
}

Millis stored_after(const Resource& old, Millis now) {
  return std::max(now, std::max(old.stored, old.created) + 1);
}

Date date_after_arrival(Date modified, Millis now) {
  switch (modified.mark) {
    case DateMark::lost_then:
    case DateMark::lost_before:
      // A clock that was set back may come to those seconds once more.
      if (second_of(now) <= second_of(modified)) return modified;
      return Date(now, DateMark::lost_before);
    case DateMark::lost_sometime:
      return Date(now, DateMark::lost_then);
    case DateMark::hides_dates:
      return Date(now, DateMark::hides_dates);
    default:
      return now;
  }
}

Date date_after_loss(Date modified, Millis now, const Resource& lost) {
  if (modified.mark == DateMark::hides_dates) return Date(now, DateMark::hides_dates);
  Millis last = now;
  if (modified.mark == DateMark::lost_then || modified.mark == DateMark::lost_before)
    last = std::max(last, modified.at);
  return Date(std::max(last, last_stored(lost)), DateMark::lost_then);
}

Date collection_date_set(Date date, Date modified, Millis now) {
  if (!has_lost(modified)) return without_loss(date);
  const bool hides = modified.mark == DateMark::hides_dates || second_of(modified) > second_of(now);
  return Date(date.at, hides ? DateMark::hides_dates : DateMark::lost_sometime);
}

Date date_of_arrived_collection(Date date, bool populated, Date parent, Millis now) {
  if (!has_lost(parent)) return without_loss(date);
  if (populated || second_of(parent) > second_of(now)) return Date(date.at, DateMark::hides_dates);
  if (!may_repeat(date.at, parent)) return Date(date.at, DateMark::lost_before);
  if (!may_repeat(date.at + 1000, parent)) return Date(date.at, DateMark::lost_then);
  return Date(date.at, DateMark::lost_sometime);
}

}  // namespace holdfast::storage
