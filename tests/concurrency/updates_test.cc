// docs/robustness.md C2, C3, C7, C8: no update is lost, of many who may not all win one does, and
// no reader sees part of anything.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tests/concurrency/crowd.h"
#include "tests/support/multistatus.h"

namespace holdfast::test {
namespace {

class Updates : public Crowd {};

TEST_F(Updates, IfMatchLosesNone) {
  constexpr int kClients = 32;
  const int increments = full_numbers() ? 20 : 4;
  ASSERT_EQ(ask("PUT", "/counter", {}, "0"), 201);
  std::atomic<int> refused = 0;
  together(kClients, [&](int, HttpClient& client) {
    for (int done = 0; done < increments;) {
      const Reply now = client.request("GET", "/counter");
      ASSERT_EQ(now.status, 200);
      const Reply put =
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
  EXPECT_EQ(HttpClient(server_.port()).request("GET", "/counter").body,
            std::to_string(kClients * increments));
  EXPECT_GT(refused, 0) << "the clients never met: the test shows nothing";
}

TEST_F(Updates, IfNoneMatchStarHasOneWinner) {
  constexpr int kClients = 64;
  const std::size_t names = full_numbers() ? 50 : 8;
  std::vector<std::vector<int>> statuses(names, std::vector<int>(kClients));
  std::barrier meet(kClients);
  together(kClients, [&](int number, HttpClient& client) {
    for (std::size_t name = 0; name < names; ++name) {
      // All of them have been judged a first time before anybody's body is complete.
      client.send("PUT /new-" + std::to_string(name) +
                  " HTTP/1.1\r\nHost: 127.0.0.1\r\nIf-None-Match: *\r\nContent-Length: 2\r\n"
                  "Expect: 100-continue\r\n\r\n");
      client.wait_for_continue();
      meet.arrive_and_wait();
      client.send(std::to_string(10 + number));
      statuses[name][static_cast<std::size_t>(number)] = client.read_reply().status;
    }
  });
  HttpClient client(server_.port());
  for (std::size_t name = 0; name < names; ++name) {
    const auto& all = statuses[name];
    EXPECT_EQ(std::count(all.begin(), all.end(), 201), 1);
    EXPECT_EQ(std::count(all.begin(), all.end(), 412), kClients - 1);
    const auto winner = std::find(all.begin(), all.end(), 201) - all.begin();
    EXPECT_EQ(client.request("GET", "/new-" + std::to_string(name)).body,
              std::to_string(10 + winner));
  }
}

TEST_F(Updates, OfManyMkcolsOneCreates) {
  constexpr int kClients = 32;
  std::vector<int> statuses(kClients);
  together(kClients, [&](int number, HttpClient& client) {
    statuses[static_cast<std::size_t>(number)] = client.request("MKCOL", "/c").status;
  });
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 201), 1);
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 405), kClients - 1);
}

TEST_F(Updates, OfManyMovesOfOneFileOneSucceeds) {
  constexpr int kClients = 32;
  ASSERT_EQ(ask("PUT", "/f", {}, "x"), 201);
  std::vector<int> statuses(kClients);
  together(kClients, [&](int number, HttpClient& client) {
    statuses[static_cast<std::size_t>(number)] =
        client.request("MOVE", "/f", {{"Destination", "/f" + std::to_string(number)}}).status;
  });
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 201), 1);
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 404), kClients - 1);
}

// A version is its byte; its length says the same.
std::size_t length_of(char byte) { return (1 << 20) + static_cast<std::size_t>(byte - 'a') * 1000; }

