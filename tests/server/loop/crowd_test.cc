// Many clients at once, idle, slow, rude or too many: the others do not notice, nothing stays
// behind, and nobody is dropped without a word.
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "server/loop/admission.h"
#include "tests/server/echo_server.h"
#include "tests/support/raw_http.h"

namespace holdfast::server {
namespace {

using tests::EchoServer;
using tests::Gate;
using tests::kHeld;
using tests::RawClient;

constexpr const char* kGetRoot = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

TEST(Crowd, IdleConnectionsHoldNoWorker) {
  http1::Limits limits;
  limits.workers = 2;
  EchoServer server(limits);
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 1'500; ++i) {
    idle.push_back(std::make_unique<RawClient>(server.port()));
    // A third says nothing, a third stops within a head, a third has had an answer.
    if (i % 3 == 1) idle.back()->send("GET / HTTP/1.1\r\nHo");
    if (i % 3 == 2) {
      idle.back()->send(kGetRoot);
      ASSERT_TRUE(idle.back()->receive()) << idle.back()->error;
    }
  }
  ASSERT_TRUE(server.observer.wait([&] { return server.observer.parked == 1'500; }));
  const auto canary = tests::ask(server.port(), kGetRoot);
  ASSERT_TRUE(canary);
  EXPECT_EQ(canary->status, 200);
  // Each of them still works.
  for (int i = 0; i < 1'500; i += 100) {
    RawClient& client = *idle[static_cast<std::size_t>(i)];
    client.send(i % 3 == 1 ? "st: h\r\n\r\n" : kGetRoot);
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 200);
  }
  idle.clear();
  EXPECT_TRUE(server.observer.wait([&] { return server.observer.open == 0; }));
}

TEST(Crowd, ClientsThatLeaveNeedNoWorker) {
  http1::Limits limits;
  limits.workers = 1;
  limits.queued = 5;
  Gate gate;
  EchoServer server(limits, gate.handler());
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 100; ++i) {
    idle.push_back(std::make_unique<RawClient>(server.port()));
    // Some have said nothing, some have begun a request, some have had an answer.
    if (i % 3 == 1) idle.back()->send("GET / HTTP/1.1\r\nHo");
    if (i % 3 == 2) {
      idle.back()->send(kGetRoot);
      ASSERT_TRUE(idle.back()->receive()) << idle.back()->error;
    }
  }
  ASSERT_TRUE(server.observer.wait([&] { return server.observer.parked == 100; }));
  RawClient held(server.port());
  held.send(kHeld);
  ASSERT_TRUE(gate.wait_for_held(1));
  for (int i = 0; i < 100; i += 2) idle[static_cast<std::size_t>(i)]->reset();
  idle.clear();
  EXPECT_TRUE(server.observer.wait([&] { return server.observer.open == 1; }));
  EXPECT_EQ(server.observer.refused, 0);
  gate.open();
  EXPECT_TRUE(held.receive()) << held.error;
}

TEST(Crowd, SlowBodiesDoNotStopOthers) {
  http1::Limits limits;
  limits.workers = 1;
  EchoServer server(limits);
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<RawClient>(server.port()));
    slow.back()->send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nx");
  }
  ASSERT_TRUE(server.observer.wait([&] { return server.observer.waiting == 100; }));
  ASSERT_TRUE(tests::ask(server.port(), kGetRoot));
  EXPECT_EQ(server.observer.records(1).size(), 1U) << "answered while none of the slow ones ended";
  for (const auto& client : slow) ASSERT_TRUE(client->send("yz"));
  for (const auto& client : slow) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer) << client->error;
    EXPECT_EQ(answer->body, "PUT / [xyz]");
  }
  EXPECT_TRUE(server.observer.wait([&] { return server.observer.waiting == 0; }));
}

TEST(Crowd, AnswersThatNobodyReadsDoNotStopOthers) {
  const std::string large(6'000'000, 'x');
  http1::Limits limits;
  limits.workers = 1;
  EchoServer server(limits, [&](http::Request& request, const http1::Peer& peer) {
    http::Response response = tests::echo(request, peer);
    if (request.target == "/large") response.body = large;
    return response;
  });
  std::vector<std::unique_ptr<RawClient>> deaf;
  for (int i = 0; i < 20; ++i) {
    deaf.push_back(std::make_unique<RawClient>(server.port(), 4096));
    deaf.back()->send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  ASSERT_TRUE(server.observer.wait([&] { return server.observer.waiting == 20; }));
  ASSERT_TRUE(tests::ask(server.port(), kGetRoot));
  for (const auto& client : deaf) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer) << client->error;
    EXPECT_EQ(answer->body, large);
  }
}

