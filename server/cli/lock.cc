#include "server/cli/lock.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "dav/error.h"
#include "dav/path.h"
#include "server/cli/table.h"
#include "server/json/writer.h"
#include "server/observe/access_log.h"
#include "text/json.h"

namespace holdfast::server::cli {
namespace {

constexpr std::size_t kListedLocks = 100'000;
constexpr std::size_t kOwnerLimitBytes = 200;

// Returns "3h 05m", "12m 09s" or "45s".
std::string duration(storage::Millis millis) {
  const std::int64_t seconds = std::max<std::int64_t>(millis / 1000, 0);
  const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  if (seconds >= 3600) return std::to_string(seconds / 3600) + "h " + two(seconds / 60 % 60) + "m";
  if (seconds >= 60) return std::to_string(seconds / 60) + "m " + two(seconds % 60) + "s";
  return std::to_string(seconds) + "s";
}

// Returns the character data of the owner's XML, on one line and safe to print.
std::string owner_text(std::string_view xml) {
  static constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
      {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}}};
  std::string text;
  while (!xml.empty()) {
    std::size_t used = 1;
    if (xml.front() == '<') {
      used = std::min(xml.find('>'), xml.size() - 1) + 1;
    } else {
      char c = xml.front();
      for (const auto& [entity, meaning] : kEntities)
        if (xml.starts_with(entity)) {
          c = meaning;
          used = entity.size();
        }
      if (c == '\n' || c == '\r' || c == '\t') c = ' ';
      text += c;
    }
    xml.remove_prefix(used);
  }
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return "-";
  std::string out;
  text::append_json_text(out, std::string_view(text).substr(first), kOwnerLimitBytes);
  return out;
}

std::string account_text(const storage::Accounts& accounts, storage::AccountId id) {
  const storage::Account* account = accounts.find(id);
  std::string out;
  text::append_json_text(out, account ? account->name : "-", observe::AccessLog::kTextLimitBytes);
  return out;
}

std::string path_text(const storage::Path& path) { return dav::href({}, path, false); }

void append_row(std::string& out, const std::array<std::string, 8>& cells) {
  static constexpr std::array<std::size_t, 7> kWidths = {46, 10, 9, 9, 9, 12, 30};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out += cells[i];
    if (i == kWidths.size()) break;
    out.append(cells[i].size() < kWidths[i] ? kWidths[i] - cells[i].size() : 1, ' ');
  }
  out += '\n';
}

// Parses a path of any length: the lock may be older than the current limits.
storage::Path any_path(std::string_view text) {
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  const dav::UrlSpace space{.prefix = {}, .origins = {}, .limits = {kMost, kMost, kMost}};
  return dav::parse_reference(text, space, "").path;
}

std::string json_of(const std::vector<storage::Lock>& locks, const storage::Accounts& accounts,
                    storage::Millis now) {
  json::Writer out;
  out.object([&] {
    out.key("locks").array([&] {
      for (const storage::Lock& lock : locks)
        out.object([&] {
          const storage::Account* creator = accounts.find(lock.creator);
          out.member("token", lock.token);
          out.member("scope", lock.scope == storage::LockScope::exclusive ? "exclusive" : "shared");
          out.member("depth", lock.infinite ? "infinity" : "0");
          out.member("age_seconds", std::max<storage::Millis>(now - lock.granted, 0) / 1000);
          out.member("left_seconds", std::max<storage::Millis>(lock.expires() - now, 0) / 1000);
          out.member("account", creator ? std::optional(creator->name) : std::nullopt);
          out.member("path", path_text(lock.root));
          out.member("owner", lock.owner);
        });
    });
  });
  return out.text();
}

std::string count_text(std::size_t count) { return counted(count, "lock", "locks"); }

ControlReply no_lock(std::string_view which) {
  std::string text = "No lock is found for ";
  text::append_json_text(text, which, observe::AccessLog::kTextLimitBytes);
  return {1, text + ".\n"};
}

}  // namespace

ControlReply list_locks(const storage::Namespace& names, bool json) {
  const auto accounts = names.accounts();
  const auto snapshot = names.snapshot();
  const std::vector<storage::Lock> locks = snapshot->all_locks(kListedLocks);
  if (json) return {0, json_of(locks, *accounts, snapshot->lease_now())};
  ControlReply reply;
  if (!locks.empty())
    append_row(reply.text, {"TOKEN", "SCOPE", "DEPTH", "AGE", "LEFT", "ACCOUNT", "PATH", "OWNER"});
  const storage::Millis now = snapshot->lease_now();
  for (const storage::Lock& lock : locks)
    append_row(reply.text,
               {lock.token, lock.scope == storage::LockScope::exclusive ? "exclusive" : "shared",
                lock.infinite ? "infinity" : "0", duration(now - lock.granted),
                duration(lock.expires() - now), account_text(*accounts, lock.creator),
                path_text(lock.root), owner_text(lock.owner)});
  reply.text += count_text(locks.size());
  reply.text += locks.size() == kListedLocks ? ", and perhaps more.\n" : ".\n";
  return reply;
}

ControlReply break_lock(storage::Namespace& names, std::string_view which) {
  std::size_t removed = 0;
  try {
    const bool by_path = which.starts_with('/');
    std::optional<storage::Lock> named;
    // The search may read all locks, so it runs on a snapshot, where no write waits for it.
    if (!by_path && !(named = names.snapshot()->find_lock(which))) return no_lock(which);
    const storage::Path path = by_path ? any_path(which) : named->root;
    names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      removed = 0;
      const storage::Resolution at = tx.resolve(path);
      if (!by_path) {
        if (const auto lock = tx.find_lock(at, which)) removed = tx.remove_lock(*lock) ? 1 : 0;
        return;
      }
      for (const storage::Lock& lock : at.locks)
        if (at.mapped() && lock.root_id == at.resource->id && tx.remove_lock(lock)) ++removed;
    });
  } catch (const dav::Error& error) {
    return {1, "That is no path: " + error.detail + "\n"};
  }
  if (removed == 0) return no_lock(which);
  return {0, count_text(removed) + " removed.\n"};
}

}  // namespace holdfast::server::cli
