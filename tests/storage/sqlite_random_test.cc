// Thousands of random acts; after them every count, reference and bound must follow from the rows.
#include <random>

#include "tests/storage/sqlite_store.h"

namespace holdfast::storage {
namespace {

class RandomActs : public SqliteStore, public testing::WithParamInterface<Durability> {
 protected:
  // A random place: most exist sooner or later, and deep enough that acts meet inside trees.
  Path place() {
    std::vector<std::string> segments;
    for (auto depth = 1 + random_() % 3; depth > 0; --depth) {
      segments.push_back(std::string(1 + random_() % 3, static_cast<char>('a' + random_() % 3)));
    }
    return Path(std::move(segments));
  }

  void act(Transaction& tx, const Content& file) {
    const Resolution target = tx.resolve(place());
    const Resolution source = tx.resolve(place());
    const bool room = target.parent && target.parent->is_collection();
    switch (random_() % 10) {
      case 0:
      case 1:
        if (room && !target.mapped())
          (void)tx.make_collection(*target.parent, target.path.name(), kNobody);
        break;
      case 2:
      case 3:
        if (room && (!target.mapped() || !target.resource->is_collection())) {
          (void)tx.put(*target.parent, target.path.name(),
                       random_() % 2 == 0 ? file : inline_content(std::string(random_() % 9, 'x')),
                       std::nullopt, kNobody);
        }
        break;
      case 4:
      case 5: {
        if (!room || !source.mapped() || target.at_or_below(*source.resource)) break;
        if (target.resource && source.at_or_below(*target.resource)) break;
        if (random_() % 2 == 0 || tx.count(*source.resource, 50) > 50) {
          (void)tx.move_tree(*source.resource, *target.parent, target.path.name());
        } else {
          (void)tx.copy_tree(*source.resource, random_() % 4 > 0, *target.parent,
                             target.path.name(), kNobody);
        }
        break;
      }
      case 6:
        if (source.mapped()) tx.remove_tree(*source.resource);
        break;
      case 7: {
        if (!source.mapped()) break;
        PropertyChange change{{"urn:x", std::string(1, static_cast<char>('a' + random_() % 3))},
                              std::nullopt};
        if (random_() % 2 == 0) change.xml = "<p/>";
        tx.patch_properties(source.resource->id, std::span(&change, 1));
        break;
      }
      default:
        if (!source.mapped()) break;
        if (!source.locks.empty() && random_() % 2 == 0) {
          (void)tx.remove_lock(source.locks.front());
          break;
        }
        Lock lock;
        lock.token = "urn:" + std::to_string(++locks_);
        lock.root_id = source.resource->id;
        lock.infinite = random_() % 2 == 0;
        lock.timeout_s = static_cast<std::int64_t>(1 + random_() % 60);
        (void)tx.add_lock(std::move(lock));
    }
  }

  std::mt19937 random_{20'250'101};
  int locks_ = 0;
};

TEST_P(RandomActs, KeepEveryInvariant) {
  open(GetParam());
  constexpr int kBatches = 50;
  for (int batch = 0; batch < kBatches; ++batch) {
    const std::unique_ptr<Upload> upload = content_->begin({});
    upload->append(std::string(kInlineLimitBytes + 1, 'f'));
    const Content& file = upload->seal();
    names_->write(Flush::required, [&](Transaction& tx) {
      for (int i = 0; i < 60; ++i) act(tx, file);
    });
    if (names_->names_blob(file.blob)) upload->keep();
    clock_.advance(1000);
    if (batch % 10 == 3) names_->checkpoint();
    if (batch % 10 == 5) names_->purge_expired_locks(5);
    if (batch % 15 == 7) reopen(GetParam());
    ASSERT_NO_FATAL_FAILURE(expect_sound()) << batch;
    ASSERT_FALSE(HasFailure()) << batch;
  }
  names_->checkpoint();
  expect_sound();
  // Every file is named by a row or is garbage, and the other way round.
  std::size_t named = names_->garbage(1'000'000).size();
  names_->for_each_blob([&](std::int64_t, const Content& content) {
    ++named;
    EXPECT_TRUE(content_->verify(content));
  });
  EXPECT_EQ(files(), named);
}

INSTANTIATE_TEST_SUITE_P(All, RandomActs, testing::Values(Durability::full, Durability::relaxed),
                         [](const auto& mode) {
                           return mode.param == Durability::full ? "Full" : "Relaxed";
                         });

}  // namespace
}  // namespace holdfast::storage
