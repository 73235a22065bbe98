#include "storage/name_key.h"

#include <algorithm>

#include "text/utf8.h"

namespace holdfast::storage {

NameKey::NameKey(std::string_view name) : name_(name) {
  if (text::is_ascii(name)) return;
  // A name that is not UTF-8 is its own key; the path parser accepts none.
  composed_ = text::nfc(name);
  normalised_ = true;
}

bool same_name(std::string_view a, std::string_view b) {
  return a == b || NameKey(a).view() == NameKey(b).view();
}

bool at_or_below(const Path& path, const Path& above) {
  const auto segments = path.segments();
  const auto wanted = above.segments();
  return segments.size() >= wanted.size() &&
         std::equal(wanted.begin(), wanted.end(), segments.begin(), same_name);
}

bool same_path(const Path& a, const Path& b) { return a.depth() == b.depth() && at_or_below(a, b); }

}  // namespace holdfast::storage
