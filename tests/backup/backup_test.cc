// `holdfast backup` and `holdfast restore`, by the real program on real folders (docs/robustness.md
// E12).
#include <atomic>
#include <mutex>
#include <set>
#include <sys/mount.h>

#include "tests/backup/commands.h"
#include "tests/support/first_schema.h"

namespace holdfast::test {
namespace {

using storage::sqlite::Connection;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// What is removed frees its space at once.
const std::vector<std::string> kWithoutHistory = {"--trash-keep", "0", "--versions", "off"};

class Backup : public testing::Test {
 protected:
  void serve(std::vector<std::string> arguments = {}) {
    server_ = std::make_unique<ServerProcess>(data_, std::move(arguments));
    server_->start();
    client_ = std::make_unique<HttpClient>(server_->port());
  }
  void put(const std::string& name, std::size_t size, int status = 201) {
    ASSERT_EQ(client_->request("PUT", name, {}, body_of(name, size)).status, status) << name;
  }
  void stop() {
    client_.reset();
    ASSERT_EQ(server_->stop(), 0);
  }
  Outcome back_up() { return holdfast({"backup", backup_, "--data", data_}); }
  Outcome restore(const fs::path& to) { return holdfast({"restore", backup_, "--data", to}); }

  // The backup makes a whole store that has exactly these.
  void expect_backup_of(const std::map<std::string, std::string>& tree,
                        const std::vector<std::string>& names) {
    const TemporaryFolder folder{TemporaryFolder::in_memory()};
    const fs::path data = folder / "restored";
    const Outcome restored = restore(data);
    ASSERT_EQ(restored.exit_code, 0) << restored.output;
    const Outcome check = holdfast({"check", "--hashes", "--data", data});
    ASSERT_EQ(check.exit_code, 0) << check.output;
    ServerProcess server(data);
    server.start();
    // Not EXPECT_EQ: the difference of two large bodies is long in coming.
    const auto found = tree_of(server, names);
    for (const std::string& name : names) {
      EXPECT_EQ(found.contains(name), tree.contains(name)) << name;
      if (found.contains(name) && tree.contains(name)) {
        EXPECT_TRUE(found.at(name) == tree.at(name)) << name << " has other bytes";
      }
    }
    EXPECT_EQ(server.stop(), 0);
  }

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  const fs::path data_ = folder_ / "data";
  const fs::path backup_ = folder_ / "backup";
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<HttpClient> client_;
};

// Writers with one question each that only a snapshot of one instant answers right.
class Load {
 public:
  explicit Load(std::uint16_t port) {
    threads_.emplace_back([this, port] { guarded([&] { count_up(port); }); });
    for (int pair = 0; pair < kPairs; ++pair)
      threads_.emplace_back([this, port, pair] { guarded([&] { replace_pairs(port, pair); }); });
  }
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Until resume() they write no more, once what is under way is done.
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }
  void stop() {
    paused_ = false;
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  // What is acknowledged, or has at least been sent.
  struct Mark {
    int files = 0;
    std::array<int, 2> versions{};
  };
  Mark acknowledged() const { return {files_acknowledged_, {acknowledged_[0], acknowledged_[1]}}; }
  Mark sent() const { return {files_sent_, {sent_[0], sent_[1]}}; }
  std::set<std::string> etags() const {
    const std::lock_guard lock(mutex_);
    return etags_;
  }
  // Waits until each writer has gone on by `steps`.
  void advance(int steps) const {
    const Mark from = acknowledged();
    for (int i = 0; i < 60'000; ++i) {
      const Mark now = acknowledged();
      if (now.files >= from.files + steps && now.versions[0] >= from.versions[0] + steps &&
          now.versions[1] >= from.versions[1] + steps)
        return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "the writers stand still";
  }

  static constexpr int kPairs = 2;

 private:
  template <typename Work>
  void guarded(const Work& work) {
    try {
      work();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  // False when it is time to stop.
  [[nodiscard]] bool goes_on() const {
    while (paused_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return !stopping_;
  }
  void put(HttpClient& client, const std::string& name, const std::string& body) {
    const Reply reply = client.request("PUT", name, {}, body);
    EXPECT_TRUE(reply.success()) << name << " " << reply.status;
    const std::lock_guard lock(mutex_);
    etags_.emplace(reply.field("ETag"));
  }
  // /count/1, /count/2, … in turn over two connections, small and large: a snapshot holds them
  // without a gap.
  void count_up(std::uint16_t port) {
    HttpClient one(port), two(port);
    EXPECT_EQ(one.request("MKCOL", "/count").status, 201);
    while (goes_on()) {
      const int number = ++files_sent_;
      const std::string name = "/count/" + std::to_string(number);
      put(number % 2 != 0 ? one : two, name, body_of(name, number % 2 != 0 ? kSmall : kLarge));
      files_acknowledged_ = number;
    }
  }
  // /pair/now with a small and a large member of one version, replaced as a whole.
  void replace_pairs(std::uint16_t port, int pair) {
    HttpClient client(port);
    const std::string top = "/pair" + std::to_string(pair);
    EXPECT_EQ(client.request("MKCOL", top).status, 201);
    while (goes_on()) {
      const int version = sent_[static_cast<std::size_t>(pair)] + 1;
      const std::string text = std::to_string(version) + ":";
      EXPECT_EQ(client.request("MKCOL", top + "/new").status, 201);
      put(client, top + "/new/small", body_of(text, kSmall));
      put(client, top + "/new/large", body_of(text, kLarge));
      sent_[static_cast<std::size_t>(pair)] = version;
      EXPECT_TRUE(
          client.request("MOVE", top + "/new", {{"Destination", top + "/now"}, {"Overwrite", "T"}})
              .success());
      acknowledged_[static_cast<std::size_t>(pair)] = version;
    }
  }

  std::atomic<bool> stopping_ = false, paused_ = false;
  std::atomic<int> files_sent_ = 0, files_acknowledged_ = 0;
  std::array<std::atomic<int>, kPairs> sent_{}, acknowledged_{};
  mutable std::mutex mutex_;
  std::set<std::string> etags_;
  std::vector<std::thread> threads_;
};

// What the restored store has, between what was acknowledged before and sent by the end.
void expect_one_instant(HttpClient& client, const Load::Mark& least, const Load::Mark& most,
                        const std::set<std::string>& etags) {
  int number = 0;
  for (;; ++number) {
    const std::string name = "/count/" + std::to_string(number + 1);
    const Reply reply = client.request("GET", name);
    if (reply.status == 404) break;
    ASSERT_EQ(reply.status, 200) << name;
    ASSERT_EQ(reply.body, body_of(name, (number + 1) % 2 != 0 ? kSmall : kLarge)) << name;
    EXPECT_FALSE(etags.contains(std::string(reply.field("ETag")))) << reply.field("ETag");
  }
  EXPECT_GE(number, least.files);
  EXPECT_LE(number, most.files);
  const Reply listing = client.request("PROPFIND", "/count", {{"Depth", "1"}});
  std::size_t members = 0;
  for (std::size_t at = 0; (at = listing.body.find("<D:response>", at)) != std::string::npos; ++at)
    ++members;
  EXPECT_EQ(members, static_cast<std::size_t>(number) + 1) << "files after a gap";

  for (std::size_t pair = 0; pair < Load::kPairs; ++pair) {
    const std::string top = "/pair" + std::to_string(pair) + "/now/";
    const Reply small = client.request("GET", top + "small");
    ASSERT_EQ(small.status, 200);
    const std::string version = small.body.substr(0, small.body.find('\n'));
    EXPECT_GE(std::stoi(version), least.versions[pair]);
    EXPECT_LE(std::stoi(version), most.versions[pair]);
    EXPECT_EQ(small.body, body_of(version, kSmall));
    EXPECT_EQ(client.request("GET", top + "large").body, body_of(version, kLarge));
  }
}

class BackupUnderLoad : public Backup, public testing::WithParamInterface<const char*> {};

TEST_P(BackupUnderLoad, IsTheStoreAtOneInstantAndRestoresWholeWithNewETags) {
  serve({"--durability", GetParam()});
  Load load(server_->port());
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    load.advance(5);
    const Load::Mark least = load.acknowledged();
    const Outcome outcome = back_up();
    ASSERT_EQ(outcome.exit_code, 0) << outcome.output << server_->output();
    const Load::Mark most = load.sent();
    load.pause();

    const fs::path restored = folder_ / ("restored-" + std::to_string(round));
    const Outcome made = restore(restored);
    ASSERT_EQ(made.exit_code, 0) << made.output;
    const Outcome check = holdfast({"check", "--hashes", "--data", restored});
    ASSERT_EQ(check.exit_code, 0) << check.output;
    ServerProcess elsewhere(restored);
    elsewhere.start();
    HttpClient client(elsewhere.port());
    std::set<std::string> etags = load.etags();
    expect_one_instant(client, least, most, etags);
    // What is written from now on gets no ETag of the old store either, whose ids went on as well.
    const Reply written = client.request("PUT", "/after", {}, "new");
    etags = load.etags();
    EXPECT_FALSE(etags.contains(std::string(written.field("ETag")))) << written.field("ETag");
    EXPECT_EQ(elsewhere.stop(), 0);
    load.resume();
  }
  load.stop();
  const Outcome check = holdfast({"check", "--hashes", "--data", data_});
  EXPECT_EQ(check.exit_code, 0) << check.output;
}

INSTANTIATE_TEST_SUITE_P(Durability, BackupUnderLoad, testing::Values("full", "relaxed"),
                         [](const auto& durability) { return std::string(durability.param); });

TEST_F(Backup, CarriesTheTrashAndVersions) {
  serve();
  put("/gone", kLarge);
  ASSERT_EQ(client_->request("DELETE", "/gone").status, 204);
  ASSERT_EQ(back_up().exit_code, 0);
  stop();
  const fs::path to = folder_ / "restored";
  ASSERT_EQ(restore(to).exit_code, 0);
  const Outcome list = holdfast({"trash", "list", "--data", to});
  EXPECT_THAT(list.output, HasSubstr("/gone\n1 tree.\n"));
  const std::string id =
      list.output.substr(list.output.find('\n') + 1, list.output.find(' ', list.output.find('\n')) -
                                                         list.output.find('\n') - 1);
  EXPECT_EQ(holdfast({"trash", "restore", id, "--data", to}).exit_code, 0);
  ServerProcess restored(to);
  restored.start();
  EXPECT_EQ(tree_of(restored, {"/gone"}).at("/gone"), body_of("/gone", kLarge));
  EXPECT_EQ(restored.stop(), 0);
  EXPECT_EQ(holdfast({"check", "--hashes", "--data", to}).exit_code, 0);
}

TEST_F(Backup, CarriesSnapshotsAndTheTreeAsItWas) {
  serve();
  put("/kept", kLarge);
  put("/moved", 10);
  ASSERT_EQ(holdfast({"snapshot", "add", "before", "--data", data_}).exit_code, 0);
  ASSERT_EQ(client_->request("DELETE", "/kept").status, 204);
  ASSERT_EQ(client_->request("MOVE", "/moved", {{"Destination", "/elsewhere"}}).status, 201);
  ASSERT_EQ(back_up().exit_code, 0);
  stop();
  const fs::path to = folder_ / "restored";
  ASSERT_EQ(restore(to).exit_code, 0);
  EXPECT_THAT(holdfast({"snapshot", "list", "--data", to}).output, HasSubstr("1 snapshot."));
  EXPECT_THAT(holdfast({"history", "list", "/", "--at", "before", "--data", to}).output,
              AllOf(HasSubstr("kept"), HasSubstr("moved"), Not(HasSubstr("elsewhere"))));
  const Outcome undone = holdfast({"history", "undo", "/", "--at", "before", "--data", to});
  EXPECT_EQ(undone.exit_code, 0) << undone.output;
  ServerProcess restored(to);
  restored.start();
  const auto tree = tree_of(restored, {"/kept", "/moved"});
  EXPECT_EQ(tree.at("/kept"), body_of("/kept", kLarge));
  EXPECT_EQ(tree.at("/moved"), body_of("/moved", 10));
  EXPECT_EQ(restored.stop(), 0);
  EXPECT_EQ(holdfast({"check", "--hashes", "--data", to}).exit_code, 0);
}

TEST_F(Backup, ASecondRunCopiesOnlyNewContentAndRemovesWhatIsNotNeeded) {
  serve(kWithoutHistory);
  put("/a", kLarge);
  put("/b", kLarge);
  put("/small", kSmall);
  Outcome outcome = back_up();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("3 contents, 2 content files of 200000 bytes: copied 2 "
                                        "files of 200000 bytes, removed 0 "));
  std::map<std::string, ino_t> before;
  for (const auto& [name, bytes] : files_below(backup_ / "content")) {
    struct stat file {};
    ASSERT_EQ(::stat((backup_ / "content" / name).c_str(), &file), 0);
    before[name] = file.st_ino;
  }

  ASSERT_EQ(client_->request("DELETE", "/a").status, 204);
  put("/c", kLarge);
  outcome = back_up();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("3 contents, 2 content files of 200000 bytes: copied 1 "
                                        "file of 100000 bytes, removed 1 "));
  std::size_t same = 0;
  for (const auto& [name, bytes] : files_below(backup_ / "content")) {
    struct stat file {};
    ASSERT_EQ(::stat((backup_ / "content" / name).c_str(), &file), 0);
    same += before.contains(name) && before[name] == file.st_ino ? 1 : 0;
  }
  EXPECT_EQ(same, 1U) << "the content of /b was written again";
  EXPECT_EQ(files_below(backup_).size(), 2U + 3U) << "one database, two files, backup.txt, LOCK";

  // The same without a server.
  stop();
  EXPECT_THAT(back_up().output, HasSubstr("copied 0 files of 0 bytes, removed 0 "));
  expect_backup_of({{"/b", body_of("/b", kLarge)},
                    {"/c", body_of("/c", kLarge)},
                    {"/small", body_of("/small", kSmall)}},
                   {"/a", "/b", "/c", "/small"});
}

TEST_F(Backup, SaysWhatItDoes) {
  serve();
  put("/a", kLarge);
  const Outcome outcome = back_up();
  EXPECT_THAT(outcome.output, StartsWith("Copying the database.\nLooking at the contents.\n"
                                         "Copying 1 content file of 100000 bytes.\n"));
}

TEST_F(Backup, PropertiesComeAlongAndLocksDoNot) {
  serve();
  put("/a", kSmall);
  const Reply patched = client_->request(
      "PROPPATCH", "/a", {},
      "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><x xmlns=\"urn:x\">kept</x></D:prop>"
      "</D:set></D:propertyupdate>");
  ASSERT_EQ(patched.status, 207);
  ASSERT_TRUE(client_
                  ->request("LOCK", "/a", {},
                            "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/>"
                            "</D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>")
                  .success());
  ASSERT_EQ(back_up().exit_code, 0);
  const fs::path restored = folder_ / "restored";
  ASSERT_EQ(restore(restored).exit_code, 0);
  EXPECT_EQ(holdfast({"check", "--data", restored}).exit_code, 0);
  EXPECT_EQ(holdfast({"lock", "list", "--data", restored}).output, "0 locks.\n");
  ServerProcess elsewhere(restored);
  elsewhere.start();
  HttpClient client(elsewhere.port());
  EXPECT_EQ(client.request("PUT", "/a", {}, "x").status, 204);
  EXPECT_THAT(client
                  .request("PROPFIND", "/a", {{"Depth", "0"}},
                           "<D:propfind xmlns:D=\"DAV:\"><D:prop><x xmlns=\"urn:x\"/></D:prop>"
                           "</D:propfind>")
                  .body,
              HasSubstr(">kept<"));
}

TEST_F(Backup, ADamagedBackupIsNotRestoredAndNothingIsLeft) {
  serve();
  put("/small", kSmall);
  put("/large", kLarge);
  stop();
  ASSERT_EQ(back_up().exit_code, 0);
  fs::path database;
  for (const auto& entry : fs::directory_iterator(backup_))
    if (entry.path().extension() == ".db") database = entry;
  const fs::path content = only_file_below(backup_ / "content");
  const struct {
    const char* what;
    fs::path file;
    std::function<void()> damage;
    int exit_code;
  } kinds[] = {
      {"content", content, [&] { flip_a_byte(content); }, 1},
      {"short content", content, [&] { fs::resize_file(content, kLarge - 1); }, 1},
      {"missing content", content, [&] { fs::remove(content); }, 1},
      {"database", database, [&] { flip_a_byte(database); }, 1},
      {"missing database", database, [&] { fs::remove(database); }, 1},
      {"manifest", "backup.txt", [&] { fs::resize_file(backup_ / "backup.txt", 30); }, 2},
      {"no manifest", backup_, [&] { fs::remove(backup_ / "backup.txt"); }, 2},
  };
  const fs::path whole = folder_ / "whole";
  fs::copy(backup_, whole, fs::copy_options::recursive);
  const fs::path empty = folder_ / "empty";
  fs::create_directory(empty);
  bool into_empty = false;
  for (const auto& kind : kinds) {
    SCOPED_TRACE(kind.what);
    kind.damage();
    into_empty = !into_empty;
    const Outcome outcome = restore(into_empty ? empty : folder_ / "restored");
    EXPECT_EQ(outcome.exit_code, kind.exit_code) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr(kind.file.filename().string()));
    if (kind.what == std::string("short content")) {
      EXPECT_THAT(outcome.output, HasSubstr("the content of /large."));
    }
    EXPECT_FALSE(fs::exists(folder_ / "restored"));
    EXPECT_TRUE(fs::is_empty(empty));
    fs::remove_all(backup_);
    fs::copy(whole, backup_, fs::copy_options::recursive);
  }
  EXPECT_EQ(restore(empty).exit_code, 0) << "an empty folder will do";
}

TEST_F(Backup, DamagedContentInTheStoreEndsItAndTheEarlierBackupStays) {
  serve();
  put("/kept", kLarge);
  ASSERT_EQ(back_up().exit_code, 0);
  const fs::path kept = only_file_below(data_ / "blobs");
  flip_a_byte(kept);  // the backup has a good copy, which nothing may replace
  put("/bad", kLarge);
  for (const auto& [name, bytes] : files_below(data_ / "blobs"))
    if (data_ / "blobs" / name != kept) flip_a_byte(data_ / "blobs" / name);
  const Outcome outcome = back_up();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("is damaged"));
  EXPECT_THAT(outcome.output, HasSubstr("the content of /bad.\n"));
  expect_backup_of({{"/kept", body_of("/kept", kLarge)}}, {"/kept", "/bad"});
}

TEST_F(Backup, RefusesFoldersThatAreForSomethingElse) {
  serve();
  put("/a", kLarge);
  ASSERT_EQ(back_up().exit_code, 0);
  const fs::path notes = folder_ / "notes";
  fs::create_directory(notes);
  std::ofstream(notes / "backup.txt") << "my backups are elsewhere\n";
  const fs::path other = folder_ / "other";
  ServerProcess second(other);
  second.start();
  const auto before = files_below(notes);
  const std::string data = data_;
  const std::string backup = backup_;
  fs::create_directory_symlink(data_, folder_ / "link");
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"backup"},
           {"backup", data, "--data", data},
           {"backup", data + "/inside", "--data", data},
           {"backup", folder_ / "link", "--data", data},
           {"backup", folder_.path(), "--data", data},
           {"backup", notes, "--data", data},
           {"backup", other, "--data", data},
           {"backup", notes / "backup.txt", "--data", data},
           {"backup", folder_ / "no/such/parent", "--data", data},
           {"backup", backup, "--data", notes},
           {"backup", backup, "--data", backup},
           {"restore", notes, "--data", folder_ / "new"},
           {"restore", data, "--data", folder_ / "new"},
           {"restore", folder_ / "nothing", "--data", folder_ / "new"},
           {"restore", backup, "--data", data},
           {"restore", backup, "--data", other},
           {"restore", backup, "--data", notes},
           {"restore", backup, "--data", backup},
           {"restore", backup, "--data", backup + "/inside"},
           {"serve", "--listen", "127.0.0.1:0", "--data", backup},
           {"check", "--data", backup},
       }) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const Outcome outcome = holdfast(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.output;
    EXPECT_TRUE(outcome.output.ends_with(".\n")) << outcome.output;
    EXPECT_THAT(outcome.output, StartsWith("holdfast: "));
    EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1);
  }
  EXPECT_EQ(files_below(notes), before);
  EXPECT_FALSE(fs::exists(data_ / "inside"));
  EXPECT_FALSE(fs::exists(folder_ / "new"));
  EXPECT_EQ(second.stop(), 0);
  expect_backup_of({{"/a", body_of("/a", kLarge)}}, {"/a"});
}

