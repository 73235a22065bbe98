// The checker is right about histories whose verdict is known: what may happen is accepted, what
// must not is rejected, and the part it shows is the contradiction and no more.
#include "tests/concurrency/linearizability.h"

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <utility>

#include "tests/concurrency/tree_model.h"

namespace holdfast::test {
namespace {

// Writes histories down. Times are microseconds; numbers come in the order of writing, from 1.
class Story {
 public:
  // The last operation written, for what has no parameter.
  Operation& last() { return history_.back(); }

  Story& put(std::string path, int from, int to, int status) {
    return add(Method::put, std::move(path), from, to, status);
  }
  Story& get(std::string path, int from, int to, int content) {
    add(Method::get, std::move(path), from, to, 200);
    last().content = content;
    return *this;
  }
  Story& missing(std::string path, int from, int to) {
    return add(Method::get, std::move(path), from, to, 404);
  }
  Story& list(std::map<std::string, int> members, int from, int to) {
    add(Method::list, "", from, to, 207);
    last().members = std::move(members);
    return *this;
  }
  Story& mkcol(std::string path, int from, int to, int status) {
    return add(Method::mkcol, std::move(path), from, to, status);
  }
  Story& remove(std::string path, int from, int to, int status) {
    return add(Method::remove, std::move(path), from, to, status);
  }
  Story& move(std::string path, std::string destination, int from, int to, int status) {
    add(Method::move, std::move(path), from, to, status);
    last().destination = std::move(destination);
    return *this;
  }
  Story& copy(std::string path, std::string destination, int from, int to, int status) {
    move(std::move(path), std::move(destination), from, to, status);
    last().method = Method::copy;
    return *this;
  }
  Story& lock(std::string path, int from, int to, int status) {
    return add(Method::lock, std::move(path), from, to, status);
  }
  Story& unlock(std::string path, int token, int from, int to, int status) {
    add(Method::unlock, std::move(path), from, to, status);
    return with(token);
  }
  Story& if_match(int content) {
    last().if_match = content;
    return *this;
  }
  Story& if_none_match() {
    last().if_none_match = true;
    return *this;
  }
  Story& with(int token) {
    last().tokens.push_back(token);
    return *this;
  }
  Story& strictly(int token) {
    last().strict = true;
    return with(token);
  }
  Story& shared() {
    last().exclusive = false;
    return *this;
  }
  // No answer arrived.
  Story& unanswered() {
    last().status = kUnknown;
    last().returned = kNever;
    return *this;
  }

  [[nodiscard]] const History& history() const { return history_; }

 private:
  Story& add(Method method, std::string path, int from, int to, int status) {
    Operation operation;
    operation.id = static_cast<int>(history_.size()) + 1;
    operation.client = operation.id % 4;
    operation.method = method;
    operation.path = std::move(path);
    operation.invoked = from * 1000L;
    operation.returned = to * 1000L;
    operation.status = status;
    history_.push_back(std::move(operation));
    return *this;
  }

