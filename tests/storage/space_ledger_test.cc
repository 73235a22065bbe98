// Reservations of space (storage/space_ledger.h; docs/robustness.md, Space).
#include "storage/space_ledger.h"

#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <thread>
#include <vector>

namespace holdfast::storage {
namespace {

using Verdict = SpaceLedger::Verdict;
constexpr std::uint64_t kPiece = SpaceLedger::kPieceBytes;
constexpr std::uint64_t kAny = std::uint64_t{1} << 60;

struct Disk {
  explicit Disk(std::uint64_t available_bytes, SpaceLedger::Limits limits = {})
      : available(available_bytes),
        ledger(
            limits, [this] { return available; }, [this] { return available; }) {}

  std::uint64_t available;
  SpaceLedger ledger;
};

TEST(SpaceLedger, WithoutAFloorTheDiskAloneDecides) {
  Disk disk(0);
  EXPECT_TRUE(disk.ledger.fits(kAny));
  auto upload = disk.ledger.upload(1, kAny);
  EXPECT_EQ(upload.grow(10 * kPiece), Verdict::granted);
}

TEST(SpaceLedger, NoUploadCrossesTheFloor) {
  Disk disk(100 * kPiece);
  disk.ledger.set_floor(40 * kPiece);
  EXPECT_TRUE(disk.ledger.fits(60 * kPiece));
  EXPECT_FALSE(disk.ledger.fits(60 * kPiece + 1));
  auto upload = disk.ledger.upload(1, kAny);
  // What is granted is written at once, as an upload does.
  std::uint64_t granted = 0;
  for (int i = 0; i < 200 && upload.grow(kPiece) == Verdict::granted; ++i) {
    ++granted;
    disk.available -= kPiece;
  }
  EXPECT_GE(disk.available, 40 * kPiece);
  EXPECT_EQ(granted, 56U) << "all but a sixteenth of the 60 pieces above the floor";
  disk.available = 0;  // another program
  auto other = disk.ledger.upload(2, kAny);
  EXPECT_EQ(other.grow(kPiece - 1), Verdict::granted) << "nothing is written yet";
  EXPECT_EQ(other.grow(1), Verdict::floor);
  EXPECT_FALSE(disk.ledger.fits(0));
}

// The last parts of uploads stay in memory for a while: they count although the disk does not show
// them.
TEST(SpaceLedger, WhatIsNotWrittenYetCounts) {
  Disk disk(11 * kPiece);
  disk.ledger.set_floor(kPiece);
  std::vector<SpaceLedger::Reservation> uploads;
  for (int account = 1; account <= 10; ++account) {
    uploads.push_back(disk.ledger.upload(account, kAny));
    EXPECT_EQ(uploads.back().grow(kPiece - 1), Verdict::granted);
  }
  EXPECT_TRUE(disk.ledger.fits(10));
  EXPECT_FALSE(disk.ledger.fits(11));
  uploads.pop_back();
  EXPECT_TRUE(disk.ledger.fits(kPiece));
  uploads.clear();
  EXPECT_TRUE(disk.ledger.fits(10 * kPiece));
}

TEST(SpaceLedger, UploadsOfOneAccountKeepItsQuotaTogether) {
  Disk disk(kAny);
  std::optional<SpaceLedger::Reservation> first(disk.ledger.upload(1, 100));
  auto second = disk.ledger.upload(1, 100);
  auto others = disk.ledger.upload(2, 100);
  EXPECT_EQ(first->grow(60), Verdict::granted);
  EXPECT_EQ(second.grow(41), Verdict::quota);
  EXPECT_EQ(second.grow(40), Verdict::granted);
  EXPECT_EQ(second.grow(1), Verdict::quota);
  EXPECT_EQ(others.grow(100), Verdict::granted);
  EXPECT_EQ(others.grow(101), Verdict::quota);
  first.reset();
  EXPECT_EQ(second.grow(60), Verdict::granted);
  EXPECT_EQ(second.grow(1), Verdict::quota);
}

TEST(SpaceLedger, AnswersAreBoundedForOneClientAndForAll) {
  Disk disk(1000, {.answers_bytes = 100, .client_answers_bytes = 60});
  auto first = disk.ledger.answer("192.0.2.1");
  auto again = disk.ledger.answer("192.0.2.1");
  auto other = disk.ledger.answer("192.0.2.2");
  EXPECT_EQ(first.grow(50), Verdict::granted);
  EXPECT_EQ(again.grow(11), Verdict::share);
  EXPECT_EQ(again.grow(10), Verdict::granted);
  EXPECT_EQ(other.grow(41), Verdict::share) << "all together";
  EXPECT_EQ(other.grow(40), Verdict::granted);
  { const auto gone = std::move(first); }
  EXPECT_EQ(other.grow(20), Verdict::granted);
}

TEST(SpaceLedger, NoAnswerCrossesTheFloor) {
  Disk disk(1000);
  disk.ledger.set_floor(900);
  auto answer = disk.ledger.answer("192.0.2.1");
  EXPECT_EQ(answer.grow(101), Verdict::floor);
  EXPECT_EQ(answer.grow(100), Verdict::granted);
  disk.available = 900;
  EXPECT_EQ(answer.grow(1), Verdict::floor);
}

// Whatever many threads reserve and give back, nothing is held in the end.
TEST(SpaceLedger, EverythingComesBack) {
  Disk disk(kAny);
  disk.ledger.set_floor(kAny - 4 * kPiece);
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int round = 0; round < 300; ++round) {
        auto reservation = random() % 2 == 0
                               ? disk.ledger.upload(static_cast<AccountId>(random() % 3), 1000)
                               : disk.ledger.answer(std::to_string(random() % 3));
        for (int step = 0; step < 5; ++step) static_cast<void>(reservation.grow(random() % 400));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(disk.ledger.fits(4 * kPiece));
  for (AccountId account = 0; account < 3; ++account)
    EXPECT_EQ(disk.ledger.upload(account, 1000).grow(1000), Verdict::granted);
  EXPECT_EQ(disk.ledger.answer("0").grow(4 * kPiece), Verdict::granted);
}

}  // namespace
}  // namespace holdfast::storage
