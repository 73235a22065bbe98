// lftp: it enters a collection by HEAD and puts files into where that led it, mirrors trees both
// ways by the listing page, and signs in after a 401. With `http:use-propfind yes`, which is not
// its default, lftp 4.9.2 ends downloads of a mirror early, whatever the server; so it stays off.
#include <chrono>
#include <filesystem>
#include <gmock/gmock.h>
#include <string>
#include <utility>
#include <vector>

#include "tests/real_clients/signed_in.h"
#include "tests/support/sample_tree.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class Lftp : public SignedIn {
 protected:
  explicit Lftp(std::vector<std::string> arguments = {}) : SignedIn(std::move(arguments)) {}

  void SetUp() override {
    if (!program_exists("lftp")) GTEST_SKIP() << "lftp is not installed";
  }

  // Types `commands`, which end in a semicolon or a newline each, and returns what lftp printed.
  std::string lftp(const std::string& commands, int expected = 0) {
    const std::string account =
        authorization_.empty() ? "" : " -u anna," + (password_.empty() ? kPassword : password_);
    // After MKCOL lftp waits for the whole of this interval before it connects again.
    const std::string settings =
        "set net:max-retries 2; set net:timeout 30; set net:reconnect-interval-base 1; "
        "set cmd:fail-exit yes; ";
    const auto outcome =
        run({.arguments = {"lftp", "--norc", "-c",
                           settings + "open" + account + " " + server_.url() + "; " + commands},
             .environment = {{"HOME", folder_.path().string()},
                             {"LFTP_HOME", (folder_ / "lftp").string()},
                             {"LC_ALL", "C.UTF-8"},
                             {"no_proxy", "*"},
                             {"http_proxy", ""}},
             .folder = folder_.path(),
             .timeout = std::chrono::seconds(300)});
    EXPECT_EQ(outcome.exit_code, expected) << outcome.output;
    return outcome.output;
  }

  void make_tree(std::size_t files) {
    ASSERT_GE(make_sample_tree(folder_ / "tree", files), files);
    // lftp takes it for somebody's home.
    fs::remove_all(folder_ / "tree/part-0/awkward/~tilde-first");
  }

  void mirror_both_ways() {
    make_tree(60);
    fs::create_directories(folder_ / "tree/empty");
    lftp("mirror --no-perms -R tree there; mirror there back; ");
    EXPECT_EQ(tree_difference(folder_ / "tree", folder_ / "back"), "");
    EXPECT_TRUE(fs::is_directory(folder_ / "back/empty"));
    // Another server's copy of the same.
    lftp("mirror --no-perms -R back again; ");
    lftp("mirror again third; ");
    EXPECT_EQ(tree_difference(folder_ / "tree", folder_ / "third"), "");
  }

  std::string password_;
};

// lftp believes the URL that the answer to its HEAD came from. Without the redirection to the final
// slash the file would go beside the collection.
TEST_F(Lftp, PutsIntoTheCollectionItWentTo) {
  server_.start();
  write(folder_ / "a.txt", "some text");
  lftp("mkdir dir; cd dir; put a.txt; mkdir sub; cd sub; put a.txt -o 'b c%#ä.txt'; ");
  EXPECT_EQ(stored("/dir/a.txt"), "some text");
  EXPECT_EQ(stored("/dir/sub/b%20c%25%23%C3%A4.txt"), "some text");
  EXPECT_EQ(status_of("/a.txt"), 404);
  EXPECT_EQ(status_of("/dir/b%20c%25%23%C3%A4.txt"), 404);
}

TEST_F(Lftp, KeepsDatesAndShowsSizes) {
  server_.start();
  write(folder_ / "a.txt", bytes(12'345));
  ASSERT_EQ(
      run({.arguments = {"touch", "-d", "2001-02-03T04:05:06Z", folder_ / "a.txt"}}).exit_code, 0);
  const auto output = lftp("put a.txt; cls -l --time-style='%Y-%m-%d' a.txt; get a.txt -o b.txt; ");
  EXPECT_THAT(output, HasSubstr("12345 2001-02-03 a.txt"));
  EXPECT_EQ(ask("HEAD", "/a.txt").field("Last-Modified"), "Sat, 03 Feb 2001 04:05:06 GMT");
  EXPECT_EQ(fs::last_write_time(folder_ / "b.txt"), fs::last_write_time(folder_ / "a.txt"));
}

TEST_F(Lftp, MirrorsBothWaysByTheListingPage) {
  server_.start();
  mirror_both_ways();
}

TEST_F(Lftp, MirrorsOnlyWhatChanged) {
  server_.start();
  make_tree(30);
  lftp("mirror --no-perms -R tree there; ");
  EXPECT_THAT(lftp("mirror --no-perms -R -v tree there; "), Not(HasSubstr("Transferring file")));
  write(folder_ / "tree/new.txt", "new");
  EXPECT_THAT(lftp("mirror --no-perms -R -v tree there; "),
              HasSubstr("Transferring file `new.txt'"));
  EXPECT_EQ(stored("/there/new.txt"), "new");
  // What has gone here goes there.
  fs::remove(folder_ / "tree/new.txt");
  lftp("mirror --no-perms -R -e tree there; ");
  EXPECT_EQ(status_of("/there/new.txt"), 404);
}

TEST_F(Lftp, RenamesRemovesAndReadsInParts) {
  server_.start();
  const std::string content = bytes(5 << 20);
  write(folder_ / "large", content);
  write(folder_ / "part", content.substr(0, 1'234'567));
  lftp(
      "mkdir d; put large -o d/large; mv d/large d/larger; get -c d/larger -o part; "
      "pget -n 4 d/larger -o parts; ");
  EXPECT_TRUE(read(folder_ / "part") == content);
  EXPECT_TRUE(read(folder_ / "parts") == content);
  EXPECT_EQ(status_of("/d/large"), 404);
  lftp("mkdir d/e; put large -o d/e/f; rm d/larger; rm -r d/e; rmdir d; ");
  EXPECT_EQ(status_of("/d/"), 404);
}

TEST_F(Lftp, SignsInAfterA401) {
  start_with_account();
  mirror_both_ways();
  write(folder_ / "note", "signed in");
  lftp("cd there; put note; mv note noted; ");
  EXPECT_EQ(stored("/there/noted"), "signed in");
}

TEST_F(Lftp, SaysThatAPasswordIsWrong) {
  start_with_account();
  write(folder_ / "note", "mine");
  password_ = "wrong";
  EXPECT_THAT(lftp("put note; ", 1), HasSubstr("401"));
  EXPECT_EQ(status_of("/note"), 404);
}

// lftp answers the first Digest challenge with MD5, whatever its algorithm is.
class LftpByDigest : public Lftp {
 protected:
  LftpByDigest() : Lftp({"--digest", "md5"}) {}
};

TEST_F(LftpByDigest, SignsInAndMirrorsBothWays) {
  start_with_account({"--digest", "md5"});
  write(folder_ / "a.txt", "some text");
  const std::string talk = lftp("debug 9; put a.txt; ls; ");
  EXPECT_THAT(talk, HasSubstr("Authorization: Digest"));
  EXPECT_THAT(talk, Not(HasSubstr("Authorization: Basic")));
  EXPECT_EQ(stored("/a.txt"), "some text");
  mirror_both_ways();
}

}  // namespace
}  // namespace holdfast::test
