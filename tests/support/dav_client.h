// A client that calls a dav::Engine in memory, as the server's exchange does over a socket. One
// thread.
//
//   DavClient dav(engine);
//   Answer answer = dav.send("PUT", "/a.txt", {{"If-None-Match", "*"}}, "hello");
//   EXPECT_EQ(answer.status, 201);
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dav/engine.h"
#include "http/message.h"

namespace holdfast::test {

// A body in memory that arrives in pieces and can end with an error.
class StringBody final : public http::Body {
 public:
  explicit StringBody(std::string bytes) : bytes_(std::move(bytes)) {}

  // Makes the body chunked: its length is not known beforehand.
  StringBody& chunked() {
    chunked_ = true;
    return *this;
  }
  // Makes the body end with `state` after `after` bytes. The announced length stays that of the
  // whole body.
  StringBody& ends(State state, std::size_t after) {
    end_ = state;
    limit_ = after;
    return *this;
  }
  StringBody& pieces_of(std::size_t bytes) {
    piece_ = bytes;
    return *this;
  }
  // Makes the body arrive together with the head.
  StringBody& arrived() {
    arrived_ = true;
    return *this;
  }

  [[nodiscard]] std::optional<std::uint64_t> length() const override;
  [[nodiscard]] bool has_arrived() const override { return arrived_; }
  Piece read() override;

  // Returns true when read was called: a server would have sent 100 (Continue).
  [[nodiscard]] bool invited() const { return invited_; }
  // Returns the number of bytes read so far.
  [[nodiscard]] std::size_t consumed() const { return offset_; }

 private:
  std::string bytes_;
  bool chunked_ = false;
  State end_ = State::complete;
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  std::size_t piece_ = std::size_t{16} * 1024;
  std::size_t offset_ = 0;
  bool arrived_ = false;
  bool invited_ = false;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// A response, rendered.
struct Answer {
  int status = 0;
  Headers headers;
  std::string body;
  // The value of Content-Length; nullopt for a streamed body.
  std::optional<std::uint64_t> length;
  std::string log_detail;
  bool lacks_right = false;  // as in http::Response
  bool signed_out = false;   // likewise
  // True when a Producer or a ContentReader threw while the body was made: a server would close the
  // connection.
  bool cut = false;

  // Returns the value of the first field of that name; empty when there is none.
  [[nodiscard]] std::string header(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  // Returns the token in Lock-Token, without brackets.
  [[nodiscard]] std::string lock_token() const;
};

// Runs the body of `response` to its end.
[[nodiscard]] Answer render(http::Response response);

// Returns an account's id for callers who need none in the store: the same for the same name,
// kNobody for an empty name.
[[nodiscard]] storage::AccountId account_named(std::string_view name);

class DavClient {
 public:
  // The engine must outlive the client.
  explicit DavClient(const dav::Engine& engine) : engine_(engine) {}

  Answer send(std::string_view method, std::string_view target, const Headers& headers = {},
              std::string_view body = {});
  // Sends a request with a body that the test made.
  Answer send(std::string_view method, std::string_view target, const Headers& headers,
              http::Body& body);

  // Sends every request as this caller from now on.
  void as(std::shared_ptr<const dav::Caller> caller) { caller_ = std::move(caller); }
  // Sends every request as an account of this name, with the id of account_named(), that may write
  // everything.
  void as(std::string principal);
  void over(std::string scheme) { scheme_ = std::move(scheme); }
  // From now on, URLs below /remote.php/ are those of sync clients (dav/sync_client.h).
  void sync_clients() { sync_clients_ = true; }
  void host(std::string host) { host_ = std::move(host); }
  // Sets the host of the client's request as a trusted proxy reports it.
  void forwarded_host(std::string host) { forwarded_host_ = std::move(host); }

 private:
  const dav::Engine& engine_;
  std::shared_ptr<const dav::Caller> caller_ = dav::anonymous_caller(storage::Right::write);
  bool sync_clients_ = false;
  std::string scheme_ = "http";
  std::string host_ = "localhost:8080";
  std::string forwarded_host_;
};

}  // namespace holdfast::test
