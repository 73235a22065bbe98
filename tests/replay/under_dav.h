// A server whose tree is below /dav.
#pragma once

#include "dav/options.h"

namespace holdfast::test {

[[nodiscard]] inline dav::Options under_dav() {
  dav::Options options;
  options.space.prefix = {"dav"};
  return options;
}

}  // namespace holdfast::test
