// Any bytes as a Destination beside any Host: accepted only as a path, or as an http(s) URL whose
// authority is this server; and then it is the path that a naive decoder finds, whichever of the
// two forms, scheme or case the client chose. The input is the Host in one line and the
// Destination.
#include <algorithm>
#include <string>

#include "dav/path.h"
#include "http/origin.h"
#include "tests/fuzz/naive_path.h"
#include "tests/fuzz/property.h"
#include "text/ascii.h"

using namespace holdfast;

namespace {

const dav::UrlSpace& space() {
  static const dav::UrlSpace ours{
      .prefix = {"dav"},
      .origins = {{http::Scheme::https, "dav.example.org"}, {http::Scheme::http, "b", 81}}};
  return ours;
}

// Lower case, with a port in its shortest form and without the scheme's own.
std::string comparable(std::string_view authority, std::string_view own_port) {
  std::string text = text::lower(authority);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || text.find(']', colon) != std::string::npos) return text;
  std::string port = text.substr(colon + 1);
  if (!port.empty()) port.erase(0, std::min(port.find_first_not_of('0'), port.size() - 1));
  text.resize(colon);
  return port.empty() || port == own_port ? text : text + ":" + port;
}

// Without its port, and whether it had one.
std::pair<std::string, bool> host_of(const std::string& comparable_authority,
                                     std::string_view text) {
  const auto has_port = [](std::string_view each) {
    const std::size_t colon = each.rfind(':');
    return colon != std::string_view::npos && each.find(']', colon) == std::string_view::npos &&
           colon + 1 < each.size();
  };
  return {has_port(comparable_authority)
              ? comparable_authority.substr(0, comparable_authority.rfind(':'))
              : comparable_authority,
          has_port(text)};
}

struct Outcome {
  int status = 0;
  storage::Path path;
  bool operator==(const Outcome&) const = default;
};

Outcome parse(std::string_view text, std::string_view host) {
  try {
    return {0, dav::parse_reference(text, space(), host).path};
  } catch (const dav::Error& error) {
    return {error.status, {}};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view host = text.substr(0, line);
  const std::string_view destination = text.substr(std::min(line + 1, text.size()));

  const Outcome outcome = parse(destination, host);
  fuzz::require(outcome.status == 0 || outcome.status == 400 || outcome.status == 403 ||
                    outcome.status == 414 || outcome.status == 502,
                "a documented status");

  if (destination.find('?') != std::string_view::npos) {
    fuzz::require(outcome.status != 0, "a reference has no query");
    return 0;
  }
  std::string path(destination);
  if (!path.starts_with('/')) {
    const std::string begin = text::lower(path.substr(0, 8));
    const std::size_t scheme = begin.starts_with("http://") ? 7 : begin == "https://" ? 8 : 0;
    if (scheme == 0) {
      fuzz::require(outcome.status == 400 || outcome.status == 502, "another scheme");
      return 0;
    }
    const std::size_t slash = std::min(path.find('/', scheme), path.size());
    const std::string_view own_port = scheme == 7 ? "80" : "443";
    std::string named = path.substr(scheme, slash - scheme);
    named.erase(0, named.rfind('@') + 1);  // user information counts for nothing
    const std::string authority = comparable(named, own_port);
    const auto [host_named, has_port] = host_of(authority, named);
    const auto [host_asked, asked_has_port] = host_of(comparable(host, own_port), host);
    path.erase(0, slash);
    const bool ours = authority == comparable(host, own_port) || authority == "dav.example.org" ||
                      authority == "b:81" ||
                      (host_named == host_asked && (!has_port || !asked_has_port));
    fuzz::require(outcome.status != 0 || ours, "only our own authority");
    if (outcome.status == 0) {
      fuzz::require(outcome == parse(path, host), "the same without the authority");
      const std::string other = scheme == 7 ? "HTTPS://" : "Http://";
      fuzz::require(outcome == parse(other + "DAV.example.ORG" + path, host),
                    "the same on our other name");
    }
  }
  if (outcome.status != 0) return 0;
  auto naive = fuzz::naive_segments(path);
  fuzz::require(naive && !naive->empty() && naive->front() == "dav", "below the prefix");
  naive->erase(naive->begin());
  fuzz::require(storage::Path(*naive) == outcome.path, "the naive decoder's path");
  fuzz::require(parse(dav::href(space(), outcome.path, false), host) == outcome, "its href");
  return 0;
}
