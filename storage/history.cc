#include "storage/history.h"

#include <algorithm>

#include "text/ascii.h"

namespace holdfast::storage {

namespace {

constexpr Millis kMinute = 60'000;
constexpr Millis kHour = 60 * kMinute;
constexpr Millis kDay = 24 * kHour;

// Returns the length of the periods of which the last version is kept, for versions of this age; 0
// when all are kept.
Millis period(Millis age) {
  if (age < kHour) return 0;
  if (age < kDay) return kHour;
  if (age < 30 * kDay) return kDay;
  return 7 * kDay;
}

// Rounds down, also for times before 1970.
Millis number_of_period(Millis time, Millis length) {
  return time / length - (time % length < 0 ? 1 : 0);
}

}  // namespace

bool is_kept(Millis stored, AccountId author, std::uint64_t size, Millis replaced,
             AccountId next_author) {
  if (size == 0 && replaced - stored < kMinute) return false;
  return author != next_author ||
         number_of_period(stored, kMinute) != number_of_period(replaced, kMinute);
}

std::vector<std::int64_t> surplus(std::span<const Dated> versions, Millis now, std::size_t most) {
  std::vector<std::int64_t> given_up;
  std::size_t kept = 0;
  for (std::size_t i = versions.size(); i-- > 0;) {
    const Millis length = period(now - versions[i].stored);
    const bool has_later = length > 0 && i + 1 < versions.size() &&
                           number_of_period(versions[i].stored, length) ==
                               number_of_period(versions[i + 1].stored, length);
    if (has_later || kept == most) {
      given_up.push_back(versions[i].id);
    } else {
      ++kept;
    }
  }
  std::reverse(given_up.begin(), given_up.end());
  return given_up;
}

std::string text_of(const Instant& instant) {
  return std::to_string(instant.node) + "-" + std::to_string(instant.content);
}

std::optional<Instant> instant_of(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto node = text::parse_number(text.substr(0, dash));
  const auto content = text::parse_number(text.substr(dash + 1));
  constexpr auto kMost = std::uint64_t{1} << 53;
  if (!node || !content || *node > kMost || *content > kMost) return std::nullopt;
  return Instant{static_cast<std::int64_t>(*node), static_cast<std::int64_t>(*content)};
}

}  // namespace holdfast::storage
