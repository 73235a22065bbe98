// SEARCH with the grammar DAV:basicsearch (RFC 5323). The scope is walked in one snapshot; what is
// found is shown as PROPFIND shows it. Results without an order are written as they are found.
// Those with an order are kept until all are known: the first of them, in kSortedBytes.
#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/junk.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/past.h"
#include "dav/rights.h"
#include "dav/search_query.h"
#include "dav/xml/parse_slots.h"

namespace holdfast::dav {
namespace {

constexpr std::size_t kSearchChunkBytes = 32 * 1024;
// The memory of the results that are sorted. What comes after them is cut off.
constexpr std::size_t kSortedBytes = std::size_t{8} << 20;
// A search that is not done after this time is cut off. The time of a snapshot is longer.
constexpr std::chrono::seconds kSearchTime{15};

// Thrown out of a walk to end it.
struct Enough {};

// A result that waits to be sorted.
struct Found {
  std::vector<SearchValue> keys;
  std::vector<std::string> segments;
  std::uint64_t number = 0;  // in the order of the walk
  std::size_t bytes = 0;
};

// Counts the bytes that a result takes, with what the allocator adds.
std::size_t size_of(const Found& found) {
  std::size_t bytes = sizeof(Found) + found.keys.capacity() * sizeof(SearchValue) + 32;
  for (const SearchValue& key : found.keys) bytes += key.text.capacity() + 16;
  for (const std::string& segment : found.segments)
    bytes += sizeof(std::string) + segment.capacity() + 16;
  return bytes;
}

class SearchResult final : public Producer {
 public:
  SearchResult(const Call& call, SearchQuery query, VisibleTree visible,
               std::unique_ptr<const storage::Snapshot> snapshot, storage::Resolution scope,
               std::string arbiter)
      : query_(std::move(query)),
        visible_(std::move(visible)),
        context_(context_of(call, query_.select, *snapshot)),
        snapshot_(std::move(snapshot)),
        scope_(std::move(scope)),
        self_(href(call.target.spelling, {}, scope_.resource->is_collection())),
        arbiter_(std::move(arbiter)),
        limit_(call.options.listing_limit_bytes),
        shown_(query_.select.wanted()),
        end_(std::chrono::steady_clock::now() + kSearchTime) {
    const storage::Wanted judged = query_.wanted();
    rendered_at_once_ = query_.order.empty() && (!shown_.properties || judged.properties) &&
                        !shown_.locks && (!shown_.checksums || judged.checksums);
  }

  void produce(Sink& sink) override {
    chunk_.reserve(kSearchChunkBytes + 8192);
    multistatus::begin(chunk_);
    try {
      walk(sink);
      show_sorted(sink);
    } catch (const Enough&) {
      // The limit of the client, or ours: then `cut_` is true.
    }
    if (cut_) multistatus::append_status(chunk_, arbiter_, 507);
    multistatus::end(chunk_);
    hand_on(sink);
  }

 private:
  void walk(Sink& sink) {
    storage::Wanted wanted = query_.wanted();
    std::uint64_t looked_at = 0;
    wanted.shown = [&, seen = visible_.filter()](const storage::Resource& resource,
                                                 std::span<const std::string> segments) {
      if (++looked_at % 1024 == 0 && std::chrono::steady_clock::now() > end_) {
        cut_ = true;
        throw Enough();
      }
      return !seen || seen(resource, segments);
    };
    try {
      snapshot_->members(scope_, query_.scope.depth, wanted, [&](const storage::Member& member) {
        if (!member.segments.empty() && is_hidden(*context_.options, member.resource)) return;
        look_at(member, sink);
      });
    } catch (const Enough&) {
      if (query_.order.empty()) throw;  // what was found so far is sorted otherwise
    }
  }

  void look_at(const storage::Member& member, Sink& sink) {
    context_.right = visible_.right(member.segments);
    tag_member(context_, member, member.segments);
    if (context_.right >= storage::Right::read) {
      take(member, sink);
    } else {
      take(as_seen(member), sink);
    }
  }

