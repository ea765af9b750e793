// SPDX-License-Identifier: MIT
/// \file
/// A model from a folder or a GGUF file: seconds to open it, of passes that hand out every head and
/// of ones that hand out logits, and the memory that is the process's own, without pages of files.
/// `bench_model_file MODEL BLOCKS POSITIONS THREADS ROUNDS [LAST LAYER]`

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/io/model.hpp"

namespace {

/// Of a kind in /proc/self/status, in MB; 0 where there is no such file.
long memory(const std::string& kind) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(kind + ":")) return std::atol(line.c_str() + kind.size() + 1) / 1024;
  return 0;
}

/// Of the processor, summed over threads: on a machine with other work, too.
double seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// Looks every 10 ms how much is the process's own, as long as it lives.
class memory_watch {
 public:
  long most() const { return most_; }

 private:
  std::atomic<long> most_ = 0;
  std::jthread thread_{[this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      most_ = std::max(most_.load(), memory("RssAnon"));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }};
};

template <class Work>
void measure(const char* name, int rounds, Work&& work) {
  std::vector<double> times;
  const memory_watch watch;
  for (int i = 0; i < rounds; ++i) {
    const double begin = seconds();
    work();
    times.push_back(seconds() - begin);
  }
  const double first = times.front();
  std::sort(times.begin(), times.end());
  std::printf(
      "%s: %.3f s (%.3f to %.3f, the first %.3f), own memory %ld MB at most, with pages %ld MB\n",
      name, times[times.size() / 2], times.front(), times.back(), first, watch.most(),
      memory("VmRSS"));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 1;
  const double begin = seconds();
  const atlas::transformer model = atlas::io::open_transformer(argv[1]);
  std::printf("opened: %.3f s, own memory %ld MB\n", seconds() - begin, memory("RssAnon"));
  const int threads = std::atoi(argv[4]), rounds = std::atoi(argv[5]);
  atlas::owned_tensor<atlas::index_t, 2> blocks({std::atol(argv[2]), std::atol(argv[3])});
  atlas::random_stream random(2);
  for (atlas::index_t i = 0; i < blocks.size(); ++i)
    blocks.mutable_view().data()[i] = random.uniform_index(model.config().vocabulary);
  std::vector<atlas::index_t> layers;
  if (argc > 6) layers = {std::atol(argv[6])};
  measure("heads", rounds, [&] {
    model.forward(blocks, {.observed_layers = layers,
                           .observer = [](const atlas::head_capture&) {},
                           .threads = threads});
  });
  if (argc > 6) return 0;
  measure("logits", rounds, [&] {
    model.forward(blocks, {.logits_observer = [](auto, const auto&) {}, .threads = threads});
  });
}
