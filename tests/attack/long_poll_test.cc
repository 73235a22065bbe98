// Many clients that wait for a change (docs/sync.md): they hold no thread and little memory, the
// others do not notice them, and one commit answers them all.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "tests/attack/attack.h"
#include "tests/support/http_client.h"

namespace holdfast::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class LongPolls : public Attack {
 protected:
  void SetUp() override {
    rlimit files{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
    // Two thirds of the connections may wait, and those take half of the descriptors.
    most_ = std::min<std::size_t>(10'000, files.rlim_max / 10 * 3);
    files.rlim_cur = files.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
    start({"--sync-keep", "3600", "--connections", "30000", "--connections-per-client", "30000",
           "--requests-per-account", "30000"});
  }

  static std::string wait_at(std::string_view target, std::string_view tag) {
    std::string fields = "Prefer: wait=60\r\nIf-None-Match: ";
    fields.append(tag).append("\r\n");
    return request("HEAD " + std::string(target), fields);
  }
  std::string tag(const std::string& target) {
    HttpClient client(server());
    return std::string(client.request("HEAD", target, {{"Prefer", "wait=60"}}).field("ETag"));
  }

  std::size_t most_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Door, LongPolls, ::testing::ValuesIn(doors()), door_name);

TEST_P(LongPolls, ManyThatWaitCostNoThreadAndAreAnsweredByOneCommit) {
  {
    HttpClient client(server());
    ASSERT_EQ(client.request("MKCOL", "/polled").status, 201);
    ASSERT_EQ(client.request("MKCOL", "/polled/deep").status, 201);
  }
  const std::string known = tag("/polled/");
  ASSERT_NE(known, "");
  const std::size_t threads = oracle().threads();
  const std::size_t before = oracle().resident_bytes();
  const std::size_t count = in_full_size() ? crowd_of(most_) : crowd_of(1'000);
  std::vector<tests::RawClient> clients;
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(clients.back().send(wait_at("/polled/", known)));
  }
  EXPECT_TRUE(clients.back().silent(milliseconds(200)));
  EXPECT_TRUE(oracle().threads_fall_to(threads + 8)) << oracle().threads();
  const std::size_t memory = oracle().resident_bytes() - before;
  EXPECT_LT(memory, count * 40 * 1024 + (32 << 20));
  Canary canary(server());
  const Canary::Song song = canary.sing();
  EXPECT_EQ(song.wrong, "");
  EXPECT_TRUE(clients.front().silent(milliseconds(1)));
  // What the canary writes lies elsewhere.
  const auto begun = steady_clock::now();
  {
    HttpClient client(server());
    ASSERT_EQ(client.request("PUT", "/polled/deep/f", {}, "x").status, 201);
  }
  const auto written = steady_clock::now();
  const std::string changed = tag("/polled/");
  for (tests::RawClient& client : clients) {
    const auto answer = client.receive(true);
    ASSERT_TRUE(answer) << client.error;
    ASSERT_EQ(answer->status, 200);
    ASSERT_EQ(answer->field("preference-applied"), "wait=60");
    ASSERT_EQ(answer->field("etag"), changed);
  }
  const auto ms = [](steady_clock::duration time) {
    return std::chrono::duration_cast<milliseconds>(time).count();
  };
  std::cout << count << " that wait: " << (memory >> 20) << " MiB; the commit took "
            << ms(written - begun) << " ms, and all were answered "
            << ms(steady_clock::now() - written) << " ms later; the canary took "
            << song.slowest.count() / 1'000 << " ms\n";
  EXPECT_LT(ms(written - begun), 2'000);
  clients.clear();
  oracle().accept_memory();
  EXPECT_EQ(oracle().check(), "");
}

TEST_P(LongPolls, TheEndOfTheServerAnswersThem) {
  const TemporaryFolder folder{TemporaryFolder::in_memory()};
  std::vector<std::string> arguments = GetParam().arguments;
  arguments.insert(arguments.end(), {"--sync-keep", "3600"});
  ServerProcess other(folder / "data", arguments);
  other.start();
  std::string known;
  {
    HttpClient client(other);
    known = std::string(client.request("HEAD", "/", {{"Prefer", "wait=60"}}).field("ETag"));
  }
  std::vector<tests::RawClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(GetParam().connect(other));
    ASSERT_TRUE(clients.back().send(wait_at("/", known)));
  }
  EXPECT_TRUE(clients.back().silent(milliseconds(200)));
  EXPECT_EQ(other.stop(), 0);
  for (tests::RawClient& client : clients) {
    const auto answer = client.receive(true);
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 304);
  }
}

}  // namespace
}  // namespace holdfast::test
