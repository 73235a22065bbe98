// What the tests of `holdfast backup` and `holdfast restore` share: the real program, a backup that
// stands still in the middle, and trees to compare.
#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

namespace fs = std::filesystem;

inline Outcome holdfast(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), holdfast_binary());
  Outcome outcome = run({.arguments = std::move(arguments)});
  EXPECT_FALSE(outcome.timed_out) << outcome.output;
  return outcome;
}

// Files below `folder` by their path from there, with their bytes.
inline std::map<std::string, std::string> files_below(const fs::path& folder) {
  std::map<std::string, std::string> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    files[fs::relative(entry.path(), folder).string()] = bytes.str();
  }
  return files;
}

inline fs::path only_file_below(const fs::path& folder) {
  const auto files = files_below(folder);
  if (files.size() != 1) throw std::runtime_error("not one file below " + folder.string());
  return folder / files.begin()->first;
}

inline void flip_a_byte(const fs::path& path) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  const auto at = static_cast<std::streamoff>(fs::file_size(path) / 2);
  file.seekg(at);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(at);
  file.put(byte);
}

// `name` as `size` bytes that no other name has.
inline std::string body_of(const std::string& name, std::size_t size) {
  std::string body;
  while (body.size() < size) body += name + "\n";
  body.resize(size);
  return body;
}

constexpr std::size_t kSmall = 1000;
constexpr std::size_t kLarge = 100'000;  // a file of its own

// What GET says of each of `names`; absent when it is not there.
inline std::map<std::string, std::string> tree_of(ServerProcess& server,
                                                  const std::vector<std::string>& names) {
  HttpClient client(server.port());
  std::map<std::string, std::string> tree;
  for (const std::string& name : names) {
    const Reply reply = client.request("GET", name);
    if (reply.status == 404) continue;
    EXPECT_EQ(reply.status, 200) << name;
    tree[name] = reply.body;
  }
  return tree;
}

inline std::size_t count_files(const fs::path& folder) {
  std::size_t count = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->is_regular_file(error)) ++count;
  return count;
}

// A `holdfast backup` that stands still while it reads the content file whose bytes are `body`: a
// pipe was in the file's place when it opened it.
class StandingBackup {
 public:
  StandingBackup(const fs::path& data, const fs::path& folder, const std::string& body)
      : body_(body) {
    fs::path blob;
    for (const auto& [name, bytes] : files_below(data / "blobs"))
      if (bytes == body) blob = data / "blobs" / name;
    const fs::path aside = data / "aside";
    fs::rename(blob, aside);
    if (::mkfifo(blob.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
    child_ = start({.arguments = {holdfast_binary(), "backup", folder, "--data", data}});
    for (int i = 0; i < 60'000 && pipe_ < 0; ++i) {
      pipe_ = ::open(blob.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      if (pipe_ < 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (pipe_ < 0) throw std::runtime_error("the backup did not come to its content");
    ::fcntl(pipe_, F_SETFL, 0);
    fs::rename(aside, blob);
  }
  ~StandingBackup() {
    if (child_.pid > 0) kill();
  }
  StandingBackup(const StandingBackup&) = delete;
  StandingBackup& operator=(const StandingBackup&) = delete;

  void kill() {
    ::kill(child_.pid, SIGKILL);
    (void)end();
  }
  // Lets it read the file; its exit code.
  int go_on() {
    for (std::string_view rest = body_; !rest.empty();) {
      const ssize_t written = ::write(pipe_, rest.data(), rest.size());
      if (written <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    return end();
  }
  [[nodiscard]] const std::string& output() const { return output_; }

 private:
  int end() {
    ::close(pipe_);
    char byte = 0;
    while (::read(child_.output_fd, &byte, 1) == 1) output_ += byte;
    ::close(child_.output_fd);
    ::close(child_.input_fd);
    return wait_for(std::exchange(child_.pid, -1));
  }

  std::string body_;
  Child child_;
  int pipe_ = -1;
  std::string output_;
};

}  // namespace holdfast::test
