#include "dav/zip_download.h"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dav/junk.h"
#include "dav/query.h"
#include "dav/rights.h"
#include "dav/zip_archive.h"
#include "http/date.h"
#include "http/media_type.h"
#include "text/percent.h"
#include "text/utf8.h"

namespace holdfast::dav {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;
// The names of one archive, twice: here, and in the list at its end.
constexpr std::size_t kNamesBytes = std::size_t{16} << 20;

struct ZipEntry {
  std::string path;  // below the collection, names with slashes between them
  bool folder = false;
  std::int64_t modified = 0;  // of a folder, in Unix seconds
};

storage::Path below(storage::Path path, std::string_view names) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find('/'), names.size());
    path = path.child(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return path;
}

class ZipSource final : public http::Source {
 public:
  ZipSource(const Call& call, storage::Path collection, std::string prefix,
            std::vector<ZipEntry> entries)
      : names_(call.names),
        contents_(call.contents),
        caller_(call.caller),
        collection_(std::move(collection)),
        prefix_(std::move(prefix)),
        entries_(std::move(entries)) {}

  // Reads what follows what was read before, whatever the offset.
  [[nodiscard]] std::size_t read(std::uint64_t /*offset*/, std::span<char> buffer) override {
    while (taken_ == archive_.written.size()) {
      taken_ = 0;
      archive_.written.clear();
      if (done_) return 0;
      go_on();
    }
    const std::size_t count = std::min(buffer.size(), archive_.written.size() - taken_);
    std::copy_n(archive_.written.data() + taken_, count, buffer.data());
    taken_ += count;
    return count;
  }

 private:
  // Writes some of the archive.
  void go_on() {
    if (reader_) {
      add_piece();
    } else if (next_ < entries_.size()) {
      const ZipEntry& entry = entries_[next_++];
      if (entry.folder) {
        archive_.add_folder(prefix_ + entry.path + "/", entry.modified);
      } else {
        begin_file(entry);
      }
    } else {
      archive_.finish();
      done_ = true;
    }
  }

  void add_piece() {
    if (at_ == reader_->size()) {
      reader_.reset();
      return;
    }
    piece_.resize(kPieceBytes);
    const std::size_t count = reader_->read(at_, std::span(piece_.data(), piece_.size()));
    if (count == 0) throw std::runtime_error("stored content is shorter than its size");
    archive_.add(std::string_view(piece_).substr(0, count));
    at_ += count;
  }

  // The caller by the accounts of now, and the file by a snapshot of now.
  void begin_file(const ZipEntry& entry) {
    caller_ = caller_as_of(caller_, names_.accounts());
    const storage::Path path = below(collection_, entry.path);
    if (!caller_ || right_on(*caller_, path) < storage::Right::read)
      throw std::runtime_error("the client has lost the right to read");
    for (const bool last_try : {false, true}) {
      auto snapshot = names_.snapshot();
      const storage::Resolution file = snapshot->resolve(path);
      if (!file.mapped() || file.resource->is_collection()) return;
      const storage::Content content = snapshot->content(*file.resource);
      if (!content.is_inline()) reader_ = contents_.open(content);
      snapshot.reset();  // the next calls may read a whole file
      if (!content.is_inline() && !reader_) {
        // It was replaced and removed meanwhile.
        if (last_try) throw std::runtime_error("stored content is missing");
        continue;
      }
      if (reader_) {
        reader_->require_sound();
      } else {
        contents_.require_sound(file.resource->content, content);
      }
      archive_.begin_file(prefix_ + entry.path, content.size,
                          http::second_of(file.resource->modified.at));
      at_ = 0;
      if (!reader_) archive_.add(content.bytes);
      return;
    }
  }

  storage::Namespace& names_;
  storage::ContentStore& contents_;
  std::shared_ptr<const Caller> caller_;
  storage::Path collection_;
  std::string prefix_;
  std::vector<ZipEntry> entries_;
  std::size_t next_ = 0;
  ZipArchive archive_;
  std::size_t taken_ = 0;  // bytes of what was written
  std::unique_ptr<storage::ContentReader> reader_;
  std::uint64_t at_ = 0;
  std::string piece_;
  bool done_ = false;
};

