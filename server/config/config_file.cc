// read_config_file. Boost's reader rather than CLI11's, which cuts a quoted value at '#', skips
// lines of two characters and accepts an open quote.
#include <algorithm>
#include <boost/property_tree/ini_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "server/config/config.h"

namespace holdfast::server::config {
namespace {

std::string unquoted(const std::string& value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
      value.back() == value.front())
    return value.substr(1, value.size() - 2);
  return value;
}

}  // namespace

Values read_config_file(const std::string& path) {
  std::ifstream in(path);
  if (!in || std::filesystem::is_directory(path))
    throw process::UsageError("The config file " + path + " cannot be read.");

  boost::property_tree::ptree tree;
  try {
    boost::property_tree::ini_parser::read_ini(in, tree);
  } catch (const boost::property_tree::ini_parser_error& error) {
    throw process::UsageError("The config file " + path + " is wrong in line " +
                              std::to_string(error.line()) + ": " + error.message() + ".");
  }

  Values values;
  for (const auto& [key, child] : tree) {
    if (!child.empty())
      throw process::UsageError("The config file " + path + " has a section [" + key +
                                "]; sections are not used.");
    std::string name = key;
    std::replace(name.begin(), name.end(), '_', '-');
    if (!values.emplace(name, unquoted(child.data())).second)
      throw process::UsageError("The config file " + path + " has " + name + " twice.");
  }
  return values;
}

}  // namespace holdfast::server::config
