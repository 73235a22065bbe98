#include "dav/json_listing.h"

#include <string>
#include <string_view>
#include <utility>

#include "dav/junk.h"
#include "dav/path.h"
#include "dav/query.h"
#include "dav/rights.h"
#include "http/date.h"
#include "http/media_type.h"
#include "text/ascii.h"
#include "text/json.h"
#include "text/percent.h"

namespace holdfast::dav {
namespace {

constexpr std::size_t kChunkBytes = 32 * 1024;
constexpr std::size_t kMostMembers = 1000;
constexpr text::ByteSet kUnreserved = text::ByteSet::alphanumeric_and("-._~");

struct Asked {
  std::string after;
  std::size_t limit = kMostMembers;
};

// Parses "after=NAME&limit=N", percent-encoded, each at most once; other parameters are ignored.
Asked parse_query(std::string_view target) {
  Asked asked;
  asked.after = query_parameter(target, "after").value_or("");
  if (const auto limit = query_parameter(target, "limit")) {
    const auto number = text::parse_number(*limit);
    if (!number || *number < 1 || *number > kMostMembers)
      throw Error(400, "limit is not a number from 1 to " + std::to_string(kMostMembers));
    asked.limit = static_cast<std::size_t>(*number);
  }
  return asked;
}

void append_text(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  text::append_json_string(out, value);
}

class Listing final : public Producer {
 public:
  Listing(const Call& call, std::unique_ptr<const storage::Snapshot> snapshot,
          storage::Resolution target, Asked asked)
      : options_(call.options),
        visible_(call.caller, target.path),
        accounts_(call.names.accounts()),
        snapshot_(std::move(snapshot)),
        target_(std::move(target)),
        asked_(std::move(asked)),
        self_(href(options_.space, target_.stored, true)) {}

  void produce(Sink& sink) override {
    std::string chunk = "{\"href\":";
    text::append_json_string(chunk, self_);
    chunk += ",\"members\":[";
    // One more member than requested shows whether there is another page.
    const storage::Wanted wanted{.locks = true,
                                 .shown = shown(),
                                 .page = storage::Wanted::Page{asked_.after, asked_.limit + 1}};
    std::size_t count = 0;
    std::string last;
    snapshot_->members(target_, storage::Depth::one, wanted, [&](const storage::Member& member) {
      if (++count > asked_.limit) return;
      if (count > 1) chunk += ',';
      append_member(chunk, member);
      last = member.resource.name;
      if (chunk.size() < kChunkBytes) return;
      sink.write(chunk);
      chunk.clear();
    });
    chunk += ']';
    if (count > asked_.limit) {
      std::string next = self_ + "?after=";
      text::append_encoded(next, last, kUnreserved);
      append_text(chunk, "next", next + "&limit=" + std::to_string(asked_.limit));
    }
    sink.write(chunk += "}\n");
  }

 private:
  storage::Shown shown() {
    return [this, seen = visible_.filter()](const storage::Resource& resource,
                                            std::span<const std::string> segments) {
      return !is_hidden(options_, resource) && (!seen || seen(resource, segments));
    };
  }

  void append_member(std::string& out, const storage::Member& member) {
    const storage::Resource& resource = member.resource;
    const bool is_file = !resource.is_collection();
    out += "{\"name\":";
    text::append_json_string(out, resource.name);
    std::string link = self_;
    append_encoded_segment(link, resource.name);
    if (!is_file) link += '/';
    append_text(out, "href", link);
    append_text(out, "kind", is_file ? "file" : "collection");
    append_text(out, "created", http::format_rfc3339(resource.created / 1000));
    // Nothing more is shown of a collection that is only on the way to something readable.
    if (visible_.right(member.segments) >= storage::Right::read) {
      append_text(out, "modified", http::format_rfc3339(http::second_of(resource.modified.at)));
      if (is_file) {
        out.append(",\"size\":").append(std::to_string(resource.size));
        append_text(out, "type", http::content_type(resource.name));
        append_text(out, "etag", "\"" + resource.etag + "\"");
      }
      append_locks(out, member);
    }
    out += '}';
  }

  // The tokens are capabilities and are not shown. The owner is shown where the lock is rooted, so
  // that a listing has it once.
  void append_locks(std::string& out, const storage::Member& member) const {
    if (member.locks.empty()) return;
    out += ",\"locks\":[";
    for (const storage::Lock& lock : member.locks) {
      if (&lock != &member.locks.front()) out += ',';
      out += lock.scope == storage::LockScope::exclusive ? "{\"scope\":\"exclusive\""
                                                         : "{\"scope\":\"shared\"";
      append_text(out, "depth", lock.infinite ? "infinity" : "0");
      if (lock.root_id == member.resource.id) append_text(out, "owner", lock.owner);
      if (const storage::Account* creator = accounts_->find(lock.creator))
        append_text(out, "creator", creator->name);
      append_text(out, "expires", http::format_rfc3339(lock.expires() / 1000));
      out += '}';
    }
    out += ']';
  }

  const Options& options_;
  VisibleTree visible_;
  std::shared_ptr<const storage::Accounts> accounts_;
  std::unique_ptr<const storage::Snapshot> snapshot_;
  storage::Resolution target_;
  Asked asked_;
  std::string self_;  // escaped, ends in a slash
};

}  // namespace

Response json_listing(const Call& call, std::unique_ptr<const storage::Snapshot> snapshot,
                      const storage::Resolution& target) {
  Asked asked = parse_query(call.request.target);
  Response response;
  response.set("Content-Type", "application/json")
      .set("Last-Modified", http::last_modified(target.resource->modified.at, snapshot->wall_now()))
      // The date of a collection does not tell of new content and locks of its members.
      .set("Cache-Control", "no-store")
      .set("X-Content-Type-Options", "nosniff");
  if (call.request.method == "HEAD") return response;
  response.body = std::unique_ptr<Producer>(
      std::make_unique<Listing>(call, std::move(snapshot), target, std::move(asked)));
  return response;
}

}  // namespace holdfast::dav
