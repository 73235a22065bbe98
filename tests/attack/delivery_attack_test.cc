// The same bytes in other pieces, many requests in one piece, and fields that come back in an
// answer: what the client reads is the same, and one answer each
// (docs/robustness.md H13, H16, H20, H22).
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "tests/attack/attack.h"

namespace holdfast::test {
namespace {

using namespace std::string_literals;

class Delivery : public Attack {
 protected:
  struct Answer {
    int status;
    std::string etag_and_body;
    bool operator==(const Answer&) const = default;
  };

  static std::vector<Answer> receive(tests::RawClient& client, std::size_t count) {
    std::vector<Answer> answers;
    while (answers.size() < count) {
      const auto answer = client.receive();
      if (!answer) {
        ADD_FAILURE() << client.error << " after " << answers.size() << " answers";
        break;
      }
      answers.push_back({answer->status, answer->field("etag") + " " + answer->body});
    }
    return answers;
  }
};
INSTANTIATE_TEST_SUITE_P(Door, Delivery, ::testing::ValuesIn(doors()), door_name);

// Reads, refusals and writes of both framings, each repeatable with the same answer.
const std::vector<std::string>& script() {
  static const std::string propfind =
      "<propfind xmlns='DAV:'><prop><getetag/><resourcetype/></prop></propfind>";
  static const std::vector<std::string> requests = {
      request("GET /sentinels/02"),
      request("PUT /sentinels/03", "If-Match: \"stale\"\r\n" + content_length(kSmuggled.size()),
              kSmuggled),
      request("PUT /missing/new", "Transfer-Encoding: chunked\r\n",
              chunk(kSmuggled) + chunk("x") + "0;e=f\r\nX: y\r\n\r\n"),
      "\r\n" + request("PROPFIND /sentinels/05", "Depth: 0\r\n" + content_length(propfind.size()),
                       propfind),
      request("MKCOL /sentinels"),
      request("DELETE /missing"),
      request("GET /sentinels/06", "Range: bytes=3-9\r\n"),
  };
  return requests;
}

std::string all_of_it() {
  std::string bytes;
  for (const auto& each : script()) bytes += each;
  return bytes;
}

TEST_P(Delivery, H16_CutAnywhere) {
  const std::string bytes = all_of_it();
  std::vector<Answer> expected;
  for (const auto& each : script()) {
    auto client = connect();
    client.send(each);
    for (auto& answer : receive(client, 1)) expected.push_back(std::move(answer));
  }
  ASSERT_EQ(expected.size(), script().size());
  EXPECT_EQ(expected.front().status, 200);
  EXPECT_EQ(expected[1].status, 412);

  {
    SCOPED_TRACE("in one segment");
    auto client = connect();
    client.send(bytes);
    EXPECT_EQ(receive(client, expected.size()), expected);
    expect_going_on(client);
  }
  {
    SCOPED_TRACE("byte by byte");
    auto client = connect();
    client.send_slowly(bytes);
    EXPECT_EQ(receive(client, expected.size()), expected);
    expect_going_on(client);
  }
  {
    SCOPED_TRACE("half closed");
    auto client = connect();
    client.send(bytes);
    client.finish_sending();
    EXPECT_EQ(receive(client, expected.size()), expected);
    EXPECT_TRUE(client.closed());
  }
  // An answer on another connection in between: the server has seen the first part by then.
  auto client = connect();
  auto other = connect();
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    client.send(std::string_view(bytes).substr(0, cut));
    expect_going_on(other);
    client.send(std::string_view(bytes).substr(cut));
    ASSERT_EQ(receive(client, expected.size()), expected) << "cut at " << cut;
  }
}

TEST_P(Delivery, H16_PipelinedBehindUploads) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65'536},
                                 std::size_t{65'537}, std::size_t{1'000'000}}) {
    SCOPED_TRACE(size);
    const std::string body(size, 'b');
    auto client = connect();
    client.send(request("PUT /upload", content_length(size), body) + request("GET /upload") +
                request("PUT /upload", "Transfer-Encoding: chunked\r\n",
                        (size > 0 ? chunk(body) : "") + "0\r\n\r\n") +
                request("GET /upload") + request("DELETE /upload"));
    std::vector<int> statuses;
    for (int i = 0; i < 5; ++i) {
      const auto answer = client.receive();
      ASSERT_TRUE(answer) << client.error;
      statuses.push_back(answer->status);
      if (answer->status == 200) {
        EXPECT_EQ(answer->body, body);
      }
    }
    EXPECT_EQ(statuses, (std::vector{201, 200, 204, 200, 204}));
    expect_going_on(client);
  }
}

