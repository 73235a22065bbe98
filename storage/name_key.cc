#include "storage/name_key.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utf8proc.h>

namespace holdfast::storage {

NameKey::NameKey(std::string_view name) : name_(name) {
  if (std::all_of(name.begin(), name.end(), [](char c) { return (c & 0x80) == 0; })) return;

  utf8proc_uint8_t* composed = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(name.data()),
                   static_cast<utf8proc_ssize_t>(name.size()), &composed,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
  if (length < 0) return;  // not UTF-8: no path parser lets it through; its bytes are its key
  composed_.assign(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(length));
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
