// `holdfast history …` and `holdfast snapshot …` on a store, by request lines: what a command and a
// running server do alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/cli/control_socket.h"
#include "server/cli/past.h"
#include "server/cli/user_store.h"
#include "tests/support/memory_store.h"

namespace holdfast::server {
namespace {

using storage::Path;
using testing::HasSubstr;
using Words = std::map<std::string, std::string, std::less<>>;

class PastCommands : public testing::Test {
 protected:
  PastCommands() {
    store_.names.keep({.trash = true, .versions = true});
    store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      tx.make_collection(*tx.resolve({}).resource, "d", storage::kNobody);
    });
    put("one");
    store_.clock.advance(600'000);
    put("other");
    store_.clock.advance(600'000);
  }

  cli::ControlReply ask(const std::string& verb, const Words& values = {}) {
    const auto request = cli::parse_user_request(cli::request_line(cli::UserRequest{verb, values}));
    if (!request) throw std::logic_error("the line is not read back");
    return cli::answer_user(store_.names, *request);
  }
  std::string done(const std::string& verb, const Words& values = {}) {
    const cli::ControlReply reply = ask(verb, values);
    EXPECT_EQ(reply.exit_code, 0) << reply.text;
    return reply.text;
  }
  std::string refused(const std::string& verb, const Words& values) {
    const auto before = store_.names.state();
    const cli::ControlReply reply = ask(verb, values);
    EXPECT_EQ(reply.exit_code, process::kUsageExit) << reply.text;
    EXPECT_THAT(reply.text, testing::MatchesRegex("holdfast: [^\n]*[.]\n"));
    EXPECT_EQ(text(), text_before_) << verb;
    return reply.text;
  }
  [[nodiscard]] static Path file() { return Path({"d", "a b"}); }
  void put(const std::string& bytes) {
    const auto upload = store_.contents.begin({});
    upload->append(bytes);
    const storage::Content& content = upload->seal();
    store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      tx.put(*tx.resolve(file()).parent, file().name(), content, std::nullopt, storage::kNobody);
    });
    upload->keep();
    text_before_ = bytes;
  }
  [[nodiscard]] std::string text() const {
    const auto now = store_.names.snapshot();
    const storage::Resolution found = now->resolve(file());
    return found.mapped() ? now->content(*found.resource).bytes : "(none)";
  }

  test::MemoryStore store_;
  std::string text_before_;
};

TEST_F(PastCommands, ListWhatWas) {
  EXPECT_EQ(done("history-list", {{"path", "/d"}, {"at", "15m"}}),
            "BYTES  MODIFIED              NOTE  NAME\n"
            "3      2026-01-02T03:04:05Z        a b\n"
            "1 resource.\n");
  EXPECT_THAT(done("history-list", {{"path", "/d/a b"}, {"at", "15m"}, {"json", "yes"}}),
              testing::AllOf(testing::StartsWith("{\"path\":\"/d/a%20b\",\"instant\":\""),
                             HasSubstr("\"whole\":true,\"members\":[{\"name\":\"a b\","
                                       "\"collection\":false,\"bytes\":3,")));
  EXPECT_THAT(done("history-list", {{"path", "/"}, {"at", "2026-01-02T03:10:00Z"}}),
              HasSubstr("-      2026-01-02T03:04:05Z        d/\n"));
  EXPECT_EQ(done("history-show"),
            "The tree can be seen whole as it was since 2026-01-02T03:04:05Z.\n");
  EXPECT_THAT(done("history-show", {{"json", "yes"}}),
              testing::StartsWith("{\"whole_since\":\"2026-01-02T03:04:05Z\","));
  for (const char* bad : {"", "x", "10", "10 minutes", "yesterday", "2026-01-02", "1-", "-1", "9-9",
                          "1-99999999999999999999", "7d", "2027-01-01T00:00:00Z", "10m10m"})
    refused("history-list", {{"path", "/d"}, {"at", bad}});
  EXPECT_EQ(refused("history-list", {{"path", "/none"}, {"at", "15m"}}),
            "holdfast: There was nothing at /none then.\n");
  EXPECT_EQ(refused("history-list", {{"path", "/"}, {"at", "90d"}}),
            "holdfast: The history begins later, at 2026-01-02T03:04:05Z.\n");
}

TEST_F(PastCommands, UndoAndUndoThat) {
  const std::string said = done("history-undo", {{"path", "/d"}, {"at", "15m"}});
  EXPECT_THAT(said, testing::StartsWith("/d is as it was then:\n  1 with their content of then\n"
                                        "To undo this: holdfast history undo /d --at "));
  EXPECT_EQ(text(), "one");
  EXPECT_EQ(done("history-undo", {{"path", "/d"}, {"at", "15m"}}),
            "/d is as it was then. Nothing was changed.\n");
  const std::string at = said.substr(said.rfind(' ') + 1);
  done("history-undo", {{"path", "/d"}, {"at", at.substr(0, at.size() - 1)}});
  EXPECT_EQ(text(), "other");
  refused("history-undo", {{"path", "/none"}, {"at", "15m"}});
}

TEST_F(PastCommands, ALockIsInTheWayOfUndo) {
  store_.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    storage::Lock lock;
    lock.token = "urn:x";
    lock.root_id = tx.resolve(file()).resource->id;
    lock.timeout_s = 3600;
    tx.add_lock(lock);
  });
  EXPECT_THAT(refused("history-undo", {{"path", "/d"}, {"at", "15m"}}), HasSubstr("lock"));
  done("history-undo", {{"path", "/d"}, {"at", "15m"}, {"break-locks", "yes"}});
  EXPECT_EQ(text(), "one");
}

TEST_F(PastCommands, Snapshots) {
  EXPECT_EQ(done("snapshot-list"), "0 snapshots.\n");
  EXPECT_EQ(done("snapshot-add", {{"snapshot", "before-move"}, {"path", "/d"}}),
            "Snapshot before-move of /d added.\n");
  EXPECT_EQ(done("snapshot-list"),
            "NAME         CREATED               PATH\n"
            "before-move  2026-01-02T03:24:05Z  /d\n"
            "1 snapshot.\n");
  EXPECT_EQ(done("snapshot-list", {{"json", "yes"}}),
            "{\"snapshots\":[{\"name\":\"before-move\",\"created\":\"2026-01-02T03:24:05Z\","
            "\"path\":\"/d\"}]}\n");
  put("newest");
  EXPECT_THAT(done("history-list", {{"path", "/d"}, {"at", "before-move"}}), HasSubstr("5      "));
  refused("snapshot-add", {{"snapshot", "before-move"}});
  refused("snapshot-add", {{"snapshot", "s"}, {"path", "/none"}});
  refused("snapshot-add", {{"snapshot", "s"}, {"path", "/d/a b"}});
  for (const char* bad : {"", "1x", "a b", "-x", "ä", "a/b"})
    refused("snapshot-add", {{"snapshot", bad}});
  refused("snapshot-add", {{"snapshot", std::string(65, 'x')}});
  refused("history-list", {{"path", "/d"}, {"at", "none"}});
  EXPECT_EQ(done("snapshot-remove", {{"snapshot", "before-move"}}),
            "Snapshot before-move removed. What it held may be given up.\n");
  refused("snapshot-remove", {{"snapshot", "before-move"}});
}

}  // namespace
}  // namespace holdfast::server
