// When a lock ends (docs/conformance.md#when-a-lock-ends): not while a request that names it is
// under way, and not for good before somebody else has done something to what it covers.
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dav/leases.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

constexpr std::string_view kTimeout = "Second-5";

std::string lock_for(World& w, std::string_view target, std::string_view depth = "0",
                     std::string_view scope = "exclusive", std::string_view seconds = kTimeout) {
  const Answer answer =
      w.send("LOCK", target, {{"Depth", std::string(depth)}, {"Timeout", std::string(seconds)}},
             lockinfo(scope));
  EXPECT_TRUE(answer.status == 200 || answer.status == 201) << target << answer.log_detail;
  return answer.lock_token();
}

// Comes in pieces, before each of which something happens.
class SlowBody final : public http::Body {
 public:
  SlowBody(int pieces, std::function<void(int)> before)
      : pieces_(pieces), before_(std::move(before)) {}
  [[nodiscard]] std::optional<std::uint64_t> length() const override {
    return static_cast<std::uint64_t>(pieces_);
  }
  Piece read() override {
    if (next_ < pieces_) before_(next_);
    if (next_ == pieces_) return {.state = State::complete, .bytes = {}};
    ++next_;
    return {.state = State::more, .bytes = std::span<const char>("x", 1)};
  }

 private:
  int pieces_;
  std::function<void(int)> before_;
  int next_ = 0;
};

// What may happen between the end of a lease and the request that names the token.
struct Between {
  const char* what;
  int expected;  // of a PUT that names the token
  std::function<void(World&)> happens;
};

