// Thousands of random histories, applied to a back end and to ModelTree; after every step the whole
// tree, its properties, locks, dates and counts must agree. Deterministic: a failure names its seed
// and prints the history. HOLDFAST_MODEL_SEED=n runs that seed alone, HOLDFAST_MODEL_SEEDS=n that
// many.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>
#include <sstream>

#include "storage/dates.h"
#include "tests/storage/conformance.h"
#include "tests/storage/model_tree.h"
#include "tests/support/locks.h"
#include "text/utf8.h"

namespace holdfast::test {

ModelTree::Key ModelTree::key(const Path& path) {
  Key key;
  for (const std::string& segment : path.segments()) key.push_back(text::nfc(segment));
  return key;
}

std::string ModelTree::stored_path(const Key& key) const {
  std::string text;
  for (std::size_t depth = 1; depth <= key.size(); ++depth) {
    if (depth > 1) text += '/';
    text += entries.at(Key(key.begin(), key.begin() + static_cast<std::ptrdiff_t>(depth))).spelling;
  }
  return text;
}

std::vector<std::string> ModelTree::covering(const Key& key) const {
  std::vector<std::string> found;
  for (const auto& [token, lock] : locks)
    if (live(lock) && (lock.root == key || (lock.infinite && at_or_below(key, lock.root))))
      found.push_back(token);
  return found;
}

void ModelTree::check_place(const Key& to) const {
  if (to.empty() || !mapped(parent(to)) || !entries.at(parent(to)).is_collection) throw Refused();
}

ModelTree::Entry& ModelTree::appear(const Path& at, bool is_collection) {
  Entry& entry = entries[key(at)];
  entry = Entry();
  entry.spelling = at.name();
  entry.is_collection = is_collection;
  entry.identity = ++*last_number;
  entry.created = now;
  came(key(at));
  // What a collection's date says of what is gone is its parent's (storage/dates.h).
  entry.modified = is_collection ? entries.at(parent(key(at))).modified : now;
  return entry;
}

void ModelTree::came(const Key& at) {
  Entry& above = entries.at(parent(at));
  above.modified = storage::date_after_arrival(above.modified, now);
  above.had_members = true;
}

void ModelTree::drop_locks(const Key& top, bool also_at_top) {
  std::erase_if(locks, [&](const auto& entry) {
    return at_or_below(entry.second.root, top) && (also_at_top || entry.second.root != top);
  });
}

void ModelTree::end_late_locks(const Key& changed) {
  for (auto& [token, lock] : locks) {
    if (live(lock)) continue;
    if (lock.root != changed && !(lock.infinite && at_or_below(changed, lock.root))) continue;
    lock.granted = lock.expires();
    lock.timeout_s = 0;
  }
}

void ModelTree::vanish(const Key& top) {
  const Entry& entry = entries.at(top);
  storage::Resource lost;
  lost.kind = entry.is_collection ? storage::Kind::collection : storage::Kind::file;
  lost.modified = entry.modified;
  lost.stored = entry.stored;
  std::erase_if(entries, [&](const auto& each) { return at_or_below(each.first, top); });
  Entry& above = entries.at(parent(top));
  above.modified = storage::date_after_loss(above.modified, now, lost);
}

void ModelTree::put(const Path& at, const std::string& bytes, std::optional<Millis> modified,
                    int owner) {
  check_place(key(at));
  if (!mapped(key(at))) appear(at, false).owner = owner;
  Entry& entry = entries.at(key(at));
  if (entry.is_collection) throw Refused();
  entry.bytes = bytes;
  const bool replaces = entry.content != 0;
  end_late_locks(replaces ? key(at) : parent(key(at)));
  entry.stored = replaces ? std::max(now, std::max(entry.stored, entry.created) + 1) : now;
  entry.content = ++*last_number;
  entry.modified = modified ? *modified : storage::Date(now);
}

void ModelTree::make_collection(const Path& at, int owner) {
  check_place(key(at));
  if (mapped(key(at))) throw Refused();
  end_late_locks(parent(key(at)));
  appear(at, true).owner = owner;
}

void ModelTree::copy(const Path& from, bool recursive, const Path& to, int owner) {
  const Key source = key(from);
  const Key target = key(to);
  check_place(target);
  if (at_or_below(target, source) || at_or_below(source, target)) throw Refused();
  end_late_locks(parent(target));
  if (mapped(target)) {
    end_late_locks(target);
    drop_locks(target, false);
    vanish(target);
  }
  std::map<Key, Entry> copies;
  for (const auto& [key, entry] : entries) {
    if (!at_or_below(key, source) || (key != source && !recursive)) continue;
    Key moved = target;
    moved.insert(moved.end(), key.begin() + static_cast<std::ptrdiff_t>(source.size()), key.end());
    Entry copy = entry;
    if (key == source) {
      copy.spelling = to.name();
      copy.had_members = recursive && entry.had_members;
      if (entry.is_collection)
        copy.modified = storage::date_of_arrived_collection(
            entry.modified, copy.had_members, entries.at(parent(target)).modified, now);
    }
    copy.identity = ++*last_number;
    copy.created = now;
    copy.owner = owner;
    copies[moved] = copy;
  }
  entries.merge(copies);
  came(target);
}

void ModelTree::move(const Path& from, const Path& to) {
  const Key source = key(from);
  const Key target = key(to);
  check_place(target);
  if (source.empty()) throw Refused();
  if (source != target && (at_or_below(target, source) || at_or_below(source, target)))
    throw Refused();
  end_late_locks(parent(source));
  end_late_locks(parent(target));
  if (mapped(target)) end_late_locks(target);
  if (source != target) drop_locks(source, true);
  if (source != target && mapped(target)) {
    drop_locks(target, false);
    vanish(target);
  }
  std::map<Key, Entry> moved;
  for (const auto& [key, entry] : entries) {
    if (!at_or_below(key, source)) continue;
    Key place = target;
    place.insert(place.end(), key.begin() + static_cast<std::ptrdiff_t>(source.size()), key.end());
    moved[place] = entry;
  }
  Entry& top = moved.at(target);
  top.spelling = to.name();
  if (top.is_collection && source != target) {
    top.modified = storage::date_of_arrived_collection(top.modified, top.had_members,
                                                       entries.at(parent(target)).modified, now);
  } else if (top.is_collection) {
    top.modified = storage::collection_date_set(top.modified, top.modified, now);
  }
  if (source != target) {
    vanish(source);
  } else {
    std::erase_if(entries, [&](const auto& entry) { return at_or_below(entry.first, source); });
  }
  entries.merge(moved);
  came(target);
}

void ModelTree::remove(const Path& at) {
  if (at.is_root()) throw Refused();
  end_late_locks(parent(key(at)));
  drop_locks(key(at), true);
  vanish(key(at));
}

void ModelTree::patch(const Path& at, const std::vector<PropertyChange>& changes) {
  if (!changes.empty()) end_late_locks(key(at));
  for (const PropertyChange& change : changes) {
    if (change.xml) {
      entries.at(key(at)).properties[change.name] = *change.xml;
    } else {
      entries.at(key(at)).properties.erase(change.name);
    }
  }
}

void ModelTree::set_modified(const Path& at, storage::Date modified) {
  Entry& entry = entries.at(key(at));
  end_late_locks(key(at));
  entry.modified =
      entry.is_collection ? storage::collection_date_set(modified, entry.modified, now) : modified;
}

void ModelTree::add_lock(const std::string& token, const Path& at, bool infinite, LockScope scope,
                         std::int64_t timeout_s) {
  end_late_locks(key(at));
  locks[token] = {key(at), infinite, scope, now, timeout_s};
}

void ModelTree::refresh(const std::string& token, std::int64_t timeout_s) {
  if (!locks.contains(token) || locks[token].timeout_s == 0) throw Refused();
  locks[token].granted = now;
  locks[token].timeout_s = timeout_s;
}

void ModelTree::remove_lock(const std::string& token) { locks.erase(token); }

void ModelTree::purge(std::int64_t grace_s) {
  std::erase_if(locks,
                [&](const auto& entry) { return now - entry.second.expires() > grace_s * 1000; });
}

namespace {

// One act with all its arguments, so that it can be printed and done twice.
struct Act {
  enum class What {
    put,
    make_collection,
    copy,
    move,
    remove,
    patch,
    set_modified,
    add_lock,
    refresh,
    remove_lock,
  };
  What what = What::put;
  Path at;
  Path to;
  bool flag = false;
  LockScope scope = LockScope::exclusive;
  std::string text;  // content or token
  std::optional<Millis> date;
  std::int64_t seconds = 0;
  int owner = 0;
  std::vector<PropertyChange> changes;
  // Staged for `put`.
  std::shared_ptr<storage::Upload> upload;
  Content content;
};

std::string describe(const Act& act) {
  static constexpr const char* kNames[] = {"put",   "make_collection", "copy", "move",    "remove",
                                           "patch", "modified",        "lock", "refresh", "unlock"};
  std::ostringstream out;
  out << kNames[static_cast<int>(act.what)] << " /" << text_of(act.at.segments());
  if (act.what == Act::What::copy || act.what == Act::What::move)
    out << " to /" << text_of(act.to.segments());
  if (act.what == Act::What::put) {
    out << " " << act.text.size() << " bytes";
  } else {
    out << " " << act.text;
  }
  if (act.owner != 0) out << " by " << act.owner;
  out << (act.flag ? " deep" : "");
  for (const PropertyChange& change : act.changes)
    out << " " << change.name.name << "=" << change.xml.value_or("none");
  return out.str();
}

// What the act needs is mapped; else it is left out on both sides.
bool possible(const Act& act, const ModelTree& model) {
  switch (act.what) {
    case Act::What::put:
    case Act::What::make_collection:
      return !act.at.is_root() && model.mapped(ModelTree::key(act.at.parent()));
    case Act::What::copy:
    case Act::What::move:
      return model.mapped(ModelTree::key(act.at)) && !act.to.is_root() &&
             model.mapped(ModelTree::key(act.to.parent()));
    case Act::What::refresh:
    case Act::What::remove_lock:
      return true;
    default:
      return model.mapped(ModelTree::key(act.at));
  }
}

void apply(const Act& act, ModelTree& model) {
  switch (act.what) {
    case Act::What::put:
      return model.put(act.at, act.text, act.date, act.owner);
    case Act::What::make_collection:
      return model.make_collection(act.at, act.owner);
    case Act::What::copy:
      return model.copy(act.at, act.flag, act.to, act.owner);
    case Act::What::move:
      return model.move(act.at, act.to);
    case Act::What::remove:
      return model.remove(act.at);
    case Act::What::patch:
      return model.patch(act.at, act.changes);
    case Act::What::set_modified:
      return model.set_modified(act.at, *act.date);
    case Act::What::add_lock:
      return model.add_lock(act.text, act.at, act.flag, act.scope, act.seconds);
    case Act::What::refresh:
      return model.refresh(act.text, act.seconds);
    case Act::What::remove_lock:
      return model.remove_lock(act.text);
  }
}

// `owners` by their numbers.
void apply(const Act& act, Transaction& tx, const std::vector<storage::AccountId>& owners) {
  const storage::AccountId owner = owners.at(static_cast<std::size_t>(act.owner));
  const Resolution at = tx.resolve(act.at);
  switch (act.what) {
    case Act::What::put:
      tx.put(*at.parent, act.at.name(), act.content, act.date, owner);
      return;
    case Act::What::make_collection:
      tx.make_collection(*at.parent, act.at.name(), owner);
      return;
    case Act::What::copy:
      tx.copy_tree(*at.resource, act.flag, *tx.resolve(act.to).parent, act.to.name(), owner);
      return;
    case Act::What::move:
      tx.move_tree(*at.resource, *tx.resolve(act.to).parent, act.to.name());
      return;
    case Act::What::remove:
      tx.remove_tree(*at.resource);
      return;
    case Act::What::patch:
      tx.patch_properties(at.resource->id, act.changes);
      return;
    case Act::What::set_modified:
      tx.set_modified(at.resource->id, *act.date);
      return;
    case Act::What::add_lock: {
      Lock lock;
      lock.token = act.text;
      lock.root_id = at.resource->id;
      lock.infinite = act.flag;
      lock.scope = act.scope;
      lock.timeout_s = act.seconds;
      tx.add_lock(lock);
      return;
    }
    case Act::What::refresh:
      tx.refresh_lock(lock_with(tx, act.text), act.seconds);
      return;
    case Act::What::remove_lock:
      tx.remove_lock(lock_with(tx, act.text));
      return;
  }
}

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_(seed) {}
  // 0 … below-1; the same on every platform, unlike std::uniform_int_distribution.
  std::uint32_t of(std::uint32_t below) { return static_cast<std::uint32_t>(engine_()) % below; }
  bool one_in(std::uint32_t n) { return of(n) == 0; }

