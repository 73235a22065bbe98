// A server under the global oracle, for attacks that are programs rather than rows of bytes.
#pragma once

#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/oracle.h"
#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

inline constexpr std::string_view kMethods[] = {
    "OPTIONS", "GET",      "HEAD",      "PUT",  "DELETE", "MKCOL", "COPY",
    "MOVE",    "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "POST"};

// Most memory that the server held since reset(), beyond what it held then.
class PeakMemory {
 public:
  explicit PeakMemory(const ServerProcess& server)
      : folder_("/proc/" + std::to_string(server.pid()) + "/") {
    std::ofstream(folder_ + "clear_refs") << "5";
    before_ = peak();
  }
  [[nodiscard]] std::size_t growth() const { return peak() - std::min(peak(), before_); }

 private:
  [[nodiscard]] std::size_t peak() const {
    std::ifstream file(folder_ + "status");
    for (std::string line; std::getline(file, line);)
      if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) * 1024;
    return 0;
  }
  std::string folder_;
  std::size_t before_ = 0;
};

// Each test has a server of its own; at the end everything that the oracle knows must hold.
class Attacked : public testing::Test {
 protected:
  virtual std::vector<std::string> arguments() { return {}; }
  // Before the server starts for the first time.
  virtual void prepare() {}

  void SetUp() override {
    prepare();
    server_ = std::make_unique<ServerProcess>(folder_ / "data", arguments(), Oracle::environment());
    server_->start();
    oracle_ = std::make_unique<Oracle>(*server_);
    client_ = std::make_unique<HttpClient>(server_->port());
  }
  void TearDown() override {
    if (!server_ || !server_->running() || !oracle_) return;
    client_->close();
    EXPECT_EQ(oracle_->finish(), "");
  }

  Reply send(std::string_view method, std::string_view target, const Fields& fields = {},
             std::string_view body = {}) {
    return client_->request(method, target, fields, body);
  }
  int status(std::string_view method, std::string_view target, const Fields& fields = {},
             std::string_view body = {}) {
    return send(method, target, fields, body).status;
  }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(server_->port()); }

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Oracle> oracle_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace holdfast::test
