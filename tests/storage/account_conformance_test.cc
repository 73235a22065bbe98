// Accounts, device tokens, and whose a resource is, for every back end.
#include <algorithm>
#include <gmock/gmock.h>

#include "tests/storage/conformance.h"
#include "tests/support/locks.h"

namespace holdfast::test {
namespace {

using storage::Account;
using storage::AccountId;
using storage::Accounts;
using storage::DeviceToken;
using storage::Grant;
using storage::kNobody;
using storage::Right;
using storage::Session;
using storage::Share;
using testing::ElementsAre;
using testing::IsEmpty;

class AccountStore : public StoreTest {
 protected:
  AccountId put(Account account) {
    AccountId id = kNobody;
    write([&](Transaction& tx) { id = tx.put_account(account); });
    return id;
  }
  AccountId add(const std::string& name) {
    Account account;
    account.name = name;
    account.home = path_of(name);
    return put(account);
  }
  void put_token(const std::string& id, AccountId account) {
    DeviceToken token;
    token.id = id;
    token.account = account;
    write([&](Transaction& tx) { tx.put_token(token); });
  }
  std::vector<std::string> account_names() {
    std::vector<std::string> all;
    const auto now = names().accounts();
    for (const Account& account : now->accounts) all.push_back(account.name);
    return all;
  }
  std::vector<std::string> token_ids() {
    std::vector<std::string> all;
    const auto now = names().accounts();
    for (const DeviceToken& token : now->tokens) all.push_back(token.id);
    return all;
  }
  void put_session(const std::string& id, AccountId account) {
    Session session;
    session.id = id;
    session.account = account;
    write([&](Transaction& tx) { tx.put_session(session); });
  }
  std::vector<std::string> session_ids() {
    std::vector<std::string> all;
    const auto now = names().accounts();
    for (const Session& session : now->sessions) all.push_back(session.id);
    return all;
  }
  void lock_as(std::string_view path, const std::string& token, AccountId creator,
               std::int64_t timeout_s = 600) {
    write([&](Transaction& tx) {
      Lock wanted;
      wanted.token = token;
      wanted.root_id = at(tx, path).id;
      wanted.scope = LockScope::shared;
      wanted.creator = creator;
      wanted.timeout_s = timeout_s;
      tx.add_lock(wanted);
    });
  }
};

class AccountsKept : public AccountStore {};
INSTANTIATE_TEST_SUITE_P(All, AccountsKept, each_backend(), backend_name);

TEST_P(AccountsKept, ThereAreNoneAtFirst) {
  ASSERT_TRUE(names().accounts());
  EXPECT_THAT(names().accounts()->accounts, IsEmpty());
  EXPECT_THAT(names().accounts()->tokens, IsEmpty());
}

// Also when it is gone: a server that had accounts does not open by itself.
TEST_P(AccountsKept, ThatThereWasOneIsKept) {
  EXPECT_FALSE(names().accounts()->any_ever);
  backend().reopen();
  EXPECT_FALSE(names().accounts()->any_ever);
  const AccountId id = add("ann");
  EXPECT_TRUE(names().accounts()->any_ever);
  write([&](Transaction& tx) {
    tx.remove_account(id);
    EXPECT_TRUE(tx.accounts()->any_ever);
  });
  EXPECT_TRUE(names().accounts()->any_ever);
  backend().reopen();
  EXPECT_THAT(names().accounts()->accounts, IsEmpty());
  EXPECT_TRUE(names().accounts()->any_ever);
}

TEST_P(AccountsKept, EveryFieldComesBackAlsoAfterClosing) {
  Account account;
  account.name = "J\xC3\xB6rg 7";
  account.password_hash = "$argon2id$v=19$m=19456,t=2,p=1$abc$def";
  account.digest_sha256 = "aa";
  account.digest_md5 = "bb";
  account.certificate = "cc";
  account.home = path_of("people/J\xC3\xB6rg");
  account.grants = {Grant{Path(), Right::read}, Grant{path_of("a b/c"), Right::write},
                    Grant{path_of("a b/c/d"), Right::none}};
  account.quota_bytes = 1'000'000'000'000;
  account.quota_resources = 0;
  account.created = 1'700'000'000'123;
  account.id = put(account);
  DeviceToken token;
  token.id = "k3k3k3k3";
  token.account = account.id;
  token.label = "phone, \"old\"";
  token.hash.fill(0xA5);
  token.read_only = true;
  token.path = path_of("a b");
  token.expires = 1'800'000'000'000;
  token.created = 1'700'000'000'456;
  write([&](Transaction& tx) { tx.put_token(token); });
  Account plain;
  plain.name = "plain";
  plain.id = put(plain);
  put_token("a0a0a0a0", plain.id);

  const Accounts before = *names().accounts();
  EXPECT_THAT(before.accounts, ElementsAre(account, plain));
  ASSERT_EQ(before.tokens.size(), 2U);
  EXPECT_EQ(before.tokens[1], token);
  backend().reopen();
  EXPECT_EQ(names().accounts()->accounts, before.accounts);
  EXPECT_EQ(names().accounts()->tokens, before.tokens);
  backend().crash();
  EXPECT_EQ(names().accounts()->accounts, before.accounts);
  EXPECT_EQ(names().accounts()->tokens, before.tokens);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(AccountsKept, AreInNameOrderAndFoundByNameAndById) {
  const AccountId zoe = add("zoe");
  const AccountId ann = add("Ann");
  const AccountId bob = add("bob");
  EXPECT_THAT(account_names(), ElementsAre("Ann", "bob", "zoe"));
  const auto all = names().accounts();
  for (const auto& [name, id] : {std::pair{"zoe", zoe}, {"Ann", ann}, {"bob", bob}}) {
    ASSERT_TRUE(all->find(std::string_view(name))) << name;
    EXPECT_EQ(all->find(std::string_view(name))->id, id);
    ASSERT_TRUE(all->find(id));
    EXPECT_EQ(all->find(id)->name, name);
  }
  for (const char* none : {"", "ann", "bo", "bobb", "zz", "A"})
    EXPECT_FALSE(all->find(none)) << none;
  EXPECT_FALSE(all->find(kNobody));
}

TEST_P(AccountsKept, AreReplacedByIdWithAllTheirGrants) {
  const AccountId id = add("ann");
  put_token("a0a0a0a0", id);
  Account account = *names().accounts()->find("ann");
  account.grants = {Grant{path_of("a"), Right::read}, Grant{path_of("b"), Right::write}};
  EXPECT_EQ(put(account), id);
  account.grants = {Grant{path_of("b"), Right::none}};
  account.password_hash = "new";
  account.quota_bytes = 5;
  EXPECT_EQ(put(account), id);
  EXPECT_THAT(names().accounts()->accounts, ElementsAre(account));
  EXPECT_THAT(token_ids(), ElementsAre("a0a0a0a0"));
  backend().reopen();
  EXPECT_THAT(names().accounts()->accounts, ElementsAre(account));
}

TEST_P(AccountsKept, AReplacedAccountKeepsItsCounts) {
  const AccountId ann = add("ann");
  write([&](Transaction& tx) { tx.make_collection(at(tx, ""), "c", ann); });
  Account account = *names().accounts()->find("ann");
  account.quota_resources = 1;
  put(account);
  EXPECT_EQ(snapshot()->usage_of(ann).resources, 1U);
}

TEST_P(AccountsKept, RefusesAWrongNameOrId) {
  const AccountId ann = add("ann");
  const AccountId bob = add("bob");
  struct Row {
    const char* why;
    AccountId id;
    const char* name;
  };
  const Row rows[] = {
      {"taken", kNobody, "ann"},         {"of another", ann, "bob"},
      {"no such id", bob + 1, "carl"},   {"no such id", -1, "carl"},
      {"no name", kNobody, ""},          {"not allowed", kNobody, "a:b"},
      {"not NFC", kNobody, "u\xCC\x88"},
  };
  const auto before = names().accounts();
  for (const Row& row : rows) {
    Account account;
    account.id = row.id;
    account.name = row.name;
    EXPECT_EQ(fault_of([&] { put(account); }), Fault::conflict) << row.why;
  }
  EXPECT_EQ(names().accounts()->accounts, before->accounts);
}

TEST_P(AccountsKept, ANameMayChangeAndAllElseStays) {
  const AccountId id = add("ann");
  add("bob");
  put_token("a0a0a0a0", id);
  write([&](Transaction& tx) { tx.make_collection(at(tx, ""), "mine", id); });
  lock_as("mine", "urn:1", id);
  Account account = *names().accounts()->find("ann");
  account.grants = {Grant{path_of("mine"), Right::read}};
  account.name = "zoe";
  EXPECT_EQ(put(account), id);
  for (const bool again : {false, true}) {
    if (again) backend().reopen();
    EXPECT_THAT(account_names(), ElementsAre("bob", "zoe"));
    EXPECT_EQ(*names().accounts()->find("zoe"), account);
    EXPECT_EQ(names().accounts()->find(id)->name, "zoe");
    EXPECT_THAT(token_ids(), ElementsAre("a0a0a0a0"));
    EXPECT_EQ(snapshot()->usage_of(id).resources, 1U);
    EXPECT_EQ(snapshot()->locks_of(id), 1U);
  }
  EXPECT_NE(add("ann"), id) << "the old name is free";
}

class GroupsKept : public AccountStore {
 protected:
  AccountId put_group(storage::Group group) {
    AccountId id = kNobody;
    write([&](Transaction& tx) { id = tx.put_group(group); });
    return id;
  }
  AccountId add_group(const std::string& name) {
    storage::Group group;
    group.name = name;
    return put_group(group);
  }
  void set_groups(std::string_view name, std::vector<AccountId> groups) {
    Account account = *names().accounts()->find(name);
    account.groups = std::move(groups);
    put(account);
  }
  void make_file(std::string_view name, AccountId owner, const std::string& bytes) {
    const auto staged = upload(bytes);
    const Content& content = staged->seal();
    write([&](Transaction& tx) { tx.put(at(tx, ""), name, content, std::nullopt, owner); });
    staged->keep();
  }
};
INSTANTIATE_TEST_SUITE_P(All, GroupsKept, each_backend(), backend_name);

TEST_P(GroupsKept, EveryFieldComesBackAlsoAfterClosing) {
  storage::Group group;
  group.name = "team";
  group.grants = {Grant{path_of("a"), Right::read}, Grant{path_of("b"), Right::write}};
  group.quota_bytes = 7;
  group.quota_resources = 8;
  group.created = 9;
  group.id = put_group(group);
  const AccountId other = add_group("all");
  add("ann");
  set_groups("ann", {other, group.id});
  for (const bool again : {false, true}) {
    if (again) backend().reopen();
    const auto now = names().accounts();
    ASSERT_EQ(now->groups.size(), 2U);
    EXPECT_EQ(now->groups.front().name, "all");
    EXPECT_EQ(*now->find_group("team"), group);
    EXPECT_EQ(*now->find_group(group.id), group);
    EXPECT_FALSE(now->find_group("tea"));
    EXPECT_FALSE(now->find(group.id)) << "a group is no account";
    EXPECT_THAT(now->find("ann")->groups, ElementsAre(group.id, other));
  }
  group.name = "crew";
  group.grants = {};
  EXPECT_EQ(put_group(group), group.id);
  EXPECT_FALSE(names().accounts()->find_group("team"));
  EXPECT_EQ(*names().accounts()->find_group("crew"), group);
}

TEST_P(GroupsKept, MembersOwnTogether) {
  const AccountId ann = add("ann");
  const AccountId bob = add("bob");
  const AccountId team = add_group("team");
  const AccountId all = add_group("all");
  make_file("first", ann, "12345");
  set_groups("ann", {team, all});
  set_groups("bob", {all});
  make_file("a", ann, "123");
  make_file("b", bob, "1");
  make_file("n", kNobody, "1234567");
  const auto owned = [&](AccountId group) {
    const storage::Usage usage = snapshot()->usage_of(group);
    return std::pair(usage.resources, usage.bytes);
  };
  using Pair = std::pair<std::uint64_t, std::uint64_t>;
  EXPECT_EQ(owned(team), Pair(2, 8));
  EXPECT_EQ(owned(all), Pair(3, 9));
  make_file("a", bob, "123456");  // it stays ann's
  EXPECT_EQ(owned(all), Pair(3, 12));
  write([&](Transaction& tx) { tx.remove_tree(at(tx, "first")); });
  EXPECT_EQ(owned(team), Pair(1, 6));
  set_groups("ann", {all});
  EXPECT_EQ(owned(team), Pair(0, 0));
  EXPECT_EQ(owned(all), Pair(2, 7));
  write([&](Transaction& tx) { tx.remove_account(bob); });
  EXPECT_EQ(owned(all), Pair(1, 6));
  backend().reopen();
  EXPECT_EQ(owned(all), Pair(1, 6));
  write([&](Transaction& tx) { tx.remove_group(all); });
  EXPECT_EQ(owned(all), Pair(0, 0));
  EXPECT_THAT(names().accounts()->find("ann")->groups, IsEmpty());
}

TEST_P(GroupsKept, RefusesAWrongNameOrId) {
  const AccountId ann = add("ann");
  const AccountId team = add_group("team");
  add_group("all");
  const Accounts before = *names().accounts();
  const auto bad = [&](AccountId id, const char* name) {
    storage::Group group;
    group.id = id;
    group.name = name;
    EXPECT_EQ(fault_of([&] { put_group(group); }), Fault::conflict) << id << name;
  };
  bad(kNobody, "team");
  bad(team, "all");
  bad(ann, "x");
  bad(team + 9, "x");
  bad(kNobody, "");
  bad(kNobody, "a:b");
  EXPECT_EQ(fault_of([&] { set_groups("ann", {team, ann}); }), Fault::conflict);
  EXPECT_EQ(fault_of([&] { write([&](Transaction& tx) { tx.remove_group(ann); }); }),
            Fault::conflict);
  EXPECT_EQ(names().accounts()->accounts, before.accounts);
  EXPECT_EQ(names().accounts()->groups, before.groups);
}

// The grants of the account `ann` and of the group `team` on a small tree.
class GrantsFollow : public GroupsKept {
 protected:
  void grant(const std::vector<std::string>& to_account,
             const std::vector<std::string>& to_group = {}) {
    Account account;
    account.name = "ann";
    if (const Account* known = names().accounts()->find("ann")) account = *known;
    for (const std::string& path : to_account)
      account.grants.push_back({path_of(path), Right::read});
    put(account);
    storage::Group group;
    group.name = "team";
    for (const std::string& path : to_group) group.grants.push_back({path_of(path), Right::write});
    put_group(group);
  }
  // Returns the paths of the grants; those where nothing is have a "?" behind them.
  std::vector<std::string> shown(const std::vector<Grant>& grants) {
    std::vector<std::string> out;
    for (const Grant& grant : grants) {
      const std::string path = text_of(grant.path.segments());
      EXPECT_EQ(grant.node, mapped(path) ? at(path).id : 0) << path;
      out.push_back(path + (grant.node == 0 ? "?" : ""));
    }
    return out;
  }
  std::vector<std::string> of_account() { return shown(names().accounts()->find("ann")->grants); }
  std::vector<std::string> of_group() {
    return shown(names().accounts()->find_group("team")->grants);
  }
};
INSTANTIATE_TEST_SUITE_P(All, GrantsFollow, each_backend(), backend_name);

TEST_P(GrantsFollow, WhatMovesAndWhatIsMovedWithIt) {
  collection("a");
  collection("a/b");
  file("a/b/f");
  file("g");
  collection("x");
  grant({"a", "a/b/f", "g", "a/no"}, {"a/b"});
  EXPECT_THAT(of_account(), ElementsAre("a", "a/b/f", "a/no?", "g"));
  move("a", "x/y");
  EXPECT_THAT(of_account(), ElementsAre("a/no?", "g", "x/y", "x/y/b/f"));
  EXPECT_THAT(of_group(), ElementsAre("x/y/b"));
  move("g", "h");
  move("x", "z");
  backend().reopen();
  EXPECT_THAT(of_account(), ElementsAre("a/no?", "h", "z/y", "z/y/b/f"));
  EXPECT_THAT(of_group(), ElementsAre("z/y/b"));
}

TEST_P(GrantsFollow, WhatIsRemovedAndWaitingOnesStay) {
  collection("a");
  file("a/f");
  file("a/g");
  grant({"", "a", "a/f", "a/no", "a/g"}, {"a"});
  remove("a/g");
  EXPECT_THAT(of_account(), ElementsAre("", "a", "a/f", "a/no?"));
  remove("a");
  EXPECT_THAT(of_account(), ElementsAre("", "a/no?"));
  EXPECT_THAT(of_group(), IsEmpty());
  collection("a");
  EXPECT_THAT(of_account(), ElementsAre("", "a/no?")) << "it is another folder";
  file("a/no");
  EXPECT_THAT(of_account(), ElementsAre("", "a/no"));
  backend().reopen();
  EXPECT_THAT(of_account(), ElementsAre("", "a/no"));
}

TEST_P(GrantsFollow, WhatTakesAPlaceGetsTheGrantsOfThatPlace) {
  file("f", "old");
  file("tmp", "new");
  collection("a");
  collection("a/b");
  file("a/c");
  collection("n");
  file("n/b");
  grant({"f", "a", "a/b", "a/c"});
  move("tmp", "f");  // as programs save a file
  EXPECT_THAT(of_account(), ElementsAre("a", "a/b", "a/c", "f"));
  copy("n", "a");  // it has a "b" and no "c"
  EXPECT_THAT(of_account(), ElementsAre("a", "a/b", "f"));
  move("a", "n");
  EXPECT_THAT(of_account(), ElementsAre("f", "n", "n/b"));
}

TEST_P(GrantsFollow, WhatIsMovedOntoAnotherWithItsOwn) {
  collection("a");
  collection("b");
  grant({}, {"b"});
  Account account = *names().accounts()->find("ann");
  account.grants = {Grant{path_of("a"), Right::write}, Grant{path_of("b"), Right::read}};
  put(account);
  move("a", "b");
  EXPECT_THAT(names().accounts()->find("ann")->grants,
              ElementsAre(Grant{path_of("b"), Right::write}));
  EXPECT_THAT(of_group(), ElementsAre("b"));
}

TEST_P(GrantsFollow, WhatComesToWhereTheyWait) {
  collection("s");
  collection("s/t");
  file("s/t/f");
  grant({"a", "b/t/f", "c/t", "d"}, {"e/t/f"});
  EXPECT_THAT(of_account(), ElementsAre("a?", "b/t/f?", "c/t?", "d?"));
  collection("a");
  copy("s", "b");
  file("d");
  move("s", "c");
  EXPECT_THAT(of_account(), ElementsAre("a", "b/t/f", "c/t", "d"));
  move("c", "e");
  EXPECT_THAT(of_account(), ElementsAre("a", "b/t/f", "d", "e/t"));
  EXPECT_THAT(of_group(), ElementsAre("e/t/f"));
}

TEST_P(GrantsFollow, NothingThatIsUndone) {
  collection("a");
  grant({"a"}, {"a"});
  EXPECT_EQ(fault_of([&] {
              write([&](Transaction& tx) {
                tx.move_tree(at(tx, "a"), at(tx, ""), "b");
                tx.make_collection(at(tx, ""), "a", kNobody);
                throw Error(Fault::conflict, "undone");
              });
            }),
            Fault::conflict);
  EXPECT_THAT(of_account(), ElementsAre("a"));
  EXPECT_THAT(of_group(), ElementsAre("a"));
  move("a", "b");
  EXPECT_THAT(of_account(), ElementsAre("b"));
}

TEST_P(AccountsKept, AnIdIsNeverGivenTwice) {
  const AccountId first = add("ann");
  EXPECT_GT(first, kNobody);
  write([&](Transaction& tx) { tx.remove_account(first); });
  const AccountId second = add("ann");
  EXPECT_GT(second, first);
  AccountId undone = kNobody;
  EXPECT_THROW(write([&](Transaction& tx) {
                 Account account;
                 account.name = "bob";
                 undone = tx.put_account(account);
                 throw std::runtime_error("no");
               }),
               std::runtime_error);
  const AccountId third = add("bob");
  EXPECT_GT(third, undone);
  write([&](Transaction& tx) { tx.remove_account(third); });
  backend().reopen();
  EXPECT_GT(add("bob"), third);
}

TEST_P(AccountsKept, ATransactionSeesItsOwnChangesAndOthersOnlyWhatIsCommitted) {
  const AccountId ann = add("ann");
  const auto before = names().accounts();
  EXPECT_THROW(write([&](Transaction& tx) {
                 tx.remove_account(ann);
                 EXPECT_THAT(tx.accounts()->accounts, IsEmpty());
                 Account account;
                 account.name = "bob";
                 const AccountId bob = tx.put_account(account);
                 DeviceToken token;
                 token.id = "t";
                 token.account = bob;
                 tx.put_token(token);
                 EXPECT_EQ(tx.accounts()->find(bob)->name, "bob");
                 EXPECT_EQ(tx.accounts()->tokens.size(), 1U);
                 EXPECT_THAT(account_names(), ElementsAre("ann")) << "not committed";
                 throw std::runtime_error("no");
               }),
               std::runtime_error);
  EXPECT_THAT(account_names(), ElementsAre("ann"));
  EXPECT_THAT(token_ids(), IsEmpty());
  write([&](Transaction& tx) {
    EXPECT_EQ(tx.accounts()->find(ann)->name, "ann");
    tx.remove_account(ann);
  });
  EXPECT_THAT(account_names(), IsEmpty());
  EXPECT_EQ(before->accounts.size(), 1U) << "a value never changes";
}

TEST_P(AccountsKept, TokensAreAddedReplacedAndRemovedOneByOne) {
  const AccountId ann = add("ann");
  for (const char* id : {"m", "a", "z"}) put_token(id, ann);
  EXPECT_THAT(token_ids(), ElementsAre("a", "m", "z"));
  EXPECT_EQ(names().accounts()->find_token("m")->account, ann);
  EXPECT_FALSE(names().accounts()->find_token("n"));
  EXPECT_FALSE(names().accounts()->find_token("zz"));
  DeviceToken other = *names().accounts()->find_token("m");
  other.label = "new";
  write([&](Transaction& tx) { tx.put_token(other); });
  EXPECT_EQ(names().accounts()->find_token("m")->label, "new");
  bool removed = false;
  write([&](Transaction& tx) { removed = tx.remove_token("a"); });
  EXPECT_TRUE(removed);
  write([&](Transaction& tx) { removed = tx.remove_token("a"); });
  EXPECT_FALSE(removed);
  backend().reopen();
  EXPECT_THAT(token_ids(), ElementsAre("m", "z"));
  EXPECT_EQ(fault_of([&] { put_token("x", ann + 1); }), Fault::conflict);
}

TEST_P(AccountsKept, SessionsAreAddedReplacedAndRemovedOneByOne) {
  const AccountId ann = add("ann");
  Session session;
  session.id = "k3k3k3k3";
  session.account = ann;
  session.hash.fill(0xA5);
  session.client = "A \"browser\"";
  session.created = 1'700'000'000'123;
  session.used = 1'700'000'000'456;
  for (const char* id : {"m", "a"}) put_session(id, ann);
  write([&](Transaction& tx) { tx.put_session(session); });
  EXPECT_THAT(session_ids(), ElementsAre("a", "k3k3k3k3", "m"));
  session.used += 5;
  write([&](Transaction& tx) { tx.put_session(session); });
  bool removed = false;
  write([&](Transaction& tx) { removed = tx.remove_session("a"); });
  EXPECT_TRUE(removed);
  write([&](Transaction& tx) { removed = tx.remove_session("a"); });
  EXPECT_FALSE(removed);
  for (const bool reopened : {false, true}) {
    if (reopened) backend().reopen();
    EXPECT_THAT(session_ids(), ElementsAre("k3k3k3k3", "m"));
    EXPECT_EQ(*names().accounts()->find_session("k3k3k3k3"), session);
    EXPECT_FALSE(names().accounts()->find_session("n"));
  }
  EXPECT_EQ(fault_of([&] { put_session("x", ann + 1); }), Fault::conflict);
}

TEST_P(AccountsKept, LinksAreAddedReplacedAndRemovedOneByOne) {
  const AccountId ann = add("ann");
  Share share;
  share.id = "k3k3k3k3";
  share.account = ann;
  share.label = "for \"Bob\"";
  share.hash.fill(0xA5);
  share.password_hash = "$argon2id$v=19$m=19456,t=2,p=1$abc$def";
  share.path = path_of("a b/c");
  share.node = 7;
  share.expires = 1'800'000'000'000;
  share.uses = 3;
  share.used = 1'700'000'000'456;
  share.created = 1'700'000'000'123;
  Share plain;
  plain.id = "a0a0a0a0";
  plain.account = ann;
  write([&](Transaction& tx) {
    tx.put_share(share);
    tx.put_share(plain);
  });
  share.uses = 4;
  write([&](Transaction& tx) { tx.put_share(share); });
  for (const bool reopened : {false, true}) {
    if (reopened) backend().reopen();
    EXPECT_THAT(names().accounts()->shares, ElementsAre(plain, share));
    EXPECT_EQ(*names().accounts()->find_share("k3k3k3k3"), share);
    EXPECT_FALSE(names().accounts()->find_share("n"));
  }
  bool removed = false;
  write([&](Transaction& tx) { removed = tx.remove_share("a0a0a0a0"); });
  EXPECT_TRUE(removed);
  write([&](Transaction& tx) { removed = tx.remove_share("a0a0a0a0"); });
  EXPECT_FALSE(removed);
  share.account = ann + 1;
  EXPECT_EQ(fault_of([&] { write([&](Transaction& tx) { tx.put_share(share); }); }),
            Fault::conflict);
  write([&](Transaction& tx) { tx.remove_account(ann); });
  backend().reopen();
  EXPECT_THAT(names().accounts()->shares, IsEmpty());
}

// What becomes of the sessions of an account, and only of them, when it changes.
TEST_P(AccountsKept, SessionsEndWithThePasswordASuspensionAndTheAccount) {
  struct Case {
    const char* what;
    std::function<void(Account&)> change;
    bool ends;
  };
  const Case cases[] = {
      {"another password", [](Account& account) { account.password_hash = "new"; }, true},
      {"no password", [](Account& account) { account.password_hash = ""; }, true},
      {"a suspension", [](Account& account) { account.suspended = true; }, true},
      {"another name", [](Account& account) { account.name = "anna"; }, false},
      {"a quota", [](Account& account) { account.quota_bytes = 5; }, false},
      {"a grant", [](Account& account) { account.grants = {{Path(), Right::read}}; }, false},
  };
  const AccountId bob = add("bob");
  put_session("ofbob", bob);
  for (const auto& [what, change, ends] : cases) {
    SCOPED_TRACE(what);
    Account account;
    account.name = "ann";
    account.password_hash = "old";
    account.id = put(account);
    put_session("ofann", account.id);
    change(account);
    put(account);
    backend().reopen();
    EXPECT_EQ(names().accounts()->find_session("ofann") == nullptr, ends);
    EXPECT_NE(names().accounts()->find_session("ofbob"), nullptr);
    write([&](Transaction& tx) { tx.remove_account(account.id); });
    backend().reopen();
    EXPECT_THAT(session_ids(), ElementsAre("ofbob"));
  }
}

TEST_P(AccountsKept, ARemovedOneLosesItsTokensAndLocksAndNothingElse) {
  const AccountId ann = add("ann");
  const AccountId bob = add("bob");
  put_token("ofann1", ann);
  put_token("ofbob1", bob);
  put_token("ofann2", ann);
  write([&](Transaction& tx) {
    const Resource home = tx.make_collection(at(tx, ""), "home", ann);
    tx.make_collection(home, "sub", ann);
  });
  lock_as("home", "urn:ann", ann);
  lock_as("home", "urn:bob", bob);
  lock_as("home/sub", "urn:anon", kNobody);
  lock_as("home/sub", "urn:late", ann, 1);
  EXPECT_EQ(snapshot()->locks_of(ann), 2U);
  clock().advance(2000);
  EXPECT_EQ(snapshot()->locks_of(ann), 1U) << "one ran out";
  EXPECT_EQ(snapshot()->locks_of(bob), 1U);
  EXPECT_EQ(snapshot()->locks_of(bob + 1), 0U);
  write([&](Transaction& tx) {
    EXPECT_TRUE(tx.remove_lock(lock_with(tx, "urn:ann")));
    EXPECT_EQ(tx.locks_of(ann), 0U) << "sees its own changes";
    EXPECT_EQ(snapshot()->locks_of(ann), 1U) << "not committed";
  });
  lock_as("home", "urn:ann", ann);

  write([&](Transaction& tx) { tx.remove_account(ann); });
  EXPECT_THAT(account_names(), ElementsAre("bob"));
  EXPECT_THAT(token_ids(), ElementsAre("ofbob1"));
  EXPECT_THAT(tokens(snapshot()->all_locks(100)), ElementsAre("urn:bob", "urn:anon"));
  EXPECT_FALSE(snapshot()->find_lock("urn:late", 600)) << "also one that ran out";
  EXPECT_EQ(at("home/sub").owner, ann);
  EXPECT_EQ(snapshot()->usage_of(ann).resources, 0U);
  EXPECT_EQ(snapshot()->usage().resources, 3U);
  EXPECT_EQ(names().stats().locks, 2U);
  EXPECT_EQ(fault_of([&] { write([&](Transaction& tx) { tx.remove_account(ann); }); }),
            Fault::conflict);
  EXPECT_EQ(snapshot()->locks_of(ann), 0U);

  EXPECT_EQ(snapshot()->usage_of(add("ann")).resources, 0U) << "another one of the same name";
  remove("home");
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(AccountsKept, ChangesOfAccountsAreFlushed) {
  const auto flushed = [&] { return names().stats().flushed_batches; };
  if (!backend().flushes()) return;
  std::uint64_t before = flushed();
  AccountId ann = kNobody;
  names().write(Flush::deferrable, [&](Transaction& tx) {
    Account account;
    account.name = "ann";
    ann = tx.put_account(account);
  });
  EXPECT_EQ(flushed(), ++before);
  DeviceToken token;
  token.id = "t";
  token.account = ann;
  names().write(Flush::deferrable, [&](Transaction& tx) { tx.put_token(token); });
  EXPECT_EQ(flushed(), ++before);
  names().write(Flush::deferrable, [&](Transaction& tx) { tx.remove_token("t"); });
  EXPECT_EQ(flushed(), ++before);
  names().write(Flush::deferrable, [&](Transaction& tx) { tx.remove_account(ann); });
  EXPECT_EQ(flushed(), ++before);
}

class Owned : public AccountStore {
 protected:
  void SetUp() override {
    ann_ = add("ann");
    bob_ = add("bob");
  }
  Resource put_as(AccountId owner, std::string_view path, std::size_t size) {
    Resource made;
    const Path whole = path_of(path);
    const auto staged = upload(bytes_of(size));
    const Content& content = staged->seal();
    write([&](Transaction& tx) {
      made = tx.put(*tx.resolve(whole).parent, whole.name(), content, std::nullopt, owner);
    });
    staged->keep();
    return made;
  }
  Resource collect_as(AccountId owner, std::string_view path) {
    Resource made;
    const Path whole = path_of(path);
    write([&](Transaction& tx) {
      made = tx.make_collection(*tx.resolve(whole).parent, whole.name(), owner);
    });
    return made;
  }
  Resource copy_as(AccountId owner, std::string_view from, std::string_view to,
                   bool recursive = true) {
    Resource made;
    const Path whole = path_of(to);
    write([&](Transaction& tx) {
      made = tx.copy_tree(at(tx, from), recursive, *tx.resolve(whole).parent, whole.name(), owner);
    });
    return made;
  }
  // "PATH OWNER" of the whole tree but the root: a for ann, b for bob, - for nobody.
  std::vector<std::string> owners() {
    std::vector<std::string> all;
    for (const Row& row : list("", Depth::infinity)) {
      if (row.path.empty()) continue;
      all.push_back(row.path + " " + letter(row.resource.owner));
      EXPECT_EQ(at(row.path).owner, row.resource.owner) << "a listing and a look-up differ";
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  // {resources, bytes} of ann, then of bob; compared with a recount.
  std::vector<std::uint64_t> usage() {
    std::vector<std::uint64_t> all;
    for (const AccountId account : {ann_, bob_}) {
      storage::Usage counted;
      for (const Row& row : list("", Depth::infinity)) {
        if (row.resource.owner != account) continue;
        ++counted.resources;
        counted.bytes += row.resource.size;
      }
      const storage::Usage told = snapshot()->usage_of(account);
      EXPECT_EQ(told.resources, counted.resources) << letter(account);
      EXPECT_EQ(told.bytes, counted.bytes) << letter(account);
      all.push_back(told.resources);
      all.push_back(told.bytes);
    }
    EXPECT_THAT(problems(), IsEmpty());
    return all;
  }
  std::string letter(AccountId account) const {
    return account == ann_ ? "a" : account == bob_ ? "b" : "-";
  }

  AccountId ann_ = kNobody;
  AccountId bob_ = kNobody;
};
INSTANTIATE_TEST_SUITE_P(All, Owned, each_backend(), backend_name);

TEST_P(Owned, TheRootIsNobodys) {
  EXPECT_EQ(at("").owner, kNobody);
  EXPECT_EQ(snapshot()->usage_of(kNobody).resources, 0U);
}

TEST_P(Owned, WhoMakesAResourceOwnsItAndPutOverKeepsTheOwner) {
  EXPECT_EQ(collect_as(ann_, "c").owner, ann_);
  EXPECT_EQ(put_as(bob_, "c/f", 10).owner, bob_);
  put_as(kNobody, "c/n", 7);
  EXPECT_THAT(usage(), ElementsAre(1, 0, 1, 10));
  EXPECT_EQ(put_as(ann_, "c/f", kLarge).owner, bob_);
  put_as(ann_, "c/n", 8);
  EXPECT_THAT(usage(), ElementsAre(1, 0, 1, kLarge));
  put_as(ann_, "c/f", 3);
  EXPECT_THAT(owners(), ElementsAre("c a", "c/f b", "c/n -"));
  EXPECT_THAT(usage(), ElementsAre(1, 0, 1, 3));
  backend().reopen();
  EXPECT_THAT(owners(), ElementsAre("c a", "c/f b", "c/n -"));
  EXPECT_THAT(usage(), ElementsAre(1, 0, 1, 3));
}

TEST_P(Owned, ACopyIsItsMakersWhoeverOwnsTheSource) {
  collect_as(ann_, "c");
  put_as(ann_, "c/f", 5);
  put_as(bob_, "c/g", 6);
  collect_as(kNobody, "c/s");
  put_as(kNobody, "c/s/h", kLarge);
  EXPECT_EQ(copy_as(bob_, "c", "d").owner, bob_);
  EXPECT_THAT(owners(), ElementsAre("c a", "c/f a", "c/g b", "c/s -", "c/s/h -", "d b", "d/f b",
                                    "d/g b", "d/s b", "d/s/h b"));
  EXPECT_THAT(usage(), ElementsAre(2, 5, 6, 6 + 5 + 6 + kLarge));
  copy_as(ann_, "c", "e", false);
  EXPECT_THAT(usage(), ElementsAre(3, 5, 6, 6 + 5 + 6 + kLarge));
}

TEST_P(Owned, WhatIsReplacedCountsNoLonger) {
  collect_as(ann_, "c");
  put_as(bob_, "c/f", 5);
  put_as(ann_, "x", 100);
  put_as(bob_, "y", 1000);
  copy_as(bob_, "y", "x");  // a file by a file
  EXPECT_THAT(owners(), ElementsAre("c a", "c/f b", "x b", "y b"));
  EXPECT_THAT(usage(), ElementsAre(1, 0, 3, 2005));
  copy_as(ann_, "y", "c");  // a tree by a file
  EXPECT_THAT(usage(), ElementsAre(1, 1000, 2, 2000));
  collect_as(bob_, "t");
  put_as(ann_, "t/u", 50);
  copy_as(ann_, "t", "c");  // a file by a tree
  EXPECT_THAT(usage(), ElementsAre(3, 100, 3, 2000));
  move("t", "c");  // a tree by a tree
  EXPECT_THAT(owners(), ElementsAre("c b", "c/u a", "x b", "y b"));
  EXPECT_THAT(usage(), ElementsAre(1, 50, 3, 2000));
  move("y", "c/u");
  EXPECT_THAT(owners(), ElementsAre("c b", "c/u b", "x b"));
  EXPECT_THAT(usage(), ElementsAre(0, 0, 3, 2000));
}

TEST_P(Owned, AMoveChangesNoOwner) {
  collect_as(ann_, "c");
  put_as(bob_, "c/u\xCC\x88", 5);
  collect_as(bob_, "home");
  move("c", "home/d");
  EXPECT_THAT(owners(), ElementsAre("home b", "home/d a", "home/d/u\xCC\x88 b"));
  move("home/d/u\xCC\x88", "home/d/\xC3\xBC");
  EXPECT_THAT(owners(), ElementsAre("home b", "home/d a", "home/d/\xC3\xBC b"));
  EXPECT_THAT(usage(), ElementsAre(1, 0, 2, 5));
}

TEST_P(Owned, ARemovalTakesFromEachOwner) {
  collect_as(ann_, "c");
  put_as(bob_, "c/f", 5);
  put_as(ann_, "c/g", 6);
  put_as(kNobody, "c/n", 7);
  put_as(bob_, "k", 8);
  remove("c");
  EXPECT_THAT(usage(), ElementsAre(0, 0, 1, 8));
  remove("k");
  EXPECT_THAT(usage(), ElementsAre(0, 0, 0, 0));
}

TEST_P(Owned, WhatNobodyOwnsIsAdopted) {
  const AccountId gone = add("gone");
  collect_as(kNobody, "c");
  put_as(kNobody, "c/f", 5);
  put_as(bob_, "c/g", 6);
  put_as(gone, "c/h", kLarge);
  put_as(ann_, "c/i", 7);
  put_as(kNobody, "n", 8);
  collect_as(bob_, "b");
  put_as(kNobody, "b/f", 9);
  const auto adopt = [&](std::string_view path, AccountId owner) {
    storage::Usage adopted;
    write([&](Transaction& tx) { adopted = tx.adopt_tree(at(tx, path), owner); });
    return std::pair(adopted.resources, adopted.bytes);
  };
  EXPECT_THROW(adopt("c", 999), storage::Error);
  EXPECT_THROW(write([&](Transaction& tx) {
                 tx.adopt_tree(at(tx, "c"), ann_);
                 EXPECT_EQ(tx.usage_of(ann_).resources, 3U);
                 throw std::runtime_error("no");
               }),
               std::runtime_error);
  EXPECT_THAT(usage(), ElementsAre(1, 7, 2, 6)) << "undone as a whole";

  EXPECT_EQ(adopt("c", ann_), std::pair(2UL, 5UL)) << "an account that is there owns the others";
  write([&](Transaction& tx) { tx.remove_account(gone); });
  EXPECT_EQ(adopt("c", ann_), std::pair(1UL, kLarge + 0UL));
  EXPECT_EQ(adopt("c", ann_), std::pair(0UL, 0UL));
  EXPECT_EQ(adopt("n", bob_), std::pair(1UL, 8UL));
  EXPECT_THAT(owners(),
              ElementsAre("b b", "b/f -", "c a", "c/f a", "c/g b", "c/h a", "c/i a", "n b"));
  EXPECT_EQ(adopt("", bob_), std::pair(1UL, 9UL));
  EXPECT_EQ(at("").owner, kNobody) << "the root is nobody's";
  EXPECT_THAT(usage(), ElementsAre(4, 5 + kLarge + 7, 4, 6 + 8 + 9));
  backend().reopen();
  EXPECT_THAT(usage(), ElementsAre(4, 5 + kLarge + 7, 4, 6 + 8 + 9));
}

TEST_P(Owned, CountsAreSeenInTheTransactionAndUndoneWithIt) {
  put_as(ann_, "f", 5);
  EXPECT_THROW(write([&](Transaction& tx) {
                 tx.make_collection(at(tx, ""), "c", ann_);
                 tx.copy_tree(at(tx, "f"), true, at(tx, "c"), "g", bob_);
                 EXPECT_EQ(tx.usage_of(ann_).resources, 2U);
                 EXPECT_EQ(tx.usage_of(bob_).bytes, 5U);
                 tx.remove_tree(at(tx, "f"));
                 EXPECT_EQ(tx.usage_of(ann_).bytes, 0U);
                 EXPECT_EQ(snapshot()->usage_of(ann_).bytes, 5U) << "not committed";
                 throw std::runtime_error("no");
               }),
               std::runtime_error);
  EXPECT_THAT(usage(), ElementsAre(1, 5, 0, 0));
}

TEST(AccountNames, AreNfcUtf8WithoutColonAndControls) {
  const std::pair<std::string, bool> rows[] = {
      {"", false},
      {":", false},
      {"a:b", false},
      {"a\nb", false},
      {std::string("a\0b", 3), false},
      {"a\x7F", false},
      {"a\xC2\x85", false},  // U+0085, a control of ISO 8859
      {"\xFF", false},
      {"a\xC3", false},
      {"\xED\xA0\x80", false},  // a surrogate
      {"\xC0\xAF", false},      // overlong
      {"u\xCC\x88", false},     // NFD
      {std::string(65, 'a'), false},
      {std::string(62, 'a') + "\xE2\x82\xAC", false},
      {"a", true},
      {std::string(64, 'a'), true},
      {std::string(61, 'a') + "\xE2\x82\xAC", true},
      {"\xC3\xBC", true},
      {"ann@example.com", true},
      {"Ann Lee", true},
      {"DOM\\ann", true},
  };
  for (const auto& [name, allowed] : rows)
    EXPECT_EQ(storage::account_name_allowed(name), allowed) << testing::PrintToString(name);
}

TEST(AccountNames, OfNewAccountsAreSeen) {  // RFC 8265 §3.1, §3.4
  const std::pair<std::string, bool> rows[] = {
      {"", false},
      {"a:b", false},
      {" ", false},
      {" ann", false},
      {"ann ", false},
      {"ann  lee", false},
      {"ann\u00a0lee", false},   // no-break space
      {"ann\u3000lee", false},   // ideographic space
      {"ann\u200b", false},      // zero width space
      {"ann\u200d", false},      // zero width joiner
      {"ann\u202e", false},      // right-to-left override
      {"ann\u2028", false},      // line separator
      {"ann\u2029", false},      // paragraph separator
      {"ann\u00ad", false},      // soft hyphen
      {"ann\ufeff", false},      // byte order mark
      {"ann\u034f", false},      // combining grapheme joiner: seen by nobody
      {"ann\ufe0f", false},      // variation selector
      {"\u3164", false},         // Hangul filler, a letter that is blank
      {"ann\U000e0061", false},  // tag
      {"ann\u0378", false},      // not assigned
      {"ann\ue000", false},      // private use
      {"ann\uffff", false},      // no character
      {"ann", true},
      {"Ann Lee", true},
      {"a b c", true},
      {"ann@example.com", true},
      {"DOM\\ann", true},
      {"J\u00f6rg \"x\"", true},
      {"\u0391\u03bd\u03bd\u03b1", true},
      {"\u5b89", true},
      {"\u0905\u0928\u094d\u0928\u093e", true},  // with combining marks
  };
  for (const auto& [name, allowed] : rows)
    EXPECT_EQ(storage::new_account_name_allowed(name), allowed) << testing::PrintToString(name);
}

}  // namespace
}  // namespace holdfast::test
