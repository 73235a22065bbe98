#include "server/cli/check.h"

#include <string>

#include "server/cli/table.h"
#include "server/json/writer.h"

namespace holdfast::server::cli {
ControlReply check_store(Store& store, const storage::CheckOptions& options, bool json) {
  const storage::CheckReport report = storage::check(*store.names, *store.contents, options);
  std::uint64_t uploads = 0;
  std::uint64_t upload_bytes = 0;
  if (store.staging)
    for (const storage::StagedStatus& upload : store.staging->list()) {
      ++uploads;
      upload_bytes += upload.kept;
    }
  ControlReply reply;
  if (json) {
    json::Writer out;
    out.object([&] {
      out.member("sound", report.sound());
      out.member("problems", report.problems);
      out.member("repaired", report.repaired);
      out.member("resources", report.resources);
      out.member("contents", report.contents);
      out.member("files", report.files);
      out.member("file_bytes", report.file_bytes);
      out.member("left_files", report.unnamed.files);
      out.member("uploads", uploads);
      out.member("upload_bytes", upload_bytes);
    });
    return {report.sound() ? 0 : 1, out.text()};
  }
  for (const std::string& problem : report.problems) reply.text += problem + "\n";
  if (report.unnamed.files > 0 && report.unnamed.few())
    reply.text += storage::to_string(report.unnamed) +
                  (options.repair ? " that belonged to no resource: removed.\n"
                                  : " that belong to no resource: left by uploads that a killed "
                                    "process did not finish; the server removes them.\n");
  if (uploads > 0)
    reply.text += counted(uploads, "upload is", "uploads are") + " not finished, with " +
                  counted(upload_bytes, "byte", "bytes") + ".\n";
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
