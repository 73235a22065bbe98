// Every method over a store that fails at step n, for every n (docs/robustness.md G1 to G4): the
// answer says so, nothing leaks, the tree is wholly as before or wholly as after, and no upload is
// left behind. And every method over a store that runs its closures twice, as Namespace::write
// allows.
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "dav/engine.h"
#include "tests/support/dav_client.h"
#include "tests/support/faulty_store.h"
#include "tests/support/memory_store.h"

namespace holdfast::test {
namespace {

using storage::Fault;
using storage::Path;

const std::string kLarge(storage::kInlineLimitBytes + 5000, 'L');
const std::string kLarger(storage::kInlineLimitBytes + 9000, 'M');
const std::string kToken = "urn:uuid:00000000-0000-4000-8000-000000000001";
const std::string kDeepToken = "urn:uuid:00000000-0000-4000-8000-000000000002";

struct Scenario {
  const char* name;
  int status;  // when nothing fails
  const char* method;
  const char* target;
  Headers headers;
  std::string body;
  bool chunked = false;
};

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

const std::string kLockInfo =
    R"(<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope>)"
    R"(<D:locktype><D:write/></D:locktype><D:owner>me</D:owner></D:lockinfo>)";
const std::string kPropPatch =
    R"(<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x"><D:set><D:prop><x:new>1</x:new>)"
    R"(<D:lastmodified>86400</D:lastmodified></D:prop></D:set>)"
    R"(<D:remove><D:prop><x:old/></D:prop></D:remove></D:propertyupdate>)";
constexpr const char* kSearch =
    "<D:searchrequest xmlns:D=\"DAV:\"><D:basicsearch><D:select><D:allprop/></D:select><D:from>"
    "<D:scope><D:href>/tree/</D:href><D:depth>infinity</D:depth></D:scope></D:from><D:where>"
    "<D:like><D:prop><D:displayname/></D:prop><D:literal>%</D:literal></D:like></D:where>"
    "<D:orderby><D:order><D:prop><D:getcontentlength/></D:prop></D:order></D:orderby>"
    "</D:basicsearch></D:searchrequest>";
constexpr const char* kSyncReport =
    "<D:sync-collection xmlns:D=\"DAV:\"><D:sync-token/><D:sync-level>1</D:sync-level>"
    "<D:prop><D:getetag/><D:sync-token/></D:prop></D:sync-collection>";
const std::string kAllProp =
    R"(<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><D:lockdiscovery/><x:old xmlns:x="urn:x"/>)"
    R"(<D:quota-used-bytes/><D:quota-available-bytes/></D:prop></D:propfind>)";

// What every scenario finds:
//   /small, /large, /tree/{a, b, sub/c}, /locked (kToken), /guarded/x (kDeepToken, infinite, on
//   /guarded), a dead property on /small and /tree/a
void plant(storage::Namespace& names, storage::ContentStore& contents) {
  const auto put = [&](const char* folder, const char* name, const std::string& bytes) {
    const auto upload = contents.begin({});
    upload->append(bytes);
    const storage::Content& content = upload->seal();
    names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      const Path at = *folder == '\0' ? Path() : Path().child(folder);
      tx.put(*tx.resolve(at).resource, name, content, std::nullopt, storage::kNobody);
    });
    upload->keep();
  };
  names.write(storage::Flush::required, [](storage::Transaction& tx) {
    const storage::Resource root = *tx.resolve({}).resource;
    tx.make_collection(tx.make_collection(root, "tree", storage::kNobody), "sub", storage::kNobody);
    tx.make_collection(root, "guarded", storage::kNobody);
  });
  put("", "small", "small");
  put("", "large", kLarge);
  put("", "locked", "locked");
  put("tree", "a", "a");
  put("tree", "b", kLarge);
  put("guarded", "x", kLarge);
  names.write(storage::Flush::required, [](storage::Transaction& tx) {
    const storage::Resource a = *tx.resolve(Path({"tree", "a"})).resource;
    tx.copy_tree(a, true, *tx.resolve(Path({"tree", "sub"})).resource, "c", storage::kNobody);
    const storage::PropertyChange change{{"urn:x", "old"}, "<x:old xmlns:x=\"urn:x\">0</x:old>"};
    tx.patch_properties(a.id, std::span(&change, 1));
    tx.patch_properties(tx.resolve(Path({"small"})).resource->id, std::span(&change, 1));
    storage::Lock lock;
    lock.timeout_s = 600;
    lock.token = kToken;
    lock.root_id = tx.resolve(Path({"locked"})).resource->id;
    tx.add_lock(lock);
    lock.token = kDeepToken;
    lock.root_id = tx.resolve(Path({"guarded"})).resource->id;
    lock.infinite = true;
    tx.add_lock(lock);
  });
}

