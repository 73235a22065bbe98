// What HTML forms send (WHATWG URL §5.1), and where they lead. Pure functions but for reading a body;
// any thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "dav/path.h"
#include "http/message.h"

namespace holdfast::server::auth {

struct Form {
  static constexpr std::size_t kLimitBytes = 16 * 1024;

  int status = 0;  // 0, or why the body is no form: 400, 413 or 415
  std::map<std::string, std::string, std::less<>> values;  // UTF-8 without control characters

  // Returns the value; empty when there is none.
  [[nodiscard]] std::string value(std::string_view name) const;
};

// Reads the body of a request as application/x-www-form-urlencoded.
[[nodiscard]] Form read_form(http::Request& request);

// Returns `to` when it is a path below `root`, an href with a final slash, as a browser writes it;
// else the root. What a browser could take for an address elsewhere is none: "//host", "/\host", or
// with what it leaves out, such as a tab.
[[nodiscard]] std::string place_below(std::string_view to, const std::string& root);

}  // namespace holdfast::server::auth
