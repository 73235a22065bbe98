#include "dav/engine.h"

#include <exception>
#include <new>
#include <random>

#include "dav/body.h"
#include "dav/call.h"
#include "dav/chunked_upload.h"
#include "dav/file_history.h"
#include "dav/folder_sizes.h"
#include "dav/method.h"
#include "dav/nextcloud_past.h"
#include "dav/past.h"
#include "dav/propfind_cache.h"
#include "dav/refusal.h"
#include "dav/rights.h"
#include "dav/sync_client.h"
#include "dav/tus.h"
#include "http/origin.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

// Parses the target, and checks what can be checked about the method without the store. Throws
// Error 400, 403, 404, 405 or 414.
Target parse_target(const Request& request, const Method& method, const Options& options) {
  if (request.target == "*") {
    if ((method.allowed_on & kServer) == 0)
      throw Error(400, "the method is not one that asks about '*'");
    return {};
  }
  Target target =
      parse_url(request.target, options.space, request.fields.find("Host").value_or(""));
  if (target.above_prefix && (method.allowed_on & kAbovePrefix) == 0) {
    // The URL names a collection, which cannot be made.
    if (method.allowed_on == kUnmapped)
      throw not_allowed(storage::Resource{}, "the URL is above the prefix");
    throw Error(method.access == Access::read ? 404 : 403, "the URL is above the prefix");
  }
  return target;
}

// Returns the target of a request on an upload in parts. It names nothing in the tree.
Target target_as_asked(const Request& request) {
  Target target;
  const auto url = http::split_absolute_form(request.target);
  const std::string_view path = url ? url->path : request.target;
  target.spelling = path.substr(0, path.find('?'));
  return target;
}

// Returns the account's name; empty when there is no such account.
std::string account_name(const storage::Namespace& names, storage::AccountId id) {
  const std::shared_ptr<const storage::Accounts> accounts = names.accounts();
  const storage::Account* account = accounts->find(id);
  return account ? account->name : std::string();
}

// Refuses a body that has no meaning for the method (RFC 4918 §8.4). An empty body is no body,
// chunked or not.
void refuse_body(const Call& call) {
  Body& body = *call.request.body;
  if (body.length() == 0) return;
  for (bool some = body.length().has_value();;) {
    if (some) {
      Error error(415, "the method has no body");
      error.message = "This method takes no body.";
      throw error;
    }
    const Body::Piece piece = body.read();
    some = !piece.bytes.empty();
    if (some || piece.state == Body::State::more) continue;
    if (piece.state == Body::State::complete) return;
    throw body_error(piece.state);
  }
}

}  // namespace

Engine::Engine(storage::Namespace& names, storage::ContentStore& contents, Options options,
               std::shared_ptr<storage::SpaceLedger> space, storage::Staging* staging)
    : names_(names),
      contents_(contents),
      options_(std::move(options)),
      parses_(options_.xml_parses, std::chrono::seconds(options_.xml_wait_s)),
      space_(std::move(space)),
      staging_(staging),
      propfinds_(std::make_unique<PropFindCache>(options_, parses_)),
      sizes_(std::make_unique<FolderSizes>()) {
  const auto available = [&contents] { return contents.space().available; };
  if (!space_)
    space_ = std::make_shared<storage::SpaceLedger>(storage::SpaceLedger::Limits{}, available,
                                                    available);
  space_->set_floor(options_.free_space_floor_bytes);
}

Engine::~Engine() = default;

const Options& Engine::options_below(const std::vector<std::string>& prefix) const {
  const std::lock_guard lock(sync_mutex_);
  const auto found = sync_options_.find(prefix);
  if (found != sync_options_.end()) return found->second;
  Options options = options_;
  options.space.prefix = prefix;
  options.for_sync_clients = true;
  return sync_options_.emplace(prefix, std::move(options)).first->second;
}

const Options& Engine::options_of(const LinkTarget& link) const {
  const std::lock_guard lock(sync_mutex_);
  const std::pair key(link.segment, link.base);
  const auto found = link_options_.find(key);
  if (found != link_options_.end()) return found->second;
  Options options = options_;
  options.space.prefix.push_back(link.segment);
  options.space.link = true;
  options.space.base = link.base;
  return link_options_.emplace(key, std::move(options)).first->second;
}

Response Engine::handle(Request& request, const std::shared_ptr<const Caller>& caller,
                        const SyncTarget* sync, const LinkTarget* link) const {
  Response response;
  const Options& options = link != nullptr   ? options_of(*link)
                           : sync != nullptr ? options_below(sync->prefix)
                                             : options_;
  try {
    std::optional<std::string_view> upload = upload_in(request);
    if (sync != nullptr) upload.reset();
    const SyncTarget::Kind kind = sync != nullptr ? sync->kind : SyncTarget::Kind::file;
    const Method& method = upload && find_method(request.method) != nullptr
                               ? storing_method()
                               : dispatch(request.method);
    Call call{request,
              caller,
              method,
              names_,
              contents_,
              options,
              parses_,
              bodies_,
              *propfinds_,
              *sizes_,
              *space_,
              staging_,
              kind == SyncTarget::Kind::file ? parse_target(request, method, options)
                                             : target_as_asked(request)};
    if (kind == SyncTarget::Kind::upload) {
      response = handle_chunks(call, *sync);
    } else if (kind == SyncTarget::Kind::trashbin) {
      response = handle_trashbin(call, *sync);
    } else if (kind == SyncTarget::Kind::versions) {
      response = handle_versions(call, *sync);
    } else if (upload) {
      response = handle_upload(call, *upload);
    } else {
      if (is_past(options, call.target.path)) {
        response = answer_past(call);
      } else if ((method.allowed_on & kFileVersion) == 0 && asked_history(request.target)) {
        throw not_allowed_on_version();
      } else {
        require_right_on_target(call);
        if (method.body == BodyUse::none) refuse_body(call);
        response = method.handle(call);
      }
      if (response.changed) response.changed->path = href({}, call.target.path, false);
    }
  } catch (Error& error) {
    if (error.lock) error.lock_creator = account_name(names_, error.lock->creator);
    response = to_response(error, request, options);
  } catch (const storage::Error& error) {
    response = to_response(to_refusal(error), request, options);
  } catch (const std::bad_alloc&) {
    response = to_response(Error(503, "out of memory"), request, options);
  } catch (const std::exception& error) {
    response = to_response(Error(500, error.what()), request, options);
  }
  if (request.method == "HEAD") {
    if (const auto* text = std::get_if<std::string>(&response.body)) {
      response.head_length = text->size();
      response.body = std::monostate{};
    }
  }
  return response;
}

}  // namespace holdfast::dav
