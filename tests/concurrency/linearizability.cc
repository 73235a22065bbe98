#include "tests/concurrency/linearizability.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <unordered_set>

#include "tests/concurrency/tree_model.h"

namespace holdfast::test {
namespace {

class Search {
 public:
  Search(const History& history, std::size_t limit) : history_(history), limit_(limit) {
    if (history_.size() > 64) throw std::invalid_argument("a history has at most 64 operations");
    std::sort(history_.begin(), history_.end(),
              [](const auto& a, const auto& b) { return a.returned < b.returned; });
    for (std::size_t i = 0; i < history_.size(); ++i)
      if (history_[i].returned != kNever) required_ |= bit(i);
  }

  bool run() { return from(0, TreeModel{}); }
  [[nodiscard]] std::size_t states() const { return tried_.size(); }

 private:
  static std::uint64_t bit(std::size_t i) { return std::uint64_t{1} << i; }

  // True when the operations that are not `done` can all be put in order after `state`.
  bool from(std::uint64_t done, TreeModel state) {
    done |= take_what_changes_nothing(done, state);
    if ((done & required_) == required_) return true;
    const std::string key = std::to_string(done) + " " + state.key();
    if (!tried_.insert(key).second) return false;
    if (tried_.size() > limit_) throw std::runtime_error("the history has too many orders to try");

    const std::int64_t horizon = earliest_return(done);
    for (std::size_t i = 0; i < history_.size(); ++i) {
      const Operation& operation = history_[i];
      if ((done & bit(i)) != 0 || operation.invoked > horizon) continue;
      TreeModel next = state;
      if (next.step(operation) && from(done | bit(i), std::move(next))) return true;
      if (operation.set_aside && from(done | bit(i), state)) return true;
    }
    return false;
  }

  // No operation that begins after this moment can be the next one.
  [[nodiscard]] std::int64_t earliest_return(std::uint64_t done) const {
    for (std::size_t i = 0; i < history_.size(); ++i)
      if ((done & bit(i)) == 0) return history_[i].returned;
    return kNever;
  }

  // If what changes nothing fits now, it need not be tried at any later place.
  std::uint64_t take_what_changes_nothing(std::uint64_t done, const TreeModel& state) const {
    std::uint64_t taken = 0;
    for (bool more = true; more;) {
      more = false;
      const std::int64_t horizon = earliest_return(done | taken);
      for (std::size_t i = 0; i < history_.size(); ++i) {
        const Operation& operation = history_[i];
        if (((done | taken) & bit(i)) != 0 || operation.invoked > horizon) continue;
        if (!operation.answered() || operation.changed()) continue;
        if (!TreeModel(state).step(operation)) continue;
        taken |= bit(i);
        more = true;
      }
    }
    return taken;
  }

  History history_;  // by their returns
  std::size_t limit_;
  std::uint64_t required_ = 0;
  std::unordered_set<std::string> tried_;
};

// What was known at `moment`: later answers are open, later beginnings unheard of.
History known_at(const History& history, std::int64_t moment) {
  History known;
  for (Operation operation : history) {
    if (operation.invoked > moment) continue;
    if (operation.returned > moment) {
      operation.returned = kNever;
      operation.status = kUnknown;
      if (operation.method == Method::get || operation.method == Method::list) continue;
    }
    known.push_back(std::move(operation));
  }
  return known;
}

bool is_bad(const History& history) { return !check(history).linearizable; }

// The numbers of the operations that stored or granted what `operation` speaks of.
std::set<int> mentioned(const Operation& operation) {
  std::set<int> ids(operation.tokens.begin(), operation.tokens.end());
  if (operation.if_match) ids.insert(*operation.if_match);
  ids.insert(operation.content);
  for (const auto& [path, content] : operation.members) ids.insert(content);
  return ids;
}

const char* name_of(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::list:
      return "PROPFIND";
    case Method::put:
      return "PUT";
    case Method::mkcol:
      return "MKCOL";
    case Method::remove:
      return "DELETE";
    case Method::copy:
      return "COPY";
    case Method::move:
      return "MOVE";
    case Method::lock:
      return "LOCK";
    case Method::refresh:
      return "LOCK (refresh)";
    case Method::unlock:
      return "UNLOCK";
  }
  return "";
}

std::string content_text(int content) {
  switch (content) {
    case kEmptyFile:
      return "empty";
    case kCollection:
      return "collection";
    case kForeign:
      return "what nobody stored";
    case kSomeFile:
      return "file";
    default:
      return "v" + std::to_string(content);
  }
}

}  // namespace

