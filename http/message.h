// An HTTP message (RFC 9110 §6) as values and two streams, without sockets. Who makes a Request,
// who answers it with a Response and who sends that need not know each other, and what the message
// is about is theirs alone: whoever asks stands beside it. One thread at a time owns a request and
// its response.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdfast::http {

// Header fields of a request, in order. Views into the connection's head buffer, valid as long as
// the request is.
class Fields {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;  // without surrounding OWS
  };
  void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  void clear() { fields_.clear(); }
  // The first field of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  // False when fields of that name have different values.
  [[nodiscard]] bool repeats_one_value(std::string_view name) const;
  // All fields of that name joined with ", " (RFC 9110 §5.3), or with what else separates them;
  // nullopt when there is none.
  [[nodiscard]] std::optional<std::string> joined(std::string_view name,
                                                  std::string_view separator = ", ") const;
  [[nodiscard]] std::span<const Field> all() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

// The request's body, read once from start to end. The first read invites it (100 Continue).
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
  // Content-Length; nullopt for chunked. 0 when there is no body.
  [[nodiscard]] virtual std::optional<std::uint64_t> length() const = 0;
  // True when all of it is here already: no client could be spared sending it.
  [[nodiscard]] virtual bool has_arrived() const { return false; }
  // The next piece. After any state but `more`, the same state again.
  virtual Piece read() = 0;
};

// A body that is none.
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
  std::string_view scheme = "http";  // as the client spoke it, to a trusted proxy if need be
  // The host that a trusted proxy says the client asked for; empty: the Host field's.
  std::string_view forwarded_host;
  // The host that the client asked for, against which its URLs are judged; empty without one.
  [[nodiscard]] std::string_view host() const {
    return forwarded_host.empty() ? fields.find("Host").value_or("") : forwarded_host;
  }
};

// Receives a streamed body. Throws when the client is gone, which must pass through.
class Sink {
 public:
  virtual ~Sink() = default;
  // Never waits for the client.
  virtual void write(std::string_view bytes) = 0;
};

// Makes a body of unknown length while it is sent. Owns what it reads from (its snapshot); the
// sender destroys it as soon as produce returns, before it waits for the client. When produce
// throws, the connection is cut so that the answer cannot look complete.
class Producer {
 public:
  virtual ~Producer() = default;
  virtual void produce(Sink& sink) = 0;
};

// Bytes of a known length from which a body is taken while it is sent. Used by one thread at a
// time.
class Source {
 public:
  virtual ~Source() = default;
  // Reads up to buffer.size() bytes at `offset` and returns how many; 0 only at the end. Throws
  // when they cannot be read; the connection is then cut.
  [[nodiscard]] virtual std::size_t read(std::uint64_t offset, std::span<char> buffer) = 0;
  // A descriptor for sendfile(2) of these bytes, or -1 when they must be taken through read. Owned
  // by the source.
  [[nodiscard]] virtual int descriptor(std::uint64_t /*offset*/, std::uint64_t /*length*/) const {
    return -1;
  }
};

// A body taken from a source, whole or in ranges.
struct SourceBody {
  // A run of the body: `text` first, then `length` bytes of the source from `offset`.
  struct Run {
    std::string text;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };
  std::unique_ptr<Source> source;
  std::vector<Run> runs;

  [[nodiscard]] std::uint64_t length() const;
};

struct Response {
  int status = 200;
  // Field lines "Name: value\r\n" without Date, Server, Content-Length, Transfer-Encoding and
  // Connection, which the sender adds.
  std::string fields;
  // The body; monostate is none (Content-Length: 0 where a length is due).
  std::variant<std::monostate, std::string, SourceBody, std::unique_ptr<Producer>> body;
  // For HEAD: the length that GET would announce; the body is then monostate.
  std::optional<std::uint64_t> head_length;
  // Refused because the caller has not the right, whatever else: anonymous clients are better told
  // to sign in (401).
  bool lacks_right = false;
  // One plain sentence for the log when the request was refused or failed; never sent.
  std::string log_detail;

  // Adds a field. Bytes that could end the line (CR, LF, NUL) become spaces.
  Response& set(std::string_view name, std::string_view value);
  // The value of the first field of that name, if set.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
};

}  // namespace holdfast::http
