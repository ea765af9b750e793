// SPDX-License-Identifier: MIT
#include "ranks.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "atlas/core/errors.hpp"
#include "atlas/version.hpp"

#ifdef ATLAS_MPI
// The bindings to C++ that MPI has given up.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <mutex>
#include <thread>

#include "interrupts.hpp"
#endif

namespace atlas_program {

namespace {

/// Processes that a launcher says it has started, by what it leaves in the environment: Open MPI's,
/// that of MPICH and its kin, and Slurm's with PMIx.
int launched_ranks() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char* size = std::getenv(variable)) return std::atoi(size);
  const char* size = std::getenv("SLURM_STEP_NUM_TASKS");
  return std::getenv("PMIX_RANK") != nullptr && size != nullptr ? std::atoi(size) : 1;
}

#ifndef ATLAS_MPI
/// Which of several processes this is.
int launched_rank() {
  if (launched_ranks() <= 1) return 0;
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"})
    if (const char* place = std::getenv(variable)) return std::atoi(place);
  return 0;
}
#endif

}  // namespace

#ifndef ATLAS_MPI

int rank() {
  return launched_rank();  // of those that are refused, the first says so
}
int ranks() {
  return 1;
}

rank_session::rank_session() {
  if (const int launched = launched_ranks(); launched > 1)
    throw atlas::error("mpirun", "an atlas that was built with MPI (option ATLAS_MPI)",
                       fmt::format("{} processes of one built without, each of which would do all "
                                   "of the work",
                                   launched));
}
rank_session::~rank_session() = default;

void meet(const rank_failure* failure) {
  if (failure != nullptr) throw ranks_failed(failure->message);
}
std::vector<std::string> gather(const std::string& mine) {
  return {mine};
}
std::string broadcast(const std::string& of_rank_0) {
  return of_rank_0;
}
std::string pass_on(std::string mine) {
  return mine;
}
std::string scatter(const std::function<std::string(int)>& part_of) {
  return part_of(0);
}
void tell_failed(atlas::index_t) {}
bool still_wanted(atlas::index_t) {
  return true;
}
int threads_of_a_rank() {
  return 0;
}
void check_same_on_all_ranks(int, char**) {}

#else

namespace {

int this_rank = 0, all_ranks = 1, threads_each = 0;
/// MPI is called from one thread at a time, which also guards what follows.
std::mutex calls;
constexpr std::int64_t no_shard = (std::numeric_limits<std::int64_t>::max)();
/// The lowest shards that this rank has told of and that others have.
std::int64_t own_lowest = no_shard, others_lowest = no_shard;
std::int64_t notices_sent = 0, notices_seen = 0;
constexpr int notice_tag = 1, data_tag = 2;

/// Messages are sent in pieces that MPI, whose counts are int, can send.
constexpr std::size_t piece = std::size_t{1} << 30;

/// What is waited for: that ranks meet, which may take long and is not to keep a processor busy
/// that others of the machine may need; or a message that is on its way, which moves on while one
/// looks.
enum class waiting { for_ranks, for_message };

/// \throws atlas::cancelled after an interrupt
void wait(MPI_Request& request, waiting what) {
  auto pause = std::chrono::microseconds(20);
  for (int done = 0, tries = 0;; ++tries) {
    {
      const std::lock_guard lock(calls);
      MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    }
    if (done != 0) return;
    stop_if_interrupted();
    if (tries < 200) continue;
    if (what == waiting::for_message) {
      std::this_thread::yield();
      continue;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::microseconds(2000));
  }
}

/// Starts something that MPI does and waits for its end.
template <class Begin>
void complete(Begin&& begin, waiting what = waiting::for_message) {
  MPI_Request request = MPI_REQUEST_NULL;
  {
    const std::lock_guard lock(calls);
    begin(&request);
  }
  wait(request, what);
}

void broadcast_bytes(std::string& bytes, int from) {
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    complete([&](MPI_Request* r) {
      MPI_Ibcast(bytes.data() + at, static_cast<int>(std::min(piece, bytes.size() - at)), MPI_BYTE,
                 from, MPI_COMM_WORLD, r);
    });
}

void send_bytes(const std::string& bytes, int to) {
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    complete([&](MPI_Request* r) {
      MPI_Isend(bytes.data() + at, static_cast<int>(std::min(piece, bytes.size() - at)), MPI_BYTE,
                to, data_tag, MPI_COMM_WORLD, r);
    });
}

void receive_bytes(std::string& bytes, int from) {
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    complete([&](MPI_Request* r) {
      MPI_Irecv(bytes.data() + at, static_cast<int>(std::min(piece, bytes.size() - at)), MPI_BYTE,
                from, data_tag, MPI_COMM_WORLD, r);
    });
}

/// What ranks tell each other when they meet.
struct report_of_rank {
  std::int64_t failed = 0, shard = -1, message_bytes = 0, message_hash = 0;
  std::int64_t notices = 0;  ///< that the rank has sent to each of the others
  std::int64_t bytes = 0;    ///< that it brings
};

std::vector<report_of_rank> exchange(const report_of_rank& mine) {
  std::vector<report_of_rank> all(static_cast<std::size_t>(all_ranks));
  complete(
      [&](MPI_Request* r) {
        MPI_Iallgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE,
                       MPI_COMM_WORLD, r);
      },
      waiting::for_ranks);
  return all;
}

