// Who may do what where (docs/conflicts.md#rights-and-quotas; docs/robustness.md S8, S9, L9): every
// method on every node it touches, against a definition that walks the nodes one by one.
#include <algorithm>
#include <gmock/gmock.h>
#include <memory>
#include <random>
#include <set>

#include "tests/dav/world.h"
#include "text/utf8.h"

namespace holdfast::test {
namespace {

using dav::Caller;
using storage::Right;

// Paths are texts here, "" the root; "é" stands for itself in whatever spelling.
storage::Path path_of(std::string_view text) {
  std::vector<std::string> segments;
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::size_t end = std::min(text.find('/'), text.size());
    segments.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return storage::Path(std::move(segments));
}

const std::string kComposed = "\xc3\xa9";
const std::string kDecomposed = "e\xcc\x81";

std::string decomposed(std::string text) {
  for (std::size_t at = 0; (at = text.find(kComposed, at)) != std::string::npos;)
    text.replace(at, kComposed.size(), kDecomposed);
  return text;
}

// The tree of all tests here.
struct Node {
  std::string path;
  bool collection;
};
const std::vector<Node>& tree() {
  static const std::vector<Node> nodes = {
      {"", true},         {"/a", true},      {"/a/f", false}, {"/a/dé", true},
      {"/a/dé/g", false}, {"/a/dé/e", true}, {"/b", true},    {"/b/h", false},
  };
  return nodes;
}

// Where grants begin and requests go: the tree, and places where nothing is mapped.
const std::vector<std::string>& places() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made;
    for (const Node& node : tree()) made.push_back(node.path);
    for (const auto* more : {"/a/n", "/a/f/x", "/b/n", "/b/dé", "/b/dé/g", "/b/f", "/A", "/n",
                             "/n/dé", "/n/dé/g", "/ab"})
      made.emplace_back(more);
    return made;
  }();
  return all;
}

const Node* mapped(std::string_view path) {
  for (const Node& node : tree())
    if (node.path == path) return &node;
  return nullptr;
}

bool covers(const std::string& above, const std::string& path) {
  return path == above || path.starts_with(above + "/");
}

// A caller as the definition knows it.
struct Spec {
  std::vector<std::pair<std::string, Right>> grants;
  std::optional<std::string> home = {};
  std::string scope = {};
  Right most = Right::write;

  [[nodiscard]] Right right(const std::string& path) const {
    if (!covers(scope, path)) return Right::none;
    std::string longest;
    Right right = Right::none;
    const auto look = [&](const std::string& granted, Right each) {
      if (!covers(granted, path) || granted.size() < longest.size()) return;
      longest = granted;
      right = each;
    };
    if (home) look(*home, Right::write);
    for (const auto& [granted, each] : grants) look(granted, each);
    return std::min(right, most);
  }
  [[nodiscard]] bool reads(const std::string& path) const { return right(path) >= Right::read; }
  [[nodiscard]] bool writes(const std::string& path) const { return right(path) == Right::write; }
  // Rights change at places only, so some place below is readable exactly when anything is.
  [[nodiscard]] bool on_the_way(const std::string& path) const {
    return std::any_of(places().begin(), places().end(), [&](const std::string& below) {
      return below != path && covers(path, below) && reads(below);
    });
  }
  [[nodiscard]] bool sees(const Node& node) const {
    return reads(node.path) || (node.collection && on_the_way(node.path));
  }

  [[nodiscard]] std::shared_ptr<const Caller> caller(bool spell_composed) const {
    const auto spelt = [&](const std::string& path) {
      return path_of(spell_composed ? path : decomposed(path));
    };
    auto caller = std::make_shared<Caller>();
    caller->name = "ann";
    for (const auto& [path, right] : grants)
      caller->grants.push_back({.path = spelt(path), .right = right});
    // An account has the right to write in its home, unless a grant for it says otherwise.
    if (home || !grants.empty()) caller->account = account_named("ann");
    if (!home && !grants.empty()) caller->home = spelt(grants.front().first);
    if (home) {
      caller->home = spelt(*home);
    }
    caller->scope = spelt(scope);
    caller->most = most;
    return caller;
  }

  [[nodiscard]] std::string text() const {
    static constexpr std::array kNames = {"none", "read", "write"};
    std::string text;
    for (const auto& [path, right] : grants)
      text += (path.empty() ? "/" : path) + "=" + kNames.at(static_cast<std::size_t>(right)) + " ";
    if (home) text += "home " + *home + " ";
    if (!scope.empty()) text += "within " + scope + " ";
    return text + "at most " + kNames.at(static_cast<std::size_t>(most));
  }
};

struct Request {
  std::string method;
  std::string depth;  // empty: the field is not sent
  std::string source;
  std::string destination;
  bool overwrite = true;

