// Where this build's sources and binaries are. In one small file of their own, so that no other
// object depends on the folder it was compiled in and a compiler cache serves every clone.
#pragma once

#include <filesystem>
#include <string>

namespace holdfast::test {

[[nodiscard]] std::filesystem::path source_folder();
// Where the `holdfast` binary is.
[[nodiscard]] std::filesystem::path binary_folder();
// The C++ compiler of this build.
[[nodiscard]] std::string compiler();

}  // namespace holdfast::test
