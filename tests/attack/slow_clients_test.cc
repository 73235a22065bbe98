// Clients that are slow on purpose, that do nothing, or that are too many: the others do not
// notice, and all of them are gone after the deadlines that hold for a whole head, body or answer.
// docs/robustness.md H18, H19, and what overload answers.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <poll.h>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include "tests/attack/attack.h"
#include "tests/support/http_client.h"

namespace holdfast::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Canaries on the attacked server, and at the same time on one that nobody attacks, until asked.
class Watch {
 public:
  explicit Watch(const ServerProcess& attacked) {
    control_.start();
    watch(attacked, attacked_);
    watch(control_, unattacked_);
  }

  ~Watch() { end(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // What is wrong; empty when 19 of 20 canaries were answered within the limit, or within four
  // times what those of the control took: then it is the machine that is slow.
  std::string verdict() {
    end();
    for (const auto& song : attacked_)
      if (!song.wrong.empty()) return song.wrong;
    const auto took = most_of(attacked_);
    const auto control = most_of(unattacked_);
    std::cout << attacked_.size() << " canaries, 19 of 20 within " << took.count() / 1'000
              << " ms; of the control's within " << control.count() / 1'000 << " ms\n";
    if (took <= std::max<std::chrono::microseconds>(Oracle::kCanaryLimit, 4 * control)) return "";
    return "the canaries took " + std::to_string(took.count() / 1'000) + " ms, the control's " +
           std::to_string(control.count() / 1'000);
  }

 private:
  void watch(const ServerProcess& server, std::vector<Canary::Song>& songs) {
    threads_.emplace_back([this, &server, &songs] {
      Canary canary(server);
      do {
        songs.push_back(canary.sing());
        std::this_thread::sleep_for(milliseconds(50));
      } while (!enough_);  // at least one, however short the attack
    });
  }

  void end() {
    enough_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  static std::chrono::microseconds most_of(std::vector<Canary::Song> songs) {
    if (songs.empty()) return std::chrono::microseconds::max() / 4;
    const auto at = songs.begin() + static_cast<std::ptrdiff_t>((songs.size() - 1) * 19 / 20);
    std::nth_element(songs.begin(), at, songs.end(),
                     [](const auto& a, const auto& b) { return a.slowest < b.slowest; });
    return at->slowest;
  }

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  ServerProcess control_{folder_ / "data"};
  std::atomic<bool> enough_ = false;
  std::vector<Canary::Song> attacked_;
  std::vector<Canary::Song> unattacked_;
  std::vector<std::thread> threads_;
};

class SlowClients : public Attack {
 protected:
  void SetUp() override {
    // Both ends of the connections, and what else a process needs.
    rlimit files{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
    ASSERT_GE(files.rlim_max, kIdle + 1'000)
        << "these tests need a hard limit of 11,000 descriptors (ulimit -Hn); here it is "
        << files.rlim_max;
    // The server starts with the small soft limit that systems have by custom.
    files.rlim_cur = 1'024;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
    start({"--head-timeout", "3", "--tls-handshake-timeout", "3", "--body-grace", "1",
           "--body-rate-window", "2", "--send-timeout", "2", "--drain-timeout", "1",
           "--idle-timeout", "600"});
    files.rlim_cur = files.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  }

  // `count` clients that send `first` and then `rest`, one byte at a time and too slowly, until the
  // server has ended all their connections. Returns what is wrong with that.
  [[nodiscard]] std::string crowd(std::size_t count, const std::string& first,
                                  const std::string& rest) {
    std::vector<tests::RawClient> clients;
    std::vector<pollfd> states;
    for (std::size_t i = 0; i < count; ++i) {
      clients.push_back(connect());
      clients.back().send(first);
      states.push_back({clients.back().descriptor(), POLLRDHUP, 0});
    }
    const auto give_up = steady_clock::now() + std::chrono::seconds(60);
    for (std::size_t sent = 0;; ++sent) {
      ::poll(states.data(), states.size(), 0);
      std::size_t left = 0;
      for (std::size_t i = 0; i < count; ++i) {
        if (states[i].revents != 0) continue;
        ++left;
        if (sent < rest.size()) clients[i].send(std::string_view(rest).substr(sent, 1));
      }
      if (left == 0) return "";
      if (steady_clock::now() > give_up)
        return std::to_string(left) + " of " + std::to_string(count) + " clients are still there";
      std::this_thread::sleep_for(milliseconds(100));
    }
  }

  // The crowd comes twice, so that the second can be asked what it costs.
  void attack_with(std::size_t count, const std::string& first, const std::string& rest = {}) {
    Watch watch(server());
    for (int round = 0; round < 2; ++round) {
      ASSERT_EQ(crowd(crowd_of(count), first, rest), "");
      if (round == 0) oracle().accept_memory();
    }
    EXPECT_EQ(watch.verdict(), "");
    EXPECT_EQ(oracle().check(), "");
  }

  void make_large_file(const std::string& url, std::size_t bytes = std::size_t{16} << 20) {
    HttpClient client(server());
    ASSERT_EQ(client.request("PUT", url, {}, std::string(bytes, 'l')).status, 201);
  }
  // The server soon cannot send any more.
  [[nodiscard]] tests::RawClient connect_with_small_buffer() {
    constexpr int kBytes = 4096;
    return GetParam().name == "Tls" ? tests::RawClient::over_tls(server().port(), {}, kBytes)
                                    : tests::RawClient(server().port(), kBytes);
  }

  // A client that is slow for all it is worth, but never ends by itself.
  inline static const std::string kTrickle = std::string(10'000, 'x');
  // What one connection may take that waits, on the average of idle and slow ones.
  static constexpr std::size_t kWaitingBytes = 12 << 10;
  static constexpr std::size_t kWaitingOverTlsBytes = 36 << 10;
  static constexpr std::size_t kOwnBytes = std::size_t{40} << 20;
  static constexpr std::size_t kSlow = 500;
  static constexpr std::size_t kMute = 4'000;
  static constexpr std::size_t kIdle = 10'000;
#ifdef __SANITIZE_THREAD__  // which shadows every byte
  static constexpr std::size_t kIdleBytes = 400 << 20;
#else
  static constexpr std::size_t kIdleBytes = 200 << 20;
#endif
};
INSTANTIATE_TEST_SUITE_P(Door, SlowClients, ::testing::ValuesIn(doors()), door_name);

TEST_P(SlowClients, H18_Heads) {
  attack_with(kSlow, "GET /sentinels/03 HTTP/1.1\r\nX-Slow: ", kTrickle);
}

TEST_P(SlowClients, H18_Bodies) {
  attack_with(kSlow, request("PUT /sentinels/03", content_length(100'000)), kTrickle);
}

TEST_P(SlowClients, H18_ChunkedBodies) {
  attack_with(kSlow, request("PUT /sentinels/03", "Transfer-Encoding: chunked\r\n", "5000\r\n"),
              kTrickle);
}

TEST_P(SlowClients, H18_RefusedBodies) {
  attack_with(kSlow, request("PUT /missing/new", content_length(100'000)), kTrickle);
}

TEST_P(SlowClients, H18_AnswersThatNobodyReads) {
  make_large_file("/large");
  attack_with(kSlow, request("GET /large"));
}

TEST_P(SlowClients, H18_ListingsThatNobodyReads) {
  // 8,000 resources by copying what is there; their listing is larger than a socket takes.
  HttpClient client(server());
  ASSERT_EQ(client.request("MKCOL", "/tree").status, 201);
  for (int i = 0; i < 8; ++i)
    ASSERT_EQ(client.request("MKCOL", "/tree/" + std::to_string(i)).status, 201);
  for (const char* copy : {"/a", "/b", "/c"}) {
    for (int i = 0; i < 9; ++i)
      ASSERT_EQ(client.request("COPY", "/tree", {{"Destination", copy + std::to_string(i)}}).status,
                201);
    for (int i = 0; i < 9; ++i)
      ASSERT_EQ(client
                    .request("MOVE", copy + std::to_string(i),
                             {{"Destination", "/tree" + std::string(copy) + std::to_string(i)}})
                    .status,
                201);
  }
  client.close();
  attack_with(10, request("PROPFIND /tree", "Depth: infinity\r\n"));
}

TEST_P(SlowClients, H18_ClientsThatSayNothing) { attack_with(kMute, ""); }

TEST_P(SlowClients, H19_IdleClientsCostNoThreadAndLittleMemory) {
  const std::size_t threads = oracle().threads();
  const std::size_t idle = crowd_of(kIdle);
  for (int round = 0; round < 2; ++round) {
    std::vector<tests::RawClient> clients;
    for (std::size_t i = 0; i < idle; ++i) {
      clients.push_back(connect());
      SCOPED_TRACE(i);
      ASSERT_NO_FATAL_FAILURE(expect_going_on(clients.back()));
    }
    EXPECT_LT(oracle().resident_bytes(), kIdleBytes);
    if (round == 1) {
      Watch watch(server());
      EXPECT_TRUE(oracle().threads_fall_to(threads + 8)) << oracle().threads();  // the canaries'
      EXPECT_EQ(watch.verdict(), "");
      std::cout << idle << " idle connections: " << (oracle().resident_bytes() >> 20) << " MiB, "
                << oracle().threads() << " threads\n";
      // They are all still served.
      for (std::size_t i = 0; i < idle; i += 50) {
        SCOPED_TRACE(i);
        ASSERT_NO_FATAL_FAILURE(expect_going_on(clients[i]));
      }
    }
    clients.clear();
    if (round == 0) oracle().accept_memory();
  }
  EXPECT_EQ(oracle().check(), "");
}

TEST_P(SlowClients, H19_TheSoftLimitOfDescriptorsIsRaisedToTheHardOne) {
  std::ifstream limits("/proc/" + std::to_string(server().pid()) + "/limits");
  std::string line;
  while (std::getline(limits, line) && !line.starts_with("Max open files")) {
  }
  std::istringstream numbers(line.substr(std::min(line.size(), std::size_t{15})));
  std::string soft;
  std::string hard;
  numbers >> soft >> hard;
  EXPECT_FALSE(soft.empty());
  EXPECT_EQ(soft, hard);
}

// Uploads whose bodies do not come, answers that nobody reads and clients that ask for nothing, all
// at once: none of them holds a thread, and each goes on when its client does.
TEST_P(SlowClients, H18_WhoWaitsForItsClientHoldsNoThread) {
  start({"--connections", "100000", "--body-grace", "1200", "--send-timeout", "1200",
         "--idle-timeout", "1200", "--busy-idle-timeout", "1200"});
  // More than a socket takes, and not long in coming through a small one.
  constexpr std::size_t kLargeBytes = std::size_t{1} << 20;
  make_large_file("/large", kLargeBytes);
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  // Uploads and downloads have two descriptors in the server, and it needs some itself.
  const std::size_t each =
      std::min<std::size_t>(crowd_of(in_full_size() ? 10'000 : 500), (files.rlim_max - 2'000) / 5);
  // Some become files.
  const auto body = [](std::size_t i) {
    return std::string(i % 100 == 50 ? 100'000 : 2'000, static_cast<char>('a' + i % 26));
  };
  std::vector<tests::RawClient> uploads;
  std::vector<tests::RawClient> downloads;
  std::vector<tests::RawClient> idle;
  Watch watch(server());
  for (std::size_t i = 0; i < each; ++i) {
    uploads.push_back(connect());
    ASSERT_TRUE(uploads.back().send(request("PUT /slow-" + std::to_string(i),
                                            content_length(body(i).size()), body(i).substr(500))));
    downloads.push_back(connect_with_small_buffer());
    ASSERT_TRUE(downloads.back().send(request("GET /large")));
    idle.push_back(connect());
    if (i % 2 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_going_on(idle.back()));
    }
  }
  // Longer than a task waits before it gives memory back.
  std::this_thread::sleep_for(std::chrono::seconds(3));
  const std::size_t threads = oracle().threads();
  const std::size_t memory = oracle().resident_bytes();
  EXPECT_EQ(watch.verdict(), "");
  std::cout << each << " uploads, downloads and idle connections each: " << threads << " threads, "
            << (memory >> 20) << " MiB\n";
  EXPECT_LT(threads, 32U);
  if (in_full_size()) {
    const bool tls = GetParam().name == "Tls";
    EXPECT_LT(memory, kOwnBytes + 3 * each * (tls ? kWaitingOverTlsBytes : kWaitingBytes));
  }
  for (std::size_t i = 0; i < each; i += std::max<std::size_t>(each / 1'000, 1) * 50) {
    SCOPED_TRACE(i);
    ASSERT_TRUE(uploads[i].send(body(i).substr(0, 500)));
    const auto stored = uploads[i].receive();
    ASSERT_TRUE(stored) << uploads[i].error;
    EXPECT_EQ(stored->status, 201);
    uploads[i].send(request("GET /slow-" + std::to_string(i)));
    const auto content = uploads[i].receive();
    ASSERT_TRUE(content) << uploads[i].error;
    EXPECT_TRUE(content->body == body(i));
    const auto large = downloads[i].receive();
    ASSERT_TRUE(large) << downloads[i].error;
    EXPECT_EQ(large->body.size(), kLargeBytes);
    ASSERT_NO_FATAL_FAILURE(expect_going_on(idle[i]));
  }
  // What this costs is judged above, in full size; the sanitizer keeps notes of each stack.
  uploads.clear();
  downloads.clear();
  idle.clear();
  std::this_thread::sleep_for(std::chrono::seconds(3));
  oracle().accept_memory();
}

// Two threads, and a hundred requests that wait for their clients.
TEST_P(SlowClients, H18_SlowClientsDoNotOverload) {
  start({"--workers", "2", "--queue", "3", "--body-grace", "600"});
  std::vector<tests::RawClient> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(connect());
    slow.back().send(
        request("PUT /held-" + std::to_string(i), "Expect: 100-continue\r\n" + content_length(4)));
    ASSERT_FALSE(slow.back().silent(slow.back().patience)) << "nobody invited the body";
  }
  auto other = connect();
  for (int i = 0; i < 20; ++i) ASSERT_NO_FATAL_FAILURE(expect_going_on(other));
  for (auto& client : slow) {
    client.send("body");
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 201);
  }
}

TEST_P(SlowClients, TooManyConnectionsAnswer503) {
  start({"--connections", "10"});
  std::vector<tests::RawClient> idle;
  for (int i = 0; i < 10; ++i) {
    idle.push_back(connect());
    ASSERT_NO_FATAL_FAILURE(expect_going_on(idle.back()));
  }
  for (int i = 0; i < 20; ++i) {
    auto client = connect();
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 503);
    EXPECT_FALSE(answer->field("retry-after").empty());
    EXPECT_TRUE(client.closed());
  }
  for (auto& client : idle) ASSERT_NO_FATAL_FAILURE(expect_going_on(client));
  idle.clear();
  // The server may see the next client before it sees their ends.
  for (const auto give_up = steady_clock::now() + std::chrono::seconds(10);
       steady_clock::now() < give_up;) {
    auto client = connect();
    if (client.silent(milliseconds(100))) return expect_going_on(client);
  }
  FAIL() << "nobody is served after all have left";
}

}  // namespace
}  // namespace holdfast::test
