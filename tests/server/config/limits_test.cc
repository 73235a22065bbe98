// Every limit is an option, and the option decides: each is set to a value that is not its default
// and tried one below, at and one above it; where that is cheap, the default is tried as well. The
// last test makes sure that no option is forgotten. Deadlines are not measured against the machine:
// what must not end early never does, and what must end is waited for.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include "server/auth/active_requests.h"
#include "server/config/config.h"
#include "server/loop/admission.h"
#include "tests/dav/world.h"
#include "tests/server/echo_server.h"
#include "tests/support/raw_http.h"

namespace holdfast::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::World;
using tests::EchoServer;
using tests::RawClient;

std::string repeated(std::string_view text, std::uint64_t count) {
  std::string out;
  for (std::uint64_t i = 0; i < count; ++i) out += text;
  return out;
}

// `before`0`after`, `before`1`after`, … `count` times.
std::string numbered(std::string_view before, std::string_view after, std::uint64_t count) {
  std::string out;
  for (std::uint64_t i = 0; i < count; ++i)
    out.append(before).append(std::to_string(i)).append(after);
  return out;
}

std::unique_ptr<World> world(const config::Config& config) {
  return std::make_unique<World>(config.engine_options(0));
}

// --- The DAV side ---------------------------------------------------------------------------

std::string path_of(std::uint64_t bytes) {
  std::string path;
  while (bytes > 250) {
    path += "/" + std::string(199, 'p');
    bytes -= 200;
  }
  return path + "/" + std::string(bytes - 1, 'q');
}

int path_length(const config::Config& config, std::uint64_t n) {
  return world(config)->status("GET", path_of(n));
}

int segment_length(const config::Config& config, std::uint64_t n) {
  return world(config)->status("PUT", "/" + std::string(n, 's'));
}

int path_depth(const config::Config& config, std::uint64_t n) {
  return world(config)->status("GET", repeated("/d", n));
}

// COPY or MOVE that makes a member with a path of n bytes.
std::function<int(const config::Config&, std::uint64_t)> result_length(const char* method) {
  return [method](const config::Config& config, std::uint64_t n) {
    const auto w = world(config);
    w->mkcol("/d");
    w->put("/d/0123456789");
    return w->status(method, "/d", {{"Destination", "/" + std::string(n - 12, 'e')}});
  };
}

// COPY or MOVE that makes a member n segments deep.
std::function<int(const config::Config&, std::uint64_t)> result_depth(const char* method) {
  return [method](const config::Config& config, std::uint64_t n) {
    const auto w = world(config);
    w->mkcol("/s");
    w->put("/s/t");
    std::string path;
    for (std::uint64_t i = 2; i < n; ++i) w->mkcol(path += "/d");
    return w->status(method, "/s", {{"Destination", path + "/s"}});
  };
}

// 1 when the lock is granted for as long as it was asked for.
int lock_timeout(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  const std::string timeout = "Second-" + std::to_string(n);
  const auto locks = test::granted(w->send("LOCK", "/f", {{"Timeout", timeout}}, test::lockinfo()));
  return locks.at(0).timeout == timeout ? 1 : 0;
}

int shared_locks(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  w->put("/f");
  int status = 0;
  for (std::uint64_t i = 0; i < n; ++i)
    status = w->status("LOCK", "/f", {}, test::lockinfo("shared"));
  return status;
}

// Of one account, by which neither another one nor anonymous clients are limited.
int shared_locks_of_account(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  w->put("/f");
  const auto lock = [&] { return w->status("LOCK", "/f", {}, test::lockinfo("shared")); };
  w->dav.as("ann");
  int status = 0;
  for (std::uint64_t i = 0; i < n; ++i) status = lock();
  w->dav.as("ben");
  EXPECT_EQ(lock(), 200);
  w->dav.as(dav::anonymous_caller(storage::Right::write));
  for (std::uint64_t i = 0; i < n; ++i) EXPECT_EQ(lock(), 200);
  return status;
}

// The bytes of the owners of all locks on a resource: four times what one may have.
int lock_owners(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  w->put("/f");
  int status = 0;
  for (std::uint64_t left = 4 * n; left > 0;) {
    const std::uint64_t bytes = std::min(left, config.dav.lock_owner_limit_bytes);
    status = w->status("LOCK", "/f", {}, test::lockinfo("shared", std::string(bytes, 'o')));
    left -= bytes;
  }
  return status;
}

