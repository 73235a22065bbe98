// Refusals (RFC 4918 §16, RFC 9457): performs every row of the table in
// docs/conflicts.md in every mode, so that the document says what the engine does.
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>

#include "dav/refusal.h"
#include "tests/dav/world.h"
#include "tests/support/build_paths.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Situation {
  std::string situation;
  std::string request;                // "PUT /locked", then header lines
  std::vector<std::string> statuses;  // auto, auto with JSON, 409, rfc4918
  std::string body;                   // precondition element and hrefs, or "-"
};

std::string strip(std::string text) {
  const auto space = [](char c) { return c == ' ' || c == '`'; };
  while (!text.empty() && space(text.front())) text.erase(0, 1);
  while (!text.empty() && space(text.back())) text.pop_back();
  return text;
}

// The rows of the table in docs/conflicts.md with these column names.
std::vector<std::vector<std::string>> table_of(const std::vector<std::string>& columns) {
  std::ifstream file(holdfast::test::source_folder() / "docs/conflicts.md");
  EXPECT_TRUE(file.good());
  std::vector<std::vector<std::string>> rows;
  std::string line;
  bool inside = false;
  while (std::getline(file, line)) {
    if (!line.starts_with("|")) {
      inside = false;
      continue;
    }
    std::vector<std::string> cells;
    std::istringstream stream(line.substr(1));
    for (std::string cell; std::getline(stream, cell, '|');) cells.push_back(strip(cell));
    if (cells == columns) {
      inside = true;
      continue;
    }
    if (!inside || cells[0].starts_with("---")) continue;
    EXPECT_EQ(cells.size(), columns.size()) << line;
    if (cells.size() == columns.size()) rows.push_back(std::move(cells));
  }
  return rows;
}

std::vector<Situation> table() {
  std::vector<Situation> rows;
  for (auto& cells :
       table_of({"Situation", "Request", "auto", "auto`, JSON", "409", "rfc4918", "Body"})) {
    rows.push_back({.situation = cells[0],
                    .request = cells[1],
                    .statuses = {cells[2], cells[3], cells[4], cells[5]},
                    .body = cells[6]});
  }
  return rows;
}

// The state that docs/conflicts.md describes.
struct ConflictScene : World {
  std::string token;    // of the lock on /locked
  std::string foreign;  // of another account's lock on /theirs
  std::shared_ptr<dav::Caller> ann = std::make_shared<dav::Caller>();

  explicit ConflictScene(dav::ConflictStatus mode) : World(options(mode)) {
    put("/f", "one");
    put("/locked", "held");
    put("/theirs", "held");
    mkcol("/c");
    mkcol("/tree");
    put("/tree/leaf");
    lock("/tree/leaf");
    mkcol("/shallow");
    put("/shallow/member");
    lock("/shallow", "0");
    token = lock("/locked");
    foreign = send_as("bob", "LOCK", "/theirs", {}, lockinfo()).lock_token();
    mkcol("/hers");
    put("/hers/kept");
    put("/secret");
    ann->name = "ann";
    ann->quota_bytes = 10;
    ann->grants = {{{}, storage::Right::read},
                   {storage::Path({"secret"}), storage::Right::none},
                   {storage::Path({"hers"}), storage::Right::write},
                   {storage::Path({"hers", "kept"}), storage::Right::read}};
    store.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      storage::Account account;
      account.name = ann->name;
      ann->account = tx.put_account(account);
    });
    ann->home = storage::Path({"hers"});
    DavClient client(engine);
    client.as(ann);
    EXPECT_EQ(client.send("PUT", "/hers/eight", {}, "12345678").status, 201);
  }

  static dav::Options options(dav::ConflictStatus mode) {
    dav::Options options;
    options.conflict_status = mode;
    options.propfind_infinity_limit = 2;
    return options;
  }

  // Sends "METHOD /target, Name: value, …" with the words TOKEN, FOREIGN and ETAG replaced.
  Answer perform(const std::string& request, std::string_view accept) {
    const auto filled = [&](std::string text) {
      const std::pair<const char*, std::string> words[] = {
          {"FOREIGN", foreign}, {"TOKEN", token}, {"ETAG", etag("/f")}};
      for (const auto& [word, value] : words)
        if (const std::size_t at = text.find(word); at != std::string::npos)
          text.replace(at, std::string_view(word).size(), value);
      return text;
    };
    std::vector<std::string> parts;
    std::size_t start = 0;
    for (std::size_t at; (at = request.find(", ", start)) != std::string::npos; start = at + 2)
      parts.push_back(request.substr(start, at - start));
    parts.push_back(request.substr(start));
    const std::size_t space = parts[0].find(' ');
    const std::string method = parts[0].substr(0, space);
    Headers headers;
    if (!accept.empty()) headers.emplace_back("Accept", accept);
    std::string body;
    DavClient client(engine);
    for (std::size_t i = 1; i < parts.size(); ++i) {
      if (parts[i] == "by ann") {
        client.as(ann);
        continue;
      }
      const std::size_t colon = parts[i].find(": ");
      if (colon == std::string::npos) {
        EXPECT_EQ(parts[i], "with a body") << request;
        body = "x";
      } else if (parts[i].starts_with("body: ")) {
        body = parts[i].substr(colon + 2);
      } else {
        headers.emplace_back(parts[i].substr(0, colon), filled(parts[i].substr(colon + 2)));
      }
    }
    if (body.empty() && method == "LOCK") body = lockinfo();
    if (body.empty() && method == "PROPPATCH") body = set_properties("<x:p>1</x:p>");
    if (body.empty() && method == "PUT") body = "two";
    return client.send(method, parts[0].substr(space + 1), headers, body);
  }
};

