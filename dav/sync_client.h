// What the sync clients of Nextcloud and ownCloud ask of WebDAV (docs/sync.md#nextcloud). They have
// URLs of their own, /remote.php/…, which are other names for the resources of the tree: hrefs,
// Destination and If are then read and written with these, and locks, entity tags and rights are
// the same. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dav/message.h"
#include "dav/options.h"
#include "dav/path.h"
#include "storage/model.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// The user that clients see where there are no accounts.
inline constexpr std::string_view kNobodysUser = "holdfast";

// What a URL below /remote.php/ names.
struct SyncTarget {
  std::vector<std::string>
      prefix;  // decoded segments before those of the tree, with the server's own
  // What kind of URL it is. The prefix is that of the user's files for all of them.
  enum class Kind {
    file,
    upload,    // in parts: /remote.php/dav/uploads/USER/UPLOAD/PART
    trashbin,  // what was removed: /remote.php/dav/trashbin/USER/…
    versions,  // of files: /remote.php/dav/versions/USER/…
  };
  Kind kind = Kind::file;
  std::string upload;             // the client's id; may be empty
  std::string part;               // may be empty
  std::vector<std::string> rest;  // of trashbin and versions: the decoded segments behind USER
};

// Returns the decoded segments of the target below the server's prefix, or nullopt when there are
// none. Never throws.
[[nodiscard]] std::optional<std::vector<std::string>> segments_of(const Request& request,
                                                                  const UrlSpace& space);
// Returns what the request's target names below /remote.php/ for this user; nullopt for all other
// URLs, also those of other users.
[[nodiscard]] std::optional<SyncTarget> sync_target(const Request& request, const UrlSpace& space,
                                                    std::string_view user);

// Returns oc:id: the resource's id, which stays through a MOVE, and the name of the kind of server.
[[nodiscard]] std::string file_id(storage::NodeId id);
// Adds OC-FileId, and OC-ETag when there is an ETag, to the response for a resource that was made
// or moved. Does nothing for other clients.
void add_file_id(Response& response, const Options& options, storage::NodeId id);

// Returns the entity tag of a collection, opaque-tag without quotes. It is another one whenever
// anything at or below the collection has changed, or the rights of the caller, of which `rights`
// is the fingerprint (dav/rights.h).
[[nodiscard]] std::string collection_tag(const storage::Snapshot& snapshot,
                                         const storage::Resource& collection, std::uint64_t rights);

// Returns oc:permissions: G readable, D deletable, N and V renamable and movable, W writable
// (files), C and K take new files and folders (collections).
[[nodiscard]] std::string permissions(const storage::Resource& resource, storage::Right right);

}  // namespace holdfast::dav
