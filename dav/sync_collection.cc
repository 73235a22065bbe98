#include "dav/sync_collection.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dav/headers.h"
#include "dav/junk.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/rights.h"
#include "dav/sync_token.h"
#include "storage/changes.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

constexpr std::size_t kReportChunkBytes = 32 * 1024;

// Returns a text without the white space of XML around it.
std::string_view without_white_space(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// What a sync-collection element asks for.
struct SyncRequest {
  std::string token;  // empty: the client has nothing
  storage::Depth depth = storage::Depth::one;
  std::uint64_t most = 0;  // 0: no limit
  PropFind propfind;
};

// Throws Error 400 (RFC 6578 §6).
SyncRequest parse_sync(const xml::Element& root, const Options& options) {
  SyncRequest request;
  const auto token = root.child_dav("sync-token");
  const auto level = root.child_dav("sync-level");
  const auto prop = root.child_dav("prop");
  if (!token || !level || !prop)
    throw Error(400, "sync-collection needs sync-token, sync-level and prop");
  request.token = without_white_space(token->text());
  const std::string depth = level->text();
  if (without_white_space(depth) == "infinite") {
    request.depth = storage::Depth::infinity;
  } else if (without_white_space(depth) != "1") {
    throw Error(400, "sync-level is neither 1 nor infinite");
  }
  if (const auto limit = root.child_dav("limit")) {
    const auto results = limit->child_dav("nresults");
    const std::string text = results ? results->text() : std::string();
    const auto most = text::parse_number(without_white_space(text));
    if (!most || *most == 0) throw Error(400, "limit has no positive number in nresults");
    request.most = *most;
  }
  request.propfind = PropFind::of(*prop, options);
  return request;
}

// Renders what the steps name, as it is in the snapshot.
class SyncAnswer final : public Producer {
 public:
  SyncAnswer(const Call& call, SyncRequest request, VisibleTree visible,
             std::unique_ptr<const storage::Snapshot> snapshot, storage::Resolution target,
             storage::Steps steps)
      : request_(std::move(request)),
        visible_(std::move(visible)),
        context_(context_of(call, request_.propfind, *snapshot)),
        snapshot_(std::move(snapshot)),
        target_(std::move(target)),
        steps_(std::move(steps)),
        self_(href(call.target.spelling, {}, true)),
        limit_(call.options.listing_limit_bytes) {}

  void produce(Sink& sink) override {
    chunk_.reserve(kReportChunkBytes + 8192);
    multistatus::begin(chunk_);
    if (request_.token.empty()) {
      show(sink, target_, {}, request_.depth);
    } else {
      for (const storage::Step& step : steps_.removed) remove(sink, step);
      for (const storage::Step& step : steps_.changed) {
        storage::Path path = target_.path;
        for (const std::string& segment : step.segments) path = path.child(segment);
        const auto depth = step.tree ? storage::Depth::infinity : storage::Depth::zero;
        show(sink, snapshot_->resolve(path), step.segments, depth);
      }
    }
    if (!steps_.complete)
      multistatus::append_status(chunk_, self_, 507, Precondition::number_of_matches_within_limits);
    multistatus::end(chunk_, sync_token(*snapshot_, *target_.resource, steps_.next,
                                        fingerprint(*context_.caller)));
    hand_on(sink);
  }

 private:
  void hand_on(Sink& sink) {
    sent_ += chunk_.size();
    if (sent_ > limit_) throw Error(507, "the answer is larger than the limit");
    sink.write(chunk_);
    chunk_.clear();
  }

  [[nodiscard]] std::string href_of(std::span<const std::string> segments, bool collection) const {
    std::string text = self_;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (i > 0) text += '/';
      append_encoded_segment(text, segments[i]);
    }
    if (collection) text += '/';
    return text;
  }

  [[nodiscard]] bool may_see(std::span<const std::string> segments) const {
    if (visible_.right(segments) >= storage::Right::read) return true;
    storage::Path path = target_.path;
    for (const std::string& segment : segments) path = path.child(segment);
    return leads_to_rights(*context_.caller, path);
  }

  void remove(Sink& sink, const storage::Step& step) {
    if (!may_see(step.segments)) return;
    multistatus::append_status(chunk_, href_of(step.segments, step.collection), 404);
    if (chunk_.size() >= kReportChunkBytes) hand_on(sink);
  }

  // Shows what lies at `from`, whose names below the collection are `above`, down to a depth.
  void show(Sink& sink, const storage::Resolution& from, const std::vector<std::string>& above,
            storage::Depth depth) {
    if (!from.mapped() || (!above.empty() && !may_see(above))) return;
    storage::Wanted wanted = request_.propfind.wanted();
    std::vector<std::string> names;
    const auto named = [&](std::span<const std::string> segments) -> std::span<const std::string> {
      if (above.empty()) return segments;
      names = above;
      names.insert(names.end(), segments.begin(), segments.end());
      return names;
    };
    if (const storage::Shown filter = visible_.filter())
      wanted.shown = [&, filter](const storage::Resource& resource,
                                 std::span<const std::string> segments) {
        return filter(resource, named(segments));
      };
    snapshot_->members(from, depth, wanted, [&](const storage::Member& member) {
      const std::span<const std::string> segments = named(member.segments);
      if (segments.empty() || is_hidden(*context_.options, member.resource)) return;
      context_.right = visible_.right(segments);
      tag_member(context_, member, segments);
      const std::string href = href_of(segments, member.resource.is_collection());
      if (context_.right >= storage::Right::read) {
        multistatus::append_member(chunk_, request_.propfind, member, href, context_);
      } else {
        multistatus::append_member(chunk_, request_.propfind, as_seen(member), href, context_);
      }
      if (chunk_.size() >= kReportChunkBytes) hand_on(sink);
    });
  }

  SyncRequest request_;
  VisibleTree visible_;
  PropertyContext context_;
  std::unique_ptr<const storage::Snapshot> snapshot_;
  storage::Resolution target_;
  storage::Steps steps_;
  std::string self_;  // escaped; ends in a slash
  std::uint64_t limit_;
  std::string chunk_;
  std::uint64_t sent_ = 0;
};

