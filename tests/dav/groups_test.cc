// Groups (docs/operations.md#accounts): the rights of a member against an obvious definition, and
// quotas of what members own together.
#include <algorithm>
#include <random>

#include "dav/rights.h"
#include "storage/name_key.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using storage::Account;
using storage::Accounts;
using storage::Grant;
using storage::Group;
using storage::Path;
using storage::Right;

Path group_path(std::string_view text) {
  Path path;
  for (std::size_t start = 1; start < text.size();) {
    const std::size_t end = std::min(text.find('/', start), text.size());
    path = path.child(text.substr(start, end - start));
    start = end + 1;
  }
  return path;
}

std::optional<Right> granted_at(const std::vector<Grant>& grants, const Path& path) {
  for (const Grant& grant : grants)
    if (storage::same_path(grant.path, path)) return grant.right;
  return std::nullopt;
}

// The definition: from the path upwards, the first path with a grant decides; at one path first the
// account's own, then its home, then the most permissive of its groups'.
Right defined_right(const Accounts& all, const Account& account, Path path) {
  for (;;) {
    if (const auto own = granted_at(account.grants, path)) return *own;
    if (storage::same_path(account.home, path)) return Right::write;
    std::optional<Right> best;
    for (const Group& group : all.groups) {
      if (std::ranges::find(account.groups, group.id) == account.groups.end()) continue;
      if (const auto right = granted_at(group.grants, path)) best = std::max(best, right);
    }
    if (best) return *best;
    if (path.is_root()) return Right::none;
    path = path.parent();
  }
}

struct GroupRow {
  const char* what;
  std::vector<Grant> own;
  std::vector<std::vector<Grant>> groups;
  const char* path;
  Right right;
};

TEST(Groups, TheLongestPathDecidesThenTheAccountThenTheMostPermissiveGroup) {
  const auto grant = [](const char* path, Right right) { return Grant{group_path(path), right}; };
  using enum Right;
  const std::vector<GroupRow> rows = {
      {"none at all", {}, {}, "/a", none},
      {"a group's", {}, {{grant("/a", read)}}, "/a/b", read},
      {"the more permissive of two", {}, {{grant("/a", none)}, {grant("/a", write)}}, "/a", write},
      {"in whatever order", {}, {{grant("/a", write)}, {grant("/a", none)}}, "/a", write},
      {"the account's own takes away", {grant("/a", none)}, {{grant("/a", write)}}, "/a", none},
      {"the account's own gives", {grant("/a", write)}, {{grant("/a", none)}}, "/a", write},
      {"a group's longer path beats it",
       {grant("/a", none)},
       {{grant("/a/b", read)}},
       "/a/b",
       read},
      {"its own longer path", {grant("/a/b", none)}, {{grant("/a", write)}}, "/a/b/c", none},
      {"of two groups the longer path",
       {},
       {{grant("/a", write)}, {grant("/a/b", none)}},
       "/a/b",
       none},
      {"the home is its own", {}, {{grant("/home", none)}}, "/home", write},
      {"below the home", {}, {{grant("/home/x", read)}}, "/home/x", read},
      {"a grant for the home", {grant("/home", read)}, {{grant("/home", write)}}, "/home", read},
      {"the root", {}, {{grant("/", read)}}, "/x/y", read},
      {"the same name in NFC and NFD",
       {grant("/\xC3\xA9", none)},
       {{grant("/e\xCC\x81", write)}},
       "/\xC3\xA9",
       none},
      {"two groups, NFC and NFD",
       {},
       {{grant("/\xC3\xA9", none)}, {grant("/e\xCC\x81", read)}},
       "/e\xCC\x81",
       read},
  };
  for (const GroupRow& row : rows) {
    auto all = std::make_shared<Accounts>();
    Account account;
    account.id = 1;
    account.name = "ann";
    account.home = group_path("/home");
    account.grants = row.own;
    for (const std::vector<Grant>& grants : row.groups) {
      Group group;
      group.id = static_cast<storage::AccountId>(all->groups.size()) + 2;
      group.name = std::to_string(group.id);
      group.grants = grants;
      account.groups.push_back(group.id);
      all->groups.push_back(group);
    }
    all->accounts.push_back(account);
    const auto caller = dav::caller_of(all, account);
    EXPECT_EQ(dav::right_on(*caller, group_path(row.path)), row.right) << row.what;
    EXPECT_EQ(defined_right(*all, account, group_path(row.path)), row.right) << row.what;
  }
}

