// Clocks that jump, reads that take too long, a log that cannot be emptied (docs/robustness.md E9,
// E10).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "dav/engine.h"
#include "storage/maintenance.h"
#include "tests/storage/sqlite_store.h"
#include "tests/support/date_history.h"
#include "tests/support/dav_client.h"
#include "tests/support/lock_info.h"
#include "tests/support/manual_clock.h"

namespace holdfast::test {
namespace {

using storage::Error;
using storage::Fault;
using storage::Millis;

constexpr Millis kYearMs = 365LL * 24 * 3600 * 1000;

// The stores of the program on clocks of the test's own.
class Time : public testing::Test {
 protected:
  Time() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-XXXXXX").string();
    root_ = mkdtemp(name.data());
    open();
  }
  ~Time() override {
    close();
    std::filesystem::remove_all(root_);
  }
  void open() {
    folder_ = std::make_unique<storage::files::DataFolder>(root_ + "/data");
    contents_ =
        std::make_unique<storage::files::FileContentStore>(*folder_, storage::Durability::full);
    storage::sqlite::Options options;
    options.read_limit_s = 30;
    names_ = storage::sqlite::open(folder_->database(), *contents_, clock_, options);
    engine_ = std::make_unique<dav::Engine>(*names_, *contents_, dav::Options{});
    dav_ = std::make_unique<DavClient>(*engine_);
  }
  void close() {
    dav_.reset();
    engine_.reset();
    names_.reset();
    contents_.reset();
    folder_.reset();
  }
  void fill(int files) {
    names_->write(storage::Flush::required, [&](storage::Transaction& tx) {
      const storage::Resource root = *tx.resolve({}).resource;
      for (int i = 0; i < files; ++i)
        tx.make_collection(root, "c" + std::to_string(i), storage::kNobody);
    });
  }

