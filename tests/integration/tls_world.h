// What the TLS tests need: certificates made by the openssl program, a server with them.
#pragma once

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/certificate.h"
#include "tests/support/oracle.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class TlsWorld : public testing::Test {
 protected:
  void SetUp() override {
    make_certificate(certificate_, key_);
    make_certificate(folder_ / "second.pem", folder_ / "second.key");
  }

  void start(std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--tls-cert", certificate_, "--tls-key", key_});
    server_ = std::make_unique<ServerProcess>(folder_ / "data", more, Oracle::environment());
    server_->start();
  }

  // What `holdfast serve` says when it does not start.
  Outcome refused(std::vector<std::string> arguments) {
    Command command;
    command.arguments = {holdfast_binary(), "serve",  "--listen",
                         "127.0.0.1:0",     "--data", folder_ / "never"};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    command.timeout = std::chrono::seconds(30);
    return run(command);
  }

  [[nodiscard]] tests::RawClient connect(const tests::TlsWish& wish = {}) const {
    return tests::RawClient::over_tls(server_->port(), wish);
  }
  // Why a client with that wish gets no connection; empty when it gets one that works.
  [[nodiscard]] std::string refusal(const tests::TlsWish& wish) const {
    try {
      auto client = connect(wish);
      // Under TLS 1.3 the client has shaken hands before the server judges its certificate.
      client.send("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
      const auto answer = client.receive();
      return answer ? "" : "no answer: " + client.error;
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
  static void expect_served(tests::RawClient& client) {
    client.send("OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 200);
  }
  // Waits until the server has printed `text`; false after 30 s.
  [[nodiscard]] bool says(const std::string& text) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (server_->output().find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  const std::string certificate_ = folder_ / "cert.pem";
  const std::string key_ = folder_ / "key.pem";
  std::unique_ptr<ServerProcess> server_;
};

}  // namespace holdfast::test
