// Writes the bodies of 207 responses (RFC 4918 §13, §14.16): the beginning, for each resource a
// response element with its propstats, the end. Everything is appended to a string that the caller
// sends. Pure functions, any thread.
//
//   begin(out);
//   begin_response(out, href);
//   begin_propstat(out);
//   out += …;                // elements of properties
//   end_propstat(out, 200);
//   end_response(out);
//   end(out);
#pragma once

#include <string>
#include <string_view>

#include "dav/error.h"
#include "dav/message.h"
#include "dav/property.h"
#include "dav/propfind_request.h"
#include "storage/namespace.h"

namespace holdfast::dav::multistatus {

// Returns a 207 with its Content-Type and without a body.
[[nodiscard]] Response answer();

void begin(std::string& out);
void end(std::string& out);
// Appends the end of a response to sync-collection (RFC 6578 §6.4).
void end(std::string& out, std::string_view sync_token);
// Appends a response element that has a status and no properties, and the precondition that failed,
// if any.
void append_status(std::string& out, std::string_view href, int status,
                   Precondition failed = Precondition::none);

// `href` is escaped already.
void begin_response(std::string& out, std::string_view href);
void end_response(std::string& out);

void begin_propstat(std::string& out);
// Appends the status of the properties since begin_propstat, and the precondition that they failed,
// if any.
void end_propstat(std::string& out, int status, Precondition failed = Precondition::none);

// Appends the response element for one member of a PROPFIND: first the propstat with 200, then the
// one with 404 (docs/clients.md R12).
void append_member(std::string& out, const PropFind& propfind, const storage::Member& member,
                   std::string_view href, const PropertyContext& context);

}  // namespace holdfast::dav::multistatus
