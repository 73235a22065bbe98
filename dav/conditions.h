// The conditional request fields (RFC 9110 §13, RFC 4918 §10.4), parsed once and evaluated in the
// snapshot or transaction in which the request is carried out. One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dav/call.h"
#include "dav/headers.h"
#include "dav/if_header.h"
#include "http/entity_tag.h"
#include "storage/namespace.h"

namespace holdfast::dav {

class Conditions {
 public:
  // Reads If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If and Lock-Token of the
  // call. Throws Error 400 for a malformed If. A malformed Lock-Token is ignored. A malformed
  // If-None-Match matches nothing (docs/clients.md R34). A malformed If-Match matches nothing
  // either, so that the answer is 412. The call must outlive the result.
  explicit Conditions(const Call& call);

  // Evaluates all of them for a method other than GET and HEAD on the resolved target. Throws Error
  // 412 (409 in some modes, for If-Match) when one does not hold.
  void check(const storage::Snapshot& snapshot, const storage::Resolution& target) const;
  // Evaluates all of them for GET and HEAD. Returns false when the answer is 304. Throws Error 412
  // like check.
  [[nodiscard]] bool check_read(const storage::Snapshot& snapshot,
                                const storage::Resolution& target) const;

  // The submitted tokens: those anywhere in If, whatever its lists say, and the one in Lock-Token
  // (docs/clients.md R70).
  [[nodiscard]] bool submitted(std::string_view token) const;
  [[nodiscard]] const std::vector<std::string>& submitted_tokens() const { return tokens_; }
  // Returns the path to which each list of If applies; nullopt for a resource outside this server's
  // namespace.
  [[nodiscard]] const std::vector<std::optional<storage::Path>>& tagged() const { return tagged_; }

 private:
  void check_tags(const storage::Snapshot& snapshot, const storage::Resolution& target) const;
  void check_if(const storage::Snapshot& snapshot, const storage::Resolution& target) const;

  const Call& call_;
  std::string if_match_text_;  // as sent, for the text of a refusal
  std::optional<http::EntityTagList> if_match_;
  std::optional<http::EntityTagList> if_none_match_;
  std::optional<std::int64_t> if_modified_since_;
  std::optional<std::int64_t> if_unmodified_since_;
  std::optional<IfHeader> if_;
  // The path to which each list applies, parallel to if_->lists; nullopt outside this server's
  // namespace.
  std::vector<std::optional<storage::Path>> tagged_;
  std::vector<std::string> tokens_;
};

// Returns true when `date_s`, in seconds, is the Last-Modified of the mapped file `target` and
// identifies its content: the second of the date and that of the storing are over (RFC 9110
// §8.8.2.2), and no other content of the URL had the same date (storage/dates.h). Clients may set
// the date, so only equality counts (docs/storage.md#dates).
[[nodiscard]] bool date_identifies(const storage::Snapshot& snapshot,
                                   const storage::Resolution& target, std::int64_t date_s);

// Evaluates If-Unmodified-Since (RFC 9110 §13.1.4) for what is mapped at `target`. Returns true
// only when no content that was served there with the date, or before it, has been replaced since.
// Returns false when that is not certain: for a file whose date other content may have had
// (storage/dates.h); for a file dated later than now that was stored in the second `date_s` or
// later, because such a file is served with the time of the request as its date; and for a
// collection, whose date says nothing about deeper members.
[[nodiscard]] bool unmodified_since(const storage::Snapshot& snapshot,
                                    const storage::Resolution& target, std::int64_t date_s);

}  // namespace holdfast::dav
