#include "server/app/serve.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "dav/engine.h"
#include "http/origin.h"
#include "server/app/banner.h"
#include "server/app/health.h"
#include "server/app/redirect.h"
#include "server/app/systemd.h"
#include "server/auth/active_requests.h"
#include "server/auth/anonymous.h"
#include "server/auth/gate.h"
#include "server/auth/origin_policy.h"
#include "server/auth/links.h"
#include "server/auth/self_service.h"
#include "server/auth/sessions.h"
#include "server/auth/sync_clients.h"
#include "server/cli/audit.h"
#include "server/cli/backup.h"
#include "server/cli/control_socket.h"
#include "server/cli/dispatch.h"
#include "server/loop/descriptors.h"
#include "server/loop/listener.h"
#include "server/net/interfaces.h"
#include "server/observe/access_log.h"
#include "server/observe/event_log.h"
#include "server/observe/metrics.h"
#include "server/process/drop_root.h"
#include "server/process/environment.h"
#include "server/process/signals.h"
#include "server/process/usage_error.h"
#include "server/tls/credentials.h"
#include "storage/change_waits.h"
#include "storage/clock.h"
#include "storage/maintenance.h"
#include "storage/space_ledger.h"

namespace holdfast::server::app {
namespace {

constexpr std::size_t kSideConnections = 64;
constexpr std::size_t kSideWorkers = 4;
// The longest time to close the store, after the requests in flight have had their time.
constexpr std::int64_t kCloseTimeout_s = 20;
// How often the TLS files are checked for changes.
constexpr timespec kFilesInterval{.tv_sec = 2, .tv_nsec = 0};

void print(const std::string& text) {
  // The text is written at once, so that a program that reads the URL from a pipe gets the rest as
  // well.
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

observe::Upkeep upkeep(const cli::Store& store,
                       const std::optional<storage::Maintenance>& maintenance,
                       const dav::Options& options, const observe::AuditLog* audit_log,
                       std::uint64_t sign_in_failures, const std::string& data) {
  const storage::ContentStore::Space space = store.contents->space();
  const auto holds = maintenance ? maintenance->holds() : storage::Maintenance::Holds();
  return {.holds = holds.count,
          .oldest_hold_s = std::chrono::duration<double>(holds.oldest).count(),
          .garbage_files = store.names->garbage_count(),
          .audit_lines_lost = audit_log ? audit_log->lost() : 0,
          .sign_in_failures = sign_in_failures,
          .disk_bytes = space.total,
          .free_bytes = space.available,
          .free_floor_bytes = free_space_floor(store, options),
          .last_backup_s = cli::last_backup_s(data)};
}

std::unique_ptr<observe::AccessLog> open_access_log(const std::optional<std::string>& path,
                                                    int opened) try {
  return path ? std::make_unique<observe::AccessLog>(*path, opened) : nullptr;
} catch (const std::runtime_error& error) {
  throw process::UsageError(error.what());
}

// Opens the access log as root for `owner`. Returns -1 when the owner must open it: a path in
// folders of other users could be a link to any file.
int open_log_as_root(const std::optional<std::string>& path, const process::Owner& owner) {
  if (!path || *path == "-") return -1;
  const std::string place = process::place_of_root(*path);
  if (place.empty()) return -1;
  const bool existed = std::filesystem::exists(place);
  const int opened = observe::AccessLog::open(place);
  // The owner must be able to reopen the file, and log rotation creates the next one for the same
  // user.
  if (opened >= 0 && !existed && ::fchown(opened, owner.user, owner.group) != 0)
    observe::log_event("The access log " + *path + " stays root's.");
  return opened;
}

// Listens while the process is root, which ports below 1024 need.
void listen_as_root(const config::Config& config, InheritedSockets& sockets) {
  const auto listen = [](const std::optional<net::Address>& address,
                         std::optional<InheritedSocket>& place) {
    if (address && !place)
      place = InheritedSocket{loop::Listener::listen(*address).descriptor, *address};
  };
  listen(config.listen, sockets.own);
  listen(config.admin_listen, sockets.admin);
  listen(config.http_redirect, sockets.redirect);
}

// Opens what only root may open, and takes the rights of the data folder's owner. Returns the
// access log's descriptor, or -1.
int leave_root(const config::Config& config, const process::Owner& owner,
               InheritedSockets& sockets) {
  const int log = open_log_as_root(config.access_log, owner);
  listen_as_root(config, sockets);
  process::become(owner, config.data);
  return log;
}

// Returns true when the settings say that clients of other machines come.
bool is_named(const config::Config& config) {
  return !config.public_urls.empty() || !config.trusted_proxies.empty();
}

// Returns what anonymous clients may do while there are no accounts. Throws UsageError when that
// must be set and is not.
auth::Anonymous without_accounts(const config::Config& config, const storage::Accounts& accounts) {
  return auth::anonymous_without_accounts(config.anonymous,
                                          {.listen = config.listen,
                                           .is_named = is_named(config),
                                           .has_accounts = !accounts.accounts.empty(),
                                           .had_accounts = accounts.any_ever});
}

// Returns the bytes that can still be written to the folder's file system.
std::uint64_t free_bytes(const std::string& folder) {
  std::error_code error;
  const std::filesystem::space_info info = std::filesystem::space(folder, error);
  // A folder that cannot be looked at is found out when the file is made.
  return error ? std::numeric_limits<std::uint64_t>::max() : info.available;
}

// Returns the limits for listeners besides the main one, which read no bodies.
http1::Limits bodiless(http1::Limits limits) {
  limits.connections = std::min(limits.connections, kSideConnections);
  limits.workers = std::min(limits.workers, kSideWorkers);
  limits.body_limit_bytes = 0;
  return limits;
}

tls::TlsFiles tls_files(const config::Config& config) {
  return {config.tls_certificate, config.tls_key, config.tls_client_ca};
}

// Makes the files for --tls-self-signed. Call once this process holds the data folder.
tls::TlsFiles self_signed_files(const config::Config& config) {
  std::vector<std::string> names = net::hosts_of(config.listen);
  for (const http::Origin& url : config.public_urls)
    names.emplace_back(url.authority().bare_host());
  const std::string path = tls::self_signed(config.data, names);
  return {path, path, config.tls_client_ca};
}

// Reads the TLS files again. New connections use them if they are valid.
void reload(tls::TlsCredentials& tls) {
  try {
    tls.reload();
    observe::log_event("The TLS certificate was read again: SHA-256 " + tls.fingerprint() + ".");
    if (const std::string warning = tls.warning(); !warning.empty()) observe::log_event(warning);
  } catch (const std::exception& error) {
    observe::log_event(std::string("The TLS certificate stays as it was: ") + error.what());
  }
}

// Makes the control socket. On a full disk there may be no room for it: then the server runs
// without it until there is, and logs only the first failure.
class Control {
 public:
  Control(std::string folder, cli::ControlSocket::Answer answer)
      : folder_(std::move(folder)), answer_(std::move(answer)) {
    try {
      make();
    } catch (const std::system_error& error) {
      if (!is_full(error)) throw;
      observe::log_event(std::string(error.what()) +
                         "; until it can, no command reaches this server.");
    }
  }
  [[nodiscard]] bool missing() const { return !socket_; }
  void try_again() {
    try {
      make();
      observe::log_event("The control socket is made.");
    } catch (const std::exception&) {
      // The next attempt may find room.
    }
  }

 private:
  static bool is_full(const std::system_error& error) {
    return error.code().value() == ENOSPC || error.code().value() == EDQUOT;
  }
  void make() { socket_ = std::make_unique<cli::ControlSocket>(folder_, answer_); }

  std::string folder_;
  cli::ControlSocket::Answer answer_;
  std::unique_ptr<cli::ControlSocket> socket_;
};

// The newest of several values. Earlier values are kept, because requests in progress use them. One
// thread makes values; any thread may read the newest.
template <typename Value>
class Newest {
 public:
  template <typename... Arguments>
  void make(Arguments&&... arguments) {
    newest_ = &all_.emplace_back(std::forward<Arguments>(arguments)...);
  }
  const Value& operator*() const { return *newest_.load(); }
  const Value* operator->() const { return newest_.load(); }

 private:
  std::deque<Value> all_;
  std::atomic<const Value*> newest_{nullptr};
};

// The objects that answer requests, made from the settings of one moment.
struct Answering {
  Answering(const config::Config& config, cli::Store& store, auth::SignIn& sign_in,
            auth::ActiveRequests& active, auth::SelfService& self_service,
            auth::Sessions& sessions, auth::Links& links, auth::SyncClients* sync_clients, observe::AuditLog* audit_log,
            std::shared_ptr<storage::SpaceLedger> space)
      : proxies(config.trusted_proxies),
        policy(config.public_urls, net::hosts_of(config.listen), config.cors_origins),
        engine(*store.names, *store.contents, config.engine_options(store.contents->space().total),
               std::move(space), store.staging.get()),
        gate(proxies, policy, sign_in, active, self_service, sessions, links, engine, audit_log, config.hsts_s,
             sync_clients) {}

  const auth::Proxies proxies;
  const auth::OriginPolicy policy;
  const dav::Engine engine;
  const auth::Gate gate;
};

// The settings of a running server. SIGHUP changes some of them.
class LiveSettings {
 public:
  // `given` is what the sources said at the start. `running` is what the server runs with: `given`
  // with the addresses of inherited sockets.
  LiveSettings(config::Config given, config::Config running,
               std::function<config::Resolution()> examine)
      : given_(std::move(given)), running_(std::move(running)), examine_(std::move(examine)) {}

  [[nodiscard]] const config::Config& running() const { return running_; }
  // Calls `on_change` for each setting that reread() changes.
  void tell(std::function<void(const std::string& name, const std::string& change)> on_change) {
    on_change_ = std::move(on_change);
  }

  // Reads the sources again and logs each difference. Returns true when running() has changed.
  bool reread() {
    if (!examine_) return false;
    try {
      const config::Resolution now = examine_();
      for (const std::string& problem : now.problems) stay(problem);
      return now.problems.empty() && take(now);
    } catch (const process::UsageError& error) {
      stay(error.what());
      return false;
    }
  }

 private:
  static void stay(const std::string& why) {
    observe::log_event("The settings stay as they were: " + why);
  }

  bool take(const config::Resolution& now) {
    bool changed = false;
    for (std::size_t i = 0; i < config::options().size(); ++i) {
      const config::Option& option = config::options()[i];
      const std::string before = option.get(given_);
      const std::string after = option.get(now.config);
      if (before == after) continue;
      const std::string change =
          " \"" + before + "\"; it is \"" + after + "\" in " + now.sources[i];
      if (!option.live) {
        observe::log_event("A restart is needed for " + option.name + ", which stays" + change +
                           ".");
        continue;
      }
      option.set(given_, after);
      option.set(running_, after);
      changed = true;
      observe::log_event("The setting " + option.name + " was" + change + ".");
      if (on_change_) on_change_(option.name, "was" + change);
    }
    return changed;
  }

  config::Config given_;
  config::Config running_;
  std::function<config::Resolution()> examine_;
  std::function<void(const std::string&, const std::string&)> on_change_;
};

// Waits for a stop signal; meanwhile handles SIGHUP, changed TLS files and a missing control
// socket.
void wait_for_stop(observe::AccessLog* log, observe::AuditLog* audit_log, tls::TlsCredentials* tls,
                   Control* control, const std::function<void()>& reread) {
  sigset_t awaited = process::stop_signals();
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
    if (signal == SIGHUP && audit_log != nullptr) audit_log->reopen();
    if (signal == SIGHUP) reread();
    if (tls != nullptr && (signal == SIGHUP || (signal < 0 && tls->files_changed()))) reload(*tls);
    if (signal > 0 && signal != SIGHUP) return;
  }
}

// Makes a listener on the address, or on the inherited socket.
std::unique_ptr<loop::Listener> make_listener(const net::Address& address,
                                              const std::optional<InheritedSocket>& inherited,
                                              http1::Limits limits, http1::Handler handler,
                                              observe::Observer& observer,
                                              const tls::TlsCredentials* tls = nullptr,
                                              http1::IsShared is_shared = {}) {
  if (inherited)
    return std::make_unique<loop::Listener>(loop::Listener::Inherited{inherited->descriptor},
                                            std::move(limits), std::move(handler), observer, tls,
                                            std::move(is_shared));
  return std::make_unique<loop::Listener>(address, std::move(limits), std::move(handler), observer,
                                          tls, std::move(is_shared));
}

// Serves until a stop signal. `forced_exit` is set when the signal comes, and outlives the closing
// of the store.
int run(LiveSettings& settings, InheritedSockets inherited, const cli::OpenStore& open_store,
        std::optional<process::ForcedExit>& forced_exit) {
  const config::Config config = settings.running();
  http1::Limits limits = loop::fitted_to(config.limits, loop::raise_descriptor_limit());
  limits.spill_folder = config.spill_folder.empty() ? config.data + "/tmp" : config.spill_folder;

  // The files are read before the data folder may be made: with bad files nothing must change.
  std::optional<tls::TlsCredentials> tls;
  if (!config.tls_certificate.empty()) tls.emplace(tls_files(config));
  const std::optional<process::Owner> owner = process::other_owner(config.data);
  const std::unique_ptr<observe::AccessLog> log =
      open_access_log(config.access_log, owner ? leave_root(config, *owner, inherited) : -1);

  const storage::SystemClock clock;
  const std::unique_ptr<observe::AuditLog> audit_log = cli::open_audit_log(config, clock);

  std::atomic<bool> failed = false;
  cli::Store store =
      open_store(config, cli::Opening::made_if_missing, [&failed](const auto& failure) {
        if (failure.read_only) {
          observe::log_event(
              "The disk turned read-only. Reading goes on; writing does after a new start: " +
              failure.detail);
          return;
        }
        observe::log_event("The store refuses further writes, the server stops: " + failure.detail);
        failed = true;
        ::kill(::getpid(), SIGTERM);
      });

  if (const std::string& name = config.dav.history_name; !name.empty())
    if (store.names->snapshot()->resolve(storage::Path({name})).mapped())
      throw process::UsageError("There is something at /" + name +
                                " already: --history-name needs a name of its own.");
  const auth::Anonymous anonymous = without_accounts(config, *store.names->accounts());
  if (config.tls_self_signed) tls.emplace(self_signed_files(config));

  observe::Metrics metrics(clock, log.get());
  std::atomic<std::uint64_t> sign_in_failures = 0;
  auth::SignIn sign_in({.without_accounts = anonymous,
                        .with_accounts = config.anonymous.value_or(auth::Anonymous::off),
                        .by_default = !config.anonymous,
                        .basic_over_http = config.basic_over_http,
                        .digest = config.digest,
                        .remote_user = config.remote_user},
                       {.accounts = [&store] { return store.names->accounts(); },
                        .tell =
                            [&sign_in_failures](const std::string& sentence) {
                              ++sign_in_failures;
                              observe::log_event(sentence);
                            }},
                       clock,
                       // Most connections are there for those who are signed in.
                       {.waiting = std::max<std::size_t>(limits.connections / 32, 1)});
  auth::ActiveRequests active(limits.requests_per_account);
  // The rest of each is left for requests that do not wait.
  if (storage::ChangeWaits* const waits = store.names->change_waits())
    waits->limit({.all = limits.connections / 3 * 2,
                  .of_one = limits.requests_per_account / 2,
                  .of_anonymous = limits.connections_per_client / 2});
  auth::SelfService self_service(*store.names, sign_in, config.digest, config.password_min,
                                 audit_log.get());
  auth::Sessions sessions(*store.names, sign_in, clock, audit_log.get());
  auth::Links links(*store.names, sign_in, clock);
  std::optional<auth::SyncClients> sync_clients;
  if (config.nextcloud) sync_clients.emplace(*store.names, self_service, clock);
  auth::SyncClients* const served = sync_clients ? &*sync_clients : nullptr;
  Newest<Answering> answering;
  const auto space = std::make_shared<storage::SpaceLedger>(
      storage::SpaceLedger::Limits{},
      [&contents = *store.contents] { return contents.space().available; },
      [folder = limits.spill_folder] { return free_bytes(folder); });
  limits.space = space;
  if (store.staging) store.staging->count_in(space);
  answering.make(config, store, sign_in, active, self_service, sessions, links, served,
                 audit_log.get(), space);

  const std::unique_ptr<loop::Listener> listener = make_listener(
      config.listen, inherited.own, limits,
      [&answering](http::Request& request, http1::Peer& peer) {
        return answering->gate.answer(request, peer);
      },
      metrics, tls ? &*tls : nullptr,
      [&answering](const std::string& address) { return answering->proxies.trusts(address); });

  std::optional<storage::Maintenance> maintenance;  // starts once all listeners listen
  observe::Observer unobserved;
  const Admin admin{[&] { return trouble(store, answering->engine.options(), failed); },
                    [&] {
                      return metrics.metrics(
                          store.names->stats(),
                          upkeep(store, maintenance, answering->engine.options(), audit_log.get(),
                                 sign_in_failures, config.data));
                    },
                    [&](std::string_view host) { return answering->policy.is_safe_host(host); }};
  std::unique_ptr<loop::Listener> admin_listener;
  if (config.admin_listen)
    admin_listener = make_listener(
        *config.admin_listen, inherited.admin, bodiless(limits),
        [&admin](http::Request& request, const http1::Peer&) { return admin.answer(request); },
        unobserved);

  Newest<Redirect> redirect;
  redirect.make(config, listener->port(), net::hosts_of(config.listen));
  std::unique_ptr<loop::Listener> redirect_listener;
  if (config.http_redirect) {
    redirect_listener = make_listener(
        *config.http_redirect, inherited.redirect, bodiless(limits),
        [&redirect](http::Request& request, const http1::Peer&) {
          return redirect->answer(request);
        },
        metrics);
  }

  storage::Maintenance::Options rounds;
  rounds.durability = config.durability;
  rounds.retention = config.kept();
  rounds.look_after_files = !config.allow_network_data;
  rounds.on_problem = [](const std::string& problem) { observe::log_event("Upkeep: " + problem); };
  rounds.staging = store.staging.get();
  rounds.upload_keep_s = config.dav.upload_keep_s;
  rounds.start_thread = !store.read_only;
  maintenance.emplace(*store.names, *store.contents, std::move(rounds));
  space->set_make_room([&maintenance](const storage::Shortage& shortage) {
    return maintenance->make_room(shortage);
  });
  std::optional<Control> control;
  if (store.read_only) {
    observe::log_event("The data folder lies on a read-only disk: nothing can be written.");
  } else {
    control.emplace(config.data, [&](std::string_view request, const cli::Asker& asker) {
      if (request == cli::kHoldGarbage) return cli::hold_garbage(*maintenance);
      cli::ControlReply reply = cli::answer_control(store, request, asker.stop);
      if (audit_log && reply.exit_code == 0 && cli::is_change(request))
        cli::record_command(*audit_log, request, asker.user);
      return reply;
    });
  }
  listener->start();
  if (admin_listener) admin_listener->start();
  if (redirect_listener) redirect_listener->start();
  Ports ports{.own = listener->port()};
  if (admin_listener) ports.admin = admin_listener->port();
  if (redirect_listener) ports.redirect = redirect_listener->port();
  if (net::is_wildcard(config.listen)) ports.hosts = net::hosts_of(config.listen);
  if (tls)
    if (const std::string warning = tls->warning(); !warning.empty()) observe::log_event(warning);
  if (owner)
    observe::log_event("The server has the rights of " + owner->name +
                       ", the data folder's owner.");
  else if (::geteuid() == 0)
    observe::log_event("The server runs as root, because the data folder is root's.");
  if (limits.connections < config.limits.connections / 2)
    observe::log_event("The limit of open files allows " + std::to_string(limits.connections) +
                       " connections and " + std::to_string(limits.workers) + " workers only.");

  if (sign_in.anonymous() == auth::Anonymous::off && !sign_in.has_accounts())
    observe::log_event(
        "Nobody can read or write yet: add accounts with holdfast user add, or say with "
        "--anonymous what everybody may do.");
  if (const auto full = below_floor(store, answering->engine.options())) observe::log_event(*full);

  notify_manager(process::process_environment(), "READY=1");
  // The banner is printed last: a program that waits for it finds a server that has started.
  print(banner(config, sign_in.anonymous(), ports, tls ? tls->fingerprint() : std::string()));
  const auto record = [&audit_log](std::string_view method, std::string_view setting,
                                   std::string_view detail) {
    if (audit_log)
      audit_log->append({.over = "server", .method = method, .subject = setting, .detail = detail});
  };
  record("start", {}, "holdfast " HOLDFAST_VERSION);
  settings.tell([&record](const std::string& name, const std::string& change) {
    record("setting", name, change);
  });
  wait_for_stop(log.get(), audit_log.get(), tls ? &*tls : nullptr, control ? &*control : nullptr,
                [&] {
                  if (!settings.reread()) return;
                  maintenance->retain(settings.running().kept());
                  if (is_named(settings.running())) sign_in.end_default();
                  answering.make(settings.running(), store, sign_in, active, self_service, sessions, links, served,
                                 audit_log.get(), space);
                  redirect.make(settings.running(), listener->port(), net::hosts_of(config.listen));
                });
  notify_manager(process::process_environment(), "STOPPING=1");

  try {
    forced_exit.emplace(limits.shutdown_grace_s + kCloseTimeout_s);
  } catch (const std::system_error&) {
    // The system gives no thread: then a second signal does not end the process, but the alarm
    // does.
    ::alarm(static_cast<unsigned>(limits.shutdown_grace_s + kCloseTimeout_s));
  }
  sign_in.stop_waiting();
  if (storage::ChangeWaits* const waits = store.names->change_waits()) waits->end();
  listener->stop();
  if (redirect_listener) redirect_listener->stop();
  if (admin_listener) admin_listener->stop();
  control.reset();
  maintenance->stop();
  record("stop", {}, failed ? "the store refused further writes" : "");
  if (failed) return 1;
  try {
    store.names->checkpoint();
  } catch (const std::exception& error) {
    observe::log_event(std::string("The last checkpoint failed; nothing is lost: ") + error.what());
    return 1;
  }
  return failed ? 1 : 0;
}

}  // namespace

int serve(const config::Config& settings, const cli::OpenStore& open_store,
          const std::function<config::Resolution()>& examine) {
  InheritedSockets inherited = inherited_sockets(process::process_environment());
  config::Config config = settings;
  if (inherited.own) config.listen = inherited.own->address;
  if (inherited.admin) config.admin_listen = inherited.admin->address;
  if (inherited.redirect) config.http_redirect = inherited.redirect->address;
  config::check_together(config);
  // This is checked before the data folder is made, so that a refusal changes nothing.
  std::error_code unreadable;
  if (!std::filesystem::exists(config.data, unreadable) ||
      std::filesystem::is_empty(config.data, unreadable))
    static_cast<void>(without_accounts(config, {}));
  process::block_stop_signals();
  ::umask(077);
  observe::start_event_log();
  std::optional<process::ForcedExit> forced_exit;
  LiveSettings live(settings, config, examine);
  return run(live, std::move(inherited), open_store, forced_exit);
}

}  // namespace holdfast::server::app
