// Live properties (RFC 4918 §15, RFC 4331, and the few extensions clients set) and what a PROPFIND
// asked for. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dav/engine.h"
#include "dav/xml.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// In the order in which allprop lists them; kAllprop of them are RFC 4918's own.
enum class Live : std::uint8_t {
  creationdate,
  displayname,
  getcontentlength,
  getcontenttype,
  getetag,
  getlastmodified,
  lockdiscovery,
  resourcetype,
  supportedlock,
  // Not part of allprop.
  quota_available_bytes,       // RFC 4331 §3
  quota_used_bytes,            // RFC 4331 §4
  lastmodified,                // DAV:lastmodified, Unix seconds (rclone, docs/clients.md R44)
  win32_last_modified_time,    // HTTP date (Windows, docs/clients.md R44)
  checksums,                   // {http://owncloud.org/ns}checksums (docs/clients.md R43)
  current_user_principal,      // RFC 5397
  principal_url,               // RFC 3744 §4.2; of principals only
  owner,                       // RFC 3744 §5.1
  current_user_privilege_set,  // RFC 3744 §5.4
};
inline constexpr std::size_t kAllprop = 9;
inline constexpr std::size_t kLiveCount = 18;

[[nodiscard]] const storage::PropertyName& live_name(Live property);
[[nodiscard]] std::optional<Live> find_live(const storage::PropertyName& name);
// True when PROPPATCH may not change it. A displayname that a client set is a dead property.
[[nodiscard]] bool is_protected(const storage::PropertyName& name);

// What values need besides the member itself.
struct PropertyContext {
  const Options* options = nullptr;
  std::string principal;  // who asks: a lock's token is shown to its creator only
  storage::Right right = storage::Right::write;  // of who asks, on the member
  bool is_principal = false;  // shown is who asks (RFC 3744 §4), whom the member's name names
  std::string root_name;      // displayname of the root collection; empty: it has none
  storage::Millis lease_now = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t available_bytes = 0;
  std::shared_ptr<const storage::Accounts> accounts;  // for owners
};

// Appends the property's complete element; false, and nothing appended, when this resource does not
// have it.
[[nodiscard]] bool append_live(std::string& out, Live property, const storage::Member& member,
                               const PropertyContext& context);

// A parsed PROPFIND (§9.1, §14.20).
struct PropFind {
  enum class Kind { allprop, propname, prop };
  Kind kind = Kind::allprop;
  struct Asked {
    storage::PropertyName name;
    std::optional<Live> live;
  };
  std::vector<Asked> asked;  // for prop, and what `include` adds to allprop; without duplicates

  // An empty body is allprop. Throws Error 400 when it is not a propfind element of RFC 4918,
  // or names more than options.propfind_property_limit properties (docs/robustness.md X17).
  [[nodiscard]] static PropFind parse(std::string_view body, const Options& options);
  [[nodiscard]] bool asks(Live property) const;
  // What the listing has to bring along.
  [[nodiscard]] storage::Wanted wanted() const;
};

// Appends one DAV:response: the href, the 200 propstat first, then the 404 one (docs/clients.md
// R12).
void append_response(std::string& out, const PropFind& propfind, const storage::Member& member,
                     std::string_view href, const PropertyContext& context);

}  // namespace holdfast::dav