  History history_;
};

struct Case {
  const char* name;
  History history;
  std::set<int> contradiction{};  // the operations that minimise() must leave
};

std::vector<Case> legal() {
  return {
      {"nothing happened", {}},
      {"one after the other", Story()
                                  .put("x", 0, 1, 201)
                                  .get("x", 2, 3, 1)
                                  .put("x", 4, 5, 204)
                                  .get("x", 6, 7, 3)
                                  .remove("x", 8, 9, 204)
                                  .missing("x", 10, 11)
                                  .history()},
      {"a read beside a write sees the old",
       Story().put("x", 0, 1, 201).put("x", 2, 9, 204).get("x", 3, 4, 1).history()},
      {"a read beside a write sees the new",
       Story().put("x", 0, 1, 201).put("x", 2, 9, 204).get("x", 3, 4, 2).history()},
      {"two writes at once, either may be last",
       Story().put("x", 0, 9, 204).put("x", 0, 9, 201).get("x", 10, 11, 1).history()},
      {"two writes at once, the other one",
       Story().put("x", 0, 9, 201).put("x", 0, 9, 204).get("x", 10, 11, 2).history()},
      {"an unanswered write that took effect late", Story()
                                                        .put("x", 0, 1, 201)
                                                        .put("x", 2, 0, 0)
                                                        .unanswered()
                                                        .get("x", 3, 4, 1)
                                                        .get("x", 5, 6, 2)
                                                        .history()},
      {"an unanswered write that never took effect", Story()
                                                         .put("x", 0, 1, 201)
                                                         .remove("x", 2, 0, 0)
                                                         .unanswered()
                                                         .get("x", 3, 4, 1)
                                                         .get("x", 50, 60, 1)
                                                         .history()},
      {"an unanswered LOCK that holds over a restart",
       Story().put("x", 0, 1, 201).lock("x", 2, 0, 0).unanswered().put("x", 10, 11, 423).history()},
      {"one of two creators wins", Story()
                                       .put("x", 0, 9, 201)
                                       .if_none_match()
                                       .put("x", 0, 9, 412)
                                       .if_none_match()
                                       .get("x", 10, 11, 1)
                                       .history()},
      {"a tree moves at one instant", Story()
                                          .mkcol("A", 0, 1, 201)
                                          .put("A/x", 2, 3, 201)
                                          .move("A", "B", 4, 20, 201)
                                          .list({{"A", kCollection}, {"A/x", 2}}, 5, 6)
                                          .list({{"B", kCollection}, {"B/x", 2}}, 7, 8)
                                          .history()},
      {"a copy keeps its content", Story()
                                       .put("x", 0, 1, 201)
                                       .copy("x", "y", 2, 3, 201)
                                       .put("x", 4, 5, 204)
                                       .get("y", 6, 7, 1)
                                       .put("y", 8, 9, 204)
                                       .if_match(1)
                                       .history()},
      {"a lock does not travel, and one on the destination stays", Story()
                                                                       .put("x", 0, 1, 201)
                                                                       .lock("x", 2, 3, 200)
                                                                       .move("x", "y", 4, 5, 201)
                                                                       .with(2)
                                                                       .put("y", 6, 7, 204)
                                                                       .lock("y", 8, 9, 200)
                                                                       .put("x", 10, 11, 201)
                                                                       .move("x", "y", 12, 13, 204)
                                                                       .with(5)
                                                                       .put("y", 14, 15, 423)
                                                                       .history()},
      {"shared locks share, and one token opens them", Story()
                                                           .put("x", 0, 1, 201)
                                                           .lock("x", 2, 3, 200)
                                                           .shared()
                                                           .lock("x", 4, 5, 200)
                                                           .shared()
                                                           .lock("x", 6, 7, 423)
                                                           .put("x", 8, 9, 204)
                                                           .with(3)
                                                           .put("x", 10, 11, 423)
                                                           .history()},
      {"a lock on a collection covers its members", Story()
                                                        .mkcol("A", 0, 1, 201)
                                                        .lock("A", 2, 3, 200)
                                                        .put("A/x", 4, 5, 423)
                                                        .put("A/x", 6, 7, 201)
                                                        .strictly(2)
                                                        .lock("A/x", 8, 9, 423)
                                                        .unlock("A/x", 2, 10, 11, 204)
                                                        .lock("A/x", 12, 13, 200)
                                                        .lock("A", 14, 15, 423)
                                                        .history()},
  };
}

std::vector<Case> broken() {
  return {
      {"a stale read after an acknowledged write",
       Story()
           .put("x", 0, 1, 201)
           .put("x", 2, 3, 204)
           .put("y", 2, 3, 201)
           .get("y", 4, 5, 3)
           .get("x", 4, 5, 1)
           .history(),
       {2, 5}},
      {"an acknowledged write lost over a restart",
       Story().put("x", 0, 1, 201).put("y", 2, 0, 0).unanswered().missing("x", 10, 11).history(),
       {1, 3}},
      {"a read that goes back in time",
       Story()
           .put("x", 0, 1, 201)
           .put("x", 2, 20, 204)
           .get("x", 3, 4, 2)
           .get("x", 5, 6, 1)
           .history(),
       {3, 4}},
      {"a lost update",
       Story()
           .put("x", 0, 1, 201)
           .put("x", 2, 9, 204)
           .if_match(1)
           .put("x", 2, 9, 204)
           .if_match(1)
           .get("x", 10, 11, 3)
           .history(),
       {2, 3}},
      {"a deleted resource comes back",
       Story()
           .put("x", 0, 1, 201)
           .get("x", 1, 2, 1)
           .remove("x", 2, 3, 204)
           .missing("x", 4, 5)
           .get("x", 6, 7, 1)
           .history(),
       {3, 5}},
      {"two winners of If-None-Match",
       Story().put("x", 0, 9, 201).if_none_match().put("x", 0, 9, 201).if_none_match().history(),
       {1, 2}},
      {"no winner of If-None-Match",
       Story().put("x", 0, 9, 412).if_none_match().put("x", 0, 9, 412).if_none_match().history(),
       {1}},
      {"two holders of an exclusive lock",
       Story().put("x", 0, 1, 201).lock("x", 2, 9, 200).lock("x", 2, 9, 200).history(),
       {2, 3}},
      {"an exclusive lock above and below",
       Story()
           .mkcol("A", 0, 1, 201)
           .put("A/x", 2, 3, 201)
           .lock("A", 4, 9, 200)
           .lock("A/x", 4, 9, 200)
           .history(),
       {3, 4}},
      {"a shared beside an exclusive lock",
       Story().put("x", 0, 1, 201).lock("x", 2, 9, 200).shared().lock("x", 2, 9, 200).history(),
       {2, 3}},
      {"a moved tree in both places",
       Story()
           .mkcol("A", 0, 1, 201)
           .put("A/x", 2, 3, 201)
           .move("A", "B", 4, 20, 201)
           .list({{"A", kCollection}, {"A/x", 2}, {"B", kCollection}, {"B/x", 2}}, 5, 6)
           .history(),
       {4}},
      {"a moved tree in neither place",
       Story()
           .mkcol("A", 0, 1, 201)
           .put("A/x", 2, 3, 201)
           .move("A", "B", 4, 20, 201)
           .missing("A/x", 5, 6)
           .missing("B/x", 7, 8)
           .history(),
       {2, 4, 5}},
      {"a torn copy",
       Story()
           .mkcol("A", 0, 1, 201)
           .put("A/x", 2, 3, 201)
           .put("A/y", 4, 5, 201)
           .copy("A", "B", 6, 20, 201)
           .list({{"A", kCollection}, {"A/x", 2}, {"A/y", 3}, {"B", kCollection}, {"B/x", 2}}, 7, 8)
           .history(),
       {5}},
      {"a write with a dead token",
       Story()
           .put("x", 0, 1, 201)
           .lock("x", 2, 3, 200)
           .unlock("x", 2, 4, 5, 204)
           .put("x", 6, 7, 204)
           .strictly(2)
           .history(),
       {3, 4}},
      {"a write with another lock's dead token",
       Story()
           .put("x", 0, 1, 201)
           .lock("x", 2, 3, 200)
           .unlock("x", 2, 4, 5, 204)
           .lock("x", 6, 7, 200)
           .put("x", 8, 9, 204)
           .with(2)
           .history(),
       {4, 5}},
      {"a write without the token",
       Story().put("x", 0, 1, 201).lock("x", 2, 3, 200).put("x", 4, 5, 204).history(),
       {2, 3}},
      {"a lock lost over a restart",
       Story()
           .put("x", 0, 1, 201)
           .lock("x", 2, 3, 200)
           .put("y", 4, 0, 0)
           .unanswered()
           .lock("x", 6, 7, 200)
           .history(),
       {2, 4}},
      {"a lock that two release",
       Story()
           .put("x", 0, 1, 201)
           .lock("x", 2, 3, 200)
           .unlock("x", 2, 4, 9, 204)
           .unlock("x", 2, 4, 9, 204)
           .history(),
       {3, 4}},
      {"a content that nobody wrote",
       Story().put("x", 0, 1, 201).get("x", 2, 3, kForeign).history(),
       {2}},
      {"a content that is not written yet",
       Story().put("x", 0, 1, 201).get("x", 2, 3, 3).put("x", 4, 5, 204).history(),
       {2}},
      {"a refused write that took effect",
       Story().put("x", 0, 1, 201).put("x", 2, 3, 412).if_match(9).get("x", 4, 5, 2).history(),
       {3}},
      {"Overwrite: F that overwrites",
       [] {
         Story story;
         story.put("x", 0, 1, 201).put("y", 2, 3, 201).move("x", "y", 4, 5, 204);
         story.last().overwrite = false;
         return story.history();
       }(),
       {3}},
      {"a member in a deleted collection",
       Story()
           .mkcol("A", 0, 1, 201)
           .remove("A", 2, 9, 204)
           .put("A/x", 3, 8, 201)
           .get("A/x", 10, 11, 3)
           .history(),
       {2, 4}},
      {"an unanswered write that happened twice",
       Story()
           .put("x", 0, 0, 0)
           .unanswered()
           .get("x", 1, 2, 1)
           .remove("x", 3, 4, 204)
           .get("x", 5, 6, 1)
           .history(),
       {3, 4}},
  };
}

std::set<int> left(const History& minimal) {
  std::set<int> ids;
  for (const Operation& operation : minimal)
    if (operation.answered() && !operation.set_aside) ids.insert(operation.id);
  return ids;
}

TEST(Linearizability, AcceptsWhatMayHappen) {
  for (const Case& each : legal())
    EXPECT_TRUE(check(each.history).linearizable) << each.name << "\n" << print(each.history);
}

TEST(Linearizability, RejectsWhatMustNot) {
  for (const Case& each : broken())
    EXPECT_FALSE(check(each.history).linearizable) << each.name << "\n" << print(each.history);
}

// Leaving out any one more answer makes what is left legal, so the contradiction is all there is.
TEST(Linearizability, ShowsTheContradictionAndNoMore) {
  for (const Case& each : broken()) {
    SCOPED_TRACE(each.name);
    const History minimal = minimise(each.history);
    EXPECT_FALSE(check(minimal).linearizable);
    EXPECT_EQ(left(minimal), each.contradiction) << explain(minimal);
    for (std::size_t i = 0; i < minimal.size(); ++i) {
      if (!minimal[i].answered() || minimal[i].set_aside) continue;
      History less = minimal;
      if (less[i].changed()) {
        less[i].set_aside = true;
      } else {
        less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
      }
      EXPECT_TRUE(check(less).linearizable) << "not needed: " << describe(minimal[i]);
    }
  }
}

TEST(Linearizability, SaysWhatHappenedInWords) {
  const std::string text = explain(minimise(broken().front().history));
  EXPECT_NE(text.find("2 answers that no order explains"), std::string::npos) << text;
  EXPECT_NE(text.find("#2  PUT x v2 -> 204"), std::string::npos) << text;
  EXPECT_NE(text.find("#5  GET x -> 200 v1"), std::string::npos) << text;
  EXPECT_NE(text.find("#1  PUT x v1 -> 201  (whether"), std::string::npos) << text;
  EXPECT_EQ(text.find("#3 "), std::string::npos) << text;
}

// All n! orders of n writes at once end in few states: memory keeps the search small.
TEST(Linearizability, RemembersWhatItHasTried) {
  Story story;
  for (int i = 0; i < 12; ++i) story.put("x", 0, 100, i == 0 ? 201 : 204);
  story.get("x", 101, 102, kForeign);
  const Verdict verdict = check(story.history());
  EXPECT_FALSE(verdict.linearizable);
  EXPECT_LE(verdict.states, 12U * (1U << 12));
}

TEST(Linearizability, GivesUpLoudly) {
  Story story;
  for (int i = 0; i < 12; ++i) story.put("x", 0, 100, i == 0 ? 201 : 204);
  story.get("x", 101, 102, kForeign);
  EXPECT_THROW((void)check(story.history(), 100), std::runtime_error);
  Story longer;
  for (int i = 0; i < 65; ++i) longer.missing("x", i, i);
  EXPECT_THROW((void)check(longer.history()), std::invalid_argument);
}

}  // namespace
}  // namespace holdfast::test
