// The table of settings: options().
#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "server/config/config.h"
#include "text/ascii.h"

namespace holdfast::server::config {
namespace {

constexpr std::uint64_t kKibi = 1024;
constexpr std::uint64_t kMaxBytes = std::numeric_limits<std::int64_t>::max();

// Parses a time as parse_seconds() does.
std::uint64_t parse_time(std::string_view text) {
  static constexpr std::pair<char, std::uint64_t> kUnits[] = {
      {'s', 1}, {'m', 60}, {'h', 60 * 60}, {'d', 24 * 60 * 60}, {'w', 7 * 24 * 60 * 60}};
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) throw process::UsageError("the time is too long");
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error == std::errc{} && rest.empty() && value <= kMaxBytes) return value;
  for (const auto& [letter, seconds] : kUnits)
    if (error == std::errc{} && rest.size() == 1 && rest.front() == letter) {
      if (value > kMaxBytes / seconds) throw process::UsageError("the time is too long");
      return value * seconds;
    }
  throw process::UsageError("a time is needed, like 90 (seconds), 90s, 30m, 12h, 90d or 2w");
}

// Parses a count with an optional binary suffix: "65536", "64K", "64KiB".
std::uint64_t parse_count(std::string_view text, bool suffixes) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) throw process::UsageError("the number is too large");
  std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc{} || (!rest.empty() && !suffixes))
    throw process::UsageError("a whole number is needed");
  if (rest.empty()) return value;

  const std::size_t power = std::string_view("KMGT").find(rest.front()) + 1;
  rest.remove_prefix(1);
  if (power == 0 || !(rest.empty() || rest == "iB"))
    throw process::UsageError("a number of bytes is needed, like 65536, 64KiB, 10MiB or 2GiB");
  for (std::size_t i = 0; i < power; ++i) {
    if (value > kMaxBytes / kKibi) throw process::UsageError("the number is too large");
    value *= kKibi;
  }
  return value;
}

std::string format_bytes(std::uint64_t value) {
  static constexpr std::pair<std::uint64_t, const char*> kUnits[] = {
      {kKibi * kKibi * kKibi, "GiB"}, {kKibi * kKibi, "MiB"}, {kKibi, "KiB"}};
  for (const auto& [size, name] : kUnits)
    if (value >= size && value % size == 0) return std::to_string(value / size) + name;
  return std::to_string(value);
}

std::string range_text(std::uint64_t least, std::uint64_t most, std::string_view unit) {
  const bool bytes = unit == "BYTES";
  const auto show = [bytes](std::uint64_t n) {
    return bytes ? format_bytes(n) : std::to_string(n);
  };
  return "the value must be from " + show(least) + " to " + show(most) +
         (unit == "SECONDS" ? " seconds" : "");
}

template <typename Field>
using Access = Field& (*)(Config&);

// Reads the field of a constant config.
template <typename Field>
Field read(Access<Field> field, const Config& config) {
  Config copy = config;
  return field(copy);
}

template <typename Field>
Option number(const char* name, const char* unit, std::uint64_t least, std::uint64_t most,
              Access<Field> field, const char* help) {
  const bool bytes = std::string_view(unit) == "BYTES";
  const bool time = std::string_view(unit) == "SECONDS";
  return {name, unit, help,
          [=](Config& config, std::string_view text) {
            const std::uint64_t value = time ? parse_time(text) : parse_count(text, bytes);
            if (value < least || value > most)
              throw process::UsageError(range_text(least, most, unit));
            field(config) = static_cast<Field>(value);
          },
          [=](const Config& config) {
            const auto value = static_cast<std::uint64_t>(read(field, config));
            return bytes ? format_bytes(value) : std::to_string(value);
          }};
}

template <typename Enum>
Option choice(const char* name, std::vector<std::pair<const char*, Enum>> values,
              Access<Enum> field, const char* help) {
  std::string unit;
  for (const auto& value : values) unit += (unit.empty() ? "" : "|") + std::string(value.first);
  return {name, unit, help,
          [=](Config& config, std::string_view text) {
            for (const auto& [word, value] : values)
              if (text == word) {
                field(config) = value;
                return;
              }
            throw process::UsageError("the value must be one of " + unit);
          },
          [=](const Config& config) -> std::string {
            for (const auto& [word, value] : values)
              if (read(field, config) == value) return word;
            return {};
          }};
}

