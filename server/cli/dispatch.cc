#include "server/cli/dispatch.h"

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>

#include "server/cli/audit.h"
#include "server/cli/check.h"
#include "server/cli/lock.h"
#include "server/cli/password.h"
#include "server/cli/uploads.h"
#include "server/cli/user_store.h"
#include "server/process/drop_root.h"

namespace holdfast::server::cli {
namespace {

constexpr std::string_view kLockList = "lock-list";
constexpr std::string_view kLockBreak = "lock-break ";
constexpr std::string_view kCheck = "check";
constexpr std::string_view kCheckHashes = "check-hashes";
constexpr std::string_view kRepair = "check-repair";
// Stands behind these requests for a reply in JSON.
constexpr std::string_view kJson = " json";

// Returns the request line of a command that is not about accounts.
std::string plain_request(const Invocation& invocation) {
  const std::string json(invocation.json ? kJson : "");
  switch (invocation.command) {
    case Command::lock_list:
      return std::string(kLockList) + json;
    case Command::lock_break:
      // A line feed would end the request; tokens and paths have none.
      if (invocation.lock.find('\n') != std::string::npos)
        throw process::UsageError("A token or path has no line breaks.");
      return std::string(kLockBreak) + invocation.lock;
    default:
      if (invocation.repair) return std::string(kRepair) + json;
      return std::string(invocation.hashes ? kCheckHashes : kCheck) + json;
  }
}

bool is_user_command(Command command) {
  return command >= Command::user_add && command <= Command::token_remove;
}

// In a folder without files, the first account makes the store.
bool has_files(const std::string& folder) {
  std::error_code unreadable;
  return std::filesystem::exists(folder, unreadable) &&
         !std::filesystem::is_empty(folder, unreadable);
}

// Carries the request out here, on a store that no server has open.
ControlReply act_here(const Invocation& invocation, const std::string& request, Store& store) {
  if (!request.starts_with(kRepair)) return answer_control(store, request, {});
  storage::CheckOptions options;
  options.hashes = invocation.hashes;
  options.repair = true;
  return check_store(store, options, invocation.json);
}

// Carries out a request in the form of those about accounts.
ControlReply answer_about(Store& store, const UserRequest& request) try {
  if (request.verb == "upload-list") return list_uploads(store, request);
  if (request.verb == "upload-remove") return remove_uploads(store, request);
  return answer_user(*store.names, request);
} catch (const process::UsageError& error) {
  return {process::kUsageExit, std::string("holdfast: ") + error.what() + "\n"};
}

// Sends the request to the server, or carries it out here.
ControlReply run_request(const Invocation& invocation, const std::string& request,
                         const OpenStore& open_store) {
  process::work_as_owner(invocation.config.data);
  if (std::optional<ControlReply> reply = ask_server(invocation.config.data, request))
    return *reply;
  // An account may be added before the first start: serve needs one except on loopback.
  const Opening opening =
      invocation.command == Command::user_add ? Opening::made_if_missing : Opening::existing;
  const storage::SystemClock clock;
  std::unique_ptr<observe::AuditLog> log;
  if (is_change(request)) log = open_audit_log(invocation.config, clock);
  Store store = open_store(invocation.config, opening, {});
  ControlReply reply = act_here(invocation, request, store);
  if (log && (reply.exit_code == 0 || invocation.repair))
    record_command(*log, request, ::geteuid());
  return reply;
}

// Does what run_request does for a user command. When the reply is a question, asks the user and
// goes on only when the answer is yes: `prepared` then says so in all its later requests.
ControlReply run_user_request(const Invocation& invocation, PreparedUser& prepared,
                              UserRequest request, const OpenStore& open_store) {
  ControlReply reply = run_request(invocation, request_line(request), open_store);
  if (reply.exit_code != kAsksExit) return reply;
  if (!ask_to_go_on(reply.text)) return {process::kUsageExit, "Nothing was changed.\n"};
  request.values["yes"] = prepared.request.values["yes"] = "yes";
  return run_request(invocation, request_line(request), open_store);
}

}  // namespace

ControlReply answer_control(Store& store, std::string_view request, const std::stop_token& stop) {
  const bool json = request.ends_with(kJson) && !request.starts_with(kLockBreak);
  if (json) request.remove_suffix(kJson.size());
  if (request == kLockList) return list_locks(*store.names, json);
  if (request.starts_with(kLockBreak))
    return break_lock(*store.names, request.substr(kLockBreak.size()));
  if (const auto user = parse_user_request(request)) return answer_about(store, *user);
  if (request == kCheck || request == kCheckHashes) {
    storage::CheckOptions options;
    options.hashes = request == kCheckHashes;
    options.stop = stop;
    return check_store(store, options, json);
  }
  if (request == kRepair)
    return {process::kUsageExit,
            "Stop the server first: repairing needs the data folder for itself.\n"};
  return {1, "The server does not know this command; is it of another version?\n"};
}

ControlReply run_on_data_folder(const Invocation& invocation, const OpenStore& open_store) {
  if (!is_user_command(invocation.command))
    return run_request(invocation, plain_request(invocation), open_store);
  PreparedUser prepared = prepare_user(invocation);
  if (prepared.needs_password) {
    // The name is checked before the user types a password.
    if (has_files(invocation.config.data)) {
      ControlReply reply =
          run_user_request(invocation, prepared, look_request(prepared.request), open_store);
      if (reply.exit_code != 0) return reply;
    }
    add_password(prepared.request, invocation);
  }
  ControlReply reply = run_user_request(invocation, prepared, prepared.request, open_store);
  if (reply.exit_code == 0 && !prepared.secret.empty()) reply.text += prepared.secret + "\n";
  return reply;
}

}  // namespace holdfast::server::cli
