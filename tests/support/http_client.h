// A small blocking HTTP/1.1 client over loopback for tests: keep-alive, responses with
// Content-Length and chunked ones, one total deadline per response. It never repeats a request by
// itself, so that a test knows which requests were sent.
//
//   HttpClient client(server.port());
//   const auto reply = client.request("PUT", "/a.txt", {{"If-None-Match", "*"}}, "text");
//   EXPECT_EQ(reply.status, 201);
//   EXPECT_EQ(reply.field("ETag"), ...);
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace holdfast::tests {
class TlsClient;
}

namespace holdfast::test {

class ServerProcess;

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Reply {
  int status = 0;
  std::string reason;
  Fields fields;
  std::string body;

  // Returns the first value of `name`, whatever its case; empty when there is none.
  [[nodiscard]] std::string_view field(std::string_view name) const;
  [[nodiscard]] bool success() const { return status >= 200 && status < 300; }
};

// Thrown when the connection failed or the response was incomplete: the outcome of the request is
// unknown.
class HttpFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One connection at a time, opened when needed. One thread at a time.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port,
                      std::chrono::milliseconds timeout = std::chrono::seconds(60));
  // Connects to this server, over TLS if the server uses it.
  explicit HttpClient(const ServerProcess& server,
                      std::chrono::milliseconds timeout = std::chrono::seconds(60));
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Sends Host, Content-Length (when there is a body or the method expects one) and `fields`;
  // returns the final answer, 1xx skipped. Throws HttpFailure.
  Reply request(std::string_view method, std::string_view target, const Fields& fields = {},
                std::string_view body = {});

  // For tests that write bytes themselves: sends exactly `bytes`. The response to a HEAD has no
  // body.
  void send(std::string_view bytes);
  Reply read_reply(bool to_head = false);
  // Waits until the server sends 100 (Continue); throws HttpFailure for anything else.
  void wait_for_continue();
  // Returns true when the server closes the connection before the timeout.
  [[nodiscard]] bool closed_by_server();

  void close();

 private:
  void connect();
  [[nodiscard]] ssize_t send_some(std::string_view bytes);
  [[nodiscard]] bool fill_now();
  [[nodiscard]] bool received() const;  // TLS has bytes that the socket does not show
  void fill();  // reads more into buffer_; throws at the end of the stream or the deadline
  std::string take_line();
  std::string take(std::size_t count);

  std::uint16_t port_;
  std::chrono::milliseconds timeout_;
  std::chrono::steady_clock::time_point deadline_;
  bool over_tls_ = false;
  int fd_ = -1;
  std::unique_ptr<tests::TlsClient> tls_;
  std::string buffer_;
};

}  // namespace holdfast::test
