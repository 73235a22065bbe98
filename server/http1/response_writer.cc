#include "server/http1/response_writer.h"

#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "dav/headers.h"
#include "http/date.h"
#include "http/status.h"
#include "server/http1/overflow_file.h"
#include "text/ascii.h"

namespace holdfast::server::http1 {
namespace {

// A body up to this size is copied behind its head; for a larger one, the kernel gathers both.
constexpr std::size_t kCopyBytes = 16 * 1024;

// Responses with these statuses have no body and no Content-Length (RFC 9110 §8.6).
bool is_bodiless(int status) { return status < 200 || status == 204 || status == 304; }

class ClientGone final : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "the client is gone"; }
};

}  // namespace

// Returns why no more of an answer may wait for its client.
const char* reason(storage::SpaceLedger::Verdict verdict) {
  return verdict == storage::SpaceLedger::Verdict::floor
             ? "the client does not take the answer, and the disk has no room for the rest"
             : "the client does not take the answer, and as much waits for clients as may";
}

// Sends what a producer writes, one chunk for each block (RFC 9112 §7.1). What the socket does not
// take at once goes to an overflow file, and so does everything after it.
class ResponseWriter::Stream final : public http::Sink {
 public:
  Stream(ResponseWriter& writer, const http::Response& response) : writer_(writer) {
    writer.begin_head(response);
    block().clear();
  }

  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::size_t room = Buffers::kBlockBytes - block().size();
      block().append(bytes.substr(0, room));
      bytes.remove_prefix(std::min(room, bytes.size()));
      if (block().size() == Buffers::kBlockBytes) flush();
    }
  }

  [[nodiscard]] bool began() const { return began_; }
  [[nodiscard]] std::string& block() { return writer_.space_.block; }

  // Call after the producer has ended: sends the rest of the body, without waiting yet.
  void finish() {
    if (!block().empty()) flush();
    if (!writer_.terms_.http10) give({"0\r\n\r\n"});
  }

  // Waits until the client has taken the rest. Returns false when the client is gone.
  [[nodiscard]] bool send_spilled() {
    if (!overflow_) return writer_.wire_.send_all({});
    return writer_.wire_.send_file(overflow_->descriptor(), sent_, overflow_->size() - sent_) ==
           net::Wire::FileSent::all;
  }

 private:
  void flush() {
    std::string framing;
    if (!began_) {
      began_ = true;
      writer_.outcome_.began = true;
      if (writer_.terms_.http10) {
        writer_.end_head(false);  // the end of the connection ends the body
      } else {
        writer_.space_.answer.append("Transfer-Encoding: chunked\r\n");
        writer_.end_head(writer_.terms_.keep_alive);
      }
      framing.swap(writer_.space_.answer);
    }
    std::string_view end;
    if (!writer_.terms_.http10) {
      text::append_number(framing, block().size(), 16);
      framing.append("\r\n");
      end = "\r\n";
    }
    give({framing, block(), end});
    writer_.outcome_.body_bytes += block().size();
    block().clear();
  }

  void give(std::initializer_list<std::string_view> pieces) {
    std::size_t taken = 0;
    if (!overflow_) {
      const auto sent = writer_.wire_.send_now(pieces);
      if (!sent) throw ClientGone();
      taken = *sent;
    }
    for (std::string_view piece : pieces) {
      const std::size_t skipped = std::min(taken, piece.size());
      taken -= skipped;
      piece.remove_prefix(skipped);
      if (piece.empty()) continue;
      reserve(piece.size());
      if (!overflow_) overflow_.emplace(writer_.limits_.spill_folder);
      overflow_->append(piece);
    }
    if (!overflow_) return;
    const auto sent =
        writer_.wire_.send_file_now(overflow_->descriptor(), sent_, overflow_->size() - sent_);
    if (!sent) throw ClientGone();
    sent_ += *sent;
  }

  void reserve(std::uint64_t bytes) {
    using storage::SpaceLedger;
    if (!writer_.limits_.space) return;
    if (!reserved_) reserved_.emplace(writer_.limits_.space->answer(writer_.address_));
    const SpaceLedger::Verdict verdict = reserved_->grow(bytes);
    if (verdict != SpaceLedger::Verdict::granted) throw std::runtime_error(reason(verdict));
  }

  ResponseWriter& writer_;
  bool began_ = false;
  std::optional<storage::SpaceLedger::Reservation> reserved_;  // until the file is closed
  std::optional<OverflowFile> overflow_;
  std::uint64_t sent_ = 0;  // bytes of the overflow file that were sent
};

