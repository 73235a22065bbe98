#include "server/config/config.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/build_paths.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::server {
namespace {

process::Environment environment_of(config::Values variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

const process::Environment kNoEnvironment = environment_of({});

const config::Option& option(std::string_view name) {
  for (const config::Option& candidate : config::options())
    if (candidate.name == name) return candidate;
  throw std::logic_error("no option " + std::string(name));
}

// The error's sentence, or "" when `act` succeeds.
template <typename Act>
std::string usage_error(Act act) {
  try {
    act();
    return "";
  } catch (const process::UsageError& error) {
    return error.what();
  }
}

// A file with these, each in a line of its own.
config::ConfigFile file_of(const config::Values& values) {
  config::ConfigFile file{.path = "holdfast.conf", .values = values};
  int line = 0;
  for (const auto& [name, value] : values) file.lines[name] = ++line;
  return file;
}

// Three different good values for every option, in the form that `get` prints them.
struct Samples {
  const char* name;
  const char* flag;
  const char* environment;
  const char* file;
};

constexpr Samples kSamples[] = {
    {"listen", "127.0.0.1:1", "127.0.0.2:2", "[::1]:3"},
    {"data", "/flag", "/environment", "/file with # and , in it"},
    {"durability", "relaxed", "full", "relaxed"},
    {"conflict-status", "409", "rfc4918", "409"},
    {"junk-files", "store", "hide", "discard"},
    {"page", "off", "read", "full"},
    {"checksums", "md5", "none", "sha1,md5"},
    {"prefix", "/dav", "/a/b", "/c"},
    {"nextcloud", "yes", "no", "yes"},
    {"anonymous", "off", "read", "write"},
    {"public-url", "https://a.example", "http://b.example:81", "https://c.example,http://d"},
    {"trusted-proxies", "127.0.0.1", "10.0.0.0/8,::1", "fd00::/8"},
    {"remote-user", "Remote-User", "X-Remote-User", "X-Forwarded-User"},
    {"cors-origins", "https://a.example", "http://b.example:81,app://obsidian.md",
     "moz-extension://0a1b"},
    {"history-name", ".history", "the past", "~snapshot"},
    {"trust-html", "/wiki", "/a%20b,/c", "/"},
    {"basic-over-http", "yes", "no", "yes"},
    {"digest", "md5", "no", "both"},
    {"password-min", "1", "2", "64"},
    {"tls-cert", "/a", "/b", "/c"},
    {"tls-key", "/a", "/b", "/c"},
    {"tls-self-signed", "yes", "no", "yes"},
    {"tls-client-ca", "/a", "/b", "/c"},
    {"http-redirect", "127.0.0.1:4", "127.0.0.1:5", "127.0.0.1:6"},
    {"hsts", "0", "1", "63072000"},
    {"admin-listen", "127.0.0.1:4", "127.0.0.1:5", "127.0.0.1:6"},
    {"access-log", "off", "-", "/var/log/access.json"},
    {"audit-log", "off", "/a", "/var/log/audit.json"},
    {"audit-log-size", "4KiB", "1GiB", "3MiB"},
    {"audit-log-files", "1", "2", "3"},
    {"allow-network-data", "yes", "no", "yes"},
    {"cache-size", "1MiB", "2MiB", "3MiB"},
    {"read-timeout", "1", "2", "3"},
    {"free-space-floor", "0", "auto", "5GiB"},
    {"trash-keep", "0", "60", "7776000"},
    {"versions", "off", "20%", "100"},
    {"sync-keep", "0", "3600", "86400"},
    {"upload-keep", "60", "3600", "86400"},
    {"spill-folder", "/a", "/b", "/c"},
    {"segment-limit", "1", "2", "1KiB"},
    {"path-limit", "1", "2", "3KiB"},
    {"depth-limit", "1", "2", "3"},
    {"lock-timeout-max", "1", "2", "31536000"},
    {"shared-lock-limit", "1", "2", "3"},
    {"shared-locks-per-account", "1", "2", "3"},
    {"locks-per-account", "1", "2", "3"},
    {"uploads-per-account", "1", "2", "3"},
    {"lock-owner-limit", "0", "2", "3KiB"},
    {"property-limit", "0", "2", "3"},
    {"property-value-limit", "0", "2", "3KiB"},
    {"property-total-limit", "0", "2", "3KiB"},
    {"propfind-infinity-limit", "0", "2", "3"},
    {"copy-limit", "1", "2", "3"},
    {"body-limit", "0", "2", "3GiB"},
    {"xml-limit", "1", "2KiB", "3KiB"},
    {"proppatch-limit", "1", "2KiB", "3KiB"},
    {"xml-depth-limit", "1", "2", "3"},
    {"xml-element-limit", "1", "2", "3"},
    {"xml-attribute-limit", "1", "2", "3"},
    {"xml-namespace-limit", "1", "2", "3"},
    {"xml-namespace-length", "32", "1000", "3KiB"},
    {"xml-parses", "1", "2", "3"},
    {"xml-wait", "0", "2", "3"},
    {"propfind-property-limit", "1", "2", "3"},
    {"proppatch-instruction-limit", "1", "2", "3"},
    {"if-list-limit", "1", "2", "3"},
    {"if-condition-limit", "1", "2", "3"},
    {"if-resource-limit", "1", "2", "3"},
    {"range-limit", "1", "2", "3"},
    {"listing-limit", "1KiB", "2KiB", "3KiB"},
    {"request-line-limit", "1KiB", "2KiB", "3KiB"},
    {"field-line-limit", "1KiB", "2KiB", "3KiB"},
    {"head-limit", "1KiB", "2KiB", "3KiB"},
    {"field-count-limit", "1", "2", "3"},
    {"head-timeout", "1", "2", "3"},
    {"tls-handshake-timeout", "1", "2", "3"},
    {"idle-timeout", "1", "2", "3"},
    {"busy-idle-timeout", "1", "2", "3"},
    {"body-rate", "0", "2", "3KiB"},
    {"body-rate-window", "1", "2", "3"},
    {"body-grace", "0", "2", "3"},
    {"send-timeout", "1", "2", "3"},
    {"drain-limit", "0", "2", "3KiB"},
    {"drain-timeout", "0", "1", "3"},
    {"connections", "1", "2", "3"},
    {"connections-per-client", "1", "2", "3"},
    {"requests-per-account", "1", "2", "3"},
    {"workers", "1", "2", "3"},
    {"queue", "0", "2", "3"},
    {"shutdown-grace", "0", "2", "3"},
};

TEST(Config, EveryOptionHasSamplesHere) {
  std::vector<std::string> tested;
  for (const Samples& row : kSamples) tested.emplace_back(row.name);
  std::vector<std::string> existing;
  for (const config::Option& candidate : config::options()) existing.push_back(candidate.name);
  EXPECT_EQ(tested, existing);
}

TEST(Config, FlagBeatsEnvironmentBeatsFileBeatsDefaultForEveryOption) {
  for (const Samples& row : kSamples) {
    SCOPED_TRACE(row.name);
    const config::Option& tested = option(row.name);
    const config::Values flags = {{row.name, row.flag}};
    const process::Environment environment = environment_of({{tested.variable(), row.environment}});
    const config::ConfigFile file = file_of({{row.name, row.file}});

    EXPECT_EQ(tested.get(config::resolve(flags, environment, file)), row.flag);
    EXPECT_EQ(tested.get(config::resolve(flags, kNoEnvironment, file)), row.flag);
    EXPECT_EQ(tested.get(config::resolve({}, environment, file)), row.environment);
    EXPECT_EQ(tested.get(config::resolve({}, kNoEnvironment, file)), row.file);
    EXPECT_EQ(tested.get(config::resolve({}, kNoEnvironment, {})), tested.get(config::Config{}));
  }
}

TEST(Config, EveryDefaultIsAValueThatTheOptionItselfAccepts) {
  for (const config::Option& tested : config::options()) {
    SCOPED_TRACE(tested.name);
    const std::string value = tested.get(config::Config{});
    config::Config config;
    if (!value.empty()) {
      tested.set(config, value);
    }
    EXPECT_EQ(tested.get(config), value);
    EXPECT_FALSE(tested.unit.empty());
    EXPECT_FALSE(tested.help.empty());
  }
}

TEST(Config, DefaultsAreTheDocumentedOnes) {
  const config::Config config;
  EXPECT_EQ(config.listen.text(), "127.0.0.1:8080");
  EXPECT_EQ(config.data, "./data");
  EXPECT_EQ(option("body-limit").get(config), "64GiB");
  EXPECT_EQ(option("request-line-limit").get(config), "16KiB");
  EXPECT_EQ(option("lock-timeout-max").get(config), "3600");
  EXPECT_EQ(option("propfind-infinity-limit").get(config), "100000");
  EXPECT_EQ(option("cache-size").get(config), "48MiB");
}

TEST(Config, TheManualListsEveryOptionAsItIs) {
  std::string expected = "| Option | Value | Default | |\n|---|---|---|---|\n";
  for (const config::Option& documented : config::options()) {
    const std::string value = documented.get(config::Config{});
    std::string unit = documented.unit;
    for (std::size_t bar = 0; (bar = unit.find('|', bar)) != std::string::npos; bar += 2)
      unit.replace(bar, 1, "\\|");
    expected += "| `" + documented.name + "` | " + unit + " | " +
                (value.empty() ? "" : "`" + value + "`") + " | " + documented.help + " |\n";
  }
  std::ostringstream manual;
  manual << std::ifstream(test::source_folder() / "docs/operations.md").rdbuf();
  EXPECT_NE(manual.str().find("program -->\n" + expected + "<!-- end"), std::string::npos)
      << "docs/operations.md must have exactly this table:\n"
      << expected;
}

struct BadValue {
  const char* name;
  const char* value;
};

constexpr BadValue kBadValues[] = {
    {"listen", ""},
    {"listen", "8080"},
    {"listen", ":8080"},
    {"listen", "127.0.0.1"},
    {"listen", "127.0.0.1:"},
    {"listen", "127.0.0.1:65536"},
    {"listen", "127.0.0.1:-1"},
    {"listen", "127.0.0.1:80x"},
    {"listen", "127.0.0.1:000080"},
    {"listen", "::1:8080"},
    {"listen", "[]:8080"},
    {"listen", "[::1:8080"},
    {"listen", "http://127.0.0.1:8080"},
    {"listen", "no such host:80"},
    {"data", ""},
    {"durability", ""},
    {"durability", "Full"},
    {"durability", "none"},
    {"conflict-status", ""},
    {"conflict-status", "423"},
    {"junk-files", "drop"},
    {"page", "on"},
    {"checksums", "sha256"},
    {"checksums", "sha1 md5"},
    {"prefix", "dav"},
    {"prefix", "/a/../b"},
    {"prefix", "/%00"},
    {"anonymous", ""},
    {"anonymous", "yes"},
    {"public-url", "dav.example.org"},
    {"public-url", "ftp://dav.example.org"},
    {"public-url", "https://"},
    {"public-url", "https://:443"},
    {"public-url", "https://user@dav.example.org"},
    {"public-url", "https://dav.example.org:99999"},
    {"public-url", "https://dav.example.org:x"},
    {"public-url", "https://dav.example.org/?q"},
    {"public-url", "https://dav example.org"},
    {"public-url", "https://a.example,"},
    {"public-url", ",https://a.example"},
    {"public-url", "https://a.example,,https://b.example"},
    {"public-url", "https://a.example,b.example"},
    {"public-url", "https://a.example https://b.example"},
    {"admin-listen", "9090"},
    {"access-log", ""},
    {"audit-log", ""},
    {"audit-log", "-"},
    {"audit-log-size", "4095"},
    {"audit-log-files", "0"},
    {"audit-log-files", "1001"},
    {"remote-user", ""},
    {"remote-user", "Remote User"},
    {"remote-user", "authorization"},
    {"trusted-proxies", "proxy.example"},
    {"trusted-proxies", "127.0.0.1;10.0.0.1"},
    {"trusted-proxies", "10.0.0.0/33"},
    {"password-min", "0"},
    {"password-min", "65"},
    {"hsts", "63072001"},
    {"cors-origins", "*"},
    {"cors-origins", "null"},
    {"cors-origins", "a.example"},
    {"cors-origins", "https://a.example/"},
    {"cors-origins", "https://a.example/app"},
    {"cors-origins", "https://*.example"},
    {"cors-origins", "https://user@a.example"},
    {"cors-origins", "https://A.example"},
    {"cors-origins", "https://a.example,"},
    {"cors-origins", "https://a.example, https://b.example"},
    {"cors-origins", "https://"},
    {"history-name", "a/b"},
    {"history-name", ".."},
    {"trust-html", "wiki"},
    {"trust-html", "/wiki,"},
    {"trust-html", "/a/../b"},
    {"basic-over-http", "1"},
    {"digest", "sha-256"},
    {"digest", "yes"},
    {"allow-network-data", "maybe"},
    {"cache-size", "0"},
    {"cache-size", "32MB"},
    {"cache-size", "32 MiB"},
    {"cache-size", "-1"},
    {"cache-size", "1E"},
    {"cache-size", "99999999T"},
    {"cache-size", "99999999999999999999"},
    {"free-space-floor", ""},
    {"free-space-floor", "1%"},
    {"nextcloud", "25"},
    {"sync-keep", "-1"},
    {"sync-keep", "36501d"},
    {"upload-keep", "59"},
    {"upload-keep", "366d"},
    {"uploads-per-account", "0"},
    {"trash-keep", "-1"},
    {"trash-keep", "101y"},
    {"trash-keep", "36501d"},
    {"versions", ""},
    {"versions", "0"},
    {"versions", "0%"},
    {"versions", "101%"},
    {"versions", "%"},
    {"versions", "1000001"},
    {"versions", "some"},
    {"segment-limit", "0"},
    {"segment-limit", "1025"},
    {"path-limit", "0"},
    {"path-limit", "65537"},
    {"depth-limit", "0"},
    {"depth-limit", "1025"},
    {"shared-lock-limit", "0"},
    {"shared-lock-limit", "10001"},
    {"shared-locks-per-account", "0"},
    {"shared-locks-per-account", "10001"},
    {"locks-per-account", "0"},
    {"lock-owner-limit", "1025KiB"},
    {"property-limit", "100001"},
    {"property-value-limit", "257MiB"},
    {"property-total-limit", "2GiB"},
    {"xml-depth-limit", "0"},
    {"xml-depth-limit", "10001"},
    {"xml-element-limit", "0"},
    {"xml-element-limit", "10000001"},
    {"xml-attribute-limit", "0"},
    {"xml-attribute-limit", "1001"},
    {"xml-namespace-limit", "0"},
    {"xml-namespace-limit", "4097"},
    {"xml-namespace-length", "31"},
    {"xml-namespace-length", "65537"},
    {"xml-parses", "0"},
    {"xml-parses", "65537"},
    {"xml-wait", "86401"},
    {"propfind-property-limit", "0"},
    {"propfind-property-limit", "100001"},
    {"proppatch-instruction-limit", "0"},
    {"proppatch-instruction-limit", "1000001"},
    {"if-list-limit", "0"},
    {"if-list-limit", "4097"},
    {"if-condition-limit", "0"},
    {"if-condition-limit", "4097"},
    {"if-resource-limit", "0"},
    {"if-resource-limit", "4097"},
    {"range-limit", "0"},
    {"range-limit", "1001"},
    {"lock-timeout-max", "0"},
    {"lock-timeout-max", "1y"},
    {"lock-timeout-max", "h"},
    {"lock-timeout-max", "1.5h"},
    {"lock-timeout-max", "99999999999999999w"},
    {"lock-timeout-max", "31536001"},
    {"lock-timeout-max", "3600K"},
    {"propfind-infinity-limit", "-1"},
    {"propfind-infinity-limit", "infinite"},
    {"copy-limit", "0"},
    {"read-timeout", "0"},
    {"body-limit", "9223372036854775808"},
    {"body-limit", "9007199254740992K"},
    {"xml-limit", "0"},
    {"xml-limit", "2GiB"},
    {"proppatch-limit", "0"},
    {"listing-limit", "1023"},
    {"request-line-limit", "63"},
    {"request-line-limit", "2MiB"},
    {"field-line-limit", "63"},
    {"head-limit", "255"},
    {"field-count-limit", "0"},
    {"field-count-limit", "1KiB"},
    {"head-timeout", "0"},
    {"idle-timeout", "0"},
    {"busy-idle-timeout", "86401"},
    {"body-rate", "x"},
    {"body-rate-window", "0"},
    {"body-grace", "1.5"},
    {"send-timeout", "0"},
    {"drain-limit", "2GiB"},
    {"drain-timeout", "+1"},
    {"connections", "0"},
    {"connections-per-client", "0"},
    {"requests-per-account", "0"},
    {"workers", "0"},
    {"workers", "65537"},
    {"queue", ""},
    {"shutdown-grace", "86401"},
    {"tls-cert", ""},
    {"tls-key", ""},
    {"tls-self-signed", "certainly"},
    {"tls-client-ca", ""},
    {"http-redirect", "8080"},
    {"tls-handshake-timeout", "0"},
};

TEST(Config, BadValuesAreRefusedWithOneSentenceFromEverySource) {
  for (const BadValue& row : kBadValues) {
    SCOPED_TRACE(std::string(row.name) + " = " + row.value);
    const config::Values values = {{row.name, row.value}};
    const std::string from_flag =
        usage_error([&] { (void)config::resolve(values, kNoEnvironment); });
    const std::string from_file =
        usage_error([&] { (void)config::resolve({}, kNoEnvironment, file_of(values)); });
    EXPECT_NE(from_flag.find("--" + std::string(row.name)), std::string::npos) << from_flag;
    EXPECT_TRUE(from_file.starts_with("holdfast.conf:1: " + std::string(row.name) + ": "))
        << from_file;
    EXPECT_EQ(from_flag.find('\n'), std::string::npos);
    EXPECT_TRUE(from_flag.ends_with('.'));
    if (*row.value == '\0') continue;  // an empty variable counts as not set
    const std::string variable = option(row.name).variable();
    const std::string from_environment = usage_error([&] {
      (void)config::resolve({}, environment_of({{variable, row.value}}));
    });
    EXPECT_TRUE(from_environment.starts_with(variable)) << from_environment;
  }
}

TEST(Config, EveryOptionButFreeTextIsInTheTableOfBadValues) {
  for (const config::Option& tested : config::options()) {
    if (tested.name == "spill-folder") continue;
    const auto is_tested = [&tested](const BadValue& row) { return row.name == tested.name; };
    EXPECT_TRUE(std::any_of(std::begin(kBadValues), std::end(kBadValues), is_tested))
        << tested.name;
  }
}

TEST(Config, AnEmptyEnvironmentVariableCountsAsNotSet) {
  const config::Config config = config::resolve({}, environment_of({{"HOLDFAST_LISTEN", ""}}),
                                                file_of({{"listen", "127.0.0.1:9"}}));
  EXPECT_EQ(config.listen.text(), "127.0.0.1:9");
}

TEST(Config, ARefusalHasNoControlCharacters) {
  for (const config::Values& file :
       {config::Values{{"a\x1b[2J", "1"}}, config::Values{{"queue", "\x1b[2J"}},
        config::Values{{"data", std::string(1, '\0')}}}) {
    try {
      (void)config::resolve(
          {}, [](const std::string&) { return std::nullopt; }, file_of(file));
      ADD_FAILURE() << "accepted";
    } catch (const process::UsageError& error) {
      const std::string sentence = error.what();
      EXPECT_NE(sentence.find('?'), std::string::npos) << sentence;
      EXPECT_EQ(sentence.find('\x1b'), std::string::npos) << sentence;
    }
  }
}

TEST(Config, AnUnknownNameInTheFileIsRefused) {
  for (const char* name : {"lissten", "config", "", "Listen", "listen "})
    EXPECT_NE(usage_error([&] {
                (void)config::resolve({}, kNoEnvironment, file_of({{name, "x"}}));
              }),
              "")
        << name;
}

class ConfigFile : public testing::Test {
 protected:
  std::string write(std::string_view text) {
    const std::string path = folder_.path() / "holdfast.conf";
    std::ofstream(path) << text;
    return path;
  }
  test::TemporaryFolder folder_;
};

TEST_F(ConfigFile, HoldsNamesAndValuesWithCommentsAndQuotes) {
  const config::ConfigFile file = config::read_config_file(write(
      "# comment\n; another\n\n  listen = 127.0.0.1:1\ndata=\"/a # b, c\"\nbody_limit = '1 GiB'\r\n"
      "public-url=\n"));
  EXPECT_TRUE(file.problems.empty());
  EXPECT_TRUE(file.place("body-limit").ends_with("holdfast.conf:6")) << file.place("body-limit");
  EXPECT_EQ(file.values, (config::Values{{"listen", "127.0.0.1:1"},
                                         {"data", "/a # b, c"},
                                         {"body-limit", "1 GiB"},
                                         {"public-url", ""}}));
}

TEST_F(ConfigFile, RefusesWhatIsNoListOfSettings) {
  for (const char* text : {"x\n", "listen\n", "= 1\n", "[server]\nlisten = 127.0.0.1:1\n",
                           "queue = 1\nqueue = 2\n", "body-rate = 1\nqueue = 1\nbody_rate = 2\n"})
    EXPECT_NE(usage_error([&] {
                (void)config::resolve({}, kNoEnvironment, config::read_config_file(write(text)));
              }),
              "")
        << text;
}

TEST_F(ConfigFile, NamesTheLineThatIsWrong) {
  const std::string path = write("queue = 1\n\nnonsense\n[x]\nqueue = 2\nqueu = 1\ndata =\n");
  const config::Resolution found =
      config::examine({}, kNoEnvironment, config::read_config_file(path));
  const std::vector<std::string> expected = {
      path + ":3: a line is \"name = value\", not \"nonsense\".",
      path + ":4: sections like [x] are not used.",
      path + ":5: queue stands in line 1 already.",
      path + ":6: \"queu\" is no setting; the nearest is queue.",
      path + ":7: data: a value is needed, not \"\".",
  };
  EXPECT_EQ(found.problems, expected);
  EXPECT_EQ(usage_error(
                [&] { (void)config::resolve({}, kNoEnvironment, config::read_config_file(path)); }),
            expected.front());
}

TEST_F(ConfigFile, MustExistAndBeAFile) {
  EXPECT_NE(usage_error([&] { (void)config::read_config_file(folder_.path() / "missing"); }), "");
  EXPECT_NE(usage_error([&] { (void)config::read_config_file(folder_.path()); }), "");
}

// docs/operations.md#settings
TEST(Config, TimesAndSizesHaveOneGrammar) {
  const auto shown = [](const char* name, const char* value) {
    return option(name).get(config::resolve({{name, value}}, kNoEnvironment));
  };
  EXPECT_EQ(shown("lock-timeout-max", "90"), "90");
  EXPECT_EQ(shown("lock-timeout-max", "90s"), "90");
  EXPECT_EQ(shown("idle-timeout", "5m"), "300");
  EXPECT_EQ(shown("read-timeout", "1h"), "3600");
  EXPECT_EQ(shown("lock-timeout-max", "90d"), "7776000");
  EXPECT_EQ(shown("lock-timeout-max", "2w"), "1209600");
  for (const config::Option& tested : config::options()) {
    if (tested.unit != "SECONDS") continue;
    EXPECT_EQ(shown(tested.name.c_str(), "1m"), "60") << tested.name;
  }
  EXPECT_EQ(shown("cache-size", "2048K"), "2MiB");
  EXPECT_EQ(config::parse_seconds("2w"), 14 * 24 * 60 * 60);
}

TEST(Config, AnUnknownVariableIsNamedWithItsNearest) {
  const std::vector<std::string> names = {"PATH",           "HOLDFAST_LISTEM", "HOLDFAST_CONFIG",
                                          "HOLDFAST_QUEUE", "HOLDFAST_XYZZY",  "HOLDFAST_TIMEOUT"};
  const std::vector<std::string> expected = {
      "The environment variable HOLDFAST_LISTEM is no setting, and it is ignored; the nearest is "
      "HOLDFAST_LISTEN.",
      "The environment variable HOLDFAST_XYZZY is no setting, and it is ignored.",
      "The environment variable HOLDFAST_TIMEOUT is no setting, and it is ignored; the nearest are "
      "HOLDFAST_READ_TIMEOUT, HOLDFAST_HEAD_TIMEOUT and HOLDFAST_IDLE_TIMEOUT."};
  EXPECT_EQ(config::unknown_variables(names), expected);
}

TEST(Config, EverySettingHasAGroupAndTheTablesNameSettings) {
  std::size_t first = 0;
  for (const config::Option& tested : config::options()) {
    EXPECT_FALSE(tested.group.empty()) << tested.name;
    first += tested.first ? 1 : 0;
  }
  EXPECT_EQ(first, 14U);
  EXPECT_TRUE(option("lock-timeout-max").live);
  EXPECT_FALSE(option("listen").live);
}

TEST(Config, SaysWhereEachValueComesFrom) {
  const config::Resolution found =
      config::examine({{"listen", "127.0.0.1:1"}}, environment_of({{"HOLDFAST_QUEUE", "7"}}),
                      file_of({{"data", "/d"}, {"queue", "8"}}));
  std::map<std::string, std::string> sources;
  for (std::size_t i = 0; i < found.sources.size(); ++i)
    sources[config::options()[i].name] = found.sources[i];
  EXPECT_EQ(sources.size(), config::options().size());
  EXPECT_EQ(sources["listen"], "--listen");
  EXPECT_EQ(sources["queue"], "HOLDFAST_QUEUE");
  EXPECT_EQ(sources["data"], "holdfast.conf:1");
  EXPECT_EQ(sources["workers"], "default");
}

TEST(Config, ARefusalDoesNotShowAPassword) {
  const std::string sentence = usage_error([] {
    (void)config::resolve({{"public-url", "https://ann:secret@dav.example"}}, kNoEnvironment);
  });
  EXPECT_EQ(sentence.find("secret"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("https://...@dav.example"), std::string::npos) << sentence;
}

TEST(Anonymous, MayWriteByDefaultOnLoopbackOnly) {
  enum class Were { never, gone, some };
  const auto effective = [](config::Values flags, Were accounts = Were::never) {
    const config::Config config = config::resolve(flags, kNoEnvironment);
    return auth::anonymous_without_accounts(
        config.anonymous,
        {.listen = config.listen,
         .is_named = !config.public_urls.empty() || !config.trusted_proxies.empty(),
         .has_accounts = accounts == Were::some,
         .had_accounts = accounts != Were::never});
  };
  EXPECT_EQ(effective({}), auth::Anonymous::write);
  EXPECT_EQ(effective({{"listen", "[::1]:0"}}), auth::Anonymous::write);
  EXPECT_EQ(effective({{"listen", "localhost:0"}}), auth::Anonymous::write);
  EXPECT_EQ(effective({{"listen", "0.0.0.0:80"}, {"anonymous", "read"}}), auth::Anonymous::read);
  EXPECT_EQ(effective({{"anonymous", "off"}}), auth::Anonymous::off);
  for (const auto accounts : {Were::never, Were::gone})
    for (const char* listen : {"0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"})
      EXPECT_NE(usage_error([&] {
                  (void)effective({{"listen", listen}}, accounts);
                }).find("--anonymous"),
                std::string::npos)
          << listen;
  EXPECT_EQ(effective({{"listen", "0.0.0.0:80"}}, Were::some), auth::Anonymous::off);
  // Not where there were accounts, nor where others are said to come.
  EXPECT_EQ(effective({}, Were::some), auth::Anonymous::off);
  EXPECT_EQ(effective({}, Were::gone), auth::Anonymous::off);
  EXPECT_EQ(effective({{"public-url", "https://dav.example"}}), auth::Anonymous::off);
  EXPECT_EQ(effective({{"trusted-proxies", "127.0.0.1"}}), auth::Anonymous::off);
  // Whoever says so means it.
  EXPECT_EQ(effective({{"trusted-proxies", "127.0.0.1"}, {"anonymous", "write"}}, Were::gone),
            auth::Anonymous::write);
}

TEST(PublicUrl, IsAnOriginInLowerCaseWithoutTheDefaultPort) {
  EXPECT_EQ(config::parse_public_url("https://Dav.Example:443/x").text(), "https://dav.example");
  EXPECT_EQ(config::parse_public_url("HTTP://dav.example:80").text(), "http://dav.example");
  EXPECT_EQ(config::parse_public_url("http://dav.example:443").text(), "http://dav.example:443");
  EXPECT_EQ(config::parse_public_url("https://[2001:db8::1]").text(), "https://[2001:db8::1]");
  EXPECT_EQ(config::parse_public_url("https://[2001:db8::1]:8443/").text(),
            "https://[2001:db8::1]:8443");
}

TEST(PublicUrl, ThereMayBeSeveral) {
  EXPECT_TRUE(config::parse_public_urls("").empty());
  const auto urls = config::parse_public_urls("https://a.example, http://B.example:81");
  ASSERT_EQ(urls.size(), 2U);
  EXPECT_EQ(urls[0].text(), "https://a.example");
  EXPECT_EQ(urls[1].text(), "http://b.example:81");
}

TEST(EngineOptions, TakePrefixHostLimitsAndFloorFromTheSettings) {
  const config::Config config =
      config::resolve({{"prefix", "/dav/files"},
                       {"public-url", "https://dav.example,http://lan:81"},
                       {"body-limit", "7"},
                       {"lock-timeout-max", "9"}},
                      kNoEnvironment);
  constexpr std::uint64_t kGibi = 1 << 30;
  const dav::Options options = config.engine_options(kGibi);
  EXPECT_EQ(options.space.prefix, (std::vector<std::string>{"dav", "files"}));
  EXPECT_EQ(options.space.origins, config::parse_public_urls("https://dav.example,http://lan:81"));
  EXPECT_EQ(options.body_limit_bytes, 7U);
  EXPECT_EQ(options.lock_timeout_s, 9);
  EXPECT_EQ(options.free_space_floor_bytes, kGibi / 100 * 3);
}

// A floor that is most of a small disk would refuse every write from the start.
TEST(EngineOptions, TheFloorIsAFewHundredthsOfASmallDisk) {
  constexpr std::uint64_t kMebi = 1 << 20;
  constexpr std::uint64_t kGibi = 1 << 30;
  struct Row {
    std::uint64_t disk, least, most;
  };
  const Row rows[] = {
      {0, 0, 0},
      {1, 0, 0},
      {16 * kMebi, kMebi * 2 / 5, kMebi / 2},
      {512 * kMebi, 15 * kMebi, 16 * kMebi},
      {kGibi, 30 * kMebi, 31 * kMebi},
      {8 * kGibi, 245 * kMebi, 246 * kMebi},
      {33 * kGibi, kGibi - 10 * kMebi - 2 * kMebi, kGibi - 10 * kMebi},
      {34 * kGibi, kGibi, kGibi},
      {100 * kGibi, kGibi, kGibi},
      {101 * kGibi, kGibi + 10 * kMebi, kGibi + 11 * kMebi},
      {1000 * kGibi, 10 * kGibi - 100, 10 * kGibi},
      {UINT64_MAX, UINT64_MAX / 100, UINT64_MAX / 100},
  };
  for (const Row& row : rows) {
    const std::uint64_t floor = config::Config().engine_options(row.disk).free_space_floor_bytes;
    EXPECT_GE(floor, row.least) << row.disk;
    EXPECT_LE(floor, row.most) << row.disk;
  }
  config::Config asked;
  asked.free_space_floor_bytes = 7;
  EXPECT_EQ(asked.engine_options(kGibi).free_space_floor_bytes, 7U);
}

}  // namespace
}  // namespace holdfast::server
