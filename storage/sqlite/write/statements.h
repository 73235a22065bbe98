// Every statement that writes. Private to the write operations.
#pragma once

#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/transaction.h"

namespace holdfast::storage::sqlite {

// Refuses an operation whose caller has not looked before: Fault::conflict.
[[noreturn]] inline void refuse(const char* why) { throw Error(Fault::conflict, why); }

// Returns the key of a tree that has no place. Keys are in the order of ids.
[[nodiscard]] std::string key_without_place(std::int64_t id);

struct WriteTransaction::Statements {
  explicit Statements(Connection& c) : connection(c) {}
  Connection& connection;

  Statement insert_node{connection,
                        "INSERT INTO node (parent, key, id, name, content, size, stored, created, "
                        "modified, properties, height, reach, owner, date_mark, property_bytes, "
                        "line, author) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
                        "?15, ?16, ?17)"};
  Statement replace_content{connection,
                            "UPDATE node SET content = ?3, size = ?4, stored = ?5, modified = ?6, "
                            "date_mark = ?7, author = ?8, line = ?9 "
                            "WHERE parent = ?1 AND key = ?2"};
  Statement touch_and_raise{
      connection,
      "UPDATE node SET modified = ?3, height = max(height, ?4), "
      "reach = max(reach, ?5), date_mark = ?6 WHERE parent = ?1 AND key = ?2"};
  Statement raise{connection,
                  "UPDATE node SET height = max(height, ?3), reach = max(reach, ?4) "
                  "WHERE parent = ?1 AND key = ?2"};
  Statement touch{connection,
                  "UPDATE node SET modified = ?3, date_mark = ?4 WHERE parent = ?1 AND key = ?2"};
  Statement relocate{connection,
                     "UPDATE node SET parent = ?3, key = ?4, name = ?5, modified = ?6, "
                     "date_mark = ?7, line = ?8, since = ?9 WHERE parent = ?1 AND key = ?2"};
  Statement own{connection, "UPDATE node SET owner = ?3 WHERE parent = ?1 AND key = ?2"};
  Statement delete_node{connection, "DELETE FROM node WHERE id = ?1"};

  Statement insert_content{connection,
                           "INSERT INTO content (id, refs, size, sha256, sha1, md5, blob) "
                           "VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6)"};
  Statement insert_inline{connection, "INSERT INTO inline_content (id, bytes) VALUES (?1, ?2)"};
  Statement content_of_blob{connection, "SELECT id FROM content WHERE blob = ?1"};
  Statement add_ref{connection, "UPDATE content SET refs = refs + 1 WHERE id = ?1"};
  Statement delete_unshared{connection,
                            "DELETE FROM content WHERE id = ?1 AND refs = 1 RETURNING blob"};
  Statement drop_ref{connection, "UPDATE content SET refs = refs - 1 WHERE id = ?1"};
  Statement delete_inline{connection, "DELETE FROM inline_content WHERE id = ?1"};
  // Replaces an inline content that only one file has in place: one statement instead of two.
  Statement exchange_inline{connection,
                            "UPDATE content SET id = ?2, size = ?3, sha256 = ?4, sha1 = ?5, "
                            "md5 = ?6 WHERE id = ?1 AND refs = 1 AND blob IS NULL"};
  Statement exchange_bytes{connection,
                           "UPDATE inline_content SET id = ?2, bytes = ?3 WHERE id = ?1"};
  Statement insert_garbage{connection, "INSERT OR IGNORE INTO garbage (blob) VALUES (?1)"};
  Statement delete_garbage{connection, "DELETE FROM garbage WHERE blob = ?1"};

