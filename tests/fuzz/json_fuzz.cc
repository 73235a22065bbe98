// Any bytes as JSON: what is read as a flat object is written as one line and read again as the
// same (RFC 8259).
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "server/json/object.h"
#include "server/json/writer.h"
#include "tests/fuzz/property.h"
#include "text/utf8.h"

using namespace holdfast;

namespace {

std::string written(const server::json::Object& object) {
  server::json::Writer out;
  out.object([&] {
    for (const auto& [name, value] : object) {
      out.key(name);
      if (const auto* truth = std::get_if<bool>(&value)) out.value(*truth);
      if (const auto* number = std::get_if<std::uint64_t>(&value)) out.value(*number);
      if (const auto* text = std::get_if<std::string>(&value)) out.value(*text);
      if (const auto* all = std::get_if<std::vector<std::string>>(&value)) out.value(*all);
      if (std::holds_alternative<std::nullptr_t>(value)) out.value(std::optional<bool>());
    }
  });
  return out.text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto object = server::json::parse_object(fuzz::text_of(data, size));
  if (!object) return 0;
  for (const auto& [name, value] : *object)
    if (const auto* text = std::get_if<std::string>(&value))
      fuzz::require(text::valid_utf8(*text), "strings are UTF-8");
  const std::string line = written(*object);
  fuzz::require(line.find('\n') == line.size() - 1, "one line");
  fuzz::require(server::json::parse_object(line) == object, "the same again");
  return 0;
}
