#include "server/app/serve.h"

#include <csignal>
#include <cstdlib>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <unistd.h>
#include <utility>

#include "server/app/banner.h"
#include "server/app/redirect.h"
#include "server/loop/descriptors.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::server {
namespace {

TEST(FittedTo, LeavesLimitsAloneThatTheOpenFilesAllow) {
  const Limits limits = fitted_to(Limits{}, 1 << 20);
  EXPECT_EQ(limits.connections, Limits{}.connections);
  EXPECT_EQ(limits.workers, Limits{}.workers);
}

TEST(FittedTo, NeverAsksForMoreThanThereAre) {
  for (const std::uint64_t descriptors : {4U, 64U, 256U, 1024U, 4096U, 16'384U, 20'000U}) {
    const Limits limits = fitted_to(Limits{}, descriptors);
    EXPECT_GE(limits.workers, 1U);
    EXPECT_GE(limits.connections, 1U);
    EXPECT_LE(limits.connections + limits.workers, descriptors) << descriptors;
  }
  Limits few;
  few.connections = 3;
  few.workers = 2;
  EXPECT_EQ(fitted_to(few, 1024).connections, 3U);
  EXPECT_EQ(fitted_to(few, 1024).workers, 2U);
}

TEST(Banner, NamesTheLoopbackAddressForAWildcardAndBracketsIpv6) {
  Config config;
  config.listen = parse_address("0.0.0.0:80");
  EXPECT_THAT(banner(config, Anonymous::read, {.own = 8080}),
              testing::StartsWith("Holdfast serves http://127.0.0.1:8080/\n"));
  config.listen = parse_address("[::]:80");
  EXPECT_THAT(banner(config, Anonymous::read, {.own = 8080}),
              testing::StartsWith("Holdfast serves http://[::1]:8080/\n"));
}

TEST(Banner, OverTlsTheUrlIsHttpsAndTheFingerprintStands) {
  Config config;
  config.tls_self_signed = true;
  config.http_redirect = parse_address("127.0.0.1:0");
  const std::string text =
      banner(config, Anonymous::read, {.own = 8443, .redirect = 8080}, "AB:CD");
  EXPECT_THAT(text, testing::StartsWith("Holdfast serves https://127.0.0.1:8443/\n"));
  EXPECT_THAT(text, testing::HasSubstr("self-signed certificate, SHA-256 AB:CD\n"));
  EXPECT_THAT(text, testing::HasSubstr("davs://127.0.0.1:8443/"));
}

TEST(Banner, ShowsTheFirstPublicUrl) {
  Config config;
  config.public_urls = parse_public_urls("https://dav.example:8443/, http://lan.example");
  const std::string text = banner(config, Anonymous::read, {.own = 8080});
  EXPECT_THAT(text, testing::HasSubstr("known as    https://dav.example:8443/\n"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("lan.example")));
}

TEST(Redirect, GoesToTheHostThatWasAskedForIfItIsKnown) {
  Config config;
  config.public_urls =
      parse_public_urls("https://dav.example:8443, http://plain.example, https://lan.example");
  const auto location = [&](const char* host) {
    http::Request request;
    request.method = "GET";
    request.target = "/a";
    request.fields.add("Host", host);
    const std::string fields = Redirect(config, 8080).answer(request).fields;
    const std::size_t at = fields.find("Location: ") + 10;
    return fields.substr(at, fields.find('\r', at) - at);
  };
  EXPECT_EQ(location("LAN.example:80"), "https://lan.example/a");
  for (const char* host : {"dav.example", "plain.example", "evil.example", ""})
    EXPECT_EQ(location(host), "https://dav.example:8443/a") << host;
}

TEST(Banner, WarnsThatOtherHostsAreRefusedWhileAnonymousMayWrite) {
  Config config;
  const auto warns = [&config](Anonymous anonymous) {
    return banner(config, anonymous, {.own = 1}).find("421") != std::string::npos;
  };
  EXPECT_FALSE(warns(Anonymous::write));
  config.listen = parse_address("0.0.0.0:80");
  EXPECT_TRUE(warns(Anonymous::write));
  EXPECT_FALSE(warns(Anonymous::read));
  config.public_urls = parse_public_urls("https://dav.example");
  EXPECT_FALSE(warns(Anonymous::write));
}

// serve() in a process of its own, on a store in memory.
class ServeDeathTest : public testing::Test {
 protected:
  ServeDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  // `then` runs on another thread once the store is open.
  [[noreturn]] static void serve_and_exit(std::function<void(const OnFailure&)> then) {
    std::exit(served(std::move(then)));
  }

  static int served(std::function<void(const OnFailure&)> then) {
    const test::TemporaryFolder folder;
    const test::ManualClock clock;
    Config config;
    config.listen = parse_address("127.0.0.1:0");
    config.data = folder.path();
    config.spill_folder = folder.path();
    config.access_log = std::nullopt;
    std::thread other;
    const int code = serve(config, [&](const Config&, Opening, OnFailure on_failure) {
      other = std::thread([then, on_failure] { then(on_failure); });
      Store store;
      store.contents = std::make_unique<test::MemoryContentStore>();
      store.names = std::make_unique<test::MemoryNamespace>(clock);
      return store;
    });
    other.join();
    return code;
  }
};

TEST_F(ServeDeathTest, EndsWithOneWhenTheStoreRefusesFurtherWrites) {
  EXPECT_EXIT(serve_and_exit([](const OnFailure& fail) { fail({"fsync: input/output error"}); }),
              testing::ExitedWithCode(1), "refuses further writes.*input/output error");
}

TEST_F(ServeDeathTest, EndsWithZeroOnASignal) {
  EXPECT_EXIT(serve_and_exit([](const OnFailure&) { ::kill(::getpid(), SIGTERM); }),
              testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace holdfast::server
