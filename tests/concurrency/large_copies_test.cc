// COPY of large trees beside other clients (docs/robustness.md D15): others write between its
// parts, and the copy is what its source was at one instant.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/concurrency/crowd.h"
#include "tests/support/scale.h"

namespace holdfast::test {
namespace {

class LargeCopies : public Crowd {
 protected:
  int copy(const std::string& from, const std::string& to) {
    return ask("COPY", from, {{"Destination", to}});
  }
  // Makes /tree with 1,000 files in each of so many collections.
  void plant(int collections) {
    ASSERT_EQ(ask("MKCOL", "/tree"), 201);
    ASSERT_EQ(ask("MKCOL", "/tree/c000"), 201);
    HttpClient client(server_.port());
    for (int i = 0; i < 1000; ++i)
      ASSERT_EQ(client.request("PUT", "/tree/c000/f" + std::to_string(i), {}, "text").status, 201);
    for (int i = 1; i < collections; ++i) {
      const std::string number = std::to_string(1000 + i).substr(1);
      ASSERT_EQ(copy("/tree/c000", "/tree/c" + number), 201);
    }
  }
};

// While a tree is copied, a small PUT waits for a part of it, not for the whole: some begin and end
// in the middle half of the COPY's time.
TEST_F(LargeCopies, LetOthersWriteInBetween) {
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::duration<double, std::milli>;
  const int collections = at_scale(99, 20);
  plant(collections);
  std::atomic<bool> done = false;
  struct Write {
    Clock::time_point begin, end;
  };
  std::vector<Write> writes;
  std::mutex mutex;
  std::thread others([&] {
    HttpClient client(server_.port());
    for (int i = 0; !done; ++i) {
      const auto begin = Clock::now();
      EXPECT_LT(client.request("PUT", "/small" + std::to_string(i % 10), {}, "text").status, 300);
      const std::lock_guard lock(mutex);
      writes.push_back({begin, Clock::now()});
    }
  });
  // Where the machine is busy, the other client may not have had its turn.
  std::size_t within = 0;
  for (int round = 0; round < 5 && within < 3 && !HasFailure(); ++round) {
    const auto begin = Clock::now();
    EXPECT_EQ(copy("/tree", "/copy" + std::to_string(round)), 201);
    const auto end = Clock::now();
    const std::lock_guard lock(mutex);
    std::vector<double> waits_ms;
    for (const Write& write : writes) {
      if (write.end > begin && write.begin < end)
        waits_ms.push_back(Milliseconds(write.end - write.begin).count());
      if (write.begin > begin + (end - begin) / 4 && write.end < end - (end - begin) / 4) ++within;
    }
    std::sort(waits_ms.begin(), waits_ms.end());
    if (waits_ms.empty()) continue;
    std::cout << "COPY of " << collections << ",000 in " << Milliseconds(end - begin).count()
              << " ms; beside it " << waits_ms.size() << " PUTs, p99 "
              << waits_ms[waits_ms.size() * 99 / 100] << " ms, longest " << waits_ms.back()
              << " ms\n";
  }
  EXPECT_GE(within, 3U);
  done = true;
  others.join();
}

// A client counts in two files, one after the other, that are far apart in the tree. In every copy
// the second one is as far as the first one, or one behind.
TEST_F(LargeCopies, AreWhatTheSourceWasAtOneInstant) {
  plant(6);
  std::atomic<bool> done = false;
  std::atomic<int> pause_ms = 0;
  const auto counter = [](int n) { return std::to_string(n); };
  ASSERT_EQ(ask("PUT", "/tree/c000/first", {}, "0"), 201);
  ASSERT_EQ(ask("PUT", "/tree/c005/second", {}, "0"), 201);
  std::thread writer([&] {
    HttpClient client(server_.port());
    for (int n = 1; !done; ++n) {
      EXPECT_EQ(client.request("PUT", "/tree/c000/first", {}, counter(n)).status, 204);
      EXPECT_EQ(client.request("PUT", "/tree/c005/second", {}, counter(n)).status, 204);
      // Both occur: a copy that is placed as it was made, and one that has to begin anew.
      std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    }
  });
  HttpClient client(server_.port());
  for (int round = 0; round < 8 && !HasFailure(); ++round) {
    pause_ms = round % 4 * 20;
    const std::string to = "/copy" + std::to_string(round);
    EXPECT_EQ(copy("/tree", to), 201);
    const int first = std::stoi(client.request("GET", to + "/c000/first").body);
    const int second = std::stoi(client.request("GET", to + "/c005/second").body);
    EXPECT_TRUE(second == first || second == first - 1) << first << ", then " << second;
    EXPECT_EQ(client.request("GET", to + "/c005/f999").body, "text");
  }
  done = true;
  writer.join();
}

}  // namespace
}  // namespace holdfast::test
