// XML bodies that want the program to fetch, to explode or to go on reading for ever
// (docs/robustness.md#xml), sent to the real program.
#include <arpa/inet.h>
#include <csignal>
#include <filesystem>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "tests/attack/attacked.h"
#include "tests/support/process.h"
#include "tests/support/scale.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class XmlAttack : public Attacked {};

const std::string_view kXmlMethods[] = {"PROPFIND", "PROPPATCH", "LOCK"};

// The innermost part of a body of each method, with `inside` where a value would be.
std::string body_of(std::string_view method, const std::string& inside) {
  if (method == "PROPFIND")
    return "<D:propfind xmlns:D='DAV:'><D:prop><D:getetag/>" + inside + "</D:prop></D:propfind>";
  if (method == "PROPPATCH")
    return "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><p xmlns='urn:p'>" + inside +
           "</p></D:prop></D:set></D:propertyupdate>";
  return "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/>"
         "</D:locktype><D:owner>" +
         inside + "</D:owner></D:lockinfo>";
}

// A listening socket that nobody should ever call.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd_, any, size) != 0 || ::listen(fd_, 16) != 0 ||
        ::getsockname(fd_, any, &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/canary.dtd";
  }
  [[nodiscard]] bool called() const {
    pollfd waiting{fd_, POLLIN, 0};
    return ::poll(&waiting, 1, 0) > 0;
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

// Every file that the server opens and every address it connects to, told by strace.
class Traced {
 public:
  Traced(pid_t server, std::filesystem::path file) : file_(std::move(file)) {
    Command command;
    command.arguments = {"strace", "-f",  "-e", "trace=open,openat,openat2,connect",
                         "-o",     file_, "-p", std::to_string(server)};
    child_ = start(command);
    ::close(child_.input_fd);
    // It says so when it has every thread.
    std::string said;
    for (char c = 0;
         said.find("attached") == std::string::npos && ::read(child_.output_fd, &c, 1) == 1;)
      said += c;
    attached_ = said.find("attached") != std::string::npos;
  }
  ~Traced() { (void)calls(); }
  Traced(const Traced&) = delete;
  Traced& operator=(const Traced&) = delete;
  [[nodiscard]] bool attached() const { return attached_; }
  // Ends it and returns what it saw.
  std::string calls() {
    if (child_.pid > 0) {
      ::kill(child_.pid, SIGINT);
      (void)wait_for(child_.pid);
      ::close(child_.output_fd);
      child_.pid = -1;
    }
    std::ifstream in(file_);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::filesystem::path file_;
  Child child_;
  bool attached_ = false;
};

TEST_F(XmlAttack, NothingOutsideTheBodyIsEverFetched) {  // X1, X2, X3, X15
  const Listener listener;
  const std::string file = folder_ / "xxe-canary";
  std::ofstream(file) << "xxe-canary-content";
  ASSERT_EQ(status("PUT", "/f", {}, "f"), 201);
  ASSERT_EQ(status("PUT", "/l", {}, "l"), 201);
  Traced traced(server_->pid(), folder_ / "trace");
  const std::string at_file = "file://" + file;
  for (const std::string& url : {at_file, listener.url(), file}) {
    const std::string doctypes[] = {
        "<!DOCTYPE x SYSTEM \"" + url + "\">",
        "<!DOCTYPE x PUBLIC \"-//x//y\" \"" + url + "\">",
        "<!DOCTYPE x [<!ENTITY e SYSTEM \"" + url + "\">]>",
        "<!DOCTYPE x [<!ENTITY % e SYSTEM \"" + url + "\"> %e;]>",
        "<!DOCTYPE x [<!ENTITY e PUBLIC \"p\" \"" + url + "\">]>",
        "<!-- --><!DOCTYPE x [<!NOTATION n SYSTEM \"" + url + "\">]>",
        "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY e '&a;&a;&a;&a;&a;&a;&a;&a;'>]>"};
    for (const std::string_view method : kXmlMethods) {
      for (const std::string& doctype : doctypes) {
        for (const std::string& before :
             {std::string(), std::string("<?xml version='1.0'?>"), std::string("\xEF\xBB\xBF")})
          EXPECT_EQ(
              status(method, "/f", {{"Depth", "0"}}, before + doctype + body_of(method, "&e;")),
              400)
              << method << doctype;
      }
      // XInclude, schemas and style sheets are markup like any other: kept or ignored.
      const std::string inert[] = {
          "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='" + url +
              "' parse='text'/>",
          "<?xml-stylesheet type='text/xsl' href='" + url + "'?>",
          "<s xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:schemaLocation='u " + url +
              "'/>",
          "<D:href>" + url + "</D:href>"};
      for (const std::string& markup : inert) {
        const Reply reply =
            send(method, method == "LOCK" ? "/l" : "/f", {{"Depth", "0"}}, body_of(method, markup));
        EXPECT_EQ(reply.status / 100, 2) << method << markup;
        EXPECT_THAT(reply.body, Not(HasSubstr("xxe-canary-content")));
      }
    }
  }
  EXPECT_THAT(send("PROPFIND", "/f", {{"Depth", "0"}}).body, Not(HasSubstr("xxe-canary-content")));
  // The tracer sees what there is to see: a body that needs a file.
  ASSERT_EQ(status("PUT", "/large", {}, std::string(200'000, 'x')), 201);
  EXPECT_FALSE(listener.called());
  if (!traced.attached()) GTEST_SKIP() << "strace is not installed or may not attach";
  const std::string calls = traced.calls();
  EXPECT_THAT(calls, HasSubstr("open"));
  EXPECT_THAT(calls, HasSubstr("O_CREAT"));
  EXPECT_THAT(calls, Not(HasSubstr("xxe-canary")));
  EXPECT_THAT(calls, Not(HasSubstr("connect(")));
}

// Sends `head`, then `piece` as a chunk again and again until there is an answer. Returns the bytes
// that were taken before it.
std::size_t send_until_answered(tests::RawClient& client, const std::string& head,
                                const std::string& piece) {
  if (!client.send(head)) return 0;
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
  const std::string chunk = size + piece + "\r\n";
  std::size_t sent = 0;
  pollfd answer{client.descriptor(), POLLIN, 0};
  while (::poll(&answer, 1, 0) == 0 && sent < (std::size_t{1} << 30) && client.send(chunk))
    sent += chunk.size();
  return sent;
}

TEST_F(XmlAttack, EndlessBodiesAreRefusedWithoutReadingOn) {  // X8
  ASSERT_EQ(status("PUT", "/f", {}, "f"), 201);
  const std::string start = "<D:propfind xmlns:D='DAV:'>";
  const std::string pieces[] = {std::string(60'000, ' '), std::string(60'000, '\n'),
                                std::string(15'000, 'a') + std::string(15'000, '<'), [] {
                                  std::string comments;
                                  while (comments.size() < 60'000) comments += "<!-- - -->";
                                  return comments;
                                }()};
  PeakMemory memory(*server_);
  for (const std::string_view method : {"PROPFIND", "PROPPATCH", "LOCK", "MKCOL"}) {
    const std::string line = std::string(method) + (method == "MKCOL" ? " /new" : " /f") +
                             " HTTP/1.1\r\nHost: " + host() + "\r\nDepth: 0\r\n";
    for (const std::string& piece : pieces) {
      tests::RawClient client(server_->port());
      const std::size_t taken = send_until_answered(
          client, line + "Transfer-Encoding: chunked\r\n\r\n" + "1b\r\n" + start + "\r\n", piece);
      // The limit, what may be drained behind it, and what sockets hold.
      EXPECT_LT(taken, std::size_t{24} << 20) << method;
      const auto answer = client.receive();
      ASSERT_TRUE(answer) << method << client.error;
      EXPECT_EQ(answer->status, 413) << method;
      EXPECT_TRUE(client.closed()) << method;
    }
    // An announced length alone is enough: nothing is invited, nothing read.
    for (const std::string expect : {"", "Expect: 100-continue\r\n"}) {
      tests::RawClient client(server_->port());
      client.send(line + expect + "Content-Length: 10737418240\r\n\r\n");
      const auto answer = client.receive();
      ASSERT_TRUE(answer) << method << client.error;
      EXPECT_EQ(answer->status, 413) << method;
      EXPECT_EQ(client.interim, 0) << method;
      EXPECT_TRUE(client.closed()) << method;
    }
  }
  EXPECT_LT(memory.growth(), std::size_t{32} << 20);
}

TEST_F(XmlAttack, NamespacesWithoutEndLeaveTheDatabaseSound) {  // X12
  ASSERT_EQ(status("PUT", "/f", {}, "f"), 201);
  ASSERT_EQ(status("PROPPATCH", "/f", {}, body_of("PROPPATCH", "kept")), 207);
  const auto update = [](int first, int count) {
    std::string body = "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop>";
    for (int i = first; i < first + count; ++i) {
      const std::string n = std::to_string(i);
      body += "<n" + n + ":p xmlns:n" + n + "='urn:x:" + n + "'>" + n + "</n" + n + ":p>";
    }
    return body + "</D:prop></D:set></D:propertyupdate>";
  };
  EXPECT_EQ(status("PROPPATCH", "/f", {}, update(0, 10'000)), 400);
  std::string on_one = "<D:propertyupdate xmlns:D='DAV:'";
  for (int i = 0; i < 10'000; ++i) on_one += " xmlns:n" + std::to_string(i) + "='u'";
  EXPECT_EQ(status("PROPPATCH", "/f", {}, on_one + "/>"), 400);
  const int requests = at_scale(1'000, 100);
  for (int i = 0; i < requests; ++i) {
    const std::string url = "/n" + std::to_string(i / 10);
    if (i % 10 == 0) {
      ASSERT_EQ(status("PUT", url, {}, "x"), 201);
    }
    // Ten files' worth of new namespaces each; at 512 properties one file has enough.
    const Reply reply = send("PROPPATCH", url, {}, update(100 * i, 100));
    ASSERT_EQ(reply.status, 207);
    EXPECT_EQ(reply.body.find("HTTP/1.1 507 ") != std::string::npos, i % 10 >= 5) << i;
    if (full_scale() || i % 10 == 9) {
      EXPECT_EQ(status("PROPPATCH", url, {}, update(100 * i, 10'000)), 400);
    }
  }
  client_->close();
  ASSERT_EQ(oracle_->finish(), "");
  Command check;
  check.arguments = {holdfast_binary(), "check", "--data", server_->data()};
  const Outcome checked = run(check);
  EXPECT_EQ(checked.exit_code, 0) << checked.output;
  server_->start();
  HttpClient again(server_->port());
  EXPECT_THAT(again.request("PROPFIND", "/f", {{"Depth", "0"}}).body, HasSubstr("kept"));
  EXPECT_THAT(again.request("PROPFIND", "/n0", {{"Depth", "0"}}).body, HasSubstr("urn:x:499\""));
  EXPECT_THAT(again.request("PROPFIND", "/n0", {{"Depth", "0"}}).body, Not(HasSubstr("urn:x:500")));
  EXPECT_EQ(server_->stop(), 0);
}

TEST_F(XmlAttack, ManyNamesOnManyMembersNeedLittleMemory) {  // X17
  const int members = at_scale(10'000, 300);
  ASSERT_EQ(status("MKCOL", "/c"), 201);
  for (int i = 0; i < members; ++i)
    ASSERT_EQ(status("PUT", "/c/" + std::to_string(i), {}, "x"), 201);
  const auto ask_for = [](int names) {
    std::string body = "<D:propfind xmlns:D='DAV:'><D:prop>";
    for (int i = 0; i < names; ++i)
      body += "<D:unknown-property-with-a-name-" + std::to_string(i) + "/>";
    return body + "</D:prop></D:propfind>";
  };
  EXPECT_THAT(status("PROPFIND", "/c", {{"Depth", "1"}}, ask_for(1'001)), 400);
  // 20,000 of the shortest names there are, so that they fit into a body at all.
  std::string most = "<a:propfind xmlns:a='DAV:'><a:prop>";
  for (int i = 0; i < 20'000; ++i) most += "<a:b" + std::to_string(i) + "/>";
  most += "</a:prop></a:propfind>";
  EXPECT_EQ(status("PROPFIND", "/c", {{"Depth", "1"}}, most), 400);

  PeakMemory memory(*server_);
  tests::RawClient raw(server_->port());
  const std::string body = ask_for(1'000);
  raw.send("PROPFIND /c HTTP/1.1\r\nHost: " + host() + "\r\nDepth: 1\r\nConnection: close\r\n" +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  std::size_t received = 0;
  std::string tail;
  std::vector<char> buffer(1 << 20);
  for (;;) {
    const ssize_t got = ::recv(raw.descriptor(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    received += static_cast<std::size_t>(got);
    tail = (tail + std::string(buffer.data(), static_cast<std::size_t>(got)));
    tail = tail.substr(tail.size() - std::min<std::size_t>(tail.size(), 64));
  }
  EXPECT_GT(received, static_cast<std::size_t>(members) * 1'000 * 30);
  EXPECT_THAT(tail, HasSubstr("</D:multistatus>"));
  EXPECT_LT(memory.growth(), std::size_t{32} << 20) << received << " bytes of answer";
}

}  // namespace
}  // namespace holdfast::test
