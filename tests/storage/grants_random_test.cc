// Grants under random operations: every back end against the store in memory, which looks at each
// grant after each operation.
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "storage/name_key.h"
#include "tests/storage/conformance.h"
#include "tests/support/memory_store.h"

namespace holdfast::test {
namespace {

using storage::Account;
using storage::Grant;
using storage::Group;
using storage::kNobody;
using storage::Right;

class RandomGrants : public StoreTest {
 protected:
  // Does the same in both stores; returns whether it was done.
  bool both(const std::function<void(Transaction&)>& act) {
    const auto done = [&](storage::Namespace& in) {
      return !fault_of([&] { in.write(Flush::required, act); });
    };
    const bool here = done(names());
    EXPECT_EQ(done(model_.names), here);
    return here;
  }
  // "path=right", with a "?" where nothing is there.
  static std::string text(const std::vector<Grant>& grants) {
    std::vector<std::string> all;
    for (const Grant& grant : grants)
      all.push_back(text_of(grant.path.segments()) + "=" +
                    std::to_string(static_cast<int>(grant.right)) + (grant.node == 0 ? "?" : ""));
    std::ranges::sort(all);
    std::string out;
    for (const std::string& each : all) out += each + " ";
    return out;
  }
  void expect_same(const std::string& what) {
    const auto here = names().accounts();
    const auto there = model_.names.accounts();
    for (const char* name : {"ann", "bob"})
      ASSERT_EQ(text(here->find(name)->grants), text(there->find(name)->grants)) << what;
    ASSERT_EQ(text(here->groups.front().grants), text(there->groups.front().grants)) << what;
    for (const Account& account : here->accounts)
      for (const Grant& grant : account.grants) {
        const Resolution found = snapshot()->resolve(grant.path);
        ASSERT_EQ(grant.node, found.mapped() ? found.resource->id : 0) << what;
      }
  }

  MemoryStore model_;
};
INSTANTIATE_TEST_SUITE_P(All, RandomGrants, each_backend(), backend_name);

TEST_P(RandomGrants, AreWhatALookAtEachOfThemSays) {
  std::mt19937 random(11);
  const auto pick = [&](std::size_t below) { return random() % below; };
  std::vector<std::string> paths;
  for (const std::string a : {"a", "b", "\xC3\xA9"}) {
    paths.push_back(a);
    for (const std::string b : {"a", "c", "e\xCC\x81"}) {
      paths.push_back(a + "/" + b);
      paths.push_back(a + "/" + b + "/d");
    }
  }
  const auto some_path = [&] { return path_of(paths[pick(paths.size())]); };
  const auto grants = [&] {
    std::vector<Grant> out;
    for (std::size_t i = pick(6); i > 0; --i) {
      const Path path = pick(8) == 0 ? Path() : some_path();
      if (std::ranges::none_of(
              out, [&](const Grant& other) { return storage::same_path(other.path, path); }))
        out.push_back({path, static_cast<Right>(pick(3))});
    }
    return out;
  };
  both([](Transaction& tx) {
    Group group;
    group.name = "team";
    tx.put_group(group);
    for (const char* name : {"ann", "bob"}) {
      Account account;
      account.name = name;
      tx.put_account(account);
    }
  });
  int done = 0;
  for (int step = 0; step < 1500; ++step) {
    const Path from = some_path();
    const Path to = some_path();
    const auto arrive = [&](const std::function<void(Transaction&, const Resource& source,
                                                     const Resource& parent)>& act) {
      return [&from, &to, act](Transaction& tx) {
        const auto source = tx.resolve(from).resource;
        const auto parent = tx.resolve(to).parent;
        if (!source || !parent || !parent->is_collection())
          throw Error(Fault::conflict, "not possible");
        act(tx, *source, *parent);
      };
    };
    std::function<void(Transaction&)> act;
    std::string what = text_of(from.segments()) + " " + text_of(to.segments());
    switch (pick(8)) {
      case 0:
      case 1:
      case 2:
        what = "make " + what;
        act = [&](Transaction& tx) {
          const Resolution at = tx.resolve(to);
          if (at.mapped() || !at.parent) throw Error(Fault::conflict, "not possible");
          tx.make_collection(*at.parent, to.name(), kNobody);
        };
        break;
      case 3:
      case 4:
        what = "move " + what;
        act = arrive([&](Transaction& tx, const Resource& source, const Resource& parent) {
          tx.move_tree(source, parent, to.name());
        });
        break;
      case 5:
        what = "copy " + what;
        act = arrive([&, deep = pick(2) == 0](Transaction& tx, const Resource& source,
                                              const Resource& parent) {
          tx.copy_tree(source, deep, parent, to.name(), kNobody);
        });
        break;
      case 6:
        what = "remove " + what;
        act = [&](Transaction& tx) {
          const auto gone = tx.resolve(from).resource;
          if (!gone) throw Error(Fault::conflict, "not possible");
          tx.remove_tree(*gone);
        };
        break;
      default:
        what = "grant";
        act = [&, name = pick(3), given = grants()](Transaction& tx) {
          const auto now = tx.accounts();
          if (name == 2) {
            Group group = now->groups.front();
            group.grants = given;
            tx.put_group(group);
          } else {
            Account account = now->accounts[name];
            account.grants = given;
            tx.put_account(account);
          }
        };
    }
    done += both(act) ? 1 : 0;
    expect_same(std::to_string(step) + ": " + what);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
  EXPECT_GT(done, 300);
  backend().reopen();
  expect_same("reopened");
}

}  // namespace
}  // namespace holdfast::test
