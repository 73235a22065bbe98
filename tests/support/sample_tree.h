// A tree of files such as people have: the documentation and header files of this machine, and
// made-up ones whose names and sizes are awkward.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace holdfast::test {

// Fills the folders part-0, part-1 … of `folder`, which become about equally large, with at least
// `files` files together, and returns how many there are. No two names in one folder are equal
// under Unicode normalisation.
std::size_t make_sample_tree(const std::filesystem::path& folder, std::size_t files,
                             std::size_t parts = 1);

// What `left` and `right` differ in, one line each, following no symbolic links; empty when they
// hold the same files with the same content. With `by_name` the folders of `right` are never
// listed: every file is opened by its name in `left`.
std::string tree_difference(const std::filesystem::path& left, const std::filesystem::path& right,
                            bool by_name = false);

}  // namespace holdfast::test
