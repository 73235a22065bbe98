#include "server/config/nearest.h"

#include <algorithm>
#include <utility>

#include "text/ascii.h"

namespace holdfast::server::config {
namespace {

constexpr std::size_t kMost = 3;
// A word with fewer letters is a part of too many others.
constexpr std::size_t kLeastPart = 3;

std::string plain(std::string_view word) {
  word.remove_prefix(std::min(word.find_first_not_of('-'), word.size()));
  std::string out = text::lower(word);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

// Returns how many letters must be inserted, deleted, changed or swapped with their neighbour
// (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> steps(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      std::size_t& least = steps[i][j];
      if (i == 0 || j == 0) {
        least = i + j;
        continue;
      }
      least = std::min({steps[i - 1][j] + 1, steps[i][j - 1] + 1,
                        steps[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        least = std::min(least, steps[i - 2][j - 2] + 1);
    }
  return steps[a.size()][b.size()];
}

}  // namespace

std::vector<std::string> nearest(std::string_view word, std::span<const std::string> known) {
  constexpr std::size_t kLongest = 64;  // a longer word is not a typing mistake
  const std::string wanted = plain(word.substr(0, kLongest));
  const std::size_t most = std::max<std::size_t>(1, (wanted.size() + 1) / 3);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& name : known) {
    const std::string candidate = plain(name);
    const std::size_t steps = distance(wanted, candidate);
    if (steps <= most) {
      near.emplace_back(steps, name);
    } else if (wanted.size() >= kLeastPart && candidate.find(wanted) != std::string::npos) {
      near.emplace_back(most + candidate.size() - wanted.size(), name);
    }
  }
  std::stable_sort(near.begin(), near.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (near.size() > kMost) near.resize(kMost);
  std::vector<std::string> names;
  for (auto& [steps, name] : near) names.push_back(std::move(name));
  return names;
}

std::string nearest_text(std::string_view word, std::span<const std::string> known,
                         std::string_view prefix) {
  std::vector<std::string> names = nearest(word, known);
  for (std::string& name : names) name.insert(0, prefix);
  if (names.empty()) return {};
  return (names.size() == 1 ? "; the nearest is " : "; the nearest are ") + listed(names);
}

std::string listed(std::span<const std::string> words, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0) out += i + 1 == words.size() ? last : ", ";
    out += words[i];
  }
  return out;
}

}  // namespace holdfast::server::config
