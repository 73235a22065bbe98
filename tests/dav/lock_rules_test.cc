// The rules of write locks (RFC 4918 §6, §7) against a slow obvious definition: every pair of locks
// on a small tree, every subset of their tokens, every write.
#include <gmock/gmock.h>
#include <optional>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

// Runs every write and undoes it, so that one prepared store serves any number of requests.
class UndoingNamespace final : public storage::Namespace {
 public:
  explicit UndoingNamespace(storage::Namespace& names) : names_(names) {}

  [[nodiscard]] std::unique_ptr<const storage::Snapshot> snapshot() const override {
    return names_.snapshot();
  }
  void write(storage::Flush flush, const std::function<void(storage::Transaction&)>& fn) override {
    struct Undo {};
    try {
      names_.write(flush, [&](storage::Transaction& tx) {
        fn(tx);
        throw Undo{};
      });
    } catch (const Undo&) {
    }
  }
  [[nodiscard]] std::vector<std::string> garbage(std::size_t) const override { return {}; }
  void forget_garbage(std::span<const std::string>) override {}
  [[nodiscard]] bool names_blob(const std::string&) const override { return false; }
  void for_each_blob(const std::function<void(const storage::Content&)>&) const override {}
  void checkpoint() override {}
  void purge_expired_locks(std::int64_t) override {}
  [[nodiscard]] storage::NamespaceStats stats() const override { return {}; }
  [[nodiscard]] storage::NamespaceCheck check(bool) override { return {}; }

 private:
  storage::Namespace& names_;
};

// URLs of collections end in a slash here, those of files do not.
using Url = std::string;

const std::vector<Url> kTree = {"/", "/a/", "/a/b/", "/a/b/f", "/a/g", "/c/", "/c/f", "/h"};
const std::vector<Url> kLockable = {"/", "/a/", "/a/b/", "/a/b/f", "/a/g"};

struct HeldLock {
  Url root;
  bool exclusive = true;
  bool infinite = true;
  std::string token;
  bool submitted = false;
};

bool below(const Url& url, const Url& top) {
  return url != top && top.back() == '/' && url.starts_with(top);
}

Url parent(const Url& url) { return url.substr(0, url.rfind('/', url.size() - 2) + 1); }

bool mapped(const Url& url) { return std::find(kTree.begin(), kTree.end(), url) != kTree.end(); }

using Locks = std::vector<HeldLock>;

// §6.1, §7.4: the locks on a resource are those rooted there and the infinite ones above.
Locks covering(const Locks& locks, const Url& url) {
  Locks found;
  for (const HeldLock& lock : locks)
    if (lock.root == url || (lock.infinite && below(url, lock.root))) found.push_back(lock);
  return found;
}

// §6.2, §7.5: each exclusive lock wants its token; of shared ones, one token is enough.
bool may_write(const Locks& locks, const Url& url) {
  bool shared = false;
  bool holds_shared = false;
  for (const HeldLock& lock : covering(locks, url)) {
    if (lock.exclusive && !lock.submitted) return false;
    if (lock.exclusive) continue;
    shared = true;
    if (lock.submitted) holds_shared = true;
  }
  return !shared || holds_shared;
}

bool may_write_tree(const Locks& locks, const Url& top) {
  for (const Url& url : kTree)
    if ((url == top || below(url, top)) && !may_write(locks, url)) return false;
  return true;
}

// §7.4: members come and go with the collection's token.
bool may_remove(const Locks& locks, const Url& url) {
  return may_write_tree(locks, url) && may_write(locks, parent(url));
}

// COPY and MOVE into a collection need its token also where they replace (§7.4).
bool may_place(const Locks& locks, const Url& url) {
  return may_write(locks, parent(url)) && may_write(locks, url) && may_write_tree(locks, url);
}

// §6.2, §9.10.5: two locks go together when both are shared or they share no resource.
bool compatible(const HeldLock& held, const HeldLock& wanted) {
  if (!held.exclusive && !wanted.exclusive) return true;
  if (held.root == wanted.root) return false;
  if (held.infinite && below(wanted.root, held.root)) return false;
  return !(wanted.infinite && below(held.root, wanted.root));
}