  // The tree of a write operation; `seq` 1 is its root. `bytes` is what each resource adds to
  // Usage::bytes.
  Statement clear_tree{connection, "DELETE FROM temp.tree"};
  Statement fill_tree{connection,
                      "INSERT INTO temp.tree (id, file, bytes, properties, owner) "
                      "WITH RECURSIVE below(id, file, bytes, properties, owner) AS ("
                      " SELECT id, content, coalesce(size, 0) + property_bytes, properties, owner"
                      " FROM node WHERE id = ?1"
                      " UNION ALL"
                      " SELECT n.id, n.content, coalesce(n.size, 0) + n.property_bytes,"
                      " n.properties, n.owner FROM below b"
                      " CROSS JOIN node n ON n.parent = b.id WHERE b.file IS NULL"
                      ") SELECT id, file, bytes, properties, owner FROM below"};
  // Fills it with members of the collection ?1 after the key ?2, at most ?3, behind a row of no
  // meaning.
  Statement begin_members{connection,
                          "INSERT INTO temp.tree (id, file, bytes, properties, owner) "
                          "VALUES (?1, NULL, 0, 0, 0)"};
  Statement fill_members{
      connection,
      "INSERT INTO temp.tree (id, file, bytes, properties, owner) "
      "SELECT id, content, coalesce(size, 0) + property_bytes, properties, owner "
      "FROM node WHERE parent = ?1 AND key > ?2 ORDER BY key LIMIT ?3"};
  // Copies these members into the collection ?1; the ids of the copies are ?2 + seq.
  Statement copy_members{
      connection,
      "INSERT INTO node (parent, key, id, name, content, size, stored, created, "
      "modified, properties, height, reach, owner, date_mark, property_bytes, author) "
      "SELECT ?1, n.key, ?2 + t.seq, n.name, n.content, n.size, n.stored, ?3, n.modified, "
      "n.properties, n.height, n.reach, ?4, n.date_mark, n.property_bytes, n.author "
      "FROM temp.tree t CROSS JOIN node n ON n.id = t.id WHERE t.seq > 1"};
  Statement filled_collections{
      connection, "SELECT id, seq FROM temp.tree WHERE seq > 1 AND file IS NULL ORDER BY seq"};
  Statement last_key{connection,
                     "SELECT n.key FROM temp.tree t CROSS JOIN node n ON n.id = t.id "
                     "ORDER BY t.seq DESC LIMIT 1"};
  Statement tree_totals{connection,
                        "SELECT count(*), coalesce(sum(min(bytes, 1 << 53)), 0) FROM temp.tree"};
  // What an account owns is not to be adopted, and the root of all is nobody's.
  Statement leave_owned{connection,
                        "DELETE FROM temp.tree WHERE id = ?1 OR owner IN (SELECT id FROM account)"};
  Statement own_tree{connection,
                     "UPDATE node SET owner = ?1 WHERE id IN (SELECT id FROM temp.tree)"};
  Statement copy_nodes{
      connection,
      "INSERT INTO node (parent, key, id, name, content, size, stored, created, "
      "modified, properties, height, reach, owner, date_mark, property_bytes, "
      "author) SELECT ?1 + p.seq, n.key, ?1 + t.seq, n.name, n.content, n.size, n.stored, "
      "?2, n.modified, n.properties, n.height, n.reach, ?3, "
      "n.date_mark, n.property_bytes, n.author "
      "FROM temp.tree t CROSS JOIN node n ON n.id = t.id "
      "CROSS JOIN temp.tree p ON p.id = n.parent WHERE t.seq > 1"};
  Statement add_tree_set_refs{connection,
                              "UPDATE property_set SET refs = refs + k.uses FROM "
                              "(SELECT properties, count(*) AS uses FROM temp.tree "
                              " WHERE seq > 1 AND properties <> 0 GROUP BY properties) AS k "
                              "WHERE property_set.id = k.properties"};
  Statement add_tree_refs{connection,
                          "UPDATE content SET refs = refs + k.uses FROM "
                          "(SELECT file, count(*) AS uses FROM temp.tree "
                          " WHERE seq > 1 AND file IS NOT NULL GROUP BY file) AS k "
                          "WHERE content.id = k.file"};
  Statement drop_tree_refs{connection,
                           "UPDATE content SET refs = refs - k.uses FROM "
                           "(SELECT file, count(*) AS uses FROM temp.tree "
                           " WHERE file IS NOT NULL GROUP BY file) AS k "
                           "WHERE content.id = k.file"};
  Statement tree_garbage{connection,
                         "INSERT OR IGNORE INTO garbage (blob) SELECT c.blob FROM temp.tree t "
                         "CROSS JOIN content c ON c.id = t.file "
                         "WHERE c.refs = 0 AND c.blob IS NOT NULL"};
  Statement drop_tree_inline{connection,
                             "DELETE FROM inline_content WHERE id IN "
                             "(SELECT t.file FROM temp.tree t CROSS JOIN content c "
                             " ON c.id = t.file WHERE c.refs = 0 AND c.blob IS NULL)"};
  Statement drop_tree_contents{connection,
                               "DELETE FROM content WHERE refs = 0 AND id IN "
                               "(SELECT file FROM temp.tree WHERE file IS NOT NULL)"};
  Statement drop_tree_set_refs{connection,
                               "UPDATE property_set SET refs = refs - k.uses FROM "
                               "(SELECT properties, count(*) AS uses FROM temp.tree "
                               " WHERE properties <> 0 GROUP BY properties) AS k "
                               "WHERE property_set.id = k.properties"};
  Statement drop_tree_properties{connection,
                                 "DELETE FROM property WHERE property_set IN "
                                 "(SELECT t.properties FROM temp.tree t CROSS JOIN property_set s "
                                 " ON s.id = t.properties WHERE t.properties <> 0 AND s.refs = 0)"};
  Statement drop_tree_sets{connection,
                           "DELETE FROM property_set WHERE refs = 0 AND id IN "
                           "(SELECT properties FROM temp.tree WHERE properties <> 0)"};
  Statement drop_tree_usage{connection,
                            "UPDATE account_usage SET "
                            "resources = max(account_usage.resources, -1 << 53) - k.resources, "
                            "bytes = max(account_usage.bytes, -1 << 53) - k.bytes FROM "
                            "(SELECT owner, count(*) AS resources, "
                            " coalesce(sum(min(bytes, 1 << 53)), 0) AS bytes "
                            " FROM temp.tree WHERE owner <> 0 GROUP BY owner) AS k "
                            "WHERE account_usage.account = k.owner"};
  Statement drop_tree_nodes{connection, "DELETE FROM node WHERE id IN (SELECT id FROM temp.tree)"};

