// Many clients of one real server who begin together, for tests of what must hold whatever they do.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/lock_info.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

// scripts/linear asks for the full numbers; scripts/test has the small ones.
[[nodiscard]] inline bool full_numbers() {
  return std::getenv("HOLDFAST_LINEAR_MINUTES") != nullptr;
}

// A server that must end in order and leave a store that is whole: one root, no cycles, no name
// twice, every count right, every content referenced as often as it says (docs/storage.md).
class Crowd : public ::testing::Test {
 protected:
  void SetUp() override { server_.start(); }
  void TearDown() override {
    ASSERT_TRUE(server_.running());
    EXPECT_EQ(server_.stop(), 0) << server_.output();
    const Outcome check = run({.arguments = {holdfast_binary(), "check", "--data", data_}});
    EXPECT_EQ(check.exit_code, 0) << check.output;
  }

  // Runs `client(number, connection)` on `clients` threads, which all begin together. What one
  // throws fails the test.
  template <typename Client>
  void together(int clients, Client client) {
    std::atomic<int> waiting = clients;
    std::vector<std::thread> threads;
    for (int number = 0; number < clients; ++number) {
      threads.emplace_back([this, &waiting, &client, number] {
        HttpClient connection(server_.port());
        --waiting;
        while (waiting > 0) std::this_thread::yield();
        try {
          client(number, connection);
        } catch (const std::exception& error) {
          ADD_FAILURE() << "client " << number << ": " << error.what();
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }

  // One request on a connection of its own; its status.
  int ask(std::string_view method, std::string_view target, const Fields& fields = {},
          std::string_view body = {}) {
    return HttpClient(server_.port()).request(method, target, fields, body).status;
  }

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  std::filesystem::path data_ = folder_ / "data";
  ServerProcess server_{data_};
};

}  // namespace holdfast::test
