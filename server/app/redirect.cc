#include "server/app/redirect.h"

namespace holdfast::server {
namespace {

// The path and query of a request target; the rest of the forms have none that can be asked for.
std::string_view path_of(std::string_view target) {
  if (const std::size_t mark = target.find("://");
      !target.starts_with('/') && mark != std::string_view::npos) {
    const std::size_t slash = target.find('/', mark + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target.starts_with('/') ? target : "/";
}

void append_encoded(std::string& url, std::string_view path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const unsigned char byte : path) {
    if (byte > 0x20 && byte < 0x7f && byte != '"' && byte != '<' && byte != '>') {
      url += static_cast<char>(byte);
    } else {
      url += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
}

}  // namespace

std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) return std::string(authority.substr(1, authority.find(']') - 1));
  return std::string(authority.substr(0, authority.find(':')));
}

Redirect::Redirect(const Config& config, std::uint16_t port)
    : listen_host_(parse_address(config.listen).host),
      port_(port == 443 ? std::string() : ":" + std::to_string(port)) {
  for (const PublicUrl& url : parse_public_urls(config.public_url))
    if (url.scheme == "https") public_origins_.push_back("https://" + url.authority);
}

std::string Redirect::origin(std::string_view authority) const {
  const std::string host = host_of(authority);
  for (const std::string& known : public_origins_)
    if (dav::equal_ignoring_case(host_of(known.substr(8)), host)) return known;
  if (!public_origins_.empty()) return public_origins_.front();
  if (!dav::equal_ignoring_case(host, "localhost") && host != "127.0.0.1" && host != "::1" &&
      host != listen_host_)
    return {};
  return "https://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + port_;
}

dav::Response Redirect::answer(const dav::Request& request) const {
  dav::Response response;
  std::string url = origin(request.fields.find("Host").value_or(""));
  response.set("Content-Type", "text/plain; charset=utf-8");
  if (url.empty()) {
    response.status = 421;
    response.body = std::string("This host is not served here.\n");
    return response;
  }
  append_encoded(url, path_of(request.target));
  response.status = request.method == "GET" || request.method == "HEAD" ? 301 : 308;
  response.set("Location", url);
  response.body = "Here is only " + url + "\n";
  return response;
}

}  // namespace holdfast::server
