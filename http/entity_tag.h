// Lists of entity tags (RFC 9110 §8.8.3) in conditional fields. Pure functions; any thread.
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
  // Strong and weak comparison (RFC 9110 §8.8.3.2) with one of this server's strong tags, as sent
  // or as marked by a proxy that compresses. "*" always matches.
  [[nodiscard]] bool matches_strongly(std::string_view opaque) const;
  [[nodiscard]] bool matches_weakly(std::string_view opaque) const;
  // Strong comparison with the tag exactly as sent: ranges of different representations cannot be
  // combined (RFC 9110 §13.1.5).
  [[nodiscard]] bool matches_exactly(std::string_view opaque) const;
};
// Returns true when `sent` is this server's tag `own`, perhaps with what proxies append for a
// content coding ("-gzip", "--br", ";zstd" and the like). Such a tag means the same version of the
// resource.
[[nodiscard]] bool is_marked_tag(std::string_view sent, std::string_view own);
// Parses the value of a field. It never fails: for what cannot be parsed, `malformed` is set and
// the list is empty.
[[nodiscard]] EntityTagList parse_entity_tags(std::string_view text);

}  // namespace holdfast::http
