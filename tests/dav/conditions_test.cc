// The If header (RFC 4918 §10.4) against an independent evaluator, and its limits at the engine
// (docs/robustness.md L7, H20; docs/clients.md R69).
#include <gmock/gmock.h>
#include <random>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

// A world with a fixed state, and what an evaluator must know about it.
struct Scene {
  World w;
  std::string on_f, on_c, also_on_c, on_o;                // tokens; on_o is another account's
  std::string stale, expired;                             // of locks that are gone
  std::map<std::string, std::vector<std::string>> locks;  // tokens that cover a URL
  std::map<std::string, std::string> tags;                // entity tag of a URL, quoted

  Scene() {
    w.put("/f", "f");
    w.mkcol("/c");
    w.put("/c/m", "m");
    w.put("/g", "g");
    w.put("/e", "e");
    w.put("/o", "o");
    w.mkcol("/d");
    expired = w.send("LOCK", "/e", {{"Timeout", "Second-1"}}, lockinfo()).lock_token();
    w.store.clock.advance(1000);
    stale = w.lock("/g");
    EXPECT_EQ(w.status("UNLOCK", "/g", {{"Lock-Token", "<" + stale + ">"}}), 204);
    on_f = w.lock("/f", "0");
    on_c = w.lock("/c", "infinity", "shared");
    also_on_c = w.lock("/c", "infinity", "shared");
    on_o = w.send_as("ann", "LOCK", "/o", {}, lockinfo()).lock_token();
    locks = {{"/f", {on_f}}, {"/o", {on_o}}};
    for (const char* url : {"/c", "/c/m", "/c/new"}) locks[url] = {on_c, also_on_c};
    for (const char* url : {"/f", "/c/m", "/g", "/e", "/o"}) tags[url] = w.etag(url);
  }

  static std::vector<std::string> urls() {
    return {"/f", "/c", "/c/m", "/g", "/e", "/o", "/d", "/c/new", "/none"};
  }
  static bool mapped(const std::string& url) { return url != "/c/new" && url != "/none"; }
};

struct Condition {
  bool negated;
  bool is_tag;
  std::string value;  // token without <>, or entity tag as written
};
struct List {
  std::string tag;  // URL path; empty for none
  std::string written;
  std::vector<Condition> conditions;
};

// §10.4.3, §10.4.4, word for word: a header is true when one list is, a list when all conditions
// are; a state token matches when the resource is locked by it, an entity tag when it is the
// current strong one.
bool evaluate(const Scene& scene, const std::string& request_url, const std::vector<List>& lists) {
  for (const List& list : lists) {
    const std::string url = list.tag.empty() ? request_url : list.tag;
    bool all = true;
    for (const Condition& condition : list.conditions) {
      bool matches = false;
      if (condition.is_tag) {
        const auto found = scene.tags.find(url);
        matches = found != scene.tags.end() && found->second == condition.value;
      } else if (const auto found = scene.locks.find(url); found != scene.locks.end()) {
        for (const std::string& token : found->second) matches |= token == condition.value;
      }
      all &= matches != condition.negated;
    }
    if (all) return true;
  }
  return false;
}

std::string write_header(const std::vector<List>& lists, std::mt19937& random) {
  std::string text;
  const auto space = [&] { return random() % 3 == 0 ? std::string("  ") : std::string(" "); };
  std::string last_tag;
  for (const List& list : lists) {
    // One tag may stand before several lists (§10.4.2).
    if (!list.tag.empty() && !(list.written == last_tag && random() % 2 == 0))
      text += "<" + list.written + ">" + space();
    last_tag = list.written;
    text += "(";
    for (const Condition& condition : list.conditions) {
      if (random() % 2 == 0) text += " ";
      if (condition.negated) text += random() % 4 == 0 ? "not " : "Not ";
      text += condition.is_tag ? "[" + condition.value + "]" : "<" + condition.value + ">";
    }
    text += ")" + space();
  }
  return text;
}

