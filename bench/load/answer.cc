#include "bench/load/answer.h"

#include <algorithm>
#include <charconv>
#include <strings.h>

namespace holdfast::bench {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void Answer::expect(bool head_only, std::string_view keep) {
  state_ = State::head;
  head_only_ = head_only;
  closes_ = chunked_ = has_length_ = in_extension_ = false;
  status_ = 0;
  remaining_ = body_length_ = 0;
  line_length_ = 0;
  partial_.clear();
  keep_ = keep;
  kept_.clear();
}

void Answer::take(std::string_view bytes) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::head:
        take_head(bytes);
        break;
      case State::length:
      case State::chunk: {
        const auto count = std::min<std::uint64_t>(remaining_, bytes.size());
        bytes.remove_prefix(static_cast<std::size_t>(count));
        skip(count);
        break;
      }
      case State::chunk_size:
        take_chunk_size(bytes);
        break;
      case State::chunk_end:
        // The chunk's CRLF.
        if (bytes.front() == '\n') state_ = State::chunk_size;
        bytes.remove_prefix(1);
        break;
      case State::trailer:
        take_trailer(bytes);
        break;
      case State::until_close:
        body_length_ += bytes.size();
        return;
      case State::done:
        state_ = State::bad;
        return;
      case State::bad:
        return;
    }
  }
}

void Answer::close() {
  if (state_ == State::until_close) {
    state_ = State::done;
  } else if (state_ != State::done) {
    state_ = State::bad;
  }
  closes_ = true;
}

std::uint64_t Answer::skippable() const {
  return state_ == State::length || state_ == State::chunk ? remaining_ : 0;
}

void Answer::skip(std::uint64_t count) {
  body_length_ += count;
  remaining_ -= count;
  if (remaining_ == 0) state_ = state_ == State::length ? State::done : State::chunk_end;
}

void Answer::take_head(std::string_view& bytes) {
  if (partial_.empty()) {
    if (const auto end = bytes.find("\r\n\r\n"); end != std::string_view::npos) {
      const auto head = bytes.substr(0, end + 2);
      bytes.remove_prefix(end + 4);
      read_head(head);
      return;
    }
    partial_ = bytes;
    bytes = {};
    return;
  }
  const auto from = partial_.size() < 3 ? 0 : partial_.size() - 3;
  const auto before = partial_.size();
  partial_ += bytes;
  const auto end = partial_.find("\r\n\r\n", from);
  if (end == std::string::npos) {
    bytes = {};
    if (partial_.size() > 64 * 1024) state_ = State::bad;
    return;
  }
  bytes.remove_prefix(end + 4 - before);
  const auto head = std::move(partial_);
  partial_.clear();
  read_head(std::string_view(head).substr(0, end + 2));
}

// `head` ends with the CRLF of its last line.
void Answer::read_head(std::string_view head) {
  if (head.size() < 14 || !head.starts_with("HTTP/1.")) {
    state_ = State::bad;
    return;
  }
  if (head[7] == '0') closes_ = true;
  std::from_chars(head.data() + 9, head.data() + 12, status_);
  if (status_ >= 100 && status_ < 200) return;  // an interim answer: the next head follows
  for (auto at = head.find('\n') + 1; at < head.size();) {
    const auto end = head.find('\r', at);
    const auto line = head.substr(at, end - at);
    at = end + 2;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    auto value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    read_field(line.substr(0, colon), value);
  }
  if (head_only_ || status_ == 204 || status_ == 304) {
    state_ = State::done;
  } else if (chunked_) {
    state_ = State::chunk_size;
    remaining_ = 0;
  } else if (has_length_) {
    state_ = remaining_ == 0 ? State::done : State::length;
  } else {
    state_ = State::until_close;
  }
}

void Answer::read_field(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 14:
      if (same_name(name, "Content-Length")) {
        std::from_chars(value.data(), value.data() + value.size(), remaining_);
        has_length_ = true;
      }
      break;
    case 17:
      if (same_name(name, "Transfer-Encoding")) chunked_ = true;
      break;
    case 10:
      if (same_name(name, "Connection") && same_name(value, "close")) closes_ = true;
      if (same_name(name, "Connection") && same_name(value, "keep-alive")) closes_ = false;
      break;
    default:
      break;
  }
  if (!keep_.empty() && same_name(name, keep_)) kept_ = value;
}

void Answer::take_chunk_size(std::string_view& bytes) {
  const char c = bytes.front();
  bytes.remove_prefix(1);
  if (c == '\n') {
    in_extension_ = false;
    line_length_ = 0;
    state_ = remaining_ == 0 ? State::trailer : State::chunk;
    return;
  }
  if (c == '\r' || in_extension_) return;
  if (c == ';' || c == ' ') {
    in_extension_ = true;
    return;
  }
  unsigned digit = 0;
  if (c >= '0' && c <= '9') {
    digit = static_cast<unsigned>(c - '0');
  } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
    digit = static_cast<unsigned>((c | 0x20) - 'a') + 10;
  } else {
    state_ = State::bad;
    return;
  }
  remaining_ = remaining_ * 16 + digit;
}

void Answer::take_trailer(std::string_view& bytes) {
  const char c = bytes.front();
  bytes.remove_prefix(1);
  if (c == '\n') {
    if (line_length_ == 0) state_ = State::done;
    line_length_ = 0;
  } else if (c != '\r') {
    ++line_length_;
  }
}

}  // namespace holdfast::bench