TEST(LateLock, LivesAgainUnlessSomethingWasDoneToItsResource) {  // RFC 4918 §6.6
  const auto later = [](storage::Millis by) {
    return [by](World& w) { w.store.clock.advance(by); };
  };
  const auto done = [](const char* method, const char* target, Headers headers, std::string body,
                       int status) {
    return [=](World& w) { EXPECT_EQ(w.status(method, target, headers, body), status) << method; };
  };
  const std::string property = set_properties("<x:p>v</x:p>");
  const std::vector<Between> rows = {
      {"nothing", 204, [](World&) {}},
      {"a while", 204, later(594'000)},
      {"as long as it is known", 204, later(600'000)},
      {"longer", 412, later(600'001)},
      {"reads", 204,
       [](World& w) {
         (void)w.get("/c/f");
         (void)w.send("PROPFIND", "/", {{"Depth", "infinity"}});
       }},
      {"another file's content", 204, done("PUT", "/c/g", {}, "g", 204)},
      {"another file's removal", 204, done("DELETE", "/c/g", {}, "", 204)},
      {"a new file beside it", 204, done("PUT", "/c/new", {}, "n", 201)},
      {"a copy of it", 204, done("COPY", "/c/f", {{"Destination", "/copy"}}, "", 201)},
      {"a refused write", 204, done("PUT", "/c/f", {{"If-Match", "\"old\""}}, "x", 412)},
      {"a lock elsewhere", 204, [](World& w) { (void)lock_for(w, "/c/g"); }},
      {"a lock on its collection alone", 204, [](World& w) { (void)lock_for(w, "/c"); }},
      {"new content", 412, done("PUT", "/c/f", {}, "other", 204)},
      {"a property", 412, done("PROPPATCH", "/c/f", {}, property, 207)},
      {"its removal", 412, done("DELETE", "/c/f", {}, "", 204)},
      {"its move", 412, done("MOVE", "/c/f", {{"Destination", "/m"}}, "", 201)},
      {"a copy onto it", 412, done("COPY", "/c/g", {{"Destination", "/c/f"}}, "", 204)},
      {"a move onto it", 412, done("MOVE", "/c/g", {{"Destination", "/c/f"}}, "", 204)},
      {"the move of its collection", 412, done("MOVE", "/c", {{"Destination", "/d"}}, "", 201)},
      {"another lock", 412, [](World& w) { (void)lock_for(w, "/c/f"); }},
      {"a shared lock", 412, [](World& w) { (void)lock_for(w, "/c/f", "0", "shared"); }},
      {"a lock that ended again", 412,
       [](World& w) {
         const std::string other = lock_for(w, "/c/f");
         EXPECT_EQ(w.status("UNLOCK", "/c/f", {{"Lock-Token", "<" + other + ">"}}), 204);
       }},
      {"a lock from above", 412, [](World& w) { (void)lock_for(w, "/c", "infinity"); }},
      {"its unlocking", 412, {}},
  };
  for (const Between& row : rows) {
    SCOPED_TRACE(row.what);
    World w;
    w.mkcol("/c");
    w.put("/c/f");
    w.put("/c/g");
    const std::string token = lock_for(w, "/c/f");
    w.store.clock.advance(5'000);
    if (row.happens) {
      row.happens(w);
    } else {
      EXPECT_EQ(w.status("UNLOCK", "/c/f", {{"Lock-Token", "<" + token + ">"}}), 204);
    }
    const std::string before = w.dump();
    EXPECT_EQ(w.status("PUT", "/c/f", with_token(token), "mine"),
              row.expected == 412 && w.status("HEAD", "/c") == 404 ? 409 : row.expected);
    if (row.expected != 204) {
      EXPECT_EQ(w.dump(), before);
      continue;
    }
    // It lives as long as it was granted for, and keeps others out.
    w.store.clock.advance(4'999);
    EXPECT_EQ(w.status("PUT", "/c/f", {}, "other"), 423);
    EXPECT_EQ(w.get("/c/f"), "mine");
    w.store.clock.advance(1);
    EXPECT_EQ(w.status("PUT", "/c/f", {}, "other"), 204);
  }
}

TEST(LateLock, LivesAgainForWhateverItsTokenIsNamedBy) {
  struct Row {
    const char* method;
    const char* target;
    const char* locked;  // and with which depth
    const char* depth;
    Headers headers;  // besides If
    std::string tag;
    std::string body;
    int status;
  };
  const std::vector<Row> rows = {
      {"PUT", "/c/f", "/c/f", "0", {}, "", "x", 204},
      {"PUT", "/c/f", "/c", "infinity", {}, "", "x", 204},
      {"PUT", "/c/new", "/c", "0", {}, "</c> ", "x", 201},
      {"PUT", "/c/new", "/c", "0", {}, "<http://localhost:8080/c/> ", "x", 201},
      {"PUT", "/c/new", "/c", "infinity", {}, "", "x", 201},
      {"MKCOL", "/c/new", "/c", "0", {}, "</c> ", "", 201},
      {"LOCK", "/c/new", "/c", "0", {}, "</c> ", lockinfo(), 201},
      {"LOCK", "/c/f", "/c/f", "0", {}, "", "", 200},
      {"LOCK", "/c/f", "/c", "infinity", {}, "", "", 200},
      {"DELETE", "/c/f", "/c/f", "0", {}, "", "", 204},
      {"DELETE", "/c", "/c/f", "0", {}, "</c/f> ", "", 204},
      {"PROPPATCH", "/c/f", "/c/f", "0", {}, "", set_properties("<x:p/>"), 207},
      {"MOVE", "/c/f", "/c/f", "0", {{"Destination", "/m"}}, "", "", 201},
      {"MOVE", "/g", "/c/f", "0", {{"Destination", "/c/f"}}, "</c/f> ", "", 204},
      {"COPY", "/g", "/c/f", "0", {{"Destination", "/c/f"}}, "</c/f> ", "", 204},
      {"COPY", "/g", "/c", "0", {{"Destination", "/c/new"}}, "</c> ", "", 201},
      // Reading revives nothing, and neither does a lock that is asked for anew.
      {"GET", "/c/f", "/c/f", "0", {}, "", "", 412},
      {"PROPFIND", "/c/f", "/c/f", "0", {{"Depth", "0"}}, "", "", 412},
      {"LOCK", "/c/f", "/c/f", "0", {}, "", lockinfo(), 412},
      {"PUT", "/g", "/c/f", "0", {}, "", "x", 412},
      {"LOCK", "/g", "/c/f", "0", {}, "", "", 412},
  };
  for (const Row& row : rows) {
    World w;
    w.mkcol("/c");
    w.put("/c/f");
    w.put("/g");
    const std::string token = lock_for(w, row.locked, row.depth);
    w.store.clock.advance(6'000);
    Headers headers = row.headers;
    headers.emplace_back("If", row.tag + "(<" + token + ">)");
    EXPECT_EQ(w.status(row.method, row.target, headers, row.body), row.status)
        << row.method << " " << row.target << " " << row.locked;
  }
}

TEST(LateLock, LivesAgainForItsCreatorOnly) {  // RFC 4918 §6.4
  World w;
  w.put("/f");
  const std::string token =
      w.send_as("ann", "LOCK", "/f", {{"Timeout", "Second-5"}}, lockinfo()).lock_token();
  w.store.clock.advance(6'000);
  const std::string before = w.dump();
  EXPECT_EQ(w.send_as("bob", "PUT", "/f", with_token(token), "x").status, 412);
  EXPECT_EQ(w.send_as("bob", "LOCK", "/f", with_token(token)).status, 412);
  EXPECT_EQ(w.status("PUT", "/f", with_token(token), "x"), 412);
  EXPECT_EQ(w.dump(), before);
  EXPECT_EQ(w.send_as("ann", "LOCK", "/f", with_token(token)).status, 200);
  EXPECT_EQ(w.send_as("bob", "PUT", "/f", with_token(token), "x").status, 403);
}

TEST(LateLock, SharedOnesLiveAgainBesideEachOther) {
  World w;
  w.put("/f");
  const std::string a = lock_for(w, "/f", "0", "shared");
  const std::string b = lock_for(w, "/f", "0", "shared", "Second-100");
  w.store.clock.advance(6'000);
  EXPECT_EQ(w.status("LOCK", "/f", with_token(a)), 200) << "the other came before it ran out";
  EXPECT_EQ(w.locks_of("/f").size(), 2U);
  w.store.clock.advance(200'000);
  EXPECT_EQ(w.status("PUT", "/f", {{"If", "(<" + a + "> <" + b + ">)"}}, "x"), 204);
  EXPECT_EQ(w.locks_of("/f").size(), 2U);
}

TEST(LateLock, DoesNotComeBackWithAWriteThatIsRefused) {
  World w;
  w.put("/f");
  const std::string token = lock_for(w, "/f");
  w.store.clock.advance(6'000);
  const std::string before = w.dump();
  EXPECT_EQ(w.status("PUT", "/f", with_token(token) + Headers{{"If-Match", "\"old\""}}, "x"), 412);
  EXPECT_EQ(w.status("MOVE", "/f", with_token(token) + Headers{{"Destination", "/none/f"}}), 409);
  EXPECT_EQ(w.dump(), before);
  EXPECT_EQ(w.status("LOCK", "/f", {}, lockinfo()), 200);
}

TEST(HeldLock, DoesNotRunOutWhileTheBodyComes) {  // RFC 4918 §6.6
  struct Row {
    const char* target;
    const char* locked;
    const char* depth;
    const char* timeout;
    int pieces;
    storage::Millis pause;  // before each
    std::string tag;
    int status;
  };
  const Row rows[] = {
      {"/c/f", "/c/f", "0", "Second-5", 2, 4'000, "", 204},
      {"/c/f", "/c/f", "0", "Second-1", 9, 900, "", 204},
      {"/c/f", "/c/f", "0", "Second-5", 100, 40'000, "", 204},
      {"/c/f", "/c/f", "0", "Second-100", 9, 50'000, "", 204},
      {"/c/f", "/c/f", "0", "Second-3600", 100, 59'000, "", 204},
      {"/c/f", "/c", "infinity", "Second-5", 5, 30'000, "", 204},
      {"/c/new", "/c/new", "0", "Second-5", 5, 30'000, "", 204},
      {"/c/new2", "/c", "0", "Second-5", 5, 30'000, "</c> ", 201},
      {"/c/new2", "/c", "infinity", "Second-5", 5, 30'000, "", 201},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.locked) + " " + row.timeout);
    World w;
    w.mkcol("/c");
    w.put("/c/f");
    const std::string token = lock_for(w, row.locked, row.depth, "exclusive", row.timeout);
    SlowBody body(row.pieces, [&](int) {
      w.store.clock.advance(row.pause);
      EXPECT_EQ(w.status("LOCK", row.locked, {}, lockinfo()), 423) << "nobody else gets it";
      EXPECT_EQ(w.status("PUT", row.target, {}, "other"), 423);
    });
    const Headers headers = {{"If", row.tag + "(<" + token + ">)"}};
    EXPECT_EQ(w.dav.send("PUT", row.target, headers, body).status, row.status);
    EXPECT_EQ(w.get(row.target), std::string(static_cast<std::size_t>(row.pieces), 'x'));
    // Afterwards it has the timeout that it was granted with.
    const std::vector<ActiveLock> locks = w.locks_of(row.locked);
    ASSERT_EQ(locks.size(), 1U);
    const std::int64_t left = std::stoll(locks[0].timeout.substr(7));
    EXPECT_LE(left, std::stoll(std::string(row.timeout).substr(7)));
  }
}

TEST(HeldLock, ThatRanOutBeforeIsTakenUpBeforeTheBody) {
  World w;
  w.put("/f");
  const std::string token = lock_for(w, "/f");
  w.store.clock.advance(60'000);
  SlowBody body(3, [&](int) {
    w.store.clock.advance(30'000);
    EXPECT_EQ(w.status("LOCK", "/f", {}, lockinfo()), 423);
  });
  EXPECT_EQ(w.dav.send("PUT", "/f", with_token(token), body).status, 204);
}

TEST(HeldLock, IsNoLongerHeldOnceItsOwnerUnlocksIt) {
  World w;
  w.put("/f");
  const std::string token = lock_for(w, "/f");
  SlowBody body(4, [&](int piece) {
    w.store.clock.advance(4'000);
    if (piece == 1) EXPECT_EQ(w.status("UNLOCK", "/f", {{"Lock-Token", "<" + token + ">"}}), 204);
    if (piece == 2) EXPECT_EQ(w.status("PUT", "/f", {}, "other"), 204);
  });
  EXPECT_EQ(w.dav.send("PUT", "/f", with_token(token), body).status, 412);
  EXPECT_EQ(w.get("/f"), "other");
}

TEST(HeldLock, IsNotHeldForOthersNorWithoutItsToken) {
  World w;
  w.put("/f");
  w.put("/g");
  const std::string token =
      w.send_as("ann", "LOCK", "/f", {{"Timeout", "Second-5"}}, lockinfo()).lock_token();
  SlowBody others(2, [&](int) { ADD_FAILURE() << "a body that nobody wants"; });
  DavClient bob(w.engine);
  bob.as("bob");
  EXPECT_EQ(bob.send("PUT", "/f", with_token(token), others).status, 403);
  SlowBody elsewhere(2, [&](int) { w.store.clock.advance(4'000); });
  EXPECT_EQ(bob.send("PUT", "/g", {{"If", "(Not <" + token + ">)"}}, elsewhere).status, 204);
  EXPECT_EQ(w.send_as("bob", "LOCK", "/f", {}, lockinfo()).status, 200) << "it ran out";
}

}  // namespace
}  // namespace holdfast::test
