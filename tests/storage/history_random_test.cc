// Random histories with trash and versions, applied to the back end in memory, which is the obvious
// slow definition, and to SQLite. After every step the tree, the trash, the versions and all counts
// must agree, and the store must be sound. A failure names its seed and prints the acts.
// HOLDFAST_HISTORY_SEED=n runs that seed alone.
#include <cstdlib>
#include <random>
#include <set>
#include <sstream>

#include "tests/storage/conformance.h"

namespace holdfast::test {
namespace {

using storage::AccountId;
using storage::TrashEntry;
using storage::Version;

constexpr int kSteps = 120;
constexpr unsigned kSeeds = 24;
constexpr Millis kForgotten = 11 * 60 * 1000;  // after this time no departure counts

// Two stores that get the same acts.
class HistoryRandom : public testing::TestWithParam<storage::Durability> {
 protected:
  void run(unsigned seed);

 private:
  unsigned of(unsigned below) { return static_cast<unsigned>(random_()) % below; }
  Path place() {
    Path path;
    for (unsigned depth = 1 + of(3); depth > 0; --depth)
      path = path.child(std::string(1, static_cast<char>('a' + of(3))));
    return path;
  }

  // One act on each of two stores.
  using Act = std::function<void(Transaction&, const Content&)>;
  Act draw();
  void apply(const Act& act, Backend& backend, const std::string& bytes, bool undone);
  static std::string state(Backend& backend);
  static void list(std::ostream& out, Backend& backend, const Snapshot& now, const Resource& root);

