#include "server/cli/password.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>
#include <termios.h>
#include <unistd.h>

#include "dav/path.h"
#include "server/auth/secrets.h"
#include "server/config/config.h"
#include "text/ascii.h"
#include "text/utf8.h"

namespace holdfast::server::cli {
namespace {

constexpr std::size_t kLimitBytes = 1024;
constexpr std::array kEndingSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

termios terminal_before{};

void restore_and_end(int signal) {
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// While a Hidden exists, the terminal does not show what is typed. The terminal is restored also
// when a signal ends the process.
class Hidden {
 public:
  Hidden() {
    ::tcgetattr(STDIN_FILENO, &terminal_before);
    for (const int signal : kEndingSignals) std::signal(signal, restore_and_end);
    termios hidden = terminal_before;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    hidden.c_lflag |= ECHONL;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  ~Hidden() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
    for (const int signal : kEndingSignals) std::signal(signal, SIG_DFL);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;
};

// Reads one line and returns it without its line end. It reads byte by byte, so that what follows
// the line stays unread.
std::optional<std::string> read_line() {
  std::string line;
  for (;;) {
    char c = 0;
    const ssize_t got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 && line.empty()) return std::nullopt;
    if (got <= 0 || c == '\n') break;
    line += c;
    if (line.size() > kLimitBytes + 1) break;
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

void tell(const std::string& prompt) {
  static_cast<void>(!::write(STDERR_FILENO, prompt.data(), prompt.size()));
}

}  // namespace

std::string read_new_password(const std::string& account, std::size_t least) {
  std::optional<std::string> password;
  if (::isatty(STDIN_FILENO) == 1) {
    const Hidden hidden;
    tell("Password of " + account + ": ");
    password = read_line();
    if (password && !password->empty()) {
      tell("Again: ");
      if (read_line() != password) throw process::UsageError("The two passwords differ.");
    }
  } else {
    password = read_line();
  }
  if (!password || password->empty()) throw process::UsageError("No password was given.");
  std::string composed = text::nfc(*password);
  if (const auto why = auth::why_no_password(composed, least)) throw process::UsageError(*why);
  return composed;
}

bool ask_to_go_on(const std::string& sentence) {
  if (::isatty(STDIN_FILENO) != 1)
    throw process::UsageError(sentence + "; give --yes to do it nevertheless.");
  tell(sentence + ".\nGo on? [y/N] ");
  const std::string answer = text::lower(read_line().value_or(""));
  return answer == "y" || answer == "yes";
}

}  // namespace holdfast::server::cli
