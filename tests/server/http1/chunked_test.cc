// The chunked coding (RFC 9112 §7.1): every way to write it wrongly, every way to cut it.
#include "server/http1/chunked.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/server/echo_server.h"
#include "tests/support/raw_http.h"

namespace holdfast::server {
namespace {

using namespace std::string_literals;
using State = http1::ChunkedDecoder::State;

struct Decoded {
  State state = State::more;
  std::string data;
  std::string rest;  // behind the body
};

// Feeds `bytes` in pieces of `step` bytes.
Decoded decode(const std::string& bytes, std::size_t step) {
  http1::ChunkedDecoder decoder;
  Decoded result;
  std::size_t at = 0;
  while (at < bytes.size() && result.state == State::more) {
    std::string piece = bytes.substr(at, step);
    at += piece.size();
    std::span<char> input(piece);
    std::span<const char> data;
    result.state = decoder.decode(input, data);
    result.data.append(data.data(), data.size());
    if (result.state == State::complete)
      result.rest = std::string(input.data(), input.size()) + bytes.substr(at);
  }
  return result;
}

struct ChunkedRow {
  std::string what;
  std::string bytes;
};

TEST(Chunked, RefusesWhatIsNotExactlyTheGrammar) {
  const std::vector<ChunkedRow> rows = {
      {"no size", "\r\nabc\r\n0\r\n\r\n"},
      {"0x5", "0x5\r\nhello\r\n0\r\n\r\n"},
      {"+5", "+5\r\nhello\r\n0\r\n\r\n"},
      {"-5", "-5\r\nhello\r\n0\r\n\r\n"},
      {"space before the size", " 5\r\nhello\r\n0\r\n\r\n"},
      {"space after the size", "5 \r\nhello\r\n0\r\n\r\n"},
      {"two sizes", "5 5\r\nhello\r\n0\r\n\r\n"},
      {"nine digits", "000000005\r\nhello\r\n0\r\n\r\n"},
      {"17 digits", "10000000000000005\r\nhello\r\n0\r\n\r\n"},
      {"no hexadecimal digit", "g\r\nhello\r\n0\r\n\r\n"},
      {"LF after the size", "5\nhello\r\n0\r\n\r\n"},
      {"CR only after the size", "5\rhello\r\n0\r\n\r\n"},
      {"nothing after the data", "5\r\nhello0\r\n\r\n"},
      {"another byte for the CR after the data", "5\r\nhelloX\n0\r\n\r\n"},
      {"another byte for the LF after the data", "5\r\nhello\rX0\r\n\r\n"},
      {"LF after the data", "5\r\nhello\n0\r\n\r\n"},
      {"CR only after the data", "5\r\nhello\r0\r\n\r\n"},
      {"data longer than the size", "4\r\nhello\r\n0\r\n\r\n"},
      {"extension without semicolon", "5 x=y\r\nhello\r\n0\r\n\r\n"},
      {"extension over 1 KiB", "5;" + std::string(1024, 'x') + "\r\nhello\r\n0\r\n\r\n"},
      {"NUL in an extension", "5;x\0y\r\nhello\r\n0\r\n\r\n"s},
      {"LF in an extension", "5;x\ny\r\nhello\r\n0\r\n\r\n"},
      {"LF after the last size", "0\n\r\n"},
      {"LF after a trailer", "0\r\nX: y\n\r\n"},
      {"LF at the end", "0\r\n\n"},
      {"trailers over 8 KiB", "0\r\nX: " + std::string(8192, 'x') + "\r\n\r\n"},
      {"many trailers over 8 KiB",
       [] {
         std::string text = "0\r\n";
         for (int i = 0; i < 100'000; ++i) text += "a: b\r\n";
         return text + "\r\n";
       }()},
      {"mostly framing",
       [] {
         std::string text;
         for (int i = 0; i < 100; ++i) text += "1;" + std::string(1000, 'x') + "\r\na\r\n";
         return text + "0\r\n\r\n";
       }()},
  };
  for (const ChunkedRow& row : rows)
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, row.bytes.size()})
      EXPECT_EQ(decode(row.bytes, step).state, State::malformed) << row.what << " by " << step;
}

TEST(Chunked, DecodesTheSameHoweverItIsCut) {
  const std::string body =
      "5\r\nhello\r\n00000001\r\n \r\n5;name=\"value\"\r\nworld\r\nA\t ;x\r\n0123456789\r\n"
      "0;last\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\nDELETE /victim HTTP/1.1\r\n\r\n";
  const std::string next = "GET /next HTTP/1.1\r\n";
  for (std::size_t step = 1; step <= body.size() + next.size(); ++step) {
    const Decoded decoded = decode(body + next, step);
    EXPECT_EQ(decoded.state, State::complete) << step;
    EXPECT_EQ(decoded.data, "hello world0123456789") << step;
    EXPECT_EQ(decoded.rest, next) << step;
  }
}

TEST(Chunked, IsIncompleteWhereverItIsCutShort) {
  const std::string body = "5\r\nhello\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t bytes = 0; bytes < body.size(); ++bytes)
    EXPECT_EQ(decode(body.substr(0, bytes), 64).state, State::more) << bytes;
}

TEST(Chunked, TakesTheLargestSizeAndExtension) {
  EXPECT_EQ(decode("FFFFFFFF\r\nabc", 64).data, "abc");
  EXPECT_EQ(decode("1;" + std::string(1023, 'x') + "\r\na\r\n0\r\n\r\n", 4096).data, "a");
}

TEST(Chunked, TakesAMillionSmallChunks) {
  std::string body;
  for (int i = 0; i < 1'000'000; ++i) body += "1\r\na\r\n";
  const Decoded decoded = decode(body + "0\r\n\r\n", 64 * 1024);
  EXPECT_EQ(decoded.state, State::complete);
  EXPECT_EQ(decoded.data.size(), 1'000'000u);
}

TEST(Chunked, MalformedBodiesReachTheHandlerAsSuch) {
  tests::EchoServer server;
  for (const std::string& body : {"0x5\r\nhello\r\n0\r\n\r\n"s, "000000005\r\nhello\r\n0\r\n\r\n"s,
                                  "5\r\nhelloX\r\n0\r\n\r\n"s, "5\nhello\r\n0\r\n\r\n"s}) {
    tests::RawClient client(server.port());
    client.send("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body +
                "GET /victim HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 400);
    EXPECT_EQ(answer->body, "PUT /a malformed");
    EXPECT_TRUE(client.closed());
  }
}

TEST(Chunked, WhatFollowsTheTrailersIsTheNextRequest) {
  tests::EchoServer server;
  tests::RawClient client(server.port());
  client.send(
      "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
      "Content-Length: 100\r\nAuthorization: x\r\nGET /victim HTTP/1.1\r\n\r\n"
      "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.receive()->body, "PUT /a [abc]");
  EXPECT_EQ(client.receive()->body, "GET /next []");
  EXPECT_TRUE(client.silent(std::chrono::milliseconds(50)));
}

}  // namespace
}  // namespace holdfast::server