/// Takes the notices that ranks have sent, so that none is left behind.
void take_notices(std::int64_t expected) {
  while (notices_seen < expected) {
    std::int64_t shard = 0;
    complete([&](MPI_Request* r) {
      MPI_Irecv(&shard, 1, MPI_INT64_T, MPI_ANY_SOURCE, notice_tag, MPI_COMM_WORLD, r);
    });
    ++notices_seen;
  }
}

/// Of the lowest shard, and of the lowest rank where that failed nowhere or on several.
int first_to_fail(const std::vector<report_of_rank>& all) {
  int first = -1;
  for (int r = 0; r < all_ranks; ++r) {
    const report_of_rank& one = all[static_cast<std::size_t>(r)];
    if (one.failed == 0) continue;
    if (first < 0 || one.shard < all[static_cast<std::size_t>(first)].shard) first = r;
  }
  return first;
}

/// \throws ranks_failed where a rank has failed
void share_failures(const std::vector<report_of_rank>& all, const rank_failure* mine) {
  const int first = first_to_fail(all);
  if (first < 0) return;
  std::int64_t notices = 0;
  for (int r = 0; r < all_ranks; ++r)
    if (r != this_rank) notices += all[static_cast<std::size_t>(r)].notices;
  take_notices(notices);
  const report_of_rank& of = all[static_cast<std::size_t>(first)];
  std::string message(static_cast<std::size_t>(of.message_bytes), ' ');
  if (first == this_rank) message = mine->message;
  broadcast_bytes(message, first);
  const bool alike = std::all_of(all.begin(), all.end(), [&](const report_of_rank& r) {
    return r.failed != 0 && r.shard < 0 && r.message_hash == of.message_hash;
  });
  throw ranks_failed(alike ? message : fmt::format("{} (on rank {})", message, first));
}

/// All meet, each with so many bytes. \throws ranks_failed
std::vector<report_of_rank> meet_with(std::size_t bytes, const rank_failure* failure = nullptr) {
  report_of_rank mine;
  mine.bytes = static_cast<std::int64_t>(bytes);
  if (failure != nullptr) {
    mine.failed = 1;
    mine.shard = failure->shard;
    mine.message_bytes = static_cast<std::int64_t>(failure->message.size());
    mine.message_hash = static_cast<std::int64_t>(std::hash<std::string>()(failure->message) >> 1);
    mine.notices = notices_sent;
  }
  const auto all = exchange(mine);
  share_failures(all, failure);
  return all;
}

/// Ends all ranks where others wait for what cannot come.
[[noreturn]] void abort_all(const std::string& why) {
  fmt::print(stderr, "atlas: {} (on rank {})\n", why, this_rank);
  MPI_Abort(MPI_COMM_WORLD, 2);
  std::abort();
}

std::string part_or_abort(const std::function<std::string(int)>& part_of, int of) {
  try {
    return part_of(of);
  } catch (const atlas::cancelled&) {
    throw;
  } catch (const std::exception& e) {
    abort_all(e.what());
  }
}

/// Of the processors that this rank may run on, its share beside the ranks of the same machine that
/// may run on the same: a launcher binds ranks to processors of their own, or leaves all to all.
int share_of_processors() {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  if (sched_getaffinity(0, sizeof mine, &mine) != 0) CPU_SET(0, &mine);  // one, as far as is known
  MPI_Comm machine = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
  int count = 1;
  MPI_Comm_size(machine, &count);
  std::vector<cpu_set_t> all(static_cast<std::size_t>(count));
  MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, machine);
  MPI_Comm_free(&machine);
  const auto alike = std::count_if(all.begin(), all.end(), [&](const cpu_set_t& other) {
    return CPU_EQUAL(&mine, &other) != 0;
  });
  return std::max(1, CPU_COUNT(&mine) / static_cast<int>(alike));
}

/// Room for what another rank is about to send.
std::string room_for(std::int64_t bytes) {
  try {
    return std::string(static_cast<std::size_t>(bytes), '\0');
  } catch (const std::exception&) {
    abort_all(fmt::format("not enough memory for {} bytes from another rank", bytes));
  }
}

}  // namespace

int rank() {
  return this_rank;
}
int ranks() {
  return all_ranks;
}

rank_session::rank_session() {
  if (launched_ranks() <= 1) return;
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &this_rank);
  MPI_Comm_size(MPI_COMM_WORLD, &all_ranks);
  threads_each = share_of_processors();
  if (provided < MPI_THREAD_SERIALIZED)
    throw atlas::error("MPI", "calls from several threads, one at a time (MPI_THREAD_SERIALIZED)",
                       "an MPI without");
}

