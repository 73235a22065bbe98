// URLs that try to leave the namespace or to reach what lies behind it
// (docs/robustness.md#paths-and-names), sent as they are to the real program.
#include <algorithm>
#include <filesystem>
#include <gmock/gmock.h>
#include <map>
#include <set>
#include <unistd.h>

#include "tests/attack/attacked.h"
#include "tests/support/process.h"
#include "tests/support/staged_files.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using testing::HasSubstr;
using testing::Not;

const std::string kSecret = "what lies beside the data folder is nobody's";

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class PathAttack : public Attacked {
 protected:
  void prepare() override { std::ofstream(folder_ / "secret") << kSecret; }
  void TearDown() override {
    Attacked::TearDown();
    EXPECT_EQ(contents(folder_ / "secret"), kSecret);
  }
  // On a connection of its own, byte for byte.
  tests::RawResponse ask(std::string_view method, const std::string& target,
                         const std::string& fields = {}) {
    tests::RawClient raw(server_->port());
    raw.send(std::string(method) + " " + target + " HTTP/1.1\r\nHost: " + host() +
             "\r\nContent-Length: 0\r\n" + fields + "\r\n");
    auto answer = raw.receive(method == "HEAD");
    EXPECT_TRUE(answer) << method << " " << target << ": " << raw.error;
    return answer.value_or(tests::RawResponse{});
  }
};

TEST_F(PathAttack, NoMethodTakesAPathThatClimbsOrHidesSomething) {  // P1, P4, P6, P7, P8
  ASSERT_EQ(status("MKCOL", "/a"), 201);
  const std::string bad[] = {"/../secret",
                             "/a/../../secret",
                             "/a/%2e%2e/%2e%2e/secret",
                             "/a/.%2e/secret",
                             "/a/%2E./secret",
                             "/%2e%2e%2f%2e%2e%2fsecret",
                             "/%2e%2e%2f%2e%2e%2fetc/passwd",
                             "/./a",
                             "/a/%2e/",
                             "/a/..",
                             "/..%2fsecret",
                             "/%c0%af",
                             "/%c0%ae%c0%ae/secret",
                             "/%e0%80%af",
                             "/%f0%80%80%af",
                             "/%ed%a0%80",
                             "/%f4%90%80%80",
                             "/%80",
                             "/a%c3",
                             "/a%2fb",
                             "/a%2Fb",
                             "/%00",
                             "/a%00.txt",
                             "/a\0.txt"s,
                             "/a\x7f",
                             "/%",
                             "/%zz",
                             "/%u002e",
                             "/%u002e%u002e/secret",
                             "/a#b",
                             "#frag",
                             "?",
                             "*",
                             "a",
                             "\\..\\secret",
                             "../secret",
                             "http:/../secret",
                             "file:///etc/passwd"};
  for (const std::string& target : bad) {
    for (const std::string_view method : kMethods) {
      if (target == "*" && method == "OPTIONS") continue;
      const tests::RawResponse answer =
          ask(method, target, "Destination: /b\r\nLock-Token: <urn:a:b>\r\n");
      // POST is refused before anybody looks at its target.
      const bool refused = answer.status == 400 || (method == "POST" && answer.status == 405) ||
                           (target.starts_with("file:") && answer.status == 502);
      EXPECT_TRUE(refused) << method << " " << target << " " << answer.status;
      EXPECT_THAT(answer.body, Not(HasSubstr(kSecret)));
    }
  }
  EXPECT_EQ(status("PROPFIND", "/a", {{"Depth", "1"}}), 207);
}

// Names may have control characters; no answer has one of them as it is.
TEST_F(PathAttack, ANameEndsNoLineOfAnAnswer) {  // P6
  // U+007F is a character of XML like any other.
  const auto is_plain = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t';
  };
  for (const std::string name : {"/a%0d%0aX-Planted:%20y", "/b%0aX-Planted:y", "/c%0dX-Planted:y",
                                 "/%7f", "/%01", "/%1b%5b2J", "/d%09"}) {
    ASSERT_EQ(status("MKCOL", name), 201) << name;
    for (const std::string_view method : {"GET", "HEAD", "OPTIONS", "PROPFIND", "MKCOL"}) {
      for (const std::string& target : {name, std::string("/")}) {
        const tests::RawResponse answer = ask(method, target, "Depth: 1\r\n");
        EXPECT_LT(answer.status, 406) << method << " " << target;
        EXPECT_FALSE(answer.fields.contains("x-planted")) << method << " " << target;
        EXPECT_TRUE(std::all_of(answer.body.begin(), answer.body.end(), is_plain))
            << method << " " << target << " " << answer.body;
      }
    }
    EXPECT_EQ(status("DELETE", name), 204) << name;
  }
}

