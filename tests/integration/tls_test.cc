// TLS as clients meet it: what is refused, what a cut means, how certificates change under running
// connections (docs/robustness.md S12).
#include <csignal>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <thread>

#include "tests/integration/tls_world.h"
#include "tests/support/http_client.h"

namespace holdfast::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class Tls : public TlsWorld {};

TEST_F(Tls, S12_OnlyVersions12And13) {
  start();
  for (const char* version : {"1.0", "1.1"})
    EXPECT_THAT(refusal({.version = version}), HasSubstr("protocol version")) << version;
  for (const char* version : {"1.2", "1.3"}) EXPECT_EQ(refusal({.version = version}), "");
  // SSL 3.0, with one of its own ciphers.
  tests::RawClient old(server_->port());
  old.send(std::string_view("\x16\x03\x00\x00\x2d\x01\x00\x00\x29\x03\x00", 11));
  old.send(std::string(32, 'r') + std::string("\x00\x00\x02\x00\x0a\x01\x00", 7));
  EXPECT_THAT(old.receive_all(), testing::StartsWith("\x15\x03"));
}

TEST_F(Tls, S12_OnlyCiphersWithForwardSecrecyAndAuthentication) {
  start();
  for (const char* weak :
       {"AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
        "ECDHE-ECDSA-NULL-SHA", "AECDH-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES128-CCM8", "PSK-AES128-GCM-SHA256"})
    EXPECT_NE(refusal({.version = "1.2", .ciphers = weak}), "") << weak;
  for (const char* good : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                           "ECDHE-ECDSA-CHACHA20-POLY1305"})
    EXPECT_EQ(refusal({.version = "1.2", .ciphers = good}), "") << good;
}

TEST_F(Tls, RFC7301_Http11OrNothing) {
  start();
  EXPECT_EQ(refusal({.protocols = "\x02h2\x08http/1.1"}), "");
  EXPECT_EQ(refusal({.protocols = "\x08http/1.1"}), "");
  EXPECT_THAT(refusal({.protocols = "\x02h2"}), HasSubstr("application protocol"));
}

TEST_F(Tls, S12_NoRenegotiation) {
  start();
  auto client = connect({.version = "1.2"});
  SSL* const session = client.tls()->session();
  ASSERT_EQ(SSL_renegotiate(session), 1);
  int result = 0;
  do {
    result = SSL_do_handshake(session);
    static_cast<void>(client.silent(milliseconds(10)));
  } while (result != 1 && SSL_get_error(session, result) == SSL_ERROR_WANT_READ);
  EXPECT_NE(result, 1);
  EXPECT_EQ(refusal({}), "");
}

TEST_F(Tls, S12_AnyNameIsServed) {
  start();
  for (const std::string& name : {std::string("example.org"), std::string("..\x01\xff"),
                                  std::string(255, 'a'), std::string("127.0.0.1")})
    EXPECT_EQ(refusal({.name = name}), "") << name;
}

TEST_F(Tls, S12_PlainHttpIsToldSoInTheClear) {
  start();
  for (const std::string begin : {"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n", "PROPFIND / HTT",
                                  "P", "\r\nGET / HTTP/1.0\r\n\r\n"}) {
    tests::RawClient client(server_->port());
    client.send(begin);
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 400);
    EXPECT_THAT(answer->body, HasSubstr("https"));
    EXPECT_TRUE(client.closed());
  }
}

