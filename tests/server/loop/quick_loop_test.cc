// Where one thread answers the quick requests of many connections: nobody waits for somebody else's
// slow one, and nothing is lost on the way to the desk and back.
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/echo_server.h"
#include "tests/support/raw_http.h"

namespace holdfast::server {
namespace {

using namespace std::chrono_literals;
using tests::EchoServer;
using tests::Gate;
using tests::kHeld;
using tests::RawClient;
using Clock = std::chrono::steady_clock;
using Clients = std::vector<std::unique_ptr<RawClient>>;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

std::size_t quick_loops() { return std::max(1U, std::thread::hardware_concurrency()); }

// Echoes, remembers which threads did, and holds requests for /held.
class Host {
 public:
  Gate gate;

  // Those that served since the last call.
  std::set<std::thread::id> threads() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(threads_, {});
  }
  http1::Handler handler() {
    return [this, echo = gate.handler()](http::Request& request, http1::Peer& peer) {
      {
        const std::scoped_lock lock(mutex_);
        threads_.insert(std::this_thread::get_id());
      }
      http::Response response = echo(request, peer);
      if (request.target == "/big") response.body = std::string(60'000, 'b');
      if (request.target == "/huge") response.body = std::string(6'000'000, 'h');
      return response;
    };
  }

 private:
  std::mutex mutex_;
  std::set<std::thread::id> threads_;
};

Clients connect(const EchoServer& server, std::size_t count) {
  Clients clients;
  for (std::size_t i = 0; i < count; ++i)
    clients.push_back(std::make_unique<RawClient>(server.port()));
  return clients;
}

void ask_all(const Clients& clients, const std::string& request = kGet) {
  for (const auto& client : clients) ASSERT_TRUE(client->send(request));
  for (const auto& client : clients) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer) << client->error;
    ASSERT_EQ(answer->status, 200);
  }
}

// So often that they come to their desks, and those have threads.
void bring(const Clients& clients) {
  for (int i = 0; i < 5; ++i) ASSERT_NO_FATAL_FAILURE(ask_all(clients));
}

// Clients, several for each desk, that ask without a pause until the end of the scope, so that
// nobody leaves a desk for want of work.
class Bustle {
 public:
  explicit Bustle(const EchoServer& server) : clients_(connect(server, 2 * quick_loops())) {
    thread_ = std::thread([this] {
      while (!ended_ && !testing::Test::HasFatalFailure()) ask_all(clients_);
    });
  }
  ~Bustle() {
    ended_ = true;
    thread_.join();
  }

