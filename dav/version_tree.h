// The versions of a file as resources (RFC 3253 §3.7): each has the URL "FILE?history=ID", where
// GET has its content, PROPFIND its properties, and from where COPY restores it. What the file has
// now is the last version, and has the file's own URL. Every function throws Error 403 unless the
// caller may write the file (dav/file_history.h). Any thread.
#pragma once

#include <cstdint>
#include <memory>

#include "dav/call.h"
#include "dav/propfind_request.h"
#include "dav/xml/document.h"

namespace holdfast::dav {

// Makes the report DAV:version-tree on a file, as Report::make says: the versions, the newest
// first, with the properties that DAV:prop names.
[[nodiscard]] Response report_version_tree(Call& call, const xml::Element& asked,
                                           std::unique_ptr<const storage::Snapshot> snapshot,
                                           storage::Resolution file);

// Returns the answer to a PROPFIND of one version. Throws Error 404 when the file has none with
// this id.
[[nodiscard]] Response version_properties(const Call& call, const PropFind& propfind,
                                          const storage::Snapshot& snapshot,
                                          const storage::Resolution& file, std::int64_t version);

}  // namespace holdfast::dav
