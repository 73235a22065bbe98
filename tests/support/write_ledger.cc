#include "tests/support/write_ledger.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/support/multistatus.h"

namespace holdfast::test {
namespace {

constexpr const char* kLockInfo =
    "<?xml version=\"1.0\"?><D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
    "<D:locktype><D:write/></D:locktype><D:owner>ledger</D:owner></D:lockinfo>";
constexpr const char* kMark = "{urn:ledger}mark";

// Returns the first lock token in a lockdiscovery's XML; empty when there is none.
std::string token_in(const std::string& lockdiscovery) {
  const auto element = lockdiscovery.find("locktoken>");
  if (element == std::string::npos) return "";
  const auto href = lockdiscovery.find("href>", element);
  if (href == std::string::npos) return "";
  const auto start = href + 5;
  return lockdiscovery.substr(start, lockdiscovery.find('<', start) - start);
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

WriteLedger::WriteLedger(std::uint16_t port, std::string root, unsigned seed)
    : port_(port), root_(std::move(root)), random_(seed), client_(port) {}

void WriteLedger::create_root() {
  if (client_.request("MKCOL", root_ + "/").status != 201) {
    throw std::runtime_error("cannot create " + root_);
  }
  tree_[root_].collection = true;
}

int WriteLedger::below(int limit) {
  return std::uniform_int_distribution<int>(0, limit - 1)(random_);
}

std::string WriteLedger::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

bool WriteLedger::is_within(const std::string& path, const std::string& ancestor) {
  return path == ancestor || path.starts_with(ancestor + "/");
}

std::string WriteLedger::random_name() {
  std::vector<std::string> collections;
  for (const auto& [path, node] : tree_) {
    // At most four levels of collections are made.
    if (node.collection && path.size() < root_.size() + 12) collections.push_back(path);
  }
  const auto& parent =
      collections[static_cast<std::size_t>(below(static_cast<int>(collections.size())))];
  return parent + "/n" + std::to_string(below(6));
}

std::optional<std::string> WriteLedger::random_file() {
  std::vector<std::string> files;
  for (const auto& [path, node] : tree_) {
    if (!node.collection) files.push_back(path);
  }
  if (files.empty()) return std::nullopt;
  return files[static_cast<std::size_t>(below(static_cast<int>(files.size())))];
}

std::optional<std::string> WriteLedger::random_node() {
  if (tree_.size() < 2) return std::nullopt;
  auto it = std::next(tree_.begin(), 1 + below(static_cast<int>(tree_.size()) - 1));
  return it->first;
}

// Returns a body that repeats the ledger's root and a number, so that a mixture of two bodies
// equals neither.
std::shared_ptr<const std::string> WriteLedger::body_of(std::size_t size) {
  const auto line = root_ + " " + std::to_string(++counter_) + "\n";
  std::string body;
  body.reserve(size + line.size());
  while (body.size() < size) body += line;
  body.resize(size);
  return std::make_shared<const std::string>(std::move(body));
}

// Submits the token of every lock at and below `path` (RFC 4918 §10.4).
void WriteLedger::submit_locks(Write& write, const std::string& path) const {
  std::string lists;
  for (const auto& [locked, node] : tree_) {
    if (node.token.empty() || !is_within(locked, path)) continue;
    lists += (lists.empty() ? "<" : " <") + url(locked) + "> (<" + node.token + ">)";
  }
  if (lists.empty()) return;
  for (auto& [name, value] : write.fields) {
    if (name == "If") {
      value += " " + lists;
      return;
    }
  }
  write.fields.emplace_back("If", lists);
}

WriteLedger::Write WriteLedger::put_to(const std::string& path,
                                       std::shared_ptr<const std::string> body) const {
  Write write{"PUT", path, {}, *body, tree_.contains(path) ? 204 : 201, tree_};
  auto& node = write.after[path];
  node.body = std::move(body);
  node.etag.clear();
  submit_locks(write, path);
  return write;
}

std::optional<WriteLedger::Write> WriteLedger::random_put() {
  const auto path = random_name();
  const auto old = tree_.find(path);
  if (old != tree_.end() && old->second.collection) return std::nullopt;
  // One file in four is too large for the database.
  const int size = below(4) == 0 ? 65'000 + below(200'000) : below(3'000);
  return put_to(path, body_of(static_cast<std::size_t>(size)));
}

std::optional<WriteLedger::Write> WriteLedger::random_collection() {
  const auto path = random_name();
  if (tree_.contains(path)) return std::nullopt;
  Write write{"MKCOL", path + "/", {}, "", 201, tree_};
  write.after[path].collection = true;
  return write;
}

WriteLedger::Write WriteLedger::move_or_copy(bool move, const std::string& from,
                                             const std::string& to) const {
  const bool overwrites = tree_.contains(to);
  Write write{move ? "MOVE" : "COPY",
              from,
              {{"Destination", url(to)}, {"Overwrite", overwrites ? "T" : "F"}},
              "",
              overwrites ? 204 : 201,
              tree_};
  for (const auto& [path, node] : tree_) {
    if (!is_within(path, from)) continue;
    auto& arrived = write.after[to + path.substr(from.size())];
    // The lock of an overwritten resource stays; that of the source is not moved.
    const auto kept = arrived.token;
    arrived = node;
    arrived.token = kept;
    if (!move || overwrites) arrived.etag.clear();
    if (move) write.after.erase(path);
  }
  if (move) submit_locks(write, from);
  submit_locks(write, to);
  return write;
}

std::optional<WriteLedger::Write> WriteLedger::random_move_or_copy() {
  const auto source = random_node();
  if (!source) return std::nullopt;
  const auto target = random_name();
  const bool move = below(2) == 0;
  const auto old = tree_.find(target);
  if (is_within(target, *source) || is_within(*source, target)) return std::nullopt;
  // Only a file may replace a file, so that the rule for the locks is simple (RFC 4918 §9.8.4,
  // §9.9.3).
  if (old != tree_.end() && (old->second.collection || tree_.at(*source).collection)) {
    return std::nullopt;
  }
  return move_or_copy(move, *source, target);
}

WriteLedger::Write WriteLedger::removal_of(const std::string& path) const {
  Write write{"DELETE", path, {}, "", 204, tree_};
  std::erase_if(write.after, [&](const auto& entry) { return is_within(entry.first, path); });
  submit_locks(write, path);
  return write;
}

std::optional<WriteLedger::Write> WriteLedger::random_removal() {
  const auto path = random_node();
  if (!path) return std::nullopt;
  return removal_of(*path);
}

WriteLedger::Write WriteLedger::patch_of(const std::string& path) {
  const auto value = "mark " + std::to_string(++counter_);
  Write write{"PROPPATCH", path, {}, "", 207, tree_};
  write.body =
      "<?xml version=\"1.0\"?><D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop>"
      "<L:mark xmlns:L=\"urn:ledger\">" +
      value + "</L:mark></D:prop></D:set></D:propertyupdate>";
  write.after[path].mark = value;
  if (!tree_.at(path).collection) submit_locks(write, path);
  return write;
}

std::optional<WriteLedger::Write> WriteLedger::random_patch() {
  const auto path = random_node();
  if (!path) return std::nullopt;
  return patch_of(*path);
}

WriteLedger::Write WriteLedger::lock_of(const std::string& path) const {
  const bool maps = !tree_.contains(path);
  Write write{
      "LOCK", path, {{"Depth", "0"}, {"Timeout", "Second-3600"}}, kLockInfo, maps ? 201 : 200,
      tree_,  maps};
  auto& node = write.after[path];
  if (maps) node.body = std::make_shared<const std::string>();
  node.token = "?";
  return write;
}

std::optional<WriteLedger::Write> WriteLedger::random_lock() {
  const auto path = random_name();
  const auto old = tree_.find(path);
  if (old != tree_.end() && (old->second.collection || !old->second.token.empty())) {
    return std::nullopt;
  }
  return lock_of(path);
}

WriteLedger::Write WriteLedger::unlock_of(const std::string& path) const {
  Write write{"UNLOCK", path, {{"Lock-Token", "<" + tree_.at(path).token + ">"}}, "", 204,
              tree_,    false};
  write.after[path].token.clear();
  return write;
}

std::optional<WriteLedger::Write> WriteLedger::random_unlock() {
  const auto path = random_file();
  if (!path || tree_.at(*path).token.empty()) return std::nullopt;
  return unlock_of(*path);
}

int WriteLedger::put(const std::string& path, std::size_t size) {
  return attempt(put_to(full(path), body_of(size)));
}
int WriteLedger::make_collection(const std::string& path) {
  Write write{"MKCOL", full(path) + "/", {}, "", 201, tree_};
  write.after[full(path)].collection = true;
  return attempt(std::move(write));
}
int WriteLedger::move(const std::string& from, const std::string& to) {
  return attempt(move_or_copy(true, full(from), full(to)));
}
int WriteLedger::copy(const std::string& from, const std::string& to) {
  return attempt(move_or_copy(false, full(from), full(to)));
}
int WriteLedger::remove(const std::string& path) { return attempt(removal_of(full(path))); }
int WriteLedger::patch(const std::string& path) { return attempt(patch_of(full(path))); }
int WriteLedger::lock(const std::string& path) { return attempt(lock_of(full(path))); }
int WriteLedger::unlock(const std::string& path) { return attempt(unlock_of(full(path))); }

bool WriteLedger::has(const std::string& path) const { return tree_.contains(full(path)); }

WriteLedger::Write WriteLedger::random_write() {
  for (;;) {
    std::optional<Write> write;
    // A large tree is reduced, so that reading it stays quick.
    const auto kind = tree_.size() > 40 ? 8 : below(10);
    switch (kind) {
      case 0:
      case 1:
      case 2:
        write = random_put();
        break;
      case 3:
        write = random_collection();
        break;
      case 4:
      case 5:
        write = random_move_or_copy();
        break;
      case 6:
        write = random_lock();
        break;
      case 7:
        write = random_unlock();
        break;
      case 8:
        write = random_removal();
        break;
      default:
        write = random_patch();
    }
    if (write) return std::move(*write);
  }
}

int WriteLedger::attempt(Write write) {
  pending_ = std::move(write.after);
  pending_text_ = write.method + " " + write.path;
  for (const auto& [name, value] : write.fields) pending_text_ += ", " + name + ": " + value;
  Reply reply;
  try {
    reply = client_.request(write.method, write.path, write.fields, write.body);
  } catch (const HttpFailure&) {
    return 0;
  }
  last_answer_ = reply.body;
  if (reply.status != write.status) return reply.status;
  ++acknowledged_;
  tree_ = std::move(*pending_);
  pending_.reset();
  if (write.method == "PUT") tree_[write.path].etag = reply.field("ETag");
  if (write.method == "LOCK") {
    const std::string token(reply.field("Lock-Token"));
    if (token.size() < 3) throw std::runtime_error("LOCK without a token in its answer");
    tree_[write.path].token = token.substr(1, token.size() - 2);
  }
  if (write.method == "PROPPATCH" && reply.body.find("200 OK") == std::string::npos) {
    throw std::runtime_error("PROPPATCH refused: " + reply.body);
  }
  if (keeps_history_) history_.push_back({tree_, write.flushed});
  return reply.status;
}

bool WriteLedger::undo(const std::function<bool()>& act) {
  pending_ = marked_;
  for (auto& [path, node] : *pending_) node.etag.clear();
  pending_text_ = "undo";
  if (!act()) return false;
  ++acknowledged_;
  tree_ = *std::move(pending_);
  pending_.reset();
  return true;
}

bool WriteLedger::send(Write write) {
  const int wanted = write.status;
  const int status = attempt(std::move(write));
  if (status != 0 && status != wanted) {
    throw std::runtime_error(pending_text_ + ": " + std::to_string(status) + " instead of " +
                             std::to_string(wanted) + "\n" + last_answer_);
  }
  return status != 0;
}

void WriteLedger::write_until_killed() {
  while (send(random_write())) {
  }
}

bool WriteLedger::write_some(int count) {
  for (int i = 0; i < count; ++i) {
    if (!send(random_write())) return false;
  }
  return true;
}

void WriteLedger::keep_history() {
  keeps_history_ = true;
  history_.assign(1, {tree_, true});
}

std::size_t WriteLedger::flushed_state(std::size_t answers) const {
  while (answers > 0 && !history_.at(answers).flushed) --answers;
  return answers;
}

WriteLedger::Tree WriteLedger::read_back() {
  // The server may have been killed meanwhile: on a loaded machine the client notices late.
  client_.close();
  const auto listing = client_.request(
      "PROPFIND", root_ + "/", {{"Depth", "infinity"}},
      "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:resourcetype/><D:getetag/><D:getcontentlength/>"
      "<D:lockdiscovery/><L:mark xmlns:L=\"urn:ledger\"/></D:prop></D:propfind>");
  if (listing.status != 207) {
    throw std::runtime_error("PROPFIND: " + std::to_string(listing.status) + listing.body);
  }
  Tree tree;
  for (auto& response : parse_multistatus(listing.body)) {
    auto path = response.href;
    Node node;
    node.collection = path.ends_with('/');
    if (node.collection) path.pop_back();
    auto& properties = response.properties[200];
    if (const auto mark = properties.find(kMark); mark != properties.end())
      node.mark = mark->second;
    node.token = token_in(properties["{DAV:}lockdiscovery"]);
    if (!node.collection) {
      const auto reply = client_.request("GET", path);
      if (reply.status != 200) throw std::runtime_error("GET " + path + ": " + reply.reason);
      node.etag = reply.field("ETag");
      if (node.etag != properties["{DAV:}getetag"] ||
          std::to_string(reply.body.size()) != properties["{DAV:}getcontentlength"]) {
        throw std::runtime_error(path + ": GET and PROPFIND differ");
      }
      node.body = std::make_shared<const std::string>(reply.body);
    }
    if (!tree.emplace(path, std::move(node)).second) throw std::runtime_error("twice: " + path);
  }
  for (const auto& [path, node] : tree) {
    if (path != root_ && !tree.contains(parent_of(path))) {
      throw std::runtime_error("no parent: " + path);
    }
  }
  return tree;
}

std::string WriteLedger::difference(const Tree& ledger, const Tree& server) {
  std::string text;
  for (const auto& [path, node] : server) {
    if (!ledger.contains(path)) text += "  " + path + " should not exist\n";
  }
  for (const auto& [path, node] : ledger) {
    const auto at = server.find(path);
    if (at == server.end()) {
      text += "  " + path + " is missing\n";
      continue;
    }
    const auto& there = at->second;
    if (node.collection != there.collection) text += "  " + path + " has the other type\n";
    if (node.body && there.body && *node.body != *there.body) {
      text += "  " + path + " has another body (" + std::to_string(there.body->size()) +
              " bytes instead of " + std::to_string(node.body->size()) + ")\n";
    }
    if (!node.etag.empty() && node.etag != there.etag) text += "  " + path + " has another ETag\n";
    if (node.mark != there.mark) {
      text += "  " + path + " is marked '" + there.mark + "' instead of '" + node.mark + "'\n";
    }
    const bool same_lock = node.token == "?" ? !there.token.empty() : node.token == there.token;
    if (!same_lock) {
      text +=
          "  " + path + " is locked with '" + there.token + "' instead of '" + node.token + "'\n";
    }
  }
  return text;
}

std::string WriteLedger::verify_between(std::size_t first, std::size_t last) {
  const auto there = read_back();
  std::string why;
  last = std::min(last, history_.size() - 1);
  for (std::size_t state = last + 1; state-- > first;) {
    const auto wrong = difference(history_[state].tree, there);
    if (wrong.empty()) return "";
    if (state + 3 > last) why += " against state " + std::to_string(state) + ":\n" + wrong;
  }
  return root_ + ": none of the states " + std::to_string(first) + " to " + std::to_string(last) +
         "\n" + why;
}

std::string WriteLedger::verify() {
  auto there = read_back();
  const auto undone = difference(tree_, there);
  std::string done;
  if (!undone.empty()) {
    done = pending_ ? difference(*pending_, there) : "  nothing was pending\n";
  }
  if (!undone.empty() && !done.empty()) {
    return root_ + ": unanswered was " + pending_text_ + "\n against the acknowledged state:\n" +
           undone + " against the state with it:\n" + done;
  }
  if (pending_) ++(undone.empty() ? found_undone_ : found_done_);
  // Entity tags and tokens that no response had returned are known now.
  tree_ = std::move(there);
  pending_.reset();
  return "";
}

}  // namespace holdfast::test
