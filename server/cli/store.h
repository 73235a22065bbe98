// An open data folder for the commands, and the function that opens one. Only main.cc knows the
// implementation; tests open a store in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "server/config/config.h"
#include "storage/content.h"
#include "storage/namespace.h"
#include "storage/open.h"
#include "storage/staging.h"

namespace holdfast::server::cli {

// Bounds of the disk space reserved for removals on a full disk (docs/storage.md), which is a 32nd
// of the disk.
inline constexpr std::uint64_t kLeastReserveBytes = 512 * 1024;
inline constexpr std::uint64_t kMostReserveBytes = 8 * 1024 * 1024;

// Members are destroyed from the last to the first, so the folder's lock is released last.
struct Store {
  std::shared_ptr<void> folder;
  std::unique_ptr<storage::ContentStore> contents;
  std::unique_ptr<storage::Staging> staging;  // null in tests that need none
  std::unique_ptr<storage::Namespace> names;
  bool read_only = false;  // the disk is read-only: nothing can be written
};

enum class Opening {
  existing,  // refuse a folder that holds no store
  made_if_missing,
};

// Opens the data folder that the settings name, exclusively (flock). Throws UsageError with one
// sentence when it cannot be used.
using OpenStore = std::function<Store(const config::Config&, Opening, storage::OnFailure)>;

}  // namespace holdfast::server::cli
