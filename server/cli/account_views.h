// What the commands print about accounts, groups, tokens and sessions: tables for people, or one JSON
// document (docs/operations.md#json). Any thread.
#pragma once

#include <string_view>

#include "server/cli/control_socket.h"
#include "storage/namespace.h"

namespace holdfast::server::cli {

[[nodiscard]] ControlReply list_accounts(const storage::Namespace& names, bool json);
// Throws UsageError when there is no such account, or group. `only` is an account's name; empty:
// the tokens, links or sessions of all.
[[nodiscard]] ControlReply show_account(const storage::Namespace& names, std::string_view name,
                                        bool json);
[[nodiscard]] ControlReply list_tokens(const storage::Namespace& names, std::string_view only,
                                       bool json);
[[nodiscard]] ControlReply list_shares(const storage::Namespace& names, std::string_view only,
                                       bool json);
// Also those that are over and were not removed yet.
[[nodiscard]] ControlReply list_sessions(const storage::Namespace& names, std::string_view only,
                                         bool json);
[[nodiscard]] ControlReply list_groups(const storage::Namespace& names, bool json);
[[nodiscard]] ControlReply show_group(const storage::Namespace& names, std::string_view name,
                                      bool json);

// Return the account or the group. Throw UsageError when there is none of this name.
[[nodiscard]] const storage::Account& find_account(const storage::Accounts& all,
                                                   std::string_view name);
[[nodiscard]] const storage::Group& find_group(const storage::Accounts& all, std::string_view name);

}  // namespace holdfast::server::cli
