#include "fiber/fiber.h"

#include <boost/context/detail/fcontext.hpp>
#include <cstdint>
#include <cstring>
#include <cxxabi.h>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

#include "fiber/wait.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace holdfast::fiber {
namespace {

namespace context = boost::context::detail;

constexpr std::size_t kPageBytes = 4096;
// Below each stack lie so many bytes that cannot be accessed: more than any function uses at once.
constexpr std::size_t kGuardBytes = 64 * 1024;
// Stays untouched below the frame that gives memory back: room for the functions that it calls.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kKeptBytes = 8192;
#else
constexpr std::size_t kKeptBytes = 1024;
#endif

thread_local Fiber* running = nullptr;

// What C++ keeps of exceptions for each thread (Itanium C++ ABI, §2.2.2).
[[gnu::noinline]] void swap_exceptions(void* with, std::size_t size) noexcept {
  char kept[16];
  void* const own = abi::__cxa_get_globals();
  std::memcpy(kept, own, size);
  std::memcpy(own, with, size);
  std::memcpy(with, kept, size);
}

[[gnu::noinline]] void set_running(Fiber* fiber) noexcept { running = fiber; }

}  // namespace

// The two directions of a switch, with what the sanitizers have to be told.
struct Fiber::Switch {
  // The thread runs the fiber until that leaves.
  static void in(Fiber& fiber) noexcept {
#if defined(__SANITIZE_ADDRESS__)
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, fiber.memory_ + kGuardBytes, kStackBytes);
#endif
#if defined(__SANITIZE_THREAD__)
    fiber.thread_shadow_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber.shadow_, 0);
#endif
    const context::transfer_t back = context::jump_fcontext(fiber.context_, &fiber);
    fiber.context_ = back.fctx;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
  }

  // The fiber leaves its thread until one runs it again.
  [[gnu::noinline]] static void out(Fiber& fiber) noexcept {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(fiber.is_last_ ? nullptr : &fiber.fake_stack_,
                                   fiber.thread_bottom_, fiber.thread_size_);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(fiber.thread_shadow_, 0);
#endif
    arrive(fiber, context::jump_fcontext(fiber.thread_, nullptr));
  }

  static void arrive(Fiber& fiber, context::transfer_t from) noexcept {
    fiber.thread_ = from.fctx;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.fake_stack_, &fiber.thread_bottom_, &fiber.thread_size_);
#endif
  }

  // The first function on the stack.
  static void main(context::transfer_t from) noexcept {
    Fiber& fiber = *static_cast<Fiber*>(from.data);
    arrive(fiber, from);
    while (!fiber.is_last_) {
      fiber.work();
      fiber.ended_ = true;
      out(fiber);
    }
    out(fiber);
  }
};

Fiber::Fiber()
    : memory_(static_cast<char*>(::mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1,
                                        0))) {
  if (memory_ == MAP_FAILED) throw std::bad_alloc();
  // A stack that grows too far ends the process instead of changing other memory.
  if (::mprotect(memory_, kGuardBytes, PROT_NONE) != 0) {
    ::munmap(memory_, kGuardBytes + kStackBytes);
    throw std::bad_alloc();
  }
  context_ =
      context::make_fcontext(memory_ + kGuardBytes + kStackBytes, kStackBytes, &Switch::main);
#if defined(__SANITIZE_THREAD__)
  shadow_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(__SANITIZE_ADDRESS__)
  is_last_ = true;
  Switch::in(*this);
  // Page by page, because what AddressSanitizer writes about untouched memory takes memory, too.
  for (std::size_t at = kGuardBytes; at < kGuardBytes + kStackBytes; at += kPageBytes)
    if (__asan_region_is_poisoned(memory_ + at, kPageBytes) != nullptr)
      ASAN_UNPOISON_MEMORY_REGION(memory_ + at, kPageBytes);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(shadow_);
#endif
  ::munmap(memory_, kGuardBytes + kStackBytes);
}

[[gnu::noinline]] bool Fiber::thread_may_wait() noexcept {
  Fiber* const fiber = current();
  return fiber == nullptr || fiber->hold_thread();
}

[[gnu::noinline]] void Fiber::thread_waited() noexcept {
  if (Fiber* const fiber = current()) fiber->release_thread();
}

Fiber* Fiber::current() noexcept { return running; }

bool Fiber::run() noexcept {
  for (;;) {
    set_running(this);
    swap_exceptions(&exceptions_, sizeof exceptions_);
    Switch::in(*this);
    swap_exceptions(&exceptions_, sizeof exceptions_);
    set_running(nullptr);
    if (ended_) {
      ended_ = false;
      return true;
    }
    if (awaited_ == nullptr) {
      ready();
      return false;
    }
    // From here on, whoever sets the event may have another thread run the fiber.
    if (awaited_->park()) return false;
  }
}

void Fiber::wait_for(Event& event) noexcept {
  will_wait();
  awaited_ = &event;
  Switch::out(*this);
}

void Fiber::yield() noexcept {
  awaited_ = nullptr;
  Switch::out(*this);
}

[[gnu::noinline]] void Fiber::trim_stack() noexcept {
  const auto* here = static_cast<const char*>(__builtin_frame_address(0));
  const char* const bottom = memory_ + kGuardBytes;
  if (here > bottom + kKeptBytes + kPageBytes)
    give_back_pages(memory_ + kGuardBytes, static_cast<std::size_t>(here - bottom) - kKeptBytes);
}

void give_back_pages(char* begin, std::size_t size) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t first = (address + kPageBytes - 1) / kPageBytes * kPageBytes;
  const std::uintptr_t end = (address + size) / kPageBytes * kPageBytes;
  if (first < end) ::madvise(begin + (first - address), end - first, MADV_DONTNEED);
}

// AddressSanitizer knows the end of what is allocated, and not that of a mapping.
#if defined(__SANITIZE_ADDRESS__)
Pages::Pages(std::size_t size)
    : begin_(static_cast<char*>(::operator new (size, std::align_val_t{kPageBytes}))),
      size_(size) {}

Pages::~Pages() { ::operator delete (begin_, std::align_val_t{kPageBytes}); }
#else
Pages::Pages(std::size_t size) : size_(size) {
  void* const mapped =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  begin_ = static_cast<char*>(mapped);
}

Pages::~Pages() { ::munmap(begin_, size_); }
#endif

}  // namespace holdfast::fiber
