// The limits of connections and messages (docs/operations.md#settings): each has a named option
// with a unit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "storage/space_ledger.h"

namespace holdfast::server::http1 {

struct Limits {
  std::size_t request_line_bytes = 16 * 1024;  // 414
  std::size_t field_line_bytes = 16 * 1024;    // 431
  std::size_t head_bytes = 64 * 1024;          // 431
  std::size_t field_count = 100;               // 431
  std::int64_t head_timeout_s = 15;            // total; 408
  std::int64_t handshake_timeout_s = 10;       // of TLS, total; then closed
  std::int64_t idle_timeout_s = 30;            // keep-alive
  std::int64_t busy_idle_timeout_s = 5;       // keep-alive when over 75 % of connections are in use
  std::int64_t body_rate_bytes_per_s = 1024;  // averaged over body_rate_window_s; 408
  std::int64_t body_rate_window_s = 30;
  std::int64_t body_grace_s = 10;
  std::int64_t send_timeout_s = 30;        // per 64 KiB of response; then reset
  std::uint64_t drain_bytes = 256 * 1024;  // of an unread body after an early response
  std::int64_t drain_timeout_s = 2;
  std::size_t connections = 16'384;            // 503
  std::size_t connections_per_client = 1'024;  // 503; loopback and trusted proxies excepted
  std::size_t requests_per_account = 64;       // at once; 503
  std::size_t workers = 24;                    // threads
  std::size_t queued = 16'384;                 // ready connections without a worker; then 503
  std::uint64_t body_limit_bytes = std::uint64_t{64} << 30;  // 413
  std::int64_t shutdown_grace_s = 10;
  // The folder for the part of a response that the client does not take at once; the files have no
  // name there.
  std::string spill_folder = "/tmp";
  // What these files may take. Null: no limit.
  std::shared_ptr<storage::SpaceLedger> space;
};

}  // namespace holdfast::server::http1
