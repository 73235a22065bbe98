#include "server/net/wire.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace holdfast::server::net {
namespace {

constexpr std::size_t kSendQuantumBytes = 64 * 1024;
constexpr std::size_t kMaxPieces = 4;
// A file is sent in pieces that stay in the processor's cache until the client has read them.
constexpr std::uint64_t kFilePieceBytes = 256 * 1024;
// So much of a file may wait in a socket because the client does not read.
constexpr int kUnsentBytes = 128 * 1024;

// Makes the socket non-blocking while it exists, because sendfile(2) has no such flag.
class NonBlocking {
 public:
  explicit NonBlocking(int descriptor) : descriptor_(descriptor) {
    ::fcntl(descriptor_, F_SETFL, O_RDWR | O_NONBLOCK);
  }
  ~NonBlocking() { ::fcntl(descriptor_, F_SETFL, O_RDWR); }
  NonBlocking(const NonBlocking&) = delete;
  NonBlocking& operator=(const NonBlocking&) = delete;

 private:
  int descriptor_;
};

// Lets little wait in the socket while it exists. A file can be read when it is needed, and all
// sockets share some memory of the system: when that is used up, nobody is served.
class LittleUnsent {
 public:
  explicit LittleUnsent(int descriptor) : descriptor_(descriptor) { set(kUnsentBytes); }
  ~LittleUnsent() { set(0); }
  LittleUnsent(const LittleUnsent&) = delete;
  LittleUnsent& operator=(const LittleUnsent&) = delete;

 private:
  // 0 stands for the system's own limit.
  void set(int bytes) const {
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
  }
  int descriptor_;
};

struct Pieces {
  explicit Pieces(std::initializer_list<std::string_view> pieces) {
    for (const std::string_view piece : pieces) {
      if (piece.empty()) continue;
      // iovec needs a mutable pointer because readv uses it too; sendmsg only reads.
      vectors[count++] = {const_cast<char*>(piece.data()), piece.size()};
      total += piece.size();
    }
  }

  void advance(std::size_t sent) {
    total -= sent;
    while (sent > 0) {
      iovec& front = vectors[first];
      const std::size_t step = std::min(sent, front.iov_len);
      front.iov_base = static_cast<char*>(front.iov_base) + step;
      front.iov_len -= step;
      sent -= step;
      if (front.iov_len == 0) ++first;
    }
  }

