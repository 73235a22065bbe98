// A SQLite namespace with its content store in a temporary folder, for the tests here.
#pragma once

#include <atomic>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "storage/clock.h"
#include "storage/files/content_store.h"
#include "storage/files/data_folder.h"
#include "storage/files/digest.h"
#include "storage/sqlite/namespace.h"

namespace holdfast::storage {

class TestClock final : public Clock {
 public:
  [[nodiscard]] Millis wall() const override { return now_; }
  [[nodiscard]] Millis lease() const override { return now_; }
  void advance(Millis by) { now_ += by; }
  void set(Millis now) { now_ = now; }

 private:
  std::atomic<Millis> now_{1'700'000'000'000};
};

class SqliteStore : public testing::Test {
 protected:
  SqliteStore() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~SqliteStore() override {
    close();
    std::filesystem::remove_all(root_);
  }

  void open(Durability durability = Durability::full, std::size_t readers = 8) {
    folder_ = std::make_unique<files::DataFolder>(data());
    content_ = std::make_unique<files::FileContentStore>(*folder_, durability);
    sqlite::Options options;
    options.durability = durability;
    options.readers = readers;
    options.on_failure = [this](const Failure& failure) { failure_ = failure.detail; };
    names_ = sqlite::open(folder_->database(), *content_, clock_, options);
  }
  void close() {
    names_.reset();
    content_.reset();
    folder_.reset();
  }
  void reopen(Durability durability = Durability::full) {
    close();
    open(durability);
  }
  [[nodiscard]] std::string data() const { return root_ + "/data"; }

  static Path path(std::string_view text) {
    std::vector<std::string> segments;
    while (!text.empty()) {
      const std::size_t slash = std::min(text.find('/'), text.size());
      if (slash > 0) segments.emplace_back(text.substr(0, slash));
      text.remove_prefix(std::min(slash + 1, text.size()));
    }
    return Path(std::move(segments));
  }
  static Content inline_content(std::string bytes) {
    Content content;
    files::Digester digester(Digests{});
    digester.add(bytes);
    content.checksums = digester.finish();
    content.size = bytes.size();
    content.bytes = std::move(bytes);
    return content;
  }

  Resource put(std::string_view where, const Content& content) {
    Resource made;
    names_->write(Flush::required, [&](Transaction& tx) {
      const Resolution at = tx.resolve(path(where));
      made = tx.put(at.parent.value(), at.path.name(), content, std::nullopt, kNobody);
    });
    return made;
  }
  Resource put(std::string_view where, std::string bytes) {
    return put(where, inline_content(std::move(bytes)));
  }
  // A content file of `size` bytes, stored at `where`.
  Resource put_file(std::string_view where, std::size_t size, char fill) {
    const std::unique_ptr<Upload> upload = content_->begin({});
    upload->append(std::string(size, fill));
    const Resource made = put(where, upload->seal());
    upload->keep();
    return made;
  }
  Resource mkcol(std::string_view where) {
    Resource made;
    names_->write(Flush::required, [&](Transaction& tx) {
      const Resolution at = tx.resolve(path(where));
      made = tx.make_collection(at.parent.value(), at.path.name(), kNobody);
    });
    return made;
  }
  void remove(std::string_view where) {
    names_->write(Flush::required, [&](Transaction& tx) {
      tx.remove_tree(tx.resolve(path(where)).resource.value());
    });
  }
  void move(std::string_view from, std::string_view to) {
    names_->write(Flush::required, [&](Transaction& tx) {
      const Resolution target = tx.resolve(path(to));
      (void)tx.move_tree(tx.resolve(path(from)).resource.value(), target.parent.value(),
                         target.path.name());
    });
  }
  void copy(std::string_view from, std::string_view to, bool recursive = true) {
    names_->write(Flush::required, [&](Transaction& tx) {
      const Resolution target = tx.resolve(path(to));
      (void)tx.copy_tree(tx.resolve(path(from)).resource.value(), recursive, target.parent.value(),
                         target.path.name(), kNobody);
    });
  }
  void lock(std::string_view where, std::string token, bool infinite = false,
            std::int64_t timeout_s = 600) {
    names_->write(Flush::deferrable, [&](Transaction& tx) {
      Lock lock;
      lock.token = token;
      lock.root_id = tx.resolve(path(where)).resource.value().id;
      lock.infinite = infinite;
      lock.timeout_s = timeout_s;
      (void)tx.add_lock(std::move(lock));
    });
  }
  [[nodiscard]] Resolution resolve(std::string_view where) const {
    return names_->snapshot()->resolve(path(where));
  }
  [[nodiscard]] std::string read(std::string_view where) const {
    const auto snapshot = names_->snapshot();
    const Content found = snapshot->content(snapshot->resolve(path(where)).resource.value());
    if (found.is_inline()) return found.bytes;
    std::string bytes(found.size, '\0');
    const auto reader = content_->open(found);
    std::size_t at = 0;
    while (reader && at < bytes.size()) {
      at += reader->read(at, std::span(bytes).subspan(at));
    }
    return bytes;
  }
  void expect_sound() {
    const NamespaceCheck check = names_->check(false);
    EXPECT_TRUE(check.problems.empty()) << check.problems.front();
  }
  [[nodiscard]] std::size_t files() const {
    std::size_t count = 0;
    content_->for_each([&](const std::string&, std::uint64_t) { ++count; });
    return count;
  }

  std::string root_;
  TestClock clock_;
  std::unique_ptr<files::DataFolder> folder_;
  std::unique_ptr<files::FileContentStore> content_;
  std::unique_ptr<Namespace> names_;
  std::string failure_;
};

}  // namespace holdfast::storage
