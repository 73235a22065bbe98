// Checks the consistency of a whole store, for `holdfast check`: the namespace's own rows, and both
// directions between rows and content files. Every problem of a content names the paths of the
// resources that have it, up to twenty. It may run beside a running server. One thread at a time.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "storage/namespace.h"
#include "storage/sweep.h"

namespace holdfast::storage {

struct CheckOptions {
  bool hashes = false;  // read every content and compare its SHA-256
  // Repairs what follows from other data: counts, references, files that no row names, and missing
  // files that were set aside. Never removes a resource.
  bool repair = false;
  // Ends the check early, by Error{unavailable}.
  std::stop_token stop = {};
};

struct CheckReport {
  std::vector<std::string> problems;  // one plain sentence each
  std::uint64_t resources = 0;
  std::uint64_t contents = 0;
  std::uint64_t files = 0;  // content files
  std::uint64_t file_bytes = 0;
  // Content files that belong to no resource. They are a problem only when they are many. With
  // `repair` they were removed or set aside.
  Unnamed unnamed;
  std::uint64_t repaired = 0;  // rows and files among the problems

  [[nodiscard]] bool sound() const { return problems.empty(); }
};

[[nodiscard]] CheckReport check(Namespace& names, ContentStore& content, CheckOptions options);

}  // namespace holdfast::storage
