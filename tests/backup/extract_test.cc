// `holdfast restore BACKUP --path /x --into DIR`: a part of a backup as plain files.
#include "tests/backup/commands.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;

class Extract : public testing::Test {
 protected:
  void SetUp() override {
    ServerProcess server(root_.path() / "data");
    server.start();
    HttpClient client(server.port());
    for (const char* made : {"/a", "/a/b", "/a/b/empty"})
      EXPECT_EQ(client.request("MKCOL", made).status, 201);
    for (const auto& [name, body] : files_)
      EXPECT_EQ(client.request("PUT", "/" + name, {{"X-OC-Mtime", "1000000000"}}, body).status, 201)
          << name;
    EXPECT_EQ(client.request("PUT", "/other", {}, "x").status, 201);
    EXPECT_EQ(holdfast({"backup", backup_, "--data", server.data()}).exit_code, 0);
  }

  Outcome extract(const std::string& path, const fs::path& into) {
    return holdfast({"restore", backup_, "--path", path, "--into", into});
  }

  TemporaryFolder root_;
  const fs::path backup_ = root_.path() / "backup";
  const fs::path into_ = root_.path() / "out";
  const std::map<std::string, std::string> files_ = {{"a/small", body_of("small", kSmall)},
                                                     {"a/b/large", body_of("large", kLarge)},
                                                     {"a/b/none", ""}};
};

TEST_F(Extract, WritesATreeAsPlainFiles) {
  const Outcome outcome = extract("/a", into_);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output,
              HasSubstr("Restored 3 files of 101000 bytes, every hash verified.\n"));
  EXPECT_EQ(files_below(into_), files_);
  EXPECT_TRUE(fs::is_directory(into_ / "a/b/empty"));
  struct stat info {};
  ASSERT_EQ(::stat((into_ / "a/small").c_str(), &info), 0);
  EXPECT_EQ(info.st_mtim.tv_sec, 1'000'000'000);
  EXPECT_EQ(info.st_mode & 0777, 0600U);

  // One file, into a folder that is there.
  EXPECT_EQ(extract("/a/b/large", into_).exit_code, 0);
  EXPECT_EQ(files_below(into_).at("large"), files_.at("a/b/large"));
  // Everything.
  EXPECT_EQ(extract("/", root_.path() / "all").exit_code, 0);
  EXPECT_EQ(files_below(root_.path() / "all").size(), 4U);
}

TEST_F(Extract, RefusesWithOneSentenceAndLeavesNothing) {
  fs::create_directory(into_);
  std::ofstream(into_ / "a") << "mine";
  std::ofstream(root_.path() / "file") << "x";
  const fs::path missing = root_.path() / "missing";
  struct Row {
    std::vector<std::string> arguments;
    std::string sentence;
  };
  const std::string backup = backup_;
  for (const Row& row : {
           Row{{"restore", backup, "--path", "/a", "--into", into_}, "exists already"},
           Row{{"restore", backup, "--path", "/", "--into", into_}, "is not empty"},
           Row{{"restore", backup, "--path", "/no", "--into", missing}, "has nothing at that path"},
           Row{{"restore", backup, "--path", "a", "--into", missing}, "begins with a slash"},
           Row{{"restore", backup, "--path", "/a"}, "Both --path and --into are needed"},
           Row{{"restore", backup, "--into", missing}, "Both --path and --into are needed"},
           Row{{"restore", into_, "--path", "/a", "--into", missing}, "no complete backup"},
           Row{{"restore", backup, "--path", "/a", "--into", root_.path() / "file"},
               "is no folder"},
           Row{{"restore", backup, "--path", "/a", "--into", missing / "deeper"}, "Cannot create"},
       }) {
    const Outcome outcome = holdfast(row.arguments);
    EXPECT_EQ(outcome.exit_code, 2) << row.sentence << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr(row.sentence));
    EXPECT_FALSE(fs::exists(missing)) << row.sentence;
  }
  EXPECT_EQ(files_below(into_), (std::map<std::string, std::string>{{"a", "mine"}}));
}

TEST_F(Extract, RefusesWhatIsDamaged) {
  flip_a_byte(only_file_below(backup_ / "content"));
  const Outcome outcome = extract("/a", into_);
  EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("large is damaged in the backup"));
  EXPECT_FALSE(fs::exists(into_));
  // What is whole can be had.
  EXPECT_EQ(extract("/a/small", into_).exit_code, 0);
}

}  // namespace
}  // namespace holdfast::test
