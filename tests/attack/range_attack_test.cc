// Ranges of real files through the whole program: the exact bytes or a refusal, whatever the
// numbers, and all of one version (docs/robustness.md R1 to R5, R7, R9).
#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/attack/attack.h"
#include "tests/support/http_client.h"

namespace holdfast::test {
namespace {

// Bytes that say where they stand, in the voice of `version`.
std::string content(std::size_t bytes, char version = 'a') {
  std::string text;
  while (text.size() < bytes) {
    text += std::to_string(text.size());
    text += version;
  }
  text.resize(bytes);
  return text;
}

class Range : public Attack {
 protected:
  // Content in the database, in a file, and none.
  static constexpr std::size_t kSmall = 1'000;
  static constexpr std::size_t kLarge = 300'000;

  void SetUp() override {
    Attack::SetUp();
    client_.emplace(connect());
    for (const auto& [name, bytes] : sizes()) {
      const auto put = ask(request("PUT " + name, content_length(bytes), content(bytes)));
      ASSERT_EQ(put.status, 201);
    }
  }
  void TearDown() override {
    client_.reset();
    Attack::TearDown();
  }

  static std::vector<std::pair<std::string, std::size_t>> sizes() {
    return {{"/small", kSmall}, {"/large", kLarge}};
  }

  tests::RawResponse ask(const std::string& bytes) {
    client_->send(bytes);
    auto answer = client_->receive(bytes.starts_with("HEAD"));
    EXPECT_TRUE(answer) << client_->error;
    return answer.value_or(tests::RawResponse{});
  }

