// The D rows that are named here are those of docs/robustness.md.
#include "dav/headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/http/fields.h"
#include "text/ascii.h"
#include "text/hex.h"

namespace holdfast::dav {
namespace {

using test::with;

template <class Parse>
bool is_bad_request(Parse parse) {
  try {
    parse();
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.status, 400);
    EXPECT_FALSE(error.detail.empty());
    return true;
  }
}

TEST(Depth, IsZeroOneOrInfinity) {  // RFC 4918 §10.2, D3
  for (const std::string_view bad :
       {"", "2", "-1", "00", "01", "0,1", "1,noroot", "infinite", "inf", "1.0", "0 0", "\xC2\xB2"})
    EXPECT_TRUE(is_bad_request([&] { (void)parse_depth(with("Depth", {bad})); })) << bad;
  EXPECT_FALSE(is_bad_request([&] { (void)parse_depth(with("Depth", {"0", "0"})); }));
  EXPECT_TRUE(is_bad_request([&] { (void)parse_depth(with("Depth", {"0", "infinity"})); }));
  EXPECT_EQ(parse_depth({}), std::nullopt);
  EXPECT_EQ(parse_depth(with("depth", {"0"})), storage::Depth::zero);
  EXPECT_EQ(parse_depth(with("Depth", {"1"})), storage::Depth::one);
  EXPECT_EQ(parse_depth(with("DEPTH", {"infinity"})), storage::Depth::infinity);
  EXPECT_EQ(parse_depth(with("Depth", {"Infinity"})), storage::Depth::infinity);
}

TEST(Overwrite, IsTrueUnlessItSaysF) {  // RFC 4918 §10.6
  for (const std::string_view bad : {"", "true", "false", "0", "1", "TT", "T,F"})
    EXPECT_TRUE(is_bad_request([&] { (void)parse_overwrite(with("Overwrite", {bad})); })) << bad;
  EXPECT_TRUE(is_bad_request([&] { (void)parse_overwrite(with("Overwrite", {"T", "F"})); }));
  EXPECT_TRUE(parse_overwrite({}));
  EXPECT_TRUE(parse_overwrite(with("Overwrite", {"T"})));
  EXPECT_TRUE(parse_overwrite(with("Overwrite", {"t"})));
  EXPECT_FALSE(parse_overwrite(with("Overwrite", {"F"})));
  EXPECT_FALSE(parse_overwrite(with("overwrite", {"f"})));
}

TEST(Timeout, TakesTheFirstAlternativeItUnderstands) {  // RFC 4918 §10.7, D6, docs/clients.md R65
  const struct {
    std::vector<std::string_view> values;
    std::int64_t seconds;
  } rows[] = {
      {{}, 3600},
      {{""}, 3600},
      {{"garbage"}, 3600},
      {{"Second"}, 3600},
      {{"Second-"}, 3600},
      {{"Second--1"}, 3600},
      {{"Second-+1"}, 3600},
      {{"Second-1.5"}, 3600},
      {{"Second-1x"}, 3600},
      {{"Second- 5"}, 3600},
      {{"Minute-5"}, 3600},
      {{"5"}, 3600},
      {{"Second-0"}, 1},
      {{"Second-1"}, 1},
      {{"Second-0000180"}, 180},
      {{"second-600"}, 600},
      {{"Second-3599"}, 3599},
      {{"Second-3600"}, 3600},
      {{"Second-3601"}, 3600},
      {{"Second-4294967295"}, 3600},
      {{"Second-4294967296"}, 3600},
      {{"Second-99999999999999"}, 3600},
      {{"Second-18446744073709551616"}, 3600},
      {{"Second-99999999999999999999999999"}, 3600},
      {{"Infinite"}, 3600},
      {{"infinite"}, 3600},
      {{"Infinite, Second-4100000000"}, 3600},
      {{"Second-10, Infinite"}, 10},
      {{"Extend-1, Second-20"}, 20},
      {{" , ,Second-30"}, 30},
      {{"x", "Second-40"}, 40},
  };
  for (const auto& row : rows)
    EXPECT_EQ(parse_timeout(with("Timeout", row.values), 3600), row.seconds)
        << testing::PrintToString(row.values);
}

TEST(LockToken, IsOneStateToken) {  // RFC 4918 §10.5, docs/clients.md R71
  for (const std::string_view bad : {"",
                                     "<>",
                                     "<",
                                     ">",
                                     "< >",
                                     "token",
                                     "<token>",
                                     "<urn:uuid:1",
                                     "urn:uuid:1>",
                                     "<<urn:uuid:1>>",
                                     "<urn:uuid:1> <urn:uuid:2>",
                                     "urn:uuid:1, urn:uuid:2",
                                     "<urn:>",
                                     "<:x>",
                                     "<1a:x>",
                                     "(<urn:uuid:1>)",
                                     "<urn:a b>",
                                     "<urn:\xC3\xA9>",
                                     "urn:a\"b",
                                     "<urn:a\x7F>"})
    EXPECT_TRUE(is_bad_request([&] { (void)parse_lock_token(with("Lock-Token", {bad})); })) << bad;
  EXPECT_TRUE(is_bad_request([&] {
    (void)parse_lock_token(with("Lock-Token", {"<u:a>", "<u:a>"}));
  }));
  EXPECT_EQ(parse_lock_token({}), std::nullopt);
  EXPECT_EQ(parse_lock_token(with("Lock-Token", {"<urn:uuid:1>"})), "urn:uuid:1");
  EXPECT_EQ(parse_lock_token(with("Lock-Token", {"< urn:uuid:1 >"})), "urn:uuid:1");
  EXPECT_EQ(parse_lock_token(with("Lock-Token", {"opaquelocktoken:a-b"})), "opaquelocktoken:a-b");
}

constexpr std::string_view kSha256 =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // of "abc"
constexpr std::string_view kSha256Base64 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
constexpr std::string_view kSha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
constexpr std::string_view kMd5 = "900150983cd24fb0d6963f7d28e17f72";
constexpr std::string_view kMd5Base64 = "kAFQmDzST7DWlj99KOF/cg==";

std::string upper(std::string_view text) {
  std::string out;
  for (const char c : text) out += text::upper(c);
  return out;
}

TEST(Checksums, AreReadFromTheFieldsClientsSend) {
  const struct {
    std::string_view name;
    std::string value;
    std::string_view known;  // which of sha256, sha1, md5 it announces
  } rows[] = {
      {"OC-Checksum", "SHA256:" + std::string(kSha256), "sha256"},
      {"oc-checksum", "sha256:" + upper(kSha256), "sha256"},
      {"OC-Checksum", "SHA1:" + std::string(kSha1), "sha1"},
      {"OC-Checksum", "MD5:" + std::string(kMd5), "md5"},
      {"OC-Checksum", "SHA1:" + std::string(kSha1) + " MD5:" + std::string(kMd5), "sha1 md5"},
      {"OC-Checksum", "Adler32:deadbeef", ""},
      {"OC-Checksum", "SHA3-256:zz", ""},
      {"OC-Checksum", "", ""},
      {"OC-Checksum", "nothing", ""},
      {"Content-MD5", std::string(kMd5Base64), "md5"},
      {"Repr-Digest", "sha-256=:" + std::string(kSha256Base64) + ":", "sha256"},
      {"Content-Digest", "sha-256=:" + std::string(kSha256Base64) + ":", "sha256"},
      {"Repr-Digest", "sha-512=:zz:, sha-256=:" + std::string(kSha256Base64) + ":;p=1", "sha256"},
      {"Repr-Digest", "sha-512=:zz:, unixsum", ""},
      {"Repr-Digest", "SHA-256=:zz:", ""},  // keys are lower case (RFC 8941 §3.1.2)
      {"Want-Repr-Digest", "sha-256=1", ""},
  };
  for (const auto& row : rows) {
    const ExpectedChecksums expected = parse_checksums(with(row.name, {row.value}));
    std::string known;
    if (expected.sha256) {
      EXPECT_EQ(text::hex(*expected.sha256), kSha256);
      known += " sha256";
    }
    if (expected.sha1) {
      EXPECT_EQ(text::hex(*expected.sha1), kSha1);
      known += " sha1";
    }
    if (expected.md5) {
      EXPECT_EQ(text::hex(*expected.md5), kMd5);
      known += " md5";
    }
    EXPECT_EQ(known.substr(known.empty() ? 0 : 1), row.known) << row.name << ": " << row.value;
    EXPECT_EQ(expected.digests().sha1, expected.sha1.has_value());
    EXPECT_EQ(expected.digests().md5, expected.md5.has_value());
  }
}

TEST(Checksums, MalformedOnesAreRefused) {
  const struct {
    std::string_view name;
    std::string value;
  } rows[] = {
      {"OC-Checksum", "SHA1:"},
      {"OC-Checksum", "SHA1:a999"},
      {"OC-Checksum", "SHA1:" + std::string(39, 'a') + "g"},
      {"OC-Checksum", "MD5:" + std::string(kSha1)},
      {"OC-Checksum", "SHA256:" + std::string(kSha1)},
      {"OC-Checksum", "SHA1:" + std::string(kSha1) + " SHA1:" + std::string(40, '0')},
      {"Content-MD5", "x"},
      {"Content-MD5", std::string(kMd5).substr(1)},
      {"Content-MD5", std::string(kMd5).substr(1) + "g"},
      {"Content-MD5", "kAFQmDzST7DWlj99KOF/cg"},
      {"Content-MD5", "kAFQmDzST7DWlj99KOF/cg="},
      {"Content-MD5", "kAFQmDzST7DWlj99KOF_cg=="},
      {"Content-MD5", "kAFQmDzST7DWlj99KOF/ch=="},  // bits that no byte holds
      {"Content-MD5", "kAFQmDzST7DWlj99KOF/c==="},
      {"Content-MD5", "kAFQmDzST7DWlj99KOF/cgAA"},
      {"Repr-Digest", "sha-256"},
      {"Repr-Digest", "sha-256="},
      {"Repr-Digest", "sha-256=:"},
      {"Repr-Digest", "sha-256=::"},
      {"Repr-Digest", "sha-256=" + std::string(kSha256Base64)},
      {"Repr-Digest", "sha-256=:" + std::string(kMd5Base64) + ":"},
      {"Content-Digest", "sha-256=:" + std::string(kSha256) + ":"},
  };
  for (const auto& row : rows)
    EXPECT_TRUE(is_bad_request([&] { (void)parse_checksums(with(row.name, {row.value})); }))
        << row.name << ": " << row.value;

  Fields contradictory;
  const std::string other = "MD5:" + std::string(32, '0');
  contradictory.add("Content-MD5", kMd5Base64);
  contradictory.add("OC-Checksum", other);
  EXPECT_TRUE(is_bad_request([&] { (void)parse_checksums(contradictory); }));
}

TEST(Checksums, AreVerified) {
  const std::string sha1 = "SHA1:" + std::string(kSha1);
  Fields fields;
  fields.add("OC-Checksum", sha1);
  fields.add("Content-MD5", kMd5Base64);
  const std::string digest = "sha-256=:" + std::string(kSha256Base64) + ":";
  fields.add("Repr-Digest", digest);
  const ExpectedChecksums expected = parse_checksums(fields);
  storage::Checksums actual{.sha256 = *expected.sha256, .sha1 = expected.sha1, .md5 = expected.md5};
  EXPECT_FALSE(is_bad_request([&] { expected.verify(actual); }));
  EXPECT_FALSE(is_bad_request([&] { ExpectedChecksums().verify(actual); }));
  storage::Checksums changed = actual;
  changed.sha256[31] ^= 1;
  EXPECT_TRUE(is_bad_request([&] { expected.verify(changed); }));
  changed = actual;
  (*changed.sha1)[0] ^= 1;
  EXPECT_TRUE(is_bad_request([&] { expected.verify(changed); }));
  changed = actual;
  changed.md5.reset();
  EXPECT_TRUE(is_bad_request([&] { expected.verify(changed); })) << "not computed is not the same";
}

TEST(OcMtime, IsUnixSeconds) {
  for (const std::string_view bad :
       {"", "-", "--1", "- 1", "-62167219201", "+1", "abc", "1e9", "0x10", " 1", "1 ", "1,5", ".5",
        "1.x", "99999999999999999999", "253402300800", "Sun, 06 Nov 1994 08:49:37 GMT"})
    EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {bad})), std::nullopt) << bad;
  EXPECT_EQ(parse_oc_mtime({}), std::nullopt);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"0"})), 0);
  EXPECT_EQ(parse_oc_mtime(with("x-oc-mtime", {"1405659985"})), 1405659985000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"1405659985.987"})), 1405659985000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"1405659985."})), 1405659985000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"253402300799"})), 253402300799000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"-152712000"})), -152712000000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"-152712000.00"})), -152712000000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"-152712000.25"})), -152712001000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"-1"})), -1000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"-0"})), 0);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"-62167219200"})), -62167219200000);
}

