// A recorded history: what several clients asked of one server at once, when, and what they were
// told. Paths are relative to a collection that the history has for itself and that is empty when
// it begins: "A", "A/x". Contents are numbers: operation n, if it is a PUT, stores content n; the
// lock that operation n is granted has token n. Values; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::test {

enum class Method { get, list, put, mkcol, remove, copy, move, lock, refresh, unlock };

// In place of a content's number.
constexpr int kEmptyFile = 0;    // as a LOCK of an unmapped URL makes it
constexpr int kCollection = -1;  // none: the resource is a collection
constexpr int kForeign = -2;     // bytes or a tag that no operation has stored like this
constexpr int kSomeFile = -3;    // a listing's tag that tells nothing about the content

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr int kUnknown = 0;  // the status when none arrived

struct Operation {
  int id = 0;  // from 1, unique in its history
  int client = 0;
  Method method = Method::get;
  std::string path{};             // empty: the whole tree (list)
  std::string destination{};      // of copy and move
  bool overwrite = true;          // of copy and move
  bool exclusive = true;          // of lock
  bool infinite = true;           // Depth of lock
  std::optional<int> if_match{};  // the content's number
  bool if_none_match = false;     // "*"
  std::vector<int> tokens{};      // submitted in If; the one of refresh and unlock
  bool strict = false;            // the first token must be of a lock on the resource

  std::int64_t invoked = 0;        // CLOCK_MONOTONIC, ns: before the first byte was sent
  std::int64_t returned = kNever;  // after the status had arrived

  int status = kUnknown;      // unknown: no status arrived, or 5xx; it may have happened or not
  int content = kCollection;  // what get saw
  std::map<std::string, int> members{};  // what list saw: contents by path

  // It was answered, but whether it happened is left open: see minimise().
  bool set_aside = false;

  [[nodiscard]] bool answered() const { return status != kUnknown; }
  // It has changed the tree or the locks, as far as the answer says.
  [[nodiscard]] bool changed() const {
    return status >= 200 && status < 300 && method != Method::get && method != Method::list &&
           method != Method::refresh;
  }
};

using History = std::vector<Operation>;

// "PUT A/x v7 If-Match: v3 -> 204"
[[nodiscard]] std::string describe(const Operation& operation);

// One line an operation in the order of their beginnings, with client and times in microseconds
// since the first.
[[nodiscard]] std::string print(const History& history);

}  // namespace holdfast::test
