// SPDX-License-Identifier: MIT
#include "quantize_parts.hpp"

#include <fmt/format.h>

#include <limits>

namespace atlas_program {

namespace {

using atlas::index_t;

double real(const json& j) {
  return j.is_null() ? std::numeric_limits<double>::quiet_NaN() : j.get<double>();
}

json matrix_json(const matrix_errors& m) {
  return {{"weights", number(m.errors.weights)},
          {"output", number(m.errors.output)},
          {"damping", number(m.repairs.damping)},
          {"damping_attempts", m.repairs.damping_attempts},
          {"dead_columns", m.repairs.dead_columns},
          {"negative_eigenvalues", m.repairs.negative_eigenvalues}};
}

matrix_errors matrix_of(const json& j) {
  return {{real(j.at("weights")), real(j.at("output"))},
          {},
          {real(j.at("damping")), j.at("damping_attempts").get<index_t>(),
           j.at("dead_columns").get<index_t>(), j.at("negative_eigenvalues").get<index_t>()}};
}

json read_json(const atlas::perplexity_result& r) {
  json losses = json::array();
  for (const double loss : r.block_losses) losses.push_back(number(loss));
  return {{"perplexity", number(r.perplexity)},
          {"standard_error", number(r.standard_error)},
          {"loss", number(r.loss)},
          {"loss_standard_error", number(r.loss_standard_error)},
          {"tokens", r.tokens},
          {"block_losses", losses}};
}

atlas::perplexity_result read_of(const json& j) {
  atlas::perplexity_result out{
      real(j.at("perplexity")),          real(j.at("standard_error")),  real(j.at("loss")),
      real(j.at("loss_standard_error")), j.at("tokens").get<index_t>(), {}};
  for (const json& loss : j.at("block_losses")) out.block_losses.push_back(real(loss));
  return out;
}

}  // namespace

std::string draw_name(const std::string& method, int bits, index_t draw) {
  return fmt::format("{}-{}-bits-{}", method, bits, draw);
}

json draw_json(const quantize_draw& draw) {
  json matrices = json::array();
  for (const matrix_errors& m : draw.matrices) matrices.push_back(matrix_json(m));
  return {{"matrices", matrices}, {"read", read_json(draw.read)}};
}

quantize_draw draw_of(const json& kept) {
  quantize_draw out{{}, read_of(kept.at("read"))};
  for (const json& m : kept.at("matrices")) out.matrices.push_back(matrix_of(m));
  return out;
}

}  // namespace atlas_program
