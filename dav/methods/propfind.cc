// PROPFIND (RFC 4918 §9.1): one snapshot, streamed, memory independent of the number of members.
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/junk.h"
#include "dav/methods/methods.h"
#include "dav/property.h"
#include "dav/xml.h"

namespace holdfast::dav {
namespace {

constexpr std::size_t kChunkBytes = 32 * 1024;

void append_head(std::string& out) {
  out.append("<?xml version=\"1.0\" encoding=\"utf-8\"?><D:multistatus")
      .append(xml::root_declarations())
      .append(">");
}

constexpr std::string_view kTail = "</D:multistatus>";

PropertyContext context_of(const Call& call, const PropFind& propfind,
                           const storage::Snapshot& snapshot) {
  PropertyContext context;
  context.options = &call.options;
  context.principal = call.request.caller->name;
  const auto& prefix = call.options.space.prefix;
  if (!call.target.above_prefix && !prefix.empty()) context.root_name = prefix.back();
  context.lease_now = snapshot.lease_now();
  // Quotas are polled often and asked for rarely together with the rest (clients R18, R47).
  if (propfind.asks(Live::quota_used_bytes)) context.usage = snapshot.usage();
  if (propfind.asks(Live::quota_available_bytes)) context.space = call.contents.space();
  return context;
}

// Renders members as they come and hands them on in chunks.
class Listing final : public Producer {
 public:
  Listing(const Call& call, PropFind propfind, std::unique_ptr<const storage::Snapshot> snapshot,
          storage::Resolution target, storage::Depth depth)
      : propfind_(std::move(propfind)),
        context_(context_of(call, propfind_, *snapshot)),
        snapshot_(std::move(snapshot)),
        target_(std::move(target)),
        depth_(depth),
        self_(href(call.target.spelling, {}, target_.resource->is_collection())),
        limit_(call.options.listing_limit_bytes) {}

  void produce(Sink& sink) override {
    std::string chunk;
    chunk.reserve(kChunkBytes + 8192);
    std::uint64_t sent = 0;
    append_head(chunk);
    const auto hand_on = [&] {
      sent += chunk.size();
      if (sent > limit_) throw Error(507, "the listing is larger than the limit");
      sink.write(chunk);
      chunk.clear();
    };
    std::string member_href;
    snapshot_->members(target_, depth_, propfind_.wanted(), [&](const storage::Member& member) {
      // What was asked for by its own URL is shown.
      if (!member.segments.empty() && is_hidden(*context_.options, member.resource)) return;
      member_href = self_;
      for (std::size_t i = 0; i < member.segments.size(); ++i) {
        if (i > 0) member_href += '/';
        append_encoded_segment(member_href, member.segments[i]);
      }
      if (!member.segments.empty() && member.resource.is_collection()) member_href += '/';
      append_response(chunk, propfind_, member, member_href, context_);
      if (chunk.size() >= kChunkBytes) hand_on();
    });
    chunk += kTail;
    hand_on();
  }

 private:
  PropFind propfind_;
  PropertyContext context_;
  std::unique_ptr<const storage::Snapshot> snapshot_;
  storage::Resolution target_;
  storage::Depth depth_;
  std::string self_;  // escaped; ends in a slash for a collection
  std::uint64_t limit_;
};

// Collects a listing that is short for sure.
class StringSink final : public Sink {
 public:
  void write(std::string_view bytes) override { text.append(bytes); }
  std::string text;
};

// An ancestor of the prefix: a collection with the next segment of the prefix as its only member
// (clients R4).
std::string list_ancestor(const Call& call, const PropFind& propfind, storage::Depth depth) {
  const auto snapshot = call.names.snapshot();
  const PropertyContext context = context_of(call, propfind, *snapshot);
  const storage::Resolution root = snapshot->resolve({});
  storage::Member member;
  member.resource = *root.resource;
  member.resource.id = 0;
  const auto& prefix = call.options.space.prefix;
  const std::size_t at = call.target.ancestor_depth;

  std::string out;
  append_head(out);
  member.resource.name = at == 0 ? std::string() : prefix[at - 1];
  append_response(out, propfind, member, href(call.target.spelling, {}, true), context);
  if (depth == storage::Depth::one) {
    member.resource.name = prefix[at];
    append_response(out, propfind, member,
                    href(call.target.spelling, std::span(prefix).subspan(at, 1), true), context);
  }
  return out.append(kTail);
}

}  // namespace

Response handle_propfind(Call& call) {
  const storage::Depth depth = parse_depth(call.fields()).value_or(storage::Depth::infinity);
  const Conditions conditions(call);
  PropFind propfind;
  if (const std::string body = read_body(*call.request.body, call.options.xml_limit_bytes);
      !body.empty()) {
    const ParseSlots::Slot slot = call.parses.take();
    propfind = PropFind::parse(body, call.options);
  }

  Response response;
  response.status = 207;
  response.set("Content-Type", "application/xml; charset=utf-8");
  if (call.target.above_prefix) {
    if (depth == storage::Depth::infinity)
      throw Error(403, Precondition::propfind_finite_depth, "Depth: infinity above the prefix");
    response.body = list_ancestor(call, propfind, depth);
    return response;
  }

  auto snapshot = call.names.snapshot();
  storage::Resolution target = snapshot->resolve(call.target.path);
  const storage::Resource& resource = existing(call, target);
  conditions.check(*snapshot, target);
  if (depth == storage::Depth::infinity && resource.is_collection()) {
    const std::uint64_t limit = call.options.propfind_infinity_limit;
    if (limit == 0 || snapshot->count(resource, limit) > limit)
      throw Error(403, Precondition::propfind_finite_depth,
                  "the tree has more resources than Depth: infinity may list");
  }
  const bool single = depth == storage::Depth::zero || !resource.is_collection();
  auto listing = std::make_unique<Listing>(call, std::move(propfind), std::move(snapshot),
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
