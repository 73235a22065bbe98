// `holdfast user …` on a store, by request lines: what a command and a running server do alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "server/auth/secrets.h"
#include "server/cli/control_socket.h"
#include "server/cli/dispatch.h"
#include "server/cli/lock.h"
#include "server/cli/user_store.h"
#include "tests/support/memory_store.h"

namespace holdfast::server {
namespace {

using storage::Account;
using storage::Accounts;
using storage::DeviceToken;
using storage::Grant;
using storage::kNobody;
using storage::Path;
using storage::Right;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Values = std::map<std::string, std::string, std::less<>>;

Path path(std::vector<std::string> segments) { return Path(std::move(segments)); }

class UserCommands : public testing::Test {
 protected:
  // Over the wire and back, as a running server gets it.
  cli::ControlReply ask(const std::string& verb, const Values& values = {}) {
    const auto request = cli::parse_user_request(cli::request_line(cli::UserRequest{verb, values}));
    if (!request) throw std::logic_error("the line is not read back");
    return cli::answer_user(store_.names, *request);
  }
  void expect_done(const std::string& verb, const Values& values) {
    const cli::ControlReply reply = ask(verb, values);
    EXPECT_EQ(reply.exit_code, 0) << reply.text;
  }
  // One sentence, exit code 2, and nothing changed.
  std::string refused(const std::string& verb, const Values& values) {
    const Accounts before = *accounts();
    const auto resources = store_.names.snapshot()->usage().resources;
    const cli::ControlReply reply = ask(verb, values);
    EXPECT_EQ(reply.exit_code, process::kUsageExit) << reply.text;
    EXPECT_THAT(reply.text, testing::MatchesRegex("holdfast: [^\n]*[.]\n"));
    EXPECT_EQ(accounts()->accounts, before.accounts) << reply.text;
    EXPECT_EQ(accounts()->tokens, before.tokens) << reply.text;
    EXPECT_EQ(store_.names.snapshot()->usage().resources, resources) << reply.text;
    return reply.text;
  }
  void add(const std::string& name) { expect_done("add", {{"name", name}, {"hash", "h"}}); }
  std::shared_ptr<const Accounts> accounts() const { return store_.names.accounts(); }
  Account account(std::string_view name) const {
    const auto now = accounts();
    const Account* const found = now->find(name);
    if (!found) throw std::logic_error("no such account");
    return *found;
  }
  storage::Resolution resolve(const Path& path) { return store_.names.snapshot()->resolve(path); }
  void make_file(const std::string& name) {
    const auto upload = store_.contents.begin({});
    store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      tx.put(*tx.resolve({}).resource, name, upload->seal(), std::nullopt, kNobody);
    });
    upload->keep();
  }
  static std::string token_hash_of(char fill) { return std::string(32, fill); }

  test::MemoryStore store_;
};

TEST(UserRequests, AnyBytesComeThrough) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  const cli::UserRequest request{"add", {{"name", all}, {"empty", ""}, {"x", "a b=c%20\n"}}};
  const std::string line = cli::request_line(request);
  EXPECT_EQ(line.find('\n'), line.npos);
  const auto back = cli::parse_user_request(line);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->verb, "add");
  EXPECT_EQ(back->values, request.values);
}

TEST(UserRequests, TheLongestNameLabelAndPathFit) {
  std::string path;
  while (path.size() < 4096) path += "/\xE2\x82\xAC";
  EXPECT_NO_THROW(static_cast<void>(cli::request_line(cli::UserRequest{
      "token-add",
      {{"name", std::string(64, '\xFF')}, {"label", std::string(200, '\xFF')}, {"path", path}}})));
  const std::string longer(cli::ControlSocket::kRequestLimitBytes, 'x');
  EXPECT_THROW(static_cast<void>(cli::request_line(cli::UserRequest{"grant", {{"path", longer}}})),
               process::UsageError);
}

TEST(UserRequests, BrokenLinesAreNone) {
  for (const char* line :
       {"", "user", "lock-list", "usera", "user add x", "user add a=%", "user add a=%4",
        "user add a=%zz", "user add  a=b", "user add a=b ", "user add a=%+1"})
    EXPECT_FALSE(cli::parse_user_request(line)) << line;
  test::MemoryStore store;
  EXPECT_EQ(cli::answer_user(store.names, {"fly", {}}).exit_code, 1);
}

