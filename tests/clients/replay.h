// What the replays share: the real program under the prefix /dav, and the bodies many clients send.
#pragma once

#include <gmock/gmock.h>
#include <string>

#include "tests/clients/wire.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

class WireReplay : public ::testing::Test {
 protected:
  void SetUp() override { server_.start(); }
  void TearDown() override {
    if (server_.running()) {
      EXPECT_EQ(server_.stop(), 0) << server_.output();
    }
  }

  TemporaryFolder folder_;
  ServerProcess server_{folder_ / "data", {"--prefix", "/dav", "--access-log", "off"}};
};

inline const std::string kXml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

inline std::string exclusive_lock(const std::string& owner) {
  return kXml +
         "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope><D:locktype>"
         "<D:write/></D:locktype><D:owner>" +
         owner + "</D:owner></D:lockinfo>";
}

// "getetag resourcetype" as a DAV:propfind.
inline std::string ask_for(std::string_view names) {
  std::string body = kXml + "<D:propfind xmlns:D=\"DAV:\"><D:prop>";
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    body.append("<D:").append(names.substr(0, end)).append("/>");
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return body + "</D:prop></D:propfind>";
}

inline std::string win32(const std::string& properties) {
  return "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:propertyupdate xmlns:D=\"DAV:\" "
         "xmlns:Z=\"urn:schemas-microsoft-com:\"><D:set><D:prop>" +
         properties + "</D:prop></D:set></D:propertyupdate>";
}

inline std::string token_line(const std::string& token) { return "If: (<" + token + ">)\r\n"; }

}  // namespace holdfast::test
