#include "tests/concurrency/arena.h"

#include <chrono>
#include <signal.h>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "tests/support/lock_info.h"
#include "tests/support/multistatus.h"
#include "tests/support/process.h"

namespace holdfast::test {
namespace {

constexpr Plan kPlan{};
// How long an impatient client waits: less than a pause.
constexpr std::chrono::milliseconds kPatience{40};
constexpr std::chrono::milliseconds kPause{120};
constexpr std::size_t kLargeBody = 70'000;  // kept as a file

// Different for every PUT of every history; some are so large that they are kept as files.
std::string body_of(const std::string& root, int content) {
  const std::string text = root + " v" + std::to_string(content) + "\n";
  std::string body = text;
  while (content % 5 == 0 && body.size() < kLargeBody) body += text;
  return body;
}

// The content that `body` is all of.
int content_of(const std::string& root, const std::string& body) {
  if (body.empty()) return kEmptyFile;
  const std::string start = root + " v";
  if (!body.starts_with(start)) return kForeign;
  int content = 0;
  for (std::size_t at = start.size(); at < body.size() && body[at] >= '0' && body[at] <= '9'; ++at)
    content = content * 10 + (body[at] - '0');
  return body == body_of(root, content) ? content : kForeign;
}

constexpr std::string_view kListing =
    "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:getetag/><D:resourcetype/></D:prop></D:propfind>";

}  // namespace

class Arena::Collection : public Subject {
 public:
  Collection(Arena& arena, std::string root, Nemesis nemesis)
      : arena_(arena), root_(std::move(root)), nemesis_(nemesis) {}

  void perform(Operation& operation) override {
    {
      const std::lock_guard lock(arena_.mutex_);
      ++arena_.requests_;
      arena_.changed_.notify_all();
    }
    try {
      take(operation, send(operation));
    } catch (const HttpFailure& failure) {
      fail(operation, failure.what());
    }
  }

  // What the listings' entity tags stand for, now that all answers are known.
  void settle(History& history) {
    for (Operation& operation : history) {
      if (operation.method != Method::list) continue;
      for (const auto& [path, tag] : listed_[operation.id]) {
        const auto content = contents_.find(tag);
        operation.members[path] = tag.empty()                  ? kCollection
                                  : content == contents_.end() ? kSomeFile
                                                               : content->second;
      }
    }
  }

 private:
  [[nodiscard]] std::string url(const std::string& path) const { return root_ + "/" + path; }

  Fields fields_of(const Operation& operation) {
    const std::lock_guard lock(arena_.mutex_);
    Fields fields;
    if (operation.if_match) fields.emplace_back("If-Match", tags_.at(*operation.if_match));
    if (operation.if_none_match) fields.emplace_back("If-None-Match", "*");
    if (operation.method == Method::unlock) {
      fields.emplace_back("Lock-Token", tokens_.at(operation.tokens.front()));
    } else if (!operation.tokens.empty()) {
      std::string text;
      for (const int token : operation.tokens) text += "(" + tokens_.at(token) + ") ";
      // This list always holds, so that the tokens are only shown and not asked about.
      if (!operation.strict) text += "(Not <DAV:no-lock>)";
      fields.emplace_back("If", text);
    }
    if (!operation.destination.empty()) {
      fields.emplace_back("Destination", url(operation.destination));
      fields.emplace_back("Overwrite", operation.overwrite ? "T" : "F");
    }
    if (operation.method == Method::lock)
      fields.emplace_back("Depth", operation.infinite ? "infinity" : "0");
    if (operation.method == Method::list) fields.emplace_back("Depth", "infinity");
    return fields;
  }

  Reply send(const Operation& operation) {
    const auto& clients = nemesis_ == Nemesis::pause ? arena_.impatient_ : arena_.clients_;
    HttpClient& client = *clients.at(static_cast<std::size_t>(operation.client));
    const Fields fields = fields_of(operation);
    const std::string target = url(operation.path);
    switch (operation.method) {
      case Method::get:
        return client.request("GET", target, fields);
      case Method::list:
        return client.request("PROPFIND", target, fields, kListing);
      case Method::put:
        return client.request("PUT", target, fields, body_of(root_, operation.id));
      case Method::mkcol:
        return client.request("MKCOL", target, fields);
      case Method::remove:
        return client.request("DELETE", target, fields);
      case Method::copy:
        return client.request("COPY", target, fields);
      case Method::move:
        return client.request("MOVE", target, fields);
      case Method::lock:
        return client.request("LOCK", target, fields, lock_info(operation.exclusive));
      case Method::refresh:
        return client.request("LOCK", target, fields);
      case Method::unlock:
        return client.request("UNLOCK", target, fields);
    }
    throw std::logic_error("no such method");
  }

