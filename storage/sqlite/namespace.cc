#include "storage/sqlite/namespace.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/sqlite/file/inspect.h"
#include "storage/sqlite/file/migrate.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/file/wal_vfs.h"
#include "storage/sqlite/read/reader_pool.h"
#include "storage/sqlite/write/group_commit.h"
#include "storage/sqlite/write/recovery.h"

namespace holdfast::storage::sqlite {

namespace {

// The writer's connection and each reader's get an equal share of the cache.
std::size_t cache_share(const Options& options) {
  return options.cache_bytes / (std::max<std::size_t>(options.readers, 1) + 1);
}

// What is opened first. It keeps the log's index in memory until the namespace ends.
struct Opened {
  std::unique_ptr<LogLimit> limit;
  bool was_relaxed = false;  // not every commit of the last process was flushed
  std::unique_ptr<Connection> connection;
};

// The most locks that one write removes, because other writes wait meanwhile.
constexpr std::size_t kPurgedAtOnce = 500;

// The file at a path: its device and inode.
using FileId = std::pair<dev_t, ino_t>;
FileId file_id(const std::string& path) {
  struct stat file {};
  return ::lstat(path.c_str(), &file) == 0 ? FileId(file.st_dev, file.st_ino) : FileId();
}

class SqliteNamespace final : public Namespace {
 public:
  SqliteNamespace(const std::string& path, Opened opened, ContentStore& content, const Clock& clock,
                  Options options)
      : path_(path),
        clock_(clock),
        read_limit_s_(options.read_limit_s),
        opened_(std::move(opened)),
        epoch_(opened_.connection->text("SELECT epoch FROM meta")),
        pool_(path, epoch_, std::max<std::size_t>(options.readers, 1), cache_share(options)) {
    if (options.read_only) {
      accounts_ = read_accounts(*opened_.connection);
      const Counters counters = read_counters(*opened_.connection);
      stats_.locks = static_cast<std::uint64_t>(counters.locks);
      stats_.usage = {static_cast<std::uint64_t>(counters.resources),
                      static_cast<std::uint64_t>(counters.bytes)};
      pool_.commits.locks = counters.locks;
      return;
    }
    writer_ = std::make_unique<GroupCommit>(
        std::move(opened_.connection), pool_, epoch_, DiskReserve(path, options.reserve_bytes),
        GroupCommit::Options{options.durability, &clock, [&content] { content.flush(); },
                             std::move(options.on_failure)});
    for (const char* name : {"", "-wal"})
      if (const FileId id = file_id(path_ + name); id != FileId()) files_.emplace_back(name, id);
  }

  std::unique_ptr<const Snapshot> snapshot() const override {
    return std::make_unique<ReadSnapshot>(pool_.borrow_newest(), pool_.cache, clock_,
                                          read_limit_s_);
  }

  void write(Flush flush, const std::function<void(Transaction&)>& fn) override {
    writer().write(
        flush == Flush::required ? GroupCommit::Need::flush : GroupCommit::Need::no_flush,
        [&fn](WriteTransaction& transaction) { fn(transaction); });
  }

  ChangeWaits* change_waits() const override { return writer_ ? &writer_->waits() : nullptr; }
  Millis lease_now() const override { return clock_.lease(); }
  std::shared_ptr<const Accounts> accounts() const override {
    return writer_ ? writer_->accounts() : accounts_;
  }

  std::vector<std::string> garbage(std::size_t limit) const override {
    const LentReader reader = pool_.borrow();
    Statement oldest(reader->connection, "SELECT blob FROM garbage ORDER BY id LIMIT ?1");
    std::vector<std::string> blobs;
    Run run(oldest, static_cast<std::int64_t>(std::min<std::size_t>(limit, 1U << 30)));
    while (run.row()) blobs.emplace_back(run.text(0));
    return blobs;
  }

  void forget_garbage(std::span<const std::string> blobs) override {
    if (blobs.empty()) return;
    writer().write(GroupCommit::Need::no_flush,
                   [&](WriteTransaction& transaction) { transaction.forget_garbage(blobs); });
  }

