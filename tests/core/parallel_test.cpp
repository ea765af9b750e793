// SPDX-License-Identifier: MIT
#include "atlas/core/parallel.hpp"

#include <atomic>
#include <cfenv>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if __has_include(<unistd.h>)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/progress.hpp"

namespace {

/// Adds 0 .. 99 on `threads` threads.
atlas::index_t sum_on(int threads) {
  std::atomic<atlas::index_t> sum = 0;
  atlas::parallel_for(100, threads, [&](atlas::index_t i) { sum += i; });
  return sum;
}

/// Its destructor runs after `main`, when the pool still has to be there.
struct call_at_exit {
  ~call_at_exit() {
    if (sum_on(3) != 4950) std::abort();
  }
};
const call_at_exit last_call;

#if defined(__linux__) && !defined(ATLAS_USE_OPENMP)
std::ptrdiff_t threads_of_this_process() {
  const std::filesystem::directory_iterator all("/proc/self/task");
  return std::distance(begin(all), end(all));
}
#endif

}  // namespace

#if defined(__linux__) && !defined(ATLAS_USE_OPENMP)
TEST_CASE("threads are started by the first call that wants them, not by every call") {
  CHECK(sum_on(4) == 4950);
  const std::ptrdiff_t before = threads_of_this_process();
  CHECK(before >= 4);
  for (int i = 0; i < 200; ++i) CHECK(sum_on(4) == 4950);
  for (const int threads : {1, 2, 3}) CHECK(sum_on(threads) == 4950);
  CHECK(threads_of_this_process() == before);
  const int more = static_cast<int>(before) + 3;
  CHECK(sum_on(more) == 4950);
  const std::ptrdiff_t after = threads_of_this_process();
  CHECK(after >= more);
  CHECK(sum_on(more) == 4950);
  CHECK(threads_of_this_process() == after);
}
#endif

TEST_CASE("threads of a pool work for several callers and for nested calls at once") {
  std::vector<atlas::index_t> sums(6);
  {
    std::vector<std::jthread> callers;
    for (atlas::index_t& sum : sums)
      callers.emplace_back([&sum] {
        for (int i = 0; i < 50; ++i) {
          std::atomic<atlas::index_t> all = 0;
          atlas::parallel_for(5, 3, [&](atlas::index_t) { all += sum_on(2); });
          sum += all;
        }
      });
  }
  for (const atlas::index_t sum : sums) CHECK(sum == 50 * 5 * 4950);
}

TEST_CASE("helpers come while the caller works") {
  // Both tasks end only once the other has begun.
  std::atomic<int> begun = 0;
  atlas::parallel_for(2, 2, [&](atlas::index_t) {
    ++begun;
    while (begun < 2) std::this_thread::yield();
  });
  CHECK(begun == 2);
}

TEST_CASE("tasks round as their caller does, on every thread") {
  const auto of_all = [](int wanted) {
    std::atomic<int> others = 0;
    atlas::parallel_for(500, 4, [&](atlas::index_t) { others += std::fegetround() != wanted; });
    return others.load();
  };
  CHECK(of_all(FE_TONEAREST) == 0);
  std::fesetround(FE_UPWARD);
  const int others = of_all(FE_UPWARD);
  std::fesetround(FE_TONEAREST);
  CHECK(others == 0);
  CHECK(of_all(FE_TONEAREST) == 0);
}

#if defined(__SANITIZE_THREAD__)
#define ATLAS_TEST_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ATLAS_TEST_THREAD_SANITIZER
#endif
#endif

// The run-times of sanitizers and of OpenMP start no threads in a child of a process with several:
// the address sanitizer's may wait for a lock of its own that another thread had.
#if __has_include(<unistd.h>) && !defined(ATLAS_TEST_THREAD_SANITIZER) && \
    !defined(ATLAS_USE_OPENMP) && !defined(ATLAS_SANITIZED)
