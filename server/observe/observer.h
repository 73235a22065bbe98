// The events that a running server reports: one access-log line per request, and counters for
// /metrics. Connections and exchanges call an Observer; tests use a recording one.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::server::observe {

// One finished request. Views are valid during the call only. They contain what the client sent and
// must be escaped.
struct AccessRecord {
  std::string_view method;
  std::string_view target;
  int status = 0;                    // 0: the client went away before a response could be sent
  std::uint64_t request_bytes = 0;   // body
  std::uint64_t response_bytes = 0;  // body
  std::int64_t microseconds = 0;     // from the head's last byte to the response's last
  std::string_view user;             // account; empty for anonymous
  std::string_view client;           // address without port
  std::string_view condition;        // the precondition that it failed (RFC 4918 §16); mostly empty
  std::string_view detail;           // why it was refused or failed; empty when it was not
};

// Any thread may call any function; none may block or throw.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void request_finished(const AccessRecord&) {}
  virtual void connection_opened() {}
  virtual void connection_closed() {}
  // A parked connection waits for its next request.
  virtual void connection_parked() {}
  virtual void connection_unparked() {}
  // A task waits in the middle of a request, for its client, and holds no thread.
  virtual void task_waits() {}
  virtual void task_goes_on() {}
  virtual void connection_refused() {}  // 503 or a limit, before any request
  virtual void workers_changed(int) {}  // threads in the pool now
};

}  // namespace holdfast::server::observe
