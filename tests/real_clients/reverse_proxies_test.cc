// The reverse proxies of docs/clients.md, each with the lines that stand there, before the real
// program: curl speaks HTTPS to the proxy under a public name, the proxy HTTP to the server. Then
// the same ones compress, and clients send back the entity tags that they saw.
#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <sstream>
#include <string>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "tests/support/build_paths.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::uint16_t free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(probe, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  ::close(probe);
  return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected =
      ::connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(probe);
  return connected;
}

std::string read_file(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

// The fenced block after "<!-- snippet: name -->".
std::string snippet(const std::string& name) {
  const std::string manual = read_file(source_folder() / "docs/clients.md");
  const std::size_t mark = manual.find("<!-- snippet: " + name + " -->");
  const std::size_t fence = manual.find("```", mark);
  const std::size_t begin = manual.find('\n', fence) + 1;
  return mark == std::string::npos ? "" : manual.substr(begin, manual.find("```", begin) - begin);
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " is not in the snippet";
  for (; at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

struct Fetched {
  int status = 0;
  std::string head;
  std::string body;

  // The last value of `name`, whatever its case; empty when there is none.
  [[nodiscard]] std::string field(const std::string& name) const {
    std::string found;
    std::istringstream lines(head);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t colon = line.find(':');
      if (colon != name.size() || strncasecmp(line.c_str(), name.c_str(), colon) != 0) continue;
      found = line.substr(line.find_first_not_of(' ', colon + 1));
      found.erase(found.find_last_not_of('\r') + 1);
    }
    return found;
  }
};

class Proxy : public ::testing::Test {
 protected:
  // What a proxy needs to know to be started.
  struct Place {
    fs::path folder;
    std::string port, backend, certificate, key;
  };

  void TearDown() override {
    end_proxy();
    if (server_ && server_->running()) {
      EXPECT_EQ(server_->stop(), 0) << server_->output();
    }
  }

  // `configure` writes what is needed and returns the command, which must not go to the background.
  // `arguments` are the server's; without any it is told its public URLs.
  void start_behind(const std::function<Command(const Place&)>& configure,
                    const std::vector<std::string>& arguments = {}) {
    const fs::path certificate = folder_ / "dav.crt";
    const fs::path key = folder_ / "dav.key";
    const auto made =
        run({.arguments = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                           "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                           "/CN=dav.example.org", "-addext", "subjectAltName=DNS:dav.example.org",
                           "-keyout", key, "-out", certificate}});
    ASSERT_EQ(made.exit_code, 0) << made.output;
    // Another process may take the port between the look and the bind: then once more.
    for (int attempt = 0; attempt < 5; ++attempt) {
      port_ = free_port();
      url_ = "https://dav.example.org:" + std::to_string(port_);
      std::vector<std::string> all = {"--access-log", "off"};
      all.insert(all.end(), arguments.begin(), arguments.end());
      if (arguments.empty())
        all.insert(all.end(),
                   {"--public-url", "https://files.example.org," + url_, "--anonymous", "write"});
      server_.emplace(folder_ / "data", all);
      server_->start();
      const Command command = configure({.folder = folder_.path(),
                                         .port = std::to_string(port_),
                                         .backend = "127.0.0.1:" + std::to_string(server_->port()),
                                         .certificate = certificate.string(),
                                         .key = key.string()});
      proxy_ = start(command);
      if (comes_up()) return;
      server_->stop();
    }
    FAIL() << "the proxy does not come up: " << printed_;
  }

  bool comes_up() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      if (listens(port_)) return true;
      pollfd output{.fd = proxy_.output_fd, .events = POLLIN, .revents = 0};
      if (::poll(&output, 1, 50) <= 0) continue;
      char bytes[4096];
      const ssize_t count = ::read(proxy_.output_fd, bytes, sizeof bytes);
      if (count > 0) {
        printed_.append(bytes, static_cast<std::size_t>(count));
      } else {
        break;  // it has ended
      }
    }
    end_proxy();
    return false;
  }

  void end_proxy() {
    if (proxy_.pid <= 0) return;
    ::kill(proxy_.pid, SIGTERM);
    static_cast<void>(wait_for(proxy_.pid));
    ::close(proxy_.output_fd);
    ::close(proxy_.input_fd);
    proxy_.pid = -1;
  }

  Fetched curl(const std::string& path, std::vector<std::string> arguments = {},
               const std::string& input = {}) {
    const fs::path head = folder_ / "head", body = folder_ / "body";
    fs::remove(head);
    fs::remove(body);
    std::vector<std::string> all = {"curl",
                                    "-q",
                                    "-sS",
                                    "--noproxy",
                                    "*",
                                    "-m",
                                    "60",
                                    "--http1.1",
                                    "--path-as-is",
                                    "--cacert",
                                    folder_ / "dav.crt",
                                    "--resolve",
                                    "dav.example.org:" + std::to_string(port_) + ":127.0.0.1",
                                    "-D",
                                    head,
                                    "-o",
                                    body,
                                    "-w",
                                    "%{http_code}"};
    if (!credentials_.empty()) all.insert(all.end(), {"-u", credentials_});
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.push_back(url_ + path);
    const auto outcome = run({.arguments = all, .input = input});
    EXPECT_EQ(outcome.exit_code, 0) << path << outcome.output;
    return {outcome.exit_code == 0 ? std::stoi(outcome.output) : 0, read_file(head),
            read_file(body)};
  }

  // What a network drive does, through the proxy.
  void use_as_a_drive() {
    const auto header = [](const std::string& line) {
      return std::vector<std::string>{"-H", line};
    };
    const auto method = [](std::string name, std::vector<std::string> more) {
      more.insert(more.begin(), {"-X", std::move(name)});
      return more;
    };
    EXPECT_THAT(curl("/", {"-X", "OPTIONS"}).head, HasSubstr("1, 2, 3"));
    std::string large(3 << 20, '\0');  // above what nginx takes by default
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 >> 7);
    EXPECT_EQ(curl("/large", {"-T", "-"}, large).status, 201);  // chunked
    EXPECT_TRUE(curl("/large").body == large);
    EXPECT_EQ(curl("/large", {"-r", "1000000-1000009"}).body, large.substr(1'000'000, 10));
    std::ofstream(folder_ / "small") << "small";
    const std::string file = folder_ / "small";
    EXPECT_EQ(curl("/f%20%25%C3%A4&'", {"-T", file, "-H", "Expect: 100-continue"}).status, 201);
    EXPECT_EQ(curl("/f%20%25%C3%A4&'").body, "small");
    EXPECT_EQ(curl("/none/f", {"-T", file, "-H", expects_}).status, 409);
    EXPECT_EQ(curl("/large", method("COPY", header("Destination: " + url_ + "/copy"))).status, 201);
    EXPECT_EQ(curl("/copy", method("MOVE", header("Destination: " + url_ + "/%C3%A4%20b"))).status,
              201);
    EXPECT_EQ(curl("/%C3%A4%20b", method("MOVE", header("Destination: /moved"))).status, 201);
    // By the other scheme too, and to no other server.
    const std::string http = "http" + url_.substr(5);
    EXPECT_EQ(curl("/moved", method("MOVE", header("Destination: " + http + "/again"))).status,
              201);
    if (knows_another_name_) {
      EXPECT_EQ(
          curl("/again", method("COPY", header("Destination: https://files.example.org/also")))
              .status,
          201);
    }
    for (const char* foreign : {"https://other.example.org/x", "https://dav.example.org:1/x"})
      EXPECT_EQ(
          curl("/again", method("MOVE", header(std::string("Destination: ") + foreign))).status,
          502)
          << foreign;
    EXPECT_TRUE(curl("/again").body == large);

    const auto lock = curl(
        "/again", {"-X", "LOCK", "-d",
                   "<D:lockinfo "
                   "xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/>"
                   "</D:locktype></D:lockinfo>"});
    EXPECT_EQ(lock.status, 200);
    const std::size_t at = lock.body.find("urn:uuid:");
    ASSERT_NE(at, std::string::npos) << lock.body;
    const std::string token = lock.body.substr(at, lock.body.find('<', at) - at);
    EXPECT_EQ(curl("/again", {"-T", file, "-H", expects_}).status, 423);
    // neon's form: the tag is the URL as the client knows it.
    EXPECT_EQ(
        curl("/again", {"-T", file, "-H", "If: <" + url_ + "/again> (<" + token + ">)"}).status,
        204);
    EXPECT_EQ(curl("/again", method("UNLOCK", header("Lock-Token: <" + token + ">"))).status, 204);

    EXPECT_EQ(curl("/d", {"-X", "MKCOL"}).status, 201);
    const auto listed = curl("/d", method("PROPFIND", header("Depth: 1")));  // no redirect
    EXPECT_EQ(listed.status, 207);
    EXPECT_THAT(listed.body, HasSubstr("<D:href>/d/</D:href>"));
    EXPECT_EQ(curl("//d//", method("PROPFIND", header("Depth: 1"))).status, 207);
    EXPECT_EQ(curl("/d", {"-X", "DELETE"}).status, 204);
  }

  // What a client does that takes answers in `coding`, remembers their entity tags, and saves on
  // condition that nobody else has.
  void use_compressed(const std::string& coding, bool marks = true) {
    SCOPED_TRACE(coding);
    std::string page = "<!doctype html><title>A page</title>";
    while (page.size() < 20'000) page += "<p>Paragraph " + std::to_string(page.size()) + "</p>\n";
    const auto save = [&](const std::string& condition) {
      page += "<p>more</p>\n";
      std::ofstream(folder_ / "page", std::ios::binary) << page;
      return curl("/p.html", {"-T", folder_ / "page", "-H", "Expect:", "-H", condition}).status;
    };
    const auto read = [&](std::vector<std::string> more) {
      more.insert(more.begin(), {"--compressed", "-H", "Accept-Encoding: " + coding});
      return curl("/p.html", more);
    };
    curl("/p.html", {"-X", "DELETE"});
    ASSERT_EQ(save("If-None-Match: *"), 201);
    EXPECT_EQ(save("If-None-Match: *"), 412);
    ASSERT_EQ(save("If-Match: *"), 204);
    auto seen = read({});
    EXPECT_EQ(seen.status, 200);
    EXPECT_EQ(seen.field("Content-Encoding"), coding);
    EXPECT_TRUE(seen.body == page);
    std::string tag = seen.field("ETag");
    ASSERT_NE(tag, "");
    EXPECT_EQ(tag != curl("/p.html").field("ETag"), marks) << tag;

    // It has it already.
    const auto known = read({"-H", "If-None-Match: " + tag});
    EXPECT_EQ(known.status, 304) << tag;
    EXPECT_EQ(read({"-H", "If-None-Match: \"other\", " + tag}).status, 304);
    EXPECT_EQ(read({"-H", "If-None-Match: \"other\""}).status, 200);
    if (tag.starts_with("W/")) {
      // A weak tag guards no write. davfs2 leaves the W/ out.
      EXPECT_EQ(save("If-Match: " + tag), 412);
      EXPECT_EQ(save("If: ([" + tag + "])"), 412);
      tag.erase(0, 2);
    }
    EXPECT_EQ(save("If-Match: " + tag), 204) << tag;
    EXPECT_EQ(save("If-Match: " + tag), 412) << "nobody may save over what he has not seen";
    EXPECT_EQ(read({"-H", "If-None-Match: " + tag}).status, 200);
    const auto strong = [&] {
      const std::string now = read({}).field("ETag");
      return now.starts_with("W/") ? now.substr(2) : now;
    };
    EXPECT_EQ(save("If: ([" + strong() + "])"), 204);
    EXPECT_EQ(save("If: ([" + tag + "])"), 412);
    EXPECT_EQ(curl("/p.html", {"-X", "DELETE", "-H", "If-Match: " + tag}).status, 412);
    EXPECT_EQ(curl("/p.html", {"-X", "DELETE", "-H", "If-Match: " + strong()}).status, 204);
  }

  // Nothing is compressed, nothing is marked.
  void expect_no_compression() {
    const std::string page(20'000, 'x');
    EXPECT_EQ(curl("/p.html", {"-T", "-"}, page).status, 201);
    const std::string tag = curl("/p.html").field("ETag");
    for (const char* path : {"/p.html", "/"}) {
      const auto seen = curl(path, {"-H", "Accept-Encoding: gzip, br, zstd, deflate"});
      EXPECT_EQ(seen.status, 200);
      EXPECT_EQ(seen.field("Content-Encoding"), "") << path;
      if (*(path + 1) != 0) {
        EXPECT_EQ(seen.field("ETag"), tag);
        EXPECT_EQ(seen.field("Content-Length"), "20000");
      }
    }
    EXPECT_EQ(curl("/p.html", {"-X", "DELETE"}).status, 204);
  }

  TemporaryFolder folder_;
  std::optional<ServerProcess> server_;
  Child proxy_;
  std::string printed_;
  std::uint16_t port_ = 0;
  std::string url_;
  std::string credentials_;  // "name:password"; empty: nobody signs in
  bool knows_another_name_ = true;
  // Of a PUT that will be refused. Caddy invites the body without asking the server, and may cut
  // the server's answer off.
  std::string expects_ = "Expect: 100-continue";
};

// nginx's own pieces around the manual's, which `server` may have changed.
Command nginx(std::string server, const fs::path& folder, const std::string& port,
              const std::string& backend, const std::string& certificate, const std::string& key,
              const std::string& more = "") {
  replace(server, "listen 443 ssl", "listen 127.0.0.1:" + port + " ssl");
  replace(server, "/etc/ssl/dav.example.org.crt", certificate);
  replace(server, "/etc/ssl/dav.example.org.key", key);
  replace(server, "127.0.0.1:8080", backend);
  std::string temporary;
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    temporary += std::string(kind) + "_temp_path " + (folder / kind).string() + ";\n";
  std::ofstream(folder / "nginx.conf")
      << "daemon off; master_process off; pid " << (folder / "nginx.pid").string()
      << ";\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
      << temporary << more << server << "}\n";
  return {.arguments = {"nginx", "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"}};
}

TEST_F(Proxy, NginxOfTheManual) {
  if (!program_exists("nginx")) GTEST_SKIP() << "nginx is not installed";
  start_behind([](const Place& place) {
    return nginx(snippet("nginx"), place.folder, place.port, place.backend, place.certificate,
                 place.key);
  });
  if (!HasFatalFailure()) use_as_a_drive();
}

// Debian's nginx.conf has "gzip on".
TEST_F(Proxy, NginxThatCompressesElsewhere) {
  if (!program_exists("nginx")) GTEST_SKIP() << "nginx is not installed";
  start_behind([](const Place& place) {
    return nginx(snippet("nginx"), place.folder, place.port, place.backend, place.certificate,
                 place.key, "gzip on;\n");
  });
  if (!HasFatalFailure()) expect_no_compression();
}

TEST_F(Proxy, NginxThatCompresses) {
  if (!program_exists("nginx")) GTEST_SKIP() << "nginx is not installed";
  start_behind([](const Place& place) {
    std::string server = snippet("nginx");
    replace(server, "    gzip off;\n", "");
    return nginx(server, place.folder, place.port, place.backend, place.certificate, place.key,
                 "gzip on;\n");
  });
  if (HasFatalFailure()) return;
  use_compressed("gzip");
  use_as_a_drive();
}

// It shows its own name for the server in Host. Without --public-url, what it says in
// X-Forwarded-Host is all that makes the clients' Destination and If ours; and only because it is
// trusted.
TEST_F(Proxy, NginxThatForwardsItsOwnHost) {
  if (!program_exists("nginx")) GTEST_SKIP() << "nginx is not installed";
  ASSERT_EQ(run({.arguments = {holdfast_binary(), "user", "add", "anna", "--home", "/", "--data",
                               folder_ / "data"},
                 .input = "secretwords\n"})
                .exit_code,
            0);
  credentials_ = "anna:secretwords";
  knows_another_name_ = false;
  const auto configure = [](const Place& place) {
    std::string server = snippet("nginx");
    replace(server, "        proxy_set_header Host $http_host;\n", "");  // then it is the backend's
    return nginx(server, place.folder, place.port, place.backend, place.certificate, place.key);
  };
  start_behind(configure, {"--trusted-proxies", "127.0.0.1"});
  if (HasFatalFailure()) return;
  use_as_a_drive();
  EXPECT_EQ(curl("/mine", {"-T", folder_ / "small", "-H", "Origin: " + url_}).status, 201);
  // A program that signs in by itself is judged by that, whatever its Origin.
  EXPECT_EQ(curl("/mine", {"-T", folder_ / "small", "-H", "Origin: https://evil.example"}).status,
            204);
  // nginx says itself what was asked for, whatever the client writes.
  EXPECT_EQ(curl("/mine", {"-X", "MOVE", "-H", "X-Forwarded-Host: evil.example", "-H",
                           "Destination: https://evil.example/x"})
                .status,
            502);

  end_proxy();
  ASSERT_EQ(server_->stop(), 0) << server_->output();
  start_behind(configure, {"--trusted-proxies", "10.0.0.0/8"});
  if (HasFatalFailure()) return;
  EXPECT_EQ(curl("/mine", {"-X", "MOVE", "-H", "Destination: " + url_ + "/moved"}).status, 502);
  EXPECT_EQ(curl("/mine", {"-X", "MOVE", "-H", "Destination: /moved"}).status, 201);
}

// docs/robustness.md S11: what a client that is no trusted proxy writes into these fields changes
// nothing.
TEST(Forwarded, IsBelievedFromTrustedProxiesOnly) {
  TemporaryFolder folder;
  const Fields lies[] = {
      {{"X-Forwarded-Host", "dav.example.org"},
       {"X-Forwarded-Proto", "https"},
       {"X-Forwarded-For", "203.0.113.1"}},
      {{"Forwarded", "for=203.0.113.1;proto=https;host=dav.example.org"}},
  };
  for (const bool trusted : {false, true}) {
    // Anonymous writing: the host must be ours.
    ServerProcess server(
        folder / (trusted ? "trusted" : "untrusted"),
        {"--access-log", "off", "--anonymous", "write", "--public-url", "https://dav.example.org",
         "--trusted-proxies", trusted ? "127.0.0.1" : "127.0.0.2,10.0.0.0/8"});
    server.start();
    HttpClient client(server.port());
    for (const Fields& said : lies) {
      SCOPED_TRACE((trusted ? "trusted, " : "untrusted, ") + said.front().first);
      const auto ask = [&](const char* method, Fields more, const char* target = "/f") {
        more.insert(more.end(), said.begin(), said.end());
        return client.request(method, target, more, *method == 'P' ? "text" : "").status;
      };
      // A page that has rebound its name sends the Host it is known by.
      EXPECT_EQ(ask("PUT", {{"Host", "evil.example"}}), trusted ? 201 : 421);
      EXPECT_EQ(ask("PUT", {}), trusted ? 204 : 201);
      EXPECT_EQ(ask("PUT", {{"Origin", "https://dav.example.org:444"}}), 403);
      // The host that a page has for its own is the proxy's; the backend's is no client's.
      const std::string own = "http://127.0.0.1:" + std::to_string(server.port());
      EXPECT_EQ(ask("PUT", {{"Origin", own}}), trusted ? 403 : 204);
      EXPECT_EQ(ask("COPY", {{"Destination", own + "/g"}}), trusted ? 502 : 201);
      EXPECT_EQ(ask("COPY", {{"Destination", "https://evil.example/g"}}), 502);
      client.request("DELETE", "/f");
      client.request("DELETE", "/g");
    }
    EXPECT_EQ(server.stop(), 0) << server.output();
  }
}

const fs::path kApacheModules = "/usr/lib/apache2/modules";

// The manual's virtual host, which `host` may have changed, with what Debian loads by itself and
// what the manual says to enable, and with `more` modules and lines.
Command apache(std::string host, const fs::path& folder, const std::string& port,
               const std::string& backend, const std::string& certificate, const std::string& key,
               const std::vector<std::string>& modules = {}, const std::string& more = "") {
  replace(host, "*:443", "127.0.0.1:" + port);
  replace(host, "/etc/ssl/dav.example.org.crt", certificate);
  replace(host, "/etc/ssl/dav.example.org.key", key);
  replace(host, "127.0.0.1:8080", backend);
  std::ofstream config(folder / "apache.conf");
  std::vector<std::string> all = {"mpm_event", "authz_core", "env",     "ssl",
                                  "proxy",     "proxy_http", "headers", "socache_shmcb"};
  all.insert(all.end(), modules.begin(), modules.end());
  for (const auto& module : all)
    config << "LoadModule " << module << "_module " << kApacheModules.string() << "/mod_" << module
           << ".so\n";
  config << "ServerRoot " << folder.string() << "\nPidFile apache.pid\nDefaultRuntimeDir "
         << folder.string() << "\nErrorLog /dev/stderr\nServerName dav.example.org\n"
         << "<IfModule unixd_module>\nUser www-data\nGroup www-data\n</IfModule>\n"
         << more << "Listen 127.0.0.1:" << port << "\n"
         << host;
  return Command{.arguments = {"apache2", "-D", "FOREGROUND", "-f", folder / "apache.conf"}};
}

TEST_F(Proxy, ApacheOfTheManual) {
  if (!program_exists("apache2")) GTEST_SKIP() << "apache2 is not installed";
  start_behind([](const Place& place) {
    return apache(snippet("apache"), place.folder, place.port, place.backend, place.certificate,
                  place.key);
  });
  if (!HasFatalFailure()) use_as_a_drive();
}

// Debian enables mod_deflate; these are its lines. mod_brotli is there to be enabled.
constexpr const char* kDeflate =
    "AddOutputFilterByType DEFLATE text/html text/plain text/xml text/css text/javascript\n"
    "AddOutputFilterByType DEFLATE application/x-javascript application/javascript "
    "application/ecmascript\n"
    "AddOutputFilterByType DEFLATE application/rss+xml\n"
    "AddOutputFilterByType DEFLATE application/wasm\n"
    "AddOutputFilterByType DEFLATE application/xml\n";
constexpr const char* kBrotli =
    "AddOutputFilterByType BROTLI_COMPRESS text/html text/plain application/xml\n";

TEST_F(Proxy, ApacheThatCompressesElsewhere) {
  if (!program_exists("apache2")) GTEST_SKIP() << "apache2 is not installed";
  start_behind([](const Place& place) {
    return apache(snippet("apache"), place.folder, place.port, place.backend, place.certificate,
                  place.key, {"filter", "deflate", "brotli"}, std::string(kDeflate) + kBrotli);
  });
  if (!HasFatalFailure()) expect_no_compression();
}

TEST_F(Proxy, ApacheThatCompresses) {
  if (!program_exists("apache2")) GTEST_SKIP() << "apache2 is not installed";
  for (const char* coding : {"gzip", "br"}) {
    start_behind([&](const Place& place) {
      std::string host = snippet("apache");
      replace(host, "    SetEnv no-gzip 1\n    SetEnv no-brotli 1\n", "");
      const bool gzip = *coding == 'g';
      return apache(host, place.folder, place.port, place.backend, place.certificate, place.key,
                    {"filter", gzip ? "deflate" : "brotli"}, gzip ? kDeflate : kBrotli);
    });
    if (HasFatalFailure()) return;
    use_compressed(coding);
    use_as_a_drive();
    end_proxy();
    ASSERT_EQ(server_->stop(), 0) << server_->output();
    server_.reset();
    fs::remove_all(folder_ / "data");
  }
}

Command caddy(std::string site, const fs::path& folder, const std::string& port,
              const std::string& backend, const std::string& certificate, const std::string& key) {
  // A certificate of our own instead of one from outside.
  replace(site, "dav.example.org {",
          "https://dav.example.org:" + port + " {\nbind 127.0.0.1\ntls " + certificate + " " + key +
              "\n");
  replace(site, "127.0.0.1:8080", backend);
  std::ofstream(folder / "Caddyfile")
      << "{\nadmin off\nauto_https disable_redirects\nstorage file_system "
      << (folder / "caddy").string() << "\n}\n"
      << site;
  return Command{
      .arguments = {"caddy", "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"},
      .environment = {{"HOME", folder.string()},
                      {"XDG_DATA_HOME", folder.string()},
                      {"XDG_CONFIG_HOME", folder.string()}}};
}

TEST_F(Proxy, CaddyOfTheManual) {
  if (!program_exists("caddy")) GTEST_SKIP() << "caddy is not installed";
  expects_ = "Expect:";
  start_behind([](const Place& place) {
    return caddy(snippet("caddy"), place.folder, place.port, place.backend, place.certificate,
                 place.key);
  });
  if (!HasFatalFailure()) use_as_a_drive();
}

TEST_F(Proxy, CaddyThatCompresses) {
  if (!program_exists("caddy")) GTEST_SKIP() << "caddy is not installed";
  expects_ = "Expect:";
  start_behind([](const Place& place) {
    std::string site = snippet("caddy");
    replace(site, "    reverse_proxy", "    encode zstd gzip\n    reverse_proxy");
    return caddy(site, place.folder, place.port, place.backend, place.certificate, place.key);
  });
  if (HasFatalFailure()) return;
  // Caddy has marked tags since 2.7 ("tag-gzip"); Debian's leaves them as they are.
  use_compressed("gzip", false);
  use_compressed("zstd", false);
  use_as_a_drive();
}

Command haproxy(std::string config, const fs::path& folder, const std::string& port,
                const std::string& backend, const std::string& certificate,
                const std::string& key) {
  std::ofstream(folder / "haproxy.pem") << read_file(certificate) << read_file(key);
  replace(config, "bind :443", "bind 127.0.0.1:" + port);
  replace(config, "/etc/ssl/dav.example.org.pem", folder / "haproxy.pem");
  replace(config, "127.0.0.1:8080", backend);
  std::ofstream(folder / "haproxy.cfg") << config;
  return {.arguments = {"haproxy", "-db", "-f", folder / "haproxy.cfg"}};
}

TEST_F(Proxy, HaproxyOfTheManual) {
  if (!program_exists("haproxy")) GTEST_SKIP() << "haproxy is not installed";
  start_behind([](const Place& place) {
    return haproxy(snippet("haproxy"), place.folder, place.port, place.backend, place.certificate,
                   place.key);
  });
  if (!HasFatalFailure()) use_as_a_drive();
}

TEST_F(Proxy, HaproxyThatCompresses) {
  if (!program_exists("haproxy")) GTEST_SKIP() << "haproxy is not installed";
  start_behind([](const Place& place) {
    std::string config = snippet("haproxy");
    replace(config, "    default_backend",
            "    compression algo gzip\n    compression type text/html text/plain "
            "application/xml\n    default_backend");
    return haproxy(config, place.folder, place.port, place.backend, place.certificate, place.key);
  });
  if (HasFatalFailure()) return;
  use_compressed("gzip");
  use_as_a_drive();
}

}  // namespace
}  // namespace holdfast::test
