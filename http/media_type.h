// Media types by file name extension, and which of them a browser may show in place
// (docs/robustness.md S6). Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::http {

// The media type for a file of this name; "application/octet-stream" when the extension says
// nothing.
[[nodiscard]] std::string_view content_type(std::string_view name);

// True for types that cannot run script in our name: plain text and Markdown, raster images, audio,
// video, and documents.
[[nodiscard]] bool shown_inline(std::string_view content_type);
// True for documents that a browser shows in a viewer of its own, out of the reach of this origin.
[[nodiscard]] bool is_document(std::string_view content_type);

// A Content-Disposition value with the name in RFC 6266 and RFC 8187 form.
[[nodiscard]] std::string content_disposition(std::string_view name, bool inline_);

}  // namespace holdfast::http
