// The same requests however TCP delivers them: byte by byte, cut anywhere, several in one segment.
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

const std::vector<std::pair<std::string, std::string>>& exchanges() {
  static const std::vector<std::pair<std::string, std::string>> all = {
      {"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /1 []"},
      {"PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world",
       "PUT /2 [hello world]"},
      {"\r\nPUT /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
       "5\r\nhello\r\n6;x\r\n world\r\n0\r\nX: y\r\n\r\n",
       "PUT /3 [hello world]"},
      {"PROPFIND /4 HTTP/1.1\r\nHost: h\r\n\r\n", "PROPFIND /4 []"},
  };
  return all;
}

void expect_all(RawClient& client, const std::string& how) {
  for (const auto& [request, body] : exchanges()) {
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << how << ": " << client.error;
    EXPECT_EQ(answer->body, body) << how;
  }
}

std::string all_requests() {
  std::string bytes;
  for (const auto& [request, body] : exchanges()) bytes += request;
  return bytes;
}

TEST(Delivery, InOneSegment) {
  EchoServer server;
  RawClient client(server.port());
  client.send(all_requests());
  expect_all(client, "pipelined");
  EXPECT_TRUE(client.silent(std::chrono::milliseconds(20)));
}

TEST(Delivery, ByteByByte) {
  EchoServer server;
  RawClient client(server.port());
  client.send_slowly(all_requests());
  expect_all(client, "byte by byte");
}

TEST(Delivery, CutAtEveryByte) {
  EchoServer server;
  const std::string bytes = all_requests();
  RawClient client(server.port());
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    client.send(bytes.substr(0, cut));
    // Long enough that the server mostly sees the first part alone; either way it must answer the
    // same.
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    client.send(bytes.substr(cut));
    expect_all(client, "cut at " + std::to_string(cut));
    if (HasFatalFailure()) return;
  }
}

TEST(Delivery, ManyPipelinedRequests) {
  EchoServer server;
  RawClient client(server.port());
  std::string bytes;
  for (int i = 0; i < 5000; ++i)
    bytes += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  std::thread sender([&] { client.send(bytes); });
  for (int i = 0; i < 5000; ++i) {
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    ASSERT_EQ(answer->body, "GET /" + std::to_string(i) + " []");
  }
  sender.join();
}

TEST(Delivery, PipelinedBehindALargeChunkedBody) {
  EchoServer server;
  RawClient client(server.port());
  const std::string data(200'000, 'x');
  client.send("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n30D40\r\n" + data +
              "\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\nGET /c HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.receive()->body, "PUT /a [" + data + "]");
  EXPECT_EQ(client.receive()->body, "GET /b []");
  EXPECT_EQ(client.receive()->body, "GET /c []");
}

TEST(Delivery, HalfClosedClientsAreAnswered) {
  EchoServer server;
  RawClient client(server.port());
  client.send(all_requests());
  client.finish_sending();
  expect_all(client, "half-closed");
  EXPECT_TRUE(client.closed());
}

TEST(Delivery, HalfAHeadAndAFinIsClosed) {
  EchoServer server;
  RawClient client(server.port());
  client.send("GET /a HTTP/1.1\r\nHo");
  client.finish_sending();
  EXPECT_TRUE(client.closed());
}

}  // namespace
}  // namespace holdfast::server
