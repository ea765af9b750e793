// SPDX-License-Identifier: MIT
#include "atlas/quantize/quantize_matrix.hpp"

#include <variant>

#include "atlas/quantize/awq.hpp"
#include "atlas/quantize/bit_allocation.hpp"
#include "atlas/quantize/gptq.hpp"
#include "atlas/quantize/ldlq.hpp"
#include "atlas/quantize/quantization_errors.hpp"
#include "module.hpp"
#include "options.hpp"
#include "records.hpp"

namespace atlas_python {

namespace {

/// Of weights of either type.
struct quantized {
  std::variant<atlas::quantization<float>, atlas::quantization<double>> of;
};

}  // namespace

template <>
inline constexpr const char* python_name<atlas::quantization_errors> = "QuantizationErrors";
template <>
inline constexpr const char* python_name<atlas::effective_ranks> = "EffectiveRanks";
template <>
inline constexpr const char* python_name<atlas::moment_repairs> = "MomentRepairs";
template <>
inline constexpr const char* python_name<quantized> = "Quantization";
template <>
inline constexpr const char* python_name<atlas::bit_allocation_result> = "BitAllocation";

template <class Visit>
void visit_grid(Visit& visit, atlas::grid_options& o) {
  visit("bits", o.bits, "2 to 8");
  visit("kind", o.kind, "whether 0 is in the middle of the codes");
  visit("granularity", o.granularity, "which weights share a scale; None: as the method has it");
  visit("inputs_per_scale", o.inputs_per_scale, "with granularity='group'");
}
template <class Visit>
void visit_mean(Visit& visit, Eigen::VectorXd& mean) {
  visit("input_mean", mean, "[in], E[a], where it is known: for the rank about the mean");
}
template <class Visit>
void visit_options(Visit& visit, atlas::quantize_matrix_options& o) {
  visit("method", o.method, "'identity' is round to nearest");
  visit("bits", o.bits, "2 to 8");
  visit("kind", o.kind, "whether 0 is in the middle of the codes");
  visit("granularity", o.granularity,
        "which weights share a scale; None: a column, for 'awq' a row");
  visit("inputs_per_scale", o.inputs_per_scale, "with granularity='group'");
  visit("average_bits", o.average_bits,
        "water-filling at this average instead of `bits`, for methods with a basis");
  visit("min_bits", o.min_bits, "of the water-filling: 0 or 2 to 8");
  visit("damping", o.damping, "of the first attempt of GPTQ, LDLQ and QuIP");
  visit("seed", o.seed, "of random bases");
  visit_mean(visit, o.input_mean);
  visit_work(visit, o.threads, o.on_progress);
}
template <class Visit>
void visit_options(Visit& visit, atlas::gptq_options& o) {
  visit_grid(visit, o.grid);
  visit("damping", o.damping, "of the first attempt, as a share of the mean of the diagonal");
  visit("act_order", o.act_order, "columns by descending second moment, not as stored");
  visit("columns_per_block", o.columns_per_block,
        "whose errors reach the others in one matrix product");
  visit_mean(visit, o.input_mean);
  visit_work(visit, o.threads, o.on_progress);
}
template <class Visit>
void visit_options(Visit& visit, atlas::ldlq_options& o) {
  visit_grid(visit, o.grid);
  visit("damping", o.damping, "of the first attempt, as a share of the mean of the diagonal");
  visit("incoherence", o.incoherence, "random bases on both sides; 'identity': none");
  visit("rescale", o.rescale, "columns first, as QuIP does");
  visit("columns_per_block", o.columns_per_block,
        "that take the feedback of all before in one matrix product");
  visit("seed", o.seed, "of the bases");
  visit_mean(visit, o.input_mean);
  visit_work(visit, o.threads, o.on_progress);
}
struct awq_keywords {
  Eigen::VectorXd magnitudes;
  atlas::awq_options options;
};
template <class Visit>
void visit_options(Visit& visit, awq_keywords& o) {
  visit("magnitudes", o.magnitudes, "[in], E|a| of each input; None: sqrt(E a^2)");
  visit_grid(visit, o.options.grid);
  visit("steps", o.options.steps, "exponents tried: 0, 1/steps, ..., 1");
  visit_mean(visit, o.options.input_mean);
  visit_work(visit, o.options.threads, o.options.on_progress);
}
template <class Visit>
void visit_options(Visit& visit, atlas::bit_allocation_options& o) {
  visit("average_bits", o.average_bits, "over the components, from min_bits to max_bits");
  visit("min_bits", o.min_bits, "0 lets components drown: they are dropped; 1 is refused");
  visit("max_bits", o.max_bits, "2 to 8");
}

namespace {

void add_parts(nb::module_& m) {
  using errors = atlas::quantization_errors;
  record<errors>(m, "Relative squared errors of quantized weights.")
      .field("weights", &errors::weights, "||W - W^||^2 / ||W||^2")
      .field("output", &errors::output, "of y = W a: tr((W - W^) F (W - W^)^T) / tr(W F W^T)");
  using ranks = atlas::effective_ranks;
  record<ranks>(m, "Participation ratios of eigenvalues, from 1 to d.")
      .field("second_moments", &ranks::second_moments, "of E[a a^T]")
      .field("about_mean", &ranks::about_mean, "of the covariance; NaN without the mean");
  using repairs = atlas::moment_repairs;
  record<repairs>(m, "What had to be done to second moments.")
      .field("damping", &repairs::damping, "added to the diagonal, as a share of its mean")
      .field("damping_attempts", &repairs::damping_attempts, "factorizations until one succeeded")
      .field("dead_columns", &repairs::dead_columns, "inputs that are always 0")
      .field("negative_eigenvalues", &repairs::negative_eigenvalues, "taken as 0");
}

void add_record(nb::module_& m) {
  const auto array = [](auto get) {
    return [get](nb::handle self) {
      return std::visit([&](const auto& q) { return array_of(get(q), self); },
                        nb::cast<const quantized&>(self).of);
    };
  };
  const auto part = [](auto get) {
    return [get](const quantized& x) -> const auto& {
      return *std::visit([&](const auto& q) { return &get(q); }, x.of);
    };
  };
  const char* any = "numpy.typing.NDArray[typing.Any]";
  record<quantized> r(m, "What every quantizer returns.");
  r.made_field("weights", any, array([](const auto& q) -> const auto& { return q.weights; }),
               "[out, in], what the codes stand for, of the type of the weights given")
      .made_field("codes", array_type<std::int8_t>(),
                  array([](const auto& q) -> const auto& { return q.codes; }),
                  "[out, in], in the coordinates of the method")
      .made_field("scales", any, array([](const auto& q) -> const auto& { return q.grid.scales; }),
                  "[1, 1], [1, in], [out, 1], [out, groups] or [out, in]")
      .made_field("zeros", array_type<std::int8_t>(),
                  array([](const auto& q) -> const auto& { return q.grid.zeros; }),
                  "the code of 0, shaped as the scales")
      .made_field("bits", array_type<int>(),
                  array([](const auto& q) -> const auto& { return q.grid.bits; }),
                  "of all columns (one number) or of each")
      .field("errors", part([](const auto& q) -> const auto& { return q.errors; }),
             "of the weights and of the outputs")
      .field("effective_rank", part([](const auto& q) -> const auto& { return q.effective_rank; }),
             "of the inputs")
      .field("repairs", part([](const auto& q) -> const auto& { return q.repairs; }),
             "of the second moments")
      .field("awq_exponent", part([](const auto& q) -> const auto& { return q.awq_exponent; }),
             "of AWQ alone; NaN otherwise");
}

constexpr const char* arguments[] = {"weights: atlas.types.Array",
                                     "second_moments: atlas.types.Array"};
constexpr const char* shapes =
    "\n\nweights: [out, in]; second_moments: [in, in], E[a a^T] of the inputs a. ";

/// A quantizer: `quantizer(weights, second_moments, options)`.
template <class Options, class Quantizer>
void define_quantizer(nb::module_& m, const char* name, const std::string& doc,
                      Quantizer quantizer) {
  define(m, name, arguments, "Quantization", doc, Options{},
         [quantizer](const watched_call& call, const nb::object& weights, const nb::object& moments,
                     const Options& o) {
           return compute<2, 2>(
               call, {weights, "weights"}, {moments, "second_moments"},
               [&](const auto& w, const auto& f) { return quantized{quantizer(w, f, o)}; });
         });
}

void add_quantizers(nb::module_& m) {
  define_quantizer<atlas::quantize_matrix_options>(
      m, "quantize_matrix",
      std::string("Quantizes a linear layer by the method asked for.") + shapes,
      [](const auto& w, const auto& f, const auto& o) { return atlas::quantize_matrix(w, f, o); });
  define_quantizer<atlas::gptq_options>(
      m, "gptq_quantize",
      std::string("GPTQ: column by column, errors passed on (Frantar and others 2023).") + shapes +
          "O(in^3 + out in^2) time.",
      [](const auto& w, const auto& f, const auto& o) { return atlas::gptq_quantize(w, f, o); });
  define_quantizer<atlas::ldlq_options>(
      m, "ldlq_quantize",
      std::string("LDLQ and QuIP: linear feedback, in a basis without outliers (Chee and others "
                  "2023).") +
          shapes + "O(in^3 + out in^2) time.",
      [](const auto& w, const auto& f, const auto& o) { return atlas::ldlq_quantize(w, f, o); });
  define_quantizer<awq_keywords>(
      m, "awq_quantize",
      std::string("AWQ: weights of large inputs are scaled up first (Lin and others 2024).") +
          shapes + "O(steps out in^2) time.",
      [](const auto& w, const auto& f, const awq_keywords& o) {
        if (o.magnitudes.size() == 0) return atlas::awq_quantize(w, f, o.options);
        return atlas::awq_quantize(w, f, o.magnitudes, o.options);
      });
}

void add_errors_of_any(nb::module_& m) {
  define(m, "quantization_error",
         {"weights: atlas.types.Array", "quantized: atlas.types.Array",
          "second_moments: atlas.types.Array"},
         "QuantizationErrors",
         std::string("Both errors of any approximation of a linear layer.") + shapes +
             "quantized: as weights, of the same type. O(out in^2) time.",
         atlas::work_options{},
         [](const watched_call& call, const nb::object& weights, const nb::object& approximation,
            const nb::object& moments, const atlas::work_options& o) {
           const borrowed_array f(moments, "second_moments");
           return compute_alike<2, 2>(
               call, {weights, "weights"}, {approximation, "quantized"},
               [&](const auto& w, const auto& q) {
                 if (f.of_double()) return atlas::quantization_error(w, q, f.view<double, 2>(), o);
                 return atlas::quantization_error(w, q, f.view<float, 2>(), o);
               });
         });
}

void add_bits(nb::module_& m) {
  using r = atlas::bit_allocation_result;
  record<r>(m, "What `allocate_bits` returns.")
      .field("bits", &r::bits, "[n], of each component: 0 or 2 to 8")
      .field("average", &r::average, "achieved")
      .field("water_level", &r::water_level, "distortion of the real-valued solution");
  define(m, "allocate_bits", {"variances: atlas.types.Numbers"}, "BitAllocation",
         "Bits for each of n independent components at a fixed average: reverse water-filling in "
         "whole bits.\n\nvariances: [n], weighted as their distortions count. O(n bits log n) "
         "time.",
         atlas::bit_allocation_options{},
         [](const watched_call& call, const nb::object& variances,
            const atlas::bit_allocation_options& o) {
           const Eigen::VectorXd x = numbers_of(variances, "variances");
           return call.run([&] { return atlas::allocate_bits(x, o); });
         });
}

}  // namespace

void add_quantize(nb::module_& m) {
  add_parts(m);
  add_record(m);
  add_quantizers(m);
  add_errors_of_any(m);
  add_bits(m);
}

}  // namespace atlas_python
