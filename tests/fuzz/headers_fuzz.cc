// Any bytes as the value of every other field: a value or 400, and what is a value stays within its
// bounds.
#include <algorithm>
#include <string>

#include "dav/headers.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

template <class Parse>
void value_or_400(Parse parse) {
  try {
    parse();
  } catch (const dav::Error& error) {
    fuzz::require(error.status == 400, "400");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  dav::Fields fields;
  for (const char* name : {"Depth", "Overwrite", "Timeout", "Lock-Token", "X-OC-Mtime", "Accept",
                           "OC-Checksum", "Content-MD5", "Repr-Digest", "Content-Digest"})
    fields.add(name, text);
  value_or_400([&] { (void)dav::parse_depth(fields); });
  value_or_400([&] { (void)dav::parse_overwrite(fields); });
  value_or_400([&] { (void)dav::parse_checksums(fields); });
  value_or_400([&] {
    if (const auto token = dav::parse_lock_token(fields))
      fuzz::require(dav::is_absolute_uri(*token), "a lock token is an absolute URI");
  });
  const std::int64_t timeout = dav::parse_timeout(fields, 3600);
  fuzz::require(timeout >= 1 && timeout <= 3600, "timeout bounds");
  if (const auto mtime = dav::parse_oc_mtime(fields))
    fuzz::require(*mtime >= 0 && *mtime % 1000 == 0, "whole seconds");
  (void)dav::prefers_json(fields);
  if (const auto seconds = dav::parse_http_date(text, 1'800'000'000))
    fuzz::require(dav::parse_http_date(dav::format_http_date(*seconds)) == seconds,
                  "the same date");
  const dav::EntityTagList tags = dav::parse_entity_tags(text);
  fuzz::require(!tags.malformed || (!tags.any && tags.tags.empty()), "malformed matches nothing");
  if (const auto number = dav::parse_decimal(text)) {
    const std::string_view digits =
        text.substr(std::min(text.find_first_not_of('0'), text.size() - 1));
    fuzz::require(std::to_string(*number) == digits, "the same number");
  }
  return 0;
}
