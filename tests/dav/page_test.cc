// The pages for browsers (dav/page/) without a browser: what they say, in which order, and that
// nothing stored becomes a part of them. tests/page/ looks at them in Chromium.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dav/page/files.h"
#include "dav/page/listing.h"
#include "dav/page/texts.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// The names of the rows, as their links have them, in their order.
std::vector<std::string> names_on(const std::string& page) {
  std::vector<std::string> names;
  constexpr std::string_view kBefore = "<td class=\"name\">";
  for (std::size_t at = 0; (at = page.find(kBefore, at)) != std::string::npos; ++at) {
    const std::size_t href = page.find("href=\"/", at) + 6;
    std::string link = page.substr(href, page.find('"', href) - href);
    const bool collection = link.ends_with('/');
    if (collection) link.pop_back();
    names.push_back(link.substr(link.rfind('/') + 1) + (collection ? "/" : ""));
  }
  return names;
}

// Returns what stands between two texts, the first time.
std::string between(const std::string& text, std::string_view before, std::string_view after) {
  const std::size_t at = text.find(before);
  if (at == std::string::npos) return "(none)";
  const std::size_t start = at + before.size();
  return text.substr(start, text.find(after, start) - start);
}

struct PageWorld : World {
  using World::World;
  std::string page(std::string_view target, const Headers& headers = {}) {
    const Answer answer = send("GET", target, headers);
    EXPECT_EQ(answer.status, 200) << target << answer.log_detail;
    return answer.body;
  }
};

TEST(Page, CollectionsComeFirstAndNamesInNaturalOrder) {
  PageWorld w;
  for (const char* name : {"/IMG_10", "/img_9", "/%C3%9Cber", "/ufer", "/a", "/B", "/10", "/9"})
    w.put(name);
  for (const char* name : {"/z", "/Y2", "/y10"}) w.mkcol(name);
  EXPECT_THAT(names_on(w.page("/")), ElementsAre("Y2/", "y10/", "z/", "9", "10", "a", "B", "img_9",
                                                 "IMG_10", "%C3%9Cber", "ufer"));
  EXPECT_THAT(names_on(w.page("/?sort=-name")),
              ElementsAre("z/", "y10/", "Y2/", "ufer", "%C3%9Cber", "IMG_10", "img_9", "B", "a",
                          "10", "9"));
}

TEST(Page, SortsByWhatTheQueryNames) {
  PageWorld w;
  w.put("/b", "123");
  w.put("/a", "12345");
  w.put("/c", "1");
  w.mkcol("/d");
  w.send("PUT", "/old", {{"X-OC-Mtime", "1000000000"}}, "1234");
  const std::pair<const char*, std::vector<std::string>> rows[] = {
      {"/?sort=size", {"d/", "c", "b", "old", "a"}},
      {"/?sort=-size", {"d/", "a", "old", "b", "c"}},
      {"/?sort=date", {"d/", "old", "a", "b", "c"}},
      {"/?sort=name&other=x", {"d/", "a", "b", "c", "old"}},
      {"/?", {"d/", "a", "b", "c", "old"}},
  };
  for (const auto& [target, names] : rows) EXPECT_EQ(names_on(w.page(target)), names) << target;
  const std::string page = w.page("/?sort=-size");
  EXPECT_THAT(page,
              HasSubstr("<th class=\"size\" aria-sort=\"descending\"><a href=\"/?sort=size\">"));
  EXPECT_THAT(page, HasSubstr("<th class=\"date\"><a href=\"/?sort=-date\">"));
}

TEST(Page, FiltersWithoutRegardToCaseAndMarks) {
  PageWorld w;
  for (const char* name : {"/%C3%9Cbung.txt", "/ubung2", "/other", "/a%20b%26c"}) w.put(name);
  w.mkcol("/UBUNGEN");
  EXPECT_THAT(names_on(w.page("/?filter=%C3%BCb")),
              ElementsAre("UBUNGEN/", "%C3%9Cbung.txt", "ubung2"));
  EXPECT_THAT(names_on(w.page("/?filter=UB")), ElementsAre("UBUNGEN/", "%C3%9Cbung.txt", "ubung2"));
  EXPECT_THAT(names_on(w.page("/?filter=a+b%26")), ElementsAre("a%20b%26c"));
  const std::string page = w.page("/?filter=%22%3E%3Cscript%3E");
  EXPECT_THAT(names_on(page), IsEmpty());
  EXPECT_THAT(page, AllOf(HasSubstr("No name contains that."),
                          HasSubstr("value=\"&quot;&gt;&lt;script&gt;\"")));
  // The links of the columns keep the filter.
  EXPECT_THAT(w.page("/?filter=a+b"), HasSubstr("?sort=-size&amp;filter=a%20b\""));
}

