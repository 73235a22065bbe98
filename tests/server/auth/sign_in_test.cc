#include "server/auth/sign_in.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/manual_clock.h"
#include "text/base64.h"

namespace holdfast::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string base64(std::string_view text) {
  return text::base64({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::string basic(const std::string& name, const std::string& password) {
  return "Basic " + base64(name + ":" + password);
}

// What became of a request: 0 when the engine may answer, else the status.
struct Result {
  int status = 0;
  std::string fields;
  std::string detail;
  std::shared_ptr<const dav::Caller> caller;
};

class SignInTest : public testing::Test {
 protected:
  SignInTest() {
    storage::Account alice;
    alice.id = 1;
    alice.name = "alice";
    alice.password_hash = "hash of wonderland";
    alice.home = storage::Path({"alice"});
    alice.grants = {{.path = storage::Path({"team"}), .right = storage::Right::read}};
    alice.digest_md5 = auth::digest_secrets_md5("alice", "wonderland");
    alice.digest_sha256 = auth::digest_secrets_sha256("alice", "wonderland");
    alice.certificate = std::string(64, 'a');
    alice.quota_bytes = 1000;
    storage::Account bob;
    bob.id = 2;
    bob.name = "bob";  // has no password
    bob.home = storage::Path({"bob"});
    accounts_.accounts = {alice, bob};
    publish();
  }

  // The accounts as they are now, as of a commit.
  void publish() {
    const std::scoped_lock lock(mutex_);
    published_ = std::make_shared<const storage::Accounts>(accounts_);
  }

  auth::SignIn& sign_in() {
    if (!sign_in_)
      sign_in_ = std::make_unique<auth::SignIn>(
          settings_,
          auth::SignIn::Means{.accounts =
                                  [this] {
                                    const std::scoped_lock lock(mutex_);
                                    return published_;
                                  },
                              .tell =
                                  [this](const std::string& sentence) {
                                    const std::scoped_lock lock(mutex_);
                                    told_.push_back(sentence);
                                  },
                              .verify =
                                  [this](const std::string& hash, std::string_view password) {
                                    ++hashed_;
                                    if (on_hash_) on_hash_();
                                    return hash == "hash of " + std::string(password);
                                  }},
          clock_, bounds_);
    return *sign_in_;
  }

  Result ask(const std::string& authorization, std::string_view method = "GET",
             http1::Peer peer = {.address = "127.0.0.1", .loopback = true},
             std::string_view session = {}) {
    http::NoBody body;
    http::Request request;
    request.method = method;
    request.target = "/f";
    request.body = &body;
    if (!authorization.empty()) request.fields.add("Authorization", authorization);
    const auth::SignIn::Decision decision = sign_in().identify(request, peer, session);
    Result out;
    if (const auto* caller = std::get_if<auth::SignIn::CallerPtr>(&decision)) out.caller = *caller;
    if (const auto* refusal = std::get_if<auth::SignIn::Refusal>(&decision)) {
      out.status = refusal->status;
      out.fields = refusal->fields;
      out.detail = refusal->detail;
      EXPECT_FALSE(out.detail.empty());
    }
    return out;
  }
  // Over TLS, from another machine.
  Result ask_from(const std::string& address, const std::string& authorization) {
    return ask(authorization, "GET", {.address = address, .tls = true});
  }

  std::string add_token(const std::string& id, storage::AccountId account) {
    storage::DeviceToken token;
    token.id = id;
    token.account = account;
    const std::string secret = auth::new_token();
    token.hash = auth::token_hash(secret);
    accounts_.tokens.push_back(token);
    publish();
    return secret;
  }

  // The secret of a session that begins now.
  std::string add_session(const std::string& id, storage::AccountId account) {
    storage::Session session;
    session.id = id;
    session.account = account;
    session.created = clock_.wall();
    session.used = clock_.wall();
    const std::string secret = auth::new_token();
    session.hash = auth::token_hash(secret);
    accounts_.sessions.push_back(session);
    publish();
    return secret;
  }

  test::ManualClock clock_;
  auth::SignIn::Settings settings_;
  auth::HashSlots::Bounds bounds_;
  storage::Accounts accounts_;
  std::atomic<int> hashed_ = 0;
  std::function<void()> on_hash_;
  std::mutex mutex_;
  std::shared_ptr<const storage::Accounts> published_;  // guarded by mutex_
  std::vector<std::string> told_;                       // guarded by mutex_
  std::unique_ptr<auth::SignIn> sign_in_;
};

const std::string kBasicChallenge =
    "WWW-Authenticate: Basic realm=\"Holdfast\", charset=\"UTF-8\"\r\n";

TEST_F(SignInTest, TheRightPasswordMakesTheCaller) {
  const Result result = ask(basic("alice", "wonderland"));
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.caller->account, 1);
  EXPECT_EQ(result.caller->name, "alice");
  EXPECT_EQ(result.caller->home, storage::Path({"alice"}));
  EXPECT_EQ(result.caller->quota_bytes, 1000U);
  EXPECT_EQ(result.caller->most, storage::Right::write);
  ASSERT_EQ(result.caller->grants.size(), 2U);
  EXPECT_EQ(result.caller->grants[0].path, storage::Path({"team"}));
  EXPECT_EQ(result.caller->grants[1].path, storage::Path({"alice"}));
  EXPECT_EQ(result.caller->grants[1].right, storage::Right::write);
  EXPECT_EQ(ask(basic("DOMAIN\\alice", "wonderland")).caller->name, "alice");
  EXPECT_THAT(told_, ElementsAre());
}

TEST_F(SignInTest, ASessionIsItsAccountUntilItIsOver) {
  const std::string secret = add_session("abcdefgh", 1);
  const auto in = [&](std::string_view cookie, const std::string& authorization = {},
                      http1::Peer peer = {.address = "10.0.0.1", .tls = true}) {
    return ask(authorization, "PUT", std::move(peer), cookie);
  };
  const Result result = in(secret);
  ASSERT_EQ(result.status, 0);
  EXPECT_EQ(result.caller->name, "alice");
  EXPECT_EQ(result.caller->session, "abcdefgh");
  EXPECT_EQ(result.caller->grants.size(), 2U) << "it may do what the account may";
  EXPECT_EQ(hashed_, 0);

  for (const std::string& wrong : {secret.substr(1), secret + "x", std::string("abcdefgh"),
                                   auth::new_token(), std::string()})
    EXPECT_EQ(in(wrong).status, 401) << wrong;
  // What is in Authorization decides alone.
  EXPECT_EQ(in(secret, basic("alice", "wrong")).status, 401);
  EXPECT_EQ(in(secret, "x").status, 401);
  EXPECT_TRUE(in(secret, basic("alice", "wonderland")).caller->session.empty());
  // A cookie is worth a password, and is taken where one is.
  EXPECT_EQ(in(secret, {}, {.address = "10.0.0.1"}).status, 403);
  EXPECT_EQ(in(secret, {}, {.address = "127.0.0.1", .loopback = true}).status, 0);

  clock_.advance(auth::kSessionIdle - 1);
  EXPECT_EQ(in(secret).status, 0);
  clock_.advance(1);
  EXPECT_EQ(in(secret).status, 401) << "it was not used for too long";
  const storage::Millis begun = accounts_.sessions[0].created;
  accounts_.sessions[0].used = begun + auth::kSessionLifetime - 5;
  publish();
  EXPECT_EQ(in(secret).status, 0);
  clock_.set(begun + auth::kSessionLifetime - 1);
  EXPECT_EQ(in(secret).status, 0);
  clock_.advance(1);
  EXPECT_EQ(in(secret).status, 401) << "no use makes it last longer";

  const std::string other = add_session("other", 1);
  EXPECT_EQ(in(other).status, 0);
  accounts_.accounts[0].networks = {"192.0.2.0/24"};
  publish();
  EXPECT_EQ(in(other).status, 401);
  accounts_.accounts[0].networks.clear();
  accounts_.accounts[0].suspended = true;
  publish();
  EXPECT_EQ(in(other).status, 401);
}

// docs/robustness.md S1
TEST_F(SignInTest, WhatCannotBeRightGetsAChallenge) {
  for (const std::string& wrong : std::vector<std::string>{
           basic("alice", "wonderlan"), basic("alice", "wonderland "), basic("alice", ""),
           basic("Alice", "wonderland"), basic("alice\\", "wonderland"), basic("bob", ""),
           basic("bob", "wonderland"), basic("carol", "wonderland"), "Basic", "Basic x", "Bearer",
           "Negotiate x", "x", "Digest x", "Digest username=\"alice\""}) {
    sign_in_.reset();  // nothing is throttled yet
    for (const char* method : {"GET", "PUT", "OPTIONS", "PROPFIND", "BREW"}) {
      const Result result = ask(wrong, method);
      EXPECT_EQ(result.status, 401) << wrong << " " << method;
      EXPECT_EQ(result.fields, kBasicChallenge) << wrong;
      EXPECT_EQ(result.caller, nullptr) << wrong;
    }
  }
}

TEST_F(SignInTest, TwoAuthorizationsAreNoRequest) {
  http::Request request;
  request.method = "GET";
  request.fields.add("Authorization", basic("alice", "wonderland"));
  request.fields.add("authorization", basic("alice", "wonderland"));
  const auto decision = sign_in().identify(request, {.address = "127.0.0.1", .loopback = true});
  const auto* refusal = std::get_if<auth::SignIn::Refusal>(&decision);
  ASSERT_NE(refusal, nullptr);
  EXPECT_EQ(refusal->status, 400);
}

TEST_F(SignInTest, WithoutCredentialsTheMethodDecides) {
  struct Row {
    auth::Anonymous anonymous;
    const char* method;
    int status;
  };
  for (const Row& row : std::vector<Row>{{auth::Anonymous::off, "OPTIONS", 0},
                                         {auth::Anonymous::off, "BREW", 0},
                                         {auth::Anonymous::off, "GET", 401},
                                         {auth::Anonymous::off, "HEAD", 401},
                                         {auth::Anonymous::off, "PROPFIND", 401},
                                         {auth::Anonymous::off, "PUT", 401},
                                         {auth::Anonymous::off, "LOCK", 401},
                                         {auth::Anonymous::read, "GET", 0},
                                         {auth::Anonymous::read, "PROPFIND", 0},
                                         {auth::Anonymous::read, "PUT", 401},
                                         {auth::Anonymous::read, "LOCK", 401},
                                         {auth::Anonymous::read, "UNLOCK", 401},
                                         {auth::Anonymous::read, "COPY", 401},
                                         {auth::Anonymous::read, "MOVE", 401},
                                         {auth::Anonymous::read, "MKCOL", 401},
                                         {auth::Anonymous::read, "DELETE", 401},
                                         {auth::Anonymous::read, "PROPPATCH", 401},
                                         {auth::Anonymous::write, "PUT", 0}}) {
    settings_.with_accounts = row.anonymous;
    sign_in_.reset();
    const Result result = ask("", row.method);
    EXPECT_EQ(result.status, row.status) << to_string(row.anonymous) << " " << row.method;
    EXPECT_EQ(result.fields, row.status == 401 ? kBasicChallenge : "");
    ASSERT_EQ(result.caller == nullptr, row.status != 0);
    if (result.caller) {
      EXPECT_EQ(result.caller->account, storage::kNobody);
      ASSERT_EQ(result.caller->grants.size(), 1U);
      EXPECT_EQ(static_cast<int>(result.caller->grants[0].right), static_cast<int>(row.anonymous));
    }
    // Wrong ones are refused where none would do.
    EXPECT_EQ(ask(basic("alice", "x"), row.method).status, 401) << row.method;
  }
}

TEST_F(SignInTest, WithoutAccountsItIsAsBefore) {
  accounts_ = {};
  publish();
  for (const auth::Anonymous allowed :
       {auth::Anonymous::off, auth::Anonymous::read, auth::Anonymous::write}) {
    settings_.without_accounts = allowed;
    sign_in_.reset();
    for (const std::string& header : {std::string(), basic("x", "y"), std::string("Bearer")}) {
      EXPECT_EQ(ask(header, "GET").status, allowed == auth::Anonymous::off ? 403 : 0);
      EXPECT_EQ(ask(header, "PUT").status, allowed == auth::Anonymous::write ? 0 : 403);
      EXPECT_EQ(ask(header, "OPTIONS").status, 0);
    }
  }
  EXPECT_EQ(hashed_, 0);
}

TEST_F(SignInTest, TheFirstAccountEndsAnonymousAccess) {
  settings_.without_accounts = auth::Anonymous::write;
  const storage::Accounts some = std::exchange(accounts_, {});
  publish();
  EXPECT_EQ(ask("", "PUT").status, 0);
  EXPECT_EQ(sign_in().anonymous(), auth::Anonymous::write);
  accounts_ = some;
  publish();
  EXPECT_EQ(ask("", "PUT").status, 401);
  EXPECT_EQ(ask("", "GET").status, 401);
  EXPECT_EQ(sign_in().anonymous(), auth::Anonymous::off);
}

// docs/robustness.md S2: what nobody asked for is for programs of this machine only, and ends for
// good.
TEST_F(SignInTest, ADefaultIsForNobodyBehindAProxy) {
  settings_.without_accounts = auth::Anonymous::write;
  const storage::Accounts some = std::exchange(accounts_, {});
  publish();
  const auto ask_through = [&](const char* field, const char* method = "GET") {
    http::NoBody body;
    http::Request request;
    request.method = method;
    request.target = "/f";
    request.body = &body;
    request.fields.add(field, "203.0.113.5");
    const auto decision = sign_in().identify(request, {.address = "127.0.0.1", .loopback = true});
    const auto* refusal = std::get_if<auth::SignIn::Refusal>(&decision);
    return refusal == nullptr ? 0 : refusal->status;
  };
  EXPECT_EQ(ask_through("X-Forwarded-For", "PUT"), 0) << "the administrator said so";
  settings_.by_default = true;
  sign_in_.reset();
  EXPECT_EQ(ask("", "PUT").status, 0);
  for (const char* field : {"X-Forwarded-For", "Forwarded", "Via"})
    for (const char* method : {"GET", "PUT", "OPTIONS", "PROPFIND"})
      EXPECT_EQ(ask_through(field, method), 403) << field << method;
  ASSERT_EQ(told_.size(), 1U) << "once a minute";
  EXPECT_THAT(told_[0], HasSubstr("X-Forwarded-For"));
  clock_.advance(60'000);
  ask_through("Via");
  EXPECT_EQ(told_.size(), 2U);

  // With accounts, and after the last one, the default is no more.
  accounts_ = some;
  publish();
  EXPECT_EQ(ask_through("X-Forwarded-For"), 401);
  accounts_ = {};
  accounts_.any_ever = true;
  publish();
  EXPECT_EQ(ask("", "PUT").status, 403);
  EXPECT_EQ(ask("", "GET").status, 403);
  EXPECT_EQ(ask(basic("alice", "wonderland")).status, 403);
  EXPECT_EQ(sign_in().anonymous(), auth::Anonymous::off);
}

TEST_F(SignInTest, ADefaultEndsWhenOthersAreSaidToCome) {
  settings_.without_accounts = auth::Anonymous::write;
  settings_.by_default = true;
  accounts_ = {};
  publish();
  EXPECT_EQ(ask("", "PUT").status, 0);
  sign_in().end_default();
  EXPECT_EQ(ask("", "PUT").status, 403);
  EXPECT_EQ(ask("", "GET").status, 403);
  EXPECT_EQ(ask("", "OPTIONS").status, 0);
}

// docs/robustness.md O1
TEST_F(SignInTest, ATokenThatIsSentAsTheNameIsNotTold) {
  const std::string secret = "holdfast_abcdefgh_" + auth::new_token();
  ask_from("203.0.113.5", basic(secret, "x"));
  ask_from("203.0.113.5", basic("a\u202eb", "x"));
  ASSERT_EQ(told_.size(), 2U);
  EXPECT_EQ(told_[0],
            "Sign-in refused for 203.0.113.5: unknown account, account \"holdfast_abcdefgh…\"");
  EXPECT_THAT(told_[1], HasSubstr("account \"a\\u202eb\""));
}

// docs/robustness.md S5
TEST_F(SignInTest, APasswordInUseIsHashedOnce) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(ask(basic("alice", "wonderland")).status, 0);
    clock_.advance(auth::CredentialCache::kLifetime - 1);
    // What others do to their accounts changes nothing.
    accounts_.accounts[1].quota_bytes = static_cast<std::uint64_t>(i);
    publish();
  }
  EXPECT_EQ(hashed_, 1);
  clock_.advance(1);
  EXPECT_EQ(ask(basic("alice", "wonderland")).status, 0);
  EXPECT_EQ(hashed_, 2) << "five minutes after its last use";
}

// A wrong one is looked at again in time: it may be the right one by then.
TEST_F(SignInTest, UseDoesNotProlongAWrongPassword) {
  EXPECT_EQ(ask(basic("alice", "guess")).status, 401);
  clock_.advance(auth::CredentialCache::kLifetime - 1);
  EXPECT_EQ(ask(basic("alice", "guess")).status, 401);
  EXPECT_EQ(hashed_, 1);
  clock_.advance(1);
  EXPECT_EQ(ask(basic("alice", "guess")).status, 401);
  EXPECT_EQ(hashed_, 2);
}

// docs/robustness.md S3: whatever stands before the backslash.
TEST_F(SignInTest, GuessesCountForTheAccountThatIsMeant) {
  settings_.digest = {.sha256 = true, .md5 = true};
  for (const std::string& name : {std::string("alice"), std::string("nobody")}) {
    int unauthorized = 0;
    for (int i = 0; i < 100; ++i)
      if (ask_from("203.0.113." + std::to_string(i),
                   basic("D" + std::to_string(i) + "\\" + name, "guess" + std::to_string(i)))
              .status == 401)
        ++unauthorized;
    EXPECT_EQ(unauthorized, auth::Throttle::kAccount.free) << name;
    EXPECT_EQ(ask_from("203.0.113.200", basic(name, "guess")).status, 429) << name;
    EXPECT_EQ(ask_from("203.0.113.200", basic("a\\b\\" + name, "guess")).status, 429) << name;
  }
  // An account whose name has a backslash is another one.
  storage::Account other;
  other.id = 3;
  other.name = "D\\alice";
  other.password_hash = "hash of other";
  accounts_.accounts.push_back(other);
  publish();
  EXPECT_EQ(ask_from("203.0.113.200", basic("D\\alice", "other")).caller->account, 3);
  EXPECT_EQ(ask_from("203.0.113.200", basic("E\\alice", "other")).status, 429);
}

// docs/robustness.md S5: people who sign in at the same time from one address.
TEST_F(SignInTest, ManyPeopleOfOneAddressSignInAtOnce) {
  constexpr int kPeople = 400;
  for (int i = 0; i < kPeople; ++i) {
    storage::Account one;
    one.id = 100 + i;
    one.name = "person" + std::to_string(i);
    one.password_hash = "hash of secret" + std::to_string(i);
    accounts_.accounts.push_back(one);
  }
  publish();
  std::atomic<int> asking = 0;
  // The first ones are not verified before the last ones have come.
  on_hash_ = [&] {
    while (asking < kPeople) std::this_thread::yield();
  };
  sign_in();
  std::vector<std::thread> crowd;
  for (int i = 0; i < kPeople; ++i)
    crowd.emplace_back([&, i] {
      ++asking;
      const std::string number = std::to_string(i);
      const Result result = ask_from("203.0.113.5", basic("person" + number, "secret" + number));
      EXPECT_EQ(result.status, 0) << result.detail;
    });
  for (std::thread& one : crowd) one.join();
  EXPECT_EQ(hashed_, kPeople);
}

// docs/robustness.md S3
TEST_F(SignInTest, GuessesDoNotGetThroughByComingAtOnce) {
  constexpr int kGuesses = 200;
  std::atomic<int> asking = 0;
  on_hash_ = [&] {
    while (asking < kGuesses) std::this_thread::yield();
  };
  sign_in();
  std::vector<std::thread> crowd;
  std::atomic<int> held_up = 0;
  for (int i = 0; i < kGuesses; ++i)
    crowd.emplace_back([&, i] {
      ++asking;
      if (ask_from("203.0.113.5", basic("alice", "guess" + std::to_string(i))).status == 429)
        ++held_up;
    });
  for (std::thread& one : crowd) one.join();
  EXPECT_LE(hashed_, auth::Throttle::kAccount.free + 1) << "one beside the last one";
  EXPECT_EQ(held_up, kGuesses - hashed_);
}

// docs/robustness.md S5: by the order of turns, of which HashSlotsTest has the rest.
TEST_F(SignInTest, WhoSignedInBeforeComesBeforeAFlood) {
  EXPECT_EQ(ask_from("198.51.100.1", basic("alice", "wonderland")).status, 0);
  clock_.advance(auth::CredentialCache::kLifetime);
  std::atomic<int> begun = 0;
  std::atomic<int> allowed = 0;
  on_hash_ = [&] {
    const int mine = begun++;
    while (mine >= allowed) std::this_thread::yield();
  };
  std::vector<std::thread> crowd;
  for (int i = 0; i < 100; ++i)
    crowd.emplace_back([&, i] {
      ask_from("10.0." + std::to_string(i) + ".1", basic("alice", "guess" + std::to_string(i)));
    });
  while (begun < 2 || sign_in().waiting() < 98) std::this_thread::yield();
  std::atomic<bool> in = false;
  std::thread owner([&] {
    EXPECT_EQ(ask_from("198.51.100.77", basic("alice", "wonderland")).status, 0) << "the same /24";
    in = true;
  });
  while (sign_in().waiting() < 99) std::this_thread::yield();
  allowed = 1;
  while (begun < 3) std::this_thread::yield();
  allowed = 3;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!in && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_TRUE(in) << "the first one after those that had begun";
  allowed = 1000;
  owner.join();
  for (std::thread& one : crowd) one.join();
}

TEST_F(SignInTest, ANewPasswordEndsTheOldOneAtOnce) {
  EXPECT_EQ(ask(basic("alice", "wonderland")).status, 0);
  EXPECT_EQ(ask(basic("alice", "looking-glass")).status, 401);
  accounts_.accounts[0].password_hash = "hash of looking-glass";
  publish();
  EXPECT_EQ(ask(basic("alice", "wonderland")).status, 401);
  EXPECT_EQ(ask(basic("alice", "looking-glass")).status, 0);
}

TEST_F(SignInTest, APasswordThatIsChangedWhileTheOldOneIsVerifiedIsNotRemembered) {
  on_hash_ = [this] {
    accounts_.accounts[0].password_hash = "hash of looking-glass";
    publish();
  };
  EXPECT_EQ(ask(basic("alice", "wonderland")).status, 0);  // began before the change
  on_hash_ = nullptr;
  EXPECT_EQ(ask(basic("alice", "wonderland")).status, 401);
}

TEST_F(SignInTest, AnAccountThatIsRemovedIsOutAtOnce) {
  const std::string token = add_token("11111111", 1);
  EXPECT_EQ(ask(basic("alice", "wonderland")).status, 0);
  EXPECT_EQ(ask(basic("alice", token)).status, 0);
  EXPECT_EQ(ask("Bearer " + token).status, 0);
  accounts_.accounts.erase(accounts_.accounts.begin());
  accounts_.tokens.clear();
  publish();
  EXPECT_EQ(ask(basic("alice", "wonderland")).status, 401);
  EXPECT_EQ(ask(basic("alice", token)).status, 401);
  EXPECT_EQ(ask("Bearer " + token).status, 401);
}

TEST_F(SignInTest, GrantsThatChangeReachTheNextRequest) {
  EXPECT_EQ(ask(basic("alice", "wonderland")).caller->grants.size(), 2U);
  accounts_.accounts[0].grants.clear();
  publish();
  EXPECT_EQ(ask(basic("alice", "wonderland")).caller->grants.size(), 1U);
}

// docs/robustness.md S4: what an attacker could time is done alike.
TEST_F(SignInTest, UnknownAccountsAreHashedLikeKnownOnes) {
  std::vector<std::string> hashes;
  auth::SignIn measured(settings_,
                        {.accounts = [this] { return published_; },
                         .tell = [](const std::string&) {},
                         .verify =
                             [&hashes](const std::string& hash, std::string_view) {
                               hashes.push_back(hash);
                               return true;  // even then
                             }},
                        clock_);
  for (const char* name : {"carol", "bob"}) {
    http::Request request;
    request.method = "GET";
    const std::string header = basic(name, "guess");
    request.fields.add("Authorization", header);
    const auto decision = measured.identify(request, {.address = "127.0.0.1", .loopback = true});
    const auto* refusal = std::get_if<auth::SignIn::Refusal>(&decision);
    ASSERT_NE(refusal, nullptr) << name;
    EXPECT_EQ(refusal->status, 401);
    EXPECT_EQ(refusal->fields, kBasicChallenge);
  }
  // With the cost of a real one.
  ASSERT_EQ(hashes.size(), 2U);
  for (const std::string& hash : hashes)
    EXPECT_THAT(hash, testing::StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
}

// docs/robustness.md S3
TEST_F(SignInTest, AGuesserIsHeldUpAndNobodyElse) {
  EXPECT_EQ(ask_from("203.0.113.5", basic("alice", "wonderland")).status, 0);
  hashed_ = 0;
  int unauthorized = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Result result = ask_from("203.0.113.5", basic("alice", "guess" + std::to_string(i)));
    if (result.status == 401) {
      ++unauthorized;
    } else {
      ASSERT_EQ(result.status, 429);
      EXPECT_THAT(result.fields, testing::MatchesRegex("Retry-After: [0-9]+\r\n"));
    }
    clock_.advance(20);  // 200 s in all
  }
  EXPECT_LT(unauthorized, 20);
  EXPECT_EQ(hashed_, unauthorized);
  EXPECT_EQ(told_.size(), static_cast<std::size_t>(unauthorized));

  const std::string right = basic("alice", "wonderland");
  EXPECT_EQ(ask_from("203.0.113.5", right).status, 0) << "signed in before, same address";
  EXPECT_EQ(ask_from("198.51.100.1", right).status, 0) << "another address";
  clock_.advance(auth::CredentialCache::kLifetime);
  EXPECT_EQ(ask_from("198.51.100.1", right).status, 0) << "another address, not signed in";
}

TEST_F(SignInTest, ManyAddressesDoNotLockOutTheOwner) {
  for (int i = 0; i < 10'000; ++i)
    ask_from("10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".1",
             basic("alice", "guess" + std::to_string(i)));
  EXPECT_EQ(ask_from("198.51.100.1", basic("alice", "wonderland")).status, 0);
}

TEST_F(SignInTest, TokensAreNotHeldUp) {
  const std::string token = add_token("11111111", 1);
  for (int i = 0; i < 100; ++i) {
    ask_from("203.0.113.5", basic("alice", "guess" + std::to_string(i)));
    ask_from("203.0.113.5", "Bearer guess" + std::to_string(i));
  }
  EXPECT_EQ(ask_from("203.0.113.5", basic("alice", "another")).status, 429);
  EXPECT_EQ(ask_from("203.0.113.5", "Bearer another").status, 429);
  EXPECT_EQ(ask_from("203.0.113.5", "Bearer " + token).status, 0);
  EXPECT_EQ(ask_from("203.0.113.5", basic("alice", token)).status, 0);
}

TEST_F(SignInTest, ADeviceWithAnOldPasswordIsOneFailure) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(ask_from("203.0.113.5", basic("alice", "old")).status, 401);
    clock_.advance(100);
  }
  EXPECT_EQ(hashed_, 1);
  EXPECT_EQ(ask_from("203.0.113.5", basic("alice", "wonderland")).status, 0);
  // Told once a second, not a thousand times.
  EXPECT_GE(told_.size(), 90U);
  EXPECT_LE(told_.size(), 102U);
}

