// What the replays share: the real program under the prefix /dav in three kinds of access, and the
// bodies many clients send. Every trace runs with each of them.
#pragma once

#include <gmock/gmock.h>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/replay/wire.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

// Where a trace is replayed.
enum class Access {
  open,    // nobody signs in: http on the own machine
  tls,     // accounts over TLS, where only Basic is offered
  digest,  // accounts without TLS, with --digest
};

inline void PrintTo(Access access, std::ostream* out) {
  *out << (access == Access::open ? "open" : access == Access::tls ? "tls" : "digest");
}

class WireReplay : public ::testing::TestWithParam<Access> {
 protected:
  void SetUp() override {
    server_.start();
    if (accounts()) add_account("alice");
  }
  void TearDown() override {
    if (server_.running()) {
      EXPECT_EQ(server_.stop(), 0) << server_.output();
    }
  }

  [[nodiscard]] bool accounts() const { return GetParam() != Access::open; }

  // The client of the trace, which shows who it is as its source does.
  Wire client(std::string always, Signing signing = Signing::once_asked,
              const std::string& instead = {}) {
    return wire(std::move(always), {"alice", "wonderland", signing, instead});
  }
  // Somebody else's, with the same rights.
  Wire other(std::string always = {}) {
    if (accounts() && !bob_) add_account("bob");
    bob_ = true;
    return wire(std::move(always), {"bob", "wonderland", Signing::beforehand, {}});
  }

  TemporaryFolder folder_;

 private:
  static std::vector<std::string> arguments() {
    std::vector<std::string> out = {"--prefix", "/dav", "--access-log", "off"};
    if (GetParam() == Access::tls) out.emplace_back("--tls-self-signed");
    if (GetParam() == Access::digest) out.insert(out.end(), {"--digest", "both"});
    return out;
  }
  Wire wire(std::string always, Person person) {
    return Wire(server_.port(), std::move(always), GetParam() == Access::tls,
                accounts() ? std::optional(std::move(person)) : std::nullopt);
  }
  void add_account(const std::string& name) {
    Command command{.arguments = {holdfast_binary(), "user", "add", name, "--home", "/", "--data",
                                  server_.data()},
                    .input = "wonderland\n"};
    if (GetParam() == Access::digest)
      command.arguments.insert(command.arguments.end(), {"--digest", "both"});
    const Outcome outcome = run(command);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  }

  ServerProcess server_{folder_ / "data", arguments()};
  bool bob_ = false;
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
