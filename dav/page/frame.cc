#include "dav/page/frame.h"

#include "dav/page/files.h"
#include "dav/path.h"
#include "dav/xml/output.h"
#include "text/ascii.h"
#include "text/utf8.h"

namespace holdfast::dav::page {
namespace {

// Inline styles and scripts are shut out with everything that is not listed. Markdown that the
// script shows is made safe under a name of its own (Trusted Types).
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify";
constexpr std::string_view kPolicyWithoutScript =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'";

// Returns true for the characters that turn the direction of what follows them (UAX #9), and for
// control characters.
bool misleads(char32_t c) {
  return text::is_control_character(c) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

void set_fields(Response& response, bool script) {
  response.set("Content-Type", "text/html; charset=utf-8")
      .set("X-Content-Type-Options", "nosniff")
      .set("Referrer-Policy", "same-origin")
      .set("Content-Security-Policy", script ? kPolicy : kPolicyWithoutScript);
}

void append_text(std::string& out, std::string_view text) {
  if (text::is_ascii(text) && !text::has_control(text)) return xml::append_escaped(out, text);
  std::string plain;
  while (!text.empty()) {
    const text::CodePoint first = text::first_code_point(text);
    const std::size_t length = first.length == 0 ? 1 : first.length;
    if (first.length == 0 || misleads(first.value)) {
      plain += "\uFFFD";
    } else {
      plain += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  xml::append_escaped(out, plain);
}

void append_head(std::string& out, const Options& options, const Texts& texts,
                 std::string_view title, std::string_view attributes, bool script) {
  out.append("<!DOCTYPE html>\n<html lang=\"").append(texts.language()).append("\"");
  out.append(attributes);
  out +=
      "><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" "
      "content=\"light dark\"><title>";
  append_text(out, title);
  out.append("</title><link rel=\"icon\" href=\"").append(file_url(options.space, "icon.svg"));
  out.append("\"><link rel=\"stylesheet\" href=\"").append(file_url(options.space, "page.css"));
  if (script)
    out.append("\"><script type=\"module\" src=\"")
        .append(file_url(options.space, "page.js"))
        .append("\"></script");
  else
    out += '"';
  out += "></head><body>\n";
}

std::string refusal_page(const Request& request, const Options& options, int status,
                         std::string_view title, std::string_view sentence) {
  const Texts& texts = Texts::of(request);
  const std::string key = "status." + std::to_string(status);
  const std::string_view words = texts[key] == key ? title : texts[key];
  std::string out;
  append_head(out, options, texts, words, "", false);
  out += "<main class=\"refusal\"><p class=\"status\">" + std::to_string(status) + "</p><h1>";
  append_text(out, words);
  out += "</h1>\n<p lang=\"en\">";
  append_text(out, sentence);
  out.append("</p>\n<p><a class=\"button\" href=\"")
      .append(href(options.space, options.space.base, true));
  out.append("\">");
  append_text(out, texts["to-start"]);
  return out += "</a></p></main>\n</body></html>\n";
}

}  // namespace holdfast::dav::page
