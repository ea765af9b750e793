// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Work that is cut into shards, which ranks divide among them.

#include <functional>
#include <string>
#include <vector>

#include "common.hpp"

namespace atlas_program {

struct shared_work {
  atlas::index_t shards = 0;
  /// Which rank does a shard. Empty: shard i is of rank i mod P.
  std::function<int(atlas::index_t)> owner = {};
  std::function<std::string(atlas::index_t)> name;  ///< of a shard, for errors
  std::function<std::string(atlas::index_t)> work;  ///< bytes that it gives
  int threads = 1;  ///< shards that a rank does side by side; 0: as the machine has
};

/// Each shard on the rank that it is of, in order. \return what they give, at rank 0, and elsewhere
/// nothing
/// \throws what one process would: of the lowest shard that fails, on all ranks
std::vector<std::string> share_work(const shared_work& shared);

/// The same, at all ranks.
std::vector<std::string> share_work_with_all(const shared_work& shared);

/// JSON as bytes and back, NaN and infinities included.
std::string packed(const json& value);
json unpacked(const std::string& bytes);

/// Strings as one, and back.
std::string joined(const std::vector<std::string>& parts);
std::vector<std::string> separated(const std::string& bytes);

}  // namespace atlas_program
