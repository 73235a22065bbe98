// The key under which a member's name is found: its NFC form (clients R24). Names are stored as
// they came; two names with one key are one member. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::storage::sqlite {

// The key of one name. For ASCII, and so nearly always, it is the name itself and costs nothing.
class NameKey {
 public:
  explicit NameKey(std::string_view name);
  [[nodiscard]] std::string_view view() const { return normalised_ ? composed_ : name_; }
  // The name column: empty optional means NULL, "the same as the key".
  [[nodiscard]] bool is_name() const { return view() == name_; }

 private:
  std::string_view name_;
  std::string composed_;
  bool normalised_ = false;
};

}  // namespace holdfast::storage::sqlite
