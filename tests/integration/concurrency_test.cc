// Several clients at once on one resource: no update is lost, and of many who may not all win one
// does.
#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

constexpr int kClients = 8;

class Concurrency : public ::testing::Test {
 protected:
  void SetUp() override { server_.start(); }
  void TearDown() override {
    EXPECT_TRUE(server_.running());
    EXPECT_EQ(server_.stop(), 0) << server_.output();
  }

  // Runs `client(number, connection)` on kClients threads, which all begin together. What one
  // throws fails the test.
  template <typename Client>
  void together(Client client) {
    std::atomic<int> waiting = kClients;
    std::vector<std::thread> threads;
    for (int number = 0; number < kClients; ++number) {
      threads.emplace_back([this, &waiting, &client, number] {
        HttpClient connection(server_.port());
        --waiting;
        while (waiting > 0) std::this_thread::yield();
        try {
          client(number, connection);
        } catch (const std::exception& error) {
          ADD_FAILURE() << "client " << number << ": " << error.what();
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }

  TemporaryFolder folder_;
  ServerProcess server_{folder_ / "data"};
};

TEST_F(Concurrency, IfMatchLosesNoUpdate) {
  constexpr int kIncrements = 25;
  HttpClient first(server_.port());
  ASSERT_EQ(first.request("PUT", "/counter", {}, "0").status, 201);
  std::atomic<int> refused = 0;
  together([&](int, HttpClient& client) {
    for (int done = 0; done < kIncrements;) {
      const auto now = client.request("GET", "/counter");
      ASSERT_EQ(now.status, 200);
      const auto put =
          client.request("PUT", "/counter", {{"If-Match", std::string(now.field("ETag"))}},
                         std::to_string(std::stoi(now.body) + 1));
      if (put.status == 412) {
        ++refused;
      } else {
        ASSERT_EQ(put.status, 204);
        ++done;
      }
    }
  });
  EXPECT_EQ(first.request("GET", "/counter").body, std::to_string(kClients * kIncrements));
  EXPECT_GT(refused, 0) << "the clients never met: the test shows nothing";
}

TEST_F(Concurrency, IfNoneMatchStarHasOneWinner) {
  constexpr int kNames = 20;
  std::vector<std::vector<int>> statuses(kNames, std::vector<int>(kClients));
  together([&](int number, HttpClient& client) {
    for (std::size_t name = 0; name < kNames; ++name) {
      const auto reply = client.request("PUT", "/new-" + std::to_string(name),
                                        {{"If-None-Match", "*"}}, std::to_string(number));
      statuses[name][static_cast<std::size_t>(number)] = reply.status;
    }
  });
  HttpClient client(server_.port());
  for (std::size_t name = 0; name < kNames; ++name) {
    const auto& all = statuses[name];
    EXPECT_EQ(std::count(all.begin(), all.end(), 201), 1);
    EXPECT_EQ(std::count(all.begin(), all.end(), 412), kClients - 1);
    const auto winner = std::find(all.begin(), all.end(), 201) - all.begin();
    EXPECT_EQ(client.request("GET", "/new-" + std::to_string(name)).body, std::to_string(winner));
  }
}

TEST_F(Concurrency, AnExclusiveLockHasOneHolder) {
  constexpr int kRounds = 10;
  const std::string lock_info =
      "<?xml version=\"1.0\"?><D:lockinfo "
      "xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
      "<D:locktype><D:write/></D:locktype><D:owner>test</D:owner></D:lockinfo>";
  HttpClient first(server_.port());
  ASSERT_EQ(first.request("PUT", "/mapped", {}, "x").status, 201);
  std::atomic<int> holders = 0;
  std::atomic<int> granted = 0;
  together([&](int, HttpClient& client) {
    for (int round = 0; round < kRounds;) {
      const auto lock =
          client.request("LOCK", "/mapped", {{"Timeout", "Second-60"}, {"Depth", "0"}}, lock_info);
      if (lock.status == 423) continue;
      ASSERT_EQ(lock.status, 200);
      EXPECT_EQ(++holders, 1) << "two hold the exclusive lock";
      ++granted;
      --holders;
      const auto unlock = client.request("UNLOCK", "/mapped",
                                         {{"Lock-Token", std::string(lock.field("Lock-Token"))}});
      ASSERT_EQ(unlock.status, 204);
      ++round;
    }
  });
  EXPECT_EQ(granted, kClients * kRounds);
}

TEST_F(Concurrency, OneLockCreatesAnUnmappedResource) {
  const std::string lock_info =
      "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
      "<D:locktype><D:write/></D:locktype></D:lockinfo>";
  std::vector<int> statuses(kClients);
  together([&](int number, HttpClient& client) {
    statuses[static_cast<std::size_t>(number)] =
        client.request("LOCK", "/unmapped", {{"Depth", "0"}}, lock_info).status;
  });
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 201), 1);
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 423), kClients - 1);
}

}  // namespace
}  // namespace holdfast::test