TEST_F(Tls, S12_WhatIsNoHandshakeEnds) {
  start();
  for (const std::string& bytes :
       {std::string(100, '\x16'), std::string(1, '\0'), std::string("\x80\x2e\x01\x00\x02", 5),
        "\x16\x03\x01\xff\xff" + std::string(70'000, 'x'),
        std::string("\x15\x03\x03\x00\x02\x02\x50", 7)}) {
    tests::RawClient client(server_->port());
    client.send(bytes);
    client.cut_sending();
    static_cast<void>(client.receive_all());
    EXPECT_NE(client.error, "nothing came");
  }
  EXPECT_EQ(refusal({}), "");
}

TEST_F(Tls, S12_StalledHandshakesHoldNoWorkerAndEndInTime) {
  start({"--tls-handshake-timeout", "2", "--workers", "2", "--head-timeout", "600"});
  std::vector<tests::RawClient> stalled;
  for (int i = 0; i < 60; ++i) {
    stalled.emplace_back(server_->port());
    if (i % 2 == 0) stalled.back().send(std::string_view("\x16\x03\x01\x02\x00\x01\x00", 7));
  }
  auto served = connect();
  expect_served(served);
  for (auto& client : stalled) ASSERT_TRUE(client.closed()) << client.error;
  expect_served(served);
}

TEST_F(Tls, ACutBodyIsNeverComplete) {
  start();
  HttpClient client(*server_);
  ASSERT_EQ(client.request("PUT", "/a", {}, "old").status, 201);
  for (const std::string& framing : {std::string("Content-Length: 10\r\n\r\n"),
                                     std::string("Transfer-Encoding: chunked\r\n\r\na\r\n")}) {
    for (const bool says_so : {true, false}) {
      auto cut = connect();
      cut.send("PUT /a HTTP/1.1\r\nHost: localhost\r\n" + framing + "half");
      if (says_so) {
        cut.finish_sending();
      } else {
        cut.cut_sending();
      }
      const auto answer = cut.receive();
      if (answer) {
        EXPECT_EQ(answer->status, 400);
      }
      EXPECT_EQ(client.request("GET", "/a").body, "old");
    }
  }
}

TEST_F(Tls, AWholeRequestIsAnsweredHoweverTheClientEndsItsSide) {
  start();
  for (const bool says_so : {true, false}) {
    auto client = connect();
    client.send("OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    if (says_so) {
      client.finish_sending();
    } else {
      client.cut_sending();
    }
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->status, 200);
    EXPECT_TRUE(client.closed());
    EXPECT_FALSE(client.was_reset);
  }
}

