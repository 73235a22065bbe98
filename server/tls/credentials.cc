#include "server/tls/credentials.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "server/process/usage_error.h"
#include "text/hex.h"

namespace holdfast::server::tls {
namespace {

// Mozilla's "intermediate" list without finite-field Diffie-Hellman: only forward secrecy and
// authenticated encryption. TLS 1.3 has its own list, which needs no restriction.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256:P-384";
// At least 112 bits of security: no RSA keys below 2,048 bits, no SHA-1 signatures.
constexpr int kSecurityLevel = 2;
constexpr std::size_t kMostFileBytes = 1 << 20;
constexpr std::string_view kSessionContext = "holdfast";

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// Returns OpenSSL's text for the last error.
std::string reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* words = ERR_reason_error_string(code);
  return words != nullptr ? words : "unknown error";
}

std::string read_file(const std::string& what, const std::string& path) {
  const auto fail = [&](const char* why) {
    return process::UsageError("The " + what + " file " + path + " cannot be read: " + why + ".");
  };
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) throw fail(std::strerror(errno));
  std::string text(kMostFileBytes + 1, '\0');
  std::size_t size = 0;
  ssize_t count = 0;
  while (size < text.size() &&
         ((count = ::read(file, text.data() + size, text.size() - size)) > 0 || errno == EINTR))
    if (count > 0) size += static_cast<std::size_t>(count);
  const int error = errno;
  ::close(file);
  if (count < 0) throw fail(std::strerror(error));
  if (size > kMostFileBytes) throw fail("it is too large");
  text.resize(size);
  return text;
}

Owned<BIO> reader(const std::string& text) {
  Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

// Returns no passphrase, so that OpenSSL does not read one from the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

std::vector<Owned<X509>> read_certificates(const std::string& what, const std::string& path) {
  const std::string text = read_file(what, path);
  const Owned<BIO> bio = reader(text);
  std::vector<Owned<X509>> all;
  ERR_clear_error();
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr))
    all.emplace_back(one);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (all.empty() && at_end)
    throw process::UsageError("The " + what + " file " + path +
                              " holds no certificate in PEM form.");
  if (!at_end)
    throw process::UsageError("The " + what + " file " + path + " is damaged: certificate " +
                              std::to_string(all.size() + 1) + ": " + reason() + ".");
  return all;
}

Owned<EVP_PKEY> read_key(const std::string& path) {
  const std::string text = read_file("key", path);
  const Owned<BIO> bio = reader(text);
  ERR_clear_error();
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (key) return key;
  if (text.find("ENCRYPTED") != std::string::npos)
    throw process::UsageError(
        "The key in " + path +
        " is encrypted; a key without a passphrase is needed, in a file that only the "
        "server can read.");
  throw process::UsageError("The key file " + path + " holds no private key in PEM form.");
}

