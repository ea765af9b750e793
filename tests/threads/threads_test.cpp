// SPDX-License-Identifier: MIT
#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "calls.hpp"

using namespace atlas_test;

namespace {

std::atomic<int> threads_made = 0, threads_made_by_others = 0;
const pthread_t first_thread = pthread_self();

}  // namespace

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ATLAS_THREADS_ARE_SANITIZED
#endif
#endif
#ifdef ATLAS_THREADS_ARE_SANITIZED
/// That of the thread sanitizer, which has to hear of every thread.
extern "C" int __interceptor_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*),
                                            void*);
#endif

/// In the place of the system's, which it calls.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) {
#ifdef ATLAS_THREADS_ARE_SANITIZED
  constexpr auto real = &__interceptor_pthread_create;
#else
  using function = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto real = reinterpret_cast<function>(dlsym(RTLD_NEXT, "pthread_create"));
#endif
  ++threads_made;
  if (pthread_equal(pthread_self(), first_thread) == 0) ++threads_made_by_others;
  return real(thread, attributes, start, argument);
}

namespace {

std::vector<threaded_call> all_calls() {
  std::vector<threaded_call> out;
  for (const auto& some : {cloud_calls(), null_calls(), subspace_calls(), protocol_calls(),
                           attention_calls(), quantize_calls(), model_calls(), estimator_calls()})
    out.insert(out.end(), some.begin(), some.end());
  return out;
}

/// What the pattern's last group matches, each with the header of the library in which it is found.
std::vector<std::pair<std::string, std::string>> matches_in_headers(const std::string& pattern) {
  const std::filesystem::path root = ATLAS_INCLUDE;
  const std::regex wanted(pattern);
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".hpp") continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const std::string all = text.str();
    const std::string header = std::filesystem::relative(entry.path(), root).generic_string();
    for (std::sregex_iterator m(all.begin(), all.end(), wanted), none; m != none; ++m)
      found.emplace_back(header, m->str(m->size() - 1));
  }
  return found;
}

/// Headers of the library in which the pattern is found.
std::set<std::string> headers_with(const std::string& pattern) {
  std::set<std::string> found;
  for (const auto& [header, text] : matches_in_headers(pattern)) found.insert(header);
  return found;
}

/// What a call gives, and how many threads were started for it.
struct counted_call {
  std::vector<double> numbers;
  int threads = 0, by_others = 0;
};

void write_whole(int to, const void* from, std::size_t size) {
  for (auto* at = static_cast<const char*>(from); size > 0;) {
    const ssize_t written = ::write(to, at, size);
    if (written <= 0) ::_exit(1);
    at += written;
    size -= static_cast<std::size_t>(written);
  }
}

bool read_whole(int from, void* to, std::size_t size) {
  for (auto* at = static_cast<char*>(to); size > 0;) {
    const ssize_t got = ::read(from, at, size);
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

/// In a process of its own: the library keeps threads once they are started, and a child begins
/// without any.
counted_call in_child(const threaded_call& call, int threads) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    threads_made = threads_made_by_others = 0;
    std::vector<double> numbers;
    try {
      numbers = call.run({threads, {}});
    } catch (...) {
      ::_exit(1);
    }
    const int counts[2] = {threads_made, threads_made_by_others};
    const std::size_t size = numbers.size();
    write_whole(ends[1], counts, sizeof counts);
    write_whole(ends[1], &size, sizeof size);
    write_whole(ends[1], numbers.data(), size * sizeof(double));
    ::_exit(0);
  }
  ::close(ends[1]);
  counted_call out;
  int counts[2] = {};
  std::size_t size = 0;
  bool whole =
      read_whole(ends[0], counts, sizeof counts) && read_whole(ends[0], &size, sizeof size);
  if (whole) {
    out.numbers.resize(size);
    whole = read_whole(ends[0], out.numbers.data(), size * sizeof(double));
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  REQUIRE(whole);
  out.threads = counts[0];
  out.by_others = counts[1];
  return out;
}

/// What a call that is cancelled the `last`-th time it asks does: how often it asked in all.
int questions(const threaded_call& call, int threads, int last, bool& cancelled) {
  std::atomic<int> asked = 0;
  cancelled = false;
  try {
    call.run({threads, [&](const atlas::progress&) { return ++asked < last; }});
  } catch (const atlas::cancelled&) {
    cancelled = true;
  }
  return asked;
}

}  // namespace

