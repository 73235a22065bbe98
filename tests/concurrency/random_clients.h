// Clients that ask at random, at once and for the same few resources, and write down what happened.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/concurrency/history.h"

namespace holdfast::test {

// What is asked: a server, or something that pretends to be one.
class Subject {
 public:
  virtual ~Subject() = default;
  // Performs the operation for its client and writes down status and what was seen. Called by one
  // thread a client.
  virtual void perform(Operation& operation) = 0;
};

// In place of a status: the request was not sent, so that it is no part of the history.
constexpr int kNotSent = -1;

struct Plan {
  unsigned seed = 1;
  int clients = 4;
  int operations = 9;  // of each client, after three by the first alone
};

// Has the clients ask `subject` and returns what happened; `meanwhile` runs on the caller's thread.
// At the end, when nobody else asks, the first client lists the whole tree. Rethrows what a
// client's perform() throws.
[[nodiscard]] History record(
    Subject& subject, const Plan& plan, const std::function<void()>& meanwhile = [] {});

// Chooses operations that are likely to meet: few names, conditions and tokens that somebody has
// just been told, some of them out of date by now. Every history has its own names and its own
// favourite methods, so that also what is rare in the mean is frequent in some. Any thread.
class Chooser {
 public:
  explicit Chooser(unsigned seed);

  // The next operation of `client`, without times.
  Operation next(int client);
  // Takes note of tokens and contents in an answer.
  void learn(const Operation& operation);
  // A number for an operation that somebody else chooses.
  int number();

 private:
  int below(int limit);
  std::string name();
  void submit(Operation& operation);

  std::mutex mutex_;
  std::mt19937 random_;
  std::discrete_distribution<int> methods_;
  std::vector<std::string> names_;
  int last_ = 0;
  std::vector<std::pair<std::string, int>> contents_;  // as they were seen
  std::vector<int> tokens_;                            // as they were granted
};

// CLOCK_MONOTONIC in nanoseconds.
[[nodiscard]] std::int64_t monotonic_ns();

}  // namespace holdfast::test
