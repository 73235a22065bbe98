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

// Throws UsageError with one sentence for a path, a right, a quota, a label or a time that no store
// would take. The command says so before it asks anybody.
void check_values(const UserRequest& request);

// The request of a user command, made in the command's process: reads the certificate, makes the
// token.
struct PreparedUser {
  UserRequest request;
  std::string secret;           // a new token, to be printed after the reply when that is good
  bool needs_password = false;  // add_password() is to be called
};
// Throws UsageError with one sentence.
[[nodiscard]] PreparedUser prepare_user(const Invocation& invocation);

// Asks for a password and hashes it. Throws UsageError with one sentence.
void add_password(UserRequest& request, const Invocation& invocation);

// The request that finds out, before a password is asked for, whether the account of a prepared
// request is there, or must not be.
[[nodiscard]] UserRequest look_request(const UserRequest& request);

}  // namespace holdfast::server::cli
