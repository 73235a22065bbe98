#include "dav/page/listing.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dav/headers.h"
#include "dav/junk.h"
#include "dav/locks.h"
#include "dav/page/files.h"
#include "dav/page/frame.h"
#include "dav/page/sign_in.h"
#include "dav/page/texts.h"
#include "dav/query.h"
#include "dav/rights.h"
#include "http/date.h"
#include "http/media_type.h"
#include "text/ascii.h"
#include "text/natural.h"
#include "text/percent.h"
#include "text/utf8.h"

namespace holdfast::dav::page {
namespace {

constexpr std::size_t kChunkBytes = 32 * 1024;
constexpr text::ByteSet kUnreserved = text::ByteSet::alphanumeric_and("-._~");

// After this time a search shows what it has found.
constexpr std::chrono::seconds kFindTime{10};

enum class Key { name, size, date };
constexpr std::array<std::string_view, 3> kKeys = {"name", "size", "date"};

struct Asked {
  Key key = Key::name;
  bool descending = false;
  std::string filter;  // folded
  std::string filter_as_typed;
  bool below = false;  // the collections below are searched for the filter
};

Asked parse_query(std::string_view target) {
  Asked asked;
  asked.filter_as_typed = query_parameter(target, "filter", true).value_or("");
  asked.filter = text::folded(asked.filter_as_typed);
  const std::string below = query_parameter(target, "below").value_or("no");
  if (below != "yes" && below != "no") throw Error(400, "below is neither yes nor no");
  asked.below = below == "yes" && !asked.filter.empty();
  const std::string sort = query_parameter(target, "sort").value_or("name");
  std::string_view key = sort;
  asked.descending = key.starts_with('-');
  if (asked.descending) key.remove_prefix(1);
  const auto found = std::ranges::find(kKeys, key);
  if (found == kKeys.end())
    throw Error(400, "sort is none of name, size and date, with - before it or without");
  asked.key = static_cast<Key>(found - kKeys.begin());
  return asked;
}

// What a row shows of a member.
struct Row {
  std::string name;
  std::vector<std::string> above;  // the collections between the page's and the member
  std::string folded;              // orders names; empty while members stream
  std::string etag;
  std::string holder;
  bool collection = false;
  bool locked = false;
  std::uint64_t size = 0;
  std::int64_t second = 0;  // when it was modified
};

int compare_names(const Row& a, const Row& b) {
  const int order = text::compare_naturally(a.folded, b.folded);
  return order != 0 ? order : a.name.compare(b.name);
}

void sort_rows(std::vector<Row>& rows, const Asked& asked) {
  std::ranges::sort(rows, [&](const Row& a, const Row& b) {
    if (a.collection != b.collection) return a.collection;
    std::int64_t order = 0;
    if (asked.key == Key::size && a.size != b.size) order = a.size < b.size ? -1 : 1;
    if (asked.key == Key::date) order = a.second - b.second;
    if (order == 0) order = compare_names(a, b);
    return asked.descending ? order > 0 : order < 0;
  });
}

std::string readable_size(std::uint64_t bytes, const Texts& texts) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.1f %s", value, kUnits[unit]);
  std::string out(text.data(), static_cast<std::size_t>(length));
  if (const std::size_t point = out.find('.'); point != std::string::npos)
    out.replace(point, 1, texts["decimal-point"]);
  return out;
}

// Appends <time> with a short date in the form of the language, in UTC; the script shows the
// reader's own time.
void append_time(std::string& out, std::int64_t second, const Texts& texts) {
  const std::string full = http::format_rfc3339(second);  // 2026-01-02T03:04:05Z
  const std::string_view text = full;
  out.append("<time datetime=\"").append(text).append("\">");
  out += texts.fill("date-form",
                    {text.substr(0, 4), text.substr(5, 2), text.substr(8, 2), text.substr(11, 5)});
  out += "</time>";
}

// Returns the id of the sign, a symbol of web/signs.svg, and with "type." before it the key of the
// word, for a file of this type.
std::string_view sign_of(std::string_view type) {
  const auto is = [&](std::string_view part) { return type.find(part) != std::string_view::npos; };
  if (type.starts_with("image/")) return "image";
  if (type.starts_with("video/")) return "video";
  if (type.starts_with("audio/")) return "audio";
  if (is("/pdf")) return "pdf";
  if (is("spreadsheet") || is("ms-excel") || is("/csv")) return "sheet";
  if (is("presentation") || is("powerpoint")) return "slides";
  if (is("opendocument") || is("officedocument") || is("msword") || is("/rtf")) return "document";
  if (is("zip") || is("x-tar") || is("rar") || is("7z") || is("/x-xz") || is("zstd"))
    return "archive";
  if (type.starts_with("text/") || is("/json") || is("/xml") || is("/yaml")) return "text";
  return "file";
}

void append_sign(std::string& out, std::string_view sign) {
  out.append("<svg class=\"sign ").append(sign).append("\" aria-hidden=\"true\"><use href=\"#s-");
  out.append(sign).append("\"/></svg>");
}

class Page final : public Producer {
 public:
  Page(const Call& call, std::unique_ptr<const storage::Snapshot> snapshot,
       storage::Resolution target, Asked asked)
      : options_(call.options),
        texts_(Texts::of(call.request)),
        may_write_(options_.page == PageUse::full &&
                   right_on(*call.caller, target.path) >= storage::Right::write),
        account_(call.caller->share.empty() ? call.caller->name : std::string()),
        signs_out_(!call.caller->session.empty()),
        visible_(call.caller, target.path),
        accounts_(call.names.accounts()),
        snapshot_(std::move(snapshot)),
        target_(std::move(target)),
        asked_(std::move(asked)),
        // Links do not use the client's spelling: a browser takes a link that begins with "//" for
        // another host.
        self_(href(options_.space, target_.stored, true)) {}

