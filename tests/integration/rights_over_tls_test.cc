// Who may do what over TLS, with the real program: passwords, device tokens and client
// certificates, each with the methods that matter, inside and outside what it may touch.
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/auth/secrets.h"
#include "tests/integration/tls_world.h"
#include "tests/support/basic.h"
#include "tests/support/faults.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;

constexpr const char* kLockInfo =
    "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/>"
    "</D:locktype></D:lockinfo>";
constexpr const char* kSetProperty =
    "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><x xmlns=\"urn:x\">v</x></D:prop></D:set>"
    "</D:propertyupdate>";

// One client: what it shows of itself, on a connection of its own; behind a proxy unless it shows a
// certificate.
class Client {
 public:
  Client(std::uint16_t port, std::string authorization, const tests::TlsWish& wish = {})
      : connection_(tests::RawClient::over_tls(port, wish)),
        authorization_(std::move(authorization)),
        certificate_(!wish.certificate.empty()) {}

  tests::RawResponse ask(const std::string& method, const std::string& target,
                         const std::string& fields = {}, const std::string& body = {}) {
    std::string request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields;
    if (!authorization_.empty()) request += "Authorization: " + authorization_ + "\r\n";
    if (!certificate_) {
      // Always from elsewhere, so that nobody is held up for what failed before.
      static int asked = 0;
      ++asked;
      request += "X-Forwarded-Proto: https\r\nX-Forwarded-For: 10." + std::to_string(asked / 200) +
                 "." + std::to_string(asked % 200) + ".1\r\n";
    }
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    connection_.send(request);
    connection_.patience = std::chrono::seconds(60);
    const auto answer = connection_.receive(method == "HEAD");
    if (!answer) throw std::runtime_error(method + " " + target + ": " + connection_.error);
    return *answer;
  }
  int status(const std::string& method, const std::string& target, const std::string& fields = {},
             const std::string& body = {}) {
    return ask(method, target, fields, body).status;
  }

  // The statuses of everything that only reads `folder`, which has a file f.
  std::set<int> read(const std::string& folder) {
    return {status("GET", folder + "/f"), status("HEAD", folder + "/f"),
            status("PROPFIND", folder + "/f", "Depth: 0\r\n"),
            status("PROPFIND", folder, "Depth: 1\r\n")};
  }
  // And of everything that changes something there; what succeeds is taken back.
  std::set<int> write(const std::string& folder) {
    std::set<int> all = {
        status("PUT", folder + "/f", {}, "text"),
        status("PROPPATCH", folder + "/f", {}, kSetProperty),
        status("PUT", folder + "/new", {}, "text"),
        status("MOVE", folder + "/new", "Destination: " + folder + "/moved\r\n"),
        status("COPY", folder + "/f", "Destination: " + folder + "/copy\r\n"),
        status("DELETE", folder + "/moved"),
        status("DELETE", folder + "/copy"),
        status("MKCOL", folder + "/c"),
        status("DELETE", folder + "/c"),
    };
    for (const std::string& target : {folder + "/f", folder + "/unmapped"}) {
      const auto lock = ask("LOCK", target, "Depth: 0\r\n", kLockInfo);
      all.insert(lock.status);
      if (lock.status >= 300) continue;
      all.insert(status("UNLOCK", target, "Lock-Token: " + lock.field("lock-token") + "\r\n"));
      if (lock.status == 201) all.insert(status("DELETE", target));
    }
    return all;
  }

 private:
  tests::RawClient connection_;
  std::string authorization_;
  bool certificate_;
};

// ann, whose home /ann has the collections in and out, and ben. Certificates of a CA that the
// server believes, and of another one.
class RightsOverTls : public TlsWorld {
 protected:
  void SetUp() override {
    TlsWorld::SetUp();
    make_ca("ca");
    make_ca("other-ca");
    server_ = std::make_unique<ServerProcess>(
        folder_ / "data",
        std::vector<std::string>{"--tls-cert", certificate_, "--tls-key", key_, "--tls-client-ca",
                                 folder_ / "ca.pem", "--trusted-proxies", "127.0.0.1"},
        faults_.environment());
    server_->start();
    user({"add", "root", "--home", "/"}, "the-admin\n");
    user({"add", "ann"}, "secret words\n");
    user({"add", "ben"}, "bob-the-builder\n");
    Client root(server_->port(), basic("root", "the-admin"));
    for (const char* folder : {"/ann/in", "/ann/out"}) EXPECT_EQ(root.status("MKCOL", folder), 201);
    for (const char* folder : {"/ann/in", "/ann/out", "/ben"})
      EXPECT_EQ(root.status("PUT", std::string(folder) + "/f", {}, "text"), 201);
  }
  void TearDown() override {
    if (server_ && server_->running()) {
      EXPECT_EQ(server_->stop(), 0) << server_->output();
    }
  }

