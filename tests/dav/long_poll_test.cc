// GET and HEAD on a collection with Prefer: wait (RFC 7240 §4.3; docs/sync.md).
#include <functional>
#include <gtest/gtest.h>
#include <thread>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using storage::Right;

struct PollWorld : World {
  PollWorld() {
    mkcol("/c");
    mkcol("/c/d");
    mkcol("/other");
    put("/c/d/f");
  }
  storage::ChangeWaits& waits() { return *store.names.change_waits(); }
  std::string tag(std::string_view target) {
    return send("HEAD", target, {{"Prefer", "wait=0"}}).header("ETag");
  }
  // The answer to a request that waits while `meanwhile` happens.
  Answer answer_after(const std::function<void()>& meanwhile, std::string_view target = "/c/",
                      std::string_view method = "HEAD",
                      const std::shared_ptr<const dav::Caller>& caller = nullptr) {
    const std::string known = tag(target);
    Answer answer;
    std::thread thread([&] {
      DavClient client(engine);
      if (caller) client.as(caller);
      answer = client.send(method, target, {{"Prefer", "wait=60"}, {"If-None-Match", known}});
    });
    while (waits().count() == 0) std::this_thread::yield();
    meanwhile();
    thread.join();
    return answer;
  }
};

TEST(LongPoll, TheTagIsTheCollectionsAndComesWhereItIsAskedFor) {
  PollWorld w;
  const std::string tag = w.tag("/c/");
  EXPECT_TRUE(tag.starts_with("W/\"")) << tag;
  EXPECT_EQ(w.tag("/c/"), tag);
  w.put("/other/f");
  EXPECT_EQ(w.tag("/c/"), tag);
  w.put("/c/d/f", "other");
  EXPECT_NE(w.tag("/c/"), tag);
  EXPECT_FALSE(w.send("HEAD", "/c/").has("ETag"));
  EXPECT_FALSE(w.send("HEAD", "/c/", {{"Prefer", "return=minimal"}}).has("ETag"));
  EXPECT_NE(w.tag("/c/d/f"), "");
  EXPECT_FALSE(w.tag("/c/d/f").starts_with("W/"));
}

TEST(LongPoll, AnswersAtOnceWhatNeedsNoWait) {
  PollWorld w;
  const std::string tag = w.tag("/c/");
  const auto ask = [&](const char* prefer, const std::string& known) {
    return w.send("GET", "/c/", {{"Prefer", prefer}, {"If-None-Match", known}});
  };
  EXPECT_EQ(ask("wait=60", "\"another\"").status, 200);
  EXPECT_EQ(ask("wait=60", "malformed").status, 200);
  EXPECT_EQ(ask("wait=60", "*").status, 304);  // as without Prefer
  const Answer same = ask("wait=0", tag);
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.header("ETag"), tag);
  EXPECT_EQ(same.header("Preference-Applied"), "");
  EXPECT_EQ(ask("wait=later", tag).status, 200);  // as without Prefer
  EXPECT_EQ(w.waits().count(), 0U);
}

TEST(LongPoll, AnswersWhenSomethingHasChanged) {
  PollWorld w;
  std::string before = w.tag("/c/");
  Answer answer = w.answer_after([&] { w.put("/c/d/f", "other"); });
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Preference-Applied"), "wait=60");
  EXPECT_EQ(answer.header("ETag"), w.tag("/c/"));
  EXPECT_NE(answer.header("ETag"), before);
  answer = w.answer_after([&] { w.put("/c/new"); }, "/c/", "GET");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find("new"), std::string::npos);
  EXPECT_EQ(w.answer_after([&] { EXPECT_EQ(w.status("DELETE", "/c/"), 204); }, "/c/d/").status,
            404);
  EXPECT_EQ(w.waits().count(), 0U);
}

TEST(LongPoll, AnotherChangeIsNoAnswerAndTheEndIs) {
  PollWorld w;
  const Answer answer = w.answer_after([&] {
    w.put("/other/f");
    EXPECT_EQ(w.waits().count(), 1U);
    w.waits().end();
  });
  EXPECT_EQ(answer.status, 304);
  EXPECT_EQ(answer.header("ETag"), w.tag("/c/"));
}

TEST(LongPoll, TooManyDoNotWait) {
  PollWorld w;
  w.waits().limit({.all = 1});
  const std::string known = w.tag("/c/");
  const Answer answer = w.answer_after([&] {
    const Answer second = w.send("HEAD", "/c/", {{"Prefer", "wait=60"}, {"If-None-Match", known}});
    EXPECT_EQ(second.status, 304);
    EXPECT_FALSE(second.has("Preference-Applied"));
    w.put("/c/new");
  });
  EXPECT_EQ(answer.status, 200);
}

TEST(LongPoll, RightsThatEndAnswerIt) {
  struct Row {
    const char* what;
    std::function<void(storage::Transaction&, storage::Account)> act;
    int status;
  };
  const std::vector<Row> rows = {
      {"the account is removed",
       [](storage::Transaction& tx, const storage::Account& ann) { tx.remove_account(ann.id); },
       401},
      {"the right is taken away",
       [](storage::Transaction& tx, storage::Account ann) {
         ann.grants.clear();
         tx.put_account(ann);
       },
       403},
      {"the right is another one",
       [](storage::Transaction& tx, storage::Account ann) {
         ann.grants.front().right = Right::read;
         tx.put_account(ann);
       },
       200},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    PollWorld w;
    w.mkcol("/ann");
    w.store.names.write(storage::Flush::required, [](storage::Transaction& tx) {
      storage::Account ann;
      ann.name = "ann";
      ann.home = storage::Path({"ann"});
      ann.grants = {{.path = storage::Path({"c"}), .right = Right::write}};
      tx.put_account(ann);
    });
    const auto accounts = w.store.names.accounts();
    const auto ann = dav::caller_of(accounts, *accounts->find("ann"));
    DavClient client(w.engine);
    client.as(ann);
    const std::string known = client.send("HEAD", "/c/", {{"Prefer", "wait=0"}}).header("ETag");
    ASSERT_NE(known, "");
    Answer answer;
    std::thread thread([&] {
      answer = client.send("HEAD", "/c/", {{"Prefer", "wait=20"}, {"If-None-Match", known}});
    });
    while (w.waits().count() == 0) std::this_thread::yield();
    w.store.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      row.act(tx, *tx.accounts()->find("ann"));
    });
    thread.join();
    EXPECT_EQ(answer.status, row.status);
  }
}

TEST(LongPoll, WhoMayNotReadTheCollectionDoesNotWait) {
  PollWorld w;
  dav::Caller caller;
  caller.name = "ann";
  caller.account = w.account("ann");
  caller.home = storage::Path({"c"});
  DavClient client(w.engine);
  client.as(std::make_shared<const dav::Caller>(caller));
  const Answer answer = client.send("HEAD", "/", {{"Prefer", "wait=0"}});
  EXPECT_EQ(answer.status, 200);  // it leads to what the caller may read
  EXPECT_FALSE(answer.has("ETag"));
}

}  // namespace
}  // namespace holdfast::test
