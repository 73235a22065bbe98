// GET on a collection for browsers: a page with its members, whole in itself without script
// (docs/page.md). Stored text is escaped. Any thread.
//
// Collections come first. Up to kSortedMembers members are sorted: by name as people expect it
// (text/natural.h), or as the query "sort=name|size|date" says, with "-" before it in the other
// direction. More of them stream in the order of the store, byte by byte, so that memory does not
// grow with a collection; then the page says so. The query "filter=TEXT" leaves out the members
// whose name does not contain the text, without regard to case and marks. With "below=yes" the page
// has what is found by that in all collections below, at most kFoundMembers, each with the way to
// it.
#pragma once

#include <cstddef>
#include <memory>

#include "dav/call.h"

namespace holdfast::dav::page {

// Some 2 MB of memory while the page is made.
inline constexpr std::size_t kSortedMembers = 5000;

// A page with more would not be read; it says that there are more.
inline constexpr std::size_t kFoundMembers = 1000;

// Returns the page for the mapped collection `target`, streamed from `snapshot`; for HEAD, only its
// header fields. Throws Error 400 when the query is malformed.
[[nodiscard]] Response listing(const Call& call, std::unique_ptr<const storage::Snapshot> snapshot,
                               const storage::Resolution& target);

}  // namespace holdfast::dav::page