 private:
  Clients clients_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

TEST(QuickLoop, AThreadPerCoreAnswersManyClients) {
  Host host;
  EchoServer server({}, host.handler());
  const Clients clients = connect(server, 8 * quick_loops());
  // A thread that was kept from running for a moment is replaced, so not the first time, perhaps.
  const auto deadline = Clock::now() + 20s;
  std::size_t threads = 0;
  do {
    ASSERT_NO_FATAL_FAILURE(bring(clients));
    static_cast<void>(host.threads());
    for (int i = 0; i < 20; ++i) ASSERT_NO_FATAL_FAILURE(ask_all(clients));
    threads = host.threads().size();
  } while (threads > quick_loops() && Clock::now() < deadline);
  EXPECT_LE(threads, quick_loops());
}

TEST(QuickLoop, NobodyWaitsForARequestThatTakesLong) {
  Host host;
  EchoServer server({}, host.handler());
  const Bustle bustle(server);
  for (std::size_t round = 1; round <= 3; ++round) {
    // One at each desk at least.
    const Clients held = connect(server, quick_loops());
    const Clients others = connect(server, 4 * quick_loops());
    ASSERT_NO_FATAL_FAILURE(bring(held));
    ASSERT_NO_FATAL_FAILURE(bring(others));
    for (const auto& client : held) ASSERT_TRUE(client->send(kHeld));
    for (int i = 0; i < 10; ++i) ASSERT_NO_FATAL_FAILURE(ask_all(others));
    ASSERT_TRUE(host.gate.wait_for_held(held.size() * round));
    for (int i = 0; i < 10; ++i) ASSERT_NO_FATAL_FAILURE(ask_all(others));
    for (const auto& client : held) EXPECT_TRUE(client->silent(1ms));
    if (round < 3) continue;
    host.gate.open();
    for (const auto& client : held) {
      const auto answer = client->receive();
      ASSERT_TRUE(answer) << client->error;
      EXPECT_EQ(answer->body, "GET /held []");
    }
    ASSERT_NO_FATAL_FAILURE(bring(held));
  }
}

TEST(QuickLoop, NobodyWaitsForAClientThatDoesNotRead) {
  Host host;
  EchoServer server({}, host.handler());
  const Bustle bustle(server);
  constexpr int kAnswers = 200;
  for (const auto& [request, size] :
       {std::pair<const char*, std::size_t>{"GET /big HTTP/1.1\r\nHost: h\r\n\r\n", 60'000},
        std::pair<const char*, std::size_t>{"GET /huge HTTP/1.1\r\nHost: h\r\n\r\n", 6'000'000}}) {
    Clients deaf;
    for (std::size_t i = 0; i < quick_loops(); ++i)
      deaf.push_back(std::make_unique<RawClient>(server.port(), 4096));
    const Clients others = connect(server, 4 * quick_loops());
    ASSERT_NO_FATAL_FAILURE(bring(deaf));
    ASSERT_NO_FATAL_FAILURE(bring(others));
    const int answers = size > 100'000 ? 1 : kAnswers;
    std::string requests;
    for (int i = 0; i < answers; ++i) requests += request;
    for (const auto& client : deaf) ASSERT_TRUE(client->send(requests));
    for (int i = 0; i < 20; ++i) ASSERT_NO_FATAL_FAILURE(ask_all(others));
    for (const auto& client : deaf) {
      for (int i = 0; i < answers; ++i) {
        const auto answer = client->receive();
        ASSERT_TRUE(answer) << client->error;
        ASSERT_EQ(answer->body.size(), size);
      }
    }
  }
}

TEST(QuickLoop, NobodyWaitsForABodyThatIsNotHere) {
  EchoServer server;
  const Bustle bustle(server);
  const Clients slow = connect(server, quick_loops());
  const Clients others = connect(server, 4 * quick_loops());
  for (const std::string method : {"PUT", "GET", "OPTIONS", "PROPFIND"}) {
    ASSERT_NO_FATAL_FAILURE(bring(slow));
    ASSERT_NO_FATAL_FAILURE(bring(others));
    for (const auto& client : slow)
      ASSERT_TRUE(client->send(method +
                               " /a HTTP/1.1\r\nHost: h\r\nDepth: 0\r\nContent-Length: 10\r\n\r\n"
                               "abc"));
    for (int i = 0; i < 10; ++i) ASSERT_NO_FATAL_FAILURE(ask_all(others));
    for (const auto& client : slow) {
      EXPECT_TRUE(client->silent(1ms));
      ASSERT_TRUE(client->send("defghij"));
      const auto answer = client->receive();
      ASSERT_TRUE(answer) << client->error;
      EXPECT_EQ(answer->body, method + " /a [abcdefghij]");
    }
  }
}

// Whoever serves it, a client has one answer for each request, in its order.
TEST(QuickLoop, RequestsKeepTheirOrder) {
  EchoServer server;
  const Bustle bustle(server);
  const Clients clients = connect(server, quick_loops());
  ASSERT_NO_FATAL_FAILURE(bring(clients));
  std::string requests;
  std::vector<std::string> answers;
  for (int i = 0; i < 200; ++i) {
    const std::string target = "/" + std::to_string(i);
    switch (i % 7) {
      case 3:
        requests += "PUT " + target + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz";
        answers.push_back("PUT " + target + " [xyz]");
        break;
      case 5:
        requests += "PROPFIND " + target +
                    " HTTP/1.1\r\nHost: h\r\nDepth: 0\r\nContent-Length: 2\r\n\r\npq";
        answers.push_back("PROPFIND " + target + " [pq]");
        break;
      default:
        requests += "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
        answers.push_back("GET " + target + " []");
    }
  }
  // In pieces that end anywhere.
  for (std::size_t piece = 1; piece < requests.size(); piece *= 7) {
    for (const auto& client : clients) {
      ASSERT_NO_FATAL_FAILURE(bring(clients));
      std::thread sender([&] {
        for (std::size_t at = 0; at < requests.size(); at += piece)
          ASSERT_TRUE(client->send(std::string_view(requests).substr(at, piece)));
      });
      for (const std::string& expected : answers) {
        const auto answer = client->receive();
        EXPECT_TRUE(answer) << client->error;
        if (!answer) break;
        EXPECT_EQ(answer->body, expected);
      }
      sender.join();
      if (HasFailure()) return;
    }
  }
}

TEST(QuickLoop, WhatIsWrongIsRefusedThereAsElsewhere) {
  EchoServer server;
  const Bustle bustle(server);
  for (const char* bad :
       {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: h\r\n\r\n", "GET\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    const Clients clients = connect(server, quick_loops());
    ASSERT_NO_FATAL_FAILURE(bring(clients));
    for (const auto& client : clients) {
      ASSERT_TRUE(client->send(bad));
      const auto answer = client->receive();
      ASSERT_TRUE(answer) << client->error;
      EXPECT_EQ(answer->status, 400) << bad;
      client->finish_sending();
      EXPECT_TRUE(client->closed());
    }
  }
}

TEST(QuickLoop, WhoAsksNoMoreIsParked) {
  EchoServer server;
  const Clients idle = connect(server, 4 * quick_loops());
  const Bustle bustle(server);
  ASSERT_NO_FATAL_FAILURE(bring(idle));
  // The bustle goes on all the time.
  EXPECT_TRUE(server.observer.wait(
      [&] { return server.observer.parked >= static_cast<int>(idle.size()); }));
  ASSERT_NO_FATAL_FAILURE(bring(idle));
}

TEST(QuickLoop, ThreadsLeaveWhenNobodyAsks) {
  EchoServer server;
  const Clients clients = connect(server, 8 * quick_loops());
  ASSERT_NO_FATAL_FAILURE(bring(clients));
  EXPECT_TRUE(server.observer.wait(
      [&] { return server.observer.parked == static_cast<int>(clients.size()); }));
  EXPECT_TRUE(server.observer.wait([&] { return server.observer.workers == 0; }));
  ASSERT_NO_FATAL_FAILURE(bring(clients));
}

TEST(QuickLoop, ClientsThatLeaveAreForgotten) {
  EchoServer server;
  {
    const Bustle bustle(server);
    for (int round = 0; round < 20; ++round) {
      const Clients clients = connect(server, 4 * quick_loops());
      ASSERT_NO_FATAL_FAILURE(bring(clients));
      for (std::size_t i = 0; i < clients.size(); i += 2) clients[i]->reset();
    }
  }
  EXPECT_TRUE(server.observer.wait([&] { return server.observer.open == 0; }));
}

TEST(QuickLoop, AStopWaitsForNobodyThere) {
  http1::Limits limits;
  limits.shutdown_grace_s = 60;
  for (const bool asking : {false, true}) {
    EchoServer server(limits);
    const Clients clients = connect(server, 8 * quick_loops());
    ASSERT_NO_FATAL_FAILURE(bring(clients));
    if (asking) {
      for (const auto& client : clients) ASSERT_TRUE(client->send(kGet));
    }
    const auto start = Clock::now();
    server.stop();
    EXPECT_LT(Clock::now() - start, 30s);
    for (const auto& client : clients) {
      // An answer or none, and then the end.
      const std::string last = client->receive_all();
      EXPECT_TRUE(last.empty() || last.starts_with("HTTP/1.1 200 OK\r\n")) << last;
    }
  }
}

}  // namespace
}  // namespace holdfast::server