// Of one account, by which neither another one nor anonymous clients are limited.
int account_locks(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  const auto lock = [&](const std::string& path) {
    return w->status("LOCK", path, {}, test::lockinfo());
  };
  w->dav.as("ann");
  int status = 0;
  for (std::uint64_t i = 0; i < n; ++i) status = lock("/" + std::to_string(i));
  w->dav.as("ben");
  EXPECT_EQ(lock("/ben"), 201);
  w->dav.as(dav::anonymous_caller(storage::Right::write));
  EXPECT_EQ(lock("/anonymous"), 201);
  return status;
}

int lock_owner(const config::Config& config, std::uint64_t n) {
  return world(config)->status("LOCK", "/f", {}, test::lockinfo("exclusive", std::string(n, 'o')));
}

// A property that takes `bytes` as XML.
std::string property(const std::string& name, std::uint64_t bytes) {
  const std::string start = "<" + name + " xmlns=\"urn:l\">";
  const std::string end = "</" + name + ">";
  return start + std::string(bytes - start.size() - end.size(), 'v') + end;
}

int property_count(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  w->put("/f");
  const auto answer =
      w->send("PROPPATCH", "/f", {}, test::set_properties(numbered("<x:p", "/>", n)));
  return single(answer).code("p" + std::to_string(n - 1), "urn:x");
}

int property_size(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  w->put("/f");
  return single(w->send("PROPPATCH", "/f", {}, test::set_properties(property("p", n))))
      .code("p", "urn:l");
}

// Properties of together n bytes, set by as many requests or by one.
std::function<int(const config::Config&, std::uint64_t)> property_total(bool at_once) {
  return [at_once](const config::Config& config, std::uint64_t n) {
    constexpr std::uint64_t kEach = 60'000;
    const auto w = world(config);
    w->put("/f");
    std::vector<std::string> values;
    for (std::uint64_t left = n; left > 0;) {
      const std::uint64_t bytes = left > 2 * kEach                 ? kEach
                                  : left > kEach || values.empty() ? left / 2
                                                                   : left;
      values.push_back(property("p" + std::to_string(values.size()), bytes));
      left -= bytes;
    }
    const std::string last = "p" + std::to_string(values.size() - 1);
    std::string all;
    for (const std::string& value : values) all += value;
    if (at_once) values = {all};
    int code = 0;
    for (const std::string& value : values)
      code = single(w->send("PROPPATCH", "/f", {}, test::set_properties(value)))
                 .code(&value == &values.back() ? last : "p", "urn:l");
    return code;
  };
}

int infinite_listing(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  for (std::uint64_t i = 1; i < n; ++i) w->put("/f" + std::to_string(i));
  return w->status("PROPFIND", "/", {{"Depth", "infinity"}});
}

int copied_tree(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  w->mkcol("/c");
  for (std::uint64_t i = 1; i < n; ++i) w->put("/c/f" + std::to_string(i));
  return w->status("COPY", "/c", {{"Destination", "/d"}});
}

int put_body(const config::Config& config, std::uint64_t n) {
  return world(config)->status("PUT", "/f", {}, std::string(n, 'b'));
}

int put_chunked(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  test::StringBody body(std::string(n, 'b'));
  body.chunked();
  return w->dav.send("PUT", "/f", {}, body).status;
}

// A write that leaves as much above the floor as n is below it.
int free_space(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  const std::uint64_t left = 2 * config.free_space_floor_bytes.value() - n;
  w->store.contents.set_space({.available = left + 10, .total = 1'000'000});
  return w->status("PUT", "/f", {}, "0123456789");
}

std::string padded(std::string body, std::uint64_t bytes) {
  return body + std::string(bytes - body.size(), ' ');
}

int propfind_body(const config::Config& config, std::uint64_t n) {
  return world(config)->status("PROPFIND", "/", {{"Depth", "0"}},
                               padded(test::propfind("getetag"), n));
}

int lock_body(const config::Config& config, std::uint64_t n) {
  return world(config)->status("LOCK", "/f", {}, padded(test::lockinfo(), n));
}

int proppatch_body(const config::Config& config, std::uint64_t n) {
  return world(config)->status("PROPPATCH", "/", {}, padded(test::set_properties("<x:a/>"), n));
}

int mkcol_body(const config::Config& config, std::uint64_t n) {
  return world(config)->status("MKCOL", "/c", {}, std::string(n, ' '));
}

// PROPFIND with `elements` inside DAV:prop.
int asks(const config::Config& config, const std::string& elements) {
  return world(config)->status(
      "PROPFIND", "/", {{"Depth", "0"}},
      "<D:propfind xmlns:D='DAV:'><D:prop>" + elements + "</D:prop></D:propfind>");
}

