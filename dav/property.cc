#include "dav/property.h"

#include <algorithm>
#include <array>

#include "dav/headers.h"
#include "dav/locks.h"
#include "dav/method.h"
#include "dav/report.h"
#include "dav/rights.h"
#include "dav/sync_client.h"
#include "dav/sync_token.h"
#include "dav/xml/output.h"
#include "http/date.h"
#include "http/media_type.h"
#include "text/hex.h"

namespace holdfast::dav {
namespace {

using storage::Member;

void append_dav(std::string& out, std::string_view name, std::string_view value) {
  out.append("<D:").append(name).append(">").append(value);
  out.append("</D:").append(name).append(">");
}

void append_href(std::string& out, std::string_view name, std::string_view href) {
  out.append("<D:").append(name).append("><D:href>");
  xml::append_escaped(out, href);
  out.append("</D:href></D:").append(name).append(">");
}

void render_creationdate(std::string& out, const Member& member, const PropertyContext&) {
  append_dav(out, "creationdate", http::format_rfc3339(member.resource.created / 1000));
}

void render_displayname(std::string& out, const Member& member, const PropertyContext& context) {
  const std::string& name = member.resource.name;
  out += "<D:displayname>";
  xml::append_escaped(out, name.empty() ? context.root_name : name);
  out += "</D:displayname>";
}

void render_getcontentlength(std::string& out, const Member& member, const PropertyContext&) {
  out.append("<D:getcontentlength>").append(std::to_string(member.resource.size));
  out += "</D:getcontentlength>";
}

void render_getcontenttype(std::string& out, const Member& member, const PropertyContext&) {
  out.append("<D:getcontenttype>").append(http::content_type(member.resource.name));
  out += "</D:getcontenttype>";
}

void render_getetag(std::string& out, const Member& member, const PropertyContext& context) {
  const bool collection = member.resource.is_collection();
  out.append("<D:getetag>\"");
  out.append(collection ? context.collection_tag : member.resource.etag).append("\"</D:getetag>");
}

void render_getlastmodified(std::string& out, const Member& member, const PropertyContext&) {
  out += "<D:getlastmodified>";
  http::append_date(out, http::second_of(member.resource.modified.at));
  out += "</D:getlastmodified>";
}

void render_lockdiscovery(std::string& out, const Member& member, const PropertyContext& context) {
  if (member.locks.empty()) {
    out += "<D:lockdiscovery/>";
    return;
  }
  out += "<D:lockdiscovery>";
  for (const storage::Lock& lock : member.locks) {
    // A lock that covers this member and is not rooted at it is rooted at a collection above it.
    const bool collection = lock.root_id != member.resource.id || member.resource.is_collection();
    append_active_lock(
        out, lock, href(context.options->space, lock.root, collection), context.lease_now,
        {.token = may_use(lock, *context.caller), .owner = lock.root_id == member.resource.id});
  }
  out += "</D:lockdiscovery>";
}

void render_resourcetype(std::string& out, const Member& member, const PropertyContext& context) {
  if (context.is_principal) {
    out += "<D:resourcetype><D:principal/></D:resourcetype>";
  } else if (member.resource.is_collection()) {
    out += "<D:resourcetype><D:collection/></D:resourcetype>";
  } else {
    out += "<D:resourcetype/>";
  }
}

void render_supportedlock(std::string& out, const Member&, const PropertyContext&) {
  out +=
      "<D:supportedlock>"
      "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope>"
      "<D:locktype><D:write/></D:locktype></D:lockentry>"
      "<D:lockentry><D:lockscope><D:shared/></D:lockscope>"
      "<D:locktype><D:write/></D:locktype></D:lockentry>"
      "</D:supportedlock>";
}

void render_quota_available_bytes(std::string& out, const Member&, const PropertyContext& context) {
  append_dav(out, "quota-available-bytes", std::to_string(context.available_bytes));
}

void render_quota_used_bytes(std::string& out, const Member&, const PropertyContext& context) {
  append_dav(out, "quota-used-bytes", std::to_string(context.used_bytes));
}

void render_lastmodified(std::string& out, const Member& member, const PropertyContext&) {
  append_dav(out, "lastmodified", std::to_string(http::second_of(member.resource.modified.at)));
}

void render_win32_last_modified_time(std::string& out, const Member& member,
                                     const PropertyContext&) {
  out.append("<Z:Win32LastModifiedTime xmlns:Z=\"urn:schemas-microsoft-com:\">")
      .append(http::format_date(http::second_of(member.resource.modified.at)))
      .append("</Z:Win32LastModifiedTime>");
}

void render_checksums(std::string& out, const Member& member, const PropertyContext&) {
  const storage::Checksums& checksums = *member.checksums;
  out += "<oc:checksums xmlns:oc=\"http://owncloud.org/ns\"><oc:checksum>";
  if (checksums.sha1) out.append("SHA1:").append(text::hex(*checksums.sha1)).append(" ");
  if (checksums.md5) out.append("MD5:").append(text::hex(*checksums.md5)).append(" ");
  out.append("SHA256:").append(text::hex(checksums.sha256));
  out += "</oc:checksum></oc:checksums>";
}

void append_own_cloud(std::string& out, std::string_view name, std::string_view value) {
  out.append("<oc:").append(name).append(" xmlns:oc=\"http://owncloud.org/ns\">").append(value);
  out.append("</oc:").append(name).append(">");
}

void render_id(std::string& out, const Member& member, const PropertyContext&) {
  append_own_cloud(out, "id", file_id(member.resource.id));
}

void render_fileid(std::string& out, const Member& member, const PropertyContext&) {
  append_own_cloud(out, "fileid", std::to_string(member.resource.id));
}

void render_permissions(std::string& out, const Member& member, const PropertyContext& context) {
  append_own_cloud(out, "permissions", permissions(member.resource, context.right));
}

void render_size(std::string& out, const Member& member, const PropertyContext& context) {
  const bool collection = member.resource.is_collection();
  append_own_cloud(out, "size", std::to_string(collection ? *context.below : member.resource.size));
}

void render_current_user_principal(std::string& out, const Member&,
                                   const PropertyContext& context) {
  if (context.caller->name.empty() || !context.caller->share.empty()) {
    append_dav(out, "current-user-principal", "<D:unauthenticated/>");
  } else {
    append_href(out, "current-user-principal",
                principal_href(context.options->space, context.caller->name));
  }
}

void render_principal_url(std::string& out, const Member&, const PropertyContext& context) {
  append_href(out, "principal-URL", principal_href(context.options->space, context.caller->name));
}

// kNobody and an account that is gone have no principal: the element is empty. Who comes by a link
// is not told of accounts.
void render_owner(std::string& out, const Member& member, const PropertyContext& context) {
  const storage::Resource& resource = member.resource;
  const storage::Account* account = context.accounts && context.caller->share.empty() &&
                                            resource.owner != storage::kNobody &&
                                            context.right >= storage::Right::read
                                        ? context.accounts->find(resource.owner)
                                        : nullptr;
  if (account) {
    append_href(out, "owner", principal_href(context.options->space, account->name));
  } else {
    out += "<D:owner/>";
  }
}

// The right to write includes all privileges of RFC 3744 that do not concern access control lists.
// Rights do not decide who may remove another's lock, so DAV:unlock is not among them (RFC 3744
// §3.5).
void render_current_user_privilege_set(std::string& out, const Member&,
                                       const PropertyContext& context) {
  const storage::Right right = context.right;
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

void render_sync_token(std::string& out, const Member& member, const PropertyContext& context) {
  append_dav(out, "sync-token",
             sync_token(*context.snapshot, member.resource, context.snapshot->next_change(),
                        fingerprint(*context.caller)));
}

// RFC 3253 §3.1.5
void render_supported_report_set(std::string& out, const Member& member,
                                 const PropertyContext& context) {
  const unsigned kind = member.resource.is_collection() ? kCollection : dav::kFile;
  out += "<D:supported-report-set>";
  for (const Report& report : reports()) {
    if ((report.allowed_on & kind) == 0 || !is_offered(report, *context.options)) continue;
    out += "<D:supported-report><D:report>";
    xml::append_empty_element(out, report.xmlns, report.name);
    out += "</D:report></D:supported-report>";
  }
  out += "</D:supported-report-set>";
}

// RFC 5323 §3.3
void render_supported_query_grammar_set(std::string& out, const Member&, const PropertyContext&) {
  out +=
      "<D:supported-query-grammar-set><D:supported-query-grammar><D:grammar><D:basicsearch/>"
      "</D:grammar></D:supported-query-grammar></D:supported-query-grammar-set>";
}

// RFC 3253 §3.2 to §3.4
void render_version_name(std::string& out, const Member&, const PropertyContext& context) {
  append_dav(out, "version-name", context.version->name);
}

void render_creator_displayname(std::string& out, const Member&, const PropertyContext& context) {
  out += "<D:creator-displayname>";
  xml::append_escaped(out, context.version->creator);
  out += "</D:creator-displayname>";
}

void append_versions(std::string& out, std::string_view name, std::string_view href) {
  if (href.empty()) {
    append_dav(out, name, "");
  } else {
    append_href(out, name, href);
  }
}

void render_predecessor_set(std::string& out, const Member&, const PropertyContext& context) {
  append_versions(out, "predecessor-set", context.version->predecessor);
}

void render_successor_set(std::string& out, const Member&, const PropertyContext& context) {
  append_versions(out, "successor-set", context.version->successor);
}

void append_nextcloud(std::string& out, std::string_view name, std::string_view value) {
  out.append("<N:").append(name).append(" xmlns:N=\"http://nextcloud.org/ns\">");
  xml::append_escaped(out, value);
  out.append("</N:").append(name).append(">");
}

void render_trashbin_filename(std::string& out, const Member&, const PropertyContext& context) {
  append_nextcloud(out, "trashbin-filename", context.trash->name);
}

void render_trashbin_original_location(std::string& out, const Member&,
                                       const PropertyContext& context) {
  append_nextcloud(out, "trashbin-original-location", context.trash->location);
}

void render_trashbin_deletion_time(std::string& out, const Member&,
                                   const PropertyContext& context) {
  append_nextcloud(out, "trashbin-deletion-time", std::to_string(context.trash->removed_s));
}

constexpr std::string_view kDav = "DAV:";
constexpr std::string_view kNextcloudNamespace = "http://nextcloud.org/ns";
constexpr std::string_view kOwnCloudNamespace = "http://owncloud.org/ns";
constexpr bool kAllprop = true;
constexpr bool kByNameOnly = false;

using enum LiveProperty::Patch;
constexpr unsigned kSynced = LiveProperty::synced;
constexpr unsigned kOfVersion = LiveProperty::version;
constexpr unsigned kTrashed = LiveProperty::trashed;
constexpr unsigned kFileOnly = LiveProperty::file;
constexpr unsigned kFile = kFileOnly | kOfVersion;
constexpr unsigned kTagged = kFile | LiveProperty::tagged;
constexpr unsigned kSized = kFileOnly | LiveProperty::tagged;
constexpr unsigned kFolder = LiveProperty::collection | LiveProperty::unnamed_root;
constexpr unsigned kResource = kFileOnly | kFolder;
constexpr unsigned kDated = kResource | kOfVersion;
constexpr unsigned kNamed = kFile | LiveProperty::collection | LiveProperty::principal;
constexpr unsigned kPrincipal = LiveProperty::principal;
constexpr unsigned kAny = kDated | kPrincipal;

constexpr unsigned kNothing = LiveProperty::nothing;
constexpr unsigned kLocks = LiveProperty::locks;
constexpr unsigned kChecksums = LiveProperty::checksums;
constexpr unsigned kUsed = LiveProperty::used_bytes;
constexpr unsigned kAvailable = LiveProperty::available_bytes;
constexpr unsigned kAccounts = LiveProperty::accounts;
constexpr unsigned kSizes = LiveProperty::folder_size;
constexpr unsigned kSnapshot = LiveProperty::snapshot;

// The properties of RFC 4918 §15 come first.
// clang-format off
constexpr LiveProperty kLive[] = {
  // namespace, name, what PROPPATCH may do, listed by allprop, on which kinds, needs, render
  {kDav, "creationdate",               refused,           kAllprop,    kDated,     kNothing,   render_creationdate},
  {kDav, "displayname",                stored,            kAllprop,    kNamed,     kNothing,   render_displayname},
  {kDav, "getcontentlength",           refused,           kAllprop,    kFile,      kNothing,   render_getcontentlength},
  {kDav, "getcontenttype",             refused,           kAllprop,    kFile,      kNothing,   render_getcontenttype},
  {kDav, "getetag",                    refused,           kAllprop,    kTagged,    kNothing,   render_getetag},
  {kDav, "getlastmodified",            sets_date_as_http, kAllprop,    kDated,     kNothing,   render_getlastmodified},
  {kDav, "lockdiscovery",              refused,           kAllprop,    kResource,  kLocks,     render_lockdiscovery},
  {kDav, "resourcetype",               refused,           kAllprop,    kAny,       kNothing,   render_resourcetype},
  {kDav, "supportedlock",              refused,           kAllprop,    kResource,  kNothing,   render_supportedlock},
  // RFC 4331 §3, §4. Clients take a file's quota properties for its size, so only collections have
  // them.
  {kDav, "quota-available-bytes",      refused,           kByNameOnly, kFolder,    kAvailable, render_quota_available_bytes},
  {kDav, "quota-used-bytes",           refused,           kByNameOnly, kFolder,    kUsed,      render_quota_used_bytes},
  // rclone, Windows, ownCloud's clients (docs/clients.md R43, R44)
  {kDav, "lastmodified",               sets_date_s,       kByNameOnly, kResource,  kNothing,   render_lastmodified},
  {"urn:schemas-microsoft-com:", "Win32LastModifiedTime",
                                       sets_date_as_http, kByNameOnly, kResource,  kNothing,   render_win32_last_modified_time},
  {kOwnCloudNamespace, "checksums",    compared,          kByNameOnly, kFileOnly,  kChecksums, render_checksums},
  // The clients of Nextcloud and ownCloud (dav/folder_sizes.h)
  {kOwnCloudNamespace, "id",           refused,           kByNameOnly, kResource,  kNothing,   render_id},
  {kOwnCloudNamespace, "fileid",       refused,           kByNameOnly, kResource,  kNothing,   render_fileid},
  {kOwnCloudNamespace, "permissions",  refused,           kByNameOnly, kResource,  kNothing,   render_permissions},
  {kOwnCloudNamespace, "size",         refused,           kByNameOnly, kSized,     kSizes,     render_size},
  {kNextcloudNamespace, "trashbin-filename",          refused, kByNameOnly, kTrashed, kNothing, render_trashbin_filename},
  {kNextcloudNamespace, "trashbin-original-location", refused, kByNameOnly, kTrashed, kNothing, render_trashbin_original_location},
  {kNextcloudNamespace, "trashbin-deletion-time",     refused, kByNameOnly, kTrashed, kNothing, render_trashbin_deletion_time},
  // RFC 3253 §3.1.5, §3.2 to §3.4
  {kDav, "supported-report-set",       refused,           kByNameOnly, kResource,  kNothing,   render_supported_report_set},
  {kDav, "version-name",               refused,           kByNameOnly, kOfVersion,   kNothing,   render_version_name},
  {kDav, "creator-displayname",        refused,           kByNameOnly, kOfVersion,   kNothing,   render_creator_displayname},
  {kDav, "predecessor-set",            refused,           kByNameOnly, kOfVersion,   kNothing,   render_predecessor_set},
  {kDav, "successor-set",              refused,           kByNameOnly, kOfVersion,   kNothing,   render_successor_set},
  // RFC 5397, RFC 3744 §4.2, §5.1, §5.4
  {kDav, "current-user-principal",     refused,           kByNameOnly, kAny,       kNothing,   render_current_user_principal},
  {kDav, "principal-URL",              refused,           kByNameOnly, kPrincipal, kNothing,   render_principal_url},
  {kDav, "owner",                      refused,           kByNameOnly, kResource,  kAccounts,  render_owner},
  {kDav, "current-user-privilege-set", refused,           kByNameOnly, kResource,  kNothing,   render_current_user_privilege_set},
  // RFC 5323 §3.3
  {kDav, "supported-query-grammar-set", refused,          kByNameOnly, kResource,  kNothing,   render_supported_query_grammar_set},
  // RFC 6578 §4
  {kDav, "sync-token",                 refused,           kByNameOnly, kSynced,    kSnapshot,  render_sync_token},
};
// clang-format on

unsigned kind_of(const Member& member, const PropertyContext& context) {
  if (context.is_principal) return LiveProperty::principal;
  if (context.version != nullptr) return LiveProperty::version;
  const unsigned trashed = context.trash == nullptr ? 0U : LiveProperty::trashed;
  if (!member.resource.is_collection()) return LiveProperty::file | trashed;
  const bool named = !member.resource.name.empty() || !context.root_name.empty();
  const unsigned tagged = context.collection_tag.empty() ? 0U : LiveProperty::tagged;
  const unsigned synced =
      context.options->sync && context.snapshot != nullptr ? LiveProperty::synced : 0U;
  return (named ? LiveProperty::collection : LiveProperty::unnamed_root) | tagged | synced |
         trashed;
}

}  // namespace

std::span<const LiveProperty> live_properties() { return kLive; }

const LiveProperty* find_live(const storage::PropertyName& name) {
  for (const LiveProperty& live : kLive)
    if (live.name == name.name && live.xmlns == name.xmlns) return &live;
  return nullptr;
}

bool is_defined(const LiveProperty& property, const Member& member,
                const PropertyContext& context) {
  return (property.kinds & kind_of(member, context)) != 0;
}

bool append_live(std::string& out, const LiveProperty& property, const Member& member,
                 const PropertyContext& context) {
  if (!is_defined(property, member, context)) return false;
  if ((property.needs & LiveProperty::checksums) != 0 && !member.checksums) return false;
  if ((property.needs & LiveProperty::folder_size) != 0 && member.resource.is_collection() &&
      !context.below)
    return false;
  property.render(out, member, context);
  return true;
}

}  // namespace holdfast::dav
