#include "server/observe/access_log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

#include "http/date.h"
#include "http/origin.h"
#include "text/ascii.h"
#include "text/json.h"

namespace holdfast::server::observe {
namespace {

constexpr std::size_t kShortTextLimitBytes = 256;  // method, user, client
constexpr std::size_t kWakeBytes = 64 * 1024;
constexpr std::size_t kTokenKeptBytes = 8;

bool is_regular(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

void append_masked(std::string& out, std::string_view text, std::size_t limit_bytes) {
  static constexpr std::array<std::string_view, 3> kMarks = {
      "uuid:", "opaquelocktoken:", "holdfast_"};
  while (true) {
    std::size_t start = std::string_view::npos;
    for (const std::string_view mark : kMarks)
      if (const std::size_t at = text.find(mark); at != std::string_view::npos)
        start = std::min(start, at + mark.size());
    if (start == std::string_view::npos) break;
    std::size_t end = start;
    while (end < text.size() &&
           (text::is_alphanumeric(text[end]) || text[end] == '-' || text[end] == '_'))
      ++end;
    const std::size_t kept = std::min(end, start + kTokenKeptBytes);
    text::append_json_text(out, text.substr(0, kept), limit_bytes);
    if (kept != end) out += "…";
    text.remove_prefix(end);
  }
  text::append_json_text(out, text, limit_bytes);
}

void append_log_time(std::string& out, storage::Millis now) {
  // The first nineteen characters are kept for all lines of a second.
  thread_local std::int64_t known = -1;
  thread_local std::string text;
  const std::int64_t seconds = now / 1000;
  if (seconds != known) {
    text = http::format_rfc3339(seconds);
    text.back() = '.';  // the Z follows the milliseconds
    known = seconds;
  }
  out += text;
  const int millis = static_cast<int>(now % 1000);
  out += static_cast<char>('0' + millis / 100);
  out += static_cast<char>('0' + millis / 10 % 10);
  out += static_cast<char>('0' + millis % 10);
  out += 'Z';
}

void append_access_line(std::string& out, const AccessRecord& record, storage::Millis now) {
  out += "{\"time\":\"";
  append_log_time(out, now);
  out += "\",\"method\":\"";
  text::append_json_text(out, record.method, kShortTextLimitBytes);
  out += "\",\"path\":\"";
  const auto append_path = [&out](std::string_view target) {
    append_masked(out, target.substr(0, target.find('?')), AccessLog::kTextLimitBytes);
  };
  if (record.target.starts_with('/'))
    append_path(record.target);
  else
    append_path(http::loggable_target(record.target));
  out += "\",\"status\":";
  text::append_number(out, record.status);
  out += ",\"bytes\":";
  text::append_number(out, record.response_bytes);
  out += ",\"received\":";
  text::append_number(out, record.request_bytes);
  out += ",\"microseconds\":";
  text::append_number(out, record.microseconds);
  out += ",\"user\":\"";
  text::append_json_text(out, record.user, kShortTextLimitBytes);
  out += "\",\"client\":\"";
  text::append_json_text(out, record.client, kShortTextLimitBytes);
  out += '"';
  if (!record.detail.empty()) {
    out += ",\"detail\":\"";
    append_masked(out, record.detail, AccessLog::kTextLimitBytes);
    out += '"';
  }
  out += "}\n";
}

int AccessLog::open(const std::string& path) {
  if (path == "-") return STDOUT_FILENO;
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
}

AccessLog::AccessLog(const std::string& path, int opened)
    : path_(path), fd_(opened >= 0 ? opened : open(path)) {
  if (fd_ < 0)
    throw std::runtime_error("The access log " + path +
                             " cannot be opened: " + std::strerror(errno) + ".");
  regular_ = is_regular(fd_);
  thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    give_up_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  }
  wake_.notify_one();
  thread_.join();
  if (fd_ > STDERR_FILENO) ::close(fd_);
}

void AccessLog::append(const AccessRecord& record, storage::Millis now) {
  thread_local std::string line;
  line.clear();
  append_access_line(line, record, now);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (pending_.size() + line.size() > kBufferLimitBytes) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    wake = pending_.empty() ||
           (pending_.size() < kWakeBytes && pending_.size() + line.size() >= kWakeBytes);
    pending_ += line;
  }
  if (wake) wake_.notify_one();
}

void AccessLog::run() {
  std::string lines;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
    // The thread waits for a few more lines, so that a busy server writes many at once.
    wake_.wait_for(lock, kFlushInterval,
                   [this] { return stopping_ || pending_.size() >= kWakeBytes; });
    if (pending_.empty() && stopping_) return;
    lines.clear();
    lines.swap(pending_);
    lock.unlock();
    write_out(lines);
    lock.lock();
  }
}

void AccessLog::write_out(std::string_view lines) {
  if (reopen_.exchange(false) && path_ != "-") {
    // When no new file can be opened, the old one stays in use.
    if (const int fd = open(path_); fd >= 0) {
      ::close(fd_);
      fd_ = fd;
      regular_ = is_regular(fd);
      torn_ = false;
    }
  }

  std::string text;
  if (torn_) text += '\n';
  const std::uint64_t dropped = dropped_.load(std::memory_order_relaxed);
  if (dropped != reported_) {
    text += "{\"dropped\":";
    text::append_number(text, dropped - reported_);
    text += "}\n";
  }
  if (write_all(text) != text.size()) return lose(lines);
  reported_ = dropped;
  lose(lines.substr(write_all(lines)));
}

std::size_t AccessLog::write_all(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    // A pipe that is ready accepts PIPE_BUF bytes without blocking; a file is always ready.
    pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, 100) <= 0) {
      const std::lock_guard lock(mutex_);
      if (stopping_ && std::chrono::steady_clock::now() > give_up_) break;
      continue;
    }
    const std::size_t most = regular_ ? text.size() : PIPE_BUF;
    const ssize_t written = ::write(fd_, text.data() + done, std::min(text.size() - done, most));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written <= 0) break;
    done += static_cast<std::size_t>(written);
    torn_ = text[done - 1] != '\n';
  }
  return done;
}

void AccessLog::lose(std::string_view lines) {
  dropped_.fetch_add(static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n')),
                     std::memory_order_relaxed);
}

}  // namespace holdfast::server::observe
