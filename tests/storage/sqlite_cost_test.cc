// What requests cost the database, counted in steps of SQLite's virtual machine: exact, and the
// same on every machine. No request may cost more because others have locked, listed or stored a
// lot (docs/robustness.md D6, D7, D9, D15).
#include <chrono>
#include <gmock/gmock.h>
#include <iostream>
#include <sqlite3.h>
#include <vector>

#include "dav/engine.h"
#include "tests/storage/sqlite_store.h"
#include "tests/support/dav_client.h"
#include "tests/support/scale.h"

namespace holdfast::storage {
namespace {

using test::Answer;
using test::at_scale;
using test::Headers;

// Every connection that the process opens while it is there.
std::vector<sqlite3*>* connections = nullptr;

int note_connection(sqlite3* connection, char**, const sqlite3_api_routines*) {
  if (connections != nullptr) connections->push_back(connection);
  return SQLITE_OK;
}

class Cost : public SqliteStore {
 protected:
  Cost() {
    open(Durability::relaxed, 1);
    close();  // the connection that made the store is gone, and its address may be used again
    connections = &connections_;
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(note_connection));
    open(Durability::relaxed, 1);
    engine_ = std::make_unique<dav::Engine>(*names_, *content_, dav::Options());
    client_ = std::make_unique<test::DavClient>(*engine_);
  }
  ~Cost() override {
    connections = nullptr;
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(note_connection));
  }

  // Steps since the beginning, of every statement that is kept; or what else SQLite counts, and of
  // those alone that say `saying`.
  [[nodiscard]] std::int64_t steps(int what = SQLITE_STMTSTATUS_VM_STEP,
                                   std::string_view saying = {}) const {
    std::int64_t sum = 0;
    for (sqlite3* connection : connections_)
      for (sqlite3_stmt* each = sqlite3_next_stmt(connection, nullptr); each != nullptr;
           each = sqlite3_next_stmt(connection, each))
        if (std::string_view(sqlite3_sql(each)).find(saying) != std::string_view::npos)
          sum += sqlite3_stmt_status(each, what, 0);
    return sum;
  }

  Answer send(std::string_view method, std::string_view target, const Headers& headers = {},
              std::string_view body = {}) {
    return client_->send(method, target, headers, body);
  }

  // The steps that `act` takes.
  template <class Act>
  std::int64_t cost(const Act& act) {
    const std::int64_t before = steps();
    act();
    return steps() - before;
  }

  // Does the same, and prints its time on the wall. No test judges that.
  template <class Act>
  std::int64_t timed_cost(const std::string& what, const Act& act) {
    const auto start = std::chrono::steady_clock::now();
    const std::int64_t taken = cost(act);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    std::cout << what << ": " << time.count() << " ms, " << taken << " steps\n";
    return taken;
  }

  // `files` empty files c/0, c/1 … below a new collection of a hundred each, in few transactions.
  void make_files(const std::string& top, std::size_t files) {
    names_->write(Flush::required, [&](Transaction& tx) {
      const Resolution at = tx.resolve(path(top));
      const Resource root = tx.make_collection(at.parent.value(), at.path.name(), kNobody);
      Resource folder;
      for (std::size_t i = 0; i < files; ++i) {
        if (i % 100 == 0) folder = tx.make_collection(root, std::to_string(i / 100), kNobody);
        tx.put(folder, std::to_string(i % 100), inline_content("x"), std::nullopt, kNobody);
      }
    });
  }
  void lock_files(const std::string& top, std::size_t from, std::size_t to,
                  AccountId creator = kNobody) {
    names_->write(Flush::deferrable, [&](Transaction& tx) {
      for (std::size_t i = from; i < to; ++i) {
        Lock lock;
        lock.token = "urn:test:" + std::to_string(creator) + top + std::to_string(i);
        lock.root_id =
            tx.resolve(path(top + "/" + std::to_string(i / 100) + "/" + std::to_string(i % 100)))
                .resource.value()
                .id;
        lock.timeout_s = 3600;
        lock.creator = creator;
        (void)tx.add_lock(std::move(lock));
      }
    });
  }

