// Write operations on the tree as it was: places that ended, instants, named snapshots, and what is
// brought back.
#include <string>

#include "storage/dates.h"
#include "storage/name_key.h"
#include "storage/sqlite/file/path_text.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

namespace {

// Each second of this time is told apart from the next.
constexpr std::int64_t kFineSeconds = 24 * 60 * 60;

std::int64_t minute_of(std::int64_t second) { return second / 60 - (second % 60 < 0 ? 1 : 0); }
std::int64_t second_of(Millis time) { return time / 1000 - (time % 1000 < 0 ? 1 : 0); }

}  // namespace

void WriteTransaction::end_place(const NodeRow& gone, std::int64_t id) {
  if (!keeping_.trash) return lose(id);
  // No instant lies inside a closure.
  if (gone.since() >= closure_node_) return;
  const Resource& resource = gone.resource;
  std::optional<std::string_view> name;
  if (gone.key != resource.name) name = resource.name;
  Run(sql_->insert_place, resource.parent, id, gone.key, name, resource.id, gone.since(),
      resource.is_collection() ? 0 : gone.line())
      .done();
}

void WriteTransaction::lose(std::int64_t ended) {
  counters_.whole_since = std::max(counters_.whole_since, ended + 1);
}

Horizon WriteTransaction::horizon() const { return queries_.horizon(counters_.whole_since); }

// What this batch has done so far is not noted yet.
std::optional<Instant> WriteTransaction::instant_at(Millis wall) const {
  const std::optional<Instant> instant = queries_.instant_at(wall);
  if (!instant || instant->node != Instant().node) return instant;
  if (second_of(wall) < second_of(batch_wall_)) return Instant{batch_node_, batch_content_};
  return present_instant();
}

void WriteTransaction::note_instant() {
  const std::int64_t second = second_of(batch_wall_);
  if (second <= counters_.last_second) return;
  const bool fine = minute_of(second) == minute_of(counters_.last_second);
  Run(sql_->insert_instant, second, batch_node_, batch_content_, fine).done();
  if (fine) Run(sql_->thin_instants, second - kFineSeconds).done();
  counters_.last_second = second;
}

void WriteTransaction::require_not_held(const NodeRow& gone) {
  const auto by = queries_.holder(gone, gone.resource.parent, counters_.next_node);
  if (by) throw HeldError(*by);
}

Resource WriteTransaction::exchange_version(NodeRow& at, std::int64_t content, std::uint64_t size,
                                            Date modified, AccountId author) {
  Resource& now = at.resource;
  growing();
  end_late_locks(now.id);
  Run(sql_->add_ref, content).done();
  if (connection_.changes() == 0)
    throw Error(Fault::corrupt, "the content of a version is missing");
  const auto before = static_cast<std::int64_t>(now.size);
  const auto bytes = static_cast<std::int64_t>(size);
  insert_version(at, at.line());
  now.content = content;
  now.size = size;
  now.stored = stored_after(now, wall_now());
  now.modified = modified;
  queries_.make_etag(content, now.etag);
  Run(sql_->replace_content, now.parent, at.key, content, now.size, now.stored, modified.at,
      number_of(modified.mark), author, at.own_line)
      .done();
  note_change(kNewNumber, now.id, now.parent);
  counters_.bytes += bytes;
  owns(now.owner, {.bytes = bytes, .version_bytes = before});
  return now;
}

Resource WriteTransaction::restore_content(const Resource& file, const PastMember& then) {
  NodeRow at = row(file.id);
  if (at.resource.is_collection() || then.resource.is_collection())
    refuse("a collection has no content");
  if (at.resource.content == then.resource.content) return at.resource;
  const NodeRow above = collection(at.resource.parent);
  return exchange_version(at, then.resource.content, then.resource.size,
                          date_of_content(then.resource.modified.at, at.resource, above.resource),
                          author_);
}

