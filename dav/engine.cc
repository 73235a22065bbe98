#include "dav/engine.h"

#include <array>
#include <exception>
#include <new>

#include "dav/call.h"
#include "dav/conflict.h"
#include "dav/methods/methods.h"
#include "dav/propfind_memo.h"
#include "dav/rights.h"

namespace holdfast::dav {
namespace {

using storage::Right;

// OPTIONS says what the server can do, not what is there. MKCOL tells who can see a collection that
// it exists, whatever else they may (clients R50).
constexpr std::array kMethods = {
    Method{"GET", Access::read, Right::read, handle_get},
    Method{"PROPFIND", Access::read, Right::read, handle_propfind},
    Method{"PUT", Access::write, Right::write, handle_put},
    Method{"HEAD", Access::read, Right::read, handle_get},
    Method{"OPTIONS", Access::none, Right::none, handle_options},
    Method{"LOCK", Access::write, Right::write, handle_lock},
    Method{"UNLOCK", Access::write, Right::write, handle_unlock},
    Method{"MKCOL", Access::write, Right::none, handle_mkcol},
    Method{"MOVE", Access::write, Right::write, handle_move},
    Method{"COPY", Access::write, Right::read, handle_copy},
    Method{"DELETE", Access::write, Right::write, handle_delete},
    Method{"PROPPATCH", Access::write, Right::write, handle_proppatch},
};

// Methods that HTTP knows and this server does not offer on any resource.
constexpr std::array<std::string_view, 4> kRefusedMethods = {"POST", "PATCH", "TRACE", "CONNECT"};

Target parse_target(const Request& request, const Options& options) {
  if (request.target == "*") {
    if (request.method != "OPTIONS") throw Error(400, "only OPTIONS may ask about '*'");
    return {};
  }
  Target target =
      parse_url(request.target, options.space, request.fields.find("Host").value_or(""));
  if (target.above_prefix && request.method != "OPTIONS" && request.method != "PROPFIND") {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (request.method == "MKCOL")
      throw not_allowed(storage::Resource{}, "the URL is above the prefix");
    throw Error(reads ? 404 : 403, "the URL is above the prefix");
  }
  return target;
}

const Method& dispatch(std::string_view name) {
  if (const Method* method = find_method(name)) return *method;
  for (std::string_view refused : kRefusedMethods) {
    if (name != refused) continue;
    Error error(405, "the method is not offered");
    error.fields = "Allow: " + std::string(allowed_methods()) + "\r\n";
    throw error;
  }
  throw Error(501, "the method is unknown");
}

// The caller's right on the path that the URL names, whatever is mapped there.
void judge_target(const Call& call, const Method& method) {
  const Right needed = method.right;
  if (needed == Right::none) return;
  const storage::Path& path = call.target.path;
  const Caller& caller = *call.caller;
  if (right_on(caller, path) >= needed) return;
  // Who can see anything at all finds the way there from above the prefix, too.
  if (method.access == Access::read && leads_to_rights(caller, path)) return;
  require_right(call, path, call.target.trailing_slash || path.is_root(), needed);
}

}  // namespace

const Method* find_method(std::string_view name) {
  for (const Method& method : kMethods)
    if (method.name == name) return &method;
  return nullptr;
}

std::string_view allowed_methods() {
  return "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK";
}

Engine::Engine(storage::Namespace& names, storage::ContentStore& contents, Options options)
    : names_(names),
      contents_(contents),
      options_(std::move(options)),
      parses_(options_.xml_parses, std::chrono::seconds(options_.xml_wait_s)),
      propfinds_(std::make_unique<PropFindMemo>(options_, parses_)) {}

Engine::~Engine() = default;

Response Engine::handle(Request& request, const std::shared_ptr<const Caller>& caller) const {
  Response response;
  try {
    const Method& method = dispatch(request.method);
    Call call{request,  caller,  names_,      contents_,
              options_, parses_, *propfinds_, parse_target(request, options_)};
    judge_target(call, method);
    response = method.handle(call);
  } catch (const Error& error) {
    response = answer(error, request, options_);
  } catch (const storage::Error& error) {
    response = answer(to_refusal(error), request, options_);
  } catch (const std::bad_alloc&) {
    response = answer(Error(503, "out of memory"), request, options_);
  } catch (const std::exception& error) {
    response = answer(Error(500, error.what()), request, options_);
  }
  if (request.method == "HEAD") {
    if (const auto* text = std::get_if<std::string>(&response.body)) {
      response.head_length = text->size();
      response.body = std::monostate{};
    }
  }
  return response;
}

Response refuse(const Request& request, const Options& options, int status, std::string_view detail,
                std::string_view sentence) {
  Error error(status, std::string(detail));
  error.message = sentence;
  return answer(error, request, options);
}

}  // namespace holdfast::dav