void ResponseWriter::begin_head(const http::Response& response) {
  std::string& answer = space_.answer;
  answer.assign("HTTP/1.1 ");
  text::append_number(answer, response.status);
  answer.append(" ").append(http::reason_phrase(response.status));
  answer.append("\r\nServer: Holdfast\r\nCross-Origin-Resource-Policy: same-origin\r\nDate: ")
      .append(http::date_now())
      .append("\r\n");
  answer.append(response.fields);
}

void ResponseWriter::end_head(bool keep_alive) {
  outcome_.keep_alive = keep_alive;
  if (!keep_alive) {
    space_.answer.append("Connection: close\r\n\r\n");
  } else if (terms_.http10) {
    space_.answer.append("Connection: keep-alive\r\n\r\n");
  } else {
    space_.answer.append("\r\n");
  }
}

void ResponseWriter::end_head_with_length(int status, std::uint64_t length) {
  if (!is_bodiless(status)) {
    space_.answer.append("Content-Length: ");
    text::append_number(space_.answer, length);
    space_.answer.append("\r\n");
  }
  end_head(terms_.keep_alive);
}

void ResponseWriter::cut(std::string detail) {
  outcome_.whole = false;
  outcome_.detail = std::move(detail);
  wire_.reset_on_close();
}

void ResponseWriter::send_text(const http::Response& response, std::string_view body) {
  begin_head(response);
  end_head_with_length(response.status, body.size());
  if (terms_.head_only || is_bodiless(response.status)) body = {};
  if (body.size() <= kCopyBytes) {
    space_.answer.append(body);
    outcome_.whole = wire_.send_all({space_.answer});
  } else {
    outcome_.whole = wire_.send_all({space_.answer, body});
  }
  outcome_.began = outcome_.whole;
  if (outcome_.whole) {
    outcome_.body_bytes = body.size();
  } else {
    cut("the client went away or did not read");
  }
}

void ResponseWriter::send_run(const http::SourceBody& body, const http::SourceBody::Run& run) {
  if (!run.text.empty()) {
    if (!wire_.send_all({run.text}, run.length > 0))
      return cut("the client went away or did not read");
    outcome_.body_bytes += run.text.size();
  }
  if (run.length == 0) return;
  if (const int file = body.source->descriptor(run.offset, run.length); file >= 0) {
    switch (wire_.send_file(file, run.offset, run.length)) {
      case net::Wire::FileSent::all:
        outcome_.body_bytes += run.length;
        return;
      case net::Wire::FileSent::client_gone:
        return cut("the client went away or did not read");
      case net::Wire::FileSent::file_ended:
        return cut("stored content is shorter than its size");
      case net::Wire::FileSent::file_failed:
        return cut("stored content cannot be read");
    }
  }
  const std::span<char> buffer = space_.body_buffer();
  for (std::uint64_t done = 0; done < run.length;) {
    const std::size_t count = body.source->read(
        run.offset + done, buffer.first(static_cast<std::size_t>(
                               std::min<std::uint64_t>(buffer.size(), run.length - done))));
    if (count == 0) return cut("stored content is shorter than its size");
    if (!wire_.send_all({std::string_view(buffer.data(), count)}))
      return cut("the client went away or did not read");
    done += count;
    outcome_.body_bytes += count;
  }
}

void ResponseWriter::send_content(const http::Response& response, const http::SourceBody& body) {
  const std::uint64_t length = body.length();
  if (terms_.head_only || is_bodiless(response.status) || length == 0) {
    begin_head(response);
    end_head_with_length(response.status, length);
    outcome_.whole = outcome_.began = wire_.send_all({space_.answer});
    return;
  }
  begin_head(response);
  end_head_with_length(response.status, length);
  if (!wire_.send_all({space_.answer}, true)) return cut("the client went away or did not read");
  outcome_.began = outcome_.whole = true;
  for (const http::SourceBody::Run& run : body.runs) {
    send_run(body, run);
    if (!outcome_.whole) return;
  }
}

