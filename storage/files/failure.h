// What a call of the system that failed means to a caller.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "storage/error.h"

namespace holdfast::storage::files {

// Throws what errno says about doing something with the file `name`: Fault::full, read_only or
// unavailable.
[[noreturn]] inline void fail(const char* doing, const std::string& name) {
  const int error = errno;
  Fault fault = Fault::unavailable;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) fault = Fault::full;
  if (error == EROFS) fault = Fault::read_only;
  throw Error(fault, std::string(doing) + " " + name + ": " + std::strerror(error));
}

}  // namespace holdfast::storage::files
