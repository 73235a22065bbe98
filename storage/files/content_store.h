// storage::ContentStore in a data folder. Each content over 64 KiB is one file, written once and
// named by 128 random bits (docs/storage.md#crash-at-each-step). Smaller content stays in memory,
// for the namespace's own store. Any thread may call any function; an Upload belongs to one thread
// at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "storage/content.h"
#include "storage/files/data_folder.h"
#include "storage/files/sound_contents.h"

namespace holdfast::storage::files {

class FileContentStore final : public ContentStore {
 public:
  // Removes what uploads of an earlier process left in tmp/. `folder` must outlive the store.
  // `on_failure` is called when the flush of a file or folder fails: from then on every upload of a
  // file is refused with `unavailable`, and the program has to start again (docs/robustness.md
  // G10).
  FileContentStore(const DataFolder& folder, Durability durability, OnFailure on_failure = {});

  [[nodiscard]] std::unique_ptr<Upload> begin(Digests digests) override;
  [[nodiscard]] std::unique_ptr<ContentReader> open(const Content& content) override;
  void remove(const std::string& blob) override;
  // In `relaxed` durability, flushes the files sealed since the last flush. The first flush of a
  // store also covers what an earlier process had not flushed.
  void flush() override;
  // Leaves out files that uploads still hold: no row names them yet, and they must not be swept.
  void for_each(
      const std::function<void(const std::string& blob, std::uint64_t size)>& visit) override;
  void set_aside(const std::string& blob) override;
  void flush_aside() override;
  [[nodiscard]] bool take_back(const Content& content) override;
  [[nodiscard]] std::string displaced() const override { return folder_.displaced(); }
  [[nodiscard]] bool verify(const Content& content) override;
  void require_sound(std::int64_t id, const Content& content) override;
  [[nodiscard]] bool is_known_sound(std::int64_t id) const override {
    return verified_.contains(Mark(id));
  }
  void note_sound(std::int64_t id) override { verified_.add(Mark(id)); }
  [[nodiscard]] Space space() const override;

 private:
  friend class FileUpload;
  friend class LinkedUpload;
  friend class FileStaging;
  friend class FileStaged;
  friend class FilePart;

  // Returns an upload of `size` bytes, more than kInlineLimitBytes, that are in the file `name` of
  // `folder`, open as `fd`. Sealing it gives the file a second name in blobs/; the first stays.
  [[nodiscard]] std::unique_ptr<Upload> link(Descriptor folder, std::string name, Descriptor fd,
                                             std::uint64_t size, const Checksums& checksums);

  void hold(const std::string& blob);
  void let_go(const std::string& blob);
  [[nodiscard]] bool held(const std::string& blob);
  void flush_sealed(int fd, const std::string& name);
  void refuse_if_failed() const;
  void sealed_unflushed(const std::string& blob);
  // Opens the folder for `blob`; makes it when it is missing. In `full` durability the folder's
  // name is on disk when this returns.
  [[nodiscard]] Descriptor folder_for(const std::string& blob);
  void flush_all();
  void flush_one(const std::string& blob);

  const DataFolder& folder_;
  Durability durability_;
  OnFailure on_failure_;
  std::atomic<bool> failed_ = false;
  SoundContents verified_;
  // Indexed by the first two digits: true when the folder's name is known to be on disk. An earlier
  // process may have died between making the folder and flushing its name.
  std::array<std::atomic<bool>, 256> named_{};
  std::mutex flush_mutex_;  // held during a flush: one at a time
  bool flushed_earlier_ = false;
  std::mutex mutex_;  // guards the two below
  std::set<std::string> unflushed_;
  std::set<std::string> held_;  // files of uploads: sealed, and neither kept nor removed
};

}  // namespace holdfast::storage::files
