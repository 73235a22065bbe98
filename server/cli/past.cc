#include "server/cli/past.h"

#include <algorithm>
#include <string>
#include <vector>

#include "http/date.h"
#include "server/cli/account_views.h"
#include "server/cli/table.h"
#include "server/cli/values.h"
#include "server/json/writer.h"
#include "storage/undo.h"
#include "text/ascii.h"

namespace holdfast::server::cli {
namespace {

using process::UsageError;
using storage::Flush;
using storage::Instant;
using storage::NamedSnapshot;
using storage::PastMember;
using storage::Path;
using storage::Snapshot;
using storage::Transaction;

constexpr std::size_t kMostPast = 100'000;
constexpr std::size_t kLongestName = 64;

// A name begins with a letter, so that it is no time.
bool is_snapshot_name(std::string_view name) {
  constexpr auto kBytes = text::ByteSet::alphanumeric_and("-_.");
  return !name.empty() && name.size() <= kLongestName && text::is_letter(name.front()) &&
         kBytes.has_all(name);
}

Instant instant_of(const Snapshot& snapshot, storage::Millis time) {
  if (time / 1000 > snapshot.wall_now() / 1000) throw UsageError("That time has not come yet.");
  if (const auto instant = snapshot.instant_at(time)) return *instant;
  throw UsageError("The history begins later, at " + moment(snapshot.horizon().begins_at) + ".");
}

// Returns a sentence about what is missing of this instant; empty when nothing is. What a snapshot
// of this instant holds is there.
std::string missing_of(const Snapshot& snapshot, const Instant& instant) {
  const storage::Horizon horizon = snapshot.horizon();
  if (instant.node >= horizon.whole.node) return {};
  for (const NamedSnapshot& held : snapshot.named_snapshots())
    if (held.instant.node == instant.node) return {};
  return "Some of what was there then is gone for good: the history is whole since " +
         moment(horizon.whole_at);
}

std::string note_of(const PastMember& member) { return member.later ? "later content" : ""; }

PastMember past_at(const Snapshot& snapshot, const Instant& instant, const Path& path) {
  if (auto then = snapshot.resolve_at(instant, path)) return *std::move(then);
  throw UsageError("There was nothing at " + shown(path) + " then.");
}

}  // namespace

Instant parse_instant(const Snapshot& snapshot, std::string_view text) {
  if (const auto ids = storage::instant_of(text)) {
    if (ids->node > snapshot.present_instant().node)
      throw UsageError("That instant has not come yet.");
    return *ids;
  }
  if (is_snapshot_name(text)) {
    for (const NamedSnapshot& held : snapshot.named_snapshots())
      if (held.name == text) return held.instant;
    throw UsageError("There is no snapshot " + in_quotes(text) + ".");
  }
  const bool has_unit = !text.empty() && text::is_letter(text.back()) && text.back() != 'Z';
  if (has_unit && text.find_first_of("-:, ") == std::string_view::npos)
    return instant_of(snapshot, snapshot.wall_now() - parse_expiry_s(text) * 1000);
  if (const auto second = http::parse_any_date(text)) return instant_of(snapshot, *second * 1000);
  throw UsageError(
      "A time is like 30m, 2h or 7d before now, like 2026-11-30T14:00:00Z, or the name of a "
      "snapshot, and not " +
      in_quotes(text) + ".");
}

ControlReply show_history(const storage::Namespace& names, const UserRequest& request) {
  const auto snapshot = names.snapshot();
  const storage::Horizon horizon = snapshot->horizon();
  if (request.has("json")) {
    json::Writer out;
    out.object([&] {
      out.member("whole_since", moment(horizon.whole_at));
      out.member("begins", moment(horizon.begins_at));
      out.member("now", storage::text_of(snapshot->present_instant()));
    });
    return {0, out.text()};
  }
  std::string text = "The tree can be seen whole as it was since " + moment(horizon.whole_at);
  if (horizon.begins_at < horizon.whole_at)
    text += ", and in part since " + moment(horizon.begins_at);
  return {0, text + ".\n"};
}

ControlReply list_past(const storage::Namespace& names, const UserRequest& request) {
  const auto snapshot = names.snapshot();
  const Path path = parse_path(request.value("path"));
  const Instant instant = parse_instant(*snapshot, request.value("at"));
  const PastMember top = past_at(*snapshot, instant, path);
  const std::string missing = missing_of(*snapshot, instant);
  Table table = {{"BYTES", "MODIFIED", "NOTE", "NAME"}};
  json::Writer out;
  const auto show = [&](const PastMember& member) {
    if (table.size() > kMostPast) return;
    const storage::Resource& resource = member.resource;
    const bool file = !resource.is_collection();
    out.object([&] {
      out.member("name", resource.name);
      out.member("collection", resource.is_collection());
      out.member("bytes", file ? std::optional(resource.size) : std::nullopt);
      out.member("modified", moment(resource.modified.at));
      out.member("later", member.later);
    });
    table.push_back({file ? std::to_string(resource.size) : "-", moment(resource.modified.at),
                     note_of(member), shown(std::string_view(resource.name)) + (file ? "" : "/")});
  };
  out.object([&] {
    out.member("path", shown(path));
    out.member("instant", storage::text_of(instant));
    out.member("whole", missing.empty());
    out.key("members").array([&] {
      if (top.resource.is_collection()) {
        snapshot->members_at(instant, top.resource.id, show);
      } else {
        show(top);
      }
    });
  });
  if (request.has("json")) return {0, out.text()};
  std::string text = table.size() == 1 ? std::string() : text_of(table);
  text += counted(table.size() - 1, "resource", "resources") +
          (table.size() > kMostPast ? ", and perhaps more.\n" : ".\n");
  if (!missing.empty()) text += missing + ".\n";
  return {0, text};
}

ControlReply undo_past(storage::Namespace& names, const UserRequest& request) {
  const Path path = parse_path(request.value("path"));
  storage::Undone done;
  Instant before;
  std::optional<std::string> question;
  names.write(Flush::required, [&](Transaction& tx) {
    question.reset();
    const Instant instant = parse_instant(tx, request.value("at"));
    static_cast<void>(past_at(tx, instant, path));
    const storage::Resolution now = tx.resolve(path);
    if (!path.is_root() && (!now.parent || !now.parent->is_collection()))
      throw UsageError("There is no collection " + shown(path.parent()) +
                       " now: undo what has become of it first.");
    if (!request.has("break-locks")) {
      bool locked = !now.locks.empty() || (!now.mapped() && !now.parent_locks.empty());
      if (now.mapped())
        tx.locks_within(*now.resource, storage::Among::all, [&](const storage::Lock&) {
          locked = true;
          return false;
        });
      if (locked)
        throw UsageError(
            "Somebody has a lock there: holdfast lock list says who. --break-locks "
            "goes on without it.");
    }
    const std::string missing = missing_of(tx, instant);
    if (!missing.empty() && !request.has("yes")) {
      question = missing;
      return;
    }
    before = tx.present_instant();
    done = storage::undo(tx, path, instant);
  });
  if (question) return {kAsksExit, *question};
  if (done.changes() == 0) return {0, shown(path) + " is as it was then. Nothing was changed.\n"};
  std::string text = shown(path) + " is as it was then:\n";
  const auto line = [&](std::uint64_t number, const char* what) {
    if (number > 0) text += "  " + std::to_string(number) + " " + what + "\n";
  };
  line(done.moved, "brought back to their places");
  line(done.restored, "restored from the trash or from versions");
  line(done.copied, "copied back, because they have moved out of it");
  line(done.contents, "with their content of then");
  line(done.removed, "put into the trash, because they came since");
  line(done.later, "with a later content: that of then is not kept");
  return {0, text + "To undo this: holdfast history undo " + shown(path) + " --at " +
                 storage::text_of(before) + "\n"};
}

ControlReply add_snapshot(storage::Namespace& names, const UserRequest& request) {
  const std::string name(request.value("snapshot"));
  if (!is_snapshot_name(name))
    throw UsageError(
        "A snapshot's name has 1 to 64 letters, digits, dots, dashes and underscores, "
        "and begins with a letter; not " +
        in_quotes(name) + ".");
  const Path path = request.has("path") ? parse_path(request.value("path")) : Path();
  names.write(Flush::required, [&](Transaction& tx) {
    for (const NamedSnapshot& each : tx.named_snapshots())
      if (each.name == name) throw UsageError("The name " + in_quotes(name) + " is taken.");
    const storage::Resolution at = tx.resolve(path);
    if (!at.mapped() || !at.resource->is_collection())
      throw UsageError("There is no collection " + shown(path) + ".");
    NamedSnapshot snapshot;
    snapshot.name = name;
    snapshot.root = at.resource->id;
    snapshot.path = at.stored;
    tx.add_snapshot(std::move(snapshot));
  });
  return {0, "Snapshot " + name + " of " + shown(path) + " added.\n"};
}

ControlReply list_snapshots(const storage::Namespace& names, const UserRequest& request) {
  const std::vector<NamedSnapshot> all = names.snapshot()->named_snapshots();
  if (request.has("json")) {
    json::Writer out;
    out.object([&] {
      out.key("snapshots").array([&] {
        for (const NamedSnapshot& each : all)
          out.object([&] {
            out.member("name", each.name);
            out.member("created", moment(each.created));
            out.member("path", shown(each.path));
          });
      });
    });
    return {0, out.text()};
  }
  Table table = {{"NAME", "CREATED", "PATH"}};
  for (const NamedSnapshot& each : all)
    table.push_back({each.name, moment(each.created), shown(each.path)});
  return {0, (all.empty() ? std::string() : text_of(table)) +
                 counted(all.size(), "snapshot", "snapshots") + ".\n"};
}

ControlReply remove_snapshot(storage::Namespace& names, const UserRequest& request) {
  const std::string name(request.value("snapshot"));
  names.write(Flush::required, [&](Transaction& tx) {
    if (!tx.remove_snapshot(name))
      throw UsageError("There is no snapshot " + in_quotes(name) + ".");
  });
  return {0, "Snapshot " + name + " removed. What it held may be given up.\n"};
}

}  // namespace holdfast::server::cli
