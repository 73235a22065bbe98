// Bodies that are gathered in memory have a budget together, but for the first bytes of each.
#include "dav/body_budget.h"

#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace holdfast::dav {
namespace {

constexpr auto kFree = static_cast<std::uint64_t>(BodyBudget::kFreeBytes);
constexpr auto kAll = static_cast<std::uint64_t>(BodyBudget::kBytes);

// 0 when the body may grow.
int status_of_growth(BodyBudget::Share& share, std::uint64_t bytes) {
  try {
    share.grow(bytes);
  } catch (const Error& error) {
    EXPECT_EQ(error.fields, "Retry-After: 5\r\n");
    return error.status;
  }
  return 0;
}

TEST(BodyBudget, IsUsedUpAtTheByte) {
  BodyBudget budget;
  {
    BodyBudget::Share first(budget);
    EXPECT_EQ(status_of_growth(first, kFree), 0);
    EXPECT_EQ(status_of_growth(first, kAll - 1), 0);
    BodyBudget::Share second(budget);
    EXPECT_EQ(status_of_growth(second, kFree), 0);
    EXPECT_EQ(status_of_growth(second, 1), 0);
    EXPECT_EQ(status_of_growth(second, 1), 503);
    EXPECT_EQ(status_of_growth(first, 1), 503);
    // Usual requests go on.
    for (int i = 0; i < 1'000; ++i) {
      BodyBudget::Share small(budget);
      EXPECT_EQ(status_of_growth(small, kFree), 0);
    }
  }
  BodyBudget::Share next(budget);
  EXPECT_EQ(status_of_growth(next, kFree + kAll), 0);
}

}  // namespace
}  // namespace holdfast::dav