  std::vector<sqlite3*> connections_;
  std::unique_ptr<dav::Engine> engine_;
  std::unique_ptr<test::DavClient> client_;
};

const std::string kExclusive =
    "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/>"
    "</D:locktype></D:lockinfo>";
const std::string kShared =
    "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/>"
    "</D:locktype></D:lockinfo>";

Headers with(const std::string& token) { return {{"If", "(<" + token + ">)"}}; }

// What this process stored is sound as far as it can know: HEAD has no reason to read it.
TEST_F(Cost, OfHeadAfterPutIsNoLookAtTheBytes) {
  ASSERT_EQ(send("PUT", "/f", {}, std::string(60'000, 'f')).status, 201);
  const auto reads = [this] { return steps(SQLITE_STMTSTATUS_RUN, "FROM inline_content"); };
  const std::int64_t before = reads();
  EXPECT_EQ(send("HEAD", "/f").status, 200);
  EXPECT_EQ(reads(), before);
  EXPECT_EQ(send("GET", "/f").body.size(), 60'000U);
  EXPECT_EQ(reads(), before + 1);
}

// Who reads one file after the other, as a client does that copies a folder, needs the database for
// one in many.
TEST_F(Cost, FilesAreReadAheadOfTheirRequests) {
  make_files("many", 400);
  const auto look = [&](int from, int to) {
    for (int i = from; i < to; ++i)
      EXPECT_TRUE(
          names_->snapshot()
              ->resolve(path("many/" + std::to_string(i / 100) + "/" + std::to_string(i % 100)))
              .mapped());
  };
  const auto statements = [this] { return steps(SQLITE_STMTSTATUS_RUN); };
  look(0, 100);  // so many that the instant is seen to last
  const std::int64_t before = statements();
  look(100, 200);
  EXPECT_LT(statements() - before, 40);
  EXPECT_EQ(cost([&] { look(100, 200); }), 0);
  // What was read ahead is of no use after a commit.
  (void)names_->write(Flush::required, [&](Transaction& tx) {
    tx.remove_tree(*tx.resolve(path("many/1/7")).resource);
  });
  EXPECT_FALSE(names_->snapshot()->resolve(path("many/1/7")).mapped());
}

TEST_F(Cost, OfALockDoesNotGrowWithTheLocksThatThereAre) {  // docs/robustness.md D6
  const std::size_t many = at_scale<std::size_t>(1'000'000, 5'000);
  make_files("all", many);
  (void)mkcol("mine");
  (void)put("mine/f", "x");
  const auto everything_with_a_lock = [&] {
    for (const char* target : {"/mine/f", "/mine"}) {
      for (const char* depth : {"0", "infinity"}) {
        const Answer lock = send("LOCK", target, {{"Depth", depth}}, kExclusive);
        EXPECT_EQ(lock.status, 200);
        const std::string token = lock.lock_token();
        EXPECT_EQ(send("LOCK", target, {}, kExclusive).status, 423);
        EXPECT_EQ(send("LOCK", target, with(token)).status, 200);  // refresh
        EXPECT_EQ(send("PUT", "/mine/f", with(token), "x").status,
                  *depth == '0' && std::string_view(target) == "/mine" ? 412 : 204);
        EXPECT_EQ(send("PROPFIND", target, {{"Depth", "1"}}).status, 207);
        EXPECT_EQ(send("UNLOCK", target, {{"Lock-Token", "<" + token + ">"}}).status, 204);
      }
    }
  };
  lock_files("all", 0, 20);
  everything_with_a_lock();
  const std::int64_t among_few = cost(everything_with_a_lock);
  lock_files("all", 20, many);
  const std::int64_t among_many = cost(everything_with_a_lock);
  EXPECT_GT(among_few, 500);
  EXPECT_LE(among_many, among_few + among_few / 20) << many << " locks";
  // Those that ran out and are still kept cost one look at each collection above what changes,
  // where one might have to end for good, however many they are.
  clock_.advance(3'600'000);
  EXPECT_EQ(names_->stats().locks, many);
  EXPECT_LE(cost(everything_with_a_lock), among_few + among_few / 2);
}

TEST_F(Cost, OfALockDoesNotGrowWithThoseThatRanOutOnItsResource) {  // docs/robustness.md D6
  (void)put("f", "x");
  const auto lock = [&](const char* timeout) {
    return send("LOCK", "/f", {{"Depth", "0"}, {"Timeout", timeout}}, kShared);
  };
  const auto look = [&] {
    const std::string token = lock("Second-60").lock_token();
    EXPECT_EQ(send("PUT", "/f", with(token), "y").status, 204);
    EXPECT_EQ(send("PROPFIND", "/f", {{"Depth", "0"}}).status, 207);
    EXPECT_EQ(send("UNLOCK", "/f", {{"Lock-Token", "<" + token + ">"}}).status, 204);
  };
  look();
  const std::int64_t fresh = cost(look);
  std::size_t granted = 0;
  for (int i = 0; i < at_scale(10'000, 1'500); ++i) {
    const int status = lock("Second-1").status;
    ASSERT_TRUE(status == 200 || status == 507) << status;
    if (status == 200) ++granted;
    if (status == 507) clock_.advance(1000);  // at 32 there are no more
  }
  EXPECT_GT(granted, 1'400U);
  clock_.advance(1000);
  EXPECT_LT(cost(look), 6 * fresh) << "at most the last kLateLocks are looked at";
  EXPECT_LT(cost([&] {
              EXPECT_EQ(send("UNLOCK", "/f", {{"Lock-Token", "<urn:uuid:unknown>"}}).status, 409);
            }),
            3 * fresh);
}

// Its own are counted, up to the limit, and nobody else's are met.
TEST_F(Cost, OfAnAccountsLockGrowsOnlyWithItsOwn) {  // docs/robustness.md D6
  make_files("all", 5'000);
  (void)put("f", "x");
  const auto lock_once = [&] {
    const Answer lock = send("LOCK", "/f", {{"Depth", "0"}}, kExclusive);
    ASSERT_EQ(lock.status, 200);
    EXPECT_EQ(send("UNLOCK", "/f", {{"Lock-Token", "<" + lock.lock_token() + ">"}}).status, 204);
  };
  client_->as("ann");
  lock_files("all", 0, 10, 2);
  lock_once();
  const std::int64_t alone = cost(lock_once);
  lock_files("all", 10, 4'900, 2);
  lock_once();  // the writer has forgotten the file meanwhile
  EXPECT_LT(cost(lock_once), alone + alone / 4);
  // The default of locks-per-account, exactly.
  (void)mkcol("own");
  for (int i = 0; i < 1'001; ++i)
    ASSERT_EQ(send("LOCK", "/own/" + std::to_string(i), {{"Depth", "0"}}, kExclusive).status,
              i < 1'000 ? 201 : 507)
        << i;
  EXPECT_LT(cost([&] {
              EXPECT_EQ(send("LOCK", "/f", {{"Depth", "0"}}, kExclusive).status, 507);
            }),
            alone + 1'000 * 10);
  client_->as("cid");
  lock_once();
  client_->as("ann");
  clock_.advance(3'600'000);
  lock_once();  // what ran out is not counted
}

TEST_F(Cost, OfLockingUnmappedUrlsIsCountedAndTheSameEachTime) {  // docs/robustness.md D7
  const int many = at_scale(100'000, 2'000);
  const auto lock_new = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const Answer answer = send("LOCK", "/n" + std::to_string(i),
                                 {{"Depth", "0"}, {"Timeout", "Second-600"}}, kExclusive);
      ASSERT_EQ(answer.status, 201);
    }
  };
  lock_new(0, 10);
  const std::int64_t first = cost([&] { lock_new(10, 110); });
  lock_new(110, many - 100);
  const std::int64_t last = cost([&] { lock_new(many - 100, many); });
  EXPECT_LT(last, first + first / 4);
  NamespaceStats stats = names_->stats();
  EXPECT_EQ(stats.usage.resources, 1U + static_cast<std::uint64_t>(many));
  EXPECT_EQ(stats.locks, static_cast<std::uint64_t>(many));
  // What stays when nobody comes back: empty files, and no lock.
  clock_.advance(600'000 + 601'000);
  names_->purge_expired_locks(600);
  stats = names_->stats();
  EXPECT_EQ(stats.locks, 0U);
  EXPECT_EQ(stats.usage.resources, 1U + static_cast<std::uint64_t>(many));
  expect_sound();
}

TEST_F(Cost, OfTreesIsInProportionToTheirSizeAndTheyChangeAtOnce) {  // docs/robustness.md D15
  const auto batches = [&] { return names_->stats().batches; };
  struct Costs {
    std::int64_t copy, move, remove;
  };
  const auto measure = [&](const std::string& top, std::size_t files) {
    make_files(top, files);
    const std::uint64_t before = batches();
    const Headers to = {{"Destination", "/" + top + "-copy"}};
    Costs costs{};
    costs.copy = cost([&] { EXPECT_EQ(send("COPY", "/" + top, to).status, 201); });
    EXPECT_EQ(send("DELETE", "/" + top + "-copy").status, 204);
    costs.move = cost([&] { EXPECT_EQ(send("MOVE", "/" + top, to).status, 201); });
    costs.remove = cost([&] { EXPECT_EQ(send("DELETE", "/" + top + "-copy").status, 204); });
    // A large copy is made in parts, of which nobody sees anything before the last transaction;
    // each step of a part is a resource, or the end of a collection.
    const std::uint64_t parts = files > 5000 ? files / 1000 + 1 : 0;
    EXPECT_NEAR(static_cast<double>(batches() - before), static_cast<double>(4 + parts), 1)
        << "each all or nothing, in one transaction";
    return costs;
  };
  (void)measure("warm", 1'000);
  const std::size_t files = at_scale<std::size_t>(90'000, 9'000);
  const Costs small = measure("small", files / 10);
  const Costs large = measure("large", files);
  EXPECT_EQ(large.move, small.move) << "MOVE is one row";
  EXPECT_LT(large.copy, 11 * small.copy);
  EXPECT_LT(large.remove, 11 * small.remove);
  EXPECT_LT(large.copy / static_cast<std::int64_t>(files), 400);
  EXPECT_LT(large.remove / static_cast<std::int64_t>(files), 400);
  expect_sound();
}

// DELETE, and what COPY and MOVE replace, is one row that moves. What was given up goes in slices.
TEST_F(Cost, OfARemovalIsTheSameForEveryTree) {
  names_->keep({.trash = true, .versions = true});
  const std::size_t files = at_scale<std::size_t>(1'000'000, 9'000);
  make_files("small", files / 100);
  make_files("large", files);
  names_->checkpoint();  // what made them is not to be paid by what removes them
  const auto remove = [&](const std::string& tree, std::size_t size) {
    return timed_cost("DELETE of " + std::to_string(size) + " files",
                      [&] { EXPECT_EQ(send("DELETE", "/" + tree).status, 204); });
  };
  const std::int64_t small = remove("small", files / 100);
  EXPECT_EQ(remove("large", files), small);
  std::vector<std::int64_t> ids;
  names_->snapshot()->trash(0, [&](const TrashEntry& entry) {
    ids.push_back(entry.id);
    return true;
  });
  ASSERT_EQ(ids.size(), 2U);
  names_->write(Flush::required, [&](Transaction& tx) { EXPECT_TRUE(tx.purge_trash(ids[1])); });
  std::int64_t most = 0;
  for (std::size_t removed = 500; removed == 500;)
    most = std::max(most, cost([&] { removed = names_->purge(500); }));
  EXPECT_LT(most / 500, 1000);
  expect_sound();
}

// A file's many versions are looked at by nobody who reads or writes it.
TEST_F(Cost, OfAFileDoesNotGrowWithItsVersions) {
  names_->keep({.versions = true});
  const auto all = [&](const char* file) {
    std::int64_t steps = 0;
    for (int i = 0; i < 3; ++i) {
      clock_.advance(60'000);
      steps = cost([&] { EXPECT_EQ(send("PUT", file, {}, "text").status, 204); });
    }
    return std::vector<std::int64_t>{
        steps, cost([&] { EXPECT_EQ(send("GET", file).status, 200); }), cost([&] {
          EXPECT_EQ(send("PROPFIND", file, {{"Depth", "0"}}).status, 207);
        })};
  };
  for (const char* file : {"/a", "/b"}) EXPECT_EQ(send("PUT", file, {}, "x").status, 201);
  const std::vector<std::int64_t> few = all("/a");
  for (int i = 0; i < 1000; ++i) {
    clock_.advance(60'000);
    EXPECT_EQ(send("PUT", "/b", {}, "x").status, 204);
  }
  const Resource file = *resolve("b").resource;
  EXPECT_EQ(names_->snapshot()->versions(file).size(), 1000U);
  const std::vector<std::int64_t> many = all("/b");
  for (std::size_t i = 0; i < few.size(); ++i) EXPECT_LE(many[i], few[i] + 10) << i;
}

// Nor by who works beside many files that have many.
TEST_F(Cost, OfACollectionDoesNotGrowWithTheVersionsInIt) {
  names_->keep({.trash = true, .versions = true});
  const int files = at_scale(1'000, 50);
  const int versions = at_scale(1'000, 30);
  const auto store_all = [&](const std::string& folder) {
    clock_.advance(60'000);
    names_->write(Flush::required, [&](Transaction& tx) {
      const Resource at = tx.resolve(path(folder)).resource.value();
      for (int i = 0; i < files; ++i)
        tx.put(at, std::to_string(i), inline_content("text"), std::nullopt, kNobody);
    });
  };
  for (const char* folder : {"few", "many"}) {
    mkcol(folder);
    store_all(folder);
    store_all(folder);
  }
  for (int i = 0; i < versions; ++i) store_all("many");
  const auto all = [&](const std::string& folder) {
    const auto each = [&](const std::string& what, const auto& act) {
      act();  // what is remembered of the instant is so for both
      return timed_cost(what + " in " + folder, act);
    };
    clock_.advance(60'000);
    return std::vector<std::int64_t>{
        each("GET of a file", [&] { EXPECT_EQ(send("GET", "/" + folder + "/7").status, 200); }),
        each("PROPFIND, Depth 1",
             [&] {
               EXPECT_EQ(send("PROPFIND", "/" + folder, {{"Depth", "1"}}).status, 207);
             }),
        each("PUT over a file",
             [&] {
               clock_.advance(60'000);
               EXPECT_EQ(send("PUT", "/" + folder + "/7", {}, "other").status, 204);
             }),
        each("DELETE of a file, and PUT", [&] {
          clock_.advance(60'000);
          EXPECT_EQ(send("DELETE", "/" + folder + "/8").status, 204);
          EXPECT_EQ(send("PUT", "/" + folder + "/8", {}, "other").status, 201);
        })};
  };
  const std::vector<std::int64_t> few = all("few");
  const std::vector<std::int64_t> many = all("many");
  for (std::size_t i = 0; i < few.size(); ++i) EXPECT_LE(many[i], few[i] + 20) << i;
  expect_sound();
}

// What is asked are the collections that hold locks, whatever the number of locks and of resources.
// A MOVE takes 10 ms at most beside 100,000 locks.
TEST_F(Cost, OfATreeBesideLocksDependsOnTheCollectionsThatHoldThem) {
  const std::size_t many = at_scale<std::size_t>(100'000, 5'000);
  make_files("all", many);
  make_files("large", 4'200);  // not looked through for locks
  make_files("small", 200);
  const auto lock_infinitely = [&](const std::string& target) {
    const Answer lock = send("LOCK", target, {{"Depth", "infinity"}}, kShared);
    EXPECT_EQ(lock.status, 200);
    EXPECT_EQ(send("UNLOCK", target, {{"Lock-Token", "<" + lock.lock_token() + ">"}}).status, 204);
  };
  const auto everything_with = [&](const std::string& tree) {
    EXPECT_EQ(send("MOVE", tree, {{"Destination", "/elsewhere"}}).status, 201);
    lock_infinitely("/elsewhere");
    EXPECT_EQ(send("MOVE", "/elsewhere", {{"Destination", tree}}).status, 201);
  };
  const auto costs = [&] {
    return std::pair{cost([&] { everything_with("/small"); }),
                     cost([&] { everything_with("/large"); })};
  };
  lock_files("all", 0, many, 1);
  (void)costs();
  const auto [small, large] = costs();
  lock_files("all", 0, many, 2);
  const auto [small_again, large_again] = costs();
  EXPECT_LT(small_again, small + small / 20);
  EXPECT_LT(large_again, large + large / 20);
  // Five looks for locks at each.
  EXPECT_LT(small, 5 * 200 * 20);
  EXPECT_LT(large, 5 * (4'200 * 10 + static_cast<std::int64_t>(many / 100) * 50));
  // Nor do those that ran out cost more than those that have not.
  clock_.advance(3'600'000);
  const auto [small_late, large_late] = costs();
  EXPECT_LT(small_late, small + small / 20);
  EXPECT_LT(large_late, large + large / 20);
  EXPECT_EQ(names_->stats().locks, 2 * many) << "none of them was touched";
  expect_sound();
}

// Whoever is refused because of one lock has not looked at the others, and nobody has waited for
// that (conflicts.md).
TEST_F(Cost, OfARefusalDoesNotGrowWithTheLocksInTheTree) {  // docs/robustness.md D6
  const std::size_t many = at_scale<std::size_t>(100'000, 5'000);
  make_files("tree", many);
  make_files("other", 50);
  (void)put("f", "x");
  std::string tokens;  // of nothing here: each lock is compared with all of them
  for (int i = 0; i < 200; ++i) tokens += "<urn:uuid:none-" + std::to_string(i) + ">";
  const Headers negated = {{"If", "(Not <DAV:no-lock>) (" + tokens + ")"}};
  const auto refused = [&] {
    const auto to = [](const char* where) { return Headers{{"Destination", where}}; };
    EXPECT_EQ(send("DELETE", "/tree").status, 423);
    EXPECT_EQ(send("DELETE", "/tree", negated).status, 423);
    EXPECT_EQ(send("MOVE", "/tree", to("/moved")).status, 423);
    EXPECT_EQ(send("MOVE", "/other", to("/tree")).status, 423);
    EXPECT_EQ(send("COPY", "/other", to("/tree")).status, 423);
    EXPECT_EQ(send("COPY", "/f", to("/tree")).status, 423);
    EXPECT_EQ(send("LOCK", "/tree", {{"Depth", "infinity"}}, kExclusive).status, 423);
    EXPECT_EQ(send("LOCK", "/tree", {{"Depth", "infinity"}}, kShared).status, 423);
    EXPECT_EQ(send("LOCK", "/", {{"Depth", "infinity"}}, kExclusive).status, 423);
    EXPECT_EQ(send("PUT", "/tree/0/0", {}, "x").status, 423);
    EXPECT_EQ(send("PROPPATCH", "/tree/0/0", {},
                   "<D:propertyupdate xmlns:D='DAV:'><D:remove><D:prop><p xmlns='urn:x'/></D:prop>"
                   "</D:remove></D:propertyupdate>")
                  .status,
              423);
    EXPECT_EQ(send("MKCOL", "/tree/0/0").status, 405);
    EXPECT_EQ(send("LOCK", "/tree/0/0", with("urn:uuid:none")).status, 412);  // refresh
  };
  lock_files("tree", 0, 100);
  refused();
  const std::int64_t among_few = cost(refused);
  lock_files("tree", 100, many);
  refused();
  const std::int64_t among_many = cost(refused);
  EXPECT_GT(among_few, 500);
  EXPECT_LE(among_many, among_few + among_few / 20) << many << " locks";
  expect_sound();
}

TEST_F(Cost, OfASharedLockOnATreeIsAStepForEachSharedLockInIt) {  // docs/robustness.md D6
  const auto locks = at_scale<std::int64_t>(100'000, 5'000);
  make_files("tree", static_cast<std::size_t>(locks));
  names_->write(Flush::deferrable, [&](Transaction& tx) {
    for (std::int64_t i = 0; i < locks; ++i) {
      Lock lock;
      lock.token = "urn:test:" + std::to_string(i);
      lock.root_id =
          tx.resolve(path("tree/" + std::to_string(i / 100) + "/" + std::to_string(i % 100)))
              .resource.value()
              .id;
      lock.timeout_s = 3600;
      lock.scope = LockScope::shared;
      (void)tx.add_lock(std::move(lock));
    }
  });
  const auto lock = [&](const std::string& what) {
    const Answer answer = send("LOCK", "/tree", {{"Depth", "infinity"}}, what);
    if (answer.status == 200) {
      EXPECT_EQ(send("UNLOCK", "/tree", {{"Lock-Token", "<" + answer.lock_token() + ">"}}).status,
                204);
    }
    return answer.status;
  };
  EXPECT_EQ(lock(kShared), 200);
  EXPECT_LT(cost([&] { EXPECT_EQ(lock(kShared), 200); }), 16 * locks);
  EXPECT_LT(cost([&] { EXPECT_EQ(lock(kExclusive), 423); }), 2'000);
  // The same once they have run out.
  clock_.advance(3'600'000);
  EXPECT_LT(cost([&] { EXPECT_EQ(lock(kExclusive), 200); }), 16 * locks);
  // Forgotten some at a time, so that others come in between.
  clock_.advance(601'000);
  const auto purges = [this] { return steps(SQLITE_STMTSTATUS_RUN, "DELETE FROM lock WHERE id"); };
  const std::int64_t before = purges();
  names_->purge_expired_locks(600);
  EXPECT_EQ(names_->stats().locks, 0U);
  EXPECT_EQ(purges() - before, (locks + 499) / 500);
}

TEST_F(Cost, OfSettingAndRemovingPropertiesLeavesNoSpaceBehind) {  // docs/robustness.md D9
  (void)put("f", "x");
  const NodeId id = resolve("f").resource.value().id;
  const auto churn = [&](int cycles) {
    for (int i = 0; i < cycles; ++i) {
      const PropertyName name{"urn:n" + std::to_string(i % 7), "p" + std::to_string(i % 512)};
      const std::string value =
          "<p>" + std::string(static_cast<std::size_t>(i % 5000), 'v') + "</p>";
      for (const bool set : {true, false}) {
        const PropertyChange change{name, set ? std::optional(value) : std::nullopt};
        names_->write(Flush::required,
                      [&](Transaction& tx) { tx.patch_properties(id, std::span(&change, 1)); });
      }
    }
    names_->checkpoint();
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(data()))
      if (entry.path().filename().string().starts_with("meta.db")) bytes += entry.file_size();
    return bytes;
  };
  const std::uint64_t before = churn(1'000);
  const std::uint64_t after = churn(at_scale(100'000, 2'000));
  EXPECT_LE(after, before + 64 * 8192);
  EXPECT_TRUE(names_->snapshot()->usage().bytes == 1);
  expect_sound();
}

}  // namespace
}  // namespace holdfast::storage
