// Quotas (docs/conflicts.md#rights-and-quotas; docs/robustness.md D11; RFC 4331): exact, for every
// method that adds, before a body is invited where its length is known and in the transaction that
// stores it.
#include <algorithm>
#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include "tests/dav/world.h"
#include "tests/storage/sqlite_store.h"

namespace holdfast::test {
namespace {

using dav::Caller;
using storage::Right;

// Stores an account and returns who signs in to it; everything is granted.
std::shared_ptr<Caller> add_account(storage::Namespace& names, std::string name,
                                    std::optional<std::uint64_t> bytes,
                                    std::optional<std::uint64_t> resources) {
  auto caller = std::make_shared<Caller>(*dav::anonymous_caller(Right::write));
  caller->name = std::move(name);
  caller->quota_bytes = bytes;
  caller->quota_resources = resources;
  names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    storage::Account account;
    account.name = caller->name;
    account.quota_bytes = bytes;
    account.quota_resources = resources;
    caller->account = tx.put_account(account);
  });
  return caller;
}

class Quota : public ::testing::Test {
 protected:
  std::shared_ptr<Caller> be(std::optional<std::uint64_t> bytes,
                             std::optional<std::uint64_t> resources, std::string name = "ann") {
    auto caller = add_account(world_.store.names, std::move(name), bytes, resources);
    world_.dav.as(caller);
    return caller;
  }
  storage::Usage used(const Caller& caller) {
    return world_.store.names.snapshot()->usage_of(caller.account);
  }
  void expect_exceeded(const Answer& answer, std::string_view what = {}) {
    EXPECT_EQ(answer.status, 507) << what << answer.log_detail;
    if (answer.status == 507) {
      EXPECT_EQ(refusal(answer).precondition, "quota-not-exceeded") << what;
    }
  }

  World world_;
};

