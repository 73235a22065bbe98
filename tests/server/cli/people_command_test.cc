// `holdfast user show`, `rename`, `suspend`, `networks`, `import` and `holdfast group …` on a
// store, by request lines, and their JSON documents.
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "server/auth/secrets.h"
#include "server/cli/dispatch.h"
#include "server/cli/import_file.h"
#include "server/cli/user_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::server {
namespace {

using storage::Account;
using storage::Grant;
using storage::Path;
using storage::Right;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Pairs = std::map<std::string, std::string, std::less<>>;

class PeopleCommands : public testing::Test {
 protected:
  cli::ControlReply ask(const std::string& verb, const Pairs& values = {}) {
    const auto request = cli::parse_user_request(cli::request_line(cli::UserRequest{verb, values}));
    if (!request) throw std::logic_error("the line is not read back");
    return cli::answer_user(store_.names, *request);
  }
  std::string done(const std::string& verb, const Pairs& values = {}) {
    const cli::ControlReply reply = ask(verb, values);
    EXPECT_EQ(reply.exit_code, 0) << reply.text;
    return reply.text;
  }
  // One sentence, exit code 2, and nothing changed.
  std::string refused(const std::string& verb, const Pairs& values) {
    const auto before = store_.names.accounts();
    const cli::ControlReply reply = ask(verb, values);
    EXPECT_EQ(reply.exit_code, process::kUsageExit) << reply.text;
    EXPECT_THAT(reply.text, testing::MatchesRegex("holdfast: [^\n]*[.]\n"));
    EXPECT_EQ(store_.names.accounts()->accounts, before->accounts) << reply.text;
    EXPECT_EQ(store_.names.accounts()->groups, before->groups) << reply.text;
    return reply.text;
  }
  void add(const std::string& name) { done("add", {{"name", name}, {"hash", "h"}}); }
  Account account(std::string_view name) {
    const auto now = store_.names.accounts();
    const Account* const found = now->find(name);
    if (!found) throw std::logic_error("no such account");
    return *found;
  }
  // Writes the file of an import, and returns the request that the command makes of it.
  cli::ControlReply import(const std::string& text) {
    const test::TemporaryFolder folder;
    const std::string file = folder / "accounts";
    std::ofstream(file, std::ios::binary) << text;
    try {
      return ask("import", {{"accounts", cli::read_import(file, {}, 8)}});
    } catch (const process::UsageError& error) {
      return {process::kUsageExit, std::string("holdfast: ") + error.what() + "\n"};
    }
  }

