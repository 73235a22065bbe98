// The methods that the server knows (RFC 9110 §9.3, RFC 4918 §9), each one row of the table in
// method.cc. From the row derive the dispatch, the values of Allow and DAV, what an anonymous
// client may send, how much of a body is read, which requests one thread may answer for many
// connections, and the methods that metrics count by themselves. A new method is a row and a
// handler, declared in methods/methods.h and defined in a file of its own beside it. Constant; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dav/error.h"
#include "dav/message.h"
#include "storage/accounts.h"
#include "storage/model.h"

namespace holdfast::dav {

struct Call;
struct Options;

// How a method treats the store; decides what an anonymous or read-only client may do.
enum class Access { none, read, write };

// What a Request-URI names; Method::allowed_on is a set of these.
enum Named : unsigned {
  kUnmapped = 1,
  kFile = 2,
  kCollection = 4,
  kAbovePrefix = 8,  // an ancestor of the prefix that all URLs of the server have
  kServer = 16,      // "*" (RFC 9110 §7.1)
};

// What a handler does with the request's body.
enum class BodyUse {
  ignored,  // leaves it unread
  none,     // has none that could mean anything: the engine answers 415 (RFC 4918 §8.4)
  refused,  // answers 415 when there is one
  xml,      // reads it whole
  content,  // stores it piece by piece
};

// When the answer can be expected from memory, judged by the request's head alone.
enum class Quick {
  never,
  with_depth_zero,  // Depth: 0
  always,
};

struct Method {
  std::string_view name;
  Access access;
  // What the caller needs on the target's own path before the handler runs. For methods that only
  // read, being on the way to what may be read is enough here. The handler judges what else the
  // method touches.
  storage::Right right;
  BodyUse body;
  std::uint64_t Options::*body_limit_bytes;  // 413 above it; null for a body that is not read
  unsigned allowed_on;                       // a set of Named; 0: the method is offered nowhere
  Quick quick;
  std::string_view compliance_class;  // that it brings to DAV (RFC 4918 §18); may be empty
  Response (*handle)(Call&);          // null when it is offered nowhere
};

// All of them, in the order in which Allow lists them.
[[nodiscard]] std::span<const Method> methods();
// The method by its exact name; nullptr when this server does not know it.
[[nodiscard]] const Method* find_method(std::string_view name);
// The method that handles the request. Throws Error 405 with Allow for one that is offered nowhere,
// 501 for one that is unknown.
[[nodiscard]] const Method& dispatch(std::string_view name);

// True when a request with these fields has a quick answer, as Method::quick says.
[[nodiscard]] bool is_quick(const Method& method, const Fields& fields);

// Comma-separated names for Allow (RFC 9110 §10.2.1): all methods that are offered anywhere.
[[nodiscard]] std::string_view allowed_methods();
// The same for a resource of this kind, or for an unmapped URL.
[[nodiscard]] std::string_view allowed_on(const std::optional<storage::Resource>& resource);
// 405 with Allow.
[[nodiscard]] Error not_allowed(const std::optional<storage::Resource>& resource,
                                std::string detail);
// The value of DAV (RFC 4918 §10.1).
[[nodiscard]] std::string_view compliance_classes();

}  // namespace holdfast::dav
