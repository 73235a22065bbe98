// oc:size of collections: the bytes of the files below that the caller can see. Sums are remembered
// with the collection's change number (Snapshot::last_change), so that after a change only what
// lies above it is added up anew. Collections below which all can be read by all who ask are
// remembered for everybody; the others are added up from them each time. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "dav/caller.h"
#include "dav/options.h"
#include "storage/namespace.h"

namespace holdfast::dav {

class FolderSizes {
 public:
  // The resources that one answer looks at, and the collections that are remembered (some 6 MiB).
  static constexpr std::uint64_t kLooksPerAnswer = 200'000;
  static constexpr std::size_t kRemembered = 100'000;

  // Returns the sum for the collection at `path`, and takes from `looks` how many resources were
  // looked at. Returns nullopt once `looks` is used up; what was added up by then is remembered, so
  // that the next answer goes on from there. The change numbers must be those of a store that
  // counts changes (Options::for_sync_clients).
  [[nodiscard]] std::optional<std::uint64_t> below(const storage::Snapshot& snapshot,
                                                   const std::shared_ptr<const Caller>& caller,
                                                   const Options& options,
                                                   const storage::Path& path, std::uint64_t& looks);

 private:
  struct Sum {
    std::int64_t change = 0;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] std::optional<std::uint64_t> find(const storage::Snapshot& snapshot,
                                                  const storage::Resource& collection);
  void remember(storage::NodeId id, const Sum& sum);

  std::mutex mutex_;
  std::unordered_map<storage::NodeId, Sum> sums_;  // guarded by `mutex_`
};

}  // namespace holdfast::dav
