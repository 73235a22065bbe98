// A slow and simple back end: everything is in maps, and every write changes a whole copy that
// replaces the tree when it succeeds. Tests of the DAV engine use it, and the conformance suites
// check it and the real back ends alike. Any thread may call any function.
//
//   test::MemoryStore store;
//   dav::Engine engine(store.names, store.contents, {});
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/change_waits.h"
#include "storage/content.h"
#include "storage/namespace.h"
#include "tests/support/manual_clock.h"

namespace holdfast::test {

class MemoryNamespace final : public storage::Namespace {
 public:
  // The clock must outlive the namespace.
  explicit MemoryNamespace(const storage::Clock& clock);
  ~MemoryNamespace() override;

  // Runs every closure twice from now on: first on a copy that is discarded, then for real. So a
  // closure that fails when it runs twice, which Namespace::write allows, is found.
  void rerun_closures(bool rerun) { rerun_ = rerun; }

  [[nodiscard]] std::unique_ptr<const storage::Snapshot> snapshot() const override;
  void write(storage::Flush flush, const std::function<void(storage::Transaction&)>& fn) override;
  // It signals all that wait after each write.
  [[nodiscard]] storage::ChangeWaits* change_waits() const override { return &waits_; }
  [[nodiscard]] storage::Millis lease_now() const override { return clock_.lease(); }
  [[nodiscard]] std::shared_ptr<const storage::Accounts> accounts() const override;
  [[nodiscard]] std::vector<std::string> garbage(std::size_t limit) const override;
  void forget_garbage(std::span<const std::string> blobs) override;
  [[nodiscard]] bool names_blob(const std::string& blob) const override;
  [[nodiscard]] std::uint64_t garbage_count() const override;
  void for_each_blob(
      const std::function<void(std::int64_t, const storage::Content&)>& visit) const override;
  void for_each_inline(
      const std::function<void(std::int64_t, const storage::Content&)>& visit) const override;
  void checkpoint() override {}
  [[nodiscard]] std::shared_ptr<void> hold_log() override { return nullptr; }
  [[nodiscard]] std::string displaced() const override { return {}; }
  void refuse_writes(const std::string& /*why*/) override {}
  void purge_expired_locks(std::int64_t grace_s) override;
  void keep(storage::Keeping keeping) override { keeping_ = keeping; }
  // What is given up is removed at once.
  std::size_t purge(std::size_t /*most*/) override { return 0; }
  [[nodiscard]] storage::NamespaceStats stats() const override;
  [[nodiscard]] storage::NamespaceCheck check(bool repair) override;

  struct State;
  struct Counters;
  struct Former;

  // Returns the whole state, an immutable value to which restore() returns. Equal pointers mean
  // that nothing was written in between.
  [[nodiscard]] std::shared_ptr<const State> state() const { return current(); }
  void restore(std::shared_ptr<const State> state) { replace(std::move(state)); }

 private:
  [[nodiscard]] std::shared_ptr<const State> current() const;
  [[nodiscard]] std::shared_ptr<const std::vector<Former>> formers() const;
  void replace(std::shared_ptr<const State> next);

  const storage::Clock& clock_;
  std::unique_ptr<Counters> counters_;
  std::atomic<bool> rerun_ = false;
  std::atomic<storage::Keeping> keeping_{storage::Keeping{}};
  mutable storage::ChangeWaits waits_;
  std::mutex writer_;            // held during a write: one at a time
  mutable std::mutex exchange_;  // guards current_ and formers_
  std::shared_ptr<const std::vector<Former>> formers_;
  std::shared_ptr<const State> current_;
  std::atomic<std::uint64_t> batches_ = 0;
  std::atomic<std::uint64_t> flushed_batches_ = 0;
};

class MemoryContentStore final : public storage::ContentStore {
 public:
  MemoryContentStore();
  ~MemoryContentStore() override;

  [[nodiscard]] std::unique_ptr<storage::Upload> begin(storage::Digests digests) override;
  [[nodiscard]] std::unique_ptr<storage::ContentReader> open(
      const storage::Content& content) override;
  void remove(const std::string& blob) override;
  void flush() override {}
  void for_each(
      const std::function<void(const std::string& blob, std::uint64_t size)>& visit) override;
  void set_aside(const std::string& blob) override;
  void flush_aside() override {}
  [[nodiscard]] bool take_back(const storage::Content& content) override;
  [[nodiscard]] std::string displaced() const override { return {}; }
  [[nodiscard]] bool verify(const storage::Content& content) override;
  void require_sound(std::int64_t id, const storage::Content& content) override;
  [[nodiscard]] bool is_known_sound(std::int64_t /*id*/) const override { return false; }
  void note_sound(std::int64_t /*id*/) override {}
  [[nodiscard]] Space space() const override;

  // Sets what space() returns.
  void set_space(Space space);
  // These return the number of stored files, and of uploads that have not ended.
  [[nodiscard]] std::size_t files() const;
  [[nodiscard]] std::size_t uploads() const;
  // Replaces a file's bytes, as a failing disk does.
  void damage(const std::string& blob, std::string bytes);

  struct Shelf;  // shared by uploads and their store

 private:
  std::shared_ptr<Shelf> shelf_;
};

// A clock, a namespace and a content store that belong together.
struct MemoryStore {
  ManualClock clock;
  MemoryNamespace names{clock};
  MemoryContentStore contents;
};

}  // namespace holdfast::test