  Statement insert_set{connection, "INSERT INTO property_set (id, refs) VALUES (?1, 1)"};
  Statement add_set_ref{connection, "UPDATE property_set SET refs = refs + 1 WHERE id = ?1"};
  Statement drop_set_ref{connection,
                         "UPDATE property_set SET refs = refs - 1 WHERE id = ?1 AND refs > 1"};
  Statement delete_set{connection, "DELETE FROM property_set WHERE id = ?1"};
  Statement delete_properties{connection, "DELETE FROM property WHERE property_set = ?1"};
  Statement copy_properties{connection,
                            "INSERT INTO property (property_set, xmlns, name, xml) "
                            "SELECT ?2, xmlns, name, xml FROM property WHERE property_set = ?1"};
  Statement set_property{connection,
                         "INSERT INTO property (property_set, xmlns, name, xml) "
                         "VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET xml = excluded.xml"};
  Statement delete_property{
      connection, "DELETE FROM property WHERE property_set = ?1 AND xmlns = ?2 AND name = ?3"};
  Statement size_of_set{connection, "SELECT count(*), coalesce(" HOLDFAST_PROPERTY_BYTES
                                    ", 0) FROM property WHERE property_set = ?1"};
  Statement name_set{connection,
                     "UPDATE node SET properties = ?3, property_bytes = ?4 "
                     "WHERE parent = ?1 AND key = ?2"};

  Statement insert_lock{connection,
                        "INSERT INTO lock (token, node, shared, infinite, owner, creator, "
                        "granted, timeout_s, expires, parent) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"};
  Statement refresh_lock{connection,
                         "UPDATE lock SET granted = ?5, timeout_s = ?6, expires = ?7 "
                         "WHERE parent = ?1 AND node = ?2 AND expires = ?3 AND token = ?4 "
                         "AND timeout_s > 0"};
  Statement first_expiry{connection, "SELECT expires FROM lock ORDER BY expires LIMIT 1"};
  // Deletes expired locks except the ?4 that ran out last; no other is ever looked up.
  Statement forget_late_locks{
      connection,
      "DELETE FROM lock WHERE parent = ?1 AND node = ?2 AND expires < "
      "(SELECT expires FROM lock WHERE parent = ?1 AND node = ?2 AND expires <= ?3 "
      "ORDER BY expires DESC LIMIT 1 OFFSET ?4 - 1)"};
  Statement end_late_locks{connection,
                           "UPDATE lock SET granted = expires, timeout_s = 0 "
                           "WHERE parent = ?1 AND node = ?2 AND expires <= ?3 AND timeout_s > 0 "
                           "AND (?4 OR infinite <> 0)"};
  Statement delete_lock{connection,
                        "DELETE FROM lock "
                        "WHERE parent = ?1 AND node = ?2 AND expires = ?3 AND token = ?4"};
  Statement move_locks{connection, "UPDATE lock SET node = ?3 WHERE parent = ?1 AND node = ?2"};
  Statement delete_locks{connection, "DELETE FROM lock WHERE parent = ?1 AND node = ?2"};
  Statement delete_member_locks{connection, "DELETE FROM lock WHERE parent = ?1"};
  Statement purge_locks{connection,
                        "DELETE FROM lock WHERE id IN (SELECT id FROM lock WHERE expires < ?1 "
                        "ORDER BY expires LIMIT ?2)"};

