// A client that writes at random below a collection of its own and keeps a ledger: the tree after
// every acknowledged request, and the tree that the one request without a response would make.
// After a crash the server must have exactly one of the two.
//
// It makes random writes for crashes at any moment, and single writes for a crash at a chosen one:
//
//   ledger.put("a", 100'000);
//   faults.arm({.action = FaultAction::kill, .at = 3});
//   ledger.move("a", "b");                   // 0: no answer
//   ... restart ...
//   EXPECT_EQ(ledger.verify(), "");          // wholly moved, or not at all
//
// One thread at a time. The server's URL and port stay the same over restarts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/http_client.h"

namespace holdfast::test {

class WriteLedger {
 public:
  // `root` is the URL path of the collection, without a slash at the end.
  WriteLedger(std::uint16_t port, std::string root, unsigned seed);

  // Creates the collection.
  void create_root();

  // Sends random writes until the connection fails. Throws std::runtime_error when a response is
  // not the one that its request must get.
  void write_until_killed();

  // Sends `count` random writes. Returns false when the connection failed before the end; throws
  // what write_until_killed throws.
  bool write_some(int count);

  // These make one write. Paths are relative to the root, without a slash at either end, and tokens
  // of locks are submitted. They return the status, 0 when the connection failed. Success enters
  // the ledger. After anything else the write counts as unanswered, that is wholly done or wholly
  // undone, unless refused() is called.
  int put(const std::string& path, std::size_t size);
  int make_collection(const std::string& path);
  int move(const std::string& from, const std::string& to);
  int copy(const std::string& from, const std::string& to);
  int remove(const std::string& path);
  int patch(const std::string& path);
  int lock(const std::string& path);
  int unlock(const std::string& path);

  // undo() makes by `act` the write that brings the tree back to what it was at mark(). `act`
  // returns true when it is known to be done. Locks are not brought back.
  void mark() { marked_ = tree_; }
  bool undo(const std::function<bool()>& act);

  // Call when the last write was refused and must have changed nothing.
  void refused() { pending_.reset(); }
  // Returns true when `path` is mapped in the ledger.
  [[nodiscard]] bool has(const std::string& path) const;

  // Reads the tree back and compares. Returns what is wrong; empty when every acknowledged result
  // is there and the unanswered request is wholly done or wholly undone. The ledger then continues
  // from what it read.
  std::string verify();

  // Keeps the state after every response, the present one first, for tests of power cuts.
  void keep_history();
  // Returns the number of kept states: number 0 is that at keep_history(), number n that after the
  // nth response since.
  [[nodiscard]] std::size_t states() const { return history_.size(); }
  // Returns the earliest state to which a power cut after `answers` responses may return: LOCK and
  // UNLOCK of what is mapped are not flushed by themselves (docs/robustness.md G1).
  [[nodiscard]] std::size_t flushed_state(std::size_t answers) const;
  // Reads the tree back and compares it with states `first` to `last`. Returns an empty text when
  // it is one of them. Changes nothing.
  std::string verify_between(std::size_t first, std::size_t last);

  [[nodiscard]] int acknowledged() const { return acknowledged_; }
  // These return how many unanswered requests were found done, and found undone.
  [[nodiscard]] int found_done() const { return found_done_; }
  [[nodiscard]] int found_undone() const { return found_undone_; }

 private:
  struct Node {
    bool collection = false;
    std::shared_ptr<const std::string> body;  // of a file
    std::string etag;                         // empty when not known
    std::string mark;                         // a dead property; empty: not set
    std::string token;                        // of its lock; empty: not locked, "?": not known
  };
  using Tree = std::map<std::string, Node>;  // by URL path, no slash at the end

  // A request and its effect.
  struct Write {
    std::string method;
    std::string path;
    Fields fields;
    std::string body;
    int status = 0;  // the status that it must get
    Tree after;
    bool flushed = true;  // the request is flushed before its response
  };

  struct State {
    Tree tree;
    bool flushed = true;
  };

  Write random_write();
  std::optional<Write> random_put();
  std::optional<Write> random_collection();
  std::optional<Write> random_move_or_copy();
  std::optional<Write> random_removal();
  std::optional<Write> random_patch();
  std::optional<Write> random_lock();
  std::optional<Write> random_unlock();

  [[nodiscard]] Write put_to(const std::string& path,
                             std::shared_ptr<const std::string> body) const;
  [[nodiscard]] Write move_or_copy(bool move, const std::string& from, const std::string& to) const;
  [[nodiscard]] Write removal_of(const std::string& path) const;
  Write patch_of(const std::string& path);
  [[nodiscard]] Write lock_of(const std::string& path) const;
  [[nodiscard]] Write unlock_of(const std::string& path) const;

  // Sends the request; returns the status, 0 when there was no response.
  int attempt(Write write);
  // Sends the request. Throws when the status is neither 0 nor the one it must be.
  bool send(Write write);
  Tree read_back();
  static std::string difference(const Tree& ledger, const Tree& server);

  int below(int limit);
  std::string random_name();                 // mapped or not, in a collection that is mapped
  std::optional<std::string> random_file();  // mapped
  std::optional<std::string> random_node();  // mapped, not the root
  std::shared_ptr<const std::string> body_of(std::size_t size);
  [[nodiscard]] std::string full(const std::string& path) const { return root_ + "/" + path; }
  void submit_locks(Write& write, const std::string& path) const;
  [[nodiscard]] std::string url(const std::string& path) const;
  [[nodiscard]] static bool is_within(const std::string& path, const std::string& ancestor);

  std::uint16_t port_;
  std::string root_;
  std::mt19937 random_;
  HttpClient client_;
  Tree tree_;
  Tree marked_;
  std::optional<Tree> pending_;
  std::string pending_text_;
  std::string last_answer_;
  std::vector<State> history_;
  bool keeps_history_ = false;
  int counter_ = 0;
  int acknowledged_ = 0;
  int found_done_ = 0;
  int found_undone_ = 0;
};

}  // namespace holdfast::test
