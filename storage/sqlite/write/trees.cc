// Write operations on whole trees. They work on sets through temp.tree: the number of statements
// does not depend on the number of members.
#include "storage/dates.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

void WriteTransaction::fill_tree(const Resource& root) {
  Run(sql_->clear_tree).done();
  Run(sql_->fill_tree, root.id).done();
}

Resource WriteTransaction::copy_tree(const Resource& source, bool recursive, const Resource& parent,
                                     std::string_view name, AccountId owner) {
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
  if (replaced.mapped()) end_late_locks(replaced.resource.id);

  const bool with_members = recursive && from.resource.is_collection();
  if (replaced.mapped())
    above.resource.modified =
        date_after_loss(above.resource.modified, wall_now(), replaced.resource);
  NodeRow made;
  made.key = key.view();
  made.property_bytes = from.property_bytes;
  made.author = from.author;
  Resource& copy = made.resource;
  copy = source;
  if (copy.is_collection()) {
    copy.modified = date_of_arrived_collection(source.modified, with_members && from.height > 0,
                                               above.resource.modified, wall_now());
  } else {
    Run(sql_->add_ref, copy.content).done();
    if (connection_.changes() == 0) refuse("the source's content is gone");
  }
  // This takes ids, and those of the copies follow each other.
  if (replaced.mapped()) made.own_line = give_place(replaced, made, false);
  copy.property_set = from.resource.property_set;
  copy.id = counters_.next_node++;
  copy.parent = parent.id;
  copy.name = name;
  copy.created = wall_now();
  copy.owner = owner;
  if (replaced.mapped()) take_locks(replaced, copy.id);

  if (copy.property_set != 0) Run(sql_->add_set_ref, copy.property_set).done();
  if (with_members) {
    made.height = from.height;
    made.reach = from.reach;
  }
  insert_node(made);
  const Date came = date_after_arrival(above.resource.modified, wall_now());
  member_came(std::move(above), static_cast<std::int64_t>(name.size()), made.height, made.reach,
              came);
  if (with_members) copy_members(from, copy.id, owner);
  follow(grants);
  return copy;
}

void WriteTransaction::copy_members(const NodeRow& source, NodeId target, AccountId owner) {
  fill_tree(source.resource);
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
  Run(sql_->add_tree_set_refs).done();
  Run(sql_->add_tree_refs).done();
  bytes -= source.bytes();
  counters_.resources += count - 1;
  counters_.bytes += bytes;
  owns(owner, {.resources = count - 1, .bytes = bytes});
}

Resource WriteTransaction::move_tree(const Resource& source, const Resource& parent,
                                     std::string_view name) {
  if (source.id == kRoot) refuse("the root does not move");
  const NodeRow from = row(source.id);
  NodeRow above = collection(parent.id);
  const NameKey key(name);
  const NodeRow there = queries_.look(parent.id, key.view());
  const bool respelt = there.mapped() && there.resource.id == source.id;
  const bool replaces = there.mapped() && !respelt;
  if (queries_.lies_in(parent.id, source.id)) refuse("a move into itself");
  if (replaces && queries_.lies_in(source.id, there.resource.id)) refuse("a move onto an ancestor");
  std::optional<NodeRow> left;
  if (from.resource.parent != parent.id) left = row(from.resource.parent);
  const Following grants = grants_of(&source, replaces ? &there.resource : nullptr, parent, name);
  changing();
  end_late_locks(from.resource.parent);
  if (left) end_late_locks(parent.id);
  if (there.mapped()) end_late_locks(there.resource.id);

  // A move to a new spelling keeps the locks, because they cover source and destination alike. No
  // resource whose lock stays comes to another parent (invariant 7).
  const bool is_file = !from.resource.is_collection();
  std::int64_t line = from.own_line;
  if (!respelt) {
    drop_locks_at(source.id, from.resource.parent);
    drop_locks_below(from.resource);
    const bool history = is_file && keeping_.versions && queries_.has_versions(from.line());
    if (replaces) {
      line = give_place(there, from, history);
      take_locks(there, source.id);
      above.resource.modified =
          date_after_loss(above.resource.modified, wall_now(), there.resource);
    } else if (is_file && !history) {
      if (const std::int64_t left_line = line_left_at(parent.id, key.view())) line = left_line;
    }
    if (is_file) note_departure(from);
  }
  Date modified = source.modified;
  if (from.resource.is_collection()) {
    modified = respelt ? collection_date_set(modified, from.resource.modified, wall_now())
                       : date_of_arrived_collection(modified, from.height > 0,
                                                    above.resource.modified, wall_now());
  }
  std::optional<std::string_view> stored_name;
  if (!key.is_name()) stored_name = name;
  note_leaving(from);
  const std::int64_t moved = counters_.next_node++;
  end_place(from, moved);
  Run(sql_->relocate, from.resource.parent, from.key, parent.id, key.view(), stored_name,
      modified.at, number_of(modified.mark), line, moved)
      .done();
  note_change(moved, source.id, parent.id);
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
  const NodeRow gone = row(root.id);
  const NodeRow parent = row(gone.resource.parent);
  Following grants;
  if (has_grants(root)) grants.from = path_of(root.id);
  changing();
  end_late_locks(parent.resource.id);
  drop_locks_at(root.id, parent.resource.id);
  leave(gone);
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
  owns(owner, {.resources = resources, .bytes = bytes});
  return {static_cast<std::uint64_t>(resources), static_cast<std::uint64_t>(bytes)};
}

