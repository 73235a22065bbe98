#include "server/auth/authorization.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "text/base64.h"

namespace holdfast::server {
namespace {

std::string base64(std::string_view text) {
  return text::base64({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::string digest(const std::string& changes = {}) {
  return "Digest username=\"alice\", realm=\"Holdfast\", nonce=\"n\", uri=\"/a\", qop=auth, "
         "nc=0000001f, cnonce=\"c\", response=\"AB\"" +
         changes;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  return text.replace(text.find(what), what.size(), with);
}

TEST(Authorization, WhatCannotBeReadIsBroken) {
  using namespace std::string_literals;
  for (const std::string& value : std::vector<std::string>{
           "",
           " ",
           "Basic",
           "Basic ",
           "basic",
           "Basic =",
           "Basic !!!!",
           "Basic YTpi YTpi",
           "Basic " + base64("alice"),
           "Basic " + base64(":secret"),
           "Basic " + base64(""),
           "Basic " + base64("al\0ice:x"s),
           "Basic " + base64("alice:x\0y"s),
           "Basic " + base64("alice\r\n:x"),
           "Basic " + base64("alice:\x7f"),
           "Basic " + base64("alice:x").substr(1),
           "BasicYWxpY2U6eA==",
           "Basic\"YWxpY2U6eA==\"",
           "Basic username=alice",
           "Bearer",
           "Bearer ",
           "BEARER \t",
           "Negotiate TlRMTVNTUAAB",
           "NTLM x",
           "\xff\xfe",
           std::string(16'000, 'A'),
           "Basic " + std::string(16'000, '='),
           "Digest",
           "Digest ,,,",
           "Digest username",
           "Digest username=\"alice",
           "Digest username=\"alice\" realm=\"Holdfast\"",
           digest(", nonce=\"m\""),
           replaced(digest(), "qop=auth", "qop=auth-int"),
           replaced(digest(), ", qop=auth", ""),
           replaced(digest(), "0000001f", "1f"),
           replaced(digest(), "0000001f", "0000001g"),
           replaced(digest(), "0000001f", "-000001f"),
           replaced(digest(), "\"c\"", "\"\""),
           replaced(digest(), "Holdfast", "Other"),
           replaced(digest(), "\"alice\"", "\"\""),
           replaced(digest(), "username=\"alice\", ", ""),
           digest(", algorithm=MD5-sess"),
           digest(", algorithm=SHA-512-256"),
           digest(", userhash=true"),
           digest(", username*=UTF-8''alice"),
           replaced(digest(), "username=\"alice\"", "username*=ISO-8859-1''alice"),
           replaced(digest(), "username=\"alice\"", "username*=alice"),
       }) {
    const auth::Credentials read = auth::parse_authorization(value);
    ASSERT_TRUE(std::holds_alternative<auth::Broken>(read)) << value;
    EXPECT_FALSE(std::get<auth::Broken>(read).why.empty());
  }
}

TEST(Authorization, ReadsBasicAsClientsSendIt) {
  struct Row {
    std::string value, name, password;
  };
  for (const Row& row : std::vector<Row>{
           {"Basic " + base64("alice:secret"), "alice", "secret"},
           {"bAsIc   " + base64("alice:secret"), "alice", "secret"},
           {"Basic YTpiYw", "a", "bc"},  // without padding
           {"Basic " + base64("alice:a:b:"), "alice", "a:b:"},
           {"Basic " + base64("alice:"), "alice", ""},
           {"Basic " + base64("J\xC3\xBCrgen:\xE2\x82\xAC"), "J\xC3\xBCrgen", "\xE2\x82\xAC"},
           {"Basic " + base64("Ju\xCC\x88rgen:x"), "J\xC3\xBCrgen", "x"},       // NFD
           {"Basic " + base64("J\xFCrgen:\xA3"), "J\xC3\xBCrgen", "\xC2\xA3"},  // Latin-1
           {"Basic " + base64("DOMAIN\\alice:x"), "DOMAIN\\alice", "x"},
       }) {
    const auth::Credentials read = auth::parse_authorization(row.value);
    ASSERT_TRUE(std::holds_alternative<auth::Basic>(read)) << row.value;
    EXPECT_EQ(std::get<auth::Basic>(read).name, row.name);
    EXPECT_EQ(std::get<auth::Basic>(read).password, row.password);
  }
}

TEST(Authorization, ReadsBearer) {
  const auth::Credentials read = auth::parse_authorization("bearer  abc-_DEF");
  ASSERT_TRUE(std::holds_alternative<auth::Bearer>(read));
  EXPECT_EQ(std::get<auth::Bearer>(read).token, "abc-_DEF");
}

TEST(Authorization, ReadsDigestAsClientsSendIt) {
  const auto read = [](const std::string& value) {
    const auth::Credentials credentials = auth::parse_authorization(value);
    EXPECT_TRUE(std::holds_alternative<auth::Digest>(credentials)) << value;
    return std::holds_alternative<auth::Digest>(credentials) ? std::get<auth::Digest>(credentials)
                                                             : auth::Digest{};
  };
  const auth::Digest plain = read(digest());
  EXPECT_EQ(plain.algorithm, auth::Digest::Algorithm::md5);
  EXPECT_EQ(plain.username, "alice");
  EXPECT_EQ(plain.nonce, "n");
  EXPECT_EQ(plain.uri, "/a");
  EXPECT_EQ(plain.response, "ab");
  EXPECT_EQ(plain.cnonce, "c");
  EXPECT_EQ(plain.nc, "0000001f");
  EXPECT_EQ(plain.count, 0x1fU);

  EXPECT_EQ(read(digest(", algorithm=SHA-256")).algorithm, auth::Digest::Algorithm::sha256);
  EXPECT_EQ(read(digest(", algorithm=\"sha-256\"")).algorithm, auth::Digest::Algorithm::sha256);
  EXPECT_EQ(read(replaced(digest(), "qop=auth", "qop=\"auth\"")).nc, "0000001f");
  EXPECT_EQ(read(replaced(digest(), ", ", ",\t ,")).nonce, "n");
  // docs/clients.md R5: commas in the uri, a domain with one backslash or two.
  EXPECT_EQ(read(replaced(digest(), "\"/a\"", "\"/a,b=\\\"c\\\"\"")).uri, "/a,b=\"c\"");
  EXPECT_EQ(read(replaced(digest(), "alice", "DOMAIN\\alice")).username, "DOMAIN\\alice");
  EXPECT_EQ(read(replaced(digest(), "alice", "DOMAIN\\\\alice")).username, "DOMAIN\\alice");
  EXPECT_EQ(read(replaced(digest(), "username=\"alice\"", "username*=UTF-8''J%C3%BCrgen")).username,
            "J\xC3\xBCrgen");
}

TEST(Authorization, ADigestIsForOneTarget) {
  struct Row {
    const char* uri;
    const char* target;
    bool same;
  };
  for (const Row& row : std::vector<Row>{{"/a", "/a", true},
                                         {"/a%20b", "/a b", true},
                                         {"/%61", "/a", true},
                                         {"http://h/a", "/a", true},
                                         {"/a", "http://h:80/a", true},
                                         {"http://h", "/", true},
                                         {"*", "*", true},
                                         {"/a", "/b", false},
                                         {"/a", "/a/", false},
                                         {"/a", "/a?q", false},
                                         {"/a%2", "/a", false},
                                         {"", "/", false}})
    EXPECT_EQ(auth::same_target(row.uri, row.target), row.same) << row.uri << " " << row.target;
}

}  // namespace
}  // namespace holdfast::server
