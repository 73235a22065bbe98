// An HTTP message (RFC 9110 §6) as values and two streams, without sockets. The code that makes a
// Request, the code that answers it and the code that sends the Response do not depend on each
// other. A message does not say who the caller is: that is passed separately. One thread at a time
// owns a request and its response.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdfast::http {

// Header fields of a request, in order. They are views into the connection's head buffer, valid as
// long as the request.
class Fields {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;  // without surrounding OWS
  };
  void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  void clear() { fields_.clear(); }
  // Returns the first field of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  // Returns false when fields of that name have different values.
  [[nodiscard]] bool repeats_one_value(std::string_view name) const;
  // Returns all fields of that name joined with `separator` (RFC 9110 §5.3); nullopt when there is
  // none.
  [[nodiscard]] std::optional<std::string> joined(std::string_view name,
                                                  std::string_view separator = ", ") const;
  [[nodiscard]] std::span<const Field> all() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

// The request's body, read once from start to end. The first read sends 100 (Continue) when the
// client expects it.
class Body {
 public:
  enum class State {
    more,       // bytes were read, or more may follow
    complete,   // the whole body has been read
    truncated,  // the connection ended first
    malformed,  // broken chunked coding
    timed_out,  // slower than the body rate limit
    too_large,  // more than the limit given to read
  };
  struct Piece {
    State state = State::complete;
    std::span<const char> bytes;  // valid until the next read; may be empty with `more`
  };
  virtual ~Body() = default;
  // Returns Content-Length; nullopt for a chunked body, 0 when there is no body.
  [[nodiscard]] virtual std::optional<std::uint64_t> length() const = 0;
  // Returns true when the whole body has arrived already, so that an early refusal would not spare
  // the client from sending it.
  [[nodiscard]] virtual bool has_arrived() const { return false; }
  // Returns the next piece. After any state but `more`, it returns the same state again.
  virtual Piece read() = 0;
  // From now on, read() calls `rest` when it has waited for the client for a while, so that what
  // the caller holds for the body takes little memory meanwhile. An empty function ends that. What
  // `rest` throws, read() throws.
  // Those that heed it keep it. NOLINTNEXTLINE(performance-unnecessary-value-param)
  virtual void when_slow(std::function<void()> /*rest*/) {}
};

// An empty body.
class NoBody final : public Body {
 public:
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return 0; }
  Piece read() override { return {}; }
};

struct Request {
  std::string_view method;
  std::string_view target;  // as sent: origin-form, absolute-form or "*"
  Fields fields;
  Body* body = nullptr;              // never null when handled
  std::string_view scheme = "http";  // that the client used, perhaps to a trusted proxy
  // The host in the client's request, as a trusted proxy reports it; when empty, the Host field
  // counts.
  std::string_view forwarded_host;
  // Returns the host in the client's request, with which its URLs are compared; empty when there is
  // none.
  [[nodiscard]] std::string_view host() const {
    return forwarded_host.empty() ? fields.find("Host").value_or("") : forwarded_host;
  }
};

// Receives a streamed body. `write` throws when the client is gone; callers must not catch that.
class Sink {
 public:
  virtual ~Sink() = default;
  // Takes the bytes without waiting for the client.
  virtual void write(std::string_view bytes) = 0;
};

// Makes a body of unknown length while it is sent. It owns what it reads from (its snapshot); the
// sender destroys it as soon as `produce` returns, before it waits for the client. When `produce`
// throws, the connection is closed so that the response cannot look complete.
class Producer {
 public:
  virtual ~Producer() = default;
  virtual void produce(Sink& sink) = 0;
};

// Bytes of a known length that are read for a body while it is sent. Used by one thread at a time.
class Source {
 public:
  virtual ~Source() = default;
  // Reads up to buffer.size() bytes at `offset` and returns how many; 0 only at the end. Throws
  // when they cannot be read; the connection is then closed.
  [[nodiscard]] virtual std::size_t read(std::uint64_t offset, std::span<char> buffer) = 0;
  // Returns a descriptor for sendfile(2) of these bytes, or -1 when they must be read by `read`.
  // The source owns the descriptor.
  [[nodiscard]] virtual int descriptor(std::uint64_t /*offset*/, std::uint64_t /*length*/) const {
    return -1;
  }
};

// A body read from a source, whole or in ranges.
struct SourceBody {
  // A part of the body: `text` first, then `length` bytes of the source from `offset`.
  struct Run {
    std::string text;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };
  std::unique_ptr<Source> source;
  std::vector<Run> runs;

  [[nodiscard]] std::uint64_t length() const;
};

// A body of a length that is not known before its end. Unlike a Producer it waits for the client:
// it is read as the client takes it, with growing offsets and each byte once. When `read` throws,
// the connection is reset, so that the response cannot look complete.
struct StreamBody {
  std::unique_ptr<Source> source;
};

// What a request changed, for the log of changes. It is never sent.
struct Change {
  std::uint64_t bytes = 0;    // of the content that was stored
  std::string path{};         // percent-encoded, below the prefix
  std::string destination{};  // as `path`, of COPY and MOVE
};

struct Response {
  int status = 200;
  // Field lines "Name: value\r\n" without Date, Server, Content-Length, Transfer-Encoding and
  // Connection, which the sender adds.
  std::string fields;
  // The body; monostate means no body (Content-Length: 0 where a length is required).
  std::variant<std::monostate, std::string, SourceBody, StreamBody, std::unique_ptr<Producer>> body;
  // For HEAD, the length that GET would send; the body is then monostate.
  std::optional<std::uint64_t> head_length;
  // True when the request was refused because the caller lacks a right. Anonymous clients then get
  // a 401 instead, so that they can sign in.
  bool lacks_right = false;
  // Set when the request changed something and that is committed.
  std::optional<Change> changed;
  // True for a 401: what the client signed in with was taken away while the request was under way.
  // The client gets a challenge (RFC 9110 §15.5.2).
  bool signed_out = false;
  // One plain sentence for the log when the request was refused or failed. It is never sent.
  std::string log_detail;
  // The name of the condition that the request failed, for the counters; empty for none.
  std::string_view log_condition;

  // Adds a field. Bytes that could end the line (CR, LF, NUL) become spaces.
  Response& set(std::string_view name, std::string_view value);
  // Returns the value of the first field of that name, if set.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
};

}  // namespace holdfast::http