std::string text_of(storage::ContentStore& contents, const storage::Content& content) {
  if (content.is_inline()) return content.bytes;
  const auto reader = contents.open(content);
  if (!reader) return "MISSING";
  std::string bytes(content.size, '\0');
  bytes.resize(reader->read(0, bytes));
  return bytes;
}

// Everything a client could see, but for ETags and lock tokens, which are new each time.
std::string picture(MemoryStore& store) {
  std::ostringstream out;
  const auto now = store.names.snapshot();
  const storage::Wanted wanted{.properties = true, .locks = true, .checksums = true};
  now->members(now->resolve({}), storage::Depth::infinity, wanted, [&](const auto& member) {
    for (const std::string& segment : member.segments) out << '/' << segment;
    const storage::Resource& resource = member.resource;
    out << " created " << resource.created << " modified " << resource.modified.at;
    if (!resource.is_collection()) {
      const std::string bytes = text_of(store.contents, now->content(resource));
      out << " content " << bytes.size() << " " << std::hash<std::string>()(bytes);
    }
    for (const storage::Property& property : member.properties) out << " " << property.xml;
    std::multiset<std::string> locks;
    for (const storage::Lock& lock : member.locks) {
      std::ostringstream text;
      text << " lock";
      for (const std::string& segment : lock.root.segments()) text << '/' << segment;
      text << " " << lock.infinite << " " << lock.granted << "+" << lock.timeout_s << lock.owner;
      locks.insert(text.str());
    }
    for (const std::string& lock : locks) out << lock;
    out << '\n';
  });
  return out.str();
}

// Files that neither a row nor the garbage list names.
std::vector<std::string> orphans(MemoryStore& store) {
  std::vector<std::string> found;
  store.contents.for_each([&](const std::string& blob, std::uint64_t) {
    if (!store.names.names_blob(blob)) found.push_back(blob);
  });
  return found;
}