int xml_depth(const config::Config& config, std::uint64_t n) {
  return asks(config, repeated("<a>", n - 2) + repeated("</a>", n - 2));
}
int xml_elements(const config::Config& config, std::uint64_t n) {
  return asks(config, "<a>" + repeated("<b/>", n - 3) + "</a>");
}
int xml_attributes(const config::Config& config, std::uint64_t n) {
  return asks(config, "<a" + numbered(" b", "=''", n) + "/>");
}
int xml_namespaces(const config::Config& config, std::uint64_t n) {
  return asks(config, numbered("<a xmlns='u", "'/>", n - 1));
}
int xml_namespace_length(const config::Config& config, std::uint64_t n) {
  return asks(config, "<a xmlns='" + std::string(n, 'u') + "'/>");
}
int properties_asked(const config::Config& config, std::uint64_t n) {
  return asks(config, numbered("<a", "/>", n));
}

int instructions(const config::Config& config, std::uint64_t n) {
  return world(config)->status("PROPPATCH", "/", {}, test::set_properties(repeated("<x:a/>", n)));
}

int parsed_at_once(const config::Config& config, std::uint64_t n) {
  config::Config impatient = config;
  impatient.dav.xml_wait_s = 0;
  const auto w = world(impatient);
  std::vector<std::unique_ptr<dav::xml::ParseSlots::Slot>> others;
  for (std::uint64_t i = 1; i < n; ++i)
    others.emplace_back(new dav::xml::ParseSlots::Slot(w->engine.parses().take()));
  return w->status("PROPFIND", "/", {{"Depth", "0"}}, test::propfind("getetag"));
}

int if_header(const config::Config& config, const std::string& value) {
  return world(config)->status("PUT", "/f", {{"If", value}}, "x");
}
int if_lists(const config::Config& config, std::uint64_t n) {
  return if_header(config, repeated("(Not <DAV:no-lock>)", n));
}
int if_conditions(const config::Config& config, std::uint64_t n) {
  return if_header(config, "(" + repeated("Not <DAV:no-lock>", n) + ")");
}
int if_resources(const config::Config& config, std::uint64_t n) {
  return if_header(config, numbered("</r", "> (Not <DAV:no-lock>)", n));
}

int ranges(const config::Config& config, std::uint64_t n) {
  const auto w = world(config);
  w->put("/f", std::string(1000, 'x'));
  std::string value = "bytes=";
  for (std::uint64_t i = 0; i < n; ++i)
    value += (i > 0 ? "," : "") + std::to_string(i) + "-" + std::to_string(i);
  return w->status("GET", "/f", {{"Range", value}});
}

// An answer of n bytes to a PROPFIND with that depth; 0 when it is cut.
std::function<int(const config::Config&, std::uint64_t)> listing(const char* depth) {
  return [depth](const config::Config& config, std::uint64_t n) {
    const auto ask = [&](World& w, std::size_t value_bytes) {
      w.put("/f");
      EXPECT_EQ(w.status("PROPPATCH", "/", {},
                         test::set_properties("<p xmlns='urn:l'>" + std::string(value_bytes, 'v') +
                                              "</p>")),
                207);
      return w.send("PROPFIND", "/", {{"Depth", depth}},
                    "<D:propfind xmlns:D='DAV:'><D:prop><p xmlns='urn:l'/></D:prop></D:propfind>");
    };
    World unlimited;
    const std::size_t least = ask(unlimited, 1).body.size();
    World w(config.engine_options(0));
    const test::Answer answer = ask(w, n - least + 1);
    EXPECT_TRUE(answer.cut || answer.status != 207 || answer.body.size() == n) << n;
    return answer.cut ? 0 : answer.status;
  };
}

// --- The server side ------------------------------------------------------------------------

constexpr const char* kGetForLimits = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

int answered(const config::Config& config, const std::string& bytes) {
  EchoServer server(config.limits);
  const auto answer = tests::ask(server.port(), bytes);
  return answer ? answer->status : 0;
}