// An option of a type with its own text form: `parse` throws UsageError, and `format` returns a
// text that `parse` reads.
template <typename Value>
Option value(const char* name, const char* unit, Access<Value> field,
             Value (*parse)(std::string_view), std::string (*format)(const Value&),
             const char* help) {
  return {name, unit, help,
          [=](Config& config, std::string_view text) { field(config) = parse(text); },
          [=](const Config& config) { return format(read(field, config)); }};
}

// An option with text, which `check` accepts by returning and refuses by throwing.
Option text(const char* name, const char* unit, Access<std::string> field,
            void (*check)(std::string_view), const char* help) {
  return {name, unit, help,
          [=](Config& config, std::string_view value) {
            check(value);
            field(config) = value;
          },
          [=](const Config& config) { return read(field, config); }};
}

void check_anything(std::string_view) {}

void check_field_name(std::string_view value) {
  static constexpr std::string_view kOthers[] = {"Authorization", "Host", "Cookie", "Forwarded"};
  if (!text::is_token(value) || std::ranges::any_of(kOthers, [&](std::string_view other) {
        return text::equal_ignoring_case(value, other);
      }))
    throw process::UsageError("the name of a header field like Remote-User is needed");
}

void check_history_name(std::string_view value) {
  if (value.empty()) return;
  try {
    if (dav::parse_prefix("/" + dav::encode_segment(value)).size() == 1) return;
  } catch (const std::invalid_argument&) {
    // It is said below.
  }
  throw process::UsageError("the name of a collection like .history is needed");
}

std::string address_text(const net::Address& address) { return address.text(); }

std::optional<net::Address> parse_optional_address(std::string_view value) {
  if (value.empty()) return std::nullopt;
  return parse_address(value);
}

std::string optional_address_text(const std::optional<net::Address>& address) {
  return address ? address->text() : std::string();
}

std::string public_urls_text(const std::vector<http::Origin>& urls) {
  std::string text;
  for (const http::Origin& url : urls) text += (text.empty() ? "" : ",") + url.text();
  return text;
}

std::vector<std::string> parse_prefix(std::string_view value) {
  try {
    return dav::parse_prefix(value);
  } catch (const std::invalid_argument& error) {
    std::string sentence = error.what();  // the message becomes a part of another sentence
    sentence.front() = text::lower(sentence.front());
    if (sentence.ends_with('.')) sentence.pop_back();
    throw process::UsageError(sentence);
  }
}

std::string prefix_text(const std::vector<std::string>& prefix) {
  Config config;
  config.prefix = prefix;
  std::string path = config.prefix_path();
  if (path.size() > 1) path.pop_back();
  return path;
}

std::vector<std::string_view> comma_separated(std::string_view value) {
  std::vector<std::string_view> parts;
  if (value.empty()) return parts;
  for (;;) {
    const std::size_t comma = value.find(',');
    parts.push_back(value.substr(0, comma));
    if (comma == value.npos) return parts;
    value.remove_prefix(comma + 1);
  }
}

// Origins as in the Origin field (RFC 6454 §7.1), of any scheme: those of browser extensions and
// of programs with a browser inside have schemes of their own.
std::vector<std::string> parse_cors_origins(std::string_view value) {
  std::vector<std::string> origins;
  for (const std::string_view part : comma_separated(value)) {
    const auto url = http::split_absolute_form(part);
    if (!url || url->authority.empty() || !url->path.empty() ||
        std::ranges::any_of(part, [](char c) {
          return !text::is_ascii(c) || text::is_control(c) || c == ' ' || c == '*' || c == '@' ||
                 c == '"' || text::lower(c) != c;
        }))
      throw process::UsageError(
          "origins like https://app.example.org or moz-extension://0a1b are needed, as browsers "
          "send them: in lower case and without a path");
    origins.emplace_back(part);
  }
  return origins;
}

std::string cors_origins_text(const std::vector<std::string>& origins) {
  std::string text;
  for (const std::string& origin : origins) text += (text.empty() ? "" : ",") + origin;
  return text;
}

std::vector<storage::Path> parse_trees(std::string_view value) {
  std::vector<storage::Path> trees;
  for (const std::string_view part : comma_separated(value)) {
    if (!part.starts_with('/')) throw process::UsageError("a path begins with a slash");
    trees.emplace_back(parse_prefix(part));
  }
  return trees;
}

