// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Random bits as a function of a key and a counter, Philox4x32-10: Salmon, Moraes, Dror, Shaw,
/// "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

#include <array>
#include <cstdint>

#include "atlas/core/vector_functions.hpp"

namespace atlas::inline ATLAS_ABI::detail {

inline constexpr int philox_rounds = 10;
inline constexpr std::uint32_t philox_first_factor = 0xD2511F53U,
                               philox_second_factor = 0xCD9E8D57U;

/// The key of the next round.
inline void step_philox_key(std::array<std::uint32_t, 2>& key) {
  key[0] += 0x9E3779B9U;
  key[1] += 0xBB67AE85U;
}

inline std::array<std::uint32_t, 4> philox_round(const std::array<std::uint32_t, 4>& c,
                                                 const std::array<std::uint32_t, 2>& key) {
  const std::uint64_t a = std::uint64_t{philox_first_factor} * c[0],
                      b = std::uint64_t{philox_second_factor} * c[2];
  return {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(b),
          static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ key[1], static_cast<std::uint32_t>(a)};
}

inline std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < philox_rounds; ++round, step_philox_key(key))
    counter = philox_round(counter, key);
  return counter;
}

/// Some counters side by side, a lane each, of which the lower 32 bits count: what the others hold
/// is left by products, and no product reads it.
template <int Vectors>
struct philox_lanes {
  word_vector c[4][Vectors];

  philox_lanes(std::uint64_t first, std::uint64_t stream) {
    for (int v = 0; v < Vectors; ++v) {
      word_vector counter{};
      for (int l = 0; l < vector_of<std::uint64_t>::lanes; ++l) counter[l] = first++;
      c[0][v] = counter;
      c[1][v] = counter >> 32;
      c[2][v] = vector_of<std::uint64_t>::all(stream);
      c[3][v] = vector_of<std::uint64_t>::all(stream >> 32);
    }
  }

  void round(const std::array<std::uint32_t, 2>& key) {
    for (int v = 0; v < Vectors; ++v) {
      const word_vector a = multiply_lower_half(c[0][v], philox_first_factor),
                        b = multiply_lower_half(c[2][v], philox_second_factor);
      c[0][v] = (b >> 32) ^ c[1][v] ^ std::uint64_t{key[0]};
      c[1][v] = b;
      c[2][v] = (a >> 32) ^ c[3][v] ^ std::uint64_t{key[1]};
      c[3][v] = a;
    }
  }

  /// Word 0 or 1 of each lane of a vector.
  word_vector words(int v, int which) const {
    return (c[2 * which + 1][v] << 32) | (c[2 * which][v] & std::uint64_t{0xFFFFFFFFU});
  }
};

/// Two times 64 random bits for each of the counters from `first` on, as `random_stream` gives
/// them.
template <int Counters>
void philox_words(std::uint64_t first, std::uint64_t stream, std::array<std::uint32_t, 2> key,
                  std::uint64_t* out) {
  constexpr int lanes = vector_of<std::uint64_t>::lanes, vectors = vector_registers / 8;
  static_assert(Counters % (lanes * vectors) == 0);
  for (int done = 0; done < Counters; done += lanes * vectors) {
    philox_lanes<vectors> counters(first + static_cast<std::uint64_t>(done), stream);
    std::array<std::uint32_t, 2> of_round = key;
    for (int round = 0; round < philox_rounds; ++round, step_philox_key(of_round))
      counters.round(of_round);
    for (int v = 0; v < vectors; ++v) {
      const word_vector even = counters.words(v, 0), odd = counters.words(v, 1);
      for (int l = 0; l < lanes; ++l, out += 2) {
        out[0] = even[l];
        out[1] = odd[l];
      }
    }
  }
}

}  // namespace atlas::inline ATLAS_ABI::detail
