// A disk without a free byte (docs/robustness.md E1): what adds is refused with 507, what is stored
// stays as it was, reading and removing go on, and with space everything goes on without a restart.
#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/hostile/tmpfs.h"
#include "tests/support/http_client.h"
#include "tests/support/lock_info.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

std::string property(std::size_t size) {
  return R"(<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:p xmlns:x="urn:x">)" +
         std::string(size, 'p') + "</x:p></D:prop></D:set></D:propertyupdate>";
}

std::string bytes_of(std::size_t size, char fill) { return std::string(size, fill); }

class DiskFull : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = why_no_tmpfs(); !reason.empty()) GTEST_SKIP() << reason;
  }

  // From the port of /healthz in the banner.
  static int health(const ServerProcess& server) { return health_reply(server).status; }
  static std::string health_text(const ServerProcess& server) { return health_reply(server).body; }
  static Reply health_reply(const ServerProcess& server) {
    const std::string banner = server.banner();
    const std::size_t end = banner.find("/metrics");
    const auto port = std::stoi(banner.substr(banner.rfind(':', end) + 1));
    return HttpClient(static_cast<std::uint16_t>(port)).request("GET", "/healthz");
  }

  // Sends the request until it is refused for want of space; every one before must have succeeded.
  static void until_refused(HttpClient& client, const std::string& method,
                            const std::string& target, const Fields& fields,
                            const std::string& body) {
    SCOPED_TRACE(method + " " + target);
    for (int i = 0; i < 3000; ++i) {
      const std::string suffix = target.ends_with("-") ? std::to_string(i) : "";
      const Reply reply = client.request(method, target + suffix, fields, body);
      if (reply.status == 507) return;
      ASSERT_TRUE(reply.success()) << reply.status << " at " << i;
    }
    FAIL() << "never refused";
  }

  void plant(HttpClient& client) {
    files_ = {{"/empty", ""},
              {"/small", "small"},
              {"/inline", bytes_of(60'000, 'i')},
              {"/large", bytes_of(300'000, 'l')},
              {"/c/one", "one"},
              {"/c/two", bytes_of(200'000, '2')}};
    ASSERT_EQ(client.request("MKCOL", "/c").status, 201);
    for (const auto& [path, body] : files_)
      ASSERT_EQ(client.request("PUT", path, {}, body).status, 201) << path;
    ASSERT_EQ(client.request("PROPPATCH", "/small", {}, property(10)).status, 207);
  }

  void expect_readable(HttpClient& client) {
    for (const auto& [path, body] : files_) {
      const Reply reply = client.request("GET", path);
      EXPECT_EQ(reply.status, 200) << path;
      EXPECT_TRUE(reply.body == body) << path;
      client.send("HEAD " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
      EXPECT_EQ(client.read_reply(true).field("Content-Length"), std::to_string(body.size()));
    }
    const Reply listing = client.request("PROPFIND", "/", {{"Depth", "1"}});
    EXPECT_EQ(listing.status, 207);
    EXPECT_NE(listing.body.find("/c/"), std::string::npos);
    EXPECT_NE(client.request("PROPFIND", "/small", {{"Depth", "0"}}).body.find("pppppppppp"),
              std::string::npos);
  }

  // Everything that adds, until the disk refuses it.
  void expect_refusals(HttpClient& client) {
    until_refused(client, "PUT", "/new-", {}, bytes_of(60'000, 'n'));
    until_refused(client, "PUT", "/new-large", {}, bytes_of(2'000'000, 'n'));
    until_refused(client, "PUT", "/inline", {}, bytes_of(60'001, 'x'));
    until_refused(client, "PUT", "/large", {}, bytes_of(2'000'000, 'x'));
    until_refused(client, "PROPPATCH", "/small", {}, property(50'000));
    until_refused(client, "MKCOL", "/made-", {}, "");
    until_refused(client, "COPY", "/c", {{"Destination", "/copied-"}}, "");
    until_refused(client, "LOCK", "/locked-", {}, lock_info());
  }

  void expect_sound(const ServerProcess& server) {
    const Outcome check =
        run({.arguments = {holdfast_binary(), "check", "--hashes", "--data", server.data()}});
    EXPECT_EQ(check.exit_code, 0) << check.output;
  }

  static void eventually(const std::string& what, const std::function<bool()>& holds) {
    for (int i = 0; i < 600; ++i) {
      if (holds()) return;
      std::this_thread::sleep_for(50ms);
    }
    ADD_FAILURE() << "not within 30 s: " << what;
  }

  TemporaryFolder folder_;
  std::vector<std::string> arguments_ = {"--free-space-floor", "0", "--admin-listen",
                                         "127.0.0.1:0"};
  std::map<std::string, std::string> files_;
};

TEST_F(DiskFull, RefusesWhatAddsAndGoesOnReadingAndRemoving) {
  Tmpfs disk(folder_ / "disk", 32 << 20);
  ServerProcess server(disk.point() / "data", arguments_);
  server.start();
  HttpClient client(server.port());
  plant(client);
  EXPECT_EQ(health(server), 200);

  disk.fill();
  expect_readable(client);
  expect_refusals(client);
  expect_readable(client);
  EXPECT_EQ(health(server), 503);
  EXPECT_EQ(client.request("GET", "/new-large").status, 404);

  // Unlocking and moving take no space to speak of; removing gives some back.
  EXPECT_EQ(client.request("MOVE", "/small", {{"Destination", "/c/small"}}).status, 201);
  files_["/c/small"] = files_["/small"];
  files_.erase("/small");
  for (const char* path : {"/empty", "/inline", "/large"}) {
    EXPECT_EQ(client.request("DELETE", path).status, 204) << path;
    files_.erase(path);
  }
  EXPECT_EQ(client.request("GET", "/inline").status, 404);

  disk.clear();
  eventually("writing goes on",
             [&] { return client.request("PUT", "/after", {}, bytes_of(60'000, 'a')).success(); });
  EXPECT_EQ(client.request("PUT", "/after-large", {}, bytes_of(2'000'000, 'a')).status, 201);
  EXPECT_EQ(client.request("LOCK", "/after-lock", {}, lock_info()).status, 201);
  eventually("the server is healthy", [&] { return health(server) == 200; });
  EXPECT_EQ(client.request("DELETE", "/c/one").status, 204);
  expect_sound(server);
  EXPECT_EQ(server.stop(), 0);
}

// Nobody else to make room: what fills the disk are the store's own files.
TEST_F(DiskFull, RemovingAllThatFilledItMakesRoomAgain) {
  for (const std::size_t size : {std::size_t{60'000}, std::size_t{200'000}}) {
    SCOPED_TRACE(size);
    Tmpfs disk(folder_ / "disk", 16 << 20);
    std::vector<std::string> without_history = arguments_;
    without_history.insert(without_history.end(), {"--trash-keep", "0", "--versions", "off"});
    ServerProcess server(disk.point() / "data", without_history);
    server.start();
    HttpClient client(server.port());
    until_refused(client, "PUT", "/f-", {}, bytes_of(size, 'f'));
    const Reply listing = client.request("PROPFIND", "/", {{"Depth", "1"}});
    ASSERT_EQ(listing.status, 207);
    int removed = 0;
    for (; client.request("GET", "/f-" + std::to_string(removed)).status == 200; ++removed)
      ASSERT_EQ(client.request("DELETE", "/f-" + std::to_string(removed)).status, 204) << removed;
    EXPECT_GT(removed, 20);
    eventually("room",
               [&] { return client.request("PUT", "/f-0", {}, bytes_of(size, 'f')).success(); });
    for (int i = 1; i < removed / 2; ++i)
      eventually("room for " + std::to_string(i) + " of " + std::to_string(removed), [&] {
        return client.request("PUT", "/f-" + std::to_string(i), {}, bytes_of(size, 'f')).success();
      });
    expect_sound(server);
    EXPECT_EQ(server.stop(), 0);
  }
}

TEST_F(DiskFull, StartsReadsAndRemovesAfterAKill) {
  Tmpfs disk(folder_ / "disk", 16 << 20);
  ServerProcess server(disk.point() / "data", arguments_);
  server.start();
  {
    HttpClient client(server.port());
    plant(client);
  }
  disk.fill();
  server.kill();
  disk.fill();
  server.start();
  HttpClient client(server.port());
  expect_readable(client);
  until_refused(client, "PUT", "/new-", {}, bytes_of(60'000, 'n'));
  EXPECT_EQ(client.request("DELETE", "/large").status, 204);
  EXPECT_EQ(client.request("DELETE", "/c").status, 204);
  EXPECT_EQ(client.request("GET", "/inline").body, files_["/inline"]);
  expect_sound(server);
  EXPECT_EQ(server.stop(), 0);
}

// The part of an answer that a slow client leaves goes to a file, for which there is no room.
TEST_F(DiskFull, AListingThatFindsNoRoomToWaitIsCutAndNeverLooksComplete) {
  Tmpfs disk(folder_ / "disk", 32 << 20);
  ServerProcess server(disk.point() / "data", arguments_);
  server.start();
  HttpClient client(server.port());
  ASSERT_EQ(client.request("MKCOL", "/m").status, 201);
  for (int i = 0; i < 40; ++i)
    ASSERT_EQ(client.request("MKCOL", "/m/" + std::string(200, 'x') + std::to_string(i)).status,
              201);
  for (int i = 0; i < 7; ++i) {
    ASSERT_EQ(client.request("COPY", "/m", {{"Destination", "/n" + std::to_string(i)}}).status,
              201);
    ASSERT_EQ(client
                  .request("MOVE", "/n" + std::to_string(i),
                           {{"Destination", "/m/n" + std::to_string(i)}})
                  .status,
              201);
  }
  disk.fill();
  tests::RawClient slow(server.port(), 4096);
  slow.send("PROPFIND /m HTTP/1.1\r\nHost: localhost\r\nDepth: infinity\r\n\r\n");
  // It does not read, and yet the answer comes to its end.
  eventually("the listing has ended",
             [&] { return server.output().find("\"PROPFIND\"") != std::string::npos; });
  EXPECT_EQ(client.request("PROPFIND", "/m", {{"Depth", "1"}}).status, 207);
  EXPECT_FALSE(slow.receive().has_value());
  EXPECT_EQ(client.request("PROPFIND", "/", {{"Depth", "0"}}).status, 207);
  disk.clear();
  EXPECT_EQ(server.stop(), 0) << server.output();
}

// A small disk, and settings that nobody has touched: there is room to write. What is too little is
// told by everything that is asked, with its figures.
TEST_F(DiskFull, ASmallDiskIsWrittenToAndTellsWhenItIsNot) {
  const std::vector<std::string> defaults = {"--admin-listen", "127.0.0.1:0"};
  Tmpfs disk(folder_ / "disk", 128 << 20);
  {
    ServerProcess server(disk.point() / "data", defaults);
    server.start();
    HttpClient client(server.port());
    plant(client);
    EXPECT_EQ(client.request("PUT", "/new", {}, bytes_of(20 << 20, 'n')).status, 201);
    EXPECT_EQ(health(server), 200);
    EXPECT_EQ(server.output().find("below the floor"), std::string::npos) << server.output();
    EXPECT_EQ(server.stop(), 0);
  }
  disk.fill();
  ServerProcess server(disk.point() / "data", defaults);
  server.start();
  // What the start gave up of its reserve is free.
  const std::string begin = "Writes are refused (507), because free space is below the floor: ";
  const std::string end = " MiB free, floor 8 MiB (room for removals), size of the disk 128 MiB.\n";
  const std::string output = server.output();
  const std::size_t found = output.find(begin);
  ASSERT_NE(found, std::string::npos) << output;
  EXPECT_NE(output.find(end, found), std::string::npos) << output;
  EXPECT_EQ(output.find(begin, found + 1), std::string::npos) << "once";
  disk.fill();
  HttpClient client(server.port());
  EXPECT_EQ(client.request("PUT", "/after", {}, "x").status, 507);
  EXPECT_EQ(health(server), 503);
  EXPECT_EQ(health_text(server), begin + "0" + end);
  expect_readable(client);
  disk.clear();
  EXPECT_EQ(client.request("PUT", "/after", {}, "x").status, 201);
  EXPECT_EQ(health(server), 200);
  EXPECT_EQ(server.stop(), 0);
}

// Below the floor everything that adds is refused before the disk has to
// (docs/operations.md#settings).
TEST_F(DiskFull, TheFloorRefusesWhateverAdds) {
  Tmpfs disk(folder_ / "disk", 32 << 20);
  ServerProcess server(disk.point() / "data", {"--free-space-floor", "8MiB"});
  server.start();
  HttpClient client(server.port());
  plant(client);
  disk.fill();
  struct Row {
    const char* method;
    const char* target;
    Fields fields;
    std::string body;
    int status;
  };
  for (const Row& row : std::vector<Row>{
           {"PUT", "/new", {}, "x", 507},
           {"PUT", "/small", {}, "x", 507},
           {"MKCOL", "/new", {}, "", 507},
           {"COPY", "/small", {{"Destination", "/new"}}, "", 507},
           {"PROPPATCH", "/small", {}, property(1), 507},
           {"LOCK", "/new", {}, lock_info(), 507},
           {"MOVE", "/small", {{"Destination", "/moved"}}, "", 201},
           {"MOVE", "/moved", {{"Destination", "/small"}}, "", 201},
           {"DELETE", "/inline", {}, "", 204},
       })
    EXPECT_EQ(client.request(row.method, row.target, row.fields, row.body).status, row.status)
        << row.method << ' ' << row.target;
  files_.erase("/inline");
  expect_readable(client);
  disk.clear();
  EXPECT_EQ(client.request("PUT", "/new", {}, "x").status, 201);
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace holdfast::test
