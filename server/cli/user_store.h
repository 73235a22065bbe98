// `holdfast user …` and `holdfast group …`: accounts, their grants, quotas and device tokens, and
// groups of them. The commands about what is kept of the past (history.h) have the same requests.
// What needs the user's
// terminal or files (passwords, certificates, new tokens) is done in the command's own process. The
// store gets one request line, which means the same on a server's control socket and in a command
// that opened the data folder itself.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "server/cli/command_line.h"
#include "server/cli/control_socket.h"
#include "storage/namespace.h"

namespace holdfast::server::cli {

// "user VERB KEY=VALUE …". Values are percent-encoded and may have any bytes.
struct UserRequest {
  std::string verb;
  std::map<std::string, std::string, std::less<>> values;

  // Returns the value; empty when it is absent.
  [[nodiscard]] std::string_view value(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return values.contains(key); }
};

// Throws UsageError when the line would be longer than a control socket accepts.
[[nodiscard]] std::string request_line(const UserRequest& request);
// Returns nullopt when the line belongs to another command.
[[nodiscard]] std::optional<UserRequest> parse_user_request(std::string_view line);

// The exit code of a reply that asks whether the user means it. Its text is a sentence without its
// final period that says what would follow; nothing was changed. The command asks, and sends the
// request again with yes=yes. No program exits with this code.
inline constexpr int kAsksExit = 3;

// Carries out a request on an open store. Returns exit code 2 and one sentence when the request
// cannot be fulfilled and nothing was changed. Any thread.
[[nodiscard]] ControlReply answer_user(storage::Namespace& names, const UserRequest& request);

// Throws UsageError with one sentence for a path, a right, a quota, a label or a time that no store
// accepts. The command calls it before it sends a request.
void check_values(const UserRequest& request);

// The request of a user command, made in the command's process, which reads the certificate or
// makes the token.
struct PreparedUser {
  UserRequest request;
  std::string secret;           // a new token, to be printed after a successful reply
  bool needs_password = false;  // add_password() must be called
};
// Throws UsageError with one sentence.
[[nodiscard]] PreparedUser prepare_user(const Invocation& invocation);

// Reads a password from the user and hashes it. Throws UsageError with one sentence.
void add_password(UserRequest& request, const Invocation& invocation);

// Returns a request that checks, before the user types a password, that the account of a prepared
// request exists, or does not exist if it is to be added.
[[nodiscard]] UserRequest look_request(const UserRequest& request);

}  // namespace holdfast::server::cli
