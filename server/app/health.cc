#include "server/app/health.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/error.h"

namespace holdfast::server::app {
namespace {

// Large enough that the content store writes to the disk.
constexpr std::size_t kProbeBytes = 256 * 1024;

// Returns the free space, in bytes, below which the store may have used its reserve and refuse
// writes that add data (docs/storage.md).
std::uint64_t nearly_full(std::uint64_t disk_bytes) {
  return 2 * std::clamp(disk_bytes / 32, cli::kLeastReserveBytes, cli::kMostReserveBytes);
}

std::string in_mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

// Begins a content file, writes to it and drops it. Returns false when that fails.
bool takes_files(storage::ContentStore& contents) try {
  static const std::vector<char> kProbe(kProbeBytes);
  contents.begin({})->append(kProbe);
  return true;
} catch (const storage::Error&) {
  return false;
}

http::Response plain(const http::Request& request, int status, std::string body,
                     std::string_view type = "text/plain; charset=utf-8") {
  http::Response response;
  response.status = status;
  response.set("Content-Type", type);
  response.set("Cache-Control", "no-store");
  if (request.method == "HEAD")
    response.head_length = body.size();
  else
    response.body = std::move(body);
  return response;
}

}  // namespace

std::uint64_t free_space_floor(const cli::Store& store, const dav::Options& options) {
  return std::max(options.free_space_floor_bytes, nearly_full(store.contents->space().total));
}

std::optional<std::string> below_floor(const cli::Store& store, const dav::Options& options) {
  const storage::ContentStore::Space space = store.contents->space();
  const std::uint64_t kept = nearly_full(space.total);
  const std::uint64_t floor = std::max(options.free_space_floor_bytes, kept);
  if (space.available >= floor) return std::nullopt;
  return "Writes are refused (507), because free space is below the floor: " +
         in_mebibytes(space.available) + " free, floor " + in_mebibytes(floor) +
         (floor == kept ? " (room for removals)" : " (--free-space-floor)") +
         ", size of the disk " + in_mebibytes(space.total) + ".";
}

std::optional<std::string> trouble(const cli::Store& store, const dav::Options& options,
                                   const std::atomic<bool>& failed) {
  if (failed) return "The store failed; the server stops.";
  static_cast<void>(store.names->snapshot());
  if (auto full = below_floor(store, options)) return full;
  if (!takes_files(*store.contents)) return "Writes are refused: the disk takes no files.";
  return std::nullopt;
}

http::Response Admin::answer(const http::Request& request) const try {
  // A health check over HTTP/1.0 may name no host; a browser always does.
  if (const auto host = request.fields.find("Host"); host && !is_safe_host(*host))
    return plain(request, 421,
                 "This host is not served here: ask for the address, or name the host with "
                 "--public-url.\n");
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  if (path != "/healthz" && path != "/metrics")
    return plain(request, 404, "Here are only /healthz and /metrics.\n");
  if (request.method != "GET" && request.method != "HEAD") {
    http::Response response = plain(request, 405, "Only GET and HEAD.\n");
    response.set("Allow", "GET, HEAD");
    return response;
  }
  if (path == "/metrics")
    return plain(request, 200, metrics(), "text/plain; version=0.0.4; charset=utf-8");
  const std::optional<std::string> why = trouble();
  return why ? plain(request, 503, *why + "\n") : plain(request, 200, "ok\n");
} catch (const std::exception& error) {
  http::Response response = request.target.starts_with("/healthz")
                                ? plain(request, 503, "The store does not answer.\n")
                                : plain(request, 500, "The store does not answer.\n");
  response.log_detail = error.what();
  return response;
}

}  // namespace holdfast::server::app
