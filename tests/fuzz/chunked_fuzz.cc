// Any bytes as a chunked body: the same data, end and verdict however they are cut.
#include <algorithm>
#include <string>

#include "server/chunked.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

struct Decoded {
  server::ChunkedDecoder::State state = server::ChunkedDecoder::State::more;
  std::string data;
  std::size_t used = 0;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view bytes, std::size_t step) {
  server::ChunkedDecoder decoder;
  Decoded result;
  while (result.state == server::ChunkedDecoder::State::more && result.used < bytes.size()) {
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
  if (whole.state == server::ChunkedDecoder::State::complete)
    fuzz::require(bytes.substr(0, whole.used).ends_with("\r\n\r\n"), "ends with an empty line");
  return 0;
}
