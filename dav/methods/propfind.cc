// PROPFIND (RFC 4918 §9.1): one snapshot, streamed; memory does not depend on the number of
// members.
#include <algorithm>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/file_history.h"
#include "dav/folder_sizes.h"
#include "dav/headers.h"
#include "dav/junk.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/past.h"
#include "dav/propfind_cache.h"
#include "dav/quota.h"
#include "dav/rights.h"
#include "dav/sync_client.h"
#include "dav/version_tree.h"

namespace holdfast::dav {
namespace {

constexpr std::size_t kChunkBytes = 32 * 1024;

}  // namespace

PropertyContext context_of(const Call& call, const PropFind& propfind,
                           const storage::Snapshot& snapshot) {
  PropertyContext context;
  context.options = &call.options;
  const Caller& caller = *call.caller;
  context.caller = call.caller;
  const auto& prefix = call.options.space.prefix;
  if (!call.target.above_prefix && !prefix.empty()) context.root_name = prefix.back();
  context.snapshot = &snapshot;
  if (call.options.for_sync_clients)
    context.collection_tag =
        collection_tag(snapshot, *snapshot.resolve({}).resource, fingerprint(caller));
  context.lease_now = snapshot.lease_now();
  // Clients poll quotas often, and seldom request them together with other properties
  // (docs/clients.md R18, R47).
  const unsigned needs = propfind.needs();
  if ((needs & LiveProperty::used_bytes) != 0)
    context.used_bytes =
        (caller.account == storage::kNobody ? snapshot.usage() : snapshot.usage_of(caller.account))
            .bytes;
  if ((needs & LiveProperty::available_bytes) != 0) {
    const std::uint64_t space = call.contents.space().available;
    const std::uint64_t floor = call.options.free_space_floor_bytes;
    context.available_bytes = std::min(space > floor ? space - floor : 0,
                                       QuotaCheck(call, snapshot, caller.account).room_bytes(0));
  }
  if ((needs & LiveProperty::folder_size) != 0 && call.options.for_sync_clients && !call.past) {
    context.sizes = &call.sizes;
    context.base = call.target.path;
    context.looks = FolderSizes::kLooksPerAnswer;
  }
  if ((needs & LiveProperty::accounts) != 0) context.accounts = call.names.accounts();
  context.right = right_on(caller, call.target.path);
  return context;
}

void tag_member(PropertyContext& context, const storage::Member& member,
                std::span<const std::string> segments) {
  if (context.collection_tag.empty() || !member.resource.is_collection()) return;
  context.collection_tag =
      collection_tag(*context.snapshot, member.resource, fingerprint(*context.caller));
  if (context.sizes == nullptr) return;
  storage::Path path = context.base;
  for (const std::string& segment : segments) path = path.child(segment);
  context.below = context.sizes->below(*context.snapshot, context.caller, *context.options, path,
                                       context.looks);
}

namespace {

// Renders members as they are visited and writes them in chunks.
class Listing final : public Producer {
 public:
  Listing(const Call& call, std::shared_ptr<const PropFind> propfind, VisibleTree visible,
          std::unique_ptr<const storage::Snapshot> snapshot, storage::Resolution target,
          storage::Depth depth)
      : propfind_(std::move(propfind)),
        visible_(std::move(visible)),
        context_(context_of(call, *propfind_, *snapshot)),
        snapshot_(std::move(snapshot)),
        target_(std::move(target)),
        depth_(depth),
        self_(href(call.target.spelling, {}, target_.resource->is_collection())),
        limit_(call.options.listing_limit_bytes) {}

  void produce(Sink& sink) override {
    std::string chunk;
    chunk.reserve(kChunkBytes + 8192);
    std::uint64_t sent = 0;
    multistatus::begin(chunk);
    const auto hand_on = [&] {
      sent += chunk.size();
      if (sent > limit_) throw Error(507, "the listing is larger than the limit");
      sink.write(chunk);
      chunk.clear();
    };
    std::string member_href;
    storage::Wanted wanted = propfind_->wanted();
    wanted.shown = visible_.filter();
    snapshot_->members(target_, depth_, wanted, [&](const storage::Member& member) {
      // A resource requested by its own URL is shown even when it is hidden from listings.
      if (!member.segments.empty() && is_hidden(*context_.options, member.resource)) return;
      member_href = self_;
      for (std::size_t i = 0; i < member.segments.size(); ++i) {
        if (i > 0) member_href += '/';
        append_encoded_segment(member_href, member.segments[i]);
      }
      if (!member.segments.empty() && member.resource.is_collection()) member_href += '/';
      context_.right = visible_.right(member.segments);
      tag_member(context_, member, member.segments);
      if (context_.right >= storage::Right::read) {
        multistatus::append_member(chunk, *propfind_, member, member_href, context_);
      } else {
        multistatus::append_member(chunk, *propfind_, as_seen(member), member_href, context_);
      }
      if (chunk.size() >= kChunkBytes) hand_on();
    });
    multistatus::end(chunk);
    hand_on();
  }

