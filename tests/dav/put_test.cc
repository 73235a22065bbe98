// PUT (RFC 9110 §9.3.4, RFC 4918 §9.7).
#include <functional>
#include <gmock/gmock.h>
#include <utility>

#include "dav/headers.h"
#include "http/date.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using http::Body;
using testing::HasSubstr;

TEST(Put, Answers201ForANewFileAnd204ForAReplacedOne) {  // RFC 9110 §9.3.4, docs/clients.md R32
  World w;
  const Answer created = w.send("PUT", "/f", {}, "one");
  EXPECT_EQ(created.status, 201);
  const Answer replaced = w.send("PUT", "/f", {}, "two");
  EXPECT_EQ(replaced.status, 204);
  for (const Answer& answer : {created, replaced}) {
    EXPECT_THAT(answer.header("ETag"), testing::MatchesRegex("\"[A-Za-z0-9._-]+\""));
    EXPECT_EQ(answer.header("Last-Modified"), http::format_date(ManualClock::kStart / 1000));
    EXPECT_EQ(answer.body, "");
  }
  EXPECT_NE(created.header("ETag"), replaced.header("ETag"));
}

TEST(Put, EntityTagIsTheSameEverywhere) {  // docs/clients.md R33
  World w;
  const std::string tag = w.send("PUT", "/f", {}, "one").header("ETag");
  EXPECT_EQ(w.send("GET", "/f").header("ETag"), tag);
  EXPECT_EQ(w.send("HEAD", "/f").header("ETag"), tag);
  EXPECT_EQ(w.properties("/f", "getetag").text("getetag"), tag);
}

TEST(Put,
     EveryStoredContentHasItsOwnEntityTag) {  // docs/clients.md R31, docs/storage.md#entity-tags
  World w;
  std::vector<std::string> seen;
  for (const char* body : {"", "real", "", "real"}) {
    w.put("/f", body);
    EXPECT_THAT(seen, testing::Not(testing::Contains(w.etag("/f"))));
    seen.push_back(w.etag("/f"));
  }
  EXPECT_EQ(w.status("DELETE", "/f"), 204);
  w.put("/f", "real");
  EXPECT_THAT(seen, testing::Not(testing::Contains(w.etag("/f"))));
}

TEST(Put, LastModifiedIsNeverLaterThanNow) {  // RFC 9110 §8.8.2.1
  World w;
  for (int i = 0; i < 5; ++i) {
    w.put("/f", std::to_string(i));
    EXPECT_EQ(w.send("HEAD", "/f").header("Last-Modified"),
              http::format_date(w.store.clock.wall() / 1000));
    w.store.clock.advance(300);
  }
}