std::string trees_text(const std::vector<storage::Path>& trees) {
  std::string text;
  for (const storage::Path& tree : trees)
    text += (text.empty() ? "" : ",") + dav::href({}, tree, false);
  return text;
}

auth::Proxies parse_proxies(std::string_view value) {
  if (auto proxies = auth::Proxies::parse(value)) return *std::move(proxies);
  throw process::UsageError("addresses or networks like 127.0.0.1,10.0.0.0/8,fd00::/8 are needed");
}

std::string proxies_text(const auth::Proxies& proxies) { return proxies.text(); }

void check_not_empty(std::string_view value) {
  if (value.empty()) throw process::UsageError("a value is needed");
  if (value.find('\0') != std::string_view::npos)
    throw process::UsageError("the value holds a NUL byte");
}

std::optional<std::string> parse_access_log(std::string_view value) {
  check_not_empty(value);
  if (value == "off") return std::nullopt;
  return std::string(value);
}

std::optional<std::string> parse_audit_log(std::string_view value) {
  if (value == "-") throw process::UsageError("a file is needed, because it is read again");
  return parse_access_log(value);
}

std::string log_text(const std::optional<std::string>& path) { return path.value_or("off"); }

Option anonymous_option() {
  return {
      "anonymous", "off|read|write",
      "What clients may do without signing in. By default nothing; but as long as there never was "
      "an account, programs of this machine may write when --listen is a loopback address and "
      "neither --public-url nor --trusted-proxies is set, and on another address the server does "
      "not start without this option",
      [](Config& config, std::string_view value) {
        for (const auth::Anonymous word :
             {auth::Anonymous::off, auth::Anonymous::read, auth::Anonymous::write})
          if (value == to_string(word)) {
            config.anonymous = word;
            return;
          }
        throw process::UsageError("the value must be one of off|read|write");
      },
      [](const Config& config) {
        return config.anonymous ? std::string(to_string(*config.anonymous)) : std::string();
      }};
}

Option checksums_option() {
  return {"checksums", "sha1,md5",
          "Checksums to compute of every file that is stored, besides SHA-256 and those that its "
          "client "
          "announces: sha1, md5, sha1,md5, or none",
          [](Config& config, std::string_view value) {
            storage::Digests digests;
            if (value == "sha1" || value == "sha1,md5" || value == "md5,sha1") digests.sha1 = true;
            if (value == "md5" || value == "sha1,md5" || value == "md5,sha1") digests.md5 = true;
            if (!digests.sha1 && !digests.md5 && value != "none")
              throw process::UsageError("the value must be sha1, md5, sha1,md5 or none");
            config.dav.checksums = digests;
          },
          [](const Config& config) -> std::string {
            const storage::Digests& digests = config.dav.checksums;
            if (digests.sha1) return digests.md5 ? "sha1,md5" : "sha1";
            return digests.md5 ? "md5" : "none";
          }};
}

Option free_space_option() {
  return {
      "free-space-floor", "BYTES",
      "Refuse writes (507) that would leave less free space on the disk; auto is 1 % of the disk, "
      "or 1GiB if that is more, but then at most 3 % of the disk",
      [](Config& config, std::string_view value) {
        config.free_space_floor_bytes =
            value == "auto" ? std::nullopt : std::optional(parse_count(value, true));
      },
      [](const Config& config) {
        return config.free_space_floor_bytes ? format_bytes(*config.free_space_floor_bytes)
                                             : std::string("auto");
      }};
}

Option versions_option() {
  constexpr const char* kWanted = "the value must be all, off, a number of versions or like 20%";
  constexpr std::uint64_t kMost = 1'000'000;
  return {
      "versions", "all|off|N|N%",
      "Keep content that is replaced as a version of its file, fewer of them as they grow older: "
      "all, off, at most N of each file, or together at most N% of the quota of bytes of the "
      "account "
      "that owns them. They give way when their space is needed",
      [=](Config& config, std::string_view value) {
        storage::Retention& retention = config.retention;
        const bool percent = value.ends_with('%');
        std::uint64_t number = 0;
        if (value != "all" && value != "off") {
          if (percent) value.remove_suffix(1);
          const auto parsed = text::parse_number(value);
          if (!parsed || *parsed == 0 || *parsed > (percent ? 100 : kMost))
            throw process::UsageError(kWanted);
          number = *parsed;
        }
        retention.versions = value != "off";
        retention.most_versions = percent ? 0 : number;
        retention.versions_percent = percent ? static_cast<unsigned>(number) : 0;
      },
      [](const Config& config) -> std::string {
        const storage::Retention& retention = config.retention;
        if (!retention.versions) return "off";
        if (retention.versions_percent > 0) return std::to_string(retention.versions_percent) + "%";
        return retention.most_versions > 0 ? std::to_string(retention.most_versions) : "all";
      }};
}

