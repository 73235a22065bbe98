// The TLS side of one connection (RFC 8446, RFC 5246): OpenSSL on the connection's own descriptor.
// Nothing here waits; results say for what the caller must wait. One thread at a time.
//
// A record that the socket did not take is kept here until flush() has sent it. For the caller it
// counts as sent, like bytes in the socket's own buffer.
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
  // The most bytes of plain text in one record (RFC 8446 §5.1).
  static constexpr std::size_t kRecordBytes = 16 * 1024;

  // The descriptor must outlive the session. Throws std::bad_alloc.
  TlsSession(ssl_ctx_st* context, int descriptor);
  // Sends close_notify if the session is established and abandon() was not called.
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Handshake {
    done,
    wants_bytes,  // wait for bytes from the client
    wants_room,   // wait for room to send
    plain_text,   // the client speaks no TLS but something like HTTP; nothing of it was read
    failed,       // an alert has been sent
    ended,        // the client is gone
  };
  // Continues the handshake as far as it can.
  [[nodiscard]] Handshake handshake();
  [[nodiscard]] bool established() const { return established_; }

  // Returns the SHA-256 of the DER of the client's verified certificate; empty when it has none.
  [[nodiscard]] std::string client_certificate() const;

  enum class Read { bytes, nothing, ended };
  // Returns what has arrived. With `nothing`, everything that was received has been returned.
  // `ended` is returned also for a client that sends much without application data.
  [[nodiscard]] Read receive(std::span<char> buffer, std::size_t& count);
  // Returns true when bytes were received that receive() has not returned yet.
  [[nodiscard]] bool has_received() const;
  // Returns true when the session must send before it can receive.
  [[nodiscard]] bool wants_room() const { return wants_room_; }

  enum class Put { taken, blocked, gone };
  // Sends one record of at most kRecordBytes, and empties it. Nothing may be left to flush. With
  // `blocked` the record is kept here: call flush() when there is room.
  [[nodiscard]] Put put(std::string& record);
  [[nodiscard]] Put flush();
  // Sends close_notify: nothing more will be sent.
  void finish();
  // From now on nothing is sent, not even close_notify, so that the client sees that the connection
  // was cut.
  void abandon() { sound_ = false; }

  // Plain text that waits to become a record. Only the caller uses it.
  std::string gathered;

 private:
  struct Channel;
  [[nodiscard]] Put write(std::string_view record);
  struct Free {
    void operator()(ssl_st* session) const;
  };

  int descriptor_;
  bool begun_ = false;  // the client's first byte was seen
  bool established_ = false;
  bool sound_ = true;       // may still send
  bool starved_ = false;    // the last read found nothing in the socket
  bool peer_done_ = false;  // the client has closed the socket
  bool wants_room_ = false;
  std::size_t idle_bytes_ = 0;  // received since the last byte of data
  std::unique_ptr<ssl_st, Free> session_;
  std::string pending_;
};

}  // namespace holdfast::server::tls
