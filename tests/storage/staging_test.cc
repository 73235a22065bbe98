// Uploads that outlive a connection and a restart (storage/staging.h;
// docs/storage.md#uploads-that-go-on).
#include "storage/files/staging.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "storage/files/content_store.h"
#include "storage/files/data_folder.h"
#include "storage/files/digest.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using storage::Staged;
using storage::StagedStatus;

constexpr std::uint64_t kLargeUpload = storage::kInlineLimitBytes + 1;

std::string upload_bytes(std::size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class Uploads : public testing::Test {
 protected:
  Uploads() { open(); }

  void open(storage::Durability durability = storage::Durability::full) {
    folder_ = std::make_unique<storage::files::DataFolder>((root_ / "data").string());
    contents_ = std::make_unique<storage::files::FileContentStore>(*folder_, durability);
    staging_ = std::make_unique<storage::files::FileStaging>(*folder_, *contents_, clock_);
  }
  // As after a process that died: nothing is told to the objects that had the folder.
  void restart() {
    staging_.reset();
    contents_.reset();
    folder_.reset();
    open();
  }
  std::string begin(std::optional<std::uint64_t> length, bool in_parts = false) {
    storage::StagedInfo info;
    info.account = 7;
    info.target = storage::Path({"a b", "ü%.txt"});
    info.length = length;
    info.modified = -1500;
    info.label = "filename \r\n =,";
    info.in_parts = in_parts;
    return staging_->create(info, 100).value();
  }
  void add(const std::string& id, std::string_view bytes) {
    const auto upload = staging_->claim(id);
    ASSERT_NE(upload, nullptr);
    upload->append(bytes);
  }
  void add_part(const std::string& id, std::uint64_t number, std::string_view bytes) {
    const auto part = staging_->add_part(id, number, bytes.size());
    ASSERT_NE(part, nullptr);
    part->append(bytes);
    part->keep();
  }
  std::uint64_t kept(const std::string& id) {
    const auto status = staging_->find(id);
    return status ? status->kept : UINT64_MAX;
  }
  // The bytes that the upload became, as the content store has them; its checksum was compared.
  std::string stored(const std::string& id, bool finish = true) {
    const auto upload = staging_->claim(id);
    if (!upload) return "(none)";
    const auto whole = upload->content({.sha1 = true});
    const storage::Content content = whole->seal();
    EXPECT_TRUE(contents_->verify(content));
    EXPECT_TRUE(content.checksums.sha1.has_value());
    std::string bytes = content.bytes;
    if (!content.is_inline()) {
      bytes.resize(content.size);
      EXPECT_EQ(contents_->open(content)->read(0, bytes), content.size);
    }
    storage::files::Digester digester({.sha1 = true});
    digester.add(bytes);
    const storage::Checksums checksums = digester.finish();
    EXPECT_EQ(checksums.sha256, content.checksums.sha256);
    EXPECT_EQ(checksums.sha1, content.checksums.sha1);
    if (finish) {
      whole->keep();
      upload->finish();
    }
    return bytes;
  }
  std::size_t files_in(const char* folder) {
    std::size_t count = 0;
    if (!fs::exists(root_ / "data" / folder)) return 0;
    for (const auto& entry : fs::recursive_directory_iterator(root_ / "data" / folder))
      count += entry.is_regular_file() ? 1U : 0U;
    return count;
  }

  TemporaryFolder root_{TemporaryFolder::in_memory()};
  ManualClock clock_;
  std::unique_ptr<storage::files::DataFolder> folder_;
  std::unique_ptr<storage::files::FileContentStore> contents_;
  std::unique_ptr<storage::files::FileStaging> staging_;
};

TEST_F(Uploads, KeepAllThatIsSaidOfThemAcrossARestart) {
  const std::string id = begin(1000);
  add(id, "hello");
  for (int restarts = 0; restarts < 2; ++restarts, restart()) {
    const StagedStatus status = staging_->find(id).value();
    EXPECT_EQ(status.kept, 5U);
    EXPECT_EQ(status.info.account, 7);
    EXPECT_EQ(status.info.target, storage::Path({"a b", "ü%.txt"}));
    EXPECT_EQ(status.info.length, 1000U);
    EXPECT_EQ(status.info.modified, -1500);
    EXPECT_EQ(status.info.label, "filename \r\n =,");
    EXPECT_EQ(status.info.created, ManualClock::kStart);
    EXPECT_FALSE(status.busy);
  }
}

TEST_F(Uploads, BecomeContentWhateverTheirSizeAndBreaks) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{1000}, std::size_t{kLargeUpload - 1},
                                 std::size_t{kLargeUpload}, std::size_t{3'000'000}}) {
    const std::string bytes = upload_bytes(size);
    const std::string id = begin(size);
    std::mt19937 random(static_cast<unsigned>(size));
    for (std::size_t at = kept(id); at + 1 < size; at = kept(id)) {
      add(id, std::string_view(bytes).substr(at, 1 + random() % (size - at)));
      if (random() % 3 == 0) restart();
    }
    EXPECT_EQ(kept(id), size - 1) << "the last byte is acknowledged with the file";
    const auto upload = staging_->claim(id);
    upload->append(std::string_view(bytes).substr(size - 1));
    const auto whole = upload->content({});
    const storage::Content content = whole->seal();
    EXPECT_TRUE(contents_->verify(content)) << size;
    EXPECT_EQ(content.size, size);
    whole->keep();
    upload->finish();
    EXPECT_FALSE(staging_->find(id));
    EXPECT_EQ(staging_->finished(7, id), size);
    EXPECT_EQ(staging_->finished(8, id), std::nullopt);
  }
  EXPECT_EQ(files_in("uploads"), 0U);
}

