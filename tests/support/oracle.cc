#include "tests/support/oracle.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "tests/support/http_client.h"
#include "tests/support/staged_files.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMemoryGrowthBytes = std::size_t{32} << 20;
// The writer and the pool of readers open the database's files when they need them.
constexpr std::size_t kDatabaseDescriptors = 32;
constexpr const char* kDatabase = "database";

std::string body_of(std::size_t number) {
  // The sizes are an empty file, small ones, and both sides of the border between content in the
  // database and in files.
  constexpr std::size_t kBorder = 65'536;
  const std::size_t bytes = number == 0   ? 0
                            : number == 7 ? kBorder
                            : number == 8 ? kBorder + 1
                            : number == 9 ? 2 * kBorder
                                          : number * 13;
  std::string body;
  while (body.size() < bytes) body += "sentinel " + std::to_string(number) + " stands\n";
  body.resize(bytes);
  return body;
}

void expect(const Reply& reply, int status, const std::string& what) {
  if (reply.status != status)
    throw std::runtime_error(what + " answered " + std::to_string(reply.status));
}

// Returns the number in a line of /proc/PID/status, in the line's unit.
std::size_t status_number(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1));
  return 0;
}

bool runs_with(pid_t pid, std::string_view library) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(library) != std::string::npos) return true;
  return false;
}

std::string list(const std::vector<std::string>& problems) {
  std::string all;
  for (const auto& problem : problems)
    if (!problem.empty()) all += (all.empty() ? "" : "\n") + problem;
  return all;
}

// Removes the time that a lock has left, "Second-3599", because only that may change.
std::string without_time_left(std::string text) {
  constexpr std::string_view kUnit = "Second-";
  for (auto at = text.find(kUnit); at != std::string::npos; at = text.find(kUnit, at)) {
    at += kUnit.size();
    text.erase(at, std::min(text.find_first_not_of("0123456789", at), text.size()) - at);
  }
  return text;
}

// Returns where `after` begins to differ from `before`, with the text around it.
std::string difference(const std::string& before, const std::string& after) {
  constexpr std::size_t kAround = 200;
  const auto at = static_cast<std::size_t>(
      std::mismatch(before.begin(), before.end(), after.begin(), after.end()).first -
      before.begin());
  const std::size_t start = at - std::min(at, kAround);
  return "a sentinel changed: " + before.substr(0, before.find(' ')) + ", byte " +
         std::to_string(at) + "\n  before: " + before.substr(start, 2 * kAround) +
         "\n  after:  " + after.substr(std::min(start, after.size()), 2 * kAround);
}

// Returns true when a control server that nobody attacks is as slow as `canary` is now.
bool machine_is_slow(Canary& canary) {
  const TemporaryFolder folder(TemporaryFolder::in_memory());
  ServerProcess control(folder / "data");
  control.start();
  Canary beside(control);
  auto fastest = std::chrono::microseconds::max();
  auto fastest_beside = fastest;
  for (int i = 0; i < 5; ++i) {
    fastest = std::min(fastest, canary.sing().slowest);
    fastest_beside = std::min(fastest_beside, beside.sing().slowest);
  }
  return fastest <= std::max<std::chrono::microseconds>(Oracle::kCanaryLimit, 4 * fastest_beside);
}

}  // namespace

Canary::Song Canary::sing() {
  Song song;
  HttpClient client(server_);
  const std::string body = "verse " + std::to_string(++verse_);
  const auto ask = [&](std::string_view method, const Fields& fields, std::string_view sent) {
    const auto start = steady_clock::now();
    const Reply reply = client.request(method, "/canary", fields, sent);
    song.slowest = std::max(song.slowest, std::chrono::duration_cast<std::chrono::microseconds>(
                                              steady_clock::now() - start));
    return reply;
  };
  try {
    const Reply put = ask("PUT", {}, body);
    const Reply got = ask("GET", {}, {});
    const Reply found = ask("PROPFIND", {{"Depth", "0"}}, {});
    if (!put.success()) {
      song.wrong = "the canary's PUT answered " + std::to_string(put.status);
    } else if (got.status != 200 || got.body != body) {
      song.wrong = "the canary's GET answered " + std::to_string(got.status) + " " + got.body;
    } else if (found.status != 207) {
      song.wrong = "the canary's PROPFIND answered " + std::to_string(found.status);
    }
  } catch (const HttpFailure& failure) {
    song.wrong = std::string("the canary has no answer: ") + failure.what();
  }
  return song;
}

