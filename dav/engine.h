// The WebDAV engine (RFC 4918, RFC 9110): it takes a Request and its Caller and returns a Response.
// Its own state is its options, the count of bodies being parsed and of bytes of bodies that
// arrive, the last PROPFIND bodies and what uploads under way reserve; everything else is in the
// namespace and the content store. Any number of threads may call handle at once.
//
// The table of methods (dav/method) names the handler. Every handler has one order: parse, check
// conditions, check locks, carry out, answer.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dav/body_budget.h"
#include "dav/caller.h"
#include "dav/headers.h"
#include "dav/if_header.h"
#include "dav/message.h"
#include "dav/options.h"
#include "dav/path.h"
#include "dav/xml/parse_slots.h"
#include "http/range.h"
#include "storage/content.h"
#include "storage/namespace.h"
#include "storage/space_ledger.h"
#include "storage/staging.h"

namespace holdfast::dav {

class FolderSizes;
class PropFindCache;
struct SyncTarget;

// A link to a collection, by which a request came.
struct LinkTarget {
  std::string segment;  // the first one of its URLs below the server's prefix
  storage::Path base;   // the collection, as it is stored
};

class Engine {
 public:
  // The stores must outlive the engine. `space` gets the floor of the options; without it the
  // engine has a ledger of its own. Without `staging`, which must outlive the engine as well,
  // uploads do not go on after a break.
  Engine(storage::Namespace& names, storage::ContentStore& contents, Options options,
         std::shared_ptr<storage::SpaceLedger> space = nullptr,
         storage::Staging* staging = nullptr);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // `caller` is never null. An error of the client or of the store does not throw but becomes a
  // status. Statuses ≥ 400 have the body that docs/conflicts.md describes.
  // With `sync`, the request uses the URLs of sync clients, and with `link` those of the link.
  [[nodiscard]] Response handle(Request& request, const std::shared_ptr<const Caller>& caller,
                                const SyncTarget* sync = nullptr,
                                const LinkTarget* link = nullptr) const;

  [[nodiscard]] const Options& options() const { return options_; }
  // The slots for which XML bodies wait to be parsed.
  [[nodiscard]] xml::ParseSlots& parses() const { return parses_; }

 private:
  // Returns the options for requests below this prefix of sync clients.
  [[nodiscard]] const Options& options_below(const std::vector<std::string>& prefix) const;
  // Returns the options for the URLs of a link, and of what they name.
  [[nodiscard]] const Options& options_of(const LinkTarget& link) const;

  storage::Namespace& names_;
  storage::ContentStore& contents_;
  Options options_;
  mutable xml::ParseSlots parses_;
  mutable BodyBudget bodies_;
  std::shared_ptr<storage::SpaceLedger> space_;
  storage::Staging* staging_;
  std::unique_ptr<PropFindCache> propfinds_;
  std::unique_ptr<FolderSizes> sizes_;
  mutable std::mutex sync_mutex_;  // guards what follows
  // By prefix; one for each account at the most. Responses under way refer to them.
  mutable std::map<std::vector<std::string>, Options> sync_options_;
  // By segment and path; one for each link that was used.
  mutable std::map<std::pair<std::string, storage::Path>, Options> link_options_;
};

}  // namespace holdfast::dav
