// Any bytes as a request head: found at the same place however they arrive, and what is accepted
// has nothing in it that another reader could take differently.
#include <algorithm>
#include <string>

#include "server/head.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

struct Found {
  server::HeadScanner::State state;
  std::size_t begin = 0;
  std::size_t end = 0;
  int status = 0;
  bool operator==(const Found&) const = default;
};

Found scan(std::string_view bytes, std::size_t step, const server::Limits& limits) {
  server::HeadScanner scanner(limits);
  auto state = server::HeadScanner::State::more;
  for (std::size_t end = 0; state == server::HeadScanner::State::more && end < bytes.size();) {
    end = std::min(end + step, bytes.size());
    state = scanner.scan(bytes.substr(0, end));
  }
  if (state == server::HeadScanner::State::complete)
    return {state, scanner.begin(), scanner.end(), 0};
  if (state == server::HeadScanner::State::refused) return {state, 0, 0, scanner.refusal().status};
  return {state};
}

bool plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return (c >= '\0' && c < ' ' && c != '\t') || c == '\x7f'; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const server::Limits limits;
  const Found whole = scan(bytes, std::max<std::size_t>(size, 1), limits);
  fuzz::require(scan(bytes, 1, limits) == whole, "the same byte by byte");
  fuzz::require(scan(bytes, 7, limits) == whole, "the same by sevens");
  if (whole.state != server::HeadScanner::State::complete) return 0;

  const std::string_view text = bytes.substr(whole.begin, whole.end - whole.begin);
  server::Head head;
  if (server::parse_head(text, head)) return 0;
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
  for (const dav::Fields::Field& field : head.fields.all()) {
    fuzz::require(plain(field.value), "no controls in a value");
    again += std::string(field.name) + ": " + std::string(field.value) + "\r\n";
  }
  again += "\r\n";
  server::Head second;
  fuzz::require(!server::parse_head(again, second), "accepted again");
  fuzz::require(second.method == head.method && second.target == head.target, "same request line");
  fuzz::require(second.fields.all().size() == head.fields.all().size(), "same fields");
  fuzz::require(second.chunked == head.chunked && second.content_length == head.content_length &&
                    second.keep_alive == head.keep_alive,
                "same framing");
  return 0;
}
