// What operators rely on (docs/robustness.md O1 to O3): log lines that nobody can forge, files that
// nobody else can read, answers that tell nothing of the machine.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

// Whether `line` is one flat JSON object of strings and whole numbers (RFC 8259), in plain UTF-8
// without control characters.
bool is_flat_object(const std::string& line) {
  std::size_t at = 0;
  const auto take = [&](char c) { return at < line.size() && line[at] == c && ++at != 0; };
  const auto string = [&] {
    if (!take('"')) return false;
    while (at < line.size() && line[at] != '"') {
      if (static_cast<unsigned char>(line[at]) < 0x20 || line[at] == 0x7f) return false;
      if (line[at++] != '\\') continue;
      if (at == line.size() || std::string("\"\\/bfnrtu").find(line[at]) == std::string::npos)
        return false;
      ++at;
    }
    return take('"');
  };
  if (!take('{')) return false;
  do {
    if (!string() || !take(':')) return false;
    if (at < line.size() && line[at] == '"') {
      if (!string()) return false;
    } else {
      const std::size_t begin = at;
      while (at < line.size() && line[at] >= '0' && line[at] <= '9') ++at;
      if (at == begin) return false;
    }
  } while (take(','));
  return take('}') && at == line.size();
}

TEST(Operations, O1_NoRequestForgesALogLine) {
  EXPECT_TRUE(is_flat_object(R"({"a":"x\"\u001b","n":12})"));
  for (const char* bad : {"{\"a\":\"x\"y\"}", "{\"a\":\"\x1b\"}", "{\"a\":\"x\"}{}", "{\"a\":x}"})
    ASSERT_FALSE(is_flat_object(bad)) << bad;
  const TemporaryFolder folder;
  const std::string log = folder / "access.json";
  ServerProcess server(folder / "data", {"--access-log", log, "--trusted-proxies", "127.0.0.1",
                                         "--anonymous", "write"});
  server.start();
  const std::string token = "urn:uuid:01234567-89ab-cdef-0123-456789abcdef";
  const std::string long_name(8'000, 'u');
  // Methods, targets and fields that reach a log; those that are no request at all included.
  const std::vector<std::string> requests = {
      "GET /%1B[31m%0A%22%7D HTTP/1.1\r\n",
      "GET /\x1b[31m HTTP/1.1\r\n",
      "GET /\",\"status\":200,\"x\":\" HTTP/1.1\r\n",
      "GET /%n%s%n HTTP/1.1\r\n",
      "GET /\xff\xfe\xc0\x80 HTTP/1.1\r\n",
      "GET /\xe2\x80\xae\xc2\x85 HTTP/1.1\r\n",
      "BREW\"}%n HTTP/1.1\r\n",
      "BREW!$&'*+^|~ / HTTP/1.1\r\n",
      std::string("G\0T / HTTP/1.1\r\n", 16),
      "GET /" + std::string(3'000, 'p') + " HTTP/1.1\r\n",
      "GET /" + token + " HTTP/1.1\r\n",
      "GET / HTTP/1.1\r\nUser-Agent: " + long_name + "\"%n\t\x1b[2J\r\n",
      "GET / HTTP/1.1\r\nX-Forwarded-For: \"\x1b[2J\", 203.0.113.9\r\n",
      "GET / HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9\"}\r\n",
      "GET / HTTP/1.1\r\nAuthorization: Basic c2VjcmV0OndvcmRz\r\n",
      "PUT /f HTTP/1.1\r\nIf: (<" + token + ">)\r\nContent-Length: 0\r\n",
      "UNLOCK / HTTP/1.1\r\nLock-Token: <" + token + ">\r\n",
      "LOCK /\"\\ HTTP/1.1\r\nIf: (<" + token + "\">)\r\nContent-Length: 0\r\n",
      "MOVE /a HTTP/1.1\r\nDestination: http://\x1b[31mevil\"%n/x\r\n",
      "PROPFIND / HTTP/1.1\r\nDepth: \"\x1b%n\r\n",
      "GET / HTTP/1.1\r\nRange: bytes=\"\x1b%n\r\n",
      "GET / HTTP/1.1\r\nno field\"%n\r\n",
  };
  for (const std::string& request : requests)
    EXPECT_TRUE(tests::ask(server.port(), request + "Host: localhost\r\nConnection: close\r\n\r\n"))
        << request.substr(0, 60);
  EXPECT_EQ(server.stop(), 0);
  std::ifstream file(log);
  std::size_t lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    EXPECT_TRUE(is_flat_object(line)) << line;
    EXPECT_LT(line.size(), 5'000U);  // cut
    EXPECT_THAT(line, Not(HasSubstr("c2VjcmV0")));
    EXPECT_THAT(line, Not(HasSubstr("456789abcdef"))) << "a whole lock token";
    EXPECT_THAT(line, HasSubstr("\"client\":\""));
  }
  EXPECT_EQ(lines, requests.size());
  // What is printed besides is for terminals.
  const std::string printed = server.output();
  EXPECT_EQ(printed.find('\x1b'), std::string::npos);
  EXPECT_THAT(printed, Not(HasSubstr("evil")));
}

TEST(Operations, O2_NobodyElseReadsWhatIsStored) {
  const TemporaryFolder folder;
  const std::string data = folder / "data";
  // A wide open umask, kept from the shell on.
  const std::string script = folder / "serve";
  std::ofstream(script) << "#!/bin/sh\numask 0\nexec " << holdfast_binary().string() << " \"$@\"\n";
  fs::permissions(script, fs::perms::owner_all);
  ASSERT_EQ(run({.arguments = {script, "user", "add", "anna", "--home", "/", "--digest", "both",
                               "--data", data},
                 .input = "secret words\n"})
                .exit_code,
            0);
  const Child server =
      start({.arguments = {script, "serve", "--listen", "127.0.0.1:0", "--data", data,
                           "--tls-self-signed", "--access-log", folder / "access.json"}});
  std::string printed;
  while (printed.find("https://127.0.0.1:") == std::string::npos ||
         printed.find("Windows") == std::string::npos) {
    char bytes[4096];
    const ssize_t count = ::read(server.output_fd, bytes, sizeof bytes);
    ASSERT_GT(count, 0) << printed;
    printed.append(bytes, static_cast<std::size_t>(count));
  }
  const std::size_t colon = printed.find(':', printed.find("127.0.0.1"));
  const auto port = static_cast<std::uint16_t>(std::atoi(printed.c_str() + colon + 1));
  auto client = tests::RawClient::over_tls(port);
  for (const std::size_t size : {std::size_t{10}, std::size_t{300'000}}) {
    client.send("PUT /" + std::to_string(size) +
                " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic "
                "YW5uYTpzZWNyZXQgd29yZHM=\r\nContent-Length: " +
                std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 201);
  }
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(data)) {
    struct stat status {};
    ASSERT_EQ(::lstat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, entry.is_directory() ? 0700U : 0600U) << entry.path();
    files += entry.is_directory() ? 0 : 1;
  }
  EXPECT_GE(files, 6U);  // the database, its log, the lock, the socket, the certificate, a content
  struct stat status {};
  ASSERT_EQ(::stat((folder / "access.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0077U, 0U);
  ASSERT_EQ(::stat(data.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  client.reset();
  ::kill(server.pid, SIGTERM);
  EXPECT_EQ(wait_for(server.pid), 0);
  ::close(server.output_fd);
  ::close(server.input_fd);
}

TEST(Operations, O2_AFolderThatEverybodyMayWriteIsRefused) {
  const TemporaryFolder folder;
  const std::string data = folder / "data";
  fs::create_directory(data);
  // Whoever may write a folder may replace what is in it. With the sticky bit, before it is there.
  for (const mode_t mode : {mode_t{0777}, mode_t{0707}, mode_t{0702}, mode_t{01777}}) {
    ASSERT_EQ(::chmod(data.c_str(), mode), 0);
    for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
             {"serve", "--listen", "127.0.0.1:0"}, {"user", "add", "anna", "--no-password"}}) {
      Command command{.arguments = {holdfast_binary()}, .timeout = std::chrono::seconds(30)};
      command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
      command.arguments.insert(command.arguments.end(), {"--data", data});
      const Outcome outcome = run(command);
      EXPECT_EQ(outcome.exit_code, 2) << outcome.output;
      EXPECT_THAT(outcome.output, HasSubstr("everybody may write"));
      EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1)
          << outcome.output;
      EXPECT_TRUE(fs::is_empty(data));
    }
  }
  ASSERT_EQ(::chmod(data.c_str(), 0775), 0);  // a group is somebody's decision
  ServerProcess server(data);
  server.start();
  EXPECT_EQ(server.stop(), 0);
}

TEST(Operations, O3_AnswersTellNothingOfTheMachine) {
  const TemporaryFolder folder;
  ServerProcess server(folder / "data", {"--free-space-floor", "0"});
  server.start();
  const std::string version = run({.arguments = {holdfast_binary(), "version"}}).output;
  const std::string number = version.substr(version.find(' ') + 1, version.find('\n') - 9);
  ASSERT_THAT(number, testing::MatchesRegex("[0-9]+\\.[0-9]+.*"));
  HttpClient client(server.port());
  ASSERT_EQ(client.request("PUT", "/f", {}, "x").status, 201);
  const auto lock =
      client.request("LOCK", "/f", {{"Depth", "0"}},
                     "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/>"
                     "</D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>");
  ASSERT_EQ(lock.status, 200);
  struct Row {
    int status;
    const char* method;
    const char* target;
    Fields fields{};
    const char* body = "";
  };
  const std::vector<Row> rows = {
      {200, "GET", "/"},
      {200, "OPTIONS", "*"},
      {207, "PROPFIND", "/", {{"Depth", "1"}}},
      {400, "GET", "/%zz"},
      {400, "PROPFIND", "/", {}, "<a"},
      {400, "PROPFIND", "/", {}, "<!DOCTYPE a SYSTEM '/etc/passwd'><a/>"},
      {400, "COPY", "/f"},
      {403, "PROPFIND", "/", {}, "<D:propfind xmlns:D='DAV:'>&amp;</D:propfind>"},
      {404, "GET", "/etc/passwd"},
      {404, "GET", "/meta.db"},
      {405, "PUT", "/"},
      {405, "POST", "/f"},
      {409, "PUT", "/none/f", {}, "x"},
      {412, "PUT", "/f", {{"If-Match", "\"x\""}}, "x"},
      {414, "GET", "/long"},
      {415, "MKCOL", "/new", {}, "<x/>"},
      {416, "GET", "/f", {{"Range", "bytes=9-"}}},
      {423, "PUT", "/f", {}, "y"},
      {501, "BREW", "/f"},
      {502, "COPY", "/f", {{"Destination", "http://other.example/f"}}},
  };
  for (const Row& row : rows) {
    std::string target = row.target;
    if (target == "/long")
      for (int i = 0; i < 50; ++i) target += "/" + std::string(100, 's');
    for (const char* accept : {"*/*", "application/json", "text/html"}) {
      Fields fields = row.fields;
      fields.emplace_back("Accept", accept);
      const Reply reply = client.request(row.method, target, fields, row.body);
      // The words matter, whichever refusal it is in the end.
      EXPECT_EQ(reply.status / 100, row.status / 100) << row.method << " " << row.target;
      EXPECT_EQ(reply.field("Server"), "Holdfast");
      std::string all = reply.body;
      for (const auto& [name, value] : reply.fields) all += name + ": " + value + "\n";
      for (const std::string& secret :
           {folder.path().string(), holdfast_binary().parent_path().string(), number,
            std::string("sqlite"), std::string("SELECT "), std::string(".cc"), std::string("blobs"),
            std::string("exception:"), std::string("Poco"), std::string("std::")})
        EXPECT_THAT(all, Not(HasSubstr(secret))) << row.method << " " << row.target;
    }
  }
  EXPECT_EQ(server.stop(), 0) << server.output();
}

}  // namespace
}  // namespace holdfast::test
