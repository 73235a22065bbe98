// Bodies whose framing is broken or cut short: nothing of them is stored, nothing in them is taken
// for a request (docs/robustness.md H3, H4, H5, H21).
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "tests/attack/attack.h"
#include "tests/support/http_client.h"

namespace holdfast::test {
namespace {

using namespace std::string_literals;

class Body : public Attack {
 protected:
  // A PUT over a sentinel that has a lock, with its token.
  [[nodiscard]] std::string over_locked(const std::string& fields, const std::string& body) {
    return request("PUT " + Oracle::sentinel(Oracle::kLockedSentinel),
                   "If: (" + oracle().lock_token() + ")\r\n" + fields, body);
  }
};
INSTANTIATE_TEST_SUITE_P(Door, Body, ::testing::ValuesIn(doors()), door_name);

constexpr const char* kChunked = "Transfer-Encoding: chunked\r\n";

// Larger than what is kept in memory, so that a file is made in tmp/.
constexpr std::size_t kLarge = 200'000;

TEST_P(Body, H3_ChunksThatAreNotTheGrammar) {
  std::vector<Row> rows;
  for (const auto& [name, body] : std::vector<std::pair<std::string, std::string>>{
           {"no size", "\r\nhello\r\n0\r\n\r\n"},
           {"0x5", "0x5\r\nhello\r\n0\r\n\r\n"},
           {"+5", "+5\r\nhello\r\n0\r\n\r\n"},
           {"-5", "-5\r\nhello\r\n0\r\n\r\n"},
           {"space before the size", " 5\r\nhello\r\n0\r\n\r\n"},
           {"space behind the size", "5 \r\nhello\r\n0\r\n\r\n"},
           {"nine digits", "000000005\r\nhello\r\n0\r\n\r\n"},
           {"17 digits", "10000000000000005\r\nhello\r\n0\r\n\r\n"},
           {"no digit", "g\r\nhello\r\n0\r\n\r\n"},
           {"an extension of 1 MiB", "5;" + std::string(1 << 20, 'x') + "\r\nhello\r\n0\r\n\r\n"},
           {"an extension of 1 KiB and a byte",
            "5;" + std::string(1'024, 'x') + "\r\nhello\r\n0\r\n\r\n"},
           {"NUL in an extension", "5;x\0y\r\nhello\r\n0\r\n\r\n"s},
           {"LF behind the size", "5\nhello\r\n0\r\n\r\n"},
           {"CR behind the size", "5\rhello\r\n0\r\n\r\n"},
           {"LF in an extension", "5;a\nhello\r\n0\r\n\r\n"},
           {"nothing behind the data", "5\r\nhello0\r\n\r\n"},
           {"LF behind the data", "5\r\nhello\n0\r\n\r\n"},
           {"data longer than its size", "4\r\nhello\r\n0\r\n\r\n"},
           {"data shorter than its size", "6\r\nhello\r\n0\r\n\r\n"},
           {"LF at the end", "0\r\n\n"},
           {"more framing than data", repeated("1;" + std::string(1'000, 'x') + "\r\na\r\n", 200)},
           {"a large good start", chunk(std::string(kLarge, 'a')) + "x"},
       }) {
    const auto bytes = request("PUT /sentinels/03", kChunked, body);
    rows.push_back({name, "RFC 9112 §7.1", bytes, {400}});
    rows.push_back(
        {name + ", new name", "RFC 9112 §7.1", request("PUT /new", kChunked, body), {400}});
  }
  run(rows);
  HttpClient client(server());
  EXPECT_EQ(client.request("GET", "/new").status, 404);
  client.close();
}

TEST_P(Body, H3_ChunksThatTheGrammarAllows) {
  const auto put = [](const std::string& name, const std::string& body) {
    return request("PUT /" + name, kChunked, body);
  };
  run({
      {"extensions",
       "RFC 9112 §7.1.1",
       put("a", "5;a=\"b;c\";d\r\nhello\r\n0;x\r\n\r\n"),
       {201},
       End::goes_on},
      {"an extension of 1 KiB less the semicolon",
       "docs/robustness.md H3",
       put("b", "5;" + std::string(1'023, 'x') + "\r\nhello\r\n0\r\n\r\n"),
       {201},
       End::goes_on},
      {"eight digits",
       "RFC 9112 §7.1",
       put("c", "00000005\r\nhello\r\n00000000\r\n\r\n"),
       {201},
       End::goes_on},
      {"capitals", "RFC 9112 §7.1", put("d", "A\r\n0123456789\r\n0\r\n\r\n"), {201}, End::goes_on},
      {"a million chunks of a byte",
       "docs/robustness.md H3",
       put("e", repeated("1\r\nx\r\n", 1'000'000) + "0\r\n\r\n"),
       {201},
       End::goes_on},
      {"none", "RFC 9112 §7.1", put("f", "0\r\n\r\n"), {201}, End::goes_on},
      {"a request as data",
       "RFC 9112 §7.1",
       put("g", chunk(kSmuggled) + "0\r\n\r\n"),
       {201},
       End::goes_on},
  });
  HttpClient client(server());
  for (const auto& [name, body] :
       std::vector<std::pair<std::string, std::string>>{{"/a", "hello"},
                                                        {"/b", "hello"},
                                                        {"/c", "hello"},
                                                        {"/d", "0123456789"},
                                                        {"/e", std::string(1'000'000, 'x')},
                                                        {"/f", ""},
                                                        {"/g", kSmuggled}})
    EXPECT_EQ(client.request("GET", name).body, body) << name;
  client.close();
}

TEST_P(Body, H4_TrailersAreReadAndDropped) {
  const auto put = [](const std::string& trailers) {
    return request("PUT /trailers", kChunked, "5\r\nhello\r\n0\r\n" + trailers + "\r\n");
  };
  std::string request_like = kSmuggled;
  request_like.resize(request_like.size() - 2);  // its last line ends the trailers
  run({
      {"none", "RFC 9112 §7.1.2", put(""), {201}, End::goes_on},
      {"benign", "RFC 9112 §7.1.2", put("X-Sum: 1\r\nX-More: 2\r\n"), {204}, End::goes_on},
      {"Content-Length", "RFC 9110 §6.5.1", put("Content-Length: 400\r\n"), {204}, End::goes_on},
      {"Transfer-Encoding",
       "RFC 9110 §6.5.1",
       put("Transfer-Encoding: chunked\r\n"),
       {204},
       End::goes_on},
      {"Authorization",
       "RFC 9110 §6.5.1",
       put("Authorization: Basic eDp5\r\n"),
       {204},
       End::goes_on},
      // Merged into the head they would refuse the request, or name another length.
      {"fields that would refuse",
       "RFC 9110 §6.5.1",
       put("If-Match: \"stale\"\r\nX-Expected-Entity-Length: 9\r\nContent-Encoding: gzip\r\n"
           "Connection: close\r\nExpect: x\r\nHost: evil.example\r\n"),
       {204},
       End::goes_on},
      {"text that looks like a request", "RFC 9112 §7.1.2", put(request_like), {204}, End::goes_on},
      {"8 KiB",
       "docs/robustness.md H4",
       put("X: " + std::string(8'180, 'x') + "\r\n"),
       {204},
       End::goes_on},
      {"over 8 KiB", "docs/robustness.md H4", put("X: " + std::string(8'190, 'x') + "\r\n"), {400}},
      {"100,000 lines", "docs/robustness.md H4", put(repeated("X: y\r\n", 100'000)), {400}},
      {"LF behind a trailer", "RFC 9112 §2.2", put("X: y\n"), {400}},
      {"NUL in a trailer", "RFC 9110 §5.5", put("X: \0\r\n"s), {400}},
  });
  HttpClient client(server());
  EXPECT_EQ(client.request("GET", "/trailers").body, "hello");
  client.close();
}

TEST_P(Body, H5_CutShortIsNeverStored) {
  std::vector<Row> rows;
  // At every byte of the framing and of the data.
  const std::string body = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t cut = 0; cut < body.size(); ++cut) {
    const std::string part = body.substr(0, cut);
    const std::string name = "chunked, cut after " + std::to_string(cut);
    rows.push_back({name,
                    "RFC 9112 §8",
                    over_locked(kChunked, part),
                    {400},
                    End::closes,
                    Then::finishes_sending});
    rows.push_back({name + ", reset",
                    "RFC 9112 §8",
                    over_locked(kChunked, part),
                    {},
                    End::closes,
                    Then::resets});
  }
  for (const std::size_t sent :
       {std::size_t{0}, std::size_t{1}, std::size_t{4'096}, kLarge, kLarge + 99'999}) {
    const std::string name = std::to_string(sent) + " of 300,000 bytes";
    for (const Then then : {Then::finishes_sending, Then::resets}) {
      std::vector<int> statuses;
      if (then != Then::resets) statuses.push_back(400);
      const std::string fields = content_length(kLarge + 100'000);
      rows.push_back({name, "RFC 9112 §8", over_locked(fields, std::string(sent, 'x')), statuses,
                      End::closes, then});
      rows.push_back({name + ", chunked", "RFC 9112 §8",
                      request("PUT /sentinels/09", kChunked, "493e0\r\n" + std::string(sent, 'x')),
                      statuses, End::closes, then});
    }
  }
  // Whole but for the end: every byte of the content has come.
  for (const Then then : {Then::finishes_sending, Then::resets}) {
    std::vector<int> statuses;
    if (then != Then::resets) statuses.push_back(400);
    for (const std::string& end :
         {"\r\n"s, "\r\n0"s, "\r\n0\r\n"s, "\r\n0\r\n\r"s, "\r\n0\r\nX: "s})
      rows.push_back(
          {"without the end", "RFC 9112 §8",
           request("PUT /sentinels/09", kChunked, "30d40\r\n" + std::string(kLarge, 'x') + end),
           statuses, End::closes, then});
    rows.push_back({"an XML body", "RFC 9112 §8",
                    request("PROPPATCH /sentinels/03", content_length(400),
                            "<propertyupdate xmlns='DAV:'><remove><prop><mark "
                            "xmlns='urn:sentinel'/></prop></remove></propertyupdate>"),
                    statuses, End::closes, then});
  }
  run(rows);
}

TEST_P(Body, H5_NewNamesAreNotMappedByHalfABody) {
  run({
      {"short",
       "RFC 9112 §8",
       request("PUT /new", content_length(9), "half"),
       {400},
       End::closes,
       Then::finishes_sending},
      {"large and short",
       "RFC 9112 §8",
       request("PUT /new", content_length(kLarge + 1), std::string(kLarge, 'x')),
       {400},
       End::closes,
       Then::finishes_sending},
      {"reset",
       "RFC 9112 §8",
       request("PUT /new", content_length(9), "half"),
       {},
       End::closes,
       Then::resets},
  });
  HttpClient client(server());
  EXPECT_EQ(client.request("GET", "/new").status, 404);
  client.close();
}

TEST_P(Body, H21_ContentThatIsNotTheWholeRepresentation) {
  const auto put = [](const std::string& name, const std::string& fields) {
    return request("PUT " + name, fields + content_length(kSmuggled.size()), kSmuggled);
  };
  run({
      {"gzip",
       "RFC 9110 §8.4",
       put("/sentinels/03", "Content-Encoding: gzip\r\n"),
       {415},
       End::goes_on},
      {"identity",
       "RFC 9110 §8.4.1",
       put("/identity", "Content-Encoding: identity\r\n"),
       {201},
       End::goes_on},
      {"a range",
       "RFC 9110 §14.5",
       put("/sentinels/03", "Content-Range: bytes 0-3/9\r\n"),
       {400},
       End::goes_on},
      {"an unknown range",
       "RFC 9110 §14.5",
       put("/sentinels/03", "Content-Range: x\r\n"),
       {400},
       End::goes_on},
      {"a media type of 8 KiB",
       "RFC 9110 §8.3",
       put("/type", "Content-Type: " + std::string(8'192, 'x') + "\r\n"),
       {201},
       End::goes_on},
      {"a media type that is none",
       "RFC 9110 §8.3",
       put("/type", "Content-Type: ;;=\r\n"),
       {204},
       End::goes_on},
      {"a control in the media type",
       "RFC 9110 §5.5",
       put("/sentinels/03", "Content-Type: text/\x01\r\n"),
       {400}},
  });
}

}  // namespace
}  // namespace holdfast::test
