// One thread that accepts connections, owns those that need no worker, and ends those that wait too
// long: 10,000 idle connections cost a descriptor and a few hundred bytes each. Everything it does
// is short: it never waits for a client.
//
// Invariants, all under the mutex:
//   1. A parked connection is armed in epoll once; the event that disarms it makes it working.
//   2. Only the poller's thread takes a connection out of `parked` or `lingering`.
//   3. A working connection belongs to the one worker (or queue entry) that has it; only that
//   worker
//      parks, lingers or closes it. cut() only shuts its socket down.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "Poco/Net/ServerSocket.h"
#include "Poco/Thread.h"
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

  // For the worker that has the connection; afterwards it is the worker's no longer.
  void return_connection(http1::Connection& connection, http1::Connection::Next next);

  // Closes the listening socket and what is parked, now and later.
  void begin_stop();
  // Ends the connections that workers still have.
  void cut();
  // After the last worker: lets answers that were just sent be read, then ends the thread.
  void finish();

 private:
  void run();
  // One round of waiting and acting. False when all is finished.
  [[nodiscard]] bool run_once();
  void wake();
  void listen(bool accept);
  void accept_some();
  void accept_one(int descriptor, const sockaddr_storage& address);
  // `events` as epoll reports them.
  void readable(http1::Connection& connection, std::uint32_t events);
  [[nodiscard]] static bool has_ended(const http1::Connection& connection);
  void release_slow_loops(net::Clock::time_point now);
  void sweep();
  // Once there are many users of memory, connections and workers, less than there were.
  void give_back_memory(std::size_t users, net::Clock::time_point now);
  void close_parked();
  void linger(http1::Connection& connection);
  void remove(http1::Connection& connection);
  // With the mutex held.
  void arm(http1::Connection& connection, int operation);

  const http1::Service& service_;
  Poco::Net::ServerSocket& listening_;
  Workers& workers_;
  const QuickLoops& quick_loops_;
  storage::Descriptor epoll_;
  storage::Descriptor wakeup_;
  Poco::Thread thread_;
  bool started_ = false;

  // Of the thread alone.
  std::vector<char> scratch_;
  const std::size_t most_lingering_;
  bool accepting_ = false;
  bool quick_loops_are_busy_ = false;
  net::Clock::time_point accept_again_;
  net::Clock::time_point next_sweep_;
  net::Clock::time_point next_look_;  // when release_slow_loops is called next
  std::size_t most_users_ = 0;        // since memory was last given back
  net::Clock::time_point next_trim_;

  std::mutex mutex_;  // guards what follows
  Admission admission_;
  std::vector<std::unique_ptr<http1::Connection>> connections_;
  std::size_t lingering_ = 0;
  bool stopping_ = false;
  bool finishing_ = false;
};

}  // namespace holdfast::server::loop