void WriteTransaction::leave(const NodeRow& gone) {
  const Resource& root = gone.resource;
  note_leaving(gone);
  if (root.is_collection()) {
    drop_locks_below(root);
  } else {
    note_departure(gone);
    // What an editor renamed away before it put another file in this one's place.
    if (keeping_.versions && shares_line(gone, Sharing::made_later)) {
      become_version(gone, gone.line(), true);
      return;
    }
  }
  if (keeping_.trash) return to_trash(gone);
  if (counters_.held_content > 0) require_not_held(gone);
  lose(counters_.next_node - 1);
  const bool small = root.is_collection() ? !queries_.any_versions() &&
                                                queries_.count(root, kSmallTree) <= kSmallTree
                                          : !queries_.has_versions(gone.line());
  if (small) return drop(gone);
  give_up(gone);
}

std::int64_t WriteTransaction::give_place(const NodeRow& replaced, const NodeRow& next,
                                          bool history) {
  const bool files = !replaced.resource.is_collection() && !next.resource.is_collection();
  if (!keeping_.versions || !files || history) {
    leave(replaced);
    return next.own_line;
  }
  // The same content is no other version, but a snapshot has that of this file alone.
  const Resource& old = replaced.resource;
  const bool kept =
      in_snapshot(old) || (old.content != next.resource.content &&
                           is_kept(old.stored, replaced.author, old.size, wall_now(), author_));
  note_leaving(replaced);
  become_version(replaced, replaced.line(), kept);
  return replaced.line();
}

void WriteTransaction::take_locks(const NodeRow& replaced, NodeId to) {
  if (queries_.any_locks())
    Run(sql_->move_locks, replaced.resource.parent, replaced.resource.id, to).done();
}

void WriteTransaction::drop(const NodeRow& gone) {
  if (gone.resource.is_collection()) {
    drop_tree(gone.resource);
  } else {
    drop_row(gone);
  }
}

void WriteTransaction::drop_row(const NodeRow& gone, bool damaged) {
  const Resource& resource = gone.resource;
  if (resource.is_collection()) above_.erase(resource.id);
  Run(sql_->delete_node, resource.id).done();
  if (connection_.changes() != 1) refuse("the resource is gone");
  release_set(resource.property_set);
  if (resource.is_collection()) {
    Run(sql_->delete_tag, resource.id).done();
  } else {
    release(resource.content, damaged);
  }
  --counters_.resources;
  counters_.bytes -= gone.bytes();
  owns(resource.owner, {.resources = -1, .bytes = -gone.bytes()});
}

void WriteTransaction::drop_tree(const Resource& root) {
  above_.clear();
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
  Run(sql_->drop_tree_set_refs).done();
  Run(sql_->drop_tree_properties).done();
  Run(sql_->drop_tree_sets).done();
  Run(sql_->drop_tree_usage).done();
  Run(sql_->drop_tree_tags).done();
  Run(sql_->drop_tree_nodes).done();
  Run(sql_->clear_tree).done();
}

void WriteTransaction::drop_locks_at(NodeId id, NodeId parent) {
  if (!queries_.any_locks()) return;
  Run(sql_->delete_locks, parent, id).done();
  counters_.locks -= connection_.changes();
}

void WriteTransaction::drop_locks_below(const Resource& root) {
  queries_.lock_parents(root, [&](NodeId collection) {
    Run(sql_->delete_member_locks, collection).done();
    counters_.locks -= connection_.changes();
    return true;
  });
}

}  // namespace holdfast::storage::sqlite
