#include "storage/sqlite/file/inspect.h"

#include <span>

#include "storage/name_key.h"
#include "storage/sqlite/file/schema.h"

namespace holdfast::storage::sqlite {

namespace {

// Selects how often each content is used.
#define HOLDFAST_USES                                                  \
  "(SELECT id, count(*) AS uses FROM (SELECT content AS id FROM node " \
  "WHERE content IS NOT NULL UNION ALL SELECT content FROM version) GROUP BY id)"

// Selects how often each set of properties is used.
#define HOLDFAST_SET_USES                                 \
  "(SELECT properties AS id, count(*) AS uses FROM node " \
  "WHERE properties <> 0 GROUP BY properties)"

// Selects the bytes of each set.
#define HOLDFAST_SET_BYTES                               \
  "(SELECT property_set AS id, " HOLDFAST_PROPERTY_BYTES \
  " AS bytes FROM property GROUP BY property_set)"

// Selects what each resource and each version adds to Usage, and to Kept.
#define HOLDFAST_COUNTED                                                                  \
  "(SELECT owner, 1 AS resources, min(coalesce(size, 0), 1 << 53) + min(property_bytes, " \
  "1 << 53) AS bytes, 0 AS trash_bytes, 0 AS version_bytes FROM node "                    \
  "UNION ALL SELECT owner, 0, min(size, 1 << 53), 0, min(size, 1 << 53) FROM version "    \
  "UNION ALL SELECT owner, 0, 0, min(coalesce(bytes, 0), 1 << 53), 0 FROM trash)"

// Selects what each account owns, by a recount.
#define HOLDFAST_OWNED                                                                          \
  "(SELECT owner, sum(resources) AS resources, sum(bytes) AS bytes, "                           \
  "sum(trash_bytes) AS trash_bytes, sum(version_bytes) AS version_bytes FROM " HOLDFAST_COUNTED \
  " WHERE owner <> 0 GROUP BY owner)"

// Is true for a version whose file is there.
#define HOLDFAST_HAS_FILE                                                              \
  "(EXISTS (SELECT 1 FROM node n WHERE n.id = version.line AND n.line = 0) OR EXISTS " \
  "(SELECT 1 FROM node n WHERE n.line = version.line AND n.line <> 0))"

// Is true for the node `n` in the trash that has an entry.
#define HOLDFAST_HAS_ENTRY                                             \
  "EXISTS (SELECT 1 FROM trash t WHERE t.id = CAST(n.key AS INTEGER) " \
  "AND t.node = n.id)"

// Selects what the members of each group own together.
#define HOLDFAST_OWNED_TOGETHER                                        \
  "(SELECT m.member_of, sum(min(u.resources, 1 << 53)) AS resources, " \
  "sum(min(u.bytes, 1 << 53)) AS bytes FROM group_member m "           \
  "JOIN account_usage u ON u.account = m.account GROUP BY m.member_of)"

// Forgets where everything was, so that the tree is whole from now on.
#define HOLDFAST_FORGET_PLACES "DELETE FROM place; UPDATE meta SET whole_since = next_node"

struct Rule {
  const char* count;    // how many rows break it
  const char* problem;  // follows the number
  const char* repair;   // SQL, or nullptr where only a guess would help
  bool tree = false;    // when it is broken, the rows are no tree
  bool repeat = false;  // the repair moves the fault up the tree, so it is repeated
};

constexpr Rule kRules[] = {
    {"SELECT NOT EXISTS (SELECT 1 FROM node WHERE parent = 0 AND key = '' AND id = 1 "
     "AND content IS NULL)",
     "root collection is missing or misplaced", nullptr, true},
    {"SELECT count(*) FROM node n WHERE n.id <> 1 AND n.parent NOT IN (-1, -2) AND NOT EXISTS "
     "(SELECT 1 FROM node p WHERE p.id = n.parent AND p.content IS NULL)",
     "resource(s) lie in no collection", nullptr, true},
    {"SELECT (SELECT count(*) FROM node) - (WITH RECURSIVE t(id) AS (SELECT 1 UNION "
     "SELECT id FROM node WHERE parent IN (-1, -2) UNION SELECT n.id FROM t CROSS JOIN node n ON "
     "n.parent = t.id) SELECT count(*) FROM t)",
     "resource(s) cannot be reached from the root", nullptr, true},
    {"SELECT count(*) FROM trash WHERE NOT EXISTS (SELECT 1 FROM node n WHERE n.id = trash.node "
     "AND n.parent = -1 AND CAST(n.key AS INTEGER) = trash.id)",
     "entr(ies) of the trash have no resource",
     "DELETE FROM trash WHERE NOT EXISTS (SELECT 1 FROM node n WHERE n.id = trash.node "
     "AND n.parent = -1 AND CAST(n.key AS INTEGER) = trash.id)"},
    {"SELECT count(*) FROM node n WHERE n.parent = -1 AND NOT " HOLDFAST_HAS_ENTRY,
     "resource(s) in the trash have no entry",
     "INSERT OR IGNORE INTO trash (id, node, parent, path, removed, remover, owner) "
     "SELECT CAST(n.key AS INTEGER), n.id, 1, '/' || coalesce(n.name, n.key), "
     "max(n.modified, n.created), 0, n.owner FROM node n WHERE n.parent = -1 "
     "AND NOT " HOLDFAST_HAS_ENTRY},
    {"SELECT count(*) FROM version WHERE NOT " HOLDFAST_HAS_FILE, "version(s) belong to no file",
     "DELETE FROM version WHERE NOT " HOLDFAST_HAS_FILE},
    {"SELECT count(*) FROM version v WHERE NOT EXISTS "
     "(SELECT 1 FROM content c WHERE c.id = v.content)",
     "version(s) name content that is missing", nullptr},
    {"SELECT count(*) FROM version v JOIN content c ON c.id = v.content WHERE c.size <> v.size",
     "version(s) have another size than their content",
     "UPDATE version SET size = c.size FROM content c WHERE c.id = version.content "
     "AND c.size <> version.size"},
    {"SELECT count(*) FROM node n WHERE n.content IS NOT NULL AND NOT EXISTS "
     "(SELECT 1 FROM content c WHERE c.id = n.content)",
     "file(s) name content that is missing", nullptr},
    {"SELECT count(*) FROM node n JOIN content c ON c.id = n.content WHERE c.size <> n.size",
     "file(s) have another size than their content",
     "UPDATE node SET size = c.size FROM content c WHERE c.id = node.content "
     "AND c.size <> node.size"},
    {"SELECT count(*) FROM content c WHERE c.blob IS NULL AND NOT EXISTS "
     "(SELECT 1 FROM inline_content i WHERE i.id = c.id AND length(i.bytes) = c.size)",
     "inline content(s) are missing or of another size", nullptr},
    {"SELECT count(*) FROM content c LEFT JOIN " HOLDFAST_USES
     " u ON u.id = c.id WHERE c.refs <> coalesce(u.uses, 0)",
     "content(s) have a wrong reference count",
     "UPDATE content SET refs = 0; "
     "UPDATE content SET refs = u.uses FROM " HOLDFAST_USES " u WHERE u.id = content.id"},
    {"SELECT count(*) FROM content WHERE refs = 0", "content(s) are used by nothing",
     "INSERT OR IGNORE INTO garbage (blob) SELECT blob FROM content "
     "WHERE refs = 0 AND blob IS NOT NULL; "
     "DELETE FROM content WHERE refs = 0"},
    {"SELECT count(*) FROM inline_content i WHERE NOT EXISTS "
     "(SELECT 1 FROM content c WHERE c.id = i.id AND c.blob IS NULL)",
     "inline byte string(s) belong to no content",
     "DELETE FROM inline_content WHERE NOT EXISTS "
     "(SELECT 1 FROM content c WHERE c.id = inline_content.id AND c.blob IS NULL)"},
    {"SELECT count(*) FROM garbage g JOIN content c ON c.blob = g.blob",
     "content file(s) in use are listed as garbage",
     "DELETE FROM garbage WHERE blob IN (SELECT blob FROM content WHERE blob IS NOT NULL)"},
    {"SELECT count(*) FROM node n WHERE n.properties <> 0 AND NOT EXISTS "
     "(SELECT 1 FROM property p WHERE p.property_set = n.properties)",
     "resource(s) name properties that are missing",
     "UPDATE node SET properties = 0 WHERE properties <> 0 AND NOT EXISTS "
     "(SELECT 1 FROM property p WHERE p.property_set = node.properties)"},
    {"SELECT count(*) FROM node n WHERE n.properties <> 0 AND NOT EXISTS "
     "(SELECT 1 FROM property_set s WHERE s.id = n.properties)",
     "resource(s) name a set of properties that is not counted",
     "INSERT OR IGNORE INTO property_set (id, refs) "
     "SELECT properties, 0 FROM node WHERE properties <> 0"},
    {"SELECT count(*) FROM property_set s LEFT JOIN " HOLDFAST_SET_USES
     " u ON u.id = s.id WHERE s.refs <> coalesce(u.uses, 0)",
     "set(s) of properties have a wrong reference count",
     "UPDATE property_set SET refs = 0; "
     "UPDATE property_set SET refs = u.uses FROM " HOLDFAST_SET_USES
     " u WHERE u.id = property_set.id"},
    {"SELECT count(*) FROM property_set WHERE refs = 0", "set(s) of properties are used by nothing",
     "DELETE FROM property_set WHERE refs = 0"},
    {"SELECT count(*) FROM property p WHERE NOT EXISTS "
     "(SELECT 1 FROM property_set s WHERE s.id = p.property_set)",
     "propert(ies) belong to no resource",
     "DELETE FROM property WHERE NOT EXISTS "
     "(SELECT 1 FROM property_set s WHERE s.id = property.property_set)"},
    {"SELECT count(*) FROM node n LEFT JOIN " HOLDFAST_SET_BYTES
     " k ON k.id = n.properties WHERE n.property_bytes <> coalesce(k.bytes, 0)",
     "resource(s) have properties of another size than is written down",
     "UPDATE node SET property_bytes = 0 WHERE property_bytes <> 0; "
     "UPDATE node SET property_bytes = k.bytes FROM " HOLDFAST_SET_BYTES
     " k WHERE k.id = node.properties"},
    {"SELECT count(*) FROM lock l WHERE NOT EXISTS (SELECT 1 FROM node n WHERE n.id = l.node)",
     "lock(s) belong to no resource",
     "DELETE FROM lock WHERE NOT EXISTS (SELECT 1 FROM node n WHERE n.id = lock.node)"},
    {"SELECT count(*) - count(DISTINCT token) FROM lock", "lock(s) have the token of another",
     "DELETE FROM lock WHERE id NOT IN (SELECT min(id) FROM lock GROUP BY token)"},
    {"SELECT count(*) FROM lock l JOIN node n ON n.id = l.node WHERE l.parent <> n.parent",
     "lock(s) name another parent than their resource's",
     "UPDATE lock SET parent = n.parent FROM node n "
     "WHERE n.id = lock.node AND lock.parent <> n.parent"},
    {"SELECT count(*) FROM node n JOIN node p ON p.id = n.parent WHERE p.height < n.height + 1 "
     "OR p.reach < n.reach + 1 + length(CAST(coalesce(n.name, n.key) AS BLOB))",
     "resource(s) are deeper than their collection's bound says",
     "UPDATE node SET height = max(node.height, m.height), reach = max(node.reach, m.reach) FROM "
     "(SELECT parent, max(height) + 1 AS height, "
     "max(reach + 1 + length(CAST(coalesce(name, key) AS BLOB))) AS reach FROM node "
     "GROUP BY parent) m "
     "WHERE m.parent = node.id AND (node.height < m.height OR node.reach < m.reach)",
     false, true},
    {"SELECT m.resources <> (SELECT count(*) FROM node) OR "
     "m.bytes <> (SELECT sum(bytes) FROM " HOLDFAST_COUNTED ") FROM meta m",
     "counter row is wrong",
     "UPDATE meta SET resources = (SELECT count(*) FROM node), "
     "bytes = (SELECT sum(bytes) FROM " HOLDFAST_COUNTED ")"},
    {"SELECT count(*) FROM account a LEFT JOIN account_usage u ON u.account = a.id "
     "WHERE u.account IS NULL",
     "account(s) have no count of what they own",
     "INSERT OR IGNORE INTO account_usage (account, resources, bytes) SELECT id, 0, 0 FROM "
     "account"},
    {"SELECT count(*) FROM account_usage u LEFT JOIN " HOLDFAST_OWNED
     " k ON k.owner = u.account WHERE u.resources <> coalesce(k.resources, 0) "
     "OR u.bytes <> coalesce(k.bytes, 0) OR u.trash_bytes <> coalesce(k.trash_bytes, 0) "
     "OR u.version_bytes <> coalesce(k.version_bytes, 0)",
     "account(s) own another number of resources or bytes than is written down",
     "UPDATE account_usage SET resources = 0, bytes = 0, trash_bytes = 0, version_bytes = 0; "
     "UPDATE account_usage SET resources = k.resources, bytes = k.bytes, "
     "trash_bytes = k.trash_bytes, version_bytes = k.version_bytes FROM " HOLDFAST_OWNED
     " k WHERE k.owner = account_usage.account"},
    {"SELECT (SELECT count(*) FROM account_usage u WHERE NOT EXISTS "
     "(SELECT 1 FROM account a WHERE a.id = u.account)) + "
     "(SELECT count(*) FROM account_grant g WHERE NOT EXISTS "
     "(SELECT 1 FROM account a WHERE a.id = g.account) AND NOT EXISTS "
     "(SELECT 1 FROM account_group p WHERE p.id = g.account)) + "
     "(SELECT count(*) FROM device_token t WHERE NOT EXISTS "
     "(SELECT 1 FROM account a WHERE a.id = t.account)) + "
     "(SELECT count(*) FROM session s WHERE NOT EXISTS "
     "(SELECT 1 FROM account a WHERE a.id = s.account)) + "
     "(SELECT count(*) FROM share s WHERE NOT EXISTS "
     "(SELECT 1 FROM account a WHERE a.id = s.account))",
     "grant(s), token(s), session(s), link(s) or count(s) belong to no account or group",
     "DELETE FROM account_usage WHERE account NOT IN (SELECT id FROM account); "
     "DELETE FROM account_grant WHERE account NOT IN (SELECT id FROM account) "
     "AND account NOT IN (SELECT id FROM account_group); "
     "DELETE FROM device_token WHERE account NOT IN (SELECT id FROM account); "
     "DELETE FROM session WHERE account NOT IN (SELECT id FROM account); "
     "DELETE FROM share WHERE account NOT IN (SELECT id FROM account)"},
    {"SELECT count(*) FROM group_member m WHERE NOT EXISTS "
     "(SELECT 1 FROM account a WHERE a.id = m.account) OR NOT EXISTS "
     "(SELECT 1 FROM account_group p WHERE p.id = m.member_of)",
     "membership(s) belong to no account or no group",
     "DELETE FROM group_member WHERE account NOT IN (SELECT id FROM account) "
     "OR member_of NOT IN (SELECT id FROM account_group)"},
    {"SELECT count(*) FROM account_group p LEFT JOIN group_usage u ON u.member_of = p.id "
     "LEFT JOIN " HOLDFAST_OWNED_TOGETHER
     " k ON k.member_of = p.id WHERE u.resources IS NOT coalesce(k.resources, 0) "
     "OR u.bytes IS NOT coalesce(k.bytes, 0)",
     "group(s) own another number of resources or bytes than is written down",
     "DELETE FROM group_usage; "
     "INSERT INTO group_usage (member_of, resources, bytes) "
     "SELECT p.id, coalesce(k.resources, 0), coalesce(k.bytes, 0) FROM account_group p "
     "LEFT JOIN " HOLDFAST_OWNED_TOGETHER " k ON k.member_of = p.id"},
    {"SELECT count(*) FROM account_grant g WHERE g.node <> 0 AND NOT EXISTS "
     "(SELECT 1 FROM node n WHERE n.id = g.node)",
     "grant(s) belong to a resource that is gone",
     "UPDATE account_grant SET node = 0 WHERE node NOT IN (SELECT id FROM node)"},
    {"SELECT m.next_account <= max((SELECT coalesce(max(min(id, 1 << 53)), 0) FROM account), "
     "(SELECT coalesce(max(min(id, 1 << 53)), 0) FROM account_group), "
     "(SELECT coalesce(max(min(max(owner, author), 1 << 53)), 0) FROM node), "
     "(SELECT coalesce(max(min(max(owner, author), 1 << 53)), 0) FROM version)) FROM meta m",
     "account id counter is behind",
     "UPDATE meta SET next_account = max((SELECT coalesce(max(min(id, 1 << 53)), 0) FROM account), "
     "(SELECT coalesce(max(min(id, 1 << 53)), 0) FROM account_group), "
     "(SELECT coalesce(max(min(max(owner, author), 1 << 53)), 0) FROM node), "
     "(SELECT coalesce(max(min(max(owner, author), 1 << 53)), 0) FROM version)) + 1"},
    {"SELECT count(*) FROM (SELECT since, lag(id) OVER (PARTITION BY parent, key ORDER BY id) "
     "AS before FROM place) WHERE since < before",
     "resource(s) were where another one was", HOLDFAST_FORGET_PLACES},
    {"SELECT count(*) FROM place p CROSS JOIN node n ON n.parent = p.parent AND n.key = p.key "
     "WHERE p.id > max(n.id, n.since)",
     "resource(s) are where another one still was", HOLDFAST_FORGET_PLACES},
    {"SELECT count(*) FROM (SELECT node, content, lag(node) OVER (ORDER BY second) AS node_before, "
     "lag(content) OVER (ORDER BY second) AS content_before FROM instant) "
     "WHERE node < node_before OR content < content_before",
     "instant(s) are before an earlier one", "DELETE FROM instant"},
    {"SELECT count(*) FROM collection_tag t WHERE NOT EXISTS "
     "(SELECT 1 FROM node n WHERE n.id = t.node AND n.content IS NULL)",
     "change(s) are written down for no collection",
     "DELETE FROM collection_tag WHERE NOT EXISTS "
     "(SELECT 1 FROM node n WHERE n.id = collection_tag.node AND n.content IS NULL)"},
    {"SELECT count(*) FROM collection_tag t JOIN node n ON n.id = t.node "
     "LEFT JOIN collection_tag a ON a.node = n.parent "
     "WHERE n.parent > 0 AND t.change > coalesce(a.change, 0)",
     "collection(s) have changed later than the one that they are in",
     "INSERT INTO collection_tag (node, change) SELECT n.parent, max(t.change) "
     "FROM collection_tag t JOIN node n ON n.id = t.node WHERE n.parent > 0 GROUP BY n.parent "
     "ON CONFLICT DO UPDATE SET change = max(change, excluded.change)",
     false, true},
    {"SELECT m.next_node <= max((SELECT max(max(id, since)) FROM node), "
     "(SELECT max(line) FROM node), "
     "(SELECT coalesce(max(id), 0) FROM trash), (SELECT coalesce(max(id), 0) FROM version), "
     "(SELECT coalesce(max(id), 0) FROM place), "
     "(SELECT coalesce(max(node), 0) - 1 FROM instant), "
     "(SELECT coalesce(max(node), 0) - 1 FROM snapshot), m.whole_since - 1, "
     "(SELECT coalesce(max(id), 0) FROM change), m.changes_since - 1, "
     "(SELECT coalesce(max(change), 0) FROM collection_tag), "
     "(SELECT coalesce(max(after), 0) - 1 FROM change_gap), "
     "(SELECT coalesce(max(id), 0) FROM property_set)) OR "
     "m.next_content <= (SELECT coalesce(max(id), 0) FROM content) FROM meta m",
     "id counter is behind",
     "UPDATE meta SET next_node = max(next_node, (SELECT max(max(id, since)) FROM node) + 1, "
     "(SELECT max(line) FROM node) + 1, (SELECT coalesce(max(id), 0) FROM trash) + 1, "
     "(SELECT coalesce(max(id), 0) FROM version) + 1, "
     "(SELECT coalesce(max(id), 0) FROM place) + 1, "
     "(SELECT coalesce(max(node), 0) FROM instant), "
     "(SELECT coalesce(max(node), 0) FROM snapshot), whole_since, "
     "(SELECT coalesce(max(id), 0) FROM change) + 1, changes_since, "
     "(SELECT coalesce(max(change), 0) FROM collection_tag) + 1, "
     "(SELECT coalesce(max(after), 0) FROM change_gap), "
     "(SELECT coalesce(max(id), 0) FROM property_set) + 1), "
     "next_content = max(next_content, (SELECT coalesce(max(id), 0) FROM content) + 1)"},
};

void check_keys(Connection& connection, NamespaceCheck& result) {
  Statement all(connection, "SELECT key, name FROM node WHERE parent >= 0");
  Run run(all);
  std::int64_t wrong = 0;
  while (run.row()) {
    const NameKey key(run.null(1) ? run.text(0) : run.text(1));
    if (key.view() != run.text(0)) ++wrong;
  }
  if (wrong > 0) {
    result.problems.push_back(std::to_string(wrong) +
                              " resource(s) are kept under a key that is not their name's.");
  }
}

}  // namespace

NamespaceCheck inspect(Connection& connection, bool repair) {
  NamespaceCheck result;
  Statement integrity(connection, "PRAGMA integrity_check(100)");
  {
    Run run(integrity);
    while (run.row()) {
      if (run.text(0) == "ok") continue;
      result.problems.push_back("SQLite: " + std::string(run.text(0)) + ".");
    }
  }
  // Repairs in a damaged file could spread the damage.
  if (!result.problems.empty()) repair = false;

  bool is_tree = true;
  for (const Rule& rule : kRules) {
    std::int64_t broken = connection.integer(rule.count);
    if (broken == 0) continue;
    result.problems.push_back(std::to_string(broken) + " " + rule.problem + ".");
    is_tree = is_tree && !rule.tree;
    // In a circle the way up would have no end.
    if (!repair || !rule.repair || (rule.repeat && !is_tree)) continue;
    connection.execute(rule.repair);
    for (std::size_t level = 0; rule.repeat && level < kMostLevels; ++level) {
      if (connection.integer(rule.count) == 0) break;
      connection.execute(rule.repair);
    }
    if (connection.integer(rule.count) == 0) result.repaired += static_cast<std::uint64_t>(broken);
  }
  check_keys(connection, result);
  Statement incomplete(connection,
                       "SELECT n.content FROM node n WHERE n.content IS NOT NULL AND NOT EXISTS "
                       "(SELECT 1 FROM content c WHERE c.id = n.content) UNION "
                       "SELECT v.content FROM version v WHERE NOT EXISTS "
                       "(SELECT 1 FROM content c WHERE c.id = v.content) UNION "
                       "SELECT c.id FROM content c WHERE c.blob IS NULL AND NOT EXISTS "
                       "(SELECT 1 FROM inline_content i WHERE i.id = c.id "
                       "AND length(i.bytes) = c.size) LIMIT 1000");
  for (Run run(incomplete); run.row();) result.incomplete.push_back(run.integer(0));
  result.resources = static_cast<std::uint64_t>(connection.integer("SELECT count(*) FROM node"));
  result.contents = static_cast<std::uint64_t>(connection.integer("SELECT count(*) FROM content"));
  return result;
}

}  // namespace holdfast::storage::sqlite
