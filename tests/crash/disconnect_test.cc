// Clients that go away while they overwrite a large file (docs/robustness.md K2): with FIN, with
// RST, or by falling silent, after each tenth of the body.
#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <thread>

#include "tests/crash/world.h"
#include "tests/support/raw_http.h"
#include "tests/support/staged_files.h"

namespace holdfast::test {
namespace {

constexpr std::size_t kBody = 10 << 20;

enum class End { fin, reset, silence };

struct Leaving {
  std::string name;
  End end;
  bool chunked;
};
void PrintTo(const Leaving& leaving, std::ostream* out) { *out << leaving.name; }

class Disconnect : public testing::TestWithParam<Leaving> {};
INSTANTIATE_TEST_SUITE_P(, Disconnect,
                         testing::Values(Leaving{"Fin", End::fin, false},
                                         Leaving{"FinChunked", End::fin, true},
                                         Leaving{"Reset", End::reset, false},
                                         Leaving{"ResetChunked", End::reset, true},
                                         Leaving{"Silence", End::silence, false},
                                         Leaving{"SilenceChunked", End::silence, true}),
                         [](const auto& leaving) { return leaving.param.name; });

bool nothing_is_staged_soon(const std::filesystem::path& data) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!staged_files(data).empty()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

TEST_P(Disconnect, TheOldContentStaysAndNothingIsLeftOver) {
  CrashWorld world("full", {"--body-grace", "1", "--body-rate-window", "1"});
  world.start_plainly();
  world.ledger = std::make_unique<WriteLedger>(world.server.port(), "/ledger", 1);
  world.ledger->create_root();
  ASSERT_EQ(world.ledger->put("a", kBody), 201);
  ASSERT_EQ(world.ledger->patch("a"), 207);

  const std::string head =
      "PUT /ledger/a HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(world.server.port()) + "\r\n";
  const std::string body(kBody, 'x');
  std::vector<std::unique_ptr<tests::RawClient>> silent;
  for (std::size_t tenth = 0; tenth < 10; ++tenth) {
    auto client = std::make_unique<tests::RawClient>(world.server.port());
    const std::string part = body.substr(0, kBody / 10 * tenth);
    if (GetParam().chunked) {
      // Ends with whole chunks, as a body that is complete would before its last one.
      ASSERT_TRUE(client->send(head + "Transfer-Encoding: chunked\r\n\r\n"));
      constexpr std::size_t kChunk = kBody / 20;
      for (std::size_t at = 0; at < part.size(); at += kChunk) {
        char size[16];
        std::snprintf(size, sizeof size, "%zx\r\n", kChunk);
        ASSERT_TRUE(client->send(size + part.substr(at, kChunk) + "\r\n"));
      }
    } else {
      ASSERT_TRUE(
          client->send(head + "Content-Length: " + std::to_string(kBody) + "\r\n\r\n" + part));
    }
    switch (GetParam().end) {
      case End::fin:
        client->finish_sending();
        // Told or not, it is no success.
        if (const auto answer = client->receive()) {
          EXPECT_GE(answer->status, 400);
        }
        break;
      case End::reset:
        client->reset();
        break;
      case End::silence:
        silent.push_back(std::move(client));
        break;
    }
  }
  for (const auto& client : silent) {
    client->patience = std::chrono::seconds(60);
    const auto answer = client->receive();
    ASSERT_TRUE(answer.has_value()) << client->error;
    EXPECT_EQ(answer->status, 408);
  }
  EXPECT_TRUE(nothing_is_staged_soon(world.server.data()));
  EXPECT_EQ(world.ledger->verify(), "");
  EXPECT_EQ(world.check(), "");
  EXPECT_EQ(world.ledger->put("a", kBody), 204);
  EXPECT_EQ(world.ledger->verify(), "");
  EXPECT_EQ(world.server.stop(), 0) << world.server.output();
}

}  // namespace
}  // namespace holdfast::test