  Outcome holdfast(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), holdfast_binary());
    arguments.insert(arguments.end(), {"--data", folder_ / "data"});
    return run({.arguments = arguments, .input = input});
  }
  std::string user(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), "user");
    const Outcome outcome = holdfast(arguments, input);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    return outcome.output;
  }
  // A new token of ann's; its secret.
  std::string token(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"token", "add", "ann", "--label", "test"});
    const std::string printed = user(arguments);
    std::smatch secret;
    EXPECT_TRUE(std::regex_search(printed, secret, std::regex("holdfast_[A-Za-z0-9_-]{52}")));
    return secret.str();
  }

  void make_ca(const std::string& name) {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-subj", "/CN=" + name, "-keyout", folder_ / (name + ".key"), "-out",
             folder_ / (name + ".pem")});
  }
  // A client's certificate that the CA has signed, with its key in one file.
  std::string make_client(const std::string& name, const std::string& ca, const char* days) {
    openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-subj", "/CN=" + name, "-keyout", folder_ / (name + ".key"), "-out",
             folder_ / (name + ".csr")});
    openssl({"x509", "-req", "-in", folder_ / (name + ".csr"), "-CA", folder_ / (ca + ".pem"),
             "-CAkey", folder_ / (ca + ".key"), "-CAcreateserial", "-days", days, "-out",
             folder_ / (name + ".crt")});
    std::ofstream(folder_ / (name + ".pem"))
        << contents(folder_ / (name + ".crt")) << contents(folder_ / (name + ".key"));
    return folder_ / (name + ".pem");
  }

  // What the client may do in the two folders of ann's, and that it may do nothing in ben's.
  enum class May { nothing, read, write };
  static void expect_rights(Client& client, May in, May out) {
    for (const auto& [folder, right] :
         {std::pair<std::string, May>{"/ann/in", in}, {"/ann/out", out}, {"/ben", May::nothing}}) {
      SCOPED_TRACE(folder);
      EXPECT_EQ(client.read(folder),
                right == May::nothing ? std::set<int>{403} : std::set<int>({200, 207}));
      EXPECT_EQ(client.write(folder),
                right == May::write ? std::set<int>({200, 201, 204, 207}) : std::set<int>{403});
    }
    EXPECT_EQ(client.status("OPTIONS", "/ann/in/f"), 200);
  }
  // Every answer but that to OPTIONS is 401 with a challenge.
  static void expect_strangers(Client& client) {
    for (const char* folder : {"/ann/in", "/ann/out", "/ben"}) {
      EXPECT_EQ(client.read(folder), std::set<int>{401}) << folder;
      EXPECT_EQ(client.write(folder), std::set<int>{401}) << folder;
    }
    EXPECT_THAT(client.ask("GET", "/ann/in/f").field("www-authenticate"), HasSubstr("Basic"));
  }
  // The tree is what SetUp made.
  void expect_unchanged() {
    Client root(server_->port(), basic("root", "the-admin"));
    const std::string listing = root.ask("PROPFIND", "/", "Depth: infinity\r\n").body;
    std::set<std::string> hrefs;
    static const std::regex kHref("<D:response[^>]*><D:href>([^<]*)</D:href>");
    for (std::sregex_iterator it(listing.begin(), listing.end(), kHref), end; it != end; ++it)
      hrefs.insert(it->str(1));
    EXPECT_EQ(hrefs, (std::set<std::string>{"/", "/ann/", "/ann/in/", "/ann/in/f", "/ann/out/",
                                            "/ann/out/f", "/ben/", "/ben/f"}))
        << listing;
    EXPECT_EQ(root.ask("GET", "/ben/f").body, "text");
    EXPECT_THAT(holdfast({"lock", "list"}).output, HasSubstr("0 locks"));
  }

  Faults faults_{folder_ / "faults", folder_ / "data"};
};

TEST_F(RightsOverTls, APasswordOpensTheHomeAndNothingElse) {
  Client ann(server_->port(), basic("ann", "secret words"));
  expect_rights(ann, May::write, May::write);
  Client stranger(server_->port(), "");
  expect_strangers(stranger);
  expect_unchanged();
}

