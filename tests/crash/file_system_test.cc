// That the disks of tests/support/file_system.h are what they say.
#include "tests/support/file_system.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;

class DiskImages : public testing::TestWithParam<FileSystem> {
 protected:
  void SetUp() override {
    if (const auto reason = why_no_disk_image(GetParam()); !reason.empty()) GTEST_SKIP() << reason;
  }
};

bool writes(const fs::path& path, std::size_t bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const std::string text(bytes, 't');
  const bool done =
      ::write(fd, text.data(), bytes) == static_cast<ssize_t>(bytes) && fsync(fd) == 0;
  ::close(fd);
  return done;
}

TEST_P(DiskImages, AreFilledAndEmptied) {
  DiskImage disk({.kind = GetParam()});
  EXPECT_TRUE(writes(disk.point() / "before", 4096));
  disk.fill();
  EXPECT_FALSE(writes(disk.point() / "on-full-disk", std::size_t{1} << 20));
  disk.clear();
  EXPECT_TRUE(writes(disk.point() / "after", std::size_t{1} << 20));
  constexpr std::uintmax_t kLeft = 8 << 20;
  disk.fill(kLeft);
  EXPECT_LT(disk.available(), 3 * kLeft);
  EXPECT_TRUE(writes(disk.point() / "on-nearly-full-disk", std::size_t{1} << 20));
}

TEST_P(DiskImages, BecomeReadOnlyAndComeBack) {
  DiskImage disk({.kind = GetParam()});
  EXPECT_TRUE(writes(disk.point() / "file", 5000));
  disk.remount_read_only(true);
  EXPECT_FALSE(writes(disk.point() / "other", 1));
  EXPECT_EQ(errno, EROFS);
  disk.remount_read_only(false);
  EXPECT_TRUE(writes(disk.point() / "other", 1));
  disk.unmount();
  disk.mount();
  EXPECT_EQ(fs::file_size(disk.point() / "file"), 5000U);

  // A copy beside the first, as after a power cut.
  disk.unmount();
  const TemporaryFolder folder(folder_for_images());
  copy_sparse(disk.image(), folder / "copy");
  disk.mount();
  const MountedImage copy(folder / "copy", GetParam(), folder / "disk");
  EXPECT_EQ(fs::file_size(copy.point() / "file"), 5000U);
  EXPECT_TRUE(copy.device().is_flushed());
}

TEST(DiskImage, WithATornSuperblockIsRepairedAtABoot) {
  if (const auto reason = why_no_disk_image(FileSystem::ext4); !reason.empty())
    GTEST_SKIP() << reason;
  const TemporaryFolder folder(folder_for_images());
  {
    DiskImage disk({.kind = FileSystem::ext4});
    ASSERT_TRUE(writes(disk.point() / "file", 5000));
    // What was flushed is in the journal only.
    copy_sparse(disk.image(), folder / "cut");
  }
  {
    // The second sector of the superblock, with its checksum, is an older one.
    std::fstream image(folder / "cut", std::ios::in | std::ios::out | std::ios::binary);
    constexpr std::streamoff kSecondSector = 1024 + 512;
    image.seekp(kSecondSector);
    image.write(std::string(512, '\0').data(), 512);
  }
  EXPECT_THROW(MountedImage(folder / "cut", FileSystem::ext4, folder / "disk"), std::runtime_error);
  std::string repaired;
  const auto mounted = mount_at_a_boot(folder / "cut", FileSystem::ext4, folder / "disk", repaired);
  EXPECT_NE(repaired, "");
  EXPECT_EQ(fs::file_size(mounted->point() / "file"), 5000U);
}

INSTANTIATE_TEST_SUITE_P(Each, DiskImages, testing::ValuesIn(kFileSystems),
                         [](const auto& kind) { return name_of(kind.param); });

}  // namespace
}  // namespace holdfast::test
