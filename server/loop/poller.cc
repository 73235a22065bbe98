#include "server/loop/poller.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "Poco/Net/StreamSocketImpl.h"
#include "server/process/signals.h"
#include "server/tls/credentials.h"

namespace holdfast::server::loop {
namespace {

constexpr std::chrono::milliseconds kSweepInterval{250};
// Without free descriptors, new clients wait this long in the kernel's queue before the next
// attempt.
constexpr std::chrono::milliseconds kAcceptPause{100};
// Bounds of the number of connections that were refused or ended and are still read from, which is
// a quarter of all.
constexpr std::size_t kLeastLingering = 16;
constexpr std::size_t kMostLingering = 1024;
// The longest time in which a connection only drops what its client still sends, in drain timeouts.
constexpr int kLingerTimeouts = 5;
constexpr int kAcceptsAtOnce = 64;
// When there are this many connections and workers fewer, free memory is returned to the system, at
// most once in kTrimInterval: malloc itself keeps nearly all of it.
constexpr std::size_t kManyLess = 64;
constexpr std::chrono::seconds kTrimInterval{1};

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

Poco::Net::StreamSocketImpl* owner_of(int descriptor) {
  try {
    return new Poco::Net::StreamSocketImpl(descriptor);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
}

}  // namespace

Poller::Poller(const http1::Service& service, Poco::Net::ServerSocket& listening, Workers& workers,
               const QuickLoops& quick_loops)
    : service_(service),
      listening_(listening),
      workers_(workers),
      quick_loops_(quick_loops),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wakeup_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      scratch_(http1::Buffers::kBlockBytes),
      // Refused clients must not take the descriptors that admitted ones need.
      most_lingering_(std::clamp(service.limits.connections / 4, kLeastLingering, kMostLingering)),
      admission_(service.limits) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &wakeup_;
  checked(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.get(), &event), "epoll_ctl");
  event.data.ptr = &listening_;
  event.events = 0;
  checked(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listening_.impl()->sockfd(), &event),
          "epoll_ctl");
}

Poller::~Poller() {
  begin_stop();
  finish();
}

void Poller::start() {
  started_ = true;
  thread_.startFunc([this] { run(); });
}

void Poller::wake() {
  const std::uint64_t one = 1;
  // A write to a full counter fails, but the counter wakes the poller all the same.
  [[maybe_unused]] const ssize_t written = ::write(wakeup_.get(), &one, sizeof one);
}

void Poller::arm(http1::Connection& connection, int operation) {
  arm(connection, operation, connection.wire().wants_room() ? EPOLLOUT : EPOLLIN | EPOLLRDHUP);
}

void Poller::arm(http1::Connection& connection, int operation, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  if (connection.place != http1::Connection::Place::lingering) event.events |= EPOLLONESHOT;
  event.data.ptr = &connection;
  // This can fail only for want of kernel memory; the sweep then closes the connection after its
  // deadline.
  const int descriptor = connection.wire().descriptor();
  if (::epoll_ctl(epoll_.get(), operation, descriptor, &event) != 0 && errno == ENOENT)
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event);  // after a wait without success
}

void Poller::run() {
  process::block_all_signals();
  for (;;) {
    try {
      if (!run_once()) return;
    } catch (const std::exception&) {
      // There was no memory for one connection or sweep; the next round handles what this one left.
    }
  }
}

bool Poller::run_once() {
  std::size_t connections = 0;
  bool stopping = false;
  bool finished = false;
  {
    const std::scoped_lock lock(mutex_);
    finished = finishing_ && lingering_ == 0;
    connections = connections_.size();
    stopping = stopping_;
  }
  if (stopping) {
    // New clients are refused at once.
    listening_.close();
  } else {
    listen(net::Clock::now() >= accept_again_);
  }
  if (finished) {
    // The stop may have begun and ended after the last round had checked for it.
    close_parked();
    return false;
  }
  int timeout = -1;
  if (connections > 0 || stopping || most_users_ >= kManyLess)
    timeout = static_cast<int>(kSweepInterval.count());
  if (quick_loops_are_busy_) timeout = static_cast<int>(QuickLoop::kSlowRequest.count());
  if (!accepting_ && !stopping) timeout = static_cast<int>(kAcceptPause.count());
  std::array<epoll_event, 256> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  for (int i = 0; i < count; ++i) {
    void* const what = events[static_cast<std::size_t>(i)].data.ptr;
    if (what == &wakeup_) {
      std::uint64_t ignored = 0;
      [[maybe_unused]] const ssize_t got = ::read(wakeup_.get(), &ignored, sizeof ignored);
    } else if (what == &listening_) {
      accept_some();
    } else {
      readable(*static_cast<http1::Connection*>(what), events[static_cast<std::size_t>(i)].events);
    }
  }
  const net::Clock::time_point now = net::Clock::now();
  if (now >= next_look_) release_slow_loops(now);
  if (now >= next_sweep_) {
    sweep();
    give_back_memory(connections + workers_.threads(), now);
    next_sweep_ = now + kSweepInterval;
  }
  if (stopping) close_parked();
  return true;
}

