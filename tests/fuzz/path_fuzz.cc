// Any bytes as a URL: a status, or a path whose href means the same path again.
#include "dav/path.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dav::UrlSpace spaces[] = {{},
                                         {.prefix = {"dav"}, .authorities = {"b:81"}},
                                         {.prefix = {"a", "b c"}, .authorities = {}}};
  const std::string_view text = fuzz::text_of(data, size);
  for (const dav::UrlSpace& space : spaces) {
    for (const bool reference : {false, true}) {
      try {
        const dav::Target target =
            reference ? dav::parse_reference(text, space, "a") : dav::parse_url(text, space, "a");
        fuzz::require(target.spelling.substr(0, 1) == "/", "a spelling begins with a slash");
        if (target.above_prefix) {
          fuzz::require(!reference && target.path.is_root(), "an ancestor has no path");
          continue;
        }
        for (const std::string& segment : target.path.segments()) {
          fuzz::require(!segment.empty() && segment != "." && segment != "..", "no dot segments");
          fuzz::require(segment.find('/') == std::string::npos, "no slash in a segment");
          fuzz::require(segment.size() <= dav::kSegmentLimitBytes, "segment limit");
          fuzz::require(dav::valid_utf8(segment), "segments are UTF-8");
        }
        fuzz::require(target.path.bytes() <= dav::kPathLimitBytes, "path limit");
        fuzz::require(target.path.depth() <= dav::kDepthLimit, "depth limit");
        for (const bool collection : {false, true}) {
          const std::string canonical = dav::href(space, target.path, collection);
          const std::string spelt = dav::href(target.spelling, {}, collection);
          fuzz::require(dav::parse_url(canonical, space, "").path == target.path, "canonical href");
          fuzz::require(dav::parse_url(spelt, space, "").path == target.path, "spelt href");
          fuzz::require(spelt.find_first_of("<>&\"") == std::string::npos, "needs no escaping");
        }
      } catch (const dav::Error& error) {
        fuzz::require(error.status == 400 || error.status == 403 || error.status == 414 ||
                          error.status == 502 || (error.status == 404 && !reference),
                      "a documented status");
      }
    }
  }
  return 0;
}
