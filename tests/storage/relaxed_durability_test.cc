// What relaxed durability promises after a power cut (docs/storage.md): the store is exactly as it
// was at one moment, which is not before the last barrier, and every content is whole.
#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <map>
#include <random>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

#include "storage/maintenance.h"
#include "storage/sqlite/file/barrier.h"
#include "storage/sqlite/file/wal_vfs.h"
#include "tests/storage/sqlite_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/scale.h"

namespace holdfast::storage {
namespace {

namespace fs = std::filesystem;

// What a content file may be after a power cut that came before it was flushed.
enum class Loss { none, short_file, zeros, no_file };

class Relaxed : public SqliteStore {
 protected:
  // By path: what a file has, in short, and "/" for a collection.
  using State = std::map<std::string, std::string>;

  [[nodiscard]] State state() const {
    State all;
    const auto snapshot = names_->snapshot();
    std::vector<std::pair<std::string, bool>> found;
    snapshot->members(snapshot->resolve(Path()), Depth::infinity, {}, [&](const Member& member) {
      std::string name;
      for (const std::string& segment : member.segments) name += "/" + segment;
      if (!name.empty()) found.emplace_back(name, member.resource.is_collection());
    });
    for (const auto& [name, collection] : found) {
      if (collection) {
        all[name] = "/";
        continue;
      }
      const Content content = snapshot->content(snapshot->resolve(path(name)).resource.value());
      EXPECT_TRUE(content_->verify(content)) << name;
      const std::string bytes = read(name);
      all[name] = std::to_string(bytes.size()) + bytes.substr(0, 1);
      EXPECT_EQ(bytes.find_first_not_of(bytes[0]), bytes.npos) << name;
    }
    return all;
  }

  [[nodiscard]] std::set<fs::path> content_files() const {
    std::set<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(data() + "/blobs"))
      if (entry.is_regular_file()) files.insert(fs::relative(entry.path(), data()));
    return files;
  }

  // What is in the log's file, up to the end of its last commit.
  [[nodiscard]] std::uint64_t log_bytes() const {
    const std::uint64_t bytes = names_->stats().wal_bytes;
    return bytes == 0 ? 0 : bytes + 32;
  }

