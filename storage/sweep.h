// Handles content files that no row names. A process that is killed between the renaming of a file
// and the commit that would have named it leaves a few of them, which nobody needs. Many mean that
// the rows are older than the files: the log was deleted, or an old database put beside newer
// content. Then they may be all that is left of what users stored. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/namespace.h"

namespace holdfast::storage {

struct Unnamed {
  static constexpr std::uint64_t kFew = 64;

  std::uint64_t files = 0;
  std::uint64_t bytes = 0;

  [[nodiscard]] bool few() const { return files <= kFew; }
};

// Counts the files that no row names and no upload holds. Calls `tick` often; an exception that
// `tick` throws ends the count.
[[nodiscard]] Unnamed count_unnamed(const Namespace& names, ContentStore& content,
                                    const std::function<void()>& tick);

// Removes these files when they are few; sets them aside (ContentStore::set_aside) when they are
// many. It counts all before it touches the first. Returns what it found.
[[nodiscard]] Unnamed sweep(const Namespace& names, ContentStore& content,
                            const std::function<void()>& tick);

// Returns a text such as "3 content files of 4096 bytes".
[[nodiscard]] std::string to_string(const Unnamed& unnamed);

// Returns whole sentences that say what was done to many unnamed files and what to do now.
[[nodiscard]] std::string set_aside_message(const Unnamed& unnamed);

}  // namespace holdfast::storage
