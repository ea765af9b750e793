// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Threads. Work is cut into tasks that write to places of their own, so results do not depend on
/// how many threads there are or on which of them runs a task. The threads are those of a pool that
/// is started by the first call (worker_pool.hpp), or those of the OpenMP run-time where
/// ATLAS_USE_OPENMP is defined (atlas::openmp).

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <exception>
#include <limits>
#include <mutex>
#include <string>
#include <thread>

#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/worker_pool.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Keeps the exception of the lowest task, so that the error does not depend on timing either.
class first_exception {
 public:
  void keep(index_t task) {
    const std::lock_guard lock(mutex_);
    if (task < task_) {
      task_ = task;
      exception_ = std::current_exception();
    }
  }
  /// Whether a task below this one has failed. Tasks below the lowest that did go on: one of them
  /// may fail too, and its exception is the one to keep.
  bool below(index_t task) const { return task_.load() < task; }
  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::mutex mutex_;
  std::atomic<index_t> task_ = (std::numeric_limits<index_t>::max)();
  std::exception_ptr exception_;
};

/// Runs `work()`, which does not throw, on up to `workers` threads, this one among them.
template <class Work>
void run_workers(index_t workers, const Work& work) {
#ifdef ATLAS_USE_OPENMP
  std::fenv_t modes;  // of rounding, as those of the pool take them over
  std::fegetenv(&modes);
#pragma omp parallel num_threads(static_cast <int>(workers))
  {
    std::fesetenv(&modes);
    work();
  }
#else
  worker_pool::shared().run(workers - 1, work);
#endif
}

}  // namespace detail

/// \param threads 0 asks for as many as the machine has
/// \throws value_error if negative
[[nodiscard]] inline index_t thread_count(int threads) {
  if (threads < 0) throw value_error("threads", "0 (all) or more", std::to_string(threads));
  // Asked once: some standard libraries read files to answer.
  static const auto machine = static_cast<index_t>(std::thread::hardware_concurrency());
  return threads > 0 ? threads : std::max<index_t>(1, machine);
}

/// How many threads calls from inside the tasks of `parallel_for(count, threads, ...)` may have:
/// all of them where tasks run one after the other, otherwise one, since the tasks have the others.
[[nodiscard]] inline int threads_inside(index_t count, int threads) {
  return (std::min)(thread_count(threads), count) > 1 ? 1 : threads;
}

/// Calls `task(i, workspace)` for every i in [0, count), on up to `threads` threads (0: all of the
/// machine). Tasks start in order. If tasks throw, those above the lowest that threw no longer
/// start, and its exception is rethrown: for tasks that throw or not whatever the others do, always
/// the same one.
///
/// \param make makes a workspace. Each thread calls it once, hands its own workspace to its tasks
///             one after the other and destroys it at the end, whether they threw or not.
/// \param task may itself call what takes a number of threads, with `threads_inside`
template <class Make, class Task>
void parallel_for(index_t count, int threads, Make&& make, Task&& task) {
  const index_t workers = (std::min)(thread_count(threads), count);
  if (workers <= 0) return;
  if (workers == 1) {
    auto workspace = make();
    for (index_t i = 0; i < count; ++i) task(i, workspace);
    return;
  }
  std::atomic<index_t> next = 0;
  detail::first_exception failure;
  const auto work = [&] {
    index_t i = next++;
    if (i >= count || failure.below(i)) return;
    try {
      auto workspace = make();
      for (; i < count && !failure.below(i); i = next++) task(i, workspace);
    } catch (...) {
      failure.keep(i);
    }
  };
  detail::run_workers(workers, work);
  failure.rethrow();
}

/// The same for tasks `task(i)` that need no workspace.
template <class Task>
void parallel_for(index_t count, int threads, Task&& task) {
  struct nothing {};
  parallel_for(
      count, threads, [] { return nothing(); }, [&](index_t i, nothing&) { task(i); });
}

}  // namespace atlas::inline ATLAS_ABI
