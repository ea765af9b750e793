// SPDX-License-Identifier: MIT
/// \file
/// Writes the seeds that no file of tests/data is: a checkpoint of training, and clouds. Built by
/// hand, when a format has changed: g++ -std=c++20 -Iinclude -I<Eigen> tests/fuzz/make_seeds.cpp,
/// then run in tests/fuzz.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "atlas/io/training_checkpoint.hpp"
#include "targets/training_run.hpp"

namespace io = atlas::io;

namespace {

/// Arrays of floats and of whole numbers, for a file of clouds.
struct arrays {
  std::vector<std::vector<float>> floats;
  std::vector<std::vector<atlas::index_t>> numbers;
  std::vector<io::tensor_entry> entries;

  arrays() { floats.reserve(64), numbers.reserve(64); }

  void add_floats(const std::string& name, std::vector<atlas::index_t> extents) {
    atlas::index_t size = 1;
    for (const atlas::index_t e : extents) size *= e;
    std::vector<float>& values = floats.emplace_back();
    for (atlas::index_t i = 0; i < size; ++i)
      values.push_back(static_cast<float>((i * i + 7 * i) % 11) / 4 - 1);
    entries.push_back({name, io::dtype::f32, std::move(extents), std::as_bytes(std::span(values))});
  }
  void add_numbers(const std::string& name, std::vector<atlas::index_t> values) {
    const auto size = static_cast<atlas::index_t>(values.size());
    numbers.push_back(std::move(values));
    entries.push_back({name, io::dtype::i64, {size}, std::as_bytes(std::span(numbers.back()))});
  }
};

}  // namespace

int main() {
  std::filesystem::create_directories("seeds/training");
  std::filesystem::create_directories("seeds/clouds");
  atlas::trainer run = atlas_fuzz::training_run();
  io::save_training("seeds/training/run.safetensors", run);

  arrays clouds;
  for (const char* head : {"layer.0.head.0", "layer.0.head.1"}) {
    clouds.add_floats(head, {6, 2});
    clouds.add_numbers(head + std::string(".attended"), {1, 2, 3, 1, 2, 3});
  }
  clouds.add_numbers("layer.0.context", {0, 0, 0, 1, 1, 1});
  clouds.add_numbers("layer.0.position", {0, 1, 2, 0, 1, 2});
  clouds.add_numbers("layer.0.token", {5, 6, 7, 5, 6, 8});
  clouds.add_floats("layer.0.output_projection", {4, 5});
  io::write_safetensors("seeds/clouds/clouds.safetensors", clouds.entries,
                        {{"n_rep", "2"}, {"output_projection", "heads-by-model"}, {"text", "t"}});

  // Weights of a model that looks at all keys alike: 1/1, then 1/2 and 1/2.
  const std::vector<float> pattern = {1, 0, .5F, .5F, 1, 0, .5F, .5F};
  arrays hooks;
  hooks.entries.push_back({"blocks.0.attn.hook_pattern",
                           io::dtype::f32,
                           {2, 1, 2, 2},
                           std::as_bytes(std::span(pattern))});
  hooks.add_floats("blocks.0.attn.hook_v", {2, 2, 1, 3});
  hooks.add_floats("blocks.0.attn.W_O", {1, 3, 4});
  io::write_safetensors("seeds/clouds/hooks.safetensors", hooks.entries, {{"n_rep", "1"}});
}