int request_line(const config::Config& config, std::uint64_t n) {
  const std::string rest = " HTTP/1.1";
  return answered(config,
                  "GET /" + std::string(n - 5 - rest.size(), 'x') + rest + "\r\nHost: h\r\n\r\n");
}
int field_line(const config::Config& config, std::uint64_t n) {
  return answered(config,
                  "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(n - 3, 'x') + "\r\n\r\n");
}
int head(const config::Config& config, std::uint64_t n) {
  std::string fields = "Host: h\r\n";
  while (fields.size() + 12'000 < n) fields += "X: " + std::string(9'995, 'x') + "\r\n";
  const std::size_t rest = n - fields.size() - 2;
  fields += "X: " + std::string(rest - 5, 'x') + "\r\n\r\n";
  EXPECT_EQ(fields.size(), n);
  return answered(config, "GET / HTTP/1.1\r\n" + fields);
}
int field_count(const config::Config& config, std::uint64_t n) {
  return answered(config, "GET / HTTP/1.1\r\nHost: h\r\n" + repeated("X: y\r\n", n - 1) + "\r\n");
}
int server_body(const config::Config& config, std::uint64_t n) {
  return answered(config, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(n) +
                              "\r\n\r\n" + std::string(n, 'b'));
}

int connections(const config::Config& config, std::uint64_t n) {
  EchoServer server(config.limits);
  std::vector<std::unique_ptr<RawClient>> clients;
  int status = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(kGetForLimits);
    const auto answer = clients.back()->receive();
    status = answer ? answer->status : 0;
  }
  return status;
}

// Of one address that is not this machine; 503 is what the poller answers to those not admitted.
int connections_per_client(const config::Config& config, std::uint64_t n) {
  loop::Admission admission(config.limits);
  bool admitted = false;
  for (std::uint64_t i = 0; i < n; ++i) admitted = admission.admit(1);
  return admitted ? 200 : 503;
}

// 503 is what the door answers to those without a place (tests/integration/signing_in_test.cc has
// it on the wire).
int requests_per_account(const config::Config& config, std::uint64_t n) {
  auth::ActiveRequests active(config.limits.requests_per_account);
  std::vector<std::shared_ptr<const void>> places;
  for (std::uint64_t i = 0; i < n; ++i) places.push_back(active.enter(7));
  EXPECT_TRUE(active.enter(8)) << "another account's";
  const bool entered = places.back() != nullptr;
  if (!entered) {
    places.erase(places.begin());
    EXPECT_TRUE(active.enter(7)) << "one has been answered";
    EXPECT_TRUE(active.enter(7)) << "and that one as well";
  }
  return entered ? 200 : 503;
}

// Holds every request until it is opened.
class Gate {
 public:
  ~Gate() { open(); }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  bool wait_for_held(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(60), [&] { return held_ >= count; });
  }
  http1::Handler handler() {
    return [this](http::Request& request, const http1::Peer& peer) {
      std::unique_lock lock(mutex_);
      ++held_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return open_; });
      lock.unlock();
      return tests::echo(request, peer);
    };
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t held_ = 0;
  bool open_ = false;
};

// The worst answer when n requests are there at once, of which `most` should find a place.
int crowd(const config::Config& config, std::uint64_t n, std::uint64_t most) {
  Gate gate;
  EchoServer server(config.limits, gate.handler());
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::uint64_t i = 0; i < n; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(kGetForLimits);
    EXPECT_TRUE(gate.wait_for_held(std::min<std::uint64_t>(i + 1, config.limits.workers)));
  }
  tests::RecordingObserver& seen = server.observer;
  EXPECT_TRUE(seen.wait([&] {
    return n > most ? seen.refused > 0 : seen.open == static_cast<int>(n) && seen.parked == 0;
  }));
  gate.open();
  int worst = 0;
  for (const auto& client : clients) {
    const auto answer = client->receive();
    worst = std::max(worst, answer ? answer->status : 999);
  }
  return worst;
}

int workers(const config::Config& config, std::uint64_t n) {
  config::Config unqueued = config;
  unqueued.limits.queued = 0;
  return crowd(unqueued, n, config.limits.workers);
}

int queue(const config::Config& config, std::uint64_t n) {
  config::Config alone = config;
  alone.limits.workers = 1;
  return crowd(alone, n + 1, config.limits.queued + 1);
}

// 1 when the connection goes on after a refused body of n bytes.
int drained(const config::Config& config, std::uint64_t n) {
  EchoServer server(config.limits, [](http::Request&, const http1::Peer&) {
    http::Response response;
    response.status = 423;
    return response;
  });
  RawClient client(server.port());
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(n) + "\r\n\r\n" +
              std::string(n, 'b'));
  const auto answer = client.receive();
  if (!answer || answer->status != 423) return 999;
  return answer->field("connection") == "close" ? 0 : 1;
}

// --- The table ------------------------------------------------------------------------------

struct Row {
  const char* option;
  std::uint64_t value;     // no option's default
  std::uint64_t standard;  // the default; 0 when trying it would take too much
  int within;              // what `ask` gives for one less and as much,
  int above;               // and for one more
  std::function<int(const config::Config&, std::uint64_t)> ask;
};