// docs/robustness.md S5
TEST_F(SignInTest, AFloodOfWrongPasswordsTakesTwoPlacesAndNoMore) {
  bounds_.waiting = 8;
  std::mutex gate;
  std::condition_variable opened;
  bool open = false;
  int inside = 0;
  int most = 0;
  on_hash_ = [&] {
    std::unique_lock lock(gate);
    most = std::max(most, ++inside);
    opened.wait(lock, [&] { return open; });
    --inside;
  };
  sign_in();
  std::vector<std::thread> crowd;
  std::atomic<int> turned_away = 0;
  for (int i = 0; i < 50; ++i)
    crowd.emplace_back([&, i] {
      const Result result =
          ask_from("192.0." + std::to_string(i) + ".1", basic("alice", std::to_string(i)));
      if (result.status == 503) {
        EXPECT_THAT(result.fields, HasSubstr("Retry-After"));
        ++turned_away;
      } else {
        EXPECT_EQ(result.status, 401);
      }
    });
  // All others are answered while two are verified and eight wait.
  while (turned_away < 40) std::this_thread::yield();
  {
    const std::scoped_lock lock(gate);
    open = true;
  }
  opened.notify_all();
  for (std::thread& one : crowd) one.join();
  EXPECT_EQ(turned_away, 40);
  EXPECT_LE(most, 2);
  EXPECT_EQ(hashed_, 10);
}

