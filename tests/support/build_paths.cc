#include "tests/support/build_paths.h"

namespace holdfast::test {

std::filesystem::path source_folder() { return HOLDFAST_SOURCE_DIR; }

std::filesystem::path binary_folder() { return HOLDFAST_BINARY_DIR; }

std::string compiler() { return HOLDFAST_CXX_COMPILER; }

}  // namespace holdfast::test
