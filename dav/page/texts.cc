#include "dav/page/texts.h"

#include <algorithm>
#include <deque>
#include <vector>

#include "dav/page/files.h"
#include "http/accept.h"
#include "text/ascii.h"

namespace holdfast::dav::page {
namespace {

constexpr std::string_view kDefault = "en.txt";

// Returns all languages, the default first.
const std::deque<Texts>& languages() {
  static const std::deque<Texts> all = [] {
    std::deque<Texts> made;
    made.emplace_back(kDefault, file(kDefault).bytes, nullptr);
    for (const File& each : files())
      if (each.name.ends_with(".txt") && each.name != kDefault)
        made.emplace_back(each.name, each.bytes, &made.front());
    return made;
  }();
  return all;
}

}  // namespace

Texts::Texts(std::string_view file, std::string_view content, const Texts* fallback)
    : file_(file), fallback_(fallback) {
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    const std::string_view line = content.substr(0, end);
    content.remove_prefix(std::min(end + 1, content.size()));
    const std::size_t equals = line.find(" = ");
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    words_[text::trimmed(line.substr(0, equals))] = line.substr(equals + 3);
  }
}

const Texts& Texts::of(const Request& request) {
  static const std::vector<std::string_view> tags = [] {
    std::vector<std::string_view> all;
    for (const Texts& each : languages()) all.push_back(each.language());
    return all;
  }();
  return languages()[http::preferred_language(request.fields, tags)];
}

std::string_view Texts::operator[](std::string_view key) const {
  if (const auto found = words_.find(key); found != words_.end()) return found->second;
  return fallback_ == nullptr ? key : (*fallback_)[key];
}

std::string Texts::fill(std::string_view key,
                        std::initializer_list<std::string_view> arguments) const {
  std::string out;
  std::string_view words = (*this)[key];
  while (!words.empty()) {
    if (words.size() > 2 && words[0] == '{' && text::is_digit(words[1]) && words[2] == '}') {
      const auto at = static_cast<std::size_t>(words[1] - '0');
      if (at < arguments.size()) out += arguments.begin()[at];
      words.remove_prefix(3);
    } else {
      out += words.front();
      words.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace holdfast::dav::page