TEST(Groups, RightsAreTheDefinitionsForRandomGrants) {
  std::mt19937 random(7);
  const auto pick = [&](std::size_t below) { return random() % below; };
  std::vector<Path> paths = {Path()};
  for (const char* text : {"/a", "/b", "/\xC3\xA9", "/a/a", "/a/b", "/a/b/c", "/b/a", "/a/b/c/d"})
    paths.push_back(group_path(text));
  const auto grants = [&] {
    std::vector<Grant> out;
    for (std::size_t i = pick(5); i > 0; --i) {
      const Grant grant{paths[pick(paths.size())], static_cast<Right>(pick(3))};
      if (!granted_at(out, grant.path)) out.push_back(grant);
    }
    return out;
  };
  for (int round = 0; round < 2000; ++round) {
    auto all = std::make_shared<Accounts>();
    for (storage::AccountId id = 10; id < 14; ++id) {
      Group group;
      group.id = id;
      group.name = std::to_string(id);
      group.grants = grants();
      all->groups.push_back(group);
    }
    Account account;
    account.id = 1;
    account.name = "ann";
    account.home = paths[pick(paths.size())];
    account.grants = grants();
    for (storage::AccountId id = 10; id < 14; ++id)
      if (pick(2) == 0) account.groups.push_back(id);
    all->accounts.push_back(account);
    if (pick(2) == 0) all->index();
    const auto caller = dav::caller_of(all, account);
    for (const Path& path : paths)
      ASSERT_EQ(dav::right_on(*caller, path.child("x")),
                defined_right(*all, account, path.child("x")))
          << round;
    for (const Path& path : paths)
      ASSERT_EQ(dav::right_on(*caller, path), defined_right(*all, account, path)) << round;
  }
}

// Two members of a group with a quota, and one who is in none.
class GroupQuota : public ::testing::Test {
 protected:
  GroupQuota() {
    world_.store.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      Group group;
      group.name = "team";
      group.quota_bytes = 100;
      group.quota_resources = 4;
      team_ = group.id = tx.put_group(group);
      for (const char* name : {"ann", "bob", "eve"}) {
        Account account;
        account.name = name;
        if (std::string_view(name) != "eve") account.groups = {team_};
        tx.put_account(account);
      }
    });
  }
  void be(std::string_view name) {
    const auto all = world_.store.names.accounts();
    world_.dav.as(dav::caller_of(all, *all->find(name)));
  }
  int put(const std::string& path, std::size_t bytes) {
    return world_.status("PUT", path, {}, std::string(bytes, 'x'));
  }

  World world_;
  storage::AccountId team_ = 0;
};

TEST_F(GroupQuota, CountsWhatTheMembersOwnTogether) {
  be("ann");
  EXPECT_EQ(put("/a", 60), 201);
  be("eve");
  EXPECT_EQ(put("/e", 90), 201) << "she is in no group";
  be("bob");
  EXPECT_EQ(put("/b", 41), 507);
  EXPECT_EQ(put("/b", 40), 201);
  EXPECT_EQ(put("/b", 41), 507);
  EXPECT_EQ(put("/b", 1), 204);
  EXPECT_EQ(world_.status("MKCOL", "/c1"), 201);
  EXPECT_EQ(world_.status("MKCOL", "/c2"), 201);
  EXPECT_EQ(world_.status("MKCOL", "/c3"), 507) << "four resources";
  be("ann");
  EXPECT_EQ(put("/new", 0), 507);
  EXPECT_EQ(world_.status("DELETE", "/c1"), 204);
  EXPECT_EQ(put("/new", 39), 201);
  EXPECT_EQ(world_.store.names.snapshot()->usage_of(team_).bytes, 100U);
  EXPECT_EQ(world_.store.names.snapshot()->usage_of(team_).resources, 4U);
}

TEST_F(GroupQuota, IsWhatClientsSeeWhenItIsTheSmallest) {
  be("ann");
  EXPECT_EQ(put("/a", 60), 201);
  be("bob");
  EXPECT_EQ(world_.properties("/", "quota-available-bytes").text("quota-available-bytes"), "40");
}

}  // namespace
}  // namespace holdfast::test