  Statement add_usage{connection,
                      "UPDATE account_usage SET resources = min(resources, 1 << 53) + ?2, "
                      "bytes = min(bytes, 1 << 53) + ?3, "
                      "trash_bytes = min(trash_bytes, 1 << 53) + ?4, "
                      "version_bytes = min(version_bytes, 1 << 53) + ?5 WHERE account = ?1"};
  Statement insert_usage{connection,
                         "INSERT INTO account_usage (account, resources, bytes) "
                         "VALUES (?1, 0, 0)"};
  Statement delete_usage{connection, "DELETE FROM account_usage WHERE account = ?1"};
  Statement put_account{connection,
                        "INSERT INTO account (id, name, password_hash, digest_sha256, digest_md5, "
                        "certificate, home, quota_bytes, quota_resources, created, suspended, "
                        "networks) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
                        "ON CONFLICT (id) DO UPDATE SET name = ?2, password_hash = ?3, "
                        "digest_sha256 = ?4, digest_md5 = ?5, certificate = ?6, home = ?7, "
                        "quota_bytes = ?8, quota_resources = ?9, created = ?10, suspended = ?11, "
                        "networks = ?12"};
  Statement delete_account{connection, "DELETE FROM account WHERE id = ?1"};
  Statement insert_grant{connection,
                         "INSERT INTO account_grant (account, path, access, node) "
                         "VALUES (?1, ?2, ?3, ?4)"};
  Statement delete_grants{connection, "DELETE FROM account_grant WHERE account = ?1"};
  Statement insert_member{connection,
                          "INSERT INTO group_member (account, member_of) VALUES (?1, ?2)"};
  Statement delete_memberships{connection, "DELETE FROM group_member WHERE account = ?1"};
  Statement delete_members{connection, "DELETE FROM group_member WHERE member_of = ?1"};
  Statement insert_group_usage{connection,
                               "INSERT INTO group_usage (member_of, resources, bytes) "
                               "VALUES (?1, 0, 0)"};
  Statement delete_group_usage{connection, "DELETE FROM group_usage WHERE member_of = ?1"};
  Statement put_group{connection,
                      "INSERT INTO account_group (id, name, quota_bytes, quota_resources, created) "
                      "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET name = ?2, "
                      "quota_bytes = ?3, quota_resources = ?4, created = ?5"};
  Statement delete_group{connection, "DELETE FROM account_group WHERE id = ?1"};
  Statement put_token{connection,
                      "INSERT OR REPLACE INTO device_token (id, account, label, hash, read_only, "
                      "path, expires, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"};
  Statement delete_token{connection, "DELETE FROM device_token WHERE id = ?1"};
  Statement delete_tokens{connection, "DELETE FROM device_token WHERE account = ?1"};
  Statement put_session{connection,
                        "INSERT OR REPLACE INTO session (id, account, hash, client, created, used) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"};
  Statement delete_session{connection, "DELETE FROM session WHERE id = ?1"};
  Statement delete_sessions{connection, "DELETE FROM session WHERE account = ?1"};
  Statement put_share{connection,
                      "INSERT OR REPLACE INTO share (id, account, label, hash, password_hash, "
                      "path, node, expires, uses, used, created) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"};
  Statement delete_share{connection, "DELETE FROM share WHERE id = ?1"};
  Statement delete_shares{connection, "DELETE FROM share WHERE account = ?1"};
  Statement delete_locks_of{connection, "DELETE FROM lock WHERE creator = ?1 AND creator <> 0"};

