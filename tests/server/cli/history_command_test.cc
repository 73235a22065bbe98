// `holdfast trash …` and `holdfast versions …` on a store, by request lines: what a command and a
// running server do alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/cli/control_socket.h"
#include "server/cli/user_store.h"
#include "server/json/object.h"
#include "storage/history.h"
#include "tests/support/memory_store.h"

namespace holdfast::server {
namespace {

using storage::Path;
using testing::HasSubstr;
using Values = std::map<std::string, std::string, std::less<>>;

class HistoryCommands : public testing::Test {
 protected:
  HistoryCommands() {
    store_.names.keep({.trash = true, .versions = true});
    store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      storage::Account account;
      account.name = "ann";
      ann_ = tx.put_account(account);
      tx.make_collection(*tx.resolve({}).resource, "d", ann_);
    });
  }

  cli::ControlReply ask(const std::string& verb, const Values& values = {}) {
    const auto request = cli::parse_user_request(cli::request_line(cli::UserRequest{verb, values}));
    if (!request) throw std::logic_error("the line is not read back");
    return cli::answer_user(store_.names, *request);
  }
  std::string done(const std::string& verb, const Values& values = {}) {
    const cli::ControlReply reply = ask(verb, values);
    EXPECT_EQ(reply.exit_code, 0) << reply.text;
    return reply.text;
  }
  // One sentence, exit code 2, and nothing changed.
  std::string refused(const std::string& verb, const Values& values) {
    const auto before = store_.names.snapshot()->usage();
    const cli::ControlReply reply = ask(verb, values);
    EXPECT_EQ(reply.exit_code, process::kUsageExit) << reply.text;
    EXPECT_THAT(reply.text, testing::MatchesRegex("holdfast: [^\n]*[.]\n"));
    EXPECT_EQ(store_.names.snapshot()->usage().bytes, before.bytes);
    EXPECT_EQ(store_.names.snapshot()->usage().resources, before.resources);
    return reply.text;
  }
  static Path path(std::initializer_list<std::string> segments) {
    return Path(std::vector<std::string>(segments));
  }
  void put(const Path& at, const std::string& bytes) {
    const auto upload = store_.contents.begin({});
    upload->append(bytes);
    const storage::Content& content = upload->seal();
    store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      tx.acts_for(ann_);
      tx.put(*tx.resolve(at).parent, at.name(), content, std::nullopt, ann_);
    });
    upload->keep();
  }
  void remove(const Path& at) {
    store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      tx.acts_for(ann_);
      tx.remove_tree(*tx.resolve(at).resource);
    });
  }
  [[nodiscard]] std::string text(const Path& at) const {
    const auto now = store_.names.snapshot();
    const storage::Resolution found = now->resolve(at);
    return found.mapped() ? now->content(*found.resource).bytes : "(none)";
  }
  // The id of the newest tree in the trash.
  [[nodiscard]] std::string newest() const {
    std::int64_t id = 0;
    store_.names.snapshot()->trash(0, [&](const storage::TrashEntry& entry) {
      id = entry.id;
      return true;
    });
    return std::to_string(id);
  }

  test::MemoryStore store_;
  storage::AccountId ann_ = storage::kNobody;
};

TEST_F(HistoryCommands, ListTheTrash) {
  EXPECT_EQ(done("trash-list"), "0 trees.\n");
  EXPECT_EQ(done("trash-list", {{"json", "yes"}}), "{\"trash\":[]}\n");
  put(path({"d", "a b"}), "text");
  remove(path({"d", "a b"}));
  const std::string id = newest();
  const std::string list = done("trash-list");
  EXPECT_THAT(list,
              HasSubstr(id + "   2026-01-02T03:04:05Z  ann  ann    1          4      /d/a%20b"));
  EXPECT_THAT(list, testing::EndsWith("1 tree.\n"));
  EXPECT_EQ(done("trash-list", {{"json", "yes"}}),
            "{\"trash\":[{\"id\":" + id +
                ",\"removed\":\"2026-01-02T03:04:05Z\",\"by\":\"ann\",\"owner\":\"ann\","
                "\"collection\":false,\"resources\":1,\"bytes\":4,\"path\":\"/d/a%20b\"}]}\n");
  put(path({"e"}), "x");
  store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    tx.set_owner(tx.resolve(path({"e"})).resource->id, storage::kNobody);
    tx.remove_tree(*tx.resolve(path({"e"})).resource);
    storage::Account bob;
    bob.name = "bob";
    tx.put_account(bob);
  });
  EXPECT_THAT(done("trash-list"), testing::EndsWith("2 trees.\n"));
  EXPECT_THAT(done("trash-list", {{"name", "ann"}}), testing::EndsWith("1 tree.\n"));
  EXPECT_EQ(done("trash-list", {{"name", "bob"}}), "0 trees.\n");
  refused("trash-list", {{"name", "eve"}});
}

