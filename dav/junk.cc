#include "dav/junk.h"

#include "text/ascii.h"

namespace holdfast::dav {

bool is_junk(std::string_view name) {
  return name.starts_with("._") || text::equal_ignoring_case(name, ".DS_Store") ||
         text::equal_ignoring_case(name, "Thumbs.db") ||
         text::equal_ignoring_case(name, "desktop.ini");
}

bool is_hidden(const Options& options, const storage::Resource& member) {
  return options.junk_files != JunkFiles::store && !member.is_collection() && is_junk(member.name);
}

bool is_discarded(const Options& options, const storage::Resolution& resolution) {
  if (options.junk_files != JunkFiles::discard || !is_junk(resolution.path.name())) return false;
  if (resolution.resource)
    return !resolution.resource->is_collection() && resolution.resource->size == 0;
  return resolution.parent && resolution.parent->is_collection();
}

}  // namespace holdfast::dav
