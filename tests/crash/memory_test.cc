// Memory that runs out (robustness K11): at every allocation of every act, and at each Nth of many
// while a crowd asks. The server refuses or ends; what it acknowledged is there, what it did not is
// done wholly or not at all, and with memory it goes on. Not under ThreadSanitizer, whose own start
// does not survive what stands in front of its allocator.
#ifndef __SANITIZE_THREAD__
#include <atomic>
#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/crash/acts.h"
#include "tests/crash/world.h"
#include "tests/support/http_client.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kMemory = bit(CallKind::memory);

// A body of 100 KiB, so that each answer is written in parts.
const std::string kBody(100 << 10, 'r');

// What may be said when there is no memory; 0 is no answer.
bool is_refusal(int status) { return status == 0 || status == 500 || status == 503; }

bool has_ended(std::uint16_t port) {
  try {
    HttpClient client(port);
    return client.request("OPTIONS", "/").status == 0;
  } catch (const std::runtime_error&) {
    return true;
  }
}

class NoMemory : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(, NoMemory, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const Act& one : acts()) names.push_back(one.name);
                           return names;
                         }()),
                         [](const auto& name) { return name.param; });

TEST_P(NoMemory, AtOneAllocationRefusesOrEndsAndLosesNothing) {
  const Act one = act(GetParam());
  CrashWorld world("full");
  world.start_for_memory();
  std::map<int, int> answers;
  int ends = 0;
  // Each act is cut at other ones.
  const std::uint64_t step = long_version() ? 1 : 3;
  for (std::uint64_t at = 1 + GetParam().size() % step;; at += step) {
    clear(*world.ledger);
    one.prepare(*world.ledger);
    world.faults.arm({.action = FaultAction::fail, .at = at, .kinds = kMemory});
    const auto begin = std::chrono::steady_clock::now();
    const int status = one.run(*world.ledger);
    const auto took = std::chrono::steady_clock::now() - begin;
    world.faults.disarm();
    if (!world.faults.fired()) {
      EXPECT_TRUE(status >= 200 && status < 300) << status;
      EXPECT_GT(at, 20U) << "allocations were not seen";
      std::cout << "faults " << at << ", ends " << ends << ", answers";
      for (const auto& [answer, count] : answers) std::cout << " " << answer << " x" << count;
      std::cout << "\n";
      break;
    }
    ++answers[status];
    SCOPED_TRACE("allocation " + std::to_string(at) + ", " + world.faults.place());
    ASSERT_LT(took, 55s) << "the ledger gave up waiting";
    EXPECT_TRUE(is_refusal(status) || (status >= 200 && status < 300)) << status;
    if (status == 0 && has_ended(world.server.port())) {
      ++ends;
      // By std::terminate: 1 is a sanitizer's, of a wild pointer or a leak.
      const int code = world.server.wait_for_end();
      EXPECT_EQ(code, 128 + SIGABRT) << world.server.output();
      world.start_for_memory();
    }
    ASSERT_EQ(world.ledger->verify(), "") << world.server.output();
  }
  EXPECT_EQ(world.check(), "");
  EXPECT_EQ(world.server.stop(), 0) << world.server.output();
}

// A crowd that asks for anything, while each Nth allocation, or every larger one, is refused.
TEST(ScarceMemory, RefusesACrowdAndGoesOnAfterwards) {
  CrashWorld world("full");
  world.start_for_memory();
  WriteLedger& ledger = *world.ledger;
  ASSERT_EQ(ledger.put("kept", kBody.size()), 201);
  {
    HttpClient client(world.server.port());
    ASSERT_EQ(client.request("PUT", "/r", {}, kBody).status, 201);
  }
  std::vector<Fault> faults;
  for (const std::uint64_t nth : {3, 7, 31, 101, 499})
    faults.push_back({.action = FaultAction::fail, .at = nth, .kinds = kMemory, .repeated = true});
  for (const std::uint64_t bytes : {64 << 10, 16 << 10, 4 << 10})
    faults.push_back(
        {.action = FaultAction::fail, .kinds = kMemory, .persistent = true, .least_bytes = bytes});
  int ends = 0;
  int refused = 0;
  int served = 0;
  for (const Fault& fault : faults) {
    SCOPED_TRACE("each " + std::to_string(fault.at) + "th, from " +
                 std::to_string(fault.least_bytes) + " bytes");
    for (int round = 0; round < (long_version() ? 20 : 3); ++round) {
      clear(ledger);
      act("CopyOver").prepare(ledger);
      std::atomic<bool> over = false;
      std::atomic<int> wrong = 0;
      std::vector<std::jthread> crowd;
      for (int reader = 0; reader < 3; ++reader)
        crowd.emplace_back([&, reader] {
          while (!over) {
            try {
              HttpClient client(world.server.port(), 30s);
              for (int i = 0; i < 5 && !over; ++i) {
                const Reply reply = reader == 0
                                        ? client.request("PROPFIND", "/", {{"Depth", "1"}})
                                        : client.request("GET", "/r", {{"Range", "bytes=0-99999"}});
                if (reply.status >= 400 && !is_refusal(reply.status)) ++wrong;
                if (reply.status == 206 && reply.body != kBody.substr(0, 100'000)) ++wrong;
              }
            } catch (const std::runtime_error&) {
              // No answer is an answer here; the round ends soon.
              std::this_thread::sleep_for(1ms);
            }
          }
        });
      world.faults.arm(fault);
      bool ended = false;
      for (int i = 0; i < 6 && !ended; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        const int status = i % 2 == 0 ? ledger.patch("b") : ledger.put("b", kFile);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 55s) << "nobody answered";
        EXPECT_TRUE(is_refusal(status) || (status >= 200 && status < 300)) << status;
        if (status >= 200 && status < 300) {
          ++served;
          continue;
        }
        ++refused;
        world.faults.disarm();
        if (status == 0 && has_ended(world.server.port())) {
          ++ends;
          const int code = world.server.wait_for_end();
          EXPECT_EQ(code, 128 + SIGABRT) << world.server.output();
          ended = true;
          over = true;
          crowd.clear();
          world.start_for_memory();
        }
        ASSERT_EQ(ledger.verify(), "") << world.server.output();
        if (!ended) world.faults.arm(fault);
      }
      world.faults.disarm();
      over = true;
      crowd.clear();
      EXPECT_EQ(wrong, 0);
      // With memory all is as it was.
      ASSERT_EQ(ledger.verify(), "") << world.server.output();
      ASSERT_GE(ledger.put("after", kFile), 200);
    }
  }
  std::cout << "faults " << faults.size() << ", ends " << ends << ", refused " << refused
            << ", served " << served << "\n";
  EXPECT_GT(refused, 10);
  EXPECT_GT(served, 0);
  EXPECT_EQ(world.check(), "");
  EXPECT_EQ(world.server.stop(), 0) << world.server.output();
}

}  // namespace
}  // namespace holdfast::test
#endif
