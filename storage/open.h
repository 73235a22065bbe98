// Options and errors of opening a data folder. Plain values; any thread.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

namespace holdfast::storage {

// When a write is acknowledged (docs/robustness.md G1, G11; docs/storage.md describes both in
// full).
enum class Durability {
  full,     // once it is on disk
  relaxed,  // once the operating system has it: survives a killed process; a power cut may take
            // the last moments, all of them since some instant
};

// Why the store refuses every further write until it is opened again.
struct Failure {
  std::string detail;
  // True when the disk became read-only: what is stored can still be read. False when readers may
  // see another state than the next start will find, so the program should end and start again
  // (docs/robustness.md G10).
  bool read_only = false;
};

// Called once, from the thread in which the failure occurred. Must not throw or wait.
using OnFailure = std::function<void(const Failure&)>;

// Thrown when the folder or the database cannot be used; nothing was changed. what() is one plain
// sentence for the person who started the program.
class OpenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace holdfast::storage
