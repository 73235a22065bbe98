#include "server/loop/listener.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/resource.h>
#include <thread>
#include <utility>

#include "Poco/Exception.h"
#include "Poco/Net/IPAddress.h"
#include "Poco/Net/ServerSocket.h"
#include "Poco/Net/ServerSocketImpl.h"
#include "Poco/Net/SocketAddress.h"
#include "server/http1/connection.h"
#include "server/loop/poller.h"
#include "server/loop/quick_loop.h"
#include "server/loop/task.h"
#include "server/loop/workers.h"
#include "server/net/address.h"

namespace holdfast::server::loop {
namespace {

constexpr int kBacklog = 1024;
// Descriptors that are not connections: those of the store, logs, content being read and overflow
// files.
constexpr rlim_t kOtherDescriptors = 512;

Poco::Net::SocketAddress socket_address(const net::Address& address) {
  if (address.host == "::")  // Poco does not parse it
    return {Poco::Net::IPAddress::wildcard(Poco::Net::IPAddress::IPv6), address.port};
  return {Poco::Net::IPAddress(address.numeric_host()), address.port};
}

// Raises the limit of open files as far as the system permits, because each connection needs a
// descriptor. Returns how many connections that allows.
std::size_t connections_possible() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return 256;
  if (files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    ::getrlimit(RLIMIT_NOFILE, &files);
  }
  return static_cast<std::size_t>(files.rlim_cur - std::min(files.rlim_cur / 2, kOtherDescriptors));
}

http1::Limits within_system(http1::Limits limits) {
  limits.connections = std::min(limits.connections, connections_possible());
  return limits;
}

// Binds a socket and listens.
Poco::Net::ServerSocket listen_on(const net::Address& address) {
  const Poco::Net::SocketAddress parsed = socket_address(address);
  Poco::Net::ServerSocket socket;
  try {
    // SO_REUSEPORT is not set: a second server on the same address must fail.
    if (parsed.family() == Poco::Net::SocketAddress::IPv6) {
      socket.bind6(parsed, true, false, false);
    } else {
      socket.bind(parsed, true, false);
    }
    socket.listen(kBacklog);
  } catch (const Poco::Exception& error) {
    const std::string why = error.code() != 0 ? std::strerror(error.code()) : error.message();
    throw std::runtime_error("Cannot listen on " + address.text() + ": " + why + ".");
  }
  return socket;
}

// A socket that another process has bound.
class AdoptedSocket : public Poco::Net::ServerSocket {
 public:
  explicit AdoptedSocket(int descriptor) : ServerSocket(new Impl(descriptor), true) {}

 private:
  struct Impl : Poco::Net::ServerSocketImpl {
    explicit Impl(int descriptor) { reset(descriptor); }
  };
};

}  // namespace

struct Listener::Impl {
  Impl(const Poco::Net::ServerSocket& socket, http1::Limits wanted, http1::Handler answer,
       observe::Observer& observer, const tls::TlsCredentials* tls, http1::IsShared shared)
      : limits(within_system(std::move(wanted))),
        handler(std::move(answer)),
        is_shared(std::move(shared)),
        service{limits, handler, observer, stopping, tls, is_shared},
        listening(socket),
        workers(limits, observer,
                {.make_task = [this] { return std::make_unique<Task>(limits, workers, *poller); },
                 .begin =
                     [this](Task& task, http1::Connection& connection) {
                       task.serve(connection, quick_loop_of(connection));
                     },
                 .end =
                     [this](http1::Connection& connection, http1::Connection::Next next) {
                       if (next == http1::Connection::Next::quick_loop) {
                         quick_loop_of(connection).add(connection);
                       } else {
                         poller->return_connection(connection, next);
                       }
                     }}) {
    // There are as many quick loops as threads that can run at once.
    for (unsigned i = std::max(1U, std::thread::hardware_concurrency()); i > 0; --i)
      quick_loops.push_back(std::make_unique<QuickLoop>(
          workers, [this](http1::Connection& connection, http1::Connection::Next next) {
            poller->return_connection(connection, next);
          }));
    listening.setBlocking(false);
    port = listening.address().port();
    poller = std::make_unique<Poller>(service, listening, workers, quick_loops);
  }

  // Returns always the same quick loop for a connection, so that loops share no connections.
  [[nodiscard]] QuickLoop& quick_loop_of(const http1::Connection& connection) const {
    return *quick_loops[static_cast<std::size_t>(connection.wire().descriptor()) %
                        quick_loops.size()];
  }

  const http1::Limits limits;
  const http1::Handler handler;
  const http1::IsShared is_shared;
  std::atomic<bool> stopping{false};
  const http1::Service service;
  Poco::Net::ServerSocket listening;
  Workers workers;
  QuickLoops quick_loops;
  std::unique_ptr<Poller> poller;
  std::uint16_t port = 0;
  bool started = false;
};

Listener::Listener(const net::Address& address, http1::Limits limits, http1::Handler handler,
                   observe::Observer& observer, const tls::TlsCredentials* tls,
                   http1::IsShared is_shared)
    : impl_(std::make_unique<Impl>(listen_on(address), std::move(limits), std::move(handler),
                                   observer, tls, std::move(is_shared))) {}

Listener::Listener(Inherited socket, http1::Limits limits, http1::Handler handler,
                   observe::Observer& observer, const tls::TlsCredentials* tls,
                   http1::IsShared is_shared)
    : impl_(std::make_unique<Impl>(AdoptedSocket(socket.descriptor), std::move(limits),
                                   std::move(handler), observer, tls, std::move(is_shared))) {}

Listener::Inherited Listener::listen(const net::Address& address) {
  const Poco::Net::ServerSocket socket = listen_on(address);
  const int descriptor = ::fcntl(socket.impl()->sockfd(), F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0)
    throw std::runtime_error("Cannot listen on " + address.text() + ": no descriptor is left.");
  return {descriptor};
}

Listener::~Listener() { stop(); }

void Listener::start() {
  impl_->poller->start();
  impl_->started = true;
}

void Listener::stop() {
  if (!impl_->started) return;
  impl_->started = false;
  impl_->stopping = true;
  impl_->poller->begin_stop();
  for (const auto& quick_loop : impl_->quick_loops) quick_loop->stop();
  impl_->workers.begin_stop();
  const net::Clock::time_point deadline =
      net::Clock::now() + std::chrono::seconds(impl_->limits.shutdown_grace_s);
  if (!impl_->workers.wait_until(deadline)) impl_->poller->cut();
  impl_->workers.join();
  impl_->poller->finish();
  // The poller may have submitted work just before it saw the stop.
  impl_->workers.join();
}

std::uint16_t Listener::port() const { return impl_->port; }

}  // namespace holdfast::server::loop
