// The DAV engine: one Request and who asks in, one Response out (RFC 4918, RFC 9110). Holds no
// state of its own besides its options, the count of bodies being parsed and the last PROPFIND
// bodies; everything lives in the namespace and the content store. Any number of threads may call
// handle at once.
//
// The table of methods (dav/method) names the handler. Every handler keeps one order: parse →
// conditions → locks → act → answer.
#pragma once

#include <memory>

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

namespace holdfast::dav {

class PropFindCache;

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
  [[nodiscard]] xml::ParseSlots& parses() const { return parses_; }

 private:
  storage::Namespace& names_;
  storage::ContentStore& contents_;
  Options options_;
  mutable xml::ParseSlots parses_;
  std::unique_ptr<PropFindCache> propfinds_;
};

}  // namespace holdfast::dav