Resource WriteTransaction::restore_file(const PastMember& then, const Resource& parent,
                                        std::string_view name) {
  if (then.resource.is_collection()) refuse("a collection has no content");
  const NameKey key(name);
  NodeRow above = collection(parent.id);
  if (queries_.look(parent.id, key.view()).mapped()) refuse("the name is taken");
  const Following grants = grants_of(nullptr, nullptr, parent, name);
  growing();
  end_late_locks(parent.id);
  Run(sql_->add_ref, then.resource.content).done();
  if (connection_.changes() == 0)
    throw Error(Fault::corrupt, "the content of a version is missing");
  NodeRow made;
  made.own_line = then.line;
  if (shares_line(made, Sharing::any)) made.own_line = 0;
  made.key = key.view();
  made.author = author_;
  Resource& file = made.resource;
  file = then.resource;
  file.id = counters_.next_node++;
  file.parent = parent.id;
  file.name = name;
  file.property_set = 0;
  file.modified = date_of_arrived(then.resource.modified, above.resource, nullptr);
  insert_node(made);
  const Date came = date_after_arrival(above.resource.modified, wall_now());
  member_came(std::move(above), static_cast<std::int64_t>(name.size()), 0, 0, came);
  follow(grants);
  return file;
}

void WriteTransaction::leave_trash(const NodeRow& moved) {
  const Whereabouts is = queries_.whereabouts(moved.resource.id);
  if (is.trash == 0 || is.is_root) refuse("the resource is no member of a tree in the trash");
  AccountId owner = kNobody;
  {
    Run run(sql_->owner_of_trash, is.trash);
    if (!run.row()) return;  // not measured yet
    owner = run.integer(0);
  }
  TrashEntry tree;
  tree.root = moved.resource;
  const TrashEntry::Size size = queries_.size_of_trash(tree);
  const auto bytes = static_cast<std::int64_t>(size.bytes);
  Run(sql_->shrink_trash, is.trash, size.resources, bytes).done();
  owns(owner, {.trash_bytes = -bytes});
}

Resource WriteTransaction::restore_member(const Resource& source, const Resource& parent,
                                          std::string_view name) {
  const NodeRow from = row(source.id);
  if (queries_.look(parent.id, NameKey(name).view()).mapped()) refuse("the name is taken");
  changing();
  leave_trash(from);
  return move_tree(from.resource, parent, name);
}

void WriteTransaction::add_snapshot(NamedSnapshot snapshot) {
  growing();
  Run(sql_->insert_snapshot, snapshot.name, counters_.next_node, counters_.next_content,
      snapshot.root, text_of(snapshot.path), wall_now(), snapshot.creator)
      .done();
  if (connection_.changes() == 0) refuse("the name is taken");
  counters_.held_content = counters_.next_content;
  closure_node_ = counters_.next_node;
}

bool WriteTransaction::remove_snapshot(std::string_view name) {
  changing();
  Run(sql_->delete_snapshot, name).done();
  if (connection_.changes() == 0) return false;
  Run run(sql_->newest_held);
  counters_.held_content = run.row() ? run.integer(0) : 0;
  return true;
}

NodeId WriteTransaction::forget_places(const Instant& before, NodeId from, std::size_t most) {
  changing();
  lose(before.node - 1);
  for (std::size_t done = 0;;) {
    NodeId parent = 0;
    {
      Run run(sql_->next_place_parent, from);
      if (!run.row()) break;
      parent = run.integer(0);
    }
    if (done >= most) return parent;
    Run(sql_->forget_places, parent, before.node, most - done).done();
    done += static_cast<std::size_t>(connection_.changes());
    if (done >= most) return parent;
    // A collection without anything to forget counts as well, because it takes a step.
    ++done;
    from = parent + 1;
  }
  Run(sql_->drop_instants, counters_.whole_since).done();
  return 0;
}

}  // namespace holdfast::storage::sqlite
