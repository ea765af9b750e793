// SPDX-License-Identifier: MIT
#include "atlas/attention/residual.hpp"
#include "atlas/boltzmann/argmax_stability.hpp"
#include "atlas/boltzmann/crystallization.hpp"
#include "atlas/boltzmann/density_matrix.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "module.hpp"
#include "options.hpp"
#include "records.hpp"

namespace atlas_python {

namespace {

/// Of logits `[..., n]`: an array of the leading shape each, or a number where there is one row.
struct observables {
  nb::object log_partition, free_energy, mean_energy, heat_capacity, entropy, effective_temperature;
};
struct concentrations {
  nb::object ratio, margin;
};
struct densities {
  nb::object purity, von_neumann_entropy;
  index_t zero_values = 0, undefined_rows = 0;
};

}  // namespace

template <>
inline constexpr const char* python_name<observables> = "BoltzmannObservables";
template <>
inline constexpr const char* python_name<concentrations> = "Concentration";
template <>
inline constexpr const char* python_name<densities> = "DensityObservables";
template <>
inline constexpr const char* python_name<atlas::stability_result> = "ArgmaxStability";
template <>
inline constexpr const char* python_name<atlas::crystallization_point> = "CrystallizationPoint";
template <>
inline constexpr const char* python_name<atlas::residual_decomposition<double>> = "Residual";

template <class Visit>
void visit_options(Visit& visit, atlas::boltzmann_options& o) {
  visit("beta", o.beta, "inverse temperature, positive, in 1 / unit of the logits");
  visit_threads(visit, o.threads);
}
template <class Visit>
void visit_options(Visit& visit, atlas::density_options& o) {
  visit("entropy", o.entropy, "False: purity alone, without the eigenvalues");
  visit_threads(visit, o.threads);
}
template <class Visit>
void visit_options(Visit& visit, atlas::stability_options& o) {
  visit("noise", o.noise, "its sd in units of the sd of the queries' coordinates");
  visit("draws", o.draws, "of noise for each query");
  visit("causal", o.causal, "query t of Q has keys up to t + T - Q; all of them otherwise");
  visit("window", o.window, "keys that a query has at most, the last ones; 0: no limit");
  visit("left_out", o.left_out, "a key that the queries after it do not have; -1: none");
  visit("seed", o.seed, "of the noise");
  visit_work(visit, o.threads, o.on_progress);
}
struct depth_options {
  double threshold = 0.05;
};
template <class Visit>
void visit_options(Visit& visit, depth_options& o) {
  visit("threshold", o.threshold, "that mean ratios stay below");
}

namespace {

constexpr const char* numbers = "numpy.typing.NDArray[numpy.float64] | float";

nb::object object_of(double x) {
  return nb::cast(x);
}
template <std::size_t Rank>
nb::object object_of(const atlas::owned_tensor<double, Rank>& x) {
  return array_of_own(x);
}

/// Calls `work` with the rank of an array as a type.
/// \throws shape_error for a rank outside 1 to 4
template <class Work>
auto with_rank(const borrowed_array& x, Work&& work) {
  switch (x.rank()) {
    case 1:
      return work(std::integral_constant<std::size_t, 1>());
    case 2:
      return work(std::integral_constant<std::size_t, 2>());
    case 3:
      return work(std::integral_constant<std::size_t, 3>());
    case 4:
      return work(std::integral_constant<std::size_t, 4>());
    default:
      throw atlas::shape_error(x.name(), "1 to 4 dimensions", std::to_string(x.rank()));
  }
}

void add_softmax(nb::module_& m) {
  using r = observables;
  record<r>(m, "What `boltzmann_observables` returns: of each row, in the logits' leading shape.")
      .field_as("log_partition", numbers, &r::log_partition, "ln Z, Z = sum of e^(beta s)")
      .field_as("free_energy", numbers, &r::free_energy, "-ln Z / beta, unit of the logits")
      .field_as("mean_energy", numbers, &r::mean_energy, "<E>, E = -s, unit of the logits")
      .field_as("heat_capacity", numbers, &r::heat_capacity, "beta^2 (<E^2> - <E>^2), no unit")
      .field_as("entropy", numbers, &r::entropy, "Shannon's, in nats, 0 to ln n")
      .field_as("effective_temperature", numbers, &r::effective_temperature,
                "e^entropy, in keys, 1 to n");
  define(m, "boltzmann_observables", {"logits: atlas.types.Array"}, "BoltzmannObservables",
         "Thermodynamics of every row of softmax: sums and moments of its weights.\n\n"
         "logits: [..., n] of 1 to 4 dimensions, scaled; masked keys are -inf. O(size) time.",
         atlas::boltzmann_options{},
         [](const watched_call& call, const nb::object& logits, const atlas::boltzmann_options& o) {
           const borrowed_array given(logits, "logits");
           return with_rank(given, [&](auto rank) {
             const auto x = compute<rank.value>(
                 call, given, [&](const auto& s) { return atlas::boltzmann_observables(s, o); });
             return observables{object_of(x.log_partition), object_of(x.free_energy),
                                object_of(x.mean_energy),   object_of(x.heat_capacity),
                                object_of(x.entropy),       object_of(x.effective_temperature)};
           });
         });
  define(m, "softmax", {"logits: atlas.types.Array"}, "numpy.typing.NDArray[typing.Any]",
         "Softmax of every row of logits, of their shape and type; masked keys are 0.\n\n"
         "logits: [..., n] of 1 to 4 dimensions; masked keys are -inf. O(size) time.",
         atlas::boltzmann_options{},
         [](const watched_call& call, const nb::object& logits, const atlas::boltzmann_options& o) {
           const borrowed_array given(logits, "logits");
           return with_rank(given, [&](auto rank) {
             constexpr std::size_t n = rank.value;
             if (given.of_double()) {
               const auto s = given.view<double, n>();
               return array_of_own(call.run([&] { return atlas::softmax<n>(s, o); }));
             }
             const auto s = given.view<float, n>();
             return array_of_own(call.run([&] { return atlas::softmax<n>(s, o); }));
           });
         });
}

void add_concentration(nb::module_& m) {
  record<concentrations>(m, "What `concentration` returns, in the logits' leading shape.")
      .field_as("ratio", numbers, &concentrations::ratio,
                "R, second largest weight to largest, 0 (one key) to 1")
      .field_as("margin", numbers, &concentrations::margin, "largest less second largest weight");
  define(m, "concentration", {"logits: atlas.types.Array"}, "Concentration",
         "Ratio R and margin of the two largest weights of every row of softmax.\n\n"
         "logits: [..., n] of 1 to 4 dimensions; masked keys are -inf. O(size) time.",
         atlas::boltzmann_options{},
         [](const watched_call& call, const nb::object& logits, const atlas::boltzmann_options& o) {
           const borrowed_array given(logits, "logits");
           return with_rank(given, [&](auto rank) {
             const auto x = compute<rank.value>(
                 call, given, [&](const auto& s) { return atlas::concentration(s, o); });
             return concentrations{object_of(x.ratio), object_of(x.margin)};
           });
         });
  using p = atlas::crystallization_point;
  record<p>(m, "What `crystallization_depth` returns.")
      .field("layer", &p::layer, "L_c; None where the last layer is not below the threshold")
      .field("fraction", &p::fraction, "of the depth: 0 the first layer, 1 the last");
  define(m, "crystallization_depth", {"mean_ratios: atlas.types.Numbers"}, "CrystallizationPoint",
         "L_c: the first layer from which the mean ratio stays below a threshold.\n\n"
         "mean_ratios: [L], of each layer, the first one first.",
         depth_options{},
         [](const watched_call&, const nb::object& ratios, const depth_options& o) {
           const Eigen::VectorXd x = numbers_of(ratios, "mean_ratios");
           return atlas::crystallization_depth({x.data(), static_cast<std::size_t>(x.size())},
                                               o.threshold);
         });
}

void add_density(nb::module_& m) {
  using r = densities;
  record<r>(m, "What `density_matrix` returns, of each row of weights.")
      .field_as("purity", "numpy.typing.NDArray[numpy.float64]", &r::purity,
                "tr rho^2, from 1/d to 1")
      .field_as("von_neumann_entropy", "numpy.typing.NDArray[numpy.float64]",
                &r::von_neumann_entropy, "nats, from 0 to ln d; NaN unless asked for")
      .field("zero_values", &r::zero_values, "values of norm 0, left out")
      .field("undefined_rows", &r::undefined_rows, "with weight on such values alone: NaN");
  define(m, "density_matrix", {"weights: atlas.types.Array", "values: atlas.types.Array"},
         "DensityObservables",
         "Purity and von Neumann entropy of each row of attention: over how many directions of its "
         "values the weight is spread.\n\nweights: [Q, T] or [H, Q, T], rows sum to 1; values: "
         "[T, d] or [H / heads per group, T, d], of the same type.",
         atlas::density_options{},
         [](const watched_call& call, const nb::object& weights, const nb::object& values,
            const atlas::density_options& o) {
           const borrowed_array a(weights, "weights"), v(values, "values");
           const auto result = [](const auto& x) {
             return densities{object_of(x.purity), object_of(x.von_neumann_entropy), x.zero_values,
                              x.undefined_rows};
           };
           if (a.rank() == 3)
             return result(compute_alike<3, 3>(call, a, v, [&](const auto& x, const auto& y) {
               return atlas::density_matrices(x, y, o);
             }));
           return result(compute_alike<2, 2>(call, a, v, [&](const auto& x, const auto& y) {
             return atlas::density_matrix(x, y, o);
           }));
         });
}

void add_stability(nb::module_& m) {
  using r = atlas::stability_result;
  record<r>(m, "What `argmax_stability` returns.")
      .field("share", &r::share, "of all draws of all queries whose largest logit stays")
      .field("stable", &r::stable, "[Q], of the draws of each query")
      .field("noise_sd", &r::noise_sd, "in the queries' unit");
  define(m, "argmax_stability", {"queries: atlas.types.Array", "keys: atlas.types.Array"},
         "ArgmaxStability",
         "Share of queries with noise whose largest logit is that of the same key as without.\n\n"
         "queries: [Q, d] of one head, positions already in them; keys: [T, d]. O(draws Q T d) "
         "time.",
         atlas::stability_options{},
         [](const watched_call& call, const nb::object& queries, const nb::object& keys,
            const atlas::stability_options& o) {
           return compute<2, 2>(
               call, {queries, "queries"}, {keys, "keys"},
               [&](const auto& q, const auto& k) { return atlas::argmax_stability(q, k, o); });
         });
}

/// Results of float as those of double: sums are in double anyway.
atlas::residual_decomposition<double> widened(const atlas::residual_decomposition<float>& x) {
  return {atlas::copy_as<double>(static_cast<const atlas::tensor_view<const float, 2>&>(x.raw)),
          atlas::copy_as<double>(static_cast<const atlas::tensor_view<const float, 2>&>(x.tail)),
          x.argmax,
          x.top,
          x.tail_mass,
          x.undefined_tails};
}
const atlas::residual_decomposition<double>& widened(
    const atlas::residual_decomposition<double>& x) {
  return x;
}

void add_residual(nb::module_& m) {
  using r = atlas::residual_decomposition<double>;
  record<r>(m, "What `decompose_residual` returns, of each query.")
      .field("raw", &r::raw, "[Q, d], attention less the value of the likeliest key")
      .field("tail", &r::tail, "[Q, d], mean of the other values; zeros where it is undefined")
      .field("argmax", &r::argmax, "[Q], the likeliest key")
      .field("top", &r::top, "[Q], its weight")
      .field("tail_mass", &r::tail_mass, "[Q], that of the others")
      .field("undefined_tails", &r::undefined_tails, "queries with tail mass 0");
  define(m, "decompose_residual", {"weights: atlas.types.Array", "values: atlas.types.Array"},
         "Residual",
         "What attention adds to the value it looks at most.\n\nweights: [Q, T], rows sum to 1; "
         "values: [T, d], of the same type. O(Q T d) time.",
         no_options{},
         [](const watched_call& call, const nb::object& weights, const nb::object& values,
            const no_options&) {
           return compute_alike<2, 2>(
               call, {weights, "weights"}, {values, "values"},
               [](const auto& a, const auto& v) -> atlas::residual_decomposition<double> {
                 return widened(atlas::decompose_residual(a, v));
               });
         });
}

}  // namespace

void add_boltzmann(nb::module_& m) {
  add_softmax(m);
  add_concentration(m);
  add_density(m);
  add_stability(m);
  add_residual(m);
}

}  // namespace atlas_python
