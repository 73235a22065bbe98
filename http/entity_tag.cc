#include "http/entity_tag.h"

#include <algorithm>
#include <array>

#include "text/ascii.h"

namespace holdfast::http {
namespace {

// etagc (RFC 9110 §8.8.3).
bool is_etagc(char c) { return c == 0x21 || (c >= 0x23 && c != 0x7F) || c < 0; }

// What proxies write between a tag and the coding that they applied.
constexpr std::array<std::string_view, 3> kMarks = {"--", "-", ";"};
constexpr std::array<std::string_view, 4> kCodings = {"gzip", "br", "zstd", "deflate"};

bool is_coding_mark(std::string_view text) {
  for (const std::string_view mark : kMarks)
    if (text.starts_with(mark))
      return std::find(kCodings.begin(), kCodings.end(), text.substr(mark.size())) !=
             kCodings.end();
  return false;
}

}  // namespace

bool is_marked_tag(std::string_view sent, std::string_view own) {
  if (!sent.starts_with(own)) return false;
  return sent.size() == own.size() || is_coding_mark(sent.substr(own.size()));
}

bool EntityTagList::matches_strongly(std::string_view opaque) const {
  return any || std::any_of(tags.begin(), tags.end(), [&](const Tag& tag) {
           return !tag.weak && is_marked_tag(tag.opaque, opaque);
         });
}

bool EntityTagList::matches_weakly(std::string_view opaque) const {
  return any || std::any_of(tags.begin(), tags.end(),
                            [&](const Tag& tag) { return is_marked_tag(tag.opaque, opaque); });
}

bool EntityTagList::matches_exactly(std::string_view opaque) const {
  return any || std::any_of(tags.begin(), tags.end(),
                            [&](const Tag& tag) { return !tag.weak && tag.opaque == opaque; });
}

EntityTagList parse_entity_tags(std::string_view text) {
  constexpr auto kMalformed = [] {
    return EntityTagList{.any = false, .malformed = true, .tags = {}};
  };
  text = text::trimmed(text);
  if (text == "*") return {.any = true, .malformed = false, .tags = {}};
  EntityTagList list;
  bool comma_due = false;
  while (!text.empty()) {
    if (text.front() == ',' || text.front() == ' ' || text.front() == '\t') {
      if (text.front() == ',') comma_due = false;
      text.remove_prefix(1);
      continue;
    }
    if (comma_due) return kMalformed();
    EntityTagList::Tag tag;
    if (text.substr(0, 2) == "W/") {
      tag.weak = true;
      text.remove_prefix(2);
    }
    if (text.empty() || text.front() != '"') return kMalformed();
    const std::size_t end = text.find('"', 1);
    if (end == std::string_view::npos) return kMalformed();
    tag.opaque = text.substr(1, end - 1);
    if (!std::all_of(tag.opaque.begin(), tag.opaque.end(), is_etagc)) return kMalformed();
    list.tags.push_back(std::move(tag));
    text.remove_prefix(end + 1);
    comma_due = true;
  }
  if (list.tags.empty()) return kMalformed();
  return list;
}

}  // namespace holdfast::http
