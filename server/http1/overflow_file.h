// A file without a name for the part of a response that the client did not take at once, so that
// the response's snapshot can end before a slow client has read everything. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::server::http1 {

class OverflowFile {
 public:
  // Throws std::system_error when no file can be made in `folder`.
  explicit OverflowFile(const std::string& folder);
  ~OverflowFile();
  OverflowFile(const OverflowFile&) = delete;
  OverflowFile& operator=(const OverflowFile&) = delete;

  // Throws std::system_error when the disk is full or fails.
  void append(std::string_view bytes);
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  int descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace holdfast::server::http1
