// `holdfast user …`: accounts, their grants, quotas and device tokens. What needs the user's
// terminal or files (passwords, certificates, new tokens) is done in the command's own process;
// what reaches the store is one request line, which means the same to a server's control socket and
// to a command that opened the data folder itself.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "server/cli/command_line.h"
#include "server/cli/control_socket.h"
#include "storage/namespace.h"

namespace holdfast::server::cli {

// "user VERB KEY=VALUE …", values percent-encoded, so that they may hold anything.
struct UserRequest {
  std::string verb;
  std::map<std::string, std::string, std::less<>> values;

  // Empty when it is absent.
  [[nodiscard]] std::string_view value(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return values.contains(key); }
};

// Throws UsageError when the line would be longer than a control socket takes.
[[nodiscard]] std::string request_line(const UserRequest& request);
// Nothing when the line is of another command.
[[nodiscard]] std::optional<UserRequest> parse_user_request(std::string_view line);

// Acts on an open store. Exit code 2 and one sentence when nothing was changed because the request
// cannot be fulfilled. Any thread.
[[nodiscard]] ControlReply answer_user(storage::Namespace& names, const UserRequest& request);

// The request of a user command, made in the command's process: asks for a password, hashes it,
// reads the certificate, makes the token.
struct PreparedUser {
  UserRequest request;
  std::string secret;  // a new token, to be printed after the reply when that is good
};
// Throws UsageError with one sentence.
[[nodiscard]] PreparedUser prepare_user(const Invocation& invocation);

}  // namespace holdfast::server::cli
