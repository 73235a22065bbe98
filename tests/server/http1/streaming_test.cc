// Bodies that are produced while they are sent: chunked when they are long, never waiting for the
// client while the producer (and its snapshot) lives, and cut when the producer fails.
#include <chrono>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>

#include "storage/space_ledger.h"
#include "tests/server/echo_server.h"
#include "tests/support/raw_http.h"

namespace holdfast::server {
namespace {

using tests::EchoServer;
using tests::RawClient;

constexpr const char* kGetStreamed = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

// Writes `blocks` pieces of `size` bytes, each of its own letter, then throws if told to.
class Letters final : public http::Producer {
 public:
  Letters(int blocks, std::size_t size, bool fails, std::shared_ptr<std::promise<void>> gone)
      : blocks_(blocks), size_(size), fails_(fails), gone_(std::move(gone)) {}
  ~Letters() override {
    if (gone_) gone_->set_value();
  }
  void produce(http::Sink& sink) override {
    for (int i = 0; i < blocks_; ++i)
      sink.write(std::string(size_, static_cast<char>('a' + i % 26)));
    if (fails_) throw std::runtime_error("the store failed");
  }

 private:
  int blocks_;
  std::size_t size_;
  bool fails_;
  std::shared_ptr<std::promise<void>> gone_;
};

std::string letters(int blocks, std::size_t size) {
  std::string text;
  for (int i = 0; i < blocks; ++i) text += std::string(size, static_cast<char>('a' + i % 26));
  return text;
}

http1::Handler producing(int blocks, std::size_t size, bool fails = false,
                         std::shared_ptr<std::promise<void>> gone = nullptr) {
  return [=](http::Request&, const http1::Peer&) {
    http::Response response;
    response.body =
        std::unique_ptr<http::Producer>(std::make_unique<Letters>(blocks, size, fails, gone));
    return response;
  };
}

TEST(Streaming, ShortBodiesHaveALength) {
  EchoServer server({}, producing(3, 1000));
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send(kGetStreamed);
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->field("content-length"), "3000");
    EXPECT_EQ(answer->body, letters(3, 1000));
  }
}

TEST(Streaming, LongBodiesAreChunked) {
  for (const std::size_t size : {999u, 65'536u, 200'000u}) {
    EchoServer server({}, producing(100, size));
    RawClient client(server.port());
    for (int i = 0; i < 2; ++i) {
      client.send(kGetStreamed);
      const auto answer = client.receive();
      ASSERT_TRUE(answer) << client.error;
      EXPECT_EQ(answer->field("transfer-encoding"), "chunked");
      EXPECT_EQ(answer->body, letters(100, size));
    }
  }
}