TEST_F(UserCommands, AddMakesTheAccountAndItsHome) {
  const cli::ControlReply first = ask("add", {{"name", "ann"},
                                              {"hash", "$argon2id$x"},
                                              {"digest-sha256", "aa"},
                                              {"digest-md5", "bb"},
                                              {"bytes", "10MiB"},
                                              {"resources", "7"}});
  EXPECT_EQ(first.exit_code, 0);
  EXPECT_THAT(first.text, HasSubstr("--anonymous")) << "the first one closes what was open";
  const Account ann = account("ann");
  EXPECT_EQ(ann.password_hash, "$argon2id$x");
  EXPECT_EQ(ann.digest_sha256, "aa");
  EXPECT_EQ(ann.digest_md5, "bb");
  EXPECT_EQ(ann.home, path({"ann"}));
  EXPECT_EQ(ann.quota_bytes, 10 * 1024 * 1024);
  EXPECT_EQ(ann.quota_resources, 7);
  EXPECT_EQ(ann.created, store_.clock.wall());
  const auto home = resolve(ann.home).resource;
  ASSERT_TRUE(home);
  EXPECT_TRUE(home->is_collection());
  EXPECT_EQ(home->owner, ann.id);

  const cli::ControlReply second = ask("add", {{"name", "bob"}, {"home", "/people/bob%20b/"}});
  EXPECT_EQ(second.exit_code, 0);
  EXPECT_EQ(second.text.find("--anonymous"), std::string::npos);
  const Account bob = account("bob");
  EXPECT_EQ(bob.home, path({"people", "bob b"}));
  EXPECT_EQ(resolve(bob.home).resource->owner, bob.id);
  EXPECT_EQ(resolve(path({"people"})).resource->owner, kNobody);
  EXPECT_FALSE(bob.quota_bytes || bob.quota_resources);

  expect_done("add", {{"name", "carl"}, {"home", "/"}});
  EXPECT_EQ(account("carl").home, Path());
  expect_done("add", {{"name", "dora"}, {"home", "/ann"}});
  EXPECT_EQ(resolve(path({"ann"})).resource->owner, ann.id) << "what is there keeps its owner";
  expect_done("add", {{"name", "DOM\\ed/win"}, {"home", "/ed"}});
}

