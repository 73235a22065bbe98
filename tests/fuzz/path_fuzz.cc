// Any bytes as a URL: a status, or the path that a naive decoder finds, without dot segments, and
// whose href means the same path again.
#include "dav/path.h"
#include "http/origin.h"
#include "tests/fuzz/naive_path.h"
#include "tests/fuzz/property.h"
#include "text/utf8.h"

using namespace holdfast;

namespace {

// No byte that must not stand in a URL, whatever the path is.
bool plain(std::string_view text, bool reference) {
  for (const char c : text)
    if ((c >= 0 && c < ' ') || c == '\x7f' || c == '#' ||
        (reference ? c == '?' : (c < 0 || c == ' ')))
      return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dav::UrlSpace spaces[] = {
      {},
      {.prefix = {"dav"}, .origins = {{http::Scheme::http, "b", 81}}},
      {.prefix = {"a", "b c"}, .origins = {}}};
  const std::string_view text = fuzz::text_of(data, size);
  for (const dav::UrlSpace& space : spaces) {
    for (const bool reference : {false, true}) {
      try {
        const dav::Target target =
            reference ? dav::parse_reference(text, space, "a") : dav::parse_url(text, space, "a");
        fuzz::require(target.spelling.substr(0, 1) == "/", "a spelling begins with a slash");
        fuzz::require(
            text.find(target.spelling) != std::string_view::npos || target.spelling == "/",
            "a spelling is the client's own");
        auto naive = fuzz::naive_segments(target.spelling);
        fuzz::require(naive.has_value(), "the naive decoder accepts it");
        if (target.above_prefix) {
          fuzz::require(!reference && target.path.is_root(), "an ancestor has no path");
          continue;
        }
        naive->erase(naive->begin(),
                     naive->begin() + static_cast<std::ptrdiff_t>(space.prefix.size()));
        fuzz::require(storage::Path(*naive) == target.path, "the naive decoder's path");
        for (const std::string& segment : target.path.segments()) {
          fuzz::require(!segment.empty() && segment != "." && segment != "..", "no dot segments");
          fuzz::require(segment.find('/') == std::string::npos, "no slash in a segment");
          fuzz::require(segment.size() <= space.limits.segment_bytes, "segment limit");
          fuzz::require(text::valid_utf8(segment), "segments are UTF-8");
        }
        fuzz::require(target.path.bytes() <= space.limits.path_bytes, "path limit");
        fuzz::require(target.path.depth() <= space.limits.depth, "depth limit");
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
        // A path in origin-form is refused for a reason that the naive decoder sees as well.
        const std::string_view path = text.substr(0, text.find('?'));
        if (error.status == 400 && path.starts_with('/') &&
            path.find('#') == std::string_view::npos)
          fuzz::require(!fuzz::naive_segments(path) || !plain(text, reference), "a reason for 400");
      }
    }
  }
  return 0;
}
