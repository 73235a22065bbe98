#include "server/cli/audit.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "server/cli/table.h"
#include "server/cli/user_store.h"
#include "server/cli/values.h"
#include "server/json/object.h"
#include "server/observe/access_log.h"
#include "server/observe/event_log.h"
#include "server/process/drop_root.h"
#include "storage/name_key.h"
#include "text/json.h"
#include "text/utf8.h"

namespace holdfast::server::cli {
namespace {

constexpr std::string_view kLockBreak = "lock-break ";
constexpr std::string_view kRepair = "check-repair";
// As much of a lock token as the access log has.
constexpr std::size_t kTokenKeptBytes = std::string_view("urn:uuid:12345678").size();

bool only_reads(const UserRequest& request) {
  for (const char* verb :
       {"look", "list", "show", "session-list", "share-list", "token-list", "group-list", "group-show", "trash-list",
        "versions-list", "history-show", "history-list", "snapshot-list", "upload-list"})
    if (request.verb == verb) return true;
  return false;
}

// Returns "user token add" for "token-add", as the command is typed.
std::string command_of(const std::string& verb) {
  const std::size_t dash = verb.find('-');
  if (dash == std::string::npos) return "user " + verb;
  const std::string area = verb.substr(0, dash);
  const bool of_user = area == "token" || area == "session";
  return (of_user ? "user " : "") + area + " " + verb.substr(dash + 1);
}

// Returns how the request changes its subject. Secrets have other keys than these.
std::string detail_of(const UserRequest& request) {
  std::string text;
  for (const char* key :
       {"right", "new-name", "home", "bytes", "resources", "networks", "id", "label", "read-only",
        "expires", "sha256", "to", "all", "at", "snapshot", "break-locks"}) {
    if (!request.has(key)) continue;
    text.append(text.empty() ? "" : " ").append(key).append("=").append(request.value(key));
  }
  // An account joins or leaves a group: the account is the subject.
  if (request.has("group") && request.has("name"))
    text.append(text.empty() ? "" : " ").append("group=").append(request.value("group"));
  return text;
}

// Returns a path as the lines of requests have it, whatever its spelling.
std::string path_of(std::string_view text) try {
  return text.empty() ? std::string() : shown(parse_path(text));
} catch (const process::UsageError&) {
  return std::string(text);
}

// One file of the log, open.
struct LogFile {
  dev_t device = 0;
  ino_t inode = 0;
  std::ifstream lines;
};

// Opens the log and its older files, the newest first. A rotation meanwhile can only make a file
// appear twice, which is left out.
std::vector<LogFile> open_files(const config::Config& config) {
  const std::string& path = *config.audit_log;
  std::vector<LogFile> files;
  for (unsigned number = 0; number <= config.audit_log_files + 1; ++number) {
    const std::string name = number == 0 ? path : path + "." + std::to_string(number);
    LogFile file;
    struct stat info {};
    if (::stat(name.c_str(), &info) == 0 && S_ISREG(info.st_mode)) file.lines.open(name);
    if (!file.lines.is_open()) {
      if (number == 0 && errno != ENOENT)
        throw process::UsageError("The audit log " + path +
                                  " cannot be read: " + std::strerror(errno) + ".");
      continue;
    }
    file.device = info.st_dev;
    file.inode = info.st_ino;
    const bool known = std::any_of(files.begin(), files.end(), [&](const LogFile& other) {
      return other.device == file.device && other.inode == file.inode;
    });
    if (!known) files.push_back(std::move(file));
  }
  return files;
}

// What the arguments ask for.
struct Filter {
  std::string since;  // a time as the lines have it; empty: all
  std::string account;
  std::optional<storage::Path> path;

  [[nodiscard]] bool shows(const json::Object& line) const {
    if (json::text_of(line, "time") < since) return false;
    if (!account.empty() && json::text_of(line, "account") != account &&
        json::text_of(line, "subject") != account)
      return false;
    return !path || lies_at(line, "path") || lies_at(line, "destination");
  }

