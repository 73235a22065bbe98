// The command's half of `holdfast user …`: arguments to a request line, and back.
#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "server/auth/secrets.h"
#include "server/cli/import_file.h"
#include "server/cli/password.h"
#include "server/cli/user_store.h"
#include "server/cli/values.h"
#include "storage/name_key.h"
#include "text/ascii.h"
#include "text/percent.h"
#include "text/utf8.h"

namespace holdfast::server::cli {
namespace {

constexpr std::string_view kPrefix = "user ";
constexpr std::size_t kCertificateLimitBytes = 1 << 20;

// The bytes of a value that a line has without encoding; spaces and "=" separate the values.
constexpr auto kPlainBytes = text::ByteSet::alphanumeric_and("/-_.$");

// Returns the SHA-256 of the certificate's DER form, in hex.
std::string certificate_fingerprint(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string pem(kCertificateLimitBytes, '\0');
  in.read(pem.data(), static_cast<std::streamsize>(pem.size()));
  if (!in.is_open() || in.bad() || in.gcount() == 0)
    throw process::UsageError("The certificate " + file + " cannot be read.");
  pem.resize(static_cast<std::size_t>(in.gcount()));
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
  ERR_clear_error();
  unsigned char* der = nullptr;
  const int size = certificate ? i2d_X509(certificate.get(), &der) : 0;
  if (size <= 0) throw process::UsageError(file + " is no certificate in PEM form.");
  const std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return auth::sha256_hex(bytes);
}

void take_id_or_all(UserRequest& request, const UserArguments& user) {
  if (user.id.has_value() == user.all) throw process::UsageError("An id is needed, or --all.");
  if (user.id) request.values["id"] = *user.id;
  if (user.all) request.values["all"] = "yes";
}

}  // namespace

std::string_view UserRequest::value(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? std::string_view() : found->second;
}

std::string request_line(const UserRequest& request) {
  std::string line(kPrefix);
  line += request.verb;
  for (const auto& [key, value] : request.values) {
    line += " " + key + "=";
    text::append_encoded(line, value, kPlainBytes);
  }
  if (line.size() >= ControlSocket::kRequestLimitBytes)
    throw process::UsageError(request.has("accounts")
                                  ? "The file has too many accounts for one command."
                                  : "The name, the label or the path is too long.");
  return line;
}

std::optional<UserRequest> parse_user_request(std::string_view line) {
  if (!line.starts_with(kPrefix)) return std::nullopt;
  line.remove_prefix(kPrefix.size());
  UserRequest request;
  request.verb = line.substr(0, line.find(' '));
  line.remove_prefix(request.verb.size());
  while (!line.empty()) {
    line.remove_prefix(1);
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    std::optional<std::string> value = text::percent_decoded(word.substr(equals + 1));
    if (!value) return std::nullopt;
    request.values[std::string(word.substr(0, equals))] = std::move(*value);
  }
  return request;
}

PreparedUser prepare_user(const Invocation& invocation) {
  const UserArguments& user = invocation.user;
  PreparedUser prepared;
  UserRequest& request = prepared.request;
  const auto take = [&request](const char* key, const std::optional<std::string>& value) {
    if (value) request.values[key] = *value;
  };
  // Names are stored in NFC; a typed name may have another form.
  if (user.name) request.values["name"] = storage::NameKey(*user.name).view();
  if (user.group) request.values["group"] = storage::NameKey(*user.group).view();
  if (user.new_name) request.values["new-name"] = storage::NameKey(*user.new_name).view();
  if (invocation.json) request.values["json"] = "yes";
  if (user.yes) request.values["yes"] = "yes";
  switch (invocation.command) {
    case Command::user_add:
      request.verb = "add";
      take("home", user.home);
      take("bytes", user.quota_bytes);
      take("resources", user.quota_resources);
      if (!storage::new_account_name_allowed(request.values["name"]))
        throw process::UsageError(std::string(kNameRule));
      prepared.needs_password = !user.no_password;
      break;
    case Command::user_passwd:
      request.verb = "passwd";
      prepared.needs_password = !user.no_password;
      break;
    case Command::user_list:
      request.verb = "list";
      break;
    case Command::user_show:
      request.verb = "show";
      break;
    case Command::user_rename:
      request.verb = "rename";
      break;
    case Command::user_suspend:
      request.verb = "suspend";
      break;
    case Command::user_resume:
      request.verb = "resume";
      break;
    case Command::user_networks:
      request.verb = "networks";
      if (user.networks.empty() != user.clear)
        throw process::UsageError("Networks are needed, or --clear.");
      request.values["networks"].clear();
      for (const std::string& network : user.networks)
        request.values["networks"] += (request.values["networks"].empty() ? "" : ",") + network;
      break;
    case Command::user_remove:
      request.verb = "remove";
      break;
    case Command::user_grant:
      request.verb = "grant";
      take("path", user.path);
      take("right", user.right);
      break;
    case Command::user_revoke:
      request.verb = "revoke";
      take("path", user.path);
      break;
    case Command::user_quota:
      request.verb = "quota";
      take("bytes", user.quota_bytes);
      take("resources", user.quota_resources);
      break;
    case Command::user_certificate:
      request.verb = "certificate";
      if (user.certificate_file.has_value() == user.clear)
        throw process::UsageError("A certificate file is needed, or --clear.");
      request.values["sha256"] =
          user.clear ? std::string() : certificate_fingerprint(*user.certificate_file);
      break;
    case Command::user_adopt:
      request.verb = "adopt";
      take("path", user.path);
      break;
    case Command::user_import:
      request.verb = "import";
      request.values["accounts"] =
          read_import(*user.import_file, invocation.config.digest, invocation.config.password_min);
      break;
    case Command::token_add: {
      request.verb = "token-add";
      take("label", user.label);
      take("path", user.path);
      take("expires", user.expires);
      if (user.read_only) request.values["read-only"] = "yes";
      const std::string id = auth::new_token_id();
      prepared.secret = auth::token_text(id);
      request.values["id"] = id;
      const storage::Sha256 hash = auth::token_hash(prepared.secret);
      request.values["hash"] = {reinterpret_cast<const char*>(hash.data()), hash.size()};
      break;
    }
    case Command::group_add:
      request.verb = "group-add";
      take("bytes", user.quota_bytes);
      take("resources", user.quota_resources);
      break;
    case Command::group_remove:
      request.verb = "group-remove";
      break;
    case Command::group_list:
      request.verb = "group-list";
      break;
    case Command::group_show:
      request.verb = "group-show";
      break;
    case Command::group_grant:
      request.verb = "group-grant";
      take("path", user.path);
      take("right", user.right);
      break;
    case Command::group_revoke:
      request.verb = "group-revoke";
      take("path", user.path);
      break;
    case Command::group_quota:
      request.verb = "group-quota";
      take("bytes", user.quota_bytes);
      take("resources", user.quota_resources);
      break;
    case Command::group_join:
      request.verb = "group-join";
      break;
    case Command::group_leave:
      request.verb = "group-leave";
      break;
    case Command::trash_list:
      request.verb = "trash-list";
      break;
    case Command::trash_restore:
      request.verb = "trash-restore";
      take("id", user.id);
      take("to", user.to);
      break;
    case Command::trash_purge:
      request.verb = "trash-purge";
      take_id_or_all(request, user);
      break;
    case Command::versions_list:
      request.verb = "versions-list";
      take("path", user.path);
      break;
    case Command::versions_restore:
      request.verb = "versions-restore";
      take("path", user.path);
      take("id", user.id);
      break;
    case Command::versions_purge:
      request.verb = "versions-purge";
      take("path", user.path);
      take_id_or_all(request, user);
      break;
    case Command::history_show:
      request.verb = "history-show";
      break;
    case Command::history_list:
      request.verb = "history-list";
      take("path", user.path);
      take("at", user.at);
      break;
    case Command::history_undo:
      request.verb = "history-undo";
      take("path", user.path);
      take("at", user.at);
      if (user.break_locks) request.values["break-locks"] = "yes";
      break;
    case Command::snapshot_add:
      request.verb = "snapshot-add";
      take("snapshot", user.snapshot);
      take("path", user.path);
      break;
    case Command::snapshot_list:
      request.verb = "snapshot-list";
      break;
    case Command::snapshot_remove:
      request.verb = "snapshot-remove";
      take("snapshot", user.snapshot);
      break;
    case Command::upload_list:
      request.verb = "upload-list";
      break;
    case Command::upload_remove:
      request.verb = "upload-remove";
      take_id_or_all(request, user);
      break;
    case Command::share_add: {
      request.verb = "share-add";
      take("label", user.label);
      take("path", user.path);
      take("expires", user.expires);
      const std::string id = auth::new_token_id();
      prepared.secret = auth::token_text(id);
      prepared.needs_password = user.password;
      request.values["id"] = id;
      const storage::Sha256 hash = auth::token_hash(prepared.secret);
      request.values["secret-hash"] = {reinterpret_cast<const char*>(hash.data()), hash.size()};
      prepared.secret = "/" + prepared.secret + "/";
      break;
    }
    case Command::share_list:
      request.verb = "share-list";
      break;
    case Command::share_remove:
      request.verb = "share-remove";
      take("id", user.token);
      break;
    case Command::session_list:
      request.verb = "session-list";
      break;
    case Command::session_end:
      request.verb = "session-end";
      take("id", user.token);
      break;
    case Command::token_list:
      request.verb = "token-list";
      break;
    case Command::token_remove:
      request.verb = "token-remove";
      take("id", user.token);
      break;
    default:
      throw process::UsageError("This is no command about accounts.");
  }
  check_values(request);
  return prepared;
}

void add_password(UserRequest& request, const Invocation& invocation) {
  const std::string& name = request.values["name"];
  const std::string password = read_new_password(name, invocation.config.password_min);
  request.values["hash"] = auth::hash_password(password);
  const auth::DigestAlgorithms& digest = invocation.config.digest;
  if (digest.sha256) request.values["digest-sha256"] = auth::digest_secrets_sha256(name, password);
  if (digest.md5) request.values["digest-md5"] = auth::digest_secrets_md5(name, password);
}

UserRequest look_request(const UserRequest& request) {
  UserRequest look{.verb = "look", .values = {{"name", std::string(request.value("name"))}}};
  if (request.verb != "add") return look;
  look.values["new"] = "yes";
  for (const char* key : {"home", "yes"})
    if (request.has(key)) look.values[key] = request.value(key);
  return look;
}

}  // namespace holdfast::server::cli
