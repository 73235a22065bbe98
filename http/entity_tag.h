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
  // Strong and weak comparison (§8.8.3.2) with a strong tag of ours, as we sent it or as a proxy
  // that compresses has marked it; "*" matches always.
  [[nodiscard]] bool matches_strongly(std::string_view opaque) const;
  [[nodiscard]] bool matches_weakly(std::string_view opaque) const;
  // Strong comparison with the tag as we sent it: what is cut out of one representation does not go
  // together with another (§13.1.5).
  [[nodiscard]] bool matches_exactly(std::string_view opaque) const;
};
// True when `sent` is our tag `own`, perhaps with what proxies append for a coding of the content
// ("-gzip", "--br", ";zstd" and the like): it stands for the same version of the resource.
[[nodiscard]] bool is_marked_tag(std::string_view sent, std::string_view own);
// Never fails: what cannot be parsed is `malformed` and has no tags.
[[nodiscard]] EntityTagList parse_entity_tags(std::string_view text);

}  // namespace holdfast::http
