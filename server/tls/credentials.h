// The server's TLS configuration: certificate and key from PEM files, the CA of client
// certificates, protocol versions and ciphers (RFC 8446, RFC 5246, RFC 7301). The files can be read
// again while connections exist; a new connection uses what was read last. Any thread may call
// accept(); only one thread may call the other functions.
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
  std::string client_ca;    // empty: no client certificate is requested
};

class TlsCredentials {
 public:
  // Reads the files. Throws UsageError with one sentence when they cannot be used.
  explicit TlsCredentials(TlsFiles files);
  ~TlsCredentials();

  // Reads the files again. When they cannot be used, throws UsageError with one sentence and keeps
  // the earlier ones.
  void reload();
  // Returns true when the files differ from those of the last reading and are the same as at the
  // last call, so that their replacement is complete.
  [[nodiscard]] bool files_changed();

  // Returns the SHA-256 of the server's certificate, as openssl x509 -fingerprint prints it.
  [[nodiscard]] std::string fingerprint() const;
  // Returns one sentence when the certificate is used although it is not valid now; else an empty
  // text.
  [[nodiscard]] std::string warning() const;

  // Makes the session of a new connection on `descriptor`. Throws std::bad_alloc.
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

// Returns the path of a key and a certificate that this server makes for itself and keeps in the
// data folder (ECDSA P-256, 0600, one file), for localhost, the loopback addresses and `names`
// (host names or addresses without brackets). Makes them when there are none, or when they have
// expired. Throws UsageError with one sentence when they cannot be stored. This process must hold
// the data folder.
[[nodiscard]] std::string self_signed(const std::string& data_folder,
                                      const std::vector<std::string>& names);

}  // namespace holdfast::server::tls
