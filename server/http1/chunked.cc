#include "server/http1/chunked.h"

#include <algorithm>
#include <cstring>

#include "text/ascii.h"
#include "text/hex.h"

namespace holdfast::server::http1 {
namespace {

constexpr std::size_t kMaxDigits = 8;
constexpr std::size_t kMaxExtensionBytes = 1024;
constexpr std::size_t kMaxTrailerBytes = 8 * 1024;
// A chunk may have this much framing, plus twice its data; more adds to the excess.
constexpr std::int64_t kFramingAllowance = 16;
constexpr std::int64_t kMaxExcess = 16 * 1024;

// Returns true for bytes that neither an extension nor a trailer may have.
bool is_forbidden(char c) { return text::is_control(c) && c != '\t'; }

}  // namespace

bool ChunkedDecoder::end_of_size_line() {
  const auto framing = static_cast<std::int64_t>(digits_ + extension_) + 4;
  const auto data = static_cast<std::int64_t>(left_);
  excess_ = std::max<std::int64_t>(0, excess_ + framing - kFramingAllowance - 2 * data);
  last_ = left_ == 0;
  step_ = last_ ? Step::trailer : Step::data;
  digits_ = extension_ = 0;
  semicolon_ = false;
  return excess_ <= kMaxExcess;
}

bool ChunkedDecoder::frame(char c) {
  switch (step_) {
    case Step::size:
      if (const int value = text::hex_value(c); value >= 0) {
        left_ = left_ * 16 + static_cast<std::uint64_t>(value);
        return ++digits_ <= kMaxDigits;
      }
      if (digits_ == 0) return false;
      if (c == '\r') {
        step_ = Step::size_lf;
        return true;
      }
      step_ = Step::extension;
      return frame(c);
    case Step::extension:
      if (c == '\r') {
        step_ = Step::size_lf;
        return semicolon_;
      }
      semicolon_ = semicolon_ || c == ';';
      // Only white space may precede the semicolon.
      if (!semicolon_ && c != ' ' && c != '\t') return false;
      return !is_forbidden(c) && ++extension_ <= kMaxExtensionBytes;
    case Step::size_lf:
      return c == '\n' && end_of_size_line();
    case Step::data_cr:
      step_ = Step::data_lf;
      return c == '\r';
    case Step::data_lf:
      step_ = Step::size;
      return c == '\n';
    case Step::trailer:
      if (++trailer_ > kMaxTrailerBytes) return false;
      if (c == '\r') {
        step_ = Step::trailer_lf;
        return true;
      }
      ++trailer_line_;
      return !is_forbidden(c);
    case Step::trailer_lf:
      step_ = trailer_line_ == 0 ? Step::end : Step::trailer;
      trailer_line_ = 0;
      return c == '\n';
    case Step::data:
    case Step::end:
      break;
  }
  return false;
}

ChunkedDecoder::State ChunkedDecoder::decode(std::span<char>& input, std::span<const char>& data) {
  char* gained = nullptr;
  std::size_t size = 0;
  State state = State::more;
  while (!input.empty() && state == State::more) {
    if (step_ != Step::data) {
      if (!frame(input.front())) {
        state = State::malformed;
      } else if (step_ == Step::end) {
        state = State::complete;
      }
      input = input.subspan(1);
      continue;
    }
    const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
    if (gained == nullptr) {
      gained = input.data();
    } else {
      std::memmove(gained + size, input.data(), run);
    }
    size += run;
    left_ -= run;
    input = input.subspan(run);
    if (left_ == 0) step_ = Step::data_cr;
  }
  data = {gained, size};
  return state;
}

}  // namespace holdfast::server::http1
