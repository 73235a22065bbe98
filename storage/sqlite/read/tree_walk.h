// A depth-first walk below one collection: one cursor per level, so memory grows with the depth and
// never with the number of members. Used by one thread, inside one snapshot.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "storage/sqlite/read/queries.h"

namespace holdfast::storage::sqlite {

class TreeWalk {
 public:
  // What each row carries: a whole Resource, that and its checksums, or just what counting needs.
  enum class Select { resource, checksums, brief };
  // Columns of a brief row.
  enum Brief { id, content, key, name };

  TreeWalk(Queries& queries, Select select) : queries_(queries), select_(select) {}
  ~TreeWalk();
  TreeWalk(const TreeWalk&) = delete;
  TreeWalk& operator=(const TreeWalk&) = delete;

  // The next rows are the members of this collection behind the name key `after`, all when it is
  // empty; it must live as long as the collection is open. Throws Error{corrupt} when it is open
  // already.
  void descend(NodeId collection, std::string_view after = "");
  // The next row of the deepest open collection; nullptr when there is none (then `ascend`).
  const Run* next() { return levels_.back().run->row() ? &*levels_.back().run : nullptr; }
  void ascend();
  // Collections open now; a row belongs to the last of them.
  [[nodiscard]] std::size_t depth() const { return levels_.size(); }

 private:
  struct Level {
    NodeId collection = 0;
    std::unique_ptr<Statement> statement;
    std::optional<Run> run;
  };
  Queries& queries_;
  Select select_;
  std::deque<Level> levels_;
};

}  // namespace holdfast::storage::sqlite
