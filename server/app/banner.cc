#include "server/app/banner.h"

#include <string_view>

namespace holdfast::server::app {
namespace {

std::string url_of(std::string_view scheme, const net::Address& address, std::uint16_t port,
                   std::string_view path) {
  // Clients cannot connect to a wildcard address; on this machine, loopback always reaches it.
  std::string host = address.host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return std::string(scheme) + "://" + host + ":" + std::to_string(port) + std::string(path);
}

std::string_view meaning(auth::Anonymous anonymous) {
  switch (anonymous) {
    case auth::Anonymous::off:
      return "off: nobody can read or write without an account";
    case auth::Anonymous::read:
      return "read: everybody who reaches the address can read";
    case auth::Anonymous::write:
      return "write: everybody who reaches the address can read and write";
  }
  return "";
}

std::string_view meaning(storage::Durability durability) {
  return durability == storage::Durability::full
             ? "full: an acknowledged write is on disk"
             : "relaxed: an acknowledged write survives a killed process; a power cut may lose the "
               "last moments";
}

}  // namespace

std::string banner(const config::Config& config, auth::Anonymous anonymous, const Ports& ports,
                   const std::string& fingerprint) {
  const std::string path = config.prefix_path();
  const std::string here = url_of(config.tls() ? "https" : "http", config.listen, ports.own, path);

  std::string out = "Holdfast serves " + here + "\n";
  std::string url = here;  // the URL that clients should use
  for (const std::string& host : ports.hosts) {
    const std::string there =
        url_of(config.tls() ? "https" : "http", {.host = host}, ports.own, path);
    if (url == here) url = there;
    out += "  also at     " + there + "\n";
  }
  if (!config.public_urls.empty()) url = config.public_urls.front().text() + path;
  const std::string dav_url =
      (url.starts_with("https") ? "davs" : "dav") + url.substr(url.find(':'));

  if (!config.public_urls.empty() && url != here) out += "  known as    " + url + "\n";
  out += "  data        " + config.data + "\n";
  out += "  durability  " + std::string(meaning(config.durability)) + "\n";
  out += "  anonymous   " + std::string(meaning(anonymous)) + "\n";
  if (!fingerprint.empty())
    out += "  TLS         " +
           std::string(config.tls_self_signed ? "self-signed certificate" : "certificate") +
           ", SHA-256 " + fingerprint + "\n";
  if (ports.redirect && config.http_redirect)
    out += "  redirects   " + url_of("http", *config.http_redirect, *ports.redirect, "/") + "\n";
  if (ports.admin && config.admin_listen)
    out += "  admin       " + url_of("http", *config.admin_listen, *ports.admin, "/metrics") +
           " and /healthz\n";
  out += "Mount it\n";
  out += "  Linux       sudo mount -t davfs " + url + " /mnt   or   gio mount " + dav_url +
         "   or   rclone mount --vfs-cache-mode writes --webdav-url " + url +
         " --webdav-vendor owncloud" + (config.tls_self_signed ? " --ca-cert CERT.pem" : "") +
         " :webdav: DIR\n";
  out += "  macOS       mkdir -p ~/holdfast && mount_webdav " + url +
         " ~/holdfast   or   Finder, Go, Connect to Server\n";
  out += "  Windows     net use H: " + url + "\n";
  if (config.tls_self_signed)
    out += "  CERT.pem    holdfast certificate --data " + config.data +
           " > CERT.pem   for clients that are to trust the certificate\n";
  if (anonymous != auth::Anonymous::off && !config.listen.loopback && config.public_urls.empty())
    out +=
        "Requests for other hosts than localhost and the addresses above are answered with 421; "
        "--public-url names the one that clients use.\n";
  return out;
}

}  // namespace holdfast::server::app
