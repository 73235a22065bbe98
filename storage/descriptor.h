// A file descriptor that closes itself. It stands here because the files of a store and the sockets
// of the server both need it, and this is the lowest floor that knows of the operating system. One
// thread at a time.
#pragma once

#include <unistd.h>
#include <utility>

namespace holdfast::storage {

class Descriptor {
 public:
  Descriptor() = default;  // none
  // Takes over `number`. Negative: none.
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Descriptor taken(std::move(other));
    std::swap(number_, taken.number_);
    return *this;
  }
  // -1 or less: none.
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] explicit operator bool() const { return number_ >= 0; }
  // Gives the number up without closing it.
  int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

}  // namespace holdfast::storage