TEST(Page, SearchesBelow) {
  PageWorld w;
  w.mkcol("/c");
  w.mkcol("/c/d%26e");
  w.put("/c/d%26e/Needle.txt", "123");
  w.put("/c/needle");
  w.put("/c/other");
  w.put("/needle");
  EXPECT_THAT(names_on(w.page("/c/?filter=NEEDLE&below=yes")), ElementsAre("needle", "Needle.txt"));
  EXPECT_THAT(names_on(w.page("/c/?filter=NEEDLE&below=no")), ElementsAre("needle"));
  EXPECT_THAT(names_on(w.page("/c/?filter=&below=yes")), ElementsAre("d%26e/", "needle", "other"));
  const std::string page = w.page("/c/?filter=needle&below=yes&sort=-size");
  EXPECT_THAT(names_on(page), ElementsAre("Needle.txt", "needle"));
  EXPECT_THAT(page, AllOf(HasSubstr("<a href=\"/c/d%26e/Needle.txt\">"),
                          HasSubstr("<a class=\"way\" href=\"/c/d%26e/\"><bdi>d&amp;e</bdi></a>"),
                          HasSubstr("<a class=\"way\" href=\"/c/\"><bdi>c</bdi></a>"),
                          HasSubstr("?sort=-date&amp;filter=needle&amp;below=yes\""),
                          Not(HasSubstr("More was found"))));
  EXPECT_EQ(w.status("GET", "/c/?filter=x&below=maybe"), 400);
}

TEST(Page, ASearchShowsNothingThatMayNotBeRead) {
  PageWorld w;
  w.mkcol("/open");
  w.mkcol("/open/secret");
  w.put("/open/secret/needle");
  w.put("/open/needle");
  auto caller = std::make_shared<dav::Caller>(*dav::anonymous_caller(storage::Right::write));
  caller->grants.push_back(
      {.path = storage::Path({"open", "secret"}), .right = storage::Right::none});
  w.dav.as(caller);
  const std::string page = w.page("/?filter=e&below=yes");
  EXPECT_THAT(names_on(page), ElementsAre("open/", "needle"));
  EXPECT_THAT(page, Not(HasSubstr("secret")));
}

TEST(Page, ASearchHasALimitAndSaysSo) {
  PageWorld w;
  w.store.names.write(storage::Flush::deferrable, [&](storage::Transaction& tx) {
    const storage::Resource root = *tx.resolve({}).resource;
    for (std::size_t i = 0; i <= dav::page::kFoundMembers; ++i)
      tx.put(root, "n" + std::to_string(i), {}, std::nullopt, storage::kNobody);
  });
  const std::string page = w.page("/?filter=n&below=yes");
  EXPECT_EQ(names_on(page).size(), dav::page::kFoundMembers);
  EXPECT_THAT(page, HasSubstr("More was found"));
  EXPECT_THAT(w.page("/?filter=n99&below=yes"), Not(HasSubstr("More was found")));
}

TEST(Page, AQueryThatIsNoneIsRefused) {
  PageWorld w;
  for (const char* target : {"/?sort=colour", "/?sort=", "/?sort=--size", "/?sort=name&sort=name",
                             "/?filter=%", "/?filter=%FF", "/?filter=a&filter=b"})
    for (const char* method : {"GET", "HEAD"})
      EXPECT_EQ(w.status(method, target), 400) << method << target;
}

TEST(Page, SaysHowManyAndHowLarge) {
  PageWorld w;
  EXPECT_THAT(w.page("/"),
              AllOf(HasSubstr("This folder is empty."), HasSubstr("Folders: 0 · Files: 0 · 0 B")));
  w.put("/a", std::string(1500, 'a'));
  w.put("/b", std::string(1500, 'b'));
  w.mkcol("/c");
  EXPECT_THAT(w.page("/"), AllOf(HasSubstr("Folders: 1 · Files: 2 · 2.9 KiB"),
                                 HasSubstr(">1.5 KiB<"), Not(HasSubstr("empty"))));
}

