#include "text/base64.h"

#include <sodium.h>

namespace holdfast::text {
namespace {

std::string encoded(std::span<const std::uint8_t> bytes, int variant) {
  std::string out(::sodium_base64_encoded_len(bytes.size(), variant), '\0');
  ::sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), variant);
  out.pop_back();  // the NUL that libsodium writes at the end
  return out;
}

// Returns how many bytes of `out` the whole text has filled; nullopt when it is not base64, or too
// long.
std::optional<std::size_t> decode(std::string_view text, std::span<std::uint8_t> out, int variant) {
  if (out.empty()) return text.empty() ? std::optional<std::size_t>(0) : std::nullopt;
  std::size_t size = 0;
  const char* end = nullptr;
  if (::sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, &end,
                          variant) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  return size;
}

}  // namespace

std::string base64(std::span<const std::uint8_t> bytes) {
  return encoded(bytes, sodium_base64_VARIANT_ORIGINAL);
}

std::string base64_url(std::span<const std::uint8_t> bytes) {
  return encoded(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool decode_base64(std::string_view text, std::span<std::uint8_t> out) {
  return decode(text, out, sodium_base64_VARIANT_ORIGINAL) == out.size();
}

std::optional<std::string> decode_unpadded_base64(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  std::string out(text.size(), '\0');
  const auto size = decode(text, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()},
                           sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

}  // namespace holdfast::text
