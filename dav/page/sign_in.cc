#include "dav/page/sign_in.h"

#include "dav/page/files.h"
#include "dav/page/frame.h"
#include "dav/page/texts.h"
#include "dav/path.h"
#include "text/percent.h"

namespace holdfast::dav::page {

namespace {

void append_name(std::string& out, const Texts& texts, const SignInPage& page) {
  out.append("<label>").append(texts["account-name"]);
  out +=
      "<input name=\"name\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" "
      "maxlength=\"200\" required value=\"";
  append_text(out, page.name);
  out += page.name.empty() ? "\" autofocus></label>" : "\"></label>";
}

}  // namespace

Response sign_in(const Request& request, const Options& options, const SignInPage& page) {
  const Texts& texts = Texts::of(request);
  std::string out;
  const bool link = !page.link.empty();
  const std::string_view title = texts[link ? "link-password" : "sign-in"];
  append_head(out, options, texts, title, "", false);
  out.append("<main class=\"refusal sign-in\"><img src=\"").append(file_url(options.space, "icon.svg"));
  out.append("\" alt=\"\" width=\"48\" height=\"48\"><h1>").append(title);
  out += "</h1>\n";
  if (!page.key.empty())
    out.append("<p class=\"why\" role=\"alert\">").append(texts[page.key]).append("</p>\n");
  out += "<form method=\"post\" action=\"";
  if (link) {
    append_text(out, page.link);
  } else {
    out.append(href(options.space, {}, true)).append("?session");
  }
  out += "\"><input type=\"hidden\" name=\"to\" value=\"";
  append_text(out, page.to);
  out += "\">";
  if (!link) append_name(out, texts, page);
  out.append("<label>").append(texts["password"]);
  out +=
      "<input type=\"password\" name=\"password\" autocomplete=\"current-password\" "
      "maxlength=\"1024\" required";
  out += page.name.empty() && !link ? "" : " autofocus";
  out.append("></label><button class=\"main\">").append(texts[link ? "open" : "sign-in"]);
  out += "</button></form></main>\n</body></html>\n";
  Response response;
  response.status = page.status;
  set_fields(response, false);
  response.set("Cache-Control", "no-store");
  if (page.again) response.set("Refresh", "0");
  if (request.method == "HEAD") {
    response.head_length = out.size();
  } else {
    response.body = std::move(out);
  }
  return response;
}

std::string sign_in_url(const Options& options, std::string_view to) {
  std::string url = href(options.space, {}, true) + "?session=";
  text::append_encoded(url, to, text::ByteSet::alphanumeric_and("-._~/"));
  return url;
}

}  // namespace holdfast::dav::page