TEST(Put, RefusalsChangeNothing) {
  struct Row {
    const char* target;
    Headers headers;
    const char* body;
    int status;
    const char* source;
  };
  const Row rows[] = {
      {"/none/f", {}, "x", 409, "RFC 4918 §9.7.1, docs/robustness.md D1"},
      {"/none/a/f", {}, "x", 409, "RFC 4918 §9.7.1"},
      {"/f/x", {}, "x", 409, "RFC 4918 §9.7.1: the parent is a file"},
      {"/c", {}, "x", 405, "RFC 4918 §9.7.2"},
      {"/c/", {}, "x", 405, "RFC 4918 §9.7.2"},
      {"/", {}, "x", 405, "RFC 4918 §9.7.2"},
      {"/new/", {}, "x", 409, "docs/robustness.md P14"},
      {"/f/", {}, "x", 409, "docs/robustness.md P14"},
      {"/f", {{"Content-Range", "bytes 0-0/4"}}, "x", 400, "RFC 9110 §14.5, docs/clients.md R40"},
      {"/f", {{"Content-Encoding", "gzip"}}, "x", 415, "docs/robustness.md H21"},
      {"/f", {{"If-None-Match", "*"}}, "x", 412, "docs/clients.md R35"},
      {"/new", {{"If-Match", "*"}}, "x", 412, "RFC 9110 §13.1.1"},
      {"/f", {{"If-Match", "\"a\""}}, "x", 412, "docs/clients.md R36"},
      {"/f", {{"If-Match", "not a list"}}, "x", 412, "docs/clients.md R34"},
      {"/f", {{"If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"}}, "x", 412, "§13.1.4"},
      {"/f", {{"If", "(<urn:x:y>)"}}, "x", 412, "RFC 4918 §10.4"},
      {"/f", {{"If", "("}}, "x", 400, "RFC 4918 §10.4"},
      {"/f", {{"X-Expected-Entity-Length", "2"}}, "x", 400, "docs/clients.md R29"},
      {"/f", {{"X-Expected-Entity-Length", "two"}}, "x", 400, "docs/clients.md R29"},
      {"/f",
       {{"OC-Checksum", "SHA1:0000000000000000000000000000000000000000"}},
       "x",
       400,
       "docs/clients.md R43"},
      {"/f", {{"OC-Checksum", "MD5:00"}}, "x", 400, "docs/clients.md R43"},
      {"/f", {{"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="}}, "x", 400, "RFC 1864"},
      {"/f",
       {{"Repr-Digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"}},
       "x",
       400,
       "RFC 9530 §3"},
  };
  World w;
  w.mkcol("/c");
  w.put("/f", "old");
  const std::string before = w.dump();
  for (const Row& row : rows) {
    for (const bool arrived : {true, false}) {
      SCOPED_TRACE(std::string(row.source) + (arrived ? ", body here" : ", body to come"));
      StringBody body(row.body);
      if (arrived) body.arrived();
      const Answer answer = w.dav.send("PUT", row.target, row.headers, body);
      EXPECT_EQ(answer.status, row.status) << row.target;
      EXPECT_EQ(w.dump(), before);
      EXPECT_EQ(w.store.contents.uploads(), 0U);
      if (row.status == 405) {
        EXPECT_THAT(answer.header("Allow"), HasSubstr("PROPFIND"));
      }
    }
  }
}

TEST(Put, IgnoresWhatItNeedNotUnderstand) {
  World w;
  const Headers rows[] = {
      {{"Content-Type", "garbage\x01;;;"}},          // docs/robustness.md H21
      {{"Content-Encoding", "identity"}},            // RFC 9110 §8.4
      {{"Overwrite", "F"}},                          // Replay.GvfsAndNautilus
      {{"Depth", "7"}},                              //
      {{"If-None-Match", "JoplinIgnore-4711"}},      // docs/clients.md R34
      {{"If-None-Match", "\"some other\""}},         //
      {{"OC-Checksum", "CRC32:whatever"}},           // an unknown algorithm
      {{"Repr-Digest", "md5=:AAAA:"}},               //
      {{"X-OC-Mtime", "soon"}},                      //
      {{"translate", "f"}, {"Brief", "t"}},          // Windows and Office
      {{"X-MSDAVEXT-Lock-Timeout", "Second-3600"}},  // docs/clients.md R70
      {{"If-Unmodified-Since", "not a date"}},       // RFC 9110 §13.1.4
  };
  for (const Headers& headers : rows)
    EXPECT_EQ(w.status("PUT", "/f", headers, "x") / 100, 2) << headers[0].first;
}

TEST(Put, ConditionsThatHoldLetItThrough) {  // docs/clients.md R35, R36
  World w;
  EXPECT_EQ(w.status("PUT", "/f", {{"If-None-Match", "*"}}, "1"), 201);
  EXPECT_EQ(w.status("PUT", "/f", {{"If-Match", w.etag("/f")}}, "2"), 204);
  EXPECT_EQ(w.status("PUT", "/f", {{"If-Match", "*"}}, "3"), 204);
  EXPECT_EQ(w.status("PUT", "/f", {{"If", "([" + w.etag("/f") + "])"}}, "4"), 204);
  EXPECT_EQ(w.status("PUT", "/f", {{"If-None-Match", "\"x\""}}, "5"), 204);
}