TEST_F(PathAttack, NoDestinationAndNoTagClimbsEither) {  // P3, P9
  ASSERT_EQ(status("PUT", "/f", {}, "f"), 201);
  const std::string before = send("PROPFIND", "/", {{"Depth", "1"}}).body;
  for (const std::string bad :
       {"/../x", "/a/../../x", "/a/%2e%2e/x", "/a/.%2e/x", "/a/%2E./x", "/./x", "/%2e/",
        "/%2e%2e%2f%2e%2e%2fetc/passwd", "/%c0%ae%c0%ae/x", "/a%2fb", "/%00", "/a%00.txt", "/%",
        "/%zz", "/%ed%a0%80", "/a#b"}) {
    for (const std::string& form : {bad, "http://" + host() + bad}) {
      for (const char* method : {"COPY", "MOVE"})
        EXPECT_EQ(ask(method, "/f", "Destination: " + form + "\r\n").status, 400) << form;
      EXPECT_EQ(ask("DELETE", "/f", "If: <" + form + "> (<urn:a:b>)\r\n").status, 400) << form;
    }
  }
  for (const std::string other : {"", "http:", "http://h", "http://h:", "//", "/", "http://h/x",
                                  "file:///etc/passwd", "relative"}) {
    const int got = ask("MOVE", "/f", "Destination: " + other + "\r\n").status;
    EXPECT_TRUE(got == 400 || got == 403 || got == 502) << other << " " << got;
  }
  EXPECT_EQ(send("PROPFIND", "/", {{"Depth", "1"}}).body, before);
  EXPECT_EQ(send("GET", "/f").body, "f");
}

// Names at the top of the data folder, and each file's identity.
std::map<std::string, ino_t> files_of(const fs::path& data) {
  std::map<std::string, ino_t> files;
  for (const auto& entry : fs::directory_iterator(data)) {
    struct stat file {};
    EXPECT_EQ(stat(entry.path().c_str(), &file), 0);
    files[entry.path().filename()] = file.st_ino;
  }
  return files;
}

