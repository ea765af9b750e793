// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Threads that are started once and wait for work, behind `parallel_for`.

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "atlas/core/tensor_view.hpp"

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace atlas::inline ATLAS_ABI::detail {

/// The processor that this thread is on, or -1 where that is not known.
inline int current_processor() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

/// Moves this thread to another of the processors that it may be on, if it is on this one. Linux
/// wakes a thread where its waker runs unless another processor is idle; on a busy machine a caller
/// and its helper would take turns on one.
inline void leave_processor([[maybe_unused]] int processor) {
#if defined(__linux__)
  cpu_set_t allowed;
  if (processor < 0 || sched_getcpu() != processor ||
      sched_getaffinity(0, sizeof allowed, &allowed) != 0)
    return;
  cpu_set_t others = allowed;
  CPU_CLR(static_cast<std::size_t>(processor), &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  sched_setaffinity(0, sizeof allowed, &allowed);
#endif
}

/// Threads that help whoever calls `run`. A caller never waits for a thread to come: it works
/// itself, then takes its work back and waits only for those that have begun. So nested calls,
/// calls from several threads and a machine that gives no threads all end.
///
/// A pool is never destroyed, so that calls from destructors of static objects have one; its
/// threads wait until the process ends. They have the signal mask and the processors of the thread
/// whose call started them, and for each piece of work the rounding and other floating-point modes
/// of its caller.
class worker_pool {
 public:
  /// The pool of this process, made by the first call. In a child of `fork`, where only the thread
  /// that called it goes on, it is a new one. (A task must not fork and return in the child.)
  static worker_pool& shared() {
    static std::atomic<worker_pool*> current = nullptr;
    worker_pool* pool = current.load();
    while (pool == nullptr || pool->process_ != this_process()) {
      auto* const fresh = new worker_pool(pool);
      if (current.compare_exchange_strong(pool, fresh)) return *fresh;
      delete fresh;
    }
    return *pool;
  }

  /// Calls `work()`, which does not throw, here and on up to `helpers` other threads; returns when
  /// all of these calls have ended. Threads are started where fewer wait than are wanted, and where
  /// that fails fewer help.
  template <class Work>
  void run(index_t helpers, const Work& work) {
    job j;
    j.call = [](const void* w) { (*static_cast<const Work*>(w))(); };
    j.work = &work;
    j.wanted = helpers;
    std::fegetenv(&j.modes);
    j.processor = current_processor();
    open(j);
    work();
    close(j);
  }

 private:
  struct job {
    void (*call)(const void*) = nullptr;
    const void* work = nullptr;
    index_t wanted = 0;   ///< threads that may still begin
    index_t running = 0;  ///< threads that have begun and not ended
    std::fenv_t modes{};
    int processor = -1;  ///< that the caller is on
    std::condition_variable ended{};
  };

  explicit worker_pool(worker_pool* before) : before_(before) {}

  static long this_process() {
#if __has_include(<unistd.h>)
    return static_cast<long>(getpid());
#else
    return 0;  // no fork either
#endif
  }

  void open(job& j) {
    const index_t helpers = j.wanted;  // a thread may begin as soon as the lock is free
    {
      const std::lock_guard lock(mutex_);
      open_.push_back(&j);
      wanted_ += j.wanted;
      start_missing();
    }
    if (helpers > 1)
      work_to_do_.notify_all();
    else
      work_to_do_.notify_one();
  }

  void close(job& j) {
    std::unique_lock lock(mutex_);
    wanted_ -= j.wanted;
    j.wanted = 0;
    open_.erase(std::remove(open_.begin(), open_.end(), &j), open_.end());
    j.ended.wait(lock, [&] { return j.running == 0; });
  }

  void start_missing() {
    try {
      for (; waiting_ < wanted_; ++waiting_) std::thread([this] { help(); }).detach();
    } catch (...) {  // no more threads, or no memory for one: the others do the work
    }
  }

  /// What a thread of the pool does.
  void help() {
    std::unique_lock lock(mutex_);
    for (;;) {
      work_to_do_.wait(lock, [&] { return !open_.empty(); });
      job& j = *open_.front();
      if (--j.wanted == 0) open_.erase(open_.begin());
      ++j.running;
      --wanted_;
      --waiting_;
      lock.unlock();
      leave_processor(j.processor);
      std::fesetenv(&j.modes);
      j.call(j.work);
      lock.lock();
      ++waiting_;
      // With the lock held: the job is gone as soon as its caller sees that all have ended.
      if (--j.running == 0) j.ended.notify_one();
    }
  }

  const long process_ = this_process();
  [[maybe_unused]] worker_pool* before_;  ///< of the parent process: never touched again, nor lost
  std::mutex mutex_;
  std::condition_variable work_to_do_;
  std::vector<job*> open_;  ///< those that more threads may help with, the oldest first
  index_t wanted_ = 0;      ///< by all of them
  index_t waiting_ = 0;     ///< threads without work, those among them that are about to begin
};

}  // namespace atlas::inline ATLAS_ABI::detail
