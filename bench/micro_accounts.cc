// Accounts and groups in number: what a change of one costs, what signing in and rights cost after
// it, and what moves cost where grants follow. The store is SQLite in a temporary folder.
#include <benchmark/benchmark.h>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <vector>

#include "dav/caller.h"
#include "dav/path.h"
#include "dav/rights.h"
#include "server/auth/account_index.h"
#include "storage/clock.h"
#include "storage/files/content_store.h"
#include "storage/files/data_folder.h"
#include "storage/sqlite/namespace.h"

namespace {

using namespace holdfast::storage;
using holdfast::server::auth::AccountIndex;

constexpr int kAccounts = 10'000;
constexpr int kGroups = 1'000;
constexpr int kGroupsOfAnAccount = 10;
constexpr int kGrantsOfAGroup = 3;

std::string temporary_folder() {
  auto name = (std::filesystem::temp_directory_path() / "holdfast-micro-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
  return name;
}

// The store, with or without all accounts and groups.
class People {
 public:
  explicit People(int accounts, int groups)
      : path_(temporary_folder()), folder_(path_), contents_(folder_, Durability::relaxed) {
    holdfast::storage::sqlite::Options options;
    options.durability = Durability::relaxed;
    names_ =
        holdfast::storage::sqlite::open(folder_.database(), contents_, clock_, std::move(options));
    names_->write(Flush::required, [&](Transaction& tx) {
      const auto root = *tx.resolve({}).resource;
      for (const char* name : {"plain", "shared", "a", "b"})
        tx.make_collection(root, name, kNobody);
      std::vector<AccountId> ids;
      for (int i = 0; i < groups; ++i) {
        Group group;
        group.name = "group" + std::to_string(i);
        for (int k = 0; k < kGrantsOfAGroup; ++k)
          group.grants.push_back(
              {Path().child("shared").child(std::to_string(i)).child(std::to_string(k)),
               Right::write});
        group.quota_bytes = std::uint64_t{1} << 50;
        ids.push_back(tx.put_group(std::move(group)));
      }
      for (int i = 0; i < accounts; ++i) {
        Account account;
        account.name = "account" + std::to_string(i);
        account.password_hash = std::string(97, 'h');
        account.home = Path().child(account.name);
        account.grants = {{Path().child("plain"), Right::read}};
        for (int k = 0; groups > 0 && k < kGroupsOfAnAccount; ++k)
          account.groups.push_back(ids[static_cast<std::size_t>((i * 7 + k * 101) % groups)]);
        tx.put_account(std::move(account));
      }
    });
  }
  ~People() {
    names_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  People(const People&) = delete;
  People& operator=(const People&) = delete;

  [[nodiscard]] Namespace& names() { return *names_; }
  // One store for all runs with these numbers.
  static People& of(bool many) {
    static People few(1, 0);
    static People all(kAccounts, kGroups);
    return many ? all : few;
  }

 private:
  std::string path_;
  SystemClock clock_;
  files::DataFolder folder_;
  files::FileContentStore contents_;
  std::unique_ptr<Namespace> names_;
};

// One `user add` and one `user remove`.
void add_and_remove_an_account(benchmark::State& state) {
  Namespace& names = People::of(state.range(0) != 0).names();
  for (auto _ : state) {
    AccountId id = kNobody;
    names.write(Flush::required, [&](Transaction& tx) {
      Account account;
      account.name = "one more";
      id = tx.put_account(std::move(account));
    });
    names.write(Flush::required, [&](Transaction& tx) { tx.remove_account(id); });
  }
}
BENCHMARK(add_and_remove_an_account)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// What the first request after a change of an account waits for.
void make_the_index(benchmark::State& state) {
  const auto accounts = People::of(state.range(0) != 0).names().accounts();
  for (auto _ : state) {
    const AccountIndex index(accounts);
    benchmark::DoNotOptimize(&index);
  }
}
BENCHMARK(make_the_index)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// What each request of a member of ten groups asks: who is it, and may it write there.
void find_and_judge(benchmark::State& state) {
  const auto accounts = People::of(state.range(0) != 0).names().accounts();
  const AccountIndex index(accounts);
  const std::string name = accounts->accounts[accounts->accounts.size() / 2].name;
  const Path path = Path().child("shared").child("7").child("0").child("folder").child("file");
  for (auto _ : state)
    benchmark::DoNotOptimize(holdfast::dav::right_on(*index.find(name)->caller.get(), path));
}
BENCHMARK(find_and_judge)->Arg(0)->Arg(1);

// A move of a folder that no grant concerns, and of one that every account has a grant for.
void move_back_and_forth(benchmark::State& state) {
  Namespace& names = People::of(state.range(0) != 0).names();
  const std::string name = state.range(1) != 0 ? "plain" : "b";
  const auto move = [&](const std::string& from, const std::string& to) {
    names.write(Flush::required, [&](Transaction& tx) {
      tx.move_tree(*tx.resolve(Path().child(from)).resource, *tx.resolve({}).resource, to);
    });
  };
  for (auto _ : state) {
    move(name, name + "2");
    move(name + "2", name);
  }
}
BENCHMARK(move_back_and_forth)
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({1, 1})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
