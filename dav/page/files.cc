#include "dav/page/files.h"

#include <algorithm>
#include <stdexcept>

#include "dav/path.h"
#include "dav/query.h"
#include "dav/refusal.h"
#include "http/accept.h"

namespace holdfast::dav::page {
namespace {

// Returns "page-0123456789abcdef.js".
std::string hashed_name(const File& file) {
  const std::size_t dot = file.name.rfind('.');
  std::string name(file.name.substr(0, dot));
  return name.append("-").append(file.hash).append(file.name.substr(dot));
}

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/plain; charset=utf-8";
}

}  // namespace

const File& file(std::string_view name) {
  const auto found = std::ranges::find(files(), name, &File::name);
  if (found == files().end()) throw std::logic_error("no such file of the page");
  return *found;
}

std::string file_url(const UrlSpace& space, std::string_view name) {
  return href(space, {}, true) + "?page=" + hashed_name(file(name));
}

std::optional<Response> answer_file(const Request& request, const Options& options) {
  const auto query = root_query(request, options.space, "page");
  if (!query) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    Response response = refusal(request, options, 405, "a file of the page was to be changed",
                                "Only GET and HEAD are allowed here.");
    response.set("Allow", "GET, HEAD");
    return response;
  }
  const auto found = std::ranges::find_if(
      files(), [&](const File& each) { return *query == "=" + hashed_name(each); });
  if (found == files().end())
    return refusal(request, options, 404, "no such file of the page",
                   "The page has no such file: load the page again.");
  Response response;
  response.set("Content-Type", type_of(found->name))
      .set("Cache-Control", "public, max-age=31536000, immutable")
      .set("Vary", "Accept-Encoding")
      .set("X-Content-Type-Options", "nosniff")
      .set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
  const bool gzip = http::accepts_gzip(request.fields);
  if (gzip) response.set("Content-Encoding", "gzip");
  const std::string_view body = gzip ? found->gzip : found->bytes;
  if (request.method == "HEAD") {
    response.head_length = body.size();
  } else {
    response.body = std::string(body);
  }
  return response;
}

}  // namespace holdfast::dav::page
