// What tests of real clients share that sign in: a server with the account anna, and a password
// that a URL must encode.
#pragma once

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/basic.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

class SignedIn : public ::testing::Test {
 protected:
  static constexpr const char* kPassword = "p@ss/word";
  static constexpr const char* kPasswordInUrl = "p%40ss%2Fword";

  // `arguments` are added to the server's.
  explicit SignedIn(std::vector<std::string> arguments = {})
      : server_(folder_ / "data", with_log_off(std::move(arguments))) {}

  void TearDown() override {
    if (server_.running()) {
      EXPECT_EQ(server_.stop(), 0) << server_.output();
    }
  }

  // `settings` are added to the command that adds the account.
  void start_with_account(const std::vector<std::string>& settings = {}) {
    std::vector<std::string> command = {holdfast_binary(), "user", "add",    "anna",
                                        "--home",          "/",    "--data", server_.data()};
    command.insert(command.end(), settings.begin(), settings.end());
    const auto added = run({.arguments = command, .input = std::string(kPassword) + "\n"});
    ASSERT_EQ(added.exit_code, 0) << added.output;
    authorization_ = {{"Authorization", basic("anna", kPassword)}};
    server_.start();
  }

  // The server's URL with the name and the password in it, ending in a slash.
  [[nodiscard]] std::string url_with_credentials(const std::string& password = kPasswordInUrl) {
    return "http://anna:" + password + "@127.0.0.1:" + std::to_string(server_.port()) + "/";
  }

  // As anna, where there are accounts.
  Reply ask(const std::string& method, const std::string& path, Fields fields = {},
            const std::string& body = {}) {
    fields.insert(fields.end(), authorization_.begin(), authorization_.end());
    return HttpClient(server_).request(method, path, fields, body);
  }
  std::string stored(const std::string& path) {
    const Reply reply = ask("GET", path);
    return reply.status == 200 ? reply.body : "status " + std::to_string(reply.status);
  }
  int status_of(const std::string& path) { return ask("HEAD", path).status; }

  static void write(const std::filesystem::path& file, const std::string& text) {
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    stream.close();
    EXPECT_TRUE(stream.good()) << file;
  }
  static std::string read(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // Bytes of every value, none of which repeats soon.
  static std::string bytes(std::size_t count) {
    std::string out(count, '\0');
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<char>(i * 2'654'435'761U >> 13);
    return out;
  }

  TemporaryFolder folder_;
  ServerProcess server_;
  Fields authorization_;

 private:
  static std::vector<std::string> with_log_off(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--access-log", "off"});
    return arguments;
  }
};

}  // namespace holdfast::test
