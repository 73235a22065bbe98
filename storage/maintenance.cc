#include "storage/maintenance.h"

#include <exception>
#include <vector>

#include "storage/sweep.h"

namespace holdfast::storage {

namespace {

constexpr std::size_t kGarbageAtOnce = 500;
// Each slice has about 8 MiB.
constexpr int kSlicesAtOnce = 8;

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
  attempt("collecting garbage", &Maintenance::collect_garbage);
  attempt("writing back", &Maintenance::write_back);
  attempt("purging locks", &Maintenance::purge_locks);
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
