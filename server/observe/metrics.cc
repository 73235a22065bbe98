#include "server/observe/metrics.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sstream>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace holdfast::server::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family(const char* name, const char* help, MetricType type) {
  MetricFamily out;
  out.name = name;
  out.help = help;
  out.type = type;
  return out;
}

void set_value(ClientMetric& metric, MetricType type, double value) {
  if (type == MetricType::Counter)
    metric.counter.value = value;
  else
    metric.gauge.value = value;
}

template <typename Number>
MetricFamily single(const char* name, const char* help, MetricType type, Number value) {
  MetricFamily out = family(name, help, type);
  set_value(out.metric.emplace_back(), type, static_cast<double>(value));
  return out;
}

// Fills a histogram. `buckets` has the number of samples in each bucket; `bound` returns the upper
// bound of the i-th bucket. The last bucket has none.
template <typename Buckets, typename Bound>
void fill_histogram(ClientMetric::Histogram& histogram, const Buckets& buckets, Bound bound,
                    double sum) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    total += buckets[i];
    ClientMetric::Bucket& bucket = histogram.bucket.emplace_back();
    bucket.cumulative_count = total;
    bucket.upper_bound =
        i + 1 < buckets.size() ? bound(i) : std::numeric_limits<double>::infinity();
  }
  histogram.sample_count = total;
  histogram.sample_sum = sum;
}

void add_store(std::vector<MetricFamily>& out, const storage::NamespaceStats& store) {
  out.push_back(single("holdfast_write_batches_total", "Commits that changed something.",
                       MetricType::Counter, store.batches));
  out.push_back(single("holdfast_flushed_write_batches_total", "Commits that were flushed to disk.",
                       MetricType::Counter, store.flushed_batches));
  out.push_back(single("holdfast_largest_write_batch", "Most writes in one commit.",
                       MetricType::Gauge, store.largest_batch));
  MetricFamily sizes =
      family("holdfast_write_batch_size", "Writes per commit.", MetricType::Histogram);
  fill_histogram(
      sizes.metric.emplace_back().histogram, store.batch_size_buckets,
      [](std::size_t i) { return static_cast<double>(std::uint64_t{1} << i); },
      static_cast<double>(store.writes));
  out.push_back(std::move(sizes));
  out.push_back(single("holdfast_wal_bytes", "Size of the write-ahead log.", MetricType::Gauge,
                       store.wal_bytes));
  out.push_back(single("holdfast_locks", "Locks held.", MetricType::Gauge, store.locks));
  out.push_back(single("holdfast_resources", "Files and collections, those in the trash included.",
                       MetricType::Gauge, store.usage.resources));
  out.push_back(single("holdfast_stored_bytes",
                       "Sizes of all files and versions, each copy counted.", MetricType::Gauge,
                       store.usage.bytes));
}

void add_upkeep(std::vector<MetricFamily>& out, const Upkeep& upkeep) {
  out.push_back(single("holdfast_backup_holds", "Backups for which no content file is removed.",
                       MetricType::Gauge, upkeep.holds));
  out.push_back(single("holdfast_oldest_backup_hold_seconds",
                       "How long the oldest of them has run.", MetricType::Gauge,
                       upkeep.oldest_hold_s));
  out.push_back(single("holdfast_garbage_files", "Content files that wait to be removed.",
                       MetricType::Gauge, upkeep.garbage_files));
  out.push_back(single("holdfast_audit_log_lost_total",
                       "Audit-log lines that could not be written.", MetricType::Counter,
                       upkeep.audit_lines_lost));
  out.push_back(single("holdfast_sign_in_failures_total",
                       "Attempts to sign in that were refused and told on standard error.",
                       MetricType::Counter, upkeep.sign_in_failures));
  out.push_back(single("holdfast_disk_bytes", "Size of the data folder's disk.", MetricType::Gauge,
                       upkeep.disk_bytes));
  out.push_back(single("holdfast_disk_free_bytes", "Free space on it.", MetricType::Gauge,
                       upkeep.free_bytes));
  out.push_back(single("holdfast_disk_free_floor_bytes",
                       "Writes that add to the store are refused when less is free.",
                       MetricType::Gauge, upkeep.free_floor_bytes));
  if (upkeep.last_backup_s)
    out.push_back(single("holdfast_last_backup_timestamp_seconds",
                         "When the last backup was complete, in Unix time.", MetricType::Gauge,
                         *upkeep.last_backup_s));
}

// The names are those of Prometheus' own client libraries.
void add_process(std::vector<MetricFamily>& out, double start_s) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  out.push_back(single("process_cpu_seconds_total", "User and system CPU time.",
                       MetricType::Counter, seconds(used.ru_utime) + seconds(used.ru_stime)));
  out.push_back(single("process_start_time_seconds", "When the process started, in Unix time.",
                       MetricType::Gauge, start_s));
  std::uint64_t pages = 0;
  std::uint64_t resident_pages = 0;
  if (std::ifstream statm("/proc/self/statm"); statm >> pages >> resident_pages) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    out.push_back(single("process_virtual_memory_bytes", "Size of the address space.",
                         MetricType::Gauge, pages * page));
    out.push_back(single("process_resident_memory_bytes", "Memory in use.", MetricType::Gauge,
                         resident_pages * page));
  }
  std::error_code unreadable;
  const std::filesystem::directory_iterator open("/proc/self/fd", unreadable);
  if (!unreadable)
    out.push_back(single("process_open_fds", "Open file descriptors.", MetricType::Gauge,
                         std::distance(begin(open), end(open))));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    out.push_back(single("process_max_fds", "Most file descriptors that may be open.",
                         MetricType::Gauge, limit.rlim_cur));
  MetricFamily build =
      family("holdfast_build_info", "The version that runs; always 1.", MetricType::Gauge);
  ClientMetric& metric = build.metric.emplace_back();
  metric.label = {{"version", HOLDFAST_VERSION}};
  metric.gauge.value = 1;
  out.push_back(std::move(build));
}

}  // namespace

