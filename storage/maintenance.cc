#include "storage/maintenance.h"

#include <algorithm>
#include <exception>
#include <vector>

#include "storage/sweep.h"

namespace holdfast::storage {

namespace {

constexpr std::size_t kGarbageAtOnce = 500;
// Each slice has about 8 MiB.
constexpr int kSlicesAtOnce = 8;
// Rows that one write removes, because other writes wait meanwhile: some 5 ms.
constexpr std::size_t kPurgedAtOnce = 500;
// On a full disk the log has little room.
constexpr std::size_t kPurgedWhenFull = 16;
// Trees that one write gives up, and files whose versions one round looks at.
constexpr std::size_t kTreesAtOnce = 100;
constexpr std::size_t kLinesAtOnce = 500;
// Where resources were is kept for this time also when nothing is kept in the trash.
constexpr std::int64_t kShortestPast_s = 3600;
// A round goes on to the other tasks after this time, and the next one continues.
constexpr std::chrono::seconds kPurgesFor{2};

// No space is given back while a reader keeps the log from being emptied: each slice would make the
// log longer.
bool gives_back(const NamespaceStats& now) {
  constexpr std::uint64_t kLongLogBytes = 64 << 20;
  return now.returnable_bytes > 0 && now.wal_bytes <= kLongLogBytes;
}

}  // namespace

Maintenance::Maintenance(Namespace& names, ContentStore& content, Options options)
    : names_(names), content_(content), options_(std::move(options)) {
  batches_seen_ = names_.stats().batches;
  names_.keep(options_.retention.keeping());
  if (options_.start_thread) thread_ = std::thread([this] { run(); });
}

Maintenance::~Maintenance() { stop(); }

void Maintenance::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Maintenance::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

bool Maintenance::garbage_held() const {
  const std::lock_guard lock(mutex_);
  return !holds_.empty();
}

// A round that is under way goes on with files that were garbage before the hold, which no later
// snapshot names.
std::shared_ptr<void> Maintenance::hold_garbage() {
  std::shared_ptr<void> log = names_.hold_log();
  const std::lock_guard lock(mutex_);
  const auto since = holds_.insert(std::chrono::steady_clock::now());
  return {this, [since, log = std::move(log)](void* self) {
            auto* maintenance = static_cast<Maintenance*>(self);
            const std::lock_guard release(maintenance->mutex_);
            maintenance->holds_.erase(since);
          }};
}

Maintenance::Holds Maintenance::holds() const {
  const std::lock_guard lock(mutex_);
  if (holds_.empty()) return {};
  return {holds_.size(), std::chrono::steady_clock::now() - *holds_.begin()};
}

void Maintenance::run() {
  for (;;) {
    round();
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, options_.interval, [this] { return stopping_; })) return;
  }
}

void Maintenance::round() {
  if (options_.look_after_files) attempt("looking after the files", &Maintenance::look_after_files);
  if (displaced_) return;
  attempt("giving up what is in the trash", &Maintenance::give_up_trash);
  attempt("giving up versions", &Maintenance::thin_versions);
  attempt("purging", &Maintenance::purge);
  attempt("measuring the trash", &Maintenance::measure_trash);
  attempt("collecting garbage", &Maintenance::collect_garbage);
  attempt("writing back", &Maintenance::write_back);
  attempt("purging locks", &Maintenance::purge_locks);
  attempt("removing uploads", &Maintenance::expire_uploads);
  attempt("watching the log", &Maintenance::watch_log);
  if (!swept_) attempt("sweeping", &Maintenance::sweep_unnamed);
}

void Maintenance::attempt(const char* doing, void (Maintenance::*task)()) {
  try {
    (this->*task)();
    told_.erase(doing);
  } catch (const Stopped&) {
    // Nothing is lost: the next start begins anew.
  } catch (const std::exception& error) {
    std::string& told = told_[doing];
    if (told == error.what()) return;
    told = error.what();
    if (options_.on_problem) options_.on_problem(std::string(doing) + ": " + told);
  }
}

