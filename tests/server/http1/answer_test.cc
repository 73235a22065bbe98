// Answers on the wire (RFC 9112 §6, §7): framing for every kind of body, HEAD, statuses without a
// body, content that turns out short, handlers that throw.
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include "tests/server/echo_server.h"
#include "tests/support/raw_http.h"

namespace holdfast::server {
namespace {

using tests::EchoServer;
using tests::RawClient;

// An unnamed file, with or without showing its descriptor.
class FileContent final : public http::Source {
 public:
  FileContent(const std::string& bytes, bool show)
      : descriptor_(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)), show_(show) {
    EXPECT_EQ(::write(descriptor_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~FileContent() override { ::close(descriptor_); }
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<char> buffer) override {
    return static_cast<std::size_t>(
        ::pread(descriptor_, buffer.data(), buffer.size(), static_cast<off_t>(offset)));
  }
  [[nodiscard]] int descriptor(std::uint64_t, std::uint64_t) const override {
    return show_ ? descriptor_ : -1;
  }

 private:
  int descriptor_;
  bool show_;
};

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i % 26);
  return bytes;
}

http1::Handler answering(std::function<http::Response()> make) {
  return [make = std::move(make)](http::Request&, const http1::Peer&) { return make(); };
}
http1::Handler with_content(std::string bytes, std::vector<http::SourceBody::Run> runs, bool show) {
  return answering([=] {
    http::Response response;
    http::SourceBody body;
    body.source = std::make_unique<FileContent>(bytes, show);
    body.runs = runs;
    response.body = std::move(body);
    return response;
  });
}

constexpr const char* kGetOfAnswer = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr const char* kHead = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(Answer, TextOfEverySize) {
  for (const std::size_t size : {0u, 1u, 16'384u, 16'385u, 65'536u, 1'000'000u}) {
    EchoServer server({}, answering([=] {
                        http::Response response;
                        response.status = 207;
                        response.body = pattern(size);
                        response.set("X", "y");
                        return response;
                      }));
    RawClient client(server.port());
    client.send(kGetOfAnswer);
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 207);
    EXPECT_EQ(answer->reason, "Multi-Status");
    EXPECT_EQ(answer->field("x"), "y");
    EXPECT_EQ(answer->field("content-length"), std::to_string(size));
    EXPECT_EQ(answer->body, pattern(size));
    client.send(kHead);
    const auto head = client.receive(true);
    ASSERT_TRUE(head) << client.error;
    EXPECT_EQ(head->field("content-length"), std::to_string(size));
    EXPECT_TRUE(client.silent(std::chrono::milliseconds(10)));
  }
}

TEST(Answer, NoBodyAtAll) {
  for (const auto& [status, length] :
       {std::pair{201, "0"}, std::pair{204, ""}, std::pair{304, ""}, std::pair{200, "0"}}) {
    EchoServer server({}, answering([status = status] {
                        http::Response response;
                        response.status = status;
                        return response;
                      }));
    RawClient client(server.port());
    for (int i = 0; i < 2; ++i) {
      client.send(kGetOfAnswer);
      const auto answer = client.receive();
      ASSERT_TRUE(answer) << client.error;
      EXPECT_EQ(answer->status, status);
      EXPECT_EQ(answer->field("content-length"), length) << status;
      EXPECT_EQ(answer->field("transfer-encoding"), "") << status;
    }
  }
}

TEST(Answer, HeadTellsTheLengthOfGet) {
  EchoServer server({}, answering([] {
                      http::Response response;
                      response.head_length = 5'000'000'000;
                      return response;
                    }));
  RawClient client(server.port());
  client.send(kHead);
  EXPECT_EQ(client.receive(true)->field("content-length"), "5000000000");
  EXPECT_TRUE(client.silent(std::chrono::milliseconds(10)));
}

TEST(Answer, ContentWholeAndInRuns) {
  const std::string bytes = pattern(300'000);
  for (const bool show : {true, false}) {
    EchoServer server({}, with_content(bytes,
                                       {{"--x\r\n", 0, 10},
                                        {"\r\n--x\r\n", 299'990, 10},
                                        {"", 5, 200'000},
                                        {"\r\n--x--\r\n", 0, 0}},
                                       show));
    RawClient client(server.port());
    for (int i = 0; i < 2; ++i) {
      client.send(kGetOfAnswer);
      const auto answer = client.receive();
      ASSERT_TRUE(answer) << client.error;
      EXPECT_EQ(answer->body, "--x\r\n" + bytes.substr(0, 10) + "\r\n--x\r\n" +
                                  bytes.substr(299'990) + bytes.substr(5, 200'000) +
                                  "\r\n--x--\r\n");
    }
    client.send(kHead);
    EXPECT_EQ(client.receive(true)->field("content-length"), "200041");
  }
}

TEST(Answer, ContentThatEndsEarlyNeverLooksComplete) {
  for (const bool show : {true, false}) {
    EchoServer server({}, with_content(pattern(100'000), {{"", 0, 200'000}}, show));
    RawClient client(server.port());
    client.send(kGetOfAnswer);
    EXPECT_FALSE(client.receive());
    EXPECT_EQ(client.error, "the connection ended");
    const auto records = server.observer.records(1);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].detail, "stored content is shorter than its size");
  }
}

TEST(Answer, HandlersThatThrowGiveAPlain500) {
  EchoServer server({}, [](http::Request& request, const http1::Peer&) -> http::Response {
    if (request.target == "/exception") throw std::runtime_error("secret path");
    if (request.target == "/other") throw 1;
    return {};
  });
  RawClient client(server.port());
  for (const std::string target : {"/exception", "/other"}) {
    client.send("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 500);
    EXPECT_EQ(answer->body.find("secret"), std::string::npos);
  }
  client.send(kGetOfAnswer);
  EXPECT_EQ(client.receive()->status, 200);
  EXPECT_EQ(server.observer.records(3)[0].detail, "secret path");
}

TEST(Answer, ReflectedBytesCannotSplitIt) {
  EchoServer server({}, [](http::Request& request, const http1::Peer&) {
    http::Response response;
    response.set("X-Reflected",
                 std::string(request.target) + "\r\nSet-Cookie: a\r\n\r\nHTTP/1.1 200 OK");
    return response;
  });
  RawClient client(server.port());
  client.send(kGetOfAnswer);
  const auto answer = client.receive();
  ASSERT_TRUE(answer) << client.error;
  EXPECT_EQ(answer->field("set-cookie"), "");
  EXPECT_TRUE(client.silent(std::chrono::milliseconds(20)));
}

TEST(Answer, IsRecordedWithItsBytes) {
  EchoServer server;
  RawClient client(server.port());
  client.send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_TRUE(client.receive());
  const auto records = server.observer.records(1);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].method, "PUT");
  EXPECT_EQ(records[0].target, "/a");
  EXPECT_EQ(records[0].status, 200);
  EXPECT_EQ(records[0].request_bytes, 5u);
  EXPECT_EQ(records[0].response_bytes, 14u);
}

}  // namespace
}  // namespace holdfast::server
