#include "tests/support/faults.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <stdexcept>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/build_paths.h"

namespace holdfast::test {
namespace {

// A sanitizer's runtime must be the first library. Returns the runtimes of this program, which are
// those of the program under test.
std::string sanitizer_runtimes() {
  std::string paths;
  dl_iterate_phdr(
      [](dl_phdr_info* library, std::size_t, void* found) {
        const std::string_view path = library->dlpi_name;
        const std::string_view name = path.substr(path.rfind('/') + 1);
        if (name.starts_with("libasan.") || name.starts_with("libtsan."))
          *static_cast<std::string*>(found) += std::string(path) + " ";
        return 0;
      },
      &paths);
  return paths;
}

}  // namespace

Faults::Faults(const std::filesystem::path& control, const std::filesystem::path& data)
    : path_(control), data_(std::filesystem::weakly_canonical(data)) {
  const int fd = open(control.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  void* page = MAP_FAILED;
  if (fd >= 0 && ftruncate(fd, sizeof(FaultControl)) == 0) {
    page = mmap(nullptr, sizeof(FaultControl), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  if (fd >= 0) close(fd);
  if (page == MAP_FAILED) {
    throw std::runtime_error("cannot make " + control.string() + ": " + std::strerror(errno));
  }
  control_ = static_cast<FaultControl*>(page);
}

Faults::~Faults() { munmap(control_, sizeof(FaultControl)); }

Faults::Environment Faults::environment(const std::filesystem::path& trace) const {
  const auto library = binary_folder() / "libfault_interposer.so";
  if (!std::filesystem::exists(library)) throw std::runtime_error("no " + library.string());
  Environment environment{{"LD_PRELOAD", sanitizer_runtimes() + library.string()},
                          {kControlVariable, path_},
                          {kFolderVariable, data_}};
  if (!trace.empty()) environment.emplace_back(kTraceVariable, trace);
  return environment;
}

Faults::Environment Faults::memory_environment() const {
  const auto library = binary_folder() / "libmemory_interposer.so";
  if (!std::filesystem::exists(library)) throw std::runtime_error("no " + library.string());
  const char* options = std::getenv("ASAN_OPTIONS");
  return {{"LD_PRELOAD", library},
          {kControlVariable, path_},
          // The interposer precedes the sanitizer's runtime on purpose.
          {"ASAN_OPTIONS",
           std::string(options != nullptr ? options : "") + ":verify_asan_link_order=0"}};
}

void Faults::arm(const Fault& fault) {
  disarm();
  control_->kinds = fault.kinds;
  control_->action = fault.action;
  control_->persistent = fault.persistent ? 1 : 0;
  control_->repeated = fault.repeated ? 1 : 0;
  control_->at = fault.at;
  control_->least = fault.least_bytes;
  control_->room = fault.room;
  if (fault.only.size() >= control_->only.size()) throw std::logic_error("too long: " + fault.only);
  std::memcpy(control_->only.data(), fault.only.c_str(), fault.only.size() + 1);
  control_->error = fault.error;
  control_->judging = 0;  // a call that killed the program never returned
  control_->counted = 0;
  control_->fired = 0;
  control_->last[0] = '\0';
  control_->armed = 1;
}

void Faults::disarm() {
  control_->armed = 0;
  // A call that saw the fault armed decides before this returns. A call that kills the program sets
  // `fired` first.
  while (control_->judging > 0 && control_->fired == 0) sched_yield();
}

}  // namespace holdfast::test
