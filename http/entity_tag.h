// Entity tags (RFC 9110 §8.8.3) as the conditional fields list them. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::http {

// The value of If-Match or If-None-Match (RFC 9110 §13.1.1, §13.1.2).
struct EntityTagList {
  bool any = false;        // "*"
  bool malformed = false;  // could not be parsed (Joplin's If-None-Match, docs/clients.md R34)
  struct Tag {
    bool weak = false;
    std::string opaque;  // without quotes
  };
  std::vector<Tag> tags;
  // Strong and weak comparison (§8.8.3.2) with a strong tag of ours; "*" matches always.
  [[nodiscard]] bool matches_strongly(std::string_view opaque) const;
  [[nodiscard]] bool matches_weakly(std::string_view opaque) const;
};
// Never fails: what cannot be parsed is `malformed` and has no tags.
[[nodiscard]] EntityTagList parse_entity_tags(std::string_view text);

}  // namespace holdfast::http
