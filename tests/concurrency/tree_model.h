// What a WebDAV server with one user must do, one request at a time, as obviously as possible: a
// map of paths, with docs/conflicts.md's order of checks. The definition that recorded histories
// are held against. A value; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/concurrency/history.h"

namespace holdfast::test {

class TreeModel {
 public:
  // Performs `operation` and returns the status that it must get. A refusal changes nothing.
  int perform(const Operation& operation);

  // Performs `operation` as recorded: true when the recorded answer is the one it must get in this
  // state. An unanswered one is performed only if it succeeds; false when it does not, because then
  // it has the same effect as never. After false the state is of no use.
  bool step(const Operation& operation);

  // What get and list must see.
  [[nodiscard]] int content(const std::string& path) const;
  [[nodiscard]] std::map<std::string, int> members() const;

  // Equal for equal states only.
  [[nodiscard]] std::string key() const;

 private:
  struct Lock {
    int token = 0;
    bool exclusive = true;
    bool infinite = true;
  };
  struct Node {
    int content = kCollection;
    std::vector<Lock> locks{};  // rooted here
  };
  using Nodes = std::map<std::string, Node>;  // "" is the root

  [[nodiscard]] const Node* find(const std::string& path) const;
  [[nodiscard]] bool is_collection(const std::string& path) const;
  [[nodiscard]] std::vector<Lock> covering(const std::string& path) const;
  [[nodiscard]] static bool opens(const Operation& operation, const std::vector<Lock>& locks);
  [[nodiscard]] bool may_add(const Operation& operation, const std::string& path) const;
  [[nodiscard]] bool may_remove(const Operation& operation, const std::string& path) const;
  [[nodiscard]] bool conditions_hold(const Operation& operation) const;
  void erase_tree(const std::string& path);

  int put(const Operation& operation);
  int make_collection(const Operation& operation);
  int remove(const Operation& operation);
  int transfer(const Operation& operation);
  int lock(const Operation& operation);
  int refresh(const Operation& operation) const;
  int unlock(const Operation& operation);

  Nodes nodes_{{"", Node{}}};
};

// `path` is `ancestor` or lies below it.
[[nodiscard]] bool is_within(std::string_view path, std::string_view ancestor);
// "A/x" of "A/x/y"; "" of "A".
[[nodiscard]] std::string parent_of(const std::string& path);

}  // namespace holdfast::test