// One byte less, as much and one more, however the length becomes known.
TEST_F(Quota, OfBytesIsExactForEveryWayToPut) {
  struct Way {
    const char* name;
    bool chunked;
    bool expected;
  };
  for (const Way& way : {Way{"Content-Length", false, false}, Way{"chunked", true, false},
                         Way{"X-Expected-Entity-Length", true, true}}) {
    for (const bool over : {false, true}) {
      const auto start = world_.store.names.state();
      const auto caller = be(100, {}, "ann");
      world_.put("/other", std::string(40, 'o'));
      if (over) world_.put("/f", std::string(25, 'f'));
      const auto state = world_.store.names.state();
      for (const std::size_t size : {59U, 60U, 61U, 100'000U}) {
        StringBody body(std::string(size, 'x'));
        body.pieces_of(7);
        if (way.chunked) body.chunked();
        Headers headers;
        if (way.expected) headers.emplace_back("X-Expected-Entity-Length", std::to_string(size));
        const Answer answer = world_.dav.send("PUT", "/f", headers, body);
        const std::string what = std::string(way.name) + " " + std::to_string(size);
        if (size <= 60) {
          EXPECT_EQ(answer.status, over ? 204 : 201) << what;
          EXPECT_EQ(used(*caller).bytes, 40 + size) << what;
        } else {
          expect_exceeded(answer, what);
          EXPECT_EQ(world_.store.names.state(), state) << what;
          EXPECT_EQ(world_.store.contents.uploads(), 0U) << what;
          if (way.chunked && !way.expected) {
            EXPECT_LE(body.consumed(), 67U) << "read on after the quota was crossed";
          } else {
            EXPECT_FALSE(body.invited()) << what;
          }
        }
        world_.store.names.restore(state);
      }
      world_.store.names.restore(start);
    }
  }
}

TEST_F(Quota, OfResourcesIsExactForEveryMethodThatMakesOne) {
  struct Row {
    const char* method;
    const char* url;
    Headers headers;
    std::string body;
    std::uint64_t adds;
  };
  const std::vector<Row> rows = {
      {"PUT", "/new", {}, "", 1},
      {"MKCOL", "/new", {}, "", 1},
      {"LOCK", "/new", {}, lockinfo(), 1},
      {"COPY", "/c", {{"Destination", "/new"}}, "", 3},
      {"COPY", "/c", {{"Destination", "/new"}, {"Depth", "0"}}, "", 1},
      {"COPY", "/c", {{"Destination", "/d"}}, "", 2},  // in place of one
      {"COPY", "/d", {{"Destination", "/c"}}, "", 0},  // in place of three
      {"PUT", "/c/f", {}, "other", 0},
      {"MOVE", "/c", {{"Destination", "/new"}}, "", 0},
      {"LOCK", "/c", {}, lockinfo(), 0},
      {"PROPPATCH", "/c", {}, set_properties("<x:p>1</x:p>"), 0},
  };
  const auto start = world_.store.names.state();
  for (const Row& row : rows) {
    for (const std::uint64_t quota : {4U, 5U, 6U, 7U, 8U}) {
      const auto caller = be({}, quota);
      auto planter = std::make_shared<Caller>(*caller);
      planter->quota_resources = {};
      world_.dav.as(planter);
      world_.mkcol("/c");
      world_.put("/c/f");
      world_.mkcol("/c/e");
      world_.mkcol("/d");
      world_.dav.as(caller);
      ASSERT_EQ(used(*caller).resources, 4U);
      const auto state = world_.store.names.state();
      const Answer answer = world_.send(row.method, row.url, row.headers, row.body);
      const std::string what = std::string(row.method) + row.url + " " + std::to_string(quota);
      if (4 + row.adds <= quota) {
        EXPECT_LT(answer.status, 300) << what << answer.log_detail;
      } else {
        expect_exceeded(answer, what);
        EXPECT_EQ(world_.store.names.state(), state) << what;
      }
      world_.store.names.restore(start);
    }
  }
}

TEST_F(Quota, ACopyCountsAllItsFilesForWhoCopies) {
  const auto ann = be({}, {});
  world_.mkcol("/c");
  world_.put("/c/f", std::string(30, 'f'));
  world_.put("/c/g", std::string(30, 'g'));
  for (const std::uint64_t quota : {59U, 60U}) {
    const auto bob = be(quota, {}, "bob" + std::to_string(quota));
    const Answer answer = world_.send("COPY", "/c", {{"Destination", "/copy"}});
    if (quota < 60) {
      expect_exceeded(answer);
      EXPECT_EQ(used(*bob).resources, 0U);
    } else {
      EXPECT_EQ(answer.status, 201);
      EXPECT_EQ(used(*bob).bytes, 60U);
      EXPECT_EQ(used(*bob).resources, 3U);
      // In place of his own copy there is room for another one.
      EXPECT_EQ(world_.status("COPY", "/c", {{"Destination", "/copy"}}), 204);
    }
  }
  EXPECT_EQ(used(*ann).bytes, 60U);
}

// Who makes a file grow owns it from then on, and pays for it; a MOVE changes no owner.
TEST_F(Quota, WhoMakesAFileGrowPaysForIt) {
  const auto ann = be(100, {}, "ann");
  world_.put("/f", std::string(50, 'f'));
  const auto bob = be(80, 1, "bob");
  for (const std::size_t size : {50U, 40U, 0U, 30U}) {
    EXPECT_EQ(world_.status("PUT", "/f", {}, std::string(size, 'x')), 204);
    EXPECT_EQ(used(*ann).bytes, size == 30 ? 0U : size);
    EXPECT_EQ(used(*bob).bytes, size == 30 ? 30U : 0U);
  }
  EXPECT_EQ(used(*ann).resources, 0U);
  EXPECT_EQ(used(*bob).resources, 1U);
  world_.dav.as(ann);
  EXPECT_EQ(world_.status("PUT", "/g", {}, std::string(100, 'g')), 201) << "all of her quota";
  world_.dav.as(bob);
  for (const bool chunked : {false, true}) {
    StringBody body(std::string(101, 'x'));
    if (chunked) body.chunked();
    expect_exceeded(world_.dav.send("PUT", "/g", {}, body));
    EXPECT_EQ(body.invited(), chunked);
    StringBody smaller(std::string(100, 'x'));
    if (chunked) smaller.chunked();
    EXPECT_EQ(world_.dav.send("PUT", "/g", {}, smaller).status, 204) << "it does not grow";
  }
  EXPECT_EQ(used(*ann).bytes, 100U);
  EXPECT_EQ(world_.status("MOVE", "/g", {{"Destination", "/h"}}), 201);
  EXPECT_EQ(used(*ann).bytes, 100U);
  EXPECT_EQ(used(*bob).resources, 1U);
}

// What nobody owns becomes the writer's, and so does what the account owned that is gone.
TEST_F(Quota, NobodysFileBecomesTheWriters) {
  world_.dav.as(dav::anonymous_caller(Right::write));
  world_.put("/nobodys", std::string(50, 'x'));
  world_.put("/more", std::string(50, 'x'));
  const auto gone = be({}, {}, "gone");
  world_.put("/gones", std::string(20, 'x'));
  world_.store.names.write(storage::Flush::required,
                           [&](storage::Transaction& tx) { tx.remove_account(gone->account); });
  const auto ann = be(60, {}, "ann");
  expect_exceeded(world_.send("PUT", "/nobodys", {}, std::string(61, 'x')));
  EXPECT_EQ(world_.status("PUT", "/nobodys", {}, std::string(40, 'x')), 204) << "smaller";
  EXPECT_EQ(used(*ann).bytes, 40U);
  EXPECT_EQ(world_.status("PUT", "/gones", {}, std::string(20, 'y')), 204);
  EXPECT_EQ(used(*ann).bytes, 60U);
  EXPECT_EQ(used(*ann).resources, 2U);
  // Anonymous clients leave what belongs to an account to that account.
  world_.dav.as(dav::anonymous_caller(Right::write));
  expect_exceeded(world_.send("PUT", "/gones", {}, std::string(21, 'x')));
  EXPECT_EQ(world_.status("PUT", "/more", {}, std::string(1000, 'x')), 204);
  EXPECT_EQ(used(*ann).bytes, 60U);
}

TEST_F(Quota, OfBytesLimitsPropertiesAndTheirCopies) {
  const auto ann = be(1000, {}, "ann");
  world_.mkcol("/c");
  const auto set = [&](const std::string& url, std::size_t size) {
    return world_.send("PROPPATCH", url, {},
                       set_properties("<x:p>" + std::string(size, 'v') + "</x:p>"));
  };
  expect_exceeded(set("/c", 1000));
  EXPECT_EQ(used(*ann).bytes, 0U);
  EXPECT_EQ(set("/c", 400).status, 207);
  const std::uint64_t once = used(*ann).bytes;
  EXPECT_GT(once, 400U);
  EXPECT_LT(once, 500U);
  EXPECT_EQ(world_.status("COPY", "/c", {{"Destination", "/d"}}), 201);
  EXPECT_EQ(used(*ann).bytes, 2 * once);
  expect_exceeded(world_.send("COPY", "/c", {{"Destination", "/e"}}));
  EXPECT_EQ(used(*ann).resources, 2U);
  EXPECT_EQ(world_.properties("/", "quota-used-bytes").text("quota-used-bytes"),
            std::to_string(2 * once));
  // Another's property is paid by who set it.
  const auto bob = be(1000, {}, "bob");
  EXPECT_EQ(set("/d", 500).status, 207);
  EXPECT_EQ(used(*ann).bytes, once);
  EXPECT_EQ(used(*bob).bytes, once + 100);
  EXPECT_EQ(set("/c", 10).status, 207) << "it shrinks";
  EXPECT_EQ(used(*bob).resources, 1U);
  world_.dav.as(ann);
  EXPECT_EQ(world_.status("DELETE", "/c"), 204);
  EXPECT_EQ(used(*ann).bytes, 0U);
}

// Names take space, too: 10,000 resources, and one more for each 4 KiB.
TEST_F(Quota, OfBytesAloneLimitsResourcesAsWell) {
  const auto ann = be(8192, {}, "ann");
  world_.store.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const auto root = tx.resolve({});
    for (int i = 0; i < 10'001; ++i)
      static_cast<void>(tx.make_collection(*root.resource, std::to_string(i), ann->account));
  });
  EXPECT_EQ(world_.status("MKCOL", "/a"), 201);
  expect_exceeded(world_.send("MKCOL", "/b"));
  expect_exceeded(world_.send("PUT", "/b", {}, ""));
  EXPECT_EQ(world_.status("DELETE", "/17"), 204);
  EXPECT_EQ(world_.status("PUT", "/b", {}, ""), 201);
}

