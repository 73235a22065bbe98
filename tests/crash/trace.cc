#include "tests/crash/trace.h"

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace holdfast::test {

Trace read_trace(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream all;
  all << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + file.string());
  const std::string bytes = all.str();
  std::string_view rest = bytes;
  Trace trace;
  while (rest.size() >= sizeof(TraceHeader)) {
    TraceHeader header{};
    std::memcpy(&header, rest.data(), sizeof header);
    if (header.kind > static_cast<std::uint32_t>(CallKind::answer)) {
      throw std::runtime_error(file.string() + " is no trace");
    }
    rest.remove_prefix(sizeof header);
    const auto take = [&rest](std::size_t size) {
      std::string part(rest.substr(0, size));
      rest.remove_prefix(part.size());
      return part;
    };
    if (rest.size() < header.path_size + header.path2_size + header.data_size) break;
    TracedCall& call = trace.emplace_back();
    call.kind = static_cast<CallKind>(header.kind);
    call.error = header.error;
    call.thread = header.thread;
    call.descriptor = header.descriptor;
    call.offset = header.offset;
    call.path = take(header.path_size);
    call.target = take(header.path2_size);
    call.data = take(header.data_size);
  }
  return trace;
}

int answered(const TracedCall& call) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (call.kind != CallKind::answer || !call.data.starts_with(kVersion)) return 0;
  int status = 0;
  const char* first = call.data.data() + kVersion.size();
  std::from_chars(first, call.data.data() + call.data.size(), status);
  return status >= 200 ? status : 0;
}

std::string describe(const TracedCall& call) {
  constexpr std::array kNames = {"create", "write", "truncate", "allocate",    "sync", "sync_all",
                                 "rename", "link",  "unlink",   "make_folder", "map",  "answer"};
  std::string text = kNames.at(static_cast<std::size_t>(call.kind));
  text += " " + call.path;
  if (!call.target.empty()) text += " to " + call.target;
  if (call.kind == CallKind::write || call.kind == CallKind::truncate) {
    text += " at " + std::to_string(call.offset) + ", " + std::to_string(call.data.size());
  }
  if (call.kind == CallKind::answer) text += call.data.substr(0, call.data.find('\r'));
  if (call.error != 0) text += std::string(": ") + std::strerror(call.error);
  return text;
}

}  // namespace holdfast::test
