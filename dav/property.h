// The live properties (RFC 4918 §15, RFC 4331, and the few extensions that clients set), each one
// row of one table. The row determines what allprop and propname list, what a listing must read for
// it, and what PROPPATCH may do. A new live property is a row and its render function. Constant;
// any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dav/caller.h"
#include "dav/options.h"
#include "storage/namespace.h"

namespace holdfast::dav {

class FolderSizes;

// What a version of a file has besides its content (RFC 3253 §3.2 to §3.4).
struct VersionFacts {
  std::string name;
  std::string creator;      // who stored it; empty when nobody is known
  std::string predecessor;  // hrefs, escaped; empty for none
  std::string successor;
};

// What the clients of Nextcloud ask of what was removed.
struct TrashFacts {
  std::string name;      // that it had
  std::string location;  // where it was, without a slash in front
  std::int64_t removed_s = 0;
};

// What values are rendered from, besides the member itself.
struct PropertyContext {
  const Options* options = nullptr;
  std::shared_ptr<const Caller> caller;          // a lock's token is shown to its creator only
  storage::Right right = storage::Right::write;  // of the caller, on the member
  const VersionFacts* version = nullptr;         // set when the member is a version of a file
  const TrashFacts* trash = nullptr;             // set when the member lies in the trash
  bool is_principal = false;  // the member is the caller's principal (RFC 3744 §4)
  std::string root_name;      // displayname of the root collection; empty: it has none
  // The entity tag of the member when it is a collection (dav/sync_client.h); empty: collections
  // have none.
  std::string collection_tag;
  // Set while members are rendered when sync tokens are needed.
  const storage::Snapshot* snapshot = nullptr;
  storage::Millis lease_now = 0;
  // Set when the sizes of collections are asked for.
  FolderSizes* sizes = nullptr;
  storage::Path base;                  // the collection below which members are named
  std::uint64_t looks = 0;             // how many resources may still be looked at for sizes
  std::optional<std::uint64_t> below;  // of the member; none: not known
  std::uint64_t used_bytes = 0;
  std::uint64_t available_bytes = 0;
  std::shared_ptr<const storage::Accounts> accounts;  // for owners
};

struct LiveProperty {
  // What PROPPATCH may do. Only `stored` makes a dead property of what the client sends.
  enum class Patch {
    refused,           // the property is protected (RFC 4918 §15): 403
    compared,          // protected, but a value that agrees with the resource's is granted
    stored,            // the value becomes a dead property, shown instead of the computed one
    sets_date_s,       // the modification date from now on, in any form; shown in Unix seconds
    sets_date_as_http  // likewise; shown as an HTTP-date
  };
  // What a property may belong to; `kinds` is a set of these.
  enum Kind : unsigned {
    file = 1,
    collection = 2,
    unnamed_root = 4,  // the root collection when the server's URLs have no prefix
    principal = 8,
    version = 32,   // of a file
    synced = 64,    // a collection with a sync token (Options::sync)
    trashed = 128,  // what lies in the trash
    tagged = 16,    // a collection with an entity tag (PropertyContext::collection_tag)
  };
  // What rendering needs besides the row of a member; `needs` is a set of these.
  enum Need : unsigned {
    nothing = 0,
    locks = 1,
    checksums = 2,
    used_bytes = 4,
    available_bytes = 8,
    accounts = 16,
    snapshot = 32,
    folder_size = 64,
  };

  std::string_view xmlns;
  std::string_view name;
  Patch patch;
  bool in_allprop;
  unsigned kinds;
  unsigned needs;
  // Appends the complete element. Call it only for a member of one of the kinds, with what is
  // needed.
  void (*render)(std::string& out, const storage::Member& member, const PropertyContext& context);

  [[nodiscard]] bool is_protected() const {
    return patch == Patch::refused || patch == Patch::compared;
  }
};

// Returns all live properties, in the order in which allprop and propname list them.
[[nodiscard]] std::span<const LiveProperty> live_properties();
// Returns the live property of that name; nullptr when there is none.
[[nodiscard]] const LiveProperty* find_live(const storage::PropertyName& name);

// Returns true when this member has the property.
[[nodiscard]] bool is_defined(const LiveProperty& property, const storage::Member& member,
                              const PropertyContext& context);
// Appends the property's complete element. Returns false and appends nothing when this member does
// not have the property.
[[nodiscard]] bool append_live(std::string& out, const LiveProperty& property,
                               const storage::Member& member, const PropertyContext& context);

}  // namespace holdfast::dav
