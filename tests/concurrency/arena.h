// The real server and the clients that ask it: histories over loopback, each in a collection of its
// own, while the server runs undisturbed, is killed and started again, or stands still for a while.
// One thread, the one that made it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "tests/concurrency/random_clients.h"
#include "tests/support/http_client.h"
#include "tests/support/server_process.h"

namespace holdfast::test {

enum class Nemesis {
  none,
  kill,   // SIGKILL at some request, and the same data again
  pause,  // SIGSTOP at some request; clients give up and go on, their requests arrive later
};

class Arena {
 public:
  // Starts the server. `durability` is full or relaxed.
  Arena(std::filesystem::path data, const std::string& durability, unsigned seed);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Records one history. Throws std::runtime_error when the server answers 5xx or a connection
  // fails without a reason.
  History history(Nemesis nemesis);

  // Stops the server; its exit code. What it left must pass `holdfast check`: that one's output, or
  // nothing when it passes.
  int stop();
  [[nodiscard]] std::string check_store() const;

  // Entity tags that have named two contents, in any history and over restarts (docs/robustness.md
  // G7).
  [[nodiscard]] const std::vector<std::string>& reused_tags() const { return reused_tags_; }
  [[nodiscard]] int unanswered() const { return unanswered_; }

 private:
  class Collection;  // the subject of one history

  // Waits until the clients have begun `count` requests.
  void wait_for_requests(int count);
  void kill_and_restart();
  void pause();

  ServerProcess server_;
  std::mt19937 random_;
  int histories_ = 0;
  std::vector<std::unique_ptr<HttpClient>> clients_;
  std::vector<std::unique_ptr<HttpClient>> impatient_;

  std::mutex mutex_;
  std::condition_variable changed_;
  int requests_ = 0;  // begun in the present history
  bool up_ = true;
  std::map<std::string, std::string> named_;  // content by entity tag
  std::vector<std::string> reused_tags_;
  int unanswered_ = 0;
};

}  // namespace holdfast::test
