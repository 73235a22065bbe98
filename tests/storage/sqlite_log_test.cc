// What a commit leaves in the log (storage/sqlite/file/wal_vfs.h), and what readers see of it.
#include <array>
#include <atomic>
#include <filesystem>
#include <gmock/gmock.h>
#include <random>
#include <set>
#include <sqlite3.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/file/wal_vfs.h"
#include "tests/storage/sqlite_store.h"
#include "tests/support/locks.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::storage {
namespace {

class CommitLog : public SqliteStore {
 protected:
  // What a process that comes after a kill at this moment would find: SQLite's own reading of a
  // copy of the files.
  std::string text_of_copy(const char* sql) {
    const std::string copy = root_ + "/copy.db";
    for (const char* end : {"", "-wal"}) {
      std::filesystem::remove(copy + end);
      std::filesystem::copy_file(data() + "/meta.db" + end, copy + end);
    }
    std::filesystem::remove(copy + "-shm");
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open_v2(copy.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
    std::string text;
    const auto take = [](void* out, int, char** values, char**) {
      *static_cast<std::string*>(out) = values[0] != nullptr ? values[0] : "";
      return 0;
    };
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(handle, sql, take, &text, &error), SQLITE_OK) << error;
    sqlite3_free(error);
    sqlite3_close(handle);
    return text;
  }
};

// In relaxed durability nothing is flushed, so nothing but the commit itself makes the held bytes
// go to the file. Transactions from one page to more than the buffer and the page cache hold, some
// refused after they have written much, some after a checkpoint has begun the log anew.
class CommitLogOf : public CommitLog, public testing::WithParamInterface<Durability> {};

INSTANTIATE_TEST_SUITE_P(, CommitLogOf, testing::Values(Durability::relaxed, Durability::full),
                         [](const auto& durability) {
                           return durability.param == Durability::full ? "full" : "relaxed";
                         });

TEST_P(CommitLogOf, IsWholeInTheFileWhenACommitReturns) {
  open(GetParam());
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const std::size_t files = random() % 3 == 0 ? 1 : random() % 40;
    const std::size_t bytes = random() % 4 == 0 ? 100 : random() % 60'000;
    const bool refused = random() % 5 == 0;
    const std::string prefix = std::to_string(round) + "-";
    const auto fill = [&](Transaction& tx) {
      for (std::size_t i = 0; i < files; ++i)
        (void)tx.put(*tx.resolve(Path()).resource, prefix + std::to_string(i),
                     inline_content(std::string(bytes, 'x')), std::nullopt, kNobody);
      (void)tx.make_collection(*tx.resolve(Path()).resource, prefix + "c", kNobody);
      if (refused) throw std::logic_error("refused");
    };
    if (refused) {
      EXPECT_THROW(names_->write(Flush::required, fill), std::logic_error);
    } else {
      names_->write(Flush::required, fill);
    }
    EXPECT_EQ(text_of_copy("PRAGMA integrity_check"), "ok");
    EXPECT_EQ(text_of_copy(("SELECT count(*) FROM node WHERE key = '" + prefix + "c'").c_str()),
              refused ? "0" : "1");
    if (random() % 10 == 0) names_->checkpoint();
  }
  expect_sound();
}

