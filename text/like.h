// Patterns of DAV:like (RFC 5323 §5.15): "%" stands for any number of characters, also none, "_"
// for exactly one; "\" before one of "%", "_" and "\" makes it stand for itself. A pattern matches
// a whole text. The time is that of the text's length times the pattern's, by 64: no pattern goes
// back in the text. A pattern does not change once it is made; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::text {

// Returns the form in which two texts are compared: their normal form C, or without case and marks
// (text/utf8.h).
[[nodiscard]] std::string comparable(std::string_view text, bool caseless);

class LikePattern {
 public:
  // Takes a pattern in UTF-8. Its characters are code points of the comparable form.
  LikePattern(std::string_view pattern, bool caseless);
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  // A set of states; state `n` means that the first `n` single characters of the pattern are
  // matched.
  using Set = std::vector<std::uint64_t>;
  [[nodiscard]] const Set& states_before(char32_t c) const;

  bool caseless_;
  std::size_t states_ = 1;
  Set loops_;  // states that any character leaves as they are, because a "%" follows
  Set any_;    // states before a "_"
  std::map<char32_t, Set> accepting_;  // states before this character, and `any_`
};

}  // namespace holdfast::text
