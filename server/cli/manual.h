// The manual page and the shell completions, made from the same definition as --help. The build
// calls the hidden command `holdfast generate` for each of them.
#pragma once

#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace holdfast::server::cli {

// Returns holdfast(1), for man.
[[nodiscard]] std::string manual_page(const CLI::App& app);

[[nodiscard]] std::string bash_completion(const CLI::App& app);
[[nodiscard]] std::string zsh_completion(const CLI::App& app);
[[nodiscard]] std::string fish_completion(const CLI::App& app);

}  // namespace holdfast::server::cli
