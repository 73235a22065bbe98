// A real file system on a disk that logs writes and flushes, and what a power cut at any moment may
// have left of it, mounted again as after another boot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/crash/power_cut_image.h"
#include "tests/crash/power_cut_model.h"
#include "tests/support/block_device.h"
#include "tests/support/file_system.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

// Why this machine has no power cuts for us; empty when it has. Call before any thread is started.
[[nodiscard]] std::string why_no_power_cut(FileSystem kind);

// Processes that are started from now on see a boot that none saw before.
void pretend_another_boot();

// Where the power is cut, and what becomes of what was not flushed.
struct Cut {
  std::size_t at = 0;  // before this record
  Unflushed fate = Unflushed::none;
  unsigned seed = 0;

  [[nodiscard]] std::string text() const;
};

class RecordedDisk {
 public:
  explicit RecordedDisk(FileSystem kind);

  // Mounts the disk, without a record, for what is on it at first.
  void prepare(const std::function<void(const std::filesystem::path& disk)>& work);

  // Mounts it at point() and records from now on, until end().
  void begin();
  [[nodiscard]] const std::filesystem::path& point() const { return mounted_->point(); }
  [[nodiscard]] std::uint64_t records() const { return device_->records(); }
  [[nodiscard]] BlockDevice& device() { return *device_; }
  // Nothing runs on it any more.
  void end();

  [[nodiscard]] FileSystem kind() const { return kind_; }
  // Records up to end(), not those of the unmounting.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const DeviceLog& log() const { return *log_; }
  // The latest time at which a power cut before record `cut` may have been.
  [[nodiscard]] Past::Clock::time_point latest(std::size_t cut) const;

  // The disk after a power cut and the next boot. Throws std::runtime_error when the file system
  // cannot be mounted. One at a time.
  [[nodiscard]] std::unique_ptr<MountedImage> after(const Cut& cut);
  // Copies what the disk was made of, and the log, into the folder that HOLDFAST_KEEP_DISKS names,
  // if it does: for whoever looks into what was found.
  void keep(const Cut& cut) const;
  // What the boot repaired of it, in words; empty for file systems that need none.
  [[nodiscard]] const std::string& repaired() const { return repaired_; }
  // True when the repair took flushed bytes. Without a journal, a file that just grows can have an
  // extent that ends behind the file's size, and e2fsck clears all of that extent.
  [[nodiscard]] bool repair_took_bytes() const;

  // Cuts at random at `from` or later.
  [[nodiscard]] std::vector<Cut> random_cuts(std::size_t count, std::size_t from,
                                             unsigned seed) const;

 private:
  FileSystem kind_;
  TemporaryFolder folder_{folder_for_images()};
  std::unique_ptr<BlockDevice> device_;
  std::unique_ptr<MountedImage> mounted_;
  std::unique_ptr<DeviceLog> log_;
  std::unique_ptr<DiskHistory> history_;
  std::size_t size_ = 0;
  std::string repaired_;
  Past::Clock::time_point end_{};
};

// What was found in many states.
struct Tally {
  int states = 0;
  int lost = 0;         // states with something lost
  int mixed = 0;        // states in which a scenario was never so, but nothing is lost
  int moments = 0;      // states of several moments
  int not_started = 0;  // the program refused or failed
  int unsound = 0;      // `holdfast check` found something
  int unmounted = 0;    // the file system refused
  int taken = 0;        // the file system's repair took what was flushed: not judged
  std::map<std::string, int> lost_by_scenario;
  std::vector<std::string> words;  // the first of them

  [[nodiscard]] bool clean() const {
    return lost + mixed + moments + not_started + unsound + unmounted == 0;
  }
  void say(const Cut& cut, const std::string& what);
  [[nodiscard]] std::string text() const;
};

// Judges stores on rebuilt disks.
class StoreJudge {
 public:
  // `folder` is the data folder's name on the disk.
  StoreJudge(RecordedDisk& disk, const Past& past, std::string durability);

  // Another client's past on the same store.
  void also(const Past& past) { pasts_.push_back(&past); }
  // Promises of the other durability than the store's.
  void judge_as(const std::string& durability) { promised_ = durability; }
  // How often `holdfast check` runs: every so many states.
  void check_every(int states) { check_every_ = states; }

  void judge(const Cut& cut, Tally& tally);
  // A store in any folder, against the states after `first` to `last` requests of the one client.
  void judge_store(const std::filesystem::path& data, std::size_t first, std::size_t last,
                   const Cut& cut, Tally& tally);

 private:
  struct Allowed {
    const Past* past;
    std::size_t first;
    std::size_t last;
  };
  void judge_store(const std::filesystem::path& data, const std::vector<Allowed>& allowed,
                   const Cut& cut, Tally& tally);

  RecordedDisk& disk_;
  std::vector<const Past*> pasts_;
  std::string durability_;
  std::string promised_;
  int check_every_ = 5;
};

// How `serve` is started in these tests.
[[nodiscard]] std::vector<std::string> power_cut_options(const std::string& durability);

}  // namespace holdfast::test
