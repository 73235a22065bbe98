// Reads one HTTP/1.1 answer (RFC 9112 §6) as its bytes arrive: head, then a body by Content-Length,
// chunked, or up to the close. Keeps nothing of the body but its length. One connection each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::bench {

class Answer {
 public:
  enum class State { head, length, chunk_size, chunk, chunk_end, trailer, until_close, done, bad };

  // Before the next request. `head_only`: the request was HEAD. `keep`: the field to keep; must
  // outlive the answer.
  void expect(bool head_only, std::string_view keep);
  // Takes the next bytes. Bytes after the end of the answer make it bad: nothing else was asked.
  void take(std::string_view bytes);
  // The peer has closed the connection.
  void close();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool finished() const { return state_ == State::done || state_ == State::bad; }
  // How many of the next bytes are body that nobody needs to see.
  [[nodiscard]] std::uint64_t skippable() const;
  // Those bytes were dropped by the kernel.
  void skip(std::uint64_t count);

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] std::uint64_t body_length() const { return body_length_; }
  [[nodiscard]] bool closes() const { return closes_; }
  [[nodiscard]] const std::string& kept() const { return kept_; }

 private:
  void take_head(std::string_view& bytes);
  void read_head(std::string_view head);
  void read_field(std::string_view name, std::string_view value);
  void take_chunk_size(std::string_view& bytes);
  void take_trailer(std::string_view& bytes);

  State state_ = State::done;
  bool head_only_ = false;
  bool closes_ = false;
  bool chunked_ = false;
  bool has_length_ = false;
  int status_ = 0;
  std::uint64_t remaining_ = 0;  // of the body or the chunk
  std::uint64_t body_length_ = 0;
  unsigned line_length_ = 0;  // of the trailer line that is arriving
  bool in_extension_ = false;
  std::string partial_;  // a head that did not arrive at once
  std::string_view keep_;
  std::string kept_;
};

}  // namespace holdfast::bench
