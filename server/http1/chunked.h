// The chunked transfer coding (RFC 9112 §7.1), decoded strictly and in place: sizes of at most
// eight hex digits, extensions of at most 1 KiB ignored, trailers of at most 8 KiB checked for
// their line structure and discarded, never merged into the header. A body that is mostly framing
// is malformed. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::server::http1 {

class ChunkedDecoder {
 public:
  enum class State { more, complete, malformed };

  // Decodes `input` in place, moving the data of several chunks together, and removes what it used
  // from the front of `input`. `data` is the decoded data, inside the old input. Stops after the
  // last byte of the body.
  [[nodiscard]] State decode(std::span<char>& input, std::span<const char>& data);

 private:
  enum class Step { size, extension, size_lf, data, data_cr, data_lf, trailer, trailer_lf, end };
  // Decodes one byte of framing. Returns false when it is malformed.
  [[nodiscard]] bool frame(char c);
  [[nodiscard]] bool end_of_size_line();

  Step step_ = Step::size;
  std::uint64_t left_ = 0;  // of the current chunk's size, then of its data
  std::size_t digits_ = 0;
  std::size_t extension_ = 0;  // bytes of this chunk's extensions
  bool semicolon_ = false;
  bool last_ = false;
  std::size_t trailer_ = 0;       // bytes of all trailers
  std::size_t trailer_line_ = 0;  // bytes of the current one
  std::int64_t excess_ = 0;       // framing beyond what the data justifies
};

}  // namespace holdfast::server::http1