TEST(AbsoluteUri, HasASchemeAndMore) {  // RFC 3986 §4.3
  for (const std::string_view bad :
       {"", ":", "a", "a:", ":a", "1:a", "a b:c", "\xC3\xA9:a", "a:\n", "a_b:c"})
    EXPECT_FALSE(is_absolute_uri(bad)) << bad;
  for (const std::string_view good :
       {"a:b", "DAV:no-lock", "urn:uuid:1", "http://h/?q", "a+b-c.1::"})
    EXPECT_TRUE(is_absolute_uri(good)) << good;
}

TEST(RepeatedFields, MayRepeatOneValue) {  // RFC 9110 §5.3
  EXPECT_EQ(parse_depth(with("Depth", {"1", "1"})), storage::Depth::one);
  EXPECT_EQ(parse_depth(with("Depth", {"infinity", "infinity", "infinity"})),
            storage::Depth::infinity);
  EXPECT_FALSE(parse_overwrite(with("Overwrite", {"F", "F"})));
  EXPECT_TRUE(parse_overwrite(with("Overwrite", {"T", "T"})));
  for (const auto& values :
       {std::pair("0", "1"), std::pair("1", "01"), std::pair("0", "infinity"), std::pair("1", "")})
    EXPECT_TRUE(is_bad_request([&] {
      (void)parse_depth(with("Depth", {values.first, values.second}));
    })) << values.first
        << values.second;
  for (const auto& values : {std::pair("T", "F"), std::pair("F", "T"), std::pair("F", "")})
    EXPECT_TRUE(is_bad_request([&] {
      (void)parse_overwrite(with("Overwrite", {values.first, values.second}));
    }));
  EXPECT_EQ(parse_timeout(with("Timeout", {"Wish-1", "Second-7"}), 100), 7);
  EXPECT_EQ(parse_timeout(with("Timeout", {"Second-5", "Infinite"}), 100), 5);
  EXPECT_EQ(parse_timeout(with("Timeout", {"Infinite", "Second-5"}), 100), 100);
}

}  // namespace
}  // namespace holdfast::dav
