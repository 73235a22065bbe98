#include "server/auth/hash_slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace holdfast::server {
namespace {

using testing::ElementsAre;

// Attempts that wait while one place is taken, in the order in which they are given it.
class HashSlotsTest : public testing::Test {
 protected:
  struct Attempt {
    std::string name;
    std::uint64_t network = 0;
    std::uint64_t address = 0;
    std::int64_t network_failures = 0;
    std::int64_t address_failures = 0;
    bool known = false;
  };

  // Returns the names in the order of their turns; "-NAME" for one that was turned away, when it
  // was.
  std::vector<std::string> turns_of(const std::vector<Attempt>& attempts,
                                    auth::HashSlots::Bounds bounds = {.at_once = 1}) {
    auth::HashSlots slots(bounds);
    std::mutex mutex;
    std::vector<std::string> turns;
    std::vector<std::thread> threads;
    {
      const auth::HashSlots::Place taken = slots.enter({});
      EXPECT_TRUE(taken);
      std::size_t expected = 0;
      for (const Attempt& attempt : attempts) {
        threads.emplace_back([&slots, &mutex, &turns, attempt] {
          const auth::HashSlots::Claim claim{
              .source = {.network = attempt.network, .address = attempt.address, .account = {}},
              .failures = {.network = attempt.network_failures,
                           .address = attempt.address_failures},
              .known = attempt.known};
          const auth::HashSlots::Place place = slots.enter(claim);
          const std::scoped_lock lock(mutex);
          turns.push_back((place ? "" : "-") + attempt.name);
        });
        // The next one comes once this one waits, or one was turned away for it.
        ++expected;
        for (;;) {
          const std::scoped_lock lock(mutex);
          if (slots.waiting() + turns.size() == expected) break;
        }
      }
    }
    for (std::thread& thread : threads) thread.join();
    return turns;
  }
};

TEST_F(HashSlotsTest, WhoComesFirstIsServedFirst) {
  EXPECT_THAT(turns_of({{"a", 1, 1}, {"b", 1, 1}, {"c", 1, 1}}), ElementsAre("a", "b", "c"));
}

TEST_F(HashSlotsTest, NetworksTakeTurnsAndInThemAddresses) {
  EXPECT_THAT(turns_of({{"a", 1, 10},
                        {"b", 1, 10},
                        {"c", 1, 10},
                        {"d", 1, 11},
                        {"e", 2, 20},
                        {"f", 2, 20},
                        {"g", 3, 30}}),
              ElementsAre("a", "e", "g", "d", "f", "b", "c"));
}

TEST_F(HashSlotsTest, WhoseNetworkFailsWaitsForAllOthers) {
  EXPECT_THAT(turns_of({{"flood1", 1, 10, 60},
                        {"flood2", 2, 20, 60},
                        {"clumsy", 3, 30, 1},
                        {"new", 4, 40, 0},
                        {"office1", 5, 50, 0},
                        {"office2", 5, 51, 0}}),
              ElementsAre("new", "office1", "office2", "clumsy", "flood1", "flood2"));
}

TEST_F(HashSlotsTest, WhoseAddressFailsWaitsForItsNetwork) {
  EXPECT_THAT(turns_of({{"flood", 1, 10, 9, 9}, {"neighbour", 1, 11, 9, 0}}),
              ElementsAre("neighbour", "flood"));
}

TEST_F(HashSlotsTest, WhoSignedInBeforeIsFirst) {
  EXPECT_THAT(turns_of({{"new", 1, 10, 0}, {"owner", 2, 20, 60, 60, true}}),
              ElementsAre("owner", "new"));
}

// The place that is missing is that of whoever would be last, be it the one that came last or not.
TEST_F(HashSlotsTest, WhenTooManyWaitTheLastInOrderIsTurnedAway) {
  const auth::HashSlots::Bounds bounds{.at_once = 1, .waiting = 2};
  EXPECT_THAT(turns_of({{"a", 1, 10}, {"b", 2, 20}, {"c", 3, 30}}, bounds),
              ElementsAre("-c", "a", "b"));
  EXPECT_THAT(turns_of({{"a", 1, 10, 1}, {"b", 2, 20, 2}, {"c", 3, 30}}, bounds),
              ElementsAre("-b", "c", "a"));
  EXPECT_THAT(
      turns_of({{"a", 1, 10}, {"b", 2, 20}, {"c", 3, 30}, {"owner", 4, 40, 9, 9, true}}, bounds),
      ElementsAre("-c", "-b", "owner", "a"));
}

// Nobody of the flood has failed yet, and not each of its networks had a turn.
TEST_F(HashSlotsTest, WhenTooManyWaitOneOfTheLargestCrowdIsTurnedAway) {
  EXPECT_THAT(turns_of({{"a", 1, 10}, {"b", 2, 20}, {"c", 2, 21}, {"d", 3, 30}},
                       {.at_once = 1, .waiting = 3}),
              ElementsAre("-c", "a", "b", "d"));
  EXPECT_THAT(turns_of({{"a", 1, 10, 5}, {"b", 2, 20}, {"c", 2, 21}, {"d", 3, 30}},
                       {.at_once = 1, .waiting = 3}),
              ElementsAre("-a", "b", "d", "c"));
}

TEST_F(HashSlotsTest, ThePatienceEnds) {
  EXPECT_THAT(turns_of({}, {.at_once = 1}), ElementsAre());
  auth::HashSlots slots({.at_once = 1, .waiting = 8, .patience = std::chrono::milliseconds(1)});
  const auth::HashSlots::Place taken = slots.enter({});
  EXPECT_FALSE(slots.enter({}));
  EXPECT_EQ(slots.waiting(), 0U);
}

TEST_F(HashSlotsTest, NobodyWaitsOnceItIsStopped) {
  auth::HashSlots slots({.at_once = 1});
  std::vector<std::thread> waiting;
  {
    const auth::HashSlots::Place taken = slots.enter({});
    for (int i = 0; i < 3; ++i) waiting.emplace_back([&slots] { EXPECT_FALSE(slots.enter({})); });
    while (slots.waiting() < 3) std::this_thread::yield();
    slots.stop();
    for (std::thread& thread : waiting) thread.join();
    EXPECT_FALSE(slots.enter({}));
  }
  EXPECT_TRUE(slots.enter({})) << "what need not wait is verified";
}

TEST_F(HashSlotsTest, APlaceIsFreeAgainOnceItIsLeft) {
  auth::HashSlots slots({.at_once = 2, .waiting = 0});
  for (int i = 0; i < 100; ++i) {
    const auth::HashSlots::Place one = slots.enter({});
    const auth::HashSlots::Place two = slots.enter({});
    EXPECT_TRUE(one);
    EXPECT_TRUE(two);
    EXPECT_FALSE(slots.enter({}));
  }
}

}  // namespace
}  // namespace holdfast::server