// Accepts new clients from now on, or leaves them in the kernel's queue.
void Poller::listen(bool accept) {
  if (accept == accepting_) return;
  epoll_event event{};
  if (accept) event.events = EPOLLIN;
  event.data.ptr = &listening_;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listening_.impl()->sockfd(), &event);
  accepting_ = accept;
}

void Poller::accept_some() {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int descriptor = ::accept4(listening_.impl()->sockfd(),
                                     reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC);
    if (descriptor >= 0) {
      try {
        accept_one(descriptor, address);
      } catch (const std::exception&) {
        // Without memory, this client is closed; the poller must continue for the others.
      }
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      accept_again_ = net::Clock::now() + kAcceptPause;
      return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    }
    // Any other error concerns only that client; the next one is accepted.
  }
}

void Poller::accept_one(int descriptor, const sockaddr_storage& address) {
  // The socket owns the descriptor before anything else can throw.
  const Poco::Net::StreamSocket socket(owner_of(descriptor));
  net::Client client = net::describe(address);
  if (service_.is_shared && service_.is_shared(client.address)) client.key = 0;
  net::Wire wire(socket, std::chrono::seconds(service_.limits.send_timeout_s),
                 service_.tls == nullptr ? nullptr : service_.tls->accept(descriptor));
  auto made = std::make_unique<http1::Connection>(
      service_, std::move(wire),
      http1::Peer{.address = std::move(client.address), .loopback = client.loopback}, client.key);
  http1::Connection& connection = *made;
  // A TLS client that is to be turned away must first complete the handshake, so it is parked like
  // others.
  const bool secure = connection.wire().secure();
  bool admitted = false;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    // The vector grows before the client is counted, so that nothing can fail in between.
    if (connections_.size() == connections_.capacity())
      connections_.reserve(connections_.size() * 2 + 16);
    connection.admitted = admitted = admission_.admit(client.key);
    if (!admitted && lingering_ >= most_lingering_) {
      service_.observer.connection_refused();
      connection.turn_away();  // without waiting until the client has read it
      return;
    }
    connection.index = connections_.size();
    connections_.push_back(std::move(made));
    connection.place = http1::Connection::Place::parked;
    if (!admitted && secure) {
      connection.has_linger_slot = true;
      ++lingering_;
    }
    if (admitted || secure) {
      arm(connection, EPOLL_CTL_ADD);
    } else {
      // It gets no events until it lingers.
      epoll_event event{};
      event.data.ptr = &connection;
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.wire().descriptor(), &event);
    }
  }
  service_.observer.connection_opened();
  if (!admitted) service_.observer.connection_refused();
  if (admitted || secure) {
    service_.observer.connection_parked();
    return;
  }
  connection.turn_away();
  linger(connection);
}

// Returns true when nothing can be read any more: the client has ended sending, or is gone.
bool Poller::has_ended(const http1::Connection& connection) {
  char byte = 0;
  const ssize_t count =
      ::recv(connection.wire().descriptor(), &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

void Poller::readable(http1::Connection& connection, std::uint32_t events) {
  {
    std::unique_lock lock(mutex_);
    if (connection.place == http1::Connection::Place::lingering) {
      lock.unlock();
      const ssize_t count =
          ::recv(connection.wire().descriptor(), scratch_.data(), scratch_.size(), MSG_DONTWAIT);
      if (count > 0) {
        connection.linger_until =
            net::Clock::now() + std::chrono::seconds(service_.limits.drain_timeout_s);
      } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        remove(connection);
      }
      return;
    }
    if (connection.place == http1::Connection::Place::waiting) {
      fiber::Event& awaited = end_wait(connection, false);
      lock.unlock();
      return awaited.set();
    }
    if (stopping_) return;  // close_parked follows
    connection.place = http1::Connection::Place::working;
  }
  service_.observer.connection_unparked();
  // Clients that leave need no worker.
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 && has_ended(connection))
    return remove(connection);
  if (workers_.submit(connection)) return;
  service_.observer.connection_refused();
  connection.turn_away();
  linger(connection);
}

bool Poller::wait(http1::Connection& connection, bool for_room,
                  net::Clock::time_point deadline) noexcept {
  fiber::Event readiness;
  service_.observer.task_waits();
  {
    const std::scoped_lock lock(mutex_);
    connection.place = http1::Connection::Place::waiting;
    connection.awaited = &readiness;
    connection.wait_until = deadline;
    arm(connection, EPOLL_CTL_MOD, for_room ? EPOLLOUT : EPOLLIN | EPOLLRDHUP);
  }
  readiness.wait();
  service_.observer.task_goes_on();
  return !connection.wait_is_over;
}

