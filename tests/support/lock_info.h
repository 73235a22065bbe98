// The body of a LOCK (RFC 4918 §14.11), as the tests send it.
#pragma once

#include <string>

namespace holdfast::test {

[[nodiscard]] inline std::string lock_info(bool exclusive = true) {
  return std::string("<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope>") +
         (exclusive ? "<D:exclusive/>" : "<D:shared/>") +
         "</D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>";
}

}  // namespace holdfast::test
