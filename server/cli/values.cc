#include "server/cli/values.h"

#include "dav/error.h"
#include "dav/path.h"
#include "http/date.h"
#include "server/config/config.h"
#include "server/net/networks.h"
#include "text/ascii.h"
#include "text/json.h"
#include "text/utf8.h"

namespace holdfast::server::cli {
namespace {

constexpr std::size_t kShownBytes = 200;
constexpr std::size_t kLabelBytes = 200;

}  // namespace

std::string shown(std::string_view text) {
  std::string out;
  text::append_json_text(out, text, kShownBytes);
  return out;
}

std::string in_quotes(std::string_view text) { return '"' + shown(text) + '"'; }

std::string shown(const storage::Path& path) { return dav::href({}, path, false); }

std::string_view to_string(storage::Right right) {
  return right == storage::Right::write ? "write" : right == storage::Right::read ? "read" : "none";
}

storage::Right parse_right(std::string_view text) {
  for (const storage::Right right :
       {storage::Right::none, storage::Right::read, storage::Right::write})
    if (text == to_string(right)) return right;
  throw process::UsageError("A grant is read, write or none, and not " + in_quotes(text) + ".");
}

storage::Path parse_path(std::string_view text) {
  if (!text.starts_with('/'))
    throw process::UsageError("A path begins with a slash, " + in_quotes(text) + " does not.");
  if (text.find('?') != text.npos || text.find('#') != text.npos)
    throw process::UsageError("In a path, write ? as %3F and # as %23.");
  try {
    return dav::parse_reference(text, dav::UrlSpace{}, "").path;
  } catch (const dav::Error& error) {
    throw process::UsageError(in_quotes(text) + " is no path: " + error.detail + ".");
  }
}

std::optional<std::uint64_t> parse_quota(std::string_view text, bool bytes) {
  if (text == "none") return std::nullopt;
  try {
    return config::parse_number(text, bytes);
  } catch (const process::UsageError& error) {
    throw process::UsageError("The quota " + in_quotes(text) + " cannot be used: " + error.what() +
                              ".");
  }
}

std::int64_t parse_expiry_s(std::string_view text) {
  constexpr std::int64_t kMost_s = std::int64_t{100} * 365 * 24 * 60 * 60;
  if (!text.empty() && text::is_letter(text.back())) try {
      const std::int64_t seconds = config::parse_seconds(text);
      if (seconds > 0 && seconds <= kMost_s) return seconds;
    } catch (const process::UsageError&) {
      // The error is reported below.
    }
  throw process::UsageError("A token expires after a time like 30m, 12h, 90d or 2w, and not " +
                            in_quotes(text) + ".");
}

void check_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelBytes || text::has_control(label) ||
      !text::valid_utf8(label))
    throw process::UsageError("A label has 1 to 200 bytes of UTF-8 and no control characters.");
}

std::vector<std::string> parse_networks(std::string_view text) {
  std::vector<std::string> networks;
  while (!text.empty()) {
    const std::string_view network = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), network.size() + 1));
    if (text::trimmed(network).empty() || !net::Networks::parse(network))
      throw process::UsageError(
          "A network is an address or like 10.0.0.0/8 and fd00::/8, and not " + in_quotes(network) +
          ".");
    networks.emplace_back(text::trimmed(network));
  }
  return networks;
}

std::string day(storage::Millis millis) { return moment(millis).substr(0, 10); }

std::string moment(storage::Millis millis) { return http::format_rfc3339(millis / 1000); }

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text.empty() ? "-" : text;
}

}  // namespace holdfast::server::cli