// A refused body is drained, which is one more wait for its client.
TEST(Crowd, RefusedBodiesThatDoNotComeDoNotStopOthers) {
  http1::Limits limits;
  limits.workers = 1;
  limits.drain_timeout_s = 60;
  EchoServer server(limits, [](http::Request& request, const http1::Peer& peer) {
    if (request.method != "PUT") return tests::echo(request, peer);
    http::Response response;
    response.status = 423;
    return response;
  });
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<RawClient>(server.port()));
    slow.back()->send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nx");
  }
  ASSERT_TRUE(server.observer.wait([&] { return server.observer.waiting == 100; }));
  ASSERT_TRUE(tests::ask(server.port(), kGetRoot));
  for (const auto& client : slow) ASSERT_TRUE(client->send("yz"));
  for (const auto& client : slow) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer) << client->error;
    EXPECT_EQ(answer->status, 423);
  }
}

TEST(Crowd, TooFewWorkersAnswer503) {
  http1::Limits limits;
  limits.workers = 2;
  limits.queued = 3;
  Gate gate;
  EchoServer server(limits, gate.handler());
  std::vector<std::unique_ptr<RawClient>> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(std::make_unique<RawClient>(server.port()));
    held.back()->send(kHeld);
  }
  ASSERT_TRUE(gate.wait_for_held(2));
  std::vector<std::unique_ptr<RawClient>> later;
  for (int i = 0; i < 6; ++i) {
    later.push_back(std::make_unique<RawClient>(server.port()));
    later.back()->send(kGetRoot);
  }
  ASSERT_TRUE(server.observer.wait([&] { return server.observer.refused == 3; }));
  gate.open();
  int served = 0;
  int refused = 0;
  for (const auto& client : later) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer) << client->error;
    if (answer->status == 200) {
      ++served;
      continue;
    }
    ++refused;
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->field("retry-after"), "5");
    EXPECT_TRUE(client->closed());
  }
  EXPECT_EQ(served, 3);
  EXPECT_EQ(refused, 3);
  for (const auto& client : held) EXPECT_EQ(client->receive()->status, 200);
}

TEST(Crowd, BusyConnectionsShareFewWorkers) {
  http1::Limits limits;
  limits.workers = 2;
  EchoServer server(limits);
  std::vector<std::thread> clients;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      RawClient client(server.port());
      for (int request = 0; request < 100; request += 4) {
        for (int pipelined = 0; pipelined < 4; ++pipelined) client.send(kGetRoot);
        for (int pipelined = 0; pipelined < 4; ++pipelined)
          if (client.receive()) ++answered;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 800);
}

TEST(Crowd, TooManyConnectionsAnswer503) {
  http1::Limits limits;
  limits.connections = 10;
  EchoServer server(limits);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(kGetRoot);
    EXPECT_EQ(clients.back()->receive()->status, 200);
  }
  RawClient refused(server.port());
  const auto answer = refused.receive();
  ASSERT_TRUE(answer) << refused.error;
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->field("retry-after"), "5");
  EXPECT_TRUE(refused.closed());
  clients.pop_back();
  ASSERT_TRUE(server.observer.wait([&] { return server.observer.open == 9; }));
  EXPECT_EQ(tests::ask(server.port(), kGetRoot)->status, 200);
}

// Also those for whom there is no room among the refused ones that are waited for.
TEST(Crowd, AllWhoAreTooManyAreTold) {
  http1::Limits limits;
  limits.connections = 1;
  EchoServer server(limits);
  RawClient admitted(server.port());
  admitted.send(kGetRoot);
  EXPECT_EQ(admitted.receive()->status, 200);
  std::vector<std::unique_ptr<RawClient>> crowd;
  for (int i = 0; i < 40; ++i) crowd.push_back(std::make_unique<RawClient>(server.port()));
  for (const auto& refused : crowd) {
    const auto answer = refused->receive();
    ASSERT_TRUE(answer) << refused->error;
    EXPECT_EQ(answer->status, 503);
  }
}

TEST(Crowd, HeadsThatNeverEndAreAnswered408) {
  http1::Limits limits;
  limits.head_timeout_s = 1;
  EchoServer server(limits);
  RawClient mute(server.port());
  RawClient stuck(server.port());
  stuck.send("PUT /slow HTTP/1.1\r\nHost: h\r\nX: ");
  RawClient trickling(server.port());
  trickling.send("GET / HTTP/1.1\r\nX: ");
  // The deadline is total: bytes do not move it.
  for (int i = 0; i < 50 && trickling.silent(std::chrono::milliseconds(50)); ++i)
    trickling.send("x");
  for (RawClient* client : {&stuck, &trickling}) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer) << client->error;
    EXPECT_EQ(answer->status, 408);
    EXPECT_TRUE(client->closed());
  }
  EXPECT_TRUE(mute.closed());
  const auto records = server.observer.records(2);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].status, 408);
  EXPECT_TRUE(records[0].target == "/slow" || records[1].target == "/slow");
}

TEST(Crowd, IdleConnectionsAreClosedInTime) {
  http1::Limits limits;
  limits.idle_timeout_s = 1;
  EchoServer server(limits);
  RawClient client(server.port());
  client.send(kGetRoot);
  ASSERT_TRUE(client.receive());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(client.closed());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(900));
}

