// Where one thread answers the quick requests of many connections one after the other, as epoll
// reports them, so that no thread has to be put to sleep and woken between them. The thread is that
// of the worker who came first; it leaves when nothing comes any more.
//
// Nobody waits here for another's slow request. One that is not quick by its head goes to the
// workers before it is begun. When one proves slow while it is answered (its client does not take
// the answer, the disk does not answer, a password is hashed), all the others leave for the poller,
// which calls workers for them, and the thread goes on as the worker of that one connection.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <sys/epoll.h>
#include <vector>

#include "server/connection.h"
#include "server/workers.h"
#include "server/workspace.h"
#include "storage/descriptor.h"

namespace holdfast::server {

class Desk {
 public:
  // What becomes of connections that leave.
  using Settle = std::function<void(Connection&, Connection::Next)>;
  // `workers` must outlive the desk. Throws std::system_error without descriptors.
  Desk(const Workers& workers, Settle settle);
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // Connections may be brought. Any thread.
  [[nodiscard]] bool is_open() const { return open_.load(std::memory_order_relaxed); }

  // For the worker that has the connection, of which no bytes may be here that epoll does not know
  // of; afterwards it is the worker's no longer. Returns at once when another thread attends, else
  // when nothing has come for kSoon.
  void bring(Connection& connection, Workspace& space);

  // For one thread, every kPatience as long as it says so: when a request has taken longer than
  // that, the others leave.
  [[nodiscard]] bool look_after(Clock::time_point now);
  static constexpr std::chrono::milliseconds kPatience{10};

  // All leave soon, and no more may be brought.
  void close_for_good();

 private:
  class AttendedTurn;

  void attend(std::uint64_t seat, Workspace& space);
  [[nodiscard]] int wait(std::span<epoll_event> events) const;
  // False when the thread with that seat attends no longer.
  [[nodiscard]] bool begin(std::uint64_t seat, Connection& connection);
  [[nodiscard]] bool finish(std::uint64_t seat, Connection& connection, bool stays);
  void let_idle_leave(std::uint64_t seat, Clock::time_point now);
  // All but the one that is being served leave, and the thread attends no longer; the desk stays
  // closed for a while. False when it did not attend.
  bool clear(std::uint64_t seat, Clock::duration closed);
  // With the mutex held.
  void forget(Connection& connection);

  const Workers& workers_;
  const Settle settle_;
  const storage::Descriptor epoll_;
  std::atomic<bool> open_{true};
  // Of the thread that attends, or the next to come. Changed with the mutex held.
  std::atomic<std::uint64_t> seat_{0};

  std::mutex mutex_;  // guards what follows
  bool attended_ = false;
  bool closed_for_good_ = false;
  Clock::time_point closed_until_;
  std::vector<Connection*> present_;
  Connection* served_ = nullptr;  // one of them
  std::uint64_t turns_ = 0;
  std::uint64_t turns_seen_ = 0;  // by look_after
};

using Desks = std::vector<std::unique_ptr<Desk>>;

}  // namespace holdfast::server