TEST_F(UserCommands, RefuseWhatCannotBe) {
  add("ann");
  make_file("file");
  expect_done("grant", {{"name", "ann"}, {"path", "/team"}, {"right", "read"}});
  expect_done(
      "token-add",
      {{"name", "ann"}, {"id", "tttttttt"}, {"label", "phone"}, {"hash", token_hash_of('x')}});
  expect_done("certificate", {{"name", "ann"}, {"sha256", "cc"}});
  add("bob");
  const auto token = [](const char* key, const std::string& value) {
    Values values = {
        {"name", "ann"}, {"id", "uuuuuuuu"}, {"label", "l"}, {"hash", token_hash_of('y')}};
    values[key] = value;
    return values;
  };
  struct Row {
    const char* verb;
    Values values;
    const char* says;
  };
  const std::vector<Row> rows = {
      {"add", {{"name", "ann"}}, "exists"},
      {"add", {{"name", ""}}, "no name"},
      {"add", {{"name", "a:b"}}, "no name"},
      {"add", {{"name", "a\nb"}}, "no name"},
      {"add", {{"name", std::string(65, 'a')}}, "no name"},
      {"add", {{"name", "a/b"}}, "--home"},
      {"add", {{"name", ".."}}, "--home"},
      {"add", {{"name", "new"}, {"home", "new"}}, "slash"},
      {"add", {{"name", "new"}, {"home", ""}}, "slash"},
      {"add", {{"name", "new"}, {"home", "/file"}}, "/file is a file"},
      {"add", {{"name", "new"}, {"home", "/file/x"}}, "/file is a file"},
      {"add", {{"name", "file"}}, "/file is a file"},
      {"add", {{"name", "new"}, {"home", "/x/../y"}}, "no path"},
      {"add", {{"name", "new"}, {"home", "/x%2Fy"}}, "no path"},
      {"add", {{"name", "new"}, {"home", "/x%zz"}}, "no path"},
      {"add", {{"name", "new"}, {"home", "/\xFF"}}, "no path"},
      {"add", {{"name", "new"}, {"home", "/" + std::string(256, 'a')}}, "no path"},
      {"add", {{"name", "new"}, {"home", "/what?"}}, "%3F"},
      {"add", {{"name", "new"}, {"bytes", "many"}}, "whole number"},
      {"add", {{"name", "new"}, {"bytes", "-1"}}, "whole number"},
      {"add", {{"name", "new"}, {"bytes", "99999999999TiB"}}, "too large"},
      {"add", {{"name", "new"}, {"resources", "9223372036854775808"}}, "too large"},
      {"add", {{"name", "new"}, {"resources", "5KiB"}}, "whole number"},
      {"passwd", {{"name", "nobody"}, {"hash", "h"}}, "no account \"nobody\""},
      {"passwd", {{"name", ""}, {"hash", "h"}}, "no account"},
      {"remove", {{"name", "nobody"}}, "no account"},
      {"remove", {{"name", "Ann"}}, "no account"},
      {"quota", {{"name", "nobody"}, {"bytes", "1"}}, "no account"},
      {"quota", {{"name", "ann"}}, "--bytes"},
      {"quota", {{"name", "ann"}, {"bytes", ""}}, "whole number"},
      {"certificate", {{"name", "nobody"}, {"sha256", "dd"}}, "no account"},
      {"certificate", {{"name", "bob"}, {"sha256", "cc"}}, "\"ann\"'s"},
      {"grant", {{"name", "nobody"}, {"path", "/x"}, {"right", "read"}}, "no account"},
      {"grant", {{"name", "ann"}, {"path", "x"}, {"right", "read"}}, "slash"},
      {"grant", {{"name", "ann"}, {"path", "http://h/x"}, {"right", "read"}}, "slash"},
      {"grant", {{"name", "ann"}, {"path", "/x/./y"}, {"right", "read"}}, "no path"},
      {"grant", {{"name", "ann"}, {"path", "/x"}, {"right", "all"}}, "read, write or none"},
      {"grant", {{"name", "ann"}, {"path", "/ann"}, {"right", "read"}}, "home"},
      {"revoke", {{"name", "nobody"}, {"path", "/team"}}, "no account"},
      {"revoke", {{"name", "ann"}, {"path", "/te"}}, "no grant at /te"},
      {"revoke", {{"name", "ann"}, {"path", "/team/x"}}, "no grant"},
      {"revoke", {{"name", "ann"}, {"path", "/ann"}}, "no grant"},
      {"revoke", {{"name", "bob"}, {"path", "/team"}}, "no grant"},
      {"token-add", token("name", "nobody"), "no account"},
      {"token-add", token("id", "tttttttt"), "taken"},
      {"token-add", token("label", ""), "label"},
      {"token-add", token("label", "a\nb"), "label"},
      {"token-add", token("label", std::string(201, 'l')), "label"},
      {"token-add", token("label", "\xC3"), "label"},
      {"token-add", token("path", "x"), "slash"},
      {"token-add", token("expires", ""), "30m"},
      {"token-add", token("expires", "90"), "30m"},
      {"token-add", token("expires", "d"), "30m"},
      {"token-add", token("expires", "0d"), "30m"},
      {"token-add", token("expires", "-1d"), "30m"},
      {"token-add", token("expires", "90dd"), "30m"},
      {"token-add", token("expires", "90y"), "30m"},
      {"token-add", token("expires", "36501d"), "30m"},
      {"token-add", token("expires", "99999999999999999999d"), "30m"},
      {"token-list", {{"name", "nobody"}}, "no account"},
      {"token-remove", {{"id", "nonesuch"}}, "no token"},
  };
  for (const Row& row : rows) {
    std::string all = row.verb;
    for (const auto& [key, value] : row.values) all += " " + key + "=" + value;
    SCOPED_TRACE(all);
    EXPECT_THAT(refused(row.verb, row.values), HasSubstr(row.says));
  }
}

