#include "dav/if_header.h"

#include <algorithm>

#include "dav/headers.h"
#include "dav/message.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

// A position in the header's text. Each parse function reads one production and moves past it.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}

  void skip_space() {
    const std::size_t n = rest_.find_first_not_of(" \t");
    rest_.remove_prefix(std::min(n, rest_.size()));
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool take(char c) {
    if (!at(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (!text::equal_ignoring_case(rest_.substr(0, word.size()), word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  // Returns everything before the next `end`, and skips `end`.
  std::string_view take_until(char end) {
    const std::size_t n = rest_.find(end);
    if (n == std::string_view::npos) throw Error(400, "The If header ends too early.");
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n + 1);
    return taken;
  }

 private:
  std::string_view rest_;
};

// Parses "<" resource ">", after the "<".
std::string parse_resource(Cursor& at) {
  const std::string_view resource = at.take_until('>');
  if (resource.empty() || resource.find('<') != std::string_view::npos)
    throw Error(400, "The If header has a malformed resource tag.");
  return std::string(resource);
}

// Parses "<" absolute-URI ">", after the "<".
std::string parse_state_token(Cursor& at) {
  const std::string_view token = at.take_until('>');
  if (!is_absolute_uri(token)) throw Error(400, "The If header has a malformed state token.");
  return std::string(token);
}

// Parses [ "W/" ] <"> *etagc <"> "]", after the "[".
std::string parse_entity_tag(Cursor& at) {
  at.skip_space();
  std::string tag;
  if (at.take('W')) {
    if (!at.take('/')) throw Error(400, "The If header has a malformed entity tag.");
    tag = "W/";
  }
  if (!at.take('"')) throw Error(400, "The If header has a malformed entity tag.");
  const std::string_view opaque = at.take_until('"');
  // RFC 4918 follows RFC 2616, whose opaque tags may have spaces; its own examples do.
  if (std::any_of(opaque.begin(), opaque.end(),
                  [](char c) { return text::is_control(c) && c != '\t'; }))
    throw Error(400, "The If header has a malformed entity tag.");
  at.skip_space();
  if (!at.take(']')) throw Error(400, "The If header has a malformed entity tag.");
  tag.append(1, '"').append(opaque).append(1, '"');
  return tag;
}

IfCondition parse_condition(Cursor& at) {
  IfCondition condition;
  if (at.take_word("Not")) {
    condition.negated = true;
    at.skip_space();
  }
  if (at.take('<')) {
    condition.state_token = parse_state_token(at);
  } else if (at.take('[')) {
    condition.entity_tag = parse_entity_tag(at);
  } else {
    throw Error(400, "The If header has something else where a condition should stand.");
  }
  return condition;
}

// Parses 1*Condition ")", after the "(". `budget` is how many conditions the header may still have.
std::vector<IfCondition> parse_list(Cursor& at, std::size_t& budget) {
  std::vector<IfCondition> conditions;
  for (at.skip_space(); !at.take(')'); at.skip_space()) {
    if (budget == 0) throw Error(400, "The If header has too many conditions.");
    --budget;
    conditions.push_back(parse_condition(at));
  }
  if (conditions.empty()) throw Error(400, "The If header has an empty list.");
  return conditions;
}

// Returns the token of a header that is nothing but a state token; nullopt for any other header.
std::optional<std::string_view> bare_token(std::string_view text) {
  if (text.size() > 2 && text.front() == '<' && text.find('>') == text.size() - 1)
    text = text.substr(1, text.size() - 2);
  if (is_absolute_uri(text)) return text;
  return std::nullopt;
}

}  // namespace

std::vector<std::string> IfHeader::submitted_tokens() const {
  std::vector<std::string> tokens;
  for (const IfList& list : lists)
    for (const IfCondition& condition : list.conditions)
      if (condition.state_token &&
          std::find(tokens.begin(), tokens.end(), *condition.state_token) == tokens.end())
        tokens.push_back(*condition.state_token);
  return tokens;
}

IfHeader parse_if(std::string_view text, const IfLimits& limits) {
  text = text::trimmed(text);
  if (const auto token = bare_token(text)) {
    IfCondition condition;
    condition.state_token = std::string(*token);
    return {.lists = {{.resource = std::nullopt, .conditions = {condition}}}};
  }

  IfHeader header;
  Cursor at(text);
  std::size_t budget = limits.conditions;
  std::optional<std::string> resource;
  std::vector<std::string> resources;
  bool list_due = true;  // at the start and after a tag
  for (; !at.at_end(); at.skip_space()) {
    if (at.take('<')) {
      if (!resource && !header.lists.empty())
        throw Error(400, "The If header mixes tagged and untagged lists.");
      if (resource && list_due)
        throw Error(400, "The If header has a resource tag without a list.");
      resource = parse_resource(at);
      list_due = true;
      if (std::find(resources.begin(), resources.end(), *resource) == resources.end())
        resources.push_back(*resource);
      if (resources.size() > limits.resources)
        throw Error(400, "The If header names too many resources.");
    } else if (at.take('(')) {
      if (header.lists.size() == limits.lists)
        throw Error(400, "The If header has too many lists.");
      header.lists.push_back({.resource = resource, .conditions = parse_list(at, budget)});
      list_due = false;
    } else {
      throw Error(400, "The If header has something else where a list should stand.");
    }
  }
  if (list_due) throw Error(400, "The If header has no list where one should stand.");
  return header;
}

}  // namespace holdfast::dav