TEST_F(RightsOverTls, ATokenNarrowsAndHoldsUntilItExpiresOrIsTakenAway) {
  struct Row {
    std::vector<std::string> narrowed;
    May in;
    May out;
  };
  for (const Row& row : {Row{{}, May::write, May::write},
                         {{"--read-only"}, May::read, May::read},
                         {{"--path", "/ann/in"}, May::write, May::nothing},
                         {{"--path", "/ann/in", "--read-only"}, May::read, May::nothing},
                         {{"--path", "/ben"}, May::nothing, May::nothing},
                         {{"--expires", "90d"}, May::write, May::write}}) {
    SCOPED_TRACE(testing::PrintToString(row.narrowed));
    const std::string secret = token(row.narrowed);
    const std::string id = secret.substr(secret.find('_') + 1, 8);
    Client bearer(server_->port(), "Bearer " + secret);
    expect_rights(bearer, row.in, row.out);
    Client by_name(server_->port(), basic("ann", secret));
    expect_rights(by_name, row.in, row.out);
    Client not_its_name(server_->port(), basic("ben", secret));
    EXPECT_EQ(not_its_name.status("GET", "/ann/in/f"), 401);
    // From the next request on, also on connections that it came on.
    user({"token", "remove", id});
    expect_strangers(bearer);
    EXPECT_EQ(by_name.status("GET", "/ann/in/f"), 401);
    expect_unchanged();
  }
}

TEST_F(RightsOverTls, AnExpiredTokenIsNone) {
  const std::string secret = token({"--expires", "30m"});
  Client phone(server_->port(), "Bearer " + secret);
  EXPECT_EQ(phone.status("GET", "/ann/in/f"), 200);
  faults_.set_wall_offset(std::chrono::minutes(29));
  EXPECT_EQ(phone.status("GET", "/ann/in/f"), 200);
  faults_.set_wall_offset(std::chrono::minutes(31));
  expect_strangers(phone);
  Client again(server_->port(), basic("ann", secret));
  EXPECT_EQ(again.status("PUT", "/ann/in/f", {}, "x"), 401);
  EXPECT_TRUE(says("expired token " + secret.substr(secret.find('_') + 1, 8)));
  expect_unchanged();
}

TEST_F(RightsOverTls, ACertificateIsItsAccounts) {
  const std::string laptop = make_client("laptop", "ca", "30");
  const std::string unknown = make_client("unknown", "ca", "30");
  const std::string late = make_client("late", "ca", "-1");
  const std::string foreign = make_client("foreign", "other-ca", "30");
  user({"certificate", "ann", laptop});
  for (const char* version : {"1.2", "1.3"}) {
    SCOPED_TRACE(version);
    Client ann(server_->port(), "", {.version = version, .certificate = laptop});
    expect_rights(ann, May::write, May::write);
    // Credentials that are there count, right or wrong.
    Client ben(server_->port(), basic("ben", "bob-the-builder"),
               {.version = version, .certificate = laptop});
    EXPECT_EQ(ben.status("GET", "/ben/f"), 200);
    EXPECT_EQ(ben.status("GET", "/ann/in/f"), 403);
    Client wrong(server_->port(), "Bearer wrong", {.version = version, .certificate = laptop});
    EXPECT_EQ(wrong.status("GET", "/ann/in/f"), 401);
    // The CA's, but nobody's: as without one.
    Client nobody(server_->port(), "", {.version = version, .certificate = unknown});
    expect_strangers(nobody);
    EXPECT_EQ(nobody.status("OPTIONS", "/"), 200);
  }
  // No account brings in what the CA has not signed, or no more.
  for (const std::string& bad : {late, foreign}) {
    user({"certificate", "ann", bad});
    for (const char* version : {"1.2", "1.3"})
      EXPECT_NE(refusal({.version = version, .certificate = bad}), "") << bad << version;
  }
  // The account's certificate is another one now, also for connections that are there.
  user({"certificate", "ann", laptop});
  Client open(server_->port(), "", {.certificate = laptop});
  EXPECT_EQ(open.status("GET", "/ann/in/f"), 200);
  user({"certificate", "ann", unknown});
  EXPECT_EQ(open.status("GET", "/ann/in/f"), 401);
  Client other(server_->port(), "", {.certificate = unknown});
  EXPECT_EQ(other.status("GET", "/ann/in/f"), 200);
  user({"certificate", "ann", "--clear"});
  EXPECT_EQ(other.status("GET", "/ann/in/f"), 401);
  expect_unchanged();
}

