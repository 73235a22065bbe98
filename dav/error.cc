#include "dav/error.h"

#include <array>
#include <cstddef>

namespace holdfast::dav {
namespace {

struct Row {
  Precondition precondition;
  std::string_view name;
  int status;
  std::string_view sentence;  // for people
};

// The rows have the order of the enumeration.
constexpr auto kPreconditions = std::to_array<Row>({
    {Precondition::none, "", 500, ""},
    {Precondition::cannot_modify_protected_property, "cannot-modify-protected-property", 403,
     "The property is protected."},
    {Precondition::lock_token_matches_request_uri, "lock-token-matches-request-uri", 409,
     "The lock token does not belong to a lock on this resource."},
    {Precondition::lock_token_submitted, "lock-token-submitted", 423,
     "The resource is locked and the request does not carry the lock's token."},
    {Precondition::need_privileges, "need-privileges", 403,
     "You do not have the right to do this."},
    {Precondition::no_conflicting_lock, "no-conflicting-lock", 423, "Another lock is in the way."},
    // RFC 4918 §16 says 403. This server accepts no DOCTYPE, and answers 400 as for any malformed
    // document.
    {Precondition::no_external_entities, "no-external-entities", 400,
     "External entities are not allowed."},
    {Precondition::number_of_matches_within_limits, "number-of-matches-within-limits", 507,
     "The answer would have more members than the limit says."},
    {Precondition::preserved_live_properties, "preserved-live-properties", 409, ""},
    {Precondition::propfind_finite_depth, "propfind-finite-depth", 403,
     "Depth: infinity is not allowed here; ask with Depth: 1."},
    {Precondition::quota_not_exceeded, "quota-not-exceeded", 507, "The quota would be exceeded."},
    {Precondition::search_grammar_supported, "search-grammar-supported", 403,
     "The only grammar of a search is DAV:basicsearch."},
    {Precondition::search_multiple_scope_supported, "search-multiple-scope-supported", 403,
     "A search has one scope."},
    {Precondition::search_scope_valid, "search-scope-valid", 409,
     "The scope of the search names nothing that can be searched."},
    {Precondition::sufficient_disk_space, "sufficient-disk-space", 507,
     "There is not enough space on the disk."},
    {Precondition::supported_report, "supported-report", 403,
     "There is no such report on this resource."},
    {Precondition::valid_sync_token, "valid-sync-token", 403,
     "What has changed since this token is not known; begin with an empty one."},
});

constexpr bool in_order() {
  for (std::size_t i = 0; i < kPreconditions.size(); ++i)
    if (static_cast<std::size_t>(kPreconditions[i].precondition) != i) return false;
  return true;
}
static_assert(in_order());

const Row& row(Precondition precondition) {
  return kPreconditions[static_cast<std::size_t>(precondition)];
}

}  // namespace

std::size_t precondition_count() { return kPreconditions.size(); }

std::string_view element_name(Precondition precondition) { return row(precondition).name; }

int usual_status(Precondition precondition) { return row(precondition).status; }

std::string_view sentence_of(Precondition precondition) { return row(precondition).sentence; }

}  // namespace holdfast::dav
