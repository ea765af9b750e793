// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A model that computes the same with its heads in other places and other coordinates.

#include <Eigen/Core>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/reference/transformer.hpp"

namespace atlas_test {

using atlas::index_t;

/// A rotation that commutes with rotary positions: of each pair of places j and j + d/2.
inline Eigen::MatrixXd rotary_turn(index_t d, atlas::random_stream& random) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(d, d);
  for (index_t j = 0; j < d / 2; ++j) {
    const double angle = 6.283185307179586 * random.uniform();
    out(j, j) = out(j + d / 2, j + d / 2) = std::cos(angle);
    out(j, j + d / 2) = -std::sin(angle);
    out(j + d / 2, j) = std::sin(angle);
  }
  return out;
}

/// One tensor as a map of `[rows, in]`, whichever way it is stored.
struct stored_map {
  std::vector<float>& values;
  index_t rows, in;
  bool input_major;
  float& at(index_t row, index_t column) const {
    return values[static_cast<std::size_t>(input_major ? column * rows + row : row * in + column)];
  }
};

/// Rows of heads of `d` each: new head h is old head `from[h]` turned, `turn[h] W`.
inline void move_rows(const stored_map& map, index_t first, const std::vector<index_t>& from,
                      const std::vector<Eigen::MatrixXd>& turns, index_t d) {
  const std::vector<float> old = map.values;
  std::vector<float> copy = old;
  const stored_map before{copy, map.rows, map.in, map.input_major};
  for (std::size_t h = 0; h < from.size(); ++h)
    for (index_t i = 0; i < d; ++i)
      for (index_t m = 0; m < map.in; ++m) {
        double sum = 0;
        for (index_t j = 0; j < d; ++j)
          sum += turns[h](i, j) * static_cast<double>(before.at(first + from[h] * d + j, m));
        map.at(first + static_cast<index_t>(h) * d + i, m) = static_cast<float>(sum);
      }
}

/// The model with, in every layer, query head h that was head `from[h]`, turned at random in its
/// own coordinates. Groups of query heads must stay together.
inline atlas::transformer turned_model(const atlas::transformer& model,
                                       const std::vector<index_t>& from, std::uint64_t seed) {
  const atlas::transformer_config c = model.config();
  const index_t d = c.head_dimension, group = c.heads_per_group(), q = c.heads * d;
  const bool gpt2 = c.family == atlas::model_family::gpt2,
             own = c.family == atlas::model_family::atlas;
  std::map<std::string, std::vector<float>> w;
  model.for_each_parameter([&](const std::string& name, const auto&, std::span<const float> x) {
    w[name] = {x.begin(), x.end()};
  });
  atlas::random_stream random(seed);
  for (index_t l = 0; l < c.layers; ++l) {
    std::vector<index_t> groups;
    std::vector<Eigen::MatrixXd> look, say, look_q, say_q;
    for (index_t g = 0; g < c.key_value_heads; ++g) {
      groups.push_back(from[static_cast<std::size_t>(g * group)] / group);
      look.push_back(c.rotary_share == 0 ? atlas::random_frame(d, d, random)
                                         : rotary_turn(d, random));
      say.push_back(atlas::random_frame(d, d, random));
      for (index_t h = 0; h < group; ++h) {
        look_q.push_back(look.back());
        say_q.push_back(say.back());
      }
    }
    const std::string name = (gpt2  ? "transformer.h."
                              : own ? "atlas.layers."
                                    : "model.layers.") +
                             std::to_string(l) +
                             (gpt2  ? ".attn."
                              : own ? ".attention."
                                    : ".self_attn.");
    const auto move = [&](const std::string& tensor, index_t rows, index_t in, index_t first,
                          const auto& order, const auto& turns) {
      move_rows({w.at(name + tensor), rows, in, gpt2 && in > 1}, first, order, turns, d);
    };
    if (gpt2) {
      for (const auto& [tensor, in] : {std::pair<const char*, index_t>{"c_attn.weight", q},
                                       std::pair<const char*, index_t>{"c_attn.bias", 1}}) {
        move(tensor, 3 * q, in, 0, from, look_q);
        move(tensor, 3 * q, in, q, from, look_q);
        move(tensor, 3 * q, in, 2 * q, from, say_q);
      }
    } else {
      const index_t kv = c.key_value_heads * d;
      const auto map = [&](const char* ours, const char* llamas, index_t rows, const auto& order,
                           const auto& turns) {
        move(std::string(own ? ours : llamas) + ".weight", rows, c.model_dimension, 0, order,
             turns);
        if (own && c.query_key_value_bias)
          move(std::string(ours) + ".bias", rows, 1, 0, order, turns);
      };
      map("query", "q_proj", q, from, look_q);
      map("key", "k_proj", kv, groups, look);
      map("value", "v_proj", kv, groups, say);
    }
    // What heads hand on enters as `[H * d, d_model]`; gpt2 stores that, llama its transpose.
    move_rows({w.at(name + (gpt2  ? "c_proj.weight"
                            : own ? "output.weight"
                                  : "o_proj.weight")),
               q, c.model_dimension, !gpt2},
              0, from, say_q, d);
  }
  return atlas::transformer(
      c, [&](const std::string& name, const std::vector<index_t>&) { return w.at(name); });
}

}  // namespace atlas_test