  [[nodiscard]] ssize_t send(int descriptor, int flags) {
    msghdr message{};
    message.msg_iov = vectors.data() + first;
    message.msg_iovlen = count - first;
    return ::sendmsg(descriptor, &message, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  std::array<iovec, kMaxPieces> vectors{};
  std::size_t first = 0;
  std::size_t count = 0;
  std::size_t total = 0;
};

// These read errno in calls of their own. A function that waits may go on in another thread, and
// the compiler would use the errno of the first one.
[[gnu::noinline]] int last_error() { return errno; }
bool would_block() {
  const int error = last_error();
  return error == EAGAIN || error == EWOULDBLOCK;
}
bool is_gone(int error) {
  return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == ETIMEDOUT;
}

}  // namespace

Wire::Wire(const Poco::Net::StreamSocket& socket, Clock::duration send_timeout,
           std::unique_ptr<tls::TlsSession> tls)
    : socket_(socket),
      descriptor_(socket_.impl()->sockfd()),
      send_timeout_(send_timeout),
      tls_(std::move(tls)) {
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval soon{0, std::chrono::microseconds(kSoon).count()};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
}

Wire::Received Wire::receive(std::span<char> buffer, int flags) {
  for (;;) {
    const ssize_t count = ::recv(descriptor_, buffer.data(), buffer.size(), flags);
    if (count > 0) return {Received::State::bytes, static_cast<std::size_t>(count)};
    if (count == 0) return {Received::State::ended, 0};
    if (would_block()) return {Received::State::nothing, 0};
    if (last_error() != EINTR) return {Received::State::ended, 0};
  }
}

Wire::Received Wire::receive_record(std::span<char> buffer) {
  Received received;
  switch (tls_->receive(buffer, received.count)) {
    case tls::TlsSession::Read::bytes:
      received.state = Received::State::bytes;
      break;
    case tls::TlsSession::Read::nothing:
      received = {Received::State::nothing, 0};
      break;
    case tls::TlsSession::Read::ended:
      received = {Received::State::ended, 0};
      break;
  }
  return received;
}

Wire::Received Wire::receive_now(std::span<char> buffer) {
  return tls_ ? receive_record(buffer) : receive(buffer, MSG_DONTWAIT);
}

Wire::Received Wire::receive_soon(std::span<char> buffer, bool awake) {
  dedicate_thread();
  if (tls_) {
    const Received received = receive_now(buffer);
    if (received.state != Received::State::nothing) return received;
    return block(wants_room(), Clock::now() + kSoon) ? receive_now(buffer) : received;
  }
  // On a busy machine, the client's next request arrives while others run; on an idle one, after a
  // moment. Polling for that moment spares putting the thread to sleep and waking it, which costs
  // more than all else in a small request.
  const Clock::time_point sleep = awake ? Clock::now() + kAwake : Clock::time_point();
  do {
    const Received received = receive(buffer, MSG_DONTWAIT);
    if (received.state != Received::State::nothing) return received;
    ::sched_yield();
  } while (awake && Clock::now() < sleep);
  return receive(buffer, 0);
}

bool Wire::wait(bool for_room, Clock::time_point deadline, std::span<char> unused) const {
  return policy_ != nullptr ? policy_->wait(for_room, deadline, unused) : block(for_room, deadline);
}

bool Wire::block(bool for_room, Clock::time_point deadline) const {
  const short events = for_room ? POLLOUT : POLLIN;
  for (;;) {
    const auto left = std::max<std::int64_t>(
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count(), 0);
    pollfd entry{descriptor_, events, 0};
    const int ready = ::poll(
        &entry, 1, static_cast<int>(std::min<std::int64_t>(left, std::numeric_limits<int>::max())));
    if (ready > 0) return true;
    if (ready < 0 && last_error() != EINTR) return false;
    if (ready == 0 && left == 0) return false;
  }
}

Wire::Received Wire::receive_until(std::span<char> buffer, Clock::time_point deadline) {
  for (;;) {
    const Received received = receive_now(buffer);
    if (received.state != Received::State::nothing) return received;
    if (!wait(wants_room(), deadline, buffer)) return received;
  }
}

std::size_t Wire::unacknowledged() const {
  int queued = 0;
  return ::ioctl(descriptor_, SIOCOUTQ, &queued) == 0 ? static_cast<std::size_t>(queued) : 0;
}

// Waits until the socket is writable. A socket becomes writable only when a third of its buffer is
// free, which may take a slow but honest client longer than the timeout. So the timeout begins anew
// whenever the client has acknowledged 64 KiB. Returns false when it has not.
bool Wire::wait_for_room() {
  std::size_t before = unacknowledged();
  for (;;) {
    if (wait(true, Clock::now() + send_timeout_)) return true;
    const std::size_t now = unacknowledged();
    if (before < now + kSendQuantumBytes) return false;
    before = now;
  }
}

void Wire::drop_tls() {
  tls_->abandon();
  tls_.reset();
}

tls::TlsSession::Put Wire::flush_or_wait(tls::TlsSession::Put put, bool wait) {
  while (wait && put == tls::TlsSession::Put::blocked)
    put = wait_for_room() ? tls_->flush() : tls::TlsSession::Put::gone;
  return put;
}

tls::TlsSession::Put Wire::send_record(bool wait) {
  return flush_or_wait(tls_->put(tls_->gathered), wait);
}

std::size_t Wire::send_records(std::initializer_list<std::string_view> pieces, bool wait, bool more,
                               tls::TlsSession::Put& state) {
  std::string& record = tls_->gathered;
  std::size_t taken = 0;
  state = flush_or_wait(tls_->flush(), wait);
  for (std::string_view piece : pieces) {
    while (state == tls::TlsSession::Put::taken && !piece.empty()) {
      const std::string_view part = piece.substr(0, tls::TlsSession::kRecordBytes - record.size());
      record.append(part);
      piece.remove_prefix(part.size());
      taken += part.size();
      if (record.size() == tls::TlsSession::kRecordBytes) state = send_record(wait);
    }
  }
  if (state == tls::TlsSession::Put::taken && !more && !record.empty()) state = send_record(wait);
  // An idle connection keeps no memory for records.
  if (record.empty()) record = std::string();
  return taken;
}

Wire::FileSent Wire::send_file_records(int file, std::uint64_t offset, std::uint64_t length,
                                       bool wait, std::uint64_t& taken) {
  std::string& record = tls_->gathered;
  tls::TlsSession::Put state = flush_or_wait(tls_->flush(), wait);
  FileSent sent = FileSent::all;
  while (state == tls::TlsSession::Put::taken && taken < length) {
    // Who waits for room holds no record: there is none before there is room for it.
    if (wait && record.empty() && !block(true, Clock::now())) {
      record = std::string();
      if (!wait_for_room()) return FileSent::client_gone;
    }
    const std::size_t before = record.size();
    const auto room = static_cast<std::size_t>(
        std::min<std::uint64_t>(tls::TlsSession::kRecordBytes - before, length - taken));
    record.resize(before + room);
    const ssize_t count =
        ::pread(file, record.data() + before, room, static_cast<off_t>(offset + taken));
    record.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && last_error() == EINTR) continue;
    if (count <= 0) {
      sent = count == 0 ? FileSent::file_ended : FileSent::file_failed;
      break;
    }
    taken += static_cast<std::uint64_t>(count);
    state = send_record(wait);
  }
  if (record.empty()) record = std::string();
  return state == tls::TlsSession::Put::gone ? FileSent::client_gone : sent;
}

bool Wire::send_all(std::initializer_list<std::string_view> pieces, bool more) {
  if (tls_) {
    tls::TlsSession::Put state{};
    static_cast<void>(send_records(pieces, true, more, state));
    return state == tls::TlsSession::Put::taken;
  }
  Pieces rest(pieces);
  while (rest.total > 0) {
    const ssize_t sent = rest.send(descriptor_, more ? MSG_MORE : 0);
    if (sent >= 0) {
      rest.advance(static_cast<std::size_t>(sent));
    } else if (would_block()) {
      if (!wait_for_room()) return false;
    } else if (last_error() != EINTR) {
      return false;
    }
  }
  return true;
}

std::optional<std::size_t> Wire::send_now(std::initializer_list<std::string_view> pieces) {
  if (tls_) {
    tls::TlsSession::Put state{};
    const std::size_t taken = send_records(pieces, false, false, state);
    return state == tls::TlsSession::Put::gone ? std::nullopt : std::optional(taken);
  }
  Pieces rest(pieces);
  std::size_t total = 0;
  while (rest.total > 0) {
    const ssize_t sent = rest.send(descriptor_, 0);
    if (sent >= 0) {
      rest.advance(static_cast<std::size_t>(sent));
      total += static_cast<std::size_t>(sent);
    } else if (would_block()) {
      break;
    } else if (last_error() != EINTR) {
      return std::nullopt;
    }
  }
  return total;
}

Wire::FileSent Wire::send_file(int file, std::uint64_t offset, std::uint64_t length) {
  const LittleUnsent little(descriptor_);
  if (tls_) {
    std::uint64_t taken = 0;
    return send_file_records(file, offset, length, true, taken);
  }
  const NonBlocking guard(descriptor_);
  auto position = static_cast<off_t>(offset);
  while (length > 0) {
    const ssize_t sent =
        ::sendfile(descriptor_, file, &position, std::min(length, kFilePieceBytes));
    if (sent > 0) {
      length -= static_cast<std::uint64_t>(sent);
    } else if (sent == 0) {
      return FileSent::file_ended;
    } else if (would_block()) {
      if (!wait_for_room()) return FileSent::client_gone;
    } else if (is_gone(last_error())) {
      return FileSent::client_gone;
    } else if (last_error() != EINTR) {
      return FileSent::file_failed;
    }
  }
  return FileSent::all;
}

std::optional<std::uint64_t> Wire::send_file_now(int file, std::uint64_t offset,
                                                 std::uint64_t length) {
  if (tls_) {
    std::uint64_t taken = 0;
    const FileSent sent = send_file_records(file, offset, length, false, taken);
    return sent == FileSent::all ? std::optional(taken) : std::nullopt;
  }
  const NonBlocking guard(descriptor_);
  auto position = static_cast<off_t>(offset);
  std::uint64_t total = 0;
  while (total < length) {
    const ssize_t sent = ::sendfile(descriptor_, file, &position, length - total);
    if (sent > 0) {
      total += static_cast<std::uint64_t>(sent);
    } else if (sent < 0 && would_block()) {
      break;
    } else if (sent == 0 || last_error() != EINTR) {
      return std::nullopt;
    }
  }
  return total;
}

void Wire::finish_sending() {
  if (tls_) tls_->finish();
  ::shutdown(descriptor_, SHUT_WR);
}

void Wire::reset_on_close() {
  if (tls_) tls_->abandon();
  const linger at_once{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace holdfast::server::net