  [[nodiscard]] bool transfers() const { return method == "COPY" || method == "MOVE"; }
  [[nodiscard]] std::string text() const {
    return method + " " + source + " Depth " + depth + " to " + destination +
           (overwrite ? "" : " Overwrite F");
  }
};

std::vector<Request> all_requests() {
  std::vector<Request> all;
  for (const std::string& place : places()) {
    for (const auto* method :
         {"OPTIONS", "GET", "HEAD", "PUT", "MKCOL", "DELETE", "PROPPATCH", "UNLOCK"})
      all.push_back({method, "", place, ""});
    for (const auto* depth : {"0", "1", "infinity"}) all.push_back({"PROPFIND", depth, place, ""});
    for (const auto* depth : {"0", "infinity"}) all.push_back({"LOCK", depth, place, ""});
    for (const std::string& destination : places()) {
      all.push_back({"COPY", "0", place, destination});
      all.push_back({"COPY", "infinity", place, destination});
      all.push_back({"COPY", "", place, destination, false});
      // Onto itself it depends on the spelling what a MOVE does.
      if (place == destination) continue;
      all.push_back({"MOVE", "", place, destination});
      all.push_back({"MOVE", "infinity", place, destination, false});
    }
  }
  return all;
}

// The definition: every node that the request touches, one by one. `otherwise` is the answer to who
// may do everything.
enum class Verdict { refused, answered };
Verdict judge(const Spec& spec, const Request& request, int otherwise) {
  const auto verdict = [](bool allowed) { return allowed ? Verdict::answered : Verdict::refused; };
  const Node* node = mapped(request.source);
  const std::string& method = request.method;
  if (method == "OPTIONS") return Verdict::answered;
  if (method == "GET" || method == "HEAD" || method == "PROPFIND")
    return verdict(spec.reads(request.source) || (node && spec.sees(*node)));
  if (method == "MKCOL" && node && spec.sees(*node)) return Verdict::answered;

  const bool copies = method == "COPY";
  const Right needed = copies ? Right::read : Right::write;
  if (spec.right(request.source) < needed) return Verdict::refused;
  if (request.transfers() && !spec.writes(request.destination)) return Verdict::refused;
  // Nothing is there to act on, which who may see the place may know.
  if (otherwise == 404) return Verdict::answered;
  const bool whole = method == "DELETE" || (method == "LOCK" && request.depth == "infinity") ||
                     (request.transfers() && request.depth != "0");
  for (const Node& each : tree()) {
    if (whole && covers(request.source, each.path)) {
      if (spec.right(each.path) < needed) return Verdict::refused;
      if (request.transfers() &&
          !spec.writes(request.destination + each.path.substr(request.source.size())))
        return Verdict::refused;
    }
    if (request.transfers() && covers(request.destination, each.path) && !spec.writes(each.path))
      return Verdict::refused;
  }
  return Verdict::answered;
}

class Matrix : public ::testing::Test {
 protected:
  Matrix() {
    world_.mkcol("/a");
    world_.put("/a/f");
    world_.mkcol("/a/d%C3%A9");
    world_.put("/a/de%CC%81/g");
    world_.mkcol("/a/de%CC%81/e");
    world_.mkcol("/b");
    world_.put("/b/h");
    world_.dav.as("ann");
    token_ = world_.lock("/a/f", "0");
    state_ = world_.store.names.state();
  }

