#include "tests/crash/flush_order.h"

#include <map>
#include <string_view>

namespace holdfast::test {
namespace {

constexpr std::string_view kLog = "meta.db-wal";
constexpr std::string_view kDatabase = "meta.db";
constexpr std::string_view kBarrier = "meta.db.barrier";

bool in_blobs(const std::string& path) { return path.starts_with("blobs/") && path.size() > 9; }
std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

class Checker {
 public:
  Checker(const std::vector<Promise>& promises, bool full) : promises_(promises), full_(full) {}

  std::vector<std::string> check(const Trace& trace) {
    for (std::size_t i = 0; i < trace.size(); ++i) {
      if (trace[i].error != 0) continue;
      call_ = &trace[i];
      number_ = i;
      see(trace[i]);
      if (trace[i].kind != CallKind::unlink) last_[trace[i].thread] = i;
    }
    if (answers_ != promises_.size()) {
      wrong_.push_back(std::to_string(answers_) + " answers in the trace instead of " +
                       std::to_string(promises_.size()));
    }
    return std::move(wrong_);
  }

 private:
  void see(const TracedCall& call) {
    switch (call.kind) {
      case CallKind::create:
        dirty_files_.emplace(call.path, number_);
        break;
      case CallKind::allocate:
      case CallKind::write:
      case CallKind::truncate:
        changed(call);
        break;
      case CallKind::sync:
        flushed(call.path);
        break;
      case CallKind::sync_all:
        dirty_files_.clear();
        dirty_folders_.clear();
        break;
      case CallKind::rename:
        renamed(call);
        break;
      case CallKind::unlink:
        removed(call);
        break;
      case CallKind::link:
      case CallKind::make_folder:
        dirty_folders_.emplace(folder_of(call.kind == CallKind::link ? call.target : call.path),
                               number_);
        break;
      case CallKind::map:
        if (!call.path.ends_with("-shm")) complain("a file is written through memory");
        break;
      case CallKind::answer:
        if (answered(call) != 0) answer();
        break;
      case CallKind::memory:  // never in a trace
        break;
    }
  }

  void changed(const TracedCall& call) {
    const bool begins = call.offset == 0;
    // Zeros are no page, but room for pages to come.
    const bool zeros = !call.data.empty() && call.data.find_first_not_of('\0') == std::string::npos;
    const bool page = call.path == kDatabase && call.kind == CallKind::write && !zeros;
    if (page && dirty(kLog)) complain("4: the log is not on disk");
    if (page && !full_) {
      // A file that came after the last commit is named by none: its upload is still under way while
      // upkeep moves the log.
      for (const auto& [file, since] : dirty_files_)
        if (in_blobs(file) && since < logged_) complain("9: " + file + " is not on disk");
      if (!noted_) complain("9: no barrier says that the log is on disk");
    }
    if (call.path == kLog && begins && dirty(kDatabase)) complain("5: the database is not on disk");
    if (call.path == kLog && call.kind == CallKind::write) {
      committed_ = true;
      noted_ = false;
      logged_ = number_;
    }
    dirty_files_.emplace(call.path, number_);
  }

  void flushed(const std::string& path) {
    if (full_ && path == kLog) {
      for (const auto& [folder, since] : dirty_folders_) {
        if (folder.starts_with("blobs/")) complain("2: " + folder + " is not on disk");
      }
    }
    if (path == kBarrier) noted_ = !dirty(kLog);
    dirty_files_.erase(path);
    dirty_folders_.erase(path);
  }

  void renamed(const TracedCall& call) {
    const bool was_dirty = dirty_files_.erase(call.path) > 0;
    if (full_ && in_blobs(call.target) && was_dirty) complain("1: the file is not on disk");
    if (was_dirty) dirty_files_.emplace(call.target, number_);
    dirty_folders_.emplace(folder_of(call.target), number_);
  }

  // Whoever removes content has made everything durable first. What others have written since its
  // last call before the removal is younger than its reason to remove.
  void removed(const TracedCall& call) {
    dirty_files_.erase(call.path);
    if (!in_blobs(call.path)) return;
    const auto known = last_.find(call.thread);
    const auto older = [&](std::size_t since) {
      return known != last_.end() && since <= known->second;
    };
    const std::string rule = full_ ? "6: " : "7: ";
    for (const auto& [file, since] : dirty_files_) {
      if (!older(since)) continue;
      if (file == kLog) complain(rule + "the log is not on disk");
      if (!full_ && in_blobs(file)) complain(rule + file + " is not on disk");
    }
    if (full_) return;
    for (const auto& [folder, since] : dirty_folders_) {
      if (folder.starts_with("blobs/") && older(since)) complain(rule + folder + " is not on disk");
    }
  }

  void answer() {
    const Promise promise = answers_ < promises_.size() ? promises_[answers_] : Promise::nothing;
    ++answers_;
    if (promise != Promise::nothing && !committed_) {
      complain(full_ ? "3: answered without a commit" : "8: answered without a commit");
    }
    if (promise == Promise::flushed && full_ && dirty(kLog)) complain("3: the log is not on disk");
    committed_ = false;
  }

  bool dirty(std::string_view path) const { return dirty_files_.contains(std::string(path)); }
  void complain(const std::string& what) {
    wrong_.push_back("call " + std::to_string(number_) + ", " + describe(*call_) + ": rule " +
                     what);
  }

  const std::vector<Promise>& promises_;
  bool full_;
  // And the call since which they are dirty.
  std::map<std::string, std::size_t> dirty_files_;
  std::map<std::string, std::size_t> dirty_folders_;
  std::map<int, std::size_t> last_;  // each thread's last call that removed nothing
  bool committed_ = false;           // something went to the log since the last answer
  bool noted_ = false;               // a barrier came after the last write to the log
  std::size_t answers_ = 0;
  const TracedCall* call_ = nullptr;
  std::size_t number_ = 0;
  std::size_t logged_ = 0;  // when something last went to the log
  std::vector<std::string> wrong_;
};

}  // namespace

std::vector<std::string> order_violations(const Trace& trace,
                                          const std::vector<Promise>& promises) {
  return Checker(promises, true).check(trace);
}

std::vector<std::string> relaxed_order_violations(const Trace& trace,
                                                  const std::vector<Promise>& promises) {
  return Checker(promises, false).check(trace);
}

}  // namespace holdfast::test
