// A flow of control with a stack of its own, a stackful coroutine. A thread runs it until it ends
// or waits; afterwards any thread may go on with it. So whatever waits for a client, or for its
// turn, holds no thread, and the code that waits stays a straight line.
//
// What runs on a fiber obeys two rules, because another thread may go on with it after a wait: it
// holds no lock of a mutex during a wait (Condition gives it up), and it keeps no reference to a
// thread_local variable over a wait. errno is such a variable, and compilers remember its address
// within a function.
#pragma once

#include <chrono>
#include <cstddef>

namespace holdfast::fiber {

using Clock = std::chrono::steady_clock;

class Event;

class Fiber {
 public:
  // The address space of a stack; only pages that were used cost memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr std::size_t kStackBytes = std::size_t{1} << 20;
#else
  static constexpr std::size_t kStackBytes = std::size_t{256} << 10;
#endif

  // Makes the stack. Throws std::bad_alloc.
  Fiber();
  // The work must have ended.
  virtual ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Returns the fiber that the calling thread runs; nullptr when it runs none.
  [[nodiscard]] static Fiber* current() noexcept;
  // Returns true when the calling thread may wait itself for what others do within milliseconds: it
  // runs no fiber, or one that may hold it. That is quicker than to leave it. Call thread_waited()
  // afterwards.
  [[nodiscard]] static bool thread_may_wait() noexcept;
  static void thread_waited() noexcept;

  // Begins the work, or goes on with it after a wait. Returns true when the work has ended; run()
  // then begins it anew. After false another thread may run the fiber already. One thread at a
  // time; the caller must not be a fiber.
  [[nodiscard]] bool run() noexcept;

  // Leaves the thread; another one, or the same later, goes on. Only the fiber itself may call
  // this.
  void yield() noexcept;

  // Gives the memory of the stack that is not in use back to the system. Only the fiber itself may
  // call this.
  void trim_stack() noexcept;

 protected:
  // What the fiber does. It is called on the fiber.
  virtual void work() noexcept = 0;
  // Has a thread call run() soon. Any thread may call this, once for each wait.
  virtual void ready() noexcept = 0;
  // Returns true when the thread may wait together with the fiber, until release_thread(). Called
  // on the fiber.
  [[nodiscard]] virtual bool hold_thread() noexcept { return false; }
  virtual void release_thread() noexcept {}
  // Called on the fiber when it is about to wait.
  virtual void will_wait() noexcept {}
  // Calls event.expire() when `deadline` has come, or somewhat later. The second function takes
  // that back: afterwards it is not called any more. Called on the fiber.
  virtual void add_deadline(Event& event, Clock::time_point deadline) noexcept = 0;
  virtual void remove_deadline(Event& event) noexcept = 0;

 private:
  friend class Event;
  struct Switch;

  // Leaves the fiber until `event` is set. Called on the fiber.
  void wait_for(Event& event) noexcept;

  char* memory_;  // bytes without access, and the stack above them
  // Where the fiber goes on, while it does not run; where its thread goes on, while it runs.
  void* context_ = nullptr;
  void* thread_ = nullptr;
  Event* awaited_ = nullptr;  // when it has left; nullptr: nothing
  bool ended_ = false;
  bool is_last_ = false;  // the next switch is the last one
  // The exceptions that are being handled, which C++ keeps for each thread.
  struct Exceptions {
    void* caught = nullptr;
    unsigned int uncaught = 0;
  } exceptions_;
  // For the sanitizers, which keep a state for each stack.
  void* fake_stack_ = nullptr;
  const void* thread_bottom_ = nullptr;
  std::size_t thread_size_ = 0;
  void* shadow_ = nullptr;
  void* thread_shadow_ = nullptr;
};

// Gives the whole pages among these bytes back to the system. Their content is lost.
void give_back_pages(char* begin, std::size_t size) noexcept;

// Memory in pages of its own. Only those that were used cost memory.
class Pages {
 public:
  // `size` in bytes. Throws std::bad_alloc.
  explicit Pages(std::size_t size);
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  [[nodiscard]] char* begin() const { return begin_; }

 private:
  char* begin_;
  std::size_t size_;
};

}  // namespace holdfast::fiber
