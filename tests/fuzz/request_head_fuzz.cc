// Any bytes as a request head: found at the same place, or refused alike, however they arrive. What
// is accepted is what a naive reader of RFC 9112's grammar reads, with one framing, nothing in it
// that another reader could take differently, and written again it reads the same; what the naive
// reader takes and no rule of ours is about is accepted.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/http1/head.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

struct Found {
  server::http1::HeadScanner::State state;
  std::size_t begin = 0;
  std::size_t end = 0;
  int status = 0;
  bool operator==(const Found&) const = default;
};

Found scan(std::string_view bytes, std::size_t step, const server::http1::Limits& limits) {
  server::http1::HeadScanner scanner(limits);
  auto state = server::http1::HeadScanner::State::more;
  for (std::size_t end = 0;
       state == server::http1::HeadScanner::State::more && end < bytes.size();) {
    end = std::min(end + step, bytes.size());
    state = scanner.scan(bytes.substr(0, end));
  }
  if (state == server::http1::HeadScanner::State::complete)
    return {state, scanner.begin(), scanner.end(), 0};
  if (state == server::http1::HeadScanner::State::refused)
    return {state, 0, 0, scanner.refusal().status};
  return {state};
}

bool is_token(std::string_view text) {
  for (const char c : text)
    if (std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                         "WXYZ")
            .find(c) == std::string_view::npos)
      return false;
  return !text.empty();
}

struct Naive {
  std::string method, target, version;
  std::vector<std::pair<std::string, std::string>> fields;
};

// method SP target SP version CRLF *( token ":" OWS value OWS CRLF ) CRLF (RFC 9112 §3, §5).
std::optional<Naive> read(std::string_view text) {
  std::vector<std::string> lines(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\r\n") {
      lines.emplace_back();
      ++i;
    } else {
      lines.back() += text[i];
    }
  }
  if (lines.size() < 3 || !lines.back().empty() || !lines[lines.size() - 2].empty())
    return std::nullopt;
  lines.resize(lines.size() - 2);

  Naive head;
  const std::string& first = lines.front();
  const std::size_t one = first.find(' ');
  const std::size_t two = first.rfind(' ');
  if (one == std::string::npos || one == two) return std::nullopt;
  head.method = first.substr(0, one);
  head.target = first.substr(one + 1, two - one - 1);
  head.version = first.substr(two + 1);
  if (!is_token(head.method) || head.target.empty() ||
      (head.version != "HTTP/1.1" && head.version != "HTTP/1.0"))
    return std::nullopt;
  for (const char c : head.target)
    if ((c >= 0 && c <= ' ') || c == '\x7f') return std::nullopt;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::size_t colon = lines[i].find(':');
    if (colon == std::string::npos) return std::nullopt;
    std::string name = lines[i].substr(0, colon);
    std::string value = lines[i].substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.erase(0, 1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.pop_back();
    if (!is_token(name)) return std::nullopt;
    for (const char c : value)
      if ((c >= 0 && c < ' ' && c != '\t') || c == '\x7f') return std::nullopt;
    head.fields.emplace_back(std::move(name), std::move(value));
  }
  return head;
}

// No rule but the grammar speaks of these heads.
bool unremarkable(const Naive& head) {
  bool host = false;
  for (const auto& [name, value] : head.fields) {
    if (name == "Host" && value == "h" && !host) {
      host = true;
    } else if (name.size() < 2 || name.substr(0, 2) != "X-") {
      return false;
    }
  }
  return host && head.target.front() == '/' &&
         std::all_of(head.target.begin(), head.target.end(), [](char c) { return c > 0; });
}

bool plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return (c >= '\0' && c < ' ' && c != '\t') || c == '\x7f'; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const server::http1::Limits limits;
  const Found whole = scan(bytes, std::max<std::size_t>(size, 1), limits);
  fuzz::require(scan(bytes, 1, limits) == whole, "the same byte by byte");
  fuzz::require(scan(bytes, 7, limits) == whole, "the same by sevens");
  if (whole.state != server::http1::HeadScanner::State::complete) return 0;

  const std::string_view text = bytes.substr(whole.begin, whole.end - whole.begin);
  const std::optional<Naive> naive = read(text);
  server::http1::Head head;
  if (server::http1::parse_head(text, head)) {
    fuzz::require(!naive || !unremarkable(*naive), "refused for a reason");
    return 0;
  }
  fuzz::require(naive && naive->method == head.method && naive->target == head.target &&
                    (naive->version == "HTTP/1.0") == head.http10,
                "the naive reader's request line");
  fuzz::require(naive->fields.size() == head.fields.all().size(), "the naive reader's fields");
  for (std::size_t i = 0; i < naive->fields.size(); ++i)
    fuzz::require(naive->fields[i].first == head.fields.all()[i].name &&
                      naive->fields[i].second == head.fields.all()[i].value,
                  "the naive reader's fields");
  fuzz::require(!head.method.empty() && !head.target.empty(), "a request line");
  fuzz::require(plain(head.method) && plain(head.target), "no controls in the request line");
  fuzz::require(!(head.chunked && head.content_length), "one framing");
  fuzz::require(!(head.chunked && head.http10), "no chunks in HTTP/1.0");
  fuzz::require(head.fields.count("Content-Length") <= 1, "one Content-Length");
  fuzz::require(head.fields.count("Transfer-Encoding") == (head.chunked ? 1 : 0), "one coding");
  fuzz::require(head.http10 || head.fields.count("Host") == 1, "one Host");
  // Written again plainly, it reads the same.
  std::string again = std::string(head.method) + " " + std::string(head.target) +
                      (head.http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  for (const http::Fields::Field& field : head.fields.all()) {
    fuzz::require(plain(field.value), "no controls in a value");
    again += std::string(field.name) + ": " + std::string(field.value) + "\r\n";
  }
  again += "\r\n";
  server::http1::Head second;
  fuzz::require(!server::http1::parse_head(again, second), "accepted again");
  fuzz::require(second.method == head.method && second.target == head.target, "same request line");
  fuzz::require(second.fields.all().size() == head.fields.all().size(), "same fields");
  fuzz::require(second.chunked == head.chunked && second.content_length == head.content_length &&
                    second.keep_alive == head.keep_alive,
                "same framing");
  return 0;
}
