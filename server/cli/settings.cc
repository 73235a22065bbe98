#include "server/cli/settings.h"

#include <string>
#include <vector>

#include "server/cli/table.h"
#include "server/json/writer.h"
#include "text/ascii.h"

namespace holdfast::server::cli {
namespace {

std::vector<std::string> problems_of(const config::Resolution& settings) {
  std::vector<std::string> problems = settings.problems;
  // Combinations of options are checked once each option alone is right.
  if (problems.empty()) try {
      config::check_together(settings.config);
    } catch (const process::UsageError& error) {
      problems.emplace_back(error.what());
    }
  return problems;
}

ControlReply refusal(const std::vector<std::string>& problems) {
  ControlReply reply{process::kUsageExit, {}};
  for (const std::string& problem : problems) reply.text += "holdfast: " + problem + "\n";
  return reply;
}

}  // namespace

ControlReply check_settings(const config::Resolution& settings) {
  const std::vector<std::string> problems = problems_of(settings);
  if (!problems.empty()) return refusal(problems);
  return {0, "The settings are right.\n"};
}

ControlReply show_settings(const config::Resolution& settings, bool json) {
  const std::vector<std::string> problems = problems_of(settings);
  if (!problems.empty()) return refusal(problems);
  if (json) {
    json::Writer out;
    out.object([&] {
      out.key("settings").array([&] {
        for (std::size_t i = 0; i < config::options().size(); ++i)
          out.object([&] {
            out.member("name", config::options()[i].name);
            out.member("value", config::options()[i].get(settings.config));
            out.member("from", settings.sources[i]);
          });
      });
    });
    return {0, out.text()};
  }
  Table table = {{"SETTING", "VALUE", "FROM"}};
  for (std::size_t i = 0; i < config::options().size(); ++i) {
    const config::Option& option = config::options()[i];
    const std::string value = text::without_controls(option.get(settings.config), '?');
    table.push_back({option.name, value.empty() ? "(none)" : value, settings.sources[i]});
  }
  return {0, text_of(table)};
}

}  // namespace holdfast::server::cli