// Returns the names that a query selects. Throws Error 400.
std::vector<std::string> selected_names(std::string_view asked) {
  std::vector<std::string> names;
  while (!asked.empty()) {
    const std::size_t end = std::min(asked.find('/'), asked.size());
    const auto name = text::percent_decoded(asked.substr(0, end));
    if (!name || name->empty() || !text::valid_utf8(*name) || name->find('/') != std::string::npos)
      throw Error(400, "zip names something that is no name");
    names.push_back(text::nfc(*name));
    asked.remove_prefix(std::min(end + 1, asked.size()));
  }
  return names;
}

// Returns what the archive has. Throws Error 403 for too much, 404 when a name is none of a member.
std::vector<ZipEntry> entries_of(const Call& call, const storage::Snapshot& snapshot,
                                 const storage::Resolution& target,
                                 const std::vector<std::string>& names) {
  const VisibleTree visible(call.caller, target.path);
  std::vector<ZipEntry> entries;
  std::vector<bool> met(names.size());
  std::size_t bytes = 0;
  storage::Wanted wanted;
  wanted.shown = [&, seen = visible.filter()](const storage::Resource& resource,
                                              std::span<const std::string> segments) {
    if (is_hidden(call.options, resource)) return false;
    if (segments.size() == 1 && !names.empty()) {
      const auto found = std::ranges::find(names, text::nfc(resource.name));
      if (found == names.end()) return false;
      if (!seen || seen(resource, segments))
        met[static_cast<std::size_t>(found - names.begin())] = true;
    }
    return !seen || seen(resource, segments);
  };
  snapshot.members(target, storage::Depth::infinity, wanted, [&](const storage::Member& member) {
    if (member.segments.empty()) return;
    ZipEntry entry;
    for (const std::string& segment : member.segments) {
      if (!entry.path.empty()) entry.path += '/';
      entry.path += segment;
    }
    const storage::Resource& resource = member.resource;
    entry.folder = resource.is_collection();
    const bool readable = visible.right(member.segments) >= storage::Right::read;
    entry.modified = http::second_of(readable ? resource.modified.at : resource.created);
    bytes += entry.path.size() + sizeof(ZipEntry);
    if (entries.size() == call.options.propfind_infinity_limit || bytes > kNamesBytes)
      throw Error(403, "the tree has more resources than one archive may have");
    entries.push_back(std::move(entry));
  });
  if (std::ranges::find(met, false) != met.end())
    throw Error(404, "nothing of this name is in the collection");
  return entries;
}

}  // namespace

std::optional<std::string_view> asked_zip(std::string_view target) {
  std::string_view query = query_of(target);
  if (query == "zip") return "";
  if (!query.starts_with("zip=") || query.find('&') != std::string_view::npos) return std::nullopt;
  return query.substr(4);
}

Response zip_download(const Call& call, std::unique_ptr<const storage::Snapshot> snapshot,
                      const storage::Resolution& target, std::string_view asked) {
  const std::vector<std::string> names = selected_names(asked);
  std::vector<ZipEntry> entries = entries_of(call, *snapshot, target, names);
  snapshot.reset();
  const std::string name(target.stored.name());
  Response response;
  response.set("Content-Type", "application/zip")
      .set("Content-Disposition",
           http::content_disposition((name.empty() ? "files" : name) + ".zip", false))
      .set("X-Content-Type-Options", "nosniff")
      .set("Cache-Control", "no-store");
  if (call.request.method == "HEAD") return response;
  // A whole folder comes out of the archive as a folder.
  std::string prefix = names.empty() && !name.empty() ? name + "/" : std::string();
  response.body = http::StreamBody{
      std::make_unique<ZipSource>(call, target.stored, std::move(prefix), std::move(entries))};
  return response;
}

}  // namespace holdfast::dav