  // The path as a client may spell it.
  std::string spelt(const std::string& path) {
    static constexpr std::array kDigits = {"0123456789ABCDEF", "0123456789abcdef"};
    const auto chance = [&](unsigned one_in) { return random_() % one_in == 0; };
    std::string url;
    for (const char c : chance(2) ? decomposed(path) : path) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '/') {
        url += chance(8) ? "//" : "/";
      } else if (byte >= 0x80 || chance(4)) {
        const auto* digits = kDigits.at(random_() % 2);
        url.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
      } else {
        url += c;
      }
    }
    const Node* node = mapped(path);
    if (url.empty() || (node && node->collection && chance(2))) url += "/";
    return url;
  }

  Answer send(const Request& request) {
    Headers headers;
    if (!request.depth.empty()) headers.emplace_back("Depth", request.depth);
    if (request.transfers()) {
      headers.emplace_back("Destination", spelt(request.destination));
      headers.emplace_back("Overwrite", request.overwrite ? "T" : "F");
    }
    std::string body;
    if (request.method == "PUT") body = "new";
    if (request.method == "LOCK") body = lockinfo("shared");
    if (request.method == "PROPPATCH") body = set_properties("<x:p>1</x:p>");
    if (request.method == "UNLOCK") headers.emplace_back("Lock-Token", "<" + token_ + ">");
    return world_.send(request.method, spelt(request.source), headers, body);
  }

  int as_administrator(const Request& request) {
    const auto [found, is_new] = answers_.try_emplace(request.text());
    if (is_new) {
      world_.dav.as("ann");
      found->second = send(request).status;
      world_.store.names.restore(state_);
    }
    return found->second;
  }

  // The definition's paths of what a listing shows.
  static std::set<std::string> shown_to(const Spec& spec, const Request& request) {
    std::set<std::string> paths;
    for (const Node& node : tree()) {
      if (!covers(request.source, node.path) || !spec.sees(node)) continue;
      const auto level =
          std::count(node.path.begin() + static_cast<std::ptrdiff_t>(request.source.size()),
                     node.path.end(), '/');
      const std::ptrdiff_t deepest = request.depth == "0"          ? 0
                                     : request.depth == "infinity" ? 99
                                                                   : 1;
      if (level <= deepest) paths.insert(node.path);
    }
    return paths;
  }

  static std::string decoded(const std::string& href) {
    const dav::Target target = dav::parse_url(href, {}, "localhost:8080");
    std::string path;
    for (const std::string& segment : target.path.segments()) path += "/" + text::nfc(segment);
    return path;
  }

  void check(const Spec& spec, const Request& request) {
    // A collection is asked for with its final slash or without.
    const auto as_read = [](int status) { return status == 301 ? 200 : status; };
    const int otherwise = as_read(as_administrator(request));
    const Verdict verdict = judge(spec, request, otherwise);
    world_.dav.as(spec.caller(random_() % 2 == 0));
    const Answer answer = send(request);
    ++checked_;
    if (verdict == Verdict::refused) {
      ++refused_;
      EXPECT_EQ(answer.status, 403);
      EXPECT_TRUE(answer.lacks_right || otherwise == 403);
      EXPECT_EQ(world_.store.names.state(), state_) << "something changed";
      if (answer.lacks_right && request.method != "HEAD") {
        EXPECT_EQ(refusal(answer).precondition, "need-privileges");
      }
    } else {
      EXPECT_EQ(as_read(answer.status), otherwise) << answer.log_detail;
      EXPECT_FALSE(answer.lacks_right);
      if (answer.status == 207 && request.method == "PROPFIND") {
        std::set<std::string> shown;
        for (const MultistatusResponse& each : multistatus(answer))
          EXPECT_TRUE(shown.insert(decoded(each.href)).second);
        EXPECT_EQ(shown, shown_to(spec, request));
      }
      if (answer.status == 200 && request.method == "GET" && mapped(request.source)->collection) {
        std::set<std::string> shown = {request.source};
        static constexpr std::string_view kCell = "<td class=\"name\">";
        static constexpr std::string_view kLink = "<a href=\"";
        for (std::size_t at = 0; (at = answer.body.find(kCell, at)) != std::string::npos;) {
          at = answer.body.find(kLink, at) + kLink.size();
          const std::string path = decoded(answer.body.substr(at, answer.body.find('"', at) - at));
          if (path.size() > request.source.size()) shown.insert(path);
        }
        EXPECT_EQ(shown, shown_to(spec, request));
      }
    }
    world_.store.names.restore(state_);
    if (HasFailure())
      FAIL() << spec.text() << "\n"
             << request.text() << " was " << answer.status << ", should be "
             << (verdict == Verdict::refused ? 403 : otherwise) << "\n"
             << answer.log_detail;
  }

  template <class T>
  const T& any(const std::vector<T>& all) {
    return all[random_() % all.size()];
  }
  Right any_right() { return static_cast<Right>(random_() % 3); }

  Spec any_spec() {
    Spec spec;
    // A right on everything is the usual start; without it most requests are refused at once.
    if (random_() % 8 != 0)
      spec.grants.emplace_back("", random_() % 3 == 0 ? Right::read : Right::write);
    for (auto more = random_() % 4; more > 0; --more) {
      const std::string& path = any(places());
      const bool twice = std::any_of(spec.grants.begin(), spec.grants.end(),
                                     [&](const auto& grant) { return grant.first == path; });
      if (!twice) spec.grants.emplace_back(path, any_right());
    }
    if (random_() % 4 == 0) {
      spec.home = any(places());
    }
    if (random_() % 8 == 0) spec.scope = any(places());
    if (random_() % 6 == 0) spec.most = Right::read;
    std::shuffle(spec.grants.begin(), spec.grants.end(), random_);
    return spec;
  }

  World world_;
  std::string token_;
  std::shared_ptr<const MemoryNamespace::State> state_;
  std::map<std::string, int> answers_;
  std::mt19937 random_{20};
  std::size_t checked_ = 0;
  std::size_t refused_ = 0;
};

