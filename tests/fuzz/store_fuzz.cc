// Any bytes as a history of acts on a store: the SQLite store and the plain maps of MemoryStore
// refuse the same acts, and after every transaction, undone ones and reopening included, say the
// same about the whole tree, its locks, properties, dates and counts, while SQLite's own check
// finds nothing.
#include <optional>

#include "tests/fuzz/property.h"
#include "tests/fuzz/sqlite_folder.h"
#include "tests/fuzz/store_text.h"
#include "tests/support/locks.h"

using namespace holdfast;

namespace {

// Takes the history apart; after its end, zeros.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), end_(data + size) {}
  [[nodiscard]] bool any() const { return data_ != end_; }
  unsigned next() { return any() ? *data_++ : 0; }
  unsigned below(unsigned limit) { return next() % limit; }

 private:
  const std::uint8_t* data_;
  const std::uint8_t* end_;
};

storage::Path place(Bytes& bytes) {
  // The third and fourth are one name in two spellings (NFC and NFD).
  static const std::string names[] = {"a", "b",  "\xC3\xA9", "e\xCC\x81",
                                      "A", "a.", "aa",       std::string(255, 'l')};
  std::vector<std::string> segments;
  unsigned choice = bytes.next();
  for (unsigned depth = choice % 4; depth > 0; --depth) {
    choice /= 4;
    segments.push_back(names[choice % 8]);
  }
  return storage::Path(std::move(segments));
}

struct Act {
  unsigned kind = 0;
  storage::Path at;
  storage::Path from;
  unsigned detail = 0;
  unsigned number = 0;  // no two acts of a history have the same
};

std::string token(unsigned number) { return "urn:" + std::to_string(number % 16); }

constexpr unsigned kKinds = 12;

void apply(const Act& act, storage::Transaction& tx) {
  const storage::Resolution at = tx.resolve(act.at);
  const storage::Resolution from = tx.resolve(act.from);
  switch (act.kind) {
    case 0:
    case 1:
      if (at.parent) (void)tx.make_collection(*at.parent, act.at.name(), storage::kNobody);
      break;
    case 2:
    case 3: {
      storage::Content content;
      content.checksums.sha256[0] = static_cast<std::uint8_t>(act.detail);
      content.size = act.detail;
      if (act.detail % 3 == 0) {
        content.blob = "blob-" + std::to_string(act.number);
        content.checksums.md5.emplace();
      } else {
        content.bytes = std::string(act.detail, 'x');
      }
      std::optional<storage::Millis> modified;
      if (act.detail % 2 == 0) modified = act.detail * 1000;
      if (at.parent) (void)tx.put(*at.parent, act.at.name(), content, modified, storage::kNobody);
      break;
    }
    case 4:
      if (at.parent && from.resource)
        (void)tx.copy_tree(*from.resource, act.detail % 4 > 0, *at.parent, act.at.name(),
                           storage::kNobody);
      break;
    case 5:
      if (at.parent && from.resource) (void)tx.move_tree(*from.resource, *at.parent, act.at.name());
      break;
    case 6:
      if (at.resource) tx.remove_tree(*at.resource);
      break;
    case 7: {
      if (!at.resource) break;
      storage::PropertyChange changes[2];
      for (storage::PropertyChange& change : changes)
        change.name = {act.detail % 2 == 0 ? "" : "urn:x", std::string(1 + act.detail % 3, 'p')};
      changes[0].xml = "<p" + std::to_string(act.number) + "/>";
      if (act.detail % 5 == 0) changes[1].xml = "<q/>";
      tx.patch_properties(at.resource->id, std::span(changes).first(1 + act.detail % 2));
      break;
    }
    case 8:
      if (at.resource) tx.set_modified(at.resource->id, act.detail);
      break;
    case 9: {
      if (!at.resource) break;
      storage::Lock lock;
      lock.token = token(act.number);
      if (tx.find_lock(lock.token, 1 << 20)) break;
      lock.root_id = at.resource->id;
      lock.root = at.stored;
      lock.infinite = act.detail % 2 == 0;
      if (act.detail % 3 == 0) lock.scope = storage::LockScope::shared;
      lock.timeout_s = 1 + act.detail % 8;
      (void)tx.add_lock(std::move(lock));
      break;
    }
    case 10:
      if (tx.find_lock(token(act.detail)))
        (void)tx.refresh_lock(test::lock_with(tx, token(act.detail)), 5);
      break;
    default:
      (void)tx.remove_lock(test::lock_with(tx, token(act.detail)));
  }
}