  std::mt19937 random_;
  std::vector<AccountId> accounts_;
  std::string history_;
};

HistoryRandom::Act HistoryRandom::draw() {
  const Path at = place();
  const Path to = place();
  const AccountId account = accounts_[of(3)];
  const unsigned pick = of(100);
  const auto write = [&](const std::string& what, auto fn) -> Act {
    history_ += what + " /" + text_of(at.segments()) + " /" + text_of(to.segments()) + " by " +
                std::to_string(account) + "\n";
    return [=](Transaction& tx, const Content& content) {
      tx.acts_for(account);
      const Resolution source = tx.resolve(at);
      const Resolution target = tx.resolve(to);
      const bool room = target.parent && target.parent->is_collection();
      fn(tx, content, source, target, room);
    };
  };
  switch (of(12)) {
    case 0:
    case 1:
      return write("mkcol", [account](Transaction& tx, const Content&, const Resolution&,
                                      const Resolution& target, bool room) {
        if (room && !target.mapped())
          tx.make_collection(*target.parent, target.path.name(), account);
      });
    case 2:
    case 3:
    case 4:
      return write("put", [account](Transaction& tx, const Content& content, const Resolution&,
                                    const Resolution& target, bool room) {
        if (!room || (target.mapped() && target.resource->is_collection())) return;
        const Resource file =
            tx.put(*target.parent, target.path.name(), content, std::nullopt, account);
        if (file.owner != account && content.size % 2 == 0) tx.set_owner(file.id, account);
      });
    case 5:
    case 6:
    case 7:
      return write(pick % 2 == 0 ? "move" : "copy",
                   [account, pick](Transaction& tx, const Content&, const Resolution& source,
                                   const Resolution& target, bool room) {
                     if (!room || !source.mapped() || target.at_or_below(*source.resource)) return;
                     if (target.resource && source.at_or_below(*target.resource)) return;
                     if (pick % 2 == 0 || tx.count(*source.resource, 30) > 30) {
                       tx.move_tree(*source.resource, *target.parent, target.path.name());
                     } else {
                       tx.copy_tree(*source.resource, pick % 3 > 0, *target.parent,
                                    target.path.name(), account);
                     }
                   });
    case 8:
    case 9:
      return write("remove", [pick](Transaction& tx, const Content&, const Resolution& source,
                                    const Resolution&, bool) {
        if (pick % 10 == 0) tx.keep_nothing();
        if (source.mapped()) tx.remove_tree(*source.resource);
      });
    case 10:
      return write("trash " + std::to_string(pick),
                   [pick](Transaction& tx, const Content&, const Resolution&,
                          const Resolution& target, bool room) {
                     std::vector<TrashEntry> all;
                     tx.trash(0, [&](const TrashEntry& entry) {
                       all.push_back(entry);
                       return true;
                     });
                     if (all.empty()) return;
                     const TrashEntry& entry = all[pick % all.size()];
                     if (pick % 3 == 0) {
                       tx.purge_trash(entry.id);
                     } else if (pick % 3 == 1) {
                       tx.measure_trash(entry.id, tx.size_of_trash(entry));
                     } else if (room && !target.mapped()) {
                       tx.restore_trash(entry.id, *target.parent, target.path.name());
                     }
                   });
    default:
      return write("version " + std::to_string(pick),
                   [pick](Transaction& tx, const Content&, const Resolution& source,
                          const Resolution&, bool) {
                     if (!source.mapped()) return;
                     const std::vector<Version> all = tx.versions(*source.resource);
                     if (all.empty()) return;
                     const Version& version = all[pick % all.size()];
                     if (pick % 2 == 0) {
                       tx.restore_version(*source.resource, version.id, tx.wall_now());
                     } else {
                       tx.purge_version(version.id);
                     }
                   });
  }
}

void HistoryRandom::apply(const Act& act, Backend& backend, const std::string& bytes, bool undone) {
  struct Undo {};
  const auto upload = backend.contents().begin({});
  upload->append(bytes);
  const Content& content = upload->seal();
  try {
    backend.names().write(Flush::required, [&](Transaction& tx) {
      act(tx, content);
      if (undone) throw Undo();
    });
    upload->keep();
  } catch (const Undo&) {
  }
}

void HistoryRandom::list(std::ostream& out, Backend& backend, const Snapshot& now,
                         const Resource& root) {
  Resolution from;
  from.resource = root;
  from.lineage = {root.id};
  const auto text = [&](const Resource& file) {
    const Content content = now.content(file);
    if (content.is_inline()) return content.bytes;
    return std::to_string(content.size) + read_all(*backend.contents().open(content)).substr(0, 8);
  };
  std::set<std::string> lines;
  now.members(from, Depth::infinity, {}, [&](const Member& member) {
    const Resource& each = member.resource;
    std::ostringstream line;
    line << "  " << text_of(member.segments) << " " << each.name << " of " << each.owner << " "
         << each.created << " " << each.modified.at << "/" << static_cast<int>(each.modified.mark);
    if (!each.is_collection()) {
      line << " '" << text(each) << "' " << each.stored;
      for (const Version& version : now.versions(each))
        line << " [" << text(version.file) << " of " << version.file.owner << " by "
             << version.author << " " << version.file.stored << "-" << version.replaced << "]";
    }
    lines.insert(line.str() + "\n");
  });
  for (const std::string& line : lines) out << line;
}

std::string HistoryRandom::state(Backend& backend) {
  const auto now = backend.names().snapshot();
  std::ostringstream out;
  list(out, backend, *now, *now->resolve({}).resource);
  now->trash(0, [&](const TrashEntry& entry) {
    out << "trash /" << text_of(entry.path.segments()) << " in "
        << (entry.collection ? text_of(entry.collection->segments()) : "-") << " " << entry.removed
        << " by " << entry.remover;
    if (entry.size) out << " " << entry.size->resources << "," << entry.size->bytes;
    const TrashEntry::Size size = now->size_of_trash(entry);
    out << " has " << size.resources << "," << size.bytes << "\n";
    list(out, backend, *now, entry.root);
    return true;
  });
  std::size_t versions = 0;
  now->all_versions(0, [&](const Version&) {
    ++versions;
    return true;
  });
  out << versions << " versions, " << now->usage().resources << "," << now->usage().bytes << "\n";
  for (AccountId account = 1; account <= 2; ++account) {
    const storage::Usage usage = now->usage_of(account);
    const storage::Kept kept = now->kept_of(account);
    out << account << " owns " << usage.resources << "," << usage.bytes << "," << kept.trash_bytes
        << "," << kept.version_bytes << "\n";
  }
  return out.str();
}

void HistoryRandom::run(unsigned seed) {
  random_.seed(seed);
  history_.clear();
  MemoryBackend memory;
  SqliteBackend sqlite(GetParam());
  const std::vector<Backend*> both{&memory, &sqlite};
  for (Backend* backend : both)
    backend->names().write(Flush::required, [&](Transaction& tx) {
      accounts_ = {storage::kNobody};
      for (const char* name : {"ann", "bob"}) {
        storage::Account account;
        account.name = name;
        accounts_.push_back(tx.put_account(account));
      }
    });
  storage::Keeping keeping{true, true};
  const auto advance = [&](Millis by) {
    for (Backend* backend : both) backend->clock.advance(by);
    history_ += "clock +" + std::to_string(by) + "\n";
  };
  for (int step = 0; step < kSteps; ++step) {
    if (of(3) == 0) advance(of(2) == 0 ? of(100'000) : of(20) * 60'000);
    if (of(25) == 0) {
      keeping = {of(4) > 0, of(4) > 0};
      history_ += std::string("keep") + (keeping.trash ? " trash" : "") +
                  (keeping.versions ? " versions" : "") + "\n";
    }
    if (of(15) == 0) {
      advance(kForgotten);
      of(2) == 0 ? sqlite.reopen() : sqlite.crash();
      history_ += "reopened\n";
    }
    for (Backend* backend : both) backend->names().keep(keeping);
    const std::string bytes = bytes_of(of(10) == 0 ? kLarge : of(5), of(1000));
    const bool undone = of(12) == 0;
    const Act act = draw();
    if (undone) history_ += "UNDONE\n";
    SCOPED_TRACE("HOLDFAST_HISTORY_SEED=" + std::to_string(seed) + ", acts:\n" + history_);
    for (Backend* backend : both) ASSERT_NO_THROW(apply(act, *backend, bytes, undone));
    const bool looks = of(6) == 0;
    if (looks) {
      ASSERT_THAT(sqlite.names().check(false).problems, testing::IsEmpty());
    }
    while (sqlite.names().purge(2) == 2) {
      if (looks && of(5) == 0) {
        ASSERT_THAT(sqlite.names().check(false).problems, testing::IsEmpty());
      }
    }
    ASSERT_EQ(state(sqlite), state(memory));
    if (looks || step == kSteps - 1) {
      ASSERT_THAT(sqlite.names().check(false).problems, testing::IsEmpty());
    }
  }
}

TEST_P(HistoryRandom, BothAgree) {
  const char* only = std::getenv("HOLDFAST_HISTORY_SEED");
  if (only != nullptr) return run(static_cast<unsigned>(std::strtoul(only, nullptr, 10)));
  for (unsigned seed = 1; seed <= kSeeds && !HasFailure(); ++seed) run(seed);
}

INSTANTIATE_TEST_SUITE_P(All, HistoryRandom,
                         testing::Values(storage::Durability::full, storage::Durability::relaxed),
                         [](const auto& mode) {
                           return mode.param == storage::Durability::full ? "Full" : "Relaxed";
                         });

}  // namespace
}  // namespace holdfast::test
