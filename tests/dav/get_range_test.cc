// Range and If-Range on GET (RFC 9110 §14, §13.1.5; docs/robustness.md R1–R4).
#include <gmock/gmock.h>
#include <random>

#include "dav/headers.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;

// One part of a multipart/byteranges body.
struct Part {
  std::string type;
  std::string range;
  std::string bytes;
};

// The parts as a client reads them (RFC 2046 §5.1.1).
std::vector<Part> parts(const Answer& answer) {
  std::vector<Part> found;
  const std::string type = answer.header("Content-Type");
  const std::string start = "multipart/byteranges; boundary=";
  EXPECT_EQ(type.substr(0, start.size()), start);
  const std::string delimiter = "\r\n--" + type.substr(start.size());
  std::string rest = answer.body;
  EXPECT_EQ(rest.substr(0, delimiter.size()), delimiter);
  for (;;) {
    rest.erase(0, delimiter.size());
    if (rest == "--\r\n") return found;
    const std::size_t head_end = rest.find("\r\n\r\n");
    const std::size_t end = rest.find(delimiter, head_end);
    if (head_end == std::string::npos || end == std::string::npos) {
      ADD_FAILURE() << "the multipart body has no end";
      return found;
    }
    const std::string head = rest.substr(2, head_end - 2);
    Part& part = found.emplace_back();
    const std::size_t middle = head.find("\r\n");
    part.type = head.substr(0, middle);
    part.range = head.substr(middle + 2);
    part.bytes = rest.substr(head_end + 4, end - head_end - 4);
    rest.erase(0, end);
  }
}

TEST(Range, SingleForms) {
  World w;
  w.put("/f.txt", "0123456789");
  struct Row {
    const char* range;
    int status;
    const char* content_range;
    const char* body;
  };
  const Row rows[] = {
      {"bytes=0-", 206, "bytes 0-9/10", "0123456789"},
      {"bytes=0-0", 206, "bytes 0-0/10", "0"},
      {"bytes=9-", 206, "bytes 9-9/10", "9"},
      {"bytes=3-5", 206, "bytes 3-5/10", "345"},
      {"bytes=3-500", 206, "bytes 3-9/10", "3456789"},
      {"bytes=-1", 206, "bytes 9-9/10", "9"},
      {"bytes=-3", 206, "bytes 7-9/10", "789"},
      {"bytes=-500", 206, "bytes 0-9/10", "0123456789"},
      {"BYTES=1-2", 206, "bytes 1-2/10", "12"},
      {"bytes=10-", 416, "bytes */10", nullptr},
      {"bytes=10-20", 416, "bytes */10", nullptr},
      {"bytes=-0", 416, "bytes */10", nullptr},
      {"bytes=18446744073709551615-", 416, "bytes */10", nullptr},
      {"bytes=99999999999999999999999-", 416, "bytes */10", nullptr},
      {"bytes=0-99999999999999999999999", 206, "bytes 0-9/10", "0123456789"},
      {"bytes=-99999999999999999999999", 206, "bytes 0-9/10", "0123456789"},
      {"bytes=5-3", 200, "", "0123456789"},
      {"bytes=", 200, "", "0123456789"},
      {"bytes=-", 200, "", "0123456789"},
      {"bytes=a-b", 200, "", "0123456789"},
      {"bytes=--1", 200, "", "0123456789"},
      {"bytes=+1-2", 200, "", "0123456789"},
      {"bytes=-9223372036854775808", 206, "bytes 0-9/10", "0123456789"},
      {"bytes=1-2,junk", 200, "", "0123456789"},
      {"lines=0-1", 200, "", "0123456789"},
      {"0-1", 200, "", "0123456789"},
  };
  for (const Row& row : rows) {
    const Answer answer = w.send("GET", "/f.txt", {{"Range", row.range}, {"Depth", "0"}});
    EXPECT_EQ(answer.status, row.status) << row.range;
    EXPECT_EQ(answer.header("Content-Range"), row.content_range) << row.range;
    if (!row.body) continue;
    EXPECT_EQ(answer.body, row.body) << row.range;
    EXPECT_EQ(answer.length, answer.body.size()) << row.range;
    EXPECT_EQ(answer.header("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(answer.header("ETag"), w.etag("/f.txt"));
    EXPECT_EQ(answer.header("Accept-Ranges"), "bytes");
  }
}

TEST(Range, MeansNothingToHeadTwiceOrOnCollections) {  // RFC 9110 §14.2, docs/robustness.md R4
  World w;
  w.put("/f", "0123456789");
  w.put("/empty", "");
  const Answer head = w.send("HEAD", "/f", {{"Range", "bytes=0-1"}});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.length, 10U);
  EXPECT_EQ(w.status("GET", "/f", {{"Range", "bytes=0-1"}, {"Range", "bytes=2-3"}}), 200);
  EXPECT_EQ(w.status("GET", "/", {{"Range", "bytes=0-1"}}), 200);
  EXPECT_EQ(w.status("GET", "/empty", {{"Range", "bytes=0-"}}), 200);
  EXPECT_EQ(w.status("GET", "/empty", {{"Range", "bytes=-1"}}), 200);
}

TEST(Range, IfRangeNeedsTheSameContent) {  // RFC 9110 §13.1.5
  World w;
  w.put("/f", "0123456789");
  w.store.clock.advance(2000);
  const std::string tag = w.etag("/f");
  const std::string date = w.send("HEAD", "/f").header("Last-Modified");
  struct Row {
    std::string if_range;
    int status;
  };
  const Row rows[] = {
      {tag, 206},
      {"W/" + tag, 200},
      {"\"other\"", 200},
      {date, 206},
      {"Thu, 01 Jan 1970 00:00:00 GMT", 200},
      {"*", 200},
      {"junk", 200},
      {"Fri, 31 Dec 9999 23:59:59 GMT", 200},
  };
  for (const Row& row : rows) {
    const Answer answer = w.send("GET", "/f", {{"Range", "bytes=1-2"}, {"If-Range", row.if_range}});
    EXPECT_EQ(answer.status, row.status) << row.if_range;
    EXPECT_EQ(answer.body, row.status == 206 ? "12" : "0123456789") << row.if_range;
  }
  // A range that lies outside says nothing while the content is another (§14.2).
  EXPECT_EQ(w.status("GET", "/f", {{"Range", "bytes=50-"}, {"If-Range", "\"other\""}}), 200);
  // DAVx5 pages with If-Match (docs/clients.md R36).
  EXPECT_EQ(w.status("GET", "/f", {{"Range", "bytes=1-2"}, {"If-Match", tag}}), 206);
  EXPECT_EQ(w.status("GET", "/f", {{"Range", "bytes=1-2"}, {"If-Match", "\"other\""}}), 412);
  EXPECT_EQ(w.status("GET", "/f", {{"Range", "bytes=1-2"}, {"If-None-Match", tag}}), 304);
}

TEST(Range, SeveralRangesComeAsPartsInTheOrderAsked) {  // RFC 9110 §14.6
  World w;
  w.put("/f.txt", "0123456789");
  const Answer answer = w.send("GET", "/f.txt", {{"Range", "bytes=7-8, 0-1 ,-1, 50-"}});
  EXPECT_EQ(answer.status, 206);
  EXPECT_FALSE(answer.has("Content-Range"));
  EXPECT_EQ(answer.length, answer.body.size());
  const std::vector<Part> found = parts(answer);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].range, "Content-Range: bytes 7-8/10");
  EXPECT_EQ(found[0].bytes, "78");
  EXPECT_EQ(found[1].range, "Content-Range: bytes 0-1/10");
  EXPECT_EQ(found[1].bytes, "01");
  EXPECT_EQ(found[2].range, "Content-Range: bytes 9-9/10");
  EXPECT_EQ(found[2].bytes, "9");
  for (const Part& part : found) EXPECT_EQ(part.type, "Content-Type: text/plain; charset=utf-8");
}

