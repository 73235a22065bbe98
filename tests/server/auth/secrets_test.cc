#include "server/auth/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace holdfast::server {
namespace {

TEST(Password, FitsItsHashAndNoOther) {
  const std::string hash = auth::hash_password("correct horse");
  EXPECT_THAT(hash, testing::StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_TRUE(auth::verify_password(hash, "correct horse"));
  for (const char* wrong : {"", "correct hors", "correct horse ", "Correct horse"})
    EXPECT_FALSE(auth::verify_password(hash, wrong)) << wrong;
  EXPECT_NE(hash, auth::hash_password("correct horse"));  // salted
}

TEST(Password, IsTheSameInEitherNormalForm) {
  EXPECT_TRUE(auth::verify_password(auth::hash_password("M\xC3\xBCnch"), "Mu\xCC\x88nch"));
  EXPECT_FALSE(auth::verify_password(auth::hash_password("M\xC3\xBCnch"), "Munch"));
}

TEST(Password, NothingFitsNoHash) {
  EXPECT_FALSE(auth::verify_password("", ""));
  EXPECT_FALSE(auth::verify_password("garbage", "garbage"));
  EXPECT_FALSE(auth::verify_password(auth::no_hash(), ""));
}

// Computed with another program.
TEST(DigestSecrets, AreTheHashesOfNameRealmAndPassword) {
  EXPECT_EQ(auth::digest_secrets_md5("J\xC3\xBCrgen", "pass:w\xC3\xB6rd"),
            "a39e14a6b6e5f09107b911e7af385638 4e099be00ee2fff84dbf242d8a0068f6");
  EXPECT_EQ(auth::digest_secrets_sha256("J\xC3\xBCrgen", "pass:w\xC3\xB6rd"),
            "6a3f1c0f9a92bddf28792e738e8fc4b729425fafdfa4cb9dc401811a8a9fd489 "
            "021b1ad43773706f7ea30a15b32939f6496ae48a196753c78f857009b4c61fca");
  EXPECT_EQ(auth::digest_secrets_md5("a", "b"), "2657cb570d518c1dfb097a086732154c")
      << "ASCII is the same in both";
  EXPECT_EQ(auth::digest_secrets_md5("a", "\xE2\x82\xAC"), "0b92349a2173753091e235e3f87394e9")
      << "the euro sign is in neither";
}

TEST(Token, HasManyBitsAndFitsEverywhere) {
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i) all.insert(auth::new_token());
  EXPECT_EQ(all.size(), 100U);
  for (const std::string& token : all)
    EXPECT_THAT(token, testing::MatchesRegex("[A-Za-z0-9_-]+")) << "43 characters are 256 bits";
  EXPECT_EQ(all.begin()->size(), 43U);
}

TEST(Mac, TellsApartWhereOnePieceEnds) {
  const auth::Key key = auth::random_key();
  const auto of = [](const auth::Key& with, std::vector<std::string_view> pieces) {
    return auth::mac(with, pieces);
  };
  EXPECT_EQ(of(key, {"ab", "c"}), of(key, {"ab", "c"}));
  EXPECT_NE(of(key, {"ab", "c"}), of(key, {"a", "bc"}));
  EXPECT_NE(of(key, {"abc"}), of(key, {"abc", ""}));
  EXPECT_NE(of(key, {"ab", "c"}), of(auth::random_key(), {"ab", "c"}));
}

TEST(ConstantTime, ComparesWhole) {
  EXPECT_TRUE(auth::equal_in_constant_time("same", "same"));
  EXPECT_TRUE(auth::equal_in_constant_time("", ""));
  EXPECT_FALSE(auth::equal_in_constant_time("same", "samf"));
  EXPECT_FALSE(auth::equal_in_constant_time("same", "sam"));
}

}  // namespace
}  // namespace holdfast::server
