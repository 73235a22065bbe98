// The key under which a name is found: its NFC form (docs/clients.md R24). Names are stored as the
// client sent them; two names with one key are one member. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "storage/model.h"

namespace holdfast::storage {

// The key of one name. For ASCII, and so nearly always, it is the name itself and costs nothing. It
// refers to `name`, which must outlive it.
class NameKey {
 public:
  explicit NameKey(std::string_view name);
  [[nodiscard]] std::string_view view() const { return normalised_ ? composed_ : name_; }
  // Returns true when the name is its own key.
  [[nodiscard]] bool is_name() const { return view() == name_; }

 private:
  std::string_view name_;
  std::string composed_;
  bool normalised_ = false;
};

// Returns true when both names are names of one member.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);
// Returns true when `path` is `above` or lies below it. The paths are compared segment by segment,
// whatever is mapped there.
[[nodiscard]] bool at_or_below(const Path& path, const Path& above);
// Returns true when both paths lead to one resource.
[[nodiscard]] bool same_path(const Path& a, const Path& b);

}  // namespace holdfast::storage