struct Write {
  const char* method;
  Url url;
  Url destination;
  bool exclusive = true;  // LOCK
  bool infinite = true;   // LOCK
};

bool allowed(const Locks& locks, const Write& write) {
  const std::string method = write.method;
  const Url& url = write.url;
  if (method == "PUT" || method == "MKCOL")
    return may_write(locks, url) && (mapped(url) || may_write(locks, parent(url)));
  if (method == "PROPPATCH") return may_write(locks, url);
  if (method == "DELETE") return may_remove(locks, url);
  if (method == "COPY") return may_place(locks, write.destination);
  if (method == "MOVE") return may_remove(locks, url) && may_place(locks, write.destination);
  if (method == "LOCK") {
    for (const HeldLock& held : locks)
      if (!compatible(held, {.root = url,
                             .exclusive = write.exclusive,
                             .infinite = write.infinite,
                             .token = {},
                             .submitted = false}))
        return false;
    return mapped(url) || (may_write(locks, url) && may_write(locks, parent(url)));
  }
  ADD_FAILURE() << method;
  return false;
}

std::vector<Write> writes() {
  std::vector<Write> all;
  for (const char* url : {"/h", "/a/g", "/a/b/f", "/c/f", "/n", "/a/n", "/a/b/n"})
    all.push_back({"PUT", url, {}});
  for (const char* url : {"/n/", "/a/n/", "/a/b/n/"}) all.push_back({"MKCOL", url, {}});
  for (const char* url : {"/", "/a/", "/a/b/f", "/h"}) all.push_back({"PROPPATCH", url, {}});
  for (const char* url : {"/a/", "/a/b/", "/a/g", "/h"}) all.push_back({"DELETE", url, {}});
  const std::pair<Url, Url> transfers[] = {
      {"/h", "/n"},     {"/h", "/a/n"},     {"/h", "/a/g"},    {"/h", "/a/b/f"},  {"/a/g", "/n"},
      {"/a/g", "/a/n"}, {"/a/b/f", "/c/f"}, {"/a/b/", "/n/"},  {"/a/b/", "/c/"},  {"/c/", "/a/b/"},
      {"/a/", "/n/"},   {"/c/", "/a/"},     {"/c/f", "/a/b/"}, {"/a/b/f", "/a/g"}};
  for (const auto& [from, to] : transfers)
    for (const char* method : {"COPY", "MOVE"}) all.push_back({method, from, to});
  for (const char* url : {"/", "/a/b/", "/a/g", "/n", "/a/n"})
    for (const bool exclusive : {false, true})
      for (const bool infinite : {false, true})
        all.push_back({"LOCK", url, {}, exclusive, infinite});
  return all;
}

std::string describe(const Locks& locks, const Write& write) {
  std::string text = std::string(write.method) + " " + write.url + " → " + write.destination;
  for (const HeldLock& lock : locks)
    text += std::string("; ") + (lock.exclusive ? "exclusive " : "shared ") +
            (lock.infinite ? "infinite " : "depth 0 ") + lock.root +
            (lock.submitted ? " submitted" : " not submitted");
  return text;
}

// The tokens are submitted and the header is true whatever they are locks on.
Headers submitted(const Locks& locks) {
  std::string lists = "(Not <DAV:no-lock>)";
  for (const HeldLock& lock : locks)
    if (lock.submitted) lists += " (<" + lock.token + ">)";
  return {{"If", lists}};
}

Answer send(DavClient& client, const Locks& locks, const Write& write) {
  Headers headers = submitted(locks);
  std::string body;
  if (!write.destination.empty()) headers.emplace_back("Destination", write.destination);
  if (std::string_view(write.method) == "PROPPATCH") body = set_properties("<x:p>1</x:p>");
  if (std::string_view(write.method) == "LOCK") {
    headers.emplace_back("Depth", write.infinite ? "infinity" : "0");
    body = lockinfo(write.exclusive ? "exclusive" : "shared");
  }
  return client.send(write.method, write.url, headers, body);
}

void build(World& w) {
  for (const Url& url : kTree) {
    if (url == "/") continue;
    if (url.back() == '/') {
      w.mkcol(url);
    } else {
      w.put(url);
    }
  }
}