void ResponseWriter::send_stream(const http::Response& response, http::Source& source) {
  begin_head(response);
  if (!terms_.http10) space_.answer.append("Transfer-Encoding: chunked\r\n");
  // The end of the connection ends the body for an old client.
  end_head(!terms_.http10 && terms_.keep_alive);
  if (!wire_.send_all({space_.answer}, true)) return cut("the client went away or did not read");
  outcome_.began = true;
  const std::span<char> buffer = space_.body_buffer();
  while (const std::size_t count = source.read(outcome_.body_bytes, buffer)) {
    const std::string_view piece(buffer.data(), count);
    std::string framing;
    std::string_view end;
    if (!terms_.http10) {
      text::append_number(framing, count, 16);
      framing.append("\r\n");
      end = "\r\n";
    }
    if (!wire_.send_all({framing, piece, end})) return cut("the client went away or did not read");
    outcome_.body_bytes += count;
  }
  outcome_.whole = terms_.http10 || wire_.send_all({"0\r\n\r\n"});
  if (!outcome_.whole) cut("the client went away or did not read");
}

void ResponseWriter::send_produced(http::Response& response) {
  auto producer = std::move(std::get<std::unique_ptr<http::Producer>>(response.body));
  Stream stream(*this, response);
  std::optional<std::string> failure;
  try {
    producer->produce(stream);
    producer.reset();
    if (stream.began()) {
      stream.finish();
    } else {
      // The body ended within the first block.
      end_head_with_length(response.status, stream.block().size());
      outcome_.whole = outcome_.began = wire_.send_all({space_.answer, stream.block()});
      if (!outcome_.whole) return cut("the client went away or did not read");
      outcome_.body_bytes = stream.block().size();
      return;
    }
  } catch (const std::exception& error) {
    failure = error.what();
  } catch (...) {
    failure = "unknown exception";
  }
  // The producer's snapshot must not wait for the client.
  producer.reset();
  if (failure && !stream.began()) {
    http::Response refusal;
    refusal.status = outcome_.status = 500;
    terms_.keep_alive = false;
    send_text(refusal, {});
    outcome_.detail = std::move(*failure);
    return;
  }
  if (failure) return cut(std::move(*failure));
  outcome_.whole = stream.send_spilled();
  if (!outcome_.whole) cut("the client went away or did not read");
}

void ResponseWriter::send_without_body(const http::Response& response) {
  begin_head(response);
  if (terms_.head_only && !response.head_length) {
    end_head(terms_.keep_alive);
  } else {
    end_head_with_length(response.status, terms_.head_only ? *response.head_length : 0);
  }
  outcome_.whole = outcome_.began = wire_.send_all({space_.answer});
}

ResponseWriter::Outcome ResponseWriter::send(http::Response& response, Terms terms) noexcept {
  terms_ = terms;
  outcome_ = {};
  if (response.status < 200 || response.status > 999) {
    response = http::Response{};
    response.status = 500;
    response.log_detail = "the handler answered with an impossible status";
  }
  outcome_.status = response.status;
  try {
    if (const auto* text = std::get_if<std::string>(&response.body)) {
      send_text(response, *text);
    } else if (const auto* content = std::get_if<http::SourceBody>(&response.body)) {
      send_content(response, *content);
    } else if (const auto* stream = std::get_if<http::StreamBody>(&response.body);
               stream != nullptr && !terms.head_only && !is_bodiless(response.status)) {
      send_stream(response, *stream->source);
    } else if (std::holds_alternative<std::unique_ptr<http::Producer>>(response.body) &&
               std::get<std::unique_ptr<http::Producer>>(response.body) && !terms.head_only &&
               !is_bodiless(response.status)) {
      send_produced(response);
    } else {
      send_without_body(response);
    }
  } catch (const std::exception& error) {
    cut(error.what());
  } catch (...) {
    cut("unknown exception");
  }
  if (!outcome_.whole) outcome_.keep_alive = false;
  return std::move(outcome_);
}

}  // namespace holdfast::server::http1
