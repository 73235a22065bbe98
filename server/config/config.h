// Every setting of the program, defined once: the table in options.cc gives the
// command-line flags, the keys of the config file, the environment variables, the help text and the
// defaults. A value comes from the flag, else the environment, else the config file, else the
// default. Pure functions but for read_config_file; used by one thread at a time.
//
//   Config config = resolve(flags, environment, read_config_file(path));
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dav/options.h"
#include "http/origin.h"
#include "server/auth/anonymous.h"
#include "server/auth/proxies.h"
#include "server/auth/secrets.h"
#include "server/http1/limits.h"
#include "server/net/address.h"
#include "server/process/environment.h"
#include "server/process/usage_error.h"
#include "storage/history.h"
#include "storage/open.h"

namespace holdfast::server::config {

using storage::Durability;

struct Config {
  net::Address listen{.host = "127.0.0.1", .port = 8080, .loopback = true};
  std::optional<net::Address> admin_listen;
  std::string data = "./data";
  std::vector<http::Origin> public_urls;  // the first one is shown to people
  std::string tls_certificate;            // paths of files; empty: none
  std::string tls_key;
  std::string tls_client_ca;
  bool tls_self_signed = false;
  std::optional<net::Address> http_redirect;
  std::vector<std::string> prefix;           // decoded segments; empty: "/"
  std::optional<auth::Anonymous> anonymous;  // nullopt: see anonymous_without_accounts()
  auth::Proxies trusted_proxies;
  std::string remote_user;                // a field's name; empty: none
  std::vector<std::string> cors_origins;  // as browsers write them in Origin
  bool basic_over_http = false;
  auth::DigestAlgorithms digest;
  std::size_t password_min = 8;                 // code points
  std::int64_t hsts_s = 0;                      // 0: none
  std::optional<std::string> access_log = "-";  // a path, or "-" for standard output; nullopt: none
  std::optional<std::string> audit_log;         // a path; nullopt: none
  std::uint64_t audit_log_size_bytes = 64 * 1024 * 1024;
  unsigned audit_log_files = 10;
  std::string spill_folder;  // empty: the data folder's tmp/
  Durability durability = Durability::full;
  bool nextcloud = false;
  bool allow_network_data = false;
  std::uint64_t cache_bytes = 48 * 1024 * 1024;
  std::int64_t read_timeout_s = 30;
  // nullopt means a hundredth of the disk, or 1 GiB if that is more, but at most three hundredths.
  std::optional<std::uint64_t> free_space_floor_bytes;
  storage::Retention retention{
      .trash_s = std::int64_t{30} * 24 * 60 * 60, .versions = true, .changes_s = 0};
  dav::Options
      dav;  // `space` and the fields that limits also has are filled in by engine_options()
  http1::Limits limits;

  // Returns the URL path of the root collection, percent-encoded, with a final slash.
  [[nodiscard]] std::string prefix_path() const;
  [[nodiscard]] bool tls() const { return !tls_certificate.empty() || tls_self_signed; }
  // Returns `retention`. The clients of Nextcloud and ownCloud need changes, so `nextcloud` keeps them
  // for 30 days when nothing else is said.
  [[nodiscard]] storage::Retention kept() const;
  // Returns the options for the engine. `disk_bytes` is the size of the disk that has the data
  // folder.
  [[nodiscard]] dav::Options engine_options(std::uint64_t disk_bytes) const;
};

// One setting. `name` is the flag without "--" and the key in the config file.
struct Option {
  std::string name;
  std::string unit;  // the form of the value: "ADDR:PORT", "BYTES", "SECONDS", "full|relaxed", …
  std::string help;  // one sentence without the default
  // Sets the value from text. Throws UsageError that says what would be right, without the option's
  // name.
  std::function<void(Config&, std::string_view)> set;
  // Returns the value in the form that `set` reads, for the default in the help text.
  std::function<std::string(const Config&)> get;
  // The option's heading in the help text.
  std::string_view group{};
  // One of the options that people set first; --help shows only these.
  bool first = false;
  // SIGHUP can change the option in a running server.
  bool live = false;

  // Returns "HOLDFAST_LOCK_TIMEOUT_MAX" for lock-timeout-max.
  [[nodiscard]] std::string variable() const;
};

// Returns all settings but `config` itself, in the order of the help text.
[[nodiscard]] std::span<const Option> options();

// Names and values as given in one source.
using Values = std::map<std::string, std::string, std::less<>>;

// The content of a config file.
struct ConfigFile {
  std::string path{};
  Values values{};
  std::map<std::string, int, std::less<>> lines{};  // the line of each name, from 1
  std::vector<std::string> problems{};              // one sentence for each line that is no setting

  // Returns "PATH:LINE" of a name in `values`.
  [[nodiscard]] std::string place(std::string_view name) const;
};

// Reads "name = value" lines. '#' and ';' begin comment lines; quotes around a value are dropped;
// '_' in a name is read as '-'. A line that is no such pair, a section and a name given twice are
// problems; resolve() checks for unknown names. Throws UsageError for a file that cannot be read.
[[nodiscard]] ConfigFile read_config_file(const std::string& path);

// The settings and their sources.
struct Resolution {
  Config config;
  // The source of each of options(), in their order: "--listen", "HOLDFAST_LISTEN",
  // "/etc/holdfast.conf:3" or "default".
  std::vector<std::string> sources{};
  // One sentence for each unknown name and each bad value. It names the source.
  std::vector<std::string> problems{};
};

// Combines the sources. It never throws for their content. An environment variable that is set but
// empty counts as not set.
[[nodiscard]] Resolution examine(const Values& flags, const process::Environment& environment,
                                 const ConfigFile& file = {});

// Returns the settings. Throws UsageError with the first problem.
[[nodiscard]] Config resolve(const Values& flags, const process::Environment& environment,
                             const ConfigFile& file = {});

// Returns one sentence for each name of an environment variable that looks like a setting, because
// it begins with HOLDFAST_, and is none. The sentence has the settings with the nearest names.
[[nodiscard]] std::vector<std::string> unknown_variables(std::span<const std::string> names);

// Parses an "ADDR:PORT" to listen on. Throws UsageError.
[[nodiscard]] net::Address parse_address(std::string_view text);

// Parses a time and returns it in seconds: a whole number and a unit, as in 30s, 5m, 12h, 90d or
// 2w. Without a unit the number is in seconds. Throws UsageError that says what would be right.
[[nodiscard]] std::int64_t parse_seconds(std::string_view text);

// Parses a whole number; with `suffixes` also one like 64KiB or 2GiB. Throws UsageError that says
// what would be right.
[[nodiscard]] std::uint64_t parse_number(std::string_view text, bool suffixes);

// Parses "http(s)://host[:port]" with at most a path, the URL that clients use for this server.
// Returns its origin. Throws UsageError for anything else.
[[nodiscard]] http::Origin parse_public_url(std::string_view text);
// Parses several URLs with commas between them; the first one is shown to people. Returns none for
// an empty text. Throws UsageError.
[[nodiscard]] std::vector<http::Origin> parse_public_urls(std::string_view text);

// Throws UsageError with one sentence when options contradict each other or one is missing.
void check_together(const Config& config);

[[nodiscard]] std::string_view to_string(Durability durability);

}  // namespace holdfast::server::config