  std::string root_;
  ManualClock clock_;
  std::unique_ptr<storage::files::DataFolder> folder_;
  std::unique_ptr<storage::files::FileContentStore> contents_;
  std::unique_ptr<storage::Namespace> names_;
  std::unique_ptr<dav::Engine> engine_;
  std::unique_ptr<DavClient> dav_;
};

TEST_F(Time, JumpsOfTheWallClockNeitherEndNorExtendLocks) {
  for (const Millis jump : {kYearMs, -kYearMs, Millis{3'600'000}, Millis{-3'600'000}, Millis{1}}) {
    SCOPED_TRACE(jump);
    const Answer locked = dav_->send("LOCK", "/f", {{"Timeout", "Second-600"}}, lock_info());
    ASSERT_TRUE(locked.status == 200 || locked.status == 201) << locked.status;
    const Millis start = clock_.lease();
    clock_.set_wall(clock_.wall() + jump);
    EXPECT_EQ(dav_->send("PUT", "/f", {}, "x").status, 423);
    clock_.advance(599'000);
    EXPECT_EQ(dav_->send("PUT", "/f", {}, "x").status, 423);
    EXPECT_THAT(dav_->send("PROPFIND", "/f", {{"Depth", "0"}}).body,
                testing::HasSubstr("Second-1<"));
    clock_.advance(1'001);
    EXPECT_EQ(clock_.lease(), start + 600'001);
    EXPECT_EQ(dav_->send("PUT", "/f", {}, "x").status, 204);
  }
}

TEST_F(Time, JumpsOverARestartLeaveALockAtMostItsTimeout) {
  for (const Millis jump : {kYearMs, -kYearMs}) {
    SCOPED_TRACE(jump);
    const Answer locked = dav_->send("LOCK", "/f", {{"Timeout", "Second-600"}}, lock_info());
    ASSERT_TRUE(locked.status == 200 || locked.status == 201) << locked.status;
    close();
    clock_.set(clock_.wall() + jump);
    open();
    EXPECT_EQ(dav_->send("PUT", "/f", {}, "x").status, jump > 0 ? 204 : 423);
    clock_.advance(600'001);
    EXPECT_EQ(dav_->send("PUT", "/f", {}, "x").status, 204);
  }
}

// Whatever the clock says, what a client has cached is confirmed only when it is the same.
TEST_F(Time, JumpsNeverMakeOldContentLookCurrent) {
  std::vector<Answer> seen;
  int version = 0;
  const auto next = [&] {
    const std::string body = "version " + std::to_string(++version);
    ASSERT_TRUE(dav_->send("PUT", "/f", {}, body).status <= 204);
    for (const Answer& old : seen) {
      for (const Headers& headers :
           {Headers{{"If-None-Match", old.header("ETag")}},
            Headers{{"If-Modified-Since", old.header("Last-Modified")}},
            Headers{{"Range", "bytes=0-"}, {"If-Range", old.header("Last-Modified")}},
            Headers{{"Range", "bytes=0-"}, {"If-Range", old.header("ETag")}}}) {
        const Answer answer = dav_->send("GET", "/f", headers);
        EXPECT_EQ(answer.status, 200) << headers.front().first;
        EXPECT_EQ(answer.body, body);
      }
      EXPECT_EQ(dav_->send("PUT", "/f", {{"If-Match", old.header("ETag")}}, "lost").status, 412);
    }
    seen.push_back(dav_->send("GET", "/f"));
    EXPECT_EQ(seen.back().body, body);
    EXPECT_EQ(dav_->send("GET", "/f", {{"If-None-Match", seen.back().header("ETag")}}).status, 304);
  };
  for (const bool removed : {false, true}) {
    for (const bool reopened : {false, true}) {
      SCOPED_TRACE(removed ? "removed in between" : "replaced");
      for (const Millis jump : {Millis{0}, kYearMs, -kYearMs, -kYearMs, Millis{-1}, Millis{1},
                                2 * kYearMs, Millis{-500}, -kYearMs}) {
        clock_.set_wall(clock_.wall() + jump);
        if (removed) {
          EXPECT_EQ(dav_->send("DELETE", "/f").status, 204);
        }
        if (reopened) {
          close();
          open();
        }
        next();
        // And once the second of its date is over.
        clock_.set_wall(clock_.wall() + 2000);
        for (std::size_t i = 0; i + 1 < seen.size(); ++i) {
          const std::string date = seen[i].header("Last-Modified");
          EXPECT_EQ(dav_->send("GET", "/f", {{"If-Modified-Since", date}}).status, 200) << date;
          EXPECT_EQ(dav_->send("GET", "/f", {{"Range", "bytes=0-"}, {"If-Range", date}}).status,
                    200);
        }
        clock_.set_wall(clock_.wall() - 2000);
      }
    }
  }
}

TEST_F(Time, NoHistoryConfirmsWhatIsGone) {
  std::uint64_t confirmed = 0;
  for (const bool jumps : {false, true}) {
    for (unsigned seed = 1; seed <= 6 && !HasFailure(); ++seed) {
      close();
      std::filesystem::remove_all(root_ + "/data");
      clock_.set(ManualClock::kStart);
      open();
      DateHistory history(*dav_, clock_, seed, jumps);
      for (int i = 0; i < 4; ++i) {
        history.play(12);
        close();
        open();
        history.use(*dav_);
      }
      confirmed += history.confirmed();
    }
  }
  EXPECT_GT(confirmed, 0U);
}

TEST_F(Time, ReadsThatTakeTooLongAreEndedAndTheNextAreNot) {
  fill(3000);
  {
    const auto snapshot = names_->snapshot();
    const storage::Resolution root = snapshot->resolve({});
    std::uint64_t seen = 0;
    try {
      snapshot->members(root, storage::Depth::one, {}, [&](const storage::Member&) {
        if (++seen == 10) clock_.advance(30'001);
      });
      ADD_FAILURE() << "all were listed";
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::busy);
    }
    EXPECT_LT(seen, 2000U);
  }
  for (int i = 0; i < 10; ++i) {
    const auto snapshot = names_->snapshot();
    clock_.advance(30'000);  // the last moment that is allowed
    EXPECT_EQ(snapshot->count(*snapshot->resolve({}).resource, 1'000'000), 3001U);
  }
  // A wall clock that jumps is not time that passes.
  const auto snapshot = names_->snapshot();
  clock_.set_wall(clock_.wall() + kYearMs);
  EXPECT_EQ(snapshot->count(*snapshot->resolve({}).resource, 1'000'000), 3001U);
}

TEST_F(Time, AListingThatTakesTooLongIsCut) {
  fill(3000);
  http::Request request;
  http::NoBody body;
  request.method = "PROPFIND";
  request.target = "/";
  request.fields.add("Host", "localhost");
  request.fields.add("Depth", "1");
  request.body = &body;
  http::Response response = engine_->handle(request, dav::anonymous_caller(storage::Right::write));
  ASSERT_EQ(response.status, 207);
  clock_.advance(30'001);
  EXPECT_TRUE(render(std::move(response)).cut);
  EXPECT_EQ(dav_->send("PROPFIND", "/", {{"Depth", "1"}}).status, 207);
}

TEST_F(Time, ALogThatCannotBeEmptiedIsToldOnce) {
  std::vector<std::string> told;
  storage::Maintenance maintenance(
      *names_, *contents_,
      {.log_alarm_bytes = 100'000,
       .on_problem = [&](const std::string& problem) { told.push_back(problem); },
       .start_thread = false});
  auto snapshot = names_->snapshot();
  fill(3000);
  for (int i = 0; i < 4; ++i) maintenance.round();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0], testing::HasSubstr("write-ahead log"));
  snapshot.reset();
  ASSERT_EQ(dav_->send("MKCOL", "/more").status, 201);
  for (int i = 0; i < 4; ++i) maintenance.round();
  EXPECT_EQ(told.size(), 1U);
  EXPECT_LT(names_->stats().wal_bytes, 100'000U);
  snapshot = names_->snapshot();
  names_->write(storage::Flush::required, [&](storage::Transaction& tx) {
    const storage::Resource root = *tx.resolve({}).resource;
    for (int i = 0; i < 3000; ++i)
      tx.make_collection(root, "d" + std::to_string(i), storage::kNobody);
  });
  for (int i = 0; i < 4; ++i) maintenance.round();
  EXPECT_EQ(told.size(), 2U) << "after it was well in between";
}

}  // namespace
}  // namespace holdfast::test