std::size_t Metrics::method_index(std::string_view method) {
  const dav::Method* const found = dav::find_method(method);
  if (found == nullptr) return dav::methods().size();
  return static_cast<std::size_t>(found - dav::methods().data());
}

void Metrics::request_finished(const AccessRecord& record) {
  PerMethod& counters = methods_[method_index(record.method)];
  const bool valid = record.status >= 100 && record.status < static_cast<int>(kStatusCount);
  counters.statuses[valid ? static_cast<std::size_t>(record.status) : 0].fetch_add(1, kRelaxed);
  const std::int64_t micros = std::max<std::int64_t>(record.microseconds, 0);
  const auto bucket =
      std::lower_bound(kLatencyBoundsMicros.begin(), kLatencyBoundsMicros.end(), micros);
  counters.latency[static_cast<std::size_t>(bucket - kLatencyBoundsMicros.begin())].fetch_add(
      1, kRelaxed);
  counters.latency_sum_micros.fetch_add(static_cast<std::uint64_t>(micros), kRelaxed);
  if (!record.condition.empty()) {
    for (std::size_t i = 0; i < conditions_.size(); ++i) {
      const auto condition = static_cast<dav::Precondition>(i);
      if (dav::element_name(condition) == record.condition) conditions_[i].fetch_add(1, kRelaxed);
    }
  }
  received_bytes_.fetch_add(record.request_bytes, kRelaxed);
  sent_bytes_.fetch_add(record.response_bytes, kRelaxed);
  if (log_ != nullptr) log_->append(record, clock_.wall());
}

std::string Metrics::metrics(const storage::NamespaceStats& store, const Upkeep& upkeep) const {
  std::vector<MetricFamily> out;
  MetricFamily requests =
      family("holdfast_requests_total",
             "Requests by method and status; status 0: the client went away.", MetricType::Counter);
  MetricFamily latency = family("holdfast_request_duration_seconds",
                                "From the last byte of a request's head to the last of its answer.",
                                MetricType::Histogram);
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    const std::string method(m < dav::methods().size() ? dav::methods()[m].name : "other");
    bool any = false;
    for (std::size_t status = 0; status < kStatusCount; ++status) {
      const std::uint64_t count = methods_[m].statuses[status].load(kRelaxed);
      if (count == 0) continue;
      any = true;
      ClientMetric& metric = requests.metric.emplace_back();
      metric.label = {{"method", method}, {"status", std::to_string(status)}};
      metric.counter.value = static_cast<double>(count);
    }
    if (!any) continue;
    ClientMetric& metric = latency.metric.emplace_back();
    metric.label = {{"method", method}};
    fill_histogram(
        metric.histogram, methods_[m].latency,
        [](std::size_t i) { return static_cast<double>(kLatencyBoundsMicros[i]) / 1e6; },
        static_cast<double>(methods_[m].latency_sum_micros.load(kRelaxed)) / 1e6);
  }
  out.push_back(std::move(requests));
  out.push_back(std::move(latency));

  MetricFamily refusals = family("holdfast_refused_requests_total",
                                 "Requests refused by the condition that they failed (RFC 4918 §16, "
                                 "RFC 4331 §6).",
                                 MetricType::Counter);
  for (std::size_t i = 1; i < conditions_.size(); ++i) {
    ClientMetric& metric = refusals.metric.emplace_back();
    metric.label = {
        {"condition", std::string(dav::element_name(static_cast<dav::Precondition>(i)))}};
    metric.counter.value = static_cast<double>(conditions_[i].load(kRelaxed));
  }
  out.push_back(std::move(refusals));

  out.push_back(single("holdfast_received_bytes_total", "Bytes of request bodies.",
                       MetricType::Counter, received_bytes_.load(kRelaxed)));
  out.push_back(single("holdfast_sent_bytes_total", "Bytes of answer bodies.", MetricType::Counter,
                       sent_bytes_.load(kRelaxed)));
  out.push_back(single("holdfast_connections_open", "Connections open now.", MetricType::Gauge,
                       open_.load(kRelaxed)));
  out.push_back(single("holdfast_connections_parked",
                       "Connections that wait for their next request.", MetricType::Gauge,
                       parked_.load(kRelaxed)));
  out.push_back(single("holdfast_connections_refused_total",
                       "Connections refused because a limit was reached.", MetricType::Counter,
                       refused_.load(kRelaxed)));
  out.push_back(single("holdfast_requests_waiting", "Requests that wait for their client.",
                       MetricType::Gauge, waiting_.load(kRelaxed)));
  out.push_back(single("holdfast_workers", "Threads that work on requests.", MetricType::Gauge,
                       workers_.load(kRelaxed)));
  out.push_back(single("holdfast_access_log_dropped_total",
                       "Access-log lines that could not be written.", MetricType::Counter,
                       log_ != nullptr ? log_->dropped() : 0));
  add_store(out, store);
  add_upkeep(out, upkeep);
  add_process(out, static_cast<double>(started_) / 1000);

  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, out);
  return text.str();
}

}  // namespace holdfast::server::observe
