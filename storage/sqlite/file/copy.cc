#include "storage/sqlite/file/copy.h"

#include <cerrno>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include "storage/name_key.h"
#include "storage/open.h"
#include "storage/sqlite/file/inspect.h"
#include "storage/sqlite/file/schema.h"
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

// A resource of a copy, as far as it is needed to write it down.
struct CopiedRow {
  NodeId id = 0;
  std::string name;
  Millis modified = 0;
  std::int64_t content = 0;  // 0: a collection

  explicit CopiedRow(const Run& run)
      : id(run.integer(0)),
        name(run.null(2) ? run.text(1) : run.text(2)),
        modified(run.amount(3)),
        content(run.null(4) ? 0 : run.integer(4)) {}
};

bool for_each_in_tree(const std::string& file, const Path& path,
                      const std::function<void(std::span<const std::string>, const Resource&,
                                               const Content&)>& visit) {
  Connection reader(file, Connection::Mode::read);
  accept_database(reader);
  Statement root(reader, "SELECT id, key, name, modified, content FROM node WHERE id = ?1");
  Statement step(
      reader, "SELECT id, key, name, modified, content FROM node WHERE parent = ?1 AND key = ?2");
  Statement below(reader,
                  "SELECT id, key, name, modified, content FROM node WHERE parent = ?1 "
                  "ORDER BY key");
  Statement facts(reader,
                  "SELECT c.size, c.sha256, c.blob, i.bytes FROM content c "
                  "LEFT JOIN inline_content i ON i.id = c.id AND c.blob IS NULL WHERE c.id = ?1");
  std::optional<CopiedRow> top;
  if (Run run(root, kRoot); run.row()) top.emplace(run);
  for (const std::string& segment : path.segments()) {
    if (!top) break;
    const NameKey key(segment);
    Run run(step, top->id, key.view());
    const bool mapped = run.row();
    top = mapped ? std::optional<CopiedRow>(std::in_place, run) : std::nullopt;
  }
  if (!top) return false;

  std::vector<std::string> segments;
  const auto show = [&](const CopiedRow& row) {
    Resource resource;
    resource.name = row.name;
    resource.kind = row.content == 0 ? Kind::collection : Kind::file;
    resource.modified = row.modified;
    Content content;
    if (row.content != 0) {
      Run run(facts, row.content);
      if (!run.row()) throw Error(Fault::corrupt, "The content of " + row.name + " is missing.");
      content.size = static_cast<std::uint64_t>(run.amount(0));
      run.bytes(1, content.checksums.sha256);
      if (run.null(2)) {
        content.bytes = run.blob(3);
      } else {
        content.blob = run.text(2);
      }
    }
    visit(segments, resource, content);
  };
  const auto walk = [&](const auto& self, const CopiedRow& row) -> void {
    show(row);
    if (row.content != 0) return;
    if (segments.size() == kMostLevels)
      throw Error(Fault::corrupt, "A collection lies inside itself.");
    std::vector<CopiedRow> members;
    for (Run run(below, row.id); run.row();) members.emplace_back(run);
    for (const CopiedRow& member : members) {
      segments.push_back(member.name);
      self(self, member);
      segments.pop_back();
    }
  };
  walk(walk, *top);
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
