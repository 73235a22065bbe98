// What anybody does first: curl against the server.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

// What curl got: the final status, the head and the body.
struct CurlReply {
  int status = 0;
  std::string head;
  std::string body;
};

class Curl : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!program_exists("curl")) GTEST_SKIP() << "curl is not installed";
    server_.start();
  }

  void TearDown() override {
    if (server_.running()) {
      EXPECT_EQ(server_.stop(), 0) << server_.output();
    }
  }

  // Runs curl with `arguments` on the URL of `path`.
  CurlReply curl(const std::string& path, std::vector<std::string> arguments = {},
                 const std::string& input = {}) {
    const auto head = folder_ / "head";
    const auto body = folder_ / "body";
    std::filesystem::remove(head);
    std::filesystem::remove(body);
    std::vector<std::string> all = {"curl", "-q",         "-s", "-S",           "--noproxy",
                                    "*",    "--max-time", "60", "--path-as-is", "-D",
                                    head,   "-o",         body, "-w",           "%{http_code}"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.push_back(server_.url() + path);
    const auto outcome = run({.arguments = all, .input = input});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    return {std::stoi(outcome.output), read(head), read(body)};
  }

  static std::string read(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  std::filesystem::path local(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }

  TemporaryFolder folder_;
  ServerProcess server_{folder_ / "data"};
};

// The value of a field in `head`; empty when there is none.
std::string field(const std::string& head, const std::string& name) {
  const auto at = head.rfind("\n" + name + ": ");
  if (at == std::string::npos) return "";
  const auto start = at + name.size() + 3;
  return head.substr(start, head.find('\r', start) - start);
}

TEST_F(Curl, UploadsAndReadsBack) {
  const auto file = local("a.txt", "one two three");
  EXPECT_EQ(curl("a.txt", {"-T", file}).status, 201);
  EXPECT_EQ(curl("a.txt", {"-T", file}).status, 204);
  const auto reply = curl("a.txt");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "one two three");
  EXPECT_EQ(field(reply.head, "Content-Length"), "13");
  EXPECT_EQ(field(reply.head, "Content-Type").substr(0, 10), "text/plain");
  EXPECT_EQ(field(reply.head, "Accept-Ranges"), "bytes");
}

TEST_F(Curl, UploadsChunkedFromAPipe) {
  std::string content;
  for (int i = 0; i < 40'000; ++i) content += "line " + std::to_string(i) + "\n";
  // curl reads standard input for `-T -` and cannot know its length.
  EXPECT_EQ(curl("pipe.bin", {"-T", "-"}, content).status, 201);
  EXPECT_EQ(curl("pipe.bin").body, content);
}

TEST_F(Curl, UploadsALargeFileAfterTheServersContinue) {
  std::string content(3 << 20, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) {
    content[i] = static_cast<char>(i * 2'654'435'761U >> 13);
  }
  const auto file = local("large", content);
  EXPECT_EQ(curl("large", {"-T", file, "-H", "Expect: 100-continue"}).status, 201);
  EXPECT_EQ(curl("large").body, content);
}

TEST_F(Curl, RefusesAnUploadWithoutItsParent) {
  const auto file = local("a", "x");
  EXPECT_EQ(curl("none/a", {"-T", file}).status, 409);
}

TEST_F(Curl, HeadEqualsGetWithoutTheBody) {
  const auto file = local("a.txt", "text");
  curl("a.txt", {"-T", file});
  const auto get = curl("a.txt");
  const auto head = curl("a.txt", {"-I"});
  EXPECT_EQ(head.status, 200);
  for (const auto* name :
       {"ETag", "Last-Modified", "Content-Length", "Content-Type", "Accept-Ranges"}) {
    EXPECT_NE(field(get.head, name), "") << name;
    EXPECT_EQ(field(get.head, name), field(head.head, name)) << name;
  }
}

TEST_F(Curl, ReadsRanges) {
  const auto file = local("digits", "0123456789");
  curl("digits", {"-T", file});
  struct Case {
    std::string range;
    int status;
    std::string body;
    std::string content_range;
  };
  // RFC 9110 §14.
  const std::vector<Case> cases = {
      {"10-", 416, "", "bytes */10"},       {"2-4", 206, "234", "bytes 2-4/10"},
      {"7-", 206, "789", "bytes 7-9/10"},   {"-3", 206, "789", "bytes 7-9/10"},
      {"8-100", 206, "89", "bytes 8-9/10"}, {"-100", 206, "0123456789", "bytes 0-9/10"},
  };
  for (const auto& c : cases) {
    const auto reply = curl("digits", {"-r", c.range});
    EXPECT_EQ(reply.status, c.status) << c.range;
    EXPECT_EQ(field(reply.head, "Content-Range"), c.content_range) << c.range;
    if (c.status == 206) {
      EXPECT_EQ(reply.body, c.body) << c.range;
    }
  }
  const auto multiple = curl("digits", {"-r", "0-1,5-6"});
  EXPECT_EQ(multiple.status, 206);
  EXPECT_EQ(field(multiple.head, "Content-Type").substr(0, 21), "multipart/byteranges;");
  EXPECT_NE(multiple.body.find("Content-Range: bytes 5-6/10\r\n"), std::string::npos);
}

TEST_F(Curl, JudgesConditions) {
  const auto file = local("a", "x");
  const auto put = curl("a", {"-T", file});
  const auto etag = field(put.head, "ETag");
  ASSERT_FALSE(etag.empty());
  EXPECT_EQ(curl("a", {"-H", "If-None-Match: " + etag}).status, 304);
  EXPECT_EQ(curl("a", {"-H", "If-None-Match: \"other\""}).status, 200);
  EXPECT_EQ(curl("a", {"-H", "If-Match: \"other\""}).status, 412);
  EXPECT_EQ(curl("a", {"-T", file, "-H", "If-None-Match: *"}).status, 412);
  EXPECT_EQ(curl("a", {"-T", file, "-H", "If-Match: \"other\""}).status, 412);
  EXPECT_EQ(curl("a", {"-T", file, "-H", "If-Match: " + etag}).status, 204);
  // The body is the same, the content is another one: the tag is never used twice.
  EXPECT_EQ(curl("a", {"-T", file, "-H", "If-Match: " + etag}).status, 412);
  EXPECT_EQ(curl("a", {"-X", "DELETE"}).status, 204);
  EXPECT_EQ(curl("a").status, 404);
}

TEST_F(Curl, ListsACollectionAsAPage) {
  const auto file = local("x", "x");
  EXPECT_EQ(curl("folder", {"-X", "MKCOL"}).status, 201);
  EXPECT_EQ(curl("folder/a%26b%3Cc%3E.txt", {"-T", file}).status, 201);
  EXPECT_EQ(curl("folder/sub", {"-X", "MKCOL"}).status, 201);
  const auto page = curl("folder/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(field(page.head, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("a&amp;b&lt;c&gt;.txt"), std::string::npos) << page.body;
  EXPECT_NE(page.body.find("sub/"), std::string::npos) << page.body;
  EXPECT_EQ(page.body.find("<script>"), std::string::npos);
}

TEST_F(Curl, AnswersOptionsEverywhere) {
  for (const auto* path : {"", "nothing/here"}) {
    const auto reply = curl(path, {"-X", "OPTIONS"});
    EXPECT_EQ(reply.status, 200) << path;
    EXPECT_EQ(field(reply.head, "DAV"), "1, 2, 3") << path;
    EXPECT_NE(field(reply.head, "Allow").find("PROPFIND"), std::string::npos) << path;
  }
}

}  // namespace
}  // namespace holdfast::test
