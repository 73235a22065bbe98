// SEARCH (RFC 5323): what it refuses, and what it finds, against an obvious slow definition that
// works on the answer to a PROPFIND.
#include <algorithm>
#include <gmock/gmock.h>
#include <random>

#include "tests/dav/world.h"
#include "text/utf8.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

struct Query {
  std::string select = "<D:prop><D:displayname/></D:prop>";
  std::string scope = "/";
  std::string depth = "infinity";
  std::string where = {};
  std::string more = {};  // orderby and limit

  [[nodiscard]] std::string body() const {
    return "<D:searchrequest xmlns:D=\"DAV:\" xmlns:x=\"urn:x\"><D:basicsearch><D:select>" +
           select + "</D:select><D:from><D:scope><D:href>" + scope + "</D:href><D:depth>" + depth +
           "</D:depth></D:scope></D:from>" +
           (where.empty() ? "" : "<D:where>" + where + "</D:where>") + more +
           "</D:basicsearch></D:searchrequest>";
  }
};

std::string compare(std::string_view op, std::string_view property, std::string_view literal,
                    std::string_view attributes = {}) {
  std::string text = "<D:";
  text.append(op).append(attributes).append("><D:prop><").append(property).append("/></D:prop>");
  text.append("<D:literal>").append(literal).append("</D:literal></D:").append(op);
  return text + ">";
}

struct Result {
  std::vector<std::string> hrefs;
  bool cut = false;  // 507 for the arbiter
};

Result result_of(const Answer& answer) {
  Result result;
  EXPECT_EQ(answer.status, 207) << answer.body << answer.log_detail;
  if (answer.status != 207) return result;
  const dav::xml::Document document = dav::xml::Document::parse(answer.body, {.elements = 1000000});
  for (const dav::xml::Element& element : document.root().children()) {
    EXPECT_FALSE(result.cut) << "507 stands last";
    const std::string href = element.child_dav("href").value().text();
    if (const auto status = element.child_dav("status")) {
      EXPECT_EQ(status->text(), "HTTP/1.1 507 Insufficient Storage");
      EXPECT_EQ(href, "/");
      result.cut = true;
    } else {
      result.hrefs.push_back(href);
    }
  }
  return result;
}

struct SearchWorld : World {
  using World::World;
  explicit SearchWorld(dav::Options options = deep()) : World(std::move(options)) {}
  static dav::Options deep() {
    dav::Options options;
    options.propfind_infinity_limit = 10'000;
    return options;
  }
  Result search(const Query& query, std::string_view at = "/") {
    return result_of(send("SEARCH", at, {}, query.body()));
  }
  std::vector<std::string> found(const std::string& where) {
    return search({.where = where}).hrefs;
  }
};

TEST(Search, IsAnnounced) {
  SearchWorld w;
  w.put("/f");
  for (const char* target : {"/", "/f", "*"})
    EXPECT_EQ(w.send("OPTIONS", target).header("DASL"), "<DAV:basicsearch>") << "RFC 5323 §3.2";
  for (const char* target : {"/", "/f"}) {
    const auto shown = w.properties(target, "supported-query-grammar-set");
    const dav::xml::Document set =
        dav::xml::Document::parse(shown.find("supported-query-grammar-set")->xml);
    EXPECT_TRUE(set.root()
                    .child_dav("supported-query-grammar")
                    .value()
                    .child_dav("grammar")
                    .value()
                    .child_dav("basicsearch")
                    .has_value())
        << "§3.3";
  }
}

TEST(Search, TellsItsSchema) {
  SearchWorld w;
  const Answer answer =
      w.send("SEARCH", "/", {},
             "<D:query-schema-discovery xmlns:D=\"DAV:\"><D:basicsearch><D:from><D:scope><D:href>/"
             "</D:href><D:depth>1</D:depth></D:scope></D:from></D:basicsearch>"
             "</D:query-schema-discovery>");
  ASSERT_EQ(answer.status, 207);
  const dav::xml::Document document = dav::xml::Document::parse(answer.body);
  const auto schema = document.root()
                          .child_dav("response")
                          .value()
                          .child_dav("query-schema")
                          .value()
                          .child_dav("basicsearchschema")
                          .value();
  EXPECT_GT(schema.child_dav("properties").value().children().size(), 5U);
  EXPECT_GT(schema.child_dav("operators").value().children().size(), 5U);
}

