#include "server/observe/audit_log.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "server/observe/access_log.h"
#include "text/ascii.h"
#include "text/json.h"

namespace holdfast::server::observe {
namespace {

// Paths are never cut: a line must say which resource was changed. The longest path that the
// settings allow has 64 KiB, thrice as many percent-encoded.
constexpr std::size_t kTextLimitBytes = 256 * 1024;

int open_file(const std::string& path) {
  return ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                0600);
}

// Returns the size of a regular file; nullopt for anything else.
std::optional<std::uint64_t> size_of(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(info.st_size);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(",\"").append(name).append("\":\"");
  text::append_json_text(out, value, kTextLimitBytes);
  out += '"';
}

// Returns true when the last byte of the file, which has `size` bytes, ends a line.
bool ends_a_line(int fd, std::uint64_t size) {
  char last = '\n';
  return size == 0 || (::pread(fd, &last, 1, static_cast<off_t>(size - 1)) == 1 && last == '\n');
}

}  // namespace

void append_audit_line(std::string& out, const AuditRecord& record, storage::Millis now) {
  out += "{\"time\":\"";
  append_log_time(out, now);
  out += '"';
  append_field(out, "over", record.over);
  append_field(out, "from", record.from);
  append_field(out, "account", record.account);
  append_field(out, "token", record.token);
  append_field(out, "method", record.method);
  append_field(out, "path", record.path);
  append_field(out, "destination", record.destination);
  append_field(out, "subject", record.subject);
  append_field(out, "detail", record.detail);
  if (record.status != 0) {
    out += ",\"status\":";
    text::append_number(out, record.status);
  }
  if (record.bytes) {
    out += ",\"bytes\":";
    text::append_number(out, *record.bytes);
  }
  out += "}\n";
}

AuditLog::AuditLog(Options options, const storage::Clock& clock,
                   std::function<void(const std::string&)> tell)
    : options_(std::move(options)), clock_(clock), tell_(std::move(tell)) {
  fd_ = open_file(options_.path);
  const int error = errno;
  const std::optional<std::uint64_t> size = fd_ < 0 ? std::nullopt : size_of(fd_);
  if (!size) {
    if (fd_ >= 0) ::close(fd_);
    throw std::runtime_error(
        "The audit log " + options_.path +
        (fd_ < 0 ? std::string(" cannot be opened: ") + std::strerror(error) : " must be a file") +
        ".");
  }
  size_ = *size;
}

AuditLog::~AuditLog() { ::close(fd_); }

void AuditLog::append(const AuditRecord& record) noexcept try {
  std::string line;
  append_audit_line(line, record, clock_.wall());
  const std::scoped_lock lock(mutex_);
  write(line);
} catch (...) {
  ++lost_;  // without memory there is no line
}

void AuditLog::write(const std::string& line) {
  if (reopen_.exchange(false)) open_again();
  std::string text;
  // Another program, or a machine that crashed, may have left a part of a line.
  if (!ends_a_line(fd_, size_)) text += '\n';
  if (const std::uint64_t lost = lost_; lost != reported_) {
    text += "{\"time\":\"";
    append_log_time(text, clock_.wall());
    text += "\",\"over\":\"server\",\"method\":\"log\",\"detail\":\"";
    text::append_number(text, lost - reported_);
    text += " lines before this one could not be written\"}\n";
  }
  text += line;
  if (size_ > 0 && size_ + text.size() > options_.size_limit_bytes) rotate();
  if (write_whole(text)) {
    reported_ = lost_;
    return;
  }
  const int error = errno;
  const bool first = lost_ == reported_;
  ++lost_;
  if (first)
    tell_("The audit log " + options_.path +
          " cannot be written, and lines are lost: " + std::strerror(error) + ".");
}

void AuditLog::open_again() {
  // When the file cannot be opened, the old one stays in use.
  const int fd = open_file(options_.path);
  const std::optional<std::uint64_t> size = fd < 0 ? std::nullopt : size_of(fd);
  if (!size) {
    if (fd >= 0) ::close(fd);
    return;
  }
  ::close(std::exchange(fd_, fd));
  size_ = *size;
}

void AuditLog::rotate() {
  const auto rotated = [this](unsigned number) {
    return options_.path + "." + std::to_string(number);
  };
  for (unsigned number = options_.kept; number > 1; --number)
    (void)std::rename(rotated(number - 1).c_str(), rotated(number).c_str());
  if (std::rename(options_.path.c_str(), rotated(1).c_str()) == 0) open_again();
}

bool AuditLog::write_whole(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(fd_, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    done += static_cast<std::size_t>(written);
  }
  if (done == text.size()) {
    size_ += done;
    return true;
  }
  const int error = errno;
  // A part of a line would say something that did not happen.
  if (done > 0 && ::ftruncate(fd_, static_cast<off_t>(size_)) != 0) size_ += done;
  errno = error;
  return false;
}

}  // namespace holdfast::server::observe
