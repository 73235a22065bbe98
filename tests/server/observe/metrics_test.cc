#include "server/observe/metrics.h"

#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "server/observe/access_log.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::server {
namespace {

using testing::HasSubstr;
using testing::Not;

observe::AccessRecord record(std::string_view method, int status) {
  observe::AccessRecord out;
  out.method = method;
  out.target = "/a/b?secret=1";
  out.status = status;
  out.request_bytes = 7;
  out.response_bytes = 11;
  out.microseconds = 1234;
  out.client = "127.0.0.1";
  return out;
}

std::string read_file(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

TEST(AccessLine, HoldsEveryFieldAndNoQuery) {
  std::string line;
  observe::append_access_line(line, record("GET", 200), test::ManualClock::kStart + 7);
  EXPECT_EQ(line,
            "{\"time\":\"2026-01-02T03:04:05.007Z\",\"method\":\"GET\",\"path\":\"/a/b\","
            "\"status\":200,\"bytes\":11,\"received\":7,\"microseconds\":1234,\"user\":\"\","
            "\"client\":\"127.0.0.1\"}\n");
}

TEST(AccessLine, CutsLongFields) {
  observe::AccessRecord long_one = record("GET", 200);
  const std::string target = "/" + std::string(100'000, 'x');
  long_one.target = target;
  const std::string method(100'000, 'M');
  long_one.method = method;
  std::string line;
  observe::append_access_line(line, long_one, 0);
  EXPECT_LT(line.size(), observe::AccessLog::kTextLimitBytes + 600);
}

TEST(AccessLine, NeverHoldsAWholeLockToken) {
  observe::AccessRecord refused = record("PUT", 423);
  refused.target = "/x/opaquelocktoken:0123456789abcdef";
  refused.detail =
      "Tokens urn:uuid:01234567-89ab-cdef-0123-456789abcdef and "
      "opaquelocktoken:fedcba98-7654-3210-fedc-ba9876543210 are not current; uuid:short";
  std::string line;
  observe::append_access_line(line, refused, 0);
  EXPECT_THAT(line, HasSubstr("urn:uuid:01234567… and opaquelocktoken:fedcba98… are"));
  EXPECT_THAT(line, HasSubstr("uuid:short\""));
  EXPECT_THAT(line, Not(HasSubstr("456789abcdef")));
  EXPECT_THAT(line, Not(HasSubstr("89abcdef")));
}

TEST(AccessLine, HoldsNoPasswordAndNoDeviceToken) {
  std::string line;
  for (const char* target : {"http://ann:wonderland@dav.example/f?token=wonderland",
                             "/holdfast_abcdefgh_wonderland_-wonderland"}) {
    observe::AccessRecord asked = record("GET", 401);
    asked.target = target;
    asked.detail = "holdfast_abcdefgh_wonderland is none";
    observe::append_access_line(line, asked, 0);
  }
  EXPECT_THAT(line, HasSubstr("\"path\":\"http://dav.example/f\""));
  EXPECT_THAT(line, HasSubstr("\"path\":\"/holdfast_abcdefgh…\""));
  EXPECT_THAT(line, Not(HasSubstr("wonderland")));
}

TEST(AccessLog, WritesEveryLineByItsEnd) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "access.json";
  {
    observe::AccessLog log(path);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&log] {
        for (int i = 0; i < 1000; ++i) log.append(record("GET", 200), 0);
      });
  }
  const std::string text = read_file(path);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4000);
  EXPECT_TRUE(text.ends_with("}\n"));
}

TEST(AccessLog, AppendsToWhatIsThere) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "access.json";
  std::ofstream(path) << "old\n";
  { observe::AccessLog(path).append(record("GET", 200), 0); }
  EXPECT_THAT(read_file(path), testing::StartsWith("old\n{"));
}

TEST(AccessLog, RefusesAPathThatCannotBeOpened) {
  EXPECT_THROW(observe::AccessLog("/nowhere/at/all"), std::runtime_error);
}

