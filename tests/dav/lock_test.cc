// LOCK, refresh and UNLOCK (RFC 4918 §6, §7, §9.10, §9.11; docs/robustness.md L1–L9, X16, D6).
#include <gmock/gmock.h>
#include <set>

#include "dav/headers.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

Headers lock_token(const std::string& token) { return {{"Lock-Token", "<" + token + ">"}}; }

TEST(Lock, GrantsAndShowsExactlyTheNewLock) {  // RFC 4918 §9.10.1, docs/clients.md R62, R63
  World w;
  w.put("/f");
  w.lock("/f", "0", "shared");
  const Answer answer =
      w.send("LOCK", "/f", {{"Timeout", "Second-600"}}, lockinfo("shared", "ann"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/xml; charset=utf-8");
  const std::vector<ActiveLock> locks = granted(answer);
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].scope, "shared");
  EXPECT_EQ(locks[0].depth, "infinity");  // docs/clients.md R66: absent means infinity
  EXPECT_EQ(locks[0].owner_text, "ann");
  EXPECT_EQ(locks[0].timeout, "Second-600");
  EXPECT_EQ(locks[0].root, "/f");
  EXPECT_EQ(locks[0].token, answer.lock_token());
  EXPECT_EQ(w.locks_of("/f").size(), 2U);
}

TEST(Lock,
     TokensAreRandomShortAndPlain) {  // RFC 4918 §6.5, docs/robustness.md L4, docs/clients.md R63
  World w;
  w.put("/f");
  std::set<std::string> seen;
  for (int i = 0; i < 32; ++i) {
    const std::string token = w.lock("/f", "0", "shared");
    EXPECT_THAT(token, MatchesRegex("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]"
                                    "{3}-[0-9a-f]{12}"));
    EXPECT_TRUE(seen.insert(token).second);
  }
}

TEST(Lock, OfAnUnmappedUrlCreatesAnEmptyFile) {  // RFC 4918 §7.3, docs/clients.md R61
  World w;
  const Answer answer = w.send("LOCK", "/new", {{"Depth", "0"}}, lockinfo());
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(w.get("/new"), "");
  EXPECT_EQ(answer.header("ETag"), w.etag("/new"));
  EXPECT_EQ(w.locks_of("/new").size(), 1U);
  EXPECT_EQ(w.status("PUT", "/new", {}, "x"), 423);
  EXPECT_EQ(w.status("PUT", "/new", with_token(answer.lock_token()), "x"), 204);
  EXPECT_EQ(w.status("UNLOCK", "/new", lock_token(answer.lock_token())), 204);
  EXPECT_EQ(w.get("/new"), "x");  // it stays
}

