// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Properties that hold for every input, over random ones. A case is drawn from a stream of its
/// own, of ATLAS_SEED (1) and its number: what fails is run alone with ATLAS_CASE. ATLAS_CASES
/// (100) is how many there are of a property that costs little.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../catch.hpp"
#include "atlas/core/random.hpp"

namespace atlas_test {

inline std::int64_t number_of_environment(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

/// Calls `check(random)` for each case.
/// \param cost of a case, where 1 is little: of a property that costs more there are as many cases
///             fewer
template <class Check>
void for_each_case(const std::string& property, std::int64_t cost, Check&& check) {
  const std::int64_t seed = number_of_environment("ATLAS_SEED", 1);
  const std::int64_t one = number_of_environment("ATLAS_CASE", -1);
  const std::int64_t all = number_of_environment("ATLAS_CASES", 100);
  const std::int64_t cases = std::max<std::int64_t>(1, all / cost);
  for (std::int64_t c = std::max<std::int64_t>(0, one); c < (one < 0 ? cases : one + 1); ++c) {
    INFO(property << ": run ATLAS_SEED=" << seed << " ATLAS_CASE=" << c);
    atlas::random_stream random(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(c));
    check(random);
  }
  if (one < 0)
    std::printf("%s: %lld cases of seed %lld\n", property.c_str(), static_cast<long long>(cases),
                static_cast<long long>(seed));
}

}  // namespace atlas_test
