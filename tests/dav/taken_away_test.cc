// What is taken away while a request is under way (docs/robustness.md S8): every method that writes
// is judged by the accounts as of its own commit.
#include <functional>
#include <gtest/gtest.h>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using dav::Caller;
using storage::Right;

constexpr std::string_view kTokenId = "aaaaaaaa";

// Comes in pieces of one byte, before each of which something happens.
class PiecemealBody final : public http::Body {
 public:
  PiecemealBody(int pieces, std::function<void(int)> before)
      : pieces_(pieces), before_(std::move(before)) {}
  [[nodiscard]] std::optional<std::uint64_t> length() const override {
    return static_cast<std::uint64_t>(pieces_);
  }
  Piece read() override {
    if (next_ < pieces_) before_(next_);
    if (next_ == pieces_) return {.state = State::complete, .bytes = {}};
    ++next_;
    return {.state = State::more, .bytes = std::span<const char>("x", 1)};
  }
  [[nodiscard]] int taken() const { return next_; }

 private:
  int pieces_;
  std::function<void(int)> before_;
  int next_ = 0;
};

// The account ann with a home, a right to write at /team, a password and a device token.
struct TeamWorld : World {
  TeamWorld() {
    for (const auto* collection : {"/ann", "/team", "/other"}) mkcol(collection);
    put("/ann/f");
    put("/team/f");
    change([](storage::Transaction& tx) {
      storage::Account ann;
      ann.name = "ann";
      ann.password_hash = "old";
      ann.certificate = "old";
      ann.home = storage::Path({"ann"});
      ann.grants = {{.path = storage::Path({"team"}), .right = Right::write}};
      storage::DeviceToken token;
      token.id = kTokenId;
      token.account = tx.put_account(ann);
      tx.put_token(token);
    });
  }
  void change(const std::function<void(storage::Transaction&)>& fn) {
    store.names.write(storage::Flush::required, fn);
  }
  void change_ann(const std::function<void(storage::Account&)>& fn) {
    change([&](storage::Transaction& tx) {
      storage::Account account = *tx.accounts()->find("ann");
      fn(account);
      tx.put_account(account);
    });
  }
  void change_token(const std::function<void(storage::DeviceToken&)>& fn) {
    change([&](storage::Transaction& tx) {
      storage::DeviceToken token = *tx.accounts()->find_token(kTokenId);
      fn(token);
      tx.put_token(token);
    });
  }
  // The caller that ann is by the accounts as they are now.
  std::shared_ptr<const Caller> sign_in(bool by_token) {
    const auto accounts = store.names.accounts();
    return dav::caller_of(accounts, *accounts->find("ann"),
                          by_token ? accounts->find_token(kTokenId) : nullptr);
  }
};

// What happens between the signing in and the commit; the status of a write in /team for who signed
// in with the password and with the token, 0 when it is done as if nothing had happened.
struct Change {
  const char* what;
  std::function<void(TeamWorld&)> happens;
  int with_password;
  int with_token;
};

const std::vector<Change>& changes() {
  static const std::vector<Change> rows = {
      {"the account is removed",
       [](TeamWorld& w) {
         w.change(
             [](storage::Transaction& tx) { tx.remove_account(tx.accounts()->find("ann")->id); });
       },
       401, 401},
      {"the account is removed and made anew",
       [](TeamWorld& w) {
         w.change([](storage::Transaction& tx) {
           storage::Account again = *tx.accounts()->find("ann");
           tx.remove_account(again.id);
           again.id = storage::kNobody;
           tx.put_account(again);
         });
       },
       401, 401},
      {"the token is removed",
       [](TeamWorld& w) {
         w.change([](storage::Transaction& tx) { (void)tx.remove_token(kTokenId); });
       },
       0, 401},
      {"the token has another secret",
       [](TeamWorld& w) {
         w.change_token([](storage::DeviceToken& token) { token.hash[0] ^= 1; });
       },
       0, 401},
      {"the token may only read",
       [](TeamWorld& w) {
         w.change_token([](storage::DeviceToken& token) { token.read_only = true; });
       },
       0, 403},
      {"the token is narrowed",
       [](TeamWorld& w) {
         w.change_token([](storage::DeviceToken& token) { token.path = storage::Path({"ann"}); });
       },
       0, 403},
      {"the password is changed",
       [](TeamWorld& w) {
         w.change_ann([](storage::Account& account) { account.password_hash = "new"; });
       },
       401, 0},
      {"the certificate is changed",
       [](TeamWorld& w) {
         w.change_ann([](storage::Account& account) { account.certificate = ""; });
       },
       401, 0},
      {"the grant is taken back",
       [](TeamWorld& w) {
         w.change_ann([](storage::Account& account) { account.grants.clear(); });
       },
       403, 403},
      {"the grant is to read only",
       [](TeamWorld& w) {
         w.change_ann([](storage::Account& account) { account.grants[0].right = Right::read; });
       },
       403, 403},
      {"nothing", [](TeamWorld&) {}, 0, 0},
      {"another grant is added",
       [](TeamWorld& w) {
         w.change_ann([](storage::Account& account) {
           account.grants.push_back({.path = storage::Path({"other"}), .right = Right::none});
         });
       },
       0, 0},
      {"another account comes and goes",
       [](TeamWorld& w) {
         (void)w.account("bob");
         w.change(
             [](storage::Transaction& tx) { tx.remove_account(tx.accounts()->find("bob")->id); });
       },
       0, 0},
  };
  return rows;
}