std::vector<Row> rows() {
  constexpr std::uint64_t kKibi = 1024;
  return {
      {"segment-limit", 10, 255, 201, 400, segment_length},
      {"path-limit", 20, 4096, 404, 414, path_length},
      {"path-limit", 20, 0, 201, 403, result_length("COPY")},
      {"path-limit", 20, 0, 201, 403, result_length("MOVE")},
      {"depth-limit", 6, 256, 404, 403, path_depth},
      {"depth-limit", 6, 0, 201, 403, result_depth("COPY")},
      {"depth-limit", 6, 0, 201, 403, result_depth("MOVE")},
      {"lock-timeout-max", 50, 3600, 1, 0, lock_timeout},
      {"shared-lock-limit", 3, 32, 200, 507, shared_locks},
      {"shared-locks-per-account", 3, 4, 200, 507, shared_locks_of_account},
      {"locks-per-account", 3, 0, 201, 507, account_locks},
      {"lock-owner-limit", 10, 4096, 201, 400, lock_owner},
      {"lock-owner-limit", 10, 4096, 200, 507, lock_owners},
      {"property-limit", 3, 512, 200, 507, property_count},
      {"property-value-limit", 100, 64 * kKibi, 200, 507, property_size},
      {"property-total-limit", 200, kKibi * kKibi, 200, 507, property_total(false)},
      {"property-total-limit", 200, 0, 200, 507, property_total(true)},
      {"propfind-infinity-limit", 4, 0, 207, 403, infinite_listing},
      {"copy-limit", 4, 0, 201, 507, copied_tree},
      {"body-limit", 10, 0, 201, 413, put_body},
      {"body-limit", 10, 0, 201, 413, put_chunked},
      {"body-limit", 10, 0, 200, 413, server_body},
      {"free-space-floor", 1000, 0, 201, 507, free_space},
      {"xml-limit", 300, 256 * kKibi, 207, 413, propfind_body},
      {"xml-limit", 300, 256 * kKibi, 201, 413, lock_body},
      {"proppatch-limit", 400, kKibi * kKibi, 207, 413, proppatch_body},
      {"proppatch-limit", 400, kKibi * kKibi, 415, 413, mkcol_body},
      {"xml-depth-limit", 5, 64, 207, 400, xml_depth},
      {"xml-element-limit", 10, 20'000, 207, 400, xml_elements},
      {"xml-attribute-limit", 3, 64, 207, 400, xml_attributes},
      {"xml-namespace-limit", 3, 256, 207, 400, xml_namespaces},
      {"xml-namespace-length", 40, 1024, 207, 400, xml_namespace_length},
      {"xml-parses", 3, 8, 207, 503, parsed_at_once},
      {"propfind-property-limit", 3, 1000, 207, 400, properties_asked},
      {"proppatch-instruction-limit", 3, 2000, 207, 400, instructions},
      {"if-list-limit", 3, 64, 201, 400, if_lists},
      {"if-condition-limit", 3, 256, 201, 400, if_conditions},
      {"if-resource-limit", 3, 32, 201, 400, if_resources},
      {"range-limit", 3, 16, 206, 200, ranges},
      {"listing-limit", 2000, 0, 207, 0, listing("1")},
      {"listing-limit", 2000, 0, 207, 507, listing("0")},
      {"request-line-limit", 100, 16 * kKibi, 200, 414, request_line},
      {"field-line-limit", 100, 16 * kKibi, 200, 431, field_line},
      {"head-limit", 1000, 64 * kKibi, 200, 431, head},
      {"field-count-limit", 5, 100, 200, 431, field_count},
      {"drain-limit", 100, 256 * kKibi, 1, 0, drained},
      {"connections", 4, 0, 200, 503, connections},
      {"connections-per-client", 3, 1024, 200, 503, connections_per_client},
      {"requests-per-account", 3, 64, 200, 503, requests_per_account},
      {"workers", 3, 0, 200, 503, workers},
      {"queue", 3, 0, 200, 503, queue},
  };
}

const process::Environment kNothingSet = [](const std::string&) { return std::nullopt; };

void expect_boundary(const Row& row, const config::Config& config, std::uint64_t value) {
  EXPECT_EQ(row.ask(config, value - 1), row.within) << value << " - 1";
  EXPECT_EQ(row.ask(config, value), row.within) << value;
  EXPECT_EQ(row.ask(config, value + 1), row.above) << value << " + 1";
}

TEST(Limits, TheOptionDecidesExactly) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.option);
    expect_boundary(row, config::resolve({{row.option, std::to_string(row.value)}}, kNothingSet),
                    row.value);
  }
}

