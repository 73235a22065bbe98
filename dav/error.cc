#include "dav/error.h"

namespace holdfast::dav {

std::string_view element_name(Precondition precondition) {
  switch (precondition) {
    case Precondition::none:
      return "";
    case Precondition::cannot_modify_protected_property:
      return "cannot-modify-protected-property";
    case Precondition::lock_token_matches_request_uri:
      return "lock-token-matches-request-uri";
    case Precondition::lock_token_submitted:
      return "lock-token-submitted";
    case Precondition::need_privileges:
      return "need-privileges";
    case Precondition::no_conflicting_lock:
      return "no-conflicting-lock";
    case Precondition::no_external_entities:
      return "no-external-entities";
    case Precondition::preserved_live_properties:
      return "preserved-live-properties";
    case Precondition::propfind_finite_depth:
      return "propfind-finite-depth";
    case Precondition::quota_not_exceeded:
      return "quota-not-exceeded";
    case Precondition::sufficient_disk_space:
      return "sufficient-disk-space";
  }
  return "";
}

}  // namespace holdfast::dav
