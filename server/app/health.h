// The responses of the admin listener: /healthz (200 "ok", or 503 and the reason) and /metrics
// (Prometheus text). They have a listener of their own so that no name in the user's tree is
// reserved. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dav/engine.h"
#include "http/message.h"
#include "server/cli/store.h"

namespace holdfast::server::app {

// Returns the free space in bytes below which requests that add to the store are refused. Throws
// storage::Error.
[[nodiscard]] std::uint64_t free_space_floor(const cli::Store& store, const dav::Options& options);

// Returns a sentence when requests that add to the store are refused because the disk has less free
// space than the floor in `options`; nullopt when it has enough. Throws storage::Error.
[[nodiscard]] std::optional<std::string> below_floor(const cli::Store& store,
                                                     const dav::Options& options);

// Returns one sentence that says why the store cannot be read or written; nullopt when it can.
// Reads the store and begins a file in it. `failed` says that the store refuses further writes.
// Throws storage::Error.
[[nodiscard]] std::optional<std::string> trouble(const cli::Store& store,
                                                 const dav::Options& options,
                                                 const std::atomic<bool>& failed);

struct Admin {
  // Returns nullopt when reads and writes work, else one sentence.
  std::function<std::optional<std::string>()> trouble;
  std::function<std::string()> metrics;
  // Returns true for a Host that no page of another server can have (OriginPolicy::is_safe_host).
  std::function<bool(std::string_view authority)> is_safe_host;

  // Answers GET and HEAD; 404 for other paths, 405 for other methods, 421 for a Host that is not
  // safe (against DNS rebinding), 500 (/healthz: 503) when a function throws.
  [[nodiscard]] http::Response answer(const http::Request& request) const;
};

}  // namespace holdfast::server::app
