// Queries about what is kept of the past: the trash, and versions of files.
#include <algorithm>

#include "storage/sqlite/file/path_text.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/read/queries.h"
#include "storage/sqlite/read/tree_walk.h"

namespace holdfast::storage::sqlite {

namespace {

// Rows that are read before any of them is visited, so that a visit may query as well.
constexpr std::size_t kPage = 100;

std::uint64_t positive(std::int64_t amount) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(amount, 0));
}

}  // namespace

Kept Queries::kept_of(AccountId account) {
  Run run(kept_of_, account);
  if (account == kNobody || !run.row()) return {};
  return {positive(run.amount(0)), positive(run.amount(1))};
}

TrashEntry Queries::read_trash(const Run& run) {
  TrashEntry entry;
  read_resource(run, entry.root);
  entry.id = run.integer(12);
  entry.root.parent = run.integer(13);
  entry.path = sqlite::path_of(run.text(14));
  entry.collection = path_of(entry.root.parent);
  entry.removed = run.amount(15);
  entry.remover = run.integer(16);
  if (!run.null(17)) entry.size = {positive(run.amount(17)), positive(run.amount(18))};
  return entry;
}

void Queries::trash(std::int64_t after, const std::function<bool(const TrashEntry&)>& visit) {
  for (;;) {
    std::vector<TrashEntry> page;
    for (Run run(trash_, after, kPage); run.row();) page.push_back(read_trash(run));
    for (const TrashEntry& entry : page)
      if (!visit(entry)) return;
    if (page.size() < kPage) return;
    after = page.back().id;
  }
}

std::optional<TrashEntry> Queries::trash_entry(std::int64_t id) {
  if (id < 1) return std::nullopt;
  Run run(trash_, id - 1, std::size_t{1});
  if (!run.row()) return std::nullopt;
  TrashEntry entry = read_trash(run);
  if (entry.id != id) return std::nullopt;
  return entry;
}

TrashEntry::Size Queries::size_of_trash(const TrashEntry& entry) {
  TrashEntry::Size size;
  const std::optional<NodeRow> root = row(entry.root.id);
  if (!root) return size;
  size = {1, positive(root->bytes())};
  if (!root->resource.is_collection()) return size;
  TreeWalk walk(*this, TreeWalk::Select::brief);
  walk.descend(root->resource.id);
  while (walk.depth() > 0) {
    const Run* member = walk.next();
    if (!member) {
      walk.ascend();
      continue;
    }
    ++size.resources;
    size.bytes +=
        positive(member->amount(TreeWalk::size) + member->amount(TreeWalk::property_bytes));
    if (member->null(TreeWalk::content)) walk.descend(member->integer(TreeWalk::id));
  }
  return size;
}

Version Queries::read_version(const Run& run) const {
  Version version;
  version.id = run.integer(0);
  version.line = run.integer(1);
  Resource& file = version.file;
  file.kind = Kind::file;
  file.content = run.integer(2);
  file.size = positive(run.amount(3));
  file.stored = run.amount(4);
  file.created = run.amount(5);
  file.modified = read_date(run, 6, 7);
  version.author = run.integer(8);
  file.owner = run.integer(9);
  version.replaced = run.amount(10);
  make_etag(file.content, file.etag);
  return version;
}

std::vector<Version> Queries::versions(const Resource& file) {
  std::vector<Version> found;
  const std::optional<NodeRow> at = row(file.id);
  if (!at || at->resource.is_collection()) return found;
  for (Run run(versions_of_, at->line()); run.row();) found.push_back(read_version(run));
  return found;
}

void Queries::all_versions(std::int64_t after, const std::function<bool(const Version&)>& visit) {
  for (;;) {
    std::vector<Version> page;
    for (Run run(versions_after_, after, kPage); run.row();) page.push_back(read_version(run));
    for (const Version& version : page)
      if (!visit(version)) return;
    if (page.size() < kPage) return;
    after = page.back().id;
  }
}

std::vector<Dated> Queries::next_line(std::int64_t& after) {
  std::vector<Dated> versions;
  for (Run run(next_line_, after); run.row();) {
    versions.push_back({run.integer(0), run.amount(1)});
    if (versions.size() == 1) after = run.integer(2);
  }
  return versions;
}

bool Queries::has_versions(std::int64_t line) {
  Run run(any_version_, line);
  return run.row();
}

bool Queries::any_versions() {
  Run run(versions_after_, 0, std::size_t{1});
  return run.row();
}

}  // namespace holdfast::storage::sqlite