TEST(Put, AStaleIfMatchTellsTheCurrentTag) {  // docs/conflicts.md
  World w;
  w.put("/f", "one");
  const Answer answer = w.send("PUT", "/f", {{"If-Match", "\"old\""}}, "two");
  EXPECT_EQ(answer.status, 412);
  EXPECT_EQ(answer.header("ETag"), w.etag("/f"));
}

TEST(Put, AClientDateCannotHideAChangeFromIfUnmodifiedSince) {  // docs/storage.md#dates
  World w;
  w.put("/f", "one");
  const std::string seen = w.send("GET", "/f").header("Last-Modified");
  w.store.clock.advance(5000);
  const std::string asked_at = http::format_date(w.store.clock.wall() / 1000);
  EXPECT_EQ(w.status("PUT", "/f", {{"If-Unmodified-Since", asked_at}}, "same"), 204);
  w.store.clock.advance(5000);
  // Another client replaces it and dates it back.
  EXPECT_EQ(w.status("PUT", "/f", {{"X-OC-Mtime", "1000000000"}}, "theirs"), 204);
  EXPECT_EQ(w.status("PUT", "/f", {{"If-Unmodified-Since", seen}}, "mine"), 412);
  EXPECT_EQ(w.status("PUT", "/f", {{"If-Unmodified-Since", asked_at}}, "mine"), 412);
  // The date that it has now may be one that it had before, as far as the store knows.
  const std::string theirs = w.send("GET", "/f").header("Last-Modified");
  EXPECT_EQ(w.status("PUT", "/f", {{"If-Unmodified-Since", theirs}}, "mine"), 412);
  // A later one is not.
  w.store.clock.advance(1000);
  EXPECT_EQ(w.status("PUT", "/f", {}, "mine"), 204);
  const std::string later = w.send("GET", "/f").header("Last-Modified");
  EXPECT_EQ(w.status("PUT", "/f", {{"If-Unmodified-Since", later}}, "mine"), 204);
}