// The field as a function, because a member of a member has no member pointer.
#define FIELD(member) (+[](Config& config) -> decltype((config.member)) { return config.member; })

std::vector<Option> make_options() {
  using dav::ConflictStatus;
  constexpr std::uint64_t kDay = 24 * 60 * 60;
  constexpr std::uint64_t kMillion = 1'000'000;
  constexpr std::uint64_t kMebi = kKibi * kKibi;
  constexpr std::uint64_t kGibi = kMebi * kKibi;
  return {
      value<net::Address>("listen", "ADDR:PORT", FIELD(listen), parse_address, address_text,
                          "Address to serve on; port 0 takes a free one"),
      text("data", "DIR", FIELD(data), check_not_empty, "Data folder, made when missing"),
      choice<Durability>("durability",
                         {{"full", Durability::full}, {"relaxed", Durability::relaxed}},
                         FIELD(durability),
                         "full: an acknowledged write is on disk; relaxed: it survives a killed "
                         "process, a power cut may lose the last moments"),
      choice<ConflictStatus>(
          "conflict-status",
          {{"auto", ConflictStatus::automatic},
           {"409", ConflictStatus::always_409},
           {"rfc4918", ConflictStatus::rfc4918}},
          FIELD(dav.conflict_status),
          "Status for lock conflicts and a stale If-Match: as RFC 4918 says (423, "
          "412), always 409, or auto: 409 for clients that prefer JSON"),
      choice<dav::JunkFiles>(
          "junk-files",
          {{"store", dav::JunkFiles::store},
           {"hide", dav::JunkFiles::hide},
           {"discard", dav::JunkFiles::discard}},
          FIELD(dav.junk_files),
          "._*, .DS_Store, Thumbs.db and desktop.ini: kept like other files, kept but left out of "
          "listings, or taken and dropped"),
      choice<dav::PageUse>(
          "page",
          {{"off", dav::PageUse::off}, {"read", dav::PageUse::read}, {"full", dav::PageUse::full}},
          FIELD(dav.page),
          "Page for browsers: off: lists without script; read: people look at files and "
          "change nothing; full: they upload, move, delete and edit as well"),
      checksums_option(),
      value<std::vector<std::string>>("prefix", "PATH", FIELD(prefix), parse_prefix, prefix_text,
                                      "Path of the URL under which the tree is served"),
      choice<bool>("nextcloud", {{"no", false}, {"yes", true}}, FIELD(nextcloud),
                   "Serve the clients of Nextcloud and ownCloud, too; /status.php, /remote.php, "
                   "/ocs and /index.php are then no URLs of the tree"),
      anonymous_option(),
      value<std::vector<http::Origin>>(
          "public-url", "URL,...", FIELD(public_urls), parse_public_urls, public_urls_text,
          "http(s)://host[:port] that clients use when it is not the listening address; of several "
          "the first is the one to show"),
      value<auth::Proxies>(
          "trusted-proxies", "CIDR,...", FIELD(trusted_proxies), parse_proxies, proxies_text,
          "Addresses or networks of reverse proxies that are believed in what X-Forwarded-For, "
          "-Proto, -Host or Forwarded say of a client"),
      text("remote-user", "FIELD", FIELD(remote_user), check_field_name,
           "Header field, such as Remote-User, in which a proxy of --trusted-proxies says the "
           "account of a client that it has signed in; none by default"),
      value<std::vector<std::string>>(
          "cors-origins", "ORIGIN,...", FIELD(cors_origins), parse_cors_origins, cors_origins_text,
          "Web apps and browser extensions that may use the server from their own origin, with an "
          "Authorization of their own; none by default"),
      text(
          "history-name", "NAME", FIELD(dav.history_name), check_history_name,
          "Name below the root, such as .history, of a read-only tree with the files as they were: "
          "/NAME/2026-11-30T14-00-00Z/... and /NAME/SNAPSHOT/...; none by default"),
      value<std::vector<storage::Path>>(
          "trust-html", "PATH,...", FIELD(dav.trusted_html), parse_trees, trees_text,
          "Trees whose HTML and SVG may run as pages of this server, such as single-file wikis: "
          "with the rights of whoever opens them, so only where nobody else writes"),
      choice<bool>("basic-over-http", {{"no", false}, {"yes", true}}, FIELD(basic_over_http),
                   "Take passwords also from other machines without TLS, where everybody on the "
                   "way can read them"),
      choice<auth::DigestAlgorithms>(
          "digest",
          {{"no", {}},
           {"md5", {.md5 = true}},
           {"sha256", {.sha256 = true}},
           {"both", {.sha256 = true, .md5 = true}}},
          FIELD(digest),
          "Offer Digest where there is no TLS, for accounts whose password was set with this "
          "setting: md5 for Windows, lftp and Python's urllib, which cannot sign in where SHA-256 "
          "is "
          "offered as well; sha256 or both for curl and browsers"),
      number<std::size_t>("password-min", "CHARACTERS", 1, 64, FIELD(password_min),
                          "Least length of a password that user add and user passwd take"),
      text("tls-cert", "FILE", FIELD(tls_certificate), check_not_empty,
           "Serve over TLS with this certificate (PEM): the server's own first, then its chain"),
      text("tls-key", "FILE", FIELD(tls_key), check_not_empty,
           "The certificate's private key (PEM, without passphrase)"),
      choice<bool>("tls-self-signed", {{"no", false}, {"yes", true}}, FIELD(tls_self_signed),
                   "Serve over TLS with a certificate that the server makes for itself and keeps "
                   "in the data folder, for a first try"),
      text("tls-client-ca", "FILE", FIELD(tls_client_ca), check_not_empty,
           "Clients may show a certificate that one of these signed (PEM)"),
      value<std::optional<net::Address>>(
          "http-redirect", "ADDR:PORT", FIELD(http_redirect), parse_optional_address,
          optional_address_text,
          "Address where plain HTTP is answered with a redirection to https; none by default"),
      number<std::int64_t>("hsts", "SECONDS", 0, 2 * 365 * kDay, FIELD(hsts_s),
                           "Tell browsers for this time to come to this host by https only, on "
                           "every port (Strict-Transport-Security); 0 tells them nothing"),
      value<std::optional<net::Address>>("admin-listen", "ADDR:PORT", FIELD(admin_listen),
                                         parse_optional_address, optional_address_text,
                                         "Address for /healthz and /metrics; none by default"),
      value<std::optional<std::string>>(
          "access-log", "FILE", FIELD(access_log), parse_access_log, log_text,
          "One JSON line per request to this file, - for standard output, or off"),
      value<std::optional<std::string>>(
          "audit-log", "FILE", FIELD(audit_log), parse_audit_log, log_text,
          "One JSON line per change of the tree, of locks, accounts and settings to this file, or "
          "off; holdfast log reads it"),
      number<std::uint64_t>("audit-log-size", "BYTES", 4 * kKibi, 64 * kGibi,
                            FIELD(audit_log_size_bytes),
                            "Largest file of the audit log; then it becomes FILE.1, and FILE.1 "
                            "becomes FILE.2"),
      number<unsigned>("audit-log-files", "FILES", 1, 1000, FIELD(audit_log_files),
                       "How many older files of the audit log are kept"),
      choice<bool>("allow-network-data", {{"no", false}, {"yes", true}}, FIELD(allow_network_data),
                   "Accept a data folder on a network file system, where no promise holds"),

      number<std::uint64_t>("cache-size", "BYTES", kMebi, 64 * kGibi, FIELD(cache_bytes),
                            "Page cache of the store, all connections together"),
      number<std::int64_t>("read-timeout", "SECONDS", 1, kDay, FIELD(read_timeout_s),
                           "Longest time that one request may read names and properties (503)"),
      free_space_option(),
      number<std::int64_t>(
          "trash-keep", "SECONDS", 0, 100 * 365 * kDay, FIELD(retention.trash_s),
          "How long what was removed stays in the trash, unless its space is needed before; 0 "
          "keeps nothing, and empties it"),
      versions_option(),
      number<std::int64_t>("sync-keep", "SECONDS", 0, 100 * 365 * kDay, FIELD(retention.changes_s),
                           "How long clients may ask what has changed since a sync token (RFC "
                           "6578); 0: they may not, "
                           "and writing costs a little less"),
      number<std::int64_t>("upload-keep", "SECONDS", 60, 365 * kDay, FIELD(dav.upload_keep_s),
                           "How long an upload that broke off is kept for its client to go on"),
      text("spill-folder", "DIR", FIELD(spill_folder), check_anything,
           "Where the part of an answer waits that its client does not take at once; by default in "
           "the data folder"),
      number<std::size_t>("segment-limit", "BYTES", 1, kKibi, FIELD(dav.space.limits.segment_bytes),
                          "Longest segment of a path, decoded (400)"),
      number<std::size_t>("path-limit", "BYTES", 1, 64 * kKibi, FIELD(dav.space.limits.path_bytes),
                          "Longest path, decoded (414); also what COPY and MOVE may make (403)"),
      number<std::size_t>("depth-limit", "SEGMENTS", 1, 1024, FIELD(dav.space.limits.depth),
                          "Most segments of a path (403); also what COPY and MOVE may make"),
      number<std::int64_t>("lock-timeout-max", "SECONDS", 1, 365 * kDay, FIELD(dav.lock_timeout_s),
                           "Longest lock granted; longer wishes get this"),
      number<std::size_t>("shared-lock-limit", "LOCKS", 1, 10'000, FIELD(dav.shared_lock_limit),
                          "Most shared locks that cover one resource (507)"),
      number<std::size_t>("shared-locks-per-account", "LOCKS", 1, 10'000,
                          FIELD(dav.shared_locks_per_account),
                          "Most of these that one account holds (507)"),
      number<std::size_t>("locks-per-account", "LOCKS", 1, kMillion, FIELD(dav.locks_per_account),
                          "Most locks that one account holds (507)"),
      number<std::size_t>("uploads-per-account", "UPLOADS", 1, 100'000,
                          FIELD(dav.uploads_per_account),
                          "Most uploads of one account that are not finished (507)"),
      number<std::uint64_t>("lock-owner-limit", "BYTES", 0, kMebi,
                            FIELD(dav.lock_owner_limit_bytes),
                            "Longest DAV:owner of a lock, as XML (400); of all locks that cover "
                            "one resource, four times as much (507)"),
      number<std::size_t>("property-limit", "PROPERTIES", 0, 100'000, FIELD(dav.property_limit),
                          "Most dead properties of one resource (507)"),
      number<std::uint64_t>("property-value-limit", "BYTES", 0, 256 * kMebi,
                            FIELD(dav.property_value_limit_bytes),
                            "Largest dead property, as XML with the namespaces it uses (507)"),
      number<std::uint64_t>("property-total-limit", "BYTES", 0, kGibi,
                            FIELD(dav.property_total_limit_bytes),
                            "Largest sum of a resource's dead properties, and of the values in one "
                            "PROPPATCH (507)"),
      number<std::uint64_t>(
          "propfind-infinity-limit", "RESOURCES", 0, kMaxBytes, FIELD(dav.propfind_infinity_limit),
          "Largest tree that PROPFIND with Depth: infinity lists (403); 0 refuses it"),
      number<std::uint64_t>("copy-limit", "RESOURCES", 1, kMaxBytes, FIELD(dav.copy_limit),
                            "Largest tree that one COPY may copy (507)"),
      number<std::uint64_t>("body-limit", "BYTES", 0, kMaxBytes, FIELD(limits.body_limit_bytes),
                            "Largest request body (413)"),
      number<std::uint64_t>("xml-limit", "BYTES", 1, kGibi, FIELD(dav.xml_limit_bytes),
                            "Largest body of PROPFIND and LOCK (413)"),
      number<std::uint64_t>("proppatch-limit", "BYTES", 1, kGibi, FIELD(dav.proppatch_limit_bytes),
                            "Largest body of PROPPATCH and MKCOL (413)"),
      number<std::size_t>("xml-depth-limit", "LEVELS", 1, 10'000, FIELD(dav.xml.depth),
                          "Most elements inside each other in a body (400)"),
      number<std::size_t>("xml-element-limit", "ELEMENTS", 1, 10 * kMillion,
                          FIELD(dav.xml.elements), "Most elements of a body (400)"),
      number<std::size_t>("xml-attribute-limit", "ATTRIBUTES", 1, 1000, FIELD(dav.xml.attributes),
                          "Most attributes of one element (400)"),
      number<std::size_t>("xml-namespace-limit", "NAMESPACES", 1, 4096, FIELD(dav.xml.namespaces),
                          "Most namespaces of a body (400)"),
      number<std::size_t>("xml-namespace-length", "BYTES", 32, 64 * kKibi,
                          FIELD(dav.xml.namespace_bytes), "Longest name of a namespace (400)"),
      number<std::size_t>("xml-parses", "BODIES", 1, 65'536, FIELD(dav.xml_parses),
                          "Most XML bodies parsed at once; further ones wait"),
      number<std::int64_t>("xml-wait", "SECONDS", 0, kDay, FIELD(dav.xml_wait_s),
                           "Longest wait for that (503)"),
      number<std::size_t>("propfind-property-limit", "PROPERTIES", 1, 100'000,
                          FIELD(dav.propfind_property_limit),
                          "Most properties that one PROPFIND names (400)"),
      number<std::size_t>("proppatch-instruction-limit", "INSTRUCTIONS", 1, kMillion,
                          FIELD(dav.proppatch_instruction_limit),
                          "Most properties that one PROPPATCH sets and removes (400)"),
      number<std::size_t>("if-list-limit", "LISTS", 1, 4096, FIELD(dav.if_header.lists),
                          "Most lists of an If header (400)"),
      number<std::size_t>("if-condition-limit", "CONDITIONS", 1, 4096,
                          FIELD(dav.if_header.conditions), "Most conditions of an If header (400)"),
      number<std::size_t>("if-resource-limit", "RESOURCES", 1, 4096, FIELD(dav.if_header.resources),
                          "Most different resources that an If header names (400)"),
      number<std::size_t>("range-limit", "RANGES", 1, 1000, FIELD(dav.range_limit),
                          "Most ranges of one GET; with more of them it is answered in whole"),
      number<std::uint64_t>("listing-limit", "BYTES", kKibi, kMaxBytes,
                            FIELD(dav.listing_limit_bytes),
                            "Largest answer of one PROPFIND; then it is cut off"),

      number<std::size_t>("request-line-limit", "BYTES", 64, kMebi,
                          FIELD(limits.request_line_bytes), "Longest request line (414)"),
      number<std::size_t>("field-line-limit", "BYTES", 64, kMebi, FIELD(limits.field_line_bytes),
                          "Longest header line (431)"),
      number<std::size_t>("head-limit", "BYTES", 256, 16 * kMebi, FIELD(limits.head_bytes),
                          "Largest request head (431)"),
      number<std::size_t>("field-count-limit", "LINES", 1, 10'000, FIELD(limits.field_count),
                          "Most header lines of a request (431)"),
      number<std::int64_t>("head-timeout", "SECONDS", 1, kDay, FIELD(limits.head_timeout_s),
                           "Time for a whole request head to arrive (408)"),
      number<std::int64_t>("tls-handshake-timeout", "SECONDS", 1, kDay,
                           FIELD(limits.handshake_timeout_s),
                           "Time for a whole TLS handshake; then the connection is closed"),
      number<std::int64_t>("idle-timeout", "SECONDS", 1, kDay, FIELD(limits.idle_timeout_s),
                           "Time an idle connection is kept"),
      number<std::int64_t>("busy-idle-timeout", "SECONDS", 1, kDay,
                           FIELD(limits.busy_idle_timeout_s),
                           "The same when over 75 % of all connections are in use"),
      number<std::int64_t>("body-rate", "BYTES", 0, kGibi, FIELD(limits.body_rate_bytes_per_s),
                           "Slowest request body per second (408); 0 accepts any"),
      number<std::int64_t>("body-rate-window", "SECONDS", 1, kDay, FIELD(limits.body_rate_window_s),
                           "Time over which the body rate is averaged"),
      number<std::int64_t>("body-grace", "SECONDS", 0, kDay, FIELD(limits.body_grace_s),
                           "Time before the body rate is looked at"),
      number<std::int64_t>(
          "send-timeout", "SECONDS", 1, kDay, FIELD(limits.send_timeout_s),
          "Time for a client to take 64KiB of an answer; then the connection is cut"),
      number<std::uint64_t>("drain-limit", "BYTES", 0, kGibi, FIELD(limits.drain_bytes),
                            "Unread body that is read and dropped after an early answer"),
      number<std::int64_t>("drain-timeout", "SECONDS", 0, kDay, FIELD(limits.drain_timeout_s),
                           "Time for that"),
      number<std::size_t>("connections", "CONNECTIONS", 1, kMillion, FIELD(limits.connections),
                          "Most connections at once (503)"),
      number<std::size_t>("connections-per-client", "CONNECTIONS", 1, kMillion,
                          FIELD(limits.connections_per_client),
                          "Most connections of one address, loopback and --trusted-proxies "
                          "excepted (503)"),
      number<std::size_t>("requests-per-account", "REQUESTS", 1, kMillion,
                          FIELD(limits.requests_per_account),
                          "Most requests of one account worked on at once (503)"),
      number<std::size_t>("workers", "THREADS", 1, 65'536, FIELD(limits.workers),
                          "Threads that work on requests; those that wait for their clients need "
                          "none"),
      number<std::size_t>("queue", "CONNECTIONS", 0, kMillion, FIELD(limits.queued),
                          "Most requests that wait for a worker (503)"),
      number<std::int64_t>("shutdown-grace", "SECONDS", 0, kDay, FIELD(limits.shutdown_grace_s),
                           "Time for requests in flight to finish when the server is stopped"),
  };
}