  void produce(Sink& sink) override {
    append_top();
    std::vector<Row> rows;
    if (asked_.below) {
      find_below(rows);
      append_table_head();
      sort_rows(rows, asked_);
      for (const Row& row : rows) append_row(row, sink);
      append_end();
      sink.write(chunk_);
      return;
    }
    const storage::Wanted first{.locks = true,
                                .shown = shown([](const storage::Resource&) { return true; }),
                                .page = storage::Wanted::Page{"", kSortedMembers + 1}};
    snapshot_->members(target_, storage::Depth::one, first, [&](const storage::Member& member) {
      rows.push_back(row_of(member, true));
    });
    sorted_ = rows.size() <= kSortedMembers;
    append_table_head();
    if (sorted_) {
      sort_rows(rows, asked_);
      for (const Row& row : rows) append_row(row, sink);
    } else {
      rows = {};
      for (const bool collections : {true, false}) stream(collections, sink);
    }
    append_end();
    sink.write(chunk_);
  }

 private:
  template <class Also>
  storage::Shown shown(Also also) {
    return [this, also, seen = visible_.filter()](const storage::Resource& resource,
                                                  std::span<const std::string> segments) {
      if (is_hidden(options_, resource) || !also(resource)) return false;
      if (!asked_.filter.empty() &&
          text::folded(resource.name).find(asked_.filter) == std::string::npos)
        return false;
      return !seen || seen(resource, segments);
    };
  }

  // Thrown out of a walk to end it.
  struct Enough {};

  // Collects what the filter leaves in all collections below. Locks are not looked for.
  void find_below(std::vector<Row>& rows) {
    const auto end = std::chrono::steady_clock::now() + kFindTime;
    std::uint64_t looked_at = 0;
    storage::Wanted wanted;
    wanted.shown = [&, seen = visible_.filter()](const storage::Resource& resource,
                                                 std::span<const std::string> segments) {
      if (++looked_at % 1024 == 0 && std::chrono::steady_clock::now() > end) throw Enough();
      return !seen || seen(resource, segments);
    };
    try {
      snapshot_->members(
          target_, storage::Depth::infinity, wanted, [&](const storage::Member& member) {
            if (member.segments.empty() || is_hidden(options_, member.resource) ||
                text::folded(member.resource.name).find(asked_.filter) == std::string::npos)
              return;
            if (rows.size() == kFoundMembers) throw Enough();
            rows.push_back(row_of(member, true));
            rows.back().above.assign(member.segments.begin(), member.segments.end() - 1);
          });
    } catch (const Enough&) {
      cut_ = true;
    }
  }

