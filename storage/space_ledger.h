// Reserves space on the disk for what requests write before anything names it: uploads as they
// arrive, and the parts of answers that wait for their clients. All of them together keep the
// free-space floor, an account's uploads keep its quota, and no client can take all that is left.
// Any thread may call any function.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "storage/history.h"
#include "storage/model.h"

namespace holdfast::storage {

class SpaceLedger {
 public:
  // Limits of what waits for clients.
  struct Limits {
    std::uint64_t answers_bytes = std::uint64_t{4} << 30;         // in all
    std::uint64_t client_answers_bytes = std::uint64_t{1} << 30;  // for one client
  };
  // Returns the bytes that can still be written to a file system.
  using Available = std::function<std::uint64_t()>;
  // `data` tells of the disk with the data, `answers` of that where answers wait.
  SpaceLedger(Limits limits, Available data, Available answers);
  SpaceLedger(const SpaceLedger&) = delete;
  SpaceLedger& operator=(const SpaceLedger&) = delete;

  enum class Verdict {
    granted,
    floor,  // less than the floor would be left
    share,  // too much of the space, or of the limit, would be one client's
    quota,  // the uploads of the account would exceed its quota
  };

  // What one upload or one waiting answer holds. It is given back when the object is destroyed,
  // which must be before the ledger is. One thread at a time.
  class Reservation {
   public:
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation();

    // Call before `bytes` more are written. When they are not granted, nothing more is held.
    [[nodiscard]] Verdict grow(std::uint64_t bytes);
    // Gives back all that is held, because SpaceLedger::hold holds it now.
    void give_back() noexcept;

   private:
    friend class SpaceLedger;
    Reservation(SpaceLedger& ledger, bool upload, std::string client, std::uint64_t room_bytes);

    SpaceLedger* ledger_;
    bool upload_;
    std::string client_;
    std::uint64_t room_bytes_;  // of an account's quota
    std::uint64_t held_ = 0;
    std::uint64_t pending_ = 0;  // of an upload: not yet written
  };

  // For an upload of this account, whose quota has room for `room_bytes`.
  [[nodiscard]] Reservation upload(AccountId account, std::uint64_t room_bytes);
  // For an answer to the client with this address.
  [[nodiscard]] Reservation answer(const std::string& address);

  // Holds bytes of uploads that outlive their requests (storage/staging.h), and gives them back.
  // They are on the disk already.
  void hold(AccountId account, std::uint64_t bytes);
  void release(AccountId account, std::uint64_t bytes);

  // Sets the free-space floor; 0, as in the beginning, means none.
  void set_floor(std::uint64_t bytes) { floor_bytes_ = bytes; }
  // Returns true when `bytes` more can be written to the data's disk at once.
  [[nodiscard]] bool fits(std::uint64_t bytes) const;

  // Returns by how many bytes less than `bytes` can be written to the data's disk at once.
  [[nodiscard]] std::uint64_t missing(std::uint64_t bytes) const;

  // Gives up what is kept of the past until there is room. Returns false when nothing was given up.
  using MakeRoom = std::function<bool(const Shortage&)>;
  // Call before the first request.
  void set_make_room(MakeRoom make_room) { make_room_ = std::move(make_room); }
  // Call when a write was refused, outside of any snapshot and transaction, and judge it again when
  // this returns true. May take as long as a large tree in the trash takes to be removed.
  [[nodiscard]] bool make_room(const Shortage& shortage) const {
    return make_room_ && make_room_(shortage);
  }

  // An upload is written, and judged against the floor, in pieces of this size.
  static constexpr std::uint64_t kPieceBytes = 256 * 1024;

 private:
  [[nodiscard]] Verdict grow(Reservation& reservation, std::uint64_t bytes);
  [[nodiscard]] Verdict judge_upload(const Reservation& reservation, std::uint64_t bytes) const;
  [[nodiscard]] Verdict judge_answer(const Reservation& reservation, std::uint64_t bytes) const;
  void take_back(const Reservation& reservation) noexcept;

  const Limits limits_;
  const Available data_;
  const Available answers_;
  MakeRoom make_room_;
  std::atomic<std::uint64_t> floor_bytes_ = 0;
  mutable std::mutex mutex_;                                // guards what follows
  std::map<std::string, std::uint64_t, std::less<>> held_;  // by client
  std::uint64_t pending_ = 0;
  std::uint64_t answers_held_ = 0;
};

}  // namespace holdfast::storage
