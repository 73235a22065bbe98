// What is wrong with a command line that CLI11 does not take: which word, and what would be right.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace holdfast::server::cli {

// One sentence. `app` has parsed the arguments, as far as it could, and then threw `error`.
[[nodiscard]] std::string mistake(const CLI::App& app, const CLI::Error& error);

// One sentence when a word stands where one of the commands of `app` must stand, or when an option
// has another one in place of its value; else nothing. CLI11 lets both pass, for example before
// --help.
[[nodiscard]] std::string silent_mistake(const CLI::App& app);

// "holdfast user add".
[[nodiscard]] std::string full_name(const CLI::App& command);

}  // namespace holdfast::server::cli
