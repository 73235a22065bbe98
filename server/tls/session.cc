#include "server/tls/session.h"

#include <array>
#include <cerrno>
#include <new>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <utility>

#include "text/ascii.h"
#include "text/hex.h"

namespace holdfast::server::tls {
namespace {

// The most bytes that a client may send without application data: several times the largest record.
// A client that sends more key updates or refused renegotiations in a row is an attacker.
constexpr std::size_t kMostIdleBytes = 64 * 1024;

}  // namespace

// The socket as OpenSSL uses it. It never waits, raises no signal, and remembers why a read
// returned nothing. OpenSSL's own BIO would need a non-blocking descriptor.
struct TlsSession::Channel {
  static TlsSession& session(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) {
    TlsSession& self = session(bio);
    BIO_clear_retry_flags(bio);
    for (;;) {
      const ssize_t count =
          ::recv(self.descriptor_, into, static_cast<std::size_t>(size), MSG_DONTWAIT);
      if (count > 0) {
        self.idle_bytes_ += static_cast<std::size_t>(count);
        return static_cast<int>(count);
      }
      if (count == 0) {
        self.peer_done_ = true;
        return 0;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        self.starved_ = true;
        BIO_set_retry_read(bio);
        return -1;
      }
      if (errno != EINTR) {
        self.peer_done_ = true;
        return -1;
      }
    }
  }

  static int write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    for (;;) {
      const ssize_t count = ::send(session(bio).descriptor_, bytes, static_cast<std::size_t>(size),
                                   MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count >= 0) return static_cast<int>(count);
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        BIO_set_retry_write(bio);
        return -1;
      }
      if (errno != EINTR) return -1;
    }
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return session(bio).peer_done_ ? 1 : 0;
    return 0;
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* method =
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "socket");
      if (method == nullptr) throw std::bad_alloc();
      BIO_meth_set_read(method, read);
      BIO_meth_set_write(method, write);
      BIO_meth_set_ctrl(method, control);
      return method;
    }();
    return made;
  }
};

void TlsSession::Free::operator()(ssl_st* session) const { SSL_free(session); }

TlsSession::TlsSession(ssl_ctx_st* context, int descriptor)
    : descriptor_(descriptor), session_(SSL_new(context)) {
  BIO* channel = session_ ? BIO_new(Channel::method()) : nullptr;
  if (channel == nullptr) throw std::bad_alloc();
  BIO_set_data(channel, this);
  BIO_set_init(channel, 1);
  SSL_set_bio(session_.get(), channel, channel);
  SSL_set_accept_state(session_.get());
}

TlsSession::~TlsSession() { finish(); }

TlsSession::Handshake TlsSession::handshake() {
  if (!begun_) {
    char first = 0;
    const ssize_t count = ::recv(descriptor_, &first, sizeof first, MSG_PEEK | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Handshake::wants_bytes;
    if (count <= 0) return Handshake::ended;
    // A handshake begins with byte 22, or in SSL 2 with one above 127.
    if (text::is_letter(first) || first == '\r' || first == '\n') return Handshake::plain_text;
    begun_ = true;
  }
  ERR_clear_error();
  const int result = SSL_do_handshake(session_.get());
  if (result == 1) {
    established_ = true;
    idle_bytes_ = 0;
    wants_room_ = false;
    return Handshake::done;
  }
  const int why = SSL_get_error(session_.get(), result);
  wants_room_ = why == SSL_ERROR_WANT_WRITE;
  if (wants_room_) return Handshake::wants_room;
  if (why == SSL_ERROR_WANT_READ) return Handshake::wants_bytes;
  sound_ = false;
  return peer_done_ ? Handshake::ended : Handshake::failed;
}

std::string TlsSession::client_certificate() const {
  const X509* certificate = SSL_get0_peer_certificate(session_.get());
  if (certificate == nullptr || SSL_get_verify_result(session_.get()) != X509_V_OK) return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) throw std::bad_alloc();
  return text::hex(std::span(digest).first(size));
}

TlsSession::Read TlsSession::receive(std::span<char> buffer, std::size_t& count) {
  while (idle_bytes_ <= kMostIdleBytes) {
    ERR_clear_error();
    starved_ = false;
    wants_room_ = false;
    const int result = SSL_read_ex(session_.get(), buffer.data(), buffer.size(), &count);
    if (result == 1) {
      idle_bytes_ = 0;
      return Read::bytes;
    }
    switch (SSL_get_error(session_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        if (starved_) return Read::nothing;
        continue;
      case SSL_ERROR_WANT_WRITE:
        wants_room_ = true;
        return Read::nothing;
      case SSL_ERROR_ZERO_RETURN:
        return Read::ended;
      default:
        sound_ = false;
        return Read::ended;
    }
  }
  sound_ = false;
  return Read::ended;
}

bool TlsSession::has_received() const { return SSL_has_pending(session_.get()) == 1; }

TlsSession::Put TlsSession::put(std::string& record) {
  const Put result = write(record);
  // OpenSSL needs the same bytes again.
  if (result == Put::blocked) pending_.swap(record);
  record.clear();
  return result;
}

TlsSession::Put TlsSession::write(std::string_view record) {
  if (!sound_) return Put::gone;
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_write_ex(session_.get(), record.data(), record.size(), &count);
  if (result == 1) return Put::taken;
  if (SSL_get_error(session_.get(), result) == SSL_ERROR_WANT_WRITE) return Put::blocked;
  sound_ = false;
  return Put::gone;
}

TlsSession::Put TlsSession::flush() {
  if (pending_.empty()) return sound_ ? Put::taken : Put::gone;
  const Put result = write(pending_);
  if (result != Put::blocked) pending_ = std::string();
  return result;
}

void TlsSession::finish() {
  if (!established_ || !sound_) return;
  const Put rest = flush();
  sound_ = false;
  if (rest != Put::taken || !gathered.empty()) return;
  ERR_clear_error();
  static_cast<void>(SSL_shutdown(session_.get()));
}

}  // namespace holdfast::server::tls