TEST(Page, NothingStoredBecomesAPartOfIt) {  // docs/robustness.md S6
  PageWorld w;
  const std::pair<const char*, const char*> rows[] = {
      {"/%3Cimg%20src=x%20onerror=alert(1)%3E", "&lt;img src=x onerror=alert(1)&gt;"},
      {"/%22onmouseover=%22x", "&quot;onmouseover=&quot;x"},
      {"/a&amp;b", "a&amp;amp;b"},
      {"/x%E2%80%AEgpj.exe", "x\uFFFDgpj.exe"},  // right-to-left override
      {"/y%E2%81%A6z", "y\uFFFDz"},              // an isolate without end
      {"/n%0Al", "n\uFFFDl"},
      {"/e%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB", "e\U0001F469\u200D\U0001F4BB"},  // stays
  };
  for (const auto& [target, shown] : rows) {
    w.put(target);
    EXPECT_THAT(w.page("/"), HasSubstr("<bdi>" + std::string(shown) + "</bdi>")) << target;
  }
  w.mkcol("/%3Cb%3E");
  const std::string page = w.page("/%3Cb%3E/");
  EXPECT_THAT(page, AllOf(HasSubstr("<title>&lt;b&gt;</title>"), HasSubstr("<bdi>&lt;b&gt;</bdi>"),
                          Not(HasSubstr("<b>")), HasSubstr("href=\"/%3Cb%3E/\" aria-current")));
}

TEST(Page, ALockShowsItsHolder) {
  PageWorld w;
  w.put("/mine");
  w.put("/hers");
  w.put("/whose");
  EXPECT_EQ(w.send("LOCK", "/mine", {}, lockinfo("exclusive", "<a>Ann &lt;</a>")).status, 200);
  EXPECT_EQ(w.send_as("bob", "LOCK", "/hers", {}, lockinfo("exclusive", "x")).status, 200);
  EXPECT_EQ(w.send("LOCK", "/whose", {}, lockinfo()).status, 200);
  const std::string page = w.page("/");
  EXPECT_THAT(page, AllOf(HasSubstr("Locked by Ann &lt;<"), HasSubstr("Locked by bob<"),
                          HasSubstr(">Locked<")));

  // A lock on the whole collection stands above the list, not at each row.
  w.mkcol("/c");
  w.put("/c/a");
  w.put("/c/b");
  EXPECT_EQ(w.send("LOCK", "/c", {}, lockinfo("exclusive", "Eve")).status, 200);
  const std::string inside = w.page("/c/");
  EXPECT_THAT(between(inside, "<main", "<table"), HasSubstr("Locked by Eve"));
  EXPECT_THAT(inside.substr(inside.find("<table")), Not(HasSubstr("Locked")));
}

TEST(Page, SpeaksTheLanguageOfTheReader) {
  PageWorld w;
  w.send("PUT", "/f", {{"X-OC-Mtime", "1000000000"}}, std::string(1536, 'x'));
  const Headers german = {{"Accept-Language", "de-AT, en;q=0.5"}, {"Accept", "text/html"}};
  const std::string page = w.page("/", german);
  EXPECT_THAT(page,
              AllOf(HasSubstr("<html lang=\"de\""), HasSubstr(">Größe<"), HasSubstr("1,5 KiB"),
                    HasSubstr("<time datetime=\"2001-09-09T01:46:40Z\">09.09.2001 01:46</time>")));
  EXPECT_THAT(w.page("/"), AllOf(HasSubstr("<html lang=\"en\""), HasSubstr(">Size<"),
                                 HasSubstr(">2001-09-09 01:46</time>")));
  EXPECT_EQ(w.send("GET", "/").header("Vary"), "Accept, Accept-Language");
  const Answer missing = w.send("GET", "/none", german);
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, AllOf(HasSubstr("<h1>Nicht gefunden</h1>"),
                                  HasSubstr("<a class=\"button\" href=\"/\">")));
}

TEST(Page, RunsItsOwnScriptOrNone) {
  struct Row {
    dav::PageUse use;
    bool script;
    bool writes;
  };
  for (const Row& row : {Row{dav::PageUse::off, false, false}, Row{dav::PageUse::read, true, false},
                         Row{dav::PageUse::full, true, true}}) {
    dav::Options options;
    options.page = row.use;
    PageWorld w(options);
    const Answer answer = w.send("GET", "/");
    EXPECT_EQ(answer.body.find("<script") != std::string::npos, row.script);
    EXPECT_EQ(answer.body.find(" data-write") != std::string::npos, row.writes);
    const std::string policy = answer.header("Content-Security-Policy");
    EXPECT_THAT(policy, AllOf(StartsWith("default-src 'none'"), HasSubstr("style-src 'self'"),
                              HasSubstr("frame-ancestors 'none'"), HasSubstr("base-uri 'none'"),
                              Not(HasSubstr("unsafe"))));
    EXPECT_EQ(policy.find("script-src 'self'") != std::string::npos, row.script);
    EXPECT_EQ(policy.find("require-trusted-types-for 'script'") != std::string::npos, row.script);
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.header("Cache-Control"), "no-store");
    EXPECT_THAT(answer.body, Not(HasSubstr(" style=")));
  }
}

