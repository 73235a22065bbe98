// read_config_file(). This parser exists because CLI11's cuts a quoted value at '#', skips lines of
// two characters and accepts an open quote, and Boost's does not give the line of a name.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "server/config/config.h"

namespace holdfast::server::config {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\v\f";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
      value.back() == value.front())
    return value.substr(1, value.size() - 2);
  return value;
}

// Parses one line. Returns what is wrong with it, or an empty text.
std::string take_line(ConfigFile& file, std::string_view line, int number) {
  line = trimmed(line);
  if (line.empty() || line.front() == '#' || line.front() == ';') return {};
  if (line.front() == '[') return "sections like " + std::string(line) + " are not used";
  const std::size_t equals = line.find('=');
  std::string name(trimmed(line.substr(0, equals)));
  if (equals == std::string_view::npos || name.empty())
    return "a line is \"name = value\", not \"" + std::string(line) + "\"";
  std::replace(name.begin(), name.end(), '_', '-');
  if (const auto first = file.lines.find(name); first != file.lines.end())
    return name + " stands in line " + std::to_string(first->second) + " already";
  file.values.emplace(name, unquoted(trimmed(line.substr(equals + 1))));
  file.lines.emplace(std::move(name), number);
  return {};
}

}  // namespace

std::string ConfigFile::place(std::string_view name) const {
  const auto line = lines.find(name);
  return path + ":" + std::to_string(line == lines.end() ? 0 : line->second);
}

ConfigFile read_config_file(const std::string& path) {
  std::ifstream in(path);
  if (!in || std::filesystem::is_directory(path))
    throw process::UsageError("The config file " + path + " cannot be read.");
  ConfigFile file{.path = path};
  std::string line;
  for (int number = 1; std::getline(in, line); ++number)
    if (const std::string wrong = take_line(file, line, number); !wrong.empty())
      file.problems.push_back(path + ":" + std::to_string(number) + ": " + wrong + ".");
  return file;
}

}  // namespace holdfast::server::config
