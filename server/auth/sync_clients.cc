#include "server/auth/sync_clients.h"

#include <algorithm>
#include <utility>

#include "dav/path.h"
#include "dav/refusal.h"
#include "dav/sync_client.h"
#include "dav/xml/output.h"
#include "server/auth/secrets.h"
#include "server/json/writer.h"
#include "text/ascii.h"
#include "text/percent.h"
#include "text/utf8.h"

namespace holdfast::server::auth {
namespace {

// The version decides what clients expect. Uploads in parts by the newer protocol ("v2") came with
// 26, and clients warn of servers that are too old.
constexpr int kMajor = 25;
constexpr std::string_view kVersion = "25.0.13";
constexpr std::size_t kFormLimitBytes = 4096;

using Segments = std::vector<std::string>;

bool is(const Segments& segments, std::initializer_list<std::string_view> names) {
  return std::ranges::equal(segments, names);
}

bool is_ocs(const Segments& segments) {
  return segments.size() >= 2 && segments[0] == "ocs" &&
         (segments[1] == "v1.php" || segments[1] == "v2.php");
}

bool ends_in(const Segments& segments, std::string_view area, std::string_view what) {
  return segments.size() == 4 && segments[2] == area && segments[3] == what;
}

bool is_page(const Segments& segments) {
  return segments.size() == 5 &&
         is({segments.begin(), segments.end() - 1}, {"index.php", "login", "v2", "flow"});
}

bool reads(const http::Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

http::Response document(int status, const json::Writer& out) {
  http::Response response;
  response.status = status;
  response.set("Content-Type", "application/json; charset=utf-8").set("Cache-Control", "no-store");
  response.body = out.text();
  return response;
}

// Fits the answer to HEAD.
http::Response fitted(const http::Request& request, http::Response response) {
  if (request.method != "HEAD") return response;
  if (const auto* text = std::get_if<std::string>(&response.body))
    response.head_length = text->size();
  response.body = std::monostate{};
  return response;
}

// Writes the envelope of an OCS answer. In v1 the status of success is 100, in v2 that of HTTP.
template <class Fill>
http::Response ocs(const Segments& segments, int status, Fill fill) {
  const bool v1 = segments[1] == "v1.php";
  json::Writer out;
  out.object([&] {
    out.key("ocs").object([&] {
      out.key("meta").object([&] {
        out.member("status", status == 200 ? "ok" : "failure");
        out.member("statuscode", v1 && status == 200 ? 100 : status);
        out.member("message", status == 200 ? "OK" : "Not found");
      });
      out.key("data");
      fill(out);
    });
  });
  return document(v1 && status != 401 ? 200 : status, out);
}

http::Response status_page() {
  json::Writer out;
  out.object([&] {
    out.member("installed", true);
    out.member("maintenance", false);
    out.member("needsDbUpgrade", false);
    out.member("version", std::string(kVersion) + ".1");
    out.member("versionstring", kVersion);
    out.member("edition", "");
    out.member("productname", "Holdfast");
    out.member("extendedSupport", false);
  });
  return document(200, out);
}

http::Response capabilities(const Segments& segments, const dav::Options& options) {
  return ocs(segments, 200, [&](json::Writer& out) {
    out.object([&] {
      out.key("version").object([&] {
        out.member("major", kMajor);
        out.member("minor", 0);
        out.member("micro", 13);
        out.member("string", kVersion);
        out.member("edition", "");
        out.member("extendedSupport", false);
      });
      out.key("capabilities").object([&] {
        out.key("core").object([&] {
          out.member("pollinterval", 60);
          out.member("webdav-root", "remote.php/webdav");
        });
        out.key("dav").object([&] { out.member("chunking", "1.0"); });
        out.key("files").object([&] {
          out.member("bigfilechunking", true);
          out.member("undelete", options.keeps_trash);
          out.member("versioning", options.keeps_versions);
        });
        out.key("checksums").object([&] {
          out.key("supportedTypes").array([&] {
            for (const auto* type : {"SHA1", "MD5", "SHA256"}) out.value(type);
          });
          out.member("preferredUploadType", "SHA1");
        });
      });
    });
  });
}

http::Response user_page(const Segments& segments, const storage::Namespace& names,
                         const dav::Caller& caller) {
  const std::string_view user = caller.name.empty() ? dav::kNobodysUser : caller.name;
  const std::uint64_t used = caller.account == storage::kNobody
                                 ? names.snapshot()->usage().bytes
                                 : names.snapshot()->usage_of(caller.account).bytes;
  return ocs(segments, 200, [&](json::Writer& out) {
    out.object([&] {
      out.member("id", user);
      out.member("display-name", user);
      out.member("displayname", user);
      out.member("email", "");
      out.key("quota").object([&] {
        out.member("used", used);
        // Less than 0: there is none.
        out.member("quota", caller.quota_bytes ? static_cast<std::int64_t>(*caller.quota_bytes)
                                               : std::int64_t{-3});
      });
    });
  });
}

// Returns the URL of this server that the client uses, without a final slash.
std::string base_url(const http::Request& request, const dav::UrlSpace& space) {
  std::string url(request.scheme);
  url.append("://").append(request.host()).append(dav::href(space, {}, false));
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// Reads a form and returns the value of this name; empty when there is none.
std::string field_of_form(http::Request& request, std::string_view name) {
  std::string body;
  for (;;) {
    const http::Body::Piece piece = request.body->read();
    if (piece.bytes.size() > kFormLimitBytes - body.size()) return {};
    body.append(piece.bytes.data(), piece.bytes.size());
    if (piece.state == http::Body::State::complete) break;
    if (piece.state != http::Body::State::more) return {};
  }
  std::string_view rest = body;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name)
      return text::percent_decoded_leniently(pair.substr(std::min(equals + 1, pair.size())));
  }
  return {};
}

// Returns how the client calls itself, as text that can be shown.
std::string_view label_of(const http::Request& request) {
  constexpr std::size_t kLabelBytes = 100;
  const std::string_view name = request.fields.find("User-Agent").value_or("");
  return text::valid_utf8(name) ? text::cut_to(name, kLabelBytes) : std::string_view();
}

http::Response page(int status, std::string_view title, std::string_view inside) {
  http::Response response;
  response.status = status;
  response.set("Content-Type", "text/html; charset=utf-8")
      .set("Cache-Control", "no-store")
      .set("X-Content-Type-Options", "nosniff")
      // Without a referrer, the form would come from the origin "null".
      .set("Referrer-Policy", "same-origin")
      .set("Content-Security-Policy",
           "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
           "frame-ancestors 'none'");
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>";
  text.append(title).append(
      "</title><style>body{font-family:sans-serif;margin:2em}</style></head><body><h1>");
  text.append(title).append("</h1>").append(inside).append("</body></html>\n");
  response.body = std::move(text);
  return response;
}

http::Response gone() {
  return page(404, "Sign in", "<p>This page is no longer valid: begin anew in the client.</p>");
}

}  // namespace

std::optional<http::Response> SyncClients::answer_all(http::Request& request,
                                                      const dav::Options& options) {
  const auto segments = dav::segments_of(request, options.space);
  if (!segments) return std::nullopt;
  if (is(*segments, {"status.php"}) && reads(request)) return fitted(request, status_page());
  if (is(*segments, {"index.php", "204"}) && reads(request)) {
    http::Response response;
    response.status = 204;
    return response;
  }
  if (is_ocs(*segments) && ends_in(*segments, "cloud", "capabilities") && reads(request))
    return fitted(request, capabilities(*segments, options));
  if (request.method != "POST") return std::nullopt;
  if (is(*segments, {"index.php", "login", "v2"})) return begin(request, options);
  if (is(*segments, {"index.php", "login", "v2", "poll"})) return poll(request, options);
  return std::nullopt;
}

bool SyncClients::concerns(const http::Request& request, const dav::UrlSpace& space) {
  const auto segments = dav::segments_of(request, space);
  return segments && (segments->front() == "ocs" || segments->front() == "index.php");
}

http::Response SyncClients::answer(http::Request& request, const http1::Peer& peer,
                                   const dav::Caller& caller, const dav::Options& options) {
  const auto segments = dav::segments_of(request, options.space);
  if (segments && is_page(*segments) && reads(request))
    return fitted(request, show_page(caller, segments->back()));
  if (segments && is_page(*segments) && request.method == "POST")
    return grant(request, peer, caller, options, segments->back());
  if (segments && is_ocs(*segments)) {
    if (ends_in(*segments, "cloud", "user") && reads(request))
      return fitted(request, user_page(*segments, names_, caller));
    return fitted(request, ocs(*segments, 404, [](json::Writer& out) { out.array([] {}); }));
  }
  return dav::refusal(request, options, 404, "a page of Nextcloud that is not served");
}

void SyncClients::forget() {
  const storage::Millis now = clock_.lease();
  while (!waiting_.empty() &&
         (waiting_.size() >= kMostWaiting || now - waiting_.front().begun >= kWaitMs))
    waiting_.pop_front();
}

http::Response SyncClients::begin(const http::Request& request, const dav::Options& options) {
  Waiting one{.page = new_token(),
              .poll = new_token(),
              .label = std::string(label_of(request)),
              .begun = clock_.lease()};
  const std::string base = base_url(request, options.space) + "/index.php/login/v2/";
  json::Writer out;
  out.object([&] {
    out.key("poll").object([&] {
      out.member("token", one.poll);
      out.member("endpoint", base + "poll");
    });
    out.member("login", base + "flow/" + one.page);
  });
  const std::lock_guard lock(mutex_);
  forget();
  waiting_.push_back(std::move(one));
  return document(200, out);
}

http::Response SyncClients::poll(http::Request& request, const dav::Options& options) {
  const std::string token = field_of_form(request, "token");
  json::Writer out;
  const std::lock_guard lock(mutex_);
  forget();
  for (auto each = waiting_.begin(); each != waiting_.end(); ++each) {
    if (each->token.empty() || !equal_in_constant_time(each->poll, token)) continue;
    out.object([&] {
      out.member("server", base_url(request, options.space));
      out.member("loginName", each->user);
      out.member("appPassword", each->token);
    });
    waiting_.erase(each);  // it is told once
    return document(200, out);
  }
  out.array([] {});
  return document(404, out);
}

http::Response SyncClients::show_page(const dav::Caller& caller, std::string_view name) {
  if (!caller.token.empty())
    return page(403, "Sign in", "<p>A device token may not make another: use the password.</p>");
  std::string form = "<p>";
  {
    const std::lock_guard lock(mutex_);
    forget();
    const auto found = std::ranges::find(waiting_, name, &Waiting::page);
    if (found == waiting_.end() || !found->token.empty()) return gone();
    found->nonce = new_token();
    found->asked = caller.account;
    dav::xml::append_escaped(form, found->label.empty() ? "A client" : found->label);
    form += " asks for access to the files of <b>";
    dav::xml::append_escaped(form, caller.name.empty() ? dav::kNobodysUser : caller.name);
    form +=
        "</b>. It gets a device token of its own, which you can remove at any time.</p>"
        "<form method=\"post\"><input type=\"hidden\" name=\"nonce\" value=\"";
    form += found->nonce;
  }
  form +=
      "\"><button>Grant access</button></form><p>If you did not start this on one of your "
      "devices, close this page.</p>";
  return page(200, "Sign in", form);
}

http::Response SyncClients::grant(http::Request& request, const http1::Peer& peer,
                                  const dav::Caller& caller, const dav::Options& options,
                                  std::string_view name) {
  const std::string nonce = field_of_form(request, "nonce");
  std::string label;
  {
    const std::lock_guard lock(mutex_);
    forget();
    const auto found = std::ranges::find(waiting_, name, &Waiting::page);
    if (found == waiting_.end() || !found->token.empty()) return gone();
    if (found->nonce.empty() || found->asked != caller.account || !caller.token.empty() ||
        !equal_in_constant_time(found->nonce, nonce))
      return dav::refusal(request, options, 403, "a form that this server did not send",
                          "Open the page again and grant the access there.");
    found->nonce.clear();
    label = found->label;
  }
  // Where there are no accounts, nobody is asked for a password, and any will do.
  const std::optional<std::string> token =
      caller.account == storage::kNobody ? std::optional(new_token())
                                         : self_service_.grant_token(request, peer, caller, label);
  if (!token)
    return page(403, "Sign in", "<p>The account has as many device tokens as it may have.</p>");
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(waiting_, name, &Waiting::page);
  if (found == waiting_.end()) return gone();
  found->user = caller.name.empty() ? std::string(dav::kNobodysUser) : caller.name;
  found->token = *token;
  return page(200, "Access granted", "<p>You can close this page.</p>");
}

}  // namespace holdfast::server::auth
