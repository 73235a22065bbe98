#include "dav/error.h"

#include <gtest/gtest.h>

namespace holdfast::dav {
namespace {

TEST(DavError, SpellsPreconditionsAsTheRfcDoes) {  // RFC 4918 §16, RFC 4331 §6
  EXPECT_EQ(element_name(Precondition::none), "");
  EXPECT_EQ(element_name(Precondition::cannot_modify_protected_property),
            "cannot-modify-protected-property");
  EXPECT_EQ(element_name(Precondition::lock_token_matches_request_uri),
            "lock-token-matches-request-uri");
  EXPECT_EQ(element_name(Precondition::lock_token_submitted), "lock-token-submitted");
  EXPECT_EQ(element_name(Precondition::no_conflicting_lock), "no-conflicting-lock");
  EXPECT_EQ(element_name(Precondition::no_external_entities), "no-external-entities");
  EXPECT_EQ(element_name(Precondition::preserved_live_properties), "preserved-live-properties");
  EXPECT_EQ(element_name(Precondition::propfind_finite_depth), "propfind-finite-depth");
  EXPECT_EQ(element_name(Precondition::quota_not_exceeded), "quota-not-exceeded");
  EXPECT_EQ(element_name(Precondition::sufficient_disk_space), "sufficient-disk-space");
  const Error error(423, Precondition::lock_token_submitted, "Locked by another.");
  EXPECT_STREQ(error.what(), "Locked by another.");
}

}  // namespace
}  // namespace holdfast::dav
