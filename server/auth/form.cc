#include "server/auth/form.h"

#include <algorithm>
#include <utility>

#include "text/ascii.h"
#include "text/percent.h"
#include "text/utf8.h"

namespace holdfast::server::auth {
namespace {

std::string decoded_of_form(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return text::percent_decoded_leniently(spaced);
}

}  // namespace

std::string Form::value(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second;
}

Form read_form(http::Request& request) {
  const auto none = [](int status) { return Form{.status = status, .values = {}}; };
  const std::string_view type = request.fields.find("Content-Type").value_or("");
  if (!text::equal_ignoring_case(text::trimmed(type.substr(0, type.find(';'))),
                                 "application/x-www-form-urlencoded"))
    return none(415);
  std::string body;
  for (;;) {
    const http::Body::Piece piece = request.body->read();
    if (piece.bytes.size() > Form::kLimitBytes - body.size()) return none(413);
    body.append(piece.bytes.data(), piece.bytes.size());
    if (piece.state == http::Body::State::complete) break;
    if (piece.state != http::Body::State::more) return none(400);
  }
  Form form;
  std::string_view rest = body;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::string value = decoded_of_form(pair.substr(std::min(equals + 1, pair.size())));
    if (!text::valid_utf8(value) || text::has_control(value)) return none(400);
    form.values[decoded_of_form(pair.substr(0, equals))] = std::move(value);
  }
  return form;
}

std::string place_below(std::string_view to, const std::string& root) {
  const bool plain = std::ranges::all_of(
      to, [](char c) { return c > ' ' && c < 0x7f && c != '\\' && c != '"' && c != '<'; });
  return plain && to.starts_with(root) && !to.starts_with("//") ? std::string(to) : root;
}

}  // namespace holdfast::server::auth