  bool names_blob(const std::string& blob) const override {
    const LentReader reader = pool_.borrow();
    Statement named(reader->connection,
                    "SELECT EXISTS (SELECT 1 FROM content WHERE blob = ?1) OR "
                    "EXISTS (SELECT 1 FROM garbage WHERE blob = ?1)");
    Run run(named, blob);
    return run.row() && run.integer(0) != 0;
  }

  std::uint64_t garbage_count() const override {
    const LentReader reader = pool_.borrow();
    return static_cast<std::uint64_t>(reader->connection.integer("SELECT count(*) FROM garbage"));
  }

  void for_each_blob(
      const std::function<void(std::int64_t, const Content&)>& visit) const override {
    // The contents are read page by page, because a visit may read a whole file and no transaction
    // may last that long.
    for (std::int64_t after = 0;;) {
      std::vector<std::pair<std::int64_t, Content>> page;
      {
        const LentReader reader = pool_.borrow();
        Statement some(reader->connection,
                       "SELECT id, size, sha256, sha1, md5, blob FROM content "
                       "WHERE id > ?1 AND blob IS NOT NULL ORDER BY id LIMIT 500");
        Run run(some, after);
        while (run.row()) {
          auto& [id, content] = page.emplace_back();
          id = after = run.integer(0);
          content.size = static_cast<std::uint64_t>(run.amount(1));
          run.bytes(2, content.checksums.sha256);
          if (!run.null(3)) run.bytes(3, content.checksums.sha1.emplace());
          if (!run.null(4)) run.bytes(4, content.checksums.md5.emplace());
          content.blob = run.text(5);
        }
      }
      for (const auto& [id, content] : page) visit(id, content);
      if (page.empty()) return;
    }
  }

  void for_each_inline(
      const std::function<void(std::int64_t, const Content&)>& visit) const override {
    for (std::int64_t after = 0;;) {
      std::vector<std::pair<std::int64_t, Content>> page;
      {
        const LentReader reader = pool_.borrow();
        Statement some(reader->connection,
                       "SELECT c.id, c.size, c.sha256, i.bytes FROM content c "
                       "JOIN inline_content i ON i.id = c.id "
                       "WHERE c.id > ?1 AND c.blob IS NULL ORDER BY c.id LIMIT 50");
        Run run(some, after);
        while (run.row()) {
          auto& [id, content] = page.emplace_back();
          id = after = run.integer(0);
          content.size = static_cast<std::uint64_t>(run.amount(1));
          run.bytes(2, content.checksums.sha256);
          content.bytes = run.blob(3);
        }
      }
      for (const auto& [id, content] : page) visit(id, content);
      if (page.empty()) return;
    }
  }

  void checkpoint() override {
    if (writer_) writer_->checkpoint();
  }

  std::shared_ptr<void> hold_log() override { return writer_ ? writer_->hold_log() : nullptr; }

  void purge_expired_locks(std::int64_t grace_s) override {
    for (;;) {
      {
        const LentReader reader = pool_.borrow();
        Statement any(reader->connection, "SELECT EXISTS (SELECT 1 FROM lock WHERE expires < ?1)");
        Run run(any, clock_.lease() - grace_s * 1000);
        if (run.row() && run.integer(0) == 0) return;
      }
      writer().write(GroupCommit::Need::no_flush, [&](WriteTransaction& transaction) {
        transaction.purge_expired_locks(grace_s, kPurgedAtOnce);
      });
    }
  }

  void keep(Keeping keeping) override {
    if (writer_) writer_->keep(keeping);
  }

  std::size_t purge(std::size_t most) override {
    {
      const LentReader reader = pool_.borrow();
      Statement any(reader->connection, "SELECT EXISTS (SELECT 1 FROM node WHERE parent = ?1)");
      Run run(any, kGivenUp);
      if (run.row() && run.integer(0) == 0) return 0;
    }
    std::size_t removed = 0;
    writer().write(GroupCommit::Need::flush,
                   [&](WriteTransaction& transaction) { removed = transaction.purge(most); });
    return removed;
  }

