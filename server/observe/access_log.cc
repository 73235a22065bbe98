#include "server/observe/access_log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

#include "dav/http.h"

namespace holdfast::server {
namespace {

constexpr std::size_t kShortTextLimitBytes = 256;  // method, user, client
constexpr std::size_t kWakeBytes = 64 * 1024;
constexpr std::size_t kTokenKeptBytes = 8;

bool is_regular(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

void append_number(std::string& out, std::int64_t value) {
  std::array<char, 24> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  static_cast<void>(error);  // the buffer holds every 64-bit number
  out.append(digits.data(), end);
}

// "2026-11-22T11:06:22.123Z". Most lines of a second share its first nineteen characters.
void append_time(std::string& out, storage::Millis now) {
  thread_local std::time_t known = -1;
  thread_local std::array<char, 32> text{};
  const std::time_t seconds = now / 1000;
  if (seconds != known) {
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
    known = seconds;
  }
  out += text.data();
  const int millis = static_cast<int>(now % 1000);
  out += static_cast<char>('0' + millis / 100);
  out += static_cast<char>('0' + millis / 10 % 10);
  out += static_cast<char>('0' + millis % 10);
  out += 'Z';
}

// Bytes of the well-formed UTF-8 sequence that `text` starts with; 0 when it is none (RFC 3629 §4).
std::size_t sequence_length(std::string_view text) {
  const auto at = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&at](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && at(1) < 0xA0;
    const bool surrogate = lead == 0xED && at(1) > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && at(1) < 0x90;
    const bool beyond = lead == 0xF4 && at(1) > 0x8F;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

bool is_token_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

// Appends `text` with every lock token cut short: who reads the log must not be able to use it.
void append_masked(std::string& out, std::string_view text) {
  static constexpr std::array<std::string_view, 2> kMarks = {"uuid:", "opaquelocktoken:"};
  while (true) {
    std::size_t start = std::string_view::npos;
    for (const std::string_view mark : kMarks)
      if (const std::size_t at = text.find(mark); at != std::string_view::npos)
        start = std::min(start, at + mark.size());
    if (start == std::string_view::npos) break;
    std::size_t end = start;
    while (end < text.size() && is_token_byte(text[end])) ++end;
    const std::size_t kept = std::min(end, start + kTokenKeptBytes);
    append_json_text(out, text.substr(0, kept), AccessLog::kTextLimitBytes);
    if (kept != end) out += "…";
    text.remove_prefix(end);
  }
  append_json_text(out, text, AccessLog::kTextLimitBytes);
}

}  // namespace

void append_json_text(std::string& out, std::string_view text, std::size_t limit) {
  const bool cut = text.size() > limit;
  text = text.substr(0, limit);
  while (!text.empty()) {
    const unsigned char c = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text.front();
    } else if (c < 0x20 || c == 0x7f) {
      static constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else if (c < 0x80) {
      out += text.front();
    } else {
      length = sequence_length(text);
      // C1 controls are as good as escape sequences to some terminals.
      const bool control = length == 2 && c == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
      if (length == 0 || control)
        out += "\\ufffd";
      else
        out += text.substr(0, length);
      length = std::max<std::size_t>(length, 1);
    }
    text.remove_prefix(length);
  }
  if (cut) out += "…";
}

void append_access_line(std::string& out, const AccessRecord& record, storage::Millis now) {
  out += "{\"time\":\"";
  append_time(out, now);
  out += "\",\"method\":\"";
  append_json_text(out, record.method, kShortTextLimitBytes);
  out += "\",\"path\":\"";
  append_masked(out, record.target.substr(0, record.target.find('?')));
  out += "\",\"status\":";
  append_number(out, record.status);
  out += ",\"bytes\":";
  append_number(out, static_cast<std::int64_t>(record.response_bytes));
  out += ",\"received\":";
  append_number(out, static_cast<std::int64_t>(record.request_bytes));
  out += ",\"microseconds\":";
  append_number(out, record.microseconds);
  out += ",\"user\":\"";
  append_json_text(out, record.user, kShortTextLimitBytes);
  out += "\",\"client\":\"";
  append_json_text(out, record.client, kShortTextLimitBytes);
  out += '"';
  if (!record.detail.empty()) {
    out += ",\"detail\":\"";
    append_masked(out, record.detail);
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
    // Let a few more lines come, so that a busy server writes many at once.
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
    // Without a new file the old one goes on being written.
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
    append_number(text, static_cast<std::int64_t>(dropped - reported_));
    text += "}\n";
  }
  if (write_all(text) != text.size()) return lose(lines);
  reported_ = dropped;
  lose(lines.substr(write_all(lines)));
}

std::size_t AccessLog::write_all(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    // A pipe that is ready takes PIPE_BUF bytes without blocking; a file is always ready.
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

}  // namespace holdfast::server