  void take(const storage::Member& member, Sink& sink) {
    if (!query_.finds(member, context_)) return;
    if (!query_.order.empty()) return keep(member);
    if (rendered_at_once_) {
      append(member, member.segments, sink);
    } else {
      const std::vector<std::string> segments(member.segments.begin(), member.segments.end());
      show(segments, sink);
    }
    if (query_.most > 0 && shown_count_ == query_.most) throw Enough();
  }

  // Returns the order of the heap.
  [[nodiscard]] auto order() const {
    return [this](const Found& a, const Found& b) { return comes_before(a, b); };
  }

  // Keeps a result among those that come first.
  void keep(const storage::Member& member) {
    Found found{
        .keys = query_.keys(member, context_), .segments = {}, .number = number_++, .bytes = 0};
    if (ceiling_ && !comes_before(found, *ceiling_)) return;
    if (query_.most > 0 && found_.size() == query_.most && !comes_before(found, found_.front()))
      return;
    found.segments.assign(member.segments.begin(), member.segments.end());
    found.bytes = size_of(found);
    kept_bytes_ += found.bytes;
    found_.push_back(std::move(found));
    std::ranges::push_heap(found_, order());
    if (query_.most > 0 && found_.size() > query_.most) (void)drop_last();
    while (kept_bytes_ > kSortedBytes) {
      // From now on nothing is kept that comes behind what was dropped.
      ceiling_ = drop_last();
      cut_ = true;
    }
  }

  Found drop_last() {
    std::ranges::pop_heap(found_, order());
    Found last = std::move(found_.back());
    found_.pop_back();
    kept_bytes_ -= last.bytes;
    return last;
  }

  [[nodiscard]] bool comes_before(const Found& a, const Found& b) const {
    const int order = query_.compare(a.keys, b.keys);
    return order != 0 ? order < 0 : a.number < b.number;
  }

  void show_sorted(Sink& sink) {
    std::ranges::sort_heap(found_, order());
    for (const Found& found : found_) show(found.segments, sink);
  }

  // Shows the resource with these names below the scope with all that was selected.
  void show(const std::vector<std::string>& segments, Sink& sink) {
    storage::Path path = scope_.path;
    for (const std::string& segment : segments) path = path.child(segment);
    context_.right = visible_.right(segments);
    snapshot_->members(snapshot_->resolve(path), storage::Depth::zero, shown_,
                       [&](const storage::Member& member) {
                         tag_member(context_, member, segments);
                         if (context_.right >= storage::Right::read) {
                           append(member, segments, sink);
                         } else {
                           append(as_seen(member), segments, sink);
                         }
                       });
  }

  void append(const storage::Member& member, std::span<const std::string> segments, Sink& sink) {
    const std::size_t before = chunk_.size();
    std::string text = self_;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (i > 0) text += '/';
      append_encoded_segment(text, segments[i]);
    }
    if (!segments.empty() && member.resource.is_collection()) text += '/';
    multistatus::append_member(chunk_, query_.select, member, text, context_);
    if (sent_ + chunk_.size() > limit_) {
      chunk_.resize(before);
      cut_ = true;
      throw Enough();
    }
    ++shown_count_;
    if (chunk_.size() >= kSearchChunkBytes) hand_on(sink);
  }

  void hand_on(Sink& sink) {
    sent_ += chunk_.size();
    sink.write(chunk_);
    chunk_.clear();
  }

