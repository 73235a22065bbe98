// Runs a plan against one server: one thread, one epoll, N kept-alive connections with exactly one
// request in flight each. An operation is all steps of the plan in order; it counts when every
// answer was as expected.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bench/load/histogram.h"
#include "bench/load/plan.h"

namespace holdfast::bench {

struct Result {
  double seconds = 0;  // the measured time
  // Operations done within it. One that began before its end or ended after it counts by the share
  // of its time that lies inside, so that long operations in a short window bias nothing.
  double done = 0;
  // Of operations that began within it.
  Histogram latency;             // a whole operation
  Histogram first_byte;          // each answer
  std::uint64_t body_bytes = 0;  // of answers
  // From the first request to the last answer, warm-up included.
  std::uint64_t all_operations = 0;
  std::uint64_t wrong = 0;                       // operations that do not count
  std::map<std::string, std::uint64_t> reasons;  // "PUT: status 409" → how often
  std::uint64_t reconnects = 0;                  // the server closed a connection between requests
  bool stalled = false;
  // Per connection, {n} of its last right operation + 1; its first {n} when there was none.
  std::vector<std::uint64_t> next;
};

// Throws std::runtime_error when the server cannot be reached.
[[nodiscard]] Result run(const Plan& plan, const std::string& address, std::uint16_t port);

}  // namespace holdfast::bench
