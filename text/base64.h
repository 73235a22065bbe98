// Base64 (RFC 4648 §4, §5), on libsodium. Bits that a last digit has too many must be zero. Pure
// functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::text {

// With padding (§4).
[[nodiscard]] std::string base64(std::span<const std::uint8_t> bytes);
// For URLs and file names, without padding (§5).
[[nodiscard]] std::string base64_url(std::span<const std::uint8_t> bytes);

// Fills `out`. False, and `out` undefined, unless `text` is exactly its bytes with padding.
[[nodiscard]] bool decode_base64(std::string_view text, std::span<std::uint8_t> out);
// The bytes of a text whose padding may be missing, too short or too long by a sign, as some
// clients send credentials. Nullopt when it is no base64.
[[nodiscard]] std::optional<std::string> decode_unpadded_base64(std::string_view text);

}  // namespace holdfast::text