// "lock-token-submitted /locked" as the document writes a body.
std::string written(const Answer& answer) {
  const Refusal why = refusal(answer);
  if (why.precondition.empty()) return "-";
  std::string text = why.precondition;
  for (const std::string& href : why.hrefs) text += " " + href;
  return text;
}

TEST(ConflictsDocument, SaysWhatTheEngineDoesInEveryMode) {
  const std::vector<Situation> rows = table();
  EXPECT_GE(rows.size(), 25U);
  struct Mode {
    dav::ConflictStatus setting;
    bool json;
  };
  const Mode modes[] = {{dav::ConflictStatus::automatic, false},
                        {dav::ConflictStatus::automatic, true},
                        {dav::ConflictStatus::always_409, false},
                        {dav::ConflictStatus::rfc4918, false}};
  for (std::size_t mode = 0; mode < std::size(modes); ++mode) {
    ConflictScene scene(modes[mode].setting);
    const std::string before = scene.dump();
    for (const Situation& row : rows) {
      const Answer answer = scene.perform(row.request, modes[mode].json ? "application/json" : "");
      EXPECT_EQ(std::to_string(answer.status), row.statuses[mode])
          << row.situation << ", mode " << mode << ": " << answer.log_detail;
      EXPECT_EQ(scene.dump(), before) << "a conflict changed something: " << row.situation;
      if (modes[mode].json) {
        EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << row.situation;
        EXPECT_THAT(answer.body, HasSubstr("\"status\":" + row.statuses[mode])) << row.situation;
      } else {
        EXPECT_EQ(written(answer), row.body) << row.situation;
      }
    }
  }
}

TEST(Conflicts, JsonIsSentOnlyToThoseWhoPreferIt) {  // docs/conflicts.md
  struct Case {
    const char* accept;
    bool json;
  };
  const Case cases[] = {
      {"application/json", true},
      {"application/problem+json", true},
      {"APPLICATION/JSON", true},
      {"application/json, text/html", true},
      {"application/json, */*;q=0.8", true},
      {"application/xml;q=0.5, application/json;q=0.6", true},
      {"text/html;q=0.1, application/json;q=0.1", true},
      {"*/*", false},
      {"application/json, */*", true},
      {"application/json, text/plain, */*", true},  // axios
      {"application/json;q=0.5, text/xml", false},
      {"application/json;q=0", false},
      {"application/json;q=0.5, application/*;q=0.5", true},
      {"text/xml", false},
      {"", false},
      {"garbage;;;,,,", false},
  };
  ConflictScene scene(dav::ConflictStatus::automatic);
  for (const Case& each : cases) {
    const Answer answer = scene.send("PUT", "/locked", {{"Accept", each.accept}}, "x");
    EXPECT_EQ(answer.status, each.json ? 409 : 423) << each.accept;
    EXPECT_EQ(answer.header("Content-Type"),
              each.json ? "application/problem+json" : "application/xml; charset=utf-8");
  }
  EXPECT_EQ(scene.status("PUT", "/locked", {}, "x"), 423);
  for (const auto mode : {dav::ConflictStatus::always_409, dav::ConflictStatus::rfc4918}) {
    ConflictScene other(mode);
    const Answer answer = other.send("PUT", "/locked", {{"Accept", "application/json"}}, "x");
    EXPECT_EQ(answer.status, mode == dav::ConflictStatus::rfc4918 ? 423 : 409);
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  }
}