std::vector<std::pair<std::string, std::string>> Oracle::environment() {
  const char* present = std::getenv("ASAN_OPTIONS");
  std::string options = present != nullptr && *present != '\0' ? std::string(present) + ":" : "";
  // detect_stack_use_after_return gives every thread a second stack of several MiB, so it is off
  // here; other tests have it on.
  options +=
      "quarantine_size_mb=1:thread_local_quarantine_size_kb=16:"
      "allocator_release_to_os_interval_ms=100:detect_stack_use_after_return=0";
  return {{"ASAN_OPTIONS", options}};
}

std::string Oracle::sentinel(std::size_t number) {
  return (number < 10 ? "/sentinels/0" : "/sentinels/") + std::to_string(number);
}

Oracle::Oracle(ServerProcess& server, milliseconds settle)
    : server_(server),
      pid_(server.pid()),
      settle_(settle),
      descriptors_(descriptors()),
      judges_memory_(!runs_with(pid_, "/libtsan.so")),
      canary_(server) {
  HttpClient client(server);
  expect(client.request("MKCOL", "/sentinels"), 201, "MKCOL /sentinels");
  for (std::size_t number = 0; number < kSentinels; ++number) {
    const std::string url = sentinel(number);
    if (number + 1 == kSentinels) {
      expect(client.request("MKCOL", url), 201, "MKCOL " + url);
    } else {
      expect(client.request("PUT", url, {}, body_of(number)), 201, "PUT " + url);
    }
    expect(client.request("PROPPATCH", url, {},
                          "<propertyupdate xmlns='DAV:'><set><prop><mark xmlns='urn:sentinel'>" +
                              url + "</mark></prop></set></propertyupdate>"),
           207, "PROPPATCH " + url);
  }
  const Reply lock = client.request("LOCK", sentinel(kLockedSentinel), {{"Timeout", "Second-3600"}},
                                    "<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope>"
                                    "<locktype><write/></locktype></lockinfo>");
  expect(lock, 200, "LOCK");
  lock_token_ = lock.field("Lock-Token");
  client.close();
  if (const auto song = canary_.sing(); !song.wrong.empty()) throw std::runtime_error(song.wrong);
  sentinels_ = sentinels();
  resident_bytes_ = resident_bytes();
}

std::size_t Oracle::threads() const { return status_number(pid_, "Threads"); }

bool Oracle::threads_fall_to(std::size_t count) const {
  const auto deadline = steady_clock::now() + std::chrono::seconds(30);
  while (threads() > count && steady_clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(50));
  return threads() <= count;
}

std::size_t Oracle::resident_bytes() const { return status_number(pid_, "VmRSS") * 1024; }

Oracle::Descriptors Oracle::descriptors() const {
  Descriptors found;
  std::error_code gone;
  for (const auto& entry :
       fs::directory_iterator("/proc/" + std::to_string(server_.pid()) + "/fd", gone)) {
    std::string target = fs::read_symlink(entry.path(), gone).string();
    if (gone) continue;  // closed meanwhile
    if (target.starts_with((server_.data() / "meta.db").string())) target = kDatabase;
    ++found[target.substr(0, target.find(":["))];
  }
  return found;
}