TEST_F(UserCommands, PasswdReplacesAllThatComesOfAPassword) {
  expect_done("add",
              {{"name", "ann"}, {"hash", "h1"}, {"digest-sha256", "s"}, {"digest-md5", "m"}});
  expect_done("certificate", {{"name", "ann"}, {"sha256", "cc"}});
  expect_done("passwd", {{"name", "ann"}, {"hash", "h2"}});
  EXPECT_EQ(account("ann").password_hash, "h2");
  EXPECT_EQ(account("ann").digest_sha256 + account("ann").digest_md5, "");
  EXPECT_EQ(account("ann").certificate, "cc");
  expect_done("passwd", {{"name", "ann"}});
  EXPECT_EQ(account("ann").password_hash, "");
  expect_done("certificate", {{"name", "ann"}, {"sha256", "cc"}});
  expect_done("certificate", {{"name", "ann"}, {"sha256", ""}});
  EXPECT_EQ(account("ann").certificate, "");
}

TEST_F(UserCommands, TheFirstAccountHearsOfWhatIsThereAndAdoptsIt) {
  make_file("old");
  const std::string first = ask("add", {{"name", "ann"}, {"hash", "h"}}).text;
  EXPECT_THAT(first, HasSubstr("What was stored before, 1 resource, is nobody's"));
  EXPECT_THAT(first, HasSubstr("holdfast user adopt \"ann\" /"));
  EXPECT_THAT(ask("add", {{"name", "bob"}, {"hash", "h"}}).text, Not(HasSubstr("before")));
  EXPECT_EQ(ask("adopt", {{"name", "ann"}, {"path", "/old"}}).text,
            "Account \"ann\" owns 1 more resource with 0 bytes.\n");
  EXPECT_EQ(resolve(path({"old"})).resource->owner, account("ann").id);
  EXPECT_EQ(ask("adopt", {{"name", "bob"}, {"path", "/"}}).text,
            "Account \"bob\" owns 0 more resources with 0 bytes.\n")
      << "what ann owns stays hers";
  make_file("more");
  expect_done("quota", {{"name", "ann"}, {"resources", "2"}});
  EXPECT_THAT(ask("adopt", {{"name", "ann"}, {"path", "/"}}).text,
              HasSubstr("more than its quota"));
  EXPECT_THAT(refused("adopt", {{"name", "carl"}, {"path", "/"}}), HasSubstr("no account"));
  EXPECT_THAT(refused("adopt", {{"name", "ann"}, {"path", "/none"}}),
              HasSubstr("nothing at /none"));
  EXPECT_THAT(refused("adopt", {{"name", "ann"}, {"path", "old"}}),
              HasSubstr("begins with a slash"));
}

TEST_F(UserCommands, WithAHomeAtTheRootNothingIsOutOfSight) {
  make_file("old");
  EXPECT_THAT(ask("add", {{"name", "ann"}, {"hash", "h"}, {"home", "/"}}).text,
              Not(HasSubstr("adopt")));
}

TEST_F(UserCommands, AGrantIsOnePerPathWhateverItsSpelling) {
  add("ann");
  expect_done("grant", {{"name", "ann"}, {"path", "/t\xC3\xBC/x"}, {"right", "read"}});
  expect_done("grant", {{"name", "ann"}, {"path", "/"}, {"right", "none"}});
  expect_done("grant", {{"name", "ann"}, {"path", "/tu\xCC\x88/x/"}, {"right", "write"}});
  EXPECT_THAT(account("ann").grants, ElementsAre(Grant{Path(), Right::none},
                                                 Grant{path({"t\xC3\xBC", "x"}), Right::write}));
  expect_done("revoke", {{"name", "ann"}, {"path", "/tu%CC%88/x"}});
  EXPECT_THAT(account("ann").grants, ElementsAre(Grant{Path(), Right::none}));
}

TEST_F(UserCommands, QuotasAreSetAndLiftedOneByOne) {
  add("ann");
  expect_done("quota", {{"name", "ann"}, {"bytes", "2GiB"}, {"resources", "0"}});
  EXPECT_EQ(account("ann").quota_bytes, std::uint64_t{2} << 30);
  EXPECT_EQ(account("ann").quota_resources, 0);
  expect_done("quota", {{"name", "ann"}, {"bytes", "none"}});
  EXPECT_FALSE(account("ann").quota_bytes);
  EXPECT_EQ(account("ann").quota_resources, 0);
}

