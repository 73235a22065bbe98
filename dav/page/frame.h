// What all pages for browsers have in common: the head with its files, the header fields that shut
// everything else out, text escaped for HTML, and the page of a refusal. Pure functions; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "dav/message.h"
#include "dav/options.h"
#include "dav/page/texts.h"

namespace holdfast::dav::page {

// Sets the fields of a page: its type, and a policy by which it loads and runs nothing but this
// server's own files; without `script`, no script at all.
void set_fields(Response& response, bool script);

// Appends text for element content and for attribute values in double quotes. Characters that turn
// the direction of writing, with which a name can look like another, become U+FFFD, and so do
// control characters.
void append_text(std::string& out, std::string_view text);

// Appends everything up to and including "<body>". `attributes` are those of the html element
// besides its language: escaped, with a leading space.
void append_head(std::string& out, const Options& options, const Texts& texts,
                 std::string_view title, std::string_view attributes, bool script);

// Returns the page of a refusal. `title` is its status as people read it, `sentence` says why; both
// are not escaped. The sentence is in English.
[[nodiscard]] std::string refusal_page(const Request& request, const Options& options, int status,
                                       std::string_view title, std::string_view sentence);

}  // namespace holdfast::dav::page
