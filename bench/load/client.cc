#include "bench/load/client.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <random>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

#include "bench/load/answer.h"

namespace holdfast::bench {
namespace {

constexpr std::size_t kReceiveBytes = 256 * 1024;
constexpr std::size_t kFillerBytes = 1024 * 1024;
constexpr std::uint64_t kDiscardFrom = 64 * 1024;

std::uint64_t now() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

std::uint64_t nanoseconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

// Bytes that no file system stores sparsely and no server compresses to nothing.
std::string make_filler() {
  static constexpr std::string_view kAlphabet =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
  std::minstd_rand random(1);
  std::string filler(kFillerBytes, ' ');
  for (auto& c : filler) c = kAlphabet[random() % kAlphabet.size()];
  return filler;
}

struct Connection {
  int fd = -1;
  Values values;
  std::size_t step = 0;
  bool busy = false;         // an operation runs
  bool wrong = false;        // ... and cannot count any more
  bool answered = false;     // the first byte of the answer has come
  bool wants_write = false;  // registered for EPOLLOUT
  std::uint64_t began = 0;   // the operation
  std::uint64_t asked = 0;   // the request
  std::string out;           // head and the rendered part of the body
  std::size_t out_sent = 0;
  std::uint64_t filler = 0;  // bytes of filler still to send
  std::string text;
  Answer answer;
};

class Client {
 public:
  Client(const Plan& plan, const std::string& address, std::uint16_t port)
      : plan_(plan), filler_(make_filler()), buffer_(kReceiveBytes, '\0'), random_(20260101) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(port);
    if (inet_pton(AF_INET, address.c_str(), &address_.sin_addr) != 1)
      throw std::runtime_error("not an IPv4 address: " + address);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    connections_.resize(plan.connections);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      auto& connection = connections_[i];
      connection.values.connection = i;
      connection.values.number = plan.first;
      connection.values.per_folder = plan.per_folder;
      open(connection);
    }
    next_item_ = plan.first;
  }
  ~Client() {
    for (auto& connection : connections_) ::close(connection.fd);
    ::close(epoll_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Result run();

 private:
  void open(Connection& connection);
  void reopen(Connection& connection);
  void begin_operation(Connection& connection);
  void begin_step(Connection& connection);
  void send(Connection& connection);
  void receive(Connection& connection);
  void lost(Connection& connection);
  void finish_step(Connection& connection);
  void finish_operation(Connection& connection);
  void mark_wrong(Connection& connection, const std::string& why);
  void watch_write(Connection& connection, bool wanted);
  [[nodiscard]] bool may_begin() const;
  [[nodiscard]] const Step& step_of(const Connection& connection) const {
    return plan_.steps[connection.step];
  }

  const Plan& plan_;
  const std::string filler_;
  std::string buffer_;
  std::minstd_rand random_;
  sockaddr_in address_{};
  int epoll_ = -1;
  std::vector<Connection> connections_;
  Result result_;
  std::uint64_t next_item_ = 0;
  std::uint64_t begun_ = 0;  // operations
  std::size_t running_ = 0;  // operations
  std::uint64_t now_ = 0;
  std::uint64_t measure_from_ = 0;
  std::uint64_t measure_to_ = 0;
  std::uint64_t last_end_ = 0;
};

void Client::open(Connection& connection) {
  connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection.fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
  const int on = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(connection.fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0)
    throw std::system_error(errno, std::generic_category(), "connect");
  connection.wants_write = false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &connection;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void Client::reopen(Connection& connection) {
  ::close(connection.fd);
  open(connection);
  ++result_.reconnects;
}

bool Client::may_begin() const {
  if (result_.wrong >= plan_.wrong_limit) return false;
  return plan_.operations > 0 ? begun_ < plan_.operations : now_ < measure_to_;
}

void Client::begin_operation(Connection& connection) {
  if (!may_begin()) return;
  ++begun_;
  ++running_;
  connection.busy = true;
  connection.wrong = false;
  connection.step = 0;
  connection.began = now_;
  connection.values.item = plan_.in_sequence ? next_item_++ : random_() % plan_.items;
  begin_step(connection);
}

void Client::begin_step(Connection& connection) {
  const auto& step = step_of(connection);
  auto& out = connection.out;
  out.clear();
  connection.out_sent = 0;
  connection.filler = 0;
  step.head.append_to(out, connection.values);
  if (step.has_text) {
    connection.text.clear();
    step.text.append_to(connection.text, connection.values);
    out += "Content-Length: ";
    out += std::to_string(connection.text.size());
    out += "\r\n\r\n";
    out += connection.text;
  } else if (step.has_body) {
    out += "Content-Length: ";
    out += std::to_string(step.body_bytes);
    out += "\r\n\r\n";
    const auto from = out.size();
    out += std::to_string(connection.values.connection);
    out += '-';
    out += std::to_string(connection.values.number);
    out.resize(from + kStampBytes, ' ');
    connection.filler = step.body_bytes - kStampBytes;
    if (step.body_bytes <= 16 * 1024) {  // one piece is cheaper than two
      out.append(filler_, 0, static_cast<std::size_t>(connection.filler));
      connection.filler = 0;
    }
  } else {
    out += "\r\n";
  }
  connection.answer.expect(step.method == "HEAD", step.keep);
  connection.answered = false;
  connection.asked = connection.step == 0 ? connection.began : now_;
  send(connection);
}

void Client::watch_write(Connection& connection, bool wanted) {
  if (connection.wants_write == wanted) return;
  connection.wants_write = wanted;
  epoll_event event{};
  event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = &connection;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
}

void Client::send(Connection& connection) {
  for (;;) {
    const auto rest = connection.out.size() - connection.out_sent;
    if (rest == 0 && connection.filler == 0) return watch_write(connection, false);
    iovec pieces[2] = {
        {connection.out.data() + connection.out_sent, rest},
        {const_cast<char*>(filler_.data()),
         static_cast<std::size_t>(std::min<std::uint64_t>(connection.filler, filler_.size()))}};
    msghdr message{};
    message.msg_iov = rest > 0 ? pieces : pieces + 1;
    message.msg_iovlen = rest > 0 && connection.filler > 0 ? 2 : 1;
    const auto sent = sendmsg(connection.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      // A connection that broke is found by receive, which may still hold an answer.
      return watch_write(connection, errno == EAGAIN);
    }
    const auto count = static_cast<std::size_t>(sent);
    const auto of_out = std::min(count, rest);
    connection.out_sent += of_out;
    connection.filler -= count - of_out;
  }
}

void Client::receive(Connection& connection) {
  for (;;) {
    const auto skippable = connection.busy ? connection.answer.skippable() : 0;
    const bool discard = skippable >= kDiscardFrom;
    const auto wanted =
        discard ? std::min<std::uint64_t>(skippable, 1U << 30) : std::uint64_t{buffer_.size()};
    // Linux drops the bytes of a TCP stream with MSG_TRUNC: bodies that are only counted are not
    // copied, so that a large GET measures the server.
    const auto got =
        recv(connection.fd, discard ? nullptr : buffer_.data(), static_cast<std::size_t>(wanted),
             MSG_DONTWAIT | (discard ? MSG_TRUNC : 0));
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return;
      return lost(connection);
    }
    if (got == 0) return lost(connection);
    if (!connection.busy) return reopen(connection);  // bytes that nobody asked for
    if (!connection.answered) {
      connection.answered = true;
      if (connection.began >= measure_from_) result_.first_byte.record(now() - connection.asked);
    }
    if (discard) {
      connection.answer.skip(static_cast<std::uint64_t>(got));
    } else {
      connection.answer.take({buffer_.data(), static_cast<std::size_t>(got)});
    }
    if (connection.answer.finished()) return finish_step(connection);
    // What is still to come is known to be large, or the buffer was full: look again at once.
    if (!discard && static_cast<std::size_t>(got) < buffer_.size() &&
        connection.answer.skippable() < kDiscardFrom)
      return;
  }
}

void Client::lost(Connection& connection) {
  if (!connection.busy) return reopen(connection);
  connection.answer.close();
  finish_step(connection);
}

void Client::mark_wrong(Connection& connection, const std::string& why) {
  connection.wrong = true;
  ++result_.reasons[step_of(connection).method + ": " + why];
}

void Client::finish_step(Connection& connection) {
  now_ = now();
  const auto& step = step_of(connection);
  const auto& answer = connection.answer;
  const auto length = answer.body_length();
  const bool unsent = connection.out_sent < connection.out.size() || connection.filler > 0;
  if (answer.state() != Answer::State::done) {
    mark_wrong(connection, answer.status() == 0 ? "connection closed" : "broken answer");
  } else if (std::find(step.expected.begin(), step.expected.end(), answer.status()) ==
             step.expected.end()) {
    mark_wrong(connection, "status " + std::to_string(answer.status()));
  } else if (length < step.least_length || length > step.most_length) {
    mark_wrong(connection, "body of " + std::to_string(length) + " bytes");
  } else if (!step.keep.empty() && answer.kept().empty()) {
    mark_wrong(connection, "no " + step.keep);
  } else if (unsent) {
    mark_wrong(connection, "answer before the whole request");
  }
  if (connection.began >= measure_from_) result_.body_bytes += length;
  if (!step.keep.empty()) connection.values.token = answer.kept();
  if (answer.closes() || answer.state() == Answer::State::bad || unsent) reopen(connection);

  // The remaining steps run even when one went wrong: an UNLOCK must follow its LOCK.
  if (++connection.step < plan_.steps.size()) return begin_step(connection);
  finish_operation(connection);
}

void Client::finish_operation(Connection& connection) {
  connection.busy = false;
  --running_;
  last_end_ = now_;
  if (connection.wrong) {
    ++result_.wrong;
  } else {
    ++result_.all_operations;
    result_.next[connection.values.connection] = connection.values.number + 1;
    const auto from = std::max(connection.began, measure_from_);
    const auto to = std::min(now_, measure_to_);
    if (to > from)
      result_.done += static_cast<double>(to - from) / static_cast<double>(now_ - connection.began);
    if (connection.began >= measure_from_) result_.latency.record(now_ - connection.began);
  }
  ++connection.values.number;
  begin_operation(connection);
}

Result Client::run() {
  result_.next.assign(connections_.size(), plan_.first);
  const auto start = now();
  measure_from_ = start + nanoseconds(plan_.warmup_s);
  measure_to_ = plan_.operations > 0 ? UINT64_MAX : measure_from_ + nanoseconds(plan_.duration_s);
  if (plan_.operations > 0) measure_from_ = start;
  for (auto& connection : connections_) {
    now_ = now();
    begin_operation(connection);
  }
  auto progress = now();
  epoll_event events[256];
  while (running_ > 0) {
    const int count = epoll_wait(epoll_, events, 256, 1000);
    if (count < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "epoll_wait");
    if (count > 0) progress = 0;
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events[i].data.ptr);
      if ((events[i].events & EPOLLOUT) != 0) send(connection);
      if ((events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive(connection);
    }
    if (count <= 0) {
      if (progress == 0) progress = now();
      if (now() - progress > nanoseconds(plan_.stall_s)) {
        result_.stalled = true;
        result_.wrong += running_;
        ++result_.reasons["stalled"];
        break;
      }
    }
  }
  result_.seconds =
      plan_.operations > 0 ? static_cast<double>(last_end_ - start) / 1e9 : plan_.duration_s;
  return std::move(result_);
}

}  // namespace

Result run(const Plan& plan, const std::string& address, std::uint16_t port) {
  return Client(plan, address, port).run();
}

}  // namespace holdfast::bench
