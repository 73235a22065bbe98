// Write operations on whole trees. They work on sets through temp.tree: the number of statements
// does not depend on the number of members.
#include "storage/dates.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

namespace {

[[noreturn]] void refuse(const char* why) { throw Error(Fault::conflict, why); }

}  // namespace

void WriteTransaction::fill_tree(const Resource& root) {
  Run(sql_->clear_tree).done();
  Run(sql_->fill_tree, root.id).done();
}

Resource WriteTransaction::copy_tree(const Resource& source, bool recursive, const Resource& parent,
                                     std::string_view name, AccountId owner) {
  const NodeRow from = row(source.id);
  NodeRow above = collection(parent.id);
  const NameKey key(name);
  const std::optional<Resource> replaced = queries_.child(parent.id, key.view());
  if (queries_.lies_in(parent.id, source.id)) refuse("a copy into itself");
  if (replaced && queries_.lies_in(source.id, replaced->id)) refuse("a copy onto an ancestor");
  const Following grants = grants_of(nullptr, replaced ? &*replaced : nullptr, parent, name);
  growing();
  end_late_locks(parent.id);
  if (replaced) end_late_locks(replaced->id);

  const bool with_members = recursive && from.resource.is_collection();
  if (replaced)
    above.resource.modified = date_after_loss(above.resource.modified, wall_now(), *replaced);
  Resource copy = source;
  copy.id = counters_.next_node++;
  copy.parent = parent.id;
  copy.name = name;
  copy.created = wall_now();
  copy.owner = owner;
  if (copy.is_collection()) {
    copy.modified = date_of_arrived_collection(source.modified, with_members && from.height > 0,
                                               above.resource.modified, wall_now());
  } else {
    Run(sql_->add_ref, copy.content).done();
    if (connection_.changes() == 0) refuse("the source's content is gone");
  }
  if (replaced) give_place(*replaced, copy.id);

  Run(sql_->copy_properties, source.id, copy.id).done();
  const bool properties = connection_.changes() > 0;
  const std::int64_t height = with_members ? from.height : 0;
  const std::int64_t reach = with_members ? from.reach : 0;
  insert_node(parent.id, key, copy, properties, height, reach);
  const Date came = date_after_arrival(above.resource.modified, wall_now());
  member_came(std::move(above), static_cast<std::int64_t>(name.size()), height, reach, came);
  if (with_members) copy_members(source, copy.id, owner);
  follow(grants);
  return copy;
}

void WriteTransaction::copy_members(const Resource& source, NodeId target, AccountId owner) {
  fill_tree(source);
  std::int64_t count = 0;
  std::int64_t bytes = 0;
  {
    Run run(sql_->tree_totals);
    if (run.row()) {
      count = run.integer(0);
      bytes = run.amount(1);
    }
  }
  // The root, seq 1, gets the id `target`; the others get the ids that follow it.
  const std::int64_t base = target - 1;
  if (counters_.next_node != target + 1) refuse("ids were taken in between");
  counters_.next_node += count - 1;
  Run(sql_->copy_nodes, base, wall_now(), owner).done();
  if (connection_.changes() != count - 1) {
    throw Error(Fault::corrupt, "the tree to copy is not whole");
  }
  Run(sql_->copy_tree_properties, base).done();
  Run(sql_->add_tree_refs).done();
  counters_.resources += count - 1;
  counters_.bytes += bytes;
  owns(owner, count - 1, bytes);
}