TEST_CASE("a child of fork has a pool of its own") {
  CHECK(sum_on(4) == 4950);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::atomic<int> begun = 0;
    atlas::parallel_for(2, 2, [&](atlas::index_t) {
      ++begun;
      while (begun < 2) std::this_thread::yield();
    });
    _exit(sum_on(4) == 4950 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(sum_on(4) == 4950);
}
#endif

TEST_CASE("every task runs once, whatever the number of threads") {
  for (const int threads : {0, 1, 2, 7}) {
    std::vector<std::atomic<int>> seen(1000);
    atlas::parallel_for(1000, threads,
                        [&](atlas::index_t i) { ++seen[static_cast<std::size_t>(i)]; });
    for (const auto& s : seen) CHECK(s == 1);
  }
  CHECK_NOTHROW(atlas::parallel_for(0, 2, [](atlas::index_t) { throw std::logic_error("none"); }));
}

TEST_CASE("the error of the lowest task that failed comes out") {
  for (const int threads : {1, 2, 4}) {
    const std::string message = atlas_test::message_of<std::runtime_error>([&] {
      atlas::parallel_for(100, threads, [](atlas::index_t i) {
        if (i >= 3) throw std::runtime_error("task " + std::to_string(i));
      });
    });
    CHECK(message == "task 3");
  }
}

TEST_CASE("where all tasks fail, the error is always that of the first") {
  for (const int threads : {2, 3, 8})
    for (int repetition = 0; repetition < 500; ++repetition) {
      const std::string message = atlas_test::message_of<std::runtime_error>([&] {
        atlas::parallel_for(100, threads, [](atlas::index_t i) {
          throw std::runtime_error("task " + std::to_string(i));
        });
      });
      REQUIRE(message == "task 0");
    }
}

TEST_CASE("a callback that has said no is not asked again") {
  for (int repetition = 0; repetition < 200; ++repetition) {
    int asked = 0;
    atlas::progress_meter meter([&](const atlas::progress&) { return ++asked < 5; }, "work", 400);
    CHECK_THROWS_AS(atlas::parallel_for(400, 4, [&](atlas::index_t) { meter.advance(); }),
                    atlas::cancelled);
    REQUIRE(asked == 5);
    CHECK_THROWS_AS(meter.advance(), atlas::cancelled);
    CHECK_FALSE(meter.within_a_step()({}));
    REQUIRE(asked == 5);
  }
}

TEST_CASE("calls from inside tasks have one thread where tasks have the others") {
  CHECK(atlas::threads_inside(4, 2) == 1);
  CHECK(atlas::threads_inside(1, 8) == 8);
  CHECK(atlas::threads_inside(5, 1) == 1);
  std::atomic<int> sum = 0;
  atlas::parallel_for(4, 2, [&](atlas::index_t) {
    atlas::parallel_for(10, 8, [&](atlas::index_t i) { sum += static_cast<int>(i); });
  });
  CHECK(sum == 4 * 45);
}

TEST_CASE("each thread has a workspace of its own, which ends with the call") {
  struct workspace {
    std::atomic<int>& alive;
    bool busy = false;
    explicit workspace(std::atomic<int>& a) : alive(a) { ++alive; }
    workspace(const workspace&) = delete;
    workspace& operator=(const workspace&) = delete;
    ~workspace() { --alive; }
  };
  for (const int threads : {1, 2, 5}) {
    std::atomic<int> alive = 0, made = 0, done = 0, shared = 0;
    const auto make = [&] {
      ++made;
      return workspace(alive);
    };
    atlas::parallel_for(100, threads, make, [&](atlas::index_t, workspace& w) {
      shared += w.busy ? 1 : 0;
      w.busy = true;
      ++done;
      w.busy = false;
    });
    CHECK(done == 100);
    CHECK(shared == 0);
    CHECK(made <= threads);
    CHECK_THROWS_AS(atlas::parallel_for(100, threads, make,
                                        [&](atlas::index_t i, workspace&) {
                                          if (i == 7) throw std::logic_error("seven");
                                        }),
                    std::logic_error);
    CHECK(alive == 0);
    CHECK_THROWS_AS(atlas::parallel_for(
                        10, threads, []() -> int { throw std::logic_error("no workspace"); },
                        [](atlas::index_t, int&) {}),
                    std::logic_error);
  }
}

TEST_CASE("what is part of a step cancels by the meter's callback") {
  int asked = 0;
  atlas::progress_meter meter([&](const atlas::progress& p) { return p.done == 0 && ++asked < 3; },
                              "work", 2);
  const atlas::progress_callback inside = meter.within_a_step();
  CHECK(inside({"other", 5, 9}));
  CHECK(inside({"other", 6, 9}));
  CHECK_FALSE(inside({"other", 7, 9}));
  atlas::progress_meter silent({}, "work", 2);
  CHECK_FALSE(silent.within_a_step());
}

TEST_CASE("a negative number of threads is refused") {
  CHECK_REFUSED(atlas::value_error, atlas::thread_count(-1), "threads", "-1");
  CHECK(atlas::thread_count(3) == 3);
  CHECK(atlas::thread_count(0) >= 1);
}

TEST_CASE("of two callbacks both are told, and either may stop") {
  int told = 0;
  const auto both =
      atlas::detail::both_callbacks([&](const atlas::progress& p) { return ++told, p.done < 2; },
                                    [&](const atlas::progress& p) { return ++told, p.done < 3; });
  CHECK(both({"steps", 1, 3}));
  CHECK(told == 2);
  CHECK_FALSE(both({"steps", 2, 3}));
  CHECK_FALSE(atlas::detail::both_callbacks(nullptr, nullptr));
}

TEST_CASE("progress counts up to its total and may cancel") {
  std::vector<atlas::index_t> done;
  atlas::progress_meter meter(
      [&](const atlas::progress& p) {
        CHECK(p.stage == "work");
        CHECK(p.total == 20);
        done.push_back(p.done);
        return p.done < 15;
      },
      "work", 20);
  CHECK_THROWS_AS(atlas::parallel_for(20, 2, [&](atlas::index_t) { meter.advance(); }),
                  atlas::cancelled);
  for (std::size_t i = 0; i < 15; ++i) CHECK(done[i] == static_cast<atlas::index_t>(i) + 1);
}