TEST_F(HistoryCommands, RestoreWhatWasRemoved) {
  const Path file = path({"d", "f.txt"});
  put(file, "one");
  remove(file);
  const std::string first = newest();
  EXPECT_EQ(done("trash-restore", {{"id", first}}), "/d/f.txt restored.\n");
  EXPECT_EQ(text(file), "one");
  refused("trash-restore", {{"id", first}});

  // The name is taken: it asks, and takes another.
  for (const std::string name : {"f (restored).txt", "f (restored 2).txt"}) {
    remove(file);
    put(file, "two");
    const Values values{{"id", newest()}};
    const cli::ControlReply question = ask("trash-restore", values);
    EXPECT_EQ(question.exit_code, cli::kAsksExit);
    EXPECT_THAT(question.text, HasSubstr("/d/f.txt is taken, so it would become /d/f%20(restored"));
    EXPECT_EQ(text(path({"d", name})), "(none)") << "nothing was changed";
    Values sure = values;
    sure["yes"] = "yes";
    done("trash-restore", sure);
    EXPECT_NE(text(path({"d", name})), "(none)");
  }
  // Elsewhere.
  remove(file);
  const std::string id = newest();
  refused("trash-restore", {{"id", id}, {"to", "/none/f"}});
  refused("trash-restore", {{"id", id}, {"to", "/d"}});
  refused("trash-restore", {{"id", id}, {"to", "/"}});
  EXPECT_EQ(done("trash-restore", {{"id", id}, {"to", "/g"}}), "/g restored.\n");
  EXPECT_EQ(text(path({"g"})), "two");
  for (const char* bad : {"", "0", "-1", "x", "999999", "99999999999999999999"})
    refused("trash-restore", {{"id", bad}});
}

TEST_F(HistoryCommands, RestoreIntoACollectionThatMovedOrIsGone) {
  const Path file = path({"d", "f"});
  put(file, "one");
  remove(file);
  const std::string id = newest();
  store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    tx.move_tree(*tx.resolve(path({"d"})).resource, *tx.resolve({}).resource, "e");
  });
  EXPECT_EQ(done("trash-restore", {{"id", id}}), "/e/f restored.\n");
  remove(path({"e", "f"}));
  const std::string again = newest();
  remove(path({"e"}));
  EXPECT_THAT(refused("trash-restore", {{"id", again}}),
              HasSubstr("The collection /e is gone: restore it first"));
  done("trash-restore", {{"id", newest()}});
  EXPECT_EQ(done("trash-restore", {{"id", again}}), "/e/f restored.\n");
}

TEST_F(HistoryCommands, PurgeTheTrash) {
  for (const char* name : {"a", "b", "c"}) {
    put(path({name}), "x");
    remove(path({name}));
  }
  EXPECT_EQ(done("trash-purge", {{"id", newest()}}), "1 tree removed for good.\n");
  refused("trash-purge", {{"id", "999999"}});
  EXPECT_EQ(done("trash-purge", {{"all", "yes"}}), "2 trees removed for good.\n");
  EXPECT_EQ(done("trash-list"), "0 trees.\n");
  EXPECT_EQ(done("trash-purge", {{"all", "yes"}}), "0 trees removed for good.\n");
  EXPECT_EQ(store_.names.snapshot()->usage().bytes, 0U);
}

TEST_F(HistoryCommands, ListRestoreAndPurgeVersions) {
  const Path file = path({"d", "f"});
  const Values at{{"path", "/d/f"}};
  refused("versions-list", at);
  refused("versions-list", {{"path", "/d"}});
  put(file, "one");
  EXPECT_EQ(done("versions-list", at), "0 versions.\n");
  store_.clock.advance(60'000);
  put(file, "second");
  const auto version = [&] {
    const auto now = store_.names.snapshot();
    return now->versions(*now->resolve(file).resource).back();
  };
  const std::string id = std::to_string(version().id);
  EXPECT_THAT(done("versions-list", at),
              HasSubstr(id + "   2026-01-02T03:04:05Z  ann  3      2026-01-02T03:05:05Z"));
  EXPECT_EQ(done("versions-list", {{"path", "/d/f"}, {"json", "yes"}}),
            "{\"path\":\"/d/f\",\"versions\":[{\"id\":" + id +
                ",\"stored\":\"2026-01-02T03:04:05Z\",\"modified\":\"2026-01-02T03:04:05Z\","
                "\"replaced\":\"2026-01-02T03:05:05Z\",\"by\":\"ann\",\"bytes\":3,\"etag\":\"" +
                version().file.etag + "\"}]}\n");
  refused("versions-restore", {{"path", "/d/f"}, {"id", "999999"}});
  refused("versions-restore", {{"path", "/d/f"}, {"id", "x"}});
  refused("versions-restore", {{"path", "/d"}, {"id", id}});
  EXPECT_EQ(done("versions-restore", {{"path", "/d/f"}, {"id", id}}),
            "/d/f is as it was in version " + id + ".\n");
  EXPECT_EQ(text(file), "one");
  EXPECT_THAT(done("versions-list", at), testing::EndsWith("2 versions.\n"));
  refused("versions-purge", {{"path", "/d/f"}, {"id", "999999"}});
  EXPECT_EQ(done("versions-purge", {{"path", "/d/f"}, {"id", id}}),
            "1 version removed for good.\n");
  EXPECT_EQ(done("versions-purge", {{"path", "/d/f"}, {"all", "yes"}}),
            "1 version removed for good.\n");
  EXPECT_EQ(text(file), "one");
  EXPECT_EQ(store_.names.snapshot()->usage().bytes, 3U);
}

TEST_F(HistoryCommands, AccountsShowWhatOfTheirBytesIsHistory) {
  put(path({"f"}), "1234");
  store_.clock.advance(60'000);
  put(path({"f"}), "12");
  put(path({"g"}), "123");
  remove(path({"g"}));
  EXPECT_THAT(done("show", {{"name", "ann"}}), HasSubstr("history    7\n"));
  EXPECT_THAT(
      done("show", {{"name", "ann"}, {"json", "yes"}}),
      HasSubstr("\"used_bytes\":9,\"quota_bytes\":null,\"trash_bytes\":3,\"version_bytes\":4"));
  EXPECT_THAT(done("list"), HasSubstr("BYTES  HISTORY"));
}

}  // namespace
}  // namespace holdfast::server
