// Any bytes as a config file: a sentence of UsageError without control characters, or a
// configuration that is the same when all of it is written to a file and read again, and in which a
// flag beats the file. Names of hosts are left out, because they would be looked up.
#include <fstream>

#include "server/config.h"
#include "tests/fuzz/property.h"
#include "tests/support/temporary_folder.h"

using namespace holdfast;

namespace {

std::optional<std::string> no_variable(const std::string&) { return std::nullopt; }

server::Values all_of(const server::Config& config) {
  server::Values values;
  for (const server::Option& option : server::options()) {
    const std::string value = option.get(config);
    if (!value.empty()) values[option.name] = value;
  }
  return values;
}

// Numeric, or refused before anybody is asked.
bool is_looked_up(const server::Values& values) {
  for (const char* name : {"listen", "admin-listen"})
    if (const auto value = values.find(name); value != values.end())
      if (value->second.find_first_not_of("0123456789.:[]") != std::string::npos) return true;
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
    const server::Values values = server::read_config_file(path);
    if (is_looked_up(values)) return 0;
    const server::Config config = server::resolve({}, no_variable, values);
    const server::Values all = all_of(config);

    std::string text;
    for (const auto& [name, value] : all)
      text.append(name).append(" = \"").append(value).append("\"\n");
    write(text);
    fuzz::require(server::read_config_file(path) == all, "written and read again");
    fuzz::require(all_of(server::resolve({}, no_variable, all)) == all, "the same configuration");
    const server::Values flags{{"queue", "17"}, {"data", "/flag"}};
    const server::Config beaten = server::resolve(flags, no_variable, values);
    fuzz::require(beaten.limits.queued == 17 && beaten.data == "/flag", "a flag beats the file");
    (void)config.engine_options(1 << 30);
  } catch (const server::UsageError& error) {
    for (const char c : std::string_view(error.what()))
      fuzz::require(c >= ' ' || c < 0, "a sentence for a terminal");
  }
  return 0;
}