  // Writes the rows of all collections, or of all files, in the order of the store.
  void stream(bool collections, Sink& sink) {
    const storage::Wanted wanted{.locks = true,
                                 .shown = shown([collections](const storage::Resource& resource) {
                                   return resource.is_collection() == collections;
                                 })};
    snapshot_->members(target_, storage::Depth::one, wanted, [&](const storage::Member& member) {
      if (!member.segments.empty()) append_row(row_of(member, false), sink);
    });
  }

  Row row_of(const storage::Member& member, bool to_sort) const {
    const storage::Resource& resource = member.resource;
    Row row;
    row.name = resource.name;
    if (to_sort) row.folded = text::folded(resource.name);
    row.collection = resource.is_collection();
    row.size = row.collection ? 0 : resource.size;
    // Nothing more is shown of a collection that is only on the way to something readable.
    const bool readable = visible_.right(member.segments) >= storage::Right::read;
    row.second = http::second_of(readable ? resource.modified.at : resource.created);
    row.etag = resource.etag;
    // What covers the whole collection stands above the list.
    const auto lock = std::ranges::find(member.locks, resource.id, &storage::Lock::root_id);
    row.locked = readable && lock != member.locks.end();
    if (row.locked) row.holder = holder(*lock);
    return row;
  }

  [[nodiscard]] std::string holder(const storage::Lock& lock) const {
    const storage::Account* creator = accounts_->find(lock.creator);
    return holder_of(lock, creator == nullptr ? std::string_view() : creator->name);
  }

  void append_top() {
    std::string attributes = " data-page=\"";
    attributes.append(options_.page == PageUse::full ? "full" : "read");
    for (const auto& [attribute, name] :
         {std::pair<std::string_view, std::string_view>{"texts", texts_.file()},
          {"texts-en", "en.txt"},
          {"reader", "reader.js"}})
      attributes.append("\" data-")
          .append(attribute)
          .append("=\"")
          .append(file_url(options_.space, name));
    attributes.append("\" data-root=\"").append(href(options_.space, options_.space.base, true));
    if (options_.space.link) attributes += "\" data-link=\"";
    attributes.append("\" data-account=\"");
    append_text(attributes, account_);
    if (signs_out_) attributes += "\" data-session=\"";
    attributes += '"';
    const std::string_view name = target_.stored.name();
    append_head(chunk_, options_, texts_, name.empty() ? texts_["start"] : name, attributes,
                options_.page != PageUse::off);
    chunk_ += file("signs.svg").bytes;
    append_path();
    append_filter();
  }

  void append_path() {
    chunk_.append("<header><nav aria-label=\"").append(texts_["path"]).append("\"><ol>");
    storage::Path path = options_.space.base;
    const std::size_t above = path.depth();
    append_step(path, above == 0 ? texts_["start"] : path.name(), target_.stored.depth() == above);
    for (const std::string& segment : target_.stored.segments().subspan(above)) {
      path = path.child(segment);
      append_step(path, segment, path.depth() == target_.stored.depth());
    }
    chunk_ += "</ol></nav>\n";
  }

  void append_step(const storage::Path& path, std::string_view label, bool here) {
    chunk_.append("<li><a href=\"").append(href(options_.space, path, true)).append("\"");
    if (here) chunk_ += " aria-current=\"page\"";
    chunk_ += '>';
    if (path.depth() == options_.space.base.depth()) append_sign(chunk_, "start");
    chunk_ += "<bdi>";
    append_text(chunk_, label);
    chunk_ += "</bdi></a></li>";
  }

  void append_filter() {
    chunk_.append("<form class=\"filter\" role=\"search\"><label class=\"hidden\" for=\"filter\">");
    chunk_.append(texts_["filter"]).append("</label>");
    if (asked_.key != Key::name || asked_.descending)
      chunk_.append("<input type=\"hidden\" name=\"sort\" value=\"")
          .append(sort_value(asked_.key, asked_.descending))
          .append("\">");
    chunk_.append(
        "<input type=\"search\" id=\"filter\" name=\"filter\" autocomplete=\"off\" "
        "placeholder=\"");
    chunk_.append(texts_["filter"]).append("\" value=\"");
    append_text(chunk_, asked_.filter_as_typed);
    chunk_.append("\"><button class=\"here\">").append(texts_["filter-do"]);
    chunk_.append("</button><button name=\"below\" value=\"yes\">").append(texts_["search-below"]);
    chunk_ += "</button></form>";
    append_account();
    chunk_ += "</header>\n";
    chunk_.append("<main id=\"main\" data-self=\"").append(self_).append("\"");
    if (may_write_) chunk_ += " data-write";
    chunk_ += "><h1 class=\"hidden\">";
    append_text(chunk_, target_.stored.is_root() ? texts_["start"] : target_.stored.name());
    chunk_ += "</h1>\n";
    if (!target_.locks.empty()) {
      chunk_ += "<p class=\"note\">";
      append_lock(holder(target_.locks.front()));
      chunk_ += "</p>\n";
    }
  }