  Path path(std::uint32_t deepest = 4) {
    static const std::vector<std::string> kNames{
        "a", "b", "c", "a-", "\xC3\x84", "A\xCC\x88", "\xC3\xA9", "e\xCC\x81", "B b"};
    Path path;
    for (std::uint32_t depth = of(deepest + 1); depth > 0; --depth)
      path = path.child(kNames[of(static_cast<std::uint32_t>(kNames.size()))]);
    return path;
  }

 private:
  std::mt19937 engine_;
};

class ModelCheck : public StoreTest {
 protected:
  void run(std::uint32_t seed, int steps);

 private:
  using What = Act::What;
  // A path that is often mapped, so that histories do not consist of nothing.
  Path likely(Chance& chance, const ModelTree& model) {
    if (chance.one_in(6)) return chance.path();
    // The root is drawn too, but not as often as a small tree would make it.
    const auto size = static_cast<std::uint32_t>(model.entries.size());
    auto entry = model.entries.begin();
    std::advance(entry, size == 1 || chance.one_in(10) ? 0 : 1 + chance.of(size - 1));
    return path_of(model.stored_path(entry->first));
  }
  Path place(Chance& chance, const ModelTree& model) {
    if (chance.one_in(3)) return likely(chance, model);
    const Path below = likely(chance, model);
    const Path name = chance.path(1);
    return below.depth() >= 5 || name.is_root() ? name : below.child(name.name());
  }
  std::string token(Chance& chance) {
    const auto newest = static_cast<std::uint32_t>(last_token_);
    return "t:" + std::to_string(newest - chance.of(std::min(newest, 6u) + 1));
  }
  Act draw(Chance& chance, const ModelTree& model);
  void compare(const ModelTree& model, Chance& chance);
  void compare_rows(const ModelTree& model, const Snapshot& now);
  void compare_locks(const ModelTree& model, const Snapshot& now);
  void compare_one(const ModelTree& model, const Snapshot& now, const Path& path, Chance& chance);
  void compare_contents(const ModelTree& model);

