// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Counter-based random streams: a draw is a function of (seed, stream, counter), so streams are
/// independent, cost nothing to make, and give the same bits on every platform.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/philox.hpp"
#include "atlas/core/portable_math.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/ziggurat.hpp"

namespace atlas::inline ATLAS_ABI {

/// A stream of random numbers. Satisfies UniformRandomBitGenerator. Copies continue from the same
/// place.
class random_stream {
 public:
  using result_type = std::uint64_t;

  /// Streams of one seed with different numbers are independent; each is 2^65 numbers long.
  explicit random_stream(std::uint64_t seed, std::uint64_t stream = 0)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        stream_(stream) {}

  static constexpr result_type(min)() { return 0; }
  static constexpr result_type(max)() { return (std::numeric_limits<result_type>::max)(); }

  /// 64 random bits.
  result_type operator()() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const auto r = detail::philox(
        {static_cast<std::uint32_t>(counter_), static_cast<std::uint32_t>(counter_ >> 32),
         static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
        key_);
    ++counter_;
    spare_ = (std::uint64_t{r[3]} << 32) | r[2];
    has_spare_ = true;
    return (std::uint64_t{r[1]} << 32) | r[0];
  }

  /// Uniform on (0, 1): never 0, never 1.
  double uniform() { return detail::uniform_from(*this); }

  /// A whole number in [0, n), without bias (Lemire 2019).
  index_t uniform_index(index_t n) {
    if (n <= 0) throw value_error("n", "at least 1", std::to_string(n));
    const auto range = static_cast<std::uint64_t>(n);
    const std::uint64_t reject_below = (0 - range) % range;
    for (;;) {
      const auto [high, low] = multiply((*this)(), range);
      if (low >= reject_below) return static_cast<index_t>(high);
    }
  }

  /// Standard exponential.
  double exponential() { return detail::exponential_from(*this); }

  /// Standard normal.
  double normal() { return detail::normal_from(detail::ziggurat::table(), *this); }

  /// The same numbers as that many calls of `normal()`, in less time.
  template <class Real>
  void fill_normal(Real* out, index_t count) {
    const detail::ziggurat& z = detail::ziggurat::table();
    words ahead(*this);
    index_t i = 0;
    if constexpr (std::is_same_v<Real, float> || std::is_same_v<Real, double>)
      while (i + detail::normals_at_once <= count)
        i += detail::next_normals(z, ahead.of_next(detail::normals_at_once), ahead, out + i);
    for (; i < count; ++i) out[i] = static_cast<Real>(detail::normal_from(z, ahead));
    ahead.give_back();
  }

  /// Gamma with this shape and scale 1: Marsaglia and Tsang, ACM TOMS 26(3), 2000.
  double gamma(double alpha) {
    if (!(alpha > 0)) throw value_error("alpha", "a positive shape", std::to_string(alpha));
    if (alpha < 1) {
      const double boosted = gamma(alpha + 1);
      return boosted * detail::portable_exp(detail::portable_log(uniform()) / alpha);
    }
    const double d = alpha - 1.0 / 3.0;
    const double c = 1 / std::sqrt(9 * d);
    for (;;) {
      const double x = normal();
      const double t = std::fma(c, x, 1.0);
      if (t <= 0) continue;
      const double v = t * t * t;
      const double bound = std::fma(d, 1 - v + detail::portable_log(v), 0.5 * x * x);
      if (detail::portable_log(uniform()) < bound) return d * v;
    }
  }

  /// Square root of a chi-squared variable with n degrees of freedom.
  double chi(index_t n) { return std::sqrt(2 * gamma(0.5 * static_cast<double>(n))); }

 private:
  /// The high and low half of a 128-bit product.
  static std::pair<std::uint64_t, std::uint64_t> multiply(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t mask = 0xFFFFFFFFU;
    const std::uint64_t low = (a & mask) * (b & mask);
    const std::uint64_t cross = (a >> 32) * (b & mask) + (low >> 32);
    const std::uint64_t other = (a & mask) * (b >> 32) + (cross & mask);
    return {(a >> 32) * (b >> 32) + (cross >> 32) + (other >> 32), a * b};
  }

  /// Reads a stream some words ahead.
  class words {
   public:
    explicit words(random_stream& stream) : stream_(stream) {
      if (!stream.has_spare_) return;
      stream.has_spare_ = false;
      ahead_[size - 1] = stream.spare_;
      next_ = size - 1;
    }
    std::uint64_t operator()() {
      of_next(1);
      return ahead_[next_++];
    }
    /// The next words, at most `kept`, which stay the next ones.
    const std::uint64_t* of_next(int count) {
      if (size - next_ < count) read_on();
      return ahead_ + next_;
    }
    void skip(int count) { next_ += count; }
    /// What was not used.
    void give_back() {
      stream_.counter_ -= static_cast<std::uint64_t>((size - next_) / 2);
      stream_.has_spare_ = (size - next_) % 2 == 1;
      stream_.spare_ = stream_.has_spare_ ? ahead_[next_] : 0;
    }

   private:
    /// New words after those that are left.
    void read_on() {
      const int left = size - next_;
      std::copy_n(ahead_ + next_, left, ahead_ + kept - left);
      detail::philox_words<(size - kept) / 2>(stream_.counter_, stream_.stream_, stream_.key_,
                                              ahead_ + kept);
      stream_.counter_ += (size - kept) / 2;
      next_ = kept - left;
    }

    static constexpr int kept = detail::normals_at_once, size = kept + 64;
    random_stream& stream_;
    std::uint64_t ahead_[size];
    int next_ = size;
  };

  std::array<std::uint32_t, 2> key_;
  std::uint64_t stream_;
  std::uint64_t counter_ = 0;
  std::uint64_t spare_ = 0;
  bool has_spare_ = false;
};

/// The seed of a stream of a seed: another for each, and the seed itself for stream 0. What draws
/// from streams of its own, number by number, is given one of these, so that several of its kind
/// share no draws.
[[nodiscard]] inline std::uint64_t seed_of_stream(std::uint64_t seed, std::uint64_t stream) {
  return stream == 0 ? seed : random_stream(seed ^ 0x9E3779B97F4A7C15U, stream)();
}

/// `count` different rows out of `n`, in increasing order, every subset equally likely
/// (Vitter's selection sampling; O(n)).
/// \throws value_error if count > n
[[nodiscard]] inline std::vector<index_t> sample_rows(index_t n, index_t count,
                                                      random_stream& random) {
  if (count < 0 || count > n)
    throw value_error("count", "at most " + std::to_string(n), std::to_string(count));
  std::vector<index_t> rows;
  rows.reserve(static_cast<std::size_t>(count));
  for (index_t i = 0; i < n && count > 0; ++i)
    if (random.uniform_index(n - i) < count) {
      rows.push_back(i);
      --count;
    }
  return rows;
}

/// A random order of 0 .. n-1 (Fisher-Yates).
[[nodiscard]] inline std::vector<index_t> random_permutation(index_t n, random_stream& random) {
  std::vector<index_t> order(static_cast<std::size_t>(n));
  for (index_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
  for (index_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)],
              order[static_cast<std::size_t>(random.uniform_index(i + 1))]);
  return order;
}

}  // namespace atlas::inline ATLAS_ABI
