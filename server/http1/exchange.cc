#include "server/http1/exchange.h"

#include <algorithm>
#include <exception>
#include <string>

#include "http/date.h"
#include "http/origin.h"
#include "http/status.h"
#include "server/http1/response_writer.h"

namespace holdfast::server::http1 {
namespace {

// The log needs no more of a target that was refused for its length.
constexpr std::size_t kLoggedTargetBytes = 1024;

http::Response failure(std::string detail) {
  http::Response response;
  response.status = 500;
  response.set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::string("Internal Server Error\n");
  response.log_detail = std::move(detail);
  return response;
}

http::Response handle(const Handler& handler, http::Request& request, Peer& peer) {
  try {
    return handler(request, peer);
  } catch (const std::exception& error) {
    return failure(error.what());
  } catch (...) {
    return failure("the handler threw something that is no exception");
  }
}

// Returns true for a response that is usually sent in one call.
bool is_small(const http::Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body))
    return text->size() <= Buffers::kBlockBytes;
  if (const auto* content = std::get_if<http::SourceBody>(&response.body))
    return content->length() <= Buffers::kBlockBytes;
  return std::holds_alternative<std::monostate>(response.body);
}

std::int64_t microseconds_since(net::Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(net::Clock::now() - start).count();
}

}  // namespace

ExchangeEnd exchange(const Service& service, net::Wire& wire, Buffers& space, const Peer& peer,
                     std::span<char> arrived) {
  const net::Clock::time_point start = net::Clock::now();
  const Head& head = space.head;
  const bool body_due = head.has_body();
  BodyReader body(wire, service.limits, head, arrived,
                  body_due ? space.body_buffer() : std::span<char>());

  http::Request request;
  request.scheme = peer.tls ? "https" : "http";
  request.method = head.method;
  request.target = head.target;
  // The vector is lent, not copied: it is swapped back below.
  std::swap(request.fields, space.head.fields);
  request.body = &body;
  Peer client = peer;
  http::Response response = handle(service.handler, request, client);

  const bool small = is_small(response);
  if (!small) wire.dedicate_thread();
  const bool drained = body.drain();
  ResponseWriter writer(wire, space, service.limits, client.address);
  const ResponseWriter::Outcome sent = writer.send(
      response, {.head_only = head.method == "HEAD",
                 .http10 = head.http10,
                 .keep_alive = head.keep_alive && drained && !client.last && !service.stopping});

  observe::AccessRecord record;
  record.method = head.method;
  record.target = head.target;
  record.status = sent.began ? sent.status : 0;
  record.request_bytes = body.received();
  record.response_bytes = sent.body_bytes;
  record.microseconds = microseconds_since(start);
  record.user = client.user;
  record.client = client.address;
  record.condition = response.log_condition;
  record.detail = sent.detail.empty() ? response.log_detail : sent.detail;
  service.observer.request_finished(record);
  std::swap(request.fields, space.head.fields);

  if (!sent.whole) return {.fate = Fate::close, .small = small, .leftover = {}};
  if (sent.keep_alive) return {.fate = Fate::go_on, .small = small, .leftover = body.leftover()};
  // Under TLS the client has yet to send its close_notify.
  const bool client_is_done = body.state() == http::Body::State::truncated ||
                              (drained && body.leftover().empty() && !wire.secure());
  return {.fate = client_is_done ? Fate::close : Fate::linger, .small = small, .leftover = {}};
}

void refuse(const Service& service, net::Wire& wire, const Peer& peer, const Refusal& refusal,
            std::string_view arrived) {
  if (arrived.starts_with("\r\n")) arrived.remove_prefix(2);
  const RequestLine line = split_request_line(arrived.substr(0, arrived.find_first_of("\r\n")));
  const std::string status = std::to_string(refusal.status);
  const std::string_view reason = http::reason_phrase(refusal.status);
  std::string answer;
  answer.append("HTTP/1.1 ").append(status).append(" ").append(reason);
  answer.append("\r\nServer: Holdfast\r\nCross-Origin-Resource-Policy: same-origin\r\nDate: ")
      .append(http::date_now());
  answer.append("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ");
  answer.append(std::to_string(refusal.detail.size() + 1));
  answer.append("\r\nConnection: close\r\n\r\n");
  if (line.method != "HEAD") answer.append(refusal.detail).append("\n");
  const auto sent = wire.send_now({answer});

  observe::AccessRecord record;
  record.method = line.method.substr(0, kLoggedTargetBytes);
  const std::string target = http::loggable_target(line.target);
  record.target = std::string_view(target).substr(0, kLoggedTargetBytes);
  record.status = sent ? refusal.status : 0;
  record.client = peer.address;
  record.detail = refusal.detail;
  service.observer.request_finished(record);
}

}  // namespace holdfast::server::http1
