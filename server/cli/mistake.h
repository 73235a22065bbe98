// Says what is wrong with a command line that CLI11 rejects: which word, and what would be right.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace holdfast::server::cli {

// Returns one sentence. `app` has parsed the arguments as far as it could and then threw `error`.
[[nodiscard]] std::string mistake(const CLI::App& app, const CLI::Error& error);

// Returns one sentence when a word stands where one of the commands of `app` must stand, or when an
// option has another one in place of its value; else an empty text. CLI11 accepts both, for example
// before --help.
[[nodiscard]] std::string silent_mistake(const CLI::App& app);

// Returns a name such as "holdfast user add".
[[nodiscard]] std::string full_name(const CLI::App& command);

}  // namespace holdfast::server::cli
