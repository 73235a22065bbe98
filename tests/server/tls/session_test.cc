// A TLS session by itself, and what a listener makes of it for its handler.
#include "server/tls/session.h"

#include <array>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "server/config/config.h"
#include "server/tls/credentials.h"
#include "tests/integration/tls_world.h"
#include "tests/server/echo_server.h"

namespace holdfast::server {
namespace {

class Session : public testing::Test {
 protected:
  void SetUp() override {
    test::make_certificate(folder_ / "cert.pem", folder_ / "key.pem");
    credentials_ = std::make_unique<tls::TlsCredentials>(
        tls::TlsFiles{folder_ / "cert.pem", folder_ / "key.pem", {}});
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()), 0);
    session_ = credentials_->accept(ends_[0]);
    std::thread client([&] { client_ = std::make_unique<tests::TlsClient>(ends_[1]); });
    while (session_->handshake() == tls::TlsSession::Handshake::wants_bytes)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    client.join();
    ASSERT_TRUE(session_->established());
  }
  void TearDown() override {
    session_.reset();
    client_.reset();
    for (const int end : ends_) ::close(end);
  }

  // One key update, which carries no data.
  void update_key() {
    ASSERT_EQ(SSL_key_update(client_->session(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(client_->session()), 1);
  }
  // As the client's receive, past what holds no data for it.
  ssize_t receive(char* into, std::size_t size) {
    for (;;) {
      const ssize_t count = client_->receive(into, size);
      if (count >= 0 || errno != EAGAIN) return count;
      pollfd entry{ends_[1], POLLIN, 0};
      if (::poll(&entry, 1, 0) == 0) {
        errno = EAGAIN;
        return count;
      }
    }
  }
  // What the client has, all of it.
  std::string taken() {
    std::string all;
    std::array<char, 64 * 1024> some;
    for (ssize_t count = 0; (count = receive(some.data(), some.size())) > 0;)
      all.append(some.data(), static_cast<std::size_t>(count));
    return all;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<tls::TlsCredentials> credentials_;
  std::array<int, 2> ends_{};
  std::unique_ptr<tls::TlsSession> session_;
  std::unique_ptr<tests::TlsClient> client_;
  std::array<char, 1000> buffer_{};
  std::size_t count_ = 0;
};

TEST_F(Session, KeyUpdatesAreTakenUntilTheyAreAllThatComes) {
  for (int i = 0; i < 10; ++i) update_key();
  ASSERT_EQ(client_->send("hello"), 5);
  ASSERT_EQ(session_->receive(buffer_, count_), tls::TlsSession::Read::bytes);
  EXPECT_EQ(std::string_view(buffer_.data(), count_), "hello");
  EXPECT_EQ(session_->receive(buffer_, count_), tls::TlsSession::Read::nothing);
  // A flood of them, no faster than they are read.
  auto end = tls::TlsSession::Read::nothing;
  for (int rounds = 0; rounds < 100 && end == tls::TlsSession::Read::nothing; ++rounds) {
    for (int i = 0; i < 50; ++i) update_key();
    end = session_->receive(buffer_, count_);
  }
  EXPECT_EQ(end, tls::TlsSession::Read::ended);
}

TEST_F(Session, ARecordThatDidNotFitIsSentOnceThereIsRoom) {
  std::string sent;
  tls::TlsSession::Put put = tls::TlsSession::Put::taken;
  for (char letter = 'a'; put == tls::TlsSession::Put::taken;
       letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1)) {
    std::string record(tls::TlsSession::kRecordBytes, letter);
    sent += record;
    put = session_->put(record);
  }
  ASSERT_EQ(put, tls::TlsSession::Put::blocked);
  EXPECT_EQ(session_->flush(), tls::TlsSession::Put::blocked);
  std::string got = taken();
  EXPECT_LT(got.size(), sent.size());
  EXPECT_EQ(session_->flush(), tls::TlsSession::Put::taken);
  got += taken();
  EXPECT_TRUE(got == sent);
}

TEST_F(Session, TheEndIsAnnouncedUnlessItIsACut) {
  session_->abandon();
  session_.reset();
  ::shutdown(ends_[0], SHUT_WR);
  char byte = 0;
  EXPECT_EQ(receive(&byte, 1), -1);
  EXPECT_NE(errno, EAGAIN);
}

TEST_F(Session, TheEndIsAnnounced) {
  session_.reset();
  char byte = 0;
  EXPECT_EQ(receive(&byte, 1), 0);
}

TEST(TlsListener, TheHandlerLearnsOfTlsAndOfTheCertificate) {
  const test::TemporaryFolder folder;
  test::make_certificate(folder / "cert.pem", folder / "key.pem");
  test::make_certificate(folder / "client.crt", folder / "client.key");
  std::ofstream(folder / "client.pem")
      << test::contents(folder / "client.crt") << test::contents(folder / "client.key");
  const tls::TlsCredentials credentials(
      tls::TlsFiles{folder / "cert.pem", folder / "key.pem", folder / "client.crt"});
  tests::RecordingObserver observer;
  loop::Listener listener(
      tests::kLoopback, http1::Limits{},
      [](http::Request& request, const http1::Peer& peer) {
        http::Response response;
        response.body = std::string(request.scheme) + (peer.tls ? " tls " : " ") + peer.certificate;
        return response;
      },
      observer, &credentials);
  listener.start();
  std::string digest =
      test::openssl({"x509", "-in", folder / "client.crt", "-noout", "-fingerprint", "-sha256"});
  digest = digest.substr(digest.find('=') + 1, 95);
  std::string hex;
  for (const char c : digest)
    if (c != ':') hex += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const bool shows : {true, false}) {
    auto client = tests::RawClient::over_tls(listener.port(),
                                             {.certificate = shows ? folder / "client.pem" : ""});
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << client.error;
    EXPECT_EQ(answer->body, shows ? "https tls " + hex : "https tls ");
  }
  listener.stop();
}

// The server has read them as root and goes on as another user.
TEST(TlsCredentials, FilesThatMayNoLongerBeLookedAtHaveNotChanged) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const test::TemporaryFolder folder;  // 0700
  test::make_certificate(folder / "cert.pem", folder / "key.pem");
  tls::TlsCredentials credentials(
      {.certificate = folder / "cert.pem", .key = folder / "key.pem", .client_ca = ""});
  ASSERT_EQ(::seteuid(65534), 0);
  const bool changed = credentials.files_changed() || credentials.files_changed();
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_FALSE(changed);
  test::make_certificate(folder / "cert.pem", folder / "key.pem");
  EXPECT_TRUE(!credentials.files_changed() && credentials.files_changed());
}

}  // namespace
}  // namespace holdfast::server
