// One thread that accepts connections, sees what those wait for that need no thread, and ends those
// that wait too long: 10,000 idle connections cost a descriptor and a few hundred bytes each, and a
// task that waits in the middle of a request some pages of its stack. The thread never waits for a
// client. Any thread may call the public functions.
//
// Invariants, which `mutex_` guards:
//   1. A parked or waiting connection is armed in epoll once; the event that disarms it makes it
//      working.
//   2. Only the poller's thread takes a connection out of `parked`, `waiting` or `lingering`.
//   3. A working connection belongs to the one task (or queue entry) that has it. Only that task
//      parks, waits, lingers or closes it; cut() only shuts its socket down.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "Poco/Net/ServerSocket.h"
#include "Poco/Thread.h"
#include "fiber/wait.h"
#include "server/http1/connection.h"
#include "server/http1/exchange.h"
#include "server/loop/admission.h"
#include "server/loop/quick_loop.h"
#include "server/loop/workers.h"
#include "storage/descriptor.h"

namespace holdfast::server::loop {

class Poller {
 public:
  // All arguments must outlive the poller. Throws std::system_error without descriptors.
  Poller(const http1::Service& service, Poco::Net::ServerSocket& listening, Workers& workers,
         const QuickLoops& quick_loops);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void start();

  // Called in the thread of the task that had the connection; afterwards it must not use it.
  void return_connection(http1::Connection& connection, http1::Connection::Next next);

  // Called by the task that has the connection: waits until the socket is readable, or writable
  // with `for_room`, or has an error, and returns true; false when `deadline` comes first.
  [[nodiscard]] bool wait(http1::Connection& connection, bool for_room,
                          net::Clock::time_point deadline) noexcept;
  // What tasks wait for besides their sockets.
  [[nodiscard]] fiber::Deadlines& deadlines() { return deadlines_; }

  // Closes the listening socket and every parked connection, now and later.
  void begin_stop();
  // Ends the connections that tasks still have.
  void cut();
  // Call after the last worker has ended: waits until clients have read the last responses, then
  // ends the thread.
  void finish();

 private:
  void run();
  // Runs one round: waits for events and handles them. Returns false when all is finished.
  [[nodiscard]] bool run_once();
  void wake();
  void listen(bool accept);
  void accept_some();
  void accept_one(int descriptor, const sockaddr_storage& address);
  // Handles a connection with these events of epoll.
  void readable(http1::Connection& connection, std::uint32_t events);
  [[nodiscard]] static bool has_ended(const http1::Connection& connection);
  void release_slow_loops(net::Clock::time_point now);
  void sweep();
  // Returns memory to the system once there are far fewer users of it, that is connections and
  // workers, than there were.
  void give_back_memory(std::size_t users, net::Clock::time_point now);
  void close_parked();
  void linger(http1::Connection& connection);
  void remove(http1::Connection& connection);
  // Call these with `mutex_` held.
  void arm(http1::Connection& connection, int operation);
  void arm(http1::Connection& connection, int operation, std::uint32_t events) const;
  // Ends the wait of a connection's task. Returns what is to be set then.
  [[nodiscard]] static fiber::Event& end_wait(http1::Connection& connection, bool is_over);

  const http1::Service& service_;
  Poco::Net::ServerSocket& listening_;
  Workers& workers_;
  const QuickLoops& quick_loops_;
  storage::Descriptor epoll_;
  storage::Descriptor wakeup_;
  Poco::Thread thread_;
  bool started_ = false;

  // Owned by the poller's thread.
  std::vector<char> scratch_;
  const std::size_t most_lingering_;
  bool accepting_ = false;
  bool quick_loops_are_busy_ = false;
  net::Clock::time_point accept_again_;
  net::Clock::time_point next_sweep_;
  net::Clock::time_point next_look_;  // the next call of release_slow_loops
  std::size_t most_users_ = 0;        // since memory was last returned
  net::Clock::time_point next_trim_;

  fiber::Deadlines deadlines_;

  std::mutex mutex_;  // guards what follows
  Admission admission_;
  std::vector<std::unique_ptr<http1::Connection>> connections_;
  std::size_t lingering_ = 0;
  bool stopping_ = false;
  bool finishing_ = false;
};

}  // namespace holdfast::server::loop
