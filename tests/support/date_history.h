// Random histories of one server, checked against what every client may have cached: a
// Last-Modified that was served at a URL must never again confirm cached content once the URL has
// other content (RFC 9110 §8.8.2.2, §13.1.3). The check uses only what a client can see.
// Deterministic. One thread.
//
//   DateHistory history(dav, clock, seed);
//   history.play(200);                 // one act, then all dates are tried
//   EXPECT_GT(history.confirmed(), 0U);
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "http/date.h"
#include "tests/support/dav_client.h"
#include "tests/support/manual_clock.h"

namespace holdfast::test {

class DateHistory {
 public:
  // With `jumps` the clock is set back and forth, there are only files in the root, and no client
  // sets their dates.
  DateHistory(DavClient& dav, ManualClock& clock, unsigned seed, bool jumps = false)
      : dav_(&dav), clock_(clock), seed_(seed), jumps_(jumps), random_(seed) {}

  void play(int acts) {
    for (int i = 0; i < acts && !testing::Test::HasFailure(); ++i) {
      act();
      cache_all();
      try_all();
      try_to_write();
      if (jumps_ && one_in(6)) {
        clock_.set_wall(clock_.wall() + (pick(5) - 2) * 1000);
      } else if (one_in(3)) {
        clock_.advance(pick(2500));
      }
    }
  }
  // Call after the program was started again.
  void use(DavClient& dav) { dav_ = &dav; }
  // These return how often the date of the current content was confirmed, how often it permitted a
  // write, and how often each was tried.
  [[nodiscard]] std::uint64_t confirmed() const { return confirmed_; }
  [[nodiscard]] std::uint64_t writable() const { return writable_; }
  [[nodiscard]] std::uint64_t tried() const { return tried_; }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  bool one_in(int n) { return pick(n) == 0; }
  std::string any_path() {
    static const std::vector<std::string> kFiles = {"/f", "/g", "/h"};
    static const std::vector<std::string> kTree = {"/f",   "/g",   "/a",     "/b",     "/a/f",
                                                   "/b/f", "/a/c", "/b/c",   "/a/c/f", "/b/c/f",
                                                   "/c",   "/c/f", "/a/c/g", "/b/g"};
    const auto& from = jumps_ ? kFiles : kTree;
    return from[static_cast<std::size_t>(pick(static_cast<int>(from.size())))];
  }
  // Returns a date that other content may have had: within the last seconds, seldom in the next
  // ones.
  std::int64_t any_date_s() { return clock_.wall() / 1000 - pick(6) + (one_in(8) ? 4 : 0); }
  Headers maybe_dated() {
    if (jumps_ || !one_in(3)) return {};
    return {{"X-OC-Mtime", std::to_string(any_date_s())}};
  }
  Headers to(const std::string& path) {
    Headers headers = maybe_dated();
    headers.emplace_back("Destination", path);
    if (one_in(4)) headers.emplace_back("Overwrite", "F");
    return headers;
  }
  void send(const char* method, const std::string& path, const Headers& headers = {},
            const std::string& body = {}) {
    told_ += std::string(method) + " " + path;
    for (const auto& [name, value] : headers) told_ += " " + name + ": " + value;
    const int status = dav_->send(method, path, headers, body).status;
    told_ += " at " + std::to_string(clock_.wall() - ManualClock::kStart) + " " +
             std::to_string(status) + "\n";
  }

  void act() {
    const std::string path = any_path();
    switch (pick(jumps_ ? 8 : 11)) {
      case 0:
      case 1:
      case 2:
        return send("PUT", path, maybe_dated(),
                    one_in(6) ? "" : "version " + std::to_string(++version_));
      case 3:
      case 4:
        return send("DELETE", path);
      case 5:
      case 6:
        return send("MOVE", path, to(any_path()));
      case 7:
        return send("COPY", path, to(any_path()));
      case 8:
      case 9:
        return send("MKCOL", path);
      default:
        return send("PROPPATCH", path, {},
                    "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><D:lastmodified>" +
                        std::to_string(any_date_s()) +
                        "</D:lastmodified></D:prop></D:set></D:propertyupdate>");
    }
  }

  // Records everything that was served, because some client may have cached it. Empty content is
  // not cached.
  void cache_all() {
    current_.clear();
    tag_.clear();
    for (const char* path : {"/f", "/g", "/h", "/a", "/b", "/c", "/a/f", "/b/f", "/b/g", "/c/f",
                             "/a/c", "/b/c", "/a/c/f", "/b/c/f", "/a/c/g"}) {
      const Answer answer = dav_->send("GET", path);
      if (answer.status != 200 || !answer.has("ETag")) continue;
      seen_[path].insert({answer.header("Last-Modified"), answer.header("ETag")});
      tag_[path] = answer.header("ETag");
      if (answer.body.empty()) continue;
      current_[path] = {answer.header("Last-Modified"), answer.header("ETag")};
      cached_[path].insert(current_[path]);
    }
  }

  void try_all() {
    const storage::Millis now = clock_.wall();
    for (const auto& [path, current] : current_) {
      for (const auto& [date, tag] : cached_[path]) {
        const auto date_s = http::parse_date(date, now / 1000);
        ASSERT_TRUE(date_s.has_value());
        // The date is tried now, and again once its second is over.
        for (const storage::Millis then : {now, std::max(now, *date_s * 1000) + 2000}) {
          clock_.set_wall(then);
          const int status = dav_->send("GET", path, {{"If-Modified-Since", date}}).status;
          const int part =
              dav_->send("GET", path, {{"Range", "bytes=0-0"}, {"If-Range", date}}).status;
          clock_.set_wall(now);
          if (tag != current.second) {
            ASSERT_EQ(status, 200)
                << path << " is no more what it was at " << date << "; seed " << seed_ << "\n"
                << told_;
            ASSERT_EQ(part, 200);
          } else if (then != now && date == current.first) {
            ++tried_;
            if (status == 304 && part == 206) ++confirmed_;
          }
        }
      }
    }
  }

  void try_to_write() {
    const storage::Millis now = clock_.wall();
    for (const auto& [path, current] : tag_) {
      for (const auto& [date, tag] : seen_[path]) {
        for (const storage::Millis then : {now, now + 10'000}) {
          clock_.set_wall(then);
          const int status = dav_->send("GET", path, {{"If-Unmodified-Since", date}}).status;
          clock_.set_wall(now);
          if (tag != current) {
            ASSERT_EQ(status, 412)
                << path << " is no more what it was at " << date << "; seed " << seed_ << "\n"
                << told_;
          } else if (then != now && status == 200) {
            ++writable_;
          }
        }
      }
    }
  }

  DavClient* dav_;
  ManualClock& clock_;
  const unsigned seed_;
  const bool jumps_;
  std::mt19937 random_;
  int version_ = 0;
  using Cached = std::pair<std::string, std::string>;  // Last-Modified and ETag
  std::map<std::string, Cached> current_;
  std::map<std::string, std::set<Cached>> cached_;
  std::map<std::string, std::string> tag_;        // of the current content, empty or not
  std::map<std::string, std::set<Cached>> seen_;  // includes empty content
  std::uint64_t confirmed_ = 0;
  std::uint64_t tried_ = 0;
  std::uint64_t writable_ = 0;
  std::string told_;
};

}  // namespace holdfast::test
