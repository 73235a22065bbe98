// docs/robustness.md C4, C5 (G8): conflicting locks are never held at once, and a write is accepted
// only with a token that is current when it commits.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <iostream>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/concurrency/crowd.h"
#include "tests/concurrency/random_clients.h"
#include "tests/concurrency/tree_model.h"

namespace holdfast::test {
namespace {

// A time in which a lock was certainly held: from the answer to LOCK until UNLOCK was sent, or
// until the earliest end of its lease.
struct Grant {
  std::string path;  // without slashes at the ends
  bool exclusive = true;
  bool infinite = true;
  std::int64_t from = 0;
  std::int64_t to = 0;
};

bool conflict(const Grant& a, const Grant& b) {
  if (!a.exclusive && !b.exclusive) return false;
  return a.path == b.path || (a.infinite && is_within(b.path, a.path)) ||
         (b.infinite && is_within(a.path, b.path));
}

// The first two grants found that were held at once and must not be.
std::optional<std::pair<Grant, Grant>> overlapping(std::vector<Grant> grants) {
  std::sort(grants.begin(), grants.end(),
            [](const Grant& a, const Grant& b) { return a.from < b.from; });
  std::vector<Grant> held;
  for (const Grant& grant : grants) {
    std::erase_if(held, [&](const Grant& other) { return other.to <= grant.from; });
    for (const Grant& other : held)
      if (conflict(grant, other)) return std::pair(other, grant);
    held.push_back(grant);
  }
  return std::nullopt;
}

class Grants : public Crowd {
 protected:
  void expect_disjoint() {
    const auto found = overlapping(grants_);
    EXPECT_FALSE(found) << found->first.path << " and " << found->second.path
                        << " were locked at once";
  }
  void note(Grant grant) {
    const std::lock_guard lock(mutex_);
    grants_.push_back(std::move(grant));
  }

  // Tries once; true when it was granted, held and released.
  bool lock_and_unlock(HttpClient& client, const std::string& target, Grant grant) {
    const Reply lock = client.request(
        "LOCK", target, {{"Depth", grant.infinite ? "infinity" : "0"}}, lock_info(grant.exclusive));
    grant.from = monotonic_ns();
    if (lock.status == 423) return false;
    EXPECT_EQ(lock.status, 200);
    grant.to = monotonic_ns();
    const Reply unlock =
        client.request("UNLOCK", target, {{"Lock-Token", std::string(lock.field("Lock-Token"))}});
    EXPECT_EQ(unlock.status, 204);
    note(std::move(grant));
    return true;
  }

  std::mutex mutex_;
  std::vector<Grant> grants_;
};

TEST(OverlappingGrants, AreFound) {
  const Grant a{"t", true, true, 0, 10};
  EXPECT_TRUE(overlapping({a, {"t", true, true, 9, 20}}));
  EXPECT_TRUE(overlapping({a, {"t", false, true, 9, 20}}));
  EXPECT_TRUE(overlapping({a, {"t/c/f", true, false, 5, 6}}));
  EXPECT_TRUE(overlapping(
      {{"t", false, true, 0, 99}, {"t", false, true, 1, 2}, {"t/c", true, true, 50, 60}}));
  EXPECT_FALSE(overlapping({a, {"t", true, true, 10, 20}}));
  EXPECT_FALSE(overlapping({a, {"tt", true, true, 0, 20}}));
  EXPECT_FALSE(overlapping({{"t", true, false, 0, 10}, {"t/c", true, true, 0, 20}}));
  EXPECT_FALSE(overlapping({{"t", false, true, 0, 10}, {"t/c", false, true, 0, 20}}));
}

TEST_F(Grants, AnExclusiveLockHasOneHolderOf64) {
  ASSERT_EQ(ask("PUT", "/f", {}, "x"), 201);
  std::atomic<int> refused = 0;
  together(64, [&](int, HttpClient& client) {
    while (!lock_and_unlock(client, "/f", {.path = "f"}) && !HasFailure()) ++refused;
  });
  EXPECT_EQ(grants_.size(), 64U);
  EXPECT_GT(refused, 0) << "the clients never met: the test shows nothing";
  expect_disjoint();
}

// What brought down Apache's lock database: 20 threads that lock and unlock, here on a tree, with
// either scope and depth, and with doubled slashes in the paths.
TEST_F(Grants, TwentyThreadsOnOneTree) {
  const int rounds = full_numbers() ? 20'000 : 60;
  ASSERT_EQ(ask("MKCOL", "/t"), 201);
  ASSERT_EQ(ask("MKCOL", "/t/c"), 201);
  ASSERT_EQ(ask("PUT", "/t/c/f", {}, "x"), 201);
  ASSERT_EQ(ask("PUT", "/t/g", {}, "x"), 201);
  constexpr std::array kTargets = {std::pair{"//t", "t"},         std::pair{"/t/", "t"},
                                   std::pair{"/t//c", "t/c"},     std::pair{"/t//c//f", "t/c/f"},
                                   std::pair{"//t/c/f", "t/c/f"}, std::pair{"/t//g", "t/g"}};
  std::atomic<int> refused = 0;
  together(20, [&](int number, HttpClient& client) {
    std::mt19937 random(static_cast<unsigned>(number));
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
      const auto& [target, path] = kTargets.at(random() % kTargets.size());
      if (!lock_and_unlock(
              client, target,
              {.path = path, .exclusive = random() % 2 == 0, .infinite = random() % 2 == 0}))
        ++refused;
    }
  });
  std::cout << grants_.size() << " granted, " << refused << " refused\n";
  std::set<std::string> paths;
  for (const Grant& grant : grants_) paths.insert(grant.path);
  EXPECT_EQ(paths.size(), 4U);
  EXPECT_GT(refused, rounds) << "the clients hardly met: the test shows nothing";
  expect_disjoint();
  // All are released: the whole tree can be locked.
  EXPECT_TRUE(lock_and_unlock(*std::make_unique<HttpClient>(server_.port()), "/t", {.path = "t"}));
}

// Nobody releases: the lease ends, and not before its time.
TEST_F(Grants, ALeaseIsTheHoldersToItsEnd) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  ASSERT_EQ(ask("PUT", "/f", {}, "x"), 201);
  together(4, [&](int, HttpClient& client) {
    for (;;) {
      const std::int64_t asked = monotonic_ns();
      const Reply lock =
          client.request("LOCK", "/f", {{"Depth", "0"}, {"Timeout", "Second-1"}}, lock_info(true));
      const std::int64_t granted = monotonic_ns();
      if (lock.status == 200) {
        note({.path = "f", .from = granted, .to = std::max(granted, asked + kSecond)});
        return;
      }
      ASSERT_EQ(lock.status, 423);
      {
        const std::lock_guard guard(mutex_);
        if (grants_.size() >= 3) return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  EXPECT_GE(grants_.size(), 3U);
  expect_disjoint();
}

TEST_F(Grants, OneLockCreatesAnUnmappedResource) {
  constexpr int kClients = 16;
  std::vector<int> statuses(kClients);
  together(kClients, [&](int number, HttpClient& client) {
    statuses[static_cast<std::size_t>(number)] =
        client.request("LOCK", "/unmapped", {{"Depth", "0"}}, lock_info(true)).status;
  });
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 201), 1);
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 423), kClients - 1);
}