// Every pair of one grant and one request: what a right on one place is good for.
TEST_F(Matrix, EveryRequestUnderEachSingleGrantAgreesWithTheDefinition) {
  const std::vector<Request> requests = all_requests();
  for (const Right everywhere : {Right::none, Right::read, Right::write})
    for (const Right right : {Right::none, Right::read, Right::write})
      for (const std::string& place : places()) {
        if (place.empty() || right == everywhere) continue;
        const Spec spec{.grants = {{"", everywhere}, {place, right}}};
        for (const Request& request : requests) {
          // Requests that have nothing to do with the place are the same for all places.
          const auto near = [&](const std::string& path) {
            return covers(path, place) || covers(place, path);
          };
          const bool concerned =
              near(request.source) || (request.transfers() && near(request.destination));
          if (!concerned || random_() % (request.transfers() ? 8 : 2) != 0) continue;
          ASSERT_NO_FATAL_FAILURE(check(spec, request));
        }
      }
  std::printf("%zu requests judged, %zu refused\n", checked_, refused_);
  EXPECT_GT(refused_, checked_ / 5);
  EXPECT_LT(refused_, checked_ * 4 / 5);
}

TEST_F(Matrix, RandomRequestsUnderRandomGrantsAgreeWithTheDefinition) {
  const std::vector<Request> requests = all_requests();
  for (int callers = 0; callers < 400; ++callers) {
    const Spec spec = any_spec();
    for (int i = 0; i < 40; ++i) ASSERT_NO_FATAL_FAILURE(check(spec, any(requests)));
  }
  std::printf("%zu requests judged, %zu refused\n", checked_, refused_);
  EXPECT_GT(refused_, checked_ / 5);
  EXPECT_LT(refused_, checked_ * 4 / 5);
}

// Rows of one grant each against one world: what else rights decide.
struct Rights : Matrix {
  // A caller with these rights; "" is the root.
  void be(std::vector<std::pair<std::string, Right>> grants, std::string name = "ann") {
    auto caller = std::make_shared<Caller>(*Spec{.grants = std::move(grants)}.caller(true));
    if (caller->account != storage::kNobody) caller->account = account_named(name);
    caller->name = std::move(name);
    world_.dav.as(std::move(caller));
  }
  void be_administrator() { be({{"", Right::write}}); }
};

// docs/robustness.md S8: also what could write by a side door.
TEST_F(Rights, WhoMayOnlyReadChangesNothingByAnyMethod) {
  struct Row {
    const char* method;
    const char* url;
    Headers headers;
    std::string body;
    int status = 403;
  };
  const std::string if_token = "(<" + token_ + ">)";
  const std::vector<Row> rows = {
      {"GET", "/a/f", {}, "", 200},
      {"HEAD", "/a/f", {}, "", 200},
      {"OPTIONS", "/a/f", {}, "", 200},
      {"PROPFIND", "/a/f", {{"Depth", "0"}}, "", 207},
      {"PUT", "/a/f", {}, "x"},
      {"PUT", "/a/f", {{"If", if_token}}, "x"},
      {"PUT", "/a/f", {{"If-None-Match", "*"}}, "x"},
      {"PUT", "/a/f", {{"Content-Range", "bytes 0-0/1"}}, "x"},
      {"PUT", "/a/new", {}, "x"},
      {"PUT", "/none/new", {}, "x"},
      {"PUT", "/a", {}, "x"},
      {"MKCOL", "/a/new", {}, ""},
      {"MKCOL", "/none/new", {}, ""},
      {"MKCOL", "/a/new", {}, "<body/>"},
      {"MKCOL", "/a", {}, "", 405},
      {"MKCOL", "/", {}, "", 405},
      {"DELETE", "/a/f", {{"If", if_token}}, ""},
      {"DELETE", "/none", {}, ""},
      {"DELETE", "/", {}, ""},
      {"COPY", "/a/f", {{"Destination", "/b/f"}}, ""},
      {"COPY", "/a/f", {{"Destination", "/b/h"}, {"Overwrite", "F"}}, ""},
      {"COPY", "/none", {{"Destination", "/b/f"}}, ""},
      {"MOVE", "/a/f", {{"Destination", "/b/f"}, {"If", if_token}}, ""},
      {"MOVE", "/none", {{"Destination", "/none/f"}}, ""},
      {"PROPPATCH", "/a/f", {{"If", if_token}}, set_properties("<x:p>1</x:p>")},
      {"PROPPATCH", "/a/f", {}, set_properties("<Z:Win32FileAttributes>0</Z:Win32FileAttributes>")},
      {"PROPPATCH", "/a/f", {}, "nonsense"},
      {"LOCK", "/b/h", {}, lockinfo()},
      {"LOCK", "/a/new", {}, lockinfo()},
      {"LOCK", "/a/f", {{"If", if_token}}, ""},
      {"UNLOCK", "/a/f", {{"Lock-Token", "<" + token_ + ">"}}, ""},
      {"POST", "/a/f", {}, "x", 405},
      {"PATCH", "/a/f", {}, "x"},
      {"SEARCHX", "/a/f", {}, "x", 501},
  };
  be({{"", Right::read}});
  for (const Row& row : rows) {
    const Answer answer = world_.send(row.method, row.url, row.headers, row.body);
    EXPECT_EQ(answer.status, row.status) << row.method << " " << row.url << answer.log_detail;
    EXPECT_EQ(world_.store.names.state(), state_) << row.method << " " << row.url;
  }
}

