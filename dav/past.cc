#include "dav/past.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dav/body.h"
#include "dav/headers.h"
#include "dav/method.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/propfind_cache.h"
#include "dav/rights.h"
#include "http/date.h"
#include "storage/name_key.h"
#include "storage/past_view.h"

namespace holdfast::dav {
namespace {

using storage::Right;

Error read_only() {
  Error error(403, "the past cannot be changed");
  error.message = "This is the past, which cannot be changed: copy it to where the files are.";
  return error;
}

// Turns "2026-11-30T14-00-00Z" into "2026-11-30T14:00:00Z": some systems have no colons in names.
std::string with_colons(std::string when) {
  const std::size_t t = when.find('T');
  if (t != std::string::npos)
    std::replace(when.begin() + static_cast<std::ptrdiff_t>(t), when.end(), '-', ':');
  return when;
}

storage::Instant instant_of(const storage::Snapshot& now, const std::string& when) {
  for (const storage::NamedSnapshot& held : now.named_snapshots())
    if (held.name == when) return held.instant;
  const auto second = when.ends_with('Z') ? http::parse_any_date(with_colons(when)) : std::nullopt;
  if (!second) throw Error(404, "this is no time and no snapshot");
  if (*second > now.wall_now() / 1000) throw Error(404, "that time has not come yet");
  const auto instant = now.instant_at(*second * 1000);
  if (!instant || instant->node < now.horizon().whole.node)
    throw Error(404, "the history does not reach back so far");
  return *instant;
}

// Lists the snapshots as collections (PROPFIND of /NAME/).
Response list_snapshots(Call& call) {
  if (call.method.body != BodyUse::xml) throw Error(404, "the past is by time");
  const storage::Depth depth = parse_depth(call.fields()).value_or(storage::Depth::infinity);
  if (depth == storage::Depth::infinity)
    throw Error(Precondition::propfind_finite_depth, "Depth: infinity above all times");
  const std::shared_ptr<const PropFind> propfind = call.propfinds.parse(read_body(call));
  const auto now = call.names.snapshot();
  PropertyContext context;
  context.options = &call.options;
  context.caller = call.caller;
  context.lease_now = now->lease_now();
  context.right = Right::read;
  storage::Member member;
  member.resource = *now->resolve({}).resource;
  member.resource.id = 0;
  member.resource.property_set = 0;
  member.resource.name = call.target.path.name();
  Response response = multistatus::answer();
  std::string out;
  multistatus::begin(out);
  multistatus::append_member(out, *propfind, member, href(call.target.spelling, {}, true), context);
  for (const storage::NamedSnapshot& held : now->named_snapshots()) {
    if (depth == storage::Depth::zero) break;
    if (right_on(*call.caller, held.path) < Right::read &&
        !leads_to_rights(*call.caller, held.path))
      continue;
    member.resource.name = held.name;
    member.resource.created = held.created;
    member.resource.modified = held.created;
    multistatus::append_member(out, *propfind, member,
                               href(call.target.spelling, std::span(&held.name, 1), true), context);
  }
  multistatus::end(out);
  response.body = std::move(out);
  return response;
}

}  // namespace

bool is_past(const Options& options, const storage::Path& path) {
  return !options.history_name.empty() && !path.is_root() &&
         storage::NameKey(path.segments().front()).view() ==
             storage::NameKey(options.history_name).view();
}

void require_present(const Options& options, const Target& destination) {
  if (is_past(options, destination.path)) throw read_only();
}

std::shared_ptr<const Caller> reader_of_past(const Caller& caller) {
  auto reader = std::make_shared<Caller>(caller);
  for (storage::Grant& grant : reader->grants)
    if (grant.right == Right::read) grant.right = Right::none;
  if (reader->most == Right::read) reader->most = Right::none;
  return reader;
}

storage::InView seen_by(std::shared_ptr<const Caller> caller, const storage::Snapshot& now) {
  return [asked = &now, caller = std::move(caller)](const storage::PastMember& member) {
    const storage::Whereabouts is = asked->whereabouts(member.resource.id);
    if (!is.path) return true;
    return right_on(*caller, *is.path) >= Right::read ||
           (member.resource.is_collection() && leads_to_rights(*caller, *is.path));
  };
}

std::unique_ptr<const storage::Snapshot> snapshot_of(const Call& call) {
  auto now = call.names.snapshot();
  if (!call.past) return now;
  // A listing outlives the call, and with it the options, which this keeps.
  const auto in_view = [options = call.past->options, seen = seen_by(call.caller, *now)](
                           const storage::PastMember& member) { return seen(member); };
  return storage::view_past(std::move(now), call.past->instant, in_view);
}

Response answer_past(Call& call) {
  if ((call.method.allowed_on & kPast) == 0) throw read_only();
  if (call.method.access == Access::none) {
    Response response;
    response.set("DAV", compliance_classes()).set("Allow", allowed_in_past());
    return response;
  }
  // What writes is COPY alone, and it writes elsewhere.
  const bool copies = call.method.access == Access::write;
  const auto segments = call.target.path.segments();
  if (segments.size() == 1) {
    if (copies) throw read_only();
    call.caller = reader_of_past(*call.caller);
    return list_snapshots(call);
  }

  auto options = std::make_shared<Options>(call.options);
  options->history_name.clear();
  options->trusted_html.clear();
  for (const std::string& above : segments.first(2)) options->space.prefix.push_back(above);
  const storage::Instant instant = instant_of(*call.names.snapshot(), segments[1]);
  Target target = call.target;
  target.path = storage::Path({segments.begin() + 2, segments.end()});
  if (copies) return copy_from_past(call, instant, target.path);
  call.caller = reader_of_past(*call.caller);
  Call then{call.request, call.caller,       call.method,           call.names,     call.contents,
            *options,     call.parses,       call.bodies,           call.propfinds, call.sizes, call.space,
            call.staging, std::move(target), Past{instant, options}};
  require_right_on_target(then);
  return call.method.handle(then);
}

}  // namespace holdfast::dav
