// The wall clock of the real program jumps, while it runs and over restarts (docs/robustness.md
// E9). The stores' own rules are tested on clocks of the test's own in time_test.cc.
#include <chrono>
#include <gtest/gtest.h>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "http/date.h"
#include "tests/support/faults.h"
#include "tests/support/http_client.h"
#include "tests/support/lock_info.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kYear = 365 * 24h;

class Clocks : public testing::Test {
 protected:
  void SetUp() override {
    server_.set_environment(faults_.environment());
    server_.start();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << server_.output();
  }
  void jump(std::chrono::seconds by) { faults_.set_wall_offset(offset_ += by); }
  // What the program must take for the present.
  [[nodiscard]] std::int64_t now() const {
    const auto real = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(real + offset_).count();
  }
  // The date in a field, which must be within a minute of `wanted`.
  static void expect_date(const Reply& reply, const char* field, std::int64_t wanted) {
    const auto date = http::parse_date(reply.field(field), wanted);
    ASSERT_TRUE(date.has_value()) << field << ": " << reply.field(field);
    EXPECT_NEAR(static_cast<double>(*date), static_cast<double>(wanted), 60) << field;
  }
  void lock(const std::string& path, const std::string& timeout) {
    const Reply locked = client().request("LOCK", path, {{"Timeout", timeout}}, lock_info());
    ASSERT_TRUE(locked.success()) << locked.status;
  }
  // Of the lock, as PROPFIND tells it; 0: none.
  int seconds_left(const std::string& path) {
    const Reply reply = client().request("PROPFIND", path, {{"Depth", "0"}});
    const std::size_t at = reply.body.find("Second-");
    return at == std::string::npos ? 0 : std::stoi(reply.body.substr(at + 7));
  }
  HttpClient& client() {
    if (!client_) client_ = std::make_unique<HttpClient>(server_.port());
    return *client_;
  }
  void restart(bool killed) {
    client_.reset();
    if (killed) {
      server_.kill();
    } else {
      ASSERT_EQ(server_.stop(), 0);
    }
    server_.start();
  }
  void expect_sound() {
    EXPECT_EQ(server_.stop(), 0);
    const Outcome check =
        run({.arguments = {holdfast_binary(), "check", "--hashes", "--data", server_.data()}});
    EXPECT_EQ(check.exit_code, 0) << check.output;
  }

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  Faults faults_{folder_ / "control", folder_ / "data"};
  ServerProcess server_{folder_ / "data"};
  std::chrono::seconds offset_{0};
  std::unique_ptr<HttpClient> client_;
};

TEST_F(Clocks, JumpsLeaveLocksAndConnectionsAlone) {
  lock("/long", "Second-600");
  for (const auto by : {kYear, -2 * kYear, kYear + 1h, std::chrono::seconds(-3600), 1s}) {
    SCOPED_TRACE(by.count());
    jump(by);
    // On the connection that was there before.
    const Reply there = client_->request("GET", "/long");
    ASSERT_EQ(there.status, 200);
    expect_date(there, "Date", now());
    EXPECT_EQ(client().request("PUT", "/long", {}, "x").status, 423);
    EXPECT_GT(seconds_left("/long"), 300);
    EXPECT_LE(seconds_left("/long"), 600);
  }
  // Set back, it ends all the same.
  lock("/short", "Second-1");
  jump(-kYear);
  int status = 423;
  for (int i = 0; i < 600 && status == 423; ++i) {
    std::this_thread::sleep_for(50ms);
    status = client().request("PUT", "/short", {}, "x").status;
  }
  EXPECT_EQ(status, 204);
  EXPECT_EQ(client().request("PUT", "/long", {}, "x").status, 423);
  expect_sound();
}

TEST_F(Clocks, JumpsOverARestartLeaveALockAtMostItsTimeout) {
  for (const bool killed : {false, true}) {
    const std::string path = killed ? "/killed" : "/stopped";
    lock(path, "Second-600");
    jump(-kYear);
    restart(killed);
    EXPECT_EQ(client().request("PUT", path, {}, "x").status, 423);
    EXPECT_GT(seconds_left(path), 300);
    EXPECT_LE(seconds_left(path), 600);
    jump(2 * kYear);
    EXPECT_EQ(client().request("PUT", path, {}, "x").status, 423);
    restart(killed);
    EXPECT_EQ(client().request("PUT", path, {}, "x").status, 204) << "its time is over";
    jump(-kYear);
  }
  expect_sound();
}

// Whatever the clock says, no entity tag comes twice, and what a client has cached is confirmed
// only when it is what the server has.
TEST_F(Clocks, JumpsNeverMakeOldContentLookCurrent) {
  struct Seen {
    std::string etag;
    std::string date;
  };
  std::vector<Seen> seen;
  std::set<std::string> tags;
  int version = 0;
  const auto next = [&] {
    const std::string body = "version " + std::to_string(++version);
    ASSERT_TRUE(client().request("PUT", "/f", {}, body).success());
    const Reply now_there = client().request("GET", "/f");
    ASSERT_EQ(now_there.body, body);
    expect_date(now_there, "Last-Modified", now());
    expect_date(now_there, "Date", now());
    const std::string etag(now_there.field("ETag"));
    EXPECT_TRUE(tags.insert(etag).second) << etag << " came twice";
    for (const Seen& old : seen) {
      // At once, and when the second of the new date is over.
      for (const auto later : {0s, 2s}) {
        jump(later);
        for (const Fields& fields :
             {Fields{{"If-None-Match", old.etag}}, Fields{{"If-Modified-Since", old.date}},
              Fields{{"Range", "bytes=0-"}, {"If-Range", old.etag}},
              Fields{{"Range", "bytes=0-"}, {"If-Range", old.date}}}) {
          const Reply reply = client().request("GET", "/f", fields);
          EXPECT_EQ(reply.status, 200) << fields.back().first << ": " << fields.back().second;
          EXPECT_EQ(reply.body, body);
        }
        jump(-later);
      }
      EXPECT_EQ(client().request("PUT", "/f", {{"If-Match", old.etag}}, "lost").status, 412);
    }
    EXPECT_EQ(client().request("GET", "/f", {{"If-None-Match", etag}}).status, 304);
    seen.push_back({etag, std::string(now_there.field("Last-Modified"))});
  };
  next();
  int turn = 0;
  for (const auto by : {0s, kYear, -kYear, -kYear, -1s, 1s, 2 * kYear, -kYear, 0s}) {
    SCOPED_TRACE("jump " + std::to_string(turn) + " by " + std::to_string(by.count()));
    jump(by);
    if (turn % 3 == 1) restart(turn % 2 == 0);
    next();
    // Removed and made anew, also by a copy.
    ASSERT_EQ(client().request("DELETE", "/f").status, 204);
    ++turn;
  }
  expect_sound();
}

}  // namespace
}  // namespace holdfast::test
