// SPDX-License-Identifier: MIT
/// \file
/// Writes a result of `atlas measure` for a model of 30 layers and 32 heads, of random numbers: for
/// the size of a report of it.

#include <iostream>
#include <nlohmann/json.hpp>

#include "atlas/core/random.hpp"

namespace {

using nlohmann::json;

json overlap(atlas::random_stream& random, int heads, double mean) {
  json matrix = json::array();
  for (int i = 0; i < heads; ++i) {
    json row = json::array();
    for (int j = 0; j < heads; ++j) row.push_back(mean + 0.03 * random.normal());
    matrix.push_back(row);
  }
  const json all = {{"mean", mean + 0.01 * random.normal()},
                    {"lower", mean - 0.03},
                    {"upper", mean + 0.03},
                    {"pairs", heads * (heads - 1) / 2},
                    {"null_mean", mean},
                    {"null_sd", 0.005},
                    {"z", random.normal()},
                    {"p", random.uniform()}};
  return {{"global", all}, {"intra", {{"pairs", 0}}}, {"inter", all}, {"matrix", matrix}};
}

json head(atlas::random_stream& random, int number) {
  const double dimension = 10 + 2 * random.normal();
  const json estimate = {
      {"dimension", dimension}, {"lower", dimension - 1}, {"upper", dimension + 1}};
  return {{"head", number},
          {"pca_rank", 24},
          {"two_nn",
           {{"none", estimate},
            {"distinct", estimate},
            {"surrogate", {{"mean", 20}, {"sd", 1}, {"z", dimension - 20}, {"p", 1e-9}}},
            {"same_context_neighbors", {{"share", 0.2}, {"chance", 0.01}}}}}};
}

}  // namespace

int main() {
  constexpr int layers = 30, heads = 32;
  atlas::random_stream random(1);
  json out = {
      {"run", {{"program", "atlas"}, {"version", "0"}, {"command", "measure"}, {"seed", 0}}},
      {"source", {{"model", "a model of 30 layers"}, {"text", "none"}}}};
  for (int l = 0; l < layers; ++l) {
    json all = json::array();
    for (int h = 0; h < heads; ++h) all.push_back(head(random, h));
    out["layers"].push_back({{"layer", l},
                             {"design", {{"correlation_length", 3}}},
                             {"heads", all},
                             {"overlap",
                              {{"local_dimension", 7},
                               {"head_coordinates", overlap(random, heads, 0.4)},
                               {"residual_stream", overlap(random, heads, 0.2)}}}});
  }
  std::cout << out.dump() << "\n";
  return std::cout ? 0 : 1;
}
