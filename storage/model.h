// The values that the namespace is made of: paths, resources, content, dead properties, locks
// (RFC 4918 §5, §6, §4). Plain data without HTTP, XML, SQL or URL syntax. Values are not shared
// between threads; copy them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/clock.h"

namespace holdfast::storage {

using NodeId = std::int64_t;  // opaque; a resource keeps it through MOVE

// An id is never given out twice in one store. 0 is nobody: anonymous clients, and resources and
// locks from before there were accounts.
using AccountId = std::int64_t;
inline constexpr AccountId kNobody = 0;

// Where a resource lives: decoded segments from the root, byte-exact. There is no constructor from
// URL text: dav::parse_url is the only way in and dav::href the only way out.
class Path {
 public:
  Path() = default;  // the root collection
  explicit Path(std::vector<std::string> segments) : segments_(std::move(segments)) {}

  [[nodiscard]] std::span<const std::string> segments() const { return segments_; }
  [[nodiscard]] bool is_root() const { return segments_.empty(); }
  [[nodiscard]] std::size_t depth() const { return segments_.size(); }
  // Returns the last segment; empty for the root.
  [[nodiscard]] std::string_view name() const;
  // Returns the path without its last segment; the root's parent is the root.
  [[nodiscard]] Path parent() const;
  [[nodiscard]] Path child(std::string_view name) const;
  // Returns the bytes of all segments and the slashes before them, as limits count them.
  [[nodiscard]] std::size_t bytes() const;

  friend bool operator==(const Path&, const Path&) = default;
  friend auto operator<=>(const Path&, const Path&) = default;

 private:
  std::vector<std::string> segments_;
};

enum class Kind { file, collection };
enum class Depth { zero, one, infinity };

// What a modification date says about other content that URLs had (storage/dates.h). The numbers
// are stored.
enum class DateMark : std::uint8_t {
  none = 0,  // of a file: no other content of its URL had this second; of a collection: no content
             // is gone from URLs below it
  set = 1,   // of a collection: as `none`, but a client set the date
  // The marks of a file:
  shared_with_empty = 2,  // content without bytes may have had this second, and no other: the date
                          // proves that a copy is current, because nobody keeps an empty one, but
                          // not that nobody has written
  shared = 3,             // other content may have had this second: the date proves nothing
  // The marks of a collection, about content that is gone from URLs below it:
  lost_sometime = 4,  // some of it at a time that is not known, but not later than now
  lost_before = 5,    // some of it was dated in seconds before that of this date, and none later
  lost_then = 6,      // some of it may have been dated in the second of this date, and none later
  hides_dates = 7,    // what replaced some of it was not compared one by one: below this collection
                      // no date proves anything
};

// A modification date and what it proves.
struct Date {
  Date() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a date without a mark is a time.
  constexpr Date(Millis time, DateMark what = DateMark::none) : at(time), mark(what) {}

  Millis at = 0;  // by the wall clock; before 1970 when negative
  DateMark mark = DateMark::none;

  friend bool operator==(const Date&, const Date&) = default;
};

// A mapped resource, as one row describes it.
struct Resource {
  NodeId id = 0;
  NodeId parent = 0;
  std::string name;  // as first stored (form-preserving); empty for the root
  Kind kind = Kind::collection;
  Millis created = 0;
  // Last-Modified, which has whole seconds. Clients may set it. A collection's date changes when a
  // member is added or removed.
  Date modified;
  // The account whose quota the resource counts against: that which made it, or made it grow last.
  // The account may be gone.
  AccountId owner = kNobody;
  std::int64_t property_set = 0;  // id of its dead properties, which copies share; 0: it has none

  // Only files have these.
  std::string etag;          // opaque-tag without quotes, [A-Za-z0-9._-]; belongs to the content
  std::uint64_t size = 0;    // bytes
  Millis stored = 0;         // when this content was stored (wall clock); later than what it
                             // replaced
  std::int64_t content = 0;  // id of the immutable content

  [[nodiscard]] bool is_collection() const { return kind == Kind::collection; }
};

using Sha256 = std::array<std::uint8_t, 32>;
using Sha1 = std::array<std::uint8_t, 20>;
using Md5 = std::array<std::uint8_t, 16>;

struct Checksums {
  Sha256 sha256{};
  std::optional<Sha1> sha1;
  std::optional<Md5> md5;
};

// Where the bytes of one immutable content are. Exactly one of two is true: `blob` names a file of
// the content store, or `bytes` is the whole content (inline, also when it is empty).
struct Content {
  std::uint64_t size = 0;
  Checksums checksums;
  std::string blob;   // name in the content store; empty when inline
  std::string bytes;  // inline content

  [[nodiscard]] bool is_inline() const { return blob.empty(); }
};

struct PropertyName {
  std::string xmlns;  // namespace name; empty for none
  std::string name;   // local name
  friend bool operator==(const PropertyName&, const PropertyName&) = default;
  friend auto operator<=>(const PropertyName&, const PropertyName&) = default;
};

// A dead property (RFC 4918 §4.4). `xml` is its complete element, standing alone: it declares every
// prefix it uses and carries the xml:lang in scope, so it can be copied into any document.
struct Property {
  PropertyName name;
  std::string xml;
  friend bool operator==(const Property&, const Property&) = default;
};

// One PROPPATCH instruction: set when `xml` holds the element, remove when it does not.
struct PropertyChange {
  PropertyName name;
  std::optional<std::string> xml;
};

enum class LockScope { exclusive, shared };

// A write lock (RFC 4918 §6, §7). It belongs to its root resource: MOVE and COPY do not carry it
// along.
struct Lock {
  std::string token;  // absolute URI, at most 60 bytes, needs no XML escaping
  NodeId root_id = 0;
  Path root;  // lock root as stored
  LockScope scope = LockScope::exclusive;
  bool infinite = false;  // Depth: infinity
  std::string owner;      // inner XML of DAV:owner, standing alone, returned verbatim; may be empty
  AccountId creator = kNobody;  // the account that made it; kNobody for anonymous clients
  Millis granted = 0;           // lease clock
  std::int64_t timeout_s = 0;   // 0: it ran out when it was granted, and never lives again

  [[nodiscard]] Millis expires() const { return granted + timeout_s * 1000; }
};

}  // namespace holdfast::storage