// One locks and unlocks; others write with the token they were last told. At first the holder keeps
// the token to itself: then nothing may change, whatever was under way with the token before.
TEST_F(Grants, AWriteNeedsATokenThatLives) {
  const int locks = full_numbers() ? 500 : 60;
  constexpr int kWriters = 6;
  ASSERT_EQ(ask("PUT", "/f", {}, "x"), 201);
  std::mutex mutex;
  std::string told;
  std::atomic<bool> done = false;
  std::atomic<int> accepted = 0;
  std::atomic<int> refused = 0;
  together(kWriters + 1, [&](int number, HttpClient& client) {
    if (number == kWriters) {
      const auto tag = [&] { return std::string(client.request("GET", "/f").field("ETag")); };
      for (int i = 0; i < locks && !HasFailure(); ++i) {
        const Reply lock = client.request("LOCK", "/f", {{"Depth", "0"}}, lock_info(true));
        EXPECT_EQ(lock.status, 200);
        const std::string token(lock.field("Lock-Token"));
        const std::string before = tag();
        for (int look = 0; look < 4; ++look)
          EXPECT_EQ(tag(), before) << "somebody wrote with a token of before";
        {
          const std::lock_guard guard(mutex);
          told = token;
        }
        for (const int seen = accepted; accepted == seen && !HasFailure();) std::ignore = tag();
        EXPECT_EQ(client.request("UNLOCK", "/f", {{"Lock-Token", token}}).status, 204);
      }
      done = true;
      return;
    }
    // Long under way: judged when it begins and when it ends.
    const std::string half(number % 2 == 0 ? 10 : 40'000, 'x');
    HttpClient other(server_.port());
    while (!done) {
      std::string token;
      {
        const std::lock_guard guard(mutex);
        token = told;
      }
      if (token.empty()) continue;
      client.send("PUT /f HTTP/1.1\r\nHost: 127.0.0.1\r\nIf: (" + token +
                  ")\r\nContent-Length: " + std::to_string(2 * half.size()) + "\r\n\r\n" + half);
      for (int look = 0; look < 3; ++look) std::ignore = other.request("GET", "/f");
      client.send(half);
      const int status = client.read_reply().status;
      if (status == 204) {
        ++accepted;
      } else {
        EXPECT_EQ(status, 412);
        ++refused;
      }
    }
  });
  std::cout << accepted << " writes accepted, " << refused << " refused\n";
  EXPECT_GE(accepted, locks);
  EXPECT_GT(refused, 0) << "no token died: the test shows nothing";
}

}  // namespace
}  // namespace holdfast::test
