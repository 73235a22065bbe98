// A scripted cadaver session: locks, properties, copies and moves as a person types them.
#include <chrono>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

class Cadaver : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!program_exists("cadaver")) GTEST_SKIP() << "cadaver is not installed";
    std::ofstream(folder_ / "local.txt") << "content";
    server_.start();
  }

  Command command() const {
    return {.arguments = {"cadaver", server_.url()},
            .environment = {{"HOME", folder_.path().string()}, {"TERM", "dumb"}},
            .folder = folder_.path()};
  }

  // Types `commands`; returns what cadaver printed.
  std::string session(const std::string& commands) {
    auto typed = command();
    typed.input = commands + "quit\n";
    const auto outcome = run(typed);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    return outcome.output;
  }

  TemporaryFolder folder_;
  ServerProcess server_{folder_ / "data"};
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_F(Cadaver, LocksPutsMovesAndSetsProperties) {
  const auto output = session(
      "mkcol folder\n"
      "put local.txt a.txt\n"
      "lock a.txt\n"
      "put local.txt a.txt\n"
      "propset a.txt author somebody\n"
      "propget a.txt author\n"
      "discover a.txt\n"
      "unlock a.txt\n"
      "move a.txt folder/b.txt\n"
      "copy folder/b.txt c.txt\n"
      "ls\n"
      "propget folder/b.txt author\n"
      "get folder/b.txt back.txt\n"
      "delete c.txt\n");
  EXPECT_EQ(count(output, "failed"), 0U) << output;
  EXPECT_EQ(count(output, "Value of author is: somebody"), 2U) << output;
  EXPECT_NE(output.find("c.txt"), std::string::npos) << output;
  std::ifstream back(folder_ / "back.txt");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(back), {}), "content");
  EXPECT_EQ(server_.stop(), 0) << server_.output();
}

TEST_F(Cadaver, ALockKeepsOthersOut) {
  HttpClient other(server_.port());
  ASSERT_EQ(other.request("PUT", "/a.txt", {}, "x").status, 201);
  const auto cadaver = start(command());
  const auto type = [&cadaver](const std::string& line) {
    EXPECT_EQ(write(cadaver.input_fd, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  };
  type("lock a.txt\n");
  // cadaver gives its locks back when it ends: the other client must come while it waits for input.
  int status = 204;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (status == 204 && std::chrono::steady_clock::now() < deadline) {
    status = other.request("PUT", "/a.txt", {}, "y").status;
  }
  EXPECT_EQ(status, 423);
  EXPECT_EQ(other.request("DELETE", "/a.txt").status, 423);
  type("unlock a.txt\nquit\n");
  close(cadaver.input_fd);
  EXPECT_EQ(wait_for(cadaver.pid), 0);
  close(cadaver.output_fd);
  EXPECT_EQ(other.request("PUT", "/a.txt", {}, "z").status, 204);
  EXPECT_EQ(server_.stop(), 0) << server_.output();
}

}  // namespace
}  // namespace holdfast::test
