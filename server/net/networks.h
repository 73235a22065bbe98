// Lists of addresses and networks, such as those of trusted proxies. Immutable after construction;
// any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::server::net {

class Networks {
 public:
  Networks() = default;  // none
  // Parses addresses and networks such as "127.0.0.1, 10.0.0.0/8, fd00::/8". Returns nullopt when
  // an element is neither.
  [[nodiscard]] static std::optional<Networks> parse(std::string_view list);

  [[nodiscard]] bool empty() const { return networks_.empty(); }
  // Returns the text that was parsed.
  [[nodiscard]] const std::string& text() const { return text_; }
  // Returns true when the numeric address is one of these, or in one of these networks.
  [[nodiscard]] bool contains(std::string_view address) const;

 private:
  struct Network {
    std::array<std::uint8_t, 16> address{};  // IPv4 as ::ffff:a.b.c.d
    unsigned bits = 128;
  };
  std::vector<Network> networks_;
  std::string text_;
};

}  // namespace holdfast::server::net