TEST(Lock, RefusalsChangeNothing) {
  struct Row {
    const char* target;
    Headers headers;
    std::string body;
    int status;
    const char* source;
  };
  const auto info = [](const std::string& inside) {
    return "<D:lockinfo xmlns:D=\"DAV:\">" + inside + "</D:lockinfo>";
  };
  const std::string write = "<D:locktype><D:write/></D:locktype>";
  const std::string exclusive = "<D:lockscope><D:exclusive/></D:lockscope>";
  const Row rows[] = {
      {"/none/x", {}, lockinfo(), 409, "RFC 4918 §9.10.4, docs/clients.md R52"},
      {"/f/x", {}, lockinfo(), 409, "RFC 4918 §9.10.4"},
      {"/new/", {}, lockinfo(), 409, "docs/robustness.md P14"},
      {"/f/", {}, lockinfo(), 409, "docs/robustness.md P14"},
      {"/f", {{"Depth", "1"}}, lockinfo(), 400, "RFC 4918 §9.10.3"},
      {"/f", {{"Depth", "x"}}, lockinfo(), 400, "RFC 4918 §10.2"},
      {"/f", {{"If-None-Match", "*"}}, lockinfo(), 412, "docs/clients.md R35"},
      {"/l",
       {{"If-None-Match", "*"}},
       lockinfo(),
       412,
       "docs/clients.md R35: mapped comes before locked"},
      {"/new", {{"If-Match", "*"}}, lockinfo(), 412, "RFC 9110 §13.1.1"},
      {"/f", {{"If", "([\"a\"])"}}, lockinfo(), 412, "RFC 4918 §10.4"},
      {"/f", {{"If", "(["}}, lockinfo(), 400, "RFC 4918 §10.4"},
      {"/l", {}, lockinfo(), 423, "RFC 4918 §9.10.6"},
      {"/l", {}, lockinfo("shared"), 423, "RFC 4918 §6.2"},
      {"/", {}, lockinfo(), 423, "RFC 4918 §9.10.3: a member is locked"},
      {"/f", {}, "", 400, "RFC 4918 §9.10.2: a refresh needs the token"},
      {"/f", {}, "<a/>", 400, "docs/robustness.md X11"},
      {"/f", {}, "hello", 400, "docs/robustness.md X11"},
      {"/f", {}, " ", 400, "docs/robustness.md X11"},
      {"/f", {}, "<lockinfo/>", 400, "no namespace"},
      {"/f", {}, info(""), 400, "docs/robustness.md X16"},
      {"/f", {}, info(write), 400, "docs/robustness.md X16: no scope"},
      {"/f", {}, info(exclusive), 400, "docs/robustness.md X16: no type"},
      {"/f", {}, info("<D:lockscope/>" + write), 400, "docs/robustness.md X16"},
      {"/f",
       {},
       info("<D:lockscope><D:exclusive/><D:shared/></D:lockscope>" + write),
       400,
       "docs/robustness.md X16: two scopes"},
      {"/f",
       {},
       info("<D:lockscope><D:exclusive/><D:exclusive/></D:lockscope>" + write),
       400,
       "docs/robustness.md X16"},
      {"/f",
       {},
       info("<D:lockscope><D:secret/></D:lockscope>" + write),
       400,
       "docs/robustness.md X16"},
      {"/f",
       {},
       info(exclusive + "<D:locktype><D:read/></D:locktype>"),
       422,
       "docs/robustness.md X16: unknown type"},
      {"/f", {}, info(exclusive + "<D:locktype/>"), 422, "docs/robustness.md X16"},
      {"/f", {}, lockinfo("exclusive", std::string(4097, 'o')), 400, "docs/operations.md#settings"},
      {"/f",
       {},
       "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">" + lockinfo(),
       400,
       "docs/robustness.md X2"},
      {"/f", {}, lockinfo() + lockinfo(), 400, "docs/robustness.md X6"},
  };
  World w;
  w.put("/f");
  w.put("/l");
  w.lock("/l");
  const std::string before = w.dump();
  for (const Row& row : rows) {
    const Answer answer = w.send("LOCK", row.target, row.headers, row.body);
    EXPECT_EQ(answer.status, row.status) << row.target << " " << row.source;
    EXPECT_FALSE(answer.has("Lock-Token")) << row.source;
    EXPECT_EQ(w.dump(), before) << row.source;
  }
}

TEST(Lock, OnAFreeNameWithIfNoneMatchIs201) {  // docs/clients.md R35
  World w;
  EXPECT_EQ(w.status("LOCK", "/n", {{"If-None-Match", "*"}, {"Depth", "0"}}, lockinfo()), 201);
}

TEST(Lock, BodyIsReadWhateverItsTypeClaims) {  // docs/clients.md R20
  World w;
  w.put("/f");
  for (const char* type : {"", "text/plain", "application/json", "text/xml; charset=\"utf-8\""})
    EXPECT_EQ(w.status("LOCK", "/f", {{"Content-Type", type}}, lockinfo("shared")), 200) << type;
}

