// A depth-first walk below one collection. It has one cursor per level, so memory grows with the
// depth and not with the number of members. Used by one thread, inside one snapshot.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "storage/sqlite/read/queries.h"

namespace holdfast::storage::sqlite {

class TreeWalk {
 public:
  // What each row has: a whole Resource, a Resource and its checksums, or only what counting needs.
  enum class Select { resource, checksums, brief };
  // Columns of a brief row.
  enum Brief { id, content, key, name, size, property_bytes };

  TreeWalk(Queries& queries, Select select) : queries_(queries), select_(select) {}
  ~TreeWalk();
  TreeWalk(const TreeWalk&) = delete;
  TreeWalk& operator=(const TreeWalk&) = delete;

  // Opens this collection: the next rows are its members that follow the name key `after`, or all
  // when `after` is empty. `after` must live as long as the collection is open. Throws
  // Error{corrupt} when the collection is open already.
  void descend(NodeId collection, std::string_view after = "");
  // Returns the next row of the deepest open collection; nullptr when there is none (then call
  // `ascend`).
  const Run* next() { return levels_.back().run->row() ? &*levels_.back().run : nullptr; }
  void ascend();
  // Returns the number of open collections; a row belongs to the last of them.
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
