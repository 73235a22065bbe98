// A client of somebody else's, on the wire: what a trace says goes out byte for byte, on one
// connection that is kept open as such clients keep it, and every 207 is held to what the strictest
// client needs of its form. One thread.
//
//   Wire wire(port, "User-Agent: davfs2/1.7.0 neon/0.32.5\r\nTE: trailers\r\n");
//   const auto lock = wire.ask("LOCK /dav/n.txt", "If-None-Match: *\r\nDepth: 0\r\n", lockinfo);
//   EXPECT_EQ(lock.status, 201);
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/raw_http.h"

namespace holdfast::test {

struct Property {
  std::string xmlns, name, text;
  std::vector<std::string> children;  // local names
  int status = 0;                     // of its propstat
};

struct Entry {
  std::string href;
  std::vector<Property> properties;

  // The text of a property with status 200; "(none)" without it.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] const Property* find(std::string_view name) const;
  // The status of every property that is listed; 0 when they differ or there is none.
  [[nodiscard]] int common_status() const;
};

struct WireAnswer {
  int status = 0;
  std::string reason;
  std::string body;
  std::multimap<std::string, std::string> fields;  // names in lower case
  std::vector<Entry> entries;                      // of a 207

  [[nodiscard]] std::string field(const std::string& lower_case_name) const;
  // From Lock-Token, without brackets.
  [[nodiscard]] std::string lock_token() const;
  // As webdavfs reads it: the text of the last href inside a locktoken, whatever the prefix.
  [[nodiscard]] std::string last_token_in_body() const;
  // The text of DAV:owner, white space and all.
  [[nodiscard]] std::string owner() const;
};

// When a client shows who it is.
enum class Signing {
  beforehand,  // Basic with every request, from the first on (rclone, Joplin)
  once_asked,  // from the first 401 on (neon, libsoup, curl, macOS)
  each_time    // every request goes without first, its body too, and again after the 401 (Windows)
};

struct Person {
  std::string name, password;
  Signing signing = Signing::once_asked;
  // Sent while nothing is shown: "Authorization: Bearer\r\n" by Office.
  std::string instead;
};

class Wire {
 public:
  // `always`: field lines of every request, without Host. With `tls` over TLS, believing any
  // certificate. `person`: signs in by Digest where that is offered, else by Basic; every 401
  // before that is held to what clients need of a challenge, and to leave the connection open.
  Wire(std::uint16_t port, std::string always, bool tls = false,
       std::optional<Person> person = std::nullopt);

  // `what` is "METHOD target", `lines` further field lines, each with its CRLF. A body that is not
  // empty brings Content-Length; without one there is none of it, as with neon, unless `lines` say
  // so.
  WireAnswer ask(std::string_view what, std::string_view lines = {}, std::string_view body = {});
  // The same with chunked coding, in chunks of `chunk` bytes.
  WireAnswer ask_chunked(std::string_view what, std::string_view lines, std::string_view body,
                         std::size_t chunk = 4096);
  // Sends chunks of `body` and then nothing: the client is gone.
  void abandon(std::string_view what, std::string_view lines, std::string_view body);

  // The URL of a path as this client writes it.
  [[nodiscard]] std::string url(std::string_view path) const;

  // 401s so far.
  [[nodiscard]] int challenges() const { return challenges_; }

 private:
  std::string head(std::string_view what, std::string_view lines);
  // Authorization for the next request, or what the person sends instead.
  std::string authorization(std::string_view what);
  WireAnswer receive(std::string_view what);
  // Sends what `request` makes, and once more after a challenge.
  WireAnswer exchange(std::string_view what, const std::function<std::string()>& request);
  void take_challenge(const WireAnswer& answer, std::string_view what);

  std::uint16_t port_;
  std::string always_;
  bool tls_;
  std::optional<Person> person_;
  bool asked_ = false;
  int challenges_ = 0;
  std::string nonce_;  // of Digest; empty: Basic
  std::string algorithm_;
  unsigned count_ = 0;
  tests::RawClient connection_;
};

}  // namespace holdfast::test
