#include "storage/files/sound_contents.h"

#include <initializer_list>

namespace holdfast::storage::files {

namespace {

// Hashes the words by FNV-1a, each spread over all bits first (the finalizer of splitmix64). Nobody
// can choose a blob's name, an inode or a content's number, so no secret is needed.
std::uint64_t spread(std::initializer_list<std::uint64_t> words) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (std::uint64_t word : words) {
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
    word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
    sum = (sum ^ word ^ (word >> 31)) * 0x100000001b3;
    sum ^= sum >> 32;
  }
  return sum == 0 ? 1 : sum;
}

}  // namespace

Mark::Mark(std::string_view blob, const struct stat& file)
    : value_(spread({1, std::hash<std::string_view>()(blob), file.st_ino,
                     static_cast<std::uint64_t>(file.st_size),
                     static_cast<std::uint64_t>(file.st_mtim.tv_sec),
                     static_cast<std::uint64_t>(file.st_mtim.tv_nsec)})) {}

Mark::Mark(std::int64_t id) : value_(spread({2, static_cast<std::uint64_t>(id)})) {}

}  // namespace holdfast::storage::files
