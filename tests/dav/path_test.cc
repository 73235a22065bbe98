// The rows that are named here are those of docs/robustness.md.
#include "dav/path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <stdexcept>

#include "http/origin.h"
#include "text/utf8.h"

namespace holdfast::dav {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const UrlSpace kRoot;
const UrlSpace kDav{.prefix = {"dav"},
                    .origins = {{http::Scheme::https, "files.example", 8443},
                                {http::Scheme::https, "alias.example"}}};
constexpr std::string_view kHost = "here.example:8080";

// The status a parse ends with; 200 when it succeeds.
template <class Parse>
int status_of(Parse parse) {
  try {
    parse();
    return 200;
  } catch (const Error& error) {
    EXPECT_FALSE(error.detail.empty());
    return error.status;
  }
}

int url_status(std::string_view text, const UrlSpace& space = kRoot) {
  return status_of([&] { (void)parse_url(text, space, kHost); });
}

int reference_status(std::string_view text, const UrlSpace& space = kRoot) {
  return status_of([&] { (void)parse_reference(text, space, kHost); });
}

std::vector<std::string> segments(const Target& target) {
  return {target.path.segments().begin(), target.path.segments().end()};
}

struct Refused {
  std::string_view url;
  int status;
  std::string_view source;
};

TEST(Path, RefusesWhatIsNoPathOrAnotherServers) {
  using namespace std::string_view_literals;
  const std::vector<Refused> rows = {

      // P1: dot segments, raw and encoded.
      {"/../x", 400, "P1"},
      {"/a/../../x", 400, "P1"},
      {"/..", 400, "P1"},
      {"/a/%2e%2e/x", 400, "P1"},
      {"/a/.%2e/x", 400, "P1"},
      {"/a/%2E./x", 400, "P1"},
      {"/%2e%2e%2f%2e%2e%2fetc/passwd", 400, "P1"},
      {"/./x", 400, "P1"},
      {"/a/.", 400, "P1"},
      {"/%2e/", 400, "P1"},
      {"/..?x", 400, "P1"},
      {"//..//x", 400, "P1"},
      // P4: bytes that are not UTF-8.
      {"/%c0%af", 400, "P4 overlong"},
      {"/%c0%ae", 400, "P4 overlong"},
      {"/%e0%80%af", 400, "P4 overlong"},
      {"/%f0%80%80%af", 400, "P4 overlong"},
      {"/%ed%a0%80", 400, "P4 surrogate"},
      {"/%f4%90%80%80", 400, "P4 > U+10FFFF"},
      {"/%80", 400, "P4 lone"},
      {"/%c3", 400, "P4 cut"},
      {"/%c3/%a9", 400, "P4 cut by a slash"},
      {"/%ff%fe", 400, "P4"},
      // P6: an encoded slash.
      {"/a%2fb", 400, "P6"},
      {"/a%2Fb", 400, "P6"},
      {"/%2f", 400, "P6"},
      // P7: control characters and broken escapes.
      {"/%00", 400, "P7"},
      {"/a%00.txt", 400, "P7"},
      {"/a\0b"sv, 400, "P7"},
      {"/%0d%0a", 400, "P7"},
      {"/%7f", 400, "P7"},
      {"/a\x7f", 400, "P7"},
      {"/a\tb", 400, "P7"},
      {"/a\r\nb", 400, "P7"},
      {"/%1b[2J", 400, "P7"},
      {"/%", 400, "P7"},
      {"/%2", 400, "P7"},
      {"/%zz", 400, "P7"},
      {"/%2/x", 400, "P7"},
      {"/%u002e", 400, "P7"},
      {"/%-1", 400, "P7"},
      {"/x?\n", 400, "P7 in the query"},
      // P8: what is not a path.
      {"", 400, "P8"},
      {"*", 400, "P8"},
      {"?", 400, "P8"},
      {"#frag", 400, "P8"},
      {"/a#frag", 400, "P8 litmus delete_fragment"},
      {"/a?q#frag", 400, "P8"},
      {"a/b", 400, "RFC 9112 §3.2"},
      {"?/a", 400, "P8"},
      {"../a", 400, "P8"},
      {"\\a", 400, "P5"},
      // P9: absolute forms that are none, and those of others.
      {"http:", 400, "P9"},
      {"http:/", 400, "P9"},
      {"http://", 400, "P9"},
      {"http:///x", 400, "P9"},
      {"://here.example/", 400, "P9"},
      {"http://:80/", 400, "P9"},
      {"http://h", 502, "P9"},
      {"http://h:", 502, "P9"},
      {"http:x", 400, "P9"},
      {"1http://here.example:8080/", 400, "RFC 3986 §3.1"},
      {"mailto:x@y", 400, "RFC 3986 §3.1"},
      {"ftp://here.example:8080/", 502, "S10"},
      {"http://here.example:8080\\@evil.example/", 400, "S10"},
      {"http://evil.example\\/", 400, "S10"},
      {"http://here.example:port/", 400, "S10"},
      {"http://here.example:8080:80/", 400, "S10"},
      {"http://here.example:808080/", 400, "S10"},
      {"http://[::1/", 400, "S10"},
      {"http://[::g]/", 400, "S10"},
      {"http://[]/", 400, "S10"},
      {"http://::1/", 400, "S10"},
      {"http://here.example:8081/", 502, "S10 other port"},
      {"http://here.example.evil:8080/", 502, "S10"},
      {"http://xhere.example:8080/", 502, "S10"},
      {"http://[::1]:8080/", 502, "S10"}};
  for (const Refused& row : rows) {
    SCOPED_TRACE(std::string(row.source) + " " + std::string(row.url));
    EXPECT_EQ(url_status(row.url), row.status);
    EXPECT_EQ(reference_status(row.url), row.status);
    if (row.url.substr(0, 1) == "/") {
      EXPECT_EQ(reference_status("http://here.example:8080" + std::string(row.url)), row.status);
      EXPECT_EQ(reference_status("/dav" + std::string(row.url), kDav), row.status);
    }
  }
}

TEST(Path, RefusesRawTextOnlyInARequestTarget) {
  for (const std::string_view url : {"/caf\xC3\xA9", "/a b"}) {
    EXPECT_EQ(url_status(url), 400) << url;
    EXPECT_EQ(reference_status(url), 200) << url;
  }
  EXPECT_THAT(segments(parse_reference("/caf\xC3\xA9 au lait/100%25", kRoot, kHost)),
              ElementsAre("caf\xC3\xA9 au lait", "100%"));
  EXPECT_EQ(reference_status("/caf\xE9"), 400) << "R23 tolerates UTF-8 only";
}

struct Read {
  std::string_view url;
  std::vector<std::string> segments;
  bool trailing_slash;
  std::string_view spelling;
  std::string_view source;
};

TEST(Path, ReadsRequestTargetsAndReferencesAlike) {
  const std::vector<Read> rows = {
      {"/", {}, true, "/", "root"},
      {"//", {}, true, "//", "P8"},
      {"///a//b", {"a", "b"}, false, "///a//b", "P8"},
      {"//host/path", {"host", "path"}, false, "//host/path", "no authority in origin-form"},
      {"/a/b/", {"a", "b"}, true, "/a/b/", ""},
      {"/%252e%252e", {"%2e%2e"}, false, "/%252e%252e", "P2"},
      {"/%25252e", {"%252e"}, false, "/%25252e", "P2"},
      {"/%252f", {"%2f"}, false, "/%252f", "P2"},
      {"/%5c", {"\\"}, false, "/%5c", "P5"},
      {"/..\\..\\x", {"..\\..\\x"}, false, "/..\\..\\x", "P5"},
      {"/..%5c..%5cx", {"..\\..\\x"}, false, "/..%5c..%5cx", "P5"},
      {"/...", {"..."}, false, "/...", "not a dot segment"},
      {"/.a/..b", {".a", "..b"}, false, "/.a/..b", "not dot segments"},
      {"/tmp/blobs/meta.db-wal/.dav",
       {"tmp", "blobs", "meta.db-wal", ".dav"},
       false,
       "/tmp/blobs/meta.db-wal/.dav",
       "P12"},
      {"/name.txt.", {"name.txt."}, false, "/name.txt.", "P14"},
      {"/name.txt::$DATA", {"name.txt::$DATA"}, false, "/name.txt::$DATA", "P14"},
      {"/NAME~1", {"NAME~1"}, false, "/NAME~1", "P14"},
      {"/';%20DROP%20TABLE--", {"'; DROP TABLE--"}, false, "/';%20DROP%20TABLE--", "P16"},
      {"/%25_", {"%_"}, false, "/%25_", "P16"},
      {"/%22`*[a]", {"\"`*[a]"}, false, "/%22`*[a]", "P16"},
      {"/CON/aux.txt/a:b", {"CON", "aux.txt", "a:b"}, false, "/CON/aux.txt/a:b", "P19"},
      {"/a%3Fb/a%3Cb%3E/c%23", {"a?b", "a<b>", "c#"}, false, "/a%3Fb/a%3Cb%3E/c%23", "P19"},
      {"/x%20/%20", {"x ", " "}, false, "/x%20/%20", "P19"},
      {"/%F0%9F%98%80%E2%80%AE",
       {"\xF0\x9F\x98\x80\xE2\x80\xAE"},
       false,
       "/%F0%9F%98%80%E2%80%AE",
       "P19"},
      {"/%C3%A9/e%CC%81", {"\xC3\xA9", "e\xCC\x81"}, false, "/%C3%A9/e%CC%81", "P19"},
      {"/a;p=1,2/b+c&d=e", {"a;p=1,2", "b+c&d=e"}, false, "/a;p=1,2/b+c&d=e", "RFC 3986 §3.3"},
      {"http://here.example:8080", {}, true, "/", "RFC 9112 §3.2.2"},
      {"http://here.example:8080/a%20b/", {"a b"}, true, "/a%20b/", "RFC 9112 §3.2.2"},
      {"HTTPS://HERE.example:8080//a", {"a"}, false, "//a", "R23: case and scheme do not matter"},
  };
  for (const Read& row : rows) {
    SCOPED_TRACE(std::string(row.source) + " " + std::string(row.url));
    for (const bool reference : {false, true}) {
      const Target target =
          reference ? parse_reference(row.url, kRoot, kHost) : parse_url(row.url, kRoot, kHost);
      EXPECT_EQ(segments(target), row.segments);
      EXPECT_EQ(target.trailing_slash, row.trailing_slash);
      EXPECT_EQ(target.spelling, row.spelling);
      EXPECT_FALSE(target.above_prefix);
    }
  }
}

// What a request target says and a reference does not, and the other way round.
TEST(Path, TellsRequestTargetsFromReferences) {
  const struct {
    std::string_view url;
    int target;
    int reference;
    std::string_view source;
  } rows[] = {
      // A name with a raw "?" would be cut off there, and another resource be replaced.
      {"/dir?/x", 200, 400, "RFC 3986 §3.4"},
      {"/what?.txt", 200, 400, "RFC 3986 §3.4"},
      {"/a?", 200, 400, "RFC 3986 §3.4"},
      {"/?x=/y/", 200, 400, "RFC 3986 §3.4"},
      {"/a?\xC3\xA9", 400, 400, "RFC 3986 §3.4"},
      {"http://here.example:8080?q", 200, 400, "RFC 3986 §3.4"},
      {"http://here.example:8080/a?q", 200, 400, "RFC 3986 §3.4"},
      {"http://evil.example/a?q", 502, 400, "RFC 3986 §3.4"},
      {"/what%3F.txt", 200, 200, "RFC 3986 §2.1"},
      {"/what%3f.txt", 200, 200, "RFC 3986 §2.1"},
      // User information names no server (RFC 9110 §4.2.4 forbids it in a request target).
      {"http://user@here.example:8080/", 400, 200, "RFC 3986 §3.2.1"},
      {"http://user:pass@here.example:8080/a", 400, 200, "RFC 3986 §3.2.1"},
      {"http://user:p%40ss@HERE.example:8080/a", 400, 200, "RFC 3986 §3.2.1"},
      {"http://:@here.example:8080/a", 400, 200, "RFC 3986 §3.2.1"},
      {"http://@here.example:8080/a", 400, 200, "RFC 3986 §3.2.1"},
      {"https://user@here.example:8080", 400, 200, "RFC 3986 §3.2.1"},
      {"/user@here/a", 200, 200, "RFC 3986 §3.3"},
      {"http://here.example:8080/a@b", 200, 200, "RFC 3986 §3.3"},
      {"http://user@evil.example/", 400, 502, "S10"},
      {"http://here.example:8080@evil.example/", 400, 502, "S10"},
      {"http://user@here.example:8081/a", 400, 502, "S10"},
      {"http://user@", 400, 400, "S10"},
      {"http://user@/a", 400, 400, "S10"},
      {"http://user@here.example:8080@evil.example/", 400, 400, "S10"},
      {"http://evil.example@user@here.example:8080/", 400, 400, "S10"},
      {"http://us er@here.example:8080/", 400, 400, "S10"},
      {"http://us\\er@here.example:8080/", 400, 400, "S10"},
      {"http://us[er@here.example:8080/", 400, 400, "S10"},
      {"http://us\xC3\xA9r@here.example:8080/", 400, 400, "S10"},
      {"http://user:pa/ss@here.example:8080/", 400, 400, "S10"},
      {"http://user:pa?ss@here.example:8080/", 400, 400, "S10"},
      // The hosts alone count when the reference or Host names no port.
      {"http://here.example/a", 502, 200, "RFC 9110 §7.2"},
      {"http://here.example:/a", 502, 200, "RFC 9110 §7.2"},
      {"https://here.example/a", 502, 200, "RFC 9110 §7.2"},
      {"http://here.example:80/a", 502, 502, "S10"},
      {"http://there.example/a", 502, 502, "S10"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(url_status(row.url), row.target) << row.url << " " << row.source;
    EXPECT_EQ(reference_status(row.url), row.reference) << row.url << " " << row.source;
  }
  EXPECT_EQ(parse_reference("http://u:p@here.example:8080/a/", kRoot, kHost).spelling, "/a/");
  EXPECT_THAT(segments(parse_url("/a/?..", kRoot, kHost)), ElementsAre("a"));
}

TEST(Path, KeepsTheLimits) {  // P17, P18
  const std::string most(255, 'a');
  EXPECT_EQ(url_status("/" + most), 200);
  EXPECT_EQ(url_status("/" + most + "b"), 400);
  std::string faces;
  for (int i = 0; i < 63; ++i) faces += "%F0%9F%98%80";
  EXPECT_EQ(url_status("/" + faces + "abc"), 200) << "255 bytes";
  EXPECT_EQ(url_status("/" + faces + "abcd"), 400) << "256 bytes";

  std::string path;
  for (int i = 0; i < 16; ++i) path += "/" + most;  // 16 × 256 = 4096
  EXPECT_EQ(url_status(path), 200);
  EXPECT_EQ(url_status(path + "//"), 200) << "merged slashes do not count";
  EXPECT_EQ(url_status(path + "/b"), 414);
  EXPECT_EQ(url_status("/dav" + path, kDav), 200) << "the prefix does not count";
  EXPECT_EQ(url_status("/dav" + path + "/b", kDav), 414);

  std::string deep;
  for (int i = 0; i < 256; ++i) deep += "/d";
  EXPECT_EQ(url_status(deep), 200);
  EXPECT_EQ(url_status(deep + "/d"), 403);
  EXPECT_EQ(reference_status(deep + "/d"), 403);
}

TEST(Path, TakesTheUrlsOfThisServerOnly) {  // docs/clients.md R23
  const struct {
    std::string_view host;
    std::string_view url;
    int status;     // of a request target
    int reference;  // of a Destination or a tag of If
  } rows[] = {
      {"a.example", "http://b.example/x", 502, 502},
      // A port that is not the scheme's own is another one (RFC 9110 §4.2.3), but to references
      // where one of the two names none.
      {"a.example", "http://a.example:443/dav/x", 502, 200},
      {"a.example", "https://a.example:80/dav/x", 502, 200},
      {"a.example:80", "https://a.example/dav/x", 502, 200},
      {"a.example", "http://alias.example:443/dav/x", 502, 502},
      {"a.example", "http://a.example:81/dav/x", 502, 200},
      {"a.example:81", "http://a.example/dav/x", 502, 200},
      {"", "http://a.example/x", 502, 502},
      {"a.example", "http://alias.example:444/dav/x", 502, 502},
      {"a.example", "http://files.example/dav/x", 502, 502},
      {"a.example", "http://a.example/dav/x", 200, 200},
      {"a.example", "http://A.EXAMPLE/dav/x", 200, 200},
      {"A.example", "https://a.example/dav/x", 200, 200},
      {"a.example", "http://a.example:/dav/x", 200, 200},
      {"a.example", "http://a.example:80/dav/x", 200, 200},
      {"a.example", "https://a.example:443/dav/x", 200, 200},
      {"a.example:443", "https://a.example/dav/x", 200, 200},
      {"a.example:80", "http://a.example/dav/x", 200, 200},
      {"127.0.0.1:8080", "http://127.0.0.1:8080/dav/x", 200, 200},
      {"[::1]:8080", "http://[::1]:8080/dav/x", 200, 200},
      {"[::1]", "http://[::1]:80/dav/x", 200, 200},
      {"[::1]", "http://[::2]/dav/x", 502, 502},
      {"[::1]", "http://[::1]:8080/dav/x", 502, 200},
      {"a.example:81", "http://a.example:80/dav/x", 502, 502},
      {"a.example:80", "https://a.example:443/dav/x", 502, 502},
      {"a.example", "http://a.example.:81/dav/x", 502, 502},
      {"a.example", "https://files.example:8443/dav/x", 200, 200},
      {"a.example", "http://Files.Example:8443/dav/x", 200, 200},
      {"a.example", "https://alias.example/dav/x", 200, 200},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(status_of([&] { (void)parse_url(row.url, kDav, row.host); }), row.status)
        << row.host << " " << row.url;
    EXPECT_EQ(status_of([&] { (void)parse_reference(row.url, kDav, row.host); }), row.reference)
        << row.host << " " << row.url;
  }
}

TEST(Path, ComparesThePrefixBySegments) {  // P9, P10
  for (const std::string_view outside : {"/d", "/da", "/davx", "/dav..", "/dav../x", "/dav%2e%2e/x",
                                         "/DAV/x", "/x/dav", "/dav%20/x", "//davx"}) {
    EXPECT_EQ(url_status(outside, kDav), 404) << outside;
    EXPECT_EQ(reference_status(outside, kDav), 502) << outside;
  }
  for (const std::string_view bad : {"/dav/../x", "/dav/%2e%2e/x", "/%2e%2e/dav", "/dav%2fx"}) {
    EXPECT_EQ(url_status(bad, kDav), 400) << bad;
    EXPECT_EQ(reference_status(bad, kDav), 400) << bad;
  }
  for (const std::string_view root : {"/dav", "/dav/", "//dav//", "/%64av", "/dav?x"}) {
    EXPECT_TRUE(parse_url(root, kDav, kHost).path.is_root()) << root;
    EXPECT_FALSE(parse_url(root, kDav, kHost).above_prefix) << root;
  }
  EXPECT_THAT(segments(parse_url("/dav/dav/x", kDav, kHost)), ElementsAre("dav", "x"));
  EXPECT_EQ(parse_url("//%64av/x%20y", kDav, kHost).spelling, "//%64av/x%20y");
}

TEST(Path, KnowsTheAncestorsOfThePrefix) {
  const UrlSpace space{.prefix = {"srv", "my dav"}, .origins = {}};
  const Target top = parse_url("/", space, kHost);
  EXPECT_TRUE(top.above_prefix);
  EXPECT_EQ(top.ancestor_depth, 0U);
  EXPECT_THAT(segments(top), IsEmpty());
  const Target middle = parse_url("/srv/", space, kHost);
  EXPECT_TRUE(middle.above_prefix);
  EXPECT_EQ(middle.ancestor_depth, 1U);
  EXPECT_EQ(middle.spelling, "/srv/");
  EXPECT_FALSE(parse_url("/srv/my%20dav", space, kHost).above_prefix);
  EXPECT_EQ(url_status("/srv/my", space), 404);
  // As a destination or in a tag they are outside.
  EXPECT_EQ(reference_status("/", space), 502);
  EXPECT_EQ(reference_status("/srv", space), 502);
  EXPECT_EQ(reference_status("http://here.example:8080", space), 502);
}

TEST(Path, ParsesPrefixes) {
  for (const std::string_view bad :
       {"", "dav", "http://h/dav", "/a/../b", "/a%2fb", "/%zz", "/a?b", "/a#b", "/a b", "/%c3"})
    EXPECT_THROW((void)parse_prefix(bad), std::invalid_argument) << bad;
  EXPECT_THAT(parse_prefix("/"), IsEmpty());
  EXPECT_THAT(parse_prefix("/dav"), ElementsAre("dav"));
  EXPECT_THAT(parse_prefix("//dav/a%20b/"), ElementsAre("dav", "a b"));
}

TEST(Path, EncodesSegments) {
  const struct {
    std::string_view name;
    std::string_view encoded;
  } rows[] = {
      {"plain-name_1.txt~", "plain-name_1.txt~"},
      {"!$()*+,;=:@", "!$()*+,;=:@"},
      {"a&b'c", "a%26b%27c"},
      {"<\">", "%3C%22%3E"},
      {"a b/c%d?e#f", "a%20b%2Fc%25d%3Fe%23f"},
      {"\\^`{|}[]", "%5C%5E%60%7B%7C%7D%5B%5D"},
      {"\xC3\xA9", "%C3%A9"},
      {"%41", "%2541"},
  };
  for (const auto& row : rows) EXPECT_EQ(encode_segment(row.name), row.encoded);
}

TEST(Path, WritesHrefsInTheClientsSpelling) {  // docs/clients.md R9, R10
  using Names = std::vector<std::string>;
  const struct {
    std::string_view requested;
    Names members;
    bool collection;
    std::string_view href;
  } rows[] = {
      {"/dav/a", {}, true, "/dav/a/"},
      {"/dav/a/", {}, true, "/dav/a/"},
      {"/dav/a/", {}, false, "/dav/a"},
      {"/dav/a", {}, false, "/dav/a"},
      {"/a//", {}, false, "/a"},
      {"/a//", {}, true, "/a//"},
      {"/", {}, true, "/"},
      {"/", {}, false, "/"},
      {"", {}, true, "/"},
      {"/", {"x"}, false, "/x"},
      {"", {"x"}, true, "/x/"},
      {"/a", {"b c", "d&e"}, true, "/a/b%20c/d%26e/"},
      {"//%64av//A%2db/", {"x"}, false, "//%64av//A%2db/x"},
      {"/a&b/<\"'>/", {"x"}, false, "/a%26b/%3C%22'%3E/x"},
      {"/caf\xC3\xA9 x\\", {}, false, "/caf%C3%A9%20x%5C"},
      {"/a%", {}, false, "/a%25"},
      {"/a%zz%4", {}, false, "/a%25zz%254"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(href(row.requested, row.members, row.collection), row.href) << row.requested;
}

TEST(Path, WritesCanonicalHrefs) {
  const UrlSpace space{.prefix = {"my dav"}, .origins = {}};
  EXPECT_EQ(href(kRoot, storage::Path(), true), "/");
  EXPECT_EQ(href(space, storage::Path(), true), "/my%20dav/");
  EXPECT_EQ(href(space, storage::Path({"a", "b?"}), false), "/my%20dav/a/b%3F");
  EXPECT_EQ(href(space, storage::Path({"a", "b?"}), true), "/my%20dav/a/b%3F/");
}

TEST(Path, EncodingThenDecodingIsIdentity) {
  std::mt19937 random(4918);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  for (int round = 0; round < 5'000; ++round) {
    std::string name;
    const std::uint32_t length = 1 + below(12);
    for (std::uint32_t i = 0; i < length; ++i) {
      std::uint32_t c = 0;
      do {
        c = below(4) == 0 ? below(0x110000) : below(0x80);
      } while (c < 0x20 || c == 0x7F || c == '/' || (c >= 0xD800 && c < 0xE000));
      text::append_utf8(name, c);
    }
    if (name == "." || name == "..") continue;
    const std::string url = href(kDav, storage::Path({name, "x", name}), false);
    ASSERT_THAT(segments(parse_url(url, kDav, kHost)), ElementsAre(name, "x", name)) << url;
    ASSERT_EQ(href(url, {}, false), url) << "a canonical spelling is kept";
    // What a lenient client sends raw means the same, as long as it has no delimiter in it.
    if (name.find_first_of("%?#") == std::string::npos) {
      ASSERT_THAT(segments(parse_reference("/dav/" + name, kDav, kHost)), ElementsAre(name));
      const std::string spelling = href("/dav/" + name, {}, false);
      ASSERT_THAT(segments(parse_url(spelling, kDav, kHost)), ElementsAre(name)) << spelling;
    }
  }
}

TEST(Path, AnyBytesEndInAStatusOrAPath) {
  std::mt19937 random(3986);
  const std::string_view alphabet = "/%2eEfF.0zadv:h@?#[]\\ \xC3\xA9\x01";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = random() % 3 == 0 ? "http://here.example:8080" : "/";
    const std::size_t length = random() % 24;
    for (std::size_t i = 0; i < length; ++i) text += alphabet[random() % alphabet.size()];
    for (const UrlSpace& space : {kRoot, kDav}) {
      try {
        const Target target = parse_reference(text, space, kHost);
        for (const std::string& segment : target.path.segments()) {
          ASSERT_TRUE(text::valid_utf8(segment));
          ASSERT_FALSE(segment.empty() || segment == "." || segment == "..") << text;
          ASSERT_EQ(segment.find('/'), std::string::npos);
        }
        // Its own spelling means the same again.
        const Target again = parse_url(href(target.spelling, {}, true), space, kHost);
        ASSERT_EQ(again.path, target.path) << text;
      } catch (const Error& error) {
        ASSERT_TRUE(error.status == 400 || error.status == 502) << text;
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::dav