TEST(Range, RandomSetsGiveTheExactBytes) {
  World w;
  std::mt19937 random(7);
  std::string content(70'000, '\0');
  for (char& c : content) c = static_cast<char>(random());
  w.put("/f", content);
  for (int round = 0; round < 200; ++round) {
    std::string range = "bytes=";
    std::vector<std::pair<std::size_t, std::size_t>> asked;
    const std::size_t count = 2 + random() % 6;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t first = random() % content.size();
      const std::size_t last = std::min(first + random() % 5000, content.size() - 1);
      asked.emplace_back(first, last - first + 1);
      range += (i > 0 ? "," : "") + std::to_string(first) + "-" + std::to_string(last);
    }
    const Answer answer = w.send("GET", "/f", {{"Range", range}});
    ASSERT_EQ(answer.status, 206) << range;
    ASSERT_EQ(answer.length, answer.body.size());
    const std::vector<Part> found = parts(answer);
    ASSERT_EQ(found.size(), asked.size()) << range;
    for (std::size_t i = 0; i < found.size(); ++i)
      ASSERT_TRUE(found[i].bytes == content.substr(asked[i].first, asked[i].second)) << range;
  }
}

TEST(Range, ManyOrOverlappingOnesGiveTheWhole) {  // docs/robustness.md R2
  World w;
  w.put("/f", "0123456789");
  std::string many = "bytes=0-0";
  for (int i = 1; i < 16; ++i) many += ",0-0";
  EXPECT_EQ(w.status("GET", "/f", {{"Range", many}}), 200);  // adds up to more than the content
  EXPECT_EQ(w.status("GET", "/f", {{"Range", "bytes=0-,0-"}}), 200);
  std::string killer = "bytes=0-";
  for (int i = 0; i < 1300; ++i) killer += ",5-" + std::to_string(i + 5);
  EXPECT_EQ(w.status("GET", "/f", {{"Range", killer}}), 200);

  w.put("/large", std::string(1000, 'x'));
  const auto distinct = [](int specs) {
    std::string range = "bytes=0-0";
    for (int i = 1; i < specs; ++i)
      range += "," + std::to_string(i * 2) + "-" + std::to_string(i * 2);
    return range;
  };
  EXPECT_EQ(w.status("GET", "/large", {{"Range", distinct(15)}}), 206);
  EXPECT_EQ(w.status("GET", "/large", {{"Range", distinct(16)}}), 206);
  EXPECT_EQ(w.status("GET", "/large", {{"Range", distinct(17)}}), 200);
}

}  // namespace
}  // namespace holdfast::test
