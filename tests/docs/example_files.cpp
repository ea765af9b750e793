// SPDX-License-Identifier: MIT
/// \file
/// Writes the files of the examples of docs/guide/commands.md into the working folder: of the
/// shapes that its Python writes, with other random numbers.

#include <string>

#include "atlas/core/random.hpp"
#include "atlas/io/npy.hpp"

namespace {

template <std::size_t Rank>
void write(const std::string& name, std::array<atlas::index_t, Rank> shape, double growth = 0) {
  atlas::random_stream random(1);
  atlas::owned_tensor<float, Rank> out(shape);
  float* values = out.mutable_view().data();
  for (atlas::index_t i = 0; i < out.size(); ++i) {
    const auto column = static_cast<double>(i % shape[Rank - 1]);
    values[i] = static_cast<float>(random.normal() * (1 + growth * column));
  }
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
}
