#include "storage/past_view.h"

#include <string>
#include <utility>
#include <vector>

#include "storage/name_key.h"

namespace holdfast::storage {

namespace {

class PastView final : public Snapshot {
 public:
  PastView(const Snapshot& now, const Instant& instant, InView in_view)
      : now_(&now), instant_(instant), in_view_(std::move(in_view)) {}
  PastView(std::unique_ptr<const Snapshot> now, const Instant& instant, InView in_view)
      : owned_(std::move(now)),
        now_(owned_.get()),
        instant_(instant),
        in_view_(std::move(in_view)) {}

  Resolution resolve(const Path& path) const override {
    Resolution answer;
    answer.path = path;
    Path at;
    std::optional<PastMember> found = now_->resolve_at(instant_, at);
    for (std::size_t level = 0; found; ++level) {
      answer.lineage.push_back(found->resource.id);
      if (level > 0) answer.stored = answer.stored.child(found->resource.name);
      if (level == path.depth()) {
        answer.resource = std::move(found->resource);
        break;
      }
      if (level + 1 == path.depth()) answer.parent = found->resource;
      at = at.child(path.segments()[level]);
      found = now_->resolve_at(instant_, at);
      if (found && in_view_ && !in_view_(*found)) break;
    }
    return answer;
  }

  void members(const Resolution& from, Depth depth, Wanted wanted,
               const std::function<void(const Member&)>& visit) const override {
    if (!wanted.page) show(*from.resource, {}, wanted, visit);
    if (depth == Depth::zero || !from.resource->is_collection()) return;
    std::size_t left = wanted.page ? wanted.page->most : SIZE_MAX;
    walk(*from.resource, depth,
         [&](const Resource& resource, const std::vector<std::string>& segments) {
           if (wanted.shown && !wanted.shown(resource, segments)) return false;
           if (wanted.page && !follows(resource.name, wanted.page->after)) return false;
           if (left == 0) return false;
           --left;
           show(resource, segments, wanted, visit);
           return true;
         });
  }

  std::uint64_t count(const Resource& root, std::uint64_t limit) const override {
    std::uint64_t counted = 1;
    if (!root.is_collection()) return counted;
    walk(root, Depth::infinity, [&](const Resource&, const std::vector<std::string>&) {
      if (counted <= limit) ++counted;
      return counted <= limit;
    });
    return counted;
  }

  bool fits_below(const Resource& root, std::size_t levels, std::size_t bytes) const override {
    bool fits = true;
    if (!root.is_collection()) return fits;
    walk(root, Depth::infinity, [&](const Resource&, const std::vector<std::string>& segments) {
      fits = fits && segments.size() <= levels && Path(segments).bytes() <= bytes;
      return fits;
    });
    return fits;
  }

