#include "http/media_type.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/ascii.h"
#include "text/percent.h"

namespace holdfast::http {
namespace {

using Entry = std::pair<std::string_view, std::string_view>;

// The table is sorted by extension.
constexpr std::array kTypes = {
    Entry{"7z", "application/x-7z-compressed"},
    Entry{"aac", "audio/aac"},
    Entry{"avi", "video/x-msvideo"},
    Entry{"avif", "image/avif"},
    Entry{"bmp", "image/bmp"},
    Entry{"bz2", "application/x-bzip2"},
    Entry{"c", "text/plain; charset=utf-8"},
    Entry{"cc", "text/plain; charset=utf-8"},
    Entry{"conf", "text/plain; charset=utf-8"},
    Entry{"cpp", "text/plain; charset=utf-8"},
    Entry{"css", "text/css"},
    Entry{"csv", "text/csv"},
    Entry{"doc", "application/msword"},
    Entry{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    Entry{"eml", "message/rfc822"},
    Entry{"epub", "application/epub+zip"},
    Entry{"flac", "audio/flac"},
    Entry{"gif", "image/gif"},
    Entry{"gz", "application/gzip"},
    Entry{"h", "text/plain; charset=utf-8"},
    Entry{"heic", "image/heic"},
    Entry{"htm", "text/html"},
    Entry{"html", "text/html"},
    Entry{"ico", "image/vnd.microsoft.icon"},
    Entry{"ics", "text/calendar"},
    Entry{"jpeg", "image/jpeg"},
    Entry{"jpg", "image/jpeg"},
    Entry{"js", "text/javascript"},
    Entry{"json", "application/json"},
    Entry{"kdbx", "application/x-keepass2"},
    Entry{"log", "text/plain; charset=utf-8"},
    Entry{"m4a", "audio/mp4"},
    Entry{"m4v", "video/mp4"},
    Entry{"md", "text/markdown"},
    Entry{"mhtml", "multipart/related"},
    Entry{"mkv", "video/x-matroska"},
    Entry{"mov", "video/quicktime"},
    Entry{"mp3", "audio/mpeg"},
    Entry{"mp4", "video/mp4"},
    Entry{"mpeg", "video/mpeg"},
    Entry{"odp", "application/vnd.oasis.opendocument.presentation"},
    Entry{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    Entry{"odt", "application/vnd.oasis.opendocument.text"},
    Entry{"oga", "audio/ogg"},
    Entry{"ogg", "audio/ogg"},
    Entry{"ogv", "video/ogg"},
    Entry{"opus", "audio/ogg"},
    Entry{"pdf", "application/pdf"},
    Entry{"png", "image/png"},
    Entry{"ppt", "application/vnd.ms-powerpoint"},
    Entry{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    Entry{"ps", "application/postscript"},
    Entry{"py", "text/plain; charset=utf-8"},
    Entry{"rar", "application/vnd.rar"},
    Entry{"rtf", "application/rtf"},
    Entry{"sh", "text/plain; charset=utf-8"},
    Entry{"svg", "image/svg+xml"},
    Entry{"tar", "application/x-tar"},
    Entry{"tif", "image/tiff"},
    Entry{"tiff", "image/tiff"},
    Entry{"txt", "text/plain; charset=utf-8"},
    Entry{"vcf", "text/vcard"},
    Entry{"wav", "audio/wav"},
    Entry{"webm", "video/webm"},
    Entry{"webp", "image/webp"},
    Entry{"xhtml", "application/xhtml+xml"},
    Entry{"xls", "application/vnd.ms-excel"},
    Entry{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    Entry{"xml", "application/xml"},
    Entry{"xz", "application/x-xz"},
    Entry{"yaml", "application/yaml"},
    Entry{"yml", "application/yaml"},
    Entry{"zip", "application/zip"},
    Entry{"zst", "application/zstd"},
};
static_assert(std::is_sorted(kTypes.begin(), kTypes.end()));

constexpr std::size_t kLongestExtension = 5;

// The bytes of a name that an extended parameter (RFC 8187 §3.2.1) has without encoding.
constexpr text::ByteSet kAttrBytes = text::ByteSet::alphanumeric_and("-._~");

}  // namespace

std::string_view content_type(std::string_view name) {
  constexpr std::string_view kUnknown = "application/octet-stream";
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot - 1 > kLongestExtension) return kUnknown;
  std::array<char, kLongestExtension> buffer{};
  std::size_t length = 0;
  for (const char c : name.substr(dot + 1)) buffer[length++] = text::lower(c);
  const std::string_view extension(buffer.data(), length);
  const auto found =
      std::lower_bound(kTypes.begin(), kTypes.end(), extension,
                       [](const Entry& entry, std::string_view key) { return entry.first < key; });
  return found != kTypes.end() && found->first == extension ? found->second : kUnknown;
}

bool shown_inline(std::string_view content_type) {
  return content_type == "image/png" || content_type == "image/jpeg" ||
         content_type == "image/gif" || content_type == "image/webp" ||
         content_type.starts_with("text/plain;") || content_type.starts_with("text/markdown") ||
         is_document(content_type) || content_type.starts_with("audio/") ||
         content_type.starts_with("video/");
}

bool is_document(std::string_view content_type) { return content_type == "application/pdf"; }

std::string content_disposition(std::string_view name, bool inline_) {
  std::string value = inline_ ? "inline" : "attachment";
  // The plain form is for old clients: every byte that would need encoding or quoting becomes '_'.
  value += "; filename=\"";
  bool plain = true;
  for (const char c : name) {
    const bool safe =
        text::is_ascii(c) && !text::is_control(c) && c != '"' && c != '\\' && c != '%';
    value += safe ? c : '_';
    plain &= safe;
  }
  value += '"';
  if (plain) return value;
  value += "; filename*=UTF-8''";
  text::append_encoded(value, name, kAttrBytes);
  return value;
}

}  // namespace holdfast::http
