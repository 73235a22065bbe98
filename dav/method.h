// The methods that the server knows (RFC 9110 §9.3, RFC 4918 §9), each one row of the table in
// method.cc. The row determines the dispatch, the values of Allow and DAV, what an anonymous client
// may send, how much of a body is read, which requests one thread may answer for many connections,
// and which methods metrics count separately. A new method is a row and a handler, declared in
// methods/methods.h and defined in a file of its own beside it. Constant; any thread.
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

// How a method uses the store. It decides what an anonymous or read-only client may do.
enum class Access { none, read, write };

// What a Request-URI names; Method::allowed_on is a set of these.
enum Named : unsigned {
  kUnmapped = 1,
  kFile = 2,
  kCollection = 4,
  kAbovePrefix = 8,   // an ancestor of the prefix that all URLs of the server have
  kServer = 16,       // "*" (RFC 9110 §7.1)
  kPast = 32,         // something in the read-only tree (dav/past.h)
  kFileVersion = 64,  // the history of a file, or a version in it (dav/file_history.h)
};

// What a handler does with the request's body.
enum class BodyUse {
  ignored,  // it leaves the body unread
  none,     // the method defines no body: the engine answers 415 when there is one (RFC 4918 §8.4)
  refused,  // the handler answers 415 when there is one
  xml,      // it reads the whole body
  content,  // it stores the body piece by piece
};

// When the answer can be expected from memory, as the request's header section alone shows.
enum class Quick {
  never,
  with_depth_zero,  // Depth: 0
  always,
};

// What a method does with an upload that goes on after a break (dav/tus.h), in a request whose
// target has the query "upload".
enum class UploadUse { none, describe, begin, look, add, remove };

struct Method {
  std::string_view name;
  Access access;
  // The right that the caller needs on the target's own path before the handler runs. For methods
  // that only read, a path above something readable is enough here. The handler checks the rights
  // on everything else that the method touches.
  storage::Right right;
  BodyUse body;
  std::uint64_t Options::*body_limit_bytes;  // 413 above it; null for a body that is not read
  unsigned allowed_on;                       // a set of Named; 0: the method is offered nowhere
  Quick quick;
  UploadUse upload;
  std::string_view compliance_class;  // for the DAV field (RFC 4918 §18); may be empty
  Response (*handle)(Call&);          // null when it is offered nowhere
};

// Returns all methods, in the order in which Allow lists them.
[[nodiscard]] std::span<const Method> methods();
// Returns the method with exactly this name; nullptr when this server does not know it.
[[nodiscard]] const Method* find_method(std::string_view name);
// Returns the method by which a file gets new content. What stores a file by other ways is judged
// as this one (dav/staged_upload.h).
[[nodiscard]] const Method& storing_method();
// Returns the method with this name. Throws Error 405 with Allow for a method that is offered
// nowhere, 501 for one that is unknown.
[[nodiscard]] const Method& dispatch(std::string_view name);

// Returns true when a request with these fields has a quick answer, as Method::quick says.
[[nodiscard]] bool is_quick(const Method& method, const Fields& fields);

// Returns comma-separated names for Allow (RFC 9110 §10.2.1): all methods that are offered
// anywhere.
[[nodiscard]] std::string_view allowed_methods();
// Returns the value of Allow for a resource of this kind, or for an unmapped URL.
[[nodiscard]] std::string_view allowed_on(const std::optional<storage::Resource>& resource);
// Returns the value of Allow in the read-only tree with the past.
[[nodiscard]] std::string_view allowed_in_past();
// Returns the value of Allow for a version of a file.
[[nodiscard]] std::string_view allowed_on_version();
// Returns a 405 with it.
[[nodiscard]] Error not_allowed_on_version();
// Returns a 405 with Allow.
[[nodiscard]] Error not_allowed(const std::optional<storage::Resource>& resource,
                                std::string detail);
// Returns the value of DAV (RFC 4918 §10.1).
[[nodiscard]] std::string_view compliance_classes();

}  // namespace holdfast::dav