TEST_F(SignInTest, ManyRequestsWithOnePasswordAreVerifiedOnce) {
  sign_in();
  std::atomic<int> arrived = 0;
  on_hash_ = [&] {
    while (arrived < 20) std::this_thread::yield();
  };
  std::vector<std::thread> crowd;
  for (int i = 0; i < 20; ++i)
    crowd.emplace_back([&] {
      ++arrived;
      EXPECT_EQ(ask(basic("alice", "wonderland")).status, 0);
    });
  for (std::thread& one : crowd) one.join();
  EXPECT_EQ(hashed_, 1);
}

TEST_F(SignInTest, ATokenIsWorthWhatItSays) {
  const std::string secret = add_token("11111111", 1);
  for (const std::string& header : {basic("alice", secret), "Bearer " + secret}) {
    const Result result = ask(header);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.caller->name, "alice");
    EXPECT_EQ(result.caller->most, storage::Right::write);
    EXPECT_TRUE(result.caller->scope.is_root());
  }
  accounts_.tokens[0].read_only = true;
  accounts_.tokens[0].path = storage::Path({"alice", "music"});
  publish();
  const Result narrow = ask(basic("alice", secret));
  EXPECT_EQ(narrow.caller->most, storage::Right::read);
  EXPECT_EQ(narrow.caller->scope, storage::Path({"alice", "music"}));
  EXPECT_EQ(ask(basic("alice", "wonderland")).caller->most, storage::Right::write);

  EXPECT_EQ(ask(basic("bob", secret)).status, 401) << "another's";
  EXPECT_EQ(ask(basic("carol", secret)).status, 401);
  hashed_ = 0;
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ask(basic("alice", secret)).status, 0);
  EXPECT_EQ(hashed_, 0);

  accounts_.tokens.clear();
  publish();
  EXPECT_EQ(ask(basic("alice", secret)).status, 401);
  EXPECT_EQ(ask("Bearer " + secret).status, 401);
}