TEST(Crowd, IdleConnectionsAreClosedSoonerWhenItIsFull) {
  http1::Limits limits;
  limits.connections = 4;
  limits.busy_idle_timeout_s = 1;
  EchoServer server(limits);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(kGetRoot);
    ASSERT_TRUE(clients.back()->receive());
  }
  EXPECT_TRUE(server.observer.wait([&] { return server.observer.open <= 3; }));
}

TEST(Crowd, NothingStaysBehind) {
  EchoServer server;
  ASSERT_TRUE(tests::ask(server.port(), kGetRoot));
  ASSERT_TRUE(server.observer.wait([&] { return server.observer.open == 0; }));
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 2'000; ++i) {
    RawClient client(server.port());
    switch (i % 4) {
      case 0:
        break;
      case 1:
        client.reset();
        break;
      case 2:
        client.send(kGetRoot);
        client.reset();
        break;
      case 3:
        client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
        client.reset();
        break;
    }
  }
  RawClient steady(server.port());
  for (int i = 0; i < 5'000; ++i) {
    steady.send(kGetRoot);
    ASSERT_TRUE(steady.receive()) << steady.error;
  }
  ASSERT_TRUE(server.observer.wait([&] { return server.observer.open == 1; }));
  EXPECT_EQ(open_descriptors(), before + 2);  // both ends of the steady connection
}

TEST(Crowd, OutOfDescriptorsNewClientsWaitAndOldOnesAreServed) {
  EchoServer server;
  RawClient old(server.port());
  old.send(kGetRoot);
  ASSERT_TRUE(old.receive());
  RawClient waiting(server.port());  // a descriptor of ours before they run out
  waiting.send(kGetRoot);
  ASSERT_TRUE(waiting.receive());
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const rlim_t soft = files.rlim_cur;
  // The next descriptor is ours, and the server finds none.
  const int next = ::dup(STDIN_FILENO);
  ASSERT_GE(next, 0);
  ::close(next);
  files.rlim_cur = static_cast<rlim_t>(next) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  auto late = std::make_unique<RawClient>(server.port());
  late->send(kGetRoot);
  EXPECT_TRUE(late->silent(std::chrono::milliseconds(300)));
  old.send(kGetRoot);
  EXPECT_TRUE(old.receive()) << old.error;
  files.rlim_cur = soft;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_TRUE(late->receive()) << late->error;
}

TEST(Stop, FinishesWhatIsInFlight) {
  Gate gate;
  EchoServer server({}, gate.handler());
  RawClient idle(server.port());
  idle.send(kGetRoot);
  ASSERT_TRUE(idle.receive());
  RawClient held(server.port());
  held.send(kHeld);
  ASSERT_TRUE(gate.wait_for_held(1));
  std::thread stopping([&] { server.stop(); });
  EXPECT_TRUE(idle.closed());
  EXPECT_THROW(RawClient{server.port()}, std::runtime_error);
  gate.open();
  const auto answer = held.receive();
  EXPECT_TRUE(answer) << held.error;
  EXPECT_EQ(answer.value_or(tests::RawResponse{}).field("connection"), "close");
  EXPECT_TRUE(held.closed());
  stopping.join();
  server.stop();
}

TEST(Stop, CutsWhatTakesTooLong) {
  http1::Limits limits;
  limits.shutdown_grace_s = 1;
  EchoServer server(limits);
  RawClient uploading(server.port());
  uploading.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
  RawClient canary(server.port());
  canary.send(kGetRoot);
  ASSERT_TRUE(canary.receive());
  const auto begin = std::chrono::steady_clock::now();
  server.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(Stop, UnderLoad) {
  for (int round = 0; round < 10; ++round) {
    EchoServer server;
    std::atomic<bool> done = false;
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&] {
        while (!done) {
          try {
            RawClient client(server.port());
            while (client.send(kGetRoot) && client.receive()) {
            }
          } catch (const std::runtime_error&) {
            return;
          }
        }
      });
    }
    server.observer.records(50);
    server.stop();
    done = true;
    for (std::thread& client : clients) client.join();
    EXPECT_TRUE(server.observer.wait([&] { return server.observer.open == 0; }));
  }
}

TEST(Stop, IsHarmlessBeforeStartAndTwice) {
  observe::Observer observer;
  loop::Listener never(tests::kLoopback, http1::Limits{}, tests::echo, observer);
  EXPECT_NE(never.port(), 0);
  never.stop();
  EchoServer first;
  EchoServer second;
  EXPECT_TRUE(tests::ask(first.port(), kGetRoot));
  EXPECT_TRUE(tests::ask(second.port(), kGetRoot));
  first.stop();
  first.stop();
  EXPECT_TRUE(tests::ask(second.port(), kGetRoot));
}

}  // namespace
}  // namespace holdfast::server
