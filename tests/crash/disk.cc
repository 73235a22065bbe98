#include "tests/crash/disk.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string_view>

namespace holdfast::test {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::size_t kPage = 4096;

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

void put(std::string& content, std::size_t offset, std::string_view data) {
  if (content.size() < offset + data.size()) content.resize(offset + data.size());
  content.replace(offset, data.size(), data);
}

// Decides for one thing after the other.
class Chance {
 public:
  explicit Chance(const Fate& fate) : fate_(fate), random_(fate.seed) {}

  bool keeps_name() {
    switch (fate_.kind) {
      case Fate::Kind::dropped:
      case Fate::Kind::data_only:
        return false;
      case Fate::Kind::random:
        return random_() % 2 == 0;
      default:
        return true;
    }
  }
  // How many bytes of a write are there; the others keep what the file had.
  std::size_t kept_bytes(std::size_t size, bool last) {
    const std::size_t sectors = (size + kSector - 1) / kSector;
    switch (fate_.kind) {
      case Fate::Kind::kept:
      case Fate::Kind::data_only:
        return size;
      case Fate::Kind::dropped:
      case Fate::Kind::names_only:
      case Fate::Kind::zeros:
        return 0;
      case Fate::Kind::last_torn:
        return last ? sectors / 2 * kSector : size;
      case Fate::Kind::random:
        switch (random_() % 4) {
          case 0:
            return 0;
          case 1:
            return std::min(size, random_() % (sectors + 1) * kSector);
          default:
            return size;
        }
    }
    return size;
  }
  bool grows() {
    return fate_.kind == Fate::Kind::zeros ||
           (fate_.kind == Fate::Kind::random && random_() % 4 == 0);
  }

 private:
  const Fate& fate_;
  std::mt19937 random_;
};

}  // namespace

Disk::File* Disk::file_at(const std::string& path) {
  const auto at = names_.find(path);
  return at == names_.end() ? nullptr : &files_[static_cast<std::size_t>(at->second)];
}

void Disk::name(const std::string& path, int file) {
  namings_.push_back({folder_of(path), path, file});
  if (file < 0) {
    names_.erase(path);
  } else {
    names_[path] = file;
  }
}

void Disk::flush(File& file) {
  for (const Change& change : file.changes) {
    if (change.lost) continue;
    const auto offset = static_cast<std::size_t>(change.offset);
    if (change.truncates) {
      file.flushed.resize(offset);
    } else if (change.allocates) {
      file.flushed.resize(std::max(file.flushed.size(), offset));
    } else {
      put(file.flushed, offset, change.data);
    }
  }
  file.changes.clear();
}

void Disk::apply(const TracedCall& call) {
  File* file = file_at(call.path);
  if (call.kind == CallKind::sync && call.error != 0 && file != nullptr) {
    for (Change& change : file->changes) change.lost = true;
  }
  if (call.error != 0) return;
  switch (call.kind) {
    case CallKind::create:
    case CallKind::make_folder:
      files_.push_back({call.kind == CallKind::make_folder, "", {}});
      if (call.path != ".") name(call.path, static_cast<int>(files_.size()) - 1);
      break;
    case CallKind::write: {
      if (file == nullptr) throw std::runtime_error("of no known file: " + describe(call));
      std::string_view rest = call.data;
      for (std::int64_t offset = call.offset; !rest.empty();) {
        const auto size = std::min(rest.size(), kPage - static_cast<std::size_t>(offset) % kPage);
        file->changes.push_back({.offset = offset, .data = std::string(rest.substr(0, size))});
        offset += static_cast<std::int64_t>(size);
        rest.remove_prefix(size);
      }
      break;
    }
    case CallKind::truncate:
      if (file == nullptr) throw std::runtime_error("of no known file: " + describe(call));
      file->changes.push_back({.truncates = true, .offset = call.offset, .data = {}});
      break;
    case CallKind::sync:
      if (file != nullptr) flush(*file);
      std::erase_if(namings_, [&](const Naming& naming) {
        if (naming.folder != call.path) return false;
        if (naming.file < 0) {
          flushed_names_.erase(naming.path);
        } else {
          flushed_names_[naming.path] = naming.file;
        }
        return true;
      });
      break;
    case CallKind::sync_all:
      for (File& each : files_) flush(each);
      namings_.clear();
      flushed_names_ = names_;
      break;
    case CallKind::rename: {
      const auto at = names_.find(call.path);
      if (at == names_.end()) throw std::runtime_error("of no known file: " + describe(call));
      const int number = at->second;
      name(call.path, -1);
      name(call.target, number);
      break;
    }
    case CallKind::unlink:
      if (file != nullptr) name(call.path, -1);  // else it is a socket
      break;
    case CallKind::map:
      if (call.path.ends_with("-shm")) break;
      throw std::runtime_error("not followed: " + describe(call));
    case CallKind::allocate:
      if (file == nullptr) throw std::runtime_error("of no known file: " + describe(call));
      file->changes.push_back({.allocates = true, .offset = call.offset, .data = {}});
      break;
    case CallKind::link:
      throw std::runtime_error("not followed: " + describe(call));
    case CallKind::answer:
    case CallKind::memory:  // never in a trace
      break;
  }
}

Disk::Image Disk::after_power_cut(const Fate& fate) const {
  Chance chance(fate);
  std::map<std::string, int> names = flushed_names_;
  for (const Naming& naming : namings_) {
    if (!chance.keeps_name()) continue;
    if (naming.file < 0) {
      names.erase(naming.path);
    } else {
      names[naming.path] = naming.file;
    }
  }
  Image image;
  for (const auto& [path, number] : names) {
    // The index of the log is made anew.
    if (path.ends_with("-shm")) continue;
    const File& file = files_[static_cast<std::size_t>(number)];
    if (file.folder) {
      image[path + "/"];
      continue;
    }
    std::string& content = image[path] = file.flushed;
    for (const Change& change : file.changes) {
      const bool last = &change == &file.changes.back();
      const auto offset = static_cast<std::size_t>(change.offset);
      const std::size_t kept = chance.kept_bytes(
          change.truncates || change.allocates ? kSector : change.data.size(), last);
      if (change.lost) continue;
      if (change.truncates || change.allocates) {
        if (kept > 0) content.resize(change.truncates ? offset : std::max(content.size(), offset));
        continue;
      }
      if (kept > 0) put(content, offset, std::string_view(change.data).substr(0, kept));
      if (chance.grows() && content.size() < offset + change.data.size()) {
        content.resize(offset + change.data.size());
      }
    }
  }
  // A name in a folder that is not there is not there.
  std::erase_if(image, [&](const auto& entry) {
    const std::string above = folder_of(
        entry.first.ends_with('/') ? entry.first.substr(0, entry.first.size() - 1) : entry.first);
    return above != "." && !image.contains(above + "/");
  });
  return image;
}

void make_folder(const Disk::Image& image, const std::filesystem::path& path) {
  using std::filesystem::perms;
  std::filesystem::create_directory(path);
  std::filesystem::permissions(path, perms::owner_all);
  for (const auto& [name, content] : image) {
    if (name.ends_with('/')) {
      std::filesystem::create_directory(path / name.substr(0, name.size() - 1));
      std::filesystem::permissions(path / name.substr(0, name.size() - 1), perms::owner_all);
    } else {
      std::ofstream(path / name, std::ios::binary) << content;
      std::filesystem::permissions(path / name, perms::owner_read | perms::owner_write);
    }
  }
}

}  // namespace holdfast::test