TEST_F(SignInTest, ATokenEndsByTheWallClock) {
  const std::string secret = add_token("11111111", 1);
  accounts_.tokens[0].expires = clock_.wall() + 1000;
  publish();
  EXPECT_EQ(ask("Bearer " + secret).status, 0);
  clock_.set_wall(clock_.wall() + 999);
  EXPECT_EQ(ask(basic("alice", secret)).status, 0);
  clock_.set_wall(clock_.wall() + 1);
  EXPECT_EQ(ask(basic("alice", secret)).status, 401);
  EXPECT_EQ(ask("Bearer " + secret).status, 401);
  EXPECT_THAT(told_.back(), HasSubstr("expired token 11111111, account \"alice\""));
}

TEST_F(SignInTest, ABearerIsChallengedOnlyWhoSentOne) {
  const Result unknown = ask("Bearer nothing");
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(
      unknown.fields,
      kBasicChallenge + "WWW-Authenticate: Bearer realm=\"Holdfast\", error=\"invalid_token\"\r\n");
  EXPECT_THAT(ask("Bearer ").fields, Not(HasSubstr("Bearer"))) << "Office (docs/clients.md R6)";
  EXPECT_THAT(told_, ElementsAre(HasSubstr("unknown token")));
}

TEST_F(SignInTest, ACertificateIsItsAccount) {
  const auto with = [&](const std::string& certificate, const std::string& header) {
    http1::Peer peer{.address = "203.0.113.5", .tls = true};
    peer.certificate = certificate;
    return ask(header, "PUT", peer);
  };
  EXPECT_EQ(with(std::string(64, 'a'), "").caller->name, "alice");
  EXPECT_EQ(with(std::string(64, 'a'), "").status, 0);
  EXPECT_EQ(with(std::string(64, 'a'), "Bearer").status, 0);
  EXPECT_EQ(with(std::string(64, 'b'), "").status, 401);
  EXPECT_EQ(with("", "").status, 401) << "bob has none, which is not this one";
  EXPECT_EQ(with(std::string(64, 'a'), basic("bob", "x")).status, 401) << "what is said counts";
}