TEST(Limits, TheDefaultsAreThoseOfTheSpecificationAndHoldExactly) {
  for (const Row& row : rows()) {
    if (row.standard == 0) continue;
    SCOPED_TRACE(row.option);
    expect_boundary(row, config::Config{}, row.standard);
  }
}

// --- Times ----------------------------------------------------------------------------------

// True when what is under way ends by itself within `patience`.
using Ends = bool (*)(config::Config config, milliseconds patience);

bool connection_ends(const http1::Limits& limits, const std::string& bytes, milliseconds patience) {
  EchoServer server(limits);
  RawClient client(server.port());
  client.send(bytes);
  return !client.silent(patience);
}

bool head_ends(config::Config config, milliseconds patience) {
  return connection_ends(config.limits, "GET / HT", patience);
}

bool idle_ends(config::Config config, milliseconds patience) {
  EchoServer server(config.limits);
  RawClient client(server.port());
  client.send(kGetForLimits);
  return client.receive() && !client.silent(patience);
}

bool busy_idle_ends(config::Config config, milliseconds patience) {
  config.limits.connections = 1;
  return idle_ends(config, patience);
}

constexpr const char* kHalfBody = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";

bool body_window_ends(config::Config config, milliseconds patience) {
  config.limits.body_grace_s = 0;
  return connection_ends(config.limits, kHalfBody, patience);
}

// The window is as short as it can be: what is left is the grace.
bool body_grace_ends(config::Config config, milliseconds patience) {
  config.limits.body_rate_window_s = 1;
  return connection_ends(config.limits, kHalfBody, patience);
}

bool drain_ends(config::Config config, milliseconds patience) {
  EchoServer server(config.limits,
                    [](http::Request&, const http1::Peer&) { return http::Response{}; });
  RawClient client(server.port());
  client.send(kHalfBody);
  return !client.silent(patience);
}

bool send_ends(config::Config config, milliseconds patience) {
  EchoServer server(config.limits, [](http::Request&, const http1::Peer&) {
    http::Response response;
    response.body = std::string(50'000'000, 'x');
    return response;
  });
  RawClient client(server.port(), 4096);
  client.send(kGetForLimits);
  const auto until = std::chrono::steady_clock::now() + patience;
  while (server.observer.records(0).empty()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return true;
}

bool stop_ends(config::Config config, milliseconds patience) {
  EchoServer server(config.limits);
  auto client = std::make_unique<RawClient>(server.port());
  client->send(kHalfBody);
  EXPECT_TRUE(server.observer.wait([&] { return server.observer.waiting > 0; }));
  auto stopped = std::async(std::launch::async, [&] { server.stop(); });
  const bool ended = stopped.wait_for(patience) == std::future_status::ready;
  client.reset();
  return ended;
}

bool parse_wait_ends(config::Config config, milliseconds patience) {
  config.dav.xml_parses = 1;
  const auto w = world(config);
  auto slot = std::unique_ptr<dav::xml::ParseSlots::Slot>(
      new dav::xml::ParseSlots::Slot(w->engine.parses().take()));
  auto answer = std::async(std::launch::async, [&] {
    return w->send("PROPFIND", "/", {{"Depth", "0"}}, test::propfind("getetag"));
  });
  const bool ended = answer.wait_for(patience) == std::future_status::ready;
  slot.reset();
  const test::Answer got = answer.get();
  EXPECT_EQ(got.status, ended ? 503 : 207);
  EXPECT_EQ(got.header("Retry-After"), ended ? "5" : "");
  return ended;
}

struct Time {
  const char* option;
  int least_s;  // how long it takes at one second
  Ends ends;
};

constexpr Time kTimes[] = {
    {"head-timeout", 1, head_ends},           {"idle-timeout", 1, idle_ends},
    {"busy-idle-timeout", 1, busy_idle_ends}, {"body-rate-window", 1, body_window_ends},
    {"body-grace", 2, body_grace_ends},       {"drain-timeout", 1, drain_ends},
    {"send-timeout", 1, send_ends},           {"shutdown-grace", 1, stop_ends},
    {"xml-wait", 1, parse_wait_ends},
};

TEST(Limits, WhatHasATimeEndsThenAndNotBefore) {
  std::vector<std::future<void>> running;
  for (const Time& time : kTimes) {
    running.push_back(std::async(std::launch::async, [&time] {
      SCOPED_TRACE(time.option);
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_TRUE(time.ends(config::resolve({{time.option, "1"}}, kNothingSet), seconds(60)));
      EXPECT_GE(std::chrono::steady_clock::now() - begin, seconds(time.least_s));
      EXPECT_FALSE(
          time.ends(config::resolve({{time.option, "86400"}}, kNothingSet), milliseconds(2500)));
    }));
  }
}

// A body that brings in each window what the rate asks for, or one byte less: the first outlives
// the window, the second does not.
TEST(Limits, BodyRateIsExactOverItsWindow) {
  http1::Limits limits = config::resolve({{"body-rate", "100"}}, kNothingSet).limits;
  limits.body_grace_s = 0;
  limits.body_rate_window_s = 2;
  EchoServer server(limits);
  std::vector<std::unique_ptr<RawClient>> clients;
  const auto begin = std::chrono::steady_clock::now();
  for (const std::size_t bytes : {201U, 200U, 199U}) {
    RawClient& client = *clients.emplace_back(std::make_unique<RawClient>(server.port()));
    client.send("PUT /" + std::to_string(bytes) +
                " HTTP/1.1\r\nHost: h\r\nContent-Length: 999\r\nExpect: 100-continue\r\n\r\n");
    ASSERT_FALSE(client.silent(seconds(60)));  // invited: the window is open
    client.send(std::string(bytes, 'b'));
  }
  for (const auto& client : clients) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer) << client->error;
    EXPECT_EQ(answer->status, 408);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, seconds(4)) << "two windows";
  }
  const auto records = server.observer.records(3);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].target, "/199") << "one window";
}