TEST(Lock, EchoesTheOwnerVerbatim) {  // docs/clients.md R67, docs/robustness.md X16
  struct Row {
    const char* owner;
    const char* text;
  };
  const Row rows[] = {
      {"alice", "alice"},
      {" padded ", " padded "},
      {"<D:href>http://www.apple.com/webdav_fs/</D:href>", ""},
      {"PC\\user", "PC\\user"},
      {"a &amp; b &lt;c&gt; ]]&gt;", "a & b <c> ]]>"},
      {"\xC3\x84\xF0\x9F\x92\xBE", "\xC3\x84\xF0\x9F\x92\xBE"},
      {"<n:x xmlns:n=\"urn:n\" a=\"1\">t</n:x>tail", "tail"},
      {"<![CDATA[<b>]]>", "<b>"},
  };
  for (const Row& row : rows) {
    World w;
    w.put("/f");
    const std::vector<ActiveLock> answered =
        granted(w.send("LOCK", "/f", {}, lockinfo("exclusive", row.owner)));
    const std::vector<ActiveLock> found = w.locks_of("/f");
    ASSERT_EQ(answered.size(), 1U);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].owner_text, row.text);
    EXPECT_EQ(answered[0].owner_text, row.text);
    EXPECT_EQ(found[0].owner_xml, answered[0].owner_xml);
    // Seen by others as well (docs/clients.md R74).
    const Answer other =
        w.send_as("bob", "PROPFIND", "/f", {{"Depth", "0"}}, propfind("lockdiscovery"));
    EXPECT_THAT(other.body, HasSubstr("<D:owner>"));
  }
}

TEST(Lock, OwnerHasAnExactLimit) {  // docs/operations.md#settings
  World w;
  w.put("/f");
  EXPECT_EQ(w.status("LOCK", "/f", {}, lockinfo("shared", std::string(4096, 'o'))), 200);
  EXPECT_EQ(w.status("LOCK", "/f", {}, lockinfo("shared", std::string(4097, 'o'))), 400);
}

TEST(Lock,
     GrantsTimeoutsUpToTheMaximum) {  // RFC 4918 §10.7, docs/clients.md R65, docs/robustness.md D6
  struct Row {
    const char* timeout;
    const char* granted;
  };
  const Row rows[] = {
      {"Second-600", "Second-600"},
      {"second-600", "Second-600"},
      {"Second-3600", "Second-3600"},
      {"Second-3601", "Second-3600"},
      {"Infinite", "Second-3600"},
      {"Infinite, Second-4100000000", "Second-3600"},
      {"Second-4294967295", "Second-3600"},
      {"Second-99999999999999999999", "Second-3600"},
      {"Second-0", "Second-1"},
      {"Second--1", "Second-3600"},
      {"Second-", "Second-3600"},
      {"Second-1x", "Second-3600"},
      {"garbage", "Second-3600"},
      {"", "Second-3600"},
      {"Extend-1, Second-7", "Second-7"},
  };
  World w;
  w.put("/f");
  for (const Row& row : rows) {
    const Answer answer = w.send("LOCK", "/f", {{"Timeout", row.timeout}}, lockinfo());
    ASSERT_EQ(answer.status, 200) << row.timeout;
    EXPECT_EQ(granted(answer).at(0).timeout, row.granted) << row.timeout;
    EXPECT_EQ(w.status("UNLOCK", "/f", lock_token(answer.lock_token())), 204);
  }
}

TEST(Lock, ShowsTheTimeLeftRoundedUpAndEndsWithIt) {  // RFC 4918 §15.8, docs/robustness.md L1
  World w;
  w.put("/f");
  const Answer answer = w.send("LOCK", "/f", {{"Timeout", "Second-10"}}, lockinfo());
  const auto left = [&] { return w.locks_of("/f").at(0).timeout; };
  EXPECT_EQ(left(), "Second-10");
  w.store.clock.advance(1);
  EXPECT_EQ(left(), "Second-10");
  w.store.clock.advance(999);
  EXPECT_EQ(left(), "Second-9");
  w.store.clock.advance(8999);
  EXPECT_EQ(left(), "Second-1");  // never "Second-0" while it lives
  EXPECT_EQ(w.status("PUT", "/f", {}, "x"), 423);
  w.store.clock.advance(1);
  EXPECT_TRUE(w.locks_of("/f").empty());
  EXPECT_EQ(w.status("PUT", "/f", {}, "x"), 204);
}