rank_session::~rank_session() {
  int started = 0, over = 0;
  MPI_Initialized(&started);
  MPI_Finalized(&over);
  if (started != 0 && over == 0) MPI_Finalize();
}

void meet(const rank_failure* failure) {
  if (all_ranks == 1) {
    if (failure != nullptr) throw ranks_failed(failure->message);
    return;
  }
  meet_with(0, failure);
}

std::vector<std::string> gather(const std::string& mine) {
  if (all_ranks == 1) return {mine};
  const auto all = meet_with(mine.size());
  if (this_rank > 0) {
    send_bytes(mine, 0);
    return {};
  }
  std::vector<std::string> out = {mine};
  for (int r = 1; r < all_ranks; ++r) {
    out.push_back(room_for(all[static_cast<std::size_t>(r)].bytes));
    receive_bytes(out.back(), r);
  }
  return out;
}

std::string broadcast(const std::string& of_rank_0) {
  if (all_ranks == 1) return of_rank_0;
  const auto all = meet_with(this_rank == 0 ? of_rank_0.size() : 0);
  std::string bytes = this_rank == 0 ? of_rank_0 : room_for(all.front().bytes);
  broadcast_bytes(bytes, 0);
  return bytes;
}

std::string scatter(const std::function<std::string(int)>& part_of) {
  if (all_ranks == 1) return part_of(0);
  meet();
  std::int64_t size = 0;
  std::string bytes(sizeof size, '\0');
  if (this_rank > 0) {
    receive_bytes(bytes, 0);
    std::memcpy(&size, bytes.data(), sizeof size);
    std::string part = room_for(size);
    receive_bytes(part, 0);
    return part;
  }
  for (int r = 1; r < all_ranks; ++r) {
    const std::string part = part_or_abort(part_of, r);
    size = static_cast<std::int64_t>(part.size());
    std::memcpy(bytes.data(), &size, sizeof size);
    send_bytes(bytes, r);
    send_bytes(part, r);
  }
  return part_or_abort(part_of, 0);
}

std::string pass_on(std::string mine) {
  if (all_ranks == 1) return mine;
  const auto all = meet_with(mine.size());
  const int next = (this_rank + 1) % all_ranks, previous = (this_rank + all_ranks - 1) % all_ranks;
  std::string got = room_for(all[static_cast<std::size_t>(previous)].bytes);
  const std::size_t most = std::max(mine.size(), got.size());
  for (std::size_t at = 0; at < most; at += piece) {
    MPI_Request sent = MPI_REQUEST_NULL, received = MPI_REQUEST_NULL;
    const auto left = [&](const std::string& s) {
      return static_cast<int>(std::min(piece, s.size() - at));
    };
    {
      const std::lock_guard lock(calls);
      if (at < got.size())
        MPI_Irecv(got.data() + at, left(got), MPI_BYTE, previous, data_tag, MPI_COMM_WORLD,
                  &received);
      if (at < mine.size())
        MPI_Isend(mine.data() + at, left(mine), MPI_BYTE, next, data_tag, MPI_COMM_WORLD, &sent);
    }
    wait(received, waiting::for_message);
    wait(sent, waiting::for_message);
  }
  return got;
}

void tell_failed(atlas::index_t shard) {
  if (all_ranks == 1) return;
  const std::lock_guard lock(calls);
  const auto failed = static_cast<std::int64_t>(shard);
  if (failed >= own_lowest) return;
  own_lowest = failed;
  ++notices_sent;
  for (int r = 0; r < all_ranks; ++r)  // so small that MPI keeps it until it is taken
    if (r != this_rank) MPI_Send(&failed, 1, MPI_INT64_T, r, notice_tag, MPI_COMM_WORLD);
}

bool still_wanted(atlas::index_t shard) {
  if (all_ranks == 1) return true;
  const std::lock_guard lock(calls);
  for (;;) {
    int there = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, notice_tag, MPI_COMM_WORLD, &there, &status);
    if (there == 0) break;
    std::int64_t failed = 0;
    MPI_Recv(&failed, 1, MPI_INT64_T, status.MPI_SOURCE, notice_tag, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
    ++notices_seen;
    others_lowest = std::min(others_lowest, failed);
  }
  return static_cast<std::int64_t>(shard) < others_lowest;
}

int threads_of_a_rank() {
  return threads_each;
}

void check_same_on_all_ranks(int argc, char** argv) {
  if (all_ranks == 1) return;
  std::string mine = fmt::format("{}", atlas::build);
  for (int i = 1; i < argc; ++i) mine += fmt::format(" {}", argv[i]);
  const std::string first = broadcast(mine);
  if (mine != first) {
    const rank_failure failure{
        -1, fmt::format("mpirun: expected the same program and arguments on all ranks, \"{}\" as "
                        "on rank 0, got \"{}\"; ATLAS_PLAIN=1 in the environment makes machines "
                        "with other processors alike",
                        first, mine)};
    meet(&failure);
  }
  meet();
}

#endif

}  // namespace atlas_program