TEST_F(Tls, EveryCleanEndSaysSo) {
  start({"--idle-timeout", "1"});
  auto last = connect();
  last.send("OPTIONS / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(last.receive());
  EXPECT_TRUE(last.closed());
  EXPECT_FALSE(last.was_reset);
  auto idle = connect();
  expect_served(idle);
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(idle.was_reset);
}

TEST_F(Tls, AnAnswerIsOneRecord) {
  start();
  HttpClient(*server_).request("PUT", "/small", {}, "small");
  auto client = connect();
  client.send("GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_FALSE(client.silent(client.patience));
  EXPECT_FALSE(client.tls()->pending());
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "small");
}

class Reload : public TlsWorld {
 protected:
  void SetUp() override {
    TlsWorld::SetUp();
    start();
    HttpClient client(*server_);
    ASSERT_EQ(client.request("PUT", "/large", {}, body_).status, 201);
  }
  // A download that has begun and is not taken.
  tests::RawClient begin_download() {
    auto client = connect({.trusted = folder_ / "old.pem"});
    client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_FALSE(client.silent(client.patience));
    return client;
  }
  void expect_rest(tests::RawClient& client) {
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_TRUE(answer->body == body_);
    expect_served(client);
  }
  void replace(const std::string& name) {
    std::filesystem::copy_file(folder_ / (name + ".pem"), folder_ / "cert.new");
    std::filesystem::copy_file(folder_ / (name + ".key"), folder_ / "key.new");
    std::filesystem::rename(folder_ / "cert.new", certificate_);
    std::filesystem::rename(folder_ / "key.new", key_);
  }
  const std::string body_ = std::string(std::size_t{24} << 20, 'l');
};

TEST_F(Reload, S12_OnSighupAndNoDownloadIsDropped) {
  std::filesystem::copy_file(certificate_, folder_ / "old.pem");
  auto download = begin_download();
  replace("second");
  ::kill(server_->pid(), SIGHUP);
  ASSERT_TRUE(says("was read again"));
  EXPECT_EQ(refusal({.trusted = folder_ / "second.pem"}), "");
  EXPECT_NE(refusal({.trusted = folder_ / "old.pem"}), "");
  expect_rest(download);
}

TEST_F(Reload, S12_WhenTheFilesChange) {
  std::filesystem::copy_file(certificate_, folder_ / "old.pem");
  auto download = begin_download();
  replace("second");
  ASSERT_TRUE(says("was read again"));
  EXPECT_EQ(refusal({.trusted = folder_ / "second.pem"}), "");
  expect_rest(download);
}

TEST_F(Reload, S12_ABrokenPairLeavesTheOldOne) {
  std::filesystem::copy_file(certificate_, folder_ / "old.pem");
  auto kept = connect();
  std::filesystem::copy_file(folder_ / "second.key", key_,
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE(says("stays as it was: The key in " + key_ + " does not fit"));
  EXPECT_EQ(refusal({.trusted = folder_ / "old.pem"}), "");
  std::filesystem::remove(certificate_);
  ::kill(server_->pid(), SIGHUP);
  ASSERT_TRUE(says("stays as it was: The certificate file " + certificate_ + " cannot be read"));
  EXPECT_EQ(refusal({.trusted = folder_ / "old.pem"}), "");
  expect_served(kept);
}

class TlsFiles : public TlsWorld {};

TEST_F(TlsFiles, S12_BadOnesAreOneSentenceAndNothingElse) {
  std::ofstream(folder_ / "empty") << "";
  std::ofstream(folder_ / "text") << "no certificate";
  const std::string whole = contents(certificate_);
  std::ofstream(folder_ / "damaged")
      << whole.substr(0, whole.size() / 2) << "\n-----END CERTIFICATE-----\n";
  std::ofstream(folder_ / "half chain") << whole << whole.substr(0, 100);
  openssl({"ec", "-in", key_, "-aes256", "-passout", "pass:secret", "-out", folder_ / "locked"});
  openssl({"req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=weak", "-keyout",
           folder_ / "weak.key", "-out", folder_ / "weak.pem"});
  struct Row {
    std::vector<std::string> arguments;
    std::string sentence;
  };
  const std::vector<Row> rows = {
      {{"--tls-cert", folder_ / "missing", "--tls-key", key_}, "cannot be read: No such file"},
      {{"--tls-cert", folder_ / "", "--tls-key", key_}, "cannot be read: Is a directory"},
      {{"--tls-cert", folder_ / "empty", "--tls-key", key_}, "holds no certificate"},
      {{"--tls-cert", folder_ / "text", "--tls-key", key_}, "holds no certificate"},
      {{"--tls-cert", folder_ / "damaged", "--tls-key", key_}, "is damaged: certificate 1"},
      {{"--tls-cert", folder_ / "half chain", "--tls-key", key_}, "is damaged: certificate 2"},
      {{"--tls-cert", certificate_, "--tls-key", folder_ / "missing"}, "key file"},
      {{"--tls-cert", certificate_, "--tls-key", certificate_}, "holds no private key"},
      {{"--tls-cert", certificate_, "--tls-key", folder_ / "locked"}, "is encrypted"},
      {{"--tls-cert", certificate_, "--tls-key", folder_ / "second.key"}, "does not fit"},
      {{"--tls-cert", folder_ / "weak.pem", "--tls-key", folder_ / "weak.key"}, "too small"},
      {{"--tls-cert", certificate_}, "--tls-key is missing"},
      {{"--tls-key", key_}, "--tls-cert is missing"},
      {{"--tls-cert", certificate_, "--tls-key", key_, "--tls-self-signed"}, "exclude each other"},
      {{"--tls-cert", certificate_, "--tls-key", key_, "--tls-client-ca", folder_ / "text"},
       "client CA file"},
      {{"--tls-client-ca", certificate_}, "needs TLS"},
      {{"--http-redirect", "127.0.0.1:0"}, "needs TLS"},
      {{"--tls-self-signed", "--http-redirect", "127.0.0.1:0", "--public-url", "http://a.example"},
       "must begin with https"},
  };
  for (const Row& row : rows) {
    const Outcome outcome = refused(row.arguments);
    EXPECT_EQ(outcome.exit_code, 2) << row.sentence;
    EXPECT_THAT(outcome.output, HasSubstr(row.sentence));
    EXPECT_THAT(outcome.output, testing::StartsWith("holdfast: "));
    EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "never")) << row.sentence;
  }
}

TEST_F(TlsFiles, S12_AnExpiredCertificateIsServedWithAWarning) {
  openssl({"req", "-new", "-key", key_, "-subj", "/CN=late", "-out", folder_ / "request"});
  openssl({"x509", "-req", "-in", folder_ / "request", "-key", key_, "-days", "-1", "-out",
           certificate_});
  start();
  EXPECT_TRUE(says("has expired"));
  EXPECT_EQ(refusal({}), "");
}

