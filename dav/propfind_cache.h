// Remembers the PROPFIND bodies that were parsed lately. A client sends the same body again and
// again, and its meaning depends on its bytes alone. Any thread.
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
  // Options and slots must outlive the cache.
  PropFindCache(const Options& options, xml::ParseSlots& parses)
      : options_(options), parses_(parses) {}

  // Returns what the body requests, never null. Takes a slot when it has to parse. Throws what
  // PropFind::parse and ParseSlots::take throw.
  [[nodiscard]] std::shared_ptr<const PropFind> parse(std::string_view body);

 private:
  struct Parsed {
    std::string body;
    PropFind propfind;
  };
  static constexpr std::size_t kEntries = 64;
  // Larger bodies are not kept: no client repeats them.
  static constexpr std::size_t kMostBytes = 2048;

  const Options& options_;
  xml::ParseSlots& parses_;
  std::mutex mutex_;
  // Guarded by `mutex_`. A body's hash chooses its entry; a new body replaces what was there.
  std::array<std::shared_ptr<const Parsed>, kEntries> entries_;
};

}  // namespace holdfast::dav