// Every condition there is in this scene, and tokens and tags that belong nowhere.
std::vector<Condition> conditions(const Scene& scene) {
  std::vector<Condition> all;
  for (const bool negated : {false, true}) {
    for (const std::string& token :
         {scene.on_f, scene.on_c, scene.also_on_c, scene.on_o, scene.stale, scene.expired,
          std::string("DAV:no-lock"), std::string("urn:uuid:00000000-0000-4000-8000-000000000000")})
      all.push_back({negated, false, token});
    for (const auto& [url, tag] : scene.tags) {
      all.push_back({negated, true, tag});
      all.push_back({negated, true, "W/" + tag});
    }
    for (const char* tag : {"\"other\"", "\"\"", "W/\"\""}) all.push_back({negated, true, tag});
  }
  return all;
}

// Spellings of one URL as a tag.
std::string written(const std::string& url, std::mt19937& random) {
  const std::string forms[] = {url, "http://localhost:8080" + url, "https://LocalHost:8080" + url,
                               "/" + url, "http://u:p%40@localhost" + url};
  return forms[random() % std::size(forms)];
}

std::vector<List> random_lists(const std::vector<Condition>& all, std::mt19937& random) {
  const std::vector<std::string> urls = Scene::urls();
  const bool tagged = random() % 2 == 0;
  std::vector<List> lists(1 + random() % 3);
  for (List& list : lists) {
    if (tagged) {
      list.tag = urls[random() % urls.size()];
      list.written = written(list.tag, random);
    }
    for (std::size_t n = 1 + random() % 3; n > 0; --n)
      list.conditions.push_back(all[random() % all.size()]);
  }
  return lists;
}

// docs/robustness.md L7, all of it that is small: every condition, alone, plain and about every
// resource, asked of every URL.
TEST(IfTruth, AgreesWithTheDefinitionOnEverySingleCondition) {
  Scene scene;
  std::mt19937 random(2518);
  std::size_t judged = 0;
  std::size_t held = 0;
  std::vector<std::string> tags = Scene::urls();
  tags.emplace_back();  // untagged
  for (const std::string& url : Scene::urls()) {
    if (!Scene::mapped(url)) continue;
    for (const std::string& tag : tags) {
      for (const Condition& condition : conditions(scene)) {
        const List list{tag, tag.empty() ? "" : written(tag, random), {condition}};
        const std::string header = write_header({list}, random);
        const bool expected = evaluate(scene, url, {list});
        const int status = scene.w.status("PROPFIND", url, {{"Depth", "0"}, {"If", header}});
        ASSERT_EQ(status, expected ? 207 : 412) << url << " If: " << header;
        ++judged;
        held += expected ? 1 : 0;
      }
    }
  }
  EXPECT_GT(judged, 2'000U);
  EXPECT_GT(held, judged / 10);
}

TEST(IfTruth, AgreesWithTheDefinitionOnGeneratedHeaders) {  // docs/robustness.md L7
  Scene scene;
  std::mt19937 random(4918);
  const std::vector<Condition> all = conditions(scene);
  const std::vector<std::string> urls = Scene::urls();
  std::size_t held = 0;
  constexpr std::size_t kHeaders = 6'000;
  for (std::size_t round = 0; round < kHeaders; ++round) {
    const std::string& url = urls[random() % 7];  // mapped ones
    const std::vector<List> lists = random_lists(all, random);
    const std::string header = write_header(lists, random);
    const bool expected = evaluate(scene, url, lists);
    held += expected ? 1 : 0;
    const int status = scene.w.status("PROPFIND", url, {{"Depth", "0"}, {"If", header}});
    ASSERT_EQ(status, expected ? 207 : 412) << url << " If: " << header;
  }
  // Neither outcome is rare, else this would show little.
  EXPECT_GT(held, kHeaders / 5);
  EXPECT_LT(held, kHeaders * 4 / 5);
}

// §10.4.1, §7.5: a write needs a header that is true, and then the tokens of the locks on its
// resource anywhere in it, in whatever list and negated or not. One token is enough of shared
// locks; another account's counts for nobody else (§6.4).
int status_of_write(const Scene& scene, const std::string& url, const std::vector<List>& lists) {
  if (!Scene::mapped(url)) return 404;
  if (!evaluate(scene, url, lists)) return 412;
  const auto found = scene.locks.find(url);
  if (found == scene.locks.end()) return 207;
  for (const std::string& token : found->second)
    for (const List& list : lists)
      for (const Condition& condition : list.conditions)
        if (!condition.is_tag && condition.value == token) return token == scene.on_o ? 403 : 207;
  return 423;
}

TEST(IfTruth,
     AWriteIsJudgedByTheHeaderAndThenByItsTokens) {  // docs/robustness.md L7, RFC 4918 §10.4.1
  Scene scene;
  std::mt19937 random(75);
  const std::vector<Condition> all = conditions(scene);
  const std::vector<std::string> urls = Scene::urls();
  // Changes nothing, and needs the same as what changes something.
  const std::string body = propertyupdate("<D:remove><D:prop><x:none/></D:prop></D:remove>");
  std::map<int, std::size_t> seen;
  const std::string before = scene.w.dump();
  for (std::size_t round = 0; round < 6'000; ++round) {
    const std::string& url = urls[random() % urls.size()];
    const std::vector<List> lists = random_lists(all, random);
    const std::string header = write_header(lists, random);
    const int expected = status_of_write(scene, url, lists);
    ++seen[expected];
    ASSERT_EQ(scene.w.status("PROPPATCH", url, {{"If", header}}, body), expected)
        << url << " If: " << header;
  }
  EXPECT_EQ(scene.w.dump(), before);
  for (const int status : {207, 403, 404, 412, 423}) EXPECT_GT(seen[status], 50U) << status;
}

TEST(IfTruth, EveryMethodHonoursIt) {  // RFC 4918 §10.4
  Scene scene;
  const std::string before = scene.w.dump();
  const Headers wrong = {{"If", "([\"other\"])"}, {"Destination", "/copy"}};
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "COPY", "MOVE", "PROPFIND"})
    EXPECT_EQ(scene.w.status(method, "/g", wrong), 412) << method;
  EXPECT_EQ(scene.w.status("PROPPATCH", "/g", wrong, set_properties("<x:p/>")), 412);
  EXPECT_EQ(scene.w.status("LOCK", "/g", wrong, lockinfo()), 412);
  EXPECT_EQ(scene.w.status("MKCOL", "/new", wrong), 412);
  EXPECT_EQ(scene.w.status("UNLOCK", "/f", wrong + Headers{{"Lock-Token", "<" + scene.on_f + ">"}}),
            412);
  EXPECT_EQ(scene.w.dump(), before);
}

