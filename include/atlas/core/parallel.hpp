#pragma once
/// \file
/// Threads. Work is cut into tasks that write to places of their own, so results do not depend on
/// how many threads there are or on which of them runs a task. The threads are the standard
/// library's, or those of the OpenMP run-time where ATLAS_USE_OPENMP is defined (atlas::openmp).

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas {

namespace detail {

/// Set inside a task, where further parallel_for calls run on the spot.
inline bool& inside_task() {
  thread_local bool inside = false;
  return inside;
}

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
  bool any() const { return task_.load() != (std::numeric_limits<index_t>::max)(); }
  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::mutex mutex_;
  std::atomic<index_t> task_ = (std::numeric_limits<index_t>::max)();
  std::exception_ptr exception_;
};

/// Runs `work()` on `workers` threads, this one among them.
template <class Work>
void run_workers(index_t workers, Work&& work) {
#ifdef ATLAS_USE_OPENMP
#pragma omp parallel num_threads(static_cast <int>(workers))
  work();
#else
  std::vector<std::jthread> others;
  for (index_t t = 1; t < workers; ++t) others.emplace_back(work);
  work();
#endif
}

}  // namespace detail

/// \param threads 0 asks for as many as the machine has
/// \throws value_error if negative
inline index_t thread_count(int threads) {
  if (threads < 0) throw value_error("threads", "0 (all) or more", std::to_string(threads));
  // Asked once: some standard libraries read files to answer.
  static const auto machine = static_cast<index_t>(std::thread::hardware_concurrency());
  return threads > 0 ? threads : std::max<index_t>(1, machine);
}

/// Calls `task(i)` for every i in [0, count), on up to `threads` threads (0: all of the machine).
/// Tasks start in order. If tasks throw, no new ones start and the exception of the lowest task
/// that threw is rethrown. A call from inside a task runs serially.
template <class Task>
void parallel_for(index_t count, int threads, Task&& task) {
  const index_t workers = (std::min)(detail::inside_task() ? 1 : thread_count(threads), count);
  if (workers <= 1) {
    for (index_t i = 0; i < count; ++i) task(i);
    return;
  }
  std::atomic<index_t> next = 0;
  detail::first_exception failure;
  const auto work = [&] {
    bool& inside = detail::inside_task();
    inside = true;
    for (index_t i = next++; i < count && !failure.any(); i = next++) {
      try {
        task(i);
      } catch (...) {
        failure.keep(i);
      }
    }
    inside = false;
  };
  detail::run_workers(workers, work);
  failure.rethrow();
}

}  // namespace atlas