TEST_F(UserCommands, ATokenIsKeptAsItsHashWithWhatNarrowsIt) {
  add("ann");
  expect_done("token-add", {{"name", "ann"},
                            {"id", "abcdefgh"},
                            {"label", "old phone"},
                            {"hash", token_hash_of('\xA5')},
                            {"read-only", "yes"},
                            {"path", "/ann/photos"},
                            {"expires", "90d"}});
  expect_done("token-add",
              {{"name", "ann"}, {"id", "bbbbbbbb"}, {"label", "tv"}, {"hash", token_hash_of('b')}});
  const DeviceToken token = *accounts()->find_token("abcdefgh");
  EXPECT_EQ(token.account, account("ann").id);
  EXPECT_EQ(token.label, "old phone");
  EXPECT_EQ(token.hash, [] {
    storage::Sha256 hash{};
    hash.fill(0xA5);
    return hash;
  }());
  EXPECT_TRUE(token.read_only);
  EXPECT_EQ(token.path, path({"ann", "photos"}));
  EXPECT_EQ(token.created, store_.clock.wall());
  EXPECT_EQ(token.expires, store_.clock.wall() + std::int64_t{90} * 24 * 60 * 60 * 1000);
  EXPECT_FALSE(accounts()->find_token("bbbbbbbb")->expires);
  EXPECT_FALSE(accounts()->find_token("bbbbbbbb")->read_only);
  expect_done("token-remove", {{"id", "abcdefgh"}});
  EXPECT_EQ(accounts()->tokens.size(), 1U);
}

TEST_F(UserCommands, ListsAreTablesSafeToPrint) {
  EXPECT_EQ(ask("list").text, "0 accounts.\n");
  EXPECT_EQ(ask("token-list").text, "0 tokens.\n");
  store_.clock.set(1'700'000'000'000);  // 2023-11-14
  expect_done("add", {{"name", "ann"}, {"hash", "h"}, {"digest-sha256", "x"}, {"bytes", "1000"}});
  expect_done("add", {{"name", "J\xC3\xB6rg \"x\""}, {"home", "/J\xC3\xB6rg"}});
  expect_done("certificate", {{"name", "ann"}, {"sha256", "cc"}});
  expect_done("grant", {{"name", "ann"}, {"path", "/a b"}, {"right", "read"}});
  expect_done("grant", {{"name", "ann"}, {"path", "/a b/c"}, {"right", "none"}});
  expect_done("token-add", {{"name", "ann"},
                            {"id", "aaaaaaaa"},
                            {"label", "my phone"},
                            {"hash", token_hash_of('a')},
                            {"expires", "1d"}});
  expect_done("token-add", {{"name", "J\xC3\xB6rg \"x\""},
                            {"id", "bbbbbbbb"},
                            {"label", "tv"},
                            {"hash", token_hash_of('b')},
                            {"path", "/x y"},
                            {"read-only", "yes"}});
  EXPECT_EQ(ask("list").text,
            "NAME        SIGN-IN                      RESOURCES  BYTES   HISTORY  TOKENS  HOME     "
            "   GROUPS  "
            "GRANTS\n"
            "J\xC3\xB6rg \\\"x\\\"  -                            1          0       0        1     "
            "  /J%C3%B6rg  "
            "-       -\n"
            "ann         password,digest,certificate  1          0/1000  0        1       /ann     "
            "   -       "
            "/a%20b=read,/a%20b/c=none\n"
            "2 accounts.\n");
  store_.clock.advance(std::int64_t{24} * 60 * 60 * 1000);
  EXPECT_EQ(ask("token-list", {{"name", "ann"}}).text,
            "ID        ACCOUNT  RIGHT  PATH  CREATED     EXPIRES  LABEL\n"
            "aaaaaaaa  ann      write  /     2023-11-14  expired  my phone\n"
            "1 token.\n");
  const std::string all = ask("token-list").text;
  EXPECT_THAT(all, HasSubstr("read   /x%20y  2023-11-14  never    tv"));
  EXPECT_THAT(all, HasSubstr("2 tokens.\n"));
}

