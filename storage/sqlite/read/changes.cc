// Queries about what has changed since (docs/storage.md, "Changes").
#include "storage/sqlite/read/queries.h"

namespace holdfast::storage::sqlite {

namespace {

// Changes that are read before any of them is visited, so that a visit may query as well.
constexpr std::size_t kChangesAtOnce = 200;

}  // namespace

std::int64_t Queries::next_change() {
  Run run(present_);
  if (!run.row()) throw Error(Fault::corrupt, "the meta row is missing");
  return run.integer(0);
}

bool Queries::knows_changes_since(std::int64_t number, std::int64_t next) {
  if (number > next) return false;
  Run run(changes_known_, number);
  if (!run.row()) throw Error(Fault::corrupt, "the meta row is missing");
  return run.integer(0) != 0;
}

void Queries::changes(std::int64_t from, const std::function<bool(const Change&)>& visit) {
  for (;;) {
    std::vector<Change> page;
    for (Run run(changes_after_, from, kChangesAtOnce); run.row();) {
      Change& change = page.emplace_back();
      change.number = run.integer(0);
      change.node = run.integer(1);
      change.left = run.integer(2);
      if (!run.null(3)) change.name = run.text(3);
      change.collection = run.integer(4) != 0;
    }
    for (const Change& change : page)
      if (!visit(change)) return;
    if (page.size() < kChangesAtOnce) return;
    from = page.back().number + 1;
  }
}

std::int64_t Queries::last_change(const Resource& collection) {
  const std::optional<NodeRow> at = row(collection.id);
  const std::int64_t came = at ? at->since() : collection.id;
  Run run(tag_, collection.id);
  return run.row() ? std::max(run.integer(0), came) : came;
}

std::optional<Standing> Queries::standing(NodeId id) {
  std::optional<NodeRow> at = row(id);
  if (!at) return std::nullopt;
  const std::int64_t since = at->since();
  return Standing{std::move(at->resource), since};
}

std::optional<Standing> Queries::standing(NodeId collection, std::string_view name) {
  const NodeRow& at = look(collection, NameKey(name).view());
  if (!at.mapped()) return std::nullopt;
  return Standing{at.resource, at.since()};
}

}  // namespace holdfast::storage::sqlite
