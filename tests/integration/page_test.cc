// The page's files and pages of the real program, for clients that have not signed in and for those
// that have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/support/basic.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string address_in(const std::string& page, const std::string& before) {
  const std::size_t at = page.find(before);
  if (at == std::string::npos) return {};
  const std::size_t start = at + before.size();
  return page.substr(start, page.find('"', start) - start);
}

TEST(PageFiles, AreForEverybodyAndShowNothingElse) {
  const TemporaryFolder folder;
  const std::string data = folder / "data";
  Command add;
  add.arguments = {holdfast_binary(), "user", "add", "ann", "--home", "/", "--data", data};
  add.input = "secret words\n";
  ASSERT_EQ(run(add).exit_code, 0);
  ServerProcess server(data, {"--access-log", "off", "--prefix", "/dav"});
  server.start();
  HttpClient client(server);
  const Fields browser = {{"Accept", "text/html,application/xml;q=0.9"}};

  // The page that asks to sign in has its style.
  const Reply refused = client.request("GET", "/dav/", browser);
  EXPECT_EQ(refused.status, 401);
  EXPECT_FALSE(refused.field("WWW-Authenticate").empty());
  const std::string style = address_in(refused.body, "rel=\"stylesheet\" href=\"");
  EXPECT_THAT(style, HasSubstr("/dav/?page=page-"));
  const Reply css = client.request("GET", style);
  EXPECT_EQ(css.status, 200);
  EXPECT_EQ(css.field("Content-Type"), "text/css; charset=utf-8");
  EXPECT_EQ(client.request("GET", "/dav/?page=none.js").status, 404);
  EXPECT_EQ(client.request("PUT", style, {}, "x").status, 405);
  EXPECT_EQ(client.request("GET", "/dav/x?page=none.js").status, 401);

  Fields ann = browser;
  ann.emplace_back("Authorization", basic("ann", "secret words"));
  const Reply page = client.request("GET", "/dav/", ann);
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body,
              AllOf(HasSubstr("data-account=\"ann\""), HasSubstr("data-root=\"/dav/\"")));
  const Reply script = client.request("GET", address_in(page.body, "type=\"module\" src=\""),
                                      {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(script.status, 200);
  EXPECT_EQ(script.field("Content-Encoding"), "gzip");
  EXPECT_LT(script.body.size(), 45U * 1024);
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace holdfast::test