  std::vector<storage::AccountId> owners_;  // by number: nobody and two accounts
  int last_token_ = 0;
  std::map<int, NodeId> ids_;            // by identity
  std::map<int, std::string> etags_;     // by content
  std::map<std::string, int> contents_;  // by etag
};

Act ModelCheck::draw(Chance& chance, const ModelTree& model) {
  static const std::vector<What> kMix{What::put,
                                      What::put,
                                      What::put,
                                      What::make_collection,
                                      What::make_collection,
                                      What::copy,
                                      What::copy,
                                      What::move,
                                      What::move,
                                      What::move,
                                      What::remove,
                                      What::patch,
                                      What::patch,
                                      What::set_modified,
                                      What::add_lock,
                                      What::add_lock,
                                      What::refresh,
                                      What::remove_lock};
  Act act;
  act.what = kMix[chance.of(static_cast<std::uint32_t>(kMix.size()))];
  act.at = likely(chance, model);
  act.flag = chance.one_in(2);
  act.owner = static_cast<int>(chance.of(3));
  switch (act.what) {
    case What::put: {
      act.at = place(chance, model);
      const bool large = chance.one_in(12);
      act.text = bytes_of(large ? kLarge + chance.of(3) : chance.of(30), chance.of(1 << 30));
      if (chance.one_in(3)) act.date = static_cast<Millis>(chance.of(1'000'000)) * 1000;
      act.upload = contents().begin({});
      act.upload->append(act.text);
      act.content = act.upload->seal();
      break;
    }
    case What::make_collection:
      act.at = place(chance, model);
      break;
    case What::copy:
      act.flag = !chance.one_in(4);
      [[fallthrough]];
    case What::move:
      act.to = place(chance, model);
      break;
    case What::patch:
      for (std::uint32_t n = chance.of(4); n > 0; --n) {
        PropertyChange change{
            {chance.one_in(2) ? "urn:x" : "", std::string(1, "pqr"[chance.of(3)])}, std::nullopt};
        if (!chance.one_in(3)) change.xml = "<v>" + std::to_string(chance.of(1000)) + "</v>";
        act.changes.push_back(change);
      }
      break;
    case What::set_modified:
      act.date = static_cast<Millis>(chance.of(1'000'000)) * 1000;
      break;
    case What::add_lock:
      act.text = "t:" + std::to_string(++last_token_);
      act.scope = chance.one_in(2) ? LockScope::exclusive : LockScope::shared;
      act.seconds = 1 + chance.of(60);
      break;
    case What::refresh:
    case What::remove_lock:
      act.at = Path();
      act.text = token(chance);
      act.seconds = 1 + chance.of(100);
      break;
    default:
      break;
  }
  return act;
}

void ModelCheck::run(std::uint32_t seed, int steps) {
  start_afresh();
  last_token_ = 0;
  owners_ = {storage::kNobody};
  write([&](Transaction& tx) {
    owners_.resize(1);
    for (const char* name : {"ann", "bob"}) {
      storage::Account account;
      account.name = name;
      owners_.push_back(tx.put_account(account));
    }
  });
  ids_.clear();
  etags_.clear();
  contents_.clear();
  Chance chance(seed);
  ModelTree model(clock().lease());
  std::string history;
  for (int step = 0; step < steps; ++step) {
    if (chance.one_in(4)) {
      const Millis by = chance.one_in(2) ? chance.of(20'000) : chance.of(20) * 1000;
      clock().advance(by);
      model.now += by;
      history += "clock +" + std::to_string(by) + "\n";
    }
    if (chance.one_in(20)) {
      const std::int64_t grace = chance.of(20);
      names().purge_expired_locks(grace);
      model.purge(grace);
      history += "purge " + std::to_string(grace) + "\n";
    }
    if (chance.one_in(25)) {
      const bool crash = chance.one_in(2);
      crash ? backend().crash() : backend().reopen();
      history += crash ? "crash\n" : "reopen\n";
    }
    // One write of one act or a few, which is then perhaps refused.
    ModelTree after = model;
    std::vector<Act> acts;
    bool refused = false;
    for (std::uint32_t n = chance.one_in(3) ? 1 + chance.of(4) : 1; n > 0 && !refused; --n) {
      Act act = draw(chance, after);
      if (!possible(act, after)) continue;
      try {
        apply(act, after);
      } catch (const Refused&) {
        refused = true;
      }
      history += describe(act) + (refused ? " REFUSED\n" : n > 1 ? " and\n" : "\n");
      acts.push_back(std::move(act));
    }
    struct Undo {};
    const bool undone = !refused && chance.one_in(10);
    if (undone) history += "UNDONE\n";
    SCOPED_TRACE("HOLDFAST_MODEL_SEED=" + std::to_string(seed) + ", history:\n" + history);
    const auto all_acts = [&](Transaction& tx) {
      for (const Act& act : acts) apply(act, tx, owners_);
      if (undone) throw Undo();
    };
    try {
      write(all_acts);
      ASSERT_FALSE(refused || undone) << "the store took what does not fit";
      model = after;
      for (const Act& act : acts)
        if (act.upload) act.upload->keep();
    } catch (const Undo&) {
      ASSERT_TRUE(undone);
    } catch (const Error& error) {
      ASSERT_TRUE(refused) << error.what();
      ASSERT_EQ(error.fault(), Fault::conflict) << error.what();
    }
    compare(model, chance);
    if (HasFailure()) return;
  }
  SCOPED_TRACE("HOLDFAST_MODEL_SEED=" + std::to_string(seed) + ", history:\n" + history);
  compare_contents(model);
  EXPECT_THAT(problems(), ::testing::IsEmpty());
}

// What an entry adds to Usage::bytes.
std::uint64_t counted(const ModelTree::Entry& entry) {
  std::uint64_t bytes = entry.bytes.size();
  for (const auto& [name, xml] : entry.properties)
    bytes += name.xmlns.size() + name.name.size() + xml.size();
  return bytes;
}

void ModelCheck::compare(const ModelTree& model, Chance& chance) {
  const auto now = snapshot();
  compare_rows(model, *now);
  compare_locks(model, *now);
  for (int i = 0; i < 3; ++i) compare_one(model, *now, place(chance, model), chance);
  std::uint64_t bytes = 0;
  for (const auto& [key, entry] : model.entries) bytes += counted(entry);
  EXPECT_EQ(now->usage().resources, model.entries.size());
  EXPECT_EQ(now->usage().bytes, bytes);
  for (std::size_t owner = 1; owner < owners_.size(); ++owner) {
    storage::Usage wanted;
    for (const auto& [key, entry] : model.entries) {
      if (entry.owner != static_cast<int>(owner)) continue;
      ++wanted.resources;
      wanted.bytes += counted(entry);
    }
    const storage::Usage usage = now->usage_of(owners_[owner]);
    EXPECT_EQ(usage.resources, wanted.resources) << "of " << owner;
    EXPECT_EQ(usage.bytes, wanted.bytes) << "of " << owner;
  }
  EXPECT_EQ(now->lease_now(), model.now);
}

void ModelCheck::compare_rows(const ModelTree& model, const Snapshot& now) {
  std::map<std::string, const ModelTree::Entry*> wanted;
  std::map<std::string, ModelTree::Key> keys;
  for (const auto& [key, entry] : model.entries) {
    wanted[model.stored_path(key)] = &entry;
    keys[model.stored_path(key)] = key;
  }
  const Wanted everything{.properties = true, .locks = true, .checksums = true};
  for (const Row& row : rows(now, now.resolve({}), Depth::infinity, everything)) {
    const auto found = wanted.find(row.path);
    ASSERT_NE(found, wanted.end()) << "a row too many: " << row.path;
    const ModelTree::Entry& entry = *found->second;
    wanted.erase(found);
    const Resource& resource = row.resource;
    EXPECT_EQ(resource.name, entry.spelling) << row.path;
    EXPECT_EQ(resource.is_collection(), entry.is_collection) << row.path;
    EXPECT_EQ(resource.created, entry.created) << row.path;
    EXPECT_EQ(resource.modified, entry.modified) << row.path;
    EXPECT_EQ(resource.size, entry.bytes.size()) << row.path;
    EXPECT_EQ(resource.owner, owners_.at(static_cast<std::size_t>(entry.owner))) << row.path;
    EXPECT_EQ(ids_.emplace(entry.identity, resource.id).first->second, resource.id) << row.path;
    if (!entry.is_collection) {
      EXPECT_EQ(resource.stored, entry.stored) << row.path;
      EXPECT_EQ(etags_.emplace(entry.content, resource.etag).first->second, resource.etag);
      EXPECT_EQ(contents_.emplace(resource.etag, entry.content).first->second, entry.content)
          << "an ETag used twice: " << row.path;
      EXPECT_TRUE(row.checksums);
    }
    std::vector<Property> properties;
    for (const auto& [name, xml] : entry.properties) properties.push_back({name, xml});
    EXPECT_EQ(row.properties, properties) << row.path;
    std::vector<std::string> covering = tokens(row.locks);
    std::sort(covering.begin(), covering.end());
    EXPECT_EQ(covering, model.covering(keys[row.path])) << row.path;
  }
  for (const auto& [path, entry] : wanted) ADD_FAILURE() << "a row is missing: " << path;
}

void ModelCheck::compare_locks(const ModelTree& model, const Snapshot& now) {
  for (int i = 0; i <= last_token_; ++i) {
    const std::string token = "t:" + std::to_string(i);
    const auto wanted = model.locks.find(token);
    const bool known = wanted != model.locks.end();
    const auto found = now.find_lock(token);
    const auto late = now.find_lock(token, 10);
    ASSERT_EQ(found.has_value(), known && model.live(wanted->second)) << token;
    ASSERT_EQ(late.has_value(), known && model.now - wanted->second.expires() <= 10'000) << token;
    if (!late) continue;
    EXPECT_EQ(late->root, path_of(model.stored_path(wanted->second.root))) << token;
    EXPECT_EQ(late->infinite, wanted->second.infinite) << token;
    EXPECT_EQ(late->scope, wanted->second.scope) << token;
    EXPECT_EQ(late->granted, wanted->second.granted) << token;
    EXPECT_EQ(late->timeout_s, wanted->second.timeout_s) << token;
  }
  std::vector<Path> roots;
  for (const Lock& lock : now.all_locks(1'000'000)) roots.push_back(lock.root);
  EXPECT_TRUE(std::is_sorted(roots.begin(), roots.end()));
  EXPECT_EQ(roots.size(), static_cast<std::size_t>(std::count_if(
                              model.locks.begin(), model.locks.end(),
                              [&](const auto& entry) { return model.live(entry.second); })));
}

void ModelCheck::compare_one(const ModelTree& model, const Snapshot& now, const Path& path,
                             Chance& chance) {
  SCOPED_TRACE("at /" + text_of(path.segments()));
  const ModelTree::Key key = ModelTree::key(path);
  const Resolution found = now.resolve(path);
  ModelTree::Key mapped = key;
  while (!model.mapped(mapped)) mapped.pop_back();
  EXPECT_EQ(found.mapped(), mapped == key);
  EXPECT_EQ(found.lineage.size(), mapped.size() + 1);
  EXPECT_EQ(found.stored, path_of(model.stored_path(mapped)));
  std::vector<std::string> covering = tokens(found.locks);
  std::sort(covering.begin(), covering.end());
  EXPECT_EQ(covering, model.covering(key));
  std::vector<std::string> above = tokens(found.parent_locks);
  std::sort(above.begin(), above.end());
  EXPECT_EQ(above, path.is_root() ? std::vector<std::string>()
                                  : model.covering(ModelTree::key(path.parent())));
  EXPECT_EQ(found.parent.has_value(),
            !path.is_root() && model.mapped(ModelTree::key(path.parent())));
  for (const auto& [token, lock] : model.locks) {
    const bool covers =
        found.mapped() &&
        (lock.root == key || (lock.infinite && ModelTree::at_or_below(key, lock.root)));
    const std::int64_t late = model.now - lock.expires();
    EXPECT_EQ(now.find_lock(found, token).has_value(), covers && late < 0) << token;
    EXPECT_EQ(now.find_lock(found, token, 10).has_value(), covers && late <= 10'000) << token;
  }
  std::vector<std::string> late;
  for (const auto& [token, lock] : model.locks)
    if (found.mapped() && !model.live(lock) && lock.timeout_s > 0 &&
        model.now - lock.expires() <= 10'000 &&
        (lock.root == key || (lock.infinite && ModelTree::at_or_below(key, lock.root))))
      late.push_back(token);
  EXPECT_THAT(tokens(now.late_locks(found, 10)), testing::UnorderedElementsAreArray(late));
  if (!found.mapped()) return;
  std::uint64_t count = 0;
  std::size_t levels = 0;
  std::size_t reach = 0;
  const std::size_t base = path_of(model.stored_path(key)).bytes();
  for (const auto& [below, entry] : model.entries) {
    if (!ModelTree::at_or_below(below, key)) continue;
    ++count;
    levels = std::max(levels, below.size() - key.size());
    reach = std::max(reach, path_of(model.stored_path(below)).bytes() - base);
  }
  const std::uint64_t limit = chance.of(20);
  EXPECT_EQ(now.count(*found.resource, limit), std::min(count, limit + 1));
  EXPECT_TRUE(now.fits_below(*found.resource, levels, reach));
  if (levels > 0) {
    EXPECT_FALSE(now.fits_below(*found.resource, levels - 1, reach));
    EXPECT_FALSE(now.fits_below(*found.resource, levels, reach - 1));
  }
  std::vector<std::string> within = tokens(locks_within(now, *found.resource));
  std::sort(within.begin(), within.end());
  std::vector<std::string> wanted;
  for (const auto& [token, lock] : model.locks)
    if (model.live(lock) && ModelTree::at_or_below(lock.root, key)) wanted.push_back(token);
  EXPECT_EQ(within, wanted);
}

void ModelCheck::compare_contents(const ModelTree& model) {
  const auto now = snapshot();
  std::set<std::string> blobs;
  for (const auto& [key, entry] : model.entries) {
    if (entry.is_collection) continue;
    const Content content = now->content(at(*now, model.stored_path(key)));
    EXPECT_TRUE(text(content) == entry.bytes) << model.stored_path(key);
    if (!content.is_inline()) blobs.insert(content.blob);
  }
  std::set<std::string> named;
  names().for_each_blob([&](std::int64_t, const Content& content) { named.insert(content.blob); });
  EXPECT_EQ(named, blobs);
  for (const std::string& blob : garbage()) blobs.insert(blob);
  std::set<std::string> stored;
  contents().for_each([&](const std::string& blob, std::uint64_t) { stored.insert(blob); });
  EXPECT_EQ(stored, blobs) << "every file is named or garbage, and nothing else is";
}

std::uint32_t number_from_environment(const char* name, std::uint32_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

INSTANTIATE_TEST_SUITE_P(All, ModelCheck, each_backend(), backend_name);

TEST_P(ModelCheck, EveryHistoryAgrees) {
  const std::uint32_t only = number_from_environment("HOLDFAST_MODEL_SEED", 0);
  const std::uint32_t seeds = number_from_environment("HOLDFAST_MODEL_SEEDS", 40);
  for (std::uint32_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
    if (only != 0) seed = only;
    run(seed, 100);
    if (only != 0) return;
  }
}

}  // namespace
}  // namespace holdfast::test