// Chooses the protocol. A client that offers none that the server speaks gets
// no_application_protocol (RFC 7301 §3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr std::string_view kHttp("\x08http/1.1", 9);
  unsigned char* match = nullptr;
  if (SSL_select_next_proto(&match, size, reinterpret_cast<const unsigned char*>(kHttp.data()),
                            static_cast<unsigned int>(kHttp.size()), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

void must(bool done) {
  if (!done) throw std::runtime_error("OpenSSL cannot be set up: " + reason());
}

void set_protocol(SSL_CTX* context) {
  must(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  must(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1);
  // HTTP marks the end of a body (chunks, Content-Length), so a close without close_notify only
  // means that the client sends no more; what it sent before is still answered.
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_security_level(context, kSecurityLevel);
  must(SSL_CTX_set_cipher_list(context, kCiphers) == 1);
  must(SSL_CTX_set1_groups_list(context, kGroups) == 1);
  // Idle connections keep no buffers. Calls return after a record without data, so that such
  // records cannot keep a worker. A record that did not fit is sent again from a copy.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(context, 1);
  // Sessions are resumed by tickets, so the server keeps no session cache.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  must(SSL_CTX_set_session_id_context(
           context, reinterpret_cast<const unsigned char*>(kSessionContext.data()),
           static_cast<unsigned int>(kSessionContext.size())) == 1);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

void set_certificate(SSL_CTX* context, const TlsFiles& files) {
  const std::vector<Owned<X509>> certificates = read_certificates("certificate", files.certificate);
  const Owned<EVP_PKEY> key = read_key(files.key);
  X509* const own = certificates.front().get();
  ERR_clear_error();
  if (X509_check_private_key(own, key.get()) != 1)
    throw process::UsageError("The key in " + files.key + " does not fit the certificate in " +
                              files.certificate + ".");
  if (SSL_CTX_use_certificate(context, own) != 1)
    throw process::UsageError("The certificate in " + files.certificate +
                              " cannot be used: " + reason() + ".");
  for (auto one = certificates.begin() + 1; one != certificates.end(); ++one)
    if (SSL_CTX_add1_chain_cert(context, one->get()) != 1)
      throw process::UsageError("The chain in " + files.certificate +
                                " cannot be used: " + reason() + ".");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    throw process::UsageError("The key in " + files.key + " cannot be used: " + reason() + ".");
}

void set_client_ca(SSL_CTX* context, const std::string& path) {
  if (path.empty()) return;
  X509_STORE* const trusted = SSL_CTX_get_cert_store(context);
  // Every certificate in the file is trusted, root or intermediate.
  X509_STORE_set_flags(trusted, X509_V_FLAG_PARTIAL_CHAIN);
  for (const Owned<X509>& one : read_certificates("client CA", path)) {
    must(X509_STORE_add_cert(trusted, one.get()) == 1);
    must(SSL_CTX_add_client_CA(context, one.get()) == 1);
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
}

std::shared_ptr<SSL_CTX> make_context(const TlsFiles& files) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  must(context != nullptr);
  set_protocol(context.get());
  set_certificate(context.get(), files);
  set_client_ca(context.get(), files.client_ca);
  return context;
}

}  // namespace

TlsCredentials::TlsCredentials(TlsFiles files) : files_(std::move(files)) { reload(); }

TlsCredentials::~TlsCredentials() = default;

TlsCredentials::Stamp TlsCredentials::stamp() const {
  Stamp all;
  for (const std::string* path : {&files_.certificate, &files_.key, &files_.client_ca}) {
    struct stat file {};
    if (path->empty() || ::stat(path->c_str(), &file) != 0) {
      // Only root could read the file's folder at the start; now the file's state is unknown and
      // counts as unchanged.
      if (errno == EACCES && !path->empty() && all.size() < read_.size()) {
        all.push_back(read_[all.size()]);
        continue;
      }
      file = {};
    }
    all.emplace_back(file.st_ino, static_cast<std::uint64_t>(file.st_size), file.st_mtim.tv_sec,
                     file.st_mtim.tv_nsec);
  }
  return all;
}

void TlsCredentials::reload() {
  // The stamp is taken first, so that a change during the reading is noticed later.
  read_ = seen_ = stamp();
  std::shared_ptr<SSL_CTX> context = make_context(files_);
  const std::scoped_lock lock(mutex_);
  context_.swap(context);
}

bool TlsCredentials::files_changed() {
  const Stamp now = stamp();
  return std::exchange(seen_, now) == now && now != read_;
}

std::string TlsCredentials::fingerprint() const {
  const std::scoped_lock lock(mutex_);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  must(X509_digest(SSL_CTX_get0_certificate(context_.get()), EVP_sha256(), digest.data(), &size) ==
       1);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    if (i > 0) text += ':';
    text::append_upper_hex(text, digest[i]);
  }
  return text;
}

std::string TlsCredentials::warning() const {
  const std::scoped_lock lock(mutex_);
  const X509* const own = SSL_CTX_get0_certificate(context_.get());
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0)
    return "The certificate in " + files_.certificate + " has expired; clients will refuse it.";
  if (X509_cmp_current_time(X509_get0_notBefore(own)) > 0)
    return "The certificate in " + files_.certificate +
           " is not valid yet; clients will refuse it.";
  return {};
}

std::unique_ptr<TlsSession> TlsCredentials::accept(int descriptor) const {
  const std::scoped_lock lock(mutex_);
  return std::make_unique<TlsSession>(context_.get(), descriptor);
}

}  // namespace holdfast::server::tls
