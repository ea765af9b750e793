// SPDX-License-Identifier: MIT
/// \file
/// Writes the files that commands of the pages read into the working folder: of the shapes that the
/// Python of docs/guide/commands.md writes, with other random numbers, and clouds.

#include <cstdint>
#include <string>

#include "atlas/core/random.hpp"
#include "atlas/io/npy.hpp"
#include "atlas/io/safetensors.hpp"

namespace {

template <std::size_t Rank>
atlas::owned_tensor<float, Rank> numbers(std::array<atlas::index_t, Rank> shape,
                                         double growth = 0) {
  atlas::random_stream random(1);
  atlas::owned_tensor<float, Rank> out(shape);
  float* values = out.mutable_view().data();
  for (atlas::index_t i = 0; i < out.size(); ++i) {
    const auto column = static_cast<double>(i % shape[Rank - 1]);
    values[i] = static_cast<float>(random.normal() * (1 + growth * column));
  }
  return out;
}

template <std::size_t Rank>
void write(const std::string& name, std::array<atlas::index_t, Rank> shape, double growth = 0) {
  const atlas::owned_tensor<float, Rank> out = numbers<Rank>(shape, growth);
  const atlas::tensor_view<const float, Rank> view = out;
  atlas::io::write_npy(name, view);
}

template <class Value>
void write_labels(const std::string& name, Value value) {
  atlas::owned_tensor<atlas::index_t, 1> out({600});
  for (atlas::index_t i = 0; i < out.size(); ++i) out.mutable_view()[i] = value(i);
  const atlas::tensor_view<const atlas::index_t, 1> view = out;
  atlas::io::write_npy(name, view);
}

/// Ids of tokens that the embedded models have rows for.
void write_tokens(const std::string& name) {
  atlas::owned_tensor<std::int32_t, 1> out({4000});
  for (atlas::index_t i = 0; i < out.size(); ++i)
    out.mutable_view()[i] = static_cast<std::int32_t>(i * i % 2039);
  const atlas::tensor_view<const std::int32_t, 1> view = out;
  atlas::io::write_npy(name, view);
}

/// Three heads of 600 rows, 100 passages of 6, and what writes them to the residual stream.
void write_clouds(const std::string& name) {
  const auto heads = numbers<3>({3, 600, 16});
  const auto projection = numbers<2>({64, 48});
  std::vector<std::int64_t> context, position;
  for (std::int64_t i = 0; i < 600; ++i) {
    context.push_back(i / 6);
    position.push_back(40 * (i % 6));
  }
  using atlas::io::dtype;
  std::vector<atlas::io::tensor_entry> entries = {
      {"layer.0.context", dtype::i64, {600}, std::as_bytes(std::span(context))},
      {"layer.0.position", dtype::i64, {600}, std::as_bytes(std::span(position))},
      {"layer.0.o_proj.weight", dtype::f32, {64, 48}, std::as_bytes(projection.elements())}};
  for (std::size_t h = 0; h < 3; ++h)
    entries.push_back({"layer.0.head." + std::to_string(h),
                       dtype::f32,
                       {600, 16},
                       std::as_bytes(heads.elements().subspan(h * 9600, 9600))});
  atlas::io::write_safetensors(name, entries, {{"model", "mine"}});
}

}  // namespace

int main() {
  write<2>("cloud.npy", {600, 5});
  write_labels("labels.npy", [](atlas::index_t i) { return i / 6; });
  write_labels("places.npy", [](atlas::index_t i) { return 40 * (i % 6); });
  write<3>("clouds.npy", {6, 600, 32});
  write<2>("logits.npy", {4, 8});
  write<2>("values.npy", {8, 16});
  write<2>("W.npy", {96, 64});
  write<2>("A.npy", {500, 64}, 0.3);
  write_tokens("book.npy");
  write_clouds("clouds.safetensors");
}