// More than one page cache of one transaction: SQLite writes part of it before the commit, reads it
// again, and writes some pages twice.
TEST_F(CommitLog, IsWholeAlsoWhenATransactionOutgrowsTheCache) {
  open(Durability::relaxed);
  names_->write(Flush::deferrable, [&](Transaction& tx) {
    const Resource root = *tx.resolve(Path()).resource;
    for (int pass = 0; pass < 2; ++pass)
      for (int i = 0; i < 400; ++i)
        (void)tx.put(root, std::to_string(i),
                     inline_content(std::string(60'000, pass == 0 ? 'a' : 'b')), std::nullopt,
                     kNobody);
  });
  EXPECT_EQ(text_of_copy("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(
      text_of_copy(
          "SELECT count(*) FROM inline_content WHERE CAST(substr(bytes, 60000) AS TEXT) = 'b'"),
      "400");
  expect_sound();
}

// A closure that throws after its act takes back its own, in whatever company.
TEST_F(CommitLog, ALateRefusalLeavesNothingAndHarmsNobody) {
  open();
  std::vector<std::thread> threads;
  std::atomic<int> refused = 0;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        try {
          names_->write(Flush::required, [&](Transaction& tx) {
            (void)tx.put(*tx.resolve(Path()).resource, name, inline_content(name), std::nullopt,
                         kNobody);
            if (i % 3 == 0) throw std::logic_error("refused");
          });
        } catch (const std::logic_error&) {
          ++refused;
        }
        ASSERT_EQ(resolve(name).mapped(), i % 3 != 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 6 * 20);
  EXPECT_EQ(names_->snapshot()->usage().resources, 1U + 6 * 40);
  expect_sound();
}

TEST_F(CommitLog, ThatIsFlushedHasRoomForTheNextFlush) {
  const auto log_bytes = [&] { return std::filesystem::file_size(data() + "/meta.db-wal"); };
  open();
  names_->keep({.changes = false});
  std::set<std::uintmax_t> lengths;
  for (int i = 0; i < 200; ++i) {
    put(std::to_string(i), "x");
    lengths.insert(log_bytes());
  }
  // At least three pages of 4 KiB each, and the file is made longer by what it holds.
  EXPECT_GE(*lengths.rbegin(), 200U * 3 * 4096);
  EXPECT_LE(lengths.size(), 8U);
  names_->checkpoint();
  EXPECT_EQ(log_bytes(), 0U);
  put("last", "x");
  EXPECT_LE(log_bytes(), 256U * 1024) << "not for nothing";
  expect_sound();
}

// What is done to the log of one connection, as SQLite's own files are told it.
class LogCalls {
 public:
  LogCalls() {
    system_ = sqlite3_vfs_find(nullptr);
    vfs_ = *system_;
    vfs_.zName = "recorded";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + system_->szOsFile;
    vfs_.pAppData = this;
    vfs_.xOpen = [](sqlite3_vfs* self, const char* name, sqlite3_file* file, int flags, int* out) {
      auto* calls = static_cast<LogCalls*>(self->pAppData);
      if ((flags & SQLITE_OPEN_WAL) == 0)
        return calls->system_->xOpen(calls->system_, name, file, flags, out);
      File& log = of(file);
      log = {{}, reinterpret_cast<sqlite3_file*>(&log + 1), calls};
      const int code = calls->system_->xOpen(calls->system_, name, log.real, flags, out);
      if (code != SQLITE_OK) return code;
      calls->methods_ = *log.real->pMethods;
      calls->methods_.iVersion = 1;
      calls->record();
      log.base.pMethods = &calls->methods_;
      return code;
    };
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~LogCalls() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(system_, 1);
  }
  LogCalls(const LogCalls&) = delete;
  LogCalls& operator=(const LogCalls&) = delete;

  // "h" for a write that begins with the log's header and ends with it, "w" for another write, "s"
  // for a flush; since the last call of this.
  std::string taken() { return std::exchange(calls_, {}); }

 private:
  struct File {
    sqlite3_file base;
    sqlite3_file* real;
    LogCalls* calls;
  };
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  // The system's methods, called with its own file.
  void record() {
    methods_.xClose = [](sqlite3_file* f) { return of(f).real->pMethods->xClose(of(f).real); };
    methods_.xRead = [](sqlite3_file* f, void* to, int count, sqlite3_int64 at) {
      return of(f).real->pMethods->xRead(of(f).real, to, count, at);
    };
    methods_.xWrite = [](sqlite3_file* f, const void* from, int count, sqlite3_int64 at) {
      of(f).calls->calls_ += at == 0 && count == 32 ? 'h' : 'w';
      return of(f).real->pMethods->xWrite(of(f).real, from, count, at);
    };
    methods_.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
      return of(f).real->pMethods->xTruncate(of(f).real, size);
    };
    methods_.xSync = [](sqlite3_file* f, int flags) {
      of(f).calls->calls_ += 's';
      return of(f).real->pMethods->xSync(of(f).real, flags);
    };
    methods_.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
      return of(f).real->pMethods->xFileSize(of(f).real, size);
    };
    methods_.xFileControl = [](sqlite3_file* f, int what, void* with) {
      return of(f).real->pMethods->xFileControl(of(f).real, what, with);
    };
    methods_.xSectorSize = [](sqlite3_file* f) {
      return of(f).real->pMethods->xSectorSize(of(f).real);
    };
    methods_.xDeviceCharacteristics = [](sqlite3_file* f) {
      return of(f).real->pMethods->xDeviceCharacteristics(of(f).real);
    };
  }

  sqlite3_vfs* system_;
  sqlite3_vfs vfs_;
  sqlite3_io_methods methods_{};
  std::string calls_;
};

// A log that begins anew over an old one: were its header lost and not what follows, the pages of
// the old log would count again. So the header is flushed first, whatever the commit needs.
TEST(UnflushedCommits, FlushNothingButTheHeaderOfALogThatBeginsAgain) {
  const test::TemporaryFolder folder;
  LogCalls calls;
  sqlite::Connection connection(folder / "some.db", sqlite::Connection::Mode::create);
  connection.execute("PRAGMA page_size = 4096");
  connection.execute("PRAGMA auto_vacuum = INCREMENTAL");
  sqlite::Connection writer(folder / "some.db", sqlite::Connection::Mode::write);
  sqlite::configure(writer, sqlite::Connection::Mode::write, 1 << 20);
  writer.execute("CREATE TABLE t (x)");
  (void)calls.taken();
  const auto insert = [&](bool flushed) {
    const sqlite::UnflushedCommits unflushed(writer.handle(), !flushed);
    writer.execute("INSERT INTO t VALUES (randomblob(9000))");
    return calls.taken();
  };
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(insert(false), "w") << i;
    EXPECT_THAT(insert(true), testing::MatchesRegex("ww*s"));
    ASSERT_EQ(sqlite3_wal_checkpoint_v2(writer.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                        nullptr, nullptr),
              SQLITE_OK);
    EXPECT_EQ(calls.taken(), "s") << "the log, before its pages go to the database";
    if (round == 1) {
      EXPECT_THAT(insert(true), testing::MatchesRegex("hsw*s"));
    } else if (round == 0) {
      EXPECT_EQ(insert(false), "hsw");
    }
  }
  // SQLite's own way to say so: nothing but the last page tells that the commit is complete.
  writer.execute("PRAGMA synchronous = NORMAL");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(insert(true), i == 0 ? "hsw" : "w") << i;
}

