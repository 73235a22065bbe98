#include "tests/crash/acts.h"

#include <stdexcept>

namespace holdfast::test {

namespace {

void make_tree(WriteLedger& ledger) {
  ledger.make_collection("tree");
  ledger.put("tree/small", kInline);
  ledger.put("tree/large", kFile);
  ledger.make_collection("tree/sub");
  ledger.put("tree/sub/small", kInline);
  ledger.patch("tree/sub");
}

}  // namespace

std::vector<Act> acts() {
  using L = WriteLedger;
  const auto nothing = [](L&) {};
  const auto small = [](L& ledger) { ledger.put("a", kInline); };
  const auto large = [](L& ledger) { ledger.put("a", kFile); };
  const auto two = [](L& ledger) {
    ledger.put("a", kFile);
    ledger.put("b", kFile);
    ledger.patch("b");
  };
  return {
      {"PutNewInline", nothing, [](L& l) { return l.put("a", kInline); }},
      {"PutNewFile", nothing, [](L& l) { return l.put("a", kFile); }},
      {"PutOverInline", small, [](L& l) { return l.put("a", kInline); }},
      {"PutOverFile", large, [](L& l) { return l.put("a", kFile); }},
      {"MakeCollection", nothing, [](L& l) { return l.make_collection("a"); }},
      {"MoveOver", two, [](L& l) { return l.move("a", "b"); }},
      {"CopyOver", two, [](L& l) { return l.copy("a", "b"); }},
      {"MoveTree", make_tree, [](L& l) { return l.move("tree", "a"); }},
      {"CopyTree", make_tree, [](L& l) { return l.copy("tree", "a"); }},
      {"DeleteTree", make_tree, [](L& l) { return l.remove("tree"); }},
      {"Proppatch", large, [](L& l) { return l.patch("a"); }},
      {"LockMapped", small, [](L& l) { return l.lock("a"); }},
      {"LockUnmapped", nothing, [](L& l) { return l.lock("a"); }},
      {"Unlock",
       [](L& ledger) {
         ledger.put("a", kInline);
         ledger.lock("a");
       },
       [](L& l) { return l.unlock("a"); }},
  };
}

Act act(const std::string& name) {
  for (const Act& one : acts()) {
    if (one.name == name) return one;
  }
  throw std::logic_error("no act " + name);
}

void clear(WriteLedger& ledger) {
  for (const char* name : {"a", "b", "tree"}) {
    if (ledger.has(name)) ledger.remove(name);
  }
}

}  // namespace holdfast::test
