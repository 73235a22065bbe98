// The client's side of TLS for tests, on a connected socket that it makes non-blocking. It accepts
// any certificate unless it is given one to trust. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>

struct ssl_st;

namespace holdfast::tests {

struct TlsWish {
  std::string version{};      // only "1.2" or only "1.3"; empty: both
  std::string ciphers{};      // of TLS 1.2, at security level 0
  std::string protocols{};    // for ALPN, in its wire form
  std::string name{};         // for SNI
  std::string trusted{};      // PEM file of a CA that must have issued the server's certificate
  std::string certificate{};  // PEM file with the client's own and its key
};

class TlsClient {
 public:
  // Completes the handshake within 20 s. Throws std::runtime_error with the reason when it fails.
  explicit TlsClient(int descriptor, const TlsWish& wish = {});
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // These behave like recv and send without waiting: they return -1 with EAGAIN instead. `receive`
  // returns 0 only after close_notify; for a connection that ends without it, -1 with EPROTO.
  [[nodiscard]] ssize_t receive(char* into, std::size_t size);
  [[nodiscard]] ssize_t send(std::string_view bytes);
  // Returns true when bytes can be received that the socket does not show.
  [[nodiscard]] bool pending() const;
  // Sends close_notify.
  void finish();

  [[nodiscard]] ssl_st* session() const { return session_.get(); }

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  std::unique_ptr<ssl_st, Free> session_;
};

}  // namespace holdfast::tests