Resource WriteTransaction::move_tree(const Resource& source, const Resource& parent,
                                     std::string_view name) {
  if (source.id == kRoot) refuse("the root does not move");
  const NodeRow from = row(source.id);
  NodeRow above = collection(parent.id);
  const NameKey key(name);
  const std::optional<Resource> replaced = queries_.child(parent.id, key.view());
  const bool respelt = replaced && replaced->id == source.id;
  if (queries_.lies_in(parent.id, source.id)) refuse("a move into itself");
  if (replaced && !respelt && queries_.lies_in(source.id, replaced->id)) {
    refuse("a move onto an ancestor");
  }
  std::optional<NodeRow> left;
  if (from.resource.parent != parent.id) left = row(from.resource.parent);
  const Following grants =
      grants_of(&source, replaced && !respelt ? &*replaced : nullptr, parent, name);
  changing();
  end_late_locks(from.resource.parent);
  if (left) end_late_locks(parent.id);
  if (replaced) end_late_locks(replaced->id);

  // A move to a new spelling keeps the locks, because they cover source and destination alike. No
  // resource whose lock stays comes to another parent (invariant 7).
  if (!respelt) drop_locks_within(source, from.resource.parent);
  if (replaced && !respelt) {
    give_place(*replaced, source.id);
    above.resource.modified = date_after_loss(above.resource.modified, wall_now(), *replaced);
  }
  Date modified = source.modified;
  if (from.resource.is_collection()) {
    modified = respelt ? collection_date_set(modified, from.resource.modified, wall_now())
                       : date_of_arrived_collection(modified, from.height > 0,
                                                    above.resource.modified, wall_now());
  }
  std::optional<std::string_view> stored_name;
  if (!key.is_name()) stored_name = name;
  Run(sql_->relocate, from.resource.parent, from.key, parent.id, key.view(), stored_name,
      modified.at, number_of(modified.mark))
      .done();
  if (left) member_left(*left, source);
  const Date came = left || respelt ? date_after_arrival(above.resource.modified, wall_now())
                                    : date_after_loss(above.resource.modified, wall_now(), source);
  member_came(std::move(above), static_cast<std::int64_t>(name.size()), from.height, from.reach,
              came);
  follow(grants);

  return row(source.id).resource;
}

void WriteTransaction::remove_tree(const Resource& root) {
  if (root.id == kRoot) refuse("the root cannot be removed");
  const NodeRow parent = row(row(root.id).resource.parent);
  Following grants;
  if (has_grants(root)) grants.from = path_of(root.id);
  changing();
  end_late_locks(parent.resource.id);
  drop(root, parent.resource.id);
  member_left(parent, root);
  follow(grants);
}

Usage WriteTransaction::adopt_tree(const Resource& root, AccountId owner) {
  if (!state_.accounts->find(owner)) refuse("no such account");
  (void)row(root.id);
  changing();
  fill_tree(root);
  Run(sql_->leave_owned, kRoot).done();
  std::int64_t resources = 0;
  std::int64_t bytes = 0;
  {
    Run run(sql_->tree_totals);
    if (run.row()) {
      resources = run.integer(0);
      bytes = run.amount(1);
    }
  }
  Run(sql_->own_tree, owner).done();
  Run(sql_->clear_tree).done();
  owns(owner, resources, bytes);
  return {static_cast<std::uint64_t>(resources), static_cast<std::uint64_t>(bytes)};
}

void WriteTransaction::give_place(const Resource& replaced, NodeId to) {
  if (queries_.any_locks()) Run(sql_->move_locks, replaced.parent, replaced.id, to).done();
  drop(replaced, replaced.parent);
}

void WriteTransaction::drop(const Resource& root, NodeId parent) {
  if (root.is_collection()) {
    drop_tree(root, parent);
    return;
  }
  Run(sql_->delete_node, root.id).done();
  if (connection_.changes() != 1) refuse("the resource is gone");
  Run(sql_->delete_properties, root.id).done();
  drop_locks_at(root.id, parent);
  release(root.content);
  --counters_.resources;
  counters_.bytes -= static_cast<std::int64_t>(root.size);
  owns(root.owner, -1, -static_cast<std::int64_t>(root.size));
}

void WriteTransaction::drop_tree(const Resource& root, NodeId parent) {
  fill_tree(root);
  {
    Run run(sql_->tree_totals);
    if (run.row()) {
      counters_.resources -= run.integer(0);
      counters_.bytes -= run.amount(1);
    }
  }
  Run(sql_->drop_tree_refs).done();
  Run(sql_->tree_garbage).done();
  Run(sql_->drop_tree_inline).done();
  Run(sql_->drop_tree_contents).done();
  Run(sql_->drop_tree_properties).done();
  drop_locks_at(root.id, parent);
  if (queries_.any_locks()) {
    Run(sql_->drop_tree_locks).done();
    counters_.locks -= connection_.changes();
  }
  Run(sql_->drop_tree_usage).done();
  Run(sql_->drop_tree_nodes).done();
  Run(sql_->clear_tree).done();
}

void WriteTransaction::drop_locks_at(NodeId id, NodeId parent) {
  if (!queries_.any_locks()) return;
  Run(sql_->delete_locks, parent, id).done();
  counters_.locks -= connection_.changes();
}

void WriteTransaction::drop_locks_within(const Resource& root, NodeId parent) {
  drop_locks_at(root.id, parent);
  queries_.lock_parents(root, [&](NodeId collection) {
    Run(sql_->delete_member_locks, collection).done();
    counters_.locks -= connection_.changes();
    return true;
  });
}

}  // namespace holdfast::storage::sqlite
