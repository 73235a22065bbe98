// The tree as it was, against the obvious slow store that keeps every instant: after each act of a
// random history all paths with their contents are written down, and what the store says of an
// instant must be what was written down then, and so must the read-only view of it, without what is
// hidden there. Undoing a collection to an instant or a snapshot must give what it was and change
// nothing else, and undoing that must bring back what was. A failure names its seed and prints the
// acts. HOLDFAST_PAST_SEED=n runs that seed alone.
#include <cstdlib>
#include <map>
#include <random>

#include "storage/past_view.h"
#include "storage/undo.h"
#include "tests/storage/conformance.h"

namespace holdfast::test {
namespace {

using storage::Instant;
using storage::PastMember;

constexpr int kPastSteps = 90;
constexpr unsigned kPastSeeds = 6;
constexpr Millis kPastMinute = 60'000;

// Paths, and the contents of files; collections have none.
using Tree = std::map<std::string, std::optional<std::string>>;

struct PastPlan {
  const char* name;
  bool minutes;  // at least a minute between two acts: every content is kept
  bool purges;   // what is kept is given up in between, and there are snapshots
  storage::Durability durability;
};

class PastRandom : public testing::TestWithParam<PastPlan> {
 protected:
  void run(unsigned seed);

 private:
  struct Noted {
    Millis second = 0;
    Tree tree;
  };

  unsigned of(unsigned below) { return static_cast<unsigned>(random_()) % below; }
  Path place() {
    Path path;
    for (unsigned depth = 1 + of(3); depth > 0; --depth)
      path = path.child(std::string(1, static_cast<char>("abcC"[of(4)])));
    return path;
  }
  void act(const std::function<void(Transaction&, const Content&)>& fn);
  void step();
  void undo_something();
  void give_something_up();
  void hold_something();
  void tick(Millis by) {
    store_->clock.advance(by);
    history_ += "clock +" + std::to_string(by) + "\n";
  }
  // Writes down the tree as of the end of this second.
  void note();
  void check(const Noted& noted);
  // Compares the read-only view of the instant with `tree`, which is what members_at says.
  void check_view(const Snapshot& now, const Instant& instant, const Tree& tree);
  static std::string text(Backend& backend, const Snapshot& now, const Resource& file);
  static Tree tree_now(Backend& backend, const Snapshot& now, const Path& root);
  struct Seen {
    Tree tree;
    bool later = false;  // some content of then is not kept
  };
  static Seen tree_at(Backend& backend, const Snapshot& now, const Instant& instant,
                      const Path& root);

