#include "server/auth/throttle.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

using Outcome = auth::Throttle::Outcome;

class ThrottleTest : public testing::Test {
 protected:
  // One attempt; the seconds to wait, 0 when it was made.
  std::int64_t attempt(const std::string& address, const std::string& account,
                       Outcome outcome = Outcome::failed) {
    return throttle_.judge(throttle_.source(address, account), outcome);
  }
  // How many of `count` attempts, one each `interval`, are made.
  int made(int count, storage::Millis interval, const std::string& address,
           const std::string& account) {
    int out = 0;
    for (int i = 0; i < count; ++i, clock_.advance(interval))
      if (attempt(address, account) == 0) ++out;
    return out;
  }

  test::ManualClock clock_;
  auth::Throttle throttle_{clock_, 1000};
};

TEST_F(ThrottleTest, DelaysDoubleAfterSomeFailures) {
  for (int i = 0; i < auth::Throttle::kAccount.free; ++i)
    EXPECT_EQ(attempt("192.0.2.1", "alice"), 0);
  for (const std::int64_t delay : {1, 2, 4, 8, 16, 32, 64, 128, 256}) {
    EXPECT_EQ(attempt("192.0.2.1", "alice"), delay);
    clock_.advance(delay * 1000 - 1);
    EXPECT_EQ(attempt("192.0.2.1", "alice"), 1);
    clock_.advance(1);
    EXPECT_EQ(attempt("192.0.2.1", "alice"), 0);
  }
  EXPECT_EQ(attempt("192.0.2.1", "alice"), 256) << "after five minutes one is forgiven";
}

TEST_F(ThrottleTest, HoldsUpNobodyElse) {
  made(1000, 1, "192.0.2.1", "alice");
  EXPECT_GT(attempt("192.0.2.1", "alice", Outcome::succeeded), 0);
  EXPECT_GT(attempt("192.0.2.77", "alice", Outcome::succeeded), 0) << "the same /24";
  EXPECT_EQ(attempt("192.0.3.1", "alice", Outcome::succeeded), 0) << "another network";
  EXPECT_EQ(attempt("192.0.2.77", "bob", Outcome::succeeded), 0) << "another account";
}

TEST_F(ThrottleTest, AnAddressMustWaitWhateverAccountsItTries) {
  int made = 0;
  for (int i = 0; i < 1000; ++i)
    if (attempt("2001:db8::" + std::to_string(i % 10), "user" + std::to_string(i)) == 0) ++made;
  EXPECT_EQ(made, auth::Throttle::kAddress.free) << "one IPv6 client has a /64";
  EXPECT_EQ(attempt("2001:db8:0:1::1", "x"), 0);
}

TEST_F(ThrottleTest, ManyAddressesOfOneNetworkAreOneToAnAccount) {
  int v4 = 0;
  int v6 = 0;
  for (int i = 0; i < 250; ++i) {
    if (attempt("198.51.100." + std::to_string(i), "alice") == 0) ++v4;
    if (attempt("2001:db8:1:" + std::to_string(i % 90) + "::1", "alice") == 0) ++v6;
  }
  EXPECT_EQ(v4, auth::Throttle::kAccount.free);
  EXPECT_EQ(v6, auth::Throttle::kAccount.free) << "a /56";
}

