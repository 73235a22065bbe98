#include "server/cli/uploads.h"

#include <optional>
#include <string>

#include "server/cli/account_views.h"
#include "server/cli/table.h"
#include "server/cli/values.h"
#include "server/json/writer.h"

namespace holdfast::server::cli {
namespace {

using process::UsageError;

storage::Staging& staging_of(const Store& store) {
  if (store.staging) return *store.staging;
  throw UsageError("This store has no uploads.");
}

}  // namespace

ControlReply list_uploads(const Store& store, const UserRequest& request) {
  const auto accounts = store.names->accounts();
  const storage::Account* const only =
      request.has("name") ? &find_account(*accounts, request.value("name")) : nullptr;
  Table table = {{"ID", "BEGUN", "LAST", "ACCOUNT", "BYTES", "OF", "PATH"}};
  json::Writer out;
  out.object([&] {
    out.key("uploads").array([&] {
      for (const storage::StagedStatus& upload : staging_of(store).list()) {
        if (only && upload.info.account != only->id) continue;
        const storage::Account* const account = accounts->find(upload.info.account);
        const auto name = account ? std::optional(account->name) : std::nullopt;
        const std::string path = upload.info.in_parts ? "" : shown(upload.info.target);
        out.object([&] {
          out.member("id", upload.info.id);
          out.member("begun", moment(upload.info.created));
          out.member("last", moment(upload.touched));
          out.member("account", name);
          out.member("bytes", upload.kept);
          out.member("length", upload.info.length);
          out.member("path", path.empty() ? std::nullopt : std::optional(path));
        });
        table.push_back({upload.info.id, moment(upload.info.created), moment(upload.touched),
                         name ? shown(std::string_view(*name)) : "-", std::to_string(upload.kept),
                         upload.info.length ? std::to_string(*upload.info.length) : "-",
                         path.empty() ? "-" : path});
      }
    });
  });
  if (request.has("json")) return {0, out.text()};
  return {0, (table.size() == 1 ? std::string() : text_of(table)) +
                 counted(table.size() - 1, "upload", "uploads") + ".\n"};
}

ControlReply remove_uploads(const Store& store, const UserRequest& request) {
  storage::Staging& staging = staging_of(store);
  std::size_t removed = 0;
  if (request.has("all")) {
    for (const storage::StagedStatus& upload : staging.list())
      removed += staging.remove(upload.info.id) ? 1U : 0U;
  } else {
    if (!staging.remove(request.value("id")))
      throw UsageError("No upload has the id " + in_quotes(request.value("id")) + ".");
    removed = 1;
  }
  return {0, counted(removed, "upload", "uploads") + " removed.\n"};
}

}  // namespace holdfast::server::cli
