#include "dav/property.h"

#include <algorithm>
#include <array>

#include "dav/headers.h"
#include "dav/locks.h"
#include "dav/rights.h"
#include "http/date.h"
#include "http/media_type.h"
#include "text/hex.h"

namespace holdfast::dav {
namespace {

const std::array<storage::PropertyName, kLiveCount>& live_names() {
  static const std::array<storage::PropertyName, kLiveCount> names = {{
      {"DAV:", "creationdate"},
      {"DAV:", "displayname"},
      {"DAV:", "getcontentlength"},
      {"DAV:", "getcontenttype"},
      {"DAV:", "getetag"},
      {"DAV:", "getlastmodified"},
      {"DAV:", "lockdiscovery"},
      {"DAV:", "resourcetype"},
      {"DAV:", "supportedlock"},
      {"DAV:", "quota-available-bytes"},
      {"DAV:", "quota-used-bytes"},
      {"DAV:", "lastmodified"},
      {"urn:schemas-microsoft-com:", "Win32LastModifiedTime"},
      {"http://owncloud.org/ns", "checksums"},
      {"DAV:", "current-user-principal"},
      {"DAV:", "principal-URL"},
      {"DAV:", "owner"},
      {"DAV:", "current-user-privilege-set"},
  }};
  return names;
}

void append_dav(std::string& out, std::string_view name, std::string_view value) {
  out.append("<D:").append(name).append(">").append(value);
  out.append("</D:").append(name).append(">");
}

void append_lockdiscovery(std::string& out, const storage::Member& member,
                          const PropertyContext& context) {
  if (member.locks.empty()) {
    out += "<D:lockdiscovery/>";
    return;
  }
  out += "<D:lockdiscovery>";
  for (const storage::Lock& lock : member.locks) {
    // A lock that covers this member from elsewhere is rooted at a collection above it.
    const bool collection = lock.root_id != member.resource.id || member.resource.is_collection();
    append_active_lock(out, lock, href(context.options->space, lock.root, collection),
                       context.lease_now, lock.principal == context.principal);
  }
  out += "</D:lockdiscovery>";
}

void append_checksums(std::string& out, const storage::Checksums& checksums) {
  out += "<oc:checksums xmlns:oc=\"http://owncloud.org/ns\"><oc:checksum>";
  if (checksums.sha1) out.append("SHA1:").append(text::hex(*checksums.sha1)).append(" ");
  if (checksums.md5) out.append("MD5:").append(text::hex(*checksums.md5)).append(" ");
  out.append("SHA256:").append(text::hex(checksums.sha256));
  out += "</oc:checksum></oc:checksums>";
}

void append_href(std::string& out, std::string_view name, std::string_view href) {
  out.append("<D:").append(name).append("><D:href>");
  xml::append_escaped(out, href);
  out.append("</D:href></D:").append(name).append(">");
}

void append_current_user(std::string& out, const PropertyContext& context) {
  if (context.principal.empty()) {
    append_dav(out, "current-user-principal", "<D:unauthenticated/>");
  } else {
    append_href(out, "current-user-principal",
                principal_href(context.options->space, context.principal));
  }
}

// An account that is gone, and nobody, have no principal: an empty element.
void append_owner(std::string& out, const storage::Resource& resource,
                  const PropertyContext& context) {
  const storage::Account* account = context.accounts && resource.owner != storage::kNobody &&
                                            context.right >= storage::Right::read
                                        ? context.accounts->find(resource.owner)
                                        : nullptr;
  if (account) {
    append_href(out, "owner", principal_href(context.options->space, account->name));
  } else {
    out += "<D:owner/>";
  }
}

// A right to write is all of RFC 3744's that need no access control lists. Whose locks are whose is
// no matter of rights here, so there is no unlock among them (§3.5).
void append_privileges(std::string& out, storage::Right right) {
  out += "<D:current-user-privilege-set>";
  const auto append = [&](std::string_view name) {
    out.append("<D:privilege><D:").append(name).append("/></D:privilege>");
  };
  if (right >= storage::Right::read) append("read");
  append("read-current-user-privilege-set");
  if (right >= storage::Right::write)
    for (const auto* name : {"write", "write-properties", "write-content", "bind", "unbind"})
      append(name);
  out += "</D:current-user-privilege-set>";
}

bool append_of_principal(std::string& out, Live property, const PropertyContext& context) {
  switch (property) {
    case Live::displayname:
      out += "<D:displayname>";
      xml::append_escaped(out, context.principal);
      out += "</D:displayname>";
      return true;
    case Live::resourcetype:
      out += "<D:resourcetype><D:principal/></D:resourcetype>";
      return true;
    case Live::current_user_principal:
      append_current_user(out, context);
      return true;
    case Live::principal_url:
      append_href(out, "principal-URL", principal_href(context.options->space, context.principal));
      return true;
    default:
      return false;
  }
}

constexpr std::string_view kSupportedLock =
    "<D:supportedlock>"
    "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope>"
    "<D:locktype><D:write/></D:locktype></D:lockentry>"
    "<D:lockentry><D:lockscope><D:shared/></D:lockscope>"
    "<D:locktype><D:write/></D:locktype></D:lockentry>"
    "</D:supportedlock>";

constexpr std::string_view kPropstat = "<D:propstat><D:prop>";
constexpr std::string_view kStatus200 =
    "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>";
constexpr std::string_view kStatus404 =
    "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>";

const storage::Property* find_dead(const storage::Member& member,
                                   const storage::PropertyName& name) {
  for (const storage::Property& property : member.properties)
    if (property.name == name) return &property;
  return nullptr;
}

// The value a client may have set stands before the computed one.
bool append_property(std::string& out, const PropFind::Asked& asked, const storage::Member& member,
                     const PropertyContext& context) {
  if (!asked.live || *asked.live == Live::displayname) {
    if (const storage::Property* dead = find_dead(member, asked.name)) {
      out += dead->xml;
      return true;
    }
  }
  return asked.live && append_live(out, *asked.live, member, context);
}

void append_all(std::string& out, const PropFind& propfind, const storage::Member& member,
                const PropertyContext& context) {
  for (std::size_t i = 0; i < kAllprop; ++i) {
    const auto live = static_cast<Live>(i);
    if (live == Live::displayname && find_dead(member, live_name(live))) continue;
    (void)append_live(out, live, member, context);
  }
  for (const storage::Property& property : member.properties) out += property.xml;
  for (const PropFind::Asked& asked : propfind.asked)
    if (asked.live) (void)append_live(out, *asked.live, member, context);
}

void append_names(std::string& out, const storage::Member& member, const PropertyContext& context) {
  std::string ignored;
  for (std::size_t i = 0; i < kLiveCount; ++i) {
    const auto live = static_cast<Live>(i);
    // Checksums are read only when asked for by name; that files have them is known all the same.
    const bool defined = live == Live::checksums ? !member.resource.is_collection()
                                                 : append_live(ignored, live, member, context);
    if (defined || find_dead(member, live_name(live)))
      xml::append_empty_element(out, live_name(live));
  }
  for (const storage::Property& property : member.properties)
    if (!find_live(property.name)) xml::append_empty_element(out, property.name);
}

}  // namespace

const storage::PropertyName& live_name(Live property) {
  return live_names()[static_cast<std::size_t>(property)];
}

std::optional<Live> find_live(const storage::PropertyName& name) {
  const auto& names = live_names();
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<Live>(i);
  return std::nullopt;
}

bool is_protected(const storage::PropertyName& name) {
  const auto live = find_live(name);
  if (!live) return false;
  switch (*live) {
    case Live::displayname:
    case Live::getlastmodified:
    case Live::lastmodified:
    case Live::win32_last_modified_time:
      return false;
    default:
      return true;
  }
}

bool append_live(std::string& out, Live property, const storage::Member& member,
                 const PropertyContext& context) {
  if (context.is_principal) return append_of_principal(out, property, context);
  const storage::Resource& resource = member.resource;
  const bool file = !resource.is_collection();
  switch (property) {
    case Live::creationdate:
      append_dav(out, "creationdate", http::format_rfc3339(resource.created / 1000));
      return true;
    case Live::displayname: {
      const std::string& name = resource.name.empty() ? context.root_name : resource.name;
      if (name.empty()) return false;
      out += "<D:displayname>";
      xml::append_escaped(out, name);
      out += "</D:displayname>";
      return true;
    }
    case Live::getcontentlength:
      if (file) append_dav(out, "getcontentlength", std::to_string(resource.size));
      return file;
    case Live::getcontenttype:
      if (file) append_dav(out, "getcontenttype", http::content_type(resource.name));
      return file;
    case Live::getetag:
      if (file) out.append("<D:getetag>\"").append(resource.etag).append("\"</D:getetag>");
      return file;
    case Live::getlastmodified:
      append_dav(out, "getlastmodified", http::format_date(resource.modified / 1000));
      return true;
    case Live::lockdiscovery:
      append_lockdiscovery(out, member, context);
      return true;
    case Live::resourcetype:
      out += file ? "<D:resourcetype/>" : "<D:resourcetype><D:collection/></D:resourcetype>";
      return true;
    case Live::supportedlock:
      out += kSupportedLock;
      return true;
    case Live::quota_available_bytes:
      append_dav(out, "quota-available-bytes", std::to_string(context.available_bytes));
      return true;
    case Live::quota_used_bytes:
      append_dav(out, "quota-used-bytes", std::to_string(context.used_bytes));
      return true;
    case Live::lastmodified:
      append_dav(out, "lastmodified", std::to_string(resource.modified / 1000));
      return true;
    case Live::win32_last_modified_time:
      out.append("<Z:Win32LastModifiedTime xmlns:Z=\"urn:schemas-microsoft-com:\">")
          .append(http::format_date(resource.modified / 1000))
          .append("</Z:Win32LastModifiedTime>");
      return true;
    case Live::checksums:
      if (!member.checksums) return false;
      append_checksums(out, *member.checksums);
      return true;
    case Live::current_user_principal:
      append_current_user(out, context);
      return true;
    case Live::principal_url:
      return false;
    case Live::owner:
      append_owner(out, resource, context);
      return true;
    case Live::current_user_privilege_set:
      append_privileges(out, context.right);
      return true;
  }
  return false;
}

PropFind PropFind::parse(std::string_view body, const Options& options) {
  PropFind propfind;
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return propfind;
  const xml::Document document = xml::Document::parse(body, options.xml);
  const xml::Element root = document.root();
  if (!root.is_dav("propfind")) throw Error(400, "the root element is not DAV:propfind");

  const auto allprop = root.child_dav("allprop");
  const auto propname = root.child_dav("propname");
  const auto prop = root.child_dav("prop");
  if (allprop.has_value() + propname.has_value() + prop.has_value() != 1)
    throw Error(400, "DAV:propfind needs exactly one of allprop, propname and prop");
  const auto include = root.child_dav("include");
  if (include && !allprop) throw Error(400, "DAV:include goes with allprop only");

  propfind.kind = prop ? Kind::prop : propname ? Kind::propname : Kind::allprop;
  if (const auto& list = prop ? prop : include) {
    for (const xml::Element& element : list->children()) {
      const bool known =
          std::any_of(propfind.asked.begin(), propfind.asked.end(),
                      [&](const Asked& asked) { return asked.name == element.name(); });
      if (known) continue;
      if (propfind.asked.size() == options.propfind_property_limit)
        throw Error(400, "too many properties are named");
      propfind.asked.push_back({element.name(), find_live(element.name())});
    }
  }
  if (propfind.kind == Kind::allprop) {
    // What allprop brings anyway must not appear twice.
    std::erase_if(propfind.asked, [](const Asked& asked) {
      return !asked.live || static_cast<std::size_t>(*asked.live) < kAllprop;
    });
  }
  return propfind;
}

bool PropFind::asks(Live property) const {
  if (kind == Kind::propname) return true;
  if (kind == Kind::allprop && static_cast<std::size_t>(property) < kAllprop) return true;
  return std::any_of(asked.begin(), asked.end(),
                     [&](const Asked& entry) { return entry.live == property; });
}

storage::Wanted PropFind::wanted() const {
  const bool names_dead = std::any_of(asked.begin(), asked.end(), [](const Asked& entry) {
    return !entry.live || *entry.live == Live::displayname;
  });
  return {.properties = kind != Kind::prop || names_dead,
          .locks = kind != Kind::propname && asks(Live::lockdiscovery),
          .checksums = kind != Kind::propname && asks(Live::checksums)};
}

void append_response(std::string& out, const PropFind& propfind, const storage::Member& member,
                     std::string_view href, const PropertyContext& context) {
  out.append("<D:response><D:href>").append(href).append("</D:href>").append(kPropstat);
  switch (propfind.kind) {
    case PropFind::Kind::allprop:
      append_all(out, propfind, member, context);
      break;
    case PropFind::Kind::propname:
      append_names(out, member, context);
      break;
    case PropFind::Kind::prop: {
      const std::size_t start = out.size() - kPropstat.size();
      const std::size_t values = out.size();
      std::string missing;
      for (const PropFind::Asked& asked : propfind.asked)
        if (!append_property(out, asked, member, context))
          xml::append_empty_element(missing, asked.name);
      if (missing.empty()) break;
      // With nothing found there is no 200 propstat at all.
      if (out.size() == values) {
        out.resize(start);
      } else {
        out.append(kStatus200);
      }
      out.append(kPropstat).append(missing).append(kStatus404).append("</D:response>");
      return;
    }
  }
  out.append(kStatus200).append("</D:response>");
}

}  // namespace holdfast::dav