// --- Memory ---------------------------------------------------------------------------------

std::uint64_t peak_memory_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

// What stands alone repeats the declarations it uses: 120 namespaces of 1 KiB for each of thousands
// of elements would be a gigabyte. The sanitizers keep up to 256 MiB of what was freed.
TEST(Limits, NoBodyTakesMemoryWithTheSquareOfItsLength) {
  std::string declared[2];
  std::string used;
  for (int i = 0; i < 120; ++i) {
    const std::string prefix = "n" + std::to_string(i);
    declared[i % 2] += " xmlns:" + prefix + "='" + prefix + std::string(1000, 'u') + "'";
    used += prefix + ":";
  }
  const std::uint64_t before = peak_memory_bytes();
  dav::Options options;
  options.xml_limit_bytes = options.proppatch_limit_bytes = 16 << 20;
  World w(options);
  w.put("/f");
  const std::string lock = "<D:lockinfo xmlns:D='DAV:'" + declared[0] +
                           "><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/>"
                           "</D:locktype><D:owner" +
                           declared[1] + ">" + repeated("<D:x>" + used + "</D:x>", 8000) +
                           "</D:owner></D:lockinfo>";
  EXPECT_EQ(w.status("LOCK", "/f", {}, lock), 400);
  const std::string patch = "<D:propertyupdate xmlns:D='DAV:'" + declared[0] + "><D:set" +
                            declared[1] + "><D:prop>" + repeated("<p>" + used + "</p>", 1999) +
                            "</D:prop></D:set></D:propertyupdate>";
  EXPECT_EQ(w.status("PROPPATCH", "/f", {}, patch), 207);
  // One long name for every element of a listing's request.
  const std::string find = "<D:propfind xmlns:D='DAV:'><D:prop><a xmlns='" +
                           std::string(150'000, 'u') + "'>" + repeated("<b/>", 19'000) +
                           "</a></D:prop></D:propfind>";
  EXPECT_EQ(w.status("PROPFIND", "/f", {{"Depth", "0"}}, find), 400);
  EXPECT_LT(peak_memory_bytes() - before, std::uint64_t{512} << 20);
}

// --- Parsing --------------------------------------------------------------------------------

// One that no engine remembers from before.
std::string new_propfind() {
  static int made = 0;
  return test::propfind("p" + std::to_string(++made));
}

// A body that, while it is read, has another request parsed by the same engine.
class BusyBody final : public http::Body {
 public:
  BusyBody(World& w, std::string text) : w_(w), text_(std::move(text)) {}
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return std::nullopt; }
  Piece read() override {
    other = w_.status("PROPFIND", "/", {{"Depth", "0"}}, new_propfind());
    if (done_) return {State::complete, {}};
    done_ = true;
    return {State::more, std::span<const char>(text_)};
  }
  int other = 0;

 private:
  World& w_;
  std::string text_;
  bool done_ = false;
};

