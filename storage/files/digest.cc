#include "storage/files/digest.h"

#include <array>
#include <openssl/evp.h>

namespace holdfast::storage::files {

namespace {

[[noreturn]] void cannot_compute() {
  throw Error(Fault::unavailable, "a digest cannot be computed");
}

// The algorithm is fetched once: the lookup by name behind EVP_sha256() costs more than hashing a
// small body.
const EVP_MD* algorithm(const char* name) {
  const EVP_MD* found = EVP_MD_fetch(nullptr, name, nullptr);
  if (!found) cannot_compute();
  return found;
}

evp_md_ctx_st* start(const EVP_MD* algorithm) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  if (!context) cannot_compute();
  if (EVP_DigestInit_ex2(context, algorithm, nullptr) != 1) {
    EVP_MD_CTX_free(context);
    cannot_compute();
  }
  return context;
}

template <std::size_t N>
void finish_into(evp_md_ctx_st* context, std::array<std::uint8_t, N>& out) {
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context, out.data(), &size) != 1 || size != N) cannot_compute();
}

}  // namespace

void Digester::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Digester::Digester(Digests digests) {
  static const EVP_MD* const kSha256 = algorithm("SHA256");
  static const EVP_MD* const kSha1 = algorithm("SHA1");
  sha256_.reset(start(kSha256));
  if (digests.sha1) sha1_.reset(start(kSha1));
  if (digests.md5) {
    static const EVP_MD* const kMd5 = algorithm("MD5");  // absent where only FIPS is allowed
    md5_.reset(start(kMd5));
  }
}

void Digester::add(std::span<const char> bytes) {
  for (evp_md_ctx_st* context : {sha256_.get(), sha1_.get(), md5_.get()}) {
    if (context && EVP_DigestUpdate(context, bytes.data(), bytes.size()) != 1) cannot_compute();
  }
}

Checksums Digester::finish() {
  Checksums sums;
  finish_into(sha256_.get(), sums.sha256);
  if (sha1_) finish_into(sha1_.get(), sums.sha1.emplace());
  if (md5_) finish_into(md5_.get(), sums.md5.emplace());
  return sums;
}

}  // namespace holdfast::storage::files
