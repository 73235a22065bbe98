#include "storage/sqlite/write/recovery.h"

#include <map>
#include <string>
#include <vector>

#include "storage/sqlite/file/inspect.h"

namespace holdfast::storage::sqlite {

namespace {

Content file_of(const Run& run, int size, int sha256, int blob) {
  Content content;
  content.size = static_cast<std::uint64_t>(run.amount(size));
  run.bytes(sha256, content.checksums.sha256);
  content.blob = run.text(blob);
  return content;
}

}  // namespace

bool is_whole_since(const Barrier& barrier, Connection& connection, ContentStore& content) {
  Statement newer(connection,
                  "SELECT size, sha256, blob FROM content WHERE id >= ?1 AND blob IS NOT NULL");
  Run run(newer, barrier.next_content);
  while (run.row())
    if (!content.verify(file_of(run, 0, 1, 2))) return false;
  return true;
}

void drop_unflushed(Connection& writer, ContentStore& content) {
  if (writer.integer("SELECT EXISTS (SELECT 1 FROM unflushed)") == 0) return;
  struct Row {
    std::int64_t node = 0;
    std::int64_t content = 0;  // the damaged one
    std::int64_t previous = 0, stored = 0, modified = 0;
  };
  std::vector<Row> rows;
  {
    Statement newest_first(writer,
                           "SELECT c.size, c.sha256, c.blob, c.id, u.node, u.previous, "
                           "u.previous_stored, u.previous_modified FROM unflushed u "
                           "JOIN content c ON c.blob = u.blob "
                           "WHERE u.previous IS NOT NULL ORDER BY u.id DESC");
    std::map<std::int64_t, bool> whole;
    Run run(newest_first);
    while (run.row()) {
      const std::int64_t id = run.integer(3);
      const auto [known, fresh] = whole.try_emplace(id, true);
      if (fresh) known->second = content.verify(file_of(run, 0, 1, 2));
      if (!known->second)
        rows.push_back({run.integer(4), id, run.integer(5), run.amount(6), run.amount(7)});
    }
  }
  Statement fall_back(writer,
                      "UPDATE node SET content = ?3, stored = ?4, modified = ?5, "
                      "size = (SELECT size FROM content WHERE id = ?3) "
                      "WHERE id = ?1 AND content = ?2 "
                      "AND EXISTS (SELECT 1 FROM content WHERE id = ?3)");
  for (const Row& row : rows)
    Run(fall_back, row.node, row.content, row.previous, row.stored, row.modified).done();
  // Whole files may be in the page cache only.
  content.flush();
  writer.execute("DELETE FROM unflushed");
  (void)inspect(writer, true);  // counts all references anew
}

}  // namespace holdfast::storage::sqlite
