// Makes certificates with the openssl program, and runs programs that trust one of them although
// they only use the system's list.
#pragma once

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "tests/support/process.h"

namespace holdfast::test {

inline std::string openssl(std::vector<std::string> arguments) {
  Command command;
  command.arguments = std::move(arguments);
  command.arguments.insert(command.arguments.begin(), "openssl");
  const Outcome outcome = run(command);
  if (outcome.exit_code != 0) throw std::runtime_error(outcome.output);
  return outcome.output;
}

// Makes a self-signed certificate and its key, for localhost.
inline void make_certificate(const std::string& certificate, const std::string& key,
                             const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"req",
                                        "-x509",
                                        "-newkey",
                                        "ec",
                                        "-pkeyopt",
                                        "ec_paramgen_curve:P-256",
                                        "-nodes",
                                        "-subj",
                                        "/CN=test",
                                        "-addext",
                                        "subjectAltName=DNS:localhost,IP:127.0.0.1",
                                        "-keyout",
                                        key,
                                        "-out",
                                        certificate};
  arguments.insert(arguments.end(), more.begin(), more.end());
  openssl(arguments);
}

// Returns a command that runs `command` in a mount namespace of its own, in which the system's list
// of trusted certificates has `certificate` too. `folder` gets the file of the list.
inline Command trusting(const std::filesystem::path& certificate,
                        const std::filesystem::path& folder, Command command) {
  static const char* const kScript =
      "set -e; list=/etc/ssl/certs/ca-certificates.crt; cat $list \"$1\" > \"$2\"; "
      "mount --bind \"$2\" $list; shift 2; exec \"$@\"";
  std::vector<std::string> arguments = {"unshare", "--mount", "--propagation", "private"};
  if (::geteuid() != 0) arguments.emplace_back("--map-root-user");
  arguments.insert(arguments.end(),
                   {"sh", "-c", kScript, "sh", certificate, folder / "trusted.crt"});
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  command.arguments = std::move(arguments);
  return command;
}

// Returns why trusting() cannot be used here; empty when it can.
inline std::string why_no_trust() {
  if (!std::filesystem::exists("/etc/ssl/certs/ca-certificates.crt"))
    return "the system has no list of trusted certificates";
  std::vector<std::string> arguments = {"unshare", "--mount"};
  if (::geteuid() != 0) arguments.emplace_back("--map-root-user");
  arguments.emplace_back("true");
  return run({.arguments = arguments}).exit_code == 0 ? "" : "no mount namespace can be had";
}

}  // namespace holdfast::test