void expect_named(const Answer& answer, const Locks& locks, const std::string& what) {
  const Refusal why = refusal(answer);
  ASSERT_EQ(why.hrefs.size(), 1U) << what;
  bool named = false;
  for (const HeldLock& lock : locks) named |= lock.root == why.hrefs[0];
  EXPECT_TRUE(named) << what << " names " << why.hrefs[0];
}

TEST(LockRules, EveryWriteUnderEveryPairOfLocksAgreesWithTheDefinition) {
  std::vector<HeldLock> kinds;
  for (const Url& root : kLockable)
    for (const bool exclusive : {true, false})
      for (const bool infinite : {true, false})
        kinds.push_back({.root = root,
                         .exclusive = exclusive,
                         .infinite = infinite,
                         .token = {},
                         .submitted = false});
  const std::vector<Write> requests = writes();
  std::size_t judged = 0;
  std::size_t refused = 0;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    for (std::size_t j = i; j < kinds.size(); ++j) {
      World w;
      build(w);
      w.store.names.rerun_closures(false);
      Locks locks;
      for (const std::size_t k : {i, j}) {
        HeldLock lock = kinds[k];
        const Write request{"LOCK", lock.root, {}, lock.exclusive, lock.infinite};
        const bool fits = allowed(locks, request);
        const Answer answer = send(w.dav, {}, request);
        ASSERT_EQ(answer.status, fits ? 200 : 423) << describe(locks, request);
        if (!fits) continue;
        lock.token = answer.lock_token();
        locks.push_back(lock);
      }
      if (locks.size() == 1 && j != i) continue;  // the single lock is judged with i == j
      UndoingNamespace undoing(w.store.names);
      const dav::Engine engine(undoing, w.store.contents, {});
      DavClient client(engine);
      for (unsigned subset = 0; subset < (1U << locks.size()); ++subset) {
        for (std::size_t k = 0; k < locks.size(); ++k) locks[k].submitted = (subset >> k & 1U) != 0;
        for (const Write& request : requests) {
          const bool expected = allowed(locks, request);
          const Answer answer = send(client, locks, request);
          ++judged;
          refused += expected ? 0 : 1;
          if (expected) {
            EXPECT_EQ(answer.status / 100, 2) << describe(locks, request) << answer.log_detail;
          } else {
            EXPECT_EQ(answer.status, 423) << describe(locks, request) << answer.log_detail;
            if (answer.status == 423) expect_named(answer, locks, describe(locks, request));
          }
        }
        if (testing::Test::HasFailure()) return;
      }
    }
  }
  EXPECT_GT(judged, 20'000U);
  EXPECT_GT(refused, 5'000U);
}

TEST(LockRules, ReadingIsNeverRefused) {  // RFC 4918 §7
  World w;
  build(w);
  w.lock("/");
  for (const Url& url : kTree) {
    EXPECT_EQ(w.status("GET", url), 200);
    EXPECT_EQ(w.status("HEAD", url), 200);
    EXPECT_EQ(w.status("OPTIONS", url), 200);
    EXPECT_EQ(w.status("PROPFIND", url, {{"Depth", "0"}}), 207);
  }
}

TEST(LockRules, PutOverAMemberOfAShallowlyLockedCollectionNeedsNoToken) {  // RFC 4918 §7.4
  World w;
  build(w);
  w.lock("/a/", "0");
  EXPECT_EQ(w.status("PUT", "/a/g", {}, "x"), 204);
  EXPECT_EQ(w.status("PROPPATCH", "/a/g", {}, set_properties("<x:p/>")), 207);
  EXPECT_EQ(w.status("PUT", "/a/new", {}, "x"), 423);
}

TEST(LockRules, ReplacingAMemberOfAShallowlyLockedCollectionNeedsItsToken) {  // RFC 4918 §7.4
  World w;
  build(w);
  const std::string token = w.lock("/a/", "0");
  for (const char* method : {"COPY", "MOVE"}) {
    EXPECT_EQ(w.status(method, "/h", {{"Destination", "/a/g"}}), 423) << method;
    EXPECT_EQ(w.status(method, "/h", with_token("/a/", token) + Headers{{"Destination", "/a/g"}}),
              204)
        << method;
  }
}

}  // namespace
}  // namespace holdfast::test