 private:
  std::shared_ptr<const PropFind> propfind_;
  VisibleTree visible_;
  PropertyContext context_;
  std::unique_ptr<const storage::Snapshot> snapshot_;
  storage::Resolution target_;
  storage::Depth depth_;
  std::string self_;  // escaped; ends in a slash for a collection
  std::uint64_t limit_;
};

// Collects a listing that is certainly short.
class StringSink final : public Sink {
 public:
  void write(std::string_view bytes) override { text.append(bytes); }
  std::string text;
};

// Lists an ancestor of the prefix: a collection with the next segment of the prefix as its only
// member (docs/clients.md R4).
std::string list_ancestor(const Call& call, const PropFind& propfind, storage::Depth depth) {
  const auto snapshot = call.names.snapshot();
  const PropertyContext context = context_of(call, propfind, *snapshot);
  const storage::Resolution root = snapshot->resolve({});
  storage::Member member;
  member.resource = *root.resource;
  member.resource.id = 0;
  if (context.right < storage::Right::read) member = as_seen(std::move(member));
  const auto& prefix = call.options.space.prefix;
  const std::size_t at = call.target.ancestor_depth;

  std::string out;
  multistatus::begin(out);
  member.resource.name = at == 0 ? std::string() : prefix[at - 1];
  multistatus::append_member(out, propfind, member, href(call.target.spelling, {}, true), context);
  if (depth == storage::Depth::one) {
    member.resource.name = prefix[at];
    multistatus::append_member(out, propfind, member,
                               href(call.target.spelling, std::span(prefix).subspan(at, 1), true),
                               context);
  }
  multistatus::end(out);
  return out;
}

// Returns true when the target is the caller's own principal resource (RFC 3744 §4), to which
// current-user-principal leads. Principals of other accounts are not shown.
bool asks_for_principal(const Call& call) {
  const std::string& name = call.caller->name;
  if (name.empty() || call.target.above_prefix || !call.target.path.is_root()) return false;
  const std::string principal = principal_href(call.options.space, name);
  const std::string_view query = std::string_view(principal).substr(principal.find('?'));
  return call.request.target.ends_with(query);
}

std::string show_principal(const Call& call, const PropFind& propfind) {
  const auto snapshot = call.names.snapshot();
  PropertyContext context = context_of(call, propfind, *snapshot);
  context.is_principal = true;
  storage::Member member;
  member.resource = *snapshot->resolve({}).resource;
  member.resource.name = call.caller->name;
  std::string out;
  multistatus::begin(out);
  multistatus::append_member(out, propfind, member,
                             principal_href(call.options.space, call.caller->name), context);
  multistatus::end(out);
  return out;
}

// Returns how many resources a listing with Depth: infinity would show, counted up to `limit` + 1.
std::uint64_t count_shown(const storage::Snapshot& snapshot, const storage::Resolution& target,
                          const storage::Shown& shown, std::uint64_t limit) {
  if (!shown) return snapshot.count(*target.resource, limit);
  std::uint64_t counted = 0;
  storage::Wanted wanted;
  wanted.shown = [&](const storage::Resource& resource, std::span<const std::string> segments) {
    return counted <= limit && shown(resource, segments);
  };
  snapshot.members(target, storage::Depth::infinity, wanted,
                   [&](const storage::Member&) { ++counted; });
  return counted;
}

}  // namespace

Response handle_propfind(Call& call) {
  const storage::Depth depth = parse_depth(call.fields()).value_or(storage::Depth::infinity);
  const Conditions conditions(call);
  const std::shared_ptr<const PropFind> propfind = call.propfinds.parse(read_body(call));

  Response response = multistatus::answer();
  if (call.target.above_prefix) {
    if (depth == storage::Depth::infinity)
      throw Error(Precondition::propfind_finite_depth, "Depth: infinity above the prefix");
    response.body = list_ancestor(call, *propfind, depth);
    return response;
  }
  if (asks_for_principal(call)) {
    response.body = show_principal(call, *propfind);
    return response;
  }

  auto snapshot = snapshot_of(call);
  storage::Resolution target = snapshot->resolve(call.target.path);
  require_visible(call, target);
  const storage::Resource& resource = existing(call, target);
  const VisibleTree visible(call.caller, target.path);
  if (visible.right({}) >= storage::Right::read) {
    conditions.check(*snapshot, target);
  } else {
    conditions.check(*snapshot, as_seen(*call.caller, target));
  }
  if (depth == storage::Depth::infinity && resource.is_collection()) {
    const std::uint64_t limit = call.options.propfind_infinity_limit;
    if (limit == 0 || count_shown(*snapshot, target, visible.filter(), limit) > limit)
      throw Error(Precondition::propfind_finite_depth,
                  "the tree has more resources than Depth: infinity may list");
  }
  if (const auto asked = asked_history(call.request.target);
      asked && asked->version && !resource.is_collection() && !call.past)
    return version_properties(call, *propfind, *snapshot, target, *asked->version);
  const bool single = depth == storage::Depth::zero || !resource.is_collection();
  auto listing = std::make_unique<Listing>(call, propfind, visible, std::move(snapshot),
                                           std::move(target), depth);
  if (single) {
    StringSink sink;
    listing->produce(sink);
    response.body = std::move(sink.text);
  } else {
    response.body = std::unique_ptr<Producer>(std::move(listing));
  }
  return response;
}

}  // namespace holdfast::dav
