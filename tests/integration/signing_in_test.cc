// The real program with accounts, asked as clients and attackers do
// (docs/robustness.md#signing-in). Other addresses than loopback come through a proxy that the
// server trusts: the test.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iostream>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "server/auth/secrets.h"
#include "tests/support/basic.h"
#include "tests/support/build_paths.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/scale.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kRight = basic("alice", "wonderland");

class SigningIn : public testing::Test {
 protected:
  explicit SigningIn(const std::vector<std::string>& more = {})
      : server_(folder_ / "data", [&] {
          std::vector<std::string> arguments = {"--trusted-proxies", "127.0.0.1"};
          if (std::find(more.begin(), more.end(), "--digest") == more.end())
            arguments.insert(arguments.end(), {"--digest", "both"});
          arguments.insert(arguments.end(), more.begin(), more.end());
          return arguments;
        }()) {}

  void SetUp() override {
    server_.start();
    holdfast({"user", "add", "alice", "--home", "/"}, "wonderland\n");
  }
  void TearDown() override {
    if (server_.running()) {
      EXPECT_EQ(server_.stop(), 0) << server_.output();
    }
  }

  // Runs a command on the data folder; its output.
  std::string holdfast(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), holdfast_binary());
    arguments.insert(arguments.end(), {"--data", server_.data()});
    const Outcome outcome = run({.arguments = arguments, .input = input});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    return outcome.output;
  }

  Reply ask(const std::string& authorization, const std::string& method = "GET",
            const std::string& target = "/", Fields fields = {}, const std::string& body = {}) {
    if (!authorization.empty()) fields.emplace_back("Authorization", authorization);
    return HttpClient(server_.port()).request(method, target, fields, body);
  }
  // As a client with this address, over TLS to a trusted proxy.
  Reply ask_from(const std::string& address, const std::string& authorization,
                 const std::string& method = "GET") {
    return ask(authorization, method, "/",
               {{"X-Forwarded-For", address}, {"X-Forwarded-Proto", "https"}});
  }

  TemporaryFolder folder_;
  ServerProcess server_;
};

TEST_F(SigningIn, S1_WhatCannotBeRightIs401WithAChallenge) {
  using namespace std::string_literals;
  const auto challenged = [](const Reply& reply, const std::string& what) {
    EXPECT_EQ(reply.status, 401) << what;
    int basics = 0;
    for (const auto& [name, value] : reply.fields)
      if (name == "WWW-Authenticate" && value == "Basic realm=\"Holdfast\", charset=\"UTF-8\"")
        ++basics;
    EXPECT_EQ(basics, 1) << what;
    EXPECT_THAT(reply.body, HasSubstr("Sign in")) << what;
  };
  challenged(ask("", "PROPFIND"), "none");
  int i = 0;
  for (const std::string& wrong : std::vector<std::string>{
           "x", "Basic", "Basic ", "basic x", "Basic " + std::string(8000, 'A'),
           "Basic ====", "Basic " + base64("alice"), "Basic " + base64(":"),
           "Basic " + base64("alice:\0"s), "Basic " + base64("\xff\xfe:\xff"), "Bearer", "Bearer x",
           "Negotiate abc", "Digest", "Digest username=\"alice\"", basic("alice", "wonderlan"),
           basic("nobody", "x"), basic("ALICE", "wonderland"), basic("alice", "wonderland\n")}) {
    // Each from elsewhere, so that none is held up.
    const std::string address = "198.51." + std::to_string(++i) + ".1";
    challenged(ask_from(address, wrong), wrong);
    challenged(ask_from(address, wrong, "OPTIONS"), wrong);
    const Reply put = ask(
        wrong, "PUT", "/s1.txt",
        {{"X-Forwarded-For", "198.52." + std::to_string(i) + ".1"}, {"X-Forwarded-Proto", "https"}},
        "text");
    challenged(put, wrong);
  }
  HttpClient raw(server_.port());
  raw.send("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + kRight +
           "\r\nAuthorization: " + kRight + "\r\n\r\n");
  EXPECT_EQ(raw.read_reply().status, 400);
  EXPECT_EQ(ask(kRight, "GET", "/s1.txt").status, 404);
}

