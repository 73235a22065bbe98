// The limits of request heads, each one below, at and above (docs/operations.md#settings), and
// heads of every length around the sizes where buffers end.
#include <gtest/gtest.h>
#include <string>

#include "server/http1/head.h"
#include "tests/server/echo_server.h"
#include "tests/support/raw_http.h"

namespace holdfast::server {
namespace {

using tests::EchoServer;
using tests::RawClient;

// Answers with the last field, which must survive whatever stands before it.
http::Response last_field(http::Request& request, const http1::Peer&) {
  http::Response response;
  response.body = std::string(request.fields.find("X-Last").value_or("lost"));
  return response;
}

std::string line_of(std::size_t bytes) {
  const std::string frame = "GET / HTTP/1.1";
  return "GET /" + std::string(bytes - frame.size(), 'x') + " HTTP/1.1\r\n";
}
std::string field_of(std::size_t bytes) { return "X: " + std::string(bytes - 3, 'x') + "\r\n"; }

int status_of(std::uint16_t port, const std::string& bytes) {
  RawClient client(port);
  client.send(bytes);
  const auto answer = client.receive();
  if (!answer) return 0;
  if (answer->status == 200) {
    EXPECT_EQ(answer->body, "here");
  } else {
    EXPECT_TRUE(client.closed());
  }
  return answer->status;
}

constexpr const char* kEnd = "Host: h\r\nX-Last: here\r\n\r\n";

TEST(HeadLimits, RequestLine) {
  EchoServer server({}, last_field);
  const std::size_t limit = http1::Limits{}.request_line_bytes;
  EXPECT_EQ(status_of(server.port(), line_of(limit - 1) + kEnd), 200);
  EXPECT_EQ(status_of(server.port(), line_of(limit) + kEnd), 200);
  EXPECT_EQ(status_of(server.port(), line_of(limit + 1) + kEnd), 414);
  EXPECT_EQ(status_of(server.port(), "GET /" + std::string(limit * 4, 'x')), 414);
}

TEST(HeadLimits, FieldLine) {
  EchoServer server({}, last_field);
  const std::size_t limit = http1::Limits{}.field_line_bytes;
  const std::string line = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(status_of(server.port(), line + field_of(limit - 1) + kEnd), 200);
  EXPECT_EQ(status_of(server.port(), line + field_of(limit) + kEnd), 200);
  EXPECT_EQ(status_of(server.port(), line + field_of(limit + 1) + kEnd), 431);
  EXPECT_EQ(status_of(server.port(), line + "X: " + std::string(limit, 'x')), 431);
}

TEST(HeadLimits, Header) {
  EchoServer server({}, last_field);
  const std::size_t limit = http1::Limits{}.head_bytes;
  for (const auto& [extra, status] : {std::pair{-1, 200}, std::pair{0, 200}, std::pair{1, 431}}) {
    std::string fields;
    while (fields.size() + 8192 < limit) fields += field_of(8190);
    // The empty line that ends the header counts as well.
    const auto rest =
        static_cast<std::ptrdiff_t>(limit - fields.size() - std::string(kEnd).size()) + extra;
    fields += field_of(static_cast<std::size_t>(rest) - 2);
    EXPECT_EQ(status_of(server.port(), "GET / HTTP/1.1\r\n" + fields + kEnd), status) << extra;
  }
}

TEST(HeadLimits, FieldCount) {
  EchoServer server({}, last_field);
  for (const auto& [count, status] :
       {std::pair{99, 200}, std::pair{100, 200}, std::pair{101, 431}}) {
    std::string fields;
    for (int i = 2; i < count; ++i) fields += "X: y\r\n";
    EXPECT_EQ(status_of(server.port(), "GET / HTTP/1.1\r\n" + fields + kEnd), status) << count;
  }
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 10'000; ++i) many += "a:\r\n";
  EXPECT_EQ(status_of(server.port(), many), 431);
  many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 10'000; ++i) many += "colonless\r\n";
  EXPECT_EQ(status_of(server.port(), many), 431);
}

// Which of two refusals a client gets does not depend on how the network cut its bytes.
TEST(HeadLimits, AreJudgedAlikeHoweverTheHeadArrives) {
  http1::Limits limits;
  limits.field_count = 2;
  limits.field_line_bytes = 8;
  for (const std::string last : {"C: d\n", "C: ddddddd\n", "C: ddddddd\r\n", "\n", "C: d\r\n"}) {
    for (const std::string before : {"A: b\r\nB: c\r\n", "A: b\r\n"}) {
      const std::string head = "GET / HTTP/1.1\r\n" + before + last + "\r\n";
      http1::HeadScanner whole(limits);
      http1::HeadScanner bytewise(limits);
      const auto outcome = whole.scan(head);
      auto state = http1::HeadScanner::State::more;
      for (std::size_t i = 1; state == http1::HeadScanner::State::more && i <= head.size(); ++i)
        state = bytewise.scan(std::string_view(head).substr(0, i));
      EXPECT_EQ(state, outcome) << head;
      EXPECT_EQ(bytewise.refusal().status, whole.refusal().status) << head;
    }
  }
}

TEST(HeadLimits, LosesNothingAtAnyLength) {
  EchoServer server({}, last_field);
  RawClient client(server.port());
  for (const auto& [from, to] : {std::pair{4000u, 4200u}, std::pair{8100u, 8300u},
                                 std::pair{12'200u, 12'350u}, std::pair{16'300u, 16'384u}}) {
    for (std::size_t bytes = from; bytes <= to; ++bytes) {
      client.send(line_of(bytes) + kEnd);
      const auto long_line = client.receive();
      ASSERT_TRUE(long_line) << bytes << ": " << client.error;
      ASSERT_EQ(long_line->body, "here") << bytes;
      client.send("GET / HTTP/1.1\r\n" + field_of(bytes) + kEnd);
      const auto long_field = client.receive();
      ASSERT_TRUE(long_field) << bytes << ": " << client.error;
      ASSERT_EQ(long_field->body, "here") << bytes;
    }
  }
}

TEST(HeadLimits, RefusesEveryLengthAboveTheLimit) {
  EchoServer server({}, last_field);
  for (std::size_t bytes = 16'385; bytes <= 16'450; ++bytes) {
    EXPECT_EQ(status_of(server.port(), line_of(bytes) + kEnd), 414) << bytes;
    EXPECT_EQ(status_of(server.port(), "GET / HTTP/1.1\r\n" + field_of(bytes) + kEnd), 431)
        << bytes;
  }
}

}  // namespace
}  // namespace holdfast::server
