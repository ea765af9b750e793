// SPDX-License-Identifier: MIT
#include "quantizers.hpp"
#include "options.hpp"

#include <algorithm>
#include <map>

#include "atlas/quantize/kronecker.hpp"
#include "atlas/quantize/quantize_matrix.hpp"

namespace atlas_program {

namespace {

using atlas::quantization_method;

const std::map<std::string, atlas::grid_kind> kinds = {
    {"symmetric", atlas::grid_kind::symmetric}, {"asymmetric", atlas::grid_kind::asymmetric}};
const std::map<std::string, atlas::granularity> granularities = {
    {"tensor", atlas::granularity::tensor},
    {"column", atlas::granularity::column},
    {"row", atlas::granularity::row},
    {"group", atlas::granularity::group}};
const std::string allocated = "-allocated";

/// A name without what stands for the allocation of bits.
std::string base_name(const std::string& name) {
  return name.ends_with(allocated) ? name.substr(0, name.size() - allocated.size()) : name;
}

quantization_method method_named(const std::string& name) {
  const std::string base = base_name(name);
  for (const quantization_method m : atlas::all_quantization_methods)
    if (atlas::name_of(m) == base) return m;
  throw atlas::value_error("--methods", "names of quantizers, see --help", name);
}

std::optional<atlas::granularity> granularity_of(const quantizer_settings& settings) {
  if (settings.granularity.empty()) return std::nullopt;
  return granularities.at(settings.granularity);
}

bool is_allocated(const std::string& quantizer) {
  return quantizer.ends_with(allocated);
}

/// The step of each column is given by the method.
bool has_own_steps(const std::string& quantizer) {
  return quantizer == "diagonal" || quantizer.find("lambda") != std::string::npos;
}

bool is_damped(const std::string& quantizer) {
  return quantizer.starts_with("gptq") || quantizer == "ldlq" || quantizer == "quip";
}

template <class Map>
std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> out;
  for (const auto& [key, value] : map) out.push_back(key);
  return out;
}

template <class Scalar>
atlas::quantization<Scalar> run_kronecker(const quantizer_task<Scalar>& task, bool lambda, int bits,
                                          const quantizer_settings& settings, int threads) {
  const atlas::grid_options grid{.bits = bits,
                                 .kind = kinds.at(settings.kind),
                                 .granularity = granularity_of(settings),
                                 .inputs_per_scale = settings.inputs_per_scale};
  return atlas::kronecker_quantize(task.weights, task.input_moments, *task.output_moments,
                                   {.grid = grid,
                                    .lambda_scales = lambda,
                                    .threads = threads,
                                    .input_mean = task.input_mean})
      .quantization;
}

}  // namespace

void add_quantizer_options(CLI::App& app, quantizer_settings& settings) {
  add_choice(app, "--kind", settings.kind, keys(kinds), "of the grid");
  app.add_option("--granularity", settings.granularity,
                 "weights that share a scale; columns (in the basis), rows for awq, unless told "
                 "otherwise")
      ->check(one_of(keys(granularities)));
  add_whole(app, "--group-size", settings.inputs_per_scale, {1},
            "inputs a group, with --granularity group");
  add_whole(app, "--min-bits", settings.min_bits, {.low = 2, .high = 8, .or_zero = true},
            "of a direction where bits are allocated: 0 (it may be dropped) or 2 to 8");
  add_real(app, "--damping", settings.damping, {},
           "first attempt of gptq, ldlq and quip, as a share of the mean second moment");
}

void check_quantizer_options(const CLI::App& command, const quantizer_settings& settings,
                             const std::vector<std::string>& quantizers) {
  const auto any = [&](auto&& has) {
    return std::any_of(quantizers.begin(), quantizers.end(), has);
  };
  if (settings.granularity != "group")
    refuse_typed(command, {"--group-size"}, "without --granularity group");
  if (!any(is_allocated))
    refuse_typed(command, {"--min-bits"}, "without a method that allocates bits, NAME-allocated");
  if (!any(is_damped)) refuse_typed(command, {"--damping"}, "without gptq, ldlq or quip");
  if (!any([](const std::string& q) { return !has_own_steps(q); }))
    refuse_typed(command, {"--granularity"}, "on methods whose steps are their own");
  for (const std::string& q : quantizers) {
    if (has_own_steps(q) && settings.kind != "symmetric")
      throw atlas::value_error("--kind", "symmetric with " + q, settings.kind);
    if (is_allocated(q) && !settings.granularity.empty() && settings.granularity != "column")
      throw atlas::value_error("--granularity", "column with " + q, settings.granularity);
  }
}

json settings_json(const quantizer_settings& settings) {
  json out = {{"kind", settings.kind}, {"granularity", settings.granularity}};
  if (settings.granularity.empty()) out["granularity"] = "usual";
  if (settings.granularity == "group") out["group_size"] = settings.inputs_per_scale;
  out["min_bits"] = settings.min_bits;
  out["damping"] = settings.damping;
  return out;
}

std::vector<std::string> quantizer_names(bool with_gradients) {
  std::vector<std::string> out;
  for (const quantization_method m : atlas::all_quantization_methods) {
    out.emplace_back(atlas::name_of(m));
    if (atlas::can_allocate_bits(m)) out.push_back(out.back() + allocated);
  }
  if (with_gradients) out.insert(out.end(), {"kronecker", "kronecker-lambda"});
  return out;
}

bool is_random(const std::string& quantizer) {
  const std::string base = base_name(quantizer);
  return base == "random" || base == "hadamard" || base == "quip";
}

template <class Scalar>
atlas::quantization<Scalar> run_quantizer(const std::string& quantizer,
                                          const quantizer_task<Scalar>& task, int bits,
                                          const quantizer_settings& settings, std::uint64_t seed,
                                          int threads) {
  if (quantizer.starts_with("kronecker"))
    return run_kronecker(task, quantizer != "kronecker", bits, settings, threads);
  atlas::quantize_matrix_options options{.method = method_named(quantizer),
                                         .bits = bits,
                                         .kind = kinds.at(settings.kind),
                                         .granularity = granularity_of(settings),
                                         .inputs_per_scale = settings.inputs_per_scale,
                                         .damping = settings.damping,
                                         .seed = seed,
                                         .threads = threads,
                                         .known_eigenbasis = task.input_eigenbasis,
                                         .input_mean = task.input_mean};
  if (quantizer.ends_with(allocated)) {
    options.average_bits = bits;
    options.min_bits = settings.min_bits;
  }
  return atlas::quantize_matrix(task.weights, task.input_moments, options);
}

template atlas::quantization<float> run_quantizer(const std::string&, const quantizer_task<float>&,
                                                  int, const quantizer_settings&, std::uint64_t,
                                                  int);
template atlas::quantization<double> run_quantizer(const std::string&,
                                                   const quantizer_task<double>&, int,
                                                   const quantizer_settings&, std::uint64_t, int);

json effective_rank_json(const atlas::effective_ranks& ranks) {
  return {{"second_moments", number(ranks.second_moments)},
          {"about_mean", number(ranks.about_mean)}};
}

json repairs_json(const atlas::moment_repairs& repairs) {
  json out = json::object();
  if (repairs.damping_attempts > 0) out["damping"] = number(repairs.damping);
  if (repairs.damping_attempts > 1) out["damping_attempts"] = repairs.damping_attempts;
  if (repairs.dead_columns > 0) out["dead_columns"] = repairs.dead_columns;
  if (repairs.negative_eigenvalues > 0) out["negative_eigenvalues"] = repairs.negative_eigenvalues;
  return out;
}

}  // namespace atlas_program
