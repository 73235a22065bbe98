// The reports that REPORT makes (RFC 3253 §3.6), each one row of the table in methods/report.cc.
// The row determines the dispatch and DAV:supported-report-set (§3.1.5). A new report is a row and
// its function. Constant; any thread.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "dav/call.h"
#include "dav/xml/document.h"

namespace holdfast::dav {

struct Report {
  std::string_view xmlns;
  std::string_view name;
  unsigned allowed_on;  // a set of Named: kFile, kCollection
  // Makes the report on `target`, which is mapped, visible to the caller and of an allowed kind.
  // `asked` is the root element of the body.
  Response (*make)(Call& call, const xml::Element& asked,
                   std::unique_ptr<const storage::Snapshot> snapshot, storage::Resolution target);
};

// Returns all reports, in the order in which DAV:supported-report-set lists them.
[[nodiscard]] std::span<const Report> reports();
// Returns false for a report that these options switch off (Options::sync).
[[nodiscard]] bool is_offered(const Report& report, const Options& options);

}  // namespace holdfast::dav