 private:
  [[nodiscard]] bool lies_at(const json::Object& line, const char* name) const try {
    const std::string_view text = json::text_of(line, name);
    return !text.empty() && storage::at_or_below(parse_path(text), *path);
  } catch (const process::UsageError&) {
    return false;
  }
};

void append_cell(std::string& row, std::string_view text, std::size_t width) {
  const std::string safe = shown(text.empty() ? "-" : text);
  row += safe;
  const std::size_t length = text::count_code_points(safe);
  row.append(length < width ? width - length + 2 : 2, ' ');
}

std::string row_of(const json::Object& line) {
  const auto text = [&line](const char* name) { return json::text_of(line, name); };
  std::string row;
  append_cell(row, text("time"), 24);
  std::string who(text("account"));
  if (!text("token").empty()) who.append(" (").append(text("token")).append(")");
  append_cell(row, who, 16);
  append_cell(row, text("from"), 15);
  append_cell(row, text("method"), 12);
  const auto status = line.find("status");
  const auto* number = status == line.end() ? nullptr : std::get_if<std::uint64_t>(&status->second);
  append_cell(row, number ? std::to_string(*number) : "-", 6);
  std::string what;
  for (const char* name : {"subject", "path", "destination", "detail"}) {
    if (text(name).empty()) continue;
    what.append(what.empty() ? "" : std::string_view(name) == "destination" ? " -> " : " ");
    // Paths are not cut.
    text::append_json_text(what, text(name));
  }
  return row + (what.empty() ? "-" : what) + "\n";
}

}  // namespace

std::unique_ptr<observe::AuditLog> open_audit_log(const config::Config& config,
                                                  const storage::Clock& clock) try {
  if (!config.audit_log) return nullptr;
  return std::make_unique<observe::AuditLog>(
      observe::AuditLog::Options{.path = *config.audit_log,
                                 .size_limit_bytes = config.audit_log_size_bytes,
                                 .kept = config.audit_log_files},
      clock, observe::log_event);
} catch (const std::runtime_error& error) {
  throw process::UsageError(error.what());
}

bool is_change(std::string_view request) {
  if (request.starts_with(kLockBreak) || request.starts_with(kRepair)) return true;
  const auto user = parse_user_request(request);
  return user && !only_reads(*user);
}

void record_command(observe::AuditLog& log, std::string_view request, uid_t user) {
  const std::string from = "uid " + std::to_string(user);
  if (const auto about = parse_user_request(request)) {
    for (std::string_view rest = about->value("accounts"); !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (const auto each = parse_user_request(line))
        log.append({.over = "command",
                    .from = from,
                    .method = "user import",
                    .subject = each->value("name"),
                    .detail = detail_of(*each)});
    }
    if (about->has("accounts")) return;
    const std::string method = command_of(about->verb);
    const std::string detail = detail_of(*about);
    const std::string path = path_of(about->value("path"));
    log.append({.over = "command",
                .from = from,
                .method = method,
                .path = path,
                .subject = about->value(about->has("name") ? "name" : "group"),
                .detail = detail});
    return;
  }
  if (!request.starts_with(kLockBreak)) {
    log.append({.over = "command", .from = from, .method = "check --repair"});
    return;
  }
  const std::string_view lock = request.substr(kLockBreak.size());
  const bool is_path = lock.starts_with('/');
  const std::string path = is_path ? path_of(lock) : std::string();
  log.append({.over = "command",
              .from = from,
              .method = "lock break",
              .path = path,
              .detail = is_path ? std::string_view() : lock.substr(0, kTokenKeptBytes)});
}

int print_audit_log(const Invocation& invocation, std::FILE* out) {
  const config::Config& config = invocation.config;
  if (!config.audit_log)
    throw process::UsageError("There is no audit log: say which with --audit-log FILE.");
  Filter filter;
  if (invocation.log.since) {
    const std::string& since = *invocation.log.since;
    std::int64_t seconds = 0;
    try {
      seconds = config::parse_seconds(since);
    } catch (const process::UsageError& error) {
      throw process::UsageError("The time " + in_quotes(since) +
                                " cannot be used: " + error.what() + ".");
    }
    const storage::Millis now = storage::SystemClock().wall();
    observe::append_log_time(filter.since,
                             seconds > now / 1000 ? storage::Millis{0} : now - seconds * 1000);
  }
  if (invocation.log.account) filter.account = storage::NameKey(*invocation.log.account).view();
  if (invocation.log.path) filter.path = parse_path(*invocation.log.path);
  process::work_as_owner(config.data);
  std::vector<LogFile> files = open_files(config);
  std::uint64_t unreadable = 0;
  for (auto file = files.rbegin(); file != files.rend(); ++file)
    for (std::string line; std::getline(file->lines, line);) {
      const std::optional<json::Object> parsed = json::parse_object(line);
      if (!parsed) {
        unreadable += line.empty() ? 0 : 1;
        continue;
      }
      if (!filter.shows(*parsed)) continue;
      const std::string text = invocation.json ? line + "\n" : row_of(*parsed);
      // A reader such as head may want no more.
      if (std::fputs(text.c_str(), out) < 0) return 0;
    }
  if (unreadable > 0)
    std::fputs(("holdfast: " + counted(unreadable, "line", "lines") +
                " of the audit log cannot be read.\n")
                   .c_str(),
               stderr);
  return 0;
}

}  // namespace holdfast::server::cli
