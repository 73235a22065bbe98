// Content files that no row names. A process that is killed between the renaming of a file and the
// commit that would have named it leaves a few of them, which nobody misses. Many mean that the
// rows are older than the files: the log was deleted, or an old database put beside newer content.
// Then they may be all that is left of what users stored. One thread.
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

// Counts those that no upload holds. Calls `tick` often; what that throws ends it.
[[nodiscard]] Unnamed count_unnamed(const Namespace& names, ContentStore& content,
                                    const std::function<void()>& tick);

// Removes them when they are few; sets them aside (ContentStore::set_aside) when they are many,
// which it knows before it touches the first. Returns what it found.
[[nodiscard]] Unnamed sweep(const Namespace& names, ContentStore& content,
                            const std::function<void()>& tick);

// "3 content files of 4096 bytes".
[[nodiscard]] std::string to_string(const Unnamed& unnamed);

// What was done to many, and what to do now: whole sentences.
[[nodiscard]] std::string set_aside_message(const Unnamed& unnamed);

}  // namespace holdfast::storage