TEST_F(Updates, NoReaderSeesATornBody) {
  constexpr int kWriters = 4;
  constexpr int kReaders = 6;
  const int rounds = full_numbers() ? 60 : 12;
  ASSERT_EQ(ask("PUT", "/f", {}, std::string(length_of('a'), 'a')), 201);
  std::mutex mutex;
  std::map<std::string, char> version;  // by entity tag
  const auto note = [&](std::string_view tag, char byte) {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(version.emplace(tag, byte).first->second, byte) << tag;
  };
  together(kWriters + kReaders, [&](int number, HttpClient& client) {
    for (int round = 0; round < rounds; ++round) {
      if (number < kWriters) {
        const char byte = static_cast<char>('a' + (round * kWriters + number) % 26);
        const Reply put = client.request("PUT", "/f", {}, std::string(length_of(byte), byte));
        ASSERT_EQ(put.status, 204);
        note(put.field("ETag"), byte);
        continue;
      }
      const bool part = number % 2 == 0;
      const Reply got =
          client.request("GET", "/f", part ? Fields{{"Range", "bytes=700000-1048575"}} : Fields{});
      ASSERT_EQ(got.status, part ? 206 : 200);
      ASSERT_FALSE(got.body.empty());
      const char byte = got.body.front();
      ASSERT_EQ(got.body.find_first_not_of(byte), std::string::npos) << "two versions in one body";
      note(got.field("ETag"), byte);
      const std::string length = std::to_string(length_of(byte));
      if (part) {
        ASSERT_EQ(got.field("Content-Range"), "bytes 700000-1048575/" + length);
      } else {
        ASSERT_EQ(std::to_string(got.body.size()), length);
      }
    }
  });
  EXPECT_GT(version.size(), 3U) << "the readers saw no change";
}

// Every member is always there under one of two names, and a listing says so: it has each exactly
// once although it takes long enough for many of them to change their names.
TEST_F(Updates, AListingIsOneInstant) {
  constexpr int kMembers = 300;
  constexpr int kMovers = 4;
  const int listings = full_numbers() ? 200 : 40;
  ASSERT_EQ(ask("MKCOL", "/c"), 201);
  {
    HttpClient client(server_.port());
    for (int member = 0; member < kMembers; ++member)
      ASSERT_EQ(client.request("PUT", "/c/a" + std::to_string(member), {}, "x").status, 201);
  }
  std::atomic<bool> listed_all = false;
  std::atomic<int> moves = 0;
  together(kMovers + 1, [&](int number, HttpClient& client) {
    if (number == kMovers) {
      std::set<std::string> ways;  // the listings that were seen
      for (int listing = 0; listing < listings; ++listing) {
        const Reply reply = client.request(
            "PROPFIND", "/c", {{"Depth", "1"}},
            "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:getetag/></D:prop></D:propfind>");
        EXPECT_EQ(reply.status, 207);
        std::multiset<std::string> seen;
        std::string way;
        for (const auto& response : parse_multistatus(reply.body)) {
          if (response.href == "/c/") continue;
          way += response.href[3];
          seen.insert(response.href.substr(4));
        }
        EXPECT_EQ(seen.size(), std::size_t{kMembers});
        for (int member = 0; member < kMembers; ++member)
          EXPECT_EQ(seen.count(std::to_string(member)), 1U) << "member " << member;
        ways.insert(way);
        if (HasFailure()) break;
      }
      listed_all = true;
      EXPECT_GT(ways.size(), 3U) << "nothing moved";
      return;
    }
    std::vector<bool> other(kMembers);
    for (int turn = number; !listed_all; turn += kMovers) {
      // The names at the end go to the beginning and back.
      const int member = turn % kMembers;
      const std::string from = other[static_cast<std::size_t>(member)] ? "/c/z" : "/c/a";
      const std::string to = from == "/c/a" ? "/c/z" : "/c/a";
      const Reply reply =
          client.request("MOVE", from + std::to_string(member),
                         {{"Destination", to + std::to_string(member)}, {"Overwrite", "F"}});
      ASSERT_EQ(reply.status, 201);
      other[static_cast<std::size_t>(member)].flip();
      ++moves;
    }
  });
  EXPECT_GT(moves, listings) << "the test shows nothing";
}

}  // namespace
}  // namespace holdfast::test
