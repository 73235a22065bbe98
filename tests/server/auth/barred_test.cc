// Accounts as which nobody can sign in: suspended ones, and others from outside of their networks;
// and accounts that a trusted proxy names. By every kind of credentials.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "server/auth/sign_in.h"
#include "tests/support/basic.h"
#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

auth::SignIn::Settings by_proxy() {
  auth::SignIn::Settings settings;
  settings.remote_user = "Remote-User";
  return settings;
}

class Barred : public testing::Test {
 protected:
  Barred() {
    for (const char* name : {"ann", "bob"}) {
      storage::Account account;
      account.id = static_cast<storage::AccountId>(accounts_.accounts.size()) + 1;
      account.name = name;
      account.password_hash = "hash of secret";
      account.certificate = std::string(64, *name);
      accounts_.accounts.push_back(account);
      storage::DeviceToken token;
      token.id = std::string("token-") + name;
      token.account = account.id;
      token.hash = auth::token_hash(std::string("token of ") + name);
      accounts_.tokens.push_back(token);
    }
    publish();
  }
  storage::Account& ann() { return accounts_.accounts[0]; }
  void publish() { published_ = std::make_shared<const storage::Accounts>(accounts_); }

  // The status; 0 when the engine may answer. The caller is in `caller_`, the challenge in
  // `fields_`.
  int ask(const std::vector<std::pair<std::string, std::string>>& fields, http1::Peer peer) {
    http::NoBody body;
    http::Request request;
    request.method = "GET";
    request.target = "/f";
    request.body = &body;
    for (const auto& [name, value] : fields) request.fields.add(name, value);
    const auth::SignIn::Decision decision = sign_in_.identify(request, peer);
    caller_.reset();
    fields_.clear();
    if (const auto* caller = std::get_if<auth::SignIn::CallerPtr>(&decision)) {
      caller_ = *caller;
      return 0;
    }
    fields_ = std::get<auth::SignIn::Refusal>(decision).fields;
    return std::get<auth::SignIn::Refusal>(decision).status;
  }
  int ask(const std::string& authorization, const std::string& address = "192.0.2.1") {
    return ask({{"Authorization", authorization}}, {.address = address, .tls = true});
  }
  int ask_by_certificate(const std::string& address = "192.0.2.1") {
    return ask(std::vector<std::pair<std::string, std::string>>{},
               {.address = address, .tls = true, .certificate = ann().certificate});
  }
  int ask_through_proxy(const std::string& name, const std::string& authorization = {}) {
    std::vector<std::pair<std::string, std::string>> fields = {{"Remote-User", name}};
    if (!authorization.empty()) fields.emplace_back("Authorization", authorization);
    return ask(fields, {.address = "192.0.2.1", .tls = true, .trusted_proxy = true});
  }

  const std::string password_ = test::basic("ann", "secret");
  test::ManualClock clock_;
  storage::Accounts accounts_;
  std::shared_ptr<const storage::Accounts> published_ = std::make_shared<const storage::Accounts>();
  std::vector<std::string> told_;
  std::shared_ptr<const dav::Caller> caller_;
  std::string fields_;
  auth::SignIn sign_in_{by_proxy(),
                        {.accounts = [this] { return published_; },
                         .tell = [this](const std::string& sentence) { told_.push_back(sentence); },
                         .verify =
                             [](const std::string& hash, std::string_view password) {
                               return hash == "hash of " + std::string(password);
                             }},
                        clock_};
};

TEST_F(Barred, ASuspendedAccountIsAnsweredLikeWrongCredentials) {
  EXPECT_EQ(ask(password_), 0);
  EXPECT_EQ(ask_by_certificate(), 0);
  ann().suspended = true;
  publish();
  EXPECT_EQ(ask(password_), 401);
  const std::string challenge = fields_;
  EXPECT_EQ(ask(test::basic("ann", "token of ann")), 401);
  EXPECT_EQ(fields_, challenge);
  EXPECT_EQ(ask("Bearer token of ann"), 401);
  EXPECT_THAT(fields_, HasSubstr("invalid_token"));
  EXPECT_EQ(ask_by_certificate(), 401);
  EXPECT_EQ(told_.size(), 4U);
  for (const std::string& line : told_)
    EXPECT_THAT(line,
                testing::AllOf(testing::StartsWith("Sign-in refused for 192.0.2.1: suspended"),
                               HasSubstr("account \"ann\"")));
  EXPECT_EQ(ask(test::basic("eve", "x")), 401);
  EXPECT_EQ(fields_, challenge);
  EXPECT_EQ(ask(test::basic("bob", "secret")), 0);
  ann().suspended = false;
  publish();
  EXPECT_EQ(ask(password_), 0);
}

