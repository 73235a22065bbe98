#include "server/cli/import_file.h"

#include <fstream>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "server/cli/user_store.h"
#include "server/cli/values.h"
#include "server/json/object.h"
#include "storage/name_key.h"
#include "text/ascii.h"
#include "text/utf8.h"

namespace holdfast::server::cli {
namespace {

constexpr std::string_view kNames[] = {"name",        "password",        "password_hash", "home",
                                       "quota_bytes", "quota_resources", "groups"};

[[noreturn]] void refuse(std::string_view why) { throw process::UsageError(std::string(why)); }

// Returns the cells of one line of CSV (RFC 4180 §2), which has no line breaks in its cells.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += c;
      ++i;
    } else if (c == '"' && (quoted || cells.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  if (quoted) refuse("A quotation mark is not closed.");
  return cells;
}

std::vector<std::string> split_at_semicolons(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!text::trimmed(word).empty()) words.emplace_back(text::trimmed(word));
  }
  return words;
}

// Returns a line of CSV in the form of a line of JSON. An empty cell is none.
json::Object object_of(const std::vector<std::string>& heading, const std::string& line) {
  const std::vector<std::string> cells = cells_of(line);
  if (cells.size() != heading.size()) refuse("The line has not as many cells as the first one.");
  json::Object object;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].empty()) continue;
    if (heading[i] == "groups") {
      object[heading[i]] = split_at_semicolons(cells[i]);
    } else {
      object[heading[i]] = cells[i];
    }
  }
  return object;
}

std::string text_in(const json::Object& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || std::holds_alternative<std::nullptr_t>(found->second)) return {};
  if (const auto* text = std::get_if<std::string>(&found->second)) return *text;
  if (const auto* number = std::get_if<std::uint64_t>(&found->second))
    if (name.starts_with("quota")) return std::to_string(*number);
  refuse("The value of " + name + " is of another kind than it must be.");
}

std::string groups_in(const json::Object& object) {
  const auto found = object.find("groups");
  if (found == object.end() || std::holds_alternative<std::nullptr_t>(found->second)) return {};
  const auto* groups = std::get_if<std::vector<std::string>>(&found->second);
  if (groups == nullptr) refuse("groups is a list of names.");
  std::string text;
  for (const std::string& group : *groups)
    text.append(text.empty() ? "" : "\n").append(storage::NameKey(group).view());
  return text;
}

UserRequest request_of(const json::Object& object, const auth::DigestAlgorithms& digest,
                       std::size_t password_min) {
  for (const auto& [name, value] : object)
    if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames))
      refuse("There is nothing of the name " + in_quotes(name) + " about an account.");
  UserRequest request{.verb = "add", .values = {}};
  const std::string name(storage::NameKey(text_in(object, "name")).view());
  if (!storage::new_account_name_allowed(name)) refuse(kNameRule);
  request.values["name"] = name;
  const auto take = [&](const char* key, const char* from) {
    if (std::string text = text_in(object, from); !text.empty())
      request.values[key] = std::move(text);
  };
  take("home", "home");
  take("bytes", "quota_bytes");
  take("resources", "quota_resources");
  take("hash", "password_hash");
  if (std::string groups = groups_in(object); !groups.empty())
    request.values["groups"] = std::move(groups);
  check_values(request);
  const std::string password = text::nfc(text_in(object, "password"));
  if (request.has("hash")) {
    if (!password.empty()) refuse("There is a password and a password_hash.");
    if (!request.value("hash").starts_with("$argon2id$"))
      refuse("A password_hash begins with $argon2id$.");
  } else if (!password.empty()) {
    if (const auto why = auth::why_no_password(password, password_min)) refuse(*why);
    request.values["hash"] = auth::hash_password(password);
    if (digest.sha256)
      request.values["digest-sha256"] = auth::digest_secrets_sha256(name, password);
    if (digest.md5) request.values["digest-md5"] = auth::digest_secrets_md5(name, password);
  }
  return request;
}

}  // namespace

std::string read_import(const std::string& file, const auth::DigestAlgorithms& digest,
                        std::size_t password_min) {
  std::ifstream in(file, std::ios::binary);
  if (!in.is_open()) refuse("The file " + in_quotes(file) + " cannot be read.");
  std::string lines;
  std::vector<std::string> heading;
  std::set<std::string> known;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (text::trimmed(line).empty()) continue;
    try {
      std::optional<json::Object> object;
      if (heading.empty() && text::trimmed(line).starts_with('{')) {
        object = json::parse_object(line);
        if (!object) refuse("The line is no flat JSON object.");
      } else if (heading.empty()) {
        if (!lines.empty()) refuse("The line is no flat JSON object.");
        heading = cells_of(line);
        continue;
      } else {
        object = object_of(heading, line);
      }
      UserRequest request = request_of(*object, digest, password_min);
      if (!known.insert(request.values["name"]).second)
        refuse("The account " + in_quotes(request.value("name")) + " stands in the file already.");
      request.values["line"] = std::to_string(number);
      lines += (lines.empty() ? "" : "\n") + request_line(request);
    } catch (const process::UsageError& error) {
      throw process::UsageError("Line " + std::to_string(number) + ": " + error.what());
    }
  }
  if (in.bad()) refuse("The file " + in_quotes(file) + " cannot be read.");
  if (lines.empty()) refuse("The file " + in_quotes(file) + " has no accounts.");
  return lines;
}

}  // namespace holdfast::server::cli