TEST_F(Quota, LoweredBelowWhatIsOwnedOnlyGrowthIsRefused) {
  const auto ann = be({}, {});
  world_.mkcol("/c");
  world_.put("/f", std::string(50, 'f'));
  world_.put("/c/g", std::string(50, 'g'));
  ann->quota_bytes = 10;
  ann->quota_resources = 1;
  world_.dav.as(ann);
  expect_exceeded(world_.send("PUT", "/f", {}, std::string(51, 'x')));
  expect_exceeded(world_.send("PUT", "/new", {}, ""));
  expect_exceeded(world_.send("MKCOL", "/new"));
  expect_exceeded(world_.send("LOCK", "/new", {}, lockinfo()));
  expect_exceeded(world_.send("COPY", "/f", {{"Destination", "/new"}}));
  EXPECT_EQ(world_.status("PUT", "/f", {}, std::string(50, 'x')), 204);
  EXPECT_EQ(world_.status("PUT", "/f", {}, std::string(40, 'x')), 204);
  EXPECT_EQ(world_.status("COPY", "/f", {{"Destination", "/c/g"}}), 204) << "less than before";
  EXPECT_EQ(world_.status("MOVE", "/c/g", {{"Destination", "/c/h"}}), 201);
  expect_exceeded(world_.send("PROPPATCH", "/f", {}, set_properties("<x:p>1</x:p>")));
  EXPECT_EQ(world_.status("DELETE", "/c"), 204);
  EXPECT_EQ(world_.properties("/", "quota-available-bytes").text("quota-available-bytes"), "0");
}

