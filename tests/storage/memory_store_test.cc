// What only the in-memory store promises; the rest is in the conformance suites.
#include "tests/support/memory_store.h"

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

using storage::Flush;
using storage::Path;
using storage::Transaction;

TEST(MemoryStore, RerunsClosuresOnATreeThatIsThrownAway) {
  MemoryStore store;
  store.names.rerun_closures(true);
  int runs = 0;
  store.names.write(Flush::required, [&](Transaction& tx) {
    ++runs;
    const storage::Resolution root = tx.resolve(Path());
    tx.make_collection(*root.resource, "a", storage::kNobody);
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(store.names.snapshot()->usage().resources, 2u);
}

TEST(MemoryStore, CountsUploadsThatHaveNotEnded) {
  MemoryStore store;
  {
    const auto upload = store.contents.begin({});
    EXPECT_EQ(store.contents.uploads(), 1u);
  }
  EXPECT_EQ(store.contents.uploads(), 0u);
}

}  // namespace
}  // namespace holdfast::test
