// Basic credentials (RFC 7617) for a client to send.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/base64.h"

namespace holdfast::test {

inline std::string base64(std::string_view bytes) {
  return text::base64({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

// Returns the value of Authorization.
inline std::string basic(const std::string& name, const std::string& password) {
  return "Basic " + base64(name + ":" + password);
}

}  // namespace holdfast::test
