#include "server/auth/nonces.h"

#include <gtest/gtest.h>
#include <set>
#include <string>

#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

using State = auth::Nonces::State;

class NoncesTest : public testing::Test {
 protected:
  test::ManualClock clock_;
  auth::Nonces nonces_{clock_, 3};
};

TEST_F(NoncesTest, AreGoodForOneAddressAndSomeMinutes) {
  const std::string nonce = nonces_.make("192.0.2.1");
  EXPECT_EQ(nonces_.look(nonce, "192.0.2.1", "alice"), State::fresh);
  EXPECT_EQ(nonces_.look(nonce, "192.0.2.2", "alice"), State::stale);
  EXPECT_EQ(auth::Nonces(clock_, 3).look(nonce, "192.0.2.1", "alice"), State::stale)
      << "another key";
  for (std::size_t i = 0; i < nonce.size(); ++i) {
    std::string changed = nonce;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_EQ(nonces_.look(changed, "192.0.2.1", "alice"), State::stale) << i;
  }
  for (const std::string& other : {std::string(), std::string("x"), nonce + "0"})
    EXPECT_EQ(nonces_.look(other, "192.0.2.1", "alice"), State::stale);
  clock_.advance(auth::Nonces::kLifetime - 1);
  EXPECT_EQ(nonces_.look(nonce, "192.0.2.1", "alice"), State::fresh);
  clock_.advance(1);
  EXPECT_EQ(nonces_.look(nonce, "192.0.2.1", "alice"), State::stale);
}

TEST_F(NoncesTest, AreEachAnother) {
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i) all.insert(nonces_.make("192.0.2.1"));
  EXPECT_EQ(all.size(), 100U);
}

TEST_F(NoncesTest, ACountComesOnce) {
  const std::string nonce = nonces_.make("192.0.2.1");
  for (const std::uint32_t count : {5U, 7U, 6U, 1U, 70U, 69U, 7U + 63U - 1U + 60U})
    EXPECT_TRUE(nonces_.use(nonce, "alice", count)) << count;
  for (const std::uint32_t count : {5U, 7U, 6U, 1U, 70U, 69U, 2U, 129U})
    EXPECT_FALSE(nonces_.use(nonce, "alice", count)) << count;
  EXPECT_EQ(nonces_.look(nonce, "192.0.2.1", "alice"), State::used);
  EXPECT_EQ(nonces_.look(nonce, "192.0.2.1", "bob"), State::fresh) << "bob has proved nothing";
}

TEST_F(NoncesTest, OneThatWasForgottenCannotBeReplayed) {
  const std::string first = nonces_.make("192.0.2.1");
  const std::string as_old = nonces_.make("192.0.2.1");
  EXPECT_TRUE(nonces_.use(first, "alice", 1));
  clock_.advance(1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(nonces_.use(nonces_.make("192.0.2.1"), "bob", 1));
  EXPECT_EQ(nonces_.look(first, "192.0.2.1", "alice"), State::stale);
  EXPECT_FALSE(nonces_.use(first, "alice", 1));
  EXPECT_EQ(nonces_.look(as_old, "192.0.2.1", "alice"), State::stale);
  EXPECT_EQ(nonces_.look(nonces_.make("192.0.2.1"), "192.0.2.1", "alice"), State::fresh);
}

}  // namespace
}  // namespace holdfast::server