TEST(Lock, WallClockJumpsDoNotMoveLeases) {  // docs/robustness.md E9
  World w;
  w.put("/f");
  w.lock("/f");
  const std::string left = w.locks_of("/f").at(0).timeout;
  for (const storage::Millis jump :
       {storage::Millis{-31'536'000'000}, storage::Millis{31'536'000'000}}) {
    w.store.clock.set_wall(ManualClock::kStart + jump);
    EXPECT_EQ(w.locks_of("/f").at(0).timeout, left);
    EXPECT_EQ(w.status("PUT", "/f", {}, "x"), 423);
  }
}

TEST(Lock, AnExpiredOneGrantsNothing) {  // RFC 4918 §6.6, docs/robustness.md L1
  World w;
  w.put("/f");
  const std::string token = w.lock("/f");
  w.store.clock.advance(3'600'000);
  EXPECT_TRUE(w.locks_of("/f").empty());
  EXPECT_EQ(w.status("PUT", "/f", {}, "x"), 204) << "it keeps nobody out";
  EXPECT_EQ(w.status("PUT", "/f", with_token(token), "x"), 412);
  EXPECT_EQ(w.status("LOCK", "/f", with_token(token)), 412);
  EXPECT_EQ(w.status("LOCK", "/f", {}, lockinfo()), 200);
}

TEST(Refresh, RestartsTheLeaseAndAnswersLikeLock) {  // RFC 4918 §9.10.2, docs/clients.md R64
  World w;
  w.put("/f");
  const Answer lock = w.send("LOCK", "/f", {{"Timeout", "Second-100"}, {"Depth", "0"}},
                             lockinfo("exclusive", "ann"));
  w.store.clock.advance(90'000);
  const Answer answer = w.send(
      "LOCK", "/f",
      with_token(lock.lock_token()) +
          Headers{{"Timeout", "Second-300"}, {"Content-Type", "text/xml; charset=\"utf-8\""}});
  EXPECT_EQ(answer.status, 200);
  const std::vector<ActiveLock> locks = granted(answer);
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].timeout, "Second-300");
  EXPECT_EQ(locks[0].token, lock.lock_token());
  EXPECT_EQ(locks[0].owner_text, "ann");
  EXPECT_EQ(locks[0].scope, "exclusive");
  EXPECT_EQ(locks[0].depth, "0");
  w.store.clock.advance(299'000);
  EXPECT_EQ(w.locks_of("/f").size(), 1U);
}

TEST(Refresh, AcceptsEveryFormTheTokenComesIn) {  // docs/clients.md R69
  World w;
  w.put("/f");
  const std::string token = w.lock("/f");
  const Headers forms[] = {
      with_token(token),
      with_token("/f", token),
      with_token("http://localhost:8080/f", token),
      with_token("https://LOCALHOST:8080/f", token),
      {{"If", token}},
      {{"If", "<" + token + ">"}},
      {{"Lock-Token", "<" + token + ">"}},
      {{"If", "(<" + token + "> [" + w.etag("/f") + "])"}},
      {{"If", "(<urn:no:such>) (<" + token + ">)"}},
  };
  for (const Headers& form : forms) EXPECT_EQ(w.status("LOCK", "/f", form), 200) << form[0].second;
}

