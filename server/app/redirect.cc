#include "server/app/redirect.h"

#include <algorithm>
#include <utility>

#include "text/ascii.h"
#include "text/percent.h"

namespace holdfast::server::app {
namespace {

// The bytes that a URL may have without encoding (RFC 3986 §2); "%" begins an escape already.
constexpr auto kUrlBytes = text::ByteSet::alphanumeric_and("!#$%&'()*+,-./:;=?@[\\]^_`{|}~");

}  // namespace

Redirect::Redirect(const config::Config& config, std::uint16_t port,
                   std::vector<std::string> own_hosts)
    : own_hosts_(std::move(own_hosts)),
      port_(port == 443 ? std::string() : ":" + std::to_string(port)) {
  own_hosts_.push_back(config.listen.host);
  for (const http::Origin& url : config.public_urls)
    if (url.scheme == http::Scheme::https) public_origins_.push_back(url);
}

std::string Redirect::origin(std::string_view field) const {
  const auto asked = http::Authority::parse(field);
  // Only the hosts are compared: the request has this listener's port, the origin that of TLS.
  for (const http::Origin& known : public_origins_)
    if (asked && http::same_host(known.host, asked->host)) return known.text();
  if (!public_origins_.empty()) return public_origins_.front().text();
  if (!asked ||
      (!http::is_loopback_name(asked->host) &&
       std::find(own_hosts_.begin(), own_hosts_.end(), asked->bare_host()) == own_hosts_.end()))
    return {};
  return "https://" + std::string(asked->host) + port_;
}

http::Response Redirect::answer(const http::Request& request) const {
  http::Response response;
  std::string url = origin(request.fields.find("Host").value_or(""));
  response.set("Content-Type", "text/plain; charset=utf-8");
  if (url.empty()) {
    response.status = 421;
    response.body = std::string("This host is not served here.\n");
    return response;
  }
  const std::string_view path = http::without_authority(request.target);
  text::append_encoded(url, path.starts_with('/') ? path : "/", kUrlBytes);
  response.status = request.method == "GET" || request.method == "HEAD" ? 301 : 308;
  response.set("Location", url);
  response.body = "Here is only " + url + "\n";
  return response;
}

}  // namespace holdfast::server::app