TEST_F(Backup, AFullDiskEndsItWithASentenceAndTheEarlierBackupStays) {
  serve();
  put("/old", kLarge);
  ASSERT_EQ(back_up().exit_code, 0);
  const auto limited = [&](const std::string& blocks, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"sh", "-c", "ulimit -f " + blocks + "; exec \"$0\" \"$@\"",
                                         holdfast_binary().string()});
    return run({.arguments = std::move(arguments)});
  };
  put("/new", 400'000);  // sh counts in blocks of 512 bytes
  Outcome outcome = limited("600", {"backup", backup_, "--data", data_});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("holdfast: Cannot write " + backup_.string()));
  EXPECT_EQ(files_below(backup_ / "tmp").size(), 0U);
  expect_backup_of({{"/old", body_of("/old", kLarge)}}, {"/old", "/new"});

  for (int i = 0; i < 20; ++i) put("/small" + std::to_string(i), 60'000);
  outcome = limited("1000", {"backup", backup_, "--data", data_});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("holdfast: Cannot copy the database to "));
  EXPECT_EQ(files_below(backup_ / "tmp").size(), 0U);
  expect_backup_of({{"/old", body_of("/old", kLarge)}}, {"/old", "/new"});

  ASSERT_EQ(back_up().exit_code, 0);
  outcome = limited("600", {"restore", backup_, "--data", folder_ / "new"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("holdfast: Cannot write "));
  EXPECT_FALSE(fs::exists(folder_ / "new"));
}

