// An accepted TCP socket, plain or under TLS. Reads wait not at all, for a moment, or until a
// deadline; sends have a timeout; files are sent by sendfile(2), under TLS record by record. How it
// waits is for the thread policy to say; without one, the thread waits. The calling thread must
// block SIGPIPE. One thread at a time, but after a wait it may be another one: no function of this
// class keeps errno, which belongs to a thread, over a wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <sys/uio.h>

#include "Poco/Net/StreamSocket.h"
#include "server/net/thread_policy.h"
#include "server/tls/session.h"

namespace holdfast::server::net {

using Clock = std::chrono::steady_clock;

// The longest wait of Wire::receive_soon.
inline constexpr std::chrono::milliseconds kSoon{20};
// The next request of a client on this machine or in its network usually arrives within this time.
inline constexpr std::chrono::microseconds kAwake{100};

class Wire {
 public:
  // `send_timeout` is for each 64 KiB that the client takes. `tls` is a session on the socket's
  // descriptor; nullptr for a plain connection.
  Wire(const Poco::Net::StreamSocket& socket, Clock::duration send_timeout,
       std::unique_ptr<tls::TlsSession> tls = nullptr);

  [[nodiscard]] int descriptor() const { return descriptor_; }

  [[nodiscard]] bool secure() const { return tls_ != nullptr; }
  // Under TLS, before the handshake is done, only these and the last two public functions may be
  // called.
  [[nodiscard]] bool securing() const { return tls_ && !tls_->established(); }
  [[nodiscard]] tls::TlsSession::Handshake handshake() { return tls_->handshake(); }
  // Gives up the handshake: what follows is sent in the clear.
  void drop_tls();
  // Returns TlsSession::client_certificate.
  [[nodiscard]] std::string client_certificate() const { return tls_->client_certificate(); }
  // Returns true when the session must send before it can receive: wait for the socket to be
  // writable instead of readable.
  [[nodiscard]] bool wants_room() const { return tls_ && tls_->wants_room(); }
  // Returns true when receive_now would return bytes although the socket has none.
  [[nodiscard]] bool has_received() const { return tls_ && tls_->has_received(); }

  // Sets the policy of the thread that uses this wire from now on. nullptr: there is none.
  void set_thread_policy(ThreadPolicy* policy) { policy_ = policy; }
  // Call before the thread works long for this wire.
  void dedicate_thread() const {
    if (policy_ != nullptr) policy_->dedicate();
  }

  // Waits in the calling thread until `deadline`. Returns true when the socket is readable, or
  // writable with `for_room`, or has an error that the next call reports.
  [[nodiscard]] bool block(bool for_room, Clock::time_point deadline) const;

  struct Received {
    enum class State { bytes, nothing, ended } state = State::nothing;  // ended: closed or reset
    std::size_t count = 0;
  };
  // Receives what has arrived, without waiting.
  [[nodiscard]] Received receive_now(std::span<char> buffer);
  // Waits for the first byte, kSoon at most. With `awake`, the thread polls for the first kAwake of
  // that.
  [[nodiscard]] Received receive_soon(std::span<char> buffer, bool awake);
  // Waits for the first byte until `deadline`. The content of the buffer may be lost.
  [[nodiscard]] Received receive_until(std::span<char> buffer, Clock::time_point deadline);

  // Sends all pieces. Returns false when the client is gone or took less than 64 KiB within the
  // timeout. `more` says that further bytes follow at once.
  [[nodiscard]] bool send_all(std::initializer_list<std::string_view> pieces, bool more = false);
  // Sends what the socket takes at once and returns how much; nullopt when the client is gone.
  [[nodiscard]] std::optional<std::size_t> send_now(std::initializer_list<std::string_view> pieces);

  enum class FileSent { all, client_gone, file_ended, file_failed };
  // Sends `length` bytes of a file from `offset`.
  [[nodiscard]] FileSent send_file(int file, std::uint64_t offset, std::uint64_t length);
  // Sends what the socket takes at once of `length` bytes and returns how much; nullopt when the
  // client is gone or the file cannot be read.
  [[nodiscard]] std::optional<std::uint64_t> send_file_now(int file, std::uint64_t offset,
                                                           std::uint64_t length);

  // Ends sending (FIN); reading may continue.
  void finish_sending();
  // Makes the close that follows a reset, so that an incomplete response cannot look complete.
  void reset_on_close();

 private:
  [[nodiscard]] Received receive(std::span<char> buffer, int flags);
  [[nodiscard]] Received receive_record(std::span<char> buffer);
  // Sends the gathered plain text as a record; with `wait`, returns when the socket has it or the
  // client is gone.
  [[nodiscard]] tls::TlsSession::Put send_record(bool wait);
  // Sends what the socket had not taken, likewise.
  [[nodiscard]] tls::TlsSession::Put flush_or_wait(tls::TlsSession::Put put, bool wait);
  // Returns how many bytes were taken; `state` says how the last send ended.
  [[nodiscard]] std::size_t send_records(std::initializer_list<std::string_view> pieces, bool wait,
                                         bool more, tls::TlsSession::Put& state);
  [[nodiscard]] FileSent send_file_records(int file, std::uint64_t offset, std::uint64_t length,
                                           bool wait, std::uint64_t& taken);
  // The same, as the policy says: other connections may use the thread meanwhile. The content of
  // `unused` may be lost.
  [[nodiscard]] bool wait(bool for_room, Clock::time_point deadline,
                          std::span<char> unused = {}) const;
  [[nodiscard]] bool wait_for_room();
  [[nodiscard]] std::size_t unacknowledged() const;

  Poco::Net::StreamSocket socket_;
  int descriptor_;
  Clock::duration send_timeout_;
  ThreadPolicy* policy_ = nullptr;
  std::unique_ptr<tls::TlsSession> tls_;  // destroyed before the descriptor is closed
};

}  // namespace holdfast::server::net
