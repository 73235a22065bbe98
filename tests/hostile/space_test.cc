// What one client can make the server write (docs/robustness.md, Space): properties and their
// copies, uploads without a length, answers that nobody reads. None of it takes the disk from
// others.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/hostile/tmpfs.h"
#include "tests/support/basic.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using tests::RawClient;

constexpr std::uintmax_t kMiB = 1 << 20;

class OneClient : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = why_no_tmpfs(); !reason.empty()) GTEST_SKIP() << reason;
  }
  void add_account(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {holdfast_binary(), "user", "add", name};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), {"--data", (disk_.point() / "data").string()});
    const Outcome outcome = run({.arguments = arguments, .input = "long secret\n"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  }
  static Fields as(const std::string& name, Fields more = {}) {
    more.emplace_back("Authorization", "Basic " + base64(name + ":long secret"));
    return more;
  }
  static std::string property(const std::string& name, std::size_t size) {
    return R"(<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:)" + name +
           R"( xmlns:x="urn:x">)" + std::string(size, 'p') + "</x:" + name +
           "></D:prop></D:set></D:propertyupdate>";
  }
  // Others can do everything, and something can be removed.
  void expect_others_go_on(HttpClient& client) {
    EXPECT_EQ(client.request("PUT", "/bob/f", as("bob"), std::string(200'000, 'b')).status, 201);
    EXPECT_EQ(client.request("MKCOL", "/bob/c", as("bob")).status, 201);
    EXPECT_EQ(client.request("DELETE", "/bob/f", as("bob")).status, 204);
    EXPECT_EQ(client.request("DELETE", "/bob/c", as("bob")).status, 204);
  }
  void start() {
    server_.start();
    add_account("ann");
    add_account("bob");
  }

  TemporaryFolder folder_;
  Tmpfs disk_{folder_ / "disk", 96 * kMiB};
  ServerProcess server_{disk_.point() / "data",
                        {"--free-space-floor", "16MiB", "--anonymous", "read"}};
};

TEST_F(OneClient, WhoDoublesAFolderOfPropertiesTakesNoSpace) {
  start();
  HttpClient client(server_.port());
  ASSERT_EQ(client.request("MKCOL", "/ann/d", as("ann")).status, 201);
  for (int i = 0; i < 15; ++i) {
    const std::string name = "p" + std::to_string(i);
    ASSERT_EQ(client.request("PROPPATCH", "/ann/d", as("ann"), property(name, 64'000)).status, 207);
  }
  ASSERT_EQ(client.request("COPY", "/ann/d", as("ann", {{"Destination", "/ann/d/d"}})).status, 403);
  const std::uintmax_t before = disk_.available();
  // Each folder has twice what the one before has: 1 MiB becomes 1 GiB.
  std::string last = "/ann/d";
  for (int i = 0; i < 10; ++i) {
    const std::string next = "/ann/e" + std::to_string(i);
    for (const std::string& made : {next, next + "/again" + std::to_string(i)})
      ASSERT_EQ(client.request("COPY", last, as("ann", {{"Destination", made}})).status, 201);
    last = next;
  }
  EXPECT_LT(before - disk_.available(), 4 * kMiB);
  expect_others_go_on(client);
  EXPECT_EQ(client.request("DELETE", "/ann/e9", as("ann")).status, 204);
}

TEST_F(OneClient, WhoHasAQuotaPaysForPropertiesAndCopies) {
  start();
  add_account("eve", {"--quota-bytes", "1MiB"});
  HttpClient client(server_.port());
  ASSERT_EQ(client.request("MKCOL", "/eve/d", as("eve")).status, 201);
  for (int i = 0; i < 9; ++i) {
    const std::string name = "p" + std::to_string(i);
    ASSERT_EQ(client.request("PROPPATCH", "/eve/d", as("eve"), property(name, 64'000)).status, 207);
  }
  const Reply refused =
      client.request("COPY", "/eve/d", as("eve", {{"Destination", "/eve/again"}}));
  EXPECT_EQ(refused.status, 507);
  EXPECT_NE(refused.body.find("quota-not-exceeded"), std::string::npos);
  const Outcome list = run({.arguments = {holdfast_binary(), "user", "list", "--data",
                                          (disk_.point() / "data").string()}});
  EXPECT_NE(list.output.find("576324/1048576"), std::string::npos) << list.output;
  EXPECT_EQ(client.request("DELETE", "/eve/d", as("eve")).status, 204);
}

// A body without a length ends where others need the space, and while it waits there they go on.
TEST_F(OneClient, WhoUploadsWithoutALengthLeavesTheFloorAndAShare) {
  start();
  RawClient upload(server_.port());
  ASSERT_TRUE(upload.send("PUT /ann/f HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " +
                          base64("ann:long secret") + "\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "40000\r\n" + std::string(0x40000, 'x') + "\r\n";
  HttpClient client(server_.port());
  const auto send_until = [&](std::uintmax_t available) {
    for (int i = 0; i < 400 && disk_.available() > available && upload.send(chunk); ++i) continue;
  };
  send_until(26 * kMiB);
  EXPECT_LT(disk_.available(), 27 * kMiB);
  expect_others_go_on(client);  // beside the upload, which goes on
  send_until(0);
  const auto answer = upload.receive();
  ASSERT_TRUE(answer) << upload.error;
  EXPECT_EQ(answer->status, 507);
  EXPECT_NE(answer->body.find("sufficient-disk-space"), std::string::npos);
  EXPECT_GE(disk_.available(), 16 * kMiB);
  expect_others_go_on(client);
  for (int i = 0; i < 100 && disk_.available() < 70 * kMiB; ++i) ::usleep(50'000);
  EXPECT_GE(disk_.available(), 70 * kMiB) << "what had been uploaded is still there";
}

// Nobody in particular asks for long listings and reads none of them.
TEST_F(OneClient, WhoReadsNoAnswersLeavesTheFloor) {
  start();
  HttpClient client(server_.port());
  ASSERT_EQ(client.request("MKCOL", "/ann/d", as("ann")).status, 201);
  for (int i = 0; i < 300; ++i)
    ASSERT_EQ(client.request("PUT", "/ann/d/" + std::to_string(i), as("ann"), std::string()).status,
              201);
  std::string names;
  for (int i = 0; i < 600; ++i) names += "<x:n" + std::to_string(i) + std::string(200, 'n') + "/>";
  const std::string body =
      R"(<D:propfind xmlns:D="DAV:" xmlns:x="urn:x"><D:prop>)" + names + "</D:prop></D:propfind>";
  std::vector<std::unique_ptr<RawClient>> readers;
  for (int i = 0; i < 8; ++i) {
    readers.push_back(std::make_unique<RawClient>(server_.port(), 4096));
    ASSERT_TRUE(
        readers.back()->send("PROPFIND /ann/d HTTP/1.1\r\nHost: localhost\r\nDepth: 1\r\n"
                             "Content-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body));
  }
  // 36 MiB each.
  std::uintmax_t least = disk_.available();
  for (int i = 0; i < 60; ++i) {
    least = std::min(least, disk_.available());
    ::usleep(50'000);
  }
  EXPECT_LT(least, 60 * kMiB) << "nothing waited for a client: the test proves nothing";
  EXPECT_GE(least, 16 * kMiB);
  expect_others_go_on(client);
  readers.clear();
  for (int i = 0; i < 100 && disk_.available() < 70 * kMiB; ++i) ::usleep(50'000);
  EXPECT_GE(disk_.available(), 70 * kMiB);
}

}  // namespace
}  // namespace holdfast::test