TEST_F(UserCommands, RemoveTakesTokensAndLocksAndLeavesFiles) {
  add("ann");
  add("bob");
  expect_done("token-add",
              {{"name", "ann"}, {"id", "aaaaaaaa"}, {"label", "x"}, {"hash", token_hash_of('a')}});
  store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    storage::Lock lock;
    lock.token = "urn:uuid:1";
    lock.root_id = tx.resolve(path({"ann"})).resource->id;
    lock.creator = accounts()->find("ann")->id;
    lock.timeout_s = 600;
    tx.add_lock(lock);
  });
  EXPECT_THAT(cli::list_locks(store_.names).text, HasSubstr(" ann "));
  const cli::ControlReply removed = ask("remove", {{"name", "ann"}});
  EXPECT_EQ(removed.exit_code, 0);
  EXPECT_THAT(removed.text, HasSubstr("stays: 1 resource.\n"));
  EXPECT_EQ(removed.text.find("--anonymous"), std::string::npos);
  EXPECT_THAT(accounts()->tokens, IsEmpty());
  EXPECT_EQ(cli::list_locks(store_.names).text, "0 locks.\n");
  EXPECT_TRUE(resolve(path({"ann"})).mapped());

  // The last one goes only when that is meant.
  const cli::ControlReply asks = ask("remove", {{"name", "bob"}});
  EXPECT_EQ(asks.exit_code, cli::kAsksExit);
  EXPECT_THAT(asks.text, HasSubstr("--anonymous"));
  EXPECT_TRUE(accounts()->find("bob"));
  expect_done("remove", {{"name", "bob"}, {"yes", "yes"}});
  EXPECT_FALSE(accounts()->find("bob"));
}

TEST_F(UserCommands, AddAsksWhenTheHomeIsInUse) {
  expect_done("add", {{"name", "ann"}});
  store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const auto shared = tx.make_collection(*tx.resolve({}).resource, "shared", kNobody);
    tx.make_collection(shared, "plans", kNobody);
    tx.make_collection(*tx.resolve({}).resource, "empty", kNobody);
  });
  for (const char* verb : {"add", "look"}) {
    const cli::ControlReply asks = ask(verb, {{"name", "shared"}, {"new", "yes"}});
    EXPECT_EQ(asks.exit_code, cli::kAsksExit) << verb;
    EXPECT_THAT(asks.text, HasSubstr("/shared")) << verb;
    EXPECT_FALSE(accounts()->find("shared")) << verb;
  }
  EXPECT_EQ(ask("look", {{"name", "shared"}, {"new", "yes"}, {"yes", "yes"}}).exit_code, 0);
  EXPECT_EQ(ask("look", {{"name", "shared"}, {"new", "yes"}, {"home", "/shared"}}).exit_code, 0)
      << "whoever names the home knows it";
  expect_done("add", {{"name", "shared"}, {"yes", "yes"}});
  expect_done("add", {{"name", "empty"}});
}

// What the command itself makes, without asking anybody.
TEST(PreparingUserCommands, ATokenNamesItselfAndOnlyItsHashIsSent) {
  cli::Invocation invocation;
  invocation.command = cli::Command::token_add;
  invocation.user.name = "u\xCC\x88";
  invocation.user.label = "phone";
  const cli::PreparedUser first = cli::prepare_user(invocation);
  const cli::PreparedUser second = cli::prepare_user(invocation);
  EXPECT_NE(first.secret, second.secret);
  EXPECT_THAT(first.secret, testing::MatchesRegex("holdfast_[a-z0-9]+_[A-Za-z0-9_-]+"));
  EXPECT_EQ(first.secret.size(), 9U + 8 + 1 + 43);
  EXPECT_THAT(first.secret, HasSubstr("_" + std::string(first.request.value("id")) + "_"));
  EXPECT_EQ(first.request.value("name"), "\xC3\xBC") << "names are NFC";
  const storage::Sha256 hash = auth::token_hash(first.secret);
  EXPECT_EQ(first.request.value("hash"),
            std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()));
  for (const auto& [key, value] : first.request.values)
    EXPECT_EQ(value.find(first.secret.substr(18)), std::string::npos) << key;
}

}  // namespace
}  // namespace holdfast::server
