// What can go wrong in storage. An Error ends the request in which it is thrown; dav/error turns it
// into a status (busy and unavailable and read_only 503, full 507, conflict 409, corrupt 500).
// `what()` is for the log only: it may name files and SQL, which no client may see.
#pragma once

#include <stdexcept>
#include <string>

namespace holdfast::storage {

enum class Fault {
  busy,      // another program holds the store, or there is no memory; nothing was changed, and
             // trying again later may succeed
  full,      // no space left, or a limit of the store is reached
  conflict,  // the tree no longer has the shape the caller saw (only a bug or a race can cause it)
  corrupt,   // stored data is damaged or missing
  unavailable,  // the store refuses writes after a failed flush, or is shutting down
  read_only,    // the disk takes no writes; nothing was changed, and what is stored can be read
};

class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& detail) : std::runtime_error(detail), fault_(fault) {}
  [[nodiscard]] Fault fault() const { return fault_; }

 private:
  Fault fault_;
};

// A `full` because a snapshot holds what would have to go (Snapshot::holder).
class HeldError final : public Error {
 public:
  explicit HeldError(const std::string& snapshot)
      : Error(Fault::full, "the snapshot " + snapshot + " holds what would be removed for good") {}
};

}  // namespace holdfast::storage