TEST_F(Barred, AnAccountIsTakenFromItsNetworksOnly) {
  ann().networks = {"10.0.0.0/8", "2001:db8::/32", "192.0.2.7"};
  publish();
  struct Row {
    const char* address;
    int status;
  };
  for (const Row& row : {Row{"10.255.0.1", 0}, Row{"11.0.0.1", 401}, Row{"192.0.2.7", 0},
                         Row{"192.0.2.8", 401}, Row{"2001:db8::1", 0}, Row{"2001:db9::1", 401},
                         Row{"", 401}, Row{"10.0.0.1.example", 401}}) {
    EXPECT_EQ(ask_by_certificate(row.address), row.status) << row.address;
    EXPECT_EQ(ask("Bearer token of ann", row.address), row.status) << row.address;
    EXPECT_EQ(ask(test::basic("ann", "token of ann"), row.address), row.status) << row.address;
    EXPECT_EQ(ask(password_, row.address), row.status) << row.address;
    clock_.advance(60 * 60 * 1000);
  }
  EXPECT_EQ(ask(test::basic("bob", "secret"), "11.0.0.1"), 0);
}

// What is remembered of a password in one place counts in no other.
TEST_F(Barred, WhatIsRememberedElsewhereLetsNobodyInOrOut) {
  ann().networks = {"10.0.0.0/8"};
  publish();
  EXPECT_EQ(ask(password_, "11.0.0.1"), 401);
  EXPECT_EQ(ask(password_, "10.0.0.1"), 0);
  EXPECT_EQ(ask(password_, "11.0.0.1"), 401);
  EXPECT_EQ(ask(password_, "10.0.0.1"), 0);
}

TEST_F(Barred, ATrustedProxyNamesTheAccount) {
  EXPECT_EQ(ask_through_proxy("ann"), 0);
  EXPECT_EQ(caller_->name, "ann");
  EXPECT_EQ(ask({{"Remote-User", "ann"}}, {.address = "192.0.2.1", .tls = true}), 401)
      << "from nobody else";
  EXPECT_EQ(ask_through_proxy(""), 401) << "an empty field is none";
  EXPECT_EQ(ask({{"Remote-User", "ann"}, {"Remote-User", "bob"}},
                {.address = "192.0.2.1", .tls = true, .trusted_proxy = true}),
            400);
  told_.clear();
  EXPECT_EQ(ask_through_proxy("eve"), 403);
  EXPECT_THAT(told_, ElementsAre(HasSubstr("unknown account, which a proxy names")));
  EXPECT_THAT(fields_, IsEmpty()) << "no challenge: the proxy asks for passwords";
  ann().suspended = true;
  publish();
  EXPECT_EQ(ask_through_proxy("ann"), 403);
  ann().suspended = false;
  ann().networks = {"10.0.0.0/8"};
  publish();
  EXPECT_EQ(ask_through_proxy("ann"), 403);
}

TEST_F(Barred, CredentialsBesideAProxysNameAreOfThatAccount) {
  struct Row {
    const char* authorization;
    int status;
    const char* token;
  };
  const std::string own = test::basic("ann", "whatever the proxy took");
  const std::string other = test::basic("bob", "secret");
  const std::string own_token = test::basic("ann", "token of ann");
  const std::string other_token = test::basic("ann", "token of bob");
  for (const Row& row :
       {Row{own.c_str(), 0, ""}, Row{other.c_str(), 403, ""},
        Row{own_token.c_str(), 0, "token-ann"}, Row{other_token.c_str(), 403, ""},
        Row{"Bearer token of ann", 0, "token-ann"}, Row{"Bearer token of bob", 403, ""},
        Row{"Bearer nothing", 403, ""}, Row{"Negotiate abc", 0, ""}}) {
    EXPECT_EQ(ask_through_proxy("ann", row.authorization), row.status) << row.authorization;
    if (row.status == 0) {
      EXPECT_EQ(caller_->name, "ann");
      EXPECT_EQ(caller_->token, row.token);
    }
  }
}

}  // namespace
}  // namespace holdfast::server
