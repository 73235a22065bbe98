#include "dav/multistatus.h"

#include "dav/xml/output.h"
#include "http/status.h"

namespace holdfast::dav::multistatus {
namespace {

// Returns the property that a client has set; nullptr when there is none.
const storage::Property* find_dead(const storage::Member& member, std::string_view xmlns,
                                   std::string_view name) {
  for (const storage::Property& property : member.properties)
    if (property.name.name == name && property.name.xmlns == xmlns) return &property;
  return nullptr;
}

// Returns true when a value that a client may have set has precedence over the computed one.
bool may_be_dead(const LiveProperty* live) {
  return live == nullptr || live->patch == LiveProperty::Patch::stored;
}

bool append_property(std::string& out, const PropFind::Asked& asked, const storage::Member& member,
                     const PropertyContext& context) {
  if (may_be_dead(asked.live)) {
    if (const storage::Property* dead = find_dead(member, asked.name.xmlns, asked.name.name)) {
      out += dead->xml;
      return true;
    }
  }
  return asked.live != nullptr && append_live(out, *asked.live, member, context);
}

void append_all(std::string& out, const PropFind& propfind, const storage::Member& member,
                const PropertyContext& context) {
  for (const LiveProperty& live : live_properties()) {
    if (!live.in_allprop) continue;
    if (may_be_dead(&live) && find_dead(member, live.xmlns, live.name) != nullptr) continue;
    (void)append_live(out, live, member, context);
  }
  for (const storage::Property& property : member.properties) out += property.xml;
  for (const PropFind::Asked& asked : propfind.asked)
    if (asked.live != nullptr) (void)append_live(out, *asked.live, member, context);
}

void append_names(std::string& out, const storage::Member& member, const PropertyContext& context) {
  for (const LiveProperty& live : live_properties())
    if (is_defined(live, member, context) || find_dead(member, live.xmlns, live.name) != nullptr)
      xml::append_empty_element(out, live.xmlns, live.name);
  for (const storage::Property& property : member.properties)
    if (find_live(property.name) == nullptr) xml::append_empty_element(out, property.name);
}

// Appends the values of the requested properties, and the names of those that the member does not
// have.
void append_asked(std::string& out, const PropFind& propfind, const storage::Member& member,
                  const PropertyContext& context) {
  const std::size_t start = out.size();
  begin_propstat(out);
  const std::size_t values = out.size();
  std::string missing;
  for (const PropFind::Asked& asked : propfind.asked)
    if (!append_property(out, asked, member, context))
      xml::append_empty_element(missing, asked.name);
  if (out.size() > values || missing.empty()) {
    end_propstat(out, 200);
  } else {
    out.resize(start);  // when no property was found, there is no propstat with 200
  }
  if (missing.empty()) return;
  begin_propstat(out);
  out += missing;
  end_propstat(out, 404);
}

}  // namespace

Response answer() {
  Response response;
  response.status = 207;
  response.set("Content-Type", "application/xml; charset=utf-8");
  return response;
}

void begin(std::string& out) {
  out.append(xml::kDeclaration)
      .append("<D:multistatus")
      .append(xml::root_declarations())
      .append(">");
}

void end(std::string& out) { out += "</D:multistatus>"; }

void end(std::string& out, std::string_view sync_token) {
  out.append("<D:sync-token>").append(sync_token).append("</D:sync-token>");
  end(out);
}

void append_status(std::string& out, std::string_view href, int status, Precondition failed) {
  begin_response(out, href);
  out.append("<D:status>HTTP/1.1 ").append(std::to_string(status)).append(" ");
  out.append(http::reason_phrase(status)).append("</D:status>");
  if (failed != Precondition::none)
    out.append("<D:error><D:").append(element_name(failed)).append("/></D:error>");
  end_response(out);
}

void begin_response(std::string& out, std::string_view href) {
  out.append("<D:response><D:href>").append(href).append("</D:href>");
}

void end_response(std::string& out) { out += "</D:response>"; }

void begin_propstat(std::string& out) { out += "<D:propstat><D:prop>"; }

void end_propstat(std::string& out, int status, Precondition failed) {
  // Nearly every propstat of a listing has one of these two statuses.
  if (status == 200 && failed == Precondition::none) {
    out += "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>";
    return;
  }
  if (status == 404 && failed == Precondition::none) {
    out += "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>";
    return;
  }
  out.append("</D:prop><D:status>HTTP/1.1 ").append(std::to_string(status)).append(" ");
  out.append(http::reason_phrase(status)).append("</D:status>");
  if (failed != Precondition::none)
    out.append("<D:error><D:").append(element_name(failed)).append("/></D:error>");
  out += "</D:propstat>";
}

void append_member(std::string& out, const PropFind& propfind, const storage::Member& member,
                   std::string_view href, const PropertyContext& context) {
  begin_response(out, href);
  switch (propfind.kind) {
    case PropFind::Kind::allprop:
      begin_propstat(out);
      append_all(out, propfind, member, context);
      end_propstat(out, 200);
      break;
    case PropFind::Kind::propname:
      begin_propstat(out);
      append_names(out, member, context);
      end_propstat(out, 200);
      break;
    case PropFind::Kind::prop:
      append_asked(out, propfind, member, context);
      break;
  }
  end_response(out);
}

}  // namespace holdfast::dav::multistatus
