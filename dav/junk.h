// The small files that desktops leave in every folder they show: "._*" and ".DS_Store" (macOS),
// "Thumbs.db" and "desktop.ini" (Windows). Options::junk_files says what is done with them:
//
//   store    they are stored like any other file;
//   hide     they are stored, but listings leave them out; their own URL answers as usual;
//   discard  as hide, and what clients write to them is accepted and not stored. Only files that
//            have content, from before or moved there, are treated as with hide: no content is lost
//            that was acknowledged as another name's content.
//
// Clients get no error under discard. PUT reads the body and answers 201, LOCK makes an empty file
// as for any unmapped URL, so that HEAD, PROPFIND, PROPPATCH and PUT under the lock agree, and
// UNLOCK removes it. PROPPATCH, DELETE, and COPY and MOVE from one unmapped junk name to another
// succeed and do nothing. Pure functions, any thread.
#pragma once

#include <string_view>

#include "dav/call.h"
#include "dav/options.h"

namespace holdfast::dav {

// Returns true for the names above; those of Windows in any case.
[[nodiscard]] bool is_junk(std::string_view name);
// Returns true when listings leave the member out: a file, never a collection.
[[nodiscard]] bool is_hidden(const Options& options, const storage::Resource& member);
// Returns true when what is written to this URL is not stored: a junk name in a collection, at
// which nothing or an empty file is mapped.
[[nodiscard]] bool is_discarded(const Options& options, const storage::Resolution& resolution);

}  // namespace holdfast::dav
