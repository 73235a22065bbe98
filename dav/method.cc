#include "dav/method.h"

#include <set>
#include <string>
#include <utility>

#include "dav/methods/methods.h"
#include "dav/options.h"

namespace holdfast::dav {
namespace {

using storage::Right;

constexpr unsigned kMapped = kFile | kCollection;
constexpr unsigned kEverywhere = kUnmapped | kMapped | kAbovePrefix | kServer;
constexpr unsigned kKept = kPast | kFileVersion;
constexpr unsigned kMappedOrKept = kMapped | kKept;
constexpr unsigned kListed = kMappedOrKept | kAbovePrefix;
constexpr unsigned kNowhere = 0;

constexpr auto kNoLimit = nullptr;
constexpr auto kContentLimit = &Options::body_limit_bytes;
constexpr auto kXmlLimit = &Options::xml_limit_bytes;
constexpr auto kProppatchLimit = &Options::proppatch_limit_bytes;

// OPTIONS says what the server can do, not what is there, so it needs no right. MKCOL answers every
// caller who can see a collection that it exists, whatever other rights the caller has
// (docs/clients.md R50); its handler checks the right. POST, TRACE and CONNECT are methods of HTTP
// and are offered nowhere; POST begins uploads (dav/tus.h).
// clang-format off
constexpr Method kMethods[] = {
  // name, access, right on the target, body, its limit, allowed on, quick, on an upload, compliance class, handler
  {"OPTIONS",   Access::none,  Right::none,  BodyUse::none,    kNoLimit,        kEverywhere | kKept,     Quick::always,          UploadUse::describe, "",  handle_options},
  {"GET",       Access::read,  Right::read,  BodyUse::ignored, kNoLimit,        kMappedOrKept,           Quick::always,          UploadUse::none,     "",  handle_get},
  {"HEAD",      Access::read,  Right::read,  BodyUse::ignored, kNoLimit,        kMappedOrKept,           Quick::always,          UploadUse::look,     "",  handle_get},
  {"PUT",       Access::write, Right::write, BodyUse::content, kContentLimit,   kUnmapped | kFile,       Quick::never,           UploadUse::none,     "",  handle_put},
  {"DELETE",    Access::write, Right::write, BodyUse::none,    kNoLimit,        kMapped,                 Quick::never,           UploadUse::remove,   "",  handle_delete},
  {"MKCOL",     Access::write, Right::none,  BodyUse::refused, kProppatchLimit, kUnmapped,               Quick::never,           UploadUse::none,     "1", handle_mkcol},
  {"COPY",      Access::write, Right::read,  BodyUse::none,    kNoLimit,        kMappedOrKept,           Quick::never,           UploadUse::none,     "1", handle_copy},
  {"MOVE",      Access::write, Right::write, BodyUse::none,    kNoLimit,        kMapped,                 Quick::never,           UploadUse::none,     "1", handle_move},
  {"PROPFIND",  Access::read,  Right::read,  BodyUse::xml,     kXmlLimit,       kListed,                 Quick::with_depth_zero, UploadUse::none,     "1", handle_propfind},
  {"PROPPATCH", Access::write, Right::write, BodyUse::xml,     kProppatchLimit, kMapped,                 Quick::never,           UploadUse::none,     "1", handle_proppatch},
  {"REPORT",    Access::read,  Right::read,  BodyUse::xml,     kXmlLimit,       kMapped,                 Quick::never,           UploadUse::none,     "",  handle_report},
  {"SEARCH",    Access::read,  Right::read,  BodyUse::xml,     kXmlLimit,       kMapped,                 Quick::never,           UploadUse::none,     "",  handle_search},
  {"LOCK",      Access::write, Right::write, BodyUse::xml,     kXmlLimit,       kUnmapped | kMapped,     Quick::never,           UploadUse::none,     "2", handle_lock},
  {"UNLOCK",    Access::write, Right::write, BodyUse::none,    kNoLimit,        kMapped,                 Quick::never,           UploadUse::none,     "2", handle_unlock},
  {"POST",      Access::none,  Right::none,  BodyUse::ignored, kNoLimit,        kNowhere,                Quick::never,           UploadUse::begin,    "",  nullptr},
  {"PATCH",     Access::write, Right::write, BodyUse::content, kContentLimit,   kFile,                   Quick::never,           UploadUse::add,      "sabredav-partialupdate", handle_patch},
  {"TRACE",     Access::none,  Right::none,  BodyUse::ignored, kNoLimit,        kNowhere,                Quick::never,           UploadUse::none,     "",  nullptr},
  {"CONNECT",   Access::none,  Right::none,  BodyUse::ignored, kNoLimit,        kNowhere,                Quick::never,           UploadUse::none,     "",  nullptr},
};
// clang-format on

void append_element(std::string& list, std::string_view element) {
  if (!list.empty()) list += ", ";
  list += element;
}

// Returns the names of the methods that are allowed on any of `named`.
std::string names_allowed_on(unsigned named) {
  std::string names;
  for (const Method& method : kMethods)
    if ((method.allowed_on & named) != 0) append_element(names, method.name);
  return names;
}

// Returns a 405 with this value of Allow.
Error refused_with_allow(std::string_view allow, std::string detail) {
  Error error(405, std::move(detail));
  error.fields = "Allow: " + std::string(allow) + "\r\n";
  return error;
}

}  // namespace

std::span<const Method> methods() { return kMethods; }

const Method* find_method(std::string_view name) {
  for (const Method& method : kMethods)
    if (method.name == name) return &method;
  return nullptr;
}

const Method& storing_method() { return *find_method("PUT"); }

const Method& dispatch(std::string_view name) {
  const Method* const method = find_method(name);
  if (method == nullptr)
    throw Error(501, "the method " + std::string(name.substr(0, 32)) + " is unknown here");
  if (method->handle == nullptr)
    throw refused_with_allow(allowed_methods(), std::string(name) + " is not offered here");
  return *method;
}

bool is_quick(const Method& method, const Fields& fields) {
  return method.quick == Quick::always ||
         (method.quick == Quick::with_depth_zero && fields.find("Depth") == "0");
}

std::string_view allowed_methods() {
  static const std::string names = names_allowed_on(kEverywhere);
  return names;
}

std::string_view allowed_on(const std::optional<storage::Resource>& resource) {
  static const std::string unmapped = names_allowed_on(kUnmapped);
  static const std::string file = names_allowed_on(kFile);
  static const std::string collection = names_allowed_on(kCollection);
  if (!resource) return unmapped;
  return resource->is_collection() ? collection : file;
}

std::string_view allowed_on_version() {
  static const std::string names = names_allowed_on(kFileVersion);
  return names;
}

std::string_view allowed_in_past() {
  static const std::string names = names_allowed_on(kPast);
  return names;
}

Error not_allowed_on_version() {
  return refused_with_allow(allowed_on_version(), "a version of a file does not change");
}

Error not_allowed(const std::optional<storage::Resource>& resource, std::string detail) {
  return refused_with_allow(allowed_on(resource), std::move(detail));
}

std::string_view compliance_classes() {
  static const std::string classes = [] {
    std::set<std::string_view> listed = {""};
    std::string list;
    // No method brings class 3: it says that all of them follow RFC 4918 (RFC 4918 §18.3). Clients
    // look for numbers at the front.
    for (const std::string_view own : {"12", "3", ""})
      for (const Method& method : kMethods) {
        const std::string_view name = own == "3" ? own : method.compliance_class;
        const bool fits = own.empty() || own.find(name) != std::string_view::npos;
        if (fits && listed.insert(name).second) append_element(list, name);
      }
    return list;
  }();
  return classes;
}

}  // namespace holdfast::dav
