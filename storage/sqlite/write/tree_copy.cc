// Copies of trees that are made a part at a time. Until it is placed, a copy lies among the trees
// that were given up, so that whatever is left of it after a crash is removed with them.
#include <algorithm>
#include <atomic>

#include "storage/dates.h"
#include "storage/name_key.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

struct WriteTransaction::Copying final : TreeCopy {
  // How far the copy is.
  struct Progress {
    NodeId root = 0;              // of the copy; 0 before the first part
    std::size_t collections = 0;  // of `collections`, how many count
    std::size_t done = 0;         // of them, how many have all their members
    std::string after;            // the next one has its members up to this key
    NodeId last = 0;              // the resource that was made last
    [[nodiscard]] bool whole() const { return root != 0 && done == collections; }
  };
  NodeId source = 0;
  AccountId owner = kNobody;
  std::vector<Pair> collections;
  Progress committed;
  Progress tried;  // by the last closure, whose write may have failed
  std::atomic<bool> stale{false};

  [[nodiscard]] bool outdated() const override { return stale; }
};

void WriteTransaction::outdate_copies(NodeId in) {
  std::erase_if(copies_, [](const auto& copy) { return copy.expired(); });
  for (const auto& weak : copies_)
    if (const auto copy = weak.lock(); copy && queries_.lies_in(in, copy->source))
      copy->stale = true;
}

void WriteTransaction::outdate_all_copies() {
  for (const auto& weak : copies_)
    if (const auto copy = weak.lock()) copy->stale = true;
}

bool WriteTransaction::is_being_made(NodeId root) {
  return std::any_of(copies_.begin(), copies_.end(), [&](const auto& weak) {
    const auto copy = weak.lock();
    return copy && copy->tried.root == root;
  });
}

std::shared_ptr<TreeCopy> WriteTransaction::begin_copy(const Resource& source, AccountId owner) {
  const auto copy = std::make_shared<Copying>();
  copy->source = collection(source.id).resource.id;
  copy->owner = owner;
  copies_.push_back(copy);
  return copy;
}

std::size_t WriteTransaction::copy_some_members(Pair pair, std::string& after, std::size_t most,
                                                AccountId owner, std::vector<Pair>& found) {
  Run(sql_->clear_tree).done();
  Run(sql_->begin_members, pair.from).done();
  Run(sql_->fill_members, pair.from, after, static_cast<std::int64_t>(most)).done();
  const std::int64_t count = connection_.changes();
  if (count == 0) return 0;
  // The row of no meaning is the first one.
  const std::int64_t base = counters_.next_node - 2;
  counters_.next_node += count;
  Run(sql_->copy_members, pair.to, base, wall_now(), owner).done();
  if (connection_.changes() != count) throw Error(Fault::corrupt, "the tree to copy is not whole");
  Run(sql_->add_tree_set_refs).done();
  Run(sql_->add_tree_refs).done();
  for (Run run(sql_->filled_collections); run.row();)
    found.push_back({run.integer(0), base + run.integer(1)});
  {
    Run run(sql_->last_key);
    if (run.row()) after = run.text(0);
  }
  std::int64_t bytes = 0;
  {
    Run run(sql_->tree_totals);
    if (run.row()) bytes = run.amount(1);
  }
  counters_.resources += count;
  counters_.bytes += bytes;
  owns(owner, {.resources = count, .bytes = bytes});
  return static_cast<std::size_t>(count);
}

bool WriteTransaction::copy_part(TreeCopy& of, std::size_t most) {
  auto& copy = static_cast<Copying&>(of);
  // Ids are never given out again, so what the last closure made is there only if its write
  // succeeded.
  if (copy.tried.last != 0 && queries_.row(copy.tried.last)) copy.committed = copy.tried;
  copy.collections.resize(copy.committed.collections);
  copy.tried = copy.committed;
  Copying::Progress& now = copy.tried;
  if (copy.stale || now.whole()) return true;
  std::optional<NodeRow> source = queries_.row(copy.source);
  if (!source || !source->resource.is_collection()) {
    copy.stale = true;
    return true;
  }
  growing();
  std::size_t steps = 0;
  if (now.root == 0) {
    NodeRow made = std::move(*source);
    made.key = key_without_place(counters_.next_node++);
    made.own_line = 0;
    Resource& root = made.resource;
    root.id = now.root = now.last = counters_.next_node++;
    root.parent = kGivenUp;
    root.created = wall_now();
    root.owner = copy.owner;
    if (root.property_set != 0) Run(sql_->add_set_ref, root.property_set).done();
    insert_row(made);
    copy.collections.push_back({copy.source, root.id});
    ++steps;
  }
  while (steps < most && now.done < copy.collections.size()) {
    const std::size_t wanted = most - steps;
    const std::size_t count = copy_some_members(copy.collections[now.done], now.after, wanted,
                                                copy.owner, copy.collections);
    if (count > 0) now.last = counters_.next_node - 1;
    if (count < wanted) {
      ++now.done;
      now.after.clear();
    }
    // A collection without members counts as well, because it takes a step.
    steps += 1 + count;
  }
  now.collections = copy.collections.size();
  return now.whole();
}

std::optional<Resource> WriteTransaction::place_copy(TreeCopy& of, const Resource& source,
                                                     const Resource& parent,
                                                     std::string_view name) {
  const auto& copy = static_cast<const Copying&>(of);
  if (copy.stale || copy.source != source.id || !copy.tried.whole()) return std::nullopt;
  if (!queries_.row(copy.tried.last)) return std::nullopt;
  const NodeRow made = row(copy.tried.root);
  if (made.resource.parent != kGivenUp) refuse("the copy is placed");
  const NodeRow from = row(source.id);
  NodeRow above = collection(parent.id);
  const NameKey key(name);
  const NodeRow replaced = queries_.look(parent.id, key.view());
  if (queries_.lies_in(parent.id, source.id)) refuse("a copy into itself");
  if (replaced.mapped() && queries_.lies_in(source.id, replaced.resource.id))
    refuse("a copy onto an ancestor");
  const Following grants =
      grants_of(nullptr, replaced.mapped() ? &replaced.resource : nullptr, parent, name);
  growing();
  end_late_locks(parent.id);
  if (replaced.mapped()) {
    end_late_locks(replaced.resource.id);
    above.resource.modified =
        date_after_loss(above.resource.modified, wall_now(), replaced.resource);
  }
  const Date modified = date_of_arrived_collection(source.modified, from.height > 0,
                                                   above.resource.modified, wall_now());
  if (replaced.mapped()) {
    static_cast<void>(give_place(replaced, made, false));
    take_locks(replaced, made.resource.id);
  }
  std::optional<std::string_view> stored_name;
  if (!key.is_name()) stored_name = name;
  const std::int64_t came_at = counters_.next_node++;
  Run(sql_->relocate, kGivenUp, made.key, parent.id, key.view(), stored_name, modified.at,
      number_of(modified.mark), made.own_line, came_at)
      .done();
  if (connection_.changes() != 1) refuse("the copy is gone");
  above_.erase(made.resource.id);
  note_change(came_at, made.resource.id, parent.id);
  const Date came = date_after_arrival(above.resource.modified, wall_now());
  member_came(std::move(above), static_cast<std::int64_t>(name.size()), made.height, made.reach,
              came);
  follow(grants);
  return row(made.resource.id).resource;
}

}  // namespace holdfast::storage::sqlite
