// Answers before the body was read: whatever the body holds is dropped or the connection closes,
// and the client can read the answer (docs/robustness.md H6, H7).
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "tests/attack/attack.h"

namespace holdfast::test {
namespace {

class EarlyAnswer : public Attack {
 protected:
  struct Refused {
    int status;
    std::string line;
    std::string fields;
  };

  // Small, and over the limit for XML.
  inline static const std::string kSmall = repeated(kSmuggled, 5);

  // Requests that are refused for their head. The server has a limit at which 413 is seen.
  void SetUp() override { start({"--xml-limit", "200"}); }
  [[nodiscard]] static std::vector<Refused> refused() {
    return {
        {403, "PUT /sentinels/03", "Origin: http://evil.example\r\n"},
        {415, "DELETE /missing", ""},  // which takes no body
        {405, "PUT /sentinels", ""},
        {405, "POST /sentinels/03", ""},
        {409, "PUT /missing/new", ""},
        {412, "PUT /sentinels/03", "If-Match: \"stale\"\r\n"},
        {412, "PUT /sentinels/03", "If-None-Match: *\r\n"},
        {413, "PROPFIND /sentinels/03", ""},
        {415, "PUT /sentinels/03", "Content-Encoding: gzip\r\n"},
        {421, "PUT http://evil.example/sentinels/03", "Host: evil.example\r\n"},
        {423, "PUT " + Oracle::sentinel(Oracle::kLockedSentinel), ""},
        {501, "BREW /sentinels/03", ""},
        {415, "COPY /sentinels", "Destination: /copy\r\n"},
    };
  }
  static std::string head(const Refused& refused, const std::string& framing) {
    if (refused.status == 421)  // with a Host of its own
      return refused.line + " HTTP/1.1\r\n" + refused.fields + framing + "\r\n";
    return request(refused.line, refused.fields + framing);
  }
  static std::string name(const Refused& refused, const char* body) {
    return std::to_string(refused.status) + " to " + refused.line + " with " + body;
  }
};
INSTANTIATE_TEST_SUITE_P(Door, EarlyAnswer, ::testing::ValuesIn(doors()), door_name);

TEST_P(EarlyAnswer, H6_SmallBodiesAreDroppedAndTheConnectionGoesOn) {
  std::vector<Row> rows;
  for (const Refused& it : refused()) {
    rows.push_back({name(it, "requests as body"),
                    "RFC 9112 §9.3",
                    head(it, content_length(kSmall.size())) + kSmall,
                    {it.status},
                    End::goes_on});
    const std::string many = repeated(kSmuggled, 4'000);  // 240 KiB, just below the limit
    ASSERT_LT(many.size(), 256U * 1024);
    rows.push_back({name(it, "many requests as body"),
                    "RFC 9112 §9.3",
                    head(it, content_length(many.size())) + many,
                    {it.status},
                    End::goes_on});
    rows.push_back({name(it, "chunks"),
                    "RFC 9112 §9.3",
                    head(it, "Transfer-Encoding: chunked\r\n") + chunk(kSmall) + "0\r\n\r\n",
                    {it.status},
                    End::goes_on});
  }
  run(rows);
}

TEST_P(EarlyAnswer, H6_LargeBodiesCloseAfterTheAnswer) {
  std::vector<Row> rows;
  const std::string many = repeated(kSmuggled, 20'000);  // 1.2 MB
  for (const Refused& it : refused())
    rows.push_back({name(it, "a large body"),
                    "RFC 9112 §9.6",
                    head(it, content_length(many.size())) + many,
                    {it.status}});
  rows.push_back({"malformed chunks behind a refusal",
                  "RFC 9112 §7.1",
                  request("PUT /missing/new", "Transfer-Encoding: chunked\r\n", "x\r\n"),
                  {409}});
  run(rows);
}

TEST_P(EarlyAnswer, H6_SaysThatItCloses) {
  for (const Refused& it : refused()) {
    SCOPED_TRACE(name(it, "a large body"));
    auto client = connect();
    client.send(head(it, content_length(1'000'000)) + kSmuggled);
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, it.status);
    EXPECT_EQ(answer->field("connection"), "close");
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(oracle().check(), "");
}

TEST_P(EarlyAnswer, H6_ABodyThatNeverComesDelaysTheAnswerOnly) {
  start({"--drain-timeout", "1"});
  for (const char* sent : {"", "DELETE /sent"}) {
    auto client = connect();
    client.send(request("PUT /missing/new", content_length(100), sent));
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 409);
    EXPECT_EQ(answer->field("connection"), "close");
    client.send(kSmuggled);
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(oracle().check(), "");
}

TEST_P(EarlyAnswer, H6_FullDisk) {
  // As much space as there is must not fit above the floor, while the canary does.
  const auto space = std::filesystem::space(TemporaryFolder::in_memory());
  start({"--free-space-floor", std::to_string(space.available / 2), "--body-limit", "1024TiB"});
  const std::string fields = content_length(space.available);
  run({
      {"507", "RFC 4918 §11.5", request("PUT /sentinels/03", fields, kSmuggled), {507}},
      {"507 before the body",
       "RFC 9110 §10.1.1",
       request("PUT /sentinels/03", "Expect: 100-continue\r\n" + fields),
       {507}},
  });
}

TEST_P(EarlyAnswer, H7_RefusedWithoutAnInvitation) {
  for (const Refused& it : refused()) {
    for (const bool sends_anyway : {false, true}) {
      SCOPED_TRACE(name(it, sends_anyway ? "a body after all" : "no body"));
      auto client = connect();
      client.send(head(it, "Expect: 100-continue\r\n" + content_length(kSmall.size())) +
                  (sends_anyway ? kSmall + kSmuggled : ""));
      const auto answer = client.receive();
      ASSERT_TRUE(answer) << client.error;
      EXPECT_EQ(answer->status, it.status);
      EXPECT_EQ(client.interim, 0);
      if (answer->field("connection") == "close") {
        EXPECT_TRUE(client.closed());
      } else {
        // Then the body it announced is what comes next, or nobody could tell.
        client.send(kSmuggled);
        expect_going_on(client);
      }
    }
  }
  EXPECT_EQ(oracle().check(), "");
}

TEST_P(EarlyAnswer, H7_InvitedWhenNothingSpeaksAgainstIt) {
  const std::string expect = "Expect: 100-continue\r\n";
  {
    auto client = connect();
    client.send(request("PUT /invited", expect + content_length(4)));
    ASSERT_FALSE(client.silent(client.patience)) << "no invitation";
    client.send("body");
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(client.interim, 1);
    expect_going_on(client);
  }
  {
    auto client = connect();
    client.send("PUT /invited HTTP/1.0\r\nHost: localhost\r\n" + expect + content_length(4) +
                "\r\nbody");
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 204);
    EXPECT_EQ(client.interim, 0);
  }
  run({{"unknown expectation",
        "RFC 9110 §10.1.1",
        request("PUT /sentinels/03", "Expect: 200-ok\r\n" + content_length(kSmuggled.size()),
                kSmuggled),
        {417}}});
}

}  // namespace
}  // namespace holdfast::test
