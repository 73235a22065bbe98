// The files that browsers load for pages: styles, scripts, texts and signs. The build embeds them
// (web/, docs/page.md#for-developers). Their URLs are those of the root with a query that has a
// hash of the content, "/?page=NAME-HASH.EXT": no name in the tree is taken, and a cache may keep
// them for good. Constant; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dav/message.h"
#include "dav/options.h"

namespace holdfast::dav::page {

struct File {
  std::string_view name;  // "page.js"
  std::string_view hash;  // the first 16 digits of its SHA-256
  std::string_view bytes;
  std::string_view gzip;  // the same, compressed
};

// Returns all embedded files. The build generates this function (web/embed.cmake).
[[nodiscard]] std::span<const File> files();

// Returns the file of this name, which is one of the build's; "page.js".
[[nodiscard]] const File& file(std::string_view name);

// Returns the URL of the file: an absolute path with a query, which HTML need not escape.
[[nodiscard]] std::string file_url(const UrlSpace& space, std::string_view name);

// Answers a request for the root with the query "page=…", whoever asks, because a page that tells
// how to sign in has them, too. Returns nullopt for any other request. 404 for a file that is not
// known, such as one of another version of this server; 405 unless it is GET or HEAD.
[[nodiscard]] std::optional<Response> answer_file(const Request& request, const Options& options);

}  // namespace holdfast::dav::page
