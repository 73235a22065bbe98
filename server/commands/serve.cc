#include "server/commands/serve.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "dav/engine.h"
#include "http/origin.h"
#include "server/access.h"
#include "server/access_log.h"
#include "server/activation.h"
#include "server/admin.h"
#include "server/admission.h"
#include "server/auth/door.h"
#include "server/commands/backup.h"
#include "server/commands/dispatch.h"
#include "server/control.h"
#include "server/event_log.h"
#include "server/listener.h"
#include "server/observatory.h"
#include "server/redirect.h"
#include "server/rights.h"
#include "server/tls_credentials.h"
#include "storage/clock.h"
#include "storage/maintenance.h"

namespace holdfast::server {
namespace {

// Descriptors besides those of connections: the store's, the log's, the listeners'.
constexpr std::uint64_t kOwnDescriptors = 128;
// Connections that have their last answer and wait for the client's end.
constexpr std::uint64_t kClosingConnections = 1024;
constexpr std::size_t kSideConnections = 64;
constexpr std::size_t kSideWorkers = 4;
// Enough for the content store to write to the disk.
constexpr std::size_t kProbeBytes = 256 * 1024;
// Closing the store after requests in flight have had their time.
constexpr std::int64_t kCloseTimeout_s = 20;
// How often the TLS files are looked at.
constexpr timespec kFilesInterval{.tv_sec = 2, .tv_nsec = 0};

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

// Every thread inherits the mask, so only waits of this file's see these signals.
void block_signals() {
  sigset_t set = stop_signals();
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

// Raises the soft limit of open files to the hard one and returns it.
std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

// Ends the process when a second signal comes, or when closing takes too long.
class Impatience {
 public:
  explicit Impatience(std::int64_t seconds)
      : thread_([this, seconds] {
          const sigset_t set = stop_signals();
          const timespec timeout{.tv_sec = seconds, .tv_nsec = 0};
          ::sigtimedwait(&set, nullptr, &timeout);
          if (!done_) ::_exit(1);
        }) {}
  ~Impatience() {
    done_ = true;
    ::pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }
  Impatience(const Impatience&) = delete;
  Impatience& operator=(const Impatience&) = delete;

 private:
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

void print(const std::string& text) {
  // In one piece: who reads the URL from a pipe then has the rest as well.
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

// With less than this the store may have given up its reserve and refuse what adds
// (docs/storage.md).
std::uint64_t nearly_full(std::uint64_t disk_bytes) {
  return 2 * std::clamp(disk_bytes / 32, kLeastReserveBytes, kMostReserveBytes);
}

std::string in_mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

// What to say when what adds is refused for want of free space.
std::optional<std::string> below_floor(const Store& store, const dav::Options& options) {
  const storage::ContentStore::Space space = store.contents->space();
  const std::uint64_t kept = nearly_full(space.total);
  const std::uint64_t floor = std::max(options.free_space_floor_bytes, kept);
  if (space.available >= floor) return std::nullopt;
  return "Writes are refused (507), because free space is below the floor: " +
         in_mebibytes(space.available) + " free, floor " + in_mebibytes(floor) +
         (floor == kept ? " (room for removals)" : " (--free-space-floor)") +
         ", size of the disk " + in_mebibytes(space.total) + ".";
}

// Begins a file, writes to it and drops it.
bool takes_files(storage::ContentStore& contents) try {
  static const std::vector<char> kProbe(kProbeBytes);
  contents.begin({})->append(kProbe);
  return true;
} catch (const storage::Error&) {
  return false;
}

std::optional<std::string> trouble(const Store& store, const dav::Options& options,
                                   const std::atomic<bool>& failed) {
  if (failed) return "The store failed; the server stops.";
  static_cast<void>(store.names->snapshot());
  if (auto full = below_floor(store, options)) return full;
  if (!takes_files(*store.contents)) return "Writes are refused: the disk takes no files.";
  return std::nullopt;
}

Upkeep upkeep(const Store& store, const std::optional<storage::Maintenance>& maintenance) {
  const auto holds = maintenance ? maintenance->holds() : storage::Maintenance::Holds();
  return {.holds = holds.count,
          .oldest_hold_s = std::chrono::duration<double>(holds.oldest).count(),
          .garbage_files = store.names->garbage_count()};
}

std::unique_ptr<AccessLog> open_access_log(const std::string& path, int opened) try {
  return path == "off" ? nullptr : std::make_unique<AccessLog>(path, opened);
} catch (const std::runtime_error& error) {
  throw UsageError(error.what());
}

// The access log, opened by root for `owner`; -1 where the owner is to open it: what lies in
// folders of other users could be a link to any file.
int open_log_as_root(const std::string& path, const Owner& owner) {
  if (path == "off" || path == "-") return -1;
  const std::string place = place_of_root(path);
  if (place.empty()) return -1;
  const bool existed = std::filesystem::exists(place);
  const int opened = AccessLog::open(place);
  // So that it can be opened again, and log rotation gives the next one to the same user.
  if (opened >= 0 && !existed && ::fchown(opened, owner.user, owner.group) != 0)
    log_event("The access log " + path + " stays root's.");
  return opened;
}

// Ports below 1024 are root's.
void listen_as_root(const Config& config, InheritedSockets& sockets) {
  const auto listen = [](const std::string& address, std::optional<InheritedSocket>& place) {
    if (!address.empty() && !place)
      place = InheritedSocket{Listener::listen(address).descriptor, address};
  };
  listen(config.listen, sockets.own);
  listen(config.admin_listen, sockets.admin);
  listen(config.http_redirect, sockets.redirect);
}

// Opens what only root may, and takes the rights of the data folder's owner. Returns the access
// log's descriptor, or -1.
int leave_root(const Config& config, const Owner& owner, InheritedSockets& sockets) {
  const int log = open_log_as_root(config.access_log, owner);
  listen_as_root(config, sockets);
  become(owner, config.data);
  return log;
}

// For listeners beside the main one.
Limits bodiless(Limits limits) {
  limits.connections = std::min(limits.connections, kSideConnections);
  limits.workers = std::min(limits.workers, kSideWorkers);
  limits.body_limit_bytes = 0;
  return limits;
}

TlsFiles tls_files(const Config& config) {
  return {config.tls_certificate, config.tls_key, config.tls_client_ca};
}

// With --tls-self-signed, once the data folder is ours.
TlsFiles self_signed_files(const Config& config) {
  std::vector<std::string> names = {parse_address(config.listen).host};
  for (const http::Origin& url : parse_public_urls(config.public_url))
    names.emplace_back(url.authority().bare_host());
  const std::string path = self_signed(config.data, names);
  return {path, path, config.tls_client_ca};
}

// New connections get the files as they are now, if they can be used.
void reload(TlsCredentials& tls) {
  try {
    tls.reload();
    log_event("The TLS certificate was read again: SHA-256 " + tls.fingerprint() + ".");
    if (const std::string warning = tls.warning(); !warning.empty()) log_event(warning);
  } catch (const std::exception& error) {
    log_event(std::string("The TLS certificate stays as it was: ") + error.what());
  }
}

// Makes the control socket. On a full disk there may be no room for it: then the server does
// without it until there is, and only the first of these tries says so.
class Control {
 public:
  Control(std::string folder, ControlSocket::Answer answer)
      : folder_(std::move(folder)), answer_(std::move(answer)) {
    try {
      make();
    } catch (const std::system_error& error) {
      if (!is_full(error)) throw;
      log_event(std::string(error.what()) + "; until it can, no command reaches this server.");
    }
  }
  [[nodiscard]] bool missing() const { return !socket_; }
  void try_again() {
    try {
      make();
      log_event("The control socket is made.");
    } catch (const std::exception&) {
      // The next try may find room.
    }
  }

 private:
  static bool is_full(const std::system_error& error) {
    return error.code().value() == ENOSPC || error.code().value() == EDQUOT;
  }
  void make() { socket_ = std::make_unique<ControlSocket>(folder_, answer_); }

  std::string folder_;
  ControlSocket::Answer answer_;
  std::unique_ptr<ControlSocket> socket_;
};

// Waits for the signal to stop; does meanwhile what SIGHUP, changed files and a missing control
// socket ask for.
void wait_for_stop(AccessLog* log, TlsCredentials* tls, Control* control) {
  sigset_t awaited = stop_signals();
  sigaddset(&awaited, SIGHUP);
  for (;;) {
    int signal = 0;
    const bool has_no_control = control != nullptr && control->missing();
    if (tls != nullptr || has_no_control) {
      signal = ::sigtimedwait(&awaited, nullptr, &kFilesInterval);
    } else if (::sigwait(&awaited, &signal) != 0) {
      signal = -1;
    }
    if (has_no_control) control->try_again();
    if (signal == SIGHUP && log != nullptr) log->reopen();
    if (tls != nullptr && (signal == SIGHUP || (signal < 0 && tls->files_changed()))) reload(*tls);
    if (signal > 0 && signal != SIGHUP) return;
  }
}

// On the address, or on the socket that listens there already.
std::unique_ptr<Listener> make_listener(const std::string& address,
                                        const std::optional<InheritedSocket>& inherited,
                                        Limits limits, Handler handler, Observer& observer,
                                        const TlsCredentials* tls = nullptr,
                                        const Proxies* proxies = nullptr) {
  if (inherited)
    return std::make_unique<Listener>(Listener::Inherited{inherited->descriptor}, std::move(limits),
                                      std::move(handler), observer, tls, proxies);
  return std::make_unique<Listener>(address, std::move(limits), std::move(handler), observer, tls,
                                    proxies);
}

// Serves until a signal; `impatience` is set when it came, and outlives the closing of the store.
int run(const Config& config, InheritedSockets inherited, const OpenStore& open_store,
        std::optional<Impatience>& impatience) {
  Limits limits = fitted_to(config.limits, raise_descriptor_limit());
  limits.spill_folder = config.spill_folder.empty() ? config.data + "/tmp" : config.spill_folder;

  // Before the data folder may be made: with bad files nothing is to change.
  std::optional<TlsCredentials> tls;
  if (!config.tls_certificate.empty()) tls.emplace(tls_files(config));
  const std::optional<Owner> owner = other_owner(config.data);
  const std::unique_ptr<AccessLog> log =
      open_access_log(config.access_log, owner ? leave_root(config, *owner, inherited) : -1);

  std::atomic<bool> failed = false;
  Store store = open_store(config, Opening::made_if_missing, [&failed](const auto& failure) {
    if (failure.read_only) {
      log_event("The disk turned read-only. Reading goes on; writing does after a new start: " +
                failure.detail);
      return;
    }
    log_event("The store refuses further writes, the server stops: " + failure.detail);
    failed = true;
    ::kill(::getpid(), SIGTERM);
  });

  const Anonymous without_accounts =
      anonymous_without_accounts(config, !store.names->accounts()->accounts.empty());
  if (config.tls_self_signed) tls.emplace(self_signed_files(config));

  const storage::SystemClock clock;
  Observatory observatory(clock, log.get());
  const dav::Engine engine(*store.names, *store.contents,
                           config.engine_options(store.contents->space().total));
  const AccessPolicy policy(config.public_url);
  const Proxies proxies = Proxies::parse(config.trusted_proxies).value_or(Proxies());
  SignIn sign_in({.without_accounts = without_accounts,
                  .with_accounts = config.anonymous.value_or(Anonymous::off),
                  .basic_over_http = config.basic_over_http,
                  .digest = config.digest},
                 {.accounts = [&store] { return store.names->accounts(); }, .tell = log_event},
                 clock);
  ActiveRequests active(limits.requests_per_account);
  const Door door(proxies, policy, sign_in, active, engine);

  const std::unique_ptr<Listener> listener = make_listener(
      config.listen, inherited.own, limits,
      [&door](http::Request& request, Peer& peer) { return door.answer(request, peer); },
      observatory, tls ? &*tls : nullptr, &proxies);

  std::optional<storage::Maintenance> maintenance;  // starts when all listen
  Observer unobserved;
  const Admin admin{
      [&] { return trouble(store, engine.options(), failed); },
      [&] { return observatory.metrics(store.names->stats(), upkeep(store, maintenance)); }};
  std::unique_ptr<Listener> admin_listener;
  if (!config.admin_listen.empty())
    admin_listener = make_listener(
        config.admin_listen, inherited.admin, bodiless(limits),
        [&admin](http::Request& request, const Peer&) { return admin.answer(request); },
        unobserved);

  std::unique_ptr<Listener> redirect_listener;
  if (!config.http_redirect.empty()) {
    redirect_listener = make_listener(
        config.http_redirect, inherited.redirect, bodiless(limits),
        [redirect = Redirect(config, listener->port())](http::Request& request, const Peer&) {
          return redirect.answer(request);
        },
        observatory);
  }

  storage::Maintenance::Options rounds;
  rounds.durability = config.durability;
  rounds.look_after_files = !config.allow_network_data;
  rounds.on_problem = [](const std::string& problem) { log_event("Upkeep: " + problem); };
  rounds.start_thread = !store.read_only;
  maintenance.emplace(*store.names, *store.contents, std::move(rounds));
  std::optional<Control> control;
  if (store.read_only) {
    log_event("The data folder lies on a read-only disk: nothing can be written.");
  } else {
    control.emplace(config.data, [&](std::string_view request, const std::stop_token& stop) {
      if (request == kHoldGarbage) return hold_garbage(*maintenance);
      return answer_control(store, request, stop);
    });
  }
  listener->start();
  if (admin_listener) admin_listener->start();
  if (redirect_listener) redirect_listener->start();
  Ports ports{.own = listener->port()};
  if (admin_listener) ports.admin = admin_listener->port();
  if (redirect_listener) ports.redirect = redirect_listener->port();
  if (tls)
    if (const std::string warning = tls->warning(); !warning.empty()) log_event(warning);
  if (owner)
    log_event("The server has the rights of " + owner->name + ", the data folder's owner.");
  else if (::geteuid() == 0)
    log_event("The server runs as root, because the data folder is root's.");
  if (limits.connections < config.limits.connections / 2)
    log_event("The limit of open files allows " + std::to_string(limits.connections) +
              " connections and " + std::to_string(limits.workers) + " workers only.");

  if (const auto full = below_floor(store, engine.options())) log_event(*full);

  notify_manager(process_environment(), "READY=1");
  // Last of all: whoever waits for it finds a server that has started.
  print(banner(config, sign_in.anonymous(), ports, tls ? tls->fingerprint() : std::string()));
  wait_for_stop(log.get(), tls ? &*tls : nullptr, control ? &*control : nullptr);
  notify_manager(process_environment(), "STOPPING=1");

  try {
    impatience.emplace(limits.shutdown_grace_s + kCloseTimeout_s);
  } catch (const std::system_error&) {
    // The system gives no thread: then no second signal, but the end in time.
    ::alarm(static_cast<unsigned>(limits.shutdown_grace_s + kCloseTimeout_s));
  }
  listener->stop();
  if (redirect_listener) redirect_listener->stop();
  if (admin_listener) admin_listener->stop();
  control.reset();
  maintenance->stop();
  if (failed) return 1;
  try {
    store.names->checkpoint();
  } catch (const std::exception& error) {
    log_event(std::string("The last checkpoint failed; nothing is lost: ") + error.what());
    return 1;
  }
  return failed ? 1 : 0;
}

}  // namespace

Limits fitted_to(Limits limits, std::uint64_t descriptors) {
  const std::uint64_t usable =
      descriptors > 2 * kOwnDescriptors ? descriptors - kOwnDescriptors : descriptors / 2;
  const std::uint64_t most_workers = std::max<std::uint64_t>(usable / 8, 1);
  limits.workers = std::min<std::uint64_t>(limits.workers, most_workers);
  const std::uint64_t others = std::min(kClosingConnections, usable / 4) + 2 * limits.workers;
  const std::uint64_t most_connections = usable > others ? usable - others : 1;
  limits.connections = std::min<std::uint64_t>(limits.connections, most_connections);
  return limits;
}

int serve(const Config& settings, const OpenStore& open_store) {
  InheritedSockets inherited = inherited_sockets(process_environment());
  Config config = settings;
  if (inherited.own) config.listen = inherited.own->address;
  if (inherited.admin) config.admin_listen = inherited.admin->address;
  if (inherited.redirect) config.http_redirect = inherited.redirect->address;
  check_tls(config);
  // Before the data folder is made: with this refusal nothing is to change.
  std::error_code unreadable;
  if (!std::filesystem::exists(config.data, unreadable) ||
      std::filesystem::is_empty(config.data, unreadable))
    static_cast<void>(anonymous_without_accounts(config, false));
  block_signals();
  ::umask(077);
  start_event_log();
  std::optional<Impatience> impatience;
  return run(config, std::move(inherited), open_store, impatience);
}

}  // namespace holdfast::server
