#include "dav/engine.h"

#include <array>
#include <exception>
#include <new>

#include "dav/call.h"
#include "dav/conflict.h"
#include "dav/methods/methods.h"

namespace holdfast::dav {
namespace {

constexpr std::array kMethods = {
    Method{"GET", Access::read, handle_get},
    Method{"PROPFIND", Access::read, handle_propfind},
    Method{"PUT", Access::write, handle_put},
    Method{"HEAD", Access::read, handle_get},
    Method{"OPTIONS", Access::none, handle_options},
    Method{"LOCK", Access::write, handle_lock},
    Method{"UNLOCK", Access::write, handle_unlock},
    Method{"MKCOL", Access::write, handle_mkcol},
    Method{"MOVE", Access::write, handle_move},
    Method{"COPY", Access::write, handle_copy},
    Method{"DELETE", Access::write, handle_delete},
    Method{"PROPPATCH", Access::write, handle_proppatch},
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
      parses_(options_.xml_parses, std::chrono::seconds(options_.xml_wait_s)) {}

Response Engine::handle(Request& request) const {
  Response response;
  try {
    const Method& method = dispatch(request.method);
    Call call{request, names_, contents_, options_, parses_, parse_target(request, options_)};
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
