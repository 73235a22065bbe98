// What the server shows to TLS clients and asks of them: its certificate and key from PEM files,
// the CA of client certificates, the protocol's versions and ciphers (RFC 8446, RFC 5246, RFC
// 7301). The files can be read again while connections go on; a new connection gets what was read
// last. Any thread may call accept(); one thread the rest.
//
//   TlsCredentials credentials({.certificate = "/etc/holdfast/cert.pem", .key = ...});
//   Listener listener(address, limits, handler, observer, &credentials);
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "server/tls/session.h"

namespace holdfast::server::tls {

struct TlsFiles {
  std::string certificate;  // the server's own first, then the chain
  std::string key;          // without passphrase; may be the same file
  std::string client_ca;    // empty: clients are asked for no certificate
};

class TlsCredentials {
 public:
  // Reads the files. Throws UsageError with one sentence when they cannot be served with.
  explicit TlsCredentials(TlsFiles files);
  ~TlsCredentials();

  // Reads the files again. Throws UsageError with one sentence, and everything stays as it was.
  void reload();
  // True when the files are others than at the last reading, and the same as at the last call:
  // whoever is replacing them has finished.
  [[nodiscard]] bool files_changed();

  // SHA-256 of the server's certificate, as openssl x509 -fingerprint prints it.
  [[nodiscard]] std::string fingerprint() const;
  // One sentence when the certificate is served although it is not valid now; else empty.
  [[nodiscard]] std::string warning() const;

  // The session of a new connection on `descriptor`. Throws std::bad_alloc.
  [[nodiscard]] std::unique_ptr<TlsSession> accept(int descriptor) const;

 private:
  using Stamp = std::vector<std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::int64_t>>;
  [[nodiscard]] Stamp stamp() const;

  const TlsFiles files_;
  Stamp read_;
  Stamp seen_;
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<ssl_ctx_st> context_;
};

// The path of a key and a certificate that this server made for itself and keeps in the data folder
// (ECDSA P-256, 0600, one file), for localhost, the loopback addresses and `names` (host names or
// addresses without brackets). Makes them when there are none, or when they have expired. Throws
// UsageError with one sentence when they cannot be kept. The data folder must be this process's.
[[nodiscard]] std::string self_signed(const std::string& data_folder,
                                      const std::vector<std::string>& names);

}  // namespace holdfast::server::tls
