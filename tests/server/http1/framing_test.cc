// Request heads over a raw socket. Whatever two implementations could read differently is refused
// and the connection closed, so that no byte of it is ever taken for another request.
#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "tests/server/echo_server.h"
#include "tests/support/raw_http.h"

namespace holdfast::server {
namespace {

using namespace std::string_literals;
using tests::EchoServer;
using tests::RawClient;

struct FramingRow {
  std::string what;
  std::string bytes;
  int status;
};

std::string with(const std::string& fields) {
  return "PUT /a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}
std::string with_length(const std::string& value) {
  return with("Content-Length:" + value + "\r\n") + "abc";
}
std::string with_coding(const std::string& value) {
  return with("Transfer-Encoding:" + value + "\r\n") + "3\r\nabc\r\n0\r\n\r\n";
}
std::string with_host(const std::string& line) { return "GET /a HTTP/1.1\r\n" + line + "\r\n"; }

const std::vector<FramingRow>& refused() {
  static const std::vector<FramingRow> rows = {
      // RFC 9112 §6.1, §6.2: framing that is not plain.
      {"length and coding", with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "abc",
       400},
      {"coding and length", with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n") + "abc",
       400},
      {"two equal lengths", with("Content-Length: 3\r\nContent-Length: 3\r\n") + "abc", 400},
      {"two lengths", with("Content-Length: 3\r\nContent-Length: 9\r\n") + "abc", 400},
      {"length with plus", with_length(" +3"), 400},
      {"negative length", with_length(" -1"), 400},
      {"hexadecimal length", with_length(" 0x3"), 400},
      {"list of lengths", with_length(" 3,3"), 400},
      {"length with a comma", with_length(" 1,0"), 400},
      {"empty length", with_length(""), 400},
      {"blank length", with_length("  "), 400},
      {"two numbers", with_length(" 3 4"), 400},
      {"20 digits", with_length(" 10000000000000000000"), 400},
      {"2^63-1", with_length(" 9223372036854775807"), 400},
      {"2^64", with_length(" 18446744073709551616"), 400},
      {"2^64+3", with_length(" 18446744073709551619"), 400},
      {"length with letters", with_length(" 3x"), 400},
      {"gzip", with_coding(" gzip"), 501},
      {"identity", with_coding(" identity"), 501},
      {"xchunked", with_coding(" xchunked"), 501},
      {"gzip, chunked", with_coding(" gzip, chunked"), 400},
      {"chunked, chunked", with_coding(" chunked, chunked"), 400},
      {"chunked, identity", with_coding(" chunked, identity"), 400},
      {"chunked with a parameter", with_coding(" chunked;a=b"), 400},
      {"chunked in quotes", with_coding(" \"chunked\""), 400},
      {"chunked after a tab", with_coding("\tchunked"), 400},
      {"chunked after two spaces", with_coding("  chunked"), 400},
      {"chunked before a space", with_coding(" chunked "), 400},
      {"chunked after a vertical tab", with_coding(" \vchunked"), 400},
      {"no coding", with_coding(""), 400},
      {"folded coding", with("Transfer-Encoding:\r\n chunked\r\n"), 400},
      {"two codings", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"encoded word", with_coding(" =?utf-8?Q?chunked?="), 400},
      {"chunked in HTTP/1.0",
       "PUT /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 400},
      // §5: field lines.
      {"folded line", with("X: a\r\n b\r\n"), 400},
      {"tab-folded line", with("X: a\r\n\tb\r\n"), 400},
      {"first line begins with a space", "GET /a HTTP/1.1\r\n Host: h\r\n\r\n", 400},
      {"space before the colon", with("X : a\r\n"), 400},
      {"space before the length's colon", with("Content-Length : 3\r\n") + "abc", 400},
      {"empty name", with(": a\r\n"), 400},
      {"name that is no token", with("X(y): a\r\n"), 400},
      {"name with a high byte", with("X\xe9: a\r\n"), 400},
      {"no colon", with("Xyz\r\n"), 400},
      {"NUL in a value", with("X: a\0b\r\n"s), 400},
      {"control in a value", with("X: a\x01z\r\n"), 400},
      {"DEL in a value", with("X: a\x7fz\r\n"), 400},
      {"bare CR in a value", with("X: a\rb\r\n"), 400},
      {"CR CR LF", with("X: a\r\r\n"), 400},
      {"bare LF in the header", with("X: a\nY: b\r\n"), 400},
      {"bare LF all over", "GET /a HTTP/1.1\nHost: h\n\n", 400},
      {"two empty lines first", "\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a bare LF first", "\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      // §3: the request line.
      {"two spaces before the target", "GET  /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"two spaces before the version", "GET /a  HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a tab", "GET\t/a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a space first", " GET /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"HTTP/0.9", "GET /a\r\n", 400},
      {"HTTP/0.9 with a space", "GET /a \r\n", 400},
      {"only a method", "GET\r\n\r\n", 400},
      {"HTTP/1.2", "GET /a HTTP/1.2\r\nHost: h\r\n\r\n", 505},
      {"HTTP/2.0", "GET /a HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"HTTP/0.9 spelt out", "GET /a HTTP/0.9\r\nHost: h\r\n\r\n", 505},
      {"HTTP/1.10", "GET /a HTTP/1.10\r\nHost: h\r\n\r\n", 400},
      {"http/1.1", "GET /a http/1.1\r\nHost: h\r\n\r\n", 400},
      {"FOO/9.9", "GET /a FOO/9.9\r\nHost: h\r\n\r\n", 400},
      {"something after the version", "GET /a HTTP/1.1 x\r\nHost: h\r\n\r\n", 400},
      {"a space after the version", "GET /a HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
      {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 x\r\n\r\n"s, 400},
      {"a method that is no token", "G(T /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n"s, 400},
      {"control in the target", "GET /a\x01z HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"target without a slash", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"another scheme", "GET ftp://h/a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"* for GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      // RFC 9110 §7.2: Host.
      {"no Host", with_host(""), 400},
      {"two Hosts", with_host("Host: h\r\nHost: h\r\n"), 400},
      {"empty Host", with_host("Host:\r\n"), 400},
      {"Host with userinfo", with_host("Host: u@h\r\n"), 400},
      {"list of Hosts", with_host("Host: a,b\r\n"), 400},
      {"Host with a path", with_host("Host: h/x\r\n"), 400},
      {"Host with a space", with_host("Host: h x\r\n"), 400},
      {"Host with a bad port", with_host("Host: h:8x\r\n"), 400},
      {"Host with a long port", with_host("Host: h:123456\r\n"), 400},
      {"only a port", with_host("Host: :80\r\n"), 400},
      {"unclosed IPv6 address", with_host("Host: [::1\r\n"), 400},
      {"bad Host in HTTP/1.0", "GET /a HTTP/1.0\r\nHost: a,b\r\n\r\n", 400},
      {"target of another host", "GET http://x/a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"target of another port", "GET http://h:81/a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"target with userinfo", "GET http://u@h/a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"target without a host", "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      // §5.3: fields that come once.
      {"two Authorizations", with("Authorization: a\r\nAuthorization: a\r\n"), 400},
      {"two Destinations", with("Destination: /x\r\ndestination: /x\r\n"), 400},
      {"two Depths", with("Depth: 0\r\nDepth: 1\r\n"), 400},
      {"two Overwrites", with("Overwrite: T\r\nOverwrite: F\r\n"), 400},
      {"two Lock-Tokens", with("Lock-Token: <a:b>\r\nLock-Token: <a:b>\r\n"), 400},
      {"two Content-Types", with("Content-Type: a/b\r\nContent-Type: a/c\r\n"), 400},
      {"a third Depth", with("Depth: 0\r\nDepth: 0\r\ndepth: 1\r\n"), 400},
      {"a Depth and none", with("Depth: 0\r\nDepth:\r\n"), 400},
      // §10.1.1
      {"unknown expectation", with("Expect: 200-ok\r\n"), 417},
      {"two expectations", with("Expect: 100-continue\r\nExpect: 100-continue\r\n"), 400},
  };
  return rows;
}

TEST(Framing, RefusesAndClosesWithoutReadingOn) {
  std::atomic<int> handled = 0;
  EchoServer server({}, [&](http::Request& request, const http1::Peer& peer) {
    ++handled;
    return tests::echo(request, peer);
  });
  for (const FramingRow& row : refused()) {
    RawClient client(server.port());
    client.send(row.bytes + "GET /victim HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << row.what << ": " << client.error;
    EXPECT_EQ(answer->status, row.status) << row.what;
    EXPECT_EQ(answer->field("connection"), "close") << row.what;
    EXPECT_TRUE(client.closed()) << row.what;
  }
  EXPECT_EQ(handled, 0);
  const auto records = server.observer.records(refused().size());
  ASSERT_EQ(records.size(), refused().size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].status, refused()[i].status);
    EXPECT_FALSE(records[i].detail.empty());
  }
}

struct Accepted {
  std::string what;
  std::string bytes;
  std::string body;
  bool kept;
};

TEST(Framing, AcceptsWhatTheGrammarAllows) {
  const std::vector<Accepted> rows = {
      {"one empty line first", "\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a []", true},
      {"no white space after colons", "GET /a HTTP/1.1\r\nHost:h\r\nX:y\r\n\r\n", "GET /a []",
       true},
      {"white space around values", "GET /a HTTP/1.1\r\nHost: \t h \t\r\n\r\n", "GET /a []", true},
      {"empty values", with("X:\r\nY: \r\n"), "PUT /a []", true},
      {"leading zeros", with_length(" 003"), "PUT /a [abc]", true},
      {"Chunked", with_coding(" Chunked"), "PUT /a [abc]", true},
      {"chunked without a space", with_coding("chunked"), "PUT /a [abc]", true},
      {"GET with a body", "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
       "GET /a [abc]", true},
      {"a long media type", with("Content-Type: " + std::string(8192, 'x') + "\r\n"), "PUT /a []",
       true},
      {"encoded words stay as they are", "GET /=?utf-8?Q?=0D=0A?= HTTP/1.1\r\nHost: h\r\n\r\n",
       "GET /=?utf-8?Q?=0D=0A?= []", true},
      {"raw UTF-8 in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /\xc3\xa9 []",
       true},
      // RFC 9110 §9: unknown methods are the handler's to refuse.
      {"unknown method", "FOO /a HTTP/1.1\r\nHost: h\r\n\r\n", "FOO /a []", true},
      {"lower case method", "put /a HTTP/1.1\r\nHost: h\r\n\r\n", "put /a []", true},
      {"33-byte method", std::string(33, 'M') + " /a HTTP/1.1\r\nHost: h\r\n\r\n",
       std::string(33, 'M') + " /a []", true},
      {"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * []", true},
      {"CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", "CONNECT h:80 []", true},
      // §7.2
      {"Host with a port", with_host("Host: h:8080\r\n"), "GET /a []", true},
      {"IPv6 Host", with_host("Host: [::1]:8080\r\n"), "GET /a []", true},
      {"absolute target", "GET http://H:80/a HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://H:80/a []",
       true},
      {"absolute target without a path", "OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n",
       "OPTIONS http://h []", true},
      // §7.6.1, RFC 9112 §9.3: Connection is a list.
      {"close", "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /a []", false},
      {"close among others", "GET /a HTTP/1.1\r\nHost: h\r\nConnection: TE, Close\r\n\r\n",
       "GET /a []", false},
      {"close in a second line",
       "GET /a HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nConnection: close\r\n\r\n", "GET /a []",
       false},
      {"empty elements", "GET /a HTTP/1.1\r\nHost: h\r\nConnection: TE,,Keep-Alive\r\n\r\n",
       "GET /a []", true},
      {"upgrade", "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
       "GET /a []", true},
      {"HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", "GET /a []", false},
      {"HTTP/1.0 with keep-alive", "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET /a []",
       true},
      {"HTTP/1.0 expects nothing",
       "PUT /a HTTP/1.0\r\nConnection: keep-alive\r\nExpect: x\r\nContent-Length: 0\r\n\r\n",
       "PUT /a []", true},
  };
  EchoServer server;
  for (const Accepted& row : rows) {
    RawClient client(server.port());
    client.send(row.bytes);
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << row.what << ": " << client.error;
    EXPECT_EQ(answer->status, 200) << row.what;
    EXPECT_EQ(answer->body, row.body) << row.what;
    if (!row.kept) {
      EXPECT_EQ(answer->field("connection"), "close") << row.what;
      EXPECT_TRUE(client.closed()) << row.what;
      continue;
    }
    EXPECT_NE(answer->field("connection"), "close") << row.what;
    client.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto next = client.receive();
    ASSERT_TRUE(next) << row.what << ": " << client.error;
    EXPECT_EQ(next->body, "GET /next []") << row.what;
  }
}

TEST(Framing, NeverDecodesEncodedWords) {
  EchoServer server({}, [](http::Request& request, const http1::Peer&) {
    http::Response response;
    response.body = std::string(request.fields.find("X").value_or("-"));
    return response;
  });
  for (const std::string& word :
       {"=?utf-8?Q?a=0D=0Ab=00?="s, "=?UTF-32?B?gAAAAA==?="s, "=?utf-8?Q?=X?="s, "=?utf-8?Q?="s,
        "=?utf-8?Q?=?utf-8?Q?a?=?="s}) {
    const auto answer =
        tests::ask(server.port(), "GET / HTTP/1.1\r\nHost: h\r\nX: " + word + "\r\n\r\n");
    ASSERT_TRUE(answer) << word;
    EXPECT_EQ(answer->body, word);
  }
}

TEST(Framing, TakesFieldsAgainThatCanOnlyMeanOneThing) {  // RFC 9110 §5.3
  EchoServer server({}, tests::echo);
  for (const char* fields :
       {"Depth: 0\r\nDepth: 0\r\n", "Overwrite: F\r\noverwrite: F\r\n",
        "Content-Type: a/b\r\nContent-Type: a/b\r\n", "Depth: 1\r\nX: y\r\nDepth:  1 \r\n",
        "Timeout: Infinite\r\nTimeout: Second-5\r\n", "If: (<a:b>)\r\nIf: (<c:d>)\r\n",
        "If: (<a:b>)\r\nIf: (<a:b>)\r\n", "If-Match: \"a\"\r\nIf-Match: \"b\"\r\n"}) {
    RawClient client(server.port());
    client.send("PROPFIND /a HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n");
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << fields;
    EXPECT_EQ(answer->status, 200) << fields;
  }
}

}  // namespace
}  // namespace holdfast::server
