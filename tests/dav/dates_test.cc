// Last-Modified as a validator (RFC 9110 §8.8.2.2, §13.1.3, §13.1.5): it never confirms what is
// gone, and still serves where it can (storage/dates.h; docs/storage.md#dates; docs/clients.md R31,
// R37).
#include <functional>

#include "http/date.h"
#include "tests/dav/world.h"
#include "tests/support/date_history.h"

namespace holdfast::test {
namespace {

Headers to(const char* destination) { return {{"Destination", destination}}; }
Headers dated(storage::Millis at) { return {{"X-OC-Mtime", std::to_string(at / 1000)}}; }
std::string date_property(storage::Millis at) {
  return set_properties("<D:lastmodified>" + std::to_string(at / 1000) + "</D:lastmodified>");
}
std::string last_modified(World& w, const char* target) {
  return w.send("HEAD", target).header("Last-Modified");
}
bool confirms(World& w, const char* target, const std::string& date) {
  const bool not_modified = w.status("GET", target, {{"If-Modified-Since", date}}) == 304;
  const bool part = w.status("GET", target, {{"If-Range", date}, {"Range", "bytes=0-0"}}) == 206;
  EXPECT_EQ(not_modified, part);
  return not_modified;
}
// Whether a client that has seen the date may write, as a request that only reads tells.
bool unmodified(World& w, const char* target, const std::string& date) {
  const int status = w.status("HEAD", target, {{"If-Unmodified-Since", date}});
  EXPECT_TRUE(status == 200 || status == 412) << status;
  return status == 200;
}

constexpr storage::Millis kThen = ManualClock::kStart;

TEST(Dates, ConfirmNothingThatWasRemovedAndMadeAnew) {
  struct Row {
    const char* how;
    const char*
        target;  // it has content dated kThen before, and other content with that date after
    std::function<void(World&)> before, after;
    const char* source;
  };
  const auto put = [](const char* target, const char* body = "old") {
    return [=](World& w) { w.put(target, body); };
  };
  const auto put_below = [](World& w) {
    w.mkcol("/c");
    w.mkcol("/c/d");
    w.put("/c/d/f", "old");
  };
  const Row rows[] = {
      {"DELETE, PUT", "/f", put("/f"),
       [](World& w) {
         EXPECT_EQ(w.status("DELETE", "/f"), 204);
         w.put("/f", "new");
       },
       "RFC 9110 §8.8.2.2: twice in one second"},
      {"DELETE, empty PUT, PUT", "/f", put("/f"),
       [](World& w) {
         EXPECT_EQ(w.status("DELETE", "/f"), 204);
         w.put("/f", "");
         w.put("/f", "new");
       },
       "the same, as Finder does it (docs/clients.md R31)"},
      {"DELETE, LOCK, PUT", "/f", put("/f"),
       [](World& w) {
         EXPECT_EQ(w.status("DELETE", "/f"), 204);
         const std::string token = w.lock("/f");
         EXPECT_EQ(w.status("PUT", "/f", with_token(token), "new"), 204);
       },
       "RFC 4918 §7.3: an empty resource"},
      {"empty PUT, PUT", "/f", put("/f"),
       [](World& w) {
         w.put("/f", "");
         w.put("/f", "new");
       },
       "RFC 9110 §8.8.2.2: what was before the empty one counts"},
      {"MOVE away, PUT", "/f", put("/f"),
       [](World& w) {
         EXPECT_EQ(w.status("MOVE", "/f", to("/g")), 201);
         w.put("/f", "new");
       },
       "RFC 4918 §9.9"},
      {"MOVE out of the collection, PUT", "/c/f",
       [](World& w) {
         w.mkcol("/c");
         w.put("/c/f", "old");
       },
       [](World& w) {
         EXPECT_EQ(w.status("MOVE", "/c/f", to("/f")), 201);
         w.put("/c/f", "new");
       },
       "RFC 4918 §9.9"},
      {"DELETE, COPY", "/f", put("/f"),
       [](World& w) {
         w.put("/g", "new");
         EXPECT_EQ(w.status("DELETE", "/f"), 204);
         EXPECT_EQ(w.status("COPY", "/g", to("/f")), 201);
       },
       "RFC 4918 §9.8: a copy keeps its date"},
      {"DELETE, MOVE later", "/f", put("/f"),
       [](World& w) {
         w.put("/g", "new");
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("DELETE", "/f"), 204);
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("MOVE", "/g", to("/f")), 201);
       },
       "RFC 4918 §9.9: what moves keeps its date"},
      {"another's MOVE over it, later", "/f", put("/f"),
       [](World& w) {
         w.put("/f", "older and gone");
         w.put("/g", "new");
         w.store.clock.advance(5000);
         w.put("/f", "between");
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("MOVE", "/g", to("/f")), 204);
       },
       "RFC 4918 §9.9.3"},
      {"DELETE, PUT with the same date later", "/f", put("/f"),
       [](World& w) {
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("DELETE", "/f"), 204);
         w.store.clock.advance(5000);
         w.put("/g", "the collection has another date now");
         EXPECT_EQ(w.status("PUT", "/f", dated(kThen), "new"), 201);
       },
       "docs/clients.md R42"},
      {"DELETE, PUT, PROPPATCH with the same date", "/f", put("/f"),
       [](World& w) {
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("DELETE", "/f"), 204);
         w.put("/f", "new");
         EXPECT_EQ(w.status("PROPPATCH", "/f", {}, date_property(kThen)), 207);
       },
       "docs/clients.md R44"},
      {"PUT, PROPPATCH with the same date", "/f", put("/f"),
       [](World& w) {
         w.store.clock.advance(5000);
         w.put("/f", "new");
         EXPECT_EQ(w.status("PROPPATCH", "/f", {}, date_property(kThen)), 207);
       },
       "docs/clients.md R44, and nothing was removed"},
      {"PUT, PUT with the date of the first", "/f", put("/f"),
       [](World& w) {
         w.store.clock.advance(5000);
         w.put("/f", "between");
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("PUT", "/f", dated(kThen), "new"), 204);
       },
       "docs/clients.md R42, and nothing was removed"},
      {"DELETE, a date for the collection, PUT", "/c/f",
       [](World& w) {
         w.mkcol("/c");
         w.put("/c/f", "old");
       },
       [](World& w) {
         EXPECT_EQ(w.status("DELETE", "/c/f"), 204);
         EXPECT_EQ(w.status("PROPPATCH", "/c", {}, date_property(kThen - 100'000)), 207);
         w.put("/c/f", "new");
       },
       "docs/clients.md R44"},
      {"DELETE of the collection", "/c/d/f", put_below,
       [=](World& w) {
         EXPECT_EQ(w.status("DELETE", "/c"), 204);
         w.mkcol("/c");
         w.mkcol("/c/d");
         w.put("/c/d/f", "new");
       },
       "RFC 4918 §9.6.1"},
      {"MOVE of the collection away", "/c/d/f", put_below,
       [=](World& w) {
         EXPECT_EQ(w.status("MOVE", "/c", to("/e")), 201);
         w.mkcol("/c");
         w.mkcol("/c/d");
         w.put("/c/d/f", "new");
       },
       "RFC 4918 §9.9"},
      {"MOVE of another collection to its place", "/c/d/f",
       [=](World& w) {
         put_below(w);
         w.mkcol("/e");
         w.mkcol("/e/d");
         w.put("/e/d/f", "new");
       },
       [](World& w) {
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("MOVE", "/c", to("/g")), 201);
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("MOVE", "/e", to("/c")), 201);
         w.store.clock.advance(5000);
         w.put("/c/d/g", "something changes");
       },
       "RFC 4918 §9.9: dates of members stay"},
      {"MOVE of another collection over it", "/c/d/f",
       [=](World& w) {
         put_below(w);
         w.mkcol("/e");
         w.mkcol("/e/d");
         w.put("/e/d/f", "new");
       },
       [](World& w) {
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("MOVE", "/e", to("/c")), 204);
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("PROPPATCH", "/c", {}, date_property(kThen)), 207);
       },
       "RFC 4918 §9.9.3"},
      {"COPY of another collection over it", "/c/d/f",
       [=](World& w) {
         put_below(w);
         w.mkcol("/e");
         w.mkcol("/e/d");
         w.put("/e/d/f", "new");
       },
       [](World& w) { EXPECT_EQ(w.status("COPY", "/e", to("/c")), 204); }, "RFC 4918 §9.8.4"},
      {"MOVE of an empty collection to its place", "/c/f",
       [](World& w) {
         w.mkcol("/c");
         w.put("/c/f", "old");
         w.mkcol("/e");
       },
       [](World& w) {
         EXPECT_EQ(w.status("DELETE", "/c"), 204);
         EXPECT_EQ(w.status("MOVE", "/e", to("/c")), 201);
         w.put("/c/f", "new");
       },
       "RFC 4918 §9.9"},
      {"the clock comes to the same second twice", "/f", put("/f"),
       [](World& w) {
         w.store.clock.advance(5000);
         w.put("/f", "between");
         w.store.clock.set_wall(kThen - 5000);
         EXPECT_EQ(w.status("DELETE", "/f"), 204);
         w.put("/f", "earlier");
         EXPECT_EQ(w.status("DELETE", "/f"), 204);
         w.store.clock.set_wall(kThen);
         w.put("/f", "new");
       },
       "docs/robustness.md E9"},
      {"and nothing was removed", "/f", put("/f"),
       [](World& w) {
         w.store.clock.set_wall(kThen - 5000);
         w.put("/f", "earlier");
         w.store.clock.set_wall(kThen);
         w.put("/f", "new");
       },
       "docs/robustness.md E9"},
      {"and a collection was removed", "/c/f",
       [](World& w) {
         w.mkcol("/c");
         w.put("/c/f", "old");
       },
       [](World& w) {
         w.store.clock.set_wall(kThen - 5000);
         EXPECT_EQ(w.status("DELETE", "/c"), 204);
         w.store.clock.set_wall(kThen);
         w.mkcol("/c");
         w.put("/c/f", "new");
       },
       "docs/robustness.md E9"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.how) + ": " + row.source);
    World w;
    w.store.clock.advance(7);  // as a server's own dates have, unlike clients'
    row.before(w);
    ASSERT_EQ(w.get(row.target), "old");
    const std::string date = last_modified(w, row.target);
    row.after(w);
    ASSERT_EQ(w.get(row.target), "new");
    EXPECT_EQ(last_modified(w, row.target), date) << "an honest date, RFC 9110 §8.8.2.1";
    EXPECT_FALSE(unmodified(w, row.target, date));
    w.store.clock.advance(20'000);
    EXPECT_FALSE(confirms(w, row.target, date));
    EXPECT_FALSE(unmodified(w, row.target, date));
  }
}

