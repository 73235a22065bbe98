// The head of a request, that is its request line and header section (RFC 9112 §2 to §6), is parsed
// strictly: every form that two implementations could read differently is refused, because it could
// smuggle a request past a proxy. HeadScanner finds the end of the head as bytes arrive and refuses
// early what is too long or can no longer become a request; parse_head checks the grammar
// (Boost.Beast) and decides the framing. Pure functions; a scanner belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.h"
#include "server/http1/limits.h"

namespace holdfast::server::http1 {

// Why a request is refused before any handler sees it; the connection is closed after the response.
struct Refusal {
  int status = 400;
  std::string_view detail;  // a sentence with nothing that the client sent
};

// The parts of the request line, as far as they could be parsed.
struct RequestLine {
  std::string_view method;
  std::string_view target;
  std::string_view version;
};
[[nodiscard]] RequestLine split_request_line(std::string_view line);

class HeadScanner {
 public:
  explicit HeadScanner(const Limits& limits) : limits_(limits) {}

  enum class State { more, complete, refused };
  // `bytes` is all that was received of this request; each call scans only what is new.
  [[nodiscard]] State scan(std::string_view bytes);
  void reset();

  // When the state is `complete`, the head is bytes.substr(begin(), end() - begin()): without the
  // empty line that may precede it, and with the one that ends it.
  [[nodiscard]] std::size_t begin() const { return begin_; }
  [[nodiscard]] std::size_t end() const { return line_; }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  [[nodiscard]] State refuse(int status, std::string_view detail);
  [[nodiscard]] std::optional<Refusal> too_long(std::size_t line_bytes) const;

  const Limits& limits_;
  std::size_t begin_ = 0;   // of the request line
  std::size_t fields_ = 0;  // offset of the first field line; 0 before the request line has ended
  std::size_t line_ = 0;    // offset of the current line
  std::size_t next_ = 0;    // offset of the first byte not scanned
  std::size_t count_ = 0;   // field lines
  Refusal refusal_;
};

struct Head {
  std::string_view method;
  std::string_view target;
  bool http10 = false;
  http::Fields fields;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;
  bool expects_continue = false;

  [[nodiscard]] bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

// Parses a complete head into `head`, whose views point into `bytes`. Returns what is wrong with
// it, or nullopt.
[[nodiscard]] std::optional<Refusal> parse_head(std::string_view bytes, Head& head);

}  // namespace holdfast::server::http1