TEST_F(Rights, NoBodyIsInvitedThatWouldBeRefused) {
  be({{"", Right::none}});
  for (const auto* method : {"PUT", "MKCOL", "PROPFIND", "PROPPATCH", "LOCK"}) {
    for (const auto* url : {"/a/f", "/a", "/none", "/"}) {
      StringBody body("some bytes");
      const Answer answer = world_.dav.send(method, url, {}, body);
      EXPECT_EQ(answer.status, 403) << method << " " << url;
      EXPECT_TRUE(answer.lacks_right);
      EXPECT_FALSE(body.invited()) << method << " " << url;
    }
  }
}

// RFC 3744 §7.1.1.
TEST_F(Rights, ARefusalNamesTheResourceAndThePrivilege) {
  struct Row {
    const char* method;
    const char* url;
    const char* destination;
    const char* href;
    const char* privilege;
  };
  be({{"", Right::read}, {"/a", Right::write}, {"/a/dé/g", Right::read}, {"/b", Right::none}});
  for (const Row& row : std::vector<Row>{
           {"PUT", "/n%20n", "", "/n%20n", "write"},
           {"MKCOL", "/n/", "", "/n/", "write"},
           {"GET", "/b/h", "", "/b/h", "read"},
           {"GET", "/b/none", "", "/b/none", "read"},
           {"COPY", "/b/h", "/a/h", "/b/h", "read"},
           {"COPY", "/a/f", "/b/h", "/b/h", "write"},
           {"DELETE", "/a/", "", "/a/d%C3%A9/g", "write"},
           {"COPY", "/", "/a/x", "", ""},
       }) {
    const Answer answer = world_.send(row.method, row.url, {{"Destination", row.destination}});
    EXPECT_EQ(answer.status, 403) << row.method << row.url;
    if (*row.href == '\0') continue;
    ASSERT_TRUE(answer.lacks_right) << row.method << row.url;
    const dav::xml::Document document = dav::xml::Document::parse(answer.body);
    const auto resource =
        document.root().child_dav("need-privileges").value().child_dav("resource").value();
    EXPECT_EQ(resource.child_dav("href").value().text(), row.href);
    EXPECT_TRUE(resource.child_dav("privilege").value().child_dav(row.privilege).has_value());
  }
  // What of a tree may not be read is not named.
  be({{"", Right::write}, {"/a/dé", Right::none}});
  const Answer answer = world_.send("DELETE", "/a");
  EXPECT_EQ(answer.body.find("d%C3%A9"), std::string::npos);
  EXPECT_NE(answer.body.find("<D:href>/a/</D:href>"), std::string::npos) << answer.body;
}