  std::optional<tests::RawClient> client_;
};
INSTANTIATE_TEST_SUITE_P(Door, Range, ::testing::ValuesIn(doors()), door_name);

TEST_P(Range, R1_R3_TheExactBytesOrARefusal) {
  for (const auto& [name, size] : sizes()) {
    const std::string whole = content(size);
    const std::string n = std::to_string(size);
    const std::string last = std::to_string(size - 1);
    struct Case {
      std::string range;
      int status;
      std::size_t first = 0;
      std::size_t length = 0;
    };
    for (const Case& row : std::vector<Case>{
             {"bytes=0-", 206, 0, size},
             {"bytes=0-0", 206, 0, 1},
             {"bytes=-1", 206, size - 1, 1},
             {"bytes=" + last + "-", 206, size - 1, 1},
             {"bytes=" + last + "-" + last, 206, size - 1, 1},
             {"bytes=" + last + "-" + n, 206, size - 1, 1},
             {"bytes=" + n + "-", 416},
             {"bytes=" + n + "-" + n, 416},
             {"bytes=-0", 416},
             {"bytes=-" + n, 206, 0, size},
             {"bytes=-" + std::to_string(size + 1), 206, 0, size},
             {"bytes=100-200", 206, 100, 101},
             {"bytes=200-100", 200},
             {"bytes=0-9223372036854775807", 206, 0, size},
             {"bytes=0-9223372036854775808", 206, 0, size},
             {"bytes=0-18446744073709551615", 206, 0, size},
             {"bytes=0-18446744073709551616", 206, 0, size},
             {"bytes=1-99999999999999999999", 206, 1, size - 1},
             {"bytes=9223372036854775807-", 416},
             {"bytes=9223372036854775808-", 416},
             {"bytes=18446744073709551615-", 416},
             {"bytes=18446744073709551616-", 416},
             {"bytes=18446744073709551617-18446744073709551618", 416},
             {"bytes=99999999999999999999-99999999999999999999", 416},
             {"bytes=-9223372036854775808", 206, 0, size},
             {"bytes=-18446744073709551616", 206, 0, size},
             {"bytes=-" + n + ",-9223372036854775808", 200},
             {"bytes=--1", 200},
             {"bytes=0-0x5", 200},
             {"bytes= 0-5", 206, 0, 6},
             {"bytes=0 -5", 200},
             {"bytes=", 200},
             {"bytes=,", 200},
             {"bytes=a-b", 200},
             {"octets=0-5", 200},
             {"lines=0-5", 200},
             {"none", 200},
             {"=?utf-8?Q?bytes=3D0-5?=", 200},
         }) {
      SCOPED_TRACE(name + " " + row.range);
      const auto answer = ask(request("GET " + name, "Range: " + row.range + "\r\n"));
      EXPECT_EQ(answer.status, row.status);
      if (row.status == 206) {
        EXPECT_EQ(answer.field("content-range"), "bytes " + std::to_string(row.first) + "-" +
                                                     std::to_string(row.first + row.length - 1) +
                                                     "/" + n);
        EXPECT_EQ(answer.body, whole.substr(row.first, row.length));
      } else if (row.status == 416) {
        EXPECT_EQ(answer.field("content-range"), "bytes */" + n);
      } else {
        EXPECT_EQ(answer.fields.count("content-range"), 0U);
        EXPECT_EQ(answer.body, whole);
      }
    }
  }
}

TEST_P(Range, R1_IfRange) {
  for (const auto& [name, size] : sizes()) {
    auto head = ask(request("HEAD " + name));
    const std::string etag = head.field("etag");
    const std::string date = head.field("last-modified");
    // A date is a strong validator once its second is over (RFC 9110 §8.8.2.2).
    while (head.field("date") == date) head = ask(request("HEAD " + name));
    for (const auto& [value, status] : std::vector<std::pair<std::string, int>>{
             {etag, 206},
             {date, 206},
             {"W/" + etag, 200},
             {"\"other\"", 200},
             {"\"", 200},
             {"Thu, 01 Jan 1970 00:00:00 GMT", 200},
             {"Fri, 31 Dec 9999 23:59:59 GMT", 200},
             {"*", 200},
         }) {
      SCOPED_TRACE(name + " " + value);
      const auto answer =
          ask(request("GET " + name, "Range: bytes=3-5\r\nIf-Range: " + value + "\r\n"));
      EXPECT_EQ(answer.status, status);
      EXPECT_EQ(answer.body, status == 206 ? content(size).substr(3, 3) : content(size));
    }
  }
}

TEST_P(Range, R2_ManyOverlappingRangesCostNoMemory) {
  std::string killer = "bytes=0-";
  for (int i = 0; i < 1'300; ++i) killer += ",0-" + std::to_string(i);
  for (const auto& [name, size] : sizes()) {
    for (int i = 0; i < 20; ++i) {
      const auto answer = ask(request("GET " + name, "Range: " + killer + "\r\n"));
      ASSERT_EQ(answer.status, 200);
      ASSERT_EQ(answer.body, content(size));
    }
  }
}

TEST_P(Range, R4_TwoRangeFieldsAreNone) {
  for (const auto& [name, size] : sizes()) {
    const auto answer = ask(request("GET " + name, "Range: bytes=0-1\r\nRange: bytes=3-4\r\n"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, content(size));
  }
}

TEST_P(Range, R5_AllBytesOfOneVersion) {
  // Every version has its own length and letter, so that an answer tells what it was made of.
  constexpr std::size_t kVersions = 26;
  for (const std::size_t bytes : {std::size_t{2'000}, std::size_t{150'000}}) {
    const std::string name = "/changing-" + std::to_string(bytes);
    std::vector<std::string> contents;
    for (std::size_t version = 0; version < kVersions; ++version)
      contents.push_back(
          content(bytes + version, static_cast<char>('a' + static_cast<int>(version))));
    std::atomic<bool> done = false;
    std::jthread writer([&] {
      HttpClient client(server());
      for (std::size_t i = 0; i < 300; ++i) {
        const auto put = client.request("PUT", name, {}, contents[i % kVersions]);
        if (!put.success()) ADD_FAILURE() << put.status;
      }
      done = true;
    });
    std::map<std::string, std::string> version_of;  // by entity tag
    std::size_t partial = 0;
    while (!done) {
      const auto answer = ask(request("GET " + name, "Range: bytes=1000-\r\n"));
      if (answer.status == 404) continue;  // not there yet
      ASSERT_EQ(answer.status, 206);
      ++partial;
      const auto letter = answer.body.find_first_not_of("0123456789");
      ASSERT_NE(letter, std::string::npos);
      const std::string& whole = contents.at(static_cast<std::size_t>(answer.body[letter] - 'a'));
      const std::string size = std::to_string(whole.size());
      ASSERT_EQ(answer.field("content-range"),
                "bytes 1000-" + std::to_string(whole.size() - 1) + "/" + size);
      ASSERT_TRUE(answer.body == std::string_view(whole).substr(1'000));
      // The same tag is the same bytes.
      const auto [known, added] = version_of.emplace(answer.field("etag"), answer.body);
      ASSERT_TRUE(known->second == answer.body) << (added ? "new" : "known");
    }
    EXPECT_GT(partial, 10U);
  }
}

TEST_P(Range, R7_HeadIsGetWithoutTheBody) {
  for (const char* target : {"/small", "/large", "/sentinels/00", "/sentinels/", "/missing",
                             "/small/", "/%zz", "/sentinels/18"}) {
    for (const char* fields :
         {"", "If-None-Match: *\r\n", "If-Match: \"other\"\r\n", "Accept: application/json\r\n",
          "Accept-Encoding: gzip\r\n", "If-Modified-Since: Fri, 31 Dec 2100 23:59:59 GMT\r\n"}) {
      SCOPED_TRACE(std::string(target) + " " + fields);
      auto get = ask(request("GET " + std::string(target), fields));
      auto head = ask(request("HEAD " + std::string(target), fields));
      EXPECT_EQ(head.status, get.status);
      EXPECT_EQ(head.body, "");
      get.fields.erase("date");
      head.fields.erase("date");
      // A listing's length is not known before it is made (RFC 9110 §9.3.2).
      if (get.status == 200 && std::string(target).ends_with("/"))
        get.fields.erase("content-length");
      EXPECT_EQ(head.fields, get.fields);
    }
  }
}

TEST_P(Range, R9_NothingIsCompressed) {
  for (const char* coding : {"gzip", "br, gzip;q=0.5", "identity;q=0, *", "deflate"}) {
    SCOPED_TRACE(coding);
    for (const auto& [name, size] : sizes()) {
      const auto answer =
          ask(request("GET " + name, "Accept-Encoding: " + std::string(coding) + "\r\n"));
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(answer.fields.count("content-encoding"), 0U);
      EXPECT_TRUE(answer.field("etag").starts_with("\"")) << answer.field("etag");
      EXPECT_EQ(answer.body, content(size));
    }
    const auto listing = ask(request(
        "PROPFIND /sentinels/", "Depth: 1\r\nAccept-Encoding: " + std::string(coding) + "\r\n"));
    EXPECT_EQ(listing.status, 207);
    EXPECT_EQ(listing.fields.count("content-encoding"), 0U);
  }
}

}  // namespace
}  // namespace holdfast::test
