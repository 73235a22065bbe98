// Memory that a worker thread keeps from one request to the next, so that a request costs no
// allocation. Each worker has one; one connection at a time uses it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "server/http1/head.h"
#include "server/http1/limits.h"

namespace holdfast::server::http1 {

class Buffers {
 public:
  // How many body bytes are received, and how many response bytes are gathered, at a time.
  static constexpr std::size_t kBlockBytes = 64 * 1024;

  explicit Buffers(const Limits& limits)
      // The buffer has room for the largest head, an empty line before it and its line ends.
      : head_size_(limits.request_line_bytes + limits.head_bytes + 64),
        head_(std::make_unique_for_overwrite<char[]>(std::max(head_size_, kBlockBytes))) {
    head_size_ = std::max(head_size_, kBlockBytes);
  }

  // The buffer for request heads and what arrives with them. It has at least kBlockBytes.
  [[nodiscard]] std::span<char> head_buffer() { return {head_.get(), head_size_}; }
  [[nodiscard]] std::span<char> body_buffer() {
    if (!body_) body_ = std::make_unique_for_overwrite<char[]>(kBlockBytes);
    return {body_.get(), kBlockBytes};
  }

  Head head;
  std::string answer;  // the head of the response, and a small body
  std::string block;   // gathers a streamed body

 private:
  std::size_t head_size_;
  std::unique_ptr<char[]> head_;
  std::unique_ptr<char[]> body_;
};

}  // namespace holdfast::server::http1