  void take(Operation& operation, const Reply& reply) {
    const std::lock_guard lock(arena_.mutex_);
    if (reply.status >= 500) {
      if (nemesis_ == Nemesis::none)
        throw std::runtime_error(describe(operation) + std::to_string(reply.status));
      ++arena_.unanswered_;
      return;
    }
    operation.status = reply.status;
    if (!reply.success()) return;
    const std::string tag(reply.field("ETag"));
    switch (operation.method) {
      case Method::put:
        name(tag, operation.id);
        break;
      case Method::lock:
        tokens_[operation.id] = reply.field("Lock-Token");
        if (reply.status == 201) name(tag, kEmptyFile);
        break;
      case Method::get:
        if (tag.empty()) break;
        operation.content = content_of(root_, reply.body);
        if (!name(tag, operation.content)) operation.content = kForeign;
        break;
      case Method::list:
        for (const auto& response : parse_multistatus(reply.body)) read(operation, response);
        break;
      default:
        break;
    }
  }

  void read(Operation& operation, const MultistatusResponse& response) {
    std::string path = response.href.substr(root_.size() + 1);
    if (path.ends_with('/')) path.pop_back();
    if (path.empty()) return;
    std::string tag;
    if (const auto found = response.properties.find(200); found != response.properties.end()) {
      const auto property = found->second.find("{DAV:}getetag");
      if (property != found->second.end()) tag = property->second;
    }
    // No tree has a path twice; no order explains a status of its own for nothing.
    if (!listed_[operation.id].emplace(path, tag).second) operation.status = kForeign;
  }

  // Remembers that `tag` names `content`; false when it has named another one.
  bool name(const std::string& tag, int content) {
    contents_.emplace(tag, content);
    tags_.emplace(content, tag);
    const std::string text = content == kEmptyFile ? "" : root_ + " v" + std::to_string(content);
    const auto [known, added] = arena_.named_.emplace(tag, text);
    if (known->second == text) return true;
    arena_.reused_tags_.push_back(tag + ": '" + known->second + "' and '" + text + "'");
    return false;
  }

  void fail(Operation& operation, std::string_view why) {
    if (nemesis_ == Nemesis::none)
      throw std::runtime_error(describe(operation) + ": " + std::string(why));
    std::unique_lock lock(arena_.mutex_);
    operation.status = why.starts_with("connect: ") ? kNotSent : kUnknown;
    if (operation.status == kUnknown) ++arena_.unanswered_;
    if (!arena_.changed_.wait_for(lock, std::chrono::seconds(120), [&] { return arena_.up_; }))
      throw std::runtime_error("the server did not come back");
  }

  Arena& arena_;
  std::string root_;
  Nemesis nemesis_;
  // Under arena_.mutex_:
  std::map<std::string, int> contents_;                       // by entity tag
  std::map<int, std::string> tags_;                           // by content
  std::map<int, std::string> tokens_;                         // in angle brackets, by LOCK's number
  std::map<int, std::map<std::string, std::string>> listed_;  // entity tags by path, by operation
};

Arena::Arena(std::filesystem::path data, const std::string& durability, unsigned seed)
    : server_(std::move(data), {"--durability", durability}), random_(seed) {
  server_.start();
  for (int client = 0; client < kPlan.clients; ++client) {
    clients_.push_back(std::make_unique<HttpClient>(server_.port()));
    impatient_.push_back(std::make_unique<HttpClient>(server_.port(), kPatience));
  }
}

Arena::~Arena() = default;

History Arena::history(Nemesis nemesis) {
  const std::string root = "/h" + std::to_string(++histories_);
  if (clients_.front()->request("MKCOL", root).status != 201)
    throw std::runtime_error("MKCOL " + root + " failed");
  Collection collection(*this, root, nemesis);
  requests_ = 0;
  Plan plan = kPlan;
  plan.seed = static_cast<unsigned>(random_());
  const int all = plan.clients * plan.operations;
  const int moment = std::uniform_int_distribution<int>(4, all)(random_);
  // How far that request has come is left to chance.
  const std::chrono::microseconds later(std::uniform_int_distribution<int>(0, 1500)(random_));
  History history = record(collection, plan, [&] {
    if (nemesis == Nemesis::none) return;
    wait_for_requests(moment);
    std::this_thread::sleep_for(later);
    nemesis == Nemesis::kill ? kill_and_restart() : pause();
  });
  collection.settle(history);
  return history;
}

void Arena::wait_for_requests(int count) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::seconds(120), [&] { return requests_ >= count; }))
    throw std::runtime_error("the clients stand still");
}

void Arena::kill_and_restart() {
  {
    const std::lock_guard lock(mutex_);
    up_ = false;
  }
  server_.kill();
  // It must have died of that, and of nothing that it did itself.
  const std::string said = server_.output();
  if (said.find("Sanitizer") != std::string::npos ||
      said.find("runtime error") != std::string::npos)
    throw std::runtime_error(said);
  server_.start();
  const std::lock_guard lock(mutex_);
  up_ = true;
  changed_.notify_all();
}

void Arena::pause() {
  ::kill(server_.pid(), SIGSTOP);
  std::this_thread::sleep_for(kPause);
  ::kill(server_.pid(), SIGCONT);
}

int Arena::stop() { return server_.stop(); }

std::string Arena::check_store() const {
  const Outcome outcome =
      run({.arguments = {holdfast_binary(), "check", "--data", server_.data()}});
  return outcome.exit_code == 0 ? "" : outcome.output;
}

}  // namespace holdfast::test
