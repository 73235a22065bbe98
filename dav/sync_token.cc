#include "dav/sync_token.h"

#include <charconv>

#include "text/ascii.h"

namespace holdfast::dav {

namespace {

constexpr std::string_view kScheme = "holdfast-sync:";

}  // namespace

std::string sync_token(const storage::Snapshot& snapshot, const storage::Resource& collection,
                       std::int64_t number, std::uint64_t rights) {
  std::string token(kScheme);
  token += snapshot.epoch();
  for (const std::uint64_t part :
       {static_cast<std::uint64_t>(collection.id), rights, static_cast<std::uint64_t>(number)}) {
    token += '.';
    text::append_number(token, part, 36);
  }
  return token;
}

std::optional<std::int64_t> number_of_token(const storage::Snapshot& snapshot,
                                            const storage::Resource& collection,
                                            std::string_view token, std::uint64_t rights) {
  const std::size_t last = token.rfind('.');
  if (last == std::string_view::npos) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = token.data() + token.size();
  const auto [stop, error] = std::from_chars(token.data() + last + 1, end, number, 36);
  if (error != std::errc() || stop != end || number < 1) return std::nullopt;
  // Only the form in which it was given out is a token.
  if (sync_token(snapshot, collection, number, rights) != token) return std::nullopt;
  if (!snapshot.knows_changes_since(number)) return std::nullopt;
  return number;
}

}  // namespace holdfast::dav
