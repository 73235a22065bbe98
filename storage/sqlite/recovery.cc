// Acts: what relaxed durability must put right after a power cut (robustness D11).
#include <map>
#include <vector>

#include "storage/sqlite/act_statements.h"
#include "storage/sqlite/inspect.h"

namespace holdfast::storage::sqlite {

namespace {

struct Unflushed {
  std::int64_t id = 0;
  std::string blob;
  NodeId node = 0;
  std::optional<std::int64_t> previous;
  std::int64_t stored = 0;
  std::int64_t modified = 0;
};

std::vector<Unflushed> newest_first(Connection& connection) {
  Statement all(connection,
                "SELECT id, blob, node, previous, previous_stored, previous_modified "
                "FROM unflushed ORDER BY id DESC");
  std::vector<Unflushed> rows;
  Run run(all);
  while (run.row()) {
    Unflushed& row = rows.emplace_back();
    row.id = run.integer(0);
    row.blob = run.text(1);
    row.node = run.integer(2);
    if (!run.null(3)) row.previous = run.integer(3);
    row.stored = run.amount(4);
    row.modified = run.amount(5);
  }
  return rows;
}

}  // namespace

void Acts::recover_unflushed(ContentStore& content) {
  const std::vector<Unflushed> rows = newest_first(connection_);
  if (rows.empty()) return;
  acting();
  Statement content_id(connection_, "SELECT id FROM content WHERE blob = ?1");
  Statement fall_back(connection_,
                      "UPDATE node SET content = ?2, stored = ?3, modified = ?4, "
                      "size = (SELECT size FROM content WHERE id = ?2) WHERE id = ?1");
  Statement adopted(connection_, "UPDATE unflushed SET previous = NULL WHERE id = ?1");
  Statement users(connection_, "SELECT id FROM node WHERE content = ?1");

  std::map<std::string, std::int64_t> damaged;  // blob → content, 0 when it is whole or unused
  for (const Unflushed& row : rows) {
    auto [entry, fresh] = damaged.try_emplace(row.blob, 0);
    if (fresh) {
      Resource file;
      {
        Run run(content_id, row.blob);
        if (run.row()) file.content = run.integer(0);
      }
      if (file.content != 0 && !content.verify(queries_.content(file))) {
        entry->second = file.content;
      }
    }
    if (entry->second == 0 || !row.previous) continue;
    const std::optional<Resource> node = queries_.by_id(row.node);
    if (!node || node->content != entry->second) continue;
    // The row's hold on the older content passes to the node.
    Run(fall_back, row.node, *row.previous, row.stored, row.modified).done();
    Run(adopted, row.id).done();
    release(entry->second);
    const std::optional<Resource> now = queries_.by_id(row.node);
    const std::int64_t more =
        static_cast<std::int64_t>(now->size) - static_cast<std::int64_t>(node->size);
    counters_.bytes += more;
    owns(now->owner, 0, more);
  }
  for (const auto& [blob, id] : damaged) {
    if (id == 0) continue;
    std::vector<NodeId> nodes;
    {
      Run run(users, id);
      while (run.row()) nodes.push_back(run.integer(0));
    }
    for (const NodeId node : nodes) {
      if (const std::optional<Resource> resource = queries_.by_id(node)) {
        drop(*resource, resource->parent, false);
        member_left(place(resource->parent), *resource);
      }
    }
  }
  changing();
  // What is whole may still be in the system's memory only.
  content.flush();
  forget_unflushed(newest_unflushed());
}

NamespaceCheck Acts::repair() {
  acting();
  write_counters();
  NamespaceCheck result = inspect(connection_, true);
  if (result.repaired > 0) changing();
  counters_ = read_counters(connection_);
  state_.accounts = read_accounts(connection_);
  queries_.forget();
  return result;
}

}  // namespace holdfast::storage::sqlite
