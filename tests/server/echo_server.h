// A listener on loopback whose handler says what it got, and an observer that remembers.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/loop/listener.h"
#include "server/net/address.h"

namespace holdfast::tests {

class RecordingObserver final : public server::observe::Observer {
 public:
  struct Record {
    std::string method;
    std::string target;
    int status = 0;
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
    std::string detail;
  };

  void request_finished(const server::observe::AccessRecord& record) override {
    const std::scoped_lock lock(mutex_);
    records_.push_back({std::string(record.method), std::string(record.target), record.status,
                        record.request_bytes, record.response_bytes, std::string(record.detail)});
    changed_.notify_all();
  }
  void connection_opened() override { count(open, 1); }
  void connection_closed() override { count(open, -1); }
  void connection_parked() override { count(parked, 1); }
  void connection_unparked() override { count(parked, -1); }
  void task_waits() override { count(waiting, 1); }
  void task_goes_on() override { count(waiting, -1); }
  void connection_refused() override { count(refused, 1); }
  void workers_changed(int threads) override {
    const std::scoped_lock lock(mutex_);
    workers = threads;
    changed_.notify_all();
  }

  // Waits until `condition`, read under the lock, holds. False after ten seconds.
  template <typename Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), condition);
  }
  // Waits for that many finished requests and returns them all.
  std::vector<Record> records(std::size_t at_least) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return records_.size() >= at_least; });
    return records_;
  }

  // Read them in a condition for wait.
  int open = 0;
  int parked = 0;
  int waiting = 0;
  int refused = 0;
  int workers = 0;

 private:
  void count(int& counter, int by) {
    const std::scoped_lock lock(mutex_);
    counter += by;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Record> records_;
};

// "METHOD target [body]", or "METHOD target truncated" and the like when the body is broken.
inline http::Response echo(http::Request& request, const server::http1::Peer&) {
  std::string text = std::string(request.method) + " " + std::string(request.target) + " ";
  std::string bytes;
  http::Body::Piece piece;
  while ((piece = request.body->read()).state == http::Body::State::more)
    bytes.append(piece.bytes.data(), piece.bytes.size());
  http::Response response;
  switch (piece.state) {
    case http::Body::State::more:
    case http::Body::State::complete:
      response.body = text + "[" + bytes + "]";
      return response;
    case http::Body::State::truncated:
      text += "truncated";
      response.status = 400;
      break;
    case http::Body::State::malformed:
      text += "malformed";
      response.status = 400;
      break;
    case http::Body::State::timed_out:
      text += "timed out";
      response.status = 408;
      break;
    case http::Body::State::too_large:
      text += "too large";
      response.status = 413;
      break;
  }
  response.log_detail = text;
  response.body = text;
  return response;
}

// Holds requests for /held until it is opened, however its test ends: half a minute at most.
class Gate {
 public:
  ~Gate() { open(); }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] bool wait_for_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return held_ >= count; });
  }
  server::http1::Handler handler() {
    return [this](http::Request& request, const server::http1::Peer& peer) {
      if (request.target == "/held") {
        std::unique_lock lock(mutex_);
        ++held_;
        changed_.notify_all();
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return open_; });
      }
      return echo(request, peer);
    };
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t held_ = 0;
  bool open_ = false;
};

inline constexpr const char* kHeld = "GET /held HTTP/1.1\r\nHost: h\r\n\r\n";

// Any free port of this machine.
inline const server::net::Address kLoopback{.host = "127.0.0.1", .port = 0, .loopback = true};

class EchoServer {
 public:
  explicit EchoServer(server::http1::Limits limits = {}, server::http1::Handler handler = echo)
      : listener_(kLoopback, std::move(limits), std::move(handler), observer) {
    listener_.start();
  }
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  void stop() { listener_.stop(); }

  RecordingObserver observer;

 private:
  server::loop::Listener listener_;
};

}  // namespace holdfast::tests