TEST_F(TlsFiles, ASelfSignedCertificateIsMadeOnceAndKept) {
  ServerProcess server(folder_ / "data", {"--tls-self-signed"});
  server.start();
  const std::filesystem::path kept = folder_ / "data" / "self-signed.pem";
  struct stat file {};
  ASSERT_EQ(::stat(kept.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U);
  const std::string before = contents(kept);
  const std::string said =
      openssl({"x509", "-in", kept, "-noout", "-fingerprint", "-sha256", "-ext", "subjectAltName"});
  const std::string fingerprint = said.substr(said.find('=') + 1, 95);
  EXPECT_THAT(server.banner(), HasSubstr("SHA-256 " + fingerprint + "\n"));
  EXPECT_THAT(said, HasSubstr("DNS:localhost, IP Address:127.0.0.1"));
  ASSERT_EQ(server.stop(), 0);
  server.start();
  EXPECT_EQ(contents(kept), before);
  EXPECT_THAT(server.banner(), HasSubstr(fingerprint));
  Command curl;
  curl.arguments = {"curl",
                    "-q",
                    "-s",
                    "--noproxy",
                    "*",
                    "--cacert",
                    kept,
                    "-X",
                    "OPTIONS",
                    "-o",
                    "/dev/null",
                    "-w",
                    "%{http_code}",
                    "https://localhost:" + std::to_string(server.port()) + "/"};
  EXPECT_EQ(run(curl).output, "200");
}

TEST_F(TlsFiles, ClientCertificatesAreVerified) {
  openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
           "-subj", "/CN=CA", "-keyout", folder_ / "ca.key", "-out", folder_ / "ca.pem"});
  openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
           "/CN=laptop", "-keyout", folder_ / "client.key", "-out", folder_ / "client.csr"});
  openssl({"x509", "-req", "-in", folder_ / "client.csr", "-CA", folder_ / "ca.pem", "-CAkey",
           folder_ / "ca.key", "-CAcreateserial", "-out", folder_ / "client.crt"});
  std::ofstream(folder_ / "client.pem")
      << contents(folder_ / "client.crt") << contents(folder_ / "client.key");
  std::ofstream(folder_ / "foreign.pem")
      << contents(folder_ / "second.pem") << contents(folder_ / "second.key");
  start({"--tls-client-ca", folder_ / "ca.pem"});
  for (const char* version : {"1.2", "1.3"}) {
    EXPECT_EQ(refusal({.version = version, .certificate = folder_ / "client.pem"}), "");
    EXPECT_EQ(refusal({.version = version}), "");
    EXPECT_NE(refusal({.version = version, .certificate = folder_ / "foreign.pem"}), "");
  }
}

TEST_F(TlsFiles, PlainHttpIsSentToHttps) {
  start({"--http-redirect", "127.0.0.1:0"});
  const std::string banner = server_->banner();
  const std::string mark = "redirects   http://127.0.0.1:";
  const auto at = banner.find(mark);
  ASSERT_NE(at, std::string::npos);
  const auto port = static_cast<std::uint16_t>(std::stoi(banner.substr(at + mark.size())));
  const std::string here = "https://localhost:" + std::to_string(server_->port());
  struct Row {
    std::string line;
    std::string host;
    int status;
    std::string location;
  };
  for (const Row& row :
       std::vector<Row>{{"GET /a%20b?c=d", "localhost", 301, here + "/a%20b?c=d"},
                        {"HEAD /", "localhost:80", 301, here + "/"},
                        {"PROPFIND /x/", "LOCALHOST", 308, ""},
                        {"GET //evil.example/", "localhost", 301, here + "//evil.example/"},
                        {"GET http://localhost/p", "localhost", 301, here + "/p"},
                        {"OPTIONS *", "localhost", 308, here + "/"},
                        {"GET /", "evil.example", 421, ""},
                        {"GET /", "localhost.evil.example", 421, ""},
                        {"PUT /a", "localhost", 308, here + "/a"}}) {
    tests::RawClient client(port);
    const bool puts = row.line.starts_with("PUT");
    client.send(row.line + " HTTP/1.1\r\nHost: " + row.host + "\r\n" +
                (puts ? "Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n" : "\r\n"));
    const auto answer = client.receive(row.line.starts_with("HEAD"));
    ASSERT_TRUE(answer) << row.line << ": " << client.error;
    EXPECT_EQ(answer->status, row.status) << row.line;
    if (!row.location.empty()) {
      EXPECT_EQ(answer->field("location"), row.location);
    }
    EXPECT_EQ(client.interim, 0);
    if (puts) {
      EXPECT_TRUE(client.closed());
    }
  }
}

}  // namespace
}  // namespace holdfast::test