// Two stores that differ only in what the caller may not read: every answer is the same. (The
// caller acts on no tree around it; such an act is refused because of it, which tells.)
TEST(RightsSecrets, NoAnswerTellsWhatTheCallerMayNotRead) {
  const std::vector<std::string> urls = {
      "/",       "/open",      "/open/f",      "/open/new",    "/shut",         "/shut/",
      "/shut/f", "/shut/f/",   "/shut/f/x",    "/shut/d",      "/shut/d/x",     "/shut/new/x",
      "/half",   "/half/mine", "/half/mine/f", "/half/theirs", "/half/theirs/x"};
  const auto make = [](bool secrets) {
    dav::Options options;
    options.propfind_infinity_limit = 9;
    options.copy_limit = 9;
    auto world = std::make_unique<World>(options);
    for (const auto* collection : {"/open", "/shut", "/half", "/half/mine"})
      world->mkcol(collection);
    world->put("/open/f");
    world->put("/half/mine/f");
    if (secrets) {
      world->dav.as("bob");
      world->put("/shut/f");
      world->mkcol("/shut/d");
      world->put("/shut/d/x");
      world->put("/half/theirs");
      for (int i = 0; i < 9; ++i) world->put("/shut/" + std::to_string(i));
      world->lock("/shut/f");
      (void)world->send("PROPPATCH", "/half", {}, set_properties("<x:p>secret</x:p>"));
      world->store.clock.advance(5000);
      world->mkcol("/half/later");
      world->store.clock.advance(-5000);
    }
    return world;
  };
  std::size_t compared = 0;
  const auto with = make(true);
  const auto without = make(false);
  const std::string secret = with->etag("/shut/f");
  auto caller = std::make_shared<Caller>();
  caller->name = "ann";
  caller->grants = {{path_of("/open"), Right::write}, {path_of("/half/mine"), Right::write}};
  for (const auto& world : {with.get(), without.get()}) world->dav.as(caller);

  const auto compare = [&](const std::string& method, const std::string& url, Headers headers,
                           const std::string& body) {
    std::array<Answer, 2> answers;
    for (const bool first : {true, false}) {
      World& world = first ? *with : *without;
      const auto state = world.store.names.state();
      answers[first ? 0 : 1] = world.send(method, url, headers, body);
      world.store.names.restore(state);
    }
    ++compared;
    EXPECT_EQ(answers[0].status, answers[1].status)
        << method << " " << url << " " << ::testing::PrintToString(headers);
    // What is new gets a tag and a token of its own.
    if (answers[0].status == 201 || answers[0].status == 204 || method == "LOCK") return;
    EXPECT_EQ(answers[0].body, answers[1].body) << method << " " << url;
    EXPECT_EQ(answers[0].headers, answers[1].headers) << method << " " << url;
  };
  const std::string all = "<D:propfind xmlns:D=\"DAV:\"><D:allprop/></D:propfind>";
  for (const std::string& url : urls) {
    for (const auto* method : {"OPTIONS", "GET", "HEAD", "DELETE", "MKCOL"})
      compare(method, url, {}, "");
    for (const auto* depth : {"0", "1", "infinity"})
      compare("PROPFIND", url, {{"Depth", depth}}, all);
    compare("PUT", url, {}, "new");
    compare("PUT", url, {{"If-None-Match", "*"}}, "new");
    compare("LOCK", url, {}, lockinfo());
    compare("PROPPATCH", url, {}, set_properties("<x:p>1</x:p>"));
    compare("UNLOCK", url, {{"Lock-Token", "<urn:uuid:none>"}}, "");
    compare("GET", url, {{"If-None-Match", secret}}, "");
    for (const std::string& destination : urls)
      for (const auto* method : {"COPY", "MOVE"})
        for (const auto* overwrite : {"T", "F"})
          compare(method, url, {{"Destination", destination}, {"Overwrite", overwrite}}, "");
    // As a tag of If: neither its entity tag, nor its lock, nor that there is one.
    for (const std::string& condition :
         {"([" + secret + "])", "(Not [" + secret + "])", std::string("(Not <DAV:no-lock>)"),
          std::string("(<DAV:no-lock>)"), std::string("([\"other\"])")})
      compare("PUT", "/open/f", {{"If", "<" + url + "> " + condition}}, "new");
  }
  EXPECT_GT(compared, 1000U);
}

// What is on the way to something granted shows that it is there, and nothing of its life.
TEST_F(Rights, ACollectionOnTheWayShowsNoPropertiesLocksOrDates) {
  be_administrator();
  world_.store.clock.advance(7'000'000);
  ASSERT_EQ(world_.status("PROPPATCH", "/a", {}, set_properties("<x:p>1</x:p>")), 207);
  world_.put("/a/later");
  ASSERT_FALSE(world_.lock("/a", "0").empty());
  be({{"/a/dé", Right::read}});
  const std::string body =
      "<D:propfind xmlns:D=\"DAV:\"><D:allprop/><D:include><D:current-user-privilege-set/>"
      "<D:owner/></D:include></D:propfind>";
  for (const auto* depth : {"0", "1"}) {
    const auto responses = multistatus(world_.send("PROPFIND", "/a/", {{"Depth", depth}}, body));
    const MultistatusResponse& way = responses.front();
    EXPECT_EQ(way.find("p", "urn:x"), nullptr);
    EXPECT_TRUE(way.find("lockdiscovery")->children.empty());
    EXPECT_EQ(way.text("getlastmodified"), "Fri, 02 Jan 2026 03:04:05 GMT") << "creation date";
    EXPECT_THAT(way.find("resourcetype")->children, ::testing::ElementsAre("collection"));
    EXPECT_EQ(way.find("current-user-privilege-set")->xml.find("<D:read/>"), std::string::npos);
    EXPECT_EQ(responses.size(), *depth == '0' ? 1U : 2U);
  }
  EXPECT_EQ(world_.send("HEAD", "/a/").header("Last-Modified"), "Fri, 02 Jan 2026 03:04:05 GMT");
  // And nothing can be done to it, not even what reads only.
  EXPECT_EQ(world_.status("COPY", "/a", {{"Destination", "/a/d%C3%A9/x"}}), 403);
  EXPECT_EQ(world_.status("LOCK", "/a", {{"Depth", "0"}}, lockinfo()), 403);
}