TEST_P(Delivery, H16_HalfAHeadAndNoMore) {
  std::vector<Row> rows;
  const std::string whole = request("DELETE /sentinels/03");
  for (std::size_t cut = 0; cut < whole.size(); cut += 3)
    rows.push_back({"cut at " + std::to_string(cut),
                    "RFC 9112 §8",
                    whole.substr(0, cut),
                    {},
                    End::closes,
                    Then::finishes_sending});
  run(rows);
}

TEST_P(Delivery, H13_NothingThatComesBackSplitsAnAnswer) {
  const std::string injected = "X-Injected: 1";
  struct Try {
    std::string name;
    std::string request;
  };
  std::vector<Try> tries;
  for (const char* field :
       {"Destination", "If", "Depth", "Overwrite", "Timeout", "Lock-Token", "If-Match",
        "If-None-Match", "If-Range", "Range", "Content-Type", "Origin", "Accept", "User-Agent",
        "Authorization", "X-OC-Mtime", "Expect", "Connection"}) {
    for (const std::string& value :
         {"%0d%0aX-Injected:%201"s, "/x%0d%0aX-Injected:%201"s, "<a:b>%0d%0aX-Injected:%201"s,
          "=?utf-8?Q?=0D=0AX-Injected:_1?="s, "\"\\\r"s + injected, "\"\n"s + injected,
          "\"\0\r\n X-Injected: 1"s, "\xc4\x8d\xc4\x8a" + injected}) {
      for (const char* method : {"PUT", "COPY", "LOCK", "PROPFIND", "GET"})
        tries.push_back({method + " with "s + field + " " + value,
                         request(method + " /sentinels/"s + (method == "COPY"s ? "03" : ""),
                                 field + ": "s + value + "\r\n")});
    }
  }
  for (const char* target :
       {"/%0d%0aX-Injected:%201", "/03%0d%0a%0d%0aHTTP/1.1%20200%20OK",
        "/sentinels?%0d%0aX-Injected:%201", "/%E5%98%8A%E5%98%8DX-Injected:%201",
        "/\";%20filename=x%0aX-Injected:1"})
    for (const char* method : {"GET", "PROPFIND", "MKCOL", "HEAD"})
      tries.push_back({method + " "s + target, request(method + " "s + target)});
  std::size_t answered = 0;
  for (const auto& [name, bytes] : tries) {
    SCOPED_TRACE(name);
    auto client = connect();
    client.send(bytes);
    const auto answer = client.receive(bytes.starts_with("HEAD"));
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->fields.count("x-injected"), 0U);
    EXPECT_LT(answer->status, 500 + (answer->status == 501 ? 2 : 0));
    ++answered;
    if (answer->field("connection") == "close") {
      EXPECT_TRUE(client.closed());
    } else {
      expect_going_on(client);
    }
  }
  EXPECT_EQ(answered, tries.size());
}

TEST_P(Delivery, H13_WhatIsStoredDoesNotSplitAnAnswerEither) {
  const std::string owner =
      "<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope><locktype><write/></locktype>"
      "<owner>&#13;&#10;X-Injected: 1&#13;&#10;&#13;&#10;HTTP/1.1 200 OK</owner></lockinfo>";
  const std::string type = "Content-Type: text/plain; x=\"%0d%0aX-Injected: 1\"\r\n";
  auto client = connect();
  client.send(request("PUT /kept%22;x=%5C", type + content_length(1), "x") +
              request("LOCK /kept%22;x=%5C", content_length(owner.size()), owner) +
              request("GET /kept%22;x=%5C") + request("PROPFIND /kept%22;x=%5C", "Depth: 0\r\n"));
  for (const int status : {201, 200, 200, 207}) {
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->fields.count("x-injected"), 0U);
  }
  expect_going_on(client);
}

