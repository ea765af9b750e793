// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "../catch.hpp"
#include "atlas/attention/clouds.hpp"
#include "atlas/attention/thermodynamics.hpp"
#include "atlas/io/checkpoint.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/io/model.hpp"
#include "atlas/io/safetensors.hpp"
#include "atlas/reference/transformer.hpp"

namespace {

template <class File, class Bytes>
concept reads_from_memory = requires(Bytes&& bytes) {
  File::from_memory(std::forward<Bytes>(bytes), std::string("name"));
};

template <class Object>
concept has_observer = requires(Object&& object) {
  std::forward<Object>(object).observer();
};

template <class Model>
concept has_projection = requires(Model&& model) {
  std::forward<Model>(model).output_projection(atlas::index_t{0});
};

template <class Tensors>
concept has_weights = requires(Tensors&& tensors) {
  atlas::io::weights_of(std::forward<Tensors>(tensors));
};

}  // namespace

TEST_CASE("what keeps a pointer to its argument does not take one that is about to end") {
  using bytes = std::vector<std::byte>;
  using atlas::io::checkpoint, atlas::io::safetensors;
  STATIC_REQUIRE(reads_from_memory<safetensors, const bytes&>);
  STATIC_REQUIRE(reads_from_memory<safetensors, std::span<const std::byte>>);
  STATIC_REQUIRE(reads_from_memory<safetensors, std::span<std::byte>>);
  STATIC_REQUIRE(!reads_from_memory<safetensors, bytes>);
  STATIC_REQUIRE(reads_from_memory<atlas::io::gguf, const bytes&>);
  STATIC_REQUIRE(!reads_from_memory<atlas::io::gguf, bytes>);
  STATIC_REQUIRE(!reads_from_memory<safetensors, std::array<std::byte, 8>>);
  STATIC_REQUIRE(reads_from_memory<checkpoint, bytes&>);
  STATIC_REQUIRE(!reads_from_memory<checkpoint, bytes>);
  STATIC_REQUIRE(has_weights<const checkpoint&>);
  STATIC_REQUIRE(!has_weights<checkpoint>);
  STATIC_REQUIRE(has_observer<atlas::cloud_collector&>);
  STATIC_REQUIRE(!has_observer<atlas::cloud_collector>);
  STATIC_REQUIRE(has_observer<atlas::thermodynamics_collector&>);
  STATIC_REQUIRE(!has_observer<atlas::thermodynamics_collector>);
  STATIC_REQUIRE(has_projection<const atlas::transformer&>);
  STATIC_REQUIRE(!has_projection<atlas::transformer>);
}
