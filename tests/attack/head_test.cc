// Request heads that are wrong, ambiguous or huge: refused with the connection, so that nothing
// behind them is taken for a request (RFC 9112 §11.2;
// docs/robustness.md H1, H2, H8 to H12, H14, H15, H17).
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/attack/attack.h"

namespace holdfast::test {
namespace {

using namespace std::string_literals;

class Head : public Attack {};
INSTANTIATE_TEST_SUITE_P(Door, Head, ::testing::ValuesIn(doors()), door_name);

std::string put(const std::string& fields) { return request("PUT /sentinels/03", fields); }
std::string get(const std::string& fields) { return request("GET /sentinels/03", fields); }

TEST_P(Head, H1_LengthsThatCannotBeRelatedToOneBody) {
  std::vector<Row> rows = {
      {"length and coding",
       "RFC 9112 §6.1",
       put("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
       {400}},
      {"coding and length",
       "RFC 9112 §6.1",
       put("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n") + "0\r\n\r\n",
       {400}},
      {"two equal lengths",
       "RFC 9112 §6.3",
       put("Content-Length: 0\r\nContent-Length: 0\r\n"),
       {400}},
      {"two lengths", "RFC 9112 §6.3", put("Content-Length: 0\r\nContent-Length: 9\r\n"), {400}},
      {"over the limit for bodies",
       "docs/operations.md#settings",
       put("Content-Length: 99999999999999\r\n"),
       {413}},
  };
  for (const char* length : {"+3", "-1", "0x3", "3,3", "1,0", "", " ", "3 4", "3;", "1e1", "0.0",
                             "\xef\xbc\x93", "10000000000000000000", "9223372036854775807",
                             "9223372036854775808", "18446744073709551616", "18446744073709551619"})
    rows.push_back({"length \""s + length + "\"",
                    "RFC 9110 §8.6",
                    put("Content-Length: "s + length + "\r\n"),
                    {400}});
  run(rows);
}

TEST_P(Head, H2_TransferCodingsOtherThanChunked) {
  const std::string empty = "0\r\n\r\n";
  std::vector<Row> rows = {
      {"chunked",
       "RFC 9112 §7.1",
       request("PUT /chunked", "Transfer-Encoding: chunked\r\n", empty),
       {201},
       End::goes_on},
      {"two lines",
       "RFC 9112 §6.1",
       put("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + empty,
       {400}},
      {"two lines, one unknown",
       "RFC 9112 §6.1",
       put("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") + empty,
       {400}},
      {"in HTTP/1.0",
       "RFC 9112 §6.1",
       "PUT /sentinels/03 HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
           empty,
       {400}},
      {"kept alive in HTTP/1.0",
       "RFC 9112 §6.1",
       "PUT /sentinels/03 HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n"
       "Transfer-Encoding: chunked\r\n\r\n" +
           empty,
       {400}},
  };
  for (const char* coding : {"gzip", "identity", "xchunked"})
    rows.push_back(
        {coding, "RFC 9112 §6.1", put("Transfer-Encoding: "s + coding + "\r\n") + empty, {501}});
  for (const char* coding :
       {"gzip, chunked", "chunked, chunked", "chunked, identity", "chunked;a=b", "chunked;", ",",
        "\tchunked", "\vchunked", "\"chunked\"", "  chunked", "chunked ", "",
        "=?utf-8?Q?chunked?=", "chunk\xc3\xa9"})
    rows.push_back({"coding \""s + coding + "\"",
                    "RFC 9112 §6.1",
                    put("Transfer-Encoding: "s + coding + "\r\n") + empty,
                    {400}});
  run(rows);
}

TEST_P(Head, H8_LinesThatAreNoFields) {
  run({
      {"folded line", "RFC 9112 §5.2", get("X: a\r\n b\r\n"), {400}},
      {"folded line with a tab", "RFC 9112 §5.2", get("X: a\r\n\tb\r\n"), {400}},
      {"folded coding", "RFC 9112 §5.2", put("Transfer-Encoding:\r\n chunked\r\n"), {400}},
      {"first line begins with a space",
       "RFC 9112 §2.2",
       "GET /sentinels/03 HTTP/1.1\r\n Host: localhost\r\n\r\n",
       {400}},
      {"space before the colon", "RFC 9112 §5.1", get("X : a\r\n"), {400}},
      {"space before the length's colon", "RFC 9112 §5.1", put("Content-Length : 0\r\n"), {400}},
      {"empty name", "RFC 9110 §5.1", get(": a\r\n"), {400}},
      {"name that is no token", "RFC 9110 §5.1", get("X(y): a\r\n"), {400}},
      {"name with a high byte", "RFC 9110 §5.1", get("X\xe9: a\r\n"), {400}},
      {"no colon", "RFC 9112 §5", get("Xyz\r\n"), {400}},
      {"NUL in a value", "RFC 9110 §5.5", get("X: a\0b\r\n"s), {400}},
      {"control in a value", "RFC 9110 §5.5", get("X: a\x01z\r\n"), {400}},
      {"DEL in a value", "RFC 9110 §5.5", get("X: a\x7fz\r\n"), {400}},
      {"bare CR in a value", "RFC 9112 §2.2", get("X: a\rb\r\n"), {400}},
      {"bare CR before a field", "RFC 9112 §2.2", get("X: a\rContent-Length: 9\r\n"), {400}},
      {"CR CR LF", "RFC 9112 §2.2", get("X: a\r\r\n"), {400}},
      {"bare LF between fields", "RFC 9112 §2.2", get("X: a\nY: b\r\n"), {400}},
      {"bare LF everywhere",
       "RFC 9112 §2.2",
       "GET /sentinels/03 HTTP/1.1\nHost: localhost\n\n",
       {400}},
      {"LF LF at the end",
       "RFC 9112 §2.2",
       "GET /sentinels/03 HTTP/1.1\r\nHost: localhost\r\n\n",
       {400}},
      {"one empty line first", "RFC 9112 §2.2", "\r\n" + get(""), {200}, End::goes_on},
      {"two empty lines first", "RFC 9112 §2.2", "\r\n\r\n" + get(""), {400}},
      {"100 empty lines first", "RFC 9112 §2.2", repeated("\r\n", 100) + get(""), {400}},
      {"a bare LF first", "RFC 9112 §2.2", "\n" + get(""), {400}},
      {"a NUL first", "RFC 9112 §2.2", "\0"s + get(""), {400}},
  });
}

TEST_P(Head, H9_RequestLines) {
  std::vector<Row> rows;
  for (const auto& [line, status] : std::vector<std::pair<std::string, int>>{
           {"GET  /sentinels/03 HTTP/1.1", 400},
           {"GET /sentinels/03  HTTP/1.1", 400},
           {"GET\t/sentinels/03 HTTP/1.1", 400},
           {"GET /sentinels/03\tHTTP/1.1", 400},
           {" GET /sentinels/03 HTTP/1.1", 400},
           {"GET /sentinels/03 HTTP/1.1 ", 400},
           {"GET /sentinels/03 HTTP/1.1 x", 400},
           {"GET /sentinels/03 x HTTP/1.1", 400},
           {"GET /sentinels/03", 400},
           {"GET /sentinels/03 ", 400},
           {"GET", 400},
           {"GET ", 400},
           {"GET /sentinels/03 HTTP/1.2", 505},
           {"GET /sentinels/03 HTTP/2.0", 505},
           {"GET /sentinels/03 HTTP/0.9", 505},
           {"GET /sentinels/03 HTTP/1.10", 400},
           {"GET /sentinels/03 HTTP/1.", 400},
           {"GET /sentinels/03 HTTP/11", 400},
           {"GET /sentinels/03 http/1.1", 400},
           {"GET /sentinels/03 HTCPCP/1.0", 400},
           {"GET /senti\0nels/03 HTTP/1.1"s, 400},
           {"GET /senti\x01nels/03 HTTP/1.1", 400},
           {"GET /senti\rnels/03 HTTP/1.1", 400},
           {"GET sentinels/03 HTTP/1.1", 400},
           {"GET ftp://localhost/x HTTP/1.1", 400},
           {"GET * HTTP/1.1", 400},
           {"G(T /sentinels/03 HTTP/1.1", 400},
           {"\xff\xfe /sentinels/03 HTTP/1.1", 400},
           {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, 400}})
    rows.push_back({line, "RFC 9112 §3", line + "\r\nHost: localhost\r\n\r\n", {status}});
  rows.push_back(
      {"the preface of HTTP/2", "RFC 9113 §3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {505}});
  run(rows);
}

TEST_P(Head, H10_TooManyLinesAndOnesThatMayComeOnce) {
  const auto lines = [](std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += "X-" + std::to_string(i) + ": y\r\n";
    return all;
  };
  std::vector<Row> rows = {
      {"100 lines with Host", "docs/operations.md#settings", get(lines(99)), {200}, End::goes_on},
      {"101 lines with Host", "docs/operations.md#settings", get(lines(100)), {431}},
      {"100,000 lines", "docs/operations.md#settings", get(lines(100'000)), {431}},
      {"100,000 lines without a colon",
       "docs/operations.md#settings",
       get(repeated("y\r\n", 100'000)),
       {431}},
      {"a megabyte of one line",
       "docs/operations.md#settings",
       get("X: " + std::string(1'000'000, 'y')),
       {431}},
      {"a megabyte of request line",
       "docs/operations.md#settings",
       request("GET /" + std::string(1'000'000, 'y')),
       {414}},
  };
  for (const char* field :
       {"Host: localhost", "Content-Length: 0", "Authorization: Basic eDp5", "Destination: /x",
        "Lock-Token: <a:b>", "Expect: 100-continue", "If-Range: \"x\""})
    rows.push_back({"two "s + field,
                    "RFC 9110 §5.3",
                    request("DELETE /sentinels/03", field + "\r\n"s + field + "\r\n"),
                    {400}});
  for (const char* fields : {"Depth: 0\r\nDepth: infinity\r\n", "Overwrite: F\r\nOverwrite: T\r\n",
                             "Content-Type: a/b\r\nContent-Type: a/c\r\n"})
    rows.push_back(
        {"different "s + fields, "RFC 9110 §5.3", request("DELETE /sentinels/03", fields), {400}});
  // Several lines of If are one list, and this one ends in something else.
  rows.push_back({"an If that goes on as junk",
                  "RFC 9110 §5.3",
                  request("DELETE /sentinels/03", "If: (<a:b>)\r\nIf: junk\r\n"),
                  {400},
                  End::goes_on});
  run(rows);
}

TEST_P(Head, H11_Hosts) {
  const auto with = [](const std::string& target, const std::string& fields) {
    return "GET " + target + " HTTP/1.1\r\n" + fields + "\r\n";
  };
  run({
      {"none", "RFC 9112 §3.2", with("/sentinels/03", ""), {400}},
      {"two",
       "RFC 9112 §3.2",
       with("/sentinels/03", "Host: localhost\r\nHost: localhost\r\n"),
       {400}},
      {"empty", "RFC 9110 §7.2", with("/sentinels/03", "Host:\r\n"), {400}},
      {"userinfo", "RFC 9110 §7.2", with("/sentinels/03", "Host: u@localhost\r\n"), {400}},
      {"list", "RFC 9110 §7.2", with("/sentinels/03", "Host: localhost,x\r\n"), {400}},
      {"path", "RFC 9110 §7.2", with("/sentinels/03", "Host: localhost/x\r\n"), {400}},
      {"port that is none",
       "RFC 9110 §7.2",
       with("/sentinels/03", "Host: localhost:8x\r\n"),
       {400}},
      {"unclosed bracket", "RFC 9110 §7.2", with("/sentinels/03", "Host: [::1\r\n"), {400}},
      {"another host than the target's",
       "RFC 9112 §3.2.2",
       with("http://localhost/sentinels/03", "Host: 127.0.0.1\r\n"),
       {400}},
      {"the target's host",
       "RFC 9112 §3.2.2",
       with("http://localhost/sentinels/03", "Host: localhost\r\n"),
       {200},
       End::goes_on},
      {"a host that is not ours",
       "RFC 9110 §7.4",
       with("/sentinels/03", "Host: evil.example\r\n"),
       {421},
       End::goes_on},
      {"a target that is not ours",
       "RFC 9110 §7.4",
       with("http://evil.example/sentinels/03", "Host: evil.example\r\n"),
       {421},
       End::goes_on},
      // Health checks send none; what is written needs one.
      {"none in HTTP/1.0", "RFC 9110 §7.4", "GET /sentinels/03 HTTP/1.0\r\n\r\n", {200}},
      {"none in HTTP/1.0, to write",
       "RFC 9110 §7.4",
       "DELETE /sentinels/03 HTTP/1.0\r\n\r\n",
       {421}},
  });
}

TEST_P(Head, H12_Connection) {
  run({
      {"close among others", "RFC 9112 §9.6", get("Connection: close, TE\r\n"), {200}},
      {"close in a second line",
       "RFC 9112 §9.6",
       get("Connection: TE\r\nConnection: Close\r\n"),
       {200}},
      {"empty elements",
       "RFC 9110 §5.6.1",
       get("Connection: TE,,Keep-Alive\r\n"),
       {200},
       End::goes_on},
      {"a word that begins with close",
       "RFC 9112 §9.6",
       get("Connection: closed\r\n"),
       {200},
       End::goes_on},
      {"HTTP/1.0", "RFC 9112 §9.3", "GET /sentinels/03 HTTP/1.0\r\nHost: localhost\r\n\r\n", {200}},
      {"HTTP/1.0 kept alive",
       "RFC 9112 §9.3",
       "GET /sentinels/03 HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n",
       {200},
       End::goes_on},
      {"Upgrade",
       "RFC 9110 §7.8",
       get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
       {200},
       End::goes_on},
  });
}

TEST_P(Head, H14_EncodedWordsAreNotDecoded) {
  std::vector<Row> rows;
  for (const char* word :
       {"=?utf-8?Q?=0D=0AContent-Length:_40?=", "=?UTF-32?B?gAAAAA==?=", "=?UTF-32?B?/////w==?=",
        "=?UTF-16?B?2AA=?=", "=?utf-7?Q?+AAo-?=", "=?x?Q?=X?=", "=?x?Q?=", "=?utf-8?B?====?=",
        "=?=?utf-8?Q?a?=?Q?b?=", "=?utf-8?Q?/sentinels/04?=", "=?=?=?=", "=?utf-8?Q?=00?="}) {
    rows.push_back(
        {"any field "s + word, "RFC 9110 §5.5", get("X: "s + word + "\r\n"), {200}, End::goes_on});
    rows.push_back({"Destination "s + word,
                    "RFC 4918 §10.3",
                    request("MOVE /sentinels/03", "Destination: "s + word + "\r\n"),
                    {400},
                    End::goes_on});
    rows.push_back({"If "s + word,
                    "RFC 4918 §10.4",
                    request("DELETE /sentinels/03", "If: "s + word + "\r\n"),
                    {400},
                    End::goes_on});
    rows.push_back({"Depth "s + word,
                    "RFC 4918 §10.2",
                    request("PROPFIND /sentinels/03", "Depth: "s + word + "\r\n"),
                    {400},
                    End::goes_on});
  }
  run(rows);
}

TEST_P(Head, H15_NoLengthOfALineLosesWhatFollows) {
  std::optional<tests::RawClient> asking(connect());
  asking->send(get(""));
  const auto plain = asking->receive();
  ASSERT_TRUE(plain);
  asking.reset();
  const std::string etag = plain->field("etag");
  constexpr std::size_t kLimit = 16'384;
  for (const auto& [first, last] : std::vector<std::pair<std::size_t, std::size_t>>{
           {4'000, 4'200}, {8'100, 8'300}, {12'200, 12'350}, {16'300, 16'450}}) {
    for (const bool in_request_line : {true, false}) {
      std::optional<tests::RawClient> client(connect());
      for (std::size_t length = first; length <= last; ++length) {
        SCOPED_TRACE(std::to_string(length) + (in_request_line ? " request line" : " field line"));
        std::string line = "GET /sentinels/03?";
        const std::string version = " HTTP/1.1";
        std::string pad = "X-Pad: ";
        if (in_request_line) {
          line.append(length - line.size() - version.size(), 'p');
          pad += "p";
        } else {
          pad.append(length - pad.size(), 'p');
        }
        // The fields before and behind decide the answer: 304 for the one, 412 without the other.
        client->send(line + version + "\r\nHost: localhost\r\nIf-Match: " + etag + "\r\n" + pad +
                     "\r\nIf-None-Match: " + etag + "\r\n\r\n");
        const auto answer = client->receive();
        ASSERT_TRUE(answer) << client->error;
        if (length <= kLimit) {
          ASSERT_EQ(answer->status, 304);
          continue;
        }
        ASSERT_EQ(answer->status, in_request_line ? 414 : 431);
        ASSERT_TRUE(client->closed());
        client.emplace(connect());
      }
    }
    EXPECT_EQ(oracle().check(), "");
  }
}

TEST_P(Head, H17_Methods) {
  run({
      {"unknown", "RFC 9110 §9.1", request("BREW /sentinels/03"), {501}, End::goes_on},
      {"33 bytes",
       "RFC 9110 §9.1",
       request(std::string(33, 'M') + " /sentinels/03"),
       {501},
       End::goes_on},
      {"1,000 bytes",
       "RFC 9110 §9.1",
       request(std::string(1'000, 'M') + " /sentinels/03"),
       {501},
       End::goes_on},
      {"lower case",
       "RFC 9110 §9.1",
       request("put /sentinels/03", content_length(kSmuggled.size()), kSmuggled),
       {501},
       End::goes_on},
      {"TRACE", "RFC 9110 §9.3.8", request("TRACE /sentinels/03"), {405}, End::goes_on},
      {"CONNECT",
       "RFC 9110 §9.3.6",
       "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n",
       {405},
       End::goes_on},
      {"POST",
       "RFC 9110 §9.3.3",
       request("POST /sentinels/03", content_length(kSmuggled.size()), kSmuggled),
       {405},
       End::goes_on},
      {"PATCH", "RFC 5789", request("PATCH /sentinels/03"), {415}, End::goes_on},
      {"OPTIONS *", "RFC 9110 §9.3.7", request("OPTIONS *"), {200}, End::goes_on},
      {"GET with a body",
       "RFC 9110 §9.3.1",
       request("GET /sentinels/03", content_length(kSmuggled.size()), kSmuggled),
       {200},
       End::goes_on},
      {"HEAD with a body",
       "RFC 9110 §9.3.2",
       request("HEAD /sentinels/03", content_length(kSmuggled.size()), kSmuggled),
       {200},
       End::goes_on},
      {"OPTIONS with a chunked body",
       "RFC 9110 §9.3.7",
       request("OPTIONS /", "Transfer-Encoding: chunked\r\n", "5\r\nDELET\r\n0\r\n\r\n"),
       {415},
       End::goes_on},
  });
}

}  // namespace
}  // namespace holdfast::test