// RFC 4331 §3, §4: the smaller of quota and disk.
TEST_F(Quota, PropertiesTellTheAccountsOwn) {
  world_.store.contents.set_space({.available = 700, .total = 1000});
  world_.put("/nobodys", std::string(11, 'x'));
  const auto quota_of = [&] {
    const auto response = world_.properties("/", "quota-available-bytes quota-used-bytes");
    return response.text("quota-available-bytes") + " free, " + response.text("quota-used-bytes") +
           " used";
  };
  EXPECT_EQ(quota_of(), "700 free, 11 used") << "without accounts: the store";
  const auto ann = be(100, {});
  world_.put("/f", std::string(30, 'f'));
  EXPECT_EQ(quota_of(), "70 free, 30 used");
  ann->quota_bytes = 2000;
  world_.dav.as(ann);
  EXPECT_EQ(quota_of(), "700 free, 30 used");
  ann->quota_bytes = {};
  world_.dav.as(ann);
  EXPECT_EQ(quota_of(), "700 free, 30 used");
}

// A body that does something else between its pieces.
class BusyBody final : public http::Body {
 public:
  BusyBody(std::string bytes, std::function<void()> meanwhile)
      : bytes_(std::move(bytes)), meanwhile_(std::move(meanwhile)) {}
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return bytes_.size(); }
  Piece read() override {
    if (!meanwhile_) return {};
    std::exchange(meanwhile_, nullptr)();
    return {State::more, bytes_};
  }

 private:
  std::string bytes_;
  std::function<void()> meanwhile_;
};

// A chunked body of these pieces, that does something before each.
class PiecesBody final : public http::Body {
 public:
  PiecesBody(std::vector<std::string> pieces, std::function<void(std::size_t)> before)
      : pieces_(std::move(pieces)), before_(std::move(before)) {}
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return std::nullopt; }
  Piece read() override {
    if (next_ == pieces_.size()) return {State::complete, {}};
    before_(next_);
    return {State::more, pieces_[next_++]};
  }

 private:
  std::vector<std::string> pieces_;
  std::function<void(std::size_t)> before_;
  std::size_t next_ = 0;
};

