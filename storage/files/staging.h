// storage::Staging in a data folder: each upload is a folder below uploads/ with two files
// (docs/storage.md#uploads-that-go-on). Any thread may call the functions of FileStaging; a
// FileStaged and a FilePart belong to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/clock.h"
#include "storage/files/content_store.h"
#include "storage/files/data_folder.h"
#include "storage/staging.h"

namespace holdfast::storage::files {

struct StagedState;  // one upload

class FileStaging final : public Staging {
 public:
  // Reads what earlier processes left in uploads/, and removes what they had not begun in full.
  // Throws OpenError when the folder cannot be read. All arguments must outlive the object, and it
  // must outlive what claim() and add_part() return.
  FileStaging(const DataFolder& folder, FileContentStore& contents, const Clock& clock);
  ~FileStaging() override;

  [[nodiscard]] std::optional<std::string> create(StagedInfo info, std::size_t most) override;
  [[nodiscard]] std::optional<StagedStatus> find(std::string_view id) const override;
  [[nodiscard]] std::optional<StagedStatus> find(AccountId account,
                                                 std::string_view label) const override;
  [[nodiscard]] std::optional<std::uint64_t> finished(AccountId account,
                                                      std::string_view id) const override;
  [[nodiscard]] std::unique_ptr<Staged> claim(std::string_view id) override;
  [[nodiscard]] std::unique_ptr<StagedPart> add_part(std::string_view id, std::uint64_t number,
                                                     std::uint64_t length) override;
  bool remove(std::string_view id) override;
  std::size_t expire(std::int64_t seconds) override;
  [[nodiscard]] std::vector<StagedStatus> list() const override;
  void count_in(std::shared_ptr<SpaceLedger> ledger) override;

 private:
  friend class FileStaged;
  friend class FilePart;

  struct Finished {
    std::string id;
    AccountId account = kNobody;
    std::uint64_t size = 0;
  };

  void load();
  // Opens uploads/, or an upload's folder in it. With `may_make`, makes uploads/ when it is
  // missing.
  [[nodiscard]] Descriptor open_root(bool may_make) const;
  [[nodiscard]] Descriptor open_upload(const std::string& id) const;
  void write_first(const StagedInfo& info);
  void erase_files(const std::string& id) const noexcept;
  // Writes at the end of the upload's file `about`, and flushes it. Call with the state's mutex.
  void add_line(StagedState& state, const std::string& line);
  // Makes the ledger hold as much as the upload has now. Call with mutex_.
  void count(StagedState& state);
  [[nodiscard]] std::shared_ptr<StagedState> state_of(std::string_view id) const;
  bool take_out(const std::shared_ptr<StagedState>& state);

  const DataFolder& folder_;
  FileContentStore& contents_;
  const Clock& clock_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<StagedState>, std::less<>> uploads_;
  std::deque<Finished> finished_;  // the newest last
  std::shared_ptr<SpaceLedger> ledger_;
};

}  // namespace holdfast::storage::files
