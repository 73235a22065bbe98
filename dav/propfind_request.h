// What a PROPFIND requests (RFC 4918 §9.1, §14.20). Pure functions, any thread.
#pragma once

#include <string_view>
#include <vector>

#include "dav/options.h"
#include "dav/property.h"
#include "dav/xml/document.h"
#include "storage/namespace.h"

namespace holdfast::dav {

struct PropFind {
  enum class Kind { allprop, propname, prop };
  Kind kind = Kind::allprop;
  struct Asked {
    storage::PropertyName name;
    const LiveProperty* live = nullptr;  // null for a dead property
  };
  std::vector<Asked> asked;  // for prop, and what `include` adds to allprop; without duplicates

  // Parses a body; an empty one is allprop. Throws Error 400 when it is not a propfind element of
  // RFC 4918, or names more than options.propfind_property_limit properties (docs/robustness.md
  // X17).
  [[nodiscard]] static PropFind parse(std::string_view body, const Options& options);
  // Returns what the properties in DAV:prop ask for, the names of each one once. Throws Error 400
  // for too many.
  [[nodiscard]] static PropFind of(const xml::Element& prop, const Options& options);
  // Returns what rendering the response needs: a set of LiveProperty::Need.
  [[nodiscard]] unsigned needs() const;
  // Returns what the listing must read for each member.
  [[nodiscard]] storage::Wanted wanted() const;

 private:
  // Adds what the child elements name.
  void ask(const xml::Element& list, const Options& options);
};

}  // namespace holdfast::dav
