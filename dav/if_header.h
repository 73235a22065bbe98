// The If header's grammar (RFC 4918 §10.4.2) as a value; dav/conditions evaluates it. No I/O,
// linear time, any thread.
//
//   If = "If" ":" ( 1*No-tag-list | 1*Tagged-list )
//   List = "(" 1*Condition ")"      Condition = ["Not"] (State-token | "[" entity-tag "]")
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dav/error.h"

namespace holdfast::dav {

struct IfCondition {
  bool negated = false;
  // Exactly one of the two is set.
  std::optional<std::string> state_token;  // without "<>"
  std::optional<std::string> entity_tag;   // as written: quotes and W/ included
};

struct IfList {
  // The resource to which the list applies: the tag's text without "<>"; nullopt for a no-tag list,
  // which applies to the Request-URI.
  std::optional<std::string> resource;
  std::vector<IfCondition> conditions;  // all must hold
};

struct IfHeader {
  std::vector<IfList> lists;  // one must hold
  // Returns every state token anywhere in the header, negated or not, without duplicates: all of
  // them are submitted (RFC 4918 §10.4.1).
  [[nodiscard]] std::vector<std::string> submitted_tokens() const;
};

// Limits of one header (docs/operations.md#settings).
struct IfLimits {
  std::size_t lists = 64;
  std::size_t conditions = 256;  // in all lists together
  std::size_t resources = 32;    // distinct tags
};

// Parses the header. Throws Error 400 on anything outside the grammar or above the limits. A header
// that is one bare absolute URI, with or without "<>", is read as "(<URI>)" (docs/clients.md R69).
[[nodiscard]] IfHeader parse_if(std::string_view text, const IfLimits& limits = {});

}  // namespace holdfast::dav
