#include "server/process/usage_error.h"

#include <utility>

namespace holdfast::server {
namespace {

std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

}  // namespace

UsageError::UsageError(std::string sentence) : runtime_error(printable(std::move(sentence))) {}

}  // namespace holdfast::server
