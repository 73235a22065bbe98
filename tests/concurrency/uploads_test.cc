// docs/robustness.md C5, C9: what is judged before an upload is judged again when it commits. Each
// test changes the world after the server has invited the body (100 Continue) and before the body
// ends.
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "tests/concurrency/crowd.h"
#include "tests/support/staged_files.h"

namespace holdfast::test {
namespace {

class Uploads : public Crowd {
 protected:
  // Puts 100,000 bytes to /c/x; `meanwhile` runs after 100 Continue and half of the body.
  Reply put(const Fields& fields, const std::function<void()>& meanwhile) {
    HttpClient client(server_.port());
    std::string head = "PUT /c/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n";
    for (const auto& [name, value] : fields) head.append(name + ": " + value + "\r\n");
    client.send(head + "Expect: 100-continue\r\n\r\n");
    client.wait_for_continue();
    client.send(std::string(50'000, 'n'));
    meanwhile();
    client.send(std::string(50'000, 'n'));
    return client.read_reply();
  }
  std::string body(std::string_view target) {
    return HttpClient(server_.port()).request("GET", target).body;
  }
  std::string lock(std::string_view target) {
    return std::string(HttpClient(server_.port())
                           .request("LOCK", target, {{"Depth", "0"}}, lock_info(true))
                           .field("Lock-Token"));
  }
  void SetUp() override {
    Crowd::SetUp();
    ASSERT_EQ(ask("MKCOL", "/c"), 201);
  }
  void TearDown() override {
    EXPECT_TRUE(staged_files(data_).empty());
    Crowd::TearDown();
  }
};

TEST_F(Uploads, TheParentMovedAwayIs409) {
  const Reply reply = put({}, [&] { ASSERT_EQ(ask("MOVE", "/c", {{"Destination", "/d"}}), 201); });
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(ask("GET", "/d/x"), 404) << "re-resolved by path, not by identity";
  EXPECT_EQ(ask("GET", "/c/x"), 404);
}

TEST_F(Uploads, TheParentDeletedIs409) {
  EXPECT_EQ(put({}, [&] { ASSERT_EQ(ask("DELETE", "/c"), 204); }).status, 409);
  EXPECT_EQ(ask("GET", "/c"), 404);
}

TEST_F(Uploads, TheParentReplacedByAFileIs409) {
  EXPECT_EQ(put({},
                [&] {
                  ASSERT_EQ(ask("DELETE", "/c"), 204);
                  ASSERT_EQ(ask("PUT", "/c", {}, "file"), 201);
                })
                .status,
            409);
  EXPECT_EQ(body("/c"), "file");
}

TEST_F(Uploads, AnotherCollectionOfThatNameTakesIt) {
  EXPECT_EQ(put({},
                [&] {
                  ASSERT_EQ(ask("MOVE", "/c", {{"Destination", "/d"}}), 201);
                  ASSERT_EQ(ask("MKCOL", "/c"), 201);
                })
                .status,
            201);
  EXPECT_EQ(body("/c/x").size(), 100'000U);
  EXPECT_EQ(ask("GET", "/d/x"), 404);
}

TEST_F(Uploads, ACollectionInItsPlaceIs405) {
  EXPECT_EQ(put({}, [&] { ASSERT_EQ(ask("MKCOL", "/c/x"), 201); }).status, 405);
  EXPECT_EQ(ask("DELETE", "/c/x"), 204);
}

TEST_F(Uploads, AStaleIfMatchIs412) {
  HttpClient client(server_.port());
  const std::string tag(client.request("PUT", "/c/x", {}, "old").field("ETag"));
  EXPECT_EQ(
      put({{"If-Match", tag}}, [&] { ASSERT_EQ(ask("PUT", "/c/x", {}, "other"), 204); }).status,
      412);
  EXPECT_EQ(body("/c/x"), "other");
}

TEST_F(Uploads, TheSecondOfTwoIfNoneMatchIs412) {
  EXPECT_EQ(put({{"If-None-Match", "*"}},
                [&] {
                  ASSERT_EQ(ask("PUT", "/c/x", {{"If-None-Match", "*"}}, "other"), 201);
                })
                .status,
            412);
  EXPECT_EQ(body("/c/x"), "other");
}

TEST_F(Uploads, ALockTakenMeanwhileIs423) {
  ASSERT_EQ(ask("PUT", "/c/x", {}, "old"), 201);
  EXPECT_EQ(put({}, [&] { ASSERT_NE(lock("/c/x"), ""); }).status, 423);
  EXPECT_EQ(body("/c/x"), "old");
}

TEST_F(Uploads, ATokenThatDiedMeanwhileIs412) {
  ASSERT_EQ(ask("PUT", "/c/x", {}, "old"), 201);
  const std::string token = lock("/c/x");
  EXPECT_EQ(put({{"If", "(" + token + ")"}},
                [&] {
                  ASSERT_EQ(ask("UNLOCK", "/c/x", {{"Lock-Token", token}}), 204);
                })
                .status,
            412);
  EXPECT_EQ(body("/c/x"), "old");
}

TEST_F(Uploads, ATokenWhoseResourceAnotherLockedMeanwhileIsRefused) {
  ASSERT_EQ(ask("PUT", "/c/x", {}, "old"), 201);
  const std::string token = lock("/c/x");
  const auto change_hands = [&] {
    ASSERT_EQ(ask("UNLOCK", "/c/x", {{"Lock-Token", token}}), 204);
    ASSERT_NE(lock("/c/x"), "");
  };
  EXPECT_EQ(put({{"If", "(" + token + ") (Not <DAV:no-lock>)"}}, change_hands).status, 423);
  EXPECT_EQ(body("/c/x"), "old");
}

}  // namespace
}  // namespace holdfast::test