TEST_F(SignInTest, PasswordsAreNotTakenOverPlainHttpFromElsewhere) {
  const http1::Peer far{.address = "203.0.113.5"};
  const std::string token = add_token("11111111", 1);
  for (const std::string& header :
       {std::string(), basic("alice", "wonderland"), basic("alice", token), "Bearer " + token,
        std::string("Bearer")}) {
    const Result result = ask(header, "GET", far);
    EXPECT_EQ(result.status, 403) << header;
    EXPECT_EQ(result.fields, "");
  }
  EXPECT_EQ(hashed_, 0);
  EXPECT_EQ(ask("", "OPTIONS", far).status, 0);

  settings_.basic_over_http = true;
  sign_in_.reset();
  EXPECT_EQ(ask("", "GET", far).fields, kBasicChallenge);
  EXPECT_EQ(ask(basic("alice", "wonderland"), "GET", far).status, 0);
  settings_.basic_over_http = false;
  settings_.digest = {.sha256 = true, .md5 = true};
  sign_in_.reset();
  EXPECT_THAT(ask("", "GET", far).fields, Not(HasSubstr("Basic")));
  EXPECT_THAT(ask("", "GET", far).fields, HasSubstr("Digest"));
  EXPECT_EQ(ask(basic("alice", "wonderland"), "GET", far).status, 403);
}

