// Any bytes as a config file: a sentence of UsageError without control characters, or a
// configuration that has the file's own numbers and words, is the same when all of it is written to
// a file and read again, and in which a flag beats the file. Names of hosts are left out, because
// they would be looked up.
#include <fstream>

#include "server/config/config.h"
#include "tests/fuzz/property.h"
#include "tests/support/temporary_folder.h"

using namespace holdfast;

namespace {

std::optional<std::string> no_variable(const std::string&) { return std::nullopt; }

server::config::Values all_of(const server::config::Config& config) {
  server::config::Values values;
  for (const server::config::Option& option : server::config::options()) {
    const std::string value = option.get(config);
    if (!value.empty()) values[option.name] = value;
  }
  return values;
}

// Numeric, or refused before anybody is asked.
bool is_looked_up(const server::config::Values& values) {
  for (const char* name : {"listen", "admin-listen"})
    if (const auto value = values.find(name); value != values.end())
      if (value->second.find_first_not_of("0123456789.:[]") != std::string::npos) return true;
  return false;
}

// A number with its unit worked out; other text as it is.
std::string worked_out(std::string text) {
  if (const std::size_t zeros = text.find_first_not_of('0'); zeros != std::string::npos)
    if (text[zeros] >= '0' && text[zeros] <= '9') text.erase(0, zeros);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > 15) return text;
  const std::string unit = text.substr(digits, 1);
  constexpr std::pair<std::string_view, long double> kTimes[] = {
      {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
  for (const auto& [letter, seconds] : kTimes)
    if (unit == letter) return std::to_string(std::stold(text.substr(0, digits)) * seconds);
  const std::size_t power = unit.empty() ? 0 : std::string(" KMGT").find(unit);
  if (power == std::string::npos) return text;
  long double number = std::stold(text.substr(0, digits));
  for (std::size_t i = 0; i < power; ++i) number *= 1024;
  return std::to_string(number);
}

// What the configuration holds as a value that several texts stand for: of these the value is shown
// in one form, and that it is the same one is seen when it is written and read again.
bool has_one_text_of_several(const std::string& name) {
  for (const char* parsed : {"listen", "admin-listen", "http-redirect", "public-url", "prefix"})
    if (name == parsed) return true;
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TemporaryFolder folder(test::TemporaryFolder::in_memory());
  static const std::string path = folder / "holdfast.conf";
  const auto write = [](std::string_view text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  };
  write(fuzz::text_of(data, size));
  try {
    const server::config::ConfigFile file = server::config::read_config_file(path);
    const server::config::Values& values = file.values;
    if (is_looked_up(values)) return 0;
    const server::config::Config config = server::config::resolve({}, no_variable, file);
    const server::config::Values all = all_of(config);
    for (const auto& [name, value] : values)
      fuzz::require(value.empty() || has_one_text_of_several(name) ||
                        worked_out(all.at(name)) == worked_out(value),
                    "the value given");

    std::string text;
    for (const auto& [name, value] : all)
      text.append(name).append(" = \"").append(value).append("\"\n");
    write(text);
    const server::config::ConfigFile again = server::config::read_config_file(path);
    fuzz::require(again.values == all, "written and read again");
    fuzz::require(all_of(server::config::resolve({}, no_variable, again)) == all,
                  "the same configuration");
    const server::config::Values flags{{"queue", "17"}, {"data", "/flag"}};
    const server::config::Config beaten = server::config::resolve(flags, no_variable, file);
    fuzz::require(beaten.limits.queued == 17 && beaten.data == "/flag", "a flag beats the file");
    (void)config.engine_options(1 << 30);
  } catch (const server::process::UsageError& error) {
    for (const char c : std::string_view(error.what()))
      fuzz::require(c >= ' ' || c < 0, "a sentence for a terminal");
  }
  return 0;
}
