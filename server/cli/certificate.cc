#include "server/cli/certificate.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sstream>
#include <string>

#include "server/process/drop_root.h"

namespace holdfast::server::cli {
namespace {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;

// Returns the fingerprint as openssl x509 -fingerprint prints it.
std::string fingerprint(const X509* certificate, const EVP_MD* algorithm) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, algorithm, digest.data(), &size) != 1) return {};
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    if (i != 0) text += ':';
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 0xf];
  }
  return text;
}

}  // namespace

ControlReply print_certificate(const config::Config& config) {
  std::string path = config.tls_certificate;
  if (path.empty()) {
    process::work_as_owner(config.data);
    path = config.data + "/self-signed.pem";
  }
  std::ifstream in(path, std::ios::binary);
  if (!in && config.tls_certificate.empty() && errno == ENOENT)
    throw process::UsageError(
        "There is no certificate: --tls-cert is not set, and no server with --tls-self-signed has "
        "made one in " +
        config.data + ".");
  if (!in)
    throw process::UsageError("The certificate " + path +
                              " cannot be read: " + std::strerror(errno) + ".");
  std::ostringstream pem;
  pem << in.rdbuf();
  const std::string bytes = pem.str();
  const Memory source(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())), &BIO_free);
  const Certificate certificate(PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr),
                                &X509_free);
  ERR_clear_error();
  const Memory out(BIO_new(BIO_s_mem()), &BIO_free);
  if (!certificate || !out || PEM_write_bio_X509(out.get(), certificate.get()) != 1)
    throw process::UsageError(path + " holds no certificate in PEM form.");
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {0, "SHA-1   " + fingerprint(certificate.get(), EVP_sha1()) + "\nSHA-256 " +
                 fingerprint(certificate.get(), EVP_sha256()) + "\n" +
                 std::string(text, static_cast<std::size_t>(size))};
}

}  // namespace holdfast::server::cli
