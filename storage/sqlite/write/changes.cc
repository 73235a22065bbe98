// Write operations on the numbers of changes and the tags of collections (docs/storage.md,
// "Changes").
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

namespace {

constexpr std::size_t kMostAbove = 4096;

std::int64_t whole_seconds(Millis time) { return time / 1000 - (time % 1000 < 0 ? 1 : 0); }

}  // namespace

bool WriteTransaction::notes_changes() {
  if (keeping_.changes) return counters_.changes_since != 0;
  counters_.changes_since = 0;
  return false;
}

void WriteTransaction::note_change(std::int64_t number, NodeId node, NodeId in) {
  if (!copies_.empty()) outdate_copies(in);
  if (!notes_changes()) return;
  if (number == kNewNumber) number = counters_.next_node++;
  Run(sql_->insert_change, number, node, 0, std::optional<std::string_view>(), false,
      whole_seconds(wall_now()))
      .done();
  if (touched_.empty() || touched_.back() != in) touched_.push_back(in);
}

void WriteTransaction::note_leaving(const NodeRow& gone) {
  const Resource& resource = gone.resource;
  above_.erase(resource.id);
  if (!copies_.empty()) outdate_copies(resource.parent);
  if (!notes_changes()) return;
  Run(sql_->insert_change, counters_.next_node++, resource.id, resource.parent,
      std::optional<std::string_view>(resource.name), resource.is_collection(),
      whole_seconds(wall_now()))
      .done();
  touched_.push_back(resource.parent);
  if (resource.is_collection()) left_.push_back(resource.id);
}

std::optional<NodeId> WriteTransaction::above(NodeId collection) {
  if (const auto known = above_.find(collection); known != above_.end()) return known->second;
  const std::optional<NodeId> parent = queries_.parent_of(collection);
  if (!parent) return std::nullopt;
  if (above_.size() == kMostAbove) above_.clear();
  return above_[collection] = std::max<NodeId>(*parent, 0);
}

void WriteTransaction::write_tags() {
  if (!tagged_.empty()) tagged_.clear();
  if (touched_.empty()) return;
  above_is_committed_ = false;
  // It is larger than every tag: each change of the batch has taken a number.
  const std::int64_t number = counters_.next_node - 1;
  for (NodeId id : touched_) {
    while (id > 0 && tagged_.insert(id).second) {
      const std::optional<NodeId> next = above(id);
      if (!next) break;
      Run(sql_->set_tag, id, number).done();
      id = *next;
    }
  }
}

std::size_t WriteTransaction::forget_changes(Millis before, std::size_t most) {
  if (keeping_.changes && counters_.changes_since == 0) {
    changing();
    all_tags_changed_ = true;
    // A number of before may be the next one, if nothing has taken one since.
    Run(sql_->set_all_tags, counters_.next_node++).done();
    counters_.changes_since = counters_.next_node;
  }
  std::size_t forgotten = 0;
  std::int64_t since = 0;
  for (Run run(sql_->oldest_changes, most); run.row();) {
    if (run.amount(1) >= whole_seconds(before)) break;
    since = run.integer(0) + 1;
    ++forgotten;
  }
  if (forgotten == 0) return 0;
  changing();
  Run(sql_->delete_changes, since).done();
  Run(sql_->delete_gaps, since).done();
  if (counters_.changes_since != 0)
    counters_.changes_since = std::max(counters_.changes_since, since);
  return forgotten;
}

}  // namespace holdfast::storage::sqlite
