#include "http/origin.h"

#include <gtest/gtest.h>
#include <string>

namespace holdfast::http {
namespace {

// Every place that compares hosts or origins stands on these tables: Host, the request target,
// Destination, If, Origin, X-Forwarded-Host, --public-url and --http-redirect.
TEST(Authority, IsAHostWithAPortOrWithout) {  // RFC 9110 §7.2, RFC 3986 §3.2
  for (const std::string_view bad :
       {"",           ":",        ":80",    "@h",    "u@h",    "u:p@h",   "h:80:80",
        "h:x",        "h:8x",     "h:-1",   "h:+1",  "h: 1",   "h:65536", "h:99999",
        "h:000080",   "h:123456", "a,b",    "a, b",  "h x",    " h",      "h ",
        "h/",         "h/x",      "h?q",    "h#f",   "h\\",    "h\"",     "<h>",
        "h|",         "h^",       "h`",     "{h}",   "h\n",    "h\x7f",   "\xC3\xA9.example",
        "::1",        "[::1",     "[]",     "[]:80", "[::1]x", "[::1]80", "[::g]",
        "[::1%25lo]", "[v1.x]",   "[ ::1]", "]",     "x[::1]", "[[::1]]", "h:port"})
    EXPECT_FALSE(Authority::parse(bad)) << bad;
  EXPECT_FALSE(Authority::parse(std::string_view("h\0", 2)));
  const struct {
    std::string_view text;
    std::string_view host;
    std::optional<std::uint16_t> port;
    std::string_view bare;
  } rows[] = {
      {"h", "h", std::nullopt, "h"},
      {"h:", "h", std::nullopt, "h"},
      {"h:0", "h", 0, "h"},
      {"h:80", "h", 80, "h"},
      {"h:00080", "h", 80, "h"},
      {"h:65535", "h", 65535, "h"},
      {"DAV.Example.org", "DAV.Example.org", std::nullopt, "DAV.Example.org"},
      {"example.org.", "example.org.", std::nullopt, "example.org."},
      {"a_b-c~d", "a_b-c~d", std::nullopt, "a_b-c~d"},
      {"a%20b!$&'()*+;=", "a%20b!$&'()*+;=", std::nullopt, "a%20b!$&'()*+;="},
      {"xn--bcher-kva.example:8443", "xn--bcher-kva.example", 8443, "xn--bcher-kva.example"},
      {"127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1"},
      {"[::1]", "[::1]", std::nullopt, "::1"},
      {"[::1]:", "[::1]", std::nullopt, "::1"},
      {"[2001:DB8::1]:8443", "[2001:DB8::1]", 8443, "2001:DB8::1"},
      {"[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]", 80, "::ffff:192.0.2.1"},
  };
  for (const auto& row : rows) {
    const auto authority = Authority::parse(row.text);
    ASSERT_TRUE(authority) << row.text;
    EXPECT_EQ(authority->host, row.host) << row.text;
    EXPECT_EQ(authority->port, row.port) << row.text;
    EXPECT_EQ(authority->bare_host(), row.bare) << row.text;
  }
}

TEST(Authority, IsAnotherOneButForCaseAndTheSchemesOwnPort) {  // RFC 9110 §4.2.3
  const struct {
    std::string_view a;
    std::string_view b;
    bool in_http;
    bool in_https;
  } rows[] = {
      {"h", "h", true, true},
      {"h", "H", true, true},
      {"Dav.Example", "dav.eXAMPLE", true, true},
      {"h", "h:", true, true},
      {"h", "h:80", true, false},
      {"h", "h:443", false, true},
      {"h:", "h:443", false, true},
      {"h:80", "h:443", false, false},
      {"h:80", "h:0080", true, true},
      {"h:8080", "h:8080", true, true},
      {"h", "h:8080", false, false},
      {"h", "g", false, false},
      {"h", "h.", false, false},
      {"h.example", "h.example.evil", false, false},
      {"a%62", "ab", false, false},
      {"[::1]", "[::1]:80", true, false},
      {"[2001:DB8::1]", "[2001:db8::1]", true, true},
      {"[::1]", "[0:0:0:0:0:0:0:1]", false, false},
      {"[::1]", "127.0.0.1", false, false},
  };
  for (const auto& row : rows) {
    const auto a = Authority::parse(row.a);
    const auto b = Authority::parse(row.b);
    ASSERT_TRUE(a && b) << row.a << " " << row.b;
    EXPECT_EQ(a->is(*b, Scheme::http), row.in_http) << row.a << " " << row.b;
    EXPECT_EQ(b->is(*a, Scheme::http), row.in_http) << row.a << " " << row.b;
    EXPECT_EQ(a->is(*b, Scheme::https), row.in_https) << row.a << " " << row.b;
    EXPECT_EQ(b->is(*a, Scheme::https), row.in_https) << row.a << " " << row.b;
  }
  for (const std::string_view local : {"localhost", "LocalHost", "127.0.0.1", "[::1]"})
    EXPECT_TRUE(is_loopback_name(local)) << local;
  for (const std::string_view other :
       {"", "localhost.", "localhost.evil.example", "127.0.0.2", "::1"})
    EXPECT_FALSE(is_loopback_name(other)) << other;
}

TEST(Origin, IsASchemeAndAnAuthority) {  // RFC 6454 §4, §7.1
  for (const std::string_view bad : {"",
                                     "null",
                                     "h",
                                     "h:80",
                                     "//h",
                                     "http:",
                                     "http:/h",
                                     "http://",
                                     "http:///",
                                     "http://h/",
                                     "http://h/x",
                                     "http://h?q",
                                     "http://h#f",
                                     "http://u@h",
                                     "http://h:x",
                                     "http://h http://g",
                                     "http://h,http://g",
                                     " http://h",
                                     "http://h ",
                                     "ftp://h",
                                     "file://h",
                                     "htt://h",
                                     "httpss://h",
                                     "1http://h",
                                     "http ://h",
                                     "://h",
                                     "http://::1"})
    EXPECT_FALSE(Origin::parse(bad)) << bad;
  const struct {
    std::string_view text;
    std::string_view written;
  } rows[] = {
      {"http://h", "http://h"},
      {"HTTPS://Dav.Example", "https://dav.example"},
      {"http://h:80", "http://h"},
      {"https://h:443", "https://h"},
      {"http://h:443", "http://h:443"},
      {"https://h:80", "https://h:80"},
      {"https://h:", "https://h"},
      {"https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"},
  };
  for (const auto& row : rows) {
    const auto origin = Origin::parse(row.text);
    ASSERT_TRUE(origin) << row.text;
    EXPECT_EQ(origin->text(), row.written) << row.text;
    EXPECT_EQ(origin, Origin::parse(row.written)) << row.text;
    EXPECT_EQ(Origin::of_url(std::string(row.text) + "/a/b"), origin) << row.text;
    EXPECT_EQ(Origin::of_url(row.text), origin) << row.text;
    EXPECT_FALSE(Origin::of_url(std::string(row.text) + "/?q")) << row.text;
    EXPECT_FALSE(Origin::of_url(std::string(row.text) + "/#f")) << row.text;
  }
  EXPECT_NE(Origin::parse("http://h"), Origin::parse("https://h"));
}

TEST(AbsoluteForm, IsCutIntoParts) {  // RFC 3986 §3, RFC 9112 §3.2.2
  for (const std::string_view none : {"", "/", "/a://b", "*", "h:80", "a/b://c", "http:", "http:/x",
                                      "://h", "1a://h", "a b://h", "a_b://h"}) {
    EXPECT_FALSE(split_absolute_form(none)) << none;
    EXPECT_EQ(without_authority(none), none);
  }
  const struct {
    std::string_view text;
    std::string_view scheme;
    std::string_view authority;
    std::string_view path;
    std::string_view asked;  // without_authority
  } rows[] = {
      {"http://h/a?q", "http", "h", "/a?q", "/a?q"},
      {"HTTP://h:80", "HTTP", "h:80", "", "/"},
      {"http://", "http", "", "", "/"},
      {"http:///x", "http", "", "/x", "/x"},
      {"a+b-c.1://u@h//x", "a+b-c.1", "u@h", "//x", "//x"},
      {"http://h?q/x", "http", "h", "?q/x", "/"},
      {"http://h#f", "http", "h", "#f", "/"},
  };
  for (const auto& row : rows) {
    const auto url = split_absolute_form(row.text);
    ASSERT_TRUE(url) << row.text;
    EXPECT_EQ(url->scheme, row.scheme) << row.text;
    EXPECT_EQ(url->authority, row.authority) << row.text;
    EXPECT_EQ(url->path, row.path) << row.text;
    EXPECT_EQ(without_authority(row.text), row.asked) << row.text;
  }
}

TEST(AbsoluteForm, IsLoggedWithoutUserInformation) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"/a@b:c", "/a@b:c"},
      {"*", "*"},
      {"http://h/a@b", "http://h/a@b"},
      {"http://ann:secret@h:80/f?q", "http://h:80/f?q"},
      {"http://ann:se@cret@h", "http://h"},
      {"https://token@[::1]:8/f", "https://[::1]:8/f"},
      {"http://ann:secret", "http://…"},  // no port, and what it is instead is not shown
      {"http://ann:sec?ret@h/f", "http://…?ret@h/f"},
      {"http://ann:secret@/f", "http://…/f"},
      {"ann:secret@h:80", "h:80"},
  };
  for (const auto& [target, logged] : rows) EXPECT_EQ(loggable_target(target), logged) << target;
}

TEST(Scheme, IsHttpOrHttps) {
  EXPECT_EQ(parse_scheme("hTTp"), Scheme::http);
  EXPECT_EQ(parse_scheme("HTTPS"), Scheme::https);
  for (const std::string_view other : {"", "http:", "ftp", "httpx", " http"})
    EXPECT_EQ(parse_scheme(other), std::nullopt) << other;
  EXPECT_EQ(to_string(Scheme::https), "https");
  EXPECT_EQ(default_port(Scheme::http), 80);
  EXPECT_EQ(default_port(Scheme::https), 443);
}

}  // namespace
}  // namespace holdfast::http
