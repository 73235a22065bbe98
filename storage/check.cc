#include "storage/check.h"

#include <map>

namespace holdfast::storage {

namespace {

// What is wrong with the file of `content`; empty when nothing is.
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

}  // namespace

CheckReport check(Namespace& names, ContentStore& content, CheckOptions options) {
  CheckReport report;
  NamespaceCheck rows = names.check(options.repair);
  report.problems = std::move(rows.problems);
  report.resources = rows.resources;
  report.contents = rows.contents;
  report.repaired = rows.repaired;

  std::map<std::string, std::string> suspects;
  names.for_each_blob([&](const Content& named) {
    stop_if_asked(options);
    std::string problem = problem_of(content, named, options.hashes);
    if (!problem.empty()) suspects.emplace(named.blob, std::move(problem));
  });
  // While the server runs, the row may have gone meanwhile and its file after it.
  if (!suspects.empty()) {
    names.for_each_blob([&](const Content& named) {
      const auto found = suspects.find(named.blob);
      if (found == suspects.end()) return;
      report.problems.push_back("Content file " + named.blob + " " + found->second + ".");
    });
  }
  if (options.hashes) {
    names.for_each_inline([&](std::int64_t id, const Content& bytes) {
      stop_if_asked(options);
      if (content.verify(bytes)) return;
      report.problems.push_back("Inline content " + std::to_string(id) +
                                " does not have the SHA-256 it was stored with.");
    });
  }
  content.for_each([&](const std::string& blob, std::uint64_t size) {
    stop_if_asked(options);
    ++report.files;
    report.file_bytes += size;
    if (names.names_blob(blob)) return;
    report.problems.push_back("Content file " + blob + " belongs to no resource.");
    if (!options.repair) return;
    content.remove(blob);
    ++report.repaired;
  });
  return report;
}

}  // namespace holdfast::storage