void Maintenance::collect_garbage() {
  while (!garbage_held()) {
    const std::vector<std::string> blobs = names_.garbage(kGarbageAtOnce);
    if (blobs.empty()) return;
    // In full durability the commit that made the files garbage is on disk before it is visible. In
    // relaxed durability a power cut may undo it, and the rows that come back then need their
    // files.
    if (options_.durability == Durability::relaxed) names_.checkpoint();
    // A file that cannot be removed must not keep the others from being removed.
    std::vector<std::string> removed;
    std::exception_ptr problem;
    for (const std::string& blob : blobs) {
      try {
        content_.remove(blob);
        removed.push_back(blob);
      } catch (const Error&) {
        problem = std::current_exception();
      }
    }
    names_.forget_garbage(removed);
    if (problem) std::rethrow_exception(problem);
    if (blobs.size() < kGarbageAtOnce || stopping()) return;
  }
}

// Runs checkpoints: in relaxed durability after every round that wrote, otherwise once the writers
// have paused. A checkpoint carries deferred lock changes to the disk and empties the log.
void Maintenance::write_back() {
  const NamespaceStats before = names_.stats();
  const bool paused = before.batches == batches_seen_;
  batches_seen_ = before.batches;
  if (before.batches == batches_written_ && !gives_back(before)) return;
  if (!paused && options_.durability == Durability::full) return;
  // Each checkpoint gives back a slice of the free space. When a write comes in between, the rest
  // waits for a later round.
  for (int slice = 0; slice < kSlicesAtOnce && !stopping(); ++slice) {
    names_.checkpoint();
    // The checkpoint's own bookkeeping counts as a batch and must not cause another checkpoint.
    const NamespaceStats after = names_.stats();
    batches_seen_ = batches_written_ = after.batches;
    if (!gives_back(after)) return;
  }
}

// When somebody has removed or replaced the files of the running server, a write must not be
// answered 201: it would be gone with the process.
void Maintenance::look_after_files() {
  std::string displaced = content_.displaced();
  if (displaced.empty()) displaced = names_.displaced();
  if (displaced.empty()) return;
  names_.refuse_writes("somebody has removed or replaced " + displaced + " while it was in use");
  displaced_ = true;
}

void Maintenance::purge_locks() { names_.purge_expired_locks(options_.lock_grace_s); }

void Maintenance::expire_uploads() {
  if (options_.staging != nullptr) options_.staging->expire(options_.upload_keep_s);
}

Retention Maintenance::retention() const {
  const std::lock_guard lock(mutex_);
  return options_.retention;
}

void Maintenance::retain(const Retention& retention) {
  {
    const std::lock_guard lock(mutex_);
    options_.retention = retention;
  }
  names_.keep(retention.keeping());
}

void Maintenance::give_up_trash() {
  const std::int64_t keep_s = retention().trash_s;
  for (;;) {
    std::vector<std::int64_t> ids;
    {
      const auto snapshot = names_.snapshot();
      const Millis now = snapshot->wall_now();
      snapshot->trash(0, [&](const TrashEntry& entry) {
        // What a clock that was set back since dates later than now is passed over.
        if (keep_s > 0 && entry.removed <= now && now - entry.removed < keep_s * 1000) return false;
        if ((keep_s > 0 && entry.removed > now) || held_trash_.contains(entry.id)) return true;
        if (snapshot->holder(entry)) {
          held_trash_.insert(entry.id);
        } else {
          ids.push_back(entry.id);
        }
        return ids.size() < kTreesAtOnce;
      });
    }
    if (ids.empty()) return;
    names_.write(Flush::required, [&](Transaction& tx) {
      for (const std::int64_t id : ids) static_cast<void>(tx.purge_trash(id));
    });
    if (ids.size() < kTreesAtOnce || stopping()) return;
  }
}

void Maintenance::purge_versions(std::span<const std::int64_t> ids) {
  while (!ids.empty()) {
    const auto some = ids.first(std::min(ids.size(), kPurgedAtOnce));
    names_.write(Flush::required, [&](Transaction& tx) {
      for (const std::int64_t id : some) static_cast<void>(tx.purge_version(id));
    });
    ids = ids.subspan(some.size());
  }
}

