// The conditional request fields (RFC 9110 §13, RFC 4918 §10.4), parsed once and evaluated in the
// same snapshot or transaction that acts. One thread at a time.
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
  // call. Throws Error 400 for a malformed If or Lock-Token. A malformed If-None-Match matches
  // nothing (docs/clients.md R34); a malformed If-Match matches nothing too, which is 412.
  explicit Conditions(const Call& call);

  // Evaluates all of them for a method other than GET and HEAD on the resolved target. Throws Error
  // 412 (409 in some modes, for If-Match) when one does not hold.
  void check(const storage::Snapshot& snapshot, const storage::Resolution& target) const;
  // For GET and HEAD: false when the answer is 304. Throws Error 412 like check.
  [[nodiscard]] bool check_read(const storage::Snapshot& snapshot,
                                const storage::Resolution& target) const;

  // Tokens that stand anywhere in If, and the one in Lock-Token (docs/clients.md R70): submitted,
  // whatever the lists say.
  [[nodiscard]] bool submitted(std::string_view token) const;
  [[nodiscard]] const std::vector<std::string>& submitted_tokens() const { return tokens_; }
  // What the lists of If are about, one for each list; nullopt: not in our namespace.
  [[nodiscard]] const std::vector<std::optional<storage::Path>>& tagged() const { return tagged_; }

 private:
  void check_tags(const storage::Snapshot& snapshot, const storage::Resolution& target) const;
  void check_if(const storage::Snapshot& snapshot, const storage::Resolution& target) const;

  std::shared_ptr<const Caller> caller_;
  std::string if_match_text_;  // as sent, for the refusal
  std::optional<http::EntityTagList> if_match_;
  std::optional<http::EntityTagList> if_none_match_;
  std::optional<std::int64_t> if_modified_since_;
  std::optional<std::int64_t> if_unmodified_since_;
  std::optional<IfHeader> if_;
  // The path of each list's tag, parallel to if_->lists; nullopt: not in our namespace.
  std::vector<std::optional<storage::Path>> tagged_;
  std::vector<std::string> tokens_;
};

// True when `date_s` is the Last-Modified of the mapped file `target` and can stand for its
// content: both it and the storing of the content are over by a second (RFC 9110 §8.8.2.2), and no
// other content of the URL had the same date (storage/dates.h). Clients may set the date, so
// equality is all that counts (docs/storage.md#dates).
[[nodiscard]] bool date_identifies(const storage::Snapshot& snapshot,
                                   const storage::Resolution& target, std::int64_t date_s);

// If-Unmodified-Since (RFC 9110 §13.1.4) on what is mapped at `target`: true only when no content
// that was served there with the date, or before it, has been replaced since. False for whatever
// cannot be told: a file whose date other content may have had (storage/dates.h); one dated later
// than now, of which everybody was told the second in which they asked, when it was stored in that
// second or later; and a collection, whose date says nothing of what lies deeper.
[[nodiscard]] bool unmodified_since(const storage::Snapshot& snapshot,
                                    const storage::Resolution& target, std::int64_t date_s);

}  // namespace holdfast::dav
