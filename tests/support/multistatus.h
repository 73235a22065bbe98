// Parses a 207 body (RFC 4918 §13) for tests. Any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::test {

// The properties of one propstat by "{namespace}name": the text inside, or the raw XML when there
// are elements in it.
using Properties = std::map<std::string, std::string>;

struct MultistatusResponse {
  std::string href;
  int status = 0;                        // of a response without propstats
  std::map<int, Properties> properties;  // by status
};

// Throws std::runtime_error when `body` is not a multistatus.
[[nodiscard]] std::vector<MultistatusResponse> parse_multistatus(std::string_view body);

}  // namespace holdfast::test