Verdict check(const History& history, std::size_t limit) {
  Search search(history, limit);
  Verdict verdict;
  verdict.linearizable = search.run();
  verdict.states = search.states();
  return verdict;
}

History minimise(const History& history) {
  if (!is_bad(history)) return history;
  std::set<std::int64_t> answers;
  for (const Operation& operation : history)
    if (operation.answered()) answers.insert(operation.returned);
  History minimal = history;
  for (const std::int64_t moment : answers) {
    History known = known_at(history, moment);
    if (!is_bad(known)) continue;
    minimal = std::move(known);
    break;
  }
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (std::size_t i = minimal.size(); i-- > 0;) {
      if (!minimal[i].answered() || minimal[i].set_aside) continue;
      History without = minimal;
      if (minimal[i].changed()) {
        without[i].set_aside = true;
      } else {
        without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      }
      if (!is_bad(without)) continue;
      minimal = std::move(without);
      smaller = true;
    }
  }
  return minimal;
}

std::string describe(const Operation& operation) {
  std::string text = name_of(operation.method);
  text.append(" ").append(operation.path.empty() ? "everything" : operation.path);
  if (operation.method == Method::put) text += " " + content_text(operation.id);
  if (operation.method == Method::copy || operation.method == Method::move) {
    text.append(" to ").append(operation.destination);
    if (!operation.overwrite) text += " Overwrite: F";
  }
  if (operation.method == Method::lock) {
    text.append(operation.exclusive ? " exclusive" : " shared");
    text.append(operation.infinite ? " infinity" : " 0");
    text += " token " + std::to_string(operation.id);
  }
  if (operation.if_match) text += " If-Match: " + content_text(*operation.if_match);
  if (operation.if_none_match) text += " If-None-Match: *";
  if (!operation.tokens.empty()) {
    text += operation.strict ? " If:" : " with";
    for (const int token : operation.tokens) text += " token " + std::to_string(token);
  }
  text += " -> ";
  if (!operation.answered()) return text + "no answer";
  text += std::to_string(operation.status);
  if (operation.method == Method::get && operation.status == 200)
    text += " " + content_text(operation.content);
  if (operation.method == Method::list) {
    for (const auto& [path, content] : operation.members)
      text.append(" ").append(path).append("=").append(content_text(content));
  }
  return text;
}

std::string print(const History& history) {
  History sorted = history;
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.invoked < b.invoked; });
  std::string text;
  for (const Operation& operation : sorted) {
    const auto since = [&](std::int64_t moment) {
      return std::to_string((moment - sorted.front().invoked) / 1000);
    };
    text += "  client " + std::to_string(operation.client) + "  [" + since(operation.invoked) +
            ", " + (operation.returned == kNever ? "never" : since(operation.returned)) +
            "] us  #" + std::to_string(operation.id) + "  " + describe(operation);
    text += operation.set_aside ? "  (whether it happened makes no difference)\n" : "\n";
  }
  return text;
}

std::string explain(const History& minimal) {
  std::set<int> wanted;
  History shown;
  for (const Operation& operation : minimal) {
    if (operation.set_aside || !operation.answered()) continue;
    wanted.merge(mentioned(operation));
    shown.push_back(operation);
  }
  const std::size_t contradicting = shown.size();
  std::size_t hidden = 0;
  for (const Operation& operation : minimal) {
    if (!operation.set_aside && operation.answered()) continue;
    if (wanted.contains(operation.id)) {
      shown.push_back(operation);
    } else {
      ++hidden;
    }
  }
  return std::to_string(contradicting) + " answers that no order explains:\n" + print(shown) +
         "  (" + std::to_string(hidden) + " more operations that make no difference)\n";
}

}  // namespace holdfast::test
