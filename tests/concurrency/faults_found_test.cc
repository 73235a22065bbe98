// The checker and the random clients together find faults: servers that are wrong in one way each,
// as servers have been, are all caught, and the one that is right is not.
#include <array>
#include <chrono>
#include <deque>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "tests/concurrency/linearizability.h"
#include "tests/concurrency/random_clients.h"
#include "tests/concurrency/tree_model.h"

namespace holdfast::test {
namespace {

enum class Fault {
  none,
  stale_read,                 // a reader sees what was before the last write
  conditions_before_body,     // If-Match and If-None-Match are judged before the upload only
  locks_before_body,          // locks are judged before the upload only
  overwrite_before_copy,      // Overwrite: F is judged before the copying only
  move_in_two_steps,          // COPY, then DELETE
  replace_in_two_steps,       // the destination goes before its successor comes
  answer_before_effect,       // the write is done when the next request comes
  lost_on_restart,            // the last acknowledged write is gone
  locks_lost_on_restart,      // the locks are gone
  repeated,                   // an unanswered write is tried again later
  lost_on_no_answer_in_part,  // of an unanswered MOVE the destination's removal remains
  two_holders,                // two LOCKs at once are both judged before either is granted
  depth_forgotten,            // an infinite lock covers its root only
  dead_token,                 // a token in If is not looked up
  second_unlock,              // releasing a lock twice succeeds twice
};

struct Named {
  Fault fault;
  const char* name;
};
constexpr std::array kFaults = {
    Named{Fault::stale_read, "stale_read"},
    Named{Fault::conditions_before_body, "conditions_before_body"},
    Named{Fault::locks_before_body, "locks_before_body"},
    Named{Fault::overwrite_before_copy, "overwrite_before_copy"},
    Named{Fault::move_in_two_steps, "move_in_two_steps"},
    Named{Fault::replace_in_two_steps, "replace_in_two_steps"},
    Named{Fault::answer_before_effect, "answer_before_effect"},
    Named{Fault::lost_on_restart, "lost_on_restart"},
    Named{Fault::locks_lost_on_restart, "locks_lost_on_restart"},
    Named{Fault::repeated, "repeated"},
    Named{Fault::lost_on_no_answer_in_part, "lost_on_no_answer_in_part"},
    Named{Fault::two_holders, "two_holders"},
    Named{Fault::depth_forgotten, "depth_forgotten"},
    Named{Fault::dead_token, "dead_token"},
    Named{Fault::second_unlock, "second_unlock"},
};

// Answers from the model, one request at a time, but for its fault. Some writes get no answer.
class FaultyServer : public Subject {
 public:
  FaultyServer(Fault fault, unsigned seed) : fault_(fault), random_(seed) {}

  void perform(Operation& operation) override {
    wait();
    std::unique_lock lock(mutex_);
    settle();
    const bool writes = operation.method != Method::get && operation.method != Method::list;
    if (operation.method == Method::lock) granted_.push_back(operation.id);
    // Only an answer that was not given may be missing: tokens must not get lost.
    const bool answers = !writes || operation.method == Method::lock || below(12) != 0;
    if (writes && below(12) == 0) restart();
    const TreeModel before = now_;
    operation.status = act(operation, lock);
    if (operation.method == Method::get && operation.status == 200)
      operation.content = seen_.content(operation.path);
    if (operation.method == Method::list) operation.members = seen_.members();
    if (writes && operation.status < 300) last_ = before;
    if (!answers) {
      if (fault_ == Fault::repeated) later_.push_back({operation, 3});
      if (fault_ == Fault::lost_on_no_answer_in_part && operation.method == Method::move &&
          operation.status == 204) {
        now_ = before;
        perform_forced(Method::remove, operation.destination);
      }
      operation.status = kUnknown;
    }
    lock.unlock();
    wait();
  }

 private:
  struct Later {
    Operation operation;
    int requests = 0;  // until it is done
  };

  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }

  // Long enough for others to come in between.
  static void wait() { std::this_thread::sleep_for(std::chrono::microseconds(20)); }

  // Performs what has been put off.
  void settle() {
    std::deque<Later> still;
    for (Later& later : later_) {
      if (--later.requests > 0) {
        still.push_back(later);
      } else {
        now_.perform(later.operation);
      }
    }
    later_ = std::move(still);
  }

  void restart() {
    if (fault_ == Fault::lost_on_restart) now_ = last_;
    if (fault_ == Fault::locks_lost_on_restart) {
      for (const int token : granted_)
        for (const auto& [path, content] : now_.members()) {
          Operation unlock;
          unlock.method = Method::unlock;
          unlock.path = path;
          unlock.tokens = {token};
          now_.perform(unlock);
        }
    }
  }

