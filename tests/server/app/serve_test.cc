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
  const http1::Limits limits = loop::fitted_to(http1::Limits{}, 1 << 20);
  EXPECT_EQ(limits.connections, http1::Limits{}.connections);
  EXPECT_EQ(limits.workers, http1::Limits{}.workers);
}

TEST(FittedTo, NeverAsksForMoreThanThereAre) {
  for (const std::uint64_t descriptors : {4U, 64U, 256U, 1024U, 4096U, 16'384U, 20'000U}) {
    const http1::Limits limits = loop::fitted_to(http1::Limits{}, descriptors);
    EXPECT_GE(limits.workers, 1U);
    EXPECT_GE(limits.connections, 1U);
    EXPECT_LE(limits.connections + limits.workers, descriptors) << descriptors;
  }
  http1::Limits few;
  few.connections = 3;
  few.workers = 2;
  EXPECT_EQ(loop::fitted_to(few, 1024).connections, 3U);
  EXPECT_EQ(loop::fitted_to(few, 1024).workers, 2U);
}

TEST(Banner, NamesTheLoopbackAddressForAWildcardAndBracketsIpv6) {
  config::Config config;
  config.listen = config::parse_address("0.0.0.0:80");
  EXPECT_THAT(app::banner(config, auth::Anonymous::read, {.own = 8080}),
              testing::StartsWith("Holdfast serves http://127.0.0.1:8080/\n"));
  config.listen = config::parse_address("[::]:80");
  EXPECT_THAT(app::banner(config, auth::Anonymous::read, {.own = 8080}),
              testing::StartsWith("Holdfast serves http://[::1]:8080/\n"));
}

TEST(Banner, ShowsAnAddressOfEachInterfaceAndMountsTheFirst) {
  config::Config config;
  config.listen = config::parse_address("[::]:80");
  const std::string text = app::banner(config, auth::Anonymous::read,
                                       {.own = 8080, .hosts = {"192.168.1.5", "fd00::5"}});
  EXPECT_THAT(text, testing::HasSubstr("  also at     http://192.168.1.5:8080/\n"
                                       "  also at     http://[fd00::5]:8080/\n"));
  EXPECT_THAT(text, testing::HasSubstr("net use H: http://192.168.1.5:8080/\n"));
}

TEST(Banner, OverTlsTheUrlIsHttpsAndTheFingerprintStands) {
  config::Config config;
  config.tls_self_signed = true;
  config.http_redirect = config::parse_address("127.0.0.1:0");
  const std::string text =
      app::banner(config, auth::Anonymous::read, {.own = 8443, .redirect = 8080}, "AB:CD");
  EXPECT_THAT(text, testing::StartsWith("Holdfast serves https://127.0.0.1:8443/\n"));
  EXPECT_THAT(text, testing::HasSubstr("self-signed certificate, SHA-256 AB:CD\n"));
  EXPECT_THAT(text, testing::HasSubstr("davs://127.0.0.1:8443/"));
}

TEST(Banner, ShowsTheFirstPublicUrl) {
  config::Config config;
  config.public_urls = config::parse_public_urls("https://dav.example:8443/, http://lan.example");
  const std::string text = app::banner(config, auth::Anonymous::read, {.own = 8080});
  EXPECT_THAT(text, testing::HasSubstr("known as    https://dav.example:8443/\n"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("lan.example")));
}

TEST(Redirect, GoesToTheHostThatWasAskedForIfItIsKnown) {
  config::Config config;
  config.public_urls = config::parse_public_urls(
      "https://dav.example:8443, http://plain.example, https://lan.example");
  const auto location = [&](const char* host) {
    http::Request request;
    request.method = "GET";
    request.target = "/a";
    request.fields.add("Host", host);
    const std::string fields = app::Redirect(config, 8080).answer(request).fields;
    const std::size_t at = fields.find("Location: ") + 10;
    return fields.substr(at, fields.find('\r', at) - at);
  };
  EXPECT_EQ(location("LAN.example:80"), "https://lan.example/a");
  for (const char* host : {"dav.example", "plain.example", "evil.example", ""})
    EXPECT_EQ(location(host), "https://dav.example:8443/a") << host;
}

TEST(Banner, WarnsThatOtherHostsAreRefusedWhileNobodyNeedsToSignIn) {
  config::Config config;
  const auto warns = [&config](auth::Anonymous anonymous) {
    return app::banner(config, anonymous, {.own = 1}).find("421") != std::string::npos;
  };
  EXPECT_FALSE(warns(auth::Anonymous::write));
  config.listen = config::parse_address("0.0.0.0:80");
  EXPECT_TRUE(warns(auth::Anonymous::write));
  EXPECT_TRUE(warns(auth::Anonymous::read));
  EXPECT_FALSE(warns(auth::Anonymous::off));
  config.public_urls = config::parse_public_urls("https://dav.example");
  EXPECT_FALSE(warns(auth::Anonymous::write));
}

// serve() in a process of its own, on a store in memory.
class ServeDeathTest : public testing::Test {
 protected:
  ServeDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  // `then` runs on another thread once the store is open.
  [[noreturn]] static void serve_and_exit(std::function<void(const storage::OnFailure&)> then) {
    std::exit(served(std::move(then)));
  }

  static int served(std::function<void(const storage::OnFailure&)> then) {
    const test::TemporaryFolder folder;
    const test::ManualClock clock;
    config::Config config;
    config.listen = config::parse_address("127.0.0.1:0");
    config.data = folder.path();
    config.spill_folder = folder.path();
    config.access_log = std::nullopt;
    std::thread other;
    const int code =
        app::serve(config, [&](const config::Config&, cli::Opening, storage::OnFailure on_failure) {
          other = std::thread([then, on_failure] { then(on_failure); });
          cli::Store store;
          store.contents = std::make_unique<test::MemoryContentStore>();
          store.names = std::make_unique<test::MemoryNamespace>(clock);
          return store;
        });
    other.join();
    return code;
  }
};

TEST_F(ServeDeathTest, EndsWithOneWhenTheStoreRefusesFurtherWrites) {
  EXPECT_EXIT(
      serve_and_exit([](const storage::OnFailure& fail) { fail({"fsync: input/output error"}); }),
      testing::ExitedWithCode(1), "refuses further writes.*input/output error");
}

TEST_F(ServeDeathTest, EndsWithZeroOnASignal) {
  EXPECT_EXIT(serve_and_exit([](const storage::OnFailure&) { ::kill(::getpid(), SIGTERM); }),
              testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace holdfast::server
