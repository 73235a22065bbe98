#include "tests/crash/flush_order.h"

#include <map>
#include <set>
#include <string_view>

namespace holdfast::test {
namespace {

constexpr std::string_view kLog = "meta.db-wal";
constexpr std::string_view kDatabase = "meta.db";

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
        dirty_files_.insert(call.path);
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
        removed(call.path);
        break;
      case CallKind::link:
      case CallKind::make_folder:
        dirty_folders_.insert(folder_of(call.kind == CallKind::link ? call.target : call.path));
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
    if (call.path == kDatabase && dirty(kLog)) complain("4: the log is not on disk");
    if (call.path == kLog && begins && dirty(kDatabase)) complain("5: the database is not on disk");
    if (call.path == kLog && call.kind == CallKind::write) committed_ = true;
    dirty_files_.insert(call.path);
  }

  void flushed(const std::string& path) {
    if (full_ && path == kLog) {
      for (const std::string& folder : dirty_folders_) {
        if (folder.starts_with("blobs/")) complain("2: " + folder + " is not on disk");
      }
    }
    dirty_files_.erase(path);
    dirty_folders_.erase(path);
  }

  void renamed(const TracedCall& call) {
    const bool was_dirty = dirty_files_.erase(call.path) > 0;
    if (full_ && in_blobs(call.target) && was_dirty) complain("1: the file is not on disk");
    if (was_dirty) dirty_files_.insert(call.target);
    dirty_folders_.insert(folder_of(call.target));
  }

  void removed(const std::string& path) {
    dirty_files_.erase(path);
    if (!in_blobs(path)) return;
    if (dirty(kLog)) complain(full_ ? "6: the log is not on disk" : "7: the log is not on disk");
    if (full_) return;
    for (const std::string& file : dirty_files_) {
      if (in_blobs(file)) complain("7: " + file + " is not on disk");
    }
    for (const std::string& folder : dirty_folders_) {
      if (folder.starts_with("blobs/")) complain("7: " + folder + " is not on disk");
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
  std::set<std::string> dirty_files_;
  std::set<std::string> dirty_folders_;
  bool committed_ = false;  // something went to the log since the last answer
  std::size_t answers_ = 0;
  const TracedCall* call_ = nullptr;
  std::size_t number_ = 0;
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