  // Appends who is signed in, with a button that signs out, or a link by which guests sign in.
  void append_account() {
    if (signs_out_) {
      chunk_.append("<form class=\"account\" method=\"post\" action=\"");
      chunk_.append(href(options_.space, {}, true)).append("?session=end\"><bdi>");
      append_text(chunk_, account_);
      chunk_.append("</bdi><button>").append(texts_["sign-out"]).append("</button></form>");
    } else if (account_.empty() && !options_.space.link && options_.page != PageUse::off &&
               !accounts_->accounts.empty()) {
      chunk_.append("<a class=\"button account\" href=\"").append(sign_in_url(options_, self_));
      chunk_.append("\">").append(texts_["sign-in"]).append("</a>");
    }
  }

  void append_table_head() {
    if (cut_) chunk_.append("<p class=\"note\">").append(texts_["not-all-found"]).append("</p>\n");
    if (!sorted_)
      chunk_.append("<p class=\"note\">")
          .append(texts_.fill("not-sorted", {std::to_string(kSortedMembers)}))
          .append("</p>\n");
    chunk_.append("<table><caption class=\"hidden\">");
    chunk_.append(texts_["list"]).append("</caption><thead><tr><td class=\"check\"></td>");
    append_column(Key::name, "name");
    append_column(Key::size, "size");
    append_column(Key::date, "date");
    chunk_.append("<th class=\"more\"><span class=\"hidden\">").append(texts_["download"]);
    chunk_ += "</span></th></tr></thead><tbody>\n";
  }

  static std::string sort_value(Key key, bool descending) {
    return (descending ? "-" : "") + std::string(kKeys[static_cast<std::size_t>(key)]);
  }

  // Appends the head of a column, with a link that sorts by it. Sizes and dates begin with the
  // largest.
  void append_column(Key key, std::string_view name) {
    const bool now = sorted_ && asked_.key == key;
    const bool descending = now ? !asked_.descending : key != Key::name;
    chunk_.append("<th class=\"").append(name).append("\"");
    if (now)
      chunk_.append(" aria-sort=\"").append(asked_.descending ? "des" : "as").append("cending\"");
    chunk_ += '>';
    if (sorted_) {
      chunk_.append("<a href=\"")
          .append(self_)
          .append("?sort=")
          .append(sort_value(key, descending));
      if (!asked_.filter_as_typed.empty()) {
        chunk_ += "&amp;filter=";
        text::append_encoded(chunk_, asked_.filter_as_typed, kUnreserved);
        if (asked_.below) chunk_ += "&amp;below=yes";
      }
      chunk_ += "\">";
    }
    chunk_ += texts_[name];
    chunk_ += sorted_ ? "</a></th>" : "</th>";
  }

  void append_lock(std::string_view holder) {
    append_sign(chunk_, "lock");
    chunk_ += "<span>";
    append_text(chunk_, holder.empty() ? std::string(texts_["locked"])
                                       : texts_.fill("locked-by", {holder}));
    chunk_ += "</span>";
  }

