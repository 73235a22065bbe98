// Counts what the server does, for /metrics, and feeds the access log. A request costs a few
// relaxed atomic additions and, with a log, one line in a buffer. The number of time series is
// bounded whatever clients send: methods outside the table of dav/method are counted as "other".
// Any thread may call any function.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dav/error.h"
#include "dav/method.h"
#include "server/observe/access_log.h"
#include "server/observe/observer.h"
#include "storage/clock.h"
#include "storage/namespace.h"

namespace holdfast::server::observe {

// What the server keeps for backups, what waits to be removed, and what others have counted.
struct Upkeep {
  std::uint64_t holds = 0;
  double oldest_hold_s = 0;
  std::uint64_t garbage_files = 0;
  std::uint64_t audit_lines_lost = 0;
  std::uint64_t sign_in_failures = 0;
  // Of the disk that has the data folder.
  std::uint64_t disk_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t free_floor_bytes = 0;     // below it writes are refused
  std::optional<double> last_backup_s{};  // when the last backup was complete, in Unix time
};

class Metrics final : public Observer {
 public:
  // `log` may be null. Both arguments must outlive this object.
  Metrics(const storage::Clock& clock, AccessLog* log)
      : clock_(clock), log_(log), started_(clock.wall()) {}

  void request_finished(const AccessRecord& record) override;
  void connection_opened() override { open_.fetch_add(1, kRelaxed); }
  void connection_closed() override { open_.fetch_sub(1, kRelaxed); }
  void connection_parked() override { parked_.fetch_add(1, kRelaxed); }
  void connection_unparked() override { parked_.fetch_sub(1, kRelaxed); }
  void task_waits() override { waiting_.fetch_add(1, kRelaxed); }
  void task_goes_on() override { waiting_.fetch_sub(1, kRelaxed); }
  void connection_refused() override { refused_.fetch_add(1, kRelaxed); }
  void workers_changed(int count) override { workers_.store(count, kRelaxed); }

  // Returns all metrics as Prometheus text (exposition format 0.0.4).
  [[nodiscard]] std::string metrics(const storage::NamespaceStats& store,
                                    const Upkeep& upkeep = {}) const;

  // Upper bounds of the latency histogram.
  static constexpr std::array<std::int64_t, 16> kLatencyBoundsMicros = {
      100,    250,     500,     1'000,   2'500,     5'000,     10'000,     25'000,
      50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 10'000'000, 60'000'000};

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;
  static constexpr std::size_t kStatusCount = 600;  // 0 and 100 to 599
  using Counter = std::atomic<std::uint64_t>;

  // Aligned so that busy methods do not share cache lines.
  struct alignas(64) PerMethod {
    std::array<Counter, kLatencyBoundsMicros.size() + 1> latency{};
    Counter latency_sum_micros = 0;
    std::array<Counter, kStatusCount> statuses{};
  };

  [[nodiscard]] static std::size_t method_index(std::string_view method);

  const storage::Clock& clock_;
  AccessLog* log_;
  const storage::Millis started_;
  // One for each of dav::methods(), in their order, and a last one for all other methods.
  std::vector<PerMethod> methods_ = std::vector<PerMethod>(dav::methods().size() + 1);
  // One for each dav::Precondition.
  std::vector<Counter> conditions_ = std::vector<Counter>(dav::precondition_count());
  Counter received_bytes_ = 0;
  Counter sent_bytes_ = 0;
  Counter refused_ = 0;
  std::atomic<std::int64_t> open_ = 0;
  std::atomic<std::int64_t> parked_ = 0;
  std::atomic<std::int64_t> waiting_ = 0;
  std::atomic<std::int64_t> workers_ = 0;
};

}  // namespace holdfast::server::observe
