// COPY of a tree that is made in parts, cut short by SIGKILL at every call with which the server
// changes its data folder or answers (docs/robustness.md K3, docs/storage.md#copies-in-parts): the
// copy is there as a whole or not at all, and what had been made of it goes.
#include <iostream>
#include <string>

#include "tests/crash/world.h"
#include "tests/support/http_client.h"

namespace holdfast::test {
namespace {

class LargeCopy : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, LargeCopy, testing::Values("full", "relaxed"),
                         [](const auto& one) { return std::string(one.param); });

TEST_P(LargeCopy, IsWhollyDoneOrNotAtAll) {
  CrashWorld world(GetParam(), {"--trash-keep", "0"});
  world.start();
  const auto ask = [&](const std::string& method, const std::string& path,
                       const std::string& destination = "") {
    HttpClient client(world.server.port());
    Fields fields;
    if (!destination.empty()) fields.emplace_back("Destination", destination);
    return client.request(method, path, fields).status;
  };
  ASSERT_EQ(ask("MKCOL", "/tree"), 201);
  ASSERT_EQ(ask("MKCOL", "/tree/c0"), 201);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ask("PUT", "/tree/c0/f" + std::to_string(i)), 201);
  for (int i = 1; i < 60; ++i)
    ASSERT_EQ(ask("COPY", "/tree/c0", "/tree/c" + std::to_string(i)), 201);
  int kills = 0, done = 0;
  const std::uint64_t step = long_version() ? 1 : 3;
  for (std::uint64_t at = 1; !HasFailure(); at += step) {
    world.faults.arm({.at = at});
    int status = 0;
    try {
      status = ask("COPY", "/tree", "/copy");
    } catch (const std::exception&) {  // it was killed
    }
    world.faults.disarm();
    if (!world.faults.fired()) {
      EXPECT_EQ(status, 201);
      break;
    }
    ++kills;
    const std::string where = "killed at " + std::to_string(at) + ", " + world.faults.place();
    EXPECT_EQ(world.restart_and_verify(), "") << where;
    const bool there = ask("GET", "/copy/c59/f99") == 200;
    EXPECT_EQ(ask("PROPFIND", "/copy") == 207, there) << where;
    if (status != 0) {
      EXPECT_TRUE(there) << where;
    }
    if (there) {
      ++done;
      EXPECT_EQ(ask("DELETE", "/copy"), 204);
    }
    if (long_version()) {
      EXPECT_EQ(world.check(), "") << where;
    }
  }
  EXPECT_EQ(world.check(), "");
  EXPECT_GT(kills, 3);
  std::cout << "kills " << kills << ", found done " << done << "\n";
}

}  // namespace
}  // namespace holdfast::test
