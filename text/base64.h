// Base64 (RFC 4648 §4, §5), by libsodium. Unused bits of the last digit must be zero. Pure
// functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::text {

// Encodes with padding (RFC 4648 §4).
[[nodiscard]] std::string base64(std::span<const std::uint8_t> bytes);
// Encodes for URLs and file names, without padding (RFC 4648 §5).
[[nodiscard]] std::string base64_url(std::span<const std::uint8_t> bytes);

// Fills `out`. Returns false, and leaves `out` undefined, unless `text` encodes exactly out.size()
// bytes, with padding.
[[nodiscard]] bool decode_base64(std::string_view text, std::span<std::uint8_t> out);
// Returns the bytes of a text whose padding may be missing, too short or too long by one "=", as
// some clients send credentials. Returns nullopt when it is not base64.
[[nodiscard]] std::optional<std::string> decode_unpadded_base64(std::string_view text);

}  // namespace holdfast::text
