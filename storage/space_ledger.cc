#include "storage/space_ledger.h"

#include <algorithm>
#include <utility>

namespace holdfast::storage {
namespace {

// The uploads of one account may hold at most 15 of 16 parts of what is above the floor, so that
// others can go on while they last.
constexpr std::uint64_t kParts = 16;

std::string client_of(AccountId account) { return "account " + std::to_string(account); }

}  // namespace

SpaceLedger::SpaceLedger(Limits limits, Available data, Available answers)
    : limits_(limits), data_(std::move(data)), answers_(std::move(answers)) {}

SpaceLedger::Reservation::Reservation(SpaceLedger& ledger, bool upload, std::string client,
                                      std::uint64_t room_bytes)
    : ledger_(&ledger), upload_(upload), client_(std::move(client)), room_bytes_(room_bytes) {}

SpaceLedger::Reservation::Reservation(Reservation&& other) noexcept
    : ledger_(std::exchange(other.ledger_, nullptr)),
      upload_(other.upload_),
      client_(std::move(other.client_)),
      room_bytes_(other.room_bytes_),
      held_(other.held_),
      pending_(other.pending_) {}

SpaceLedger::Reservation::~Reservation() {
  if (ledger_ != nullptr) give_back();
}

void SpaceLedger::Reservation::give_back() noexcept {
  if (held_ > 0) ledger_->take_back(*this);
  held_ = pending_ = 0;
}

SpaceLedger::Verdict SpaceLedger::Reservation::grow(std::uint64_t bytes) {
  return ledger_->grow(*this, bytes);
}

SpaceLedger::Reservation SpaceLedger::upload(AccountId account, std::uint64_t room_bytes) {
  return {*this, true, client_of(account), room_bytes};
}

void SpaceLedger::hold(AccountId account, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (bytes > 0) held_[client_of(account)] += bytes;
}

void SpaceLedger::release(AccountId account, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(client_of(account));
  if (found == held_.end()) return;
  found->second -= std::min(found->second, bytes);
  if (found->second == 0) held_.erase(found);
}

SpaceLedger::Reservation SpaceLedger::answer(const std::string& address) {
  return {*this, false, "address " + address, 0};
}

bool SpaceLedger::fits(std::uint64_t bytes) const {
  if (floor_bytes_ == 0) return true;
  const std::uint64_t available = data_();
  const std::lock_guard lock(mutex_);
  const std::uint64_t kept = floor_bytes_ + pending_;
  return available >= kept && bytes <= available - kept;
}

std::uint64_t SpaceLedger::missing(std::uint64_t bytes) const {
  const std::uint64_t available = data_();
  const std::lock_guard lock(mutex_);
  const std::uint64_t kept = floor_bytes_ + pending_;
  if (floor_bytes_ == 0) return 0;
  if (available < kept) return bytes + (kept - available);
  return bytes - std::min(bytes, available - kept);
}

SpaceLedger::Verdict SpaceLedger::grow(Reservation& reservation, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict =
      reservation.upload_ ? judge_upload(reservation, bytes) : judge_answer(reservation, bytes);
  if (verdict != Verdict::granted || bytes == 0) return verdict;
  held_[reservation.client_] += bytes;
  reservation.held_ += bytes;
  if (!reservation.upload_) {
    answers_held_ += bytes;
    return verdict;
  }
  pending_ -= reservation.pending_;
  reservation.pending_ = reservation.held_ % kPieceBytes;
  pending_ += reservation.pending_;
  return verdict;
}

SpaceLedger::Verdict SpaceLedger::judge_upload(const Reservation& reservation,
                                               std::uint64_t bytes) const {
  const auto found = held_.find(reservation.client_);
  const std::uint64_t held = found == held_.end() ? 0 : found->second;
  if (bytes > reservation.room_bytes_ || held > reservation.room_bytes_ - bytes)
    return Verdict::quota;
  // What stays below a piece is judged when it is written.
  const bool writes = (reservation.held_ + bytes) / kPieceBytes > reservation.held_ / kPieceBytes;
  if (floor_bytes_ == 0 || !writes) return Verdict::granted;
  const std::uint64_t available = data_();
  const std::uint64_t kept = floor_bytes_ + pending_;
  if (available < kept || bytes > available - kept) return Verdict::floor;
  const std::uint64_t all = available - kept + held;
  return held + bytes > all - all / kParts ? Verdict::share : Verdict::granted;
}

SpaceLedger::Verdict SpaceLedger::judge_answer(const Reservation& reservation,
                                               std::uint64_t bytes) const {
  const auto found = held_.find(reservation.client_);
  const std::uint64_t held = found == held_.end() ? 0 : found->second;
  if (held + bytes > limits_.client_answers_bytes || answers_held_ + bytes > limits_.answers_bytes)
    return Verdict::share;
  if (floor_bytes_ == 0) return Verdict::granted;
  const std::uint64_t kept = floor_bytes_ + pending_;
  const std::uint64_t available = answers_();
  return available < kept || bytes > available - kept ? Verdict::floor : Verdict::granted;
}

void SpaceLedger::take_back(const Reservation& reservation) noexcept {
  const std::lock_guard lock(mutex_);
  pending_ -= reservation.pending_;
  if (!reservation.upload_) answers_held_ -= reservation.held_;
  const auto found = held_.find(reservation.client_);
  if (found == held_.end()) return;
  found->second -= std::min(found->second, reservation.held_);
  if (found->second == 0) held_.erase(found);
}

}  // namespace holdfast::storage
