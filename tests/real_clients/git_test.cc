// git over WebDAV: `git push` runs git-http-push, which lists by PROPFIND, locks the reference,
// writes each object under another name and moves it to its own with a Destination that has the
// name and the password of the URL in it. Cloning is plain reading.
#include <filesystem>
#include <gmock/gmock.h>
#include <string>
#include <vector>

#include "tests/real_clients/signed_in.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Git : public SignedIn {
 protected:
  void SetUp() override {
    if (!program_exists("git")) GTEST_SKIP() << "git is not installed";
    std::string folder = git({"--exec-path"}).output;
    folder.erase(folder.find_last_not_of('\n') + 1);
    if (!fs::exists(fs::path(folder) / "git-http-push"))
      GTEST_SKIP() << "this git cannot push over WebDAV";
    ASSERT_EQ(git({"init", "-q", "-b", "main", "work"}).exit_code, 0);
    write(folder_ / "work/large", bytes(400'000));
    write(folder_ / "work/text", "one\n");
    commit("work", "one");
  }

  Outcome git(std::vector<std::string> arguments, const std::string& folder = ".") {
    arguments.insert(arguments.begin(), "git");
    return run({.arguments = std::move(arguments),
                // Nothing of the user's own settings may reach the test.
                .environment = {{"HOME", folder_.path().string()},
                                {"GIT_CONFIG_NOSYSTEM", "1"},
                                {"GIT_CONFIG_GLOBAL", "/dev/null"},
                                {"GIT_TERMINAL_PROMPT", "0"},
                                {"GIT_ASKPASS", "/bin/false"},
                                {"GIT_AUTHOR_NAME", "Anna"},
                                {"GIT_AUTHOR_EMAIL", "anna@example.org"},
                                {"GIT_COMMITTER_NAME", "Anna"},
                                {"GIT_COMMITTER_EMAIL", "anna@example.org"},
                                {"no_proxy", "*"}},
                .folder = folder_.path() / folder});
  }
  void commit(const std::string& folder, const std::string& message) {
    for (const auto& outcome : {git({"add", "."}, folder), git({"commit", "-qm", message}, folder)})
      EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  }

  // What is to be pushed to: a bare repository that is put there file by file.
  void publish(const std::string& collection) {
    ASSERT_EQ(git({"init", "-q", "--bare", "-b", "main", "bare"}).exit_code, 0);
    ASSERT_EQ(git({"update-server-info"}, "bare").exit_code, 0);
    ASSERT_EQ(ask("MKCOL", "/" + collection).status, 201);
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "bare")) {
      const auto name =
          "/" + collection + "/" + fs::relative(entry.path(), folder_ / "bare").string();
      if (entry.is_directory()) {
        EXPECT_EQ(ask("MKCOL", name).status, 201) << name;
      } else {
        EXPECT_EQ(ask("PUT", name, {}, read(entry.path())).status, 201) << name;
      }
    }
  }

  void push_clone_and_pull(const std::string& url) {
    auto done = git({"push", url, "main"}, "work");
    EXPECT_EQ(done.exit_code, 0) << done.output;
    done = git({"clone", "-q", url, "clone"});
    EXPECT_EQ(done.exit_code, 0) << done.output;
    EXPECT_TRUE(read(folder_ / "clone/large") == bytes(400'000));
    // There and back, with a branch and a tag.
    write(folder_ / "work/text", "two\n");
    commit("work", "two");
    ASSERT_EQ(git({"branch", "side"}, "work").exit_code, 0);
    ASSERT_EQ(git({"tag", "v1"}, "work").exit_code, 0);
    done = git({"push", url, "main", "side", "v1"}, "work");
    EXPECT_EQ(done.exit_code, 0) << done.output;
    done = git({"pull", "-q", "--tags"}, "clone");
    EXPECT_EQ(done.exit_code, 0) << done.output;
    EXPECT_EQ(read(folder_ / "clone/text"), "two\n");
    EXPECT_EQ(git({"rev-parse", "v1", "origin/side"}, "clone").output,
              git({"rev-parse", "main", "main"}, "work").output);
    done = git({"fsck", "--full"}, "clone");
    EXPECT_EQ(done.exit_code, 0) << done.output;
    // It leaves no lock and no half-written object behind.
    const auto everything = ask("PROPFIND", "/repository.git/", {{"Depth", "infinity"}},
                                "<D:propfind xmlns:D='DAV:'><D:prop><D:lockdiscovery/>"
                                "<D:resourcetype/></D:prop></D:propfind>");
    EXPECT_EQ(everything.status, 207);
    EXPECT_THAT(everything.body, testing::Not(HasSubstr("activelock")));
    EXPECT_THAT(everything.body, testing::Not(HasSubstr("opaquelocktoken")));
    EXPECT_THAT(everything.body, testing::Not(HasSubstr("_urn")));
  }
};

TEST_F(Git, PushesAndClones) {
  server_.start();
  publish("repository.git");
  push_clone_and_pull(server_.url() + "repository.git");
}

TEST_F(Git, PushesAndClonesWithCredentialsInTheUrl) {
  start_with_account();
  publish("repository.git");
  push_clone_and_pull(url_with_credentials() + "repository.git");
  // Nobody else gets in.
  EXPECT_NE(git({"ls-remote", server_.url() + "repository.git"}).exit_code, 0);
  EXPECT_NE(
      git({"push", url_with_credentials("wrong") + "repository.git", "main"}, "work").exit_code, 0);
}

TEST_F(Git, DoesNotPushOverALockOrAStrangersCommit) {
  start_with_account();
  publish("repository.git");
  const std::string url = url_with_credentials() + "repository.git";
  ASSERT_EQ(git({"push", url, "main"}, "work").exit_code, 0);
  const std::string before = stored("/repository.git/refs/heads/main");
  ASSERT_EQ(git({"clone", "-q", url, "clone"}).exit_code, 0);
  write(folder_ / "clone/text", "mine\n");
  commit("clone", "mine");

  const auto lock = ask("LOCK", "/repository.git/refs/heads/main", {},
                        "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope>"
                        "<D:locktype><D:write/></D:locktype></D:lockinfo>");
  ASSERT_EQ(lock.status, 200);
  EXPECT_THAT(git({"push", "origin", "main"}, "clone").output, HasSubstr("lock"));
  EXPECT_EQ(stored("/repository.git/refs/heads/main"), before);
  ASSERT_EQ(ask("UNLOCK", "/repository.git/refs/heads/main",
                {{"Lock-Token", std::string(lock.field("Lock-Token"))}})
                .status,
            204);
  const auto pushed = git({"push", "origin", "main"}, "clone");
  EXPECT_EQ(pushed.exit_code, 0) << pushed.output;
  const std::string after = stored("/repository.git/refs/heads/main");
  EXPECT_NE(after, before);

  // The other one has not seen this commit.
  write(folder_ / "work/text", "theirs\n");
  commit("work", "theirs");
  EXPECT_NE(git({"push", url, "main"}, "work").exit_code, 0);
  EXPECT_EQ(stored("/repository.git/refs/heads/main"), after);
}

}  // namespace
}  // namespace holdfast::test
