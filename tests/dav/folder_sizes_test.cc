// oc:size of collections (dav/folder_sizes.h): always the sum of the files that the same answer
// could show, whatever was written before and whoever asks.
#include "dav/folder_sizes.h"

#include <gtest/gtest.h>
#include <random>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

const std::string kAnnsFiles = "/remote.php/dav/files/ann";
constexpr const char* kAskSizes =
    "<d:propfind xmlns:d='DAV:' xmlns:o='http://owncloud.org/ns'><d:prop><d:resourcetype/>"
    "<o:size/></d:prop></d:propfind>";

struct SizesWorld : World {
  explicit SizesWorld(dav::Options options = {}) : World(std::move(options)) {
    dav.sync_clients();
    dav.as("ann");
  }
  std::vector<MultistatusResponse> sizes(const std::string& depth, const std::string& at = "/") {
    return multistatus(dav.send("PROPFIND", kAnnsFiles + at, {{"Depth", depth}}, kAskSizes));
  }
};

// The sums as the listing itself says.
std::map<std::string, std::uint64_t> added_up(const std::vector<MultistatusResponse>& listing) {
  std::map<std::string, std::uint64_t> sums;
  for (const MultistatusResponse& response : listing) {
    if (response.href.ends_with('/')) {
      sums[response.href] += 0;
      continue;
    }
    const std::uint64_t size = std::stoull(response.text("size", kOwnCloud));
    for (std::size_t at = kAnnsFiles.size(); at != std::string::npos;
         at = response.href.find('/', at + 1))
      sums[response.href.substr(0, at + 1)] += size;
  }
  return sums;
}

std::shared_ptr<const dav::Caller> ann_with(std::vector<storage::Grant> grants) {
  dav::Caller caller = *dav::anonymous_caller(storage::Right::write);
  caller.name = "ann";
  for (storage::Grant& grant : grants) caller.grants.push_back(std::move(grant));
  return std::make_shared<const dav::Caller>(std::move(caller));
}

TEST(FolderSizes, AreTheSumsOfWhatIsSeen) {
  const std::vector<std::shared_ptr<const dav::Caller>> callers = {
      ann_with({}), ann_with({{.path = storage::Path({"a"}), .right = storage::Right::none}}),
      ann_with({{.path = storage::Path({"a"}), .right = storage::Right::none},
                {.path = storage::Path({"a", "b"}), .right = storage::Right::read},
                {.path = storage::Path({"b"}), .right = storage::Right::read}}),
      ann_with({{.path = storage::Path({"b", "a", "b"}), .right = storage::Right::none}})};
  for (unsigned seed = 0; seed < 12; ++seed) {
    std::mt19937 random(seed);
    dav::Options options;
    options.junk_files = seed % 2 == 0 ? dav::JunkFiles::store : dav::JunkFiles::hide;
    SizesWorld w(options);
    const auto path = [&] {
      std::string text;
      for (std::size_t i = 0; i < 1 + random() % 4; ++i) text += random() % 2 == 0 ? "/a" : "/b";
      return text;
    };
    for (int step = 0; step < 60; ++step) {
      w.dav.as(callers[0]);
      const std::string at = path();
      switch (random() % 8) {
        case 0:
          (void)w.send("DELETE", at);
          break;
        case 1:
          (void)w.send("MOVE", at, {{"Destination", path()}});
          break;
        case 2:
          (void)w.send("COPY", at, {{"Destination", path()}});
          break;
        case 3:
        case 4:
          (void)w.send("PUT", at + (random() % 4 == 0 ? "/.DS_Store" : "/f"), {},
                       std::string(random() % 50, 'x'));
          break;
        default:
          (void)w.send("MKCOL", at);
      }
      // Not always, so that several changes come together.
      if (random() % 3 == 0) continue;
      SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step));
      w.dav.as(callers[random() % callers.size()]);
      const auto listing = w.sizes("infinity");
      const auto sums = added_up(listing);
      for (const auto& shown : {listing, w.sizes("1")})
        for (const MultistatusResponse& response : shown) {
          if (!response.href.ends_with('/')) continue;
          ASSERT_EQ(response.text("size", kOwnCloud), std::to_string(sums.at(response.href)))
              << response.href;
        }
    }
  }
}

// Nothing but what has changed is looked at again, and what costs too much is not said.
TEST(FolderSizes, LookAtWhatHasChanged) {
  SizesWorld w;
  for (const char* each : {"/a", "/a/b", "/a/c", "/a/c/d"}) w.mkcol(each);
  w.put("/a/b/f", "12345");
  w.put("/a/c/d/g", "123");
  dav::FolderSizes sizes;
  const auto ann = ann_with({});
  const auto ask = [&](std::uint64_t& looks) {
    return sizes.below(*w.store.names.snapshot(), ann, {}, {}, looks);
  };
  std::uint64_t looks = 3;
  EXPECT_EQ(ask(looks), std::nullopt);
  EXPECT_EQ(looks, 0U);
  looks = 100;
  EXPECT_EQ(ask(looks), 8U);
  EXPECT_GE(looks, 94U);
  looks = 100;
  EXPECT_EQ(ask(looks), 8U);
  EXPECT_EQ(looks, 100U) << "it is remembered";
  w.put("/a/b/f", "1");
  EXPECT_EQ(ask(looks), 4U);
  EXPECT_EQ(looks, 100U - 1 - 2 - 1) << "of c, what was known holds";
}

}  // namespace
}  // namespace holdfast::test
