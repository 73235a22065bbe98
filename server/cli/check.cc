#include "server/cli/check.h"

#include <string>

#include "server/cli/table.h"

namespace holdfast::server::cli {
ControlReply check_store(Store& store, const storage::CheckOptions& options) {
  const storage::CheckReport report = storage::check(*store.names, *store.contents, options);
  ControlReply reply;
  for (const std::string& problem : report.problems) reply.text += problem + "\n";
  if (report.unnamed.files > 0 && report.unnamed.few())
    reply.text += storage::to_string(report.unnamed) +
                  (options.repair ? " that belonged to no resource: removed.\n"
                                  : " that belong to no resource: left by uploads that a killed "
                                    "process did not finish; the server removes them.\n");
  reply.text += counted(report.resources, "resource", "resources") + ", " +
                counted(report.contents, "content", "contents") + ", " +
                counted(report.files, "content file", "content files") + " of " +
                counted(report.file_bytes, "byte", "bytes") + ": ";
  if (report.sound()) {
    reply.text += "sound.\n";
    return reply;
  }
  reply.exit_code = 1;
  reply.text += counted(report.problems.size(), "problem", "problems");
  if (options.repair) reply.text += ", " + std::to_string(report.repaired) + " repaired";
  reply.text += ".\n";
  return reply;
}

}  // namespace holdfast::server::cli