struct Undo {};
enum class Outcome { done, undone, conflict };

Outcome write(storage::Namespace& names, const std::vector<Act>& acts, bool undo, bool flush) {
  try {
    names.write(flush ? storage::Flush::required : storage::Flush::deferrable,
                [&](storage::Transaction& tx) {
                  for (const Act& act : acts) apply(act, tx);
                  if (undo) throw Undo();
                });
    return Outcome::done;
  } catch (const Undo&) {
    return Outcome::undone;
  } catch (const storage::Error& error) {
    fuzz::require(error.fault() == storage::Fault::conflict, "the only refusal is conflict");
    return Outcome::conflict;
  }
}

// Questions about single paths.
std::string answers(const storage::Snapshot& snapshot, const storage::Path& path, unsigned limit) {
  const storage::Resolution found = snapshot.resolve(path);
  std::string out = fuzz::joined(found.stored.segments()) + " " +
                    std::to_string(found.lineage.size()) + (found.mapped() ? " mapped" : "") +
                    (found.parent ? " in " + found.parent->name : "") +
                    fuzz::lock_texts(found.locks) + " above" + fuzz::lock_texts(found.parent_locks);
  if (!found.resource) return out;
  return out + " " + std::to_string(snapshot.count(*found.resource, limit)) +
         (snapshot.fits_below(*found.resource, limit % 4, limit) ? " fits" : " too large") +
         fuzz::lock_texts(test::locks_within(snapshot, *found.resource));
}

std::vector<std::string> sorted_garbage(const storage::Namespace& names) {
  std::vector<std::string> garbage = names.garbage(1000);
  std::sort(garbage.begin(), garbage.end());
  return garbage;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fuzz::SqliteFolder folder([](storage::Namespace&) {});
  if (size > 512) return 0;
  folder.replace(folder.original());
  folder.clock.set(test::ManualClock::kStart);
  test::MemoryNamespace model(folder.clock);
  std::unique_ptr<storage::Namespace> store = folder.open();
  // The roots were made at different times.
  for (storage::Namespace* names : {static_cast<storage::Namespace*>(&model), store.get()})
    names->write(storage::Flush::required,
                 [](storage::Transaction& tx) { tx.set_modified(tx.resolve({}).resource->id, 0); });

  Bytes bytes(data, size);
  unsigned number = 0;
  while (bytes.any()) {
    const unsigned turn = bytes.next();
    std::vector<Act> acts(1 + turn % 3);
    for (Act& act : acts) {
      act = {.kind = bytes.below(kKinds),
             .at = place(bytes),
             .from = {},
             .detail = 0,
             .number = ++number};
      if (act.kind == 4 || act.kind == 5) act.from = place(bytes);
      act.detail = bytes.next();
    }
    const bool undo = turn / 3 % 8 == 1;
    const bool flush = turn / 3 % 8 != 2;
    const Outcome outcome = write(model, acts, undo, flush);
    fuzz::require(write(*store, acts, undo, flush) == outcome, "the same refusals");
    switch (turn / 24) {
      case 1:
        folder.clock.advance(1500);
        break;
      case 2:
        store.reset();
        store = folder.open();
        break;
      case 3:
        store->checkpoint();
        break;
      case 4:
        store->purge_expired_locks(2);
        model.purge_expired_locks(2);
        break;
      case 5: {
        const std::vector<std::string> some = sorted_garbage(*store);
        store->forget_garbage(some);
        model.forget_garbage(some);
        break;
      }
      default:
        break;
    }
    const auto here = store->snapshot();
    const auto there = model.snapshot();
    fuzz::require(fuzz::text_of(*here) == fuzz::text_of(*there), "the same tree");
    const storage::Path asked = place(bytes);
    const unsigned limit = bytes.next();
    fuzz::require(answers(*here, asked, limit) == answers(*there, asked, limit),
                  "the same answers");
    fuzz::require(sorted_garbage(*store) == sorted_garbage(model), "the same garbage");
  }
  fuzz::require(store->check(false).problems.empty(), "a sound database");
  return 0;
}
