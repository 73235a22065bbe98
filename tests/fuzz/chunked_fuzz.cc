// Any bytes as a chunked body: the same data, end and verdict however they are cut, and complete
// exactly where a naive reader of the whole text finds it complete, with the same data.
#include <algorithm>
#include <string>

#include "server/http1/chunked.h"
#include "tests/fuzz/naive_chunked.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

struct Decoded {
  server::http1::ChunkedDecoder::State state = server::http1::ChunkedDecoder::State::more;
  std::string data;
  std::size_t used = 0;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view bytes, std::size_t step) {
  server::http1::ChunkedDecoder decoder;
  Decoded result;
  while (result.state == server::http1::ChunkedDecoder::State::more && result.used < bytes.size()) {
    std::string piece(bytes.substr(result.used, step));
    std::span<char> input(piece);
    std::span<const char> data;
    result.state = decoder.decode(input, data);
    result.data.append(data.data(), data.size());
    result.used += piece.size() - input.size();
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const Decoded whole = decode(bytes, std::max<std::size_t>(size, 1));
  for (const std::size_t step : {1, 2, 5, 64})
    fuzz::require(decode(bytes, step) == whole, "the same however it is cut");
  fuzz::require(whole.data.size() <= whole.used, "no data out of nothing");
  using State = server::http1::ChunkedDecoder::State;
  const fuzz::NaiveChunked naive = fuzz::read_chunked(bytes);
  if (whole.state == State::complete)
    fuzz::require(naive.end == fuzz::NaiveChunked::End::complete && naive.used == whole.used &&
                      naive.data == whole.data,
                  "the naive reader's body");
  // A body made mostly of framing is malformed to the decoder alone; that takes some size.
  if (naive.end == fuzz::NaiveChunked::End::complete)
    fuzz::require(whole.state == State::complete || size > 16 * 1024, "complete");
  if (naive.end == fuzz::NaiveChunked::End::malformed)
    fuzz::require(whole.state == State::malformed, "malformed");
  if (whole.state == State::more) fuzz::require(naive.data == whole.data, "the data so far");
  return 0;
}