void Maintenance::thin_versions() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_thinning_) return;
  const Retention keep = retention();
  std::size_t most = keep.most_versions == 0 ? SIZE_MAX : keep.most_versions;
  if (!keep.versions) most = 0;
  std::vector<std::int64_t> ids;
  bool at_end = false;
  {
    const auto snapshot = names_.snapshot();
    for (std::size_t i = 0; i < kLinesAtOnce && !at_end; ++i) {
      const std::vector<Dated> versions = snapshot->next_line(thinned_up_to_);
      const std::vector<std::int64_t> more = surplus(versions, snapshot->wall_now(), most);
      ids.insert(ids.end(), more.begin(), more.end());
      at_end = versions.empty();
    }
  }
  purge_versions(ids);
  if (!at_end) return;
  thinned_up_to_ = 0;
  next_thinning_ = now + options_.thinning_interval;
  limit_versions();
  held_trash_.clear();
  forget_places();
  forget_changes();
}

void Maintenance::forget_changes() {
  for (std::size_t forgotten = kPurgedAtOnce; forgotten == kPurgedAtOnce && !stopping();)
    names_.write(Flush::required, [&](Transaction& tx) {
      forgotten = tx.forget_changes(tx.wall_now() - retention().changes_s * 1000, kPurgedAtOnce);
    });
}

// Where resources were is kept as long as trees are in the trash.
void Maintenance::forget_places() {
  std::optional<Instant> before;
  {
    const auto snapshot = names_.snapshot();
    const std::int64_t keep_s = std::max(retention().trash_s, kShortestPast_s);
    before = snapshot->instant_at(snapshot->wall_now() - keep_s * 1000);
  }
  // Without a write since then there is nothing to forget.
  if (!before || before->node == Instant().node) return;
  for (NodeId from = 0; !stopping();) {
    NodeId next = 0;
    names_.write(Flush::required,
                 [&](Transaction& tx) { next = tx.forget_places(*before, from, kPurgedAtOnce); });
    if (next == 0) return;
    from = next;
  }
}

std::vector<std::int64_t> Maintenance::oldest_versions(AccountId owner, std::uint64_t bytes) const {
  std::vector<std::int64_t> ids;
  std::uint64_t sum = 0;
  const auto snapshot = names_.snapshot();
  const bool any_held = !snapshot->named_snapshots().empty();
  snapshot->all_versions(0, [&](const Version& version) {
    if (version.file.owner != owner || (any_held && snapshot->holder(version))) return true;
    ids.push_back(version.id);
    sum += version.file.size;
    return sum < bytes;
  });
  return ids;
}

void Maintenance::limit_versions() {
  const unsigned percent = retention().versions_percent;
  if (percent == 0) return;
  for (const Account& account : names_.accounts()->accounts) {
    if (!account.quota_bytes) continue;
    const std::uint64_t most = *account.quota_bytes / 100 * percent;
    const std::uint64_t has = names_.snapshot()->kept_of(account.id).version_bytes;
    if (has > most) purge_versions(oldest_versions(account.id, has - most));
  }
}

bool Maintenance::purge_slice() {
  try {
    return names_.purge(kPurgedAtOnce) == kPurgedAtOnce;
  } catch (const Error& error) {
    if (error.fault() != Fault::full) throw;
    return names_.purge(kPurgedWhenFull) == kPurgedWhenFull;
  }
}

void Maintenance::purge() {
  const auto end = std::chrono::steady_clock::now() + kPurgesFor;
  while (purge_slice())
    if (stopping() || std::chrono::steady_clock::now() > end) return;
}

void Maintenance::measure_trash() {
  while (!stopping()) {
    std::optional<TrashEntry> next;
    TrashEntry::Size size;
    {
      const auto snapshot = names_.snapshot();
      snapshot->trash(measured_up_to_, [&](const TrashEntry& entry) {
        if (!entry.size) {
          next = entry;
        } else {
          measured_up_to_ = entry.id;
        }
        return !next;
      });
      if (!next) return;
      size = snapshot->size_of_trash(*next);
    }
    names_.write(Flush::required, [&](Transaction& tx) { tx.measure_trash(next->id, size); });
    measured_up_to_ = next->id;
  }
}

