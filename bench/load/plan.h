// What the load generator is to do: a small text that names the connections, how long, and the
// steps of one operation. Read once at the start; shared read-only afterwards.
//
//   connections 16
//   duration_s 2            (or: operations 10000)
//   step LOCK /save/{conn}.txt
//   field Timeout: Second-60
//   text <?xml version="1.0"?>...
//   expect 200
//   keep Lock-Token
//   step PUT /save/{conn}.txt
//   field If: ({token})
//   body 1024
//   expect 200 201 204
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::bench {

// What a template's variables stand for while one operation runs.
struct Values {
  std::uint64_t connection = 0;  // {conn}
  std::uint64_t number = 0;      // {n}: counts this connection's operations
  std::uint64_t item = 0;        // {item}: random or in sequence, see Plan
  std::uint64_t per_folder = 1;  // {folder} = item / per_folder, {file} = item % per_folder
  std::string token;             // {token}: what the last `keep` kept
};

// Text with variables in braces. {even} and {odd} are n % 2 and (n + 1) % 2: there and back again.
class Template {
 public:
  Template() = default;
  // Throws std::invalid_argument for an unknown variable. A brace without a known form is text.
  explicit Template(std::string_view text);
  void append_to(std::string& out, const Values& values) const;
  [[nodiscard]] bool empty() const { return pieces_.empty(); }

 private:
  enum class Variable { none, connection, number, item, folder, file, even, odd, token };
  struct Piece {
    std::string text;
    Variable then = Variable::none;
  };
  std::vector<Piece> pieces_;
};

inline constexpr std::size_t kStampBytes =
    48;  // "conn-n ", padded: opens every body of `body SIZE`

// One request and what its answer must be.
struct Step {
  std::string method;
  Template head;  // request line and fields, without Content-Length and the empty line
  bool has_text = false;
  Template text;                 // a body with variables
  std::uint64_t body_bytes = 0;  // a stamped body of this many bytes (when it has no text)
  bool has_body = false;
  std::vector<int> expected;
  std::uint64_t least_length = 0;  // of the answer's body
  std::uint64_t most_length = UINT64_MAX;
  std::string keep;  // this answer field's value becomes {token}
};

struct Plan {
  std::size_t connections = 1;
  double warmup_s = 0;
  double duration_s = 0;         // 0: until `operations` are done
  std::uint64_t operations = 0;  // 0: until `duration_s` is over
  std::uint64_t first = 0;       // where {n} and the sequence of items start
  std::uint64_t items = 1;
  std::uint64_t per_folder = 1;
  bool in_sequence = false;  // {item} counts over all connections; else it is random below items
  double stall_s = 60;       // no answer at all for so long ends the run
  std::uint64_t wrong_limit = 200;  // wrong operations end the run: there is nothing to measure
  std::vector<Step> steps;
};

// Throws std::invalid_argument with the line at fault. `authority` becomes the Host field and
// {host}.
[[nodiscard]] Plan parse_plan(std::string_view text, std::string_view authority);

}  // namespace holdfast::bench