TEST_F(ThrottleTest, TenThousandGuessesInADayAreFew) {
  // One every 8.64 s, all day, against one account and against as many.
  EXPECT_LT(made(10'000, 8640, "192.0.2.1", "alice"), 320);
  int many = 0;
  for (int i = 0; i < 10'000; ++i, clock_.advance(8640))
    if (attempt("203.0.113.9", "user" + std::to_string(i)) == 0) ++many;
  EXPECT_LT(many, 1500);
}

TEST_F(ThrottleTest, SuccessForgetsTheAccountsFailuresOnly) {
  for (int i = 0; i < 4; ++i) attempt("192.0.2.1", "alice");
  attempt("192.0.2.1", "alice", Outcome::succeeded);
  for (int i = 0; i < auth::Throttle::kAccount.free; ++i)
    EXPECT_EQ(attempt("192.0.2.1", "alice"), 0);
  EXPECT_GT(attempt("192.0.2.1", "alice"), 0);
  // An attacker with an account does not get rid of the address's.
  for (int i = 0; i < auth::Throttle::kAddress.free; ++i) {
    attempt("192.0.4.1", "victim" + std::to_string(i));
    attempt("192.0.4.1", "own", Outcome::succeeded);
  }
  EXPECT_GT(attempt("192.0.4.1", "own", Outcome::succeeded), 0);
}

TEST_F(ThrottleTest, FailuresAreForgottenInTime) {
  made(auth::Throttle::kAccount.free, 0, "192.0.2.1", "alice");
  clock_.advance(auth::Throttle::kAccount.forgiveness * auth::Throttle::kAccount.free);
  EXPECT_EQ(made(auth::Throttle::kAccount.free + 1, 0, "192.0.2.1", "alice"),
            auth::Throttle::kAccount.free);
}

TEST_F(ThrottleTest, WhatIsUnderWayIsNoFailure) {
  const auth::Throttle::Source source = throttle_.source("192.0.2.1", "alice");
  for (int i = 0; i < 400; ++i) EXPECT_EQ(throttle_.wait_s(source), 0);
  EXPECT_EQ(throttle_.size(), 0U);
  for (int i = 0; i < auth::Throttle::kAccount.free; ++i) {
    EXPECT_EQ(throttle_.wait_s(source), 0);
    throttle_.record(source, Outcome::failed);
  }
  EXPECT_EQ(throttle_.wait_s(source), 1);
  EXPECT_EQ(throttle_.judge(source, Outcome::succeeded), 1) << "and nothing is recorded";
  EXPECT_EQ(throttle_.wait_s(source), 1);
}

TEST_F(ThrottleTest, ANetworkIsNeverHeldUpAndItsFailuresAreCounted) {
  const auto failures = [&](const std::string& address) {
    return throttle_.failures(throttle_.source(address, "x"));
  };
  for (int i = 0; i < 250; ++i) attempt("192.0.2." + std::to_string(i), "u" + std::to_string(i));
  EXPECT_EQ(attempt("192.0.2.251", "bob", Outcome::succeeded), 0);
  EXPECT_EQ(failures("192.0.2.251").network, auth::Throttle::kNetwork.most);
  EXPECT_EQ(failures("192.0.2.251").address, 0);
  EXPECT_EQ(failures("192.0.2.1").address, 1);
  EXPECT_EQ(failures("192.0.3.1").network, 0);
  clock_.advance(auth::Throttle::kNetwork.forgiveness * 59);
  EXPECT_EQ(failures("192.0.2.1").network, 1);
  clock_.advance(auth::Throttle::kNetwork.forgiveness);
  EXPECT_EQ(failures("192.0.2.1").network, 0);

  // A refused attempt counts for its network alone.
  for (int i = 0; i < 30; ++i)
    throttle_.record(throttle_.source("2001:db8::1", "alice"), Outcome::turned_away);
  EXPECT_EQ(failures("2001:db8:0:77::9").network, 30) << "one IPv6 client may have a /48";
  EXPECT_EQ(failures("2001:db8:1::1").network, 0);
  EXPECT_EQ(attempt("2001:db8::1", "alice"), 0);
}

TEST_F(ThrottleTest, MemoryIsBoundedAndTheLatestAreKept) {
  for (int i = 0; i < 100'000; ++i)
    attempt("10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." +
                std::to_string(i % 256),
            "user" + std::to_string(i));
  EXPECT_EQ(throttle_.size(), 1000U + 391U) << "and as many networks as there were";
  made(1000, 0, "192.0.2.1", "alice");
  EXPECT_GT(attempt("192.0.2.1", "alice"), 0);
}

TEST_F(ThrottleTest, WhoNeverFailsIsNotRemembered) {
  for (int i = 0; i < 10; ++i) attempt("192.0.2." + std::to_string(i), "alice", Outcome::succeeded);
  EXPECT_EQ(throttle_.size(), 0U);
}

}  // namespace
}  // namespace holdfast::server