TEST_F(PathAttack, NamesOfOurOwnFilesAreOrdinaryNames) {  // P12; litmus 0.18 "protected"
  const auto before = files_of(server_->data());
  ASSERT_TRUE(before.contains("meta.db"));
  ASSERT_TRUE(before.contains("blobs"));
  std::vector<std::string> names = {".dav", ".DAV", ".ht", "holdfast.sock", "control", ".holdfast"};
  for (const auto& [name, inode] : before) names.push_back(name);
  const std::string large(100'000, 'L');
  for (const std::string& name : names) {
    const std::string url = "/" + name;
    EXPECT_EQ(status("GET", url), 404) << name;
    EXPECT_EQ(status("PUT", url, {}, "small"), 201) << name;
    EXPECT_EQ(send("GET", url).body, "small") << name;
    EXPECT_EQ(status("PUT", url, {}, large), 204) << name;
    EXPECT_TRUE(send("GET", url).body == large) << name;
    EXPECT_EQ(status("MOVE", url, {{"Destination", "/moved"}}), 201) << name;
    EXPECT_EQ(status("MKCOL", url), 201) << name;
    EXPECT_EQ(status("COPY", "/moved", {{"Destination", url + url}}), 201) << name;
    EXPECT_EQ(status("GET", url + "/../" + name), 400) << name;
    EXPECT_TRUE(send("GET", url + url).body == large) << name;
    EXPECT_EQ(status("DELETE", "/moved"), 204);
  }
  EXPECT_EQ(files_of(server_->data()), before);
  for (const std::string& name : names) EXPECT_EQ(status("DELETE", "/" + name), 204) << name;
  EXPECT_EQ(files_of(server_->data()), before);
}

TEST_F(PathAttack, UploadsMeetNoNameThatAClientCanChoose) {  // P13
  const std::string half(400'000, 'h');
  const auto uploads = [&] {
    std::set<std::string> names;
    for (const fs::path& file : staged_files(server_->data())) names.insert(file.filename());
    return names;
  };
  std::vector<tests::RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server_->port());
    clients.back().send("PUT /upload HTTP/1.1\r\nHost: " + host() + "\r\nContent-Length: " +
                        std::to_string(2 * half.size()) + "\r\n\r\n" + half);
  }
  for (int tries = 0; uploads().size() < 3 && tries < 3000; ++tries) usleep(10'000);
  const std::set<std::string> names = uploads();
  ASSERT_EQ(names.size(), 3U) << "one name for each upload to the same URL";
  ASSERT_EQ(status("MKCOL", "/tmp"), 201);
  for (const std::string& name : names) {
    EXPECT_THAT(name, Not(HasSubstr("upload")));
    for (const std::string& url : {"/" + name, "/tmp/" + name}) {
      EXPECT_EQ(status("PUT", url, {}, name), 201);
      EXPECT_EQ(status("PUT", url, {}, std::string(100'000, 'x')), 204);
    }
    EXPECT_EQ(status("DELETE", "/tmp/" + name), 204);
  }
  EXPECT_EQ(uploads(), names);
  for (tests::RawClient& client : clients) {
    client.send(half);
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status / 100, 2);
    EXPECT_TRUE(send("GET", "/upload").body == half + half);
  }
  for (const std::string& name : names)
    EXPECT_TRUE(send("GET", "/" + name).body == std::string(100'000, 'x'));
}

TEST_F(PathAttack, SymbolicLinksPlantedWhileItRunsShowNothing) {  // P15
  const std::string content(kSecret.size() + 70'000, 'c');
  ASSERT_EQ(status("PUT", "/f", {}, content), 201);
  fs::path blob;
  for (const auto& entry : fs::recursive_directory_iterator(server_->data() / "blobs"))
    if (entry.is_regular_file() && entry.file_size() == content.size()) blob = entry.path();
  ASSERT_FALSE(blob.empty());
  std::string other = kSecret;
  other.resize(content.size(), 's');
  const fs::path outside = folder_ / "outside";
  fs::create_directory(outside);
  std::ofstream(outside / blob.filename()) << other;

  const auto reads_nothing = [&] {
    const tests::RawResponse answer = ask("GET", "/f");
    EXPECT_EQ(answer.status, 500);
    EXPECT_THAT(answer.body, Not(HasSubstr(kSecret)));
  };
  fs::rename(blob, folder_ / "kept");
  fs::create_symlink(outside / blob.filename(), blob);
  reads_nothing();
  fs::remove(blob);
  fs::rename(folder_ / "kept", blob);
  EXPECT_TRUE(send("GET", "/f").body == content);

  const fs::path folder = blob.parent_path();
  fs::rename(folder, folder_ / "kept");
  fs::create_directory_symlink(outside, folder);
  reads_nothing();
  EXPECT_EQ(status("PUT", "/g", {}, content) / 100, 2) << "elsewhere life goes on";
  fs::remove(folder);
  fs::rename(folder_ / "kept", folder);
  EXPECT_TRUE(send("GET", "/f").body == content);
  EXPECT_EQ(contents(outside / blob.filename()), other);
}

TEST(PathAttackAtStart, SymbolicLinksInTheDataFolderAreRefused) {  // P15
  for (const char* name : {"tmp", "tmp/0", "blobs", "meta.db", "LOCK", "blobs/00", "blobs/a7"}) {
    TemporaryFolder folder(TemporaryFolder::in_memory());
    ServerProcess server(folder / "data");
    server.start();
    {
      HttpClient client(server.port());
      ASSERT_EQ(client.request("PUT", "/f", {}, std::string(100'000, 'x')).status, 201);
    }
    ASSERT_EQ(server.stop(), 0);
    const fs::path planted = server.data() / name;
    // A folder for content is made with its first file.
    if (planted.parent_path().filename() == "blobs") fs::create_directory(planted);
    ASSERT_TRUE(fs::exists(planted)) << planted;
    const fs::path elsewhere = folder / "elsewhere";
    fs::rename(planted, elsewhere);
    fs::create_symlink(elsewhere, planted);
    std::map<std::string, fs::file_time_type> before;
    if (fs::is_directory(elsewhere))
      for (const auto& entry : fs::recursive_directory_iterator(elsewhere))
        before[entry.path()] = entry.last_write_time();
    EXPECT_THROW(server.start(), std::runtime_error) << name;
    std::map<std::string, fs::file_time_type> after;
    if (fs::is_directory(elsewhere))
      for (const auto& entry : fs::recursive_directory_iterator(elsewhere))
        after[entry.path()] = entry.last_write_time();
    EXPECT_EQ(after, before) << name;
    fs::remove(planted);
    fs::rename(elsewhere, planted);
    server.start();
    EXPECT_EQ(HttpClient(server.port()).request("GET", "/f").body.size(), 100'000U) << name;
    EXPECT_EQ(server.stop(), 0);
  }
  // Devices and pipes are no database either.
  TemporaryFolder folder(TemporaryFolder::in_memory());
  fs::create_directory(folder / "data");
  fs::create_symlink("/dev/null", folder / "data" / "meta.db");
  ServerProcess server(folder / "data");
  EXPECT_THROW(server.start(), std::runtime_error);
}

}  // namespace
}  // namespace holdfast::test
