#include "atlas/core/parallel.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/progress.hpp"

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

TEST_CASE("calls from inside a task run on the spot") {
  std::atomic<int> sum = 0;
  atlas::parallel_for(4, 2, [&](atlas::index_t) {
    atlas::parallel_for(10, 8, [&](atlas::index_t i) { sum += static_cast<int>(i); });
  });
  CHECK(sum == 4 * 45);
}

TEST_CASE("a negative number of threads is refused") {
  CHECK_REFUSED(atlas::value_error, atlas::thread_count(-1), "threads", "-1");
  CHECK(atlas::thread_count(3) == 3);
  CHECK(atlas::thread_count(0) >= 1);
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