// A write in /team. `prepare` returns fields that the request needs.
struct Write {
  const char* method;
  const char* target;
  std::function<Headers(TeamWorld&, DavClient&)> prepare;
  std::string body;
  int done;
};

std::vector<Write> writes() {
  const auto plain = [](Headers headers) {
    return [headers](TeamWorld&, DavClient&) { return headers; };
  };
  const auto locked = [](const char* field, const char* before, const char* behind) {
    return [=](TeamWorld&, DavClient& ann) -> Headers {
      const std::string token = ann.send("LOCK", "/team/f", {}, lockinfo()).lock_token();
      return {{field, before + token + behind}};
    };
  };
  return {{"PUT", "/team/new", plain({}), "x", 201},
          {"PUT", "/team/f", plain({}), "x", 204},
          {"PUT", "/team/f", locked("If", "(<", ">)"), "x", 204},
          {"PUT", "/team/a/b", plain({{"X-NC-WebDAV-AutoMkcol", "1"}}), "x", 201},
          {"PROPPATCH", "/team/f", plain({}), set_properties("<x:p>1</x:p>"), 207},
          {"MKCOL", "/team/c", plain({}), "", 201},
          {"DELETE", "/team/f", plain({}), "", 204},
          {"COPY", "/ann/f", plain({{"Destination", "/team/n"}}), "", 201},
          {"MOVE", "/ann/f", plain({{"Destination", "/team/n"}}), "", 201},
          {"MOVE", "/team/f", plain({{"Destination", "/ann/n"}}), "", 201},
          {"LOCK", "/team/f", plain({}), lockinfo(), 200},
          {"LOCK", "/team/n", plain({}), lockinfo(), 201},
          {"LOCK", "/team/f", locked("If", "(<", ">)"), "", 200},
          {"UNLOCK", "/team/f", locked("Lock-Token", "<", ">"), "", 204}};
}

TEST(TakenAway, EveryWriteIsJudgedByTheAccountsOfItsCommit) {
  for (const Change& change : changes())
    for (const Write& write : writes())
      for (const bool by_token : {false, true}) {
        TeamWorld w;
        DavClient ann(w.engine);
        ann.as(w.sign_in(by_token));
        const Headers headers = write.prepare(w, ann);
        change.happens(w);
        const std::string before = w.dump();
        const Answer answer = ann.send(write.method, write.target, headers, write.body);
        const int refused = by_token ? change.with_token : change.with_password;
        const std::string row = std::string(change.what) + ": " + write.method + " " +
                                write.target + (by_token ? " by token" : " by password");
        EXPECT_EQ(answer.status, refused != 0 ? refused : write.done) << row << answer.log_detail;
        EXPECT_EQ(answer.signed_out, refused == 401) << row;
        EXPECT_EQ(answer.lacks_right, refused == 403) << row;
        if (refused != 0) {
          EXPECT_EQ(w.dump(), before) << row;
        }
      }
}

TEST(TakenAway, AnUploadEndsWhileItsBodyIsUnderWay) {
  for (const Change& change : changes())
    for (const bool by_token : {false, true}) {
      TeamWorld w;
      DavClient ann(w.engine);
      ann.as(w.sign_in(by_token));
      PiecemealBody body(100, [&](int piece) {
        if (piece == 10) change.happens(w);
      });
      const Answer answer = ann.send("PUT", "/team/f", {}, body);
      const int refused = by_token ? change.with_token : change.with_password;
      EXPECT_EQ(answer.status, refused != 0 ? refused : 204) << change.what;
      if (refused != 0) {
        EXPECT_LE(body.taken(), 11) << change.what;
        EXPECT_EQ(w.get("/team/f"), "x") << change.what;
      }
    }
}

TEST(TakenAway, AQuotaThatIsLoweredMeanwhileCounts) {
  TeamWorld w;
  DavClient ann(w.engine);
  ann.as(w.sign_in(false));
  w.change_ann([](storage::Account& account) { account.quota_bytes = 3; });
  EXPECT_EQ(ann.send("PUT", "/team/new", {}, "four").status, 507);
}

TEST(TakenAway, AnonymousWritingEndsWithTheFirstAccount) {
  World w;
  w.dav.as(dav::anonymous_caller(Right::write, w.store.names.accounts()));
  w.put("/f");
  PiecemealBody body(10, [&](int piece) {
    if (piece == 5) (void)w.account("ann");
  });
  const Answer answer = w.dav.send("PUT", "/g", {}, body);
  EXPECT_EQ(answer.status, 401);
  EXPECT_TRUE(answer.signed_out);
  EXPECT_EQ(w.status("DELETE", "/f"), 401);
  w.dav.as(dav::anonymous_caller(Right::write));
  EXPECT_EQ(w.get("/f"), "x");
  EXPECT_EQ(w.status("GET", "/g"), 404);
}

}  // namespace
}  // namespace holdfast::test
