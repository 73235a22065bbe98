// Attacks on the real program: rows of raw bytes and what must come back, the global oracle after
// each. A row knows nothing of the way to the server: that is the door, and every table runs once
// for each of doors().
#pragma once

#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/oracle.h"
#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

// A way to the server.
struct Door {
  std::string name;
  std::vector<std::string> arguments;  // what `holdfast serve` needs to have it
  std::function<tests::RawClient(const ServerProcess&)> connect;
  // A crowd is that much smaller here, because connecting costs so much more; not in
  // scripts/attack.
  std::size_t reduced = 1;

  friend std::ostream& operator<<(std::ostream& out, const Door& door) { return out << door.name; }
};

inline std::vector<Door> doors() {
  const auto plain = [](const ServerProcess& server) { return tests::RawClient(server.port()); };
  const auto over_tls = [](const ServerProcess& server) {
    return tests::RawClient::over_tls(server.port());
  };
  return {{.name = "Plain", .arguments = {}, .connect = plain},
          {.name = "Tls", .arguments = {"--tls-self-signed"}, .connect = over_tls, .reduced = 10}};
}

// True in scripts/attack.
inline bool in_full_size() {
  const char* all = std::getenv("HOLDFAST_ATTACK_FULL");
  return all != nullptr && *all == '1';
}

inline std::string door_name(const ::testing::TestParamInfo<Door>& info) { return info.param.name; }

// What the client does when all its bytes are sent.
enum class Then { stays, finishes_sending, resets };
// What the server does after the last answer.
enum class End { closes, goes_on };

struct Row {
  std::string name;
  std::string source;         // of the rule
  std::string bytes;          // on a connection of their own
  std::vector<int> statuses;  // of the answers, in order
  End end = End::closes;
  Then then = Then::stays;
};

// A request that no row may get through. Rows put it where a wrong reader would find a request.
inline const std::string kSmuggled = "DELETE /sentinels/04 HTTP/1.1\r\nHost: localhost\r\n\r\n";

// "METHOD target" with a Host and `fields`, the lines of which end in CRLF.
inline std::string request(std::string_view line, std::string_view fields = {},
                           std::string_view body = {}) {
  std::string bytes(line);
  bytes.append(" HTTP/1.1\r\nHost: localhost\r\n").append(fields).append("\r\n").append(body);
  return bytes;
}

inline std::string content_length(std::size_t bytes) {
  return "Content-Length: " + std::to_string(bytes) + "\r\n";
}

inline std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

// One chunk of a body in chunked coding, never the last.
inline std::string chunk(const std::string& data) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string size;
  for (auto left = data.size(); left > 0; left /= 16) size.insert(0, 1, kDigits[left % 16]);
  return size + "\r\n" + data + "\r\n";
}

// A server with sentinels for each test, and none of it harmed at the end.
class Attack : public ::testing::TestWithParam<Door> {
 protected:
  void SetUp() override { start({}); }

  // The server again, with options.
  void start(std::vector<std::string> arguments) {
    oracle_.reset();
    server_.reset();
    folder_ = std::make_unique<TemporaryFolder>(TemporaryFolder::in_memory());
    const auto& more = GetParam().arguments;
    arguments.insert(arguments.end(), more.begin(), more.end());
    server_ = std::make_unique<ServerProcess>(*folder_ / "data", std::move(arguments),
                                              Oracle::environment());
    server_->start();
    oracle_ = std::make_unique<Oracle>(*server_);
  }

  void TearDown() override {
    ASSERT_TRUE(oracle_);
    EXPECT_EQ(oracle_->finish(), "");
  }

  [[nodiscard]] tests::RawClient connect() const { return GetParam().connect(*server_); }
  // How many clients a crowd of `count` has at this door.
  [[nodiscard]] static std::size_t crowd_of(std::size_t count) {
    return in_full_size() ? count : count / GetParam().reduced;
  }
  [[nodiscard]] Oracle& oracle() { return *oracle_; }
  [[nodiscard]] ServerProcess& server() { return *server_; }

  void run(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      SCOPED_TRACE(row.name + " (" + row.source + ")");
      {
        auto client = connect();
        attack(client, row);
      }
      EXPECT_EQ(oracle_->check(), "");
      if (HasFatalFailure()) return;
    }
  }

  // The next answer on a connection that must go on: a sentinel's, which nothing else looks like.
  void expect_going_on(tests::RawClient& client, bool sent = false) {
    if (!sent) client.send(kProbe);
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << "no answer to the next request: " << client.error;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "sentinel 1 st");
  }

 private:
  static constexpr std::string_view kProbe =
      "GET /sentinels/01 HTTP/1.1\r\nHost: localhost\r\n\r\n";

  // What follows the row's bytes in the same segment is answered if the connection goes on, and
  // else never looked at.
  void attack(tests::RawClient& client, const Row& row) {
    const bool goes_on = row.end == End::goes_on;
    std::string bytes = row.bytes;
    if (row.then == Then::stays) bytes += goes_on ? kProbe : std::string_view(kSmuggled);
    client.send(bytes);
    if (row.then == Then::finishes_sending) client.finish_sending();
    if (row.then == Then::resets) return client.reset();
    for (const int status : row.statuses) {
      const auto answer = client.receive(row.bytes.starts_with("HEAD "));
      ASSERT_TRUE(answer) << client.error;
      EXPECT_EQ(answer->status, status) << answer->body;
    }
    if (goes_on) {
      expect_going_on(client, true);
    } else {
      EXPECT_TRUE(client.closed()) << "the connection goes on";
    }
  }

  std::unique_ptr<TemporaryFolder> folder_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Oracle> oracle_;
};

}  // namespace holdfast::test
