// docs/robustness.md C6, C10: trees stay trees. What is moved is neither lost nor doubled at any
// instant, crosswise moves make no cycle, and a crowd that asks for anything at all is always
// answered.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/concurrency/crowd.h"
#include "tests/support/multistatus.h"

namespace holdfast::test {
namespace {

class Trees : public Crowd {
 protected:
  // The last names of everything below the root in one listing, sorted.
  static std::multiset<std::string> names(HttpClient& client) {
    const Reply reply = client.request(
        "PROPFIND", "/", {{"Depth", "infinity"}},
        "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:resourcetype/></D:prop></D:propfind>");
    EXPECT_EQ(reply.status, 207);
    std::multiset<std::string> all;
    std::set<std::string> hrefs;
    for (const auto& response : parse_multistatus(reply.body)) {
      EXPECT_TRUE(hrefs.insert(response.href).second) << "twice: " << response.href;
      std::string path = response.href;
      if (path.ends_with('/')) path.pop_back();
      if (!path.empty()) all.insert(path.substr(path.rfind('/') + 1));
    }
    return all;
  }
};

// Six collections, each with a file, move into each other and back, at random and all at once.
// MOVE keeps every resource: each listing has each of the twelve exactly once, and so no collection
// ever lies inside itself.
TEST_F(Trees, CrosswiseMovesLoseAndDoubleNothing) {
  constexpr int kCollections = 6;
  constexpr int kMovers = 8;
  const int listings = full_numbers() ? 1000 : 150;
  const int enough_moved = listings / 4;
  std::multiset<std::string> all;
  for (int i = 0; i < kCollections; ++i) {
    const std::string name = "c" + std::to_string(i);
    ASSERT_EQ(ask("MKCOL", "/" + name), 201);
    ASSERT_EQ(ask("PUT", "/" + name + "/f" + std::to_string(i), {}, "x"), 201);
    all.insert(name);
    all.insert("f" + std::to_string(i));
  }
  std::mutex mutex;
  std::vector<std::string> seen = {"/"};  // places of collections in the last listing
  std::atomic<bool> done = false;
  std::atomic<int> moved = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> deepest = 0;
  together(kMovers + 1, [&](int number, HttpClient& client) {
    if (number == kMovers) {
      // Listings may be quicker than moves: the last ones wait until enough has moved.
      const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
      const auto met = [&] { return moved > enough_moved && refused > 0 && deepest > 3; };
      for (int listing = 0; !HasFailure() && (listing < listings || !met()); ++listing) {
        if (std::chrono::steady_clock::now() > end) break;
        EXPECT_EQ(names(client), all);
        const Reply reply = client.request("PROPFIND", "/", {{"Depth", "infinity"}});
        std::vector<std::string> places;
        for (const auto& response : parse_multistatus(reply.body)) {
          if (response.href.ends_with('/')) places.push_back(response.href);
          const auto depth = std::count(response.href.begin(), response.href.end(), '/');
          deepest = std::max(deepest.load(), static_cast<int>(depth));
        }
        const std::lock_guard lock(mutex);
        seen = std::move(places);
      }
      done = true;
      return;
    }
    std::mt19937 random(static_cast<unsigned>(number) + 1);
    while (!done) {
      std::string from;
      std::string into;
      {
        const std::lock_guard lock(mutex);
        from = seen[random() % seen.size()];
        into = seen[random() % seen.size()];
      }
      if (from == "/") continue;
      from.pop_back();
      const std::string to = into + from.substr(from.rfind('/') + 1);
      const Reply reply = client.request("MOVE", from, {{"Destination", to}, {"Overwrite", "F"}});
      if (reply.status == 201) {
        ++moved;
      } else {
        // Moved away, into itself, or the place's collection has moved.
        EXPECT_TRUE(reply.status == 404 || reply.status == 403 || reply.status == 409 ||
                    reply.status == 412)
            << reply.status;
        ++refused;
      }
    }
  });
  std::cout << moved << " moved, " << refused << " refused, down to level " << deepest << "\n";
  EXPECT_GT(moved, enough_moved);
  EXPECT_GT(refused, 0);
  EXPECT_GT(deepest, 3) << "the collections hardly met: the test shows nothing";
}

// A moves into B while B moves into A: one of the two happens, never both.
TEST_F(Trees, TwoThatMoveIntoEachOther) {
  const int rounds = full_numbers() ? 300 : 60;
  std::vector<std::array<int, 2>> statuses(static_cast<std::size_t>(rounds));
  std::atomic<int> ready = 0;
  together(2, [&](int number, HttpClient& client) {
    for (int round = 0; round < rounds; ++round) {
      const std::string root = "/r" + std::to_string(round);
      if (number == 0) {
        EXPECT_EQ(client.request("MKCOL", root).status, 201);
        EXPECT_EQ(client.request("MKCOL", root + "/a").status, 201);
        EXPECT_EQ(client.request("MKCOL", root + "/b").status, 201);
      }
      ++ready;
      while (ready < 2 * (round + 1)) std::this_thread::yield();
      const char* from = number == 0 ? "/a" : "/b";
      const char* to = number == 0 ? "/b/a" : "/a/b";
      statuses[static_cast<std::size_t>(round)].at(static_cast<std::size_t>(number)) =
          client.request("MOVE", root + from, {{"Destination", root + to}}).status;
    }
  });
  for (const auto& round : statuses) {
    EXPECT_EQ(std::count(round.begin(), round.end(), 201), 1);
    EXPECT_EQ(
        std::count(round.begin(), round.end(), 404) + std::count(round.begin(), round.end(), 409),
        1);
  }
}

// Everything at once, on few names: no 5xx, no thread without an answer, a store that is whole
// (TearDown) after contents in files were shared, replaced and removed.
TEST_F(Trees, ACrowdThatAsksForAnythingIsAnswered) {
  constexpr int kClients = 64;
  const char* minutes = std::getenv("HOLDFAST_LINEAR_MINUTES");
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                       std::chrono::duration<double, std::ratio<60>>(
                           minutes == nullptr ? 0 : std::atof(minutes)));
  constexpr std::array kNames = {"/a",   "/b",     "/a/x", "/a/y",   "/b/x", "/a/c",   "/a/c/x",
                                 "/b/a", "/b/a/x", "/f",   "/a/b/c", "/b/y", "/a/c/y", "/c"};
  std::mutex mutex;
  std::vector<std::int64_t> micros;
  std::multiset<int> statuses;
  together(kClients, [&](int number, HttpClient& client) {
    std::mt19937 random(static_cast<unsigned>(number) + 7);
    const auto any = [&] { return std::string(kNames.at(random() % kNames.size())); };
    std::vector<std::int64_t> mine;
    std::multiset<int> got;
    std::string locked;
    std::string token;
    for (int i = 0; i < 40 || std::chrono::steady_clock::now() < end; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      Reply reply;
      // A lock is let go of with the next request.
      switch (token.empty() ? random() % 11 : 10) {
        case 0:
        case 1:
          reply = client.request("MKCOL", any());
          break;
        case 2:
          reply = client.request("PUT", any(), {}, "small");
          break;
        case 3:
          reply = client.request("PUT", any(), {}, std::string(70'000, 'x'));
          break;
        case 4:
          reply = client.request("GET", any());
          break;
        case 5:
          reply = client.request("DELETE", any());
          break;
        case 6:
          // Without members: copies of trees into each other would grow for ever.
          reply = client.request("COPY", any(), {{"Destination", any()}, {"Depth", "0"}});
          break;
        case 7:
        case 8:
          reply = client.request("MOVE", any(), {{"Destination", any()}});
          break;
        case 9:
          reply = client.request("PROPFIND", "/", {{"Depth", "infinity"}});
          break;
        default:
          if (token.empty()) {
            locked = any();
            reply = client.request("LOCK", locked, {{"Timeout", "Second-5"}}, lock_info(true));
            token = reply.field("Lock-Token");
          } else {
            reply = client.request("UNLOCK", locked, {{"Lock-Token", token}});
            token.clear();
          }
      }
      mine.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::steady_clock::now() - begin)
                         .count());
      got.insert(reply.status);
      EXPECT_LT(reply.status, 500) << reply.body;
      if (HasFailure()) break;
    }
    const std::lock_guard lock(mutex);
    micros.insert(micros.end(), mine.begin(), mine.end());
    statuses.insert(got.begin(), got.end());
  });
  std::sort(micros.begin(), micros.end());
  ASSERT_FALSE(micros.empty());
  const auto p99 = micros[micros.size() * 99 / 100];
  std::cout << micros.size() << " requests of " << kClients << " clients, p99 " << p99 / 1000
            << " ms, longest " << micros.back() / 1000 << " ms\n";
  // What was refused only shows nothing.
  EXPECT_GT(statuses.count(201) + statuses.count(204), statuses.size() / 20);
  if (full_numbers()) {
    EXPECT_LT(p99, 1'000'000);
    EXPECT_LT(micros.back(), 5'000'000);
  }
}

}  // namespace
}  // namespace holdfast::test
