// One client that writes at random below a collection of its own and keeps a ledger: what every
// acknowledged request has made of its tree, and what the one request without an answer would make
// of it. After a crash the server must hold exactly one of the two.
//
// One thread at a time. The server's URL and port stay the same over restarts.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "tests/support/http_client.h"

namespace holdfast::test {

class WriteLedger {
 public:
  // `root` is the URL path of the collection, without a slash at the end.
  WriteLedger(std::uint16_t port, std::string root, unsigned seed);

  // Creates the collection.
  void create_root();

  // Sends random writes until the connection fails. Throws std::runtime_error when an answer is not
  // the one that its request must get.
  void write_until_killed();

  // Reads the tree back and compares. Returns what is wrong; empty when every acknowledged result
  // is there and the unanswered request is wholly done or wholly undone. Then the ledger goes on
  // from there.
  std::string verify();

  [[nodiscard]] int acknowledged() const { return acknowledged_; }
  // Unanswered requests found done, and found undone.
  [[nodiscard]] int found_done() const { return found_done_; }
  [[nodiscard]] int found_undone() const { return found_undone_; }

 private:
  struct Node {
    bool collection = false;
    std::shared_ptr<const std::string> body;  // of a file
    std::string etag;                         // empty: not known
    std::string mark;                         // a dead property; empty: not set
    std::string token;                        // of its lock; empty: not locked, "?": not known
  };
  using Tree = std::map<std::string, Node>;  // by URL path, no slash at the end

  // A request and what it does.
  struct Write {
    std::string method;
    std::string path;
    Fields fields;
    std::string body;
    int status = 0;  // the answer it must get
    Tree after;
  };

  Write random_write();
  std::optional<Write> put();
  std::optional<Write> make_collection();
  std::optional<Write> move_or_copy();
  std::optional<Write> remove();
  std::optional<Write> patch_property();
  std::optional<Write> lock();
  std::optional<Write> unlock();

  void send(const Write& write);
  Tree read_back();
  static std::string difference(const Tree& ledger, const Tree& server);

  int below(int limit);
  std::string random_name();                 // mapped or not, in a collection that is mapped
  std::optional<std::string> random_file();  // mapped
  std::optional<std::string> random_node();  // mapped, not the root
  std::shared_ptr<const std::string> random_body();
  void submit_locks(Write& write, const std::string& path) const;
  [[nodiscard]] std::string url(const std::string& path) const;
  [[nodiscard]] static bool is_within(const std::string& path, const std::string& ancestor);

  std::uint16_t port_;
  std::string root_;
  std::mt19937 random_;
  HttpClient client_;
  Tree tree_;
  std::optional<Tree> pending_;
  std::string pending_text_;
  int counter_ = 0;
  int acknowledged_ = 0;
  int found_done_ = 0;
  int found_undone_ = 0;
};

}  // namespace holdfast::test