  // Selects the other files that have the line ?1 of the file ?2. The file whose id it is may have
  // another line by now. The condition on 0 lets SQLite use node_line.
  Statement sharers{connection,
                    "SELECT id FROM node WHERE line = ?1 AND line <> 0 AND id <> ?2 "
                    "UNION ALL SELECT id FROM node WHERE id = ?1 AND line = 0 AND id <> ?2"};
  // The condition on `parent` passes over what lies in the trash by itself, which may be many.
  Statement placed_sharers{connection,
                           "SELECT id FROM node WHERE line = ?1 AND line <> 0 AND parent > 0 AND "
                           "id > ?2 UNION ALL SELECT id FROM node WHERE id = ?1 AND line = 0 AND "
                           "id > ?2"};
  Statement insert_version{connection,
                           "INSERT INTO version (id, line, content, size, stored, created, "
                           "modified, date_mark, author, owner, replaced, node) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"};
  Statement version{connection,
                    "SELECT line, content, size, author, owner FROM version WHERE id = ?1"};
  Statement versions_of_line{connection,
                             "SELECT id FROM version WHERE line = ?1 ORDER BY id LIMIT ?2"};
  Statement delete_version{connection, "DELETE FROM version WHERE id = ?1"};
  Statement insert_trash{connection,
                         "INSERT INTO trash (id, node, parent, path, removed, remover, owner, "
                         "resources, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"};
  Statement delete_trash{connection, "DELETE FROM trash WHERE id = ?1"};
  Statement measure_trash{connection,
                          "UPDATE trash SET resources = ?2, bytes = ?3 "
                          "WHERE id = ?1 AND bytes IS NULL"};

  Statement write_counters{connection,
                           "UPDATE meta SET next_node = ?1, next_content = ?2, resources = ?3, "
                           "bytes = ?4, locks = ?5, next_account = ?6, whole_since = ?7, "
                           "changes_since = ?8"};

  Statement insert_change{connection,
                          "INSERT INTO change (id, node, parent, name, collection, second) "
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"};
  Statement set_all_tags{connection,
                         "INSERT OR REPLACE INTO collection_tag (node, change) "
                         "SELECT id, ?1 FROM node WHERE content IS NULL"};
  Statement set_tag{connection,
                    "INSERT OR REPLACE INTO collection_tag (node, change) VALUES (?1, ?2)"};
  Statement delete_tag{connection, "DELETE FROM collection_tag WHERE node = ?1"};
  Statement drop_tree_tags{connection,
                           "DELETE FROM collection_tag WHERE node IN "
                           "(SELECT id FROM temp.tree WHERE file IS NULL)"};
  // Selects the last of the oldest changes, as long as they were made before a second.
  Statement oldest_changes{connection, "SELECT id, second FROM change ORDER BY id LIMIT ?1"};
  Statement delete_changes{connection, "DELETE FROM change WHERE id < ?1"};
  Statement delete_gaps{connection, "DELETE FROM change_gap WHERE after <= ?1"};

  Statement insert_place{connection,
                         "INSERT INTO place (parent, id, key, name, node, since, line) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"};
  Statement insert_instant{connection,
                           "INSERT OR IGNORE INTO instant (second, node, content, fine) "
                           "VALUES (?1, ?2, ?3, ?4)"};
  Statement insert_snapshot{connection,
                            "INSERT OR IGNORE INTO snapshot (name, node, content, root, path, "
                            "created, creator) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"};
  Statement delete_snapshot{connection, "DELETE FROM snapshot WHERE name = ?1"};
  Statement newest_held{connection, "SELECT coalesce(max(content), 0) FROM snapshot"};
  Statement next_place_parent{
      connection, "SELECT parent FROM place WHERE parent >= ?1 ORDER BY parent LIMIT 1"};
  Statement forget_places{connection,
                          "DELETE FROM place WHERE parent = ?1 AND id IN "
                          "(SELECT p.id FROM place p WHERE p.parent = ?1 AND p.id < ?2 AND NOT "
                          "EXISTS (SELECT 1 FROM snapshot s WHERE s.node > p.since AND "
                          "s.node <= p.id) ORDER BY p.id LIMIT ?3)"};
  // Of each minute the first instant stays.
  Statement thin_instants{connection, "DELETE FROM instant WHERE fine <> 0 AND second < ?1"};
  Statement drop_instants{connection,
                          "DELETE FROM instant WHERE second < "
                          "(SELECT max(second) FROM instant WHERE node < ?1)"};
  Statement owner_of_trash{connection,
                           "SELECT owner FROM trash WHERE id = ?1 AND bytes IS NOT NULL"};
  Statement shrink_trash{connection,
                         "UPDATE trash SET resources = resources - ?2, bytes = bytes - ?3 "
                         "WHERE id = ?1"};
};

}  // namespace holdfast::storage::sqlite
