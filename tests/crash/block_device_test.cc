// That the logging disk sees each write and flush, that images rebuilt from its log hold what they
// must and no more than they may, and that it fails when told to.
#include "tests/support/block_device.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <string>
#include <unistd.h>

#include "tests/crash/power_cut_image.h"
#include "tests/support/file_system.h"
#include "tests/support/process.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 4096;
constexpr std::size_t kSector = 512;

std::string content_of(const fs::path& file) {
  std::ostringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  return bytes.str();
}

// The log of a disk of four blocks, each write of which fills a block with one letter.
fs::path made_log(const fs::path& folder) {
  std::ofstream(folder / "base", std::ios::binary) << std::string(4 * kBlock, '.');
  std::ofstream log(folder / "log", std::ios::binary);
  std::int64_t time = 0;
  const auto append = [&](DeviceRecord record, const std::string& data) {
    record.time_ns = ++time;
    std::string bytes(sizeof(record), '\0');
    std::memcpy(bytes.data(), &record, sizeof(record));
    log << bytes << data;
  };
  const auto write = [&](std::size_t block, char letter) {
    append({.offset = block * kBlock, .size = kBlock, .kind = DeviceRecord::Kind::write},
           std::string(kBlock, letter));
  };
  const auto flush = [&] { append({.kind = DeviceRecord::Kind::flush}, ""); };
  write(0, 'a');
  flush();
  write(1, 'b');
  write(0, 'c');
  flush();
  write(2, 'd');
  write(3, 'e');
  return folder / "log";
}

class Rebuilt : public testing::Test {
 protected:
  // One letter for each block, '?' for one that is torn, in whole sectors.
  std::string after(std::size_t cut, Unflushed fate, unsigned seed = 0) {
    history_.rebuild(cut, fate, seed, folder_ / "image");
    const std::string image = content_of(folder_ / "image");
    EXPECT_EQ(image.size(), 4 * kBlock);
    for (std::size_t at = 0; at < image.size(); at += kSector)
      EXPECT_EQ(image.substr(at, kSector), std::string(kSector, image[at]));
    std::string letters;
    for (std::size_t at = 0; at < image.size(); at += kBlock) {
      const bool whole = image.substr(at, kBlock) == std::string(kBlock, image[at]);
      letters += whole ? image[at] : '?';
    }
    return letters;
  }
  std::set<std::string> all_after(std::size_t cut, Unflushed fate) {
    std::set<std::string> images;
    for (unsigned seed = 0; seed < 100; ++seed) images.insert(after(cut, fate, seed));
    return images;
  }

  TemporaryFolder folder_;
  DeviceLog log_{made_log(folder_.path())};
  DiskHistory history_{log_, folder_ / "base"};
};

TEST_F(Rebuilt, HasWhatWasFlushedAndAsMuchOfTheRestAsItsFateSays) {
  EXPECT_EQ(log_.summary(), "5 writes, 2 flushes");
  EXPECT_EQ(after(0, Unflushed::all), "....");
  EXPECT_EQ(after(1, Unflushed::none), "....");
  EXPECT_EQ(after(1, Unflushed::all), "a...");
  EXPECT_EQ(after(2, Unflushed::none), "a...");
  EXPECT_EQ(after(4, Unflushed::none), "a...");
  EXPECT_EQ(after(4, Unflushed::all), "cb..");
  EXPECT_EQ(after(5, Unflushed::none), "cb..");
  EXPECT_EQ(after(7, Unflushed::none), "cb..");
  EXPECT_EQ(after(7, Unflushed::all), "cbde");
  // Back in time.
  EXPECT_EQ(after(4, Unflushed::none), "a...");
}

TEST_F(Rebuilt, HasEverySubsetOfWhatWasNotFlushed) {
  EXPECT_EQ(all_after(4, Unflushed::half), (std::set<std::string>{"a...", "ab..", "c...", "cb.."}));
  EXPECT_EQ(all_after(7, Unflushed::half), (std::set<std::string>{"cb..", "cbd.", "cb.e", "cbde"}));
  EXPECT_EQ(all_after(5, Unflushed::half), (std::set<std::string>{"cb.."}));
  EXPECT_EQ(after(7, Unflushed::half, 3), after(7, Unflushed::half, 3));
}

