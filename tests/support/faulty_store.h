// A back end that fails at a chosen step. It wraps any namespace and any content store and counts
// every call that can fail, every operation inside a transaction, every piece appended, and both
// sides of a commit. So a scenario can be tried with a failure at each of its steps:
//
//   for (std::uint64_t n = 0;; ++n) {
//     MemoryStore store;
//     FaultPlan plan;
//     FaultyNamespace names(store.names, plan);
//     FaultyContentStore contents(store.contents, plan);
//     ... prepare through `store` ...
//     plan.fail_at(n, Fault::unavailable);
//     ... act through `names` and `contents`, look through `store` ...
//     if (!plan.struck()) break;  // the scenario has fewer than n steps
//   }
//
// Any thread may call any function.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/content.h"
#include "storage/namespace.h"

namespace holdfast::test {

class FaultPlan {
 public:
  // The step numbered `step`, counted from now and from 0, throws Error{fault}.
  void fail_at(std::uint64_t step, storage::Fault fault);
  [[nodiscard]] storage::Fault fault() const { return fault_; }
  void disarm() { failing_ = kNever; }
  // Returns true when the failure has happened; `where` names the step.
  [[nodiscard]] bool struck() const { return struck_; }
  [[nodiscard]] std::string where() const;
  // Returns the number of steps since fail_at, or since the start.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

  // Counts one step; throws when it is the chosen one.
  void step(const char* name);

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  std::atomic<std::uint64_t> steps_ = 0;
  std::atomic<std::uint64_t> failing_ = kNever;
  std::atomic<storage::Fault> fault_ = storage::Fault::unavailable;
  std::atomic<bool> struck_ = false;
  mutable std::mutex mutex_;
  std::string where_;
};

// A commit has two steps: "commit", where nothing of the write remains, and "answer of commit",
// where all of it remains although the caller gets an error (an unknown outcome, docs/robustness.md
// G4). Busy and full mean that nothing was committed, so they happen only at the first.
class FaultyNamespace final : public storage::Namespace {
 public:
  // Both arguments must outlive the namespace and its snapshots.
  FaultyNamespace(storage::Namespace& inner, FaultPlan& plan) : inner_(inner), plan_(plan) {}

  [[nodiscard]] std::unique_ptr<const storage::Snapshot> snapshot() const override;
  void write(storage::Flush flush, const std::function<void(storage::Transaction&)>& fn) override;
  [[nodiscard]] storage::Millis lease_now() const override { return inner_.lease_now(); }
  [[nodiscard]] std::shared_ptr<const storage::Accounts> accounts() const override {
    return inner_.accounts();
  }
  [[nodiscard]] std::vector<std::string> garbage(std::size_t limit) const override;
  void forget_garbage(std::span<const std::string> blobs) override;
  [[nodiscard]] bool names_blob(const std::string& blob) const override;
  [[nodiscard]] std::uint64_t garbage_count() const override { return inner_.garbage_count(); }
  void for_each_blob(
      const std::function<void(std::int64_t, const storage::Content&)>& visit) const override;
  void for_each_inline(
      const std::function<void(std::int64_t, const storage::Content&)>& visit) const override;
  void checkpoint() override;
  [[nodiscard]] std::shared_ptr<void> hold_log() override { return inner_.hold_log(); }
  void purge_expired_locks(std::int64_t grace_s) override;
  void keep(storage::Keeping keeping) override { inner_.keep(keeping); }
  std::size_t purge(std::size_t most) override;
  [[nodiscard]] std::string displaced() const override { return inner_.displaced(); }
  void refuse_writes(const std::string& why) override { inner_.refuse_writes(why); }
  [[nodiscard]] storage::NamespaceStats stats() const override { return inner_.stats(); }
  [[nodiscard]] storage::NamespaceCheck check(bool repair) override { return inner_.check(repair); }

 private:
  storage::Namespace& inner_;
  FaultPlan& plan_;
};

class FaultyContentStore final : public storage::ContentStore {
 public:
  // Both arguments must outlive the store, its uploads and its readers.
  FaultyContentStore(storage::ContentStore& inner, FaultPlan& plan) : inner_(inner), plan_(plan) {}

  [[nodiscard]] std::unique_ptr<storage::Upload> begin(storage::Digests digests) override;
  [[nodiscard]] std::unique_ptr<storage::ContentReader> open(
      const storage::Content& content) override;
  void remove(const std::string& blob) override;
  void flush() override;
  void for_each(
      const std::function<void(const std::string& blob, std::uint64_t size)>& visit) override;
  void set_aside(const std::string& blob) override;
  void flush_aside() override;
  [[nodiscard]] bool take_back(const storage::Content& content) override;
  [[nodiscard]] std::string displaced() const override { return inner_.displaced(); }
  [[nodiscard]] bool verify(const storage::Content& content) override;
  void require_sound(std::int64_t id, const storage::Content& content) override;
  [[nodiscard]] bool is_known_sound(std::int64_t id) const override {
    return inner_.is_known_sound(id);
  }
  void note_sound(std::int64_t id) override { inner_.note_sound(id); }
  [[nodiscard]] Space space() const override { return inner_.space(); }

 private:
  storage::ContentStore& inner_;
  FaultPlan& plan_;
};

}  // namespace holdfast::test
