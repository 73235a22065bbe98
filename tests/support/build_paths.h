// The places of this build's sources and binaries. They have one small file of their own, so that
// no other object depends on the folder in which it was compiled, and a compiler cache serves every
// clone. Any thread.
#pragma once

#include <filesystem>
#include <string>

namespace holdfast::test {

[[nodiscard]] std::filesystem::path source_folder();
// Returns the folder of the `holdfast` binary.
[[nodiscard]] std::filesystem::path binary_folder();
// Returns the C++ compiler of this build.
[[nodiscard]] std::string compiler();

}  // namespace holdfast::test
