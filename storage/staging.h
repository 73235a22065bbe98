// Uploads that outlive a connection and a restart (docs/storage.md#uploads-that-go-on). An upload
// is a row of bytes in the data folder that grows until it is whole, and then becomes the content
// of a file by one write, as the body of a PUT does. Its client learns how many bytes are kept, and
// goes on from there after a break.
//
//   const auto id = staging.create({.account = account, .target = path, .length = 5}, 100);
//   std::unique_ptr<Staged> upload = staging.claim(*id);
//   upload->append(bytes);
//   upload->keep();   // now these bytes are on the disk and counted
//
// Any thread may call the functions of Staging; a Staged belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/content.h"
#include "storage/model.h"
#include "storage/space_ledger.h"

namespace holdfast::storage {

// What is known of an upload from its beginning.
struct StagedInfo {
  std::string id{};  // set by Staging::create
  AccountId account = kNobody;
  Path target{};                        // of the file that the content is for
  std::optional<std::uint64_t> length;  // of the whole content
  std::optional<Millis> modified;       // the file's date; without it, the time when it is stored
  std::string label{};                  // the client's own words, given back as they came
  bool in_parts = false;                // numbered parts come in any order
  Digests digests{};   // computed while the bytes arrive; not known any more after a restart
  Millis created = 0;  // wall clock; set by Staging::create
};

struct StagedStatus {
  StagedInfo info;
  std::uint64_t kept = 0;  // bytes that are on the disk and acknowledged
  Millis touched = 0;      // wall clock, when a byte was kept last
  // The sizes of the parts that are kept, by their numbers.
  std::map<std::uint64_t, std::uint64_t> parts;
  bool busy = false;  // a request adds to it
};

// One request's hold on an upload. When it is destroyed, what was added is kept, and others may
// have the upload.
class Staged {
 public:
  virtual ~Staged() = default;
  [[nodiscard]] virtual const StagedInfo& info() const = 0;
  // Returns how many bytes were added so far, kept or not.
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Returns false when the upload was removed, or when another request took it while this one was
  // at rest. Then nothing can be added any more. Call before each append and before content().
  [[nodiscard]] virtual bool resume() = 0;
  // Adds bytes. Throws Error{full} when there is no space, Error{unavailable} when the disk fails.
  virtual void append(std::span<const char> bytes) = 0;
  // Flushes what was added. On return size() bytes are acknowledged, in both kinds of durability;
  // but the last byte of an upload whose length is known never is, because its client would take
  // that for a stored file. Throws like append.
  virtual void keep() = 0;
  // Keeps what was added, and lets other requests have the upload until resume(). Throws like
  // append.
  virtual void rest() = 0;
  // Drops what was added since the last keep().
  virtual void drop() = 0;
  // Says how long the whole content is. Call once, when the length was not known. Throws like
  // append.
  virtual void set_length(std::uint64_t length) = 0;
  // From now on, append also computes these checksums of what it adds; sum() returns them. Without
  // sha1 and md5 it is the SHA-256.
  virtual void sum_from_here(Digests digests) = 0;
  [[nodiscard]] virtual Checksums sum() = 0;
  // Returns how many bytes content() will write: none, unless parts came out of order.
  [[nodiscard]] virtual std::uint64_t bytes_to_copy() const = 0;
  // Returns the size() bytes, or all parts in the order of their numbers, as an upload of the
  // content store that can be sealed. The content shares its bytes with this upload until that is
  // removed, so nothing is lost when no row comes to name the content. Reads the bytes again when
  // they did not all pass through this process in order. Throws like append.
  [[nodiscard]] virtual std::unique_ptr<Upload> content(Digests digests) = 0;
  // Removes the upload, whose content a row names now.
  virtual void finish() = 0;
};

// One request's part of an upload. When it is destroyed before keep(), the part is dropped.
class StagedPart {
 public:
  virtual ~StagedPart() = default;
  // As for Staged.
  virtual void append(std::span<const char> bytes) = 0;
  // Call when the whole part has arrived. On return it is acknowledged. It replaces an earlier part
  // with the same number. Throws like append; Error{conflict} when the upload was removed.
  virtual void keep() = 0;
};

class Staging {
 public:
  virtual ~Staging() = default;
  // Begins an upload and returns its id. Returns nullopt when the account has `most` already.
  // Throws Error{full, unavailable, read_only}.
  [[nodiscard]] virtual std::optional<std::string> create(StagedInfo info, std::size_t most) = 0;
  [[nodiscard]] virtual std::optional<StagedStatus> find(std::string_view id) const = 0;
  // Returns the upload in parts of this account with this label.
  [[nodiscard]] virtual std::optional<StagedStatus> find(AccountId account,
                                                         std::string_view label) const = 0;
  // Returns the size of an upload that has become content lately; nullopt when this process does
  // not remember one.
  [[nodiscard]] virtual std::optional<std::uint64_t> finished(AccountId account,
                                                              std::string_view id) const = 0;
  // Takes hold of an upload. Returns nullptr when it is gone, or another request has it.
  [[nodiscard]] virtual std::unique_ptr<Staged> claim(std::string_view id) = 0;
  // Begins a part of `length` bytes. Returns nullptr when the upload is gone or being put together.
  // Any number of parts may arrive at once. Throws like Staged::append.
  [[nodiscard]] virtual std::unique_ptr<StagedPart> add_part(std::string_view id,
                                                             std::uint64_t number,
                                                             std::uint64_t length) = 0;
  // Removes an upload, also from under a request. Returns false when there is none.
  virtual bool remove(std::string_view id) = 0;
  // Removes uploads that got no byte for `seconds`. Returns how many.
  virtual std::size_t expire(std::int64_t seconds) = 0;
  // Returns all uploads, the oldest first.
  [[nodiscard]] virtual std::vector<StagedStatus> list() const = 0;
  // From now on, the ledger holds the bytes of all uploads. Call once, before the first request.
  virtual void count_in(std::shared_ptr<SpaceLedger> ledger) = 0;
};

}  // namespace holdfast::storage
