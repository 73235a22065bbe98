#include "server/commands/check.h"

#include "storage/namespace.h"

namespace holdfast::server {

ControlReply check_store(Store& store, bool repair, const std::stop_token&) {
  const storage::NamespaceCheck found = store.names->check(repair);
  ControlReply reply;
  for (const std::string& problem : found.problems) reply.text += problem + "\n";
  reply.exit_code = found.problems.empty() ? 0 : 1;
  return reply;
}

}  // namespace holdfast::server
