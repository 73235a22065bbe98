// No space for the write-ahead log alone, or for content files alone (docs/robustness.md E2), as
// with quotas or reserved blocks: what needs that space is refused with 507, all else goes on, and
// so does everything with space, without a restart.
#include <cerrno>
#include <chrono>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/faults.h"
#include "tests/support/http_client.h"
#include "tests/support/lock_info.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

const std::string kProperty =
    R"(<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:p xmlns:x="urn:x">1</x:p></D:prop>)"
    "</D:set></D:propertyupdate>";
const std::string kInline(60'000, 'i');
const std::string kFile(300'000, 'f');

struct Case {
  const char* name;
  const char* only;    // whose space is out: what the paths begin with
  std::uint64_t room;  // what is left of it
  // What is answered: 2 for success, 507, or 0 for either.
  int removals, additions, put_inline, put_file;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class FullInPart : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    server_.set_environment(faults_.environment());
    server_.start();
    HttpClient client(server_.port());
    ASSERT_EQ(client.request("MKCOL", "/c").status, 201);
    for (const auto& [path, body] : files_)
      ASSERT_EQ(client.request("PUT", path, {}, body).status, 201) << path;
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << server_.output();
  }
  void expect_all_there(HttpClient& client) {
    for (const auto& [path, body] : files_) {
      const Reply reply = client.request("GET", path);
      EXPECT_EQ(reply.status, 200) << path;
      EXPECT_TRUE(reply.body == body) << path;
    }
    const Reply listing = client.request("PROPFIND", "/", {{"Depth", "1"}});
    EXPECT_EQ(listing.status, 207);
    for (const char* kind : {"/inline", "/file"})
      for (int i = 0; i < 3; ++i)
        EXPECT_EQ(listing.body.find(kind + std::to_string(i)) != std::string::npos,
                  files_.contains(kind + std::to_string(i)))
            << kind << i;
  }
  // Sends it, and notes what it has made when it was not refused.
  void put(HttpClient& client, const std::string& path, const std::string& body, int wanted) {
    const int status = client.request("PUT", path, {}, body).status;
    expect_status(status, wanted, "PUT " + path);
    if (status != 507) files_[path] = body;
  }
  static void expect_status(int status, int wanted, const std::string& what) {
    if (wanted != 2 && status == 507) return;
    EXPECT_NE(wanted, 507) << what << ": " << status;
    EXPECT_TRUE(status >= 200 && status < 300) << what << ": " << status;
  }

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  Faults faults_{folder_ / "control", folder_ / "data"};
  ServerProcess server_{folder_ / "data", {"--free-space-floor", "0"}};
  std::map<std::string, std::string> files_ = {
      {"/c/inline", kInline},  {"/c/file", kFile},
      {"/over-inline", "old"}, {"/over-file", std::string(200'000, 'o')},
      {"/gone", kFile},        {"/small", "small"}};
};
INSTANTIATE_TEST_SUITE_P(
    , FullInPart,
    testing::Values(Case{"LogWithoutAByte", "meta.db-wal", 0, 507, 507, 507, 507},
                    // Most acts are some pages of 4 KiB. A log that is full is emptied, but what
                    // adds is refused until the next request finds that there is space.
                    Case{"LogOf48KiB", "meta.db-wal", 48 << 10, 2, 0, 507, 0},
                    Case{"UploadsWithoutAByte", "tmp/", 0, 2, 2, 2, 507},
                    Case{"UploadsOf128KiB", "tmp/", 128 << 10, 2, 2, 2, 507},
                    Case{"ContentFolders", "blobs/", 0, 2, 2, 2, 507}),
    [](const auto& one) { return std::string(one.param.name); });

TEST_P(FullInPart, RefusesWhatNeedsItAndGoesOnWithTheRest) {
  const Case& one = GetParam();
  HttpClient client(server_.port());
  constexpr std::uint32_t kTakesSpace = bit(CallKind::create) | bit(CallKind::write) |
                                        bit(CallKind::allocate) | bit(CallKind::rename) |
                                        bit(CallKind::make_folder);
  faults_.arm({.action = FaultAction::fail,
               .kinds = kTakesSpace,
               .error = ENOSPC,
               .persistent = true,
               .only = one.only,
               .room = one.room});
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    const std::string number = std::to_string(round);
    put(client, "/inline" + number, kInline, one.put_inline);
    put(client, "/over-inline", kInline, one.put_inline);
    put(client, "/file" + number, kFile, one.put_file);
    put(client, "/over-file", kFile, one.put_file);
    expect_all_there(client);
    const auto expect = [&](int wanted, const char* method, const std::string& target,
                            const Fields& fields = {}, const std::string& body = {}) {
      const int status = client.request(method, target, fields, body).status;
      expect_status(status, wanted, method + (" " + target));
      return status != 507;
    };
    expect(one.additions, "MKCOL", "/c/made" + number);
    const std::string copy = "/c/copy" + number;
    if (expect(one.additions, "COPY", "/c/file", {{"Destination", copy}}))
      expect(one.removals, "DELETE", copy);
    const std::string moved = "/small" + number;
    if (expect(one.removals, "MOVE", "/small", {{"Destination", moved}}))
      expect(one.removals, "MOVE", moved, {{"Destination", "/small"}});
    expect(one.additions, "PROPPATCH", "/small", {}, kProperty);
    expect(one.additions, "LOCK", "/c/locked" + number, {}, lock_info());
  }
  const int removed = client.request("DELETE", "/gone").status;
  EXPECT_EQ(removed, one.removals == 507 ? 507 : 204);
  if (removed == 204) files_.erase("/gone");
  expect_all_there(client);
  EXPECT_TRUE(faults_.fired());

  faults_.disarm();
  EXPECT_EQ(client.request("PUT", "/after-inline", {}, kInline).status, 201);
  EXPECT_EQ(client.request("PUT", "/after-file", {}, kFile).status, 201);
  EXPECT_EQ(client.request("DELETE", "/after-file").status, 204);
  files_["/after-inline"] = kInline;
  expect_all_there(client);
  // Also what the log has of it.
  client.close();
  server_.kill();
  server_.start();
  expect_all_there(client);
  EXPECT_EQ(server_.stop(), 0);
  const Outcome check =
      run({.arguments = {holdfast_binary(), "check", "--hashes", "--data", server_.data()}});
  EXPECT_EQ(check.exit_code, 0) << check.output;
  std::size_t left = 0;
  for (const auto& entry : std::filesystem::directory_iterator(server_.data() / "tmp"))
    left += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(left, 0U) << "a refused upload left its file";
}

}  // namespace
}  // namespace holdfast::test
