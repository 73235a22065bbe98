#include "server/process/signals.h"

#include <ctime>
#include <pthread.h>
#include <unistd.h>

namespace holdfast::server::process {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

void block_stop_signals() {
  sigset_t set = stop_signals();
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void block_all_signals() {
  sigset_t set;
  sigfillset(&set);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF})
    sigdelset(&set, fault);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

ForcedExit::ForcedExit(std::int64_t seconds)
    : thread_([this, seconds] {
        const sigset_t set = stop_signals();
        const timespec timeout{.tv_sec = seconds, .tv_nsec = 0};
        ::sigtimedwait(&set, nullptr, &timeout);
        if (!done_) ::_exit(1);
      }) {}

ForcedExit::~ForcedExit() {
  done_ = true;
  // The thread waits for this signal. NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread,cert-pos44-c)
  ::pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

}  // namespace holdfast::server::process
