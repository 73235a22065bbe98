// One client that sends one request after another, and every state that its tree was in. What a
// server has after a power cut must be one of those states, not older than what it promised.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/http_client.h"

namespace holdfast::test {

// What is at a path: a body, by its number, or one of these.
using Value = int;
inline constexpr Value kAbsent = -1;
inline constexpr Value kCollection = -2;
inline constexpr Value kBroken = -3;  // its GET fails, or sends what nobody stored

// Paths begin with a slash and end without one; the root is not in it.
using Tree = std::map<std::string, Value>;

// The first segment of a path: scenarios work in a collection each.
[[nodiscard]] std::string scenario_of(std::string_view path);

// What a server has.
struct SeenTree {
  Tree tree;
  std::map<std::string, std::string> broken;  // what is wrong with each that is
};

struct Verdict {
  // By scenario, with words for people: a file is broken, or gone in a way that no allowed state
  // has; and none of the above, but no allowed state.
  std::map<std::string, std::string> lost;
  std::map<std::string, std::string> mixed;
  // The tree as a whole is one allowed state.
  bool one_moment = false;

  [[nodiscard]] std::string text() const;
};

class Past {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  // Of a client that works below the collection `top` only; of the whole tree when it is empty.
  explicit Past(std::string top = "") : top_(std::move(top)) {}

  // The number of a new body of `size` bytes.
  Value new_body(std::size_t size);
  [[nodiscard]] std::string body(Value number) const;

  [[nodiscard]] const Tree& now() const { return now_; }
  [[nodiscard]] bool has(const std::string& path) const { return now_.contains(path); }

  // A request is sent. What it changes is true from its answer on, and may be before.
  void put(const std::string& path, Value number);
  void make_collection(const std::string& path);
  void copy(const std::string& from, const std::string& to);
  void move(const std::string& from, const std::string& to);
  void remove(const std::string& path);

  // When: `records` is the number of the disk's records by then.
  void sent(std::uint64_t records);
  void answered(std::uint64_t records, Clock::time_point time);

  // The number of requests, each of which made a state from the one before.
  [[nodiscard]] std::size_t requests() const { return steps_.size(); }
  [[nodiscard]] std::size_t sent_by(std::uint64_t records) const;
  [[nodiscard]] std::size_t answered_by(std::uint64_t records) const;
  [[nodiscard]] std::size_t answered_before(Clock::time_point time) const;

  // Reads all that the server has there.
  [[nodiscard]] SeenTree read(HttpClient& client) const;
  // Compares it with the states after `first` to `last` requests.
  [[nodiscard]] Verdict judge(const SeenTree& seen, std::size_t first, std::size_t last) const;

 private:
  struct Change {
    std::string path;
    Value value = kAbsent;
  };
  struct Step {
    std::vector<Change> changes;
    std::uint64_t sent = kNever;
    std::uint64_t answered = kNever;
    Clock::time_point time = Clock::time_point::max();
  };

  void step(std::vector<Change> changes);
  [[nodiscard]] std::vector<Change> removal(const std::string& path) const;
  [[nodiscard]] Value number_of(std::string_view body) const;

  std::string top_;
  std::vector<std::size_t> sizes_;  // of bodies, by number
  Tree now_;
  std::vector<Step> steps_;
};

// Sends what it enters into a Past. Throws std::runtime_error for an answer other than success.
class PastClient {
 public:
  // `records` says how many the disk has.
  PastClient(Past& past, std::uint16_t port, std::function<std::uint64_t()> records)
      : past_(past), client_(port), records_(std::move(records)) {}

  void put(const std::string& path, std::size_t size);
  void make_collection(const std::string& path);
  void copy(const std::string& from, const std::string& to);
  void move(const std::string& from, const std::string& to);
  void remove(const std::string& path);
  [[nodiscard]] bool has(const std::string& path) const { return past_.has(path); }

 private:
  void send(std::string_view method, const std::string& path, const Fields& fields = {},
            std::string_view body = {});

  Past& past_;
  HttpClient client_;
  std::function<std::uint64_t()> records_;
};

}  // namespace holdfast::test
