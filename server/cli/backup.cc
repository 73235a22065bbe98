#include "server/cli/backup.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <sys/stat.h>
#include <utility>

#include "server/cli/table.h"
#include "server/cli/values.h"
#include "server/process/drop_root.h"
#include "storage/descriptor.h"

namespace holdfast::server::cli {
namespace {

constexpr std::chrono::seconds kTellInterval{5};

std::string files_of(std::uint64_t files, std::uint64_t bytes) {
  return counted(files, "content file", "content files") + " of " + counted(bytes, "byte", "bytes");
}

// Writes lines on standard error that report the progress.
class Teller {
 public:
  // `look` is called at every report; an exception that it throws ends the work.
  explicit Teller(std::function<void()> look) : look_(std::move(look)) {}

  void operator()(const storage::BackupProgress& now) {
    const auto time = std::chrono::steady_clock::now();
    if (look_) look_();
    if (told_ && stage_ == now.stage && time - *told_ < kTellInterval) return;
    const bool begins = !told_ || stage_ != now.stage;
    told_ = time;
    stage_ = now.stage;
    std::fputs((sentence(now, begins) + "\n").c_str(), stderr);
  }

 private:
  static std::string sentence(const storage::BackupProgress& now, bool begins) {
    using Stage = storage::BackupProgress::Stage;
    if (now.stage == Stage::database) return "Copying the database.";
    if (now.stage == Stage::looking) return "Looking at the contents.";
    const std::string all = files_of(now.files, now.bytes);
    if (begins) return "Copying " + all + ".";
    return "Copied " + files_of(now.files_done, now.bytes_done) + ", of " + all + ".";
  }

  std::function<void()> look_;
  std::optional<std::chrono::steady_clock::time_point> told_;
  storage::BackupProgress::Stage stage_{};
};

// Signals the server that the work continues; throws when the server no longer keeps the content
// files.
void go_on(ServerHold& hold) {
  hold.goes_on();
  switch (hold.state()) {
    case ServerHold::State::held:
      return;
    case ServerHold::State::let_go:
      throw std::runtime_error(
          "The backup stood still for so long that the server has let go of the files it needs; "
          "run it again.");
    case ServerHold::State::ended:
      throw std::runtime_error("The server ended before the backup did; run it again.");
  }
}

std::string mark_of(const std::string& data) { return data + "/last-backup"; }

// On a disk where nothing can be written the date of the backup is not kept.
void mark_backup(const std::string& data) {
  const storage::Descriptor file(
      ::open(mark_of(data).c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() >= 0) (void)::futimens(file.get(), nullptr);
}

// Files are readable by their owner only, and a file size limit counts as a full disk.
void prepare_process() {
  ::umask(077);
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

std::optional<double> last_backup_s(const std::string& data) {
  struct stat info {};
  if (::stat(mark_of(data).c_str(), &info) != 0) return std::nullopt;
  return static_cast<double>(info.st_mtim.tv_sec);
}

ControlReply hold_garbage(storage::Maintenance& maintenance) {
  return {.exit_code = 0, .text = {}, .held = maintenance.hold_garbage()};
}

ControlReply back_up(const Invocation& invocation, const OpenStore& open_store,
                     const CopyStore& copy) {
  prepare_process();
  const config::Config& config = invocation.config;
  process::work_as_owner(config.data);
  std::optional<Store> store;
  auto server = ask_server_to_hold(config.data, kHoldGarbage);
  if (server && server->first.exit_code != 0) return server->first;
  if (!server) store = open_store(config, Opening::existing, {});

  const auto look = [&server] {
    if (server) go_on(server->second);
  };
  Teller teller(look);
  const storage::BackupReport report = [&] {
    try {
      return copy(config, invocation.folder, std::ref(teller));
    } catch (const std::exception&) {
      // When the server no longer keeps the files, that is the cause of the error.
      look();
      throw;
    }
  }();
  mark_backup(config.data);
  std::string text = counted(report.contents, "content", "contents") + ", " +
                     files_of(report.files, report.file_bytes) + ": copied " +
                     counted(report.copied_files, "file", "files") + " of " +
                     counted(report.copied_bytes, "byte", "bytes") + ", removed " +
                     std::to_string(report.removed_files) + " that the backup no longer needs.\n";
  return {0, std::move(text)};
}

ControlReply restore(const Invocation& invocation, const CopyStore& copy,
                     const ExtractTree& extract) {
  prepare_process();
  if (invocation.path.has_value() != invocation.into.has_value())
    throw process::UsageError("Both --path and --into are needed, or neither.");
  if (invocation.path) {
    const storage::Path path = parse_path(*invocation.path);
    Teller teller({});
    const storage::BackupReport report =
        extract(invocation.folder, path, *invocation.into, std::ref(teller));
    return {0, "Restored " + counted(report.copied_files, "file", "files") + " of " +
                   counted(report.copied_bytes, "byte", "bytes") + ", every hash verified.\n"};
  }
  process::work_as_owner(invocation.config.data);
  Teller teller({});
  const storage::BackupReport report = copy(invocation.config, invocation.folder, std::ref(teller));
  return {0, "Restored " + counted(report.contents, "content", "contents") + ", " +
                 files_of(report.files, report.file_bytes) +
                 ", every hash verified. Locks are gone and ETags are new.\n"};
}

}  // namespace holdfast::server::cli
