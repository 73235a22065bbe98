// Remembers the PROPFIND bodies that were parsed lately. A client sends the same one again and
// again, and what it means depends on its bytes alone. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "dav/propfind_request.h"
#include "dav/xml/parse_slots.h"

namespace holdfast::dav {

class PropFindCache {
 public:
  // Both must outlive the cache.
  PropFindCache(const Options& options, xml::ParseSlots& parses)
      : options_(options), parses_(parses) {}

  // What the body asks for, never null. Takes a slot when it has to parse. Throws as
  // PropFind::parse and ParseSlots::take.
  [[nodiscard]] std::shared_ptr<const PropFind> parse(std::string_view body);

 private:
  struct Parsed {
    std::string body;
    PropFind propfind;
  };
  static constexpr std::size_t kEntries = 64;
  // No client repeats larger ones.
  static constexpr std::size_t kMostBytes = 2048;

  const Options& options_;
  xml::ParseSlots& parses_;
  std::mutex mutex_;
  // Guarded by mutex_. A body's hash chooses its entry; a new one replaces what was there.
  std::array<std::shared_ptr<const Parsed>, kEntries> entries_;
};

}  // namespace holdfast::dav