// Both passed the first look.
TEST_F(Quota, OfTwoPutsThatFitAloneAndNotTogetherOneIsStored) {
  for (const bool by_resources : {false, true}) {
    const auto start = world_.store.names.state();
    const auto ann = by_resources ? be({}, 1) : be(100, {});
    Answer inner;
    BusyBody body(std::string(60, 'a'),
                  [&] { inner = world_.send("PUT", "/b", {}, std::string(60, 'b')); });
    const Answer outer = world_.dav.send("PUT", "/a", {}, body);
    EXPECT_EQ(inner.status, 201);
    expect_exceeded(outer);
    EXPECT_EQ(used(*ann).bytes, 60U);
    EXPECT_EQ(used(*ann).resources, 1U);
    EXPECT_EQ(world_.status("GET", "/a"), 404);
    world_.store.names.restore(start);
  }
}

// What an upload has sent counts while it lasts: two that fit alone do not grow beyond the quota
// together, and what the first held is free when it has ended.
TEST_F(Quota, UploadsUnderWayShareIt) {
  const auto ann = be(100'000, {});
  Answer inner;
  int rounds = 0;
  PiecesBody body({std::string(60'000, 'a'), std::string(10, 'a')}, [&](std::size_t piece) {
    if (piece != 1) return;
    ++rounds;
    StringBody other(std::string(60'000, 'b'));
    inner = world_.dav.send("PUT", "/b", {}, other.chunked());
  });
  const Answer outer = world_.dav.send("PUT", "/a", {}, body);
  EXPECT_EQ(rounds, 1);
  expect_exceeded(inner);
  EXPECT_EQ(outer.status, 201);
  EXPECT_EQ(used(*ann).bytes, 60'010U);
  EXPECT_EQ(world_.store.contents.uploads(), 0U);
}

// An upload is judged as it grows, by the space of that moment.
TEST_F(Quota, AnUploadThatComesToTheFloorEnds) {
  dav::Options options;
  options.free_space_floor_bytes = 1000;
  World world(options);
  world.store.contents.set_space({.available = 1'000'000'000, .total = 1'000'000'000});
  const std::string piece(storage::SpaceLedger::kPieceBytes, 'x');
  std::size_t read = 0;
  PiecesBody body({piece, piece, piece, piece}, [&](std::size_t at) {
    read = at + 1;
    if (at == 2) world.store.contents.set_space({.available = 1000, .total = 1'000'000'000});
  });
  const Answer answer = world.dav.send("PUT", "/f", {}, body);
  EXPECT_EQ(answer.status, 507);
  EXPECT_EQ(refusal(answer).precondition, "sufficient-disk-space");
  EXPECT_EQ(read, 3U);
  EXPECT_EQ(world.store.contents.uploads(), 0U);
  world.store.contents.set_space({.available = 1'000'000, .total = 1'000'000'000});
  EXPECT_EQ(world.status("PUT", "/f", {}, "x"), 201);
}

struct QuotaInSqlite : storage::SqliteStore {
  // Bytes and resources of an account, counted one by one.
  [[nodiscard]] storage::Usage recount(storage::AccountId account) const {
    storage::Usage usage;
    const auto now = names_->snapshot();
    now->members(now->resolve({}), storage::Depth::infinity, {}, [&](const auto& member) {
      if (member.resource.owner != account) return;
      ++usage.resources;
      usage.bytes += member.resource.size;
    });
    return usage;
  }
};

TEST_F(QuotaInSqlite, ManyAtOnceFillItExactly) {
  open(storage::Durability::relaxed);
  const dav::Engine engine(*names_, *content_, {});
  const auto ann = add_account(*names_, "ann", 1000, {});
  std::atomic<int> stored = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      DavClient client(engine);
      client.as(ann);
      for (int i = 0; i < 6; ++i) {
        const std::string url = "/" + std::to_string(thread) + "-" + std::to_string(i);
        const int status = client.send("PUT", url, {}, std::string(100, 'x')).status;
        if (status == 201) ++stored;
        if (status == 507) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored, 10);
  EXPECT_EQ(refused, 38);
  EXPECT_EQ(recount(ann->account).bytes, 1000U);
}

// A tree that is copied in parts: the part that is too much is refused, and nothing stays of those
// before it.
TEST_F(QuotaInSqlite, OfALargeCopyIsJudgedPartByPart) {
  open(storage::Durability::relaxed);
  const dav::Engine engine(*names_, *content_, {});
  DavClient client(engine);
  client.as(add_account(*names_, "planter", {}, {}));
  const auto ask = [&](std::string_view method, const std::string& url,
                       const std::string& destination = "") {
    Headers headers;
    if (!destination.empty()) headers.emplace_back("Destination", destination);
    return client.send(method, url, headers).status;
  };
  ASSERT_EQ(ask("MKCOL", "/tree"), 201);
  ASSERT_EQ(ask("MKCOL", "/all"), 201);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ask("PUT", "/tree/f" + std::to_string(i)), 201);
  for (int i = 0; i < 60; ++i) ASSERT_EQ(ask("COPY", "/tree", "/all/c" + std::to_string(i)), 201);
  constexpr std::uint64_t kSize = 1 + 60 * 101;
  for (const std::uint64_t quota : {kSize - 3000, kSize - 1, kSize}) {
    SCOPED_TRACE(quota);
    const auto ann = add_account(*names_, "ann" + std::to_string(quota), {}, quota);
    client.as(ann);
    const auto owned = [&] {
      while (names_->purge(500) == 500) {
      }
      EXPECT_EQ(names_->snapshot()->usage_of(ann->account).resources,
                recount(ann->account).resources);
      return recount(ann->account).resources;
    };
    EXPECT_EQ(ask("COPY", "/all", "/copy"), quota == kSize ? 201 : 507);
    EXPECT_EQ(owned(), quota == kSize ? kSize : 0);
    if (quota != kSize) continue;
    EXPECT_EQ(ask("COPY", "/all", "/other"), 507);
    EXPECT_EQ(owned(), kSize);
  }
}

// After many random requests of two accounts with tight quotas the counts are what is there, and
// no quota was ever passed.
TEST_F(QuotaInSqlite, CountsStayExactUnderRandomRequests) {
  open(storage::Durability::relaxed);
  const dav::Engine engine(*names_, *content_, {});
  DavClient client(engine);
  const auto ann = add_account(*names_, "ann", 700, 6);
  const auto bob = add_account(*names_, "bob", 600, 8);
  std::mt19937 random(11);
  std::map<int, int> answers;
  const auto any_url = [&] {
    std::string url;
    for (auto depth = 1 + random() % 3; depth > 0; --depth)
      url += std::string("/") + static_cast<char>('a' + random() % 3);
    return url;
  };
  for (int i = 0; i < 10'000; ++i) {
    client.as(random() % 2 == 0 ? ann : bob);
    const std::string url = any_url();
    Answer answer;
    switch (random() % 7) {
      case 0:
      case 1:
        answer = client.send("PUT", url, {}, std::string(random() % 500, 'x'));
        break;
      case 2:
        answer = client.send("MKCOL", url);
        break;
      case 3:
      case 4:
        answer = client.send("COPY", url, {{"Destination", any_url()}});
        break;
      case 5:
        answer = client.send("MOVE", url, {{"Destination", any_url()}});
        break;
      default:
        if (random() % 3 == 0) answer = client.send("DELETE", url);
        break;
    }
    ++answers[answer.status];
    if (i % 100 != 99) continue;
    for (const auto& caller : {ann, bob}) {
      const storage::Usage counted = recount(caller->account);
      const storage::Usage kept = names_->snapshot()->usage_of(caller->account);
      ASSERT_EQ(kept.bytes, counted.bytes) << "after " << i << " requests";
      ASSERT_EQ(kept.resources, counted.resources) << "after " << i << " requests";
      ASSERT_LE(counted.bytes, *caller->quota_bytes);
      ASSERT_LE(counted.resources, *caller->quota_resources);
    }
  }
  EXPECT_GT(answers[507], 100);
  EXPECT_GT(answers[201] + answers[204], 1000);
}

}  // namespace
}  // namespace holdfast::test
