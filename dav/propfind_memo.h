// The PROPFIND bodies that were parsed lately. A client sends the same one again and again, and
// what it means depends on its bytes alone. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "dav/parse_slots.h"
#include "dav/property.h"

namespace holdfast::dav {

class PropFindMemo {
 public:
  // Both must outlive the memo.
  PropFindMemo(const Options& options, ParseSlots& parses) : options_(options), parses_(parses) {}

  // As PropFind::parse, which takes a slot when there is something to parse. Never null.
  [[nodiscard]] std::shared_ptr<const PropFind> parse(std::string_view body);

 private:
  struct Parsed {
    std::string body;
    PropFind propfind;
  };
  static constexpr std::size_t kEntries = 64;
  // Larger ones are no client's habit.
  static constexpr std::size_t kMostBytes = 2048;

  const Options& options_;
  ParseSlots& parses_;
  std::mutex mutex_;
  // By the body's hash; a new one takes the place of whatever was there.
  std::array<std::shared_ptr<const Parsed>, kEntries> entries_;
};

}  // namespace holdfast::dav
