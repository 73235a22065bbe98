// self_signed(): a certificate for a first trial, without a certificate authority.
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <memory>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <unistd.h>

#include "Poco/Net/IPAddress.h"
#include "server/process/usage_error.h"
#include "server/tls/credentials.h"
#include "text/ascii.h"

namespace holdfast::server::tls {
namespace {

constexpr const char* kFile = "/self-signed.pem";
// The longest validity that Apple's systems accept.
constexpr long kValid_s = 825L * 24 * 60 * 60;
// The certificate is valid from a day earlier, because clocks differ.
constexpr long kBefore_s = 24L * 60 * 60;

struct FreeMade {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Made = std::unique_ptr<T, FreeMade>;

void must_make(bool done) {
  if (!done) throw std::runtime_error("A self-signed certificate cannot be made.");
}

void extend(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Made<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  must_make(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// The bytes of a name that have no special meaning in OpenSSL's configuration syntax.
constexpr auto kPlainBytes = text::ByteSet::alphanumeric_and("-._:");

// Makes the subject alternative names (RFC 5280 §4.2.1.6).
std::string alternative_names(const std::vector<std::string>& names) {
  std::string all = "DNS:localhost,IP:127.0.0.1,IP:::1";
  for (const std::string& name : names) {
    Poco::Net::IPAddress address;
    const bool is_address = Poco::Net::IPAddress::tryParse(name, address);
    if (name == "localhost" || name == "127.0.0.1" || name == "::1" ||
        (is_address && address.isWildcard()))
      continue;
    if (kPlainBytes.has_all(name)) all += (is_address ? ",IP:" : ",DNS:") + name;
  }
  return all;
}

std::string make_pair(const std::vector<std::string>& names) {
  const Made<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const Made<X509> certificate(X509_new());
  must_make(key && certificate);
  X509* const made = certificate.get();
  unsigned char random[16];
  must_make(RAND_bytes(random, sizeof random) == 1);
  random[0] = static_cast<unsigned char>((random[0] & 0x7f) | 0x40);
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> serial(
      BN_bin2bn(random, sizeof random, nullptr), BN_free);
  must_make(serial && BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(made)) != nullptr);
  must_make(X509_set_version(made, X509_VERSION_3) == 1);
  must_make(X509_gmtime_adj(X509_getm_notBefore(made), -kBefore_s) != nullptr);
  must_make(X509_gmtime_adj(X509_getm_notAfter(made), kValid_s - kBefore_s) != nullptr);
  must_make(X509_set_pubkey(made, key.get()) == 1);
  X509_NAME* const subject = X509_get_subject_name(made);
  must_make(X509_NAME_add_entry_by_txt(
                subject, "CN", MBSTRING_ASC,
                reinterpret_cast<const unsigned char*>("Holdfast self-signed"), -1, -1, 0) == 1);
  must_make(X509_set_issuer_name(made, subject) == 1);
  extend(made, NID_basic_constraints, "critical,CA:FALSE");
  extend(made, NID_key_usage, "critical,digitalSignature");
  extend(made, NID_ext_key_usage, "serverAuth");
  extend(made, NID_subject_key_identifier, "hash");
  extend(made, NID_subject_alt_name, alternative_names(names));
  must_make(X509_sign(made, key.get(), EVP_sha256()) > 0);

  const Made<BIO> text(BIO_new(BIO_s_mem()));
  must_make(text &&
            PEM_write_bio_PKCS8PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                          nullptr) == 1 &&
            PEM_write_bio_X509(text.get(), made) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

// Writes the file as a whole or not at all.
void keep(const std::string& path, const std::string& text) {
  const auto fail = [&] {
    return process::UsageError("The self-signed certificate " + path +
                               " cannot be written: " + std::strerror(errno) + ".");
  };
  const std::string unfinished = path + ".new";
  const int file = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw fail();
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(file) == 0;
  ::close(file);
  if (!written || ::rename(unfinished.c_str(), path.c_str()) != 0) throw fail();
}

// Returns true when there is a certificate that is valid for some more time.
bool is_there(const std::string& path) {
  const Made<BIO> file(BIO_new_file(path.c_str(), "r"));
  if (!file) return false;
  const Made<X509> certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  return certificate && X509_cmp_current_time(X509_get0_notAfter(certificate.get())) > 0;
}

}  // namespace

std::string self_signed(const std::string& data_folder, const std::vector<std::string>& names) {
  std::string path = data_folder + kFile;
  if (!is_there(path)) keep(path, make_pair(names));
  return path;
}

}  // namespace holdfast::server::tls
