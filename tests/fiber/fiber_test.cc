// Fibers on threads of a small pool: they wait without a thread, any thread goes on with them, and
// what each has of its own (stack, exceptions) stays its own.
#include "fiber/fiber.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "fiber/wait.h"

namespace holdfast::fiber {
namespace {

using namespace std::chrono_literals;

class Pool;

class Job final : public Fiber {
 public:
  Job(Pool& pool, std::function<void(Job&)> what) : pool_(pool), what_(std::move(what)) {}
  std::atomic<int> waits{0};

 private:
  void work() noexcept override { what_(*this); }
  void ready() noexcept override;
  void will_wait() noexcept override { ++waits; }
  void add_deadline(Event& event, Clock::time_point deadline) noexcept override;
  void remove_deadline(Event& event) noexcept override;

  Pool& pool_;
  std::function<void(Job&)> what_;
};

// Threads that run jobs. With none, the test runs them itself.
class Pool {
 public:
  explicit Pool(std::size_t threads) {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
    clock_ = std::thread([this] {
      while (!ended_) {
        deadlines.expire(Clock::now());
        std::this_thread::sleep_for(1ms);
      }
    });
  }
  ~Pool() {
    ended_ = true;
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    clock_.join();
  }
  Job& add(std::function<void(Job&)> what) {
    Job& job = *jobs_.emplace_back(std::make_unique<Job>(*this, std::move(what)));
    ++left_;
    push(job);
    return job;
  }
  void push(Fiber& fiber) {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(&fiber);
    changed_.notify_all();
  }
  // Waits until all jobs have ended.
  [[nodiscard]] bool finish() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return left_ == 0; });
  }
  Deadlines deadlines;

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return ended_ || !queue_.empty(); });
      if (queue_.empty()) return;
      Fiber& fiber = *queue_.front();
      queue_.pop_front();
      lock.unlock();
      const bool has_ended = fiber.run();
      lock.lock();
      if (has_ended && --left_ == 0) changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Fiber*> queue_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::atomic<int> left_{0};
  std::atomic<bool> ended_{false};
  std::vector<std::thread> threads_;
  std::thread clock_;
};

void Job::ready() noexcept { pool_.push(*this); }
void Job::add_deadline(Event& event, Clock::time_point deadline) noexcept {
  pool_.deadlines.add(event, deadline);
}
void Job::remove_deadline(Event& event) noexcept { pool_.deadlines.remove(event); }

[[maybe_unused]] std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0;
  file >> pages >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Uses about this much stack, each frame until those below it are gone.
[[gnu::noinline]] void use_stack(std::size_t bytes, volatile char* above = nullptr) {
  volatile char block[4096];
  block[0] = static_cast<char>(bytes);
  if (bytes > sizeof block) use_stack(bytes - sizeof block, block);
  if (above != nullptr) above[1] = block[0];
}

TEST(Fiber, RunsToItsEndAndAnew) {
  Pool pool(0);
  int runs = 0;
  const Fiber* seen = nullptr;
  Job job(pool, [&](Job&) {
    ++runs;
    seen = Fiber::current();
  });
  EXPECT_EQ(Fiber::current(), nullptr);
  EXPECT_TRUE(job.run());
  EXPECT_TRUE(job.run());
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(seen, &job);
  EXPECT_EQ(Fiber::current(), nullptr);
}

TEST(Fiber, OneThatYieldsLetsOthersGoFirst) {
  std::vector<int> order;
  Pool pool(1);
  std::mutex mutex;
  Condition changed;
  bool both_are_here = false;
  for (int i = 0; i < 2; ++i)
    pool.add([&, i](Job& job) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return both_are_here; });
      }
      for (int round = 0; round < 3; ++round) {
        order.push_back(i);
        job.yield();
      }
    });
  {
    const std::scoped_lock lock(mutex);
    both_are_here = true;
    changed.notify_all();
  }
  EXPECT_TRUE(pool.finish());
  EXPECT_EQ(order.size(), 6U);
  // Whoever comes first, neither goes twice in a row before the other has begun.
  for (std::size_t i = 2; i < 5; ++i) EXPECT_EQ(order[i], order[i - 2]);
}

TEST(Fiber, OneThatNeverRanCanBeDestroyed) {
  Pool pool(0);
  const Job job(pool, [](Job&) {});
}

TEST(Fiber, ManyWaitOnTwoThreads) {
  Pool pool(2);
  constexpr int kMany = 500;
  std::mutex mutex;
  Condition arrived;
  Condition changed;
  int here = 0;
  bool open = false;
  for (int i = 0; i < kMany; ++i)
    pool.add([&](Job&) {
      std::unique_lock lock(mutex);
      ++here;
      arrived.notify_all();
      changed.wait(lock, [&] { return open; });
    });
  {
    // This thread waits in the same way.
    std::unique_lock lock(mutex);
    ASSERT_TRUE(arrived.wait_until(lock, Clock::now() + 20s, [&] { return here == kMany; }));
    open = true;
    changed.notify_all();
  }
  EXPECT_TRUE(pool.finish());
}

