#include "tests/support/sample_tree.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestCopied = 256 * 1024;

// Names that some server or client has changed or refused.
const std::vector<std::string> kAwkwardNames = {
    "plain.txt",
    "with space.txt",
    "  two spaces inside  x",
    "100%.txt",
    "%41 is not A.txt",
    "%2F is no slash",
    "hash#tag.txt",
    "question?.txt",
    "a&b<c>.txt",
    "semi;colon,comma=equal+plus.txt",
    "(brackets)[square]{curly}.txt",
    "quote'single.txt",
    "quote\"double.txt",
    "back`tick$dollar!bang~tilde^caret|pipe.txt",
    "at@sign:colon.txt",
    "*star.txt",
    "umlaut-\u00e4\u00f6\u00fc-composed.txt",       // NFC
    "umlaut-a\u0308o\u0308u\u0308-decomposed.txt",  // NFD
    "\u65e5\u672c\u8a9e.txt",
    "\u0440\u0443\u0441\u0441\u043a\u0438\u0439.txt",
    "emoji-\U0001f4c1.txt",
    "CON.txt",
    ".hidden",
    "no-extension",
    "file.tar.gz",
    "UPPER.TXT",
    "upper.txt",
    "-dash-first",
    "~tilde-first",
    "trailing-dots...",
};

void write(const fs::path& file, const std::string& content) {
  std::ofstream stream(file, std::ios::binary);
  stream << content;
  if (!stream.flush()) throw std::runtime_error("cannot write " + file.string());
}

// Returns `size` bytes that differ for each seed.
std::string content_of(std::size_t size, std::size_t seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
  for (auto& byte : bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

std::size_t write_awkward(const fs::path& folder) {
  std::size_t made = 0;
  for (const auto& name : kAwkwardNames) {
    ++made;
    write(folder / name, content_of(100 + made, made));
  }
  write(folder / (std::string(120, 'l') + "\u00e9" + std::string(120, 'l')), "a long name");
  // The sizes are on both sides of every border between ways of storing content.
  for (const std::size_t size : {0U, 1U, 4095U, 4096U, 65535U, 65536U, 65537U, 200'000U}) {
    write(folder / ("size-" + std::to_string(size)), content_of(size, ++made));
  }
  fs::path deep = folder;
  for (int level = 0; level < 20; ++level) deep /= "level " + std::to_string(level);
  fs::create_directories(deep);
  write(deep / "deep.txt", "deep");
  for (const auto* name : {"sub folder", "100% sub#folder", "unter-\u00e4", "empty folder"}) {
    fs::create_directory(folder / name);
  }
  write(folder / "sub folder" / "x y.txt", "x");
  write(folder / "100% sub#folder" / "x?y.txt", "x");
  write(folder / "unter-\u00e4" / "\u00e4.txt", "x");
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    count += entry.is_regular_file() ? 1 : 0;
  }
  return count;
}

// Returns the part to which a file belongs: folders with few files stay whole.
std::string part_of(const fs::path& relative, std::size_t parts) {
  auto component = relative.begin();
  auto key = component->string();
  if (++component != relative.end()) key += "/" + component->string();
  return "part-" + std::to_string(std::hash<std::string>{}(key) % parts);
}

// Copies regular files from `source` until there are `wanted`; returns how many.
std::size_t copy_real(const fs::path& source, const fs::path& target, std::size_t wanted,
                      std::size_t parts) {
  std::size_t copied = 0;
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto it = fs::recursive_directory_iterator(source, options, error);
       !error && copied < wanted && it != fs::end(it); it.increment(error)) {
    if (it->is_symlink(error) || !it->is_regular_file(error)) continue;
    if (it->file_size(error) > kLargestCopied) continue;
    const auto relative = it->path().lexically_relative(source);
    const auto file = target / part_of(relative, parts) / source.filename() / relative;
    fs::create_directories(file.parent_path());
    if (fs::copy_file(it->path(), file, error)) ++copied;
    error.clear();
  }
  return copied;
}

bool same_content(const fs::path& left, const fs::path& right) {
  std::ifstream a(left, std::ios::binary);
  std::ifstream b(right, std::ios::binary);
  if (!a || !b) return false;
  return std::equal(std::istreambuf_iterator<char>(a), {}, std::istreambuf_iterator<char>(b), {});
}

// Returns every file and folder below `root`, relative, folders with a slash.
std::set<std::string> entries(const fs::path& root) {
  std::set<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    auto name = entry.path().lexically_relative(root).string();
    found.insert(entry.is_directory() ? name + "/" : name);
  }
  return found;
}

}  // namespace

std::size_t make_sample_tree(const fs::path& folder, std::size_t files, std::size_t parts) {
  fs::create_directories(folder / "part-0" / "awkward");
  std::size_t count = write_awkward(folder / "part-0" / "awkward");
  for (const std::string source : {"/usr/share/doc", "/usr/include"}) {
    if (count >= files) break;
    // The first source gives at most half of the files, so that both kinds of trees are used on a
    // machine that has them.
    const auto left = files - count;
    count += copy_real(source, folder, source == "/usr/include" ? left : left / 2, parts);
  }
  for (std::size_t made = 0; count < files; ++made, ++count) {
    const auto sub =
        folder / ("part-" + std::to_string(made % parts)) / "made" / std::to_string(made / 100);
    fs::create_directories(sub);
    write(sub / ("file " + std::to_string(made)), content_of(made % 9000, made));
  }
  return count;
}

std::string tree_difference(const fs::path& left, const fs::path& right, bool by_name) {
  std::string difference;
  const auto expected = entries(left);
  const auto there = by_name ? expected : entries(right);
  for (const auto& name : there) {
    if (!expected.contains(name)) difference += "only in the second: " + name + "\n";
  }
  for (const auto& name : expected) {
    if (!there.contains(name)) {
      difference += "only in the first: " + name + "\n";
    } else if (name.ends_with('/')) {
      if (!fs::is_directory(right / name)) difference += "no folder: " + name + "\n";
    } else if (!same_content(left / name, right / name)) {
      difference += "content differs: " + name + "\n";
    }
  }
  return difference;
}

}  // namespace holdfast::test
