// The store as the server uses it: SQLite and files in a temporary folder, 1,000 collections of 10
// files. `full` writes include their flush; TMPDIR says on which disk.
#include <atomic>
#include <benchmark/benchmark.h>
#include <filesystem>
#include <memory>
#include <random>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <utility>

#include "dav/path.h"
#include "storage/clock.h"
#include "storage/files/content_store.h"
#include "storage/files/data_folder.h"
#include "storage/sqlite/namespace.h"

namespace {

using namespace holdfast::storage;

constexpr int kCollections = 1000;
constexpr int kFiles = 10;

std::string make_folder() {
  auto name = (std::filesystem::temp_directory_path() / "holdfast-micro-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
  return name;
}

Path path_of(const std::string& url) { return holdfast::dav::parse_url(url, {}, "").path; }

class Store {
 public:
  explicit Store(Durability durability)
      : path_(make_folder()), folder_(path_), contents_(folder_, durability) {
    holdfast::storage::sqlite::Options options;
    options.durability = durability;
    names_ =
        holdfast::storage::sqlite::open(folder_.database(), contents_, clock_, std::move(options));
    content_ = make_content();
    names_->write(Flush::required, [&](Transaction& tx) {
      const auto root = *tx.resolve({}).resource;
      for (int i = 0; i < kCollections; ++i) {
        const auto collection = tx.make_collection(root, "c" + std::to_string(i), kNobody);
        for (int k = 0; k < kFiles; ++k)
          tx.put(collection, "f" + std::to_string(k), content_, std::nullopt, kNobody);
      }
      const auto large = tx.make_collection(root, "large", kNobody);
      for (int i = 0; i < kCollections; ++i)
        tx.put(large, std::to_string(i) + ".txt", content_, std::nullopt, kNobody);
    });
  }
  ~Store() {
    names_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Namespace& names() { return *names_; }
  Content make_content() {
    const std::string bytes(1024, 'x');
    auto upload = contents_.begin({});
    upload->append(bytes);
    return upload->seal();
  }

 private:
  std::string path_;
  SystemClock clock_;
  files::DataFolder folder_;
  files::FileContentStore contents_;
  std::unique_ptr<Namespace> names_;
  Content content_;
};

Store& relaxed() {
  static Store store(Durability::relaxed);
  return store;
}

Store& full() {
  static Store store(Durability::full);
  return store;
}

// A snapshot per question, as requests do.
void Resolve(benchmark::State& state) {
  auto& names = relaxed().names();
  std::minstd_rand random;
  for (auto _ : state) {
    const auto path = path_of("/c" + std::to_string(random() % kCollections) + "/f" +
                              std::to_string(random() % kFiles));
    benchmark::DoNotOptimize(names.snapshot()->resolve(path));
  }
}
BENCHMARK(Resolve)->Threads(1)->Threads(2)->UseRealTime();

void ReadInlineContent(benchmark::State& state) {
  auto& names = relaxed().names();
  for (auto _ : state) {
    const auto snapshot = names.snapshot();
    const auto found = snapshot->resolve(path_of("/c17/f3"));
    benchmark::DoNotOptimize(snapshot->content(*found.resource));
  }
}
BENCHMARK(ReadInlineContent);

// Time per member.
void ListMember(benchmark::State& state) {
  auto& names = relaxed().names();
  std::int64_t seen = 0;
  for (auto _ : state) {
    const auto snapshot = names.snapshot();
    const auto from = snapshot->resolve(path_of("/large"));
    snapshot->members(from, Depth::one, {.properties = false, .locks = true, .checksums = false},
                      [&](const Member& member) {
                        benchmark::DoNotOptimize(member.resource.size);
                        ++seen;
                      });
  }
  state.SetItemsProcessed(seen);
}
BENCHMARK(ListMember);

void StageInlineContent(benchmark::State& state) {
  auto& store = relaxed();
  for (auto _ : state) benchmark::DoNotOptimize(store.make_content());
}
BENCHMARK(StageInlineContent);

void put(benchmark::State& state, Store& store, bool fresh) {
  auto& names = store.names();
  const auto content = store.make_content();
  const auto thread = std::to_string(state.thread_index());
  std::int64_t count = 0;
  static std::atomic<int> run = 0;
  const auto prefix = std::to_string(++run) + "-" + thread + "-";
  for (auto _ : state) {
    const auto name = prefix + (fresh ? std::to_string(++count) : "same");
    names.write(Flush::required, [&](Transaction& tx) {
      const auto parent = *tx.resolve(path_of("/c17")).resource;
      benchmark::DoNotOptimize(tx.put(parent, name, content, std::nullopt, kNobody));
    });
  }
  state.SetItemsProcessed(state.iterations());
}

void PutNewRelaxed(benchmark::State& state) { put(state, relaxed(), true); }
BENCHMARK(PutNewRelaxed)->Threads(1)->Threads(16)->UseRealTime();

void PutNewFull(benchmark::State& state) { put(state, full(), true); }
BENCHMARK(PutNewFull)->Threads(1)->Threads(16)->UseRealTime();

void PutOverRelaxed(benchmark::State& state) { put(state, relaxed(), false); }
BENCHMARK(PutOverRelaxed)->Threads(1)->Threads(16)->UseRealTime();

void PutOverFull(benchmark::State& state) { put(state, full(), false); }
BENCHMARK(PutOverFull)->Threads(1)->Threads(16)->UseRealTime();

// A file there and back again.
void MoveRelaxed(benchmark::State& state) {
  auto& names = relaxed().names();
  static bool there = false;  // the library runs this function several times
  for (auto _ : state) {
    names.write(Flush::required, [&](Transaction& tx) {
      const auto found = tx.resolve(path_of(there ? "/c20/moved" : "/c20/f0"));
      benchmark::DoNotOptimize(
          tx.move_tree(*found.resource, *found.parent, there ? "f0" : "moved"));
    });
    there = !there;
  }
}
BENCHMARK(MoveRelaxed);

// What a user's changes cost while the past is kept (1), and while it is not (0). Each has a
// collection of its own.
class Keeping {
 public:
  explicit Keeping(benchmark::State& state) : names_(relaxed().names()) {
    const bool kept = state.range(0) != 0;
    names_.keep({.trash = kept, .versions = kept});
    static int run = 0;
    folder_ = "/keeping-" + std::to_string(++run);
    names_.write(Flush::required, [&](Transaction& tx) {
      (void)tx.make_collection(*tx.resolve({}).resource, folder_.substr(1), kNobody);
    });
    for (const char* name : {"a", "b"}) store(name);
  }
  ~Keeping() { names_.keep({}); }
  Keeping(const Keeping&) = delete;
  Keeping& operator=(const Keeping&) = delete;

  void store(const std::string& name) {
    const Content content = relaxed().make_content();
    names_.write(Flush::required, [&](Transaction& tx) {
      tx.put(*at(tx, "").resource, name, content, std::nullopt, kNobody);
    });
  }
  void move(const std::string& from, const std::string& to) {
    names_.write(Flush::required, [&](Transaction& tx) {
      const Resolution source = at(tx, "/" + from);
      tx.move_tree(*source.resource, *source.parent, to);
    });
  }
  void remove(const std::string& name) {
    names_.write(Flush::required,
                 [&](Transaction& tx) { tx.remove_tree(*at(tx, "/" + name).resource); });
  }

 private:
  [[nodiscard]] Resolution at(const Transaction& tx, const std::string& name) const {
    return tx.resolve(path_of(folder_ + name));
  }
  Namespace& names_;
  std::string folder_;
};

void KeepingMove(benchmark::State& state) {
  Keeping files(state);
  for (auto _ : state) {
    files.move("a", "c");
    files.move("c", "a");
  }
}
BENCHMARK(KeepingMove)->Arg(0)->Arg(1);

void KeepingPutAndMoveOver(benchmark::State& state) {
  Keeping files(state);
  for (auto _ : state) {
    files.store("new");
    files.move("new", "a");
  }
}
BENCHMARK(KeepingPutAndMoveOver)->Arg(0)->Arg(1);

// By one account within a minute, so no content becomes a version.
void KeepingPutOver(benchmark::State& state) {
  Keeping files(state);
  for (auto _ : state) files.store("a");
}
BENCHMARK(KeepingPutOver)->Arg(0)->Arg(1);

void KeepingPutAndDelete(benchmark::State& state) {
  Keeping files(state);
  for (auto _ : state) {
    files.store("new");
    files.remove("new");
  }
}
BENCHMARK(KeepingPutAndDelete)->Arg(0)->Arg(1);

// An editor's save: the new content under another name, the old one renamed, the new one renamed
// into its place, the old one removed.
void KeepingSave(benchmark::State& state) {
  Keeping files(state);
  for (auto _ : state) {
    files.store("new");
    files.move("a", "old");
    files.move("new", "a");
    files.remove("old");
  }
}
BENCHMARK(KeepingSave)->Arg(0)->Arg(1);

void LockAndUnlock(benchmark::State& state) {
  auto& names = relaxed().names();
  std::int64_t count = 0;
  for (auto _ : state) {
    Lock lock;
    lock.token = "urn:uuid:00000000-0000-4000-8000-" + std::to_string(100'000'000'000 + ++count);
    lock.timeout_s = 600;
    names.write(Flush::deferrable, [&](Transaction& tx) {
      lock.root_id = tx.resolve(path_of("/c21/f0")).resource->id;
      benchmark::DoNotOptimize(lock = tx.add_lock(lock));
    });
    names.write(Flush::deferrable, [&](Transaction& tx) { tx.remove_lock(lock); });
  }
}
BENCHMARK(LockAndUnlock);

}  // namespace