class ReadAgain : public SqliteStore {};

// The same question again and again, which is answered from what is remembered.
TEST_F(ReadAgain, IsNeverOlderThanTheLastAcknowledgedWrite) {
  open(Durability::relaxed);
  put("f", "0");
  std::atomic<int> acknowledged = 0;
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      while (!done) {
        const int least = acknowledged;
        const auto snapshot = names_->snapshot();
        const Resolution found = snapshot->resolve(path("f"));
        ASSERT_TRUE(found.mapped());
        const std::string bytes = snapshot->content(*found.resource).bytes;
        ASSERT_GE(std::stoi(bytes), least);
        // One instant: the collection was made together with this content.
        ASSERT_TRUE(snapshot->resolve(path("c" + bytes)).mapped() || bytes == "0");
        ASSERT_FALSE(snapshot->resolve(path("c" + std::to_string(std::stoi(bytes) + 1))).mapped());
      }
    });
  }
  for (int i = 1; i <= 1500; ++i) {
    names_->write(Flush::required, [&](Transaction& tx) {
      const Resource root = *tx.resolve(Path()).resource;
      (void)tx.put(root, "f", inline_content(std::to_string(i)), std::nullopt, kNobody);
      (void)tx.make_collection(root, "c" + std::to_string(i), kNobody);
    });
    acknowledged = i;
    if (i % 100 == 0) names_->checkpoint();
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

TEST_F(ReadAgain, FindsNoLockThatHasRunOutMeanwhile) {
  open();
  mkcol("c");
  put("c/f", "x");
  lock("c", "urn:far", true, 100);
  lock("c/f", "urn:near", false, 10);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(resolve("c/f").locks.size(), 2U);
  clock_.advance(10'000);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(resolve("c/f").locks.size(), 1U);
  EXPECT_EQ(resolve("c/f").parent_locks.size(), 1U);
  clock_.advance(90'000);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(resolve("c/f").locks.size(), 0U);
  EXPECT_EQ(resolve("c/f").parent_locks.size(), 0U);
}

std::string described(const Resource& resource) {
  std::ostringstream text;
  text << resource.id << '<' << resource.parent << ' ' << resource.name << ' '
       << static_cast<int>(resource.kind) << ' ' << resource.created << ' ' << resource.modified.at
       << ' ' << resource.owner << ' ' << resource.etag << ' ' << resource.size << ' '
       << resource.stored << ' ' << resource.content;
  return text.str();
}

std::string described(const Lock& lock) {
  std::ostringstream text;
  text << ' ' << lock.token << '#' << lock.root_id << ' ' << lock.infinite << ' ' << lock.granted
       << '+' << lock.timeout_s;
  for (const std::string& name : lock.root.segments()) text << '/' << name;
  return text.str();
}

std::string described(const Resolution& found) {
  std::ostringstream text;
  const auto add = [&](std::string_view name, const auto& all, const auto& show) {
    text << '\n' << name;
    for (const auto& one : all) text << ' ' << show(one);
  };
  const auto same = [](const auto& one) { return one; };
  const auto whole = [](const Lock& lock) { return described(lock); };
  add("path", found.path.segments(), same);
  add("stored", found.stored.segments(), same);
  add("lineage", found.lineage, same);
  add("locks", found.locks, whole);
  add("parent locks", found.parent_locks, whole);
  text << "\nresource " << (found.resource ? described(*found.resource) : "none");
  text << "\nparent " << (found.parent ? described(*found.parent) : "none");
  return text.str();
}

// What the writer says of every path and every lock, which it remembers from one transaction to the
// next, is what readers say: when they look for the first time, and when they remember.
TEST_F(ReadAgain, SaysWhatTheWriterSays) {
  open(Durability::relaxed);
  const std::string longest(54, 'k');
  const std::vector<std::string> names = {"a",     "caf\u00e9",   "cafe\u0301",
                                          longest, longest + "k", std::string(200, 'n')};
  std::vector<std::string> paths = {""};
  for (const std::string& name : names) {
    paths.push_back(name);
    for (const std::string& below : names) {
      paths.push_back(name + "/" + below);
      paths.push_back(name + "/" + below + "/a");
    }
  }
  std::mt19937 random(7);
  // Most often below the first name, where something is.
  const auto any = [&] {
    return path(
        paths[1 + random() % (random() % 4 == 0 ? paths.size() - 1 : names.size() * 2 + 1)]);
  };
  int acts = 0;
  std::vector<std::string> tokens;
  const auto any_token = [&] {
    return tokens.empty() ? "urn:none" : tokens[random() % tokens.size()];
  };
  const auto act = [&](Transaction& tx, int round) {
    const Resolution first = tx.resolve(path(names[0]));
    if (!first.mapped()) (void)tx.make_collection(*first.parent, names[0], kNobody);
    const Resolution at = tx.resolve(any());
    if (!at.parent || !at.parent->is_collection()) return;
    ++acts;
    // At times only what lets the writer go on remembering everything else.
    const bool calm = round / 25 % 2 == 1;
    const std::array kCalm = {0U, 5U, 8U, 8U};
    switch (calm ? kCalm.at(random() % kCalm.size()) : random() % 11) {
      case 0:
        if (at.mapped() ? at.resource->is_collection() : calm) return;
        (void)tx.put(*at.parent, at.path.name(), inline_content(std::to_string(round)),
                     std::nullopt, round % 3);
        return;
      case 1:
      case 2:
        if (!at.mapped()) (void)tx.make_collection(*at.parent, at.path.name(), round % 3);
        return;
      case 3: {
        if (!at.mapped() || round % 3 != 0) return;
        tx.remove_tree(*at.resource);
        return;
      }
      case 4: {
        const Resolution to = tx.resolve(any());
        if (!at.mapped() || !to.parent || !to.parent->is_collection()) return;
        if (to.at_or_below(*at.resource) || (to.mapped() && at.at_or_below(*to.resource))) return;
        (void)tx.move_tree(*at.resource, *to.parent, to.path.name());
        return;
      }
      case 5:
        (void)tx.remove_lock(test::lock_with(tx, any_token()));
        return;
      case 6: {
        const std::string token = any_token();
        if (tx.find_lock(token, 0))
          (void)tx.refresh_lock(test::lock_with(tx, token), 1 + round % 40);
        return;
      }
      case 7: {
        const Resolution to = tx.resolve(any());
        if (!at.mapped() || !to.parent || !to.parent->is_collection() || to.mapped()) return;
        if (to.at_or_below(*at.resource)) return;
        (void)tx.copy_tree(*at.resource, true, *to.parent, to.path.name(), kNobody);
        return;
      }
      default: {
        if (!at.mapped()) return;
        Lock lock;
        lock.token = "urn:" + std::to_string(tokens.size());
        lock.root_id = at.resource->id;
        lock.infinite = random() % 2 == 0;
        lock.timeout_s = 1 + static_cast<std::int64_t>(random() % 60);
        tokens.push_back(lock.token);
        (void)tx.add_lock(std::move(lock));
      }
    }
  };
  const auto found = [&](const Snapshot& snapshot) {
    std::vector<std::string> all;
    for (const std::string& one : paths)
      all.push_back(one + described(snapshot.resolve(path(one))));
    for (const std::string& token : tokens) {
      const auto lock = snapshot.find_lock(token, 2);
      all.push_back(token + (lock ? described(*lock) : " none"));
    }
    return all;
  };
  for (int round = 0; round < 400; ++round) {
    const int several = 1 + static_cast<int>(random() % 3);
    const bool refused = random() % 5 == 0;
    try {
      names_->write(Flush::deferrable, [&](Transaction& tx) {
        for (int i = 0; i < several; ++i) act(tx, round);
        if (!refused) return;
        (void)found(tx);  // and learns what is taken back
        throw std::logic_error("refused");
      });
    } catch (const std::logic_error&) {
    }
    if (round % 2 == 0) clock_.advance(round / 25 % 2 == 1 ? 6000 : 1000);
    std::vector<std::string> wanted;
    names_->write(Flush::deferrable, [&](Transaction& tx) { wanted = found(tx); });
    for (int look = 0; look < 2; ++look) ASSERT_EQ(found(*names_->snapshot()), wanted);
  }
  EXPECT_GT(acts, 100);
  EXPECT_GT(tokens.size(), 30U);
}

// When much is asked for at one instant, what may be asked for next is read as well.
TEST_F(ReadAgain, WhatWasReadAheadIsWhatTheWriterSays) {
  open(Durability::relaxed);
  std::vector<std::string> paths;
  for (const std::string folder : {"c", "c/d", "e"}) {
    mkcol(folder);
    for (int i = 0; i < 150; ++i) {
      std::string name = std::to_string(i * 7919 % 1000);
      if (i % 10 == 3) name += std::string(60, 'n');
      if (i % 10 == 5) name += "\u00e9";
      paths.push_back(folder + "/" + name);
    }
  }
  std::mt19937 random(11);
  for (int round = 0; round < 30; ++round) {
    names_->write(Flush::deferrable, [&](Transaction& tx) {
      for (int i = 0; i < 60; ++i) {
        const std::string& one = paths[random() % paths.size()];
        const Resolution at = tx.resolve(path(one));
        if (at.mapped() && random() % 4 == 0) {
          tx.remove_tree(*at.resource);
        } else if (!at.mapped() && random() % 8 == 0) {
          (void)tx.make_collection(*at.parent, at.path.name(), kNobody);
        } else if (!at.mapped() || !at.resource->is_collection()) {
          (void)tx.put(*at.parent, at.path.name(), inline_content(one + std::to_string(round)),
                       std::nullopt, kNobody);
        }
        // Not before some rounds: while there is no lock at all, none is looked for.
        const Resolution now = tx.resolve(path(one));
        if (round < 10 || !now.mapped() || random() % 4 != 0) continue;
        Lock lock;
        lock.token = "urn:" + std::to_string(round) + "-" + std::to_string(i);
        lock.root_id = now.resource->id;
        lock.timeout_s = 1 + static_cast<std::int64_t>(random() % 20);
        lock.scope = LockScope::shared;
        (void)tx.add_lock(std::move(lock));
      }
    });
    clock_.advance(1000);
    std::shuffle(paths.begin(), paths.end(), random);
    std::vector<std::string> wanted;
    std::vector<std::string> bytes;
    names_->write(Flush::deferrable, [&](Transaction& tx) {
      for (const std::string& one : paths) {
        const Resolution found = tx.resolve(path(one));
        wanted.push_back(described(found));
        const bool is_file = found.mapped() && !found.resource->is_collection();
        bytes.push_back(is_file ? tx.content(*found.resource).bytes : "");
      }
    });
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const auto snapshot = names_->snapshot();
      const Resolution found = snapshot->resolve(path(paths[i]));
      ASSERT_EQ(described(found), wanted[i]) << paths[i];
      if (!found.mapped() || found.resource->is_collection()) continue;
      ASSERT_EQ(snapshot->facts(*found.resource).size, bytes[i].size());
      ASSERT_EQ(snapshot->content(*found.resource).bytes, bytes[i]);
    }
  }
}

TEST_F(ReadAgain, FactsAreTheContentWithoutItsBytes) {
  open();
  put("inline", "some bytes");
  put_file("file", kInlineLimitBytes + 1, 'f');
  Content with_others = inline_content("other sums");
  with_others.checksums.sha1.emplace().fill(7);
  put("others", with_others);
  for (int look = 0; look < 3; ++look) {
    const auto snapshot = names_->snapshot();
    for (const char* name : {"inline", "file", "others"}) {
      const Resource file = *snapshot->resolve(path(name)).resource;
      const Content facts = snapshot->facts(file);
      const Content content = snapshot->content(file);
      EXPECT_EQ(facts.size, content.size) << name;
      EXPECT_EQ(facts.blob, content.blob) << name;
      EXPECT_EQ(facts.checksums.sha256, content.checksums.sha256) << name;
      EXPECT_EQ(facts.checksums.sha1, content.checksums.sha1) << name;
      EXPECT_TRUE(facts.bytes.empty()) << name;
    }
  }
}

TEST_F(ReadAgain, HoldsNoLogAndNoContentBack) {
  open();
  for (int i = 0; i < 20; ++i) {
    put(std::to_string(i), std::string(1000, 'x'));
    EXPECT_EQ(read(std::to_string(i)), std::string(1000, 'x'));
  }
  EXPECT_GT(names_->stats().wal_bytes, 0U);
  names_->checkpoint();
  EXPECT_EQ(names_->stats().wal_bytes, 0U);
  EXPECT_TRUE(resolve("7").mapped());
  put("more", "x");
  names_->checkpoint();
  EXPECT_EQ(names_->stats().wal_bytes, 0U);
  EXPECT_TRUE(resolve("more").mapped());
}

}  // namespace
}  // namespace holdfast::storage