// What one account has locked is nobody else's, whatever they know of it.
TEST_F(RightsOverTls, L9_AStolenLockTokenIsUselessToAnotherAccount) {
  user({"grant", "ben", "/ann", "write"});
  Client ann(server_->port(), basic("ann", "secret words"));
  Client ben(server_->port(), basic("ben", "bob-the-builder"));
  Client root(server_->port(), basic("root", "the-admin"));
  const auto lock = ann.ask("LOCK", "/ann/in/f", "Depth: 0\r\nTimeout: Second-600\r\n",
                            "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
                            "<D:locktype><D:write/></D:locktype><D:owner>Ann at work</D:owner>"
                            "</D:lockinfo>");
  ASSERT_EQ(lock.status, 200);
  const std::string stolen = lock.field("lock-token");
  const std::string condition = "If: (" + stolen + ")\r\n";
  for (Client* thief : {&ben, &root}) {
    EXPECT_EQ(thief->status("PUT", "/ann/in/f", {}, "x"), 423) << "without it";
    EXPECT_EQ(thief->status("PUT", "/ann/in/f", condition, "x"), 403);
    EXPECT_EQ(thief->status("PROPPATCH", "/ann/in/f", condition, kSetProperty), 403);
    EXPECT_EQ(thief->status("DELETE", "/ann/in/f", condition), 403);
    EXPECT_EQ(thief->status("MOVE", "/ann/in/f", condition + "Destination: /ann/in/g\r\n"), 403);
    EXPECT_EQ(thief->status("LOCK", "/ann/in/f", condition), 403) << "refresh";
    EXPECT_EQ(thief->status("UNLOCK", "/ann/in/f", "Lock-Token: " + stolen + "\r\n"), 403);
    const std::string seen = thief->ask("PROPFIND", "/ann/in/f", "Depth: 0\r\n").body;
    EXPECT_THAT(seen, HasSubstr("Ann at work"));
    EXPECT_THAT(seen, testing::Not(HasSubstr(stolen.substr(1, stolen.size() - 2))));
  }
  // Its own account may, however it signs in.
  Client phone(server_->port(), "Bearer " + token({}));
  EXPECT_EQ(phone.status("PUT", "/ann/in/f", condition, "text"), 204);
  EXPECT_EQ(phone.status("UNLOCK", "/ann/in/f", "Lock-Token: " + stolen + "\r\n"), 204);
  expect_unchanged();
}

TEST_F(RightsOverTls, LockListTellsWhoseLocksThereAreAndARemovedAccountHasNone) {
  Client ann(server_->port(), basic("ann", "secret words"));
  Client ben(server_->port(), basic("ben", "bob-the-builder"));
  const auto lock = [](Client& client, const std::string& target, const std::string& owner) {
    const auto answer =
        client.ask("LOCK", target, "Timeout: Second-600\r\n",
                   "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
                   "<D:locktype><D:write/></D:locktype><D:owner>" +
                       owner + "</D:owner></D:lockinfo>");
    EXPECT_EQ(answer.status, 200);
    const std::string token = answer.field("lock-token");
    return token.substr(1, token.size() - 2);
  };
  const std::string of_ann = lock(ann, "/ann/in", "Ann at work");
  const std::string of_ben = lock(ben, "/ben/f", "<D:href>mailto:ben@example.org</D:href>");
  const std::string list = holdfast({"lock", "list"}).output;
  const auto line_of = [&](const std::string& token) {
    const std::size_t at = list.find(token);
    if (at == std::string::npos) return std::string();
    return list.substr(at, list.find('\n', at) - at);
  };
  // Age, then time left.
  const std::string times = ".* exclusive +infinity +([0-9]+m )?[0-9]+s +([0-9]+m )?[0-9]+s +";
  const std::regex ann_s(times + "ann +/ann/in +Ann at work");
  const std::regex ben_s(times + "ben +/ben/f +mailto:ben@example.org");
  EXPECT_TRUE(std::regex_match(line_of(of_ann), ann_s)) << list;
  EXPECT_TRUE(std::regex_match(line_of(of_ben), ben_s)) << list;
  EXPECT_EQ(ann.status("DELETE", "/ann/in/f"), 423);

  user({"remove", "ann"});
  const std::string after = holdfast({"lock", "list"}).output;
  EXPECT_THAT(after, testing::Not(HasSubstr(of_ann)));
  EXPECT_THAT(after, HasSubstr(of_ben));
  EXPECT_EQ(ann.status("GET", "/ann/in/f"), 401);
  Client root(server_->port(), basic("root", "the-admin"));
  EXPECT_EQ(root.status("PUT", "/ann/in/f", {}, "text"), 204) << "nobody holds it any more";
  // Whoever runs the server can end any lock (docs/robustness.md D8).
  EXPECT_EQ(root.status("PUT", "/ben/f", {}, "text"), 423);
  EXPECT_EQ(holdfast({"lock", "break", of_ben}).exit_code, 0);
  EXPECT_EQ(root.status("PUT", "/ben/f", {}, "text"), 204);
  expect_unchanged();
}

}  // namespace
}  // namespace holdfast::test