TEST(Page, OffersWritingToWhoMayWrite) {
  PageWorld w;
  w.mkcol("/c");
  const auto page_of = [&](storage::Right right) {
    DavClient other(w.engine);
    other.as(dav::anonymous_caller(right));
    return other.send("GET", "/c/").body;
  };
  EXPECT_THAT(page_of(storage::Right::write), HasSubstr(" data-write"));
  EXPECT_THAT(page_of(storage::Right::read), Not(HasSubstr(" data-write")));
}

TEST(Page, FilesAreNamedByTheirContent) {
  dav::Options options;
  options.space.prefix = {"dav"};
  const auto answer = [&](std::string_view method, const std::string& target,
                          std::string_view encoding = {}) {
    dav::Request request;
    request.method = method;
    request.target = target;
    if (!encoding.empty()) request.fields.add("Accept-Encoding", encoding);
    return dav::page::answer_file(request, options);
  };
  ASSERT_FALSE(dav::page::files().empty());
  for (const dav::page::File& file : dav::page::files()) {
    const std::string url = dav::page::file_url(options.space, file.name);
    EXPECT_THAT(url, AllOf(StartsWith("/dav/?page="), HasSubstr(std::string(file.hash))));
    const auto got = answer("GET", url);
    ASSERT_TRUE(got) << url;
    EXPECT_EQ(got->status, 200);
    EXPECT_EQ(std::get<std::string>(got->body), file.bytes);
    EXPECT_THAT(std::string(got->find("Cache-Control").value()), HasSubstr("immutable"));
    EXPECT_FALSE(got->find("Content-Encoding"));
    EXPECT_EQ(got->find("Vary"), "Accept-Encoding");
    const auto small = answer("GET", url, "br, gzip");
    EXPECT_EQ(small->find("Content-Encoding"), "gzip");
    EXPECT_EQ(std::get<std::string>(small->body), file.gzip);
    EXPECT_THAT(std::string(file.gzip), StartsWith("\x1F\x8B"));
    const auto head = answer("HEAD", url);
    EXPECT_EQ(head->head_length, file.bytes.size());
    EXPECT_EQ(answer("PUT", url)->status, 405);
  }
  EXPECT_EQ(answer("GET", "/dav/?page=page-0000000000000000.js")->status, 404);
  EXPECT_EQ(answer("GET", "/dav/?page=page.js")->status, 404);
  EXPECT_EQ(answer("GET", "/dav/?page")->status, 404);
  for (const char* target : {"/?page=page.js", "/dav/a?page=page.js", "/dav/?pages=1",
                             "/dav/?x&page=1", "/dav/", "/dav/?", "*"})
    EXPECT_FALSE(answer("GET", target)) << target;
}

TEST(Page, EveryLanguageHasWordsForEveryKey) {
  const dav::page::Texts english("en.txt", dav::page::file("en.txt").bytes, nullptr);
  for (const dav::page::File& file : dav::page::files()) {
    if (!file.name.ends_with(".txt")) continue;
    const dav::page::Texts texts(file.name, file.bytes, nullptr);
    std::string_view rest = dav::page::file("en.txt").bytes;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const std::size_t equals = line.find(" = ");
      if (line.starts_with('#') || equals == std::string_view::npos) continue;
      const std::string_view key = line.substr(0, equals);
      // The arguments are the same ones.
      for (const char* argument : {"{0}", "{1}", "{2}", "{3}"})
        EXPECT_EQ(texts[key].find(argument) == std::string_view::npos,
                  english[key].find(argument) == std::string_view::npos)
            << file.name << ": " << key;
      EXPECT_FALSE(texts[key].empty()) << file.name << ": " << key;
      if (key != texts[key]) continue;
      ADD_FAILURE_AT(std::string(file.name).c_str(), 0) << "no words for " << key;
    }
  }
}

TEST(Page, TextsFallBackAndTakeArguments) {
  const dav::page::Texts english("en.txt", "# a = b\na = one\nb = {0} of {1}, {0}\nbroken\n",
                                 nullptr);
  const dav::page::Texts other("xx.txt", "a = eins", &english);
  EXPECT_EQ(english["a"], "one");
  EXPECT_EQ(other["a"], "eins");
  EXPECT_EQ(other.fill("b", {"1", "2"}), "1 of 2, 1");
  EXPECT_EQ(other.fill("b", {"1"}), "1 of , 1");
  EXPECT_EQ(other["# a"], "# a");
  EXPECT_EQ(other["none"], "none");
  EXPECT_EQ(other.language(), "xx");
}

}  // namespace
}  // namespace holdfast::test
