// The values in requests about accounts and groups, as people type them and as replies show them.
// Every function that parses throws UsageError with one sentence. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/process/usage_error.h"
#include "storage/accounts.h"

namespace holdfast::server::cli {

// These return text that is safe in a terminal; a long one is cut.
[[nodiscard]] std::string shown(std::string_view text);
[[nodiscard]] std::string shown(const storage::Path& path);
[[nodiscard]] std::string in_quotes(std::string_view text);

[[nodiscard]] std::string_view to_string(storage::Right right);
[[nodiscard]] storage::Right parse_right(std::string_view text);
// Parses a path as in a URL, percent-encoded or not.
[[nodiscard]] storage::Path parse_path(std::string_view text);
// Says which names new accounts and groups may have (storage::new_account_name_allowed).
inline constexpr std::string_view kNameRule =
    "A name has 1 to 64 bytes of UTF-8, no colon, single spaces at most, and no characters that "
    "nobody sees.";
// Parses a quota; "none" removes it. With `bytes`, it may be like 10GiB.
[[nodiscard]] std::optional<std::uint64_t> parse_quota(std::string_view text, bool bytes);
// Parses a time from now, in seconds. The number must have a unit: without one it would be in
// seconds, and a user who writes 90 means days.
[[nodiscard]] std::int64_t parse_expiry_s(std::string_view text);
// Checks the label of a device token.
void check_label(std::string_view label);
// Parses addresses and networks with commas between them.
[[nodiscard]] std::vector<std::string> parse_networks(std::string_view text);

// Returns "2026-11-22" and "2026-11-22T11:06:22Z".
[[nodiscard]] std::string day(storage::Millis millis);
[[nodiscard]] std::string moment(storage::Millis millis);

// Returns the words with commas between them; "-" for none.
[[nodiscard]] std::string joined(const std::vector<std::string>& words);

}  // namespace holdfast::server::cli