TEST_F(Rebuilt, IsTornWithinWritesThatWereNotFlushedOnly) {
  const auto images = all_after(7, Unflushed::torn_half);
  EXPECT_TRUE(images.contains("cb??") || images.contains("cb?.") || images.contains("cb.?"));
  EXPECT_TRUE(images.contains("cbde"));
  for (const std::string& image : images) EXPECT_EQ(image.substr(0, 2), "cb");
}

class Logged : public testing::TestWithParam<FileSystem> {
 protected:
  void SetUp() override {
    if (const auto reason = why_no_disk_image(GetParam()); !reason.empty()) GTEST_SKIP() << reason;
    if (const auto reason = why_no_block_device(); !reason.empty()) GTEST_SKIP() << reason;
    make_file_system(folder_ / "image", GetParam(), least_mebibytes(GetParam()));
    copy_sparse(folder_ / "image", folder_ / "base");
  }
  [[nodiscard]] std::string kept(const fs::path& image) const {
    const MountedImage mounted(image, GetParam(), folder_ / "look");
    return content_of(mounted.point() / "file");
  }

  TemporaryFolder folder_{folder_for_images()};
};

int flushed(const fs::path& path, const std::string& bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  const bool done = ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
                    fsync(fd) == 0;
  const int error = done ? 0 : errno;
  ::close(fd);
  return error;
}

TEST_P(Logged, KeepsWhatWasFlushed) {
  std::size_t before = 0;
  std::size_t after = 0;
  const std::string bytes(100'000, 'x');
  {
    const BlockDevice device(folder_ / "image", folder_ / "log", folder_ / "device");
    const MountedImage mounted(device.path(), GetParam(), folder_ / "disk");
    ASSERT_TRUE(mounted.device().is_flushed());
    EXPECT_EQ(flushed(mounted.point() / "file", ""), 0);
    before = device.records();
    EXPECT_EQ(flushed(mounted.point() / "file", bytes), 0);
    after = device.records();
  }
  const DeviceLog log(folder_ / "log");
  ASSERT_GT(before, 0U);
  ASSERT_GT(after, before);
  ASSERT_GE(log.size(), after);
  DiskHistory history(log, folder_ / "base");
  for (const Unflushed fate : kUnflushed) {
    history.rebuild(after, fate, 1, folder_ / "cut");
    EXPECT_TRUE(kept(folder_ / "cut") == bytes) << name_of(fate);
    history.rebuild(before, fate, 1, folder_ / "cut");
    EXPECT_EQ(kept(folder_ / "cut"), "") << name_of(fate);
  }
  // All that the disk was told is in the log.
  history.rebuild(log.size(), Unflushed::all, 1, folder_ / "cut");
  EXPECT_EQ(run({.arguments = {"cmp", folder_ / "cut", folder_ / "image"}}).exit_code, 0);
}

TEST_P(Logged, FailsWhenItIsTold) {
  BlockDevice device(folder_ / "image", folder_ / "log", folder_ / "device");
  const LoopDevice loop(device.path());
  const int fd = ::open(loop.path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  const std::string bytes(kBlock, 'x');
  const auto write = [&] { return ::pwrite(fd, bytes.data(), kBlock, 8 << 20) > 0; };
  EXPECT_TRUE(write());
  EXPECT_EQ(fsync(fd), 0);
  device.fail_writes(true);
  EXPECT_TRUE(write());  // into memory
  EXPECT_NE(fsync(fd), 0);
  device.fail_writes(false);
  device.fail_flushes(true);
  EXPECT_TRUE(write());
  EXPECT_NE(fsync(fd), 0);
  device.fail_flushes(false);
  EXPECT_TRUE(write());
  EXPECT_EQ(fsync(fd), 0);
  device.fail_reads(true);
  std::string read(kBlock, ' ');
  EXPECT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  EXPECT_LT(::pread(fd, read.data(), kBlock, 16 << 20), 0);
  ::close(fd);
}

INSTANTIATE_TEST_SUITE_P(Each, Logged, testing::ValuesIn(kFileSystems),
                         [](const auto& kind) { return name_of(kind.param); });

}  // namespace
}  // namespace holdfast::test
