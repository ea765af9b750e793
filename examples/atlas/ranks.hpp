// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Ranks: processes that `mpirun` starts side by side, on one machine or on many, which divide the
/// work of one command (docs/scaling.md). A plain run is rank 0 of 1, and does not start MPI.

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "atlas/core/tensor_view.hpp"

namespace atlas_program {

int rank();
int ranks();

/// What went wrong on a rank: the program says it once, on rank 0.
struct rank_failure {
  /// Number of the piece of work that failed, in the order of one process; -1: none of them.
  atlas::index_t shard = -1;
  std::string message;
};

/// That a rank failed, which all ranks know, so that it is not to be told again. No atlas::error:
/// those are told, with other names or as a remark, by whoever catches them.
class ranks_failed : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

/// The ranks of this run, from its construction on.
class rank_session {
 public:
  /// Starts MPI where a launcher has started several processes.
  /// \throws error where it has and the program was built without MPI
  rank_session();
  /// Waits for the others, unless one of them is lost.
  ~rank_session();
  rank_session(const rank_session&) = delete;
  rank_session& operator=(const rank_session&) = delete;
};

/// All ranks meet here, whatever they come with; the calls below are all of this one kind, so that
/// a rank that fails meets the others wherever they are.
/// \throws ranks_failed on every rank where some have failed: of the lowest shard
void meet(const rank_failure* failure = nullptr);

/// What every rank brings, by rank: at rank 0, elsewhere nothing.
std::vector<std::string> gather(const std::string& mine);
/// What rank 0 brings.
std::string broadcast(const std::string& of_rank_0);
/// Sends to the next rank, the last to the first, and returns what the previous one sent.
std::string pass_on(std::string mine);
/// Sends a part to each rank. \param part_of of a rank, called at rank 0 alone, for one after the
/// other
std::string scatter(const std::function<std::string(int)>& part_of);

/// Tells the other ranks at once that a shard failed, so that they leave out those after it.
void tell_failed(atlas::index_t shard);
/// Whether no rank has told that this shard or one before it failed.
bool still_wanted(atlas::index_t shard);

/// Processors of each rank, where several are on one machine; 0: all of the machine.
int threads_of_a_rank();

/// \throws error unless all ranks are of one build and were started with the same arguments
void check_same_on_all_ranks(int argc, char** argv);

}  // namespace atlas_program
