// What opening a data folder may ask for and how it refuses. Plain values; any thread.
#pragma once

#include <stdexcept>
#include <string>

namespace holdfast::storage {

// When a write is acknowledged (robustness D1, D11; docs/storage.md tells both in full).
enum class Durability {
  full,     // once it is on disk
  relaxed,  // once the operating system has it: survives a killed process; a power cut may take
            // the last moments, never older content
};

// The folder or the database cannot be used, and nothing was changed. what() is one plain sentence
// for the person who started the program.
class OpenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace holdfast::storage
