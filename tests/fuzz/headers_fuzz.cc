// Any bytes as the value of every other field: a value or 400 as its few legal forms say, and what
// is a value stays within its bounds and comes back when it is written again.
#include <algorithm>
#include <string>

#include "dav/headers.h"
#include "http/accept.h"
#include "http/date.h"
#include "http/entity_tag.h"
#include "tests/fuzz/property.h"
#include "text/ascii.h"

using namespace holdfast;

namespace {

template <class Parse>
bool accepts(Parse parse) {
  try {
    parse();
    return true;
  } catch (const dav::Error& error) {
    fuzz::require(error.status == 400, "400");
    return false;
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// The first alternative understood (RFC 4918 §10.7), at most an hour.
std::int64_t naive_timeout(const std::string& text) {
  constexpr std::int64_t kMost = 3600;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    std::string word = text.substr(at, comma - at);
    at = comma + 1;
    while (!word.empty() && (word.front() == ' ' || word.front() == '\t')) word.erase(0, 1);
    while (!word.empty() && (word.back() == ' ' || word.back() == '\t')) word.pop_back();
    if (word == "infinite") return kMost;
    if (word.rfind("second-", 0) != 0) continue;
    std::string digits = word.substr(7);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) continue;
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
    if (digits.size() > 4) return kMost;
    return std::clamp<std::int64_t>(std::stoi(digits), 1, kMost);
  }
  return kMost;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  http::Fields fields;
  for (const char* name : {"Depth", "Overwrite", "Timeout", "Lock-Token", "X-OC-Mtime", "Accept",
                           "OC-Checksum", "Content-MD5", "Repr-Digest", "Content-Digest"})
    fields.add(name, text);
  const std::string word = lower(text);
  fuzz::require(accepts([&] { (void)dav::parse_depth(fields); }) ==
                    (word == "0" || word == "1" || word == "infinity"),
                "the three depths");
  fuzz::require(
      accepts([&] { (void)dav::parse_overwrite(fields); }) == (word == "t" || word == "f"),
      "T or F");
  (void)accepts([&] { (void)dav::parse_checksums(fields); });
  (void)accepts([&] {
    const std::string token = dav::parse_lock_token(fields).value();
    fuzz::require(dav::is_absolute_uri(token), "a lock token is an absolute URI");
    fuzz::require(text.find(token) != std::string_view::npos, "the token that was sent");
    const std::string written = "<" + token + ">";
    http::Fields again;
    again.add("Lock-Token", written);
    fuzz::require(dav::parse_lock_token(again) == token, "the same token");
  });
  fuzz::require(dav::parse_timeout(fields, 3600) == naive_timeout(word), "the timeout");
  if (const auto mtime = dav::parse_oc_mtime(fields))
    fuzz::require(*mtime % 1000 == 0, "whole seconds");
  (void)http::preferred_form(fields);
  if (const auto seconds = http::parse_date(text, 1'800'000'000))
    fuzz::require(http::parse_date(http::format_date(*seconds)) == seconds, "the same date");
  const http::EntityTagList tags = http::parse_entity_tags(text);
  fuzz::require(!tags.malformed || (!tags.any && tags.tags.empty()), "malformed matches nothing");
  if (const auto number = text::parse_number(text)) {
    const std::string_view digits =
        text.substr(std::min(text.find_first_not_of('0'), text.size() - 1));
    fuzz::require(std::to_string(*number) == digits, "the same number");
  }
  return 0;
}