  SearchQuery query_;
  VisibleTree visible_;
  PropertyContext context_;
  std::unique_ptr<const storage::Snapshot> snapshot_;
  storage::Resolution scope_;
  std::string self_;     // of the scope, escaped; ends in a slash for a collection
  std::string arbiter_;  // escaped
  std::uint64_t limit_;
  storage::Wanted shown_;
  std::chrono::steady_clock::time_point end_;
  bool rendered_at_once_ = false;
  std::string chunk_;
  std::uint64_t sent_ = 0;
  std::uint64_t shown_count_ = 0;
  bool cut_ = false;
  std::vector<Found> found_;  // a heap with the last one in front
  std::size_t kept_bytes_ = 0;
  std::uint64_t number_ = 0;
  std::optional<Found> ceiling_;
};

// Returns what the href of a scope names: a URL, an absolute path, or a reference relative to the
// request's own URL (RFC 3986 §5.2). Throws Error 409 search-scope-valid.
Target scope_target(const Call& call, const std::string& reference) {
  const bool relative = !reference.starts_with('/') && reference.find(':') == std::string::npos;
  std::string text = reference;
  if (relative) {
    std::string_view rest = reference;
    std::string base = call.target.spelling;
    if (!rest.empty()) base.resize(base.rfind('/') + 1);
    if (rest == "." || rest.starts_with("./"))
      rest.remove_prefix(std::min<std::size_t>(2, rest.size()));
    text = base.append(rest);
  }
  if (text.find_first_of("?#") != std::string::npos)
    throw Error(Precondition::search_scope_valid, "the scope has a query or a fragment");
  try {
    Target target = parse_url(text, call.options.space, call.host());
    if (!target.above_prefix && !is_past(call.options, target.path)) return target;
  } catch (const Error& error) {
    throw Error(Precondition::search_scope_valid, error.detail);
  }
  throw Error(Precondition::search_scope_valid, "the scope cannot be searched");
}

// Answers query schema discovery (RFC 5323 §4).
Response answer_schema(const Call& call) {
  std::string out;
  multistatus::begin(out);
  multistatus::begin_response(out, href(call.target.spelling, {}, call.target.trailing_slash));
  out += "<D:status>HTTP/1.1 200 OK</D:status><D:query-schema>";
  append_search_schema(out);
  out += "</D:query-schema>";
  multistatus::end_response(out);
  multistatus::end(out);
  Response response = multistatus::answer();
  response.body = std::move(out);
  return response;
}

// What the body of a SEARCH asks for.
struct SearchBody {
  SearchQuery query;  // for the schema, with the scope alone
  bool schema = false;
};

SearchBody parse_search(Call& call) {
  const std::string body = read_body(call);
  const xml::ParseSlots::Slot slot = call.parses.take();
  const xml::Document document = xml::Document::parse(body, call.options.xml);
  const xml::Element root = document.root();
  SearchBody result;
  result.schema = root.is_dav("query-schema-discovery");
  if (!result.schema && !root.is_dav("searchrequest"))
    throw Error(400, "the root element is neither searchrequest nor query-schema-discovery");
  const std::vector<xml::Element> grammars = root.children();
  if (grammars.size() != 1) throw Error(400, "a search needs one query");
  if (!grammars.front().is_dav("basicsearch"))
    throw Error(Precondition::search_grammar_supported, "the query has another grammar");
  if (result.schema) {
    result.query.scope = SearchQuery::scope_of(grammars.front());
  } else {
    result.query = SearchQuery::of(grammars.front(), call.options);
  }
  return result;
}

}  // namespace

Response handle_search(Call& call) {
  const Conditions conditions(call);
  SearchBody asked = parse_search(call);

  auto snapshot = call.names.snapshot();
  const storage::Resolution target = snapshot->resolve(call.target.path);
  require_visible(call, target);
  (void)existing(call, target);
  if (right_on(*call.caller, target.path) >= storage::Right::read) {
    conditions.check(*snapshot, target);
  } else {
    conditions.check(*snapshot, as_seen(*call.caller, target));
  }
  std::string arbiter = href(call.target.spelling, {}, target.resource->is_collection());

  // What follows is asked about the scope.
  call.target = scope_target(call, asked.query.scope.href);
  require_right_on_target(call);
  storage::Resolution scope = snapshot->resolve(call.target.path);
  require_visible(call, scope);
  if (!scope.mapped() || (call.target.trailing_slash && !scope.resource->is_collection()))
    throw Error(Precondition::search_scope_valid, "nothing is mapped at the scope");
  if (asked.schema) return answer_schema(call);
  const VisibleTree visible(call.caller, scope.path);
  Response response = multistatus::answer();
  response.body = std::unique_ptr<Producer>(
      std::make_unique<SearchResult>(call, std::move(asked.query), visible, std::move(snapshot),
                                     std::move(scope), std::move(arbiter)));
  return response;
}

}  // namespace holdfast::dav