TEST(Limits, NeitherBodiesOnTheirWayNorAnswersHoldAPlaceAmongTheParsed) {
  config::Config config;
  config.dav.xml_parses = 1;
  config.dav.xml_wait_s = 0;
  const auto w = world(config);
  for (const auto& [method, text] :
       {std::pair<const char*, std::string>{"PROPFIND", test::propfind("getetag")},
        {"PROPPATCH", test::set_properties("<x:a/>")},
        {"LOCK", test::lockinfo()}}) {
    BusyBody body(*w, text);
    const test::Answer answer = w->dav.send(method, "/", {{"Depth", "0"}}, body);
    EXPECT_LT(answer.status, 300) << method;
    EXPECT_EQ(body.other, 207) << method;
  }
  // While the answer to one is not yet rendered, another is parsed.
  http::Request request;
  request.method = "PROPFIND";
  request.target = "/";
  request.fields.add("Host", "localhost:8080");
  request.fields.add("Depth", "1");
  test::StringBody body(test::propfind("getetag"));
  request.body = &body;
  http::Response unsent = w->engine.handle(request, dav::anonymous_caller(storage::Right::write));
  EXPECT_EQ(w->status("PROPFIND", "/", {{"Depth", "0"}}, new_propfind()), 207);
  EXPECT_EQ(test::render(std::move(unsent)).status, 207);
}

TEST(Limits, OnlyBodiesThatAreParsedNeedAPlaceAmongThem) {
  config::Config config;
  config.dav.xml_parses = 1;
  config.dav.xml_wait_s = 0;
  const auto w = world(config);
  w->put("/f");
  const std::string token = w->lock("/f");
  {
    const dav::xml::ParseSlots::Slot slot = w->engine.parses().take();
    EXPECT_EQ(w->status("PROPFIND", "/", {{"Depth", "0"}}, new_propfind()), 503);
    EXPECT_EQ(w->status("PROPPATCH", "/", {}, test::set_properties("<x:a/>")), 503);
    EXPECT_EQ(w->status("LOCK", "/g", {}, test::lockinfo()), 503);
    EXPECT_EQ(w->status("PROPFIND", "/", {{"Depth", "0"}}), 207);
    EXPECT_EQ(w->status("LOCK", "/f", test::with_token(token)), 200);
    EXPECT_EQ(w->status("GET", "/f"), 200);
    EXPECT_EQ(w->status("PUT", "/f", test::with_token(token), "y"), 204);
  }
  // A body that is refused gives its place back.
  EXPECT_EQ(w->status("PROPFIND", "/", {{"Depth", "0"}}, "<not xml"), 400);
  EXPECT_EQ(w->status("LOCK", "/g", {}, "<not xml"), 400);
  EXPECT_EQ(w->status("PROPPATCH", "/", {}, "<not xml"), 400);
  EXPECT_EQ(w->status("PROPFIND", "/", {{"Depth", "0"}}, test::propfind("getetag")), 207);
}

// --- None is forgotten ----------------------------------------------------------------------

TEST(Limits, EveryOptionThatIsANumberIsTestedHere) {
  std::set<std::string> tested = {
      "audit-log-files",        // tests/server/observe/audit_log_test.cc
      "audit-log-size",         // the same
      "body-rate",              // BodyRateIsExactOverItsWindow
      "cache-size",             // no limit: nothing is refused
      "hsts",                   // tests/integration/origins_test.cc
      "password-min",           // tests/integration/accounts_test.cc
      "read-timeout",           // tests/hostile/time_test.cc, on a clock of its own
      "sync-keep",              // tests/storage/changes_conformance_test.cc
      "tls-handshake-timeout",  // tests/integration/tls_test.cc
      "trash-keep",             // tests/storage/retention_test.cc
      "upload-keep",            // tests/storage/staging_test.cc
      "uploads-per-account",    // tests/dav/tus_test.cc
  };
  for (const Row& row : rows()) tested.insert(row.option);
  for (const Time& time : kTimes) tested.insert(time.option);
  const std::set<std::string> other_units = {"ADDR:PORT", "CIDR,...", "DIR",        "FILE",
                                             "PATH",      "URL,...",  "ORIGIN,...", "PATH,...",
                                             "sha1,md5",  "FIELD",    "NAME"};
  std::set<std::string> numbers;
  for (const config::Option& option : config::options())
    if (!other_units.contains(option.unit) && option.unit.find('|') == std::string::npos)
      numbers.insert(option.name);
  EXPECT_EQ(numbers, tested);
}

}  // namespace
}  // namespace holdfast::server