  // Cuts the power: the log ends after `log` bytes, and each of the files has its loss.
  void cut(std::uint64_t log, const std::map<fs::path, Loss>& losses) {
    const fs::path copy = root_ + "/copy";
    fs::copy(data(), copy, fs::copy_options::recursive);
    close();
    fs::remove_all(data());
    fs::rename(copy, data());
    const fs::path wal = data() + "/meta.db-wal";
    const std::uintmax_t whole = fs::file_size(wal);
    if (log < whole) {
      fs::resize_file(wal, log);
      fs::resize_file(wal, whole);
    }
    for (const auto& [file, loss] : losses) {
      const fs::path at = data() / file;
      if (!fs::exists(at)) continue;
      const std::uintmax_t size = fs::file_size(at);
      if (loss == Loss::no_file) fs::remove(at);
      if (loss == Loss::short_file) fs::resize_file(at, size / 2);
      if (loss != Loss::zeros) continue;
      fs::resize_file(at, 0);
      fs::resize_file(at, size);
    }
  }
};

TEST_F(Relaxed, ABarrierKeepsWhatWasThere) {
  open(Durability::relaxed);
  put_file("f", 80'000, 'a');
  put("g", "sssss");
  names_->checkpoint();
  const State kept = state();
  put_file("f", 90'000, 'b');
  put("g", "ooooo");
  remove("g");
  std::map<fs::path, Loss> losses;
  for (const fs::path& file : content_files()) losses[file] = Loss::none;
  for (auto& [file, loss] : losses)
    if (fs::file_size(data() / file) == 90'000) loss = Loss::short_file;
  cut(UINT64_MAX, losses);
  open(Durability::relaxed);
  EXPECT_EQ(state(), kept);
  expect_sound();
  // And goes on from there.
  put_file("f", 70'000, 'c');
  reopen(Durability::full);
  EXPECT_EQ(read("f"), std::string(70'000, 'c'));
  expect_sound();
}

TEST_F(Relaxed, AKilledProcessLosesNothing) {
  open(Durability::relaxed);
  put_file("f", 80'000, 'a');
  names_->checkpoint();
  put_file("f", 90'000, 'b');
  put_file("new", 80'000, 'n');
  put("g", "sssss");
  const State last = state();
  for (const Durability next : {Durability::relaxed, Durability::full, Durability::relaxed}) {
    cut(UINT64_MAX, {});
    open(next);
    EXPECT_EQ(state(), last);
    expect_sound();
  }
}

// Acts that release or replace content, on a name of their own.
class RelaxedActs : public Relaxed {
 public:
  static std::vector<std::function<void(RelaxedActs&, const std::string&)>> acts() {
    using Self = RelaxedActs;
    return {
        [](Self& s, const std::string& f) {
          s.remove_collection(f);
          s.put_file(f, 70'000, s.next());
        },
        [](Self& s, const std::string& f) {
          s.remove_collection(f);
          s.put(f, std::string(100, s.next()));
        },
        [](Self& s, const std::string& f) { s.safe_save(f, 80'000, s.next()); },
        [](Self& s, const std::string& f) {
          s.put_file("tmp", 90'000, s.next());
          if (s.resolve(f).mapped()) s.move(f, f + ".bak");
          s.move("tmp", f);
          if (s.resolve(f + ".bak").mapped()) s.remove(f + ".bak");
        },
        [](Self& s, const std::string& f) {
          s.put_file("tmp", 75'000, s.next());
          s.copy("tmp", f);
        },
        [](Self& s, const std::string& f) {
          s.put_file("tmp", 76'000, s.next());
          s.copy("tmp", f);
          s.copy("tmp", f);
          s.remove("tmp");
        },
        [](Self& s, const std::string& f) {
          if (s.resolve(f).mapped()) s.remove(f);
        },
        [](Self& s, const std::string& f) {
          s.mkcol("tree");
          s.put_file("tree/m", 85'000, s.next());
          s.move("tree", f);
        },
        [](Self& s, const std::string& f) {
          s.mkcol("tree");
          s.put_file("tree/m", 86'000, s.next());
          s.copy("tree", f);
          s.remove("tree");
        },
        [](Self&, const std::string&) {},
    };
  }
  char next() { return fill_ = fill_ == 'z' ? 'a' : static_cast<char>(fill_ + 1); }

  // The state after every commit, when they are wanted.
  void put(const std::string& name, const std::string& bytes) {
    Relaxed::put(name, bytes);
    note();
  }
  void put_file(const std::string& name, std::size_t size, char fill) {
    Relaxed::put_file(name, size, fill);
    note();
  }
  void mkcol(const std::string& name) {
    Relaxed::mkcol(name);
    note();
  }
  void move(const std::string& from, const std::string& to) {
    Relaxed::move(from, to);
    note();
  }
  void copy(const std::string& from, const std::string& to) {
    Relaxed::copy(from, to);
    note();
  }
  void remove(const std::string& name) {
    Relaxed::remove(name);
    note();
  }
  void remove_collection(const std::string& name) {
    const Resolution at = resolve(name);
    if (at.mapped() && at.resource->is_collection()) remove(name);
  }
  void safe_save(const std::string& name, std::size_t size, char fill) {
    put_file("tmp", size, fill);
    move("tmp", name);
  }
  std::vector<State>* states_ = nullptr;

 private:
  void note() {
    if (states_ != nullptr) states_->push_back(state());
  }
  char fill_ = 'a';
};

// Every three of these acts on one name, with a barrier before any of them, and the worst cut: the
// whole log is there, and none of the new files.
TEST_F(RelaxedActs, EveryThreeActsAndTheWorstCut) {
  const auto all = acts();
  std::vector<std::array<std::size_t, 3>> triples;
  for (std::size_t a = 0; a < all.size(); ++a)
    for (std::size_t b = 0; b < all.size(); ++b)
      for (std::size_t c = 0; c < all.size(); ++c) triples.push_back({a, b, c});
  std::shuffle(triples.begin(), triples.end(), std::mt19937(5));
  // Not so many at a time that the log is moved, which is a barrier as well. In the short version a
  // part of them.
  constexpr std::size_t kAtOnce = 60;
  const std::size_t wanted = test::at_scale<std::size_t>(triples.size(), 120);
  for (std::size_t begin = 0; begin < wanted; begin += kAtOnce) {
    for (std::size_t barrier = 0; barrier < 3; ++barrier) {
      open(Durability::relaxed);
      Maintenance upkeep(*names_, *content_,
                         {.durability = Durability::relaxed, .start_thread = false});
      const auto run = [&](std::size_t place) {
        for (std::size_t i = begin; i < std::min(begin + kAtOnce, triples.size()); ++i)
          all[triples[i][place]](*this, "n" + std::to_string(i));
      };
      for (std::size_t place = 0; place < barrier; ++place) run(place);
      upkeep.round();
      const State kept = state();
      const std::set<fs::path> flushed = content_files();
      const auto number = [&] { return sqlite::BarrierFile(data() + "/meta.db").read()->number; };
      const std::uint64_t before = number();
      for (std::size_t place = barrier; place < 3; ++place) run(place);
      ASSERT_EQ(number(), before);
      std::map<fs::path, Loss> losses;
      for (const fs::path& file : content_files())
        if (!flushed.contains(file)) losses[file] = Loss::no_file;
      ASSERT_FALSE(losses.empty());
      upkeep.stop();
      cut(UINT64_MAX, losses);
      open(Durability::relaxed);
      EXPECT_EQ(state(), kept) << "from " << begin << ", barrier " << barrier;
      expect_sound();
      close();
      fs::remove_all(data());
    }
  }
}

// Random acts, barriers at random moments, the log cut at a random byte after the last one, and a
// random loss of each file that came after it: one of the states since then.
TEST_F(RelaxedActs, RandomActsCutAnywhereLeaveOneMomentSinceTheBarrier) {
  const auto all = acts();
  std::map<std::string, int> seen;  // what became of the cuts
  const unsigned rounds = test::at_scale(60U, 20U);
  for (unsigned seed = 0; seed < rounds; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    open(Durability::relaxed);
    Maintenance upkeep(*names_, *content_,
                       {.durability = Durability::relaxed, .start_thread = false});
    std::vector<State> states;
    states_ = &states;
    std::set<fs::path> flushed;
    std::uint64_t flushed_log = 0;
    const auto barrier = [&] {
      upkeep.round();
      states = {state()};
      flushed = content_files();
      flushed_log = log_bytes();
    };
    barrier();
    // A reader that stays keeps the log from being emptied, so that a barrier lies inside it.
    std::unique_ptr<const Snapshot> reader;
    const int count = 5 + static_cast<int>(random() % 25);
    for (int i = 0; i < count; ++i) {
      if (random() % 8 == 0) reader = random() % 2 == 0 ? names_->snapshot() : nullptr;
      if (random() % 10 == 0) {
        barrier();
        continue;
      }
      all[random() % all.size()](*this, "n" + std::to_string(random() % 4));
    }
    reader.reset();
    std::map<fs::path, Loss> losses;
    const bool kill = random() % 8 == 0;
    const bool loses_files = random() % 2 == 0;
    for (const fs::path& file : content_files())
      if (!flushed.contains(file) && !kill && loses_files)
        losses[file] = static_cast<Loss>(random() % 4);
    std::uint64_t log = log_bytes();
    if (log > flushed_log && !kill && random() % 2 == 0)
      log = flushed_log + random() % (log - flushed_log + 1);
    upkeep.stop();
    cut(std::max<std::uint64_t>(log, 32), losses);
    open(random() % 2 == 0 ? Durability::relaxed : Durability::full);
    const State after = state();
    const auto found = std::ranges::find(states, after);
    EXPECT_NE(found, states.end());
    if (kill) {
      EXPECT_EQ(after, states.back());
    }
    ++seen[found == states.begin() ? "barrier" : found == states.end() - 1 ? "last" : "between"];
    expect_sound();
    close();
    fs::remove_all(data());
  }
  for (const char* which : {"barrier", "between", "last"}) EXPECT_GT(seen[which], 0) << which;
}

TEST_F(Relaxed, NothingIsUnlinkedBeforeABarrierCoversItsRemoval) {
  open(Durability::relaxed);
  put_file("f", 80'000, 'a');
  names_->checkpoint();
  put_file("f", 90'000, 'b');
  EXPECT_EQ(names_->garbage(10).size(), 1U);
  EXPECT_EQ(content_files().size(), 2U);
  Maintenance upkeep(*names_, *content_,
                     {.durability = Durability::relaxed, .start_thread = false});
  upkeep.round();
  EXPECT_EQ(content_files().size(), 1U);
  cut(0, {});  // even with nothing of the log
  open(Durability::relaxed);
  EXPECT_EQ(read("f"), std::string(90'000, 'b'));
}

// When the barrier fails, which is a step behind the list of garbage, everything stays.
TEST_F(Relaxed, NothingIsUnlinkedWhenTheBarrierFails) {
  open(Durability::relaxed);
  put_file("f", 80'000, 'a');
  test::FaultPlan plan;
  test::FaultyNamespace names(*names_, plan);
  Maintenance upkeep(names, *content_, {.durability = Durability::relaxed, .start_thread = false});
  constexpr unsigned kMostSteps = 20;
  for (unsigned step = 1;; ++step) {
    put_file("f", 90'000 + step, 'b');
    ASSERT_EQ(content_files().size(), 2U);
    plan.fail_at(step, Fault::unavailable);
    upkeep.round();
    if (plan.where() == "checkpoint") break;
    ASSERT_LT(step, kMostSteps);
    upkeep.round();
    ASSERT_EQ(content_files().size(), 1U);
  }
  EXPECT_EQ(content_files().size(), 2U);
  upkeep.round();
  EXPECT_EQ(content_files().size(), 1U);
}

// A long log is moved into the database, which begins with a barrier. Its content comes first: one
// that cannot be flushed stops the barrier, and all later writes.
TEST_F(Relaxed, ABarrierWaitsForTheContentBeforeIt) {
  open(Durability::relaxed);
  put_file("f", 80'000, 'a');
  const fs::path file = data() / *content_files().begin();
  fs::remove(file);
  fs::create_symlink("nowhere", file);
  const std::uint64_t before = sqlite::BarrierFile(data() + "/meta.db").read()->number;
  const std::string bytes(65'536, 'x');
  try {
    for (int i = 0; i < 1000 && failure_.empty(); ++i) put("g", bytes);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unavailable);
  }
  EXPECT_NE(failure_, "");
  EXPECT_EQ(sqlite::BarrierFile(data() + "/meta.db").read()->number, before);
}

// In `full` no commit may be cut off, whatever an earlier program in `relaxed` left.
TEST_F(Relaxed, FullDurabilityEndsTheBarriers) {
  open(Durability::relaxed);
  put_file("f", 80'000, 'a');
  EXPECT_TRUE(sqlite::BarrierFile(data() + "/meta.db").read().has_value());
  reopen(Durability::full);
  EXPECT_FALSE(sqlite::BarrierFile(data() + "/meta.db").read().has_value());
  put_file("f", 90'000, 'b');
  cut(UINT64_MAX, {});
  open(Durability::full);
  EXPECT_EQ(read("f"), std::string(90'000, 'b'));
}

TEST(BarrierFile, KeepsTheOneBeforeWhateverHappensToTheNext) {
  const fs::path folder = fs::temp_directory_path() / ("barrier-" + std::to_string(::getpid()));
  fs::create_directory(folder);
  const std::string database = folder / "some.db";
  const std::string file = database + ".barrier";
  sqlite::BarrierFile barriers(database);
  EXPECT_FALSE(barriers.read());
  std::vector<std::string> images;
  for (std::int64_t i = 1; i <= 4; ++i) {
    barriers.write({.salts = 7, .frames = i * 10, .next_content = i});
    const auto read = sqlite::BarrierFile(database).read();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->number, static_cast<std::uint64_t>(i));
    EXPECT_EQ(read->frames, i * 10);
    EXPECT_EQ(read->next_content, i);
    EXPECT_EQ(read->salts, 7U);
    // The place of the newest one, torn at any byte, or of other bytes: the one before.
    for (std::size_t torn = 0; torn < 48; ++torn) {
      const auto place = static_cast<std::streamoff>(i % 2 * 4096 + static_cast<int>(torn));
      std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
      bytes.seekg(place);
      const char was = static_cast<char>(bytes.get());
      bytes.seekp(place);
      bytes.put(static_cast<char>(~was));
      bytes.flush();
      const auto before = sqlite::BarrierFile(database).read();
      EXPECT_EQ(before ? before->number : 0, static_cast<std::uint64_t>(i - 1)) << torn;
      bytes.seekp(place);
      bytes.put(was);
    }
  }
  // A later program goes on counting.
  sqlite::BarrierFile(database).write({.frames = 1});
  EXPECT_EQ(sqlite::BarrierFile(database).read()->number, 5U);
  barriers.end();
  EXPECT_FALSE(sqlite::BarrierFile(database).read());
  sqlite::BarrierFile(database).write({.frames = 2});
  EXPECT_EQ(sqlite::BarrierFile(database).read()->frames, 2);
  EXPECT_EQ(fs::file_size(file), 8192U);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace holdfast::storage