  void locks_within(const Resource&, Among,
                    const std::function<bool(const Lock&)>&) const override {}
  std::vector<Property> properties(const Resource& resource) const override {
    return now_->properties(resource);
  }
  Content content(const Resource& file) const override { return now_->content(file); }
  Content facts(const Resource& file) const override { return now_->facts(file); }
  std::optional<Lock> find_lock(std::string_view, std::int64_t) const override { return {}; }
  std::optional<Lock> find_lock(const Resolution&, std::string_view, std::int64_t) const override {
    return {};
  }
  std::vector<Lock> late_locks(const Resolution&, std::int64_t) const override { return {}; }
  std::vector<Lock> all_locks(std::size_t) const override { return {}; }
  std::uint64_t locks_of(AccountId creator) const override { return now_->locks_of(creator); }
  Usage usage() const override { return now_->usage(); }
  Usage usage_of(AccountId account) const override { return now_->usage_of(account); }
  Kept kept_of(AccountId account) const override { return now_->kept_of(account); }
  void trash(std::int64_t after,
             const std::function<bool(const TrashEntry&)>& visit) const override {
    now_->trash(after, visit);
  }
  std::optional<TrashEntry> trash_entry(std::int64_t id) const override {
    return now_->trash_entry(id);
  }
  TrashEntry::Size size_of_trash(const TrashEntry& entry) const override {
    return now_->size_of_trash(entry);
  }
  std::vector<Version> versions(const Resource&) const override { return {}; }
  void all_versions(std::int64_t after,
                    const std::function<bool(const Version&)>& visit) const override {
    now_->all_versions(after, visit);
  }
  std::vector<Dated> next_line(std::int64_t& after) const override {
    return now_->next_line(after);
  }
  std::optional<Instant> instant_at(Millis wall) const override { return now_->instant_at(wall); }
  Horizon horizon() const override { return now_->horizon(); }
  Instant present_instant() const override { return now_->present_instant(); }
  void members_at(const Instant& instant, NodeId collection,
                  const std::function<void(const PastMember&)>& visit) const override {
    now_->members_at(instant, collection, visit);
  }
  std::optional<PastMember> resolve_at(const Instant& instant, const Path& path) const override {
    return now_->resolve_at(instant, path);
  }
  Whereabouts whereabouts(NodeId id) const override { return now_->whereabouts(id); }
  std::vector<NamedSnapshot> named_snapshots() const override { return now_->named_snapshots(); }
  std::optional<std::string> holder(const TrashEntry& entry) const override {
    return now_->holder(entry);
  }
  std::optional<std::string> holder(const Version& version) const override {
    return now_->holder(version);
  }
  // What changes is the present.
  std::string epoch() const override { return now_->epoch(); }
  std::int64_t next_change() const override { return now_->next_change(); }
  bool knows_changes_since(std::int64_t number) const override {
    return now_->knows_changes_since(number);
  }
  void changes(std::int64_t from, const std::function<bool(const Change&)>& visit) const override {
    now_->changes(from, visit);
  }
  std::int64_t last_change(const Resource& collection) const override {
    return now_->last_change(collection);
  }
  std::optional<Standing> standing(NodeId id) const override { return now_->standing(id); }
  std::optional<Standing> standing(NodeId collection, std::string_view name) const override {
    return now_->standing(collection, name);
  }
  Millis lease_now() const override { return now_->lease_now(); }
  Millis wall_now() const override { return now_->wall_now(); }

 private:
  // Visits what lies below the collection, each collection before its members. What `visit` returns
  // false for is not entered.
  void walk(
      const Resource& root, Depth depth,
      const std::function<bool(const Resource&, const std::vector<std::string>&)>& visit) const {
    struct Level {
      std::vector<Resource> members;
      std::size_t next = 0;
    };
    const auto open = [&](NodeId collection) {
      Level level;
      now_->members_at(instant_, collection, [&](const PastMember& member) {
        if (!in_view_ || in_view_(member)) level.members.push_back(member.resource);
      });
      return level;
    };
    std::vector<Level> levels;
    levels.push_back(open(root.id));
    std::vector<std::string> segments;
    while (!levels.empty()) {
      Level& level = levels.back();
      if (level.next == level.members.size()) {
        levels.pop_back();
        if (!segments.empty()) segments.pop_back();
        continue;
      }
      const Resource member = std::move(level.members[level.next++]);
      segments.push_back(member.name);
      const bool enters = visit(member, segments);
      if (enters && depth == Depth::infinity && member.is_collection()) {
        levels.push_back(open(member.id));
      } else {
        segments.pop_back();
      }
    }
  }

  [[nodiscard]] static bool follows(const std::string& name, const std::string& after) {
    return after.empty() || NameKey(name).view() > NameKey(after).view();
  }

  void show(const Resource& resource, const std::vector<std::string>& segments,
            const Wanted& wanted, const std::function<void(const Member&)>& visit) const {
    Member member;
    member.resource = resource;
    member.segments = segments;
    if (wanted.properties) member.properties = now_->properties(resource);
    if (wanted.checksums && !resource.is_collection())
      member.checksums = now_->facts(resource).checksums;
    visit(member);
  }

  std::unique_ptr<const Snapshot> owned_;
  const Snapshot* now_;
  Instant instant_;
  InView in_view_;
};

}  // namespace

std::unique_ptr<const Snapshot> view_past(std::unique_ptr<const Snapshot> now,
                                          const Instant& instant, InView in_view) {
  return std::make_unique<PastView>(std::move(now), instant, std::move(in_view));
}

std::unique_ptr<const Snapshot> view_past(const Snapshot& now, const Instant& instant,
                                          InView in_view) {
  return std::make_unique<PastView>(now, instant, std::move(in_view));
}

}  // namespace holdfast::storage