// Without a token all members are shown, by the same limits as PROPFIND shows them.
void require_few(const Call& call, const SyncRequest& request, const storage::Snapshot& snapshot,
                 const storage::Resolution& target) {
  const bool deep = request.depth == storage::Depth::infinity;
  const std::uint64_t limit = call.options.propfind_infinity_limit;
  if (deep && (limit == 0 || snapshot.count(*target.resource, limit) > limit))
    throw Error(Precondition::number_of_matches_within_limits,
                "the tree has more resources than Depth: infinity may list");
  if (request.most == 0) return;
  std::uint64_t members = 0;
  storage::Wanted wanted;
  if (!deep) wanted.page = {.after = {}, .most = request.most + 1};
  if (deep) {
    members = snapshot.count(*target.resource, request.most + 1) - 1;
  } else {
    snapshot.members(target, storage::Depth::one, wanted,
                     [&](const storage::Member&) { ++members; });
  }
  if (members > request.most)
    throw Error(Precondition::number_of_matches_within_limits,
                "the collection has more members than the limit");
}

}  // namespace

Response report_sync_collection(Call& call, const xml::Element& asked,
                                std::unique_ptr<const storage::Snapshot> snapshot,
                                storage::Resolution target) {
  if (parse_depth(call.fields()).value_or(storage::Depth::zero) != storage::Depth::zero)
    throw Error(400, "sync-collection with another Depth than 0");
  SyncRequest request = parse_sync(asked, call.options);
  const storage::Resource& collection = *target.resource;
  const VisibleTree visible(call.caller, target.path);
  storage::Steps steps{.removed = {},
                       .changed = {},
                       .next = snapshot->next_change(),
                       .complete = true,
                       .too_many = false};
  if (request.token.empty()) {
    require_few(call, request, *snapshot, target);
  } else {
    const auto number =
        number_of_token(*snapshot, collection, request.token, fingerprint(*call.caller));
    if (!number) throw Error(Precondition::valid_sync_token, "the sync token is not valid");
    steps = storage::steps_since(*snapshot, collection,
                                 {.number = *number, .depth = request.depth, .most = request.most});
    if (steps.too_many)
      throw Error(Precondition::number_of_matches_within_limits,
                  "what came as one tree has more members than the limit");
  }
  Response response = multistatus::answer();
  response.body = std::unique_ptr<Producer>(std::make_unique<SyncAnswer>(
      call, std::move(request), visible, std::move(snapshot), std::move(target), std::move(steps)));
  return response;
}

}  // namespace holdfast::dav