  std::mt19937 random_;
  std::unique_ptr<SqliteBackend> store_;
  std::vector<Noted> noted_;
  std::map<std::string, std::pair<Path, Tree>> held_;  // by the names of snapshots
  std::string history_;
};

std::string PastRandom::text(Backend& backend, const Snapshot& now, const Resource& file) {
  const Content content = now.content(file);
  const std::string bytes =
      content.is_inline() ? content.bytes : read_all(*backend.contents().open(content));
  return std::to_string(bytes.size()) + " bytes " + bytes.substr(0, 6);
}

Tree PastRandom::tree_now(Backend& backend, const Snapshot& now, const Path& root) {
  Tree tree;
  const Resolution from = now.resolve(root);
  if (!from.mapped()) return tree;
  now.members(from, Depth::infinity, {}, [&](const Member& member) {
    auto& entry = tree["/" + text_of(member.segments)];
    if (!member.resource.is_collection()) entry = text(backend, now, member.resource);
  });
  return tree;
}

PastRandom::Seen PastRandom::tree_at(Backend& backend, const Snapshot& now, const Instant& instant,
                                     const Path& root) {
  Seen seen;
  const std::optional<PastMember> top = now.resolve_at(instant, root);
  if (!top) return seen;
  std::vector<std::pair<PastMember, Path>> left{{*top, Path()}};
  while (!left.empty()) {
    const auto [member, path] = left.back();
    left.pop_back();
    auto& entry = seen.tree["/" + text_of(path.segments())];
    seen.later = seen.later || member.later;
    if (!member.resource.is_collection()) {
      entry = text(backend, now, member.resource);
      continue;
    }
    std::string before;
    now.members_at(instant, member.resource.id, [&, at = path](const PastMember& each) {
      left.emplace_back(each, at.child(each.resource.name));
      EXPECT_EQ(each.resource.parent, member.resource.id);
      // A member is found by its name as well.
      if (root.is_root()) {
        const auto found = now.resolve_at(instant, left.back().second);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->resource.id, each.resource.id);
        EXPECT_EQ(found->resource.content, each.resource.content);
        EXPECT_EQ(found->later, each.later);
      }
    });
  }
  return seen;
}

void PastRandom::note() {
  const Millis second = store_->clock.wall() / 1000;
  if (!noted_.empty() && noted_.back().second == second) noted_.pop_back();
  const auto now = store_->names().snapshot();
  noted_.push_back({second, tree_now(*store_, *now, {})});
}

void PastRandom::check(const Noted& noted) {
  if (noted.second == store_->clock.wall() / 1000) return;  // it may go on
  SCOPED_TRACE("at second " + std::to_string(noted.second));
  const auto now = store_->names().snapshot();
  const std::optional<Instant> instant = now->instant_at(noted.second * 1000 + of(1000));
  if (!instant) {
    EXPECT_TRUE(GetParam().purges) << "it was forgotten";
    return;
  }
  const Seen seen = tree_at(*store_, *now, *instant, {});
  check_view(*now, *instant, seen.tree);
  const bool whole = instant->node >= now->horizon().whole.node;
  for (const auto& [path, content] : seen.tree) {
    const auto then = noted.tree.find(path);
    ASSERT_NE(then, noted.tree.end()) << path;
    EXPECT_EQ(content.has_value(), then->second.has_value()) << path;
  }
  if (!whole) return;
  if ((GetParam().minutes && !GetParam().purges) || !seen.later) {
    ASSERT_EQ(seen.tree, noted.tree);
  } else {
    ASSERT_EQ(seen.tree.size(), noted.tree.size());
  }
}

void PastRandom::check_view(const Snapshot& now, const Instant& instant, const Tree& tree) {
  EXPECT_EQ(tree_now(*store_, *storage::view_past(now, instant, {}), {}), tree);
  const std::string hidden(1, "abcC"[of(4)]);
  const auto view = storage::view_past(
      now, instant, [&](const PastMember& member) { return member.resource.name != hidden; });
  Tree in_view = tree;
  std::erase_if(in_view, [&](const auto& each) {
    return (each.first + "/").find("/" + hidden + "/") != std::string::npos;
  });
  EXPECT_EQ(tree_now(*store_, *view, {}), in_view) << "without " << hidden;
  for (const auto& [path, content] : tree)
    EXPECT_EQ(view->resolve(path_of(path.substr(1))).mapped(), in_view.contains(path)) << path;
}

void PastRandom::act(const std::function<void(Transaction&, const Content&)>& fn) {
  const std::string bytes = bytes_of(of(10) == 0 ? kLarge : 1 + of(5), of(1000));
  const auto upload = store_->contents().begin({});
  upload->append(bytes);
  const Content& content = upload->seal();
  const storage::AccountId account = of(3);
  store_->names().write(Flush::required, [&](Transaction& tx) {
    tx.acts_for(account);
    fn(tx, content);
  });
  upload->keep();
}

void PastRandom::step() {
  const Path at = place();
  const Path to = place();
  const unsigned pick = of(100);
  const unsigned kind = of(13);
  history_ += std::to_string(kind) + "/" + std::to_string(pick) + " /" + text_of(at.segments()) +
              " /" + text_of(to.segments()) + "\n";
  act([&](Transaction& tx, const Content& content) {
    const Resolution source = tx.resolve(at);
    const Resolution target = tx.resolve(to);
    const bool room = target.parent && target.parent->is_collection();
    const std::string name(to.name());
    if (kind < 2) {
      if (room && !target.mapped()) tx.make_collection(*target.parent, name, 0);
    } else if (kind < 5) {
      if (room && (!target.mapped() || !target.resource->is_collection()))
        tx.put(*target.parent, name, content, std::nullopt, 0);
    } else if (kind < 9) {
      if (!room || !source.mapped() || target.at_or_below(*source.resource)) return;
      if (target.resource && source.at_or_below(*target.resource)) return;
      if (kind < 8 || tx.count(*source.resource, 30) > 30) {
        tx.move_tree(*source.resource, *target.parent, name);
      } else {
        tx.copy_tree(*source.resource, true, *target.parent, name, 0);
      }
    } else if (kind < 11) {
      if (source.mapped()) tx.remove_tree(*source.resource);
    } else if (kind == 11) {
      std::vector<std::int64_t> ids;
      tx.trash(0, [&](const storage::TrashEntry& entry) {
        ids.push_back(entry.id);
        return true;
      });
      if (!ids.empty() && room && !target.mapped())
        tx.restore_trash(ids[pick % ids.size()], *target.parent, name);
    } else if (source.mapped()) {
      const std::vector<storage::Version> all = tx.versions(*source.resource);
      if (!all.empty())
        tx.restore_version(*source.resource, all[pick % all.size()].id, tx.wall_now());
    }
  });
}

void PastRandom::undo_something() {
  const Noted& noted = noted_[of(static_cast<unsigned>(noted_.size()))];
  Path path = of(4) == 0 ? Path() : place();
  std::optional<Instant> instant;
  std::string to = "second " + std::to_string(noted.second);
  Seen wanted;
  Tree before;
  {
    const auto now = store_->names().snapshot();
    instant = now->instant_at(noted.second * 1000);
    const auto snapshots = now->named_snapshots();
    if (!snapshots.empty() && of(2) == 0) {
      const auto& snapshot = snapshots[of(static_cast<unsigned>(snapshots.size()))];
      instant = snapshot.instant;
      path = snapshot.path;
      to = snapshot.name;
    }
    if (!instant) return;
    wanted = tree_at(*store_, *now, *instant, path);
    before = tree_now(*store_, *now, {});
  }
  history_ += "undo /" + text_of(path.segments()) + " to " + to + "\n";
  bool parent = true;
  store_->names().write(Flush::required, [&](Transaction& tx) {
    const Resolution at = tx.resolve(path);
    parent = path.is_root() || (at.parent && at.parent->is_collection());
  });
  Instant present;
  const auto fault = fault_of([&] {
    store_->names().write(Flush::required, [&](Transaction& tx) {
      present = tx.present_instant();
      static_cast<void>(storage::undo(tx, path, *instant));
    });
  });
  const auto now = store_->names().snapshot();
  const Tree after = tree_now(*store_, *now, {});
  if (wanted.tree.empty() || !parent) {
    EXPECT_EQ(fault, Fault::conflict);
    EXPECT_EQ(after, before);
    return;
  }
  ASSERT_EQ(fault, std::nullopt);
  EXPECT_EQ(tree_now(*store_, *now, path), wanted.tree);
  const auto below = [&](const std::string& each) {
    const std::string top = "/" + text_of(path.segments());
    return path.is_root() || each == top || each.starts_with(top + "/");
  };
  const auto outside = [&](Tree tree) {
    std::erase_if(tree, [&](const auto& each) { return below(each.first); });
    return tree;
  };
  EXPECT_EQ(outside(after), outside(before));
  // A collection that was not there cannot be brought back to having been there.
  if (!before.contains("/" + text_of(path.segments())) || of(3) == 0) return;
  history_ += "undo that\n";
  storage::Undone undone;
  store_->names().write(Flush::required,
                        [&](Transaction& tx) { undone = storage::undo(tx, path, present); });
  Tree again = tree_now(*store_, *store_->names().snapshot(), {});
  Tree expected = before;
  // What was stored within the same minute is no version.
  if (undone.later > 0)
    for (Tree* tree : {&again, &expected})
      for (auto& [name, content] : *tree)
        if (content) content = "";
  EXPECT_EQ(again, expected);
}

void PastRandom::give_something_up() {
  history_ += "give up\n";
  const unsigned pick = of(100);
  store_->names().write(Flush::required, [&](Transaction& tx) {
    std::vector<std::int64_t> ids;
    if (pick % 3 == 0) {
      tx.all_versions(0, [&](const storage::Version& version) {
        ids.push_back(version.id);
        return true;
      });
      for (const std::int64_t id : ids)
        if ((id + pick) % 3 == 0) tx.purge_version(id);
    } else {
      tx.trash(0, [&](const storage::TrashEntry& entry) {
        ids.push_back(entry.id);
        return true;
      });
      if (!ids.empty()) tx.purge_trash(ids[pick % ids.size() / 2]);
    }
    if (pick % 5 == 0) {
      const auto before = tx.instant_at(noted_[pick % noted_.size() / 2].second * 1000);
      if (before && before->node != Instant().node)
        for (NodeId from = 0; (from = tx.forget_places(*before, from, 3)) != 0;) continue;
    }
  });
  while (store_->names().purge(2) == 2) continue;
}

void PastRandom::hold_something() {
  const std::string name(1, static_cast<char>('x' + of(3)));
  const Path path = of(2) == 0 ? Path() : place();
  history_ += "hold " + name + " /" + text_of(path.segments()) + "\n";
  if (held_.contains(name)) {
    store_->names().write(Flush::required,
                          [&](Transaction& tx) { EXPECT_TRUE(tx.remove_snapshot(name)); });
    held_.erase(name);
    return;
  }
  const auto now = store_->names().snapshot();
  const Resolution at = now->resolve(path);
  if (!at.mapped() || !at.resource->is_collection()) return;
  held_[name] = {at.path, tree_now(*store_, *now, path)};
  store_->names().write(Flush::required, [&](Transaction& tx) {
    tx.add_snapshot({.name = name, .instant = {}, .root = at.resource->id, .path = at.path});
  });
}

void PastRandom::run(unsigned seed) {
  random_.seed(seed);
  history_.clear();
  noted_.clear();
  held_.clear();
  store_ = std::make_unique<SqliteBackend>(GetParam().durability);
  store_->names().keep({true, true});
  store_->names().write(Flush::required, [](Transaction& tx) {
    for (const char* name : {"ann", "bob"}) {
      storage::Account account;
      account.name = name;
      tx.put_account(account);
    }
    tx.make_collection(*tx.resolve({}).resource, "a", 0);
  });
  note();
  for (int number = 0; number < kPastSteps; ++number) {
    SCOPED_TRACE("HOLDFAST_PAST_SEED=" + std::to_string(seed) + ", acts:\n" + history_);
    if (GetParam().minutes) {
      tick(kPastMinute + static_cast<Millis>(of(2000)));
    } else if (of(3) > 0) {
      tick(of(4) == 0 ? of(90'000) : of(1500));
    }
    if (of(20) == 0) {
      history_ += "crash\n";
      store_->crash();
      store_->names().keep({true, true});
    }
    if (GetParam().purges && of(6) == 0) give_something_up();
    if (GetParam().purges && of(5) == 0) hold_something();
    if (of(12) == 0) {
      tick(1000);
      undo_something();
    } else {
      ASSERT_NO_THROW(step());
    }
    note();
    if (HasFatalFailure()) return;
    for (int looks = 0; looks < 3; ++looks) {
      check(noted_[of(static_cast<unsigned>(noted_.size()))]);
      if (HasFailure()) return;
    }
    const auto now = store_->names().snapshot();
    for (const auto& snapshot : now->named_snapshots()) {
      const auto& [path, tree] = held_.at(snapshot.name);
      const Seen seen = tree_at(*store_, *now, snapshot.instant, path);
      EXPECT_FALSE(seen.later) << snapshot.name;
      ASSERT_EQ(seen.tree, tree) << snapshot.name;
    }
    if (of(5) == 0) {
      ASSERT_THAT(store_->names().check(false).problems, testing::IsEmpty());
    }
  }
  for (const Noted& noted : noted_) check(noted);
  ASSERT_THAT(store_->names().check(false).problems, testing::IsEmpty());
}

TEST_P(PastRandom, IsWhatWasWrittenDown) {
  const char* only = std::getenv("HOLDFAST_PAST_SEED");
  if (only != nullptr) return run(static_cast<unsigned>(std::strtoul(only, nullptr, 10)));
  for (unsigned seed = 1; seed <= kPastSeeds && !HasFailure(); ++seed) run(seed);
}

INSTANTIATE_TEST_SUITE_P(
    All, PastRandom,
    testing::Values(PastPlan{"EveryContent", true, false, storage::Durability::full},
                    PastPlan{"Quickly", false, false, storage::Durability::relaxed},
                    PastPlan{"GivenUp", false, true, storage::Durability::full},
                    PastPlan{"GivenUpByMinutes", true, true, storage::Durability::relaxed}),
    [](const auto& plan) { return plan.param.name; });

}  // namespace
}  // namespace holdfast::test
