#include "dav/trash.h"

#include <string>

#include "dav/rights.h"

namespace holdfast::dav {

storage::Path place_of(const storage::TrashEntry& entry) {
  return entry.collection ? entry.collection->child(entry.root.name) : entry.path;
}

bool may_restore(const Caller& caller, const storage::TrashEntry& entry) {
  return (entry.root.owner == caller.account || entry.remover == caller.account) &&
         right_on(caller, place_of(entry)) >= storage::Right::write;
}

storage::Path free_name_beside(const storage::Snapshot& snapshot, const storage::Path& taken,
                               bool is_file) {
  const std::string name(taken.name());
  const std::size_t dot = is_file ? name.rfind('.') : name.npos;
  const bool has_suffix = dot != name.npos && dot > 0;
  const std::string stem = name.substr(0, has_suffix ? dot : name.size());
  const std::string suffix = has_suffix ? name.substr(dot) : "";
  for (unsigned number = 1;; ++number) {
    const std::string word = number == 1 ? "restored" : "restored " + std::to_string(number);
    storage::Path path = taken.parent().child(stem + " (" + word + ")" + suffix);
    if (!snapshot.resolve(path).mapped()) return path;
  }
}

}  // namespace holdfast::dav