TEST_F(SigningIn, SignInByBasicAndAnybodyMayAskForOptions) {
  EXPECT_EQ(ask("").status, 401);
  EXPECT_EQ(ask("", "OPTIONS").status, 200);
  EXPECT_EQ(ask(kRight, "PUT", "/a.txt", {}, "text").status, 201);
  EXPECT_EQ(ask(kRight, "GET", "/a.txt").body, "text");
  EXPECT_EQ(ask("bAsIc  " + base64("alice:wonderland"), "GET", "/a.txt").status, 200);
  EXPECT_EQ(server_.stop(), 0);
  EXPECT_THAT(server_.output(), HasSubstr("\"user\":\"alice\""));
  EXPECT_THAT(server_.output(), Not(HasSubstr("wonderland")));
}

TEST_F(SigningIn, NoBodyIsReadBeforeItsSenderIsKnown) {
  HttpClient raw(server_.port());
  raw.send(
      "PUT /big HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(raw.read_reply().status, 401);  // and no 100 before it
  for (const char* method : {"PROPFIND", "PROPPATCH", "LOCK"}) {
    // Not XML, which the engine would call 400.
    EXPECT_EQ(ask("", method, "/", {}, std::string(100'000, '<')).status, 401) << method;
  }
  // A body that is a request is not one.
  HttpClient two(server_.port());
  const std::string inner =
      "DELETE /keep HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + kRight + "\r\n\r\n";
  EXPECT_EQ(ask(kRight, "PUT", "/keep", {}, "x").status, 201);
  two.send("PUT /other HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
           std::to_string(inner.size()) + "\r\n\r\n" + inner);
  EXPECT_EQ(two.read_reply().status, 401);
  EXPECT_EQ(ask(kRight, "GET", "/keep").status, 200);
}

TEST_F(SigningIn, ChangesHoldFromTheNextRequestOn) {
  HttpClient client(server_.port());
  const auto status = [&](const std::string& authorization) {
    return client.request("GET", "/", {{"Authorization", authorization}}).status;
  };
  EXPECT_EQ(status(kRight), 200);
  holdfast({"user", "passwd", "alice"}, "looking-glass\n");
  EXPECT_EQ(status(kRight), 401);
  EXPECT_EQ(status(basic("alice", "looking-glass")), 200);
  holdfast({"user", "add", "bob"}, "bob-the-builder\n");
  EXPECT_NE(status(basic("bob", "bob-the-builder")), 401);
  holdfast({"user", "remove", "alice"});
  EXPECT_EQ(status(basic("alice", "looking-glass")), 401);
}

TEST_F(SigningIn, TokensAreBasicOrBearerUntilTheyAreRemoved) {
  const std::string printed = holdfast({"user", "token", "add", "alice", "--label", "phone"});
  std::smatch secret;
  static const std::regex kSecret(
      "Token ([a-z0-9]{8}) added[^\\n]*\\n(holdfast_[A-Za-z0-9_-]{52})\\n");
  ASSERT_TRUE(std::regex_search(printed, secret, kSecret)) << printed;
  const std::string listed = holdfast({"user", "token", "list", "alice"});
  EXPECT_THAT(listed, Not(HasSubstr(secret.str(2))));
  for (const std::string& header : {basic("alice", secret.str(2)), "Bearer " + secret.str(2)}) {
    EXPECT_EQ(ask(header).status, 200);
    EXPECT_EQ(ask(header, "PUT", "/t", {}, "x").success(), true);
  }
  EXPECT_THAT(listed, HasSubstr(secret.str(1)));
  holdfast({"user", "token", "remove", secret.str(1)});
  EXPECT_EQ(ask("Bearer " + secret.str(2)).status, 401);
  EXPECT_EQ(ask(basic("alice", secret.str(2))).status, 401);
  EXPECT_EQ(ask(kRight).status, 200);
}

TEST_F(SigningIn, S8_AnUploadEndsWhenWhatLetItInIsTakenAway) {
  const std::string printed = holdfast({"user", "token", "add", "alice", "--label", "phone"});
  std::smatch secret;
  static const std::regex kSecret("(holdfast_([a-z0-9]{8})_[A-Za-z0-9_-]{43})\\n");
  ASSERT_TRUE(std::regex_search(printed, secret, kSecret)) << printed;
  holdfast({"user", "add", "bob"}, "bob-the-builder\n");
  holdfast({"user", "grant", "bob", "/team", "write"});
  EXPECT_EQ(ask(kRight, "MKCOL", "/team").status, 201);
  struct Row {
    std::string authorization;
    std::vector<std::string> command;
    int status;
  };
  const std::vector<Row> rows = {
      {"Bearer " + secret.str(1), {"user", "token", "remove", secret.str(2)}, 401},
      {basic("bob", "bob-the-builder"), {"user", "revoke", "bob", "/team"}, 403},
      {basic("alice", "wonderland"), {"user", "revoke", "bob", "/team"}, 201},
      {basic("alice", "wonderland"), {"user", "remove", "alice"}, 401}};
  int number = 0;
  for (const Row& row : rows) {
    const std::string target = "/team/upload" + std::to_string(++number);
    if (row.status == 201) holdfast({"user", "grant", "bob", "/team", "write"});
    HttpClient upload(server_.port());
    upload.send("PUT " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " +
                row.authorization + "\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n");
    upload.wait_for_continue();
    upload.send(std::string(50'000, 'x'));
    holdfast(row.command);
    // One more byte, and the server looks again; the rest is not waited for.
    upload.send(row.status == 201 ? std::string(50'000, 'x') : std::string("x"));
    const Reply reply = upload.read_reply();
    EXPECT_EQ(reply.status, row.status) << row.command[1];
    EXPECT_EQ(reply.field("WWW-Authenticate").empty(), row.status != 401);
    if (row.status == 201) continue;
    EXPECT_NE(ask(kRight, "GET", target).status, 200);
  }
}

TEST_F(SigningIn, S3_GuessesAreHeldUpAndNobodyElseIs) {
  EXPECT_EQ(ask_from("203.0.113.5", kRight).status, 200);
  int refused = 0;
  int held_up = 0;
  for (int i = 0; i < 300; ++i) {
    const Reply reply = ask_from("203.0.113.5", basic("alice", "guess" + std::to_string(i)));
    if (reply.status == 401) {
      ++refused;
    } else {
      ASSERT_EQ(reply.status, 429);
      EXPECT_GE(std::stoi(std::string(reply.field("Retry-After"))), 1);
      ++held_up;
    }
  }
  EXPECT_GE(refused, 5);
  EXPECT_GE(held_up, 280);
  EXPECT_EQ(ask_from("203.0.113.5", kRight).status, 200) << "signed in already";
  EXPECT_EQ(ask_from("203.0.113.5", basic("Alice", "wonderland")).status, 401) << "another account";
  const std::string right = basic("alice", "looking-glass");
  holdfast({"user", "passwd", "alice"}, "looking-glass\n");  // nobody is signed in any more
  // Guesses go on until the delay is longer than any pause of a busy machine.
  int delay_s = 0;
  for (int i = 0; delay_s < 4; ++i) {
    const Reply reply =
        ask_from("203.0.113.5", basic("alice", "another guess" + std::to_string(i)));
    if (reply.status == 401) continue;
    ASSERT_EQ(reply.status, 429);
    delay_s = std::stoi(std::string(reply.field("Retry-After")));
    if (delay_s < 4) std::this_thread::sleep_for(std::chrono::seconds(delay_s));
  }
  EXPECT_EQ(ask_from("203.0.113.5", right).status, 429);
  EXPECT_EQ(ask_from("203.0.113.6", basic("OFFICE\\alice", "looking-glass")).status, 429);
  EXPECT_EQ(ask_from("198.51.100.5", right).status, 200) << "another network";
}

// Processor time that the server has used, whatever else the machine does.
double processor_ms(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  EXPECT_EQ(::clock_getcpuclockid(pid, &clock), 0);
  EXPECT_EQ(::clock_gettime(clock, &time), 0);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// How often a value of `a` is above one of `b`: a half when nothing tells them apart.
double share_above(const std::vector<double>& a, const std::vector<double>& b) {
  double above = 0;
  for (const double x : a)
    for (const double y : b) above += x > y ? 1 : x == y ? 0.5 : 0;
  return above / static_cast<double>(a.size() * b.size());
}

TEST_F(SigningIn, S4_AnUnknownAccountCostsWhatAKnownOneDoes) {
  holdfast({"user", "add", "bob", "--no-password"});
  int guess = 0;
  const auto cost = [&](const std::string& name, const std::string& password) {
    ++guess;
    const double before = processor_ms(server_.pid());
    // Each from another network.
    const Reply reply =
        ask_from("10." + std::to_string(guess / 200) + "." + std::to_string(guess % 200) + ".7",
                 basic(name, password + std::to_string(guess)));
    EXPECT_EQ(reply.status, 401);
    return processor_ms(server_.pid()) - before;
  };
  cost("alice", "x");  // the first one of all makes more than hashes
  struct {
    const char* name;
    const char* password;
    std::vector<double> costs{};
  } kinds[] = {{"alice", "guess"}, {"alice", "wonderland"}, {"nobody", "guess"}, {"bob", "guess"}};
  // In turns, so that what else changes meanwhile changes for all of them. With 40 of each, a share
  // that is off by 0.3 comes by chance once in 100,000 times.
  const int guesses = at_scale(2'500, 40);
  for (int i = 0; i < guesses; ++i)
    for (auto& kind : kinds) kind.costs.push_back(cost(kind.name, kind.password));
  const double known = median(kinds[0].costs);
  EXPECT_GT(known, 1) << "a hash takes longer";
  for (const auto& kind : kinds) {
    SCOPED_TRACE(std::string(kind.name) + " with " + kind.password);
    std::cout << kind.name << " with " << kind.password << "…: median " << median(kind.costs)
              << " ms, above a known account's in " << 100 * share_above(kind.costs, kinds[0].costs)
              << " % of the pairs\n";
    EXPECT_LT(median(kind.costs), known * 1.25);
    EXPECT_GT(median(kind.costs), known / 1.25);
    EXPECT_NEAR(share_above(kind.costs, kinds[0].costs), 0.5, 0.3);
  }
}

long resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  return 0;
}

// The longest but one of twenty times.
double nineteenth_ms(const std::function<void()>& act) {
  std::vector<double> times;
  for (int i = 0; i < 20; ++i) {
    const auto before = std::chrono::steady_clock::now();
    act();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before)
            .count());
  }
  std::sort(times.begin(), times.end());
  return times[18];
}

TEST_F(SigningIn, S5_AFloodOfWrongPasswordsLeavesTheOthersAlone) {
  constexpr int kCrowd = 1'000;
  constexpr int kNetworks = 30;
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  ASSERT_GT(files.rlim_cur, kCrowd + 100U);
  holdfast({"user", "add", "bob"}, "bob-the-builder\n");
  EXPECT_EQ(ask_from("203.0.113.5", kRight).status, 200);
  const long before = resident_kib(server_.pid());
  std::vector<std::unique_ptr<HttpClient>> crowd;
  for (int i = 0; i < kCrowd; ++i)
    crowd.push_back(std::make_unique<HttpClient>(server_.port(), std::chrono::seconds(120)));
  for (int i = 0; i < kCrowd; ++i) {
    const std::string address =
        "10.0." + std::to_string(i % kNetworks) + "." + std::to_string(i / kNetworks);
    crowd[static_cast<std::size_t>(i)]->send(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: " + address +
        "\r\nX-Forwarded-Proto: https\r\nAuthorization: " + basic("u" + address, address) +
        "\r\n\r\n");
  }
  // Who is signed in waits for none of the hashing: no longer than who needs not sign in, should
  // the machine be slow.
  const double free_ms = nineteenth_ms([&] { EXPECT_EQ(ask("", "OPTIONS").status, 200); });
  const double signed_in_ms =
      nineteenth_ms([&] { EXPECT_EQ(ask_from("203.0.113.5", kRight).status, 200); });
  // Who signs in for the first time, from a network that is no part of the flood, waits for the
  // hashes that have begun and for one of each network, but not for those of all who wait.
  using Seconds = std::chrono::duration<double>;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(ask_from("198.51.100.7", basic("bob", "bob-the-builder")).status, 200);
  const Seconds first = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(signed_in_ms, std::max(500.0, 4 * free_ms));
  int turned_away = 0;
  for (const auto& client : crowd) {
    const Reply reply = client->read_reply();
    if (reply.status == 503) {
      EXPECT_FALSE(reply.field("Retry-After").empty());
      ++turned_away;
    } else {
      EXPECT_EQ(reply.status, 401);
    }
  }
  const Seconds all = std::chrono::steady_clock::now() - begin;
  const Seconds hash = all / (kCrowd - turned_away);
  std::cout << "signed in " << signed_in_ms << " ms, without signing in " << free_ms
            << " ms, the first time " << first.count() << " s, a hash " << hash.count() << " s, "
            << turned_away << " turned away\n";
  EXPECT_LT(first.count(), 1 + 2 * kNetworks * hash.count());
  EXPECT_GT(turned_away, kCrowd / 4);
  // Two hashes of 19 MiB at a time, and the threads that wait, with what a sanitizer keeps for
  // each; all at once they would be 19 GiB.
  EXPECT_LT(resident_kib(server_.pid()) - before, 2048 * 1024);
}

// An office after a restart of the server: everybody gets in, nobody is told to come again.
TEST_F(SigningIn, S5_ManyPeopleOfOneAddressSignInAtOnce) {
  const int people = at_scale(400, 40);
  for (int i = 0; i < people; ++i)
    holdfast({"user", "add", "p" + std::to_string(i), "--home", "/"},
             "the secret " + std::to_string(i) + "\n");
  std::vector<std::unique_ptr<HttpClient>> office;
  for (int i = 0; i < people; ++i)
    office.push_back(std::make_unique<HttpClient>(server_.port(), std::chrono::seconds(120)));
  for (int i = 0; i < people; ++i)
    office[static_cast<std::size_t>(i)]->send(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.5\r\n"
        "X-Forwarded-Proto: https\r\nAuthorization: " +
        basic("p" + std::to_string(i), "the secret " + std::to_string(i)) + "\r\n\r\n");
  for (const auto& client : office) EXPECT_EQ(client->read_reply().status, 200);
}

// What one account has under way at once, uploads and downloads alike.
class BusyAccounts : public SigningIn {
 protected:
  BusyAccounts() : SigningIn({"--requests-per-account", "3"}) {}

  // A request of which the server is waiting for the body. A place becomes free only after the
  // answer has been sent, so it may take some tries.
  std::unique_ptr<HttpClient> upload(const std::string& authorization, const std::string& target) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) try {
        auto client = std::make_unique<HttpClient>(server_.port());
        client->send("PUT " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " +
                     authorization + "\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        client->wait_for_continue();
        return client;
      } catch (const HttpFailure&) {
        if (std::chrono::steady_clock::now() > end) throw;
      }
  }
  void expect_one_too_many(const std::string& authorization) {
    HttpClient client(server_.port());
    const Reply reply = client.request("PUT", "/more", {{"Authorization", authorization}}, "text");
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.field("Retry-After"), "1");
    EXPECT_EQ(reply.field("Connection"), "close");
    EXPECT_TRUE(client.closed_by_server());
  }
};

TEST_F(BusyAccounts, GetA503ForOneRequestTooManyAndNobodyElseDoes) {
  holdfast({"user", "add", "bob"}, "bob-the-builder\n");
  const std::string token = holdfast({"user", "token", "add", "alice", "--label", "phone"});
  std::smatch secret;
  ASSERT_TRUE(std::regex_search(token, secret, std::regex("holdfast_[A-Za-z0-9_-]{52}")));
  ASSERT_EQ(ask(kRight, "PUT", "/large", {}, std::string(std::size_t{16} << 20, 'x')).status, 201);

  // One of each kind: an upload, one with the account's token, a download that is not taken.
  std::vector<std::unique_ptr<HttpClient>> busy;
  busy.push_back(upload(kRight, "/1"));
  busy.push_back(upload("Bearer " + secret.str(), "/2"));
  {
    HttpClient third(server_.port());
    const auto get = [&] {
      return third.request("GET", "/none", {{"Authorization", kRight}}).status;
    };
    for (int tries = 0; tries < 1'000 && get() == 503; ++tries) {
    }
    for (int i = 0; i < 20; ++i) EXPECT_EQ(get(), 404) << "the third one at once";
  }
  std::unique_ptr<tests::RawClient> download;
  std::string first = "503";
  for (int tries = 0; tries < 1'000 && first.ends_with("503"); ++tries) {
    download = std::make_unique<tests::RawClient>(server_.port(), 4096);
    download->send("GET /large HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + kRight +
                   "\r\n\r\n");
    ASSERT_FALSE(download->silent(std::chrono::seconds(60)));
    first.assign(12, ' ');
    ASSERT_EQ(::recv(download->descriptor(), first.data(), first.size(), MSG_PEEK), 12);
  }
  EXPECT_EQ(first, "HTTP/1.1 200");
  expect_one_too_many(kRight);
  expect_one_too_many("Bearer " + secret.str());

  EXPECT_EQ(ask(basic("bob", "bob-the-builder"), "PUT", "/bob/f", {}, "x").status, 201);
  EXPECT_EQ(ask("", "OPTIONS").status, 200);
  EXPECT_EQ(ask(basic("alice", "wrong")).status, 401) << "counts for nobody";

  // Each of the three gives its place back, however it ends.
  busy[0]->send("text");
  EXPECT_EQ(busy[0]->read_reply().status, 201);
  busy[0] = upload(kRight, "/3");
  expect_one_too_many(kRight);
  busy[1].reset();
  busy[1] = upload(kRight, "/4");
  expect_one_too_many(kRight);
  download.reset();
  busy.push_back(upload(kRight, "/5"));
  expect_one_too_many(kRight);
  for (const auto& client : busy) {
    client->send("text");
    EXPECT_EQ(client->read_reply().status, 201);
  }
  EXPECT_EQ(ask(basic("bob", "bob-the-builder"), "GET", "/bob/f").status, 200);
}

class BusyNobody : public SigningIn {
 protected:
  BusyNobody() : SigningIn({"--requests-per-account", "3", "--anonymous", "write"}) {}
};

TEST_F(BusyNobody, IsNotCounted) {
  std::vector<std::unique_ptr<HttpClient>> busy;
  for (int i = 0; i < 6; ++i) {
    auto client = std::make_unique<HttpClient>(server_.port());
    client->send("PUT /" + std::to_string(i) +
                 " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
                 "Expect: 100-continue\r\n\r\n");
    client->wait_for_continue();
    busy.push_back(std::move(client));
  }
  for (const auto& client : busy) {
    client->send("text");
    EXPECT_EQ(client->read_reply().status, 201);
  }
}

TEST_F(SigningIn, DigestSignsInWithCurl) {
  if (!program_exists("curl")) GTEST_SKIP() << "curl is not installed";
  holdfast({"user", "passwd", "alice", "--digest", "both"}, "wonderland\n");
  const auto curl = [&](const std::string& password) {
    return run({.arguments = {"curl", "-q", "-s", "-v", "--noproxy", "*", "--max-time", "60",
                              "--digest", "-u", "alice:" + password, "-w", "status=%{http_code}",
                              server_.url()}})
        .output;
  };
  const std::string signed_in = curl("wonderland");
  EXPECT_THAT(signed_in, HasSubstr("status=200"));
  EXPECT_THAT(signed_in, HasSubstr("Authorization: Digest username=\"alice\""));
  EXPECT_THAT(curl("wrong"), HasSubstr("status=401"));
}

class Md5Digest : public SigningIn {
 protected:
  Md5Digest() : SigningIn({"--digest", "md5"}) {}
};

// Python's urllib takes the first Digest challenge and fails when that is not MD5 or SHA-1.
TEST_F(Md5Digest, SignsInWithPythonsUrllib) {
  if (!program_exists("python3")) GTEST_SKIP() << "python3 is not installed";
  holdfast({"user", "passwd", "alice", "--digest", "md5"}, "wonderland\n");
  const auto python = [&](const std::string& password) {
    const std::string script =
        "import urllib.request as u\n"
        "passwords = u.HTTPPasswordMgrWithDefaultRealm()\n"
        "passwords.add_password(None, '" +
        server_.url() + "', 'alice', '" + password +
        "')\n"
        "opener = u.build_opener(u.ProxyHandler({}), u.HTTPDigestAuthHandler(passwords))\n"
        "try: print('status', opener.open('" +
        server_.url() +
        "', timeout=60).status)\n"
        "except u.HTTPError as error: print('status', error.code)\n";
    return run({.arguments = {"python3", "-c", script}}).output;
  };
  EXPECT_THAT(python("wonderland"), HasSubstr("status 200"));
  // It tries a wrong one several times, until it is told to wait.
  EXPECT_THAT(python("wrong"), testing::MatchesRegex("status 4(01|29)\n"));
}

// A client that knows MD5 only, as Windows and neon's elder releases.
TEST_F(SigningIn, DigestSignsInWithMd5AndNotTwice) {
  holdfast({"user", "passwd", "alice", "--digest", "both"}, "wonderland\n");
  const auto nonce = [&](const Reply& reply) {
    for (const auto& [name, value] : reply.fields)
      if (value.find("algorithm=MD5") != std::string::npos) {
        const std::size_t start = value.find("nonce=\"") + 7;
        return value.substr(start, value.find('"', start) - start);
      }
    return std::string();
  }(ask(""));
  ASSERT_FALSE(nonce.empty());
  using server::auth::md5_hex;
  const std::string response = md5_hex(md5_hex("alice:Holdfast:wonderland") + ":" + nonce +
                                       ":00000001:c:auth:" + md5_hex("GET:/"));
  const std::string header = "Digest username=\"alice\", realm=\"Holdfast\", nonce=\"" + nonce +
                             "\", uri=\"/\", qop=auth, nc=00000001, cnonce=\"c\", response=\"" +
                             response + "\"";
  EXPECT_EQ(ask(header).status, 200);
  EXPECT_EQ(ask(header).status, 401) << "a replay";
  // Over TLS there is only Basic.
  for (const auto& [name, value] : ask_from("203.0.113.5", "").fields)
    EXPECT_THAT(value, Not(HasSubstr("Digest")));
}

TEST_F(SigningIn, S11_OnlyATrustedProxyIsBelieved) {
  // Without TLS on the client's side: no password.
  const Fields plain = {{"X-Forwarded-For", "203.0.113.5"}};
  const Reply refused =
      ask(kRight, "GET", "/", {{"X-Forwarded-For", "203.0.113.5"}, {"X-Forwarded-Proto", "http"}});
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("TLS"));
  EXPECT_EQ(ask(kRight, "GET", "/", plain).status, 403);
  EXPECT_EQ(ask_from("203.0.113.5", kRight).status, 200);
  EXPECT_EQ(server_.stop(), 0);
  EXPECT_THAT(server_.output(), HasSubstr("\"client\":\"203.0.113.5\""));

  ServerProcess other(folder_ / "data-of-other",
                      {"--trusted-proxies", "127.0.0.2", "--anonymous", "write"});
  other.start();
  HttpClient client(other.port());
  EXPECT_EQ(client
                .request("PUT", "/f",
                         {{"X-Forwarded-For", "203.0.113.5"}, {"X-Forwarded-Proto", "https"}}, "x")
                .status,
            201);
  EXPECT_EQ(other.stop(), 0);
  EXPECT_THAT(other.output(), HasSubstr("\"client\":\"127.0.0.1\""));
  EXPECT_THAT(other.output(), Not(HasSubstr("203.0.113.5")));
}

// The failregex as fail2ban understands it, with its own placeholders put in.
std::regex fail2ban_filter() {
  std::ifstream filter(source_folder() / "packaging/fail2ban/holdfast-filter.conf");
  std::string pattern;
  for (std::string line; std::getline(filter, line);)
    if (line.starts_with("failregex = ")) pattern = line.substr(12);
  const auto replace = [&pattern](const std::string& what, const std::string& with) {
    const std::size_t at = pattern.find(what);
    EXPECT_NE(at, std::string::npos) << what << " in " << pattern;
    if (at != std::string::npos) pattern.replace(at, what.size(), with);
  };
  replace("%(__prefix_line)s", "");
  replace("<ADDR>", "([0-9a-fA-F:.]+)");
  return std::regex(pattern);
}

TEST_F(SigningIn, O1_AFailureIsOneLineThatFail2banReads) {
  ask_from("203.0.113.5", basic("alice", "guess"));
  ask_from("2001:db8::5", basic("x\" for 192.0.2.9, \x1b[31m\xe2\x80\xae\n", "guess"));
  ask_from("198.51.100.7", basic("Sign-in refused for 192.0.2.9", "guess"));
  ask_from("198.51.100.8", "Bearer guess");
  EXPECT_EQ(server_.stop(), 0);
  const std::regex filter = fail2ban_filter();
  std::vector<std::string> addresses;
  std::istringstream output(server_.output());
  for (std::string line; std::getline(output, line);) {
    for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line;
    EXPECT_THAT(line, Not(HasSubstr("guess")));
    std::smatch found;
    if (std::regex_search(line, found, filter)) addresses.push_back(found.str(1));
  }
  // The second one has control characters, and so no name to look for.
  EXPECT_THAT(addresses, testing::ElementsAre("203.0.113.5", "198.51.100.7", "198.51.100.8"));
}

TEST(AccountsAtStart, S2_AServerForOthersNeedsAccountsOrAWord) {
  const TemporaryFolder folder;
  const std::filesystem::path data = folder / "data";
  const Command others{
      .arguments = {holdfast_binary(), "serve", "--listen", "0.0.0.0:0", "--data", data}};
  const Outcome refused = run(others);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.output, HasSubstr("There are no accounts"));
  EXPECT_FALSE(std::filesystem::exists(data));

  // Before the first start.
  EXPECT_EQ(run({.arguments = {holdfast_binary(), "user", "add", "alice", "--data", data},
                 .input = "wonderland\n"})
                .exit_code,
            0);

  const Child child = start(others);
  std::string printed;
  static const std::regex kPort("http://127\\.0\\.0\\.1:([0-9]+)/");
  std::smatch port;
  char piece[4096];
  while (!std::regex_search(printed, port, kPort)) {
    const ssize_t count = ::read(child.output_fd, piece, sizeof piece);
    if (count <= 0) break;
    printed.append(piece, static_cast<std::size_t>(count));
  }
  EXPECT_FALSE(port.empty()) << printed;
  if (!port.empty()) {
    HttpClient client(static_cast<std::uint16_t>(std::stoi(port.str(1))));
    EXPECT_EQ(client.request("GET", "/").status, 401);
  }
  ::kill(child.pid, SIGTERM);
  EXPECT_EQ(wait_for(child.pid), 0);
  ::close(child.output_fd);
  ::close(child.input_fd);
}

TEST(AccountsAtStart, S2_AServerThatHadAccountsDoesNotOpenByItself) {
  const TemporaryFolder folder;
  ServerProcess server(folder / "data");
  const auto put = [&](Fields fields = {}) {
    return HttpClient(server.port()).request("PUT", "/f", fields, "x").status;
  };
  const auto user = [&](std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), {holdfast_binary(), "user"});
    arguments.insert(arguments.end(), {"--data", server.data()});
    return run({.arguments = arguments, .input = input}).exit_code;
  };
  server.start();
  EXPECT_EQ(put(), 201) << "a program of this machine";
  EXPECT_EQ(put({{"X-Forwarded-For", "203.0.113.5"}}), 403);
  EXPECT_EQ(put({{"Via", "1.1 proxy"}}), 403);
  EXPECT_EQ(user({"add", "alice"}, "wonderland\n"), 0);
  EXPECT_EQ(put(), 401);
  EXPECT_EQ(user({"remove", "alice"}), 2) << "the last one";
  EXPECT_EQ(put(), 401);
  EXPECT_EQ(user({"remove", "alice", "--yes"}), 0);
  EXPECT_EQ(put(), 403);
  EXPECT_EQ(HttpClient(server.port()).request("GET", "/f").status, 403);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.output(), HasSubstr("because of the field X-Forwarded-For"));
  EXPECT_THAT(server.output(), Not(HasSubstr("field Via"))) << "told once a minute";
  server.start();
  EXPECT_EQ(put(), 403);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.output(), HasSubstr("anonymous   off"));
}

TEST(AccountsAtStart, S2_AServerThatOthersAreToldOfIsNotOpenByDefault) {
  const TemporaryFolder folder;
  int number = 0;
  for (const std::vector<std::string>& named : std::vector<std::vector<std::string>>{
           {"--public-url", "https://dav.example"}, {"--trusted-proxies", "127.0.0.1"}}) {
    ServerProcess server(folder / std::to_string(++number), named);
    server.start();
    HttpClient client(server.port());
    EXPECT_EQ(client.request("PUT", "/f", {}, "x").status, 403);
    EXPECT_EQ(client.request("GET", "/").status, 403);
    EXPECT_EQ(server.stop(), 0);
    EXPECT_THAT(server.output(), HasSubstr("Nobody can read or write yet"));
  }
}

}  // namespace
}  // namespace holdfast::test
