// Request bodies that end early, come slowly, were never invited, or that nobody reads: the handler
// is told the truth, and no byte of a body is ever taken for a request.
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/echo_server.h"
#include "tests/support/raw_http.h"

namespace holdfast::server {
namespace {

using tests::EchoServer;
using tests::RawClient;

const std::string kVictim = "DELETE /victim HTTP/1.1\r\nHost: h\r\n\r\n";

// Refuses everything without reading, and counts requests for the victim.
struct Refuser {
  std::atomic<int> victims = 0;
  http1::Handler handler() {
    return [this](http::Request& request, const http1::Peer&) {
      if (request.target == "/victim") ++victims;
      http::Response response;
      response.status = 423;
      response.body = std::string("locked");
      return response;
    };
  }
};

std::string put(const std::string& fields) {
  return "PUT /a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}
std::string put_length(std::size_t length) {
  return put("Content-Length: " + std::to_string(length) + "\r\n");
}
const std::string kPutChunked = put("Transfer-Encoding: chunked\r\n");

TEST(Body, CutShortIsTruncatedAndAnswered) {
  EchoServer server;
  for (const std::string& bytes :
       {put_length(10), put_length(10) + "123456789", kPutChunked, kPutChunked + "5",
        kPutChunked + "5\r\nhel", kPutChunked + "5\r\nhello", kPutChunked + "5\r\nhello\r\n",
        kPutChunked + "5\r\nhello\r\n0", kPutChunked + "5\r\nhello\r\n0\r\n",
        kPutChunked + "5\r\nhello\r\n0\r\nX: y\r\n"}) {
    RawClient client(server.port());
    client.send(bytes);
    client.finish_sending();
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << bytes << client.error;
    EXPECT_EQ(answer->body, "PUT /a truncated") << bytes;
    EXPECT_EQ(answer->field("connection"), "close") << bytes;
    EXPECT_TRUE(client.closed()) << bytes;
  }
}

// What the handler holds for a slow body, it may give back; each time anew.
TEST(Body, AHandlerHearsThatItsClientIsSlow) {
  std::atomic<int> rests = 0;
  EchoServer server({}, [&](http::Request& request, const http1::Peer& peer) {
    request.body->when_slow([&] { ++rests; });
    http::Response response = tests::echo(request, peer);
    request.body->when_slow({});
    return response;
  });
  RawClient client(server.port());
  client.send(put_length(3) + "a");
  for (const int count : {1, 2}) {
    const auto begin = std::chrono::steady_clock::now();
    while (rests < count && std::chrono::steady_clock::now() - begin < std::chrono::seconds(20))
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(rests, count);
    client.send(count == 1 ? "b" : "c");
  }
  const auto answer = client.receive();
  ASSERT_TRUE(answer) << client.error;
  EXPECT_EQ(answer->body, "PUT /a [abc]");
}

TEST(Body, CutByAResetIsTruncated) {
  std::atomic<int> truncated = 0;
  EchoServer server({}, [&](http::Request& request, const http1::Peer& peer) {
    http::Response response = tests::echo(request, peer);
    if (response.log_detail == "PUT /a truncated") ++truncated;
    return response;
  });
  for (const std::string& bytes : {put_length(10) + "123", kPutChunked + "5\r\nhello\r\n"}) {
    RawClient client(server.port());
    client.send(bytes);
    client.reset();
  }
  const auto records = server.observer.records(2);
  ASSERT_EQ(records.size(), 2u);
  for (const auto& record : records) EXPECT_EQ(record.status, 0);
  EXPECT_EQ(truncated, 2);
  EXPECT_TRUE(server.observer.wait([&] { return server.observer.open == 0; }));
}

TEST(Body, SilentOrSlowerThanTheRateTimesOut) {
  http1::Limits limits;
  limits.body_grace_s = 0;
  limits.body_rate_window_s = 1;
  EchoServer server(limits);
  RawClient silent(server.port());
  silent.send(put_length(10) + "123");
  RawClient slow(server.port());
  slow.send(kPutChunked);
  // Never silent for a second, and yet too slow.
  for (int i = 0; i < 40 && slow.silent(std::chrono::milliseconds(100)); ++i)
    slow.send("1\r\na\r\n");
  for (RawClient* client : {&silent, &slow}) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer) << client->error;
    EXPECT_EQ(answer->status, 408);
    EXPECT_EQ(answer->body, "PUT /a timed out");
    EXPECT_TRUE(client->closed());
  }
}

TEST(Body, FastEnoughNeverTimesOut) {
  http1::Limits limits;
  limits.body_grace_s = 0;
  limits.body_rate_window_s = 1;
  EchoServer server(limits);
  RawClient client(server.port());
  client.send(put_length(25 * 4096));
  const std::string piece(4096, 'x');
  for (int i = 0; i < 25; ++i) {
    ASSERT_TRUE(client.silent(std::chrono::milliseconds(60)));
    client.send(piece);
  }
  EXPECT_EQ(client.receive()->status, 200);
}

TEST(Body, AboveTheLimitIsTooLarge) {
  http1::Limits limits;
  limits.body_limit_bytes = 10;
  EchoServer server(limits);
  EXPECT_EQ(tests::ask(server.port(), put_length(10) + "1234567890")->status, 200);
  EXPECT_EQ(tests::ask(server.port(), put_length(11) + "12345678901")->status, 413);
  EXPECT_EQ(tests::ask(server.port(), kPutChunked + "A\r\n1234567890\r\n0\r\n\r\n")->status, 200);
  EXPECT_EQ(tests::ask(server.port(), kPutChunked + "B\r\n12345678901\r\n0\r\n\r\n")->status, 413);
  // Not invited either.
  RawClient client(server.port());
  client.send(put("Content-Length: 11\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.receive()->status, 413);
  EXPECT_EQ(client.interim, 0);
  EXPECT_TRUE(client.closed());
}

TEST(Body, UnreadIsDroppedAndTheConnectionGoesOn) {
  Refuser refuser;
  EchoServer server({}, refuser.handler());
  for (const std::string& body :
       {put_length(kVictim.size()) + kVictim,
        put_length(100 * 1024) + kVictim + std::string(100 * 1024 - kVictim.size(), 'x'),
        kPutChunked + "24\r\n" + kVictim + "\r\n0\r\n\r\n"}) {
    ASSERT_EQ(kVictim.size(), 0x24u);
    RawClient client(server.port());
    client.send(body + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 2; ++i) {
      const auto answer = client.receive();
      ASSERT_TRUE(answer) << client.error;
      EXPECT_EQ(answer->status, 423);
      EXPECT_EQ(answer->field("connection"), "");
    }
    EXPECT_TRUE(client.silent(std::chrono::milliseconds(20)));
  }
  EXPECT_EQ(refuser.victims, 0);
}

TEST(Body, TooLongToDropClosesAfterTheAnswerWasRead) {
  Refuser refuser;
  EchoServer server({}, refuser.handler());
  for (const std::string& head : {put_length(1'000'000), kPutChunked + "F4240\r\n"}) {
    RawClient client(server.port());
    client.send(head);
    std::string body;
    while (body.size() < 1'000'000) body += kVictim;
    // All of it, although nobody wants it: the answer must not be lost to a reset.
    client.send(body.substr(0, 1'000'000));
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 423);
    EXPECT_EQ(answer->field("connection"), "close");
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(refuser.victims, 0);
}

TEST(Body, UnreadAndUnsentDelaysTheAnswerOnlyForAWhile) {
  http1::Limits limits;
  limits.drain_timeout_s = 1;
  Refuser refuser;
  EchoServer server(limits, refuser.handler());
  RawClient client(server.port());
  client.send(put_length(kVictim.size() + 1) + kVictim);
  const auto answer = client.receive();
  ASSERT_TRUE(answer) << client.error;
  EXPECT_EQ(answer->status, 423);
  EXPECT_EQ(answer->field("connection"), "close");
  client.send("x" + kVictim);
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(refuser.victims, 0);
}

TEST(Body, MalformedAndUnreadCloses) {
  Refuser refuser;
  EchoServer server({}, refuser.handler());
  RawClient client(server.port());
  client.send(kPutChunked + "x\r\n" + kVictim);
  EXPECT_EQ(client.receive()->field("connection"), "close");
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(refuser.victims, 0);
}

TEST(Expect, ContinueComesWithTheFirstRead) {
  EchoServer server;
  RawClient client(server.port());
  for (const char* fields : {"Content-Length: 5\r\nExpect: 100-continue\r\n",
                             "Content-Length: 5\r\nexpect: 100-Continue\r\n"}) {
    client.interim = 0;
    client.send(put(fields));
    ASSERT_FALSE(client.silent(std::chrono::seconds(5)));
    client.send("hello");
    EXPECT_EQ(client.receive()->body, "PUT /a [hello]");
    EXPECT_EQ(client.interim, 1);
  }
}

TEST(Expect, BodyThatIsThereNeedsNoContinue) {
  EchoServer server;
  RawClient client(server.port());
  client.send(put("Content-Length: 5\r\nExpect: 100-continue\r\n") + "hello");
  EXPECT_EQ(client.receive()->body, "PUT /a [hello]");
  EXPECT_EQ(client.interim, 0);
  client.send(put("Content-Length: 0\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.receive()->body, "PUT /a []");
  EXPECT_EQ(client.interim, 0);
}

TEST(Expect, RefusedWithoutContinueAndClosed) {
  Refuser refuser;
  http1::Limits limits;
  limits.drain_timeout_s = 60;  // longer than the client waits: it must not be drained first
  EchoServer server(limits, refuser.handler());
  RawClient client(server.port());
  client.send(put("Content-Length: 39\r\nExpect: 100-continue\r\n"));
  const auto answer = client.receive();
  ASSERT_TRUE(answer) << client.error;
  EXPECT_EQ(answer->status, 423);
  EXPECT_EQ(client.interim, 0);
  EXPECT_EQ(answer->field("connection"), "close");
  client.send(kVictim);
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(refuser.victims, 0);
}

TEST(Expect, NoContinueForHttp10) {
  EchoServer server;
  RawClient client(server.port());
  client.send("PUT /a HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(client.silent(std::chrono::milliseconds(50)));
  client.send("hello");
  EXPECT_EQ(client.receive()->body, "PUT /a [hello]");
  EXPECT_EQ(client.interim, 0);
}

}  // namespace
}  // namespace holdfast::server
