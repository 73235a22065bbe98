// A file descriptor that closes itself. It is in storage/ because the files of a store and the
// sockets of the server both need it, and storage/ is the lowest layer that knows the operating
// system. One thread at a time.
#pragma once

#include <unistd.h>
#include <utility>

namespace holdfast::storage {

class Descriptor {
 public:
  Descriptor() = default;  // none
  // Takes ownership of `number`. A negative number means none.
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
  // Returns a negative number when there is none.
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] explicit operator bool() const { return number_ >= 0; }
  // Returns the number and gives up ownership without closing it.
  int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

}  // namespace holdfast::storage
