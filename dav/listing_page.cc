#include "dav/listing_page.h"

#include <array>
#include <cstdio>

#include "dav/headers.h"
#include "dav/junk.h"
#include "dav/rights.h"
#include "dav/xml/output.h"
#include "http/date.h"

namespace holdfast::dav {
namespace {

constexpr std::size_t kChunkBytes = 32 * 1024;

// Nothing on the page may run or load anything; only the page's own inline style is allowed.
constexpr std::string_view kPolicy = "default-src 'none'; style-src 'unsafe-inline'";

std::string readable_size(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.1f %s", value, kUnits[unit]);
  return {text.data(), static_cast<std::size_t>(length)};
}

void append_row(std::string& out, std::string_view link, std::string_view label,
                std::string_view size, std::string_view date) {
  out.append("<tr><td><a href=\"").append(link).append("\">");
  xml::append_escaped(out, label);
  out.append("</a></td><td class=\"n\">").append(size);
  out.append("</td><td>").append(date).append("</td></tr>\n");
}

class Page final : public Producer {
 public:
  Page(const Call& call, std::unique_ptr<const storage::Snapshot> snapshot,
       storage::Resolution target, std::string self)
      : options_(call.options),
        visible_(call.caller, target.path),
        snapshot_(std::move(snapshot)),
        target_(std::move(target)),
        self_(std::move(self)) {}

  void produce(Sink& sink) override {
    std::string title = "/";
    for (const std::string& segment : target_.stored.segments()) title.append(segment).append("/");
    std::string chunk =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><title>";
    xml::append_escaped(chunk, title);
    chunk +=
        "</title><style>body{font-family:sans-serif;margin:2em}td,th{padding:.2em 1.5em .2em 0;"
        "text-align:left}.n{text-align:right}</style></head><body><h1>";
    xml::append_escaped(chunk, title);
    chunk +=
        "</h1>\n<table><thead><tr><th>Name</th><th class=\"n\">Size</th><th>Modified</th></tr>"
        "</thead><tbody>\n";
    if (!target_.path.is_root()) {
      const std::size_t slash = self_.rfind('/', self_.size() - 2);
      append_row(chunk, std::string_view(self_).substr(0, slash + 1), "../", "", "");
    }
    std::string link;
    const storage::Wanted wanted{.shown = visible_.filter()};
    snapshot_->members(target_, storage::Depth::one, wanted, [&](const storage::Member& member) {
      if (member.segments.empty() || is_hidden(options_, member.resource)) return;
      const storage::Resource& resource = member.resource;
      const bool readable = visible_.right(member.segments) >= storage::Right::read;
      link = self_;
      append_encoded_segment(link, resource.name);
      std::string label = resource.name;
      if (resource.is_collection()) {
        link += '/';
        label += '/';
      }
      append_row(
          chunk, link, label, resource.is_collection() ? "" : readable_size(resource.size),
          http::format_date(http::second_of(readable ? resource.modified.at : resource.created)));
      if (chunk.size() < kChunkBytes) return;
      sink.write(chunk);
      chunk.clear();
    });
    sink.write(chunk += "</tbody></table></body></html>\n");
  }

 private:
  const Options& options_;
  VisibleTree visible_;
  std::unique_ptr<const storage::Snapshot> snapshot_;
  storage::Resolution target_;
  std::string self_;  // escaped, ends in a slash
};

}  // namespace

Response listing_page(const Call& call, std::unique_ptr<const storage::Snapshot> snapshot,
                      const storage::Resolution& target) {
  Response response;
  response.set("Content-Type", "text/html; charset=utf-8")
      .set("Last-Modified", http::last_modified(target.resource->modified.at, snapshot->wall_now()))
      .set("Cache-Control", "no-cache")
      .set("X-Content-Type-Options", "nosniff")
      .set("Content-Security-Policy", kPolicy);
  if (call.request.method == "HEAD") return response;
  // Links do not use the client's spelling: a browser takes a link that begins with "//" for
  // another host.
  std::string self = href(call.options.space, target.stored, true);
  response.body = std::unique_ptr<Producer>(
      std::make_unique<Page>(call, std::move(snapshot), target, std::move(self)));
  return response;
}

}  // namespace holdfast::dav
