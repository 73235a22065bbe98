// The settings of an engine. An immutable value while the engine exists; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dav/headers.h"
#include "dav/if_header.h"
#include "dav/path.h"
#include "dav/xml/document.h"
#include "http/range.h"
#include "storage/content.h"

namespace holdfast::dav {

// The status of a conflict: docs/conflicts.md, Modes.
enum class ConflictStatus { automatic, always_409, rfc4918 };

// What is done with the small files that desktops leave in folders (dav/junk.h).
enum class JunkFiles { store, hide, discard };

// What the page for browsers is: a list without script, one with script that changes nothing, or
// one with which people also change what is stored (docs/page.md). It restricts the page alone.
enum class PageUse { off, read, full };

// Every limit of docs/operations.md#settings except those of connections and messages, with its
// unit and, in the comment, the status for what exceeds it.
struct Options {
  UrlSpace space;  // includes the limits of paths
  ConflictStatus conflict_status = ConflictStatus::automatic;
  JunkFiles junk_files = JunkFiles::store;
  // The name of the read-only tree with the past, below the root (dav/past.h); empty: there is
  // none.
  std::string history_name;
  PageUse page = PageUse::full;
  // The trees whose files a browser may show and run as pages of this server's origin.
  std::vector<storage::Path> trusted_html;
  storage::Digests checksums;          // computed for every body, whatever its client announces
  std::int64_t lock_timeout_s = 3600;  // the longest granted timeout
  std::uint64_t propfind_infinity_limit = 100'000;  // resources; 0 refuses Depth: infinity
  std::uint64_t copy_limit = 100'000;               // resources in one COPY
  std::uint64_t body_limit_bytes = std::uint64_t{64} << 30;
  std::uint64_t xml_limit_bytes = 256 * 1024;                  // PROPFIND, LOCK
  std::uint64_t proppatch_limit_bytes = 1024 * 1024;           // PROPPATCH, MKCOL
  std::uint64_t free_space_floor_bytes = 0;                    // 507 when a write would leave less
  std::uint64_t listing_limit_bytes = std::uint64_t{1} << 30;  // of one 207; then it is cut off
  IfLimits if_header;                                          // 400
  std::size_t range_limit = http::kRangeSpecLimit;             // specs in Range; else 200
  xml::Limits xml;                                             // 400
  std::size_t xml_parses = 8;                                  // documents at once
  std::int64_t xml_wait_s = 5;                                 // to wait for a slot; then 503
  std::size_t propfind_property_limit = 1000;                  // named in one PROPFIND; 400
  std::size_t proppatch_instruction_limit = 2000;              // in one PROPPATCH; 400
  std::size_t property_limit = 512;                            // dead, of one resource; 507
  std::uint64_t property_value_limit_bytes = 64 * 1024;        // of one dead property; 507
  std::uint64_t property_total_limit_bytes = 1024 * 1024;      // of one resource's, in total; 507
  std::uint64_t lock_owner_limit_bytes = 4096;                 // as stored; 400
  std::size_t shared_lock_limit = 32;                          // that cover one resource; 507
  std::size_t shared_locks_per_account = 4;                    // of those; unlimited for anonymous
                                                               // clients; 507
  std::size_t locks_per_account = 1000;                        // unlimited for anonymous clients;
                                                               // 507
  // Whether responses have what the clients of Nextcloud and ownCloud need (dav/sync_client.h).
  bool for_sync_clients = false;
  // What is kept of the past, as clients are told.
  bool keeps_trash = true;
  bool keeps_versions = true;
  // Whether clients may ask what has changed since a token (RFC 6578).
  bool sync = true;
  std::int64_t upload_keep_s = 24 * 60 * 60;  // of an upload that got no byte; then it is removed
  std::size_t uploads_per_account = 200;      // that are not finished; 507
};

}  // namespace holdfast::dav
