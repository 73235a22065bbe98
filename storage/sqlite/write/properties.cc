// Write operations on dead properties. Resources share a set of them as they share content: a copy
// takes a reference, and the first change of a shared set makes another (invariant 12).
#include <algorithm>

#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

std::int64_t WriteTransaction::own_set(const NodeRow& row, bool make) {
  const std::int64_t old = row.resource.property_set;
  if (old == 0 && !make) return 0;
  if (old != 0) {
    Run(sql_->drop_set_ref, old).done();
    if (connection_.changes() == 0) return old;
  }
  // The number is one that no resource has, because the sets of older stores have the numbers of
  // their resources.
  const std::int64_t set = counters_.next_node++;
  Run(sql_->insert_set, set).done();
  if (old != 0) Run(sql_->copy_properties, old, set).done();
  return set;
}

void WriteTransaction::release_set(std::int64_t set) {
  if (set == 0) return;
  Run(sql_->drop_set_ref, set).done();
  if (connection_.changes() == 1) return;
  Run(sql_->delete_set, set).done();
  Run(sql_->delete_properties, set).done();
}

std::int64_t WriteTransaction::patch_properties(NodeId id,
                                                std::span<const PropertyChange> changes) {
  const NodeRow old = row(id);
  if (changes.empty()) return 0;
  growing();
  end_late_locks(id);
  std::int64_t set = own_set(old, std::ranges::any_of(changes, [](const PropertyChange& change) {
                               return change.xml.has_value();
                             }));
  if (set == 0) return 0;
  for (const PropertyChange& change : changes) {
    if (change.xml) {
      Run(sql_->set_property, set, change.name.xmlns, change.name.name, *change.xml).done();
    } else {
      Run(sql_->delete_property, set, change.name.xmlns, change.name.name).done();
    }
  }
  bool any = false;
  std::int64_t bytes = 0;
  {
    Run run(sql_->size_of_set, set);
    if (run.row()) {
      any = run.integer(0) > 0;
      bytes = run.amount(1);
    }
  }
  if (!any) {
    Run(sql_->delete_set, set).done();
    set = 0;
  }
  Run(sql_->name_set, old.resource.parent, old.key, set, bytes).done();
  note_change(kNewNumber, id, old.resource.is_collection() ? id : old.resource.parent);
  const std::int64_t more = bytes - old.property_bytes;
  counters_.bytes += more;
  owns(old.resource.owner, {.bytes = more});
  return more;
}

}  // namespace holdfast::storage::sqlite