struct BadSearch {
  const char* what;
  std::string body;
  int status;
  const char* condition;  // in the body of the refusal
  const char* target = "/";
};

std::string nested(int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += "<D:not>";
  text += "<D:is-collection/>";
  for (int i = 0; i < depth; ++i) text += "</D:not>";
  return text;
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(Search, RefusesWhatItCannotAnswer) {
  SearchWorld w;
  w.put("/f");
  w.mkcol("/c");
  const Query good;
  const std::string name = compare("eq", "D:displayname", "x");
  const std::string order = "<D:order><D:prop><D:displayname/></D:prop></D:order>";
  const std::vector<BadSearch> bad = {
      {"no body", "", 400, ""},
      {"no XML", "x", 400, ""},
      {"§2.2.2: another root", "<D:propfind xmlns:D=\"DAV:\"/>", 400, ""},
      {"§2.2.2: no grammar", "<D:searchrequest xmlns:D=\"DAV:\"/>", 400, ""},
      {"§2.4.1: another grammar",
       "<D:searchrequest xmlns:D=\"DAV:\"><x:sql xmlns:x=\"urn:x\"/></D:searchrequest>", 403,
       "search-grammar-supported"},
      {"§4: the schema of another grammar",
       "<D:query-schema-discovery xmlns:D=\"DAV:\"><D:sql/></D:query-schema-discovery>", 403,
       "search-grammar-supported"},
      {"§4: the schema without a scope",
       "<D:query-schema-discovery xmlns:D=\"DAV:\"><D:basicsearch/></D:query-schema-discovery>",
       400, ""},
      {"§5.3: no select", replaced(good.body(), "select", "x"), 400, ""},
      {"§5.3: an empty select", Query{.select = ""}.body(), 400, ""},
      {"§5.4: no from", replaced(replaced(good.body(), "<D:from>", "<D:x>"), "/D:from", "/D:x"),
       400, ""},
      {"§5.4: no depth", replaced(good.body(), "<D:depth>infinity</D:depth>", ""), 400, ""},
      {"§5.4: a bad depth", Query{.depth = "2"}.body(), 400, ""},
      {"§5.4: two scopes",
       replaced(good.body(), "</D:from>",
                "<D:scope><D:href>/c/</D:href><D:depth>0</D:depth></D:scope></D:from>"),
       403, "search-multiple-scope-supported"},
      {"§5.4.2: versions", replaced(good.body(), "</D:scope>", "<D:include-versions/></D:scope>"),
       422, ""},
      {"§2.4.1: no such scope", Query{.scope = "/none/"}.body(), 409, "search-scope-valid"},
      {"a file's URL with a slash", Query{.scope = "/f/"}.body(), 409, "search-scope-valid"},
      {"another server", Query{.scope = "http://other.example/"}.body(), 409, "search-scope-valid"},
      {"another scheme", Query{.scope = "urn:x"}.body(), 409, "search-scope-valid"},
      {"a scope that is no URL", Query{.scope = "/%zz"}.body(), 409, "search-scope-valid"},
      {"a scope outside", Query{.scope = "/c/../f"}.body(), 409, "search-scope-valid"},
      {"a scope with a query", Query{.scope = "/?x"}.body(), 409, "search-scope-valid"},
      {"§5.5: two conditions", Query{.where = name + name}.body(), 400, ""},
      {"§5.5: an operator that is unknown", Query{.where = "<D:matches/>"}.body(), 422, ""},
      {"§5.16: contains", Query{.where = "<D:contains>x</D:contains>"}.body(), 422, ""},
      {"§5.10: an empty and", Query{.where = "<D:and/>"}.body(), 400, ""},
      {"§5.11: not of two", Query{.where = "<D:not>" + name + name + "</D:not>"}.body(), 400, ""},
      {"§5.12: no property", Query{.where = "<D:eq><D:literal>x</D:literal></D:eq>"}.body(), 400,
       ""},
      {"§5.12: two properties",
       Query{.where = replaced(name, "<D:displayname/>", "<D:displayname/><D:getetag/>")}.body(),
       400, ""},
      {"§5.12: no literal", Query{.where = replaced(name, "<D:literal>x</D:literal>", "")}.body(),
       400, ""},
      {"caseless",
       Query{.where = compare("eq", "D:displayname", "x", " caseless=\"maybe\"")}.body(), 400, ""},
      {"a structured property", Query{.where = compare("eq", "D:resourcetype", "x")}.body(), 422,
       ""},
      {"no number", Query{.where = compare("gt", "D:getcontentlength", "1e3")}.body(), 422, ""},
      {"a large number",
       Query{.where = compare("gt", "D:getcontentlength", "99999999999999999999")}.body(), 422, ""},
      {"no date", Query{.where = compare("gt", "D:getlastmodified", "today")}.body(), 422, ""},
      {"§5.15: like on a number",
       Query{.where = compare("like", "D:getcontentlength", "1%")}.body(), 422, ""},
      {"a long literal",
       Query{.where = compare("like", "D:displayname", std::string(1025, '%'))}.body(), 422, ""},
      {"§5.6: no order", Query{.more = "<D:orderby/>"}.body(), 400, ""},
      {"§5.6: by score",
       Query{.more = "<D:orderby><D:order><D:score/></D:order></D:orderby>"}.body(), 422, ""},
      {"§5.6: two directions",
       Query{.more = "<D:orderby>" +
                     replaced(order, "</D:order>", "<D:ascending/><D:descending/></D:order>") +
                     "</D:orderby>"}
           .body(),
       400, ""},
      {"many orders", Query{.more = "<D:orderby>" + repeated(order, 9) + "</D:orderby>"}.body(),
       422, ""},
      {"§5.17: no limit", Query{.more = "<D:limit/>"}.body(), 400, ""},
      {"§5.17: a limit of nothing",
       Query{.more = "<D:limit><D:nresults>0</D:nresults></D:limit>"}.body(), 400, ""},
      {"many conditions", Query{.where = "<D:and>" + repeated(name, 64) + "</D:and>"}.body(), 422,
       ""},
      {"deeply nested", Query{.where = nested(1000)}.body(), 400, ""},
      {"no arbiter", good.body(), 404, "", "/none"},
  };
  const std::string before = w.dump();
  for (const BadSearch& search : bad) {
    SCOPED_TRACE(search.what);
    const Answer answer = w.send("SEARCH", search.target, {}, search.body);
    EXPECT_EQ(answer.status, search.status) << answer.body;
    EXPECT_NE(answer.body.find(search.condition), std::string::npos) << answer.body;
  }
  EXPECT_EQ(w.dump(), before);
  EXPECT_EQ(w.send("SEARCH", "/", {}, Query{.where = nested(50)}.body()).status, 207);
}

TEST(Search, FindsByWhatPropertiesSay) {
  SearchWorld w;
  w.mkcol("/c");
  w.put("/c/Report.odt", "12345");
  w.put("/c/photo.JPG", "1");
  w.put("/plain");
  ASSERT_EQ(w.status("PROPPATCH", "/plain", {}, set_properties("<x:tag>Red</x:tag>")), 207);
  ASSERT_EQ(w.status("PROPPATCH", "/c/photo.JPG", {},
                     set_properties("<x:tag><x:in/></x:tag><D:displayname>Sunset</D:displayname>")),
            207);
  EXPECT_THAT(w.found(compare("like", "D:displayname", "%report%")), ElementsAre("/c/Report.odt"));
  EXPECT_THAT(w.found(compare("like", "D:displayname", "%report%", " caseless=\"no\"")), IsEmpty());
  EXPECT_THAT(w.found(compare("eq", "D:displayname", "sunset", " caseless=\"yes\"")),
              ElementsAre("/c/photo.JPG"));
  EXPECT_THAT(w.found(compare("eq", "D:displayname", "photo.JPG")), IsEmpty()) << "it was renamed";
  EXPECT_THAT(w.found(compare("like", "D:getcontenttype", "image/%")), ElementsAre("/c/photo.JPG"));
  EXPECT_THAT(w.found(compare("gt", "D:getcontentlength", " 1 ")), ElementsAre("/c/Report.odt"));
  EXPECT_THAT(w.found(compare("eq", "D:getetag", w.etag("/plain"))), ElementsAre("/plain"));
  EXPECT_THAT(w.found(compare("eq", "x:tag", "Red")), ElementsAre("/plain"));
  EXPECT_THAT(w.found(compare("like", "x:tag", "r_d")), ElementsAre("/plain"));
  EXPECT_THAT(w.found("<D:is-defined><D:prop><x:tag/></D:prop></D:is-defined>"),
              UnorderedElementsAre("/c/photo.JPG", "/plain"));
  EXPECT_THAT(w.found("<D:is-collection/>"), ElementsAre("/", "/c/"));
  EXPECT_THAT(w.found("<D:not>" + compare("eq", "x:tag", "Red") + "</D:not>"), IsEmpty())
      << "§5.5.1: what is not defined is unknown, and so is its contrary";
  EXPECT_THAT(w.found(compare("gte", "D:getlastmodified", "1990-01-01T00:00:00Z")),
              UnorderedElementsAre("/", "/c/", "/c/Report.odt", "/c/photo.JPG", "/plain"));
}

TEST(Search, ShowsWhatWasSelected) {
  SearchWorld w;
  w.put("/f", "123");
  (void)w.lock("/f");
  ASSERT_EQ(w.status("PROPPATCH", "/f", with_token(w.locks_of("/f").at(0).token),
                     set_properties("<x:tag>Red</x:tag>")),
            207);
  for (const char* more : {"",
                           "<D:orderby><D:order><D:prop><D:displayname/></D:prop></D:order>"
                           "</D:orderby>"}) {
    const Query query{
        .select = "<D:allprop/>", .where = compare("eq", "D:getcontentlength", "3"), .more = more};
    const Answer answer = w.send("SEARCH", "/", {}, query.body());
    EXPECT_EQ(answer.body, w.send("PROPFIND", "/f", {{"Depth", "0"}}).body);
  }
}

TEST(Search, TheScopeDecidesWhereItLooks) {
  SearchWorld w;
  w.mkcol("/c");
  w.mkcol("/c/d");
  w.put("/c/d/f");
  w.put("/c/f");
  EXPECT_THAT(w.search({.scope = "/c/", .depth = "1"}).hrefs, ElementsAre("/c/", "/c/d/", "/c/f"));
  EXPECT_THAT(w.search({.scope = "/c", .depth = "0"}).hrefs, ElementsAre("/c/"));
  EXPECT_THAT(w.search({.scope = "/c/f"}).hrefs, ElementsAre("/c/f"));
  for (const char* relative : {"d/", "./d/", "/c/d/"})
    EXPECT_THAT(w.search({.scope = relative}, "/c/").hrefs, ElementsAre("/c/d/", "/c/d/f"));
  EXPECT_THAT(w.search({.scope = ".", .depth = "0"}, "/c/").hrefs, ElementsAre("/c/"));
  EXPECT_THAT(w.search({.scope = "", .depth = "0"}, "/c/d/").hrefs, ElementsAre("/c/d/"));
}

TEST(Search, AnOrderCountsBeforeALimit) {
  SearchWorld w;
  for (const auto& [name, bytes] : {std::pair("/b", 3), {"/a", 1}, {"/D", 2}, {"/c", 3}})
    w.put(name, std::string(static_cast<std::size_t>(bytes), 'x'));
  const auto ordered = [&](const std::string& order, int limit = 0) {
    return w.search({.more = "<D:orderby>" + order + "</D:orderby>" +
                             (limit == 0 ? ""
                                         : "<D:limit><D:nresults>" + std::to_string(limit) +
                                               "</D:nresults></D:limit>")});
  };
  const std::string size =
      "<D:order><D:prop><D:getcontentlength/></D:prop><D:descending/></D:order>";
  const std::string name = "<D:order><D:prop><D:displayname/></D:prop></D:order>";
  EXPECT_THAT(ordered(name).hrefs, ElementsAre("/", "/a", "/b", "/c", "/D"))
      << "§5.6.1: what has no name comes first";
  EXPECT_THAT(ordered(replaced(name, "<D:order>", "<D:order caseless=\"no\">")).hrefs,
              ElementsAre("/", "/D", "/a", "/b", "/c"));
  EXPECT_THAT(ordered(size + replaced(name, "</D:order>", "<D:descending/></D:order>")).hrefs,
              ElementsAre("/c", "/b", "/D", "/a", "/"));
  const Result two = ordered(size, 2);
  EXPECT_THAT(two.hrefs, ElementsAre("/b", "/c"));
  EXPECT_FALSE(two.cut) << "the client's own limit cuts nothing off";
  EXPECT_THAT(w.search({.more = "<D:limit><D:nresults>3</D:nresults></D:limit>"}).hrefs,
              testing::SizeIs(3));
}

TEST(Search, WhatIsTooLongIsCutOffWith507) {
  dav::Options options = SearchWorld::deep();
  options.listing_limit_bytes = 2000;
  SearchWorld w(options);
  for (int i = 0; i < 50; ++i) w.put("/file" + std::to_string(100 + i));
  const Result some = w.search({});
  EXPECT_TRUE(some.cut);
  EXPECT_GT(some.hrefs.size(), 2U);
  EXPECT_LT(some.hrefs.size(), 20U);
  const Result last = w.search(
      {.more = "<D:orderby><D:order><D:prop><D:displayname/></D:prop><D:descending/></D:order>"
               "</D:orderby>"});
  EXPECT_TRUE(last.cut);
  EXPECT_EQ(last.hrefs.at(0), "/file149") << "RFC 5323 §2.3.1: partial results are ordered";
}

// The memory of a sort is bounded; those that come first are shown all the same.
TEST(Search, ALargeSortKeepsItsBeginning) {
  SearchWorld w;
  w.store.names.rerun_closures(false);
  const std::string name(240, 'n');
  std::string above;
  for (int i = 0; i < 12; ++i) {
    above += "/" + name;
    w.mkcol(above);
  }
  constexpr int kFiles = 3000;
  w.store.names.write(storage::Flush::deferrable, [&](storage::Transaction& tx) {
    const storage::Resource parent =
        *tx.resolve(storage::Path(std::vector<std::string>(12, name))).resource;
    for (int i = 0; i < kFiles; ++i)
      tx.put(parent, std::to_string(10'000 + i * 7919 % kFiles), {}, std::nullopt,
             storage::kNobody);
  });
  const Result found = w.search(
      {.where = "<D:not><D:is-collection/></D:not>",
       .more = "<D:orderby><D:order><D:prop><D:displayname/></D:prop></D:order></D:orderby>"});
  EXPECT_TRUE(found.cut);
  EXPECT_GT(found.hrefs.size(), 1000U);
  for (std::size_t i = 0; i < found.hrefs.size(); ++i)
    ASSERT_EQ(found.hrefs[i], above + "/" + std::to_string(10'000 + i));
}

TEST(Search, FindsNothingThatTheCallerMayNotSee) {
  SearchWorld w;
  w.mkcol("/open");
  w.mkcol("/open/secret");
  w.put("/open/secret/needle");
  w.put("/open/needle");
  w.mkcol("/way");
  w.mkcol("/way/in");
  w.put("/way/in/needle");
  w.put("/way/needle");
  ASSERT_EQ(w.status("PROPPATCH", "/way/", {}, set_properties("<x:tag>Red</x:tag>")), 207);
  auto caller = std::make_shared<dav::Caller>(*dav::anonymous_caller(storage::Right::write));
  caller->grants.push_back(
      {.path = storage::Path({"open", "secret"}), .right = storage::Right::none});
  caller->grants.push_back({.path = storage::Path({"way"}), .right = storage::Right::none});
  caller->grants.push_back({.path = storage::Path({"way", "in"}), .right = storage::Right::read});
  w.dav.as(caller);
  EXPECT_THAT(w.found(compare("eq", "D:displayname", "needle")),
              UnorderedElementsAre("/open/needle", "/way/in/needle"));
  EXPECT_THAT(w.found("<D:is-defined><D:prop><x:tag/></D:prop></D:is-defined>"), IsEmpty())
      << "a collection on the way shows no properties";
  const std::string by_name =
      "<D:orderby><D:order><D:prop><D:displayname/></D:prop></D:order></D:orderby>";
  EXPECT_THAT(w.search({.where = "<D:is-collection/>", .more = by_name}).hrefs,
              ElementsAre("/", "/way/in/", "/open/", "/way/"));
  EXPECT_EQ(w.send("SEARCH", "/", {}, Query{.scope = "/open/secret/"}.body()).status, 403);
  EXPECT_EQ(w.send("SEARCH", "/", {}, Query{.scope = "/open/secret/none"}.body()).status, 403);
  EXPECT_EQ(w.send("SEARCH", "/open/secret/", {}, Query{.scope = "/"}.body()).status, 403);
}

TEST(Search, LeavesOutWhatListingsLeaveOut) {
  dav::Options options = SearchWorld::deep();
  options.junk_files = dav::JunkFiles::hide;
  SearchWorld w(options);
  w.put("/.DS_Store", "x");
  w.put("/f");
  EXPECT_THAT(w.search({}).hrefs, ElementsAre("/", "/f"));
}

// A model: conditions as a tree of the test's own, judged on what a PROPFIND shows.

enum class Truth { no, unknown, yes };

struct Condition {
  std::string op = {};
  std::string property = {};
  std::string literal = {};
  bool caseless = false;
  std::vector<Condition> parts = {};

  [[nodiscard]] std::string xml() const {
    if (op == "is-collection") return "<D:is-collection/>";
    const std::string named = "<D:prop><" + property + "/></D:prop>";
    if (op == "is-defined") return "<D:is-defined>" + named + "</D:is-defined>";
    if (parts.empty())
      return compare(op, property, literal, caseless ? " caseless=\"yes\"" : " caseless=\"no\"");
    std::string text = "<D:" + op + ">";
    for (const Condition& part : parts) text += part.xml();
    return text + "</D:" + op + ">";
  }
};

bool like_slowly(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%')
    return like_slowly(pattern.substr(1), text) ||
           (!text.empty() && like_slowly(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) &&
         like_slowly(pattern.substr(1), text.substr(1));
}

const Shown* shown_in(const MultistatusResponse& response, const std::string& property) {
  return response.find(property.substr(2), property[0] == 'x' ? "urn:x" : "DAV:");
}

Truth judge(const Condition& condition, const MultistatusResponse& response) {
  const auto truth = [](bool value) { return value ? Truth::yes : Truth::no; };
  std::vector<Truth> parts;
  for (const Condition& part : condition.parts) parts.push_back(judge(part, response));
  if (condition.op == "and") return *std::ranges::min_element(parts);
  if (condition.op == "or") return *std::ranges::max_element(parts);
  if (condition.op == "not") return static_cast<Truth>(2 - static_cast<int>(parts.at(0)));
  if (condition.op == "is-collection")
    return truth(!response.find("resourcetype")->children.empty());
  const Shown* const shown = shown_in(response, condition.property);
  if (condition.op == "is-defined") return truth(shown != nullptr);
  if (shown == nullptr || !shown->children.empty()) return Truth::unknown;
  int order = 0;
  if (condition.property == "D:getcontentlength") {
    const long long a = std::stoll(shown->text), b = std::stoll(condition.literal);
    order = a < b ? -1 : a > b;
  } else {
    std::string a = shown->text, b = condition.literal;
    if (condition.caseless) {
      a = text::folded(a);
      b = text::folded(b);
    }
    if (condition.op == "like") return truth(like_slowly(b, a));
    order = a.compare(b);
  }
  if (condition.op == "eq") return truth(order == 0);
  if (condition.op == "lt") return truth(order < 0);
  if (condition.op == "lte") return truth(order <= 0);
  if (condition.op == "gt") return truth(order > 0);
  return truth(order >= 0);
}

class RandomSearch {
 public:
  explicit RandomSearch(unsigned seed) : random_(seed) {}

  void plant(SearchWorld& w) {
    std::vector<std::string> collections = {"/"};
    for (int i = 0; i < 30; ++i) {
      const std::string target =
          pick(collections) + pick<std::string>({"a", "B", "ab", "b.txt", "A.jpg", "ba"});
      if (roll(3) == 0) {
        if (w.status("MKCOL", target) == 201) collections.push_back(target + "/");
      } else {
        (void)w.status("PUT", target, {}, std::string(roll(4), 'x'));
      }
      if (roll(3) == 0)
        (void)w.status("PROPPATCH", target, {},
                       set_properties(pick<std::string>({"<x:t>a</x:t>", "<x:t>Ab</x:t>", "<x:t/>",
                                                         "<x:t><x:i/></x:t>",
                                                         "<D:displayname>b</D:displayname>"})));
    }
  }

  Condition condition(int depth) {
    if (depth > 0 && roll(2) == 0) {
      Condition made{.op = pick<std::string>({"and", "or", "not"}), .parts = {}};
      for (unsigned i = 0; i < (made.op == "not" ? 1 : 1 + roll(3)); ++i)
        made.parts.push_back(condition(depth - 1));
      return made;
    }
    if (roll(8) == 0) return {.op = "is-collection", .parts = {}};
    Condition made{.property = pick<std::string>({"D:displayname", "D:getcontentlength", "x:t",
                                                  "D:getcontenttype", "D:displayname"}),
                   .parts = {}};
    if (roll(6) == 0) {
      made.op = "is-defined";
      return made;
    }
    made.op = pick<std::string>({"eq", "lt", "lte", "gt", "gte", "like"});
    made.caseless = roll(2) == 0;
    if (made.property == "D:getcontentlength") {
      if (made.op == "like") made.op = "eq";
      made.literal = std::to_string(roll(4));
    } else {
      made.literal =
          pick<std::string>({"a", "A", "ab", "a%", "%b%", "_b", "%.txt", "image/jpeg", "%/%", ""});
    }
    return made;
  }

  unsigned roll(unsigned sides) { return static_cast<unsigned>(random_() % sides); }
  template <class T>
  T pick(const std::vector<T>& of) {
    return of[roll(static_cast<unsigned>(of.size()))];
  }

 private:
  std::mt19937 random_;
};

TEST(Search, FindsWhatItsDefinitionSays) {
  const std::string ask =
      "<D:propfind xmlns:D=\"DAV:\" xmlns:x=\"urn:x\"><D:prop><D:displayname/>"
      "<D:getcontentlength/><D:getcontenttype/><D:resourcetype/><x:t/></D:prop></D:propfind>";
  int found = 0;
  for (unsigned seed = 0; seed < 25; ++seed) {
    RandomSearch random(seed);
    SearchWorld w;
    random.plant(w);
    const auto all = multistatus(w.send("PROPFIND", "/", {{"Depth", "infinity"}}, ask));
    for (int i = 0; i < 20; ++i) {
      const Condition condition = random.condition(3);
      std::vector<std::string> expected;
      for (const MultistatusResponse& response : all)
        if (judge(condition, response) == Truth::yes) expected.push_back(response.href);
      SCOPED_TRACE("seed " + std::to_string(seed) + ": " + condition.xml());
      EXPECT_EQ(w.found(condition.xml()), expected);
      found += static_cast<int>(expected.size());

      // With an order the same is found, sorted; with a limit, its beginning.
      const std::string property =
          random.pick<std::string>({"D:getcontentlength", "D:displayname"});
      const bool descending = random.roll(2) == 0;
      std::vector<const MultistatusResponse*> sorted;
      for (const MultistatusResponse& response : all)
        if (judge(condition, response) == Truth::yes) sorted.push_back(&response);
      std::ranges::stable_sort(sorted, [&](const auto* a, const auto* b) {
        const auto key = [&](const MultistatusResponse& response) {
          const Shown* const shown = shown_in(response, property);
          if (shown == nullptr) return std::string();
          return "=" + (property == "D:displayname" ? text::folded(shown->text)
                                                    : shown->text);  // one digit
        };
        return descending ? key(*a) > key(*b) : key(*a) < key(*b);
      });
      const std::size_t limit = 1 + random.roll(6);
      if (sorted.size() > limit) sorted.resize(limit);
      expected.clear();
      for (const MultistatusResponse* each : sorted) expected.push_back(each->href);
      EXPECT_EQ(w.search({.where = condition.xml(),
                          .more = "<D:orderby><D:order><D:prop><" + property + "/></D:prop>" +
                                  (descending ? "<D:descending/>" : "<D:ascending/>") +
                                  "</D:order></D:orderby><D:limit><D:nresults>" +
                                  std::to_string(limit) + "</D:nresults></D:limit>"})
                    .hrefs,
                expected);
    }
  }
  EXPECT_GT(found, 500);
}

}  // namespace
}  // namespace holdfast::test
