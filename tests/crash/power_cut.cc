#include "tests/crash/power_cut.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <sys/mount.h>
#include <utility>

#include "tests/support/http_client.h"
#include "tests/support/mount.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMebibytes = 512;
constexpr const char* kBootId = "/proc/sys/kernel/random/boot_id";

// In relaxed durability a power cut may lose some four seconds; slow machines get two more.
constexpr std::chrono::seconds kMayBeLost(6);

constexpr std::size_t kWordsKept = 12;

// Returns true when `holdfast check` complains of nothing but content files without a row. In
// relaxed durability a power cut leaves those of all uploads since the barrier, however many these
// are.
bool only_unnamed_files(const std::string& output) {
  return output.find(" belong to no resource: the database seems to be older") !=
             std::string::npos &&
         output.find(": 1 problem.") != std::string::npos;
}

}  // namespace

std::string why_no_power_cut(FileSystem kind) {
  if (const auto reason = why_no_block_device(); !reason.empty()) return reason;
  return why_no_disk_image(kind);
}

void pretend_another_boot() {
  static const TemporaryFolder folder;
  static const fs::path file = folder / "boot_id";
  static std::mt19937_64 random(std::random_device{}());
  static const bool mounted = [] {
    std::ofstream(file) << "\n";
    return keep_mounts_to_ourselves() &&
           ::mount(file.c_str(), kBootId, nullptr, MS_BIND, nullptr) == 0;
  }();
  if (!mounted) throw std::runtime_error(std::string(kBootId) + ": " + std::strerror(errno));
  std::string id = "00000000-0000-4000-8000-000000000000";
  for (char& digit : id)
    if (digit == '0') digit = "0123456789abcdef"[random() % 16];
  std::ofstream(file) << id << "\n";
}

std::string Cut::text() const {
  return "cut before record " + std::to_string(at) + ", " + name_of(fate) +
         " of the unflushed kept, seed " + std::to_string(seed);
}

RecordedDisk::RecordedDisk(FileSystem kind) : kind_(kind) {
  make_file_system(folder_ / "image", kind, kMebibytes);
}

void RecordedDisk::prepare(const std::function<void(const fs::path&)>& work) {
  const MountedImage mounted(folder_ / "image", kind_, folder_ / "disk");
  work(mounted.point());
}

void RecordedDisk::begin() {
  copy_sparse(folder_ / "image", folder_ / "base");
  device_ = std::make_unique<BlockDevice>(folder_ / "image", folder_ / "log", folder_ / "device");
  mounted_ = std::make_unique<MountedImage>(device_->path(), kind_, folder_ / "disk");
  if (!mounted_->device().is_flushed()) throw std::runtime_error("the disk gets no flushes");
}

void RecordedDisk::end() {
  size_ = device_->records();
  end_ = Past::Clock::now();
  mounted_.reset();
  device_.reset();
  log_ = std::make_unique<DeviceLog>(folder_ / "log");
  history_ = std::make_unique<DiskHistory>(*log_, folder_ / "base");
  fs::remove(folder_ / "image");
}

Past::Clock::time_point RecordedDisk::latest(std::size_t cut) const {
  return cut < size_ ? log_->time(cut) : end_;
}

std::unique_ptr<MountedImage> RecordedDisk::after(const Cut& cut) {
  const fs::path image = folder_ / "cut";
  history_->rebuild(cut.at, cut.fate, cut.seed, image);
  return mount_at_a_boot(image, kind_, folder_ / "cut-disk", repaired_);
}

bool RecordedDisk::repair_took_bytes() const {
  const auto says = [&](const char* what) { return repaired_.find(what) != std::string::npos; };
  // An inode whose size was not on disk yet loses its last blocks. And where the number of inodes
  // in use was not, the repair first copies blocks to places that belong to the others.
  return says("end of extent exceeds allowed value") ||
         (says("unused inodes area") && says("Clone multiply-claimed blocks? yes"));
}

void RecordedDisk::keep(const Cut& cut) const {
  const char* folder = std::getenv("HOLDFAST_KEEP_DISKS");
  if (folder == nullptr || *folder == '\0') return;
  const fs::path kept = fs::path(folder) / folder_.path().filename();
  if (fs::exists(kept)) return;
  fs::create_directories(kept);
  std::ofstream(kept / "cut") << cut.text() << "\n";
  fs::copy_file(folder_ / "log", kept / "log");
  copy_sparse(folder_ / "base", kept / "base");
}

