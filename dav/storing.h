// Stores new content at a URL: what PUT (RFC 9110 §9.3.4, RFC 4918 §9.7) and uploads that go on
// after a break (dav/staged_upload.h) have in common. A request runs check_target and check_room in
// a snapshot before it takes the bytes, and store() judges all of it again in the transaction that
// commits. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "dav/call.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/leases.h"
#include "storage/content.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// Makes all checks but those of room, in the order of docs/conflicts.md#order-of-the-checks. Throws
// Error 403, 405, 409, 412 or 423.
void check_target(const Call& call, const Conditions& conditions, const storage::Snapshot& snapshot,
                  const storage::Resolution& target);

// Refuses what does not fit; returns the most bytes that the quota of the file's future owner
// permits. With `early`, the bytes are still to come. Throws Error 413 or 507.
[[nodiscard]] std::uint64_t check_room(const Call& call, const storage::Snapshot& snapshot,
                                       const storage::Resolution& target,
                                       std::optional<std::uint64_t> length, bool early);

// Reserves space for the next bytes of a body. Throws Error 507.
void reserve(const Call& call, storage::SpaceLedger::Reservation& space, std::uint64_t bytes);

// Calls `rest` whenever the client is slow, while this exists.
class RestsWhenSlow {
 public:
  RestsWhenSlow(Body& body, std::function<void()> rest) : body_(body) {
    body_.when_slow(std::move(rest));
  }
  ~RestsWhenSlow() { body_.when_slow({}); }
  RestsWhenSlow(const RestsWhenSlow&) = delete;
  RestsWhenSlow& operator=(const RestsWhenSlow&) = delete;

 private:
  Body& body_;
};

// What the response says about the file.
struct Outcome {
  bool replaced = false;
  std::string etag;
  std::string last_modified;
  std::int64_t content = 0;  // the id of the stored content; 0: none was stored
  storage::NodeId id = 0;    // of the file; 0: none was stored
};

// Returns the outcome for a file that is accepted and not stored (dav/junk.h). It has validators,
// because without one Finder requests the file at once and finds none.
[[nodiscard]] Outcome discarded(const storage::Resolution& target, storage::Millis now);

struct NewContent {
  const storage::Content& content;  // of the sealed upload
  std::optional<storage::Millis> modified;
  const ExpectedChecksums& checksums;
  // Whether room and checksums were judged before. Otherwise store() judges them, too.
  bool judged = false;
  // The content (Resource::content) that the file must still have, because the new one was made of
  // it. Otherwise store() refuses with 409.
  std::optional<std::int64_t> replaces{};
};

// Stores the sealed upload as the content of the call's target, in one transaction that judges it
// first. `locks` may be null. Throws Error as check_target and check_room do, 400 for a wrong
// checksum, and storage::Error; then no row names the content.
[[nodiscard]] Outcome store(Call& call, const Conditions& conditions, const HeldLocks* locks,
                            storage::Upload& upload, const NewContent& what);

}  // namespace holdfast::dav
