#include "http/status.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(Status, KnowsTheReasonsItSends) {
  for (const int status :
       {100, 200, 201, 204, 206, 207, 304, 400, 401, 403, 404, 405, 408, 409, 411, 412, 413,
        414, 415, 416, 417, 421, 422, 423, 424, 429, 431, 500, 501, 502, 503, 505, 507})
    EXPECT_FALSE(reason_phrase(status).empty()) << status;
  EXPECT_EQ(reason_phrase(423), "Locked");
  EXPECT_EQ(reason_phrase(299), "");
}

}  // namespace
}  // namespace holdfast::http
