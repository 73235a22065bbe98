// One row of `node`.
#pragma once

#include <cstdint>
#include <string>

#include "storage/model.h"

namespace holdfast::storage::sqlite {

struct NodeRow {
  Resource resource;  // its id is 0 when nothing is mapped under this key
  std::string key;    // NameKey of the name; empty for the root
  // Bounds of the tree below (docs/storage.md, invariant 6): levels, and bytes of names.
  std::int64_t height = 0;
  std::int64_t reach = 0;
  std::int64_t property_bytes = 0;  // of its dead properties, as Usage::bytes counts them
  std::int64_t own_line = 0;        // of its versions (Version::line); 0: its id
  AccountId author = kNobody;       // who stored the content of a file

  std::int64_t came = 0;  // when it came to its place, in ids; 0: when it was made

  // Since when it has been at its place (Instant::node).
  [[nodiscard]] std::int64_t since() const { return came != 0 ? came : resource.id; }
  [[nodiscard]] std::int64_t line() const { return own_line != 0 ? own_line : resource.id; }

  // What it adds to Usage::bytes.
  [[nodiscard]] std::int64_t bytes() const {
    return static_cast<std::int64_t>(resource.size) + property_bytes;
  }

  [[nodiscard]] bool mapped() const { return resource.id != 0; }
};

}  // namespace holdfast::storage::sqlite