// A backup that an older version made is restored, and migrated by the store's next start.
TEST_F(Backup, OfAStoreOfTheFirstSchemaIsRestored) {
  serve();
  put("/small", kSmall);
  put("/large", kLarge);
  ASSERT_EQ(client_->request("COPY", "/large", {{"Destination", "/copy"}}).status, 201);
  ASSERT_EQ(back_up().exit_code, 0);
  stop();
  fs::path database;
  for (const auto& entry : fs::directory_iterator(backup_))
    if (entry.path().extension() == ".db") database = entry.path();
  make_first_schema(database);
  // Its name is its SHA-256.
  const Outcome sum = run({.arguments = {"sha256sum", database}});
  ASSERT_EQ(sum.exit_code, 0) << sum.output;
  const std::string name = sum.output.substr(0, 64) + ".db";
  fs::rename(database, backup_ / name);
  std::ofstream(backup_ / "backup.txt") << "holdfast backup 1\ndatabase " << name << "\n";

  const fs::path restored = folder_ / "restored";
  Outcome outcome = restore(restored);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  Connection look(restored / "meta.db", Connection::Mode::read);
  EXPECT_EQ(look.integer("PRAGMA user_version"), 1);
  expect_backup_of({{"/small", body_of("/small", kSmall)},
                    {"/large", body_of("/large", kLarge)},
                    {"/copy", body_of("/large", kLarge)}},
                   {"/small", "/large", "/copy"});
  // The next backup into that folder finds the content there.
  serve();
  outcome = back_up();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("0 content files"));
  stop();
}