fiber::Event& Poller::end_wait(http1::Connection& connection, bool is_over) {
  connection.place = http1::Connection::Place::working;
  connection.wait_is_over = is_over;
  return *std::exchange(connection.awaited, nullptr);
}

void Poller::return_connection(http1::Connection& connection, http1::Connection::Next next) {
  switch (next) {
    case http1::Connection::Next::again:
      if (workers_.submit(connection, true)) return;
      break;
    case http1::Connection::Next::linger:
      return linger(connection);
    case http1::Connection::Next::quick_loop:
    case http1::Connection::Next::park: {
      service_.observer.connection_parked();
      const std::scoped_lock lock(mutex_);
      if (!stopping_) {
        connection.place = http1::Connection::Place::parked;
        arm(connection, EPOLL_CTL_MOD);
        return;
      }
    }
      service_.observer.connection_unparked();
      break;
    case http1::Connection::Next::close:
      break;
  }
  remove(connection);
}

void Poller::linger(http1::Connection& connection) {
  const net::Clock::time_point now = net::Clock::now();
  const std::chrono::seconds timeout(service_.limits.drain_timeout_s);
  connection.linger_until = now + timeout;
  connection.linger_at_most = now + timeout * kLingerTimeouts;
  {
    const std::scoped_lock lock(mutex_);
    if (connection.has_linger_slot || lingering_ < most_lingering_) {
      if (!connection.has_linger_slot) ++lingering_;
      connection.has_linger_slot = true;
      connection.place = http1::Connection::Place::lingering;
      arm(connection, EPOLL_CTL_MOD);
      return;
    }
  }
  remove(connection);
}

void Poller::remove(http1::Connection& connection) {
  std::unique_ptr<http1::Connection> removed;
  {
    const std::scoped_lock lock(mutex_);
    if (connection.has_linger_slot) --lingering_;
    if (connection.admitted) admission_.leave(connection.key());
    removed = std::move(connections_[connection.index]);
    if (removed->index + 1 < connections_.size()) {
      connections_[removed->index] = std::move(connections_.back());
      connections_[removed->index]->index = removed->index;
    }
    connections_.pop_back();
  }
  removed.reset();
  service_.observer.connection_closed();
}

void Poller::release_slow_loops(net::Clock::time_point now) {
  quick_loops_are_busy_ = false;
  for (const auto& quick_loop : quick_loops_)
    if (quick_loop->release_if_slow(now)) quick_loops_are_busy_ = true;
  next_look_ = now + QuickLoop::kSlowRequest;
}

void Poller::sweep() {
  std::vector<http1::Connection*> parked;
  std::vector<http1::Connection*> lingering;
  const net::Clock::time_point now = net::Clock::now();
  {
    const std::scoped_lock lock(mutex_);
    const bool crowded = admission_.crowded();
    for (const auto& connection : connections_) {
      if (connection->place == http1::Connection::Place::parked) {
        if (connection->deadline(crowded) <= now) parked.push_back(connection.get());
      } else if (connection->place == http1::Connection::Place::lingering) {
        if (std::min(connection->linger_until, connection->linger_at_most) <= now)
          lingering.push_back(connection.get());
      } else if (connection->place == http1::Connection::Place::waiting) {
        if (connection->wait_until > now) continue;
        // It is armed still. An event that came later could find it gone.
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection->wire().descriptor(), nullptr);
        end_wait(*connection, true).set();
      }
    }
  }
  deadlines_.expire(now);
  for (http1::Connection* connection : lingering) remove(*connection);
  for (http1::Connection* connection : parked) {
    service_.observer.connection_unparked();
    if (connection->expire()) {
      linger(*connection);
    } else {
      remove(*connection);
    }
  }
}

void Poller::give_back_memory(std::size_t users, net::Clock::time_point now) {
  most_users_ = std::max(most_users_, users);
  if (users + kManyLess > most_users_ || now < next_trim_) return;
  most_users_ = users;
  next_trim_ = now + kTrimInterval;
  workers_.trim();
  ::malloc_trim(0);
}

void Poller::close_parked() {
  std::vector<http1::Connection*> parked;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& connection : connections_)
      if (connection->place == http1::Connection::Place::parked) parked.push_back(connection.get());
  }
  for (http1::Connection* connection : parked) {
    service_.observer.connection_unparked();
    remove(*connection);
  }
}

void Poller::begin_stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  wake();
}

void Poller::cut() {
  const std::scoped_lock lock(mutex_);
  for (const auto& connection : connections_)
    if (connection->place == http1::Connection::Place::working ||
        connection->place == http1::Connection::Place::waiting)
      ::shutdown(connection->wire().descriptor(), SHUT_RDWR);
}

void Poller::finish() {
  {
    const std::scoped_lock lock(mutex_);
    finishing_ = true;
    wake();
  }
  if (started_) thread_.join();
  started_ = false;
}

}  // namespace holdfast::server::loop