bool Maintenance::make_room(const Shortage& shortage) {
  const std::lock_guard one_at_a_time(making_room_);
  const bool disk = shortage.of == kNobody;
  // While a backup runs, no file is removed.
  if (disk && garbage_held()) return false;
  const auto accounts = names_.accounts();
  std::set<AccountId> owners;
  if (!disk) owners.insert(shortage.of);
  for (const Account& account : accounts->accounts)
    if (std::ranges::find(account.groups, shortage.of) != account.groups.end())
      owners.insert(account.id);

  // The oldest of both kinds, by the time at which they were removed or replaced.
  struct Past {
    Millis since = 0;
    std::int64_t id = 0;
    bool is_tree = false;
    TrashEntry::Size size{};
  };
  std::vector<Past> oldest;
  const Millis now = names_.snapshot()->wall_now();
  {
    const auto snapshot = names_.snapshot();
    const bool any_held = !snapshot->named_snapshots().empty();
    std::uint64_t bytes = 0;
    std::uint64_t resources = 0;
    snapshot->trash(0, [&](const TrashEntry& entry) {
      if (!disk && !owners.contains(entry.root.owner)) return true;
      if (any_held && snapshot->holder(entry)) return true;
      const TrashEntry::Size size = entry.size ? *entry.size : snapshot->size_of_trash(entry);
      oldest.push_back({entry.removed, entry.id, true, size});
      bytes += size.bytes;
      resources += size.resources;
      return bytes < shortage.bytes || resources < shortage.resources;
    });
    bytes = 0;
    snapshot->all_versions(0, [&](const Version& version) {
      if (bytes >= shortage.bytes) return false;
      if (!disk && !owners.contains(version.file.owner)) return true;
      if (any_held && snapshot->holder(version)) return true;
      oldest.push_back({version.replaced, version.id, false, {0, version.file.size}});
      bytes += version.file.size;
      return true;
    });
  }
  std::ranges::stable_sort(oldest, {}, &Past::since);
  std::uint64_t bytes = 0;
  std::uint64_t resources = 0;
  std::size_t count = 0;
  std::size_t early = 0;
  const Millis keep = retention().trash_s * 1000;
  while (count < oldest.size() && (bytes < shortage.bytes || resources < shortage.resources)) {
    const Past& past = oldest[count++];
    bytes += past.size.bytes;
    resources += past.size.resources;
    if (past.is_tree && now - past.since < keep) ++early;
  }
  if (count == 0) return false;
  for (std::size_t at = 0; at < count; at += kTreesAtOnce) {
    names_.write(Flush::required, [&](Transaction& tx) {
      for (std::size_t i = at; i < std::min(count, at + kTreesAtOnce); ++i) {
        if (oldest[i].is_tree) {
          static_cast<void>(tx.purge_trash(oldest[i].id));
        } else {
          static_cast<void>(tx.purge_version(oldest[i].id));
        }
      }
    });
  }
  while (purge_slice()) {
  }
  if (disk) {
    collect_garbage();
    names_.checkpoint();
  }
  if (early > 0 && options_.on_problem) {
    const Account* const account = accounts->find(shortage.of);
    const Group* const group = accounts->find_group(shortage.of);
    const std::string why = account ? "the quota of " + account->name + " was used up"
                            : group ? "the quota of the group " + group->name + " was used up"
                                    : "the disk was full";
    options_.on_problem(
        "the trash: " + why +
        (early == 1 ? ", so a tree was given up before its time"
                    : ", so " + std::to_string(early) + " trees were given up before their time"));
  }
  return true;
}

void Maintenance::watch_log() {
  if (names_.stats().wal_bytes <= options_.log_alarm_bytes) return;
  throw Error(Fault::busy, "the write-ahead log is larger than " +
                               std::to_string(options_.log_alarm_bytes >> 20) +
                               " MiB: something keeps it from being moved into the database");
}

void Maintenance::sweep_unnamed() {
  const Unnamed found = sweep(names_, content_, [this] {
    if (stopping()) throw Stopped();
  });
  swept_ = true;
  if (!found.few() && options_.on_problem) options_.on_problem(set_aside_message(found));
}

}  // namespace holdfast::storage