// docs/robustness.md L9: a token is worth nothing to another account, and is not shown to it.
TEST_F(Rights, ALockIsItsCreatorsAlone) {
  be({{"", Right::write}}, "bob");
  EXPECT_EQ(world_.status("PUT", "/a/f", with_token(token_), "stolen"), 403);
  EXPECT_EQ(world_.status("DELETE", "/a", with_token("/a/f", token_)), 403);
  EXPECT_EQ(world_.status("MOVE", "/a/f", Headers{{"Destination", "/b/f"}} + with_token(token_)),
            403);
  EXPECT_EQ(world_.status("LOCK", "/a/f", with_token(token_)), 403) << "refresh";
  EXPECT_EQ(world_.status("UNLOCK", "/a/f", {{"Lock-Token", "<" + token_ + ">"}}), 403);
  EXPECT_EQ(world_.store.names.state(), state_);
  const auto shown = world_.locks_of("/a/f");
  ASSERT_EQ(shown.size(), 1U);
  EXPECT_EQ(shown[0].token, "");
  // The creator unlocks, but not where the right to write is gone.
  be({{"", Right::write}, {"/a/f", Right::read}});
  EXPECT_EQ(world_.locks_of("/a/f").at(0).token, "");
  EXPECT_EQ(world_.status("UNLOCK", "/a/f", {{"Lock-Token", "<" + token_ + ">"}}), 403);
  be_administrator();
  EXPECT_EQ(world_.locks_of("/a/f").at(0).token, token_);
  EXPECT_EQ(world_.status("UNLOCK", "/a/f", {{"Lock-Token", "<" + token_ + ">"}}), 204);
}

TEST_F(Rights, AnonymousClientsAreJudgedLikeAllOthers) {
  for (const Right right : {Right::none, Right::read, Right::write}) {
    world_.dav.as(dav::anonymous_caller(right));
    const Answer get = world_.send("GET", "/a/f");
    EXPECT_EQ(get.status, right == Right::none ? 403 : 200);
    EXPECT_EQ(get.lacks_right, right == Right::none);
    const Answer put = world_.send("PUT", "/a/anonymous", {}, "x");
    EXPECT_EQ(put.status, right == Right::write ? 201 : 403);
    EXPECT_EQ(put.lacks_right, right != Right::write);
  }
}

TEST_F(Rights, ADeviceTokenNarrowsAndNeverWidens) {
  Spec spec{.grants = {{"", Right::read}, {"/a", Right::write}}};
  spec.scope = "/a/dé";
  world_.dav.as(spec.caller(false));
  EXPECT_EQ(world_.status("PUT", "/a/d%C3%A9/new", {}, "x"), 201);
  EXPECT_EQ(world_.status("PUT", "/a/new", {}, "x"), 403);
  EXPECT_EQ(world_.status("GET", "/b/h"), 403);
  EXPECT_EQ(world_.status("PROPFIND", "/", {{"Depth", "0"}}), 207);
  spec.most = Right::read;
  world_.dav.as(spec.caller(true));
  EXPECT_EQ(world_.status("GET", "/a/d%C3%A9/g"), 200);
  EXPECT_EQ(world_.status("PUT", "/a/d%C3%A9/new", {}, "x"), 403);
  spec.scope = "/b";
  spec.most = Right::write;
  world_.dav.as(spec.caller(true));
  EXPECT_EQ(world_.status("GET", "/b/h"), 200);
  EXPECT_EQ(world_.status("PUT", "/b/h", {}, "x"), 403);
}

// docs/robustness.md L9: a lock that its account took elsewhere is nothing to a narrowed token,
// even where the lock covers what the token may write, and even when its user knows the lock's
// token.
TEST_F(Rights, ADeviceTokenUsesNoLockThatIsRootedOutsideOfIt) {
  be_administrator();
  ASSERT_EQ(world_.status("UNLOCK", "/a/f", {{"Lock-Token", "<" + token_ + ">"}}), 204);
  const std::string outside = world_.lock("/a");
  ASSERT_FALSE(outside.empty());
  Spec spec{.grants = {{"", Right::write}}};
  spec.scope = "/a/dé";
  world_.dav.as(spec.caller(true));
  const std::string inside_url = "/a/d%C3%A9/g";
  const auto covering = world_.locks_of(inside_url);
  ASSERT_EQ(covering.size(), 1U);
  EXPECT_EQ(covering[0].token, "");
  EXPECT_EQ(world_.status("UNLOCK", inside_url, {{"Lock-Token", "<" + outside + ">"}}), 403);
  EXPECT_EQ(world_.status("LOCK", inside_url, with_token(outside)), 403) << "refresh";
  // Whoever may write at the root uses it through the member.
  be_administrator();
  EXPECT_EQ(world_.locks_of(inside_url).at(0).token, outside);
  EXPECT_EQ(world_.status("LOCK", inside_url, with_token(outside)), 200);
  EXPECT_EQ(world_.status("UNLOCK", inside_url, {{"Lock-Token", "<" + outside + ">"}}), 204);
  // Its own locks are the token's to use.
  world_.dav.as(spec.caller(true));
  const std::string own = world_.lock("/a/d%C3%A9");
  EXPECT_EQ(world_.locks_of(inside_url).at(0).token, own);
  EXPECT_EQ(world_.status("LOCK", inside_url, with_token(own)), 200);
  EXPECT_EQ(world_.status("UNLOCK", inside_url, {{"Lock-Token", "<" + own + ">"}}), 204);
}