// Returns all that a client can see of the sentinels, one text for each, the listing first.
std::vector<std::string> Oracle::sentinels() const {
  std::vector<std::string> all;
  HttpClient client(server_);
  const Reply listing = client.request("PROPFIND", "/sentinels/", {{"Depth", "1"}});
  all.push_back("/sentinels/ " + std::to_string(listing.status) + " " +
                without_time_left(listing.body));
  for (std::size_t number = 0; number + 1 < kSentinels; ++number) {
    const Reply reply = client.request("GET", sentinel(number));
    all.push_back(sentinel(number) + " " + std::to_string(reply.status) + " " +
                  std::string(reply.field("ETag")) + " " + reply.body);
  }
  return all;
}

void Oracle::accept_memory() {
  if (runs_with(pid_, "/libasan.so")) resident_bytes_ = std::max(resident_bytes_, resident_bytes());
}

std::string Oracle::process() const {
  siginfo_t ended{};
  if (server_.pid() != pid_) return "the server was restarted";
  if (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      ended.si_pid != 0)
    return "the server ended; it printed\n" + server_.output();
  return "";
}

std::string Oracle::output() {
  const std::string text = server_.output_since(read_output_);
  const auto raw = std::find_if(text.begin(), text.end(), [](char c) {
    return (c >= '\0' && c < ' ' && c != '\n') || c == '\x7f';
  });
  if (raw == text.end()) return "";
  const auto position = static_cast<std::size_t>(raw - text.begin());
  return "the server printed a control byte: " +
         text.substr(position - std::min<std::size_t>(position, 200), 400);
}

// Returns what has not returned to the baseline yet, and still may.
std::string Oracle::unsettled() const {
  std::vector<std::string> problems;
  for (const auto& [target, count] : descriptors()) {
    const auto before = descriptors_.find(target);
    std::size_t most = before == descriptors_.end() ? 0 : before->second;
    if (target == kDatabase) most = kDatabaseDescriptors;
    if (count > most)
      problems.push_back(std::to_string(count) + " descriptors of " + target + ", more than " +
                         std::to_string(most));
  }
  for (const fs::path& file : staged_files(server_.data()))
    problems.push_back("left behind: " + file.string());
  const auto now = resident_bytes();
  if (judges_memory_ && now > resident_bytes_ + kMemoryGrowthBytes)
    problems.push_back("memory grew by " + std::to_string((now - resident_bytes_) >> 20) + " MiB");
  return list(problems);
}

std::string Oracle::canary() {
  if (auto wrong = process(); !wrong.empty()) return wrong;
  const Canary::Song song = canary_.sing();
  if (!song.wrong.empty() || song.slowest <= kCanaryLimit || machine_is_slow(canary_))
    return song.wrong;
  return "the canary waited " +
         std::to_string(std::chrono::duration_cast<milliseconds>(song.slowest).count()) + " ms";
}

std::string Oracle::check() {
  if (auto wrong = process(); !wrong.empty()) return wrong;
  std::vector<std::string> problems{canary()};
  try {
    const auto now = sentinels();
    for (std::size_t i = 0; i < now.size(); ++i)
      if (now[i] != sentinels_[i]) problems.push_back(difference(sentinels_[i], now[i]));
  } catch (const HttpFailure& failure) {
    problems.push_back(std::string("the sentinels cannot be read: ") + failure.what());
  }
  const auto deadline = steady_clock::now() + settle_;
  std::string late = unsettled();
  while (!late.empty() && steady_clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(5));
    late = unsettled();
  }
  problems.push_back(late);
  problems.push_back(output());
  // An ending process closes its sockets before it is gone.
  if (!list(problems).empty()) std::this_thread::sleep_for(milliseconds(200));
  problems.push_back(process());
  return list(problems);
}

std::string Oracle::finish() {
  std::vector<std::string> problems{check()};
  if (const int code = server_.running() ? server_.stop() : -1; code != 0)
    problems.push_back("the server ended with " + std::to_string(code) + " and printed\n" +
                       server_.output());
  problems.push_back(output());
  return list(problems);
}

}  // namespace holdfast::test