TEST(Conflicts, AStaleVersionTellsJsonClientsBothVersions) {  // docs/conflicts.md
  ConflictScene scene(dav::ConflictStatus::automatic);
  const Answer answer = scene.send("PUT", "/f?x=\"y\"",
                                   {{"Accept", "application/json"}, {"If-Match", "\"old\""}}, "x");
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.header("ETag"), scene.etag("/f"));
  EXPECT_THAT(answer.body, HasSubstr("\"your_version\":\"\\\"old\\\"\""));
  const std::string tag = scene.etag("/f");
  EXPECT_THAT(answer.body,
              HasSubstr("\"current_version\":\"\\\"" + tag.substr(1, tag.size() - 2) + "\\\"\""));
  EXPECT_THAT(answer.body, HasSubstr("\"instance\":\"/f?x=\\\"y\\\"\""));
  EXPECT_THAT(answer.body, StartsWith("{\"type\":\"urn:holdfast:problem:stale-version\""));
  // A client that follows it succeeds.
  EXPECT_EQ(scene.status("PUT", "/f", {{"If-Match", answer.header("ETag")}}, "x"), 204);
}

TEST(Conflicts, ALockIsDescribedWithoutItsToken) {  // docs/conflicts.md
  ConflictScene scene(dav::ConflictStatus::automatic);
  scene.put("/mine");
  const std::string secret = scene
                                 .send("LOCK", "/mine", {{"Timeout", "Second-60"}, {"Depth", "0"}},
                                       lockinfo("exclusive", "\"ann\"&amp;\\"))
                                 .lock_token();
  for (const char* method : {"PUT", "LOCK", "DELETE"}) {
    const Answer answer = scene.send(method, "/mine", {{"Accept", "application/json"}},
                                     std::string(method) == "LOCK" ? lockinfo() : "");
    EXPECT_EQ(answer.status, 409) << method;
    EXPECT_THAT(answer.body, HasSubstr("\"lock\":{\"owner\":\"\\\"ann\\\"&amp;\\\\\""));
    EXPECT_THAT(answer.body, HasSubstr("\"scope\":\"exclusive\""));
    EXPECT_THAT(answer.body, HasSubstr("\"depth\":\"0\""));
    EXPECT_THAT(answer.body, HasSubstr("\"expires\":\"2026-01-02T03:05:05Z\""));
    EXPECT_THAT(answer.body, Not(HasSubstr(secret)));
  }
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Conflicts,
     OfficeLearnsWhoHoldsTheLock) {  // docs/clients.md R74: X-MSDAVEXT_ERROR, percent-encoded
  struct Case {
    std::string owner, principal, told;
  };
  const std::vector<Case> cases = {
      {"", "", "589838; The%20file%20is%20locked."},
      {"<D:href>PC\\ann</D:href>", "", "589838; The%20file%20is%20locked%20by%20PC%5Cann"},
      {"Ann &amp; Bob", "", "589838; The%20file%20is%20locked%20by%20Ann%20%26%20Bob"},
      {"x\r\nSet-Cookie: a", "", "589838; The%20file%20is%20locked%20by%20x%0ASet-Cookie:%20a"},
      {"text that anybody may claim", "ann", "589838; The%20file%20is%20locked%20by%20ann"},
      // Cut to 128 bytes, never inside a character.
      {"a" + repeated("\xC3\xA9", 100), "",
       "589838; The%20file%20is%20locked%20by%20a" + repeated("%C3%A9", 63)},
  };
  for (const Case& c : cases) {
    World w;
    w.put("/f");
    ASSERT_EQ(w.send_as(c.principal, "LOCK", "/f", {}, lockinfo("exclusive", c.owner)).status, 200);
    for (const char* method : {"LOCK", "PUT", "PROPPATCH", "DELETE"}) {
      const Answer answer =
          w.send_as("bob", method, "/f", {},
                    std::string(method) == "LOCK"        ? lockinfo()
                    : std::string(method) == "PROPPATCH" ? set_properties("<x:a/>")
                                                         : std::string());
      EXPECT_EQ(answer.status, 423) << method;
      EXPECT_EQ(answer.header("X-MSDAVEXT_ERROR"), c.told) << method;
    }
    EXPECT_FALSE(w.send("GET", "/g").has("X-MSDAVEXT_ERROR"));
  }
}

