// Wrong calls of the program, each with the whole sentence that answers it.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "server/cli/command_line.h"

namespace holdfast::server {
namespace {

struct Call {
  std::vector<std::string> words;
  std::string answer;
};

const std::vector<Call>& calls() {
  static const std::vector<Call> table = {
      {{},
       "holdfast needs a command: serve, lock, check, log, backup, restore, user, share, group, "
       "trash, "
       "versions, upload, history, snapshot, certificate, "
       "config, version or help; see holdfast --help."},
      {{"sever"}, "\"sever\" is no command of holdfast; the nearest is serve."},
      {{"srve"}, "\"srve\" is no command of holdfast; the nearest is serve."},
      {{"start"}, "\"start\" is no command of holdfast; holdfast serve may be meant."},
      {{"run"}, "\"run\" is no command of holdfast; holdfast serve may be meant."},
      {{"fsck"}, "\"fsck\" is no command of holdfast; holdfast check may be meant."},
      {{"users"}, "\"users\" is no command of holdfast; the nearest is user."},
      {{"unlock"}, "\"unlock\" is no command of holdfast; holdfast lock break may be meant."},
      {{"adduser", "ann"},
       "\"adduser\" is no command of holdfast; holdfast user add may be meant."},
      {{"passwd", "ann"},
       "\"passwd\" is no command of holdfast; holdfast user passwd may be meant."},
      {{"grant", "ann", "/x", "read"},
       "\"grant\" is no command of holdfast; holdfast user grant or holdfast group grant "
       "may be meant."},
      {{"hlep"}, "\"hlep\" is no command of holdfast; the nearest is help."},
      {{"help", "sever"}, "\"sever\" is no command of holdfast; the nearest is serve."},
      {{"sever", "--help"}, "\"sever\" is no command of holdfast; the nearest is serve."},
      {{"--listen", "127.0.0.1:1"},
       "holdfast has no option --listen; holdfast serve, holdfast config check and holdfast config "
       "show have it."},
      {{"--port", "80"},
       "holdfast has no option --port; holdfast serve --listen ADDR:PORT sets the address and the "
       "port."},
      {{"--listen", "127.0.0.1:1", "serve"},
       "holdfast has no option --listen; holdfast serve, holdfast config check and holdfast config "
       "show have it."},
      {{"-v"}, "holdfast has no option -v; holdfast --version prints the version."},
      {{"--verison"}, "holdfast has no option --verison; the nearest is --version."},
      {{"serve", "stray"},
       "holdfast serve takes no argument, and \"stray\" is one; see holdfast serve --help."},
      {{"serve", "serve"},
       "holdfast serve takes no argument, and \"serve\" is one; see holdfast serve --help."},
      {{"serve", "--port", "8080"},
       "holdfast serve has no option --port; --listen ADDR:PORT sets the address and the port."},
      {{"serve", "-p", "8080"},
       "holdfast serve has no option -p; --listen ADDR:PORT sets the address and the port."},
      {{"serve", "--host", "0.0.0.0"},
       "holdfast serve has no option --host; --listen ADDR:PORT sets the address and the port."},
      {{"serve", "--lissten", "127.0.0.1:1"},
       "holdfast serve has no option --lissten; the nearest is --listen."},
      {{"serve", "--repair"}, "holdfast serve has no option --repair; holdfast check has it."},
      {{"serve", "--version"}, "holdfast serve has no option --version; holdfast has it."},
      {{"serve", "--ssl"},
       "holdfast serve has no option --ssl; --tls-cert and --tls-key switch TLS on, or "
       "--tls-self-signed."},
      {{"serve", "--password", "secret"},
       "holdfast serve has no option --password; a password is asked for, or read from standard "
       "input."},
      {{"serve", "--listen"}, "--listen needs a value: ADDR:PORT."},
      {{"serve", "--listen", "--data", "x"},
       "--listen needs a value, ADDR:PORT, and --data is the next option."},
      {{"serve", "--listen", "--help"},
       "--listen needs a value, ADDR:PORT, and --help is the next option."},
      {{"serve", "--listen", "x"},
       "--listen: an address like 127.0.0.1:8080 or [::1]:8080 is needed, not \"x\"."},
      {{"serve", "--listen", "8080"},
       "--listen: an address like 127.0.0.1:8080 or [::1]:8080 is needed, not \"8080\"."},
      {{"serve", "--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"},
       "--listen stands there more than once."},
      {{"serve", "--data="}, "--data needs a value: DIR."},
      {{"serve", "--durability", "Full"},
       "--durability: the value must be one of full|relaxed, not \"Full\"."},
      {{"serve", "--durability", "half"},
       "--durability: the value must be one of full|relaxed, not \"half\"."},
      {{"serve", "--idle-timeout", "5min"},
       "--idle-timeout: a time is needed, like 90 (seconds), 90s, 30m, 12h, 90d or 2w, not "
       "\"5min\"."},
      {{"serve", "--idle-timeout", "2d"},
       "--idle-timeout: the value must be from 1 to 86400 seconds, not \"2d\"."},
      {{"serve", "--idle-timeout", "-1"},
       "--idle-timeout: a time is needed, like 90 (seconds), 90s, 30m, 12h, 90d or 2w, not "
       "\"-1\"."},
      {{"serve", "--cache-size", "32MB"},
       "--cache-size: a number of bytes is needed, like 65536, 64KiB, 10MiB or 2GiB, not "
       "\"32MB\"."},
      {{"serve", "--cache-size", "1h"},
       "--cache-size: a number of bytes is needed, like 65536, 64KiB, 10MiB or 2GiB, not \"1h\"."},
      {{"serve", "--queue", "many"}, "--queue: a whole number is needed, not \"many\"."},
      {{"serve", "--queue", "10MiB"}, "--queue: a whole number is needed, not \"10MiB\"."},
      {{"serve", "--queue", "2000000"},
       "--queue: the value must be from 0 to 1000000, not \"2000000\"."},
      {{"serve", "--prefix", "dav"}, "--prefix: the prefix must begin with a slash, not \"dav\"."},
      {{"serve", "--prefix", "/a?b"},
       "--prefix: the prefix must be a path without query, fragment or spaces, not \"/a?b\"."},
      {{"serve", "--public-url", "dav.example.org"},
       "--public-url: a URL like https://dav.example.org is needed, not \"dav.example.org\"."},
      {{"serve", "--public-url", "https://ann:secret@dav.example.org"},
       "--public-url: a URL like https://dav.example.org is needed, not "
       "\"https://...@dav.example.org\"."},
      {{"serve", "--trusted-proxies", "proxy"},
       "--trusted-proxies: addresses or networks like 127.0.0.1,10.0.0.0/8,fd00::/8 are needed, "
       "not \"proxy\"."},
      {{"serve", "--checksums", "sha256"},
       "--checksums: the value must be sha1, md5, sha1,md5 or none, not \"sha256\"."},
      {{"serve", "--tls-self-signed=maybe"},
       "--tls-self-signed: the value must be one of no|yes, not \"maybe\"."},
      {{"serve", "--config", "/nowhere/holdfast.conf"},
       "The config file /nowhere/holdfast.conf cannot be read."},
      {{"lock"}, "holdfast lock needs a command: list or break; see holdfast lock --help."},
      {{"lock", "list", "/a"},
       "holdfast lock list takes no argument, and \"/a\" is one; see holdfast lock list --help."},
      {{"lock", "list", "--listen", "127.0.0.1:1"},
       "holdfast lock list has no option --listen; holdfast serve, holdfast config check and "
       "holdfast config show have it."},
      {{"lock", "break"}, "holdfast lock break needs TOKEN|PATH; see holdfast lock break --help."},
      {{"lock", "break", "/a", "/b"},
       "holdfast lock break takes TOKEN|PATH, and \"/b\" is one too many."},
      {{"check", "--repiar"}, "holdfast check has no option --repiar; the nearest is --repair."},
      {{"check", "--hashes=maybe"}, "--hashes takes no value."},
      {{"check", "/data"},
       "holdfast check takes no argument, and \"/data\" is one; see holdfast check --help."},
      {{"backup"}, "holdfast backup needs DIR; see holdfast backup --help."},
      {{"backup", "a", "b"}, "holdfast backup takes DIR, and \"b\" is one too many."},
      {{"restore"}, "holdfast restore needs DIR; see holdfast restore --help."},
      {{"version", "extra"},
       "holdfast version takes no argument, and \"extra\" is one; see holdfast version --help."},
      {{"config"}, "holdfast config needs a command: check or show; see holdfast config --help."},
      {{"config", "show", "extra"},
       "holdfast config show takes no argument, and \"extra\" is one; see holdfast config show "
       "--help."},
      {{"certificate", "/x"},
       "holdfast certificate takes no argument, and \"/x\" is one; see holdfast certificate "
       "--help."},
      {{"user"},
       "holdfast user needs a command: token, session, add, passwd, list, show, rename, suspend, "
       "resume, "
       "networks, remove, grant, revoke, quota, certificate, adopt or import; see holdfast user "
       "--help."},
      {{"user", "delete", "ann"},
       "\"delete\" is no command of holdfast user; holdfast user remove may be meant."},
      {{"user", "ls"}, "\"ls\" is no command of holdfast user; holdfast user list may be meant."},
      {{"user", "add"}, "holdfast user add needs NAME; see holdfast user add --help."},
      {{"user", "add", "ann", "ben"},
       "holdfast user add takes NAME only; a password is asked for, or read from standard input."},
      {{"user", "add", "ann", "--home"}, "--home needs a value: PATH."},
      {{"user", "add", "ann", "--password", "secret"},
       "holdfast user add has no option --password; a password is asked for, or read from standard "
       "input."},
      {{"user", "add", "ann", "--quota", "5"},
       "holdfast user add has no option --quota; the nearest are --quota-bytes and "
       "--quota-resources."},
      {{"user", "add", "ann", "--listen", "127.0.0.1:1"},
       "holdfast user add has no option --listen; holdfast serve, holdfast config check and "
       "holdfast config show have it."},
      {{"user", "passwd"}, "holdfast user passwd needs NAME; see holdfast user passwd --help."},
      {{"user", "passwd", "ann", "secret"},
       "holdfast user passwd takes NAME only; a password is asked for, or read from standard "
       "input."},
      {{"user", "list", "ann"},
       "holdfast user list takes no argument, and \"ann\" is one; see holdfast user list --help."},
      {{"user", "grant"},
       "holdfast user grant needs NAME, PATH and read|write|none; see holdfast user grant --help."},
      {{"user", "grant", "ann"},
       "holdfast user grant needs PATH and read|write|none; see holdfast user grant --help."},
      {{"user", "grant", "ann", "/x"},
       "holdfast user grant needs read|write|none; see holdfast user grant --help."},
      {{"user", "grant", "ann", "/x", "read", "write"},
       "holdfast user grant takes NAME, PATH and read|write|none, and \"write\" is one too many."},
      {{"user", "revoke", "ann"},
       "holdfast user revoke needs PATH; see holdfast user revoke --help."},
      {{"user", "quota", "ann", "5"}, "holdfast user quota takes NAME, and \"5\" is one too many."},
      {{"user", "quota", "ann", "--quota-bytes", "5"},
       "holdfast user quota has no option --quota-bytes; holdfast user add and holdfast group add "
       "have it."},
      {{"user", "token"},
       "holdfast user token needs a command: add, list or remove; see holdfast user token --help."},
      {{"user", "token", "new", "ann"},
       "\"new\" is no command of holdfast user token; holdfast user token add may be meant."},
      {{"user", "token", "add", "ann"},
       "holdfast user token add needs --label TEXT; see holdfast user token add --help."},
      {{"user", "token", "add", "ann", "--label"}, "--label needs a value: TEXT."},
      {{"user", "token", "add", "ann", "--label", "--read-only"},
       "--label needs a value, TEXT, and --read-only is the next option."},
      {{"user", "token", "add", "ann", "--label", "l", "--expire", "5d"},
       "holdfast user token add has no option --expire; the nearest is --expires."},
      {{"user", "token", "remove"},
       "holdfast user token remove needs ID; see holdfast user token remove --help."},
      {{"user", "token", "remove", "a", "b"},
       "holdfast user token remove takes ID, and \"b\" is one too many."},
      {{"generate"}, "holdfast generate needs man|bash|zsh|fish; see holdfast generate --help."},
      {{"generate", "pdf"}, "What is generated is man, bash, zsh or fish."},
  };
  return table;
}

TEST(Mistakes, EachIsAnsweredWithTheWrongWordAndTheNearestRightOne) {
  ASSERT_GE(calls().size(), 60U);
  for (const Call& call : calls()) {
    SCOPED_TRACE(testing::PrintToString(call.words));
    std::string answer = "(none: it is accepted)";
    try {
      static_cast<void>(
          cli::parse_command_line(call.words, [](const std::string&) { return std::nullopt; }));
    } catch (const process::UsageError& error) {
      answer = error.what();
    }
    EXPECT_EQ(answer, call.answer);
  }
}

}  // namespace
}  // namespace holdfast::server
