// Memory that runs out (docs/robustness.md K11): at every allocation of every act, and at each Nth
// of many while a crowd asks. The server refuses or ends; what it acknowledged is there, what it
// did not is done wholly or not at all, and with memory it goes on. Not under ThreadSanitizer,
// whose own start does not survive what stands in front of its allocator.
#ifndef __SANITIZE_THREAD__
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
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
const std::string kBytes(100 << 10, 'r');

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
    if (has_ended(world.server.port())) {  // perhaps after it answered
      ++ends;
      // By std::terminate, or in the main thread, which may still be about to start, with a word. A 1
      // without it is a sanitizer's, of a wild pointer or a leak.
      const int code = world.server.wait_for_end();
      const bool said = world.server.output().ends_with("holdfast: std::bad_alloc\n");
      EXPECT_EQ(code, said ? 1 : 128 + SIGABRT) << world.server.output();
      world.start_for_memory();
    }
    ASSERT_EQ(world.ledger->verify(), "") << world.server.output();
  }
  EXPECT_EQ(world.check(), "");
  EXPECT_EQ(world.server.stop(), 0) << world.server.output();
}

// Three who read while the ledger writes, until stopped or destroyed.
class Readers {
 public:
  explicit Readers(std::uint16_t port) {
    for (int reader = 0; reader < 3; ++reader)
      threads_.emplace_back([this, port, reader] {
        while (!over_) {
          try {
            HttpClient client(port, 30s);
            for (int i = 0; i < 5 && !over_; ++i) {
              const Reply reply = reader == 0
                                      ? client.request("PROPFIND", "/", {{"Depth", "1"}})
                                      : client.request("GET", "/r", {{"Range", "bytes=0-99999"}});
              if (reply.status >= 400 && !is_refusal(reply.status)) ++wrong_;
              if (reply.status == 206 && reply.body != kBytes.substr(0, 100'000)) ++wrong_;
            }
          } catch (const std::runtime_error&) {
            // No answer is an answer here; the round ends soon.
            std::this_thread::sleep_for(1ms);
          }
        }
      });
  }
  ~Readers() { over_ = true; }
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  // Waits for them; how many answers were neither right nor a refusal.
  int stop() {
    over_ = true;
    threads_.clear();
    return wrong_;
  }

 private:
  std::atomic<bool> over_ = false;
  std::atomic<int> wrong_ = 0;
  std::vector<std::jthread> threads_;  // they use what is above
};

// A crowd that asks for anything, while each Nth allocation, or every larger one, is refused.
TEST(ScarceMemory, RefusesACrowdAndGoesOnAfterwards) {
  CrashWorld world("full");
  world.start_for_memory();
  WriteLedger& ledger = *world.ledger;
  ASSERT_EQ(ledger.put("kept", kBytes.size()), 201);
  {
    HttpClient client(world.server.port());
    ASSERT_EQ(client.request("PUT", "/r", {}, kBytes).status, 201);
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
      Readers readers(world.server.port());
      // A reader's request may end the server as well, whatever the ledger is answered.
      const auto goes_on = [&] {
        world.faults.disarm();
        if (!has_ended(world.server.port())) return true;
        ++ends;
        const int code = world.server.wait_for_end();
        EXPECT_EQ(code, 128 + SIGABRT) << world.server.output();
        EXPECT_EQ(readers.stop(), 0);
        world.start_for_memory();
        return false;
      };
      bool going_on = true;
      for (int i = 0; i < 6 && going_on; ++i) {
        world.faults.arm(fault);
        const auto begin = std::chrono::steady_clock::now();
        const int status = i % 2 == 0 ? ledger.patch("b") : ledger.put("b", kFile);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 55s) << "nobody answered";
        EXPECT_TRUE(is_refusal(status) || (status >= 200 && status < 300)) << status;
        if (status >= 200 && status < 300) {
          ++served;
          continue;
        }
        ++refused;
        going_on = goes_on();
        ASSERT_EQ(ledger.verify(), "") << world.server.output();
      }
      if (going_on) (void)goes_on();
      EXPECT_EQ(readers.stop(), 0);
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

// AddressSanitizer keeps terabytes of addresses for itself: scripts/crash has the plain program.
#ifndef __SANITIZE_ADDRESS__
// The real limit of a process (RLIMIT_AS), from too little to start with to more than it needs.
TEST(ScarceMemory, ALimitOfAddressesRefusesOrEndsAndLosesNothing) {
  CrashWorld world("full");
  world.start();
  act("CopyOver").prepare(*world.ledger);
  {
    HttpClient client(world.server.port());
    ASSERT_EQ(client.request("PUT", "/r", {}, kBytes).status, 201);
  }
  ASSERT_EQ(world.server.stop(), 0) << world.server.output();
  const std::string program = holdfast_binary();
  const std::string limited = world.folder / "limited";
  int never_started = 0;
  int ends = 0;
  int refused = 0;
  int served = 0;
  for (std::uint64_t mib = 16; mib <= 256; mib += mib < 160 ? 4 : 16) {
    SCOPED_TRACE(std::to_string(mib) + " MiB");
    std::ofstream(limited) << "#!/bin/sh\nulimit -v " << (mib << 10) << "\nexec " << program
                           << " \"$@\"\n";
    ASSERT_EQ(chmod(limited.c_str(), 0700), 0);
    ASSERT_EQ(setenv("HOLDFAST_BINARY", limited.c_str(), 1), 0);
    bool started = true;
    try {
      world.start_plainly();
    } catch (const std::runtime_error&) {
      started = false;
    }
    ASSERT_EQ(setenv("HOLDFAST_BINARY", program.c_str(), 1), 0);
    if (!started) {
      ++never_started;
    } else {
      Readers readers(world.server.port());
      for (int i = 0; i < 12; ++i) {
        const int status = i % 2 == 0 ? world.ledger->patch("b") : world.ledger->put("b", kFile);
        if (status >= 200 && status < 300) {
          ++served;
          continue;
        }
        EXPECT_TRUE(is_refusal(status)) << status;
        ++refused;
        if (has_ended(world.server.port())) break;
      }
      EXPECT_EQ(readers.stop(), 0);
      // Without memory it may end by itself, never by a wild pointer.
      const int code = world.server.stop();
      EXPECT_TRUE(code == 0 || code == 128 + SIGABRT) << code << world.server.output();
      if (code != 0) ++ends;
    }
    world.start_plainly();
    ASSERT_EQ(world.ledger->verify(), "") << world.server.output();
    ASSERT_EQ(world.server.stop(), 0) << world.server.output();
  }
  std::cout << "faults " << never_started + ends + refused << ", not started " << never_started
            << ", ends " << ends << ", refused " << refused << ", served " << served << "\n";
  EXPECT_GT(never_started, 0) << "the limits limit nothing";
  EXPECT_GT(served, 50);
  world.start_plainly();
  EXPECT_EQ(world.check(), "");
  EXPECT_EQ(world.server.stop(), 0) << world.server.output();
}
#endif

}  // namespace
}  // namespace holdfast::test
#endif