TEST(Conflicts,
     EveryRefusalHasABodyThatParses) {  // docs/clients.md R28, docs/robustness.md O3, X13
  ConflictScene scene(dav::ConflictStatus::automatic);
  const char* targets[] = {"/none", "/%3Cscript%3E", "/c%22%26", "/f/x"};
  for (const char* target : targets) {
    for (const char* method : {"GET", "DELETE", "PROPFIND", "COPY", "BREW", "POST"}) {
      const Answer answer = scene.send(method, target, {{"Destination", "/x"}, {"If", "(<a:b>"}});
      EXPECT_GE(answer.status, 400);
      (void)refusal(answer);
      EXPECT_THAT(answer.body, HasSubstr("<s:message>"));
      EXPECT_THAT(answer.body, Not(HasSubstr("script")));
      EXPECT_NE(answer.log_detail, "");
    }
  }
}

TEST(Conflicts, StoreFaultsBecomeStatuses) {  // storage/error.h, docs/robustness.md E5
  struct Case {
    storage::Fault fault;
    int status;
  };
  const Case cases[] = {{storage::Fault::busy, 503},
                        {storage::Fault::unavailable, 503},
                        {storage::Fault::full, 507},
                        {storage::Fault::conflict, 409},
                        {storage::Fault::corrupt, 500}};
  for (const Case& each : cases) {
    const dav::Error error = dav::to_refusal(storage::Error(each.fault, "/var/lib/secret.db"));
    http::Request request;
    const Answer answer = render(dav::to_response(error, request, {}));
    EXPECT_EQ(answer.status, each.status);
    EXPECT_EQ(answer.has("Retry-After"), each.status == 503);
    EXPECT_THAT(answer.body, Not(HasSubstr("secret")));
    EXPECT_THAT(answer.log_detail, HasSubstr("secret"));
  }
}

// The text of an element or JSON member, unescaped as far as the sentences need it.
std::string sentence_in(const Answer& answer) {
  const auto between = [&](std::string_view begin, std::string_view end) {
    const std::size_t at = answer.body.find(begin);
    if (at == std::string::npos) return answer.body;
    return answer.body.substr(at + begin.size(),
                              answer.body.find(end, at + begin.size()) - at - begin.size());
  };
  std::string text;
  if (answer.header("Content-Type") == "application/problem+json") {
    text = between("\"detail\":\"", "\",\"instance");
  } else if (answer.header("Content-Type") == "text/html; charset=utf-8") {
    text = between("<p lang=\"en\">", "</p>");
  } else {
    text = between("<s:message>", "</s:message>");
  }
  for (const std::string_view quote : {"&quot;", "\\\""})
    for (std::size_t at; (at = text.find(quote)) != std::string::npos;)
      text.replace(at, quote.size(), "\"");
  return text;
}

// docs/robustness.md O3
TEST(ConflictsDocument, SaysWhatTheClientReadsInEveryForm) {
  const auto rows = table_of({"Wrong", "Request", "Status", "The sentence"});
  EXPECT_GE(rows.size(), 25U);
  for (const auto mode : {dav::ConflictStatus::rfc4918, dav::ConflictStatus::always_409}) {
    ConflictScene scene(mode);
    const std::string before = scene.dump();
    for (const auto& row : rows) {
      std::string wanted = row[3];
      if (const std::size_t at = wanted.find("ETAG"); at != std::string::npos)
        wanted.replace(at, 4, scene.etag("/f"));
      for (const std::string_view accept :
           {"", "application/json, text/plain, */*", "text/html,application/xml;q=0.9"}) {
        const Answer answer = scene.perform(row[1], accept);
        if (mode == dav::ConflictStatus::rfc4918) {
          EXPECT_EQ(std::to_string(answer.status), row[2]) << row[1];
        }
        EXPECT_EQ(sentence_in(answer), wanted) << row[1] << " " << accept;
      }
      EXPECT_EQ(scene.dump(), before) << "a refusal changed something: " << row[1];
    }
  }
}

TEST(Conflicts, APageForABrowserRunsNothing) {
  ConflictScene scene(dav::ConflictStatus::automatic);
  const Answer answer = scene.send("GET", "/%3Cscript%3E", {{"Accept", "text/html"}});
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(answer.header("Content-Security-Policy"), StartsWith("default-src 'none'"));
  EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
  EXPECT_THAT(answer.body, Not(HasSubstr("script")));
}

}  // namespace
}  // namespace holdfast::test
