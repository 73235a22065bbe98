// A library to be preloaded into the real program, before its allocator (the C library's or a
// sanitizer's). It refuses memory when the test says so. tests/support/faults.h controls it.
//
// It is built without sanitizers, because it runs before a sanitizer's runtime is ready.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <new>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/fault_control.h"

namespace {

using holdfast::test::bit;
using holdfast::test::CallKind;
using holdfast::test::FaultAction;
using holdfast::test::FaultControl;

FaultControl* control = nullptr;
// True inside an allocating function, which may call another one, as operator new calls malloc:
// such an allocation is counted once.
__thread bool inside __attribute__((tls_model("initial-exec"))) = false;

__attribute__((constructor)) void begin() {
  const char* path = std::getenv(holdfast::test::kControlVariable);
  if (path == nullptr) return;
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  void* page = MAP_FAILED;
  if (fd >= 0)
    page = ::mmap(nullptr, sizeof(FaultControl), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) std::abort();
  ::close(fd);
  control = static_cast<FaultControl*>(page);
}

bool is_refused(std::size_t bytes) {
  if (control == nullptr || inside) return false;
  bool refused = false;
  ++control->judging;
  if (control->armed != 0 && (control->kinds & bit(CallKind::memory)) != 0 &&
      bytes >= control->least) {
    const std::uint64_t number = ++control->counted;
    refused = control->action == FaultAction::fail && holdfast::test::is_met(*control, number);
  }
  if (refused && control->fired++ == 0)
    std::snprintf(control->last.data(), control->last.size(), "allocation of %zu bytes", bytes);
  --control->judging;
  return refused;
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

struct Inside {
  Inside() { inside = true; }
  ~Inside() { inside = before; }
  bool before = inside;
};

// `real` is the allocator's own function of that name.
template <class... Arguments>
void* allocate(std::size_t bytes, void* (*real)(Arguments...), Arguments... arguments) {
  if (is_refused(bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  const Inside here;
  return real(arguments...);
}
template <class... Arguments>
void* allocate_or_throw(std::size_t bytes, void* (*real)(Arguments...), Arguments... arguments) {
  if (is_refused(bytes)) throw std::bad_alloc();
  const Inside here;
  return real(arguments...);
}

using New = void* (*)(std::size_t);
using NothrowNew = void* (*)(std::size_t, const std::nothrow_t&);
using AlignedNew = void* (*)(std::size_t, std::align_val_t);

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) {
  static const auto real = next<void* (*)(std::size_t)>("malloc");
  return allocate(bytes, real, bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  static const auto real = next<void* (*)(std::size_t, std::size_t)>("calloc");
  return allocate(count * bytes, real, count, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  static const auto real = next<void* (*)(void*, std::size_t)>("realloc");
  return allocate(bytes, real, block, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  static const auto real = next<void* (*)(std::size_t, std::size_t)>("aligned_alloc");
  return allocate(bytes, real, alignment, bytes);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  static const auto real = next<int (*)(void**, std::size_t, std::size_t)>("posix_memalign");
  if (is_refused(bytes)) return ENOMEM;
  const Inside here;
  return real(block, alignment, bytes);
}

// The sanitizer calls this for each new thread, and ends the process when it fails, so no memory is
// refused inside it.
int pthread_getattr_np(pthread_t thread, pthread_attr_t* attributes) noexcept {
  static const auto real = next<int (*)(pthread_t, pthread_attr_t*)>("pthread_getattr_np");
  const Inside here;
  return real(thread, attributes);
}

}  // extern "C"

void* operator new(std::size_t bytes) {
  static const auto real = next<New>("_Znwm");
  return allocate_or_throw(bytes, real, bytes);
}
void* operator new[](std::size_t bytes) {
  static const auto real = next<New>("_Znam");
  return allocate_or_throw(bytes, real, bytes);
}
void* operator new(std::size_t bytes, const std::nothrow_t& tag) noexcept {
  static const auto real = next<NothrowNew>("_ZnwmRKSt9nothrow_t");
  return allocate<std::size_t, const std::nothrow_t&>(bytes, real, bytes, tag);
}
void* operator new[](std::size_t bytes, const std::nothrow_t& tag) noexcept {
  static const auto real = next<NothrowNew>("_ZnamRKSt9nothrow_t");
  return allocate<std::size_t, const std::nothrow_t&>(bytes, real, bytes, tag);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  static const auto real = next<AlignedNew>("_ZnwmSt11align_val_t");
  return allocate_or_throw(bytes, real, bytes, alignment);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  static const auto real = next<AlignedNew>("_ZnamSt11align_val_t");
  return allocate_or_throw(bytes, real, bytes, alignment);
}