// So is an older store of which a backup is made without a server.
TEST_F(Backup, ByItselfMigratesAnOlderStore) {
  serve();
  put("/large", kLarge);
  stop();
  make_first_schema(data_ / "meta.db");
  const Outcome outcome = back_up();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_TRUE(fs::exists(data_ / "meta.db.schema-1"));
  expect_backup_of({{"/large", body_of("/large", kLarge)}}, {"/large"});
}

// A backup that has the database and the first of three new content files, and reads the second.
class BackupInBetween : public Backup {
 protected:
  void SetUp() override {
    serve(kWithoutHistory);
    put("/early", kLarge);
    ASSERT_EQ(back_up().exit_code, 0);
    for (const std::string& name : names_)
      if (name != "/early") put(name, kLarge);
    backup_in_between_ =
        std::make_unique<StandingBackup>(data_, backup_, body_of("/second", kLarge));
  }
  void remove_all() {
    for (const std::string& name : names_) ASSERT_EQ(client_->request("DELETE", name).status, 204);
  }
  // Until upkeep, whose rounds are two seconds apart, has had several. While a backup reads, it
  // moves no log by which it could be told.
  static void wait_for_upkeep() { std::this_thread::sleep_for(std::chrono::seconds(6)); }
  void wait_until_garbage_is_gone() const {
    for (int i = 0; i < 6000 && count_files(data_ / "blobs") > 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(count_files(data_ / "blobs"), 0U);
  }
  [[nodiscard]] std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> tree;
    for (const std::string& name : names_) tree[name] = body_of(name, kLarge);
    return tree;
  }

