#include "storage/sqlite/file/copy.h"

#include <cerrno>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include "storage/open.h"
#include "storage/sqlite/file/inspect.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/read/queries.h"
#include "text/ascii.h"

namespace holdfast::storage::sqlite {
namespace {

constexpr int kStepsBetweenTicks = 1000;  // of SQLite's virtual machine

// Lets SQLite call a function that may throw: SQLite stops, and the exception is rethrown here.
class Ticking {
 public:
  Ticking(Connection& connection, const std::function<void()>& tick)
      : connection_(connection), tick_(tick) {
    if (tick_) sqlite3_progress_handler(connection_.handle(), kStepsBetweenTicks, &call, this);
  }
  ~Ticking() { sqlite3_progress_handler(connection_.handle(), 0, nullptr, nullptr); }
  Ticking(const Ticking&) = delete;
  Ticking& operator=(const Ticking&) = delete;

  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  static int call(void* self) {
    auto* ticking = static_cast<Ticking*>(self);
    try {
      ticking->tick_();
      return 0;
    } catch (...) {
      ticking->thrown_ = std::current_exception();
      return 1;
    }
  }

  Connection& connection_;
  const std::function<void()>& tick_;
  std::exception_ptr thrown_;
};

void copy_for_backup(const std::string& from, const std::string& to,
                     const std::function<void()>& tick) {
  Connection reader(from, Connection::Mode::read);
  accept_database(reader);
  try {
    copy_database(reader, to, tick);
  } catch (const SqlError& error) {
    const int primary = error.code() & 0xff;
    if (primary == SQLITE_FULL || primary == SQLITE_IOERR)
      throw Error(error.fault(),
                  "Cannot copy the database to " + to + ": " + sqlite3_errstr(primary) + ".");
    throw;
  }
}

void for_each_content(const std::string& file, bool inline_too,
                      const std::function<void(std::int64_t id, const Content&)>& visit) {
  Connection reader(file, Connection::Mode::read);
  accept_database(reader);
  Statement all(reader,
                "SELECT c.id, c.size, c.sha256, c.blob, i.bytes FROM content c "
                "LEFT JOIN inline_content i ON i.id = c.id AND c.blob IS NULL "
                "WHERE ?1 OR c.blob IS NOT NULL ORDER BY c.id");
  Run run(all, inline_too);
  while (run.row()) {
    Content content;
    content.size = static_cast<std::uint64_t>(run.integer(1));
    run.bytes(2, content.checksums.sha256);
    if (run.null(3)) {
      content.bytes = run.blob(4);
    } else {
      content.blob = run.text(3);
    }
    visit(run.integer(0), content);
  }
}

std::string resource_of(const std::string& file, std::int64_t id) {
  Connection reader(file, Connection::Mode::read);
  Statement up(reader,
               "WITH RECURSIVE up (parent, name) AS ("
               "SELECT parent, coalesce(name, key) FROM "
               "(SELECT * FROM node WHERE content = ?1 OR id = "
               "(SELECT line FROM version WHERE content = ?1 LIMIT 1) LIMIT 1) "
               "UNION ALL SELECT n.parent, coalesce(n.name, n.key) FROM up "
               "JOIN node n ON n.id = up.parent WHERE n.parent <> 0) SELECT name FROM up");
  std::string path;
  Run run(up, id);
  while (run.row()) path.insert(0, "/" + std::string(run.text(0)));
  return text::without_controls(path, '?');
}

bool for_each_in_tree(const std::string& file, const Path& path,
                      const std::function<void(std::span<const std::string>, const Resource&,
                                               const Content&)>& visit) {
  Connection reader(file, Connection::Mode::read);
  accept_database(reader);
  if (reader.integer("PRAGMA user_version") != kSchemaVersion)
    throw OpenError("The backup is an older version's: restore it as a whole.");
  const CommitCounter commits;
  Queries queries(reader, "", commits);
  const Resolution top = queries.resolve(path);
  if (!top.mapped()) return false;
  queries.members(top, Depth::infinity, {}, [&](const Member& member) {
    const Resource& resource = member.resource;
    visit(member.segments, resource,
          resource.is_collection() ? Content() : queries.content(resource));
  });
  return true;
}

void renew(const std::string& file) {
  Connection writer(file, Connection::Mode::create);
  accept_database(writer);
  // There is nothing to recover while the copy is being built: the caller flushes it once, as a
  // whole.
  writer.execute("PRAGMA journal_mode = MEMORY");
  writer.execute("PRAGMA synchronous = OFF");
  // A database with an older schema is migrated, and can be checked, when the store is opened.
  if (writer.integer("PRAGMA user_version") == kSchemaVersion) {
    const NamespaceCheck found = inspect(writer, false);
    if (!found.problems.empty())
      throw Error(Fault::corrupt, "The backup's database is damaged: " + found.problems.front());
  }
  const std::string before = writer.text("SELECT epoch FROM meta");
  std::string epoch = random_epoch();
  while (epoch == before) epoch = random_epoch();
  writer.execute("BEGIN IMMEDIATE");
  Statement meta(writer, "UPDATE meta SET epoch = ?1, locks = 0, clean = 1");
  Run(meta, epoch).done();
  writer.execute("DELETE FROM lock");
  // The files of garbage rows were not copied.
  writer.execute("DELETE FROM garbage");
  writer.execute("COMMIT");
  writer.execute("PRAGMA journal_mode = WAL");
}

}  // namespace

void copy_database(Connection& connection, const std::string& to,
                   const std::function<void()>& tick) {
  // The copy counts as an attached database, which connections are otherwise not allowed.
  const int allowed = sqlite3_limit(connection.handle(), SQLITE_LIMIT_ATTACHED, 1);
  Statement vacuum(connection, "VACUUM INTO ?1");
  {
    const Ticking ticking(connection, tick);
    try {
      Run(vacuum, to).done();
    } catch (const SqlError&) {
      ticking.rethrow();
      throw;
    }
  }
  sqlite3_limit(connection.handle(), SQLITE_LIMIT_ATTACHED, allowed);
}

void create_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) throw OpenError("Cannot create " + path + ": " + std::strerror(errno) + ".");
  ::close(fd);
}

BackupDatabase backup_database() {
  return {.copy = copy_for_backup,
          .contents = for_each_content,
          .resource_of = resource_of,
          .tree = for_each_in_tree,
          .renew = renew};
}

}  // namespace holdfast::storage::sqlite