TEST_F(SignInTest, WhoMayNotIsAskedToSignInIfThatCanHelp) {
  auto caller = ask("", "OPTIONS").caller;
  const http1::Peer peer{.address = "127.0.0.1", .loopback = true};
  const auto refusal = sign_in().ask_to_sign_in(*caller, peer);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 401);
  EXPECT_EQ(refusal->fields, kBasicChallenge);
  caller = ask(basic("alice", "wonderland")).caller;
  EXPECT_FALSE(sign_in().ask_to_sign_in(*caller, peer));
  accounts_ = {};
  publish();
  caller = ask("", "OPTIONS").caller;
  EXPECT_FALSE(sign_in().ask_to_sign_in(*caller, peer));
}

// docs/robustness.md O1
TEST_F(SignInTest, AFailureIsOneLineThatNobodyCanForge) {
  ask_from("203.0.113.5", basic("x\" for 192.0.2.1, wrong", "y"));
  ask_from("2001:db8::5", basic(std::string(10'000, 'n'), "secret-secret"));
  ask_from("203.0.113.5", basic("alice", "secret-secret"));
  ASSERT_EQ(told_.size(), 3U);
  EXPECT_EQ(told_[0],
            "Sign-in refused for 203.0.113.5: unknown account, account \"x\\\" for 192.0.2.1, "
            "wrong\"");
  EXPECT_LT(told_[1].size(), 300U);
  EXPECT_EQ(told_[2], "Sign-in refused for 203.0.113.5: wrong password, account \"alice\"");
  for (const std::string& line : told_) {
    EXPECT_THAT(line, Not(HasSubstr("secret")));
    EXPECT_THAT(line, Not(HasSubstr("\n")));
  }
}

// A Digest client by RFC 7616 §3.4.1.
class DigestTest : public SignInTest {
 protected:
  DigestTest() { settings_.digest = {.sha256 = true, .md5 = true}; }

  std::string nonce() {
    const std::string fields = ask("").fields;
    const std::size_t start = fields.find("nonce=\"") + 7;
    return fields.substr(start, fields.find('"', start) - start);
  }

  static std::string digest(const std::string& nonce, const std::string& password,
                            const std::string& nc = "00000001", bool sha256 = true,
                            const std::string& uri = "/f", const std::string& name = "alice",
                            const std::string& method = "GET") {
    const auto hash = sha256 ? auth::sha256_hex : auth::md5_hex;
    const std::string secret = hash(name + ":Holdfast:" + password);
    const std::string response =
        hash(secret + ":" + nonce + ":" + nc + ":c:auth:" + hash(method + ":" + uri));
    return "Digest username=\"" + name + "\", realm=\"Holdfast\", nonce=\"" + nonce + "\", uri=\"" +
           uri + "\", algorithm=" + (sha256 ? "SHA-256" : "MD5") + ", qop=auth, nc=" + nc +
           ", cnonce=\"c\", response=\"" + response + "\"";
  }
};

TEST_F(DigestTest, IsOfferedWithoutTlsOnly) {
  EXPECT_THAT(ask("").fields,
              testing::MatchesRegex(
                  "WWW-Authenticate: Digest realm=\"Holdfast\", charset=UTF-8, algorithm=SHA-256, "
                  "qop=\"auth\", nonce=\"[0-9a-f]+\"\r\n"
                  "WWW-Authenticate: Digest realm=\"Holdfast\", charset=UTF-8, algorithm=MD5, "
                  "qop=\"auth\", nonce=\"[0-9a-f]+\"\r\n"
                  "WWW-Authenticate: Basic realm=\"Holdfast\", charset=\"UTF-8\"\r\n"));
  EXPECT_EQ(ask_from("203.0.113.5", "").fields, kBasicChallenge);
  const std::string header = digest(nonce(), "wonderland");
  EXPECT_EQ(ask_from("203.0.113.5", header).status, 401);
  settings_.digest = {};
  sign_in_.reset();
  EXPECT_EQ(ask("").fields, kBasicChallenge);
  EXPECT_EQ(ask(header).fields, kBasicChallenge);
}

TEST_F(DigestTest, SignsInWithEitherHash) {
  for (const bool sha256 : {true, false}) {
    const std::string one = nonce();
    const Result result = ask(digest(one, "wonderland", "00000001", sha256));
    EXPECT_EQ(result.status, 0) << result.detail;
    EXPECT_EQ(result.caller->name, "alice");
    EXPECT_EQ(ask(digest(one, "wonderland", "00000002", sha256)).status, 0);
    EXPECT_EQ(ask(digest(one, "wonderlan", "00000003", sha256)).status, 401);
  }
  EXPECT_EQ(hashed_, 0);
}

// Which challenges each setting has, and which responses are taken.
TEST_F(DigestTest, OffersAndTakesTheAlgorithmsOfTheSetting) {
  struct Offer {
    auth::DigestAlgorithms offered;
    bool sha256, md5;
  };
  for (const Offer& c : {Offer{{.sha256 = true}, true, false}, Offer{{.md5 = true}, false, true},
                         Offer{{.sha256 = true, .md5 = true}, true, true}}) {
    settings_.digest = c.offered;
    sign_in_.reset();
    const std::string fields = ask("").fields;
    EXPECT_EQ(fields.find("algorithm=SHA-256") != std::string::npos, c.sha256) << fields;
    EXPECT_EQ(fields.find("algorithm=MD5") != std::string::npos, c.md5) << fields;
    EXPECT_EQ(ask(digest(nonce(), "wonderland", "00000001", true)).status, c.sha256 ? 0 : 401);
    EXPECT_EQ(ask(digest(nonce(), "wonderland", "00000001", false)).status, c.md5 ? 0 : 401);
  }
}

// Clients hash the bytes that they would send: UTF-8, or ISO 8859-1 where that is all they know.
TEST_F(DigestTest, NamesAndPasswordsMayBeLatin1) {
  const std::string name = "J\xC3\xBCrgen";
  const std::string password = "pass:w\xC3\xB6rd";
  storage::Account account;
  account.id = 77;
  account.name = name;
  account.digest_sha256 = auth::digest_secrets_sha256(name, password);
  account.digest_md5 = auth::digest_secrets_md5(name, password);
  accounts_.accounts.push_back(account);
  publish();
  for (const bool sha256 : {true, false}) {
    sign_in_.reset();  // forgets the failed attempts
    const auto ask_as = [&](const std::string& who, const std::string& with) {
      return ask(digest(nonce(), with, "00000001", sha256, "/f", who));
    };
    EXPECT_EQ(ask_as(name, password).status, 0);
    EXPECT_EQ(ask_as("J\xFCrgen", "pass:w\xF6rd").status, 0);
    EXPECT_EQ(ask_as("J\xFCrgen", "pass:w\xF6rd").caller->name, name);
    EXPECT_EQ(ask_as(name, "pass:w\xF6rd").status, 401) << "one encoding at a time";
    EXPECT_EQ(ask_as("J\xFCrgen", password).status, 401);
    EXPECT_EQ(ask_as("J\xFCrgen", "pass:word").status, 401);
    EXPECT_EQ(ask_as("J\xFCrgen", "").status, 401);
    EXPECT_EQ(ask_as(name, "").status, 401);
  }
}

TEST_F(DigestTest, WhatIsNotRightIsRefused) {
  const std::string one = nonce();
  EXPECT_EQ(ask(digest(one, "wonderland", "00000001", true, "/g")).status, 401) << "another URL";
  EXPECT_EQ(ask(digest(one, "wonderland"), "PUT").status, 401) << "another method";
  EXPECT_EQ(ask(digest(one, "wonderland", "00000001", true, "/f", "carol")).status, 401);
  EXPECT_EQ(ask(digest(one, "", "00000001", true, "/f", "bob")).status, 401) << "has no secret";
  EXPECT_THAT(told_.back(), HasSubstr("no Digest password is set, account \"bob\""));
  EXPECT_EQ(ask(digest(one, "wonderland")).status, 0);
}

TEST_F(DigestTest, NoRequestIsReplayed) {
  const std::string one = nonce();
  const std::string header = digest(one, "wonderland");
  EXPECT_EQ(ask(header).status, 0);
  const Result again = ask(header);
  EXPECT_EQ(again.status, 401);
  EXPECT_THAT(again.fields, HasSubstr("stale=true"));
  EXPECT_EQ(again.caller, nullptr);
}

TEST_F(DigestTest, AnOldNonceIsStale) {
  const std::string one = nonce();
  EXPECT_THAT(ask(digest(one, "wrong")).fields, Not(HasSubstr("stale")));
  clock_.advance(auth::Nonces::kLifetime);
  const Result result = ask(digest(one, "wonderland"));
  EXPECT_EQ(result.status, 401);
  EXPECT_THAT(result.fields, HasSubstr("stale=true"));
}

TEST_F(DigestTest, GuessesAreHeldUpAndSessionsAreNot) {
  const std::string session = nonce();
  EXPECT_EQ(ask(digest(session, "wonderland")).status, 0);
  int unauthorized = 0;
  for (int i = 0; i < 1000; ++i)
    if (ask(digest(nonce(), "guess" + std::to_string(i))).status == 401) ++unauthorized;
  EXPECT_EQ(unauthorized, auth::Throttle::kAccount.free);
  EXPECT_EQ(ask(digest(nonce(), "wonderland")).status, 429);
  EXPECT_EQ(ask(digest(session, "wonderland", "00000002")).status, 0);
}

}  // namespace
}  // namespace holdfast::server
