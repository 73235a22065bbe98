// Any bytes in the place of any values of a stored database, constraints or not, and rows missing:
// see damaged_store.h. The input is a sequence of edits: which column, which row, what kind of
// value, its length, its bytes.
#include <sqlite3.h>

#include "tests/fuzz/damaged_store.h"
#include "tests/fuzz/sample_store.h"

using namespace holdfast;

namespace {

constexpr struct {
  const char* table;
  const char* key;
  const char* column;
} kColumns[] = {{"node", "id", "parent"},
                {"node", "id", "key"},
                {"node", "id", "id"},
                {"node", "id", "name"},
                {"node", "id", "content"},
                {"node", "id", "size"},
                {"node", "id", "stored"},
                {"node", "id", "created"},
                {"node", "id", "modified"},
                {"node", "id", "properties"},
                {"node", "id", "height"},
                {"node", "id", "reach"},
                {"content", "id", "id"},
                {"content", "id", "refs"},
                {"content", "id", "size"},
                {"content", "id", "sha256"},
                {"content", "id", "sha1"},
                {"content", "id", "md5"},
                {"content", "id", "blob"},
                {"inline_content", "id", "id"},
                {"inline_content", "id", "bytes"},
                {"property", "xml", "property_set"},
                {"property", "xml", "xmlns"},
                {"property", "xml", "name"},
                {"property", "xml", "xml"},
                {"lock", "token", "token"},
                {"lock", "token", "node"},
                {"lock", "token", "shared"},
                {"lock", "token", "infinite"},
                {"lock", "token", "owner"},
                {"lock", "token", "creator"},
                {"lock", "token", "granted"},
                {"lock", "token", "timeout_s"},
                {"lock", "token", "expires"},
                {"garbage", "id", "id"},
                {"garbage", "id", "blob"},
                {"meta", "one", "one"},
                {"meta", "one", "epoch"},
                {"meta", "one", "next_node"},
                {"meta", "one", "next_content"},
                {"meta", "one", "resources"},
                {"meta", "one", "bytes"},
                {"meta", "one", "locks"},
                {"meta", "one", "clean"},
                {"node", "id", "property_bytes"},
                {"property_set", "id", "id"},
                {"property_set", "id", "refs"}};

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
};

// What SQLite itself refuses, such as a key that is there already, stays as it was.
void edit(sqlite3* database, unsigned column, int row, unsigned kind, std::string_view value) {
  const auto& at = kColumns[column % std::size(kColumns)];
  const std::string where = std::string(" WHERE ") + at.key + " = (SELECT " + at.key + " FROM " +
                            at.table + " ORDER BY " + at.key + " LIMIT 1 OFFSET ?2)";
  const std::string sql =
      kind == 4 ? std::string("DELETE FROM ") + at.table + where
                : std::string("UPDATE ") + at.table + " SET " + at.column + " = ?1" + where;
  sqlite3_stmt* prepared = nullptr;
  fuzz::require(sqlite3_prepare_v2(database, sql.c_str(), -1, &prepared, nullptr) == SQLITE_OK,
                "the schema is as this target thinks");
  const std::unique_ptr<sqlite3_stmt, Close> statement(prepared);
  sqlite3_bind_int(prepared, 2, row);
  sqlite3_int64 number = 0;
  for (const char c : value.substr(0, 8))
    number = static_cast<sqlite3_int64>(static_cast<std::uint64_t>(number) << 8) |
             static_cast<unsigned char>(c);
  if (kind < 2)
    sqlite3_bind_int64(prepared, 1, number);
  else if (kind == 2)
    sqlite3_bind_text64(prepared, 1, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
  else if (kind == 3)
    sqlite3_bind_blob64(prepared, 1, value.data(), value.size(), SQLITE_STATIC);
  (void)sqlite3_step(prepared);
}

std::unique_ptr<sqlite3, Close> open_raw(const std::string& path) {
  sqlite3* opened = nullptr;
  fuzz::require(sqlite3_open(path.c_str(), &opened) == SQLITE_OK, "a database");
  return std::unique_ptr<sqlite3, Close>(opened);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fuzz::SqliteFolder* folder = nullptr;
  if (folder == nullptr) {
    static fuzz::SqliteFolder one([](storage::Namespace&) {});
    fuzz::fill_with_samples(*one.open(), one.contents);
    folder = &one;
  }
  if (size > 1024) return 0;
  folder->replace(folder->original());
  {
    const auto database = open_raw(folder->path());
    sqlite3_exec(database.get(), "PRAGMA ignore_check_constraints = ON; BEGIN", nullptr, nullptr,
                 nullptr);
    std::string_view bytes = fuzz::text_of(data, size);
    while (bytes.size() >= 4) {
      const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
      const std::string_view value = bytes.substr(4, at(3));
      edit(database.get(), at(0), at(1) % 16, at(2) % 5, value);
      bytes.remove_prefix(4 + value.size());
    }
    sqlite3_exec(database.get(), "COMMIT", nullptr, nullptr, nullptr);
  }
  (void)fuzz::examine(*folder);
  return 0;
}
