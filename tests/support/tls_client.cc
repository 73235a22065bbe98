#include "tests/support/tls_client.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdexcept>

namespace holdfast::tests {
namespace {

std::string reason(const char* what) {
  const unsigned long code = ERR_peek_error();
  const char* words = ERR_reason_error_string(code);
  return std::string(what) + ": " + (words != nullptr ? words : "the connection ended");
}

std::shared_ptr<SSL_CTX> make_context(const TlsWish& wish) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) throw std::runtime_error("no TLS");
  SSL_CTX* const tls = context.get();
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  // Without SSL_MODE_AUTO_RETRY, a read returns after a session ticket.
  SSL_CTX_clear_mode(tls, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
  if (!wish.version.empty()) {
    const int version = wish.version == "1.3"   ? TLS1_3_VERSION
                        : wish.version == "1.2" ? TLS1_2_VERSION
                        : wish.version == "1.1" ? TLS1_1_VERSION
                                                : TLS1_VERSION;
    SSL_CTX_set_min_proto_version(tls, version);
    SSL_CTX_set_max_proto_version(tls, version);
    if (version < TLS1_2_VERSION) SSL_CTX_set_security_level(tls, 0);
  }
  if (!wish.ciphers.empty()) {
    SSL_CTX_set_security_level(tls, 0);
    if (SSL_CTX_set_cipher_list(tls, wish.ciphers.c_str()) != 1)
      throw std::runtime_error(reason("ciphers"));
  }
  if (!wish.protocols.empty())
    SSL_CTX_set_alpn_protos(tls, reinterpret_cast<const unsigned char*>(wish.protocols.data()),
                            static_cast<unsigned int>(wish.protocols.size()));
  if (!wish.trusted.empty()) {
    if (SSL_CTX_load_verify_file(tls, wish.trusted.c_str()) != 1)
      throw std::runtime_error(reason("trusted"));
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
  }
  if (!wish.certificate.empty() &&
      (SSL_CTX_use_certificate_chain_file(tls, wish.certificate.c_str()) != 1 ||
       SSL_CTX_use_PrivateKey_file(tls, wish.certificate.c_str(), SSL_FILETYPE_PEM) != 1))
    throw std::runtime_error(reason("certificate"));
  return context;
}

// Clients with the default options share a context, as those of a program do.
std::shared_ptr<SSL_CTX> default_context() {
  static const std::shared_ptr<SSL_CTX> made = make_context({});
  return made;
}

bool is_default(const TlsWish& wish) {
  return (wish.version + wish.ciphers + wish.protocols + wish.trusted + wish.certificate).empty();
}

}  // namespace

void TlsClient::Free::operator()(ssl_st* session) const { SSL_free(session); }

TlsClient::TlsClient(int descriptor, const TlsWish& wish) {
  // OpenSSL writes to the socket without MSG_NOSIGNAL.
  std::signal(SIGPIPE, SIG_IGN);
  const auto context = is_default(wish) ? default_context() : make_context(wish);
  session_.reset(SSL_new(context.get()));
  ::fcntl(descriptor, F_SETFL, O_RDWR | O_NONBLOCK);
  SSL_set_fd(session_.get(), descriptor);
  // What SSL_set_tlsext_host_name does, without its casts.
  if (!wish.name.empty())
    SSL_ctrl(session_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(wish.name.c_str()));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(session_.get());
    if (result == 1) return;
    const int why = SSL_get_error(session_.get(), result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
      throw std::runtime_error(reason("handshake"));
    pollfd entry{descriptor, static_cast<short>(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
    ::poll(&entry, 1, 1'000);
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("handshake: nothing came");
  }
}

TlsClient::~TlsClient() = default;

ssize_t TlsClient::receive(char* into, std::size_t size) {
  ERR_clear_error();
  std::size_t count = 0;
  errno = 0;
  const int result = SSL_read_ex(session_.get(), into, size, &count);
  if (result == 1) return static_cast<ssize_t>(count);
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    default:
      if (errno == 0) errno = EPROTO;
      return -1;
  }
}

ssize_t TlsClient::send(std::string_view bytes) {
  ERR_clear_error();
  std::size_t count = 0;
  errno = 0;
  const int result = SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &count);
  if (result == 1) return static_cast<ssize_t>(count);
  const int why = SSL_get_error(session_.get(), result);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) errno = EAGAIN;
  if (errno == 0) errno = EPIPE;
  return -1;
}

bool TlsClient::pending() const { return SSL_pending(session_.get()) > 0; }

void TlsClient::finish() {
  ERR_clear_error();
  static_cast<void>(SSL_shutdown(session_.get()));
}

}  // namespace holdfast::tests
