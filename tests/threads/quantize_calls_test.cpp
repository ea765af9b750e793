// SPDX-License-Identifier: MIT
#include "../clouds_for_tests.hpp"
#include "atlas/quantize/diagonal_fisher_accumulator.hpp"
#include "atlas/quantize/kronecker.hpp"
#include "atlas/quantize/pareto.hpp"
#include "atlas/quantize/quantization_errors.hpp"
#include "atlas/quantize/quantize_matrix.hpp"
#include "atlas/quantize/second_moment_accumulator.hpp"
#include "atlas/quantize/uncertainty.hpp"
#include "atlas/quantize/weight_fisher_accumulator.hpp"
#include "calls.hpp"

namespace atlas_test {

std::vector<threaded_call> quantize_calls() {
  using s = call_settings;
  const Eigen::MatrixXd w = normal_cloud(200, 160, 1), x = normal_cloud(500, 160, 2),
                        outputs = normal_cloud(500, 200, 3);
  const Eigen::MatrixXd f = x.transpose() * x, g = w * w.transpose();
  const auto of = [](const auto& q) { return (numbers() << q.weights << q.errors.output).all; };
  std::vector<threaded_call> calls = {
      {"quantize/diagonal_fisher.hpp", "diagonal_fisher_quantize", true,
       [=](const s& o) {
         return of(atlas::diagonal_fisher_quantize(
             w, w.cwiseAbs2().eval(), f, {.threads = o.threads, .on_progress = o.on_progress}));
       }},
      {"quantize/awq.hpp", "awq_quantize", true,
       [=](const s& o) {
         return of(atlas::awq_quantize(w, f, {.threads = o.threads, .on_progress = o.on_progress}));
       }},
      {"quantize/gptq.hpp", "gptq_quantize", true,
       [=](const s& o) {
         return of(
             atlas::gptq_quantize(w, f, {.threads = o.threads, .on_progress = o.on_progress}));
       }},
      {"quantize/ldlq.hpp", "ldlq_quantize", true,
       [=](const s& o) {
         return of(atlas::ldlq_quantize(w, f,
                                        {.incoherence = atlas::basis_kind::random_orthogonal,
                                         .threads = o.threads,
                                         .on_progress = o.on_progress}));
       }},
      {"quantize/kronecker.hpp", "kronecker_quantize", true,
       [=](const s& o) {
         return of(atlas::kronecker_quantize(w, f, g,
                                             {.threads = o.threads, .on_progress = o.on_progress})
                       .quantization);
       }},
      {"quantize/block_fisher.hpp", "block_fisher_quantize", true,
       [=](const s& o) {
         return of(atlas::block_fisher_quantize(
             w, f, {.threads = o.threads, .on_progress = o.on_progress}));
       }},
      {"quantize/uncertainty.hpp", "fisher_uncertainty", true,
       [=](const s& o) {
         const Eigen::MatrixXd a = f.topLeftCorner(30, 30), b = g.topLeftCorner(30, 30);
         const auto r =
             atlas::fisher_uncertainty(a, b, {.threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.z << r.commutator.z << r.random.mean).all;
       }},
      {"quantize/pareto.hpp", "fisher_pareto", true,
       [=](const s& o) {
         const auto r =
             atlas::fisher_pareto(w, x, g.topLeftCorner(160, 160).eval(), f,
                                  {.steps = 3, .threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << r.product_floor << r.correlation).all;
       }},
      {"quantize/quantization_errors.hpp", "quantization_error", true,
       [=](const s& o) {
         const auto e = atlas::quantization_error(
             w, (w * 0.9).eval(), f, {.threads = o.threads, .on_progress = o.on_progress});
         return (numbers() << e.weights << e.output).all;
       }},
      {"quantize/rotation.hpp", "rotate, restore, matrix", false,
       [=](const s& o) {
         constexpr atlas::index_t d = 300;  // more than a tile of a product
         const auto basis = atlas::orthogonal_basis<double>::dense(rotation(d));
         const auto turned = basis.rotate(normal_cloud(d, d, 7), {o.threads});
         return (numbers() << turned << basis.restore(turned, {o.threads})
                           << basis.matrix(d, {o.threads}))
             .all;
       }},
      {"quantize/quantization.hpp", "to_coordinates, from_coordinates, dequantize", false,
       [=](const s& o) {
         const auto q = atlas::block_fisher_quantize(w, f, {.threads = 1});
         const auto turned = atlas::to_coordinates(q.weights, q.coordinates, {o.threads});
         return (numbers() << atlas::dequantize(q, {o.threads}) << turned
                           << atlas::from_coordinates(turned, q.coordinates, {o.threads}))
             .all;
       }},
      {"quantize/second_moment_accumulator.hpp", "add, add_weighted, merge, sum, matrix", false,
       [=](const s& o) {
         atlas::second_moment_accumulator sums(160);
         sums.add(x, {o.threads});
         sums.add_weighted(x, std::vector<double>(500, 0.3), {o.threads});
         atlas::second_moment_accumulator others(160);
         others.add((0.7 * x).eval(), {o.threads});
         sums.merge(others, {o.threads});
         return (numbers() << sums.sum({o.threads}) << sums.matrix({o.threads})).all;
       }},
      {"quantize/weight_fisher_accumulator.hpp", "weights: add, add_rank_one, merge, matrix", false,
       [=](const s& o) {
         atlas::weight_fisher_accumulator sums(160, 200);
         sums.add(std::vector<Eigen::MatrixXd>(6, w), {o.threads});
         atlas::weight_fisher_accumulator others(160, 200);
         others.add_rank_one(outputs, x, {o.threads});
         sums.merge(others, {o.threads});
         return (numbers() << sums.matrix({o.threads})).all;
       }},
      {"quantize/diagonal_fisher_accumulator.hpp", "diagonals: add, add_rank_one", false,
       [=](const s& o) {
         atlas::diagonal_fisher_accumulator sums(200, 160);
         sums.add(std::vector<Eigen::MatrixXd>(6, w), {o.threads});
         sums.add_rank_one(outputs, x, {o.threads});
         return (numbers() << sums.matrix()).all;
       }},
  };
  for (const auto method : atlas::all_quantization_methods)
    calls.push_back(
        {"quantize/quantize_matrix.hpp", std::string(atlas::name_of(method)), true,
         [=](const s& o) {
           return of(atlas::quantize_matrix(
               w, f, {.method = method, .threads = o.threads, .on_progress = o.on_progress}));
         }});
  return calls;
}

}  // namespace atlas_test