TEST(AccessLog, AFullDiskCostsLinesAndCountsThem) {
  observe::AccessLog log("/dev/full");
  for (int i = 0; i < 10; ++i) log.append(record("GET", 200), 0);
  for (int i = 0; i < 500 && log.dropped() < 10; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(log.dropped(), 10U);
}

TEST(AccessLog, AReaderThatSleepsCostsLinesNotTime) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  {
    observe::AccessLog log(path);
    const auto start = std::chrono::steady_clock::now();
    while (log.dropped() == 0) log.append(record("GET", 200), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  }  // gives up after a second
  ::close(reader);
}

TEST(AccessLog, OpensTheFileAnewAfterRotation) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "access.json";
  observe::AccessLog log(path);
  std::filesystem::rename(path, folder / "access.json.1");
  log.reopen();
  log.append(record("GET", 200), 0);
  for (int i = 0; i < 500 && read_file(path).empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_THAT(read_file(path), HasSubstr("GET"));
  EXPECT_EQ(read_file(folder / "access.json.1"), "");
}

TEST(Metrics, CountsRequestsByMethodAndStatus) {
  const test::ManualClock clock;
  observe::Metrics metrics(clock, nullptr);
  metrics.request_finished(record("GET", 200));
  metrics.request_finished(record("GET", 200));
  metrics.request_finished(record("GET", 404));
  metrics.request_finished(record("PUT", 0));
  const std::string text = metrics.metrics({});
  EXPECT_THAT(text, HasSubstr("holdfast_requests_total{method=\"GET\",status=\"200\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_requests_total{method=\"GET\",status=\"404\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_requests_total{method=\"PUT\",status=\"0\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_received_bytes_total 28\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_sent_bytes_total 44\n"));
  EXPECT_THAT(
      text, HasSubstr("holdfast_request_duration_seconds_bucket{method=\"GET\",le=\"0.001\"} 0\n"));
  EXPECT_THAT(
      text,
      HasSubstr("holdfast_request_duration_seconds_bucket{method=\"GET\",le=\"0.0025\"} 3\n"));
  EXPECT_THAT(
      text, HasSubstr("holdfast_request_duration_seconds_bucket{method=\"GET\",le=\"+Inf\"} 3\n"));
}

TEST(Metrics, HasABoundedNumberOfSeriesWhateverClientsSend) {
  const test::ManualClock clock;
  observe::Metrics metrics(clock, nullptr);
  for (int i = 0; i < 1000; ++i) {
    const std::string method = "M" + std::to_string(i) + "\"\n";
    metrics.request_finished(record(method, 501));
    metrics.request_finished(record("GET", 100'000 + i));
    metrics.request_finished(record("GET", -i));
  }
  const std::string text = metrics.metrics({});
  EXPECT_THAT(text, HasSubstr("holdfast_requests_total{method=\"other\",status=\"501\"} 1000\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_requests_total{method=\"GET\",status=\"0\"} 2000\n"));
  EXPECT_LT(text.size(), 20'000U);
}

TEST(Metrics, KnowsEveryMethodByName) {
  const test::ManualClock clock;
  observe::Metrics metrics(clock, nullptr);
  for (const dav::Method& method : dav::methods())
    metrics.request_finished(record(method.name, 200));
  const std::string text = metrics.metrics({});
  for (const dav::Method& method : dav::methods())
    EXPECT_THAT(text,
                HasSubstr("{method=\"" + std::string(method.name) + "\",status=\"200\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("other")));
}

TEST(Metrics, ShowsConnectionsWorkersAndTheStore) {
  const test::ManualClock clock;
  observe::Metrics metrics(clock, nullptr);
  for (int i = 0; i < 3; ++i) metrics.connection_opened();
  metrics.connection_closed();
  metrics.connection_parked();
  metrics.task_waits();
  metrics.connection_refused();
  metrics.workers_changed(5);
  storage::NamespaceStats store;
  store.batches = 6;
  store.writes = 9;
  store.batch_size_buckets = {4, 1, 1, 0};
  store.wal_bytes = 4096;
  store.locks = 2;
  store.usage = {.resources = 12, .bytes = 345};
  const std::string text =
      metrics.metrics(store, {.holds = 2, .oldest_hold_s = 61.5, .garbage_files = 7});
  for (const char* line : {
           "holdfast_connections_open 2\n",
           "holdfast_connections_parked 1\n",
           "holdfast_connections_refused_total 1\n",
           "holdfast_requests_waiting 1\n",
           "holdfast_workers 5\n",
           "holdfast_write_batches_total 6\n",
           "holdfast_write_batch_size_bucket{le=\"1\"} 4\n",
           "holdfast_write_batch_size_bucket{le=\"4\"} 6\n",
           "holdfast_write_batch_size_bucket{le=\"+Inf\"} 6\n",
           "holdfast_write_batch_size_sum 9\n",
           "holdfast_wal_bytes 4096\n",
           "holdfast_locks 2\n",
           "holdfast_resources 12\n",
           "holdfast_stored_bytes 345\n",
           "holdfast_backup_holds 2\n",
           "holdfast_oldest_backup_hold_seconds 61.5\n",
           "holdfast_garbage_files 7\n",
       })
    EXPECT_THAT(text, HasSubstr(line));
}

}  // namespace
}  // namespace holdfast::server
