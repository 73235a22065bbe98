#include "storage/maintenance.h"

#include <exception>
#include <vector>

namespace holdfast::storage {

namespace {

constexpr std::size_t kGarbageAtOnce = 500;

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
  return holds_ > 0;
}

// A round that is under way goes on with what was garbage before the hold, and no later snapshot
// names that.
std::shared_ptr<void> Maintenance::hold_garbage() {
  std::shared_ptr<void> log = names_.hold_log();
  const std::lock_guard lock(mutex_);
  std::shared_ptr<void> hold(this, [log = std::move(log)](void* self) {
    auto* maintenance = static_cast<Maintenance*>(self);
    const std::lock_guard release(maintenance->mutex_);
    --maintenance->holds_;
  });
  ++holds_;
  return hold;
}

void Maintenance::run() {
  for (;;) {
    round();
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, options_.interval, [this] { return stopping_; })) return;
  }
}

void Maintenance::round() {
  attempt("collecting garbage", &Maintenance::collect_garbage);
  attempt("writing back", &Maintenance::write_back);
  attempt("purging locks", &Maintenance::purge_locks);
  attempt("watching the log", &Maintenance::watch_log);
  if (!swept_) attempt("sweeping", &Maintenance::sweep_orphans);
}

void Maintenance::attempt(const char* doing, void (Maintenance::*task)()) {
  try {
    (this->*task)();
    told_.erase(doing);
  } catch (const Stopped&) {
    // The next start begins anew.
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
    // In full durability the commit that made them garbage is on disk before it can be seen. In
    // relaxed it may be lost with the power, and the rows that come back then need their files.
    if (options_.durability == Durability::relaxed) names_.checkpoint();
    // One that cannot be removed must not keep the others.
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

// In relaxed durability after every round that wrote; otherwise once the writers have paused, which
// carries deferred lock changes to the disk and empties the log.
void Maintenance::write_back() {
  const std::uint64_t batches = names_.stats().batches;
  const bool paused = batches == batches_seen_;
  batches_seen_ = batches;
  if (batches == batches_written_) return;
  if (!paused && options_.durability == Durability::full) return;
  names_.checkpoint();
  // Its own bookkeeping counts as a batch and must not ask for another checkpoint.
  batches_seen_ = batches_written_ = names_.stats().batches;
}

void Maintenance::purge_locks() { names_.purge_expired_locks(options_.lock_grace_s); }

void Maintenance::watch_log() {
  if (names_.stats().wal_bytes <= options_.log_alarm_bytes) return;
  throw Error(Fault::busy, "the write-ahead log is larger than " +
                               std::to_string(options_.log_alarm_bytes >> 20) +
                               " MiB: something keeps it from being moved into the database");
}

// Files that a crash left between their rename and the commit that would have named them.
void Maintenance::sweep_orphans() {
  content_.for_each([this](const std::string& blob, std::uint64_t) {
    if (stopping()) throw Stopped();
    if (!names_.names_blob(blob)) content_.remove(blob);
  });
  swept_ = true;
}

}  // namespace holdfast::storage