  test::MemoryStore store_;
};

TEST_F(PeopleCommands, ARenamedAccountKeepsAllButItsDigestPassword) {
  done("add", {{"name", "ann"}, {"hash", "h"}, {"digest-md5", "d"}, {"digest-sha256", "e"}});
  add("bob");
  done("grant", {{"name", "ann"}, {"path", "/x"}, {"right", "read"}});
  const Account before = account("ann");
  EXPECT_THAT(done("rename", {{"name", "ann"}, {"new-name", "zoe"}}),
              HasSubstr("It signs in by Digest no more"));
  Account after = account("zoe");
  EXPECT_EQ(after.digest_md5 + after.digest_sha256, "");
  after.name = "ann";
  after.digest_md5 = "d";
  after.digest_sha256 = "e";
  EXPECT_EQ(after, before);
  EXPECT_THAT(done("rename", {{"name", "zoe"}, {"new-name", "ann"}}), Not(HasSubstr("Digest")));
  EXPECT_THAT(refused("rename", {{"name", "ann"}, {"new-name", "bob"}}), HasSubstr("exists"));
  EXPECT_THAT(refused("rename", {{"name", "ann"}, {"new-name", "a:b"}}), HasSubstr("A name has"));
  EXPECT_THAT(refused("rename", {{"name", "eve"}, {"new-name", "x"}}), HasSubstr("no account"));
}

TEST_F(PeopleCommands, SuspensionAndNetworksAreShownAndEnd) {
  add("ann");
  done("suspend", {{"name", "ann"}});
  EXPECT_TRUE(account("ann").suspended);
  EXPECT_THAT(done("list"), HasSubstr("suspended"));
  EXPECT_THAT(done("show", {{"name", "ann"}, {"json", "yes"}}), HasSubstr("\"suspended\":true"));
  done("resume", {{"name", "ann"}});
  EXPECT_FALSE(account("ann").suspended);
  done("networks", {{"name", "ann"}, {"networks", "10.0.0.0/8,fd00::/8"}});
  EXPECT_THAT(account("ann").networks, ElementsAre("10.0.0.0/8", "fd00::/8"));
  for (const char* bad : {"10.0.0.0/33", "example.org", "10.0.0.1,,::1", "10.0.0.1;10.0.0.2"})
    EXPECT_THAT(refused("networks", {{"name", "ann"}, {"networks", bad}}), HasSubstr("network"));
  done("networks", {{"name", "ann"}, {"networks", ""}});
  EXPECT_THAT(account("ann").networks, IsEmpty());
  for (const char* verb : {"suspend", "resume", "show"})
    EXPECT_THAT(refused(verb, {{"name", "eve"}}), HasSubstr("no account"));
}

TEST_F(PeopleCommands, GroupsHaveMembersGrantsAndQuotas) {
  add("ann");
  add("bob");
  done("group-add", {{"group", "team"}, {"bytes", "1KiB"}});
  done("group-join", {{"group", "team"}, {"name", "ann"}});
  EXPECT_THAT(done("group-grant", {{"group", "team"}, {"path", "/t"}, {"right", "write"}}),
              HasSubstr("Nothing is there yet"));
  EXPECT_THAT(done("group-grant", {{"group", "team"}, {"path", "/ann"}, {"right", "read"}}),
              Not(HasSubstr("Nothing is there yet")));
  const auto group = [&] { return *store_.names.accounts()->find_group("team"); };
  EXPECT_THAT(group().grants, ElementsAre(Grant{Path().child("ann"), Right::read},
                                          Grant{Path().child("t"), Right::write}));
  EXPECT_EQ(group().quota_bytes, 1024U);
  EXPECT_THAT(done("group-list"), AllOf(HasSubstr("team  1 "), HasSubstr("/ann=read,/t=write")));
  EXPECT_THAT(done("group-show", {{"group", "team"}}),
              AllOf(HasSubstr("members    ann\n"), HasSubstr("nothing is there yet")));
  EXPECT_THAT(done("show", {{"name", "ann"}}), HasSubstr("group team"));
  EXPECT_THAT(done("list"), HasSubstr("team"));
  done("group-quota", {{"group", "team"}, {"bytes", "none"}, {"resources", "7"}});
  EXPECT_EQ(group().quota_bytes, std::nullopt);
  EXPECT_EQ(group().quota_resources, 7U);
  done("group-revoke", {{"group", "team"}, {"path", "/t"}});
  EXPECT_THAT(refused("group-revoke", {{"group", "team"}, {"path", "/t"}}), HasSubstr("no grant"));
  EXPECT_THAT(refused("group-join", {{"group", "team"}, {"name", "ann"}}), HasSubstr("already"));
  EXPECT_THAT(refused("group-leave", {{"group", "team"}, {"name", "bob"}}), HasSubstr("not in"));
  EXPECT_THAT(refused("group-join", {{"group", "crew"}, {"name", "bob"}}), HasSubstr("no group"));
  EXPECT_THAT(refused("group-join", {{"group", "team"}, {"name", "eve"}}), HasSubstr("no account"));
  EXPECT_THAT(refused("group-add", {{"group", "team"}}), HasSubstr("exists"));
  EXPECT_THAT(refused("group-add", {{"group", ""}}), HasSubstr("A name has"));
  EXPECT_THAT(refused("group-quota", {{"group", "team"}}), HasSubstr("--bytes"));
  EXPECT_THAT(refused("group-grant", {{"group", "crew"}, {"path", "/"}, {"right", "read"}}),
              HasSubstr("no group"));
  done("group-leave", {{"group", "team"}, {"name", "ann"}});
  EXPECT_THAT(account("ann").groups, IsEmpty());
  done("group-join", {{"group", "team"}, {"name", "ann"}});
  done("group-remove", {{"group", "team"}});
  EXPECT_THAT(account("ann").groups, IsEmpty());
  EXPECT_THAT(refused("group-remove", {{"group", "team"}}), HasSubstr("no group"));
}

TEST_F(PeopleCommands, AnImportAddsAll) {
  done("group-add", {{"group", "team"}});
  const cli::ControlReply reply = import(
      "\n{\"name\":\"ann\",\"password\":\"first secret\",\"home\":\"/people/ann\","
      "\"quota_bytes\":\"10KiB\",\"groups\":[\"team\"]}\r\n"
      "{\"name\":\"bob\",\"password_hash\":\"$argon2id$v=19$m=8,t=1,p=1$x$y\","
      "\"quota_resources\":5}\n{\"name\":\"carl\",\"home\":null}");
  EXPECT_EQ(reply.exit_code, 0) << reply.text;
  EXPECT_THAT(reply.text, HasSubstr("3 accounts added"));
  EXPECT_TRUE(auth::verify_password(account("ann").password_hash, "first secret"));
  EXPECT_EQ(account("ann").quota_bytes, 10U * 1024);
  EXPECT_EQ(account("ann").groups.size(), 1U);
  EXPECT_EQ(account("ann").home, Path().child("people").child("ann"));
  EXPECT_TRUE(store_.names.snapshot()->resolve(account("ann").home).mapped());
  EXPECT_EQ(account("bob").quota_resources, 5U);
  EXPECT_EQ(account("bob").password_hash, "$argon2id$v=19$m=8,t=1,p=1$x$y");
  EXPECT_EQ(account("carl").password_hash, "");

  EXPECT_EQ(
      import("name,password,groups,home\r\n\"dora\",\"a \"\"b\"\", c\",team; team2,\r\n").text,
      "holdfast: Line 2: There is no group \"team2\".\n");
  EXPECT_EQ(import("name,password,groups\n\"dora\",\"a \"\"b\"\", c\",team\nerik,,\n").exit_code,
            0);
  EXPECT_TRUE(auth::verify_password(account("dora").password_hash, "a \"b\", c"));
  EXPECT_EQ(account("erik").password_hash, "");
}

TEST_F(PeopleCommands, AnImportWithAMistakeNamesItsLineAndAddsNone) {
  add("ann");
  // A collection that somebody else made and uses.
  store_.names.write(storage::Flush::required, [](storage::Transaction& tx) {
    const auto used = tx.make_collection(*tx.resolve({}).resource, "used", storage::kNobody);
    tx.make_collection(used, "inside", storage::kNobody);
  });
  const auto before = store_.names.accounts();
  const auto resources = store_.names.snapshot()->usage().resources;
  struct Row {
    std::string text;
    std::string says;
  };
  const std::string good = "{\"name\":\"good\"}\n";
  const std::vector<Row> rows = {
      {good + "{\"name\":\"ann\"}", "Line 2: The account \"ann\" exists"},
      {good + "\n" + good, "Line 3: The account \"good\" stands"},
      {good + "{\"name\":\"\"}", "Line 2: A name has"},
      {good + "{}", "Line 2: A name has"},
      {good + "{\"name\":\"x\",\"home\":\"x\"}", "Line 2: A path begins"},
      {good + "{\"name\":\"x\",\"home\":7}", "Line 2: The value of home"},
      {good + "{\"name\":\"x\",\"quota_bytes\":\"many\"}", "Line 2: The quota"},
      {good + "{\"name\":\"x\",\"quota_bytes\":true}", "Line 2: The value of quota_bytes"},
      {good + "{\"name\":\"x\",\"groups\":[\"none\"]}", "Line 2: There is no group"},
      {good + "{\"name\":\"x\",\"groups\":\"none\"}", "Line 2: groups is a list"},
      {good + "{\"name\":\"x\",\"pasword\":\"y\"}", "Line 2: There is nothing of the name"},
      {good + "{\"name\":\"x\",\"password_hash\":\"md5\"}", "Line 2: A password_hash begins"},
      {good + "{\"name\":\"x\",\"password\":\"a\\u0001\"}", "Line 2: A password is"},
      {good + "{\"name\":\"x\",\"password\":\"7 chars\"}", "Line 2: The password is too short"},
      {good + "{\"name\":\"a\u202Eb\"}", "Line 2: A name has"},
      {good + "{\"name\":\"used\"}", "Line 2: The account could write in /used"},
      {good + "{\"name\":\"..\"}", "Line 2: With this name"},
      {good + "{\"name\":\"x\"", "Line 2: The line is no flat JSON"},
      {good + "name,password\n", "Line 2: The line is no flat JSON"},
      {"name,password\nx\n", "Line 2: The line has not as many cells"},
      {"name,password\nx,\"y\n", "Line 2: A quotation mark"},
      {"name\n", "has no accounts"},
      {"", "has no accounts"},
  };
  for (const Row& row : rows) {
    const cli::ControlReply reply = import(row.text);
    EXPECT_EQ(reply.exit_code, process::kUsageExit) << row.text;
    EXPECT_THAT(reply.text, AllOf(HasSubstr(row.says), testing::MatchesRegex("[^\n]*[.]\n")));
    EXPECT_EQ(store_.names.accounts()->accounts.size(), before->accounts.size()) << row.text;
    EXPECT_EQ(store_.names.snapshot()->usage().resources, resources) << row.text;
  }
}

TEST_F(PeopleCommands, DocumentsAreComplete) {
  add("ann");
  done("grant", {{"name", "ann"}, {"path", "/a b"}, {"right", "read"}});
  done("token-add", {{"name", "ann"},
                     {"id", "abcd1234"},
                     {"label", "p\"x"},
                     {"read-only", "yes"},
                     {"hash", std::string(32, 'h')},
                     {"expires", "90d"}});
  const std::string token =
      "{\"id\":\"abcd1234\",\"account\":\"ann\",\"label\":\"p\\\"x\",\"right\":\"read\","
      "\"path\":\"/\",\"created\":\"2026-01-02T03:04:05Z\",\"expires\":\"2026-04-02T03:04:05Z\","
      "\"expired\":false}";
  const std::string ann =
      "{\"name\":\"ann\",\"suspended\":false,\"sign_in\":[\"password\"],\"networks\":[],"
      "\"home\":\"/ann\",\"groups\":[],\"grants\":[{\"path\":\"/a%20b\",\"right\":\"read\","
      "\"exists\":false}],\"used_resources\":1,\"quota_resources\":null,\"used_bytes\":0,"
      "\"quota_bytes\":null,\"trash_bytes\":0,\"version_bytes\":0,\"created\":\"2026-01-02T03:04:"
      "05Z\",\"tokens\":[" +
      token + "]}";
  EXPECT_EQ(done("show", {{"name", "ann"}, {"json", "yes"}}), ann + "\n");
  EXPECT_EQ(done("list", {{"json", "yes"}}), "{\"accounts\":[" + ann + "]}\n");
  EXPECT_EQ(done("token-list", {{"json", "yes"}}), "{\"tokens\":[" + token + "]}\n");
  EXPECT_EQ(done("group-list", {{"json", "yes"}}), "{\"groups\":[]}\n");
}

}  // namespace
}  // namespace holdfast::server
