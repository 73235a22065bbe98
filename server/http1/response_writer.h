// Sends one response (RFC 9112 §6, §7): head and small body in one send, stored content with
// sendfile(2), a produced body without waiting for the client while its producer exists. A response
// that cannot be finished ends with a reset, so that no client takes it for complete. One thread at
// a time.
#pragma once

#include <cstdint>
#include <string>

#include "http/message.h"
#include "server/http1/buffers.h"
#include "server/http1/limits.h"
#include "server/net/wire.h"

namespace holdfast::server::http1 {

class ResponseWriter {
 public:
  // What the request says about the response's form.
  struct Terms {
    bool head_only = false;  // HEAD
    bool http10 = false;
    bool keep_alive = true;
  };
  struct Outcome {
    bool whole = false;       // every byte was given to the socket
    bool began = false;       // some bytes were
    bool keep_alive = false;  // the connection persists, as the response said
    std::uint64_t body_bytes = 0;
    int status = 0;      // as sent; 500 when the producer failed at once
    std::string detail;  // why it was cut or replaced
  };

  // `address` is the client's, numeric. All arguments must outlive the writer.
  ResponseWriter(net::Wire& wire, Buffers& space, const Limits& limits, const std::string& address)
      : wire_(wire), space_(space), limits_(limits), address_(address) {}

  // Consumes the body. Never throws.
  [[nodiscard]] Outcome send(http::Response& response, Terms terms) noexcept;

 private:
  class Stream;

  void begin_head(const http::Response& response);
  void end_head(bool keep_alive);
  void end_head_with_length(int status, std::uint64_t length);
  void send_text(const http::Response& response, std::string_view body);
  void send_content(const http::Response& response, const http::SourceBody& body);
  void send_run(const http::SourceBody& body, const http::SourceBody::Run& run);
  void send_stream(const http::Response& response, http::Source& source);
  void send_produced(http::Response& response);
  void send_without_body(const http::Response& response);
  void cut(std::string detail);

  net::Wire& wire_;
  Buffers& space_;
  const Limits& limits_;
  const std::string& address_;
  Terms terms_;
  Outcome outcome_;
};

}  // namespace holdfast::server::http1
