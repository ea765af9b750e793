// SPDX-License-Identifier: MIT
#ifndef ATLAS_SANITIZED  // sanitizers have their own memory
#include <cmath>
#include <cstdio>
#include <vector>

#include "../catch.hpp"
#include "../memory/failing_memory.hpp"
#include "calls.hpp"

namespace failing_memory_test {

using namespace atlas_test;

bool same_numbers(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

/// Where there is no memory for a thread the system says so in its own way.
bool is_of_memory(const memory::refusal& r) {
  return r.came != memory::outcome::other_error ||
         r.what.find("Resource temporarily unavailable") != std::string::npos;
}

struct counts {
  long refused = 0, returned = 0;
};

/// Of one call, with so many threads.
counts check_call(const threaded_call& call, int threads) {
  const std::vector<double> wanted = call.run({threads, {}});
  std::vector<double> found;
  const auto again = [&] { found = call.run({threads, {}}); };
  counts out;
  for (const long number : memory::refused_of(memory::allocations_of(again))) {
    INFO("allocation " << number << " of one of " << threads << " threads");
    std::vector<double>().swap(found);
    const long before = memory::live;
    const memory::refusal r = memory::refuse(number, again);
    INFO(r.what);
    CHECK(is_of_memory(r));
    ++(r.came == memory::outcome::returned ? out.returned : out.refused);
    if (r.came == memory::outcome::returned) CHECK(same_numbers(found, wanted));
    std::vector<double>().swap(found);
    CHECK(memory::live == before);
  }
  CHECK(same_numbers(call.run({threads, {}}), wanted));
  return out;
}

TEST_CASE("an allocation that fails is an error, leaks nothing, and the next call is right") {
  counts all;
  for (const auto& some : {cloud_calls(), null_calls(), subspace_calls(), protocol_calls(),
                           attention_calls(), quantize_calls(), model_calls(), estimator_calls()})
    for (const threaded_call& call : some)
      for (const int threads : {1, 2}) {
        INFO(call.header << ": " << call.name);
        const counts one = check_call(call, threads);
        all.refused += one.refused;
        all.returned += one.returned;
      }
  std::printf("%ld allocations failed, %ld of them without an error\n", all.refused + all.returned,
              all.returned);
}

}  // namespace failing_memory_test

#endif
