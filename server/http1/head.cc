#include "server/http1/head.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <limits>

#include "http/origin.h"
#include "text/ascii.h"

namespace holdfast::server::http1 {
namespace {

namespace beast = boost::beast::http;
using text::equal_ignoring_case;
using text::is_digit;

std::optional<Refusal> check_version(std::string_view version) {
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return std::nullopt;
  if (version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
      version[6] == '.' && is_digit(version[7]))
    return Refusal{505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return Refusal{400, "the request line has no HTTP version"};
}

std::optional<Refusal> check_request_line(std::string_view line) {
  const RequestLine parts = split_request_line(line);
  if (!text::is_token(parts.method)) return Refusal{400, "the method is not a token"};
  if (parts.target.empty()) return Refusal{400, "the request line has no target"};
  return check_version(parts.version);
}

// Fields that may occur only once. A second one is refused, because which one counts would be a
// guess.
constexpr std::array<std::string_view, 11> kSingletons = {"Host",
                                                          "Content-Length",
                                                          "Transfer-Encoding",
                                                          "Authorization",
                                                          "Destination",
                                                          "Lock-Token",
                                                          "Expect",
                                                          "If-Range",
                                                          "Content-Range",
                                                          "If-Modified-Since",
                                                          "If-Unmodified-Since"};

// Fields that may be repeated with the same value; two that differ are refused.
constexpr std::array<std::string_view, 3> kRepeatable = {"Depth", "Overwrite", "Content-Type"};

// Beast's parser; it collects the fields as views into the head.
class Parser final : public beast::basic_parser<true> {
 public:
  explicit Parser(Head& head) : head_(head) {
    header_limit(std::numeric_limits<std::uint32_t>::max());
    skip(true);
  }

 private:
  using Code = boost::beast::error_code;
  using View = boost::beast::string_view;

  void on_request_impl(beast::verb, View method, View target, int version, Code&) override {
    head_.method = {method.data(), method.size()};
    head_.target = {target.data(), target.size()};
    head_.http10 = version == 10;
  }
  void on_field_impl(beast::field, View name, View value, Code&) override {
    head_.fields.add({name.data(), name.size()}, {value.data(), value.size()});
  }
  void on_response_impl(int, View, int, Code&) override {}
  void on_header_impl(Code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  std::size_t on_body_impl(View, Code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, View, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View, Code&) override { return 0; }
  void on_finish_impl(Code&) override {}

  Head& head_;
};

std::optional<Refusal> read_content_length(std::string_view value, Head& head) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (value.empty() || !is_digit(value.front()))
    return Refusal{400, "Content-Length is not a number"};
  const auto length = text::parse_number(value);
  if (!length || *length >= kMost)
    return Refusal{400, "Content-Length is not a number that a body can have"};
  head.content_length = length;
  return std::nullopt;
}

// Reads Transfer-Encoding. Anything but the one word "chunked" after at most one space is refused,
// because parsers read other forms differently.
std::optional<Refusal> read_transfer_encoding(const http::Fields::Field& field, Head& head) {
  const char* after_colon = field.name.data() + field.name.size() + 1;
  const char* value = field.value.data();
  const bool plainly_spaced =
      !field.value.empty() && value[field.value.size()] == '\r' &&
      (value == after_colon || (value == after_colon + 1 && *after_colon == ' '));
  if (!plainly_spaced || !text::is_token(field.value))
    return Refusal{400, "Transfer-Encoding is not the single word chunked"};
  if (!equal_ignoring_case(field.value, "chunked"))
    return Refusal{501, "the only transfer coding known here is chunked"};
  head.chunked = true;
  return std::nullopt;
}

// Checks the target's form (RFC 9112 §3.2): origin-form, absolute-form, authority-form for CONNECT
// and "*" for OPTIONS.
std::optional<Refusal> check_target_and_host(const Head& head) {
  const auto host = head.fields.find("Host");
  if (!host && !head.http10) return Refusal{400, "Host is missing"};
  const auto asked = http::Authority::parse(host.value_or(""));
  if (host && !asked) return Refusal{400, "Host is malformed"};
  const std::string_view target = head.target;
  if (target.front() == '/' || head.method == "CONNECT") return std::nullopt;
  if (target == "*") {
    if (head.method == "OPTIONS") return std::nullopt;
    return Refusal{400, "the target * is for OPTIONS only"};
  }
  const auto url = http::split_absolute_form(target);
  const auto scheme = http::parse_scheme(url ? url->scheme : "");
  if (!scheme) return Refusal{400, "the target is neither a path nor an http URL"};
  const auto named = http::Authority::parse(url->authority);
  if (!named) return Refusal{400, "the target's authority is malformed"};
  if (host && !named->is(*asked, *scheme))
    return Refusal{400, "Host is not the target's authority"};
  return std::nullopt;
}

// Reads Connection (RFC 9110 §7.6.1), a list of tokens; empty elements are ignored.
void read_connection(std::string_view value, bool& close, bool& keep_alive) {
  while (const auto token = text::next_element(value)) {
    close = close || equal_ignoring_case(*token, "close");
    keep_alive = keep_alive || equal_ignoring_case(*token, "keep-alive");
  }
}

}  // namespace

RequestLine split_request_line(std::string_view line) {
  RequestLine parts;
  const std::size_t first = line.find(' ');
  parts.method = line.substr(0, first);
  if (first == std::string_view::npos) return parts;
  line.remove_prefix(first + 1);
  const std::size_t second = line.find(' ');
  parts.target = line.substr(0, second);
  if (second != std::string_view::npos) parts.version = line.substr(second + 1);
  return parts;
}

void HeadScanner::reset() { begin_ = fields_ = line_ = next_ = count_ = 0; }

HeadScanner::State HeadScanner::refuse(int status, std::string_view detail) {
  refusal_ = {status, detail};
  return State::refused;
}

// Checks the limits of the line that begins at line_; `line_bytes` is its length without CRLF.
std::optional<Refusal> HeadScanner::too_long(std::size_t line_bytes) const {
  if (fields_ == 0) {
    if (line_bytes <= limits_.request_line_bytes) return std::nullopt;
    return Refusal{414, "the request line is too long"};
  }
  if (line_bytes > limits_.field_line_bytes) return Refusal{431, "a header line is too long"};
  if (line_ + line_bytes + 2 - fields_ > limits_.head_bytes)
    return Refusal{431, "the header is too long"};
  if (count_ + (line_bytes > 0 ? 1 : 0) > limits_.field_count)
    return Refusal{431, "there are too many header lines"};
  return std::nullopt;
}

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  for (;;) {
    const std::size_t newline = bytes.find('\n', next_);
    if (newline == std::string_view::npos) {
      next_ = bytes.size();
      std::size_t line_bytes = bytes.size() - line_;
      // The last byte may be the CR of a line of the greatest allowed length.
      if (line_bytes > 0 && bytes.back() == '\r') --line_bytes;
      if (const auto refusal = too_long(line_bytes))
        return refuse(refusal->status, refusal->detail);
      return State::more;
    }
    const bool ended = newline > line_ && bytes[newline - 1] == '\r';
    const std::string_view line = bytes.substr(line_, newline - line_ - (ended ? 1 : 0));
    // The length is checked first, because it is known first when the line arrives in pieces.
    if (const auto refusal = too_long(line.size())) return refuse(refusal->status, refusal->detail);
    if (!ended) return refuse(400, "a line ends in LF without CR");
    next_ = newline + 1;
    if (fields_ > 0) {
      line_ = next_;
      if (line.empty()) return State::complete;
      if (line.front() == ' ' || line.front() == '\t')
        return refuse(400, "a header line begins with a space");
      ++count_;
    } else if (line.empty()) {
      // RFC 9112 §2.2 permits one empty line before the request line.
      if (begin_ > 0) return refuse(400, "there is no request line");
      begin_ = line_ = next_;
    } else {
      if (const auto refusal = check_request_line(line))
        return refuse(refusal->status, refusal->detail);
      fields_ = line_ = next_;
    }
  }
}

std::optional<Refusal> parse_head(std::string_view bytes, Head& head) {
  head.fields.clear();
  head.chunked = false;
  head.content_length.reset();
  head.expects_continue = false;

  Parser parser(head);
  boost::beast::error_code error;
  parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  // Beast may reject a Transfer-Encoding before the checks below; 400 is right for all its errors.
  if (error || !parser.is_done()) return Refusal{400, "the header is malformed"};

  std::bitset<kSingletons.size()> seen;
  std::array<std::optional<std::string_view>, kRepeatable.size()> said;
  bool close = false;
  bool keep_alive = false;
  for (const http::Fields::Field& field : head.fields.all()) {
    for (std::size_t i = 0; i < kSingletons.size(); ++i) {
      if (!equal_ignoring_case(field.name, kSingletons[i])) continue;
      if (seen[i]) return Refusal{400, "a field that may come once came twice"};
      seen[i] = true;
    }
    for (std::size_t i = 0; i < kRepeatable.size(); ++i) {
      if (!equal_ignoring_case(field.name, kRepeatable[i])) continue;
      if (said[i] && *said[i] != field.value)
        return Refusal{400, "a field that may come once came twice with different values"};
      said[i] = field.value;
    }
    std::optional<Refusal> refusal;
    if (equal_ignoring_case(field.name, "Content-Length")) {
      refusal = read_content_length(field.value, head);
    } else if (equal_ignoring_case(field.name, "Transfer-Encoding")) {
      refusal = read_transfer_encoding(field, head);
    } else if (equal_ignoring_case(field.name, "Connection")) {
      read_connection(field.value, close, keep_alive);
    } else if (equal_ignoring_case(field.name, "Expect") && !head.http10) {
      // HTTP/1.0 has no Expect and gets no 100 (RFC 9110 §10.1.1).
      if (!equal_ignoring_case(field.value, "100-continue"))
        refusal = Refusal{417, "the only expectation known here is 100-continue"};
      head.expects_continue = true;
    }
    if (refusal) return refusal;
  }
  if (head.chunked && head.content_length)
    return Refusal{400, "both Content-Length and Transfer-Encoding"};
  if (head.chunked && head.http10) return Refusal{400, "Transfer-Encoding in HTTP/1.0"};
  head.keep_alive = !close && (!head.http10 || keep_alive);
  return check_target_and_host(head);
}

}  // namespace holdfast::server::http1
