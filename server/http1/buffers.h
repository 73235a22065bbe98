// Memory that a task keeps from one request to the next, so that a request costs no allocation. One
// connection at a time uses it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include "fiber/fiber.h"
#include "server/http1/head.h"
#include "server/http1/limits.h"

namespace holdfast::server::http1 {

class Buffers {
 public:
  // How many body bytes are received, and how many response bytes are gathered, at a time.
  static constexpr std::size_t kBlockBytes = 64 * 1024;

  explicit Buffers(const Limits& limits)
      // The buffer has room for the largest head, an empty line before it and its line ends.
      : head_size_(std::max(limits.request_line_bytes + limits.head_bytes + 64, kBlockBytes)),
        pages_(head_size_ + kBlockBytes) {}

  // The buffer for request heads and what arrives with them. It has at least kBlockBytes.
  [[nodiscard]] std::span<char> head_buffer() { return {pages_.begin(), head_size_}; }
  [[nodiscard]] std::span<char> body_buffer() { return {pages_.begin() + head_size_, kBlockBytes}; }

  // Gives what no request uses back to the system, before a long wait: the head buffer behind its
  // first `head_bytes`, and an empty block.
  void trim() noexcept {
    fiber::give_back_pages(pages_.begin() + head_bytes, head_size_ - head_bytes);
    if (block.empty()) block = std::string();
  }

  std::size_t head_bytes = 0;  // of the head buffer that hold a request
  Head head;
  std::string answer;  // the head of the response, and a small body
  std::string block;   // gathers a streamed body

 private:
  std::size_t head_size_;
  fiber::Pages pages_;  // of the head buffer, then the body buffer
};

}  // namespace holdfast::server::http1
