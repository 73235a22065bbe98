#include "tests/support/dav_client.h"

#include <algorithm>
#include <array>
#include <exception>

#include "dav/sync_client.h"
#include "text/ascii.h"

namespace holdfast::test {

using text::equal_ignoring_case;

std::optional<std::uint64_t> StringBody::length() const {
  if (chunked_) return std::nullopt;
  return bytes_.size();
}

http::Body::Piece StringBody::read() {
  invited_ = true;
  const std::size_t stop = std::min(limit_, bytes_.size());
  if (offset_ >= stop) return {end_, {}};
  const std::size_t size = std::min(piece_, stop - offset_);
  const std::span<const char> bytes(bytes_.data() + offset_, size);
  offset_ += size;
  return {State::more, bytes};
}

std::string Answer::header(std::string_view name) const {
  for (const auto& [field, value] : headers)
    if (equal_ignoring_case(field, name)) return value;
  return {};
}

bool Answer::has(std::string_view name) const {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const auto& field) { return equal_ignoring_case(field.first, name); });
}

std::string Answer::lock_token() const {
  const std::string value = header("Lock-Token");
  if (value.size() < 2 || value.front() != '<' || value.back() != '>') return {};
  return value.substr(1, value.size() - 2);
}

namespace {

struct Collector final : http::Sink {
  void write(std::string_view bytes) override { text.append(bytes); }
  std::string text;
};

struct Renderer {
  Answer& answer;

  void operator()(std::monostate) const { answer.length = 0; }
  void operator()(const std::string& text) const {
    answer.length = text.size();
    answer.body = text;
  }
  void operator()(const http::SourceBody& content) const {
    answer.length = content.length();
    for (const http::SourceBody::Run& run : content.runs) {
      answer.body += run.text;
      std::uint64_t offset = run.offset;
      const std::uint64_t end = run.offset + run.length;
      std::array<char, 8192> buffer{};
      while (offset < end) {
        const std::size_t wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - offset));
        const std::size_t got = content.source->read(offset, std::span(buffer.data(), wanted));
        if (got == 0) throw std::runtime_error("content ended early");
        answer.body.append(buffer.data(), got);
        offset += got;
      }
    }
  }
  void operator()(const http::StreamBody& stream) const {
    std::array<char, 1000> buffer{};
    while (const std::size_t got = stream.source->read(answer.body.size(), buffer))
      answer.body.append(buffer.data(), got);
  }
  void operator()(const std::unique_ptr<http::Producer>& producer) const {
    Collector sink;
    try {
      producer->produce(sink);
    } catch (...) {
      answer.body = sink.text;
      throw;
    }
    answer.body = std::move(sink.text);
  }
};

}  // namespace

Answer render(http::Response response) {
  Answer answer;
  answer.status = response.status;
  answer.log_detail = response.log_detail;
  answer.lacks_right = response.lacks_right;
  answer.signed_out = response.signed_out;
  std::string_view rest = response.fields;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    const std::size_t colon = line.find(": ");
    answer.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    rest.remove_prefix(end + 2);
  }
  try {
    std::visit(Renderer{answer}, response.body);
  } catch (const std::exception& error) {
    answer.cut = true;
    answer.log_detail = error.what();
  }
  if (response.head_length) answer.length = response.head_length;
  return answer;
}

storage::AccountId account_named(std::string_view name) {
  if (name.empty()) return storage::kNobody;
  return 1'000'000 +
         static_cast<storage::AccountId>(std::hash<std::string_view>()(name) % 1'000'000);
}

void DavClient::as(std::string principal) {
  dav::Caller caller = *dav::anonymous_caller(storage::Right::write);
  caller.account = account_named(principal);
  caller.name = std::move(principal);
  caller_ = std::make_shared<const dav::Caller>(std::move(caller));
}

Answer DavClient::send(std::string_view method, std::string_view target, const Headers& headers,
                       std::string_view body) {
  StringBody bytes{std::string(body)};
  bytes.arrived();
  return send(method, target, headers, bytes);
}

Answer DavClient::send(std::string_view method, std::string_view target, const Headers& headers,
                       http::Body& body) {
  http::Request request;
  request.method = method;
  request.target = target;
  request.scheme = scheme_;
  request.forwarded_host = forwarded_host_;
  request.body = &body;
  const bool own_host = std::any_of(headers.begin(), headers.end(), [](const auto& field) {
    return equal_ignoring_case(field.first, "Host");
  });
  if (!own_host) request.fields.add("Host", host_);
  for (const auto& [name, value] : headers) request.fields.add(name, value);
  const std::optional<std::uint64_t> length = body.length();
  const std::string digits = std::to_string(length.value_or(0));
  if (!length) {
    request.fields.add("Transfer-Encoding", "chunked");
  } else if (*length > 0 || method == "PUT") {
    request.fields.add("Content-Length", digits);
  }
  if (!sync_clients_) return render(engine_.handle(request, caller_));
  const auto sync = dav::sync_target(request, engine_.options().space, caller_->name);
  return render(engine_.handle(request, caller_, sync ? &*sync : nullptr));
}

}  // namespace holdfast::test
