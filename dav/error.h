// A refusal: an exception that ends the request with a status and, where RFC 4918 §16 or RFC 4331
// names one, a precondition element. dav/refusal turns it into the response.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/history.h"
#include "storage/model.h"

namespace holdfast::dav {

// The pre- and postcondition codes that this server sends, spelt as the RFC spells them with '_'
// for
// '-'. Each is a row of the table in error.cc.
enum class Precondition {
  none,
  cannot_modify_protected_property,  // RFC 4918 §16
  lock_token_matches_request_uri,
  lock_token_submitted,
  need_privileges,  // RFC 3744 §7.1.1
  no_conflicting_lock,
  no_external_entities,
  number_of_matches_within_limits,  // RFC 3744 §9, RFC 6578 §3.6
  preserved_live_properties,
  propfind_finite_depth,
  quota_not_exceeded,        // RFC 4331 §6
  search_grammar_supported,  // RFC 5323 §2.4.1
  search_multiple_scope_supported,
  search_scope_valid,
  sufficient_disk_space,
  supported_report,  // RFC 3253 §3.6
  valid_sync_token,  // RFC 6578 §3.2
};

// Returns how many there are, `none` included; they are numbered from 0.
[[nodiscard]] std::size_t precondition_count();
// Returns "lock-token-submitted" for lock_token_submitted, and so on; empty for none.
[[nodiscard]] std::string_view element_name(Precondition precondition);
// Returns the status of a refusal with this precondition, unless the refusal says otherwise.
[[nodiscard]] int usual_status(Precondition precondition);
// Returns one sentence for people; empty when the status says enough.
[[nodiscard]] std::string_view sentence_of(Precondition precondition);

class Error : public std::exception {
 public:
  // Takes the status, the precondition if any, and one plain sentence that says what is wrong with
  // the request. The sentence goes to the log and, while `is_told` is true, to the client, so it
  // must not describe the machine. Without a status, the precondition's usual status applies.
  Error(int code, std::string sentence) : status(code), detail(std::move(sentence)) {}
  Error(Precondition element, std::string sentence)
      : status(usual_status(element)), precondition(element), detail(std::move(sentence)) {}
  Error(int code, Precondition element, std::string sentence)
      : status(code), precondition(element), detail(std::move(sentence)) {}

  [[nodiscard]] const char* what() const noexcept override { return detail.c_str(); }

  int status;
  Precondition precondition = Precondition::none;
  std::vector<std::string> hrefs;  // escaped hrefs that go inside the precondition element
  std::string detail;
  bool is_told = true;         // false: `detail` is for the log only
  std::string message;         // for the client, in place of any other sentence
  bool lacks_right = false;    // as Response::lacks_right
  bool signed_out = false;     // as Response::signed_out
  std::string_view privilege;  // with need_privileges: "read" or "write", for each of hrefs
  std::string fields;          // extra header field lines, each ending in CRLF (Allow, ETag, …)

  // What is missing, where the request may be judged again once room was made (with_room).
  std::optional<storage::Shortage> shortage;

  // The kind of a conflict (docs/conflicts.md), and what a client needs to resolve it.
  enum class Conflict { none, lock, stale_version };
  Conflict conflict = Conflict::none;
  std::optional<storage::Lock> lock;  // the lock in the way
  std::string lock_creator;           // the name of its creator's account; empty for anonymous ones
  std::string current_version;        // quoted ETag of what is stored
  std::string your_version;           // the If-Match value as sent
};

}  // namespace holdfast::dav
