// davix, the client of the large physics laboratories: it lists by PROPFIND, puts, gets, moves and
// removes. Debian's 0.8.4 answers the Basic challenge of no server, whatever name and password it
// is given, so that it shows them in a header field here.
#include <filesystem>
#include <gmock/gmock.h>
#include <string>
#include <vector>

#include "tests/real_clients/signed_in.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class Davix : public SignedIn {
 protected:
  void SetUp() override {
    if (!program_exists("davix-ls")) GTEST_SKIP() << "davix is not installed";
  }

  // Runs one of its programs, signed in where there are accounts.
  Outcome davix(const std::string& program, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "davix-" + program);
    if (!authorization_.empty()) {
      arguments.insert(arguments.begin() + 1,
                       {"-H", "Authorization: " + authorization_.front().second});
    }
    return run({.arguments = std::move(arguments),
                .environment = {{"HOME", folder_.path().string()}, {"no_proxy", "*"}},
                .folder = folder_.path()});
  }
  // In 0.8.4 `davix-mv` and `davix-put -r` end with 255 whatever became of it, but print an error
  // when there was one.
  std::string done(const std::string& program, std::vector<std::string> arguments) {
    const bool code_counts = program != "mv" && (program != "put" || arguments.front() != "-r");
    const auto outcome = davix(program, std::move(arguments));
    EXPECT_EQ(code_counts ? outcome.exit_code : 0, 0) << program << ": " << outcome.output;
    EXPECT_THAT(outcome.output, Not(HasSubstr("rror"))) << program;
    return outcome.output;
  }
  [[nodiscard]] std::string url(const std::string& path) const { return server_.url() + path; }

  void work() {
    write(folder_ / "a.txt", "some text");
    const std::string content = bytes(3 << 20);
    write(folder_ / "large", content);
    done("mkdir", {url("d")});
    done("put", {"a.txt", url("d/a.txt")});
    done("put", {"large", url("d/l%20%25%C3%A4")});
    EXPECT_THAT(done("ls", {"-l", url("d")}), testing::AllOf(ContainsRegex("-rw.* 9 .*a\\.txt"),
                                                             ContainsRegex("-rw.* 3145728 ")));
    done("mv", {url("d/a.txt"), url("d/b.txt")});
    EXPECT_EQ(stored("/d/b.txt"), "some text");
    EXPECT_EQ(status_of("/d/a.txt"), 404);
    EXPECT_TRUE(stored("/d/l%20%25%C3%A4") == content);
    done("get", {url("d/l%20%25%C3%A4"), "back"});
    EXPECT_TRUE(read(folder_ / "back") == content);
    // Over what is there.
    write(folder_ / "a.txt", "other text");
    done("put", {"a.txt", url("d/b.txt")});
    done("mv", {url("d/b.txt"), url("d/l%20%25%C3%A4")});
    EXPECT_EQ(stored("/d/l%20%25%C3%A4"), "other text");
    EXPECT_EQ(done("get", {url("d/l%20%25%C3%A4")}), "other text");
    done("rm", {url("d/l%20%25%C3%A4")});
    EXPECT_EQ(done("ls", {url("d")}), "");
  }
};

TEST_F(Davix, ListsPutsMovesAndGets) {
  server_.start();
  work();
}

TEST_F(Davix, DoesTheSameSignedIn) {
  start_with_account();
  work();
  write(folder_ / "a.txt", "mine");
  authorization_.clear();
  EXPECT_THAT(davix("put", {"a.txt", url("x.txt")}).output, HasSubstr("401"));
  EXPECT_THAT(davix("ls", {url("")}).output, HasSubstr("401"));
  authorization_ = {{"Authorization", basic("anna", kPassword)}};
  EXPECT_EQ(status_of("/x.txt"), 404);
}

TEST_F(Davix, PutsListsAndRemovesATree) {
  server_.start();
  fs::create_directories(folder_ / "tree/sub/empty");
  for (int i = 1; i < 20; ++i)  // it leaves out empty files
    write(folder_ / "tree/sub" / ("f " + std::to_string(i)),
          bytes(static_cast<std::size_t>(i) * 7919));
  done("put", {"-r", "4", "tree", url("tree")});
  for (int i = 1; i < 20; ++i)
    EXPECT_TRUE(stored("/tree/sub/f%20" + std::to_string(i)) ==
                bytes(static_cast<std::size_t>(i) * 7919))
        << i;
  const auto listed = done("ls", {"-l", "-r", "2", url("tree")});
  EXPECT_THAT(listed, ContainsRegex("drw.*tree/sub/empty"));
  EXPECT_THAT(listed, ContainsRegex("-rw.* 150461 .*tree/sub/f%2019"));
  done("rm", {"-r", "2", url("tree")});
  EXPECT_EQ(status_of("/tree/"), 404);
}

TEST_F(Davix, LearnsWhyItCannot) {
  server_.start();
  write(folder_ / "a.txt", "some text");
  EXPECT_THAT(davix("put", {"a.txt", url("none/a.txt")}).output, HasSubstr("409"));
  EXPECT_THAT(davix("get", {url("none")}).output, HasSubstr("404"));
  done("put", {"a.txt", url("a.txt")});
  EXPECT_THAT(davix("mv", {url("a.txt"), url("none/a.txt")}).output, HasSubstr("409"));
  EXPECT_THAT(davix("mkdir", {url("a.txt")}).output, Not(testing::IsEmpty()));
  const auto lock = ask("LOCK", "/a.txt", {},
                        "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope>"
                        "<D:locktype><D:write/></D:locktype></D:lockinfo>");
  ASSERT_EQ(lock.status, 200);
  EXPECT_NE(davix("put", {"large", url("a.txt")}).exit_code, 0);
  EXPECT_NE(davix("rm", {url("a.txt")}).exit_code, 0);
  EXPECT_EQ(stored("/a.txt"), "some text");
}

}  // namespace
}  // namespace holdfast::test