// RFC 5397, RFC 3744 §4.2, §5.1, §5.4.
TEST_F(Rights, PropertiesTellWhoAsksAndWhatTheyMay) {
  storage::AccountId bob = 0;
  world_.store.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    storage::Account account;
    account.name =
        "b\xc3\xb6"
        "b & co";
    account.home = path_of("/bob");
    bob = tx.put_account(account);
  });
  auto caller = std::make_shared<Caller>();
  caller->name =
      "b\xc3\xb6"
      "b & co";
  caller->account = bob;
  caller->home = path_of("/bob");
  caller->grants = {{path_of("/a"), Right::read}};
  world_.dav.as(caller);
  world_.mkcol("/bob");
  world_.put("/bob/f");
  const std::string names = "current-user-principal principal-URL owner current-user-privilege-set";
  const std::string href = "/?principal=b%C3%B6b%20%26%20co";
  const auto inner = [](const MultistatusResponse& response, std::string_view name) {
    const Shown* shown = response.find(name);
    if (!shown) return std::string("(none)");
    const dav::xml::Document document = dav::xml::Document::parse(shown->xml);
    std::string text;
    for (const dav::xml::Element& child : document.root().children()) {
      text += (text.empty() ? "" : " ");
      text += child.is_dav("privilege") ? child.children().at(0).name().name
                                        : child.name().name + ":" + child.text();
    }
    return text;
  };
  const MultistatusResponse own = world_.properties("/bob/f", names);
  EXPECT_EQ(inner(own, "current-user-principal"), "href:" + href);
  EXPECT_EQ(inner(own, "owner"), "href:" + href);
  EXPECT_EQ(
      inner(own, "current-user-privilege-set"),
      "read read-current-user-privilege-set write write-properties write-content bind unbind");
  EXPECT_EQ(own.code("principal-URL"), 404) << "a file is no principal";
  const MultistatusResponse read = world_.properties("/a/f", names);
  EXPECT_EQ(inner(read, "owner"), "") << "nobody's";
  EXPECT_EQ(inner(read, "current-user-privilege-set"), "read read-current-user-privilege-set");
  EXPECT_EQ(inner(world_.properties("/", names), "current-user-privilege-set"),
            "read-current-user-privilege-set");

  // Where the href leads.
  const MultistatusResponse principal =
      world_.properties(href, names + " resourcetype displayname getetag");
  EXPECT_EQ(principal.href, href);
  EXPECT_EQ(inner(principal, "principal-URL"), "href:" + href);
  EXPECT_EQ(inner(principal, "current-user-principal"), "href:" + href);
  EXPECT_EQ(inner(principal, "resourcetype"), "principal:");
  EXPECT_EQ(principal.text("displayname"), caller->name);
  EXPECT_EQ(principal.code("getetag"), 404);

  // Others see whose it is, and are no such principal.
  be_administrator();
  EXPECT_EQ(inner(world_.properties("/bob/f", names), "owner"), "href:" + href);
  EXPECT_EQ(inner(world_.properties(href, "resourcetype"), "resourcetype"), "collection:");
  world_.dav.as(dav::anonymous_caller(Right::read));
  EXPECT_EQ(inner(world_.properties("/bob/f", names), "current-user-principal"),
            "unauthenticated:");

  // Protected, and not in allprop (RFC 3744 §5).
  be_administrator();
  for (const auto* name :
       {"current-user-principal", "principal-URL", "owner", "current-user-privilege-set"}) {
    const Answer answer = world_.send(
        "PROPPATCH", "/b/h", {}, set_properties("<D:" + std::string(name) + ">x</D:" + name + ">"));
    EXPECT_EQ(single(answer).code(name), 403) << name;
    EXPECT_EQ(single(world_.send("PROPFIND", "/b/h", {{"Depth", "0"}})).code(name), 0) << name;
  }
}

// An account that is gone owns nothing any more.
TEST_F(Rights, TheOwnerOfWhatARemovedAccountLeftIsNobody) {
  storage::AccountId bob = 0;
  world_.store.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    storage::Account account;
    account.name = "bob";
    bob = tx.put_account(account);
  });
  auto caller = std::make_shared<Caller>(*dav::anonymous_caller(Right::write));
  caller->account = bob;
  world_.dav.as(caller);
  world_.put("/left");
  world_.store.names.write(storage::Flush::required,
                           [&](storage::Transaction& tx) { tx.remove_account(bob); });
  be_administrator();
  EXPECT_TRUE(world_.properties("/left", "owner").find("owner")->children.empty());
}

}  // namespace
}  // namespace holdfast::test
