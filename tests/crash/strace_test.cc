// The kill points once more with nothing of ours in the program: strace kills it at the Nth system
// call of a thread, whichever call that is (docs/robustness.md K3).
#include <array>
#include <gtest/gtest.h>
#include <iostream>
#include <signal.h>
#include <unistd.h>

#include "tests/crash/acts.h"
#include "tests/crash/world.h"
#include "tests/support/http_client.h"

namespace holdfast::test {
namespace {

// strace on a running program, which it kills at the Nth of `calls` in any thread.
class Strace {
 public:
  Strace(pid_t program, const std::string& calls, int at) {
    child_ = start({.arguments = {"strace", "-f", "-o", "/dev/null", "-e", "trace=" + calls, "-e",
                                  "inject=" + calls + ":signal=SIGKILL:when=" + std::to_string(at),
                                  "-p", std::to_string(program)}});
    close(child_.input_fd);
    std::array<char, 4096> buffer{};
    while (said_.find("attached") == std::string::npos) {
      const ssize_t got = read(child_.output_fd, buffer.data(), buffer.size());
      if (got <= 0) return;
      said_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    attached_ = true;
  }
  ~Strace() {
    kill(child_.pid, SIGKILL);  // the kernel detaches it, and the program goes on
    static_cast<void>(wait_for(child_.pid));
    close(child_.output_fd);
  }
  Strace(const Strace&) = delete;
  Strace& operator=(const Strace&) = delete;

  [[nodiscard]] bool attached() const { return attached_; }
  [[nodiscard]] const std::string& said() const { return said_; }

 private:
  Child child_;
  std::string said_;
  bool attached_ = false;
};

bool answers(const ServerProcess& server) {
  try {
    return HttpClient(server.port()).request("OPTIONS", "/").status != 0;
  } catch (const HttpFailure&) {
    return false;
  }
}

TEST(Strace, AKillAtAnySystemCallLeavesAnActWholeOrUndone) {
  if (!program_exists("strace")) GTEST_SKIP() << "no strace";
  std::vector<std::string> names = {"PutOverFile", "MoveOver"};
  std::string calls = "openat,write,pwrite64,fsync,fdatasync,renameat2,unlinkat,ftruncate,sendmsg";
  if (long_version()) {
    names.insert(names.end(),
                 {"PutNewFile", "DeleteTree", "CopyTree", "LockUnmapped", "Proppatch"});
    calls = "all";
  }
  CrashWorld world("full");
  world.start();
  world.server.kill();
  world.start_plainly();
  int kills = 0;
  for (const std::string& name : names) {
    const Act one = act(name);
    for (int at = 1;; ++at) {
      clear(*world.ledger);
      one.prepare(*world.ledger);
      int status = 0;
      {
        const Strace strace(world.server.pid(), calls, at);
        if (!strace.attached()) {
          if (kills == 0) GTEST_SKIP() << "strace cannot attach here: " << strace.said();
          FAIL() << strace.said();
        }
        status = one.run(*world.ledger);
      }
      if (status != 0 && answers(world.server)) break;
      ++kills;
      world.server.kill();
      world.start_plainly();
      ASSERT_EQ(world.ledger->verify(), "") << name << " killed at " << at;
      if (long_version()) {
        ASSERT_EQ(world.check(), "") << name << " killed at " << at;
      }
    }
  }
  ASSERT_EQ(world.check(), "");
  std::cout << "kills " << kills << ", found done " << world.ledger->found_done()
            << ", found undone " << world.ledger->found_undone() << "\n";
  EXPECT_GT(world.ledger->found_undone(), 2);
}

}  // namespace
}  // namespace holdfast::test