#undef FIELD

// The headings of the help text, each with its first option.
constexpr std::pair<std::string_view, std::string_view> kGroups[] = {
    {"listen", "What is served, and where"},
    {"anonymous", "Who may do what"},
    {"tls-cert", "TLS"},
    {"admin-listen", "Watching it"},
    {"allow-network-data", "The store"},
    {"segment-limit", "Limits of the tree"},
    {"body-limit", "Limits of requests"},
    {"request-line-limit", "Limits of connections"},
};

constexpr std::string_view kFirst[] = {
    "listen",          "data",          "durability",
    "prefix",          "anonymous",     "public-url",
    "trusted-proxies", "tls-cert",      "tls-key",
    "tls-self-signed", "http-redirect", "admin-listen",
    "access-log",      "audit-log",
};

// The options that only the engine reads, and those that decide whose requests are accepted: SIGHUP
// makes a new engine with new values. The options with which the listeners and the store were made
// cannot change.
constexpr std::string_view kLive[] = {
    "conflict-status",
    "junk-files",
    "page",
    "checksums",
    "public-url",
    "trusted-proxies",
    "cors-origins",
    "trust-html",
    "hsts",
    "free-space-floor",
    "trash-keep",
    "versions",
    "segment-limit",
    "path-limit",
    "depth-limit",
    "lock-timeout-max",
    "shared-lock-limit",
    "shared-locks-per-account",
    "locks-per-account",
    "uploads-per-account",
    "lock-owner-limit",
    "property-limit",
    "property-value-limit",
    "property-total-limit",
    "propfind-infinity-limit",
    "copy-limit",
    "xml-limit",
    "proppatch-limit",
    "xml-depth-limit",
    "xml-element-limit",
    "xml-attribute-limit",
    "xml-namespace-limit",
    "xml-namespace-length",
    "xml-parses",
    "xml-wait",
    "propfind-property-limit",
    "proppatch-instruction-limit",
    "if-list-limit",
    "if-condition-limit",
    "if-resource-limit",
    "range-limit",
    "listing-limit",
};

std::vector<Option> make_table() {
  std::vector<Option> table = make_options();
  std::string_view group;
  for (Option& option : table) {
    for (const auto& [name, heading] : kGroups)
      if (option.name == name) group = heading;
    option.group = group;
    option.first = std::ranges::find(kFirst, option.name) != std::end(kFirst);
    option.live = std::ranges::find(kLive, option.name) != std::end(kLive);
  }
  return table;
}

}  // namespace

std::int64_t parse_seconds(std::string_view text) {
  return static_cast<std::int64_t>(parse_time(text));
}

std::uint64_t parse_number(std::string_view text, bool suffixes) {
  const std::uint64_t value = parse_count(text, suffixes);
  if (value > kMaxBytes) throw process::UsageError("the number is too large");
  return value;
}

std::span<const Option> options() {
  static const std::vector<Option> table = make_table();
  return table;
}

}  // namespace holdfast::server::config