TEST(Streaming, Http10ReadsToTheEndOfTheConnection) {
  EchoServer server({}, producing(100, 10'000));
  RawClient client(server.port());
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto answer = client.receive();
  ASSERT_TRUE(answer) << client.error;
  EXPECT_EQ(answer->field("transfer-encoding"), "");
  EXPECT_EQ(answer->field("connection"), "close");
  EXPECT_EQ(answer->body, letters(100, 10'000));
}

TEST(Streaming, ProducerEndsThoughTheClientReadsNothing) {
  auto gone = std::make_shared<std::promise<void>>();
  // Far more than any socket buffers.
  EchoServer server({}, producing(100, 500'000, false, gone));
  RawClient client(server.port(), 4096);
  client.send(kGetStreamed);
  ASSERT_EQ(gone->get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  const auto answer = client.receive();
  ASSERT_TRUE(answer) << client.error;
  EXPECT_TRUE(answer->body == letters(100, 500'000));
}

TEST(Streaming, ClientThatNeverReadsIsReset) {
  http1::Limits limits;
  limits.send_timeout_s = 1;
  EchoServer server(limits, producing(100, 500'000));
  RawClient client(server.port(), 4096);
  client.send(kGetStreamed);
  EXPECT_EQ(server.observer.records(1).size(), 1u);
  EXPECT_FALSE(client.receive());
  EXPECT_TRUE(client.was_reset);
}

TEST(Streaming, LargeTextToAClientThatNeverReadsIsReset) {
  http1::Limits limits;
  limits.send_timeout_s = 1;
  EchoServer server(limits, [](http::Request&, const http1::Peer&) {
    http::Response response;
    response.body = std::string(50'000'000, 'x');
    return response;
  });
  RawClient client(server.port(), 4096);
  client.send(kGetStreamed);
  EXPECT_EQ(server.observer.records(1).size(), 1u);
  EXPECT_FALSE(client.receive());
}

TEST(Streaming, FailureCutsWithoutATerminatingChunk) {
  EchoServer server({}, producing(10, 100'000, true));
  RawClient client(server.port());
  client.send(kGetStreamed);
  const std::string bytes = client.receive_all();
  EXPECT_TRUE(client.was_reset || bytes.empty());
  EXPECT_EQ(bytes.find("0\r\n\r\n"), std::string::npos);
  const auto records = server.observer.records(1);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].detail, "the store failed");
}

// Letters that are read while the client takes them, with a failure behind them if told to.
class ReadLetters final : public http::Source {
 public:
  ReadLetters(std::string text, bool fails) : text_(std::move(text)), fails_(fails) {}
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<char> buffer) override {
    if (offset == text_.size() && fails_) throw std::runtime_error("the store failed");
    return text_.copy(buffer.data(), buffer.size(), static_cast<std::size_t>(offset));
  }

 private:
  std::string text_;
  bool fails_;
};

http1::Handler reading(const std::string& text, bool fails = false) {
  return [=](http::Request&, const http1::Peer&) {
    http::Response response;
    response.body = http::StreamBody{std::make_unique<ReadLetters>(text, fails)};
    return response;
  };
}

TEST(Streaming, WhatIsReadHasNoLengthAndItsEnd) {
  for (const std::size_t size : {0u, 1u, 65'536u, 3'000'000u}) {
    const std::string text = letters(1, size);
    EchoServer server({}, reading(text));
    RawClient client(server.port());
    for (int i = 0; i < 2; ++i) {
      client.send(kGetStreamed);
      const auto answer = client.receive();
      ASSERT_TRUE(answer) << client.error;
      EXPECT_EQ(answer->field("transfer-encoding"), "chunked");
      EXPECT_EQ(answer->body, text);
    }
    RawClient old(server.port());
    old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto answer = old.receive();
    ASSERT_TRUE(answer) << old.error;
    EXPECT_EQ(answer->field("transfer-encoding"), "");
    EXPECT_EQ(answer->field("connection"), "close");
    EXPECT_EQ(answer->body, text);
  }
}

TEST(Streaming, AFailureWhileReadingCuts) {
  EchoServer server({}, reading(letters(1, 200'000), true));
  RawClient client(server.port());
  client.send(kGetStreamed);
  EXPECT_FALSE(client.receive());
}

TEST(Streaming, FailureBeforeTheFirstByteIsA500) {
  EchoServer server({}, producing(1, 100, true));
  RawClient client(server.port());
  client.send(kGetStreamed);
  const auto answer = client.receive();
  ASSERT_TRUE(answer) << client.error;
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(server.observer.records(1)[0].status, 500);
}

TEST(Streaming, HeadProducesNothing) {
  EchoServer server({}, producing(1, 100, true));
  RawClient client(server.port());
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.receive(true)->status, 200);
  EXPECT_TRUE(client.silent(std::chrono::milliseconds(20)));
}

TEST(Streaming, ClientThatLeavesStopsTheProducer) {
  auto gone = std::make_shared<std::promise<void>>();
  EchoServer server({}, producing(1'000, 100'000, false, gone));
  RawClient client(server.port());
  client.send(kGetStreamed);
  client.reset();
  ASSERT_EQ(gone->get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_TRUE(server.observer.wait([&] { return server.observer.open == 0; }));
}

// What a client does not take is reserved before it is written, so answers that wait stay within
// their limit.
TEST(Streaming, WhatWaitsIsReservedAndCutWhereItIsTooMuch) {
  constexpr std::uint64_t kDisk = std::uint64_t{1} << 40;
  http1::Limits limits;
  limits.space = std::make_shared<storage::SpaceLedger>(
      storage::SpaceLedger::Limits{.answers_bytes = 1'000'000}, [] { return kDisk; },
      [] { return kDisk; });
  EchoServer server(limits, producing(100, 500'000));
  RawClient client(server.port(), 4096);
  client.send(kGetStreamed);
  const auto records = server.observer.records(1);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].detail,
            "the client does not take the answer, and as much waits for clients as may");
  EXPECT_FALSE(client.receive());
  // It is given back when the answer has ended.
  EXPECT_EQ(limits.space->answer("another").grow(900'000), storage::SpaceLedger::Verdict::granted);
}

TEST(Streaming, NoRoomToSpillCuts) {
  http1::Limits limits;
  limits.spill_folder = "/nonexistent";
  EchoServer server(limits, producing(100, 500'000));
  RawClient client(server.port(), 4096);
  client.send(kGetStreamed);
  ASSERT_EQ(server.observer.records(1).size(), 1u);
  EXPECT_FALSE(client.receive());
}

}  // namespace
}  // namespace holdfast::server
