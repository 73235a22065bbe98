// Media types by file name extension, and which of them a browser may show in place
// (docs/robustness.md S6). Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::http {

// Returns the media type for a file of this name; "application/octet-stream" when the extension is
// unknown.
[[nodiscard]] std::string_view content_type(std::string_view name);

// Returns true for types that cannot run scripts in this server's origin: plain text and Markdown,
// raster images, audio, video, and documents.
[[nodiscard]] bool shown_inline(std::string_view content_type);
// Returns true for documents that a browser shows in a viewer of its own, outside this origin.
[[nodiscard]] bool is_document(std::string_view content_type);

// Returns a Content-Disposition value with the name in RFC 6266 and RFC 8187 form.
[[nodiscard]] std::string content_disposition(std::string_view name, bool inline_);

}  // namespace holdfast::http
