// Latencies in buckets of at most 1.6 % width: constant memory, one increment to record. One
// thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace holdfast::bench {

class Histogram {
 public:
  void record(std::uint64_t nanoseconds) {
    ++counts_[bucket(nanoseconds)];
    ++total_;
    sum_ += nanoseconds;
    if (nanoseconds > largest_) largest_ = nanoseconds;
  }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t largest() const { return largest_; }
  [[nodiscard]] double mean() const {
    return total_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(total_);
  }
  // The upper end of the bucket in which `share` (0 to 1) of the values are reached, in
  // nanoseconds.
  [[nodiscard]] std::uint64_t quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return upper(i) < largest_ ? upper(i) : largest_;
    }
    return largest_;
  }

 private:
  static constexpr unsigned kBits = 6;  // buckets per power of two: 64
  static constexpr std::size_t kBuckets = (64 - kBits + 1) << kBits;

  // Small values have a bucket each; above, the top kBits + 1 bits choose it.
  static std::size_t bucket(std::uint64_t value) {
    if (value < (1U << kBits)) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
    return ((static_cast<std::size_t>(shift) + 1) << kBits) +
           static_cast<std::size_t>((value >> shift) - (1U << kBits));
  }
  static std::uint64_t upper(std::size_t index) {
    if (index < (1U << kBits)) return index;
    const auto shift = (index >> kBits) - 1;
    return (((std::uint64_t{1} << kBits) + (index & ((1U << kBits) - 1)) + 1) << shift) - 1;
  }

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace holdfast::bench