// Between sealing and committing the process may die, or the commit be refused: the bytes stay.
TEST_F(Uploads, LoseNothingWhenTheirContentIsNotNamed) {
  for (const bool joined : {false, true}) {
    const std::string bytes = upload_bytes(200'000);
    const std::string id = begin(std::nullopt, joined);
    if (joined) {
      add_part(id, 2, bytes.substr(100'000));
      add_part(id, 1, bytes.substr(0, 100'000));
    } else {
      add(id, bytes);
    }
    EXPECT_TRUE(stored(id, false) == bytes);
    EXPECT_EQ(files_in("blobs"), 0U);
    EXPECT_TRUE(stored(id, false) == bytes);
    restart();
    EXPECT_TRUE(stored(id) == bytes);
    EXPECT_EQ(files_in("blobs"), 1U);
    EXPECT_EQ(files_in("uploads"), 0U);
    contents_->for_each([&](const std::string& blob, std::uint64_t) { contents_->remove(blob); });
  }
}

TEST_F(Uploads, DropWhatWasNotKept) {
  const std::string id = begin(100);
  add(id, "kept");
  {
    const auto upload = staging_->claim(id);
    upload->sum_from_here({.sha1 = true});
    upload->append(std::string_view("wrong"));
    upload->drop();
    EXPECT_EQ(upload->size(), 4U);
  }
  {
    const auto upload = staging_->claim(id);
    upload->sum_from_here({});
    upload->append(std::string_view("half of a part with a checksum"));
  }
  EXPECT_EQ(kept(id), 4U);
  add(id, "and more");
  EXPECT_EQ(kept(id), 12U);
}

TEST_F(Uploads, BelongToOneRequestAtATime) {
  const std::string id = begin(100);
  {
    const auto first = staging_->claim(id);
    EXPECT_EQ(staging_->claim(id), nullptr);
    EXPECT_TRUE(staging_->find(id)->busy);
    EXPECT_TRUE(first->resume());
    first->append(std::string_view("one"));
    // A client that is slow lets others have the upload, and goes on when nobody took it.
    first->rest();
    EXPECT_EQ(kept(id), 3U);
    EXPECT_TRUE(first->resume());
    first->append(std::string_view("two"));
    first->rest();
    add(id, "three");
    EXPECT_FALSE(first->resume());
  }
  EXPECT_EQ(kept(id), 11U);
  EXPECT_FALSE(staging_->find(id)->busy);
  const auto last = staging_->claim(id);
  EXPECT_TRUE(staging_->remove(id));
  EXPECT_FALSE(last->resume());
  EXPECT_FALSE(staging_->remove(id));
  EXPECT_EQ(staging_->claim(id), nullptr);
}

TEST_F(Uploads, ExpireWhenNobodyAdds) {
  const std::string idle = begin(10);
  const std::string slow = begin(10);
  const std::string held = begin(10);
  clock_.advance(59'000);
  add(slow, "x");
  const auto hold = staging_->claim(held);
  clock_.advance(1'000);
  EXPECT_EQ(staging_->expire(60), 1U);
  EXPECT_FALSE(staging_->find(idle));
  EXPECT_TRUE(staging_->find(slow));
  EXPECT_TRUE(staging_->find(held));
  EXPECT_EQ(files_in("uploads"), 4U);
}

TEST_F(Uploads, AreLimitedForEachAccount) {
  storage::StagedInfo info;
  info.account = 1;
  EXPECT_TRUE(staging_->create(info, 2));
  const auto second = staging_->create(info, 2);
  EXPECT_TRUE(second);
  EXPECT_FALSE(staging_->create(info, 2));
  info.account = 2;
  EXPECT_TRUE(staging_->create(info, 2));
  info.account = 1;
  staging_->remove(*second);
  EXPECT_TRUE(staging_->create(info, 2));
  EXPECT_EQ(staging_->list().size(), 3U);
}

TEST_F(Uploads, AreHeldByTheLedger) {
  using Ledger = storage::SpaceLedger;
  const auto ledger = std::make_shared<Ledger>(
      Ledger::Limits{}, [] { return std::uint64_t{1} << 40; },
      [] { return std::uint64_t{1} << 40; });
  const auto room = [&](std::uint64_t bytes) {
    return ledger->upload(7, 1'000'000).grow(bytes) == Ledger::Verdict::granted;
  };
  const std::string id = begin(900'000);
  add(id, upload_bytes(500'000));
  EXPECT_TRUE(room(1'000'000));
  staging_->count_in(ledger);
  EXPECT_FALSE(room(500'000));
  EXPECT_TRUE(room(400'000));
  add(id, upload_bytes(300'000));
  EXPECT_FALSE(room(200'000));
  EXPECT_TRUE(room(150'000));
  staging_->remove(id);
  EXPECT_TRUE(room(1'000'000));
}

// Parts in all orders, also side by side, broken off and sent again, with restarts in between: what
// comes out is the last of each number, one behind the other.
TEST_F(Uploads, PutPartsTogetherInTheOrderOfTheirNumbers) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::string id = begin(std::nullopt, true);
    std::map<std::uint64_t, std::string> model;
    for (unsigned step = 0; step < 12; ++step) {
      const std::uint64_t number = seed < 10 ? step : random() % 8 * 1000;
      const std::string bytes = upload_bytes(random() % 40'000, static_cast<unsigned>(random()));
      switch (seed < 5 ? 9 : random() % 10) {
        case 0:  // broken off
          if (const auto part = staging_->add_part(id, number, bytes.size() + 1))
            part->append(bytes);
          break;
        case 1:
          restart();
          break;
        case 2: {  // side by side
          const auto one = staging_->add_part(id, number, bytes.size());
          const auto two = staging_->add_part(id, number + 1, bytes.size());
          const std::size_t half = bytes.size() / 2;
          EXPECT_EQ(staging_->claim(id), nullptr);
          two->append(std::string_view(bytes).substr(0, half));
          one->append(bytes);
          one->keep();
          two->append(std::string_view(bytes).substr(half));
          if (random() % 2 == 0) {
            two->keep();
            model[number + 1] = bytes;
          }
          model[number] = bytes;
          break;
        }
        default:
          add_part(id, number, bytes);
          model[number] = bytes;
      }
    }
    std::string all;
    std::map<std::uint64_t, std::uint64_t> sizes;
    for (const auto& [number, bytes] : model) {
      all += bytes;
      sizes[number] = bytes.size();
    }
    EXPECT_EQ(staging_->find(id)->parts, sizes);
    if (seed < 5) {
      EXPECT_EQ(staging_->claim(id)->bytes_to_copy(), 0U) << "parts in order lie in place";
    }
    EXPECT_TRUE(stored(id) == all);
  }
}

TEST_F(Uploads, HoldPartsToTheirLength) {
  const std::string id = begin(std::nullopt, true);
  EXPECT_EQ(staging_->add_part(begin(5), 1, 1), nullptr) << "not in parts";
  EXPECT_EQ(staging_->add_part("0", 1, 1), nullptr);
  const auto part = staging_->add_part(id, 1, 3);
  part->append(std::string_view("ab"));
  EXPECT_THROW(part->keep(), storage::Error);
  EXPECT_THROW(part->append(std::string_view("cd")), storage::Error);
  part->append(std::string_view("c"));
  part->keep();
  const auto late = staging_->add_part(id, 2, 1);
  late->append(std::string_view("x"));
  staging_->remove(id);
  EXPECT_THROW(late->keep(), storage::Error);
}

// What a killed process leaves: files that are not whole, lines that were torn.
TEST_F(Uploads, AreReadAsFarAsTheyWereAcknowledged) {
  const std::string id = begin(100'000);
  add(id, "0123456789");
  const std::string parts = begin(std::nullopt, true);
  add_part(parts, 1, "one");
  add_part(parts, 2, "two");
  const fs::path uploads = root_ / "data/uploads";
  std::ofstream(uploads / id / "data", std::ios::app) << "bytes that nobody acknowledged";
  std::ofstream(uploads / parts / "about", std::ios::app) << "part 3 6 99999999";
  fs::create_directory(uploads / std::string(32, 'a'));
  fs::create_directory(uploads / std::string(32, 'b'));
  std::ofstream(uploads / std::string(32, 'b') / "about") << "00000000000000000000\naccount 1\n";
  std::ofstream(uploads / std::string(32, 'b') / "data") << "x";
  fs::create_directory(uploads / "something else");
  restart();
  EXPECT_EQ(kept(id), 10U);
  EXPECT_EQ(fs::file_size(uploads / id / "data"), 10U);
  EXPECT_EQ(staging_->find(parts)->parts.size(), 2U);
  add_part(parts, 3, "three");
  restart();
  EXPECT_EQ(stored(parts), "onetwothree");
  EXPECT_FALSE(fs::exists(uploads / std::string(32, 'a')));
  EXPECT_FALSE(fs::exists(uploads / std::string(32, 'b')));
  EXPECT_TRUE(fs::exists(uploads / "something else"));
}

TEST_F(Uploads, AreFoundByAccountAndLabel) {
  const std::string id = begin(std::nullopt, true);
  EXPECT_EQ(staging_->find(7, "filename \r\n =,")->info.id, id);
  EXPECT_FALSE(staging_->find(8, "filename \r\n =,"));
  EXPECT_FALSE(staging_->find(7, ""));
  staging_->remove(id);
  begin(5);
  EXPECT_FALSE(staging_->find(7, "filename \r\n =,")) << "that is not in parts";
}

}  // namespace
}  // namespace holdfast::test
