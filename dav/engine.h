// The DAV engine: one Request and who asks in, one Response out (RFC 4918, RFC 9110). Holds no
// state of its own besides its options, the count of bodies being parsed and the last PROPFIND
// bodies; everything lives in the namespace and the content store. Any number of threads may call
// handle at once.
//
// One method table gives dispatch, Allow, body policy and access class. Every handler keeps one
// order: parse → conditions → locks → act → answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dav/caller.h"
#include "dav/headers.h"
#include "dav/if_header.h"
#include "dav/message.h"
#include "dav/parse_slots.h"
#include "dav/path.h"
#include "dav/xml.h"
#include "http/range.h"
#include "storage/content.h"
#include "storage/namespace.h"

namespace holdfast::dav {

enum class ConflictStatus { automatic, always_409, rfc4918 };

// What becomes of the files that desktops strew about (dav/junk.h).
enum class JunkFiles { store, hide, discard };

// What an engine is set to. Every limit of robustness §2.0 that is not one of connections or
// messages stands here, with its unit and the answer above it.
struct Options {
  UrlSpace space;  // with the limits of paths
  ConflictStatus conflict_status = ConflictStatus::automatic;
  JunkFiles junk_files = JunkFiles::store;
  storage::Digests checksums;          // computed of every body, whatever its client announces
  std::int64_t lock_timeout_s = 3600;  // granted at most
  std::uint64_t propfind_infinity_limit = 100'000;  // resources; 0 refuses Depth: infinity
  std::uint64_t copy_limit = 100'000;               // resources in one COPY
  std::uint64_t body_limit_bytes = std::uint64_t{64} << 30;
  std::uint64_t xml_limit_bytes = 256 * 1024;                  // PROPFIND, LOCK
  std::uint64_t proppatch_limit_bytes = 1024 * 1024;           // PROPPATCH, MKCOL
  std::uint64_t free_space_floor_bytes = 0;                    // 507 when a write would leave less
  std::uint64_t listing_limit_bytes = std::uint64_t{1} << 30;  // of one 207; then it is cut
  IfLimits if_header;                                          // 400
  std::size_t range_limit = http::kRangeSpecLimit;             // specs in Range; else 200
  xml::Limits xml;                                             // 400
  std::size_t xml_parses = 8;                                  // documents at once
  std::int64_t xml_wait_s = 5;                                 // for one of these; then 503
  std::size_t propfind_property_limit = 1000;                  // named in one PROPFIND; 400
  std::size_t proppatch_instruction_limit = 2000;              // in one PROPPATCH; 400
  std::size_t property_limit = 512;                            // dead, of one resource; 507
  std::uint64_t property_value_limit_bytes = 64 * 1024;        // of one dead property; 507
  std::uint64_t property_total_limit_bytes = 1024 * 1024;      // of a resource's, together; 507
  std::uint64_t lock_owner_limit_bytes = 4096;                 // as stored; 400
  std::size_t shared_lock_limit = 32;                          // that cover one resource; 507
  std::size_t locks_per_account = 1000;                        // anonymous clients': none; 507
};

// How a method treats the store; decides what an anonymous or read-only client may do.
enum class Access { none, read, write };

struct Call;

struct Method {
  std::string_view name;
  Access access;
  // Needed on the target's own path before the handler runs; for methods that only read, being on
  // the way to what may be read is enough here. What else a method touches its handler judges.
  storage::Right right;
  Response (*handle)(Call&);
};

// The method by its exact name; nullptr when this server does not know it.
[[nodiscard]] const Method* find_method(std::string_view name);
// Comma-separated names for Allow.
[[nodiscard]] std::string_view allowed_methods();

class PropFindMemo;

class Engine {
 public:
  // The stores must outlive the engine.
  Engine(storage::Namespace& names, storage::ContentStore& contents, Options options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // `caller` is who asks; never null. Never throws for what a client or the store does wrong: that
  // is a status. Statuses ≥ 400 carry a body as docs/conflicts.md says.
  [[nodiscard]] Response handle(Request& request,
                                const std::shared_ptr<const Caller>& caller) const;

  [[nodiscard]] const Options& options() const { return options_; }
  // Where XML bodies queue to be parsed.
  [[nodiscard]] ParseSlots& parses() const { return parses_; }

 private:
  storage::Namespace& names_;
  storage::ContentStore& contents_;
  Options options_;
  mutable ParseSlots parses_;
  std::unique_ptr<PropFindMemo> propfinds_;
};

// An answer in this engine's form for a refusal decided outside it (421, 403 for a foreign Origin,
// 503): same bodies, same choice of XML or JSON. `sentence` is for the client, in place of the
// status's own.
[[nodiscard]] Response refuse(const Request& request, const Options& options, int status,
                              std::string_view detail, std::string_view sentence = {});

}  // namespace holdfast::dav