TEST(Fiber, AnEventThatIsSetAlreadyTakesNoWait) {
  Pool pool(1);
  Job& job = pool.add([](Job&) {
    Event event;
    event.set();
    event.wait();
    EXPECT_TRUE(event.wait_until(Clock::now()));
  });
  EXPECT_TRUE(pool.finish());
  EXPECT_EQ(job.waits, 0);
}

TEST(Fiber, EventsAreSetByOtherThreadsAtAnyMoment) {
  Pool pool(2);
  std::mutex mutex;
  std::vector<Event*> unset;
  std::atomic<bool> done{false};
  std::thread setter([&] {
    while (!done) {
      std::vector<Event*> some;
      {
        const std::scoped_lock lock(mutex);
        some.swap(unset);
      }
      for (Event* event : some) event->set();
    }
  });
  std::atomic<int> waits{0};
  for (int i = 0; i < 8; ++i)
    pool.add([&, i](Job&) {
      for (int round = 0; round < 2'000; ++round) {
        Event event;
        {
          const std::scoped_lock lock(mutex);
          unset.push_back(&event);
        }
        // Some look whether time is up, and wait on when it is.
        if (i % 2 == 0 || !event.wait_until(Clock::now() + 50us)) event.wait();
        ++waits;
      }
    });
  EXPECT_TRUE(pool.finish());
  done = true;
  setter.join();
  EXPECT_EQ(waits, 8 * 2'000);
}

TEST(Fiber, ADeadlineEndsAWait) {
  Pool pool(1);
  std::mutex mutex;
  Condition changed;
  std::atomic<int> late{0};
  for (int i = 0; i < 20; ++i)
    pool.add([&](Job&) {
      std::unique_lock lock(mutex);
      if (!changed.wait_until(lock, Clock::now() + 20ms, [] { return false; })) ++late;
    });
  EXPECT_TRUE(pool.finish());
  EXPECT_EQ(late, 20);
  // Nobody is left behind who could be notified.
  const std::scoped_lock lock(mutex);
  changed.notify_all();
}

TEST(Condition, ThoseWhoCameFirstGoFirst) {
  Pool pool(1);
  std::mutex mutex;
  Condition changed;
  std::vector<int> order;
  std::vector<char> may_go(5, 0);
  int here = 0;
  for (int i = 0; i < 5; ++i)
    pool.add([&, i](Job&) {
      std::unique_lock lock(mutex);
      ++here;
      bool notified = false;
      changed.wait(lock, [&] { return std::exchange(notified, true); });
      order.push_back(i);
    });
  for (;;) {
    const std::scoped_lock lock(mutex);
    if (here == 5) break;
  }
  for (std::size_t i = 1; i <= 5; ++i) {
    {
      const std::scoped_lock lock(mutex);
      changed.notify_one();
    }
    for (;;) {
      const std::scoped_lock lock(mutex);
      if (order.size() == i) break;
    }
  }
  EXPECT_TRUE(pool.finish());
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

// An exception that is being handled belongs to its fiber, whoever throws meanwhile on its thread.
TEST(Fiber, ExceptionsStayWithTheirFiber) {
  Pool pool(2);
  std::mutex mutex;
  Condition changed;
  int turn = 0;
  std::atomic<int> right{0};
  for (int i = 0; i < 20; ++i)
    pool.add([&, i](Job&) {
      try {
        throw std::runtime_error(std::to_string(i));
      } catch (const std::runtime_error&) {
        {
          // They wait inside their handlers and leave them in another order than they came.
          std::unique_lock lock(mutex);
          changed.wait(lock, [&] { return turn == (i * 7) % 20; });
          ++turn;
          changed.notify_all();
        }
        try {
          throw;
        } catch (const std::runtime_error& error) {
          if (error.what() == std::to_string(i) && std::uncaught_exceptions() == 0) ++right;
        }
      }
    });
  EXPECT_TRUE(pool.finish());
  EXPECT_EQ(right, 20);
}

TEST(Fiber, AWaitingOneGivesItsStackBack) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizers' own memory hides it";
#else
  Pool pool(1);
  constexpr int kMany = 1'000;
  std::mutex mutex;
  Condition arrived;
  Condition changed;
  int here = 0;
  bool open = false;
  const std::size_t before = resident_bytes();
  for (int i = 0; i < kMany; ++i)
    pool.add([&](Job& job) {
      use_stack(100'000);
      job.trim_stack();
      std::unique_lock lock(mutex);
      ++here;
      arrived.notify_all();
      changed.wait(lock, [&] { return open; });
    });
  std::unique_lock lock(mutex);
  ASSERT_TRUE(arrived.wait_until(lock, Clock::now() + 20s, [&] { return here == kMany; }));
  EXPECT_LT(resident_bytes() - before, std::size_t{20'000} * kMany);
  open = true;
  changed.notify_all();
  lock.unlock();
  EXPECT_TRUE(pool.finish());
#endif
}

TEST(FiberDeathTest, AStackThatGrowsTooFarEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        Pool pool(0);
        Job job(pool, [](Job&) { use_stack(2 * Fiber::kStackBytes); });
        (void)job.run();
      },
      "");
}

}  // namespace
}  // namespace holdfast::fiber