Answer send(const dav::Engine& engine, const Scenario& scenario) {
  StringBody body(scenario.body);
  body.pieces_of(30'000);
  if (scenario.chunked) body.chunked();
  return DavClient(engine).send(scenario.method, scenario.target, scenario.headers, body);
}

int status_of(Fault fault) {
  switch (fault) {
    case Fault::full:
      return 507;
    case Fault::corrupt:
      return 500;
    case Fault::busy:
    case Fault::unavailable:
    case Fault::read_only:
      return 503;
    case Fault::conflict:
      return 409;
  }
  return 0;
}

bool happens_before_the_write(const std::string& where) {
  static const std::set<std::string> kBefore{"snapshot", "begin of upload", "append", "seal",
                                             "flush of seal"};
  return kBefore.contains(where);
}

std::vector<Scenario> scenarios() {
  return {
      {"OPTIONS", 200, "OPTIONS", "/small", {}, {}},
      {"GET_small", 200, "GET", "/small", {}, {}},
      {"GET_large", 200, "GET", "/large", {}, {}},
      {"GET_range", 206, "GET", "/large", {{"Range", "bytes=5-9"}}, {}},
      {"GET_ranges", 206, "GET", "/large", {{"Range", "bytes=5-9,70000-"}}, {}},
      {"GET_collection", 200, "GET", "/tree/", {}, {}},
      {"HEAD", 200, "HEAD", "/large", {}, {}},
      {"PUT_new", 201, "PUT", "/new", {}, "bytes"},
      {"PUT_empty", 201, "PUT", "/new", {}, ""},
      {"PUT_new_large", 201, "PUT", "/tree/new", {}, kLarger},
      {"PUT_chunked", 201, "PUT", "/tree/new", {}, kLarger, true},
      {"PUT_over_small", 204, "PUT", "/small", {}, kLarger},
      {"PUT_over_large", 204, "PUT", "/large", {}, "bytes"},
      {"PUT_large_over_large", 204, "PUT", "/large", {}, kLarger},
      {"PUT_locked", 204, "PUT", "/locked", {{"If", "(<" + kToken + ">)"}}, "by its holder"},
      {"PUT_guarded",
       201,
       "PUT",
       "/guarded/new",
       {{"If", "</guarded> (<" + kDeepToken + ">)"}, {"If-None-Match", "*"}},
       kLarger},
      {"PUT_dated", 201, "PUT", "/new", {{"X-OC-Mtime", "1000000000"}}, "bytes"},
      {"PUT_with_checksum",
       201,
       "PUT",
       "/new",
       {{"OC-Checksum", "MD5:900150983cd24fb0d6963f7d28e17f72"}},
       "abc"},
      {"MKCOL", 201, "MKCOL", "/new/", {}, {}},
      {"MKCOL_guarded",
       201,
       "MKCOL",
       "/guarded/new",
       {{"If", "</guarded> (<" + kDeepToken + ">)"}},
       {}},
      {"DELETE_file", 204, "DELETE", "/large", {}, {}},
      {"DELETE_tree", 204, "DELETE", "/tree/", {}, {}},
      {"DELETE_locked", 204, "DELETE", "/locked", {{"If", "(<" + kToken + ">)"}}, {}},
      {"DELETE_guarded",
       204,
       "DELETE",
       "/guarded/",
       {{"If", "</guarded> (<" + kDeepToken + ">)"}},
       {}},
      {"COPY_file", 201, "COPY", "/large", {{"Destination", "/tree/copy"}}, {}},
      {"COPY_tree", 201, "COPY", "/tree/", {{"Destination", "/copy/"}}, {}},
      {"COPY_shallow", 201, "COPY", "/tree/", {{"Destination", "/copy/"}, {"Depth", "0"}}, {}},
      {"COPY_over_guarded",
       204,
       "COPY",
       "/tree/",
       {{"Destination", "/guarded/"}, {"If", "</guarded> (<" + kDeepToken + ">)"}},
       {}},
      {"MOVE_file", 201, "MOVE", "/large", {{"Destination", "/tree/moved"}}, {}},
      {"MOVE_tree", 201, "MOVE", "/tree/", {{"Destination", "/moved/"}}, {}},
      {"MOVE_over", 204, "MOVE", "/tree/a", {{"Destination", "/large"}}, {}},
      {"MOVE_dated",
       201,
       "MOVE",
       "/small",
       {{"Destination", "/moved"}, {"X-OC-Mtime", "1000000000"}},
       {}},
      {"MOVE_locked_over_guarded",
       204,
       "MOVE",
       "/locked",
       {{"Destination", "/guarded/x"},
        {"If", "</locked> (<" + kToken + ">) </guarded> (<" + kDeepToken + ">)"}},
       {}},
      {"PROPFIND_file", 207, "PROPFIND", "/small", {{"Depth", "0"}}, kAllProp},
      {"PROPFIND_tree", 207, "PROPFIND", "/", {{"Depth", "infinity"}}, kAllProp},
      {"PROPFIND_members", 207, "PROPFIND", "/tree/", {{"Depth", "1"}}, {}},
      {"REPORT", 207, "REPORT", "/tree/", {}, kSyncReport},
      {"SEARCH", 207, "SEARCH", "/", {}, kSearch},
      {"PROPPATCH", 207, "PROPPATCH", "/small", {}, kPropPatch},
      {"PROPPATCH_locked", 207, "PROPPATCH", "/locked", {{"If", "(<" + kToken + ">)"}}, kPropPatch},
      {"LOCK_file", 200, "LOCK", "/small", {{"Depth", "0"}}, kLockInfo},
      {"LOCK_tree", 200, "LOCK", "/tree/", {{"Timeout", "Second-60"}}, kLockInfo},
      {"LOCK_new", 201, "LOCK", "/tree/new", {}, kLockInfo},
      {"LOCK_refresh",
       200,
       "LOCK",
       "/guarded/x",
       {{"If", "(<" + kDeepToken + ">)"}, {"Timeout", "Second-120"}},
       {}},
      {"UNLOCK", 204, "UNLOCK", "/locked", {{"Lock-Token", "<" + kToken + ">"}}, {}}};
}

std::string scenario_name(const ::testing::TestParamInfo<Scenario>& info) {
  return info.param.name;
}

class EngineFaults : public ::testing::TestWithParam<Scenario> {};

TEST_P(EngineFaults, ChangeNothingOrEverythingAndAreTold) {
  const Scenario& scenario = GetParam();
  MemoryStore clean;
  plant(clean.names, clean.contents);
  const std::string before = picture(clean);
  clean.clock.advance(5000);
  ASSERT_EQ(send(dav::Engine(clean.names, clean.contents, {}), scenario).status, scenario.status);
  const std::string after = picture(clean);

  for (const Fault fault : {Fault::unavailable, Fault::full, Fault::corrupt, Fault::busy}) {
    for (std::uint64_t n = 0;; ++n) {
      ASSERT_LT(n, 1000u) << "the scenario does not end";
      MemoryStore store;
      plant(store.names, store.contents);
      store.clock.advance(5000);
      FaultPlan plan;
      FaultyNamespace names(store.names, plan);
      FaultyContentStore contents(store.contents, plan);
      const dav::Engine engine(names, contents, {});
      plan.fail_at(n, fault);
      const Answer answer = send(engine, scenario);
      plan.disarm();
      SCOPED_TRACE("step " + std::to_string(n) + ": " + plan.where());

      EXPECT_EQ(store.contents.uploads(), 0u);
      EXPECT_TRUE(store.names.check(false).problems.empty());
      if (!plan.struck()) {
        EXPECT_EQ(answer.status, scenario.status);
        EXPECT_FALSE(answer.cut);
        EXPECT_EQ(picture(store), after);
        EXPECT_TRUE(orphans(store).empty());
        break;
      }
      // A body that was being sent cannot take its status back: the connection is cut.
      if (!answer.cut) {
        EXPECT_EQ(answer.status, status_of(fault));
      }
      EXPECT_EQ(answer.body.find("made to fail"), std::string::npos) << "detail leaks";
      const bool committed = plan.where() == "answer of commit";
      EXPECT_EQ(picture(store), committed ? after : before);
      if (happens_before_the_write(plan.where())) {
        EXPECT_TRUE(orphans(store).empty());
      }
      for (const std::string& blob : orphans(store)) store.contents.remove(blob);
      EXPECT_EQ(picture(store), committed ? after : before) << "an orphan was in use";
      if (committed) continue;
      const Answer again = send(engine, scenario);
      EXPECT_EQ(again.status, scenario.status) << "it works once the store does";
      EXPECT_EQ(picture(store), after);
    }
  }
}

TEST_P(EngineFaults, DoNotComeFromClosuresThatRunTwice) {
  const Scenario& scenario = GetParam();
  MemoryStore once;
  MemoryStore twice;
  for (MemoryStore* store : {&once, &twice}) {
    plant(store->names, store->contents);
    store->clock.advance(5000);
  }
  twice.names.rerun_closures(true);
  const Answer expected = send(dav::Engine(once.names, once.contents, {}), scenario);
  const Answer actual = send(dav::Engine(twice.names, twice.contents, {}), scenario);
  EXPECT_EQ(actual.status, expected.status);
  EXPECT_EQ(picture(twice), picture(once));
  EXPECT_EQ(twice.contents.files(), once.contents.files());
  ASSERT_EQ(actual.headers.size(), expected.headers.size());
  for (std::size_t i = 0; i < actual.headers.size(); ++i)
    EXPECT_EQ(actual.headers[i].first, expected.headers[i].first);
}

INSTANTIATE_TEST_SUITE_P(Methods, EngineFaults, ::testing::ValuesIn(scenarios()), scenario_name);

}  // namespace
}  // namespace holdfast::test
