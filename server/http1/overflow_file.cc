#include "server/http1/overflow_file.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace holdfast::server::http1 {
namespace {

int open_unnamed(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0) return descriptor;
  // Some file systems do not support unnamed files.
  std::string name = folder + "/holdfast-answer-XXXXXX";
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named < 0)
    throw std::system_error(errno, std::generic_category(), "no spill file in " + folder);
  ::unlink(name.c_str());
  return named;
}

}  // namespace

OverflowFile::OverflowFile(const std::string& folder) : descriptor_(open_unnamed(folder)) {}

OverflowFile::~OverflowFile() { ::close(descriptor_); }

void OverflowFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      throw std::system_error(errno, std::generic_category(), "cannot spill an answer");
    size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace holdfast::server::http1
