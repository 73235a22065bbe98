// xmllint (libxml2) as a second opinion about XML, many documents to one process.
//
//   Xmllint xmllint;
//   std::vector<bool> good = xmllint.judge(documents);
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

class Xmllint {
 public:
  static bool installed() { return program_exists("xmllint"); }

  // What `xmllint --nonet OPTIONS 0.xml 1.xml …` writes to `stream` (1 output, 2 errors).
  std::string run(const std::string& options, const std::vector<std::string>& documents,
                  int stream) {
    for (std::size_t i = 0; i < documents.size(); ++i)
      std::ofstream(folder_ / (std::to_string(i) + ".xml"), std::ios::binary) << documents[i];
    std::string command = "cd '" + folder_.path().string() + "' && xmllint --nonet " + options;
    for (std::size_t i = 0; i < documents.size(); ++i) command += " " + std::to_string(i) + ".xml";
    command += stream == 1 ? " >out 2>/dev/null" : " 2>out >/dev/null";
    std::ofstream(folder_ / "command") << command;
    const std::string script = "sh '" + (folder_ / "command").string() + "'";
    [[maybe_unused]] const int status = std::system(script.c_str());
    std::ifstream in(folder_ / "out", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // For each document whether it is well-formed, namespaces included. xmllint also wants namespace
  // names to be URIs, which is not part of being well-formed.
  std::vector<bool> judge(const std::vector<std::string>& documents) {
    std::istringstream errors(run("--noout", documents, 2));
    std::vector<bool> good(documents.size(), true);
    for (std::string line; std::getline(errors, line);) {
      const std::size_t dot = line.find(".xml:");
      if (dot == std::string::npos || line.find(" error :") == std::string::npos ||
          line.find("is not a valid URI") != std::string::npos)
        continue;
      if (line.find_first_not_of("0123456789") == dot)
        good.at(std::stoul(line.substr(0, dot))) = false;
    }
    return good;
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace holdfast::test