TEST(Put, ABodyThatEndsBadlyChangesNothing) {  // docs/clients.md R30, docs/robustness.md K2
  struct Row {
    Body::State state;
    int status;
  };
  const Row rows[] = {{Body::State::truncated, 400},
                      {Body::State::malformed, 400},
                      {Body::State::timed_out, 408},
                      {Body::State::too_large, 413}};
  World w;
  w.put("/f", "old");
  const std::string before = w.dump();
  for (const Row& row : rows) {
    for (const char* target : {"/f", "/new"}) {
      for (const bool chunked : {false, true}) {
        for (const std::size_t after : {std::size_t{0}, std::size_t{5}, std::size_t{99'999}}) {
          StringBody body(std::string(100'000, 'n'));
          body.ends(row.state, after);
          if (chunked) body.chunked();
          EXPECT_EQ(w.dav.send("PUT", target, {}, body).status, row.status);
          EXPECT_EQ(w.dump(), before);
          EXPECT_EQ(w.store.contents.uploads(), 0U);
          EXPECT_EQ(w.store.contents.files(), 0U);
        }
      }
    }
  }
}

TEST(Put, TakesChunkedBodiesAndHoldsThemToTheAnnouncedLength) {  // docs/clients.md R29
  World w;
  const auto put = [&](std::string bytes, const Headers& headers) {
    StringBody body(std::move(bytes));
    body.chunked().pieces_of(3);
    return w.dav.send("PUT", "/f", headers, body).status;
  };
  EXPECT_EQ(put("hello world", {}), 201);
  EXPECT_EQ(w.get("/f"), "hello world");
  EXPECT_EQ(put("12345", {{"X-Expected-Entity-Length", "5"}}), 204);
  EXPECT_EQ(put("1234", {{"X-Expected-Entity-Length", "5"}}), 400);
  EXPECT_EQ(put("123456", {{"X-Expected-Entity-Length", "5"}}), 400);
  EXPECT_EQ(w.get("/f"), "12345");
  EXPECT_EQ(put("", {}), 204);
  EXPECT_EQ(w.get("/f"), "");
}

TEST(Put, RefusesBeforeItInvitesTheBody) {  // docs/robustness.md H7
  dav::Options options;
  options.body_limit_bytes = 1000;
  options.free_space_floor_bytes = 1 << 20;
  World w(options);
  w.put("/f");
  w.mkcol("/c");
  w.put("/locked");
  w.lock("/locked");
  struct Row {
    const char* target;
    Headers headers;
    std::size_t size;
    int status;
  };
  const Row rows[] = {{"/none/f", {}, 10, 409},
                      {"/c", {}, 10, 405},
                      {"/f", {{"If-None-Match", "*"}}, 10, 412},
                      {"/locked", {}, 10, 423},
                      {"/f", {}, 1001, 413},
                      {"/f", {{"Content-Range", "bytes 0-9/10"}}, 10, 400}};
  for (const Row& row : rows) {
    StringBody body(std::string(row.size, 'x'));
    EXPECT_EQ(w.dav.send("PUT", row.target, row.headers, body).status, row.status) << row.target;
    EXPECT_FALSE(body.invited()) << row.target;
  }
  w.store.contents.set_space({.available = (1 << 20) + 5, .total = 1 << 30});
  StringBody body("123456");
  const Answer full = w.dav.send("PUT", "/f", {}, body);
  EXPECT_EQ(full.status, 507);
  EXPECT_EQ(refusal(full).precondition, "sufficient-disk-space");
  EXPECT_FALSE(body.invited());
  EXPECT_EQ(w.status("PUT", "/f", {}, "12345"), 204);
  EXPECT_EQ(w.status("DELETE", "/f"), 204);  // docs/robustness.md E1: there is always a way out
}

// A body during whose arrival something else happens to the store.
class InterruptedBody final : public Body {
 public:
  explicit InterruptedBody(std::function<void()> event) : event_(std::move(event)) {}
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return 4; }
  Piece read() override {
    if (!event_) return {State::complete, {}};
    std::exchange(event_, nullptr)();
    return {State::more, std::string_view("mine")};
  }

 private:
  std::function<void()> event_;
};

TEST(Put, JudgesAgainWhenTheBodyHasArrived) {  // docs/robustness.md C9
  struct Row {
    const char* target;
    Headers headers;
    std::function<void(World&)> event;
    int status;
    const char* what;
  };
  const Row rows[] = {
      {"/c/f", {}, [](World& w) { w.lock("/c/f"); }, 423, "locked"},
      {"/c/f", {}, [](World& w) { w.lock("/"); }, 423, "locked from above"},
      {"/c/f", {}, [](World& w) { w.send("DELETE", "/c"); }, 409, "the parent is gone"},
      {"/c/f",
       {},
       [](World& w) {
         w.send("MOVE", "/c", {{"Destination", "/d"}});
       },
       409,
       "moved"},
      {"/c/new", {}, [](World& w) { w.mkcol("/c/new"); }, 405, "a collection now"},
      {"/c/new",
       {{"If-None-Match", "*"}},
       [](World& w) { w.put("/c/new", "theirs"); },
       412,
       "taken"},
      {"/c/f", {{"If-Match", "*"}}, [](World& w) { w.send("DELETE", "/c/f"); }, 412, "gone"},
      {"/c/f", {}, [](World& w) { w.put("/c/f", "theirs"); }, 204, "replaced: the later one wins"},
      {"/c/f", {}, [](World& w) { w.send("DELETE", "/c/f"); }, 201, "gone: made anew"},
  };
  for (const Row& row : rows) {
    World w;
    w.mkcol("/c");
    w.put("/c/f", "old");
    std::string after_event;
    InterruptedBody body([&] {
      row.event(w);
      after_event = w.dump();
    });
    EXPECT_EQ(w.dav.send("PUT", row.target, row.headers, body).status, row.status) << row.what;
    if (row.status >= 400) {
      EXPECT_EQ(w.dump(), after_event) << row.what;
    }
  }
}

TEST(Put, HasAnExactBodyLimit) {  // docs/operations.md#settings
  dav::Options options;
  options.body_limit_bytes = 10;
  World w(options);
  for (const bool chunked : {false, true}) {
    for (const std::size_t size : {9U, 10U, 11U}) {
      StringBody body(std::string(size, 'x'));
      if (chunked) body.chunked();
      const int status = w.dav.send("PUT", "/f", {}, body).status;
      EXPECT_EQ(status / 100, size > 10 ? 4 : 2);
      if (size > 10) {
        EXPECT_EQ(status, 413);
      }
    }
  }
}

TEST(Put, AFullStoreIs507AndKeepsTheOldContent) {  // docs/robustness.md D11, E1
  World w;
  w.put("/f", "old");
  w.store.contents.set_space({.available = 100, .total = 1000});
  EXPECT_EQ(w.status("PUT", "/f", {}, std::string(101, 'x')), 507);
  EXPECT_EQ(w.get("/f"), "old");
  EXPECT_EQ(w.store.contents.uploads(), 0U);
}

TEST(Put, VerifiesChecksums) {  // docs/clients.md R43, RFC 1864, RFC 9530
  const Headers good[] = {
      {{"OC-Checksum", "SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"}},
      {{"OC-Checksum", "sha1:AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D"}},
      {{"OC-Checksum", "MD5:5d41402abc4b2a76b9719d911017c592"}},
      {{"OC-Checksum", "SHA256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}},
      {{"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}},
      {{"Repr-Digest", "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"}},
      {{"Content-Digest", "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"}},
  };
  for (const Headers& headers : good) {
    World w;
    EXPECT_EQ(w.status("PUT", "/f", headers, "hello"), 201) << headers[0].second;
    EXPECT_EQ(w.status("PUT", "/g", headers, "hellp"), 400) << headers[0].second;
    EXPECT_EQ(w.status("HEAD", "/g"), 404);
  }
}

TEST(Put, ComputesTheChecksumsItIsToldTo) {  // --checksums, docs/clients.md R43
  for (const auto& [wanted, sha1, md5] :
       {std::tuple{storage::Digests{}, false, false},
        {storage::Digests{.sha1 = true}, true, false},
        {storage::Digests{.md5 = true}, false, true},
        {storage::Digests{.sha1 = true, .md5 = true}, true, true}}) {
    dav::Options options;
    options.checksums = wanted;
    World w(options);
    w.put("/f", "hello");
    w.lock("/empty");
    EXPECT_EQ(w.status("COPY", "/f", {{"Destination", "/copy"}}), 201);
    for (const char* target : {"/f", "/copy", "/empty"}) {
      const auto snapshot = w.store.names.snapshot();
      const storage::Checksums sums =
          snapshot->content(*snapshot->resolve(storage::Path({target + 1})).resource).checksums;
      EXPECT_EQ(sums.sha1.has_value(), sha1) << target;
      EXPECT_EQ(sums.md5.has_value(), md5) << target;
    }
    // What the client announces comes on top.
    EXPECT_EQ(w.status("PUT", "/f", {{"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}}, "hello"), 204);
    EXPECT_EQ(w.send("GET", "/f").header("OC-Checksum").substr(0, 4), sha1 ? "SHA1" : "MD5:");
  }
}

TEST(Put, KeepsTheDateTheClientAsksFor) {  // docs/clients.md R42
  World w;
  const Answer answer = w.send("PUT", "/f", {{"X-OC-Mtime", "1700000000"}}, "x");
  EXPECT_EQ(answer.header("X-OC-Mtime"), "accepted");
  EXPECT_EQ(answer.header("Last-Modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  EXPECT_EQ(w.properties("/f", "getlastmodified").text("getlastmodified"),
            "Tue, 14 Nov 2023 22:13:20 GMT");
  EXPECT_EQ(w.send("PUT", "/g", {{"x-oc-mtime", "1700000000.75"}}, "x").header("X-OC-MTime"),
            "accepted");
  EXPECT_FALSE(w.send("PUT", "/h", {}, "x").has("X-OC-Mtime"));
  EXPECT_FALSE(w.send("PUT", "/h", {{"X-OC-Mtime", "-"}}, "x").has("X-OC-Mtime"));
  // The next PUT without a date is dated by the server again.
  w.put("/f", "y");
  EXPECT_EQ(w.send("HEAD", "/f").header("Last-Modified"),
            http::format_date(ManualClock::kStart / 1000));
}

TEST(Put, KeepsPropertiesLocksAndCreationDate) {  // RFC 4918 §9.7.1
  World w;
  w.put("/f", "one");
  EXPECT_EQ(w.status("PROPPATCH", "/f", {}, set_properties("<x:p>kept</x:p>")), 207);
  const std::string created = w.properties("/f", "creationdate").text("creationdate");
  const std::string token = w.lock("/f");
  w.store.clock.advance(60'000);
  EXPECT_EQ(w.status("PUT", "/f", with_token(token), "two"), 204);
  EXPECT_EQ(w.properties("/f", "creationdate").text("creationdate"), created);
  EXPECT_EQ(w.locks_of("/f").size(), 1U);
  const Answer all = w.send("PROPFIND", "/f", {{"Depth", "0"}});
  EXPECT_EQ(single(all).text("p", "urn:x"), "kept");
}

TEST(Put, TakesNoPieceForTheWhole) {  // docs/clients.md R77
  const struct {
    const char* target;
    const char* field;
    const char* value;
    int status;
  } rows[] = {
      {"/big-chunking-4711-3-0", "OC-Chunked", "1", 501},
      {"/big-chunking-4711-3-2", "OC-Chunked", "1", 501},
      {"/big-chunking-4711-3-0", "oc-chunked", "1", 501},
      {"/big", "OC-Chunked", "1", 501},
      {"/old", "OC-Chunked", "1", 501},
      {"/new", "OC-Chunked", "true", 501},
      {"/new", "OC-Chunked", "2", 501},
      {"/none/new", "OC-Chunked", "1", 501},
      {"/one", "OC-Chunked", "0", 201},
      {"/two", "OC-Chunked", "", 201},
      {"/three", "OC-Chunked", "false", 201},
      {"/four-chunking-4711-3-0", "OC-Chunk-Size", "1", 201},
      {"/five-chunking-1-1-0", "OC-Total-Length", "1", 201},
  };
  for (const auto& row : rows) {
    World w;
    w.put("/old", "old");
    const std::string before = w.dump();
    StringBody body("piece");
    const Answer answer = w.dav.send("PUT", row.target, {{row.field, row.value}}, body);
    EXPECT_EQ(answer.status, row.status) << row.target << row.value;
    if (row.status != 501) continue;
    EXPECT_FALSE(body.invited()) << "the client is spared the rest";
    EXPECT_EQ(w.dump(), before);
    EXPECT_FALSE(answer.has("ETag"));
    EXPECT_FALSE(answer.has("X-OC-Mtime"));
    EXPECT_NE(answer.body.find("nothing was stored"), std::string::npos);
  }
}

TEST(Put, ReadsContentMd5InBothFormsThatClientsSend) {
  const struct {
    const char* value;
    int status;
  } rows[] = {
      {"XUFAKrxLKna5cZ2REBfFkg==", 201},
      {"5d41402abc4b2a76b9719d911017c592", 201},
      {"5D41402ABC4B2A76B9719D911017C592", 201},
      {" 5d41402abc4b2a76b9719d911017c592 ", 201},
      {"", 201},
      {"  ", 201},
      {"5d41402abc4b2a76b9719d911017c593", 400},
      {"XUFAKrxLKna5cZ2REBfFkQ==", 400},
      {"5d41402abc4b2a76b9719d911017c59", 400},
      {"5d41402abc4b2a76b9719d911017c5922", 400},
      {"5d41402abc4b2a76b9719d911017c59x", 400},
      {"XUFAKrxLKna5cZ2REBfFkg", 400},
      {"hello", 400},
  };
  for (const auto& row : rows) {
    World w;
    EXPECT_EQ(w.status("PUT", "/f", {{"Content-MD5", row.value}}, "hello"), row.status)
        << row.value;
    EXPECT_EQ(w.status("HEAD", "/f"), row.status == 201 ? 200 : 404);
  }
}

TEST(Put, SaysWhyItDoesNotTakeIt) {
  World w;
  const Answer coded = w.send("PUT", "/f", {{"Content-Encoding", "gzip"}}, "x");
  EXPECT_EQ(coded.status, 415);
  EXPECT_NE(coded.body.find("Content-Encoding"), std::string::npos);
  EXPECT_EQ(coded.header("Accept-Encoding"), "identity");  // RFC 9110 §15.5.16
  const Answer slash = w.send("PUT", "/f/", {}, "x");
  EXPECT_EQ(slash.status, 409);
  EXPECT_NE(slash.body.find("final slash"), std::string::npos);
  EXPECT_EQ(w.send("LOCK", "/f/", {}, lockinfo()).body.find("parent"), std::string::npos);
  w.put("/g");
  EXPECT_NE(w.send("PUT", "/g/", {}, "x").body.find("final slash"), std::string::npos);
  EXPECT_NE(w.send("PUT", "/none/f", {}, "x").body.find("parent"), std::string::npos);
}

TEST(Dates, Before1970AreKeptThroughEveryWay) {
  for (const std::int64_t seconds :
       {std::int64_t{-152'712'000}, std::int64_t{-1}, std::int64_t{-86'400},
        std::int64_t{-11'644'473'600}, std::int64_t{-344'995'201}, std::int64_t{0}}) {
    World w;
    const std::string number = std::to_string(seconds);
    const std::string date = http::format_date(seconds);
    const auto expect_dated = [&](const std::string& target) {
      EXPECT_EQ(w.properties(target, "lastmodified").text("lastmodified"), number) << target;
      EXPECT_EQ(w.properties(target, "getlastmodified").text("getlastmodified"), date) << target;
      const std::string get = target == "/c" ? "/c/" : target;
      EXPECT_EQ(w.send("GET", get).header("Last-Modified"), date) << target;
      EXPECT_EQ(w.send("HEAD", get).header("Last-Modified"), date) << target;
    };
    const Headers mtime = {{"X-OC-Mtime", number}};
    EXPECT_EQ(w.send("PUT", "/f", mtime, "x").header("X-OC-Mtime"), "accepted");
    expect_dated("/f");
    EXPECT_EQ(w.status("PUT", "/f", mtime, "other content"), 204);
    expect_dated("/f");
    EXPECT_EQ(w.send("MKCOL", "/c", mtime).header("X-OC-Mtime"), "accepted");
    expect_dated("/c");
    EXPECT_EQ(w.status("COPY", "/f", {{"Destination", "/copy"}}), 201);
    expect_dated("/copy");
    EXPECT_EQ(w.status("MOVE", "/copy", {{"Destination", "/moved"}}), 201);
    expect_dated("/moved");
    w.put("/g");
    EXPECT_EQ(w.status("MOVE", "/g", Headers{{"Destination", "/h"}} + mtime), 201);
    expect_dated("/h");
    for (const std::string& property :
         {"<D:lastmodified>" + number + "</D:lastmodified>",
          "<D:lastmodified>" + date + "</D:lastmodified>",
          "<D:getlastmodified>" + number + "</D:getlastmodified>",
          "<D:getlastmodified>" + date + "\n</D:getlastmodified>",
          "<D:getlastmodified>" + http::format_rfc3339(seconds) + "</D:getlastmodified>",
          "<Z:Win32LastModifiedTime>" + date + "</Z:Win32LastModifiedTime>"}) {
      w.put("/p");
      const Answer answer = w.send("PROPPATCH", "/p", {}, set_properties(property));
      EXPECT_EQ(single(answer).propstats.at(0).code(), 200) << property;
      expect_dated("/p");
    }
  }
  World w;
  w.put("/f");
  for (const char* bad : {"", "soon", "1994-11-06", "1e9", "253402300800", "Sun, 06 Nov 1994"})
    for (const std::string name : {"lastmodified", "getlastmodified"}) {
      const std::string property = "<D:" + name + ">" + bad + "</D:" + name + ">";
      EXPECT_EQ(single(w.send("PROPPATCH", "/f", {}, set_properties(property))).code(name), 409)
          << property;
    }
  EXPECT_FALSE(w.send("MKCOL", "/d", {{"X-OC-Mtime", "soon"}}).has("X-OC-Mtime"));
}

TEST(Put, MakesTheCollectionsAboveItWhenItsClientAsks) {  // docs/clients.md R78
  const struct {
    const char* target;
    const char* value;
    int status;
  } rows[] = {
      {"/a/f", "1", 201},          {"/a/b/c/f", "1", 201},  {"/a/b/c/f", "true", 201},
      {"/old/b/f", "1", 201},      {"/old/f", "1", 201},    {"/f", "1", 201},
      {"/old/file", "1", 204},     {"/a/f", "0", 409},      {"/a/f", "", 409},
      {"/a/f", "no", 409},         {"/a/b/f/", "1", 409},   {"/old/file/f", "1", 409},
      {"/old/file/a/f", "1", 409}, {"/locked/f", "1", 423}, {"/locked/a/f", "1", 423},
      {"/locked/a/b/f", "1", 423},
  };
  for (const auto& row : rows)
    for (const bool arrived : {false, true}) {
      World w;
      w.mkcol("/old");
      w.put("/old/file");
      w.mkcol("/locked");
      const std::string token = w.lock("/locked", "0");
      const std::string before = w.dump();
      StringBody body("x");
      if (arrived) body.arrived();
      const Answer answer =
          w.dav.send("PUT", row.target, {{"X-NC-WebDAV-AutoMkcol", row.value}}, body);
      EXPECT_EQ(answer.status, row.status) << row.target << row.value;
      if (row.status >= 400) {
        EXPECT_EQ(w.dump(), before) << row.target;
        EXPECT_EQ(body.invited(), arrived) << row.target;
      } else {
        EXPECT_EQ(w.get(row.target), "x");
      }
    }
  World w;
  w.mkcol("/locked");
  const std::string token = w.lock("/locked", "0");
  const Headers asks = {{"X-NC-WebDAV-AutoMkcol", "1"}};
  EXPECT_EQ(w.status("PUT", "/locked/a/b/f", asks + with_token("/locked", token), "x"), 201);
  const std::string before = w.dump();
  EXPECT_EQ(w.status("PUT", "/n/f", asks + Headers{{"If-Match", "*"}}, "x"), 412);
  EXPECT_EQ(
      w.status("PUT", "/n/f", asks + Headers{{"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}}, "x"),
      400);
  EXPECT_EQ(w.status("PUT", "/n/f", {}, "x"), 409) << "only when asked";
  EXPECT_EQ(w.status("LOCK", "/n/f", asks, lockinfo()), 409);
  EXPECT_EQ(w.status("MKCOL", "/n/f", asks), 409);
  EXPECT_EQ(w.dump(), before);
}

TEST(Put, MakesNoCollectionWhereItMayNot) {
  auto caller = std::make_shared<dav::Caller>();
  caller->account = 7;
  caller->name = "ann";
  caller->home = storage::Path({"home", "a", "b"});
  caller->grants.push_back({.path = caller->home, .right = storage::Right::write});
  World w;
  DavClient ann(w.engine);
  ann.as(caller);
  const Headers asks = {{"X-NC-WebDAV-AutoMkcol", "1"}};
  const std::string before = w.dump();
  EXPECT_EQ(ann.send("PUT", "/home/a/b/f", asks, "x").status, 403) << "/home is not hers to make";
  EXPECT_EQ(w.dump(), before);
  w.mkcol("/home");
  w.mkcol("/home/a");
  EXPECT_EQ(ann.send("PUT", "/home/a/b/c/f", asks, "x").status, 201);
}

}  // namespace
}  // namespace holdfast::test