TEST(IfTruth, HandWrittenCases) {
  Scene scene;
  const std::string f = scene.tags["/f"];
  struct Row {
    const char* url;
    std::string header;
    int status;
    const char* source;
  };
  const Row rows[] = {
      {"/g", "(Not <DAV:no-lock>)", 207, "§10.4.8: always true"},
      {"/g", "(<DAV:no-lock>)", 412, "§10.4.8: always false"},
      {"/f", "(<" + scene.on_f + "> [" + f + "])", 207, "§10.4.3: and"},
      {"/f", "(<" + scene.on_f + "> [\"x\"])", 412, "§10.4.3: and"},
      {"/f", "([\"x\"]) (<" + scene.on_f + ">)", 207, "§10.4.3: or"},
      {"/f", "([W/" + f + "])", 412, "§10.4.4: weak tags do not match"},
      {"/f", "(Not [W/" + f + "])", 207, "§10.4.4"},
      {"/f", "</g> (Not <" + scene.on_f + ">)", 207, "§10.4.3: about /g"},
      {"/none2", "(Not <" + scene.on_f + ">)", 404, "unmapped"},
      {"/c/m", "(<" + scene.on_c + ">)", 207, "covered from above"},
      {"/g", "<http://elsewhere.example/g> (Not <urn:a:b>)", 207, "foreign: no state"},
      {"/g", "<http://elsewhere.example/g> ([" + scene.tags["/g"] + "])", 412, "foreign"},
      {"/f", "<mailto:x@y> (Not <urn:a:b>)", 400, "no URL"},
      {"/f", scene.on_f, 207, "docs/clients.md R69: a bare token"},
      {"/f", "<" + scene.on_f + ">", 207, "docs/clients.md R69"},
      {"/g", scene.on_f, 412, "docs/clients.md R69: and yet judged"},
      {"/f", "", 400, "§10.4.2"},
      {"/f", "()", 400, "§10.4.2"},
      {"/f", "(", 400, "§10.4.2"},
      {"/f", "</f>", 400, "§10.4.2: a tag without a list"},
      {"/f", "(<" + scene.on_f + ">) </f> (<" + scene.on_f + ">)", 400, "§10.4.2: mixed"},
      {"/f", "(Not Not <a:b>)", 400, "§10.4.2"},
      {"/f", "(<no-uri>)", 400, "§10.4.2"},
      {"/f", "([unquoted])", 400, "§10.4.2"},
      {"/f", "(<a:b>) junk", 400, "§10.4.2"},
      {"/f", "</../x> (<a:b>)", 400, "docs/robustness.md P1"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(scene.w.status("PROPFIND", row.url, {{"Depth", "0"}, {"If", row.header}}), row.status)
        << row.header << " " << row.source;
}

TEST(IfTruth, HasExactLimits) {  // docs/robustness.md H20
  Scene scene;
  const auto status = [&](const std::string& header) {
    return scene.w.status("PROPFIND", "/f", {{"Depth", "0"}, {"If", header}});
  };
  const auto lists = [](int count, const std::string& one) {
    std::string text;
    for (int i = 0; i < count; ++i) text += one;
    return text;
  };
  EXPECT_EQ(status(lists(64, "(<a:b>)")), 412);
  EXPECT_EQ(status(lists(65, "(<a:b>)")), 400);
  EXPECT_EQ(status("(" + lists(256, "<a:b>") + ")"), 412);
  EXPECT_EQ(status("(" + lists(257, "<a:b>") + ")"), 400);
  const auto resources = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "</r" + std::to_string(i) + "> (<a:b>)";
    return text;
  };
  EXPECT_EQ(status(resources(32)), 412);
  EXPECT_EQ(status(resources(33)), 400);
  EXPECT_EQ(status("<" + std::string(8000, 'x') + "> (<a:b>)"), 400);
  EXPECT_EQ(status(std::string(8000, '(')), 400);
}

TEST(Conditions, MalformedIfNoneMatchMatchesNothingAnywhere) {  // docs/clients.md R34
  World w;
  w.put("/f");
  w.mkcol("/c");
  const Headers joplin = {{"If-None-Match", "JoplinIgnore-4711"}};
  EXPECT_EQ(w.status("PUT", "/f", joplin, "x"), 204);
  EXPECT_EQ(w.status("PROPFIND", "/f", joplin), 207);
  EXPECT_EQ(w.status("MKCOL", "/new", joplin), 201);
  EXPECT_EQ(w.status("MKCOL", "/c", joplin), 405);
  EXPECT_EQ(w.status("MOVE", "/f", joplin + Headers{{"Destination", "/g"}}), 201);
  EXPECT_EQ(w.status("COPY", "/g", joplin + Headers{{"Destination", "/f"}}), 201);
  EXPECT_EQ(w.status("PROPPATCH", "/f", joplin, set_properties("<x:p/>")), 207);
  EXPECT_EQ(w.status("LOCK", "/f", joplin, lockinfo("shared")), 200);
  EXPECT_EQ(w.status("GET", "/f", joplin), 200);
  EXPECT_EQ(w.status("DELETE", "/g", joplin), 204);
}

TEST(Conditions, EntityTagFieldsOnCollectionsKnowOnlyTheStar) {  // docs/storage.md#entity-tags
  World w;
  w.mkcol("/c");
  struct Row {
    Headers headers;
    int status;
  };
  const Row rows[] = {{{{"If-Match", "*"}}, 207},          {{{"If-Match", "\"a\""}}, 412},
                      {{{"If-Match", "\"\""}}, 412},       {{{"If-None-Match", "*"}}, 412},
                      {{{"If-None-Match", "\"a\""}}, 207}, {{{"If-None-Match", "\"\""}}, 207},
                      {{{"If", "([\"\"])"}}, 412},         {{{"If", "(Not [\"\"])"}}, 207}};
  for (const Row& row : rows)
    EXPECT_EQ(w.status("PROPFIND", "/c", row.headers + Headers{{"Depth", "0"}}), row.status)
        << row.headers[0].first << row.headers[0].second;
}

}  // namespace
}  // namespace holdfast::test
