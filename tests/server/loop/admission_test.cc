// When a connection is one too many.
#include "server/loop/admission.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

TEST(Admission, LimitsAllAndEach) {
  http1::Limits limits;
  limits.connections = 4;
  limits.connections_per_client = 2;
  loop::Admission admission(limits);
  EXPECT_TRUE(admission.admit(1));
  EXPECT_TRUE(admission.admit(1));
  EXPECT_FALSE(admission.admit(1));
  EXPECT_TRUE(admission.admit(0));
  EXPECT_FALSE(admission.crowded());
  EXPECT_TRUE(admission.admit(0));
  EXPECT_TRUE(admission.crowded());
  EXPECT_FALSE(admission.admit(2));
  admission.leave(1);
  EXPECT_TRUE(admission.admit(1));
  EXPECT_EQ(admission.total(), 4u);
}

}  // namespace
}  // namespace holdfast::server
