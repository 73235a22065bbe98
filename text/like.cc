#include "text/like.h"

#include "text/utf8.h"

namespace holdfast::text {
namespace {

void add_to(std::vector<std::uint64_t>& set, std::size_t state) {
  if (set.size() <= state / 64) set.resize(state / 64 + 1);
  set[state / 64] |= std::uint64_t{1} << (state % 64);
}

bool has_state(const std::vector<std::uint64_t>& set, std::size_t state) {
  return (set[state / 64] >> (state % 64) & 1) != 0;
}

// Returns the first code point, or the first byte of what is not UTF-8.
CodePoint next_character(std::string_view text) {
  const CodePoint point = first_code_point(text);
  if (point.length > 0) return point;
  return {.value = static_cast<unsigned char>(text.front()), .length = 1};
}

}  // namespace

std::string comparable(std::string_view text, bool caseless) {
  if (caseless) return folded(text);
  return is_ascii(text) ? std::string(text) : nfc(text);
}

LikePattern::LikePattern(std::string_view pattern, bool caseless) : caseless_(caseless) {
  std::string literal;
  const auto end_literal = [&] {
    const std::string text = comparable(literal, caseless_);
    for (std::string_view rest = text; !rest.empty();) {
      const CodePoint point = next_character(rest);
      add_to(accepting_[point.value], states_++ - 1);
      rest.remove_prefix(point.length);
    }
    literal.clear();
  };
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const bool escapes = c == '\\' && i + 1 < pattern.size() &&
                         (pattern[i + 1] == '%' || pattern[i + 1] == '_' || pattern[i + 1] == '\\');
    if (escapes) {
      literal += pattern[++i];
    } else if (c == '%') {
      end_literal();
      add_to(loops_, states_ - 1);
    } else if (c == '_') {
      end_literal();
      add_to(any_, states_++ - 1);
    } else {
      literal += c;
    }
  }
  end_literal();
  const std::size_t words = (states_ + 63) / 64;
  loops_.resize(words);
  any_.resize(words);
  for (auto& [c, set] : accepting_) {
    set.resize(words);
    for (std::size_t i = 0; i < words; ++i) set[i] |= any_[i];
  }
}

const LikePattern::Set& LikePattern::states_before(char32_t c) const {
  const auto found = accepting_.find(c);
  return found == accepting_.end() ? any_ : found->second;
}

bool LikePattern::matches(std::string_view text) const {
  const std::string form = comparable(text, caseless_);
  Set now(loops_.size());
  now[0] = 1;
  for (std::string_view rest = form; !rest.empty();) {
    const CodePoint point = next_character(rest);
    rest.remove_prefix(point.length);
    const Set& accepts = states_before(point.value);
    std::uint64_t carry = 0;
    std::uint64_t left = 0;
    for (std::size_t i = 0; i < now.size(); ++i) {
      const std::uint64_t moved = now[i] & accepts[i];
      now[i] = (now[i] & loops_[i]) | moved << 1 | carry;
      carry = moved >> 63;
      left |= now[i];
    }
    if (left == 0) return false;
  }
  return has_state(now, states_ - 1);
}

}  // namespace holdfast::text