  std::string displaced() const override {
    for (const auto& [name, id] : files_) {
      errno = 0;
      if (file_id(path_ + name) == id) continue;
      if (errno == 0 || errno == ENOENT || errno == ENOTDIR)
        return "meta.db" + name + " in the data folder";
    }
    return {};
  }

  void refuse_writes(const std::string& why) override {
    if (writer_) writer_->refuse(why);
  }

  NamespaceStats stats() const override { return writer_ ? writer_->stats() : stats_; }

  NamespaceCheck check(bool repair) override {
    NamespaceCheck result;
    if (repair) {
      writer().write(GroupCommit::Need::flush,
                     [&](WriteTransaction& transaction) { result = transaction.repair(); });
      return result;
    }
    const LentReader reader = pool_.borrow();
    reader->connection.execute("BEGIN");
    try {
      result = inspect(reader->connection, false);
    } catch (...) {
      reader->connection.execute("ROLLBACK");
      throw;
    }
    reader->connection.execute("COMMIT");
    return result;
  }

 private:
  [[nodiscard]] GroupCommit& writer() {
    if (!writer_) throw Error(Fault::read_only, "the disk is read-only");
    return *writer_;
  }

  std::string path_;
  const Clock& clock_;
  std::int64_t read_limit_s_;
  Opened opened_;  // its connection is moved to the writer, when there is one
  std::string epoch_;
  mutable ReaderPool pool_;
  std::unique_ptr<GroupCommit>
      writer_;  // null on a read-only disk, where the two below never change
  std::shared_ptr<const Accounts> accounts_;
  NamespaceStats stats_;
  std::vector<std::pair<std::string, FileId>> files_;  // by the suffix of the path
};

// A database is made only where there is none and no content: an empty database in place of a lost
// one would look like a successful start, and the next sweep would remove all content.
void create_if_new(const std::string& path, ContentStore& content, const Clock& clock) {
  struct stat file {};
  if (lstat(path.c_str(), &file) == 0) {
    if (!S_ISREG(file.st_mode)) throw OpenError(path + " is not a regular file.");
    if (file.st_size == 0) {
      throw OpenError("The database " + path + " is empty: it was damaged. Restore it.");
    }
    return;
  }
  if (errno != ENOENT) throw OpenError("Cannot read " + path + ": " + std::strerror(errno) + ".");
  bool anything = false;
  if (lstat((path + "-wal").c_str(), &file) == 0) anything = file.st_size > 0;
  content.for_each([&](const std::string&, std::uint64_t) { anything = true; });
  if (anything) {
    throw OpenError("The database " + path +
                    " is missing, but its data folder holds content: restore the database.");
  }
  const std::string building = path + ".new";
  unlink(building.c_str());
  create_database(path, building, clock.wall());
}

void refuse_foreign_file(const std::string& path) {
  std::array<char, 16> magic{};
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  const bool ours = fd >= 0 && read(fd, magic.data(), magic.size()) == 16 &&
                    std::memcmp(magic.data(), "SQLite format 3", 16) == 0;
  if (fd >= 0) close(fd);
  if (!ours) throw OpenError("The database " + path + " is damaged, or not a database.");
}

void refuse_damage(Connection& connection) {
  const bool clean = connection.integer("SELECT clean FROM meta") != 0;
  if (!clean && connection.text("PRAGMA quick_check(1)") != "ok") {
    throw OpenError("The database is damaged: the check after an unclean end failed. Restore it.");
  }
  // Without the root no resource can be reached, and below a root that lies inside another
  // collection the way down would go in a circle.
  if (connection.integer("SELECT count(*) FROM node WHERE id = 1 AND parent = 0 AND key = '' AND "
                         "content IS NULL AND NOT EXISTS (SELECT 1 FROM node WHERE id = 0)") != 1) {
    throw OpenError("The database is damaged: it has no root collection. Restore it.");
  }
}

void refuse_lost_content(Connection& connection, const Options& options) {
  if (!options.is_lost) return;
  Statement all(connection, "SELECT blob FROM content WHERE blob IS NOT NULL");
  Run run(all);
  while (run.row()) {
    const std::string blob(run.text(0));
    if (options.is_lost(blob))
      throw OpenError("The folder blobs/" + blob.substr(0, 2) +
                      " is missing, and the database names content in it: restore it.");
  }
}

// Remaining time of a lock is clamp(granted + timeout - now, 0, timeout): a clock that was set back
// while the server was down must not make leases longer.
//
// After an unclean end in relaxed durability the last commits may be lost, with the ids that they
// gave out. The ids that follow are others, so that no ETag and no sync token comes again for
// something else, and the numbers in between are known as lost.
void start_session(Connection& connection, const Clock& clock, bool was_relaxed) {
  connection.execute("BEGIN IMMEDIATE");
  if (was_relaxed) {
    connection.execute(
        "INSERT OR IGNORE INTO change_gap (first, after) "
        "SELECT next_node, next_node + (1 << 32) FROM meta WHERE clean = 0; "
        "UPDATE meta SET next_node = next_node + (1 << 32), "
        "next_content = next_content + (1 << 32) WHERE clean = 0");
  }
  Statement clamp(connection,
                  "UPDATE lock SET granted = ?1, expires = ?1 + timeout_s * 1000 "
                  "WHERE granted > ?1");
  Run(clamp, clock.lease()).done();
  connection.execute("UPDATE meta SET clean = 0");
  connection.execute("COMMIT");
}

// Opens the store as the last process left it: with everything that was committed, unless relaxed
// durability has to return to its last barrier.
Opened open_after_last(const std::string& path, ContentStore& content, const Options& options) {
  const auto mode = options.read_only ? Connection::Mode::read : Connection::Mode::write;
  Opened opened;
  const auto open = [&] {
    opened.connection = std::make_unique<Connection>(path, mode);
    accept_database(*opened.connection);
    configure(*opened.connection, mode, cache_share(options));
  };
  open();
  const std::optional<Barrier> barrier = BarrierFile(path).read();
  opened.was_relaxed = barrier.has_value();
  if (!barrier || is_whole_since(*barrier, *opened.connection, content)) return opened;
  opened.connection.reset();
  if (options.read_only) {
    opened.limit = std::make_unique<LogLimit>(path, barrier->salts, barrier->frames);
  } else if (!cut_log(path, barrier->salts, barrier->frames)) {
    throw OpenError("Cannot cut " + path + "-wal: " + std::strerror(errno) + ".");
  }
  if (options.on_notice)
    options.on_notice(
        "The power failed, and what had not reached the disk is lost: the store is as it was some "
        "moments before.");
  open();
  return opened;
}

}  // namespace

std::unique_ptr<Namespace> open(const std::string& path, ContentStore& content, const Clock& clock,
                                Options options) {
  try {
    if (!options.read_only) create_if_new(path, content, clock);
    refuse_foreign_file(path);
    Opened opened = open_after_last(path, content, options);
    Connection& connection = *opened.connection;
    refuse_lost_content(connection, options);
    if (options.read_only) {
      if (connection.integer("PRAGMA user_version") != kSchemaVersion)
        throw OpenError("The database is an older version's, and on a read-only disk it stays so.");
      refuse_damage(connection);
    } else {
      // Earlier versions had the log's index and the space for removals in these files.
      for (const char* suffix : {"-shm", ".reserve"}) unlink((path + suffix).c_str());
      keep_log(connection.handle(), static_cast<std::int64_t>(options.reserve_bytes));
      migrate(connection, path, migrations(), content);
      refuse_damage(connection);
      try {
        start_session(connection, clock, opened.was_relaxed);
      } catch (const SqlError& error) {
        // The log is full, on a full disk. Moving it into the database frees its space for reuse.
        // The content files that it names are flushed first, or a power cut could lose them and not
        // the rows that name them.
        if (error.fault() != Fault::full) throw;
        if (connection.in_transaction()) connection.execute("ROLLBACK");
        content.flush();
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)");
        start_session(connection, clock, opened.was_relaxed);
      }
    }
    return std::make_unique<SqliteNamespace>(path, std::move(opened), content, clock,
                                             std::move(options));
  } catch (const Error& error) {
    if (error.fault() != Fault::corrupt) throw;
    throw OpenError("The database " + path + " is damaged (" + error.what() + ").");
  }
}

}  // namespace holdfast::storage::sqlite