  const std::vector<std::string> names_{"/early", "/first", "/second", "/third"};
  const std::map<std::string, std::string> early_{{"/early", body_of("/early", kLarge)}};
  std::unique_ptr<StandingBackup> backup_in_between_;
};

TEST_F(BackupInBetween, TheServerKeepsRemovedContentUntilItIsDone) {
  remove_all();
  wait_for_upkeep();
  EXPECT_EQ(count_files(data_ / "blobs"), 4U);
  for (const Outcome& other : {back_up(), restore(folder_ / "restored")}) {
    EXPECT_EQ(other.exit_code, 2);
    EXPECT_THAT(other.output, HasSubstr("Another holdfast works on the backup"));
  }
  EXPECT_EQ(backup_in_between_->go_on(), 0) << backup_in_between_->output();
  wait_until_garbage_is_gone();
  expect_backup_of(all(), names_);
}

TEST_F(BackupInBetween, ADeadCommandHoldsNothingAndLeavesTheEarlierBackup) {
  remove_all();
  backup_in_between_->kill();
  wait_until_garbage_is_gone();
  expect_backup_of(early_, names_);
  // The next one clears away what that one had copied.
  EXPECT_EQ(count_files(backup_ / "content"), 2U);
  EXPECT_EQ(back_up().exit_code, 0);
  EXPECT_EQ(count_files(backup_ / "content"), 0U);
  expect_backup_of({}, names_);
}

