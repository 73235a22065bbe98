// The small files that desktops leave in every folder they show: "._*" and ".DS_Store" (macOS),
// "Thumbs.db" and "desktop.ini" (Windows). Options::junk_files says what becomes of them:
//
//   store    they are files like any other;
//   hide     the same, but listings leave them out; their own URL answers as ever;
//   discard  as hide, and what clients write to them is taken and dropped. Only files that hold
//            something, from before or moved there, go on as with hide: nothing is ever lost that
//            was acknowledged as another name's content.
//
// Clients meet no failure under discard. PUT reads the body and answers 201, LOCK makes an empty
// file as for any unmapped URL, so that HEAD, PROPFIND, PROPPATCH and PUT under the lock agree, and
// UNLOCK removes it. PROPPATCH, DELETE, and COPY and MOVE from one unmapped junk name to another
// succeed and do nothing. Pure functions, any thread.
#pragma once

#include <string_view>

#include "dav/call.h"
#include "dav/options.h"

namespace holdfast::dav {

// True for the names above; those of Windows in any case.
[[nodiscard]] bool is_junk(std::string_view name);
// True when listings leave the member out: a file, never a collection.
[[nodiscard]] bool is_hidden(const Options& options, const storage::Resource& member);
// True when what is written to this URL is dropped: a junk name at which nothing or an empty file
// is mapped, in a collection.
[[nodiscard]] bool is_discarded(const Options& options, const storage::Resolution& resolution);

}  // namespace holdfast::dav
