// SHA-256, and on demand SHA-1 and MD5, of a stream of bytes. One thread at a time.
#pragma once

#include <memory>
#include <span>

#include "storage/content.h"

// OpenSSL's digest state, named without its header.
struct evp_md_ctx_st;

namespace holdfast::storage::files {

class Digester {
 public:
  explicit Digester(Digests digests);
  void add(std::span<const char> bytes);
  // Returns the checksums. Call once, at the end.
  [[nodiscard]] Checksums finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_md_ctx_st, Free>;
  Context sha256_, sha1_, md5_;
};

}  // namespace holdfast::storage::files
