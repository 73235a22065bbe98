// What opening a data folder may ask for and how it refuses. Plain values; any thread.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

namespace holdfast::storage {

// When a write is acknowledged (docs/robustness.md G1, G11; docs/storage.md tells both in full).
enum class Durability {
  full,     // once it is on disk
  relaxed,  // once the operating system has it: survives a killed process; a power cut may take
            // the last moments, all of them since some instant
};

// Why the store refuses every further write until it is opened again.
struct Failure {
  std::string detail;
  // The disk turned read-only: what is stored can be read on. Else what readers see may be other
  // than what a start will find, so the program should end and start again (docs/robustness.md
  // G10).
  bool read_only = false;
};

// Told once, from whatever thread met the failure. Must not throw or wait.
using OnFailure = std::function<void(const Failure&)>;

// The folder or the database cannot be used, and nothing was changed. what() is one plain sentence
// for the person who started the program.
class OpenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace holdfast::storage
