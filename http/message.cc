#include "http/message.h"

#include <algorithm>

#include "text/ascii.h"

namespace holdfast::http {

using text::equal_ignoring_case;

std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (const Field& field : fields_)
    if (equal_ignoring_case(field.name, name)) return field.value;
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(fields_.begin(), fields_.end(),
                    [&](const Field& f) { return equal_ignoring_case(f.name, name); }));
}

bool Fields::repeats_one_value(std::string_view name) const {
  const std::optional<std::string_view> first = find(name);
  return std::all_of(fields_.begin(), fields_.end(), [&](const Field& field) {
    return !equal_ignoring_case(field.name, name) || field.value == *first;
  });
}

std::optional<std::string> Fields::joined(std::string_view name, std::string_view separator) const {
  std::optional<std::string> all;
  for (const Field& field : fields_) {
    if (!equal_ignoring_case(field.name, name)) continue;
    if (all) {
      all->append(separator).append(field.value);
    } else {
      all.emplace(field.value);
    }
  }
  return all;
}

std::uint64_t SourceBody::length() const {
  std::uint64_t total = 0;
  for (const Run& run : runs) total += run.text.size() + run.length;
  return total;
}

Response& Response::set(std::string_view name, std::string_view value) {
  fields.append(name).append(": ");
  const std::size_t start = fields.size();
  fields.append(value);
  std::replace_if(
      fields.begin() + static_cast<std::ptrdiff_t>(start), fields.end(),
      [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  fields.append("\r\n");
  return *this;
}

std::optional<std::string_view> Response::find(std::string_view name) const {
  std::string_view rest = fields;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    const std::size_t colon = line.find(':');
    if (equal_ignoring_case(line.substr(0, colon), name))
      return text::trimmed(line.substr(colon + 1));
    rest.remove_prefix(end + 2);
  }
  return std::nullopt;
}

}  // namespace holdfast::http