  void append_row(const Row& row, Sink& sink) {
    ++(row.collection ? folders_ : files_);
    bytes_ += row.size;
    std::string link = self_;
    for (const std::string& segment : row.above) {
      append_encoded_segment(link, segment);
      link += '/';
    }
    const std::string folder = link;
    append_encoded_segment(link, row.name);
    const std::string_view type = row.collection ? "" : http::content_type(row.name);
    const std::string_view sign = row.collection ? "folder" : sign_of(type);
    if (row.collection) {
      link += '/';
      chunk_ += "<tr>";
    } else {
      chunk_.append("<tr data-type=\"").append(type).append("\" data-size=\"");
      text::append_number(chunk_, row.size);
      chunk_.append("\" data-etag=\"").append(row.etag).append("\">");
    }
    chunk_ += "<td class=\"check\"></td><td class=\"name\">";
    append_sign(chunk_, sign);
    chunk_.append("<a href=\"").append(link).append("\"><bdi>");
    append_text(chunk_, row.name);
    chunk_.append("</bdi><span class=\"hidden\"> (").append(texts_["type." + std::string(sign)]);
    chunk_ += ")</span></a>";
    if (asked_.below) append_way(row, folder);
    if (row.locked) {
      chunk_ += "<span class=\"lock\">";
      append_lock(row.holder);
      chunk_ += "</span>";
    }
    chunk_ += "</td><td class=\"size\">";
    if (!row.collection) chunk_ += readable_size(row.size, texts_);
    chunk_ += "</td><td class=\"date\">";
    append_time(chunk_, row.second, texts_);
    chunk_ += "</td><td class=\"more\">";
    if (!row.collection) {
      chunk_.append("<a href=\"").append(link).append("\" download title=\"");
      chunk_.append(texts_["download"]).append("\">");
      append_sign(chunk_, "download");
      chunk_.append("<span class=\"hidden\">").append(texts_["download"]).append(" ");
      append_text(chunk_, row.name);
      chunk_ += "</span></a>";
    }
    chunk_ += "</td></tr>\n";
    if (chunk_.size() < kChunkBytes) return;
    sink.write(chunk_);
    chunk_.clear();
  }

  // Appends the link to the collection in which a member was found.
  void append_way(const Row& row, std::string_view folder) {
    chunk_.append("<a class=\"way\" href=\"").append(folder).append("\"><bdi>");
    if (row.above.empty())
      append_text(chunk_, target_.stored.is_root() ? texts_["start"] : target_.stored.name());
    for (std::size_t i = 0; i < row.above.size(); ++i) {
      if (i > 0) chunk_ += "/";
      append_text(chunk_, row.above[i]);
    }
    chunk_ += "</bdi></a>";
  }

  void append_end() {
    chunk_ += "</tbody></table>\n";
    if (folders_ + files_ == 0)
      chunk_.append("<p class=\"empty\">")
          .append(texts_[asked_.filter.empty() ? "empty" : "nothing-found"])
          .append("</p>\n");
    chunk_.append("<p class=\"sum\">")
        .append(texts_.fill("sum", {std::to_string(folders_), std::to_string(files_),
                                    readable_size(bytes_, texts_)}))
        .append(" <span class=\"utc\">")
        .append(texts_["utc"])
        .append("</span>");
    if (folders_ + files_ > 0 && !asked_.below)
      chunk_.append(" <a class=\"zip\" href=\"")
          .append(self_)
          .append("?zip\" download>")
          .append(texts_["zip"])
          .append("</a>");
    chunk_.append("</p>\n</main>\n</body></html>\n");
  }

  const Options& options_;
  const Texts& texts_;
  const bool may_write_;
  std::string account_;
  bool signs_out_;  // by a cookie that the page can end
  VisibleTree visible_;
  std::shared_ptr<const storage::Accounts> accounts_;
  std::unique_ptr<const storage::Snapshot> snapshot_;
  storage::Resolution target_;
  Asked asked_;
  std::string self_;  // escaped, ends in a slash
  bool sorted_ = true;
  bool cut_ = false;  // more was found than is shown
  std::uint64_t folders_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
  std::string chunk_;  // not written yet
};

}  // namespace

Response listing(const Call& call, std::unique_ptr<const storage::Snapshot> snapshot,
                 const storage::Resolution& target) {
  Asked asked = parse_query(call.request.target);
  Response response;
  set_fields(response, call.options.page != PageUse::off);
  response
      .set("Last-Modified", http::last_modified(target.resource->modified.at, snapshot->wall_now()))
      // The date of a collection does not tell of new content and locks of its members.
      .set("Cache-Control", "no-store");
  if (call.request.method == "HEAD") return response;
  response.body = std::unique_ptr<Producer>(
      std::make_unique<Page>(call, std::move(snapshot), target, std::move(asked)));
  return response;
}

}  // namespace holdfast::dav::page
