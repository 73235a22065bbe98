// A listener end to end: what the server answers when nobody misbehaves.
#include "server/loop/listener.h"

#include <gtest/gtest.h>
#include <string>

#include "tests/server/echo_server.h"
#include "tests/support/raw_http.h"

namespace holdfast::server {
namespace {

using tests::RawClient;

TEST(Listener, AnswersAndKeepsTheConnection) {
  tests::EchoServer server;
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"));
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "GET /a []");
    EXPECT_EQ(answer->field("server"), "Holdfast");
    EXPECT_EQ(answer->field("connection"), "");
    EXPECT_EQ(answer->field("date").size(), 29u);
  }
}

TEST(Listener, ReadsBodiesOfBothFramings) {
  tests::EchoServer server;
  RawClient client(server.port());
  client.send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(client.receive()->body, "PUT /a [hello]");
  client.send(
      "PUT /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: gone\r\n\r\n");
  EXPECT_EQ(client.receive()->body, "PUT /b [abcde]");
  client.send("GET /c HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.receive()->body, "GET /c []");
}

TEST(Listener, RefusesAnAddressThatIsTaken) {
  tests::EchoServer server;
  observe::Observer observer;
  const http1::Handler handler = [](http::Request&, const http1::Peer&) {
    return http::Response();
  };
  net::Address taken = tests::kLoopback;
  taken.port = server.port();
  EXPECT_THROW(loop::Listener(taken, http1::Limits{}, handler, observer), std::runtime_error);
}

}  // namespace
}  // namespace holdfast::server