TEST_P(Delivery, H20_IfHeadersThatAreNone) {
  std::vector<Row> rows;
  for (const auto& [value, status] : std::vector<std::pair<std::string, int>>{
           {std::string(8'192, '('), 400},
           {repeated("()", 4'000), 400},
           {repeated("(", 4'000) + repeated(")", 4'000), 400},
           {"(<a:b>", 400},
           {"(<a:b", 400},
           {"<http://localhost/sentinels/03", 400},
           {"([\"x\"", 400},
           {"([\"x", 400},
           {"([x", 400},
           {"(Not Not <a:b>)", 400},
           {"(Not)", 400},
           {"()", 400},
           {"", 400},
           {"<a:b> ", 412},  // some clients leave out the parentheses of the one token they have
           {"<a:b> <c:d>", 400},
           {"(<a:b>) </sentinels/03> (<a:b>)", 400},
           {"</sentinels/03>", 400},
           {"(<a:b>)", 412},
           {"(Not <DAV:no-lock> [\"stale\"])", 412},
           {"</sentinels/03> (<a:b>)", 412},
           {"<http://evil.example/sentinels/03> (<a:b>)", 412},
           {"</" + std::string(8'192, 'x') + "> (<a:b>)", 400},
           {"([\"a\\\"b\"])", 400},
           {"([\"a\\b\"])", 412},
           {repeated("(<a:b>) ", 64), 412},
           {repeated("(<a:b>) ", 65), 400},
           {"(" + repeated("<a:b> ", 256) + ")", 412},
           {"(" + repeated("<a:b> ", 257) + ")", 400},
           {"(" + repeated("<a:b> ", 2'700) + ")", 400},
       })
    rows.push_back({"If: " + value.substr(0, 60),
                    "RFC 4918 §10.4",
                    request("DELETE /sentinels/03", "If: " + value + "\r\n"),
                    {status},
                    End::goes_on});
  rows.push_back({"10,000 tokens",
                  "docs/operations.md#settings",
                  request("DELETE /sentinels/03", "If: (" + repeated("<a:b> ", 10'000) + ")\r\n"),
                  {431}});
  run(rows);
}

// The full size is scripts/attack's.
std::size_t scaled(std::size_t full) { return in_full_size() ? full : full / 10; }

TEST_P(Delivery, H22_ManyRequestsOnOneConnection) {
  const std::size_t requests = scaled(100'000);
  constexpr std::size_t kBatch = 100;
  const std::vector<std::string> kinds = {
      request("GET /sentinels/02"), request("PUT /one", content_length(5), "hello"),
      request("PROPFIND /sentinels/05", "Depth: 0\r\n"), request("HEAD /missing")};
  auto client = connect();
  for (std::size_t done = 0; done < requests; done += kBatch) {
    std::string batch;
    for (std::size_t i = 0; i < kBatch; ++i) batch += kinds[i % kinds.size()];
    client.send(batch);
    for (std::size_t i = 0; i < kBatch; ++i) {
      const auto answer = client.receive(i % kinds.size() == 3);
      ASSERT_TRUE(answer) << client.error << " after " << done + i << " requests";
      ASSERT_EQ(answer->status,
                (std::vector{200, 204, 207, 404})[i % kinds.size()] - (done + i == 1 ? 3 : 0));
    }
  }
  expect_going_on(client);
}

// What connections say before they end; an odd number, so that each ends in both ways.
const std::vector<std::string>& beginnings() {
  static const std::vector<std::string> all = {
      "", "GET /sentinels/03 HTT", request("GET /sentinels/09"),
      request("PUT /sentinels/03", content_length(100'000), std::string(70'000, 'x')),
      request("PROPFIND /sentinels/", "Depth: 1\r\n")};
  return all;
}

TEST_P(Delivery, H22_ManyConnectionsThatEndAnyhow) {
  // The rounds have as many threads and tasks, and so as much of the sanitizer's memory; it takes
  // two of them until it has notes of all their stacks.
  start({"--workers", "64", "--queue", "1000000"});
  const std::size_t threads = oracle().threads();
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < crowd_of(scaled(50'000)) / 3; ++i) {
      auto client = connect();
      if (const std::string& bytes = beginnings()[i % beginnings().size()]; !bytes.empty())
        client.send(bytes);
      if (i % 2 == 0) client.reset();
    }
    if (round < 2) oracle().accept_memory();
  }
  EXPECT_EQ(oracle().check(), "");
  EXPECT_TRUE(oracle().threads_fall_to(threads));
}

}  // namespace
}  // namespace holdfast::test
