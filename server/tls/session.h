// The TLS side of one connection (RFC 8446, RFC 5246): OpenSSL on the connection's own descriptor.
// Nothing here ever waits; who must wait is told for what. One thread at a time.
//
// A record that the socket did not take is kept here until flush() has sent it, so that to the
// caller it is gone, as bytes in the socket's own buffer are.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace holdfast::server::tls {

class TlsSession {
 public:
  // Most plain text of one record (RFC 8446 §5.1).
  static constexpr std::size_t kRecordBytes = 16 * 1024;

  // The descriptor must outlive the session. Throws std::bad_alloc.
  TlsSession(ssl_ctx_st* context, int descriptor);
  // Says close_notify if the session stands and abandon() was not called.
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Handshake {
    done,
    wants_bytes,  // from the client
    wants_room,   // to send to it
    plain_text,   // the client speaks no TLS but something like HTTP; nothing of it was read
    failed,       // an alert has been sent
    ended,        // the client is gone
  };
  // Goes on with the handshake as far as it can.
  [[nodiscard]] Handshake handshake();
  [[nodiscard]] bool established() const { return established_; }

  // SHA-256 of the DER of the client's certificate, which was verified; empty when it has none.
  [[nodiscard]] std::string client_certificate() const;

  enum class Read { bytes, nothing, ended };
  // What has arrived. With `nothing`, everything that has been received was given out. `ended` also
  // for a client that sends much and no data in it.
  [[nodiscard]] Read receive(std::span<char> buffer, std::size_t& count);
  // Something was received that receive() has not given out yet.
  [[nodiscard]] bool has_received() const;
  // The session needs to send before it can receive.
  [[nodiscard]] bool wants_room() const { return wants_room_; }

  enum class Put { taken, blocked, gone };
  // Sends one record of at most kRecordBytes; nothing may be left to flush. With `blocked` it is
  // kept: flush() when there is room.
  [[nodiscard]] Put put(std::string_view record);
  [[nodiscard]] Put flush();
  // Says close_notify: nothing more will be sent.
  void finish();
  // From now on nothing is sent any more: the other end must take the connection for cut.
  void abandon() { sound_ = false; }

  // Plain text that waits to become a record. The caller's.
  std::string gathered;

 private:
  struct Channel;
  struct Free {
    void operator()(ssl_st* session) const;
  };

  int descriptor_;
  bool begun_ = false;  // the client's first byte was seen
  bool established_ = false;
  bool sound_ = true;       // may still send
  bool starved_ = false;    // the socket had nothing more to read
  bool peer_done_ = false;  // the socket is at its end
  bool wants_room_ = false;
  std::size_t idle_bytes_ = 0;  // received since the last byte of data
  std::unique_ptr<ssl_st, Free> session_;
  std::string pending_;
};

}  // namespace holdfast::server::tls
