#include "server/admin.h"

#include <exception>
#include <string_view>
#include <utility>

namespace holdfast::server {
namespace {

http::Response plain(const http::Request& request, int status, std::string body,
                     std::string_view type = "text/plain; charset=utf-8") {
  http::Response response;
  response.status = status;
  response.set("Content-Type", type);
  response.set("Cache-Control", "no-store");
  if (request.method == "HEAD")
    response.head_length = body.size();
  else
    response.body = std::move(body);
  return response;
}

}  // namespace

http::Response Admin::answer(const http::Request& request) const try {
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  if (path != "/healthz" && path != "/metrics")
    return plain(request, 404, "Here are only /healthz and /metrics.\n");
  if (request.method != "GET" && request.method != "HEAD") {
    http::Response response = plain(request, 405, "Only GET and HEAD.\n");
    response.set("Allow", "GET, HEAD");
    return response;
  }
  if (path == "/metrics")
    return plain(request, 200, metrics(), "text/plain; version=0.0.4; charset=utf-8");
  const std::optional<std::string> why = trouble();
  return why ? plain(request, 503, *why + "\n") : plain(request, 200, "ok\n");
} catch (const std::exception& error) {
  http::Response response = request.target.starts_with("/healthz")
                                ? plain(request, 503, "The store does not answer.\n")
                                : plain(request, 500, "The store does not answer.\n");
  response.log_detail = error.what();
  return response;
}

}  // namespace holdfast::server