TEST_F(BackupInBetween, ADeadServerEndsItAndTheNextRunGoesOn) {
  server_->kill();
  EXPECT_EQ(backup_in_between_->go_on(), 1);
  EXPECT_THAT(backup_in_between_->output(),
              HasSubstr("holdfast: The server ended before the backup did; run it again.\n"));
  expect_backup_of(early_, names_);
  const std::size_t there = count_files(backup_ / "content");
  EXPECT_GE(there, 2U);
  server_->start();
  const Outcome next = back_up();
  EXPECT_EQ(next.exit_code, 0);
  EXPECT_THAT(next.output, HasSubstr("copied " + std::to_string(4 - there) + " file"));
  expect_backup_of(all(), names_);
}

// A real disk that is full, and not only a limit that says so.
TEST_F(Backup, ASmallDiskTakesWhatFits) {
  if (geteuid() != 0) GTEST_SKIP() << "mounting a small disk needs root";
  fs::create_directory(backup_);
  if (::mount("holdfast", backup_.c_str(), "tmpfs", 0, "size=2m") != 0)
    GTEST_SKIP() << "this machine cannot mount";
  struct Unmount {
    fs::path point;
    ~Unmount() { ::umount2(point.c_str(), MNT_DETACH); }
  } unmount{backup_};
  serve(kWithoutHistory);
  put("/old", kLarge);
  ASSERT_EQ(back_up().exit_code, 0);
  for (int i = 0; i < 8; ++i) put("/" + std::to_string(i), 300'000);
  const Outcome outcome = back_up();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("No space left on device.\n"));
  expect_backup_of({{"/old", body_of("/old", kLarge)}}, {"/old", "/1"});
  for (int i = 2; i < 8; ++i)
    ASSERT_EQ(client_->request("DELETE", "/" + std::to_string(i)).status, 204);
  EXPECT_EQ(back_up().exit_code, 0) << "what the failed run had copied is in the way";
  expect_backup_of({{"/old", body_of("/old", kLarge)}, {"/1", body_of("/1", 300'000)}},
                   {"/old", "/1", "/7"});
}

}  // namespace
}  // namespace holdfast::test