std::vector<Cut> RecordedDisk::random_cuts(std::size_t count, std::size_t from,
                                           unsigned seed) const {
  std::mt19937 random(seed);
  std::vector<Cut> cuts;
  for (std::size_t number = 0; number < count; ++number) {
    const std::size_t at =
        from + (size_ > from ? static_cast<std::size_t>(random()) % (size_ - from + 1) : 0);
    cuts.push_back({at, kUnflushed[number % std::size(kUnflushed)],
                    seed * 1000 + static_cast<unsigned>(number)});
  }
  // With the time, so that the disk need not be rebuilt from its start for each.
  std::sort(cuts.begin(), cuts.end(), [](const Cut& a, const Cut& b) { return a.at < b.at; });
  return cuts;
}

void Tally::say(const Cut& cut, const std::string& what) {
  if (words.size() < kWordsKept) words.push_back(cut.text() + "\n" + what);
}

std::string Tally::text() const {
  std::string text = std::to_string(states) + " states: " + std::to_string(lost) +
                     " with a loss, " + std::to_string(mixed) + " with a mixture, " +
                     std::to_string(moments) + " of several moments, " +
                     std::to_string(not_started) + " without a start, " + std::to_string(unsound) +
                     " unsound, " + std::to_string(unmounted) + " not mounted, " +
                     std::to_string(taken) + " taken by fsck";
  if (!lost_by_scenario.empty()) {
    text += "\nlost by scenario:";
    for (const auto& [scenario, count] : lost_by_scenario)
      text += " " + scenario + ":" + std::to_string(count);
  }
  return text;
}

std::vector<std::string> power_cut_options(const std::string& durability) {
  return {"--durability", durability, "--access-log", "off", "--free-space-floor", "0"};
}

StoreJudge::StoreJudge(RecordedDisk& disk, const Past& past, std::string durability)
    : disk_(disk), pasts_{&past}, durability_(std::move(durability)), promised_(durability_) {}

void StoreJudge::judge(const Cut& cut, Tally& tally) {
  std::unique_ptr<MountedImage> mounted;
  try {
    mounted = disk_.after(cut);
  } catch (const std::runtime_error& error) {
    ++tally.states;
    ++tally.unmounted;
    tally.say(cut, error.what());
    return;
  }
  if (disk_.repair_took_bytes()) {
    ++tally.states;
    ++tally.taken;
    return;
  }
  std::vector<Allowed> allowed;
  for (const Past* past : pasts_) {
    const std::size_t first = promised_ == "full"
                                  ? past->answered_by(cut.at)
                                  : past->answered_before(disk_.latest(cut.at) - kMayBeLost);
    allowed.push_back({past, first, past->sent_by(cut.at)});
  }
  judge_store(mounted->point() / "data", allowed, cut, tally);
}

void StoreJudge::judge_store(const fs::path& data, std::size_t first, std::size_t last,
                             const Cut& cut, Tally& tally) {
  judge_store(data, {{pasts_.front(), first, last}}, cut, tally);
}

void StoreJudge::judge_store(const fs::path& data, const std::vector<Allowed>& allowed,
                             const Cut& cut, Tally& tally) {
  ++tally.states;
  pretend_another_boot();
  ServerProcess server(data, power_cut_options(durability_));
  try {
    server.start();
  } catch (const std::runtime_error& error) {
    ++tally.not_started;
    tally.say(cut, error.what() + disk_.repaired());
    return;
  }
  try {
    HttpClient client(server.port());
    bool lost = false;
    bool mixed = false;
    bool moments = false;
    for (const auto& [past, first, last] : allowed) {
      const Verdict verdict = past->judge(past->read(client), first, last);
      if (verdict.one_moment) continue;
      disk_.keep(cut);
      lost = lost || !verdict.lost.empty();
      mixed = mixed || !verdict.mixed.empty();
      moments = true;
      for (const auto& [scenario, words] : verdict.lost) ++tally.lost_by_scenario[scenario];
      tally.say(cut, "allowed: after " + std::to_string(first) + " to " + std::to_string(last) +
                         " requests\n" + verdict.text() + disk_.repaired());
    }
    if (moments) ++(lost ? tally.lost : mixed ? tally.mixed : tally.moments);
    if (tally.states % check_every_ == 0) {
      const Outcome check = run({.arguments = {holdfast_binary(), "check", "--data", data}});
      const bool unnamed = promised_ == "relaxed" && only_unnamed_files(check.output);
      if (check.exit_code != 0 && !unnamed) {
        ++tally.unsound;
        tally.say(cut, "check: " + check.output);
      }
    }
  } catch (const std::runtime_error& error) {
    ++tally.lost;
    tally.say(cut, error.what());
  }
  server.kill();
}

}  // namespace holdfast::test