  // With every token there is, as if no lock were there.
  int perform_forced(Method method, const std::string& path) {
    Operation operation;
    operation.method = method;
    operation.path = path;
    operation.tokens = granted_;
    return now_.perform(operation);
  }

  // Lets others in, then performs `changed` if `operation` would have succeeded before.
  int late(const Operation& operation, const Operation& changed,
           std::unique_lock<std::mutex>& lock) {
    const int status = TreeModel(now_).perform(operation);
    if (status >= 300) return status;
    lock.unlock();
    wait();
    lock.lock();
    return now_.perform(changed);
  }

  int act(const Operation& operation, std::unique_lock<std::mutex>& lock) {
    Operation changed = operation;
    const Method method = operation.method;
    const bool transfers = method == Method::move || method == Method::copy;
    seen_ = now_;
    switch (fault_) {
      case Fault::stale_read:
        if (method != Method::get || below(4) != 0) break;
        seen_ = last_;
        return seen_.perform(operation);
      case Fault::conditions_before_body:
        if (method != Method::put) break;
        changed.if_match.reset();
        changed.if_none_match = false;
        return late(operation, changed, lock);
      case Fault::locks_before_body:
        if (method != Method::put) break;
        changed.strict = false;
        return late(operation, with_every_token(changed), lock);
      case Fault::overwrite_before_copy:
        if (!transfers || operation.overwrite) break;
        changed.overwrite = true;
        return late(operation, changed, lock);
      case Fault::move_in_two_steps: {
        if (method != Method::move) break;
        if (const int status = TreeModel(now_).perform(operation); status >= 300) return status;
        changed.method = Method::copy;
        const int status = now_.perform(with_every_token(changed));
        lock.unlock();
        wait();
        lock.lock();
        perform_forced(Method::remove, operation.path);
        return status;
      }
      case Fault::replace_in_two_steps: {
        if (!transfers) break;
        const int status = TreeModel(now_).perform(operation);
        if (status != 204) return now_.perform(operation);
        perform_forced(Method::remove, operation.destination);
        lock.unlock();
        wait();
        lock.lock();
        now_.perform(with_every_token(changed));
        return status;
      }
      case Fault::answer_before_effect: {
        const int status = TreeModel(now_).perform(operation);
        if (method != Method::put || status >= 300 || below(3) != 0) break;
        later_.push_back({operation, 2});
        return status;
      }
      case Fault::two_holders: {
        if (method != Method::lock) break;
        const int status = TreeModel(now_).perform(operation);
        if (status >= 300) return status;
        lock.unlock();
        wait();
        lock.lock();
        // The second one is granted as well; the model keeps the first.
        now_.perform(operation);
        return status;
      }
      case Fault::depth_forgotten:
        changed.infinite = false;
        return now_.perform(changed);
      case Fault::dead_token:
        changed.strict = false;
        return now_.perform(changed);
      case Fault::second_unlock: {
        const int status = now_.perform(operation);
        return method == Method::unlock ? 204 : status;
      }
      default:
        break;
    }
    return now_.perform(operation);
  }

  [[nodiscard]] Operation with_every_token(Operation operation) const {
    operation.tokens = granted_;
    return operation;
  }

  Fault fault_;
  std::mutex mutex_;
  std::mt19937 random_;
  TreeModel now_;
  TreeModel last_;  // before the last write
  TreeModel seen_;  // what this request reads
  std::vector<int> granted_;
  std::deque<Later> later_;
};

// The first bad history of at most `limit`, minimised; nullopt when all are good.
std::optional<History> first_bad(Fault fault, unsigned limit, unsigned& number) {
  for (number = 1; number <= limit; ++number) {
    FaultyServer server(fault, number);
    const History history = record(server, {.seed = number});
    if (!check(history).linearizable) return minimise(history);
  }
  return std::nullopt;
}

TEST(FaultsFound, AServerThatIsRightIsNotAccused) {
  unsigned number = 0;
  const auto bad = first_bad(Fault::none, 100, number);
  EXPECT_FALSE(bad) << explain(*bad);
}

TEST(FaultsFound, EveryFaultIsFoundWithinAFewHistories) {
  for (const Named& each : kFaults) {
    unsigned number = 0;
    const auto bad = first_bad(each.fault, 5000, number);
    ASSERT_TRUE(bad) << each.name << " is not found";
    std::cout << each.name << ": found in history " << number << "\n";
  }
}

}  // namespace
}  // namespace holdfast::test