TEST_CASE("a number of threads is what a call takes, and its result does not depend on it") {
  for (const threaded_call& call : all_calls()) {
    INFO(call.header << ": " << call.name);
    const counted_call one = in_child(call, 1);
    const std::vector<double>& alone = one.numbers;
    CHECK(one.threads == 0);
    for (const int threads : {2, 3, 5}) {
      const counted_call several = in_child(call, threads);
      const std::vector<double>& shared = several.numbers;
      CHECK(several.threads > 0);
      CHECK(several.threads < threads);
      CHECK(several.by_others == 0);  // tasks start no threads of their own
      REQUIRE(shared.size() == alone.size());
      for (std::size_t i = 0; i < alone.size(); ++i)
        if (!(alone[i] == shared[i] || (std::isnan(alone[i]) && std::isnan(shared[i])))) {
          INFO(threads << " threads, number " << i);
          CHECK(alone[i] == shared[i]);
          break;
        }
    }
  }
}

TEST_CASE("every call that reports progress is cancelled by it, at once") {
  for (const threaded_call& call : all_calls()) {
    if (!call.cancellable) continue;
    for (const int threads : {1, 3}) {
      INFO(call.header << ": " << call.name << ", " << threads << " threads");
      bool cancelled = false;
      const int all = questions(call, threads, 1 << 30, cancelled);
      CHECK_FALSE(cancelled);
      REQUIRE(all > 0);
      for (const int last : {1, (all + 1) / 2, all}) {
        const int asked = questions(call, threads, last, cancelled);
        CHECK(cancelled);
        CHECK(asked == last);
      }
    }
  }
}

TEST_CASE("no header that takes threads or reports progress is missing above") {
  std::set<std::string> called, cancelled;
  for (const threaded_call& call : all_calls()) {
    called.insert(call.header);
    if (call.cancellable) cancelled.insert(call.header);
  }
  called.insert("reference/layers/linear.hpp");     // how a product is shared out, not an option
  called.insert("dimension/ratio_likelihood.hpp");  // nor these two
  called.insert("dimension/estimators/danco_calibration.hpp");
  cancelled.insert("dimension/estimators/danco_calibration.hpp");
  called.insert("core/parallel.hpp");
  called.insert("core/work_options.hpp");  // of calls that have no options of their own
  cancelled.insert("core/work_options.hpp");
  for (const std::string& header : headers_with("int threads = [0-9]+[;,)]")) {
    INFO(header);
    CHECK(called.count(header) == 1);
  }
  for (const std::string& header : headers_with("  progress_callback on_progress = \\{\\}")) {
    INFO(header);
    CHECK(cancelled.count(header) == 1);
  }
}

TEST_CASE("no function whose options are threads and progress alone is missing above") {
  const auto calls = all_calls();
  const auto functions =
      matches_in_headers("(\\w+)\\([^(){};]*const (?:thread|work)_options& options\\b");
  CHECK(functions.size() > 10);
  for (const auto& [header, function] : functions) {
    const std::regex word("\\b" + function + "\\b");
    bool called = false;
    for (const threaded_call& call : calls)
      called = called || (call.header == header && std::regex_search(call.name, word));
    INFO(header << ": " << function);
    CHECK(called);
  }
}

TEST_CASE("threads, seeds and progress are members of options, not arguments") {
  // `random_stream` and `parallel_for` are what seeds and threads are for.
  const std::set<std::string> of_core = {"core/parallel.hpp", "core/random.hpp"};
  for (const char* argument :
       {"int threads = [0-9]+", "std::uint64_t seed = [0-9]+", "progress_callback& on_progress = "})
    for (const auto& [header, function] :
         matches_in_headers("(\\w+)\\([^(){};]*" + std::string(argument) + "[ {},)]")) {
      INFO(header << ": " << function);
      CHECK(of_core.count(header) == 1);
    }
}

TEST_CASE("no header keeps state for a thread") {
  CHECK(headers_with("thread_local ").empty());
}