TEST(Refresh, WorksThroughAMemberOfAnInfiniteLock) {  // RFC 4918 §9.10.2, docs/robustness.md L5
  World w;
  w.mkcol("/c");
  w.put("/c/f");
  const std::string token = w.lock("/c");
  const Answer answer =
      w.send("LOCK", "/c/f", with_token(token) + Headers{{"Timeout", "Second-60"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(granted(answer).at(0).root, "/c/");
  EXPECT_EQ(w.locks_of("/c").at(0).timeout, "Second-60");

  EXPECT_EQ(w.status("DELETE", "/c/f", with_token("/c", token)), 204);
  EXPECT_EQ(w.status("LOCK", "/c/f", with_token(token)), 412);  // nothing there any more
  EXPECT_EQ(w.status("LOCK", "/c", with_token(token)), 200);
  EXPECT_EQ(w.status("MOVE", "/c", with_token(token) + Headers{{"Destination", "/d"}}), 201);
  EXPECT_EQ(w.status("LOCK", "/c", with_token(token)), 412);
  EXPECT_EQ(w.status("LOCK", "/d", with_token(token)), 412);
}

TEST(Refresh, NeedsATokenOfALockOnTheResource) {  // RFC 4918 §9.10.6, docs/robustness.md L1
  World w;
  w.mkcol("/c");
  w.put("/c/f");
  w.put("/g");
  const std::string shallow = w.lock("/c", "0");
  const std::string other = w.lock("/g");
  const std::string before = w.dump();
  w.store.clock.advance(1000);
  EXPECT_EQ(w.status("LOCK", "/c/f", with_token(shallow)), 412);  // Depth 0 covers no member
  EXPECT_EQ(w.status("LOCK", "/c", with_token(other)), 412);
  EXPECT_EQ(w.status("LOCK", "/c", with_token("urn:uuid:00000000-0000-4000-8000-000000000000")),
            412);
  const Answer tagged = w.send("LOCK", "/c", with_token("/g", other));
  EXPECT_EQ(tagged.status, 412);
  EXPECT_EQ(refusal(tagged).precondition, "lock-token-matches-request-uri");
  EXPECT_EQ(w.status("LOCK", "/none", with_token(other)), 412);
  EXPECT_EQ(w.status("LOCK", "/none", with_token("/g", other)), 412);
  EXPECT_EQ(w.send_as("bob", "LOCK", "/g", with_token(other)).status,
            403);  // docs/robustness.md L9
  EXPECT_EQ(w.dump(), before);
}

TEST(Refresh, OfOneOfSeveralSharedLocksLeavesTheOthers) {
  World w;
  w.put("/f");
  const std::string a = w.lock("/f", "0", "shared");
  const std::string b = w.lock("/f", "0", "shared");
  w.store.clock.advance(10'000);
  EXPECT_EQ(w.status("LOCK", "/f", with_token(b)), 200);
  for (const ActiveLock& lock : w.locks_of("/f"))
    EXPECT_EQ(lock.timeout, lock.token == b ? "Second-3600" : "Second-3590") << a;
}

TEST(Unlock, FreesTheResource) {  // RFC 4918 §9.11, docs/clients.md R71
  World w;
  w.put("/f");
  w.mkcol("/c");
  w.put("/c/f");
  struct Row {
    const char* locked;
    const char* at;
  };
  for (const Row& row : {Row{"/f", "/f"}, Row{"/c", "/c/"}, Row{"/c", "/c/f"}, Row{"/", "/c/f"}}) {
    for (const bool bare : {false, true}) {
      const std::string token = w.lock(row.locked);
      const Answer answer =
          w.send("UNLOCK", row.at, {{"Lock-Token", bare ? token : "<" + token + ">"}});
      EXPECT_EQ(answer.status, 204);
      EXPECT_EQ(answer.body, "");
      EXPECT_EQ(w.status("PUT", "/c/f", {}, "x"), 204);
    }
  }
}

TEST(Unlock, TellsApartWhyItCannot) {  // RFC 4918 §9.11.1, docs/robustness.md L2
  World w;
  w.mkcol("/c");
  w.put("/c/f");
  w.put("/f");
  w.put("/g");
  const std::string on_f = w.lock("/f");
  const std::string on_g = w.lock("/g");
  const std::string shallow = w.lock("/c", "0");
  struct Row {
    const char* target;
    Headers headers;
    int status;
    const char* why;
  };
  const Row rows[] = {
      {"/f", {}, 400, "no token"},
      {"/f", {{"Lock-Token", ""}}, 400, "empty"},
      {"/f", {{"Lock-Token", "<>"}}, 400, "empty"},
      {"/f", {{"Lock-Token", "nonsense"}}, 400, "not a URI"},
      {"/f", {{"Lock-Token", "<" + on_f + ">"}, {"Lock-Token", "<" + on_g + ">"}}, 400, "twice"},
      {"/f", lock_token("urn:uuid:00000000-0000-4000-8000-000000000000"), 409, "unknown"},
      {"/f", lock_token(on_g), 409, "of another resource"},
      {"/c/f", lock_token(shallow), 409, "Depth 0 covers no member"},
      {"/c/f", lock_token(on_f), 409, "nothing is locked here"},
      {"/none", lock_token(on_f), 409, "unmapped"},
      {"/none/x", lock_token(on_f), 409, "unmapped"},
      {"/f", lock_token(on_f) + Headers{{"If", "([\"a\"])"}}, 412, "If"},
  };
  const std::string before = w.dump();
  for (const Row& row : rows) {
    const Answer answer = w.send("UNLOCK", row.target, row.headers);
    EXPECT_EQ(answer.status, row.status) << row.why;
    if (row.status == 409) {
      EXPECT_EQ(refusal(answer).precondition, "lock-token-matches-request-uri") << row.why;
    }
    EXPECT_EQ(w.dump(), before) << row.why;
  }
  EXPECT_EQ(w.send_as("bob", "UNLOCK", "/f", lock_token(on_f)).status, 403);  // another account's
  EXPECT_EQ(w.dump(), before);
}

TEST(Unlock, ForgivesALockThatRanOutLately) {  // docs/robustness.md L2
  World w;
  w.put("/f");
  const std::string token =
      w.send_as("ann", "LOCK", "/f", {{"Timeout", "Second-1"}}, lockinfo()).lock_token();
  w.store.clock.advance(1000 + 599'000);
  EXPECT_EQ(w.send_as("bob", "UNLOCK", "/f", lock_token(token)).status, 403);
  EXPECT_EQ(w.send_as("ann", "UNLOCK", "/f", lock_token(token)).status, 204);
  EXPECT_EQ(w.send_as("ann", "UNLOCK", "/f", lock_token(token)).status, 409);  // once

  const std::string late =
      w.send_as("ann", "LOCK", "/f", {{"Timeout", "Second-1"}}, lockinfo()).lock_token();
  w.store.clock.advance(1000 + 600'001);
  EXPECT_EQ(w.send_as("ann", "UNLOCK", "/f", lock_token(late)).status, 409);
}

TEST(Unlock, OfALateLockLeavesItsSuccessor) {
  World w;
  w.put("/f");
  const std::string old = w.send("LOCK", "/f", {{"Timeout", "Second-1"}}, lockinfo()).lock_token();
  w.store.clock.advance(2000);
  const std::string token = w.lock("/f");
  EXPECT_EQ(w.status("UNLOCK", "/f", lock_token(old)), 204);
  EXPECT_EQ(w.status("PUT", "/f", {}, "x"), 423);
  EXPECT_EQ(w.status("PUT", "/f", with_token(token), "x"), 204);
}

TEST(Lockdiscovery,
     ListsEveryCoveringLockAndTokensToTheirCreators) {  // RFC 4918 §15.8, docs/clients.md R68
  World w;
  w.mkcol("/c");
  w.put("/c/f");
  const std::string above =
      w.send_as("ann", "LOCK", "/c", {}, lockinfo("shared", "Ann")).lock_token();
  const std::string own =
      w.send_as("bob", "LOCK", "/c/f", {{"Depth", "0"}}, lockinfo("shared", "Bob")).lock_token();
  const auto seen_by = [&](const std::string& who) {
    std::map<std::string, std::string> tokens;  // by root
    const auto response =
        single(w.send_as(who, "PROPFIND", "/c/f", {{"Depth", "0"}}, propfind("lockdiscovery")));
    const dav::xml::Document document =
        dav::xml::Document::parse(response.find("lockdiscovery")->xml);
    for (const auto& each : document.root().children()) {
      const ActiveLock lock = active_lock(each);
      tokens[lock.root] = lock.token;
    }
    return tokens;
  };
  using Tokens = std::map<std::string, std::string>;
  EXPECT_EQ(seen_by("ann"), (Tokens{{"/c/", above}, {"/c/f", ""}}));
  EXPECT_EQ(seen_by("bob"), (Tokens{{"/c/", ""}, {"/c/f", own}}));
  EXPECT_EQ(seen_by("eve"), (Tokens{{"/c/", ""}, {"/c/f", ""}}));
}

TEST(Lock,
     ATokenCountsForItsCreatorOnly) {  // RFC 4918 §6.4, docs/clients.md R73, docs/robustness.md L9
  World w;
  w.put("/f");
  w.mkcol("/c");
  const std::string token = w.send_as("ann", "LOCK", "/f", {}, lockinfo()).lock_token();
  EXPECT_EQ(w.send_as("ann", "PUT", "/f", {}, "x").status, 423);
  EXPECT_EQ(w.send_as("ann", "PUT", "/f", with_token(token), "x").status, 204);
  for (const std::string who : {"bob", ""}) {
    EXPECT_EQ(w.send_as(who, "PUT", "/f", with_token(token), "x").status, 403);
    EXPECT_EQ(w.send_as(who, "DELETE", "/f", with_token(token)).status, 403);
    EXPECT_EQ(w.send_as(who, "PROPPATCH", "/f", with_token(token), set_properties("<x:a/>")).status,
              403);
    EXPECT_EQ(
        w.send_as(who, "MOVE", "/f", with_token(token) + Headers{{"Destination", "/g"}}).status,
        403);
    EXPECT_EQ(w.send_as(who, "GET", "/f", with_token(token)).status, 200);
    EXPECT_EQ(w.send_as(who, "COPY", "/f", {{"Destination", "/c/f"}}).status / 100,
              2);  // reading is free
  }
}

TEST(Lock, TheTokenInLockTokenCountsAsSubmitted) {  // docs/clients.md R70
  World w;
  w.put("/f");
  std::string token = w.lock("/f");
  EXPECT_EQ(w.status("PUT", "/f", lock_token(token), "x"), 204);
  EXPECT_EQ(w.status("PROPPATCH", "/f", lock_token(token), set_properties("<x:a/>")), 207);
  EXPECT_EQ(w.status("GET", "/f", lock_token(token)), 200);
  EXPECT_EQ(w.status("MOVE", "/f", lock_token(token) + Headers{{"Destination", "/g"}}), 201);
  token = w.lock("/g");
  EXPECT_EQ(w.status("DELETE", "/g", lock_token(token)), 204);
}

TEST(Lock, AnySubmittedTokenCountsWhereverItStands) {  // RFC 4918 §10.4.1, docs/clients.md R69
  World w;
  w.put("/f");
  w.put("/other");
  const std::string token = w.lock("/f");
  const std::string tag = w.etag("/other");
  const Headers forms[] = {
      {{"If", "(<" + token + ">)"}},
      {{"If", "(Not <urn:no:such>) (<" + token + ">)"}},
      {{"If", "(<urn:no:such>) (<" + token + ">)"}},
      {{"If", "(Not <DAV:no-lock> <" + token + ">)"}},
      {{"If", "</other> ([" + tag + "]) </f> (<" + token + "> <urn:wrong:one>)"}},
      {{"If", "</f> (<" + token + ">)"}},
      {{"If", "<http://localhost:8080/f> (<" + token + ">) <http://elsewhere/x> (<urn:a:b>)"}},
      {{"If", token}},
  };
  for (const Headers& form : forms)
    EXPECT_EQ(w.status("PUT", "/f", form, "x"), 204) << form[0].second;
  // Negated, it is submitted, but the list is false unless something else holds.
  EXPECT_EQ(w.status("PUT", "/f", {{"If", "(Not <" + token + ">)"}}, "x"), 412);
  EXPECT_EQ(w.status("PUT", "/f", {{"If", "(Not <" + token + ">) (Not <DAV:no-lock>)"}}, "x"), 204);
}

TEST(Lock, SharedLimitOnOneResource) {  // docs/robustness.md D6: 32
  World w;
  w.put("/f");
  for (int i = 0; i < 32; ++i) w.lock("/f", "0", "shared");
  const Answer refused = w.send("LOCK", "/f", {}, lockinfo("shared"));
  EXPECT_EQ(refused.status, 507);
  EXPECT_EQ(refused.body.find("space"), std::string::npos) << refused.body;
  EXPECT_EQ(w.status("LOCK", "/f", {}, lockinfo()), 423);
}

TEST(Lock, RootCanBeLockedAndFreed) {  // docs/robustness.md D8, L6
  World w;
  w.put("/f");
  const std::string token = w.lock("/");
  EXPECT_EQ(w.locks_of("/f").at(0).root, "/");
  EXPECT_EQ(w.status("PUT", "/new", {}, "x"), 423);
  EXPECT_EQ(w.status("PUT", "/new", with_token("/", token), "x"), 201);
  EXPECT_EQ(w.status("PUT", "/new2", with_token(token), "x"), 201);  // covers unmapped URLs too
  EXPECT_EQ(w.status("UNLOCK", "/", lock_token(token)), 204);
  EXPECT_EQ(w.status("LOCK", "*", {}, lockinfo()), 400);
  EXPECT_EQ(w.status("UNLOCK", "*", lock_token(token)), 400);
}

TEST(Lock, VanishesWithMoveAndIsNotCopied) {  // RFC 4918 §7.6, §9.8, docs/clients.md R57
  World w;
  w.mkcol("/c");
  w.put("/c/f");
  const std::string token = w.lock("/c/f");
  EXPECT_EQ(w.status("COPY", "/c", {{"Destination", "/copy"}}), 201);
  EXPECT_TRUE(w.locks_of("/copy/f").empty());
  EXPECT_EQ(w.status("MOVE", "/c", with_token("/c/f", token) + Headers{{"Destination", "/d"}}),
            201);
  EXPECT_TRUE(w.locks_of("/d/f").empty());
  EXPECT_EQ(w.status("LOCK", "/d/f", {}, lockinfo()), 200);
}

TEST(Lock, OnAnOverwrittenDestinationStays) {  // RFC 4918 §7.6, §9.8.4; docs/robustness.md D13
  World w;
  for (const char* method : {"COPY", "MOVE"}) {
    w.put("/source", "new");
    w.put("/target", "old");
    const std::string token = w.lock("/target");
    EXPECT_EQ(w.status(method, "/source", {{"Destination", "/target"}}), 423) << method;
    EXPECT_EQ(w.status(method, "/source",
                       with_token("/target", token) + Headers{{"Destination", "/target"}}),
              204)
        << method;
    EXPECT_EQ(w.get("/target"), "new");
    ASSERT_EQ(w.locks_of("/target").size(), 1U) << method;
    EXPECT_EQ(w.locks_of("/target")[0].token, token);
    EXPECT_EQ(w.status("PUT", "/target", {}, "x"), 423);
    EXPECT_EQ(w.status("DELETE", "/target", with_token(token)), 204);
  }
}

// A listing has the owner of a lock once, where the lock is rooted, and the rest with every member.
TEST(Lockdiscovery, ShowsTheOwnerWhereTheLockIsRooted) {
  World w;
  w.mkcol("/c");
  const std::string owner(3000, 'o');
  for (int i = 0; i < 100; ++i) w.put("/c/" + std::to_string(i));
  ASSERT_EQ(w.status("LOCK", "/c", {{"Depth", "infinity"}}, lockinfo("shared", owner)), 200);
  const auto on_root = w.locks_of("/c");
  const auto on_member = w.locks_of("/c/7");
  ASSERT_EQ(on_root.size(), 1U);
  ASSERT_EQ(on_member.size(), 1U);
  EXPECT_EQ(on_root[0].owner_text, owner);
  EXPECT_EQ(on_member[0].owner_text, "");
  EXPECT_EQ(on_member[0].token, on_root[0].token);
  EXPECT_EQ(on_member[0].root, "/c/");
  const auto size = [&](const Headers& headers, const char* method, std::string_view body) {
    return w.send(method, "/c/", headers, body).body.size();
  };
  EXPECT_LT(size({{"Depth", "1"}}, "PROPFIND", propfind("lockdiscovery")), 100'000U);
  EXPECT_LT(size({{"Accept", "application/json"}}, "GET", ""), 100'000U);
}

}  // namespace
}  // namespace holdfast::test
