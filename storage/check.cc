#include "storage/check.h"

#include <map>
#include <utility>

#include "text/ascii.h"

namespace holdfast::storage {

namespace {

constexpr std::size_t kPathsNamed = 20;

// A content with a problem, and the resources that have it.
struct Suspect {
  std::string problem;
  std::vector<std::string> paths;
  std::uint64_t more = 0;
  bool past = false;  // something in the trash, or a version, has it
};
using Suspects = std::map<std::int64_t, Suspect>;

// Returns what is wrong with the file of `content`; empty when nothing is.
std::string problem_of(ContentStore& store, const Content& content, bool hashes) {
  try {
    if (!store.open(content)) return "is missing";
  } catch (const Error& error) {
    if (error.fault() == Fault::corrupt) return "has the wrong size or cannot be read";
    throw;
  }
  if (hashes && !store.verify(content)) return "does not have the SHA-256 it was stored with";
  return {};
}

void stop_if_asked(const CheckOptions& options) {
  if (options.stop.stop_requested())
    throw Error(Fault::unavailable, "The check was stopped before its end.");
}

std::string text_of(std::span<const std::string> segments) {
  std::string text;
  for (const std::string& segment : segments) text += "/" + segment;
  return text::without_controls(text, '?');
}

// This is one walk over the whole tree and the trash, whatever the number of suspects.
void name_resources(const Namespace& names, Suspects& suspects) try {
  const auto snapshot = names.snapshot();
  snapshot->members(snapshot->resolve({}), Depth::infinity, {}, [&](const Member& member) {
    const auto found = suspects.find(member.resource.content);
    if (member.resource.is_collection() || found == suspects.end()) return;
    Suspect& suspect = found->second;
    if (suspect.paths.size() == kPathsNamed) {
      ++suspect.more;
    } else {
      suspect.paths.push_back(text_of(member.segments));
    }
  });
  const auto note = [&](const Resource& file) {
    if (const auto found = suspects.find(file.content); found != suspects.end())
      found->second.past = true;
  };
  snapshot->all_versions(0, [&](const Version& version) {
    note(version.file);
    return true;
  });
  snapshot->trash(0, [&](const TrashEntry& entry) {
    Resolution root;
    root.resource = entry.root;
    snapshot->members(root, Depth::infinity, {},
                      [&](const Member& member) { note(member.resource); });
    return true;
  });
} catch (const Error& error) {
  // A damaged tree cannot be walked to its end. What was found until then is reported.
  if (error.fault() != Fault::corrupt && error.fault() != Fault::busy) throw;
}

std::string sentence(const Suspect& suspect) {
  std::string text = suspect.problem;
  if (suspect.paths.empty() && suspect.past) return text + ": only the trash or versions have it.";
  for (std::size_t i = 0; i < suspect.paths.size(); ++i)
    text += (i == 0 ? ": " : ", ") + suspect.paths[i];
  if (suspect.more > 0) text += " and " + std::to_string(suspect.more) + " more";
  return text + ".";
}

// Finds content files that are not as their rows say.
void look_at_files(const Namespace& names, ContentStore& content, const CheckOptions& options,
                   Suspects& suspects, CheckReport& report) {
  std::map<std::int64_t, std::string> found;
  names.for_each_blob([&](std::int64_t id, const Content& named) {
    stop_if_asked(options);
    std::string problem = problem_of(content, named, options.hashes);
    if (!problem.empty()) found.emplace(id, std::move(problem));
  });
  if (found.empty()) return;
  // While the server runs, a request may have removed the row meanwhile, and the sweep its file.
  names.for_each_blob([&](std::int64_t id, const Content& named) {
    const auto problem = found.find(id);
    if (problem == found.end()) return;
    std::string text = "Content file " + named.blob + " " + problem->second;
    if (options.repair && content.take_back(named)) {
      text += ", and was taken back from the folder lost";
      ++report.repaired;
    }
    suspects[id].problem = std::move(text);
  });
}

}  // namespace

CheckReport check(Namespace& names, ContentStore& content, CheckOptions options) {
  CheckReport report;
  NamespaceCheck rows = names.check(options.repair);
  report.problems = std::move(rows.problems);
  report.resources = rows.resources;
  report.contents = rows.contents;
  report.repaired = rows.repaired;

  Suspects suspects;
  for (const std::int64_t id : rows.incomplete)
    suspects[id].problem = "Content " + std::to_string(id) + " is not in the database as a whole";
  look_at_files(names, content, options, suspects, report);
  if (options.hashes) {
    names.for_each_inline([&](std::int64_t id, const Content& bytes) {
      stop_if_asked(options);
      if (suspects.contains(id) || content.verify(bytes)) return;
      suspects[id].problem =
          "Inline content " + std::to_string(id) + " does not have the SHA-256 it was stored with";
    });
  }
  if (!suspects.empty()) name_resources(names, suspects);
  for (const auto& [id, suspect] : suspects) report.problems.push_back(sentence(suspect));

  content.for_each([&](const std::string&, std::uint64_t size) {
    ++report.files;
    report.file_bytes += size;
  });
  const auto tick = [&] { stop_if_asked(options); };
  report.unnamed =
      options.repair ? sweep(names, content, tick) : count_unnamed(names, content, tick);
  if (report.unnamed.few()) return report;
  report.problems.push_back(options.repair
                                ? set_aside_message(report.unnamed)
                                : to_string(report.unnamed) +
                                      " belong to no resource: the database seems to be older than "
                                      "its content. Another one was put in its place, or a power "
                                      "cut in relaxed durability took what was stored last.");
  if (options.repair) report.repaired += report.unnamed.files;
  return report;
}

}  // namespace holdfast::storage
