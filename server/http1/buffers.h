// Memory that a task keeps from one request to the next, so that a request costs no allocation. One
// connection at a time uses it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
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
        head_(pages(head_size_)) {}

  // The buffer for request heads and what arrives with them. It has at least kBlockBytes.
  [[nodiscard]] std::span<char> head_buffer() { return {head_.get(), head_size_}; }
  [[nodiscard]] std::span<char> body_buffer() {
    if (!body_) body_ = pages(kBlockBytes);
    return {body_.get(), kBlockBytes};
  }

  // Gives what no request uses back to the system, before a long wait: the head buffer behind its
  // first `head_bytes`, and an empty block.
  void trim() noexcept {
    fiber::give_back_pages(head_.get() + head_bytes, head_size_ - head_bytes);
    if (block.empty()) block = std::string();
  }

  std::size_t head_bytes = 0;  // of the head buffer that hold a request
  Head head;
  std::string answer;  // the head of the response, and a small body
  std::string block;   // gathers a streamed body

 private:
  // Begins with a page, so that all can be given back.
  struct Free {
    void operator()(char* memory) const { ::operator delete[](memory, kAlignment); }
  };
  using Pages = std::unique_ptr<char[], Free>;
  static constexpr std::align_val_t kAlignment{4096};
  static Pages pages(std::size_t bytes) {
    return Pages(static_cast<char*>(::operator new[](bytes, kAlignment)));
  }

  std::size_t head_size_;
  Pages head_;
  Pages body_;
};

}  // namespace holdfast::server::http1