// If-Unmodified-Since with the date that somebody was told, once another has written (RFC 9110
// §13.1.4). Reading may go by some of these dates; whoever would write may not.
TEST(Dates, LetNobodyWriteOverWhatHeHasNotSeen) {
  struct Row {
    const char* how;
    const char* target;
    std::function<void(World&)> before, after;
  };
  const auto empty = [](World& w) { w.put("/f", ""); };
  const Row rows[] = {
      {"made empty by one, filled by another", "/f", empty,
       [](World& w) { w.put("/f", "theirs"); }},
      {"and given the same date", "/f", empty,
       [](World& w) {
         w.put("/f", "theirs");
         EXPECT_EQ(w.status("PROPPATCH", "/f", {}, date_property(kThen)), 207);
       }},
      {"locked by one, filled by another", "/f", [](World& w) { w.lock("/f", "0"); },
       [](World& w) {
         w.store.clock.advance(400);
         const std::string token = w.locks_of("/f").at(0).token;
         EXPECT_EQ(w.status("PUT", "/f", with_token(token), "theirs"), 204);
       }},
      {"an older file comes over it", "/f",
       [](World& w) {
         EXPECT_EQ(w.status("PUT", "/g", dated(kThen - 90'000), "theirs"), 201);
         w.store.clock.set_wall(kThen + 50'000);
         w.put("/f", "mine");
       },
       [](World& w) {
         w.store.clock.advance(5000);
         EXPECT_EQ(w.status("MOVE", "/g", to("/f")), 204);
       }},
      {"a copy of an older file comes over it", "/f",
       [](World& w) {
         w.put("/g", "theirs");
         w.store.clock.advance(50'000);
         w.put("/f", "mine");
       },
       [](World& w) { EXPECT_EQ(w.status("COPY", "/g", to("/f")), 204); }},
      {"a tree with an older file comes over it", "/c/f",
       [](World& w) {
         w.mkcol("/e");
         w.put("/e/f", "theirs");
         w.store.clock.advance(50'000);
         w.mkcol("/c");
         w.put("/c/f", "mine");
       },
       [](World& w) { EXPECT_EQ(w.status("MOVE", "/e", to("/c")), 204); }},
      {"dated later than now, written again in the second in which it was seen", "/f",
       [](World& w) {
         EXPECT_EQ(w.status("PUT", "/f", dated(kThen + 60'000), "mine"), 201);
         w.store.clock.advance(10'000);
       },
       [](World& w) {
         w.store.clock.advance(400);
         EXPECT_EQ(w.status("PUT", "/f", dated(kThen + 90'000), "theirs"), 204);
       }},
      {"a member comes to a collection", "/c/", [](World& w) { w.mkcol("/c"); },
       [](World& w) { w.put("/c/f", "theirs"); }},
      {"a member comes far below", "/c/",
       [](World& w) {
         w.mkcol("/c");
         w.mkcol("/c/d");
         w.store.clock.advance(5000);
       },
       [](World& w) { w.put("/c/d/f", "theirs"); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.how);
    World w;
    w.store.clock.advance(7);
    row.before(w);
    const std::string date = last_modified(w, row.target);
    row.after(w);
    for (const storage::Millis later : {0, 5000, 100'000}) {
      w.store.clock.advance(later);
      EXPECT_FALSE(unmodified(w, row.target, date)) << later;
    }
  }
}

TEST(Dates, ThatProveNothingRefuseEveryMethod) {
  struct Row {
    const char* method;
    Headers headers;
    std::string body;
  };
  const Row rows[] = {
      {"GET", {}, ""},
      {"HEAD", {}, ""},
      {"PROPFIND", {{"Depth", "0"}}, ""},
      {"PUT", {}, "mine"},
      {"PUT", {}, std::string(storage::kInlineLimitBytes + 1, 'm')},
      {"DELETE", {}, ""},
      {"COPY", to("/new"), ""},
      {"COPY", to("/there"), ""},
      {"MOVE", to("/new"), ""},
      {"MOVE", to("/there"), ""},
      {"PROPPATCH", {}, set_properties("<x:p/>")},
      {"LOCK", {}, lockinfo()},
  };
  for (const Row& row : rows) {
    for (const bool shared : {false, true}) {
      SCOPED_TRACE(std::string(row.method) + (shared ? " of two contents" : ""));
      World w;
      w.store.clock.advance(7);
      w.mkcol("/c");
      w.put("/there");
      w.put("/c/f", "seen");
      const Headers seen = {{"If-Unmodified-Since", last_modified(w, "/c/f")}};
      if (shared) w.put("/c/f", "theirs");
      w.store.clock.advance(5000);
      const std::string before = w.dump();
      const int status = w.status(row.method, "/c/f", row.headers + seen, row.body);
      if (shared) {
        EXPECT_EQ(status, 412);
        EXPECT_EQ(w.dump(), before);
      } else {
        EXPECT_LT(status, 300);
      }
      // A collection's date never tells, and what is not there has none (§13.1.4).
      if (row.method != std::string_view("PUT")) {
        EXPECT_EQ(w.status(row.method, "/c/", row.headers + seen, row.body), 412);
      }
      EXPECT_NE(w.status(row.method, "/none", row.headers + seen, row.body), 412);
    }
  }
}

// A client that renames or copies a file takes its own copy along, with its date.
TEST(Dates, ThatProveNothingProveNothingElsewhere) {
  for (const char* method : {"COPY", "MOVE"}) {
    for (const char* target : {"/new", "/c/new", "/there"}) {
      SCOPED_TRACE(std::string(method) + " to " + target);
      World w;
      w.mkcol("/c");
      w.put("/there");
      w.store.clock.advance(5000);
      w.put("/f", "seen");
      const std::string date = last_modified(w, "/f");
      w.put("/f", "theirs");
      w.store.clock.advance(5000);
      ASSERT_LT(w.status(method, "/f", to(target)), 300);
      EXPECT_FALSE(unmodified(w, target, date));
      w.store.clock.advance(5000);
      w.put(target, "later");
      w.store.clock.advance(5000);
      EXPECT_TRUE(unmodified(w, target, last_modified(w, target)));
    }
  }
}

// The milliseconds in which a clock happens to stand are no mark.
TEST(Dates, OfAnyMillisecondServe) {
  for (const storage::Millis at : {0, 1, 995, 996, 997, 998, 999}) {
    World w;
    w.store.clock.advance(at);
    w.put("/f", "one");
    for (const char* body : {"two", "three"}) {
      const std::string date = last_modified(w, "/f");
      EXPECT_EQ(w.status("PUT", "/f", {{"If-Unmodified-Since", date}}, body), 204) << at;
      w.store.clock.advance(2000);
      w.put("/f", "later");
    }
  }
}

TEST(Dates, OfWhatElseIsThereGoOnServing) {
  World w;
  w.mkcol("/c");
  for (const char* target : {"/f", "/gone", "/c/f", "/c/gone"}) w.put(target, "content");
  w.store.clock.advance(5000);
  EXPECT_EQ(w.status("DELETE", "/gone"), 204);
  EXPECT_EQ(w.status("MOVE", "/c/gone", to("/gone")), 201);
  for (const char* target : {"/f", "/c/f"})
    EXPECT_TRUE(confirms(w, target, last_modified(w, target))) << target;
  // What comes a second later has a date that nothing there had.
  w.store.clock.advance(1000);
  w.mkcol("/new");
  for (const char* target : {"/c/gone", "/c/new", "/new/f", "/f"}) w.put(target, "more");
  w.store.clock.advance(5000);
  for (const char* target : {"/c/gone", "/c/new", "/new/f", "/f"})
    EXPECT_TRUE(confirms(w, target, last_modified(w, target))) << target;
  // Saved as another file that takes the place of the first.
  w.put("/f.new", "even more");
  EXPECT_EQ(w.status("MOVE", "/f.new", to("/f")), 204);
  w.store.clock.advance(1000);
  EXPECT_TRUE(confirms(w, "/f", last_modified(w, "/f")));
}

TEST(Dates, OfAFolderThatIsNamedAfterItWasMadeServe) {  // Finder and Explorer do so
  World w;
  w.put("/gone");
  EXPECT_EQ(w.status("DELETE", "/gone"), 204);
  w.store.clock.advance(2000);
  w.mkcol("/untitled%20folder");
  w.store.clock.advance(2000);
  EXPECT_EQ(w.status("MOVE", "/untitled%20folder", to("/Photos")), 201);
  w.store.clock.advance(2000);
  w.put("/Photos/f", "content");
  w.store.clock.advance(2000);
  EXPECT_TRUE(confirms(w, "/Photos/f", last_modified(w, "/Photos/f")));
}

TEST(Dates, ThatClientsSetServeWhereNothingIsGone) {  // docs/clients.md R42, R44
  World w;
  w.mkcol("/c");
  EXPECT_EQ(w.status("PUT", "/c/f", dated(1'700'000'000'000), "f"), 201);
  w.put("/c/g", "g");
  EXPECT_EQ(w.status("PROPPATCH", "/c/g", {}, date_property(1'700'000'001'000)), 207);
  EXPECT_EQ(w.status("PROPPATCH", "/c", {}, date_property(1'700'000'002'000)), 207);
  EXPECT_EQ(w.status("COPY", "/c", to("/d")), 201);
  EXPECT_EQ(w.status("MOVE", "/d", to("/e")), 201);
  w.store.clock.advance(1000);
  for (const char* target : {"/c/f", "/c/g", "/e/f", "/e/g"})
    EXPECT_TRUE(confirms(w, target, last_modified(w, target))) << target;
  EXPECT_EQ(last_modified(w, "/c/"), "Tue, 14 Nov 2023 22:13:22 GMT");
}

TEST(Dates, AreNeverLaterThanTheAnswer) {  // RFC 9110 §8.8.2.1
  World w;
  const storage::Millis later = kThen + 60'000;
  const Answer put = w.send("PUT", "/f", dated(later), "content");
  w.mkcol("/c");
  EXPECT_EQ(w.status("PROPPATCH", "/c", {}, date_property(later)), 207);
  const std::string now = http::format_date(kThen / 1000);
  EXPECT_EQ(put.header("Last-Modified"), now);
  EXPECT_EQ(last_modified(w, "/f"), now);
  EXPECT_EQ(last_modified(w, "/c/"), now);
  EXPECT_EQ(w.send("GET", "/f", {{"If-None-Match", "*"}}).header("Last-Modified"), now);
  EXPECT_EQ(w.properties("/f", "getlastmodified").text("getlastmodified"),
            http::format_date(later / 1000));
  EXPECT_FALSE(confirms(w, "/f", now));
  // It was told in the second in which the file was stored, so it may stand for what was there a
  // moment before. From the next second on, what a client has seen protects from lost updates.
  w.store.clock.advance(5000);
  EXPECT_EQ(w.status("PUT", "/f", {{"If-Unmodified-Since", now}}, "mine"), 412);
  const std::string seen = last_modified(w, "/f");
  EXPECT_EQ(seen, http::format_date(kThen / 1000 + 5));
  EXPECT_EQ(w.status("PUT", "/f", {{"If-Unmodified-Since", seen}}, "mine"), 204);
  EXPECT_EQ(w.status("PUT", "/f", {{"If-Unmodified-Since", seen}}, "lost"), 412);
  w.store.clock.advance(1000);
  w.put("/f", "later");
  w.store.clock.advance(1000);
  EXPECT_TRUE(confirms(w, "/f", last_modified(w, "/f")));
}

TEST(Dates, NoHistoryConfirmsWhatIsGone) {
  std::uint64_t tried = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t writable = 0;
  for (const bool jumps : {false, true}) {
    for (unsigned seed = 1; seed <= 30 && !HasFailure(); ++seed) {
      World w;
      w.store.names.rerun_closures(false);
      DateHistory history(w.dav, w.store.clock, seed, jumps);
      history.play(60);
      tried += jumps ? 0 : history.tried();
      confirmed += jumps ? 0 : history.confirmed();
      writable += jumps ? 0 : history.writable();
    }
  }
  // And yet they serve.
  EXPECT_GT(confirmed, tried / 10) << "of " << tried;
  EXPECT_GT(writable, tried / 10) << "of " << tried;
  std::cout << confirmed << " of " << tried << " dates serve, " << writable << " to write\n";
}

}  // namespace
}  // namespace holdfast::test
