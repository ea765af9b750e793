// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <string_view>

#include "atlas/dimension/chosen_estimator.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/estimate_dimensions.hpp"
#include "atlas/dimension/estimators/hidalgo.hpp"
#include "dimension.hpp"
#include "module.hpp"

namespace atlas_python {

template <>
inline constexpr const char* python_name<atlas::posterior_summary> = "Posterior";
template <>
inline constexpr const char* python_name<atlas::hidalgo_result> = "Hidalgo";

/// Parameters of one estimator and options of all.
struct estimator_keywords {
  atlas::any_estimator estimator;
  atlas::dimension_options options;
};
template <class Visit>
void visit_options(Visit& visit, estimator_keywords& o) {
  atlas::visit_parameters(o.estimator, [&](const char* key, auto& value) { visit(key, value); });
  visit_options(visit, o.options);
}

template <class Visit>
void visit_options(Visit& visit, atlas::hidalgo_options& o) {
  visit("components", o.components, "K, parts of different dimension");
  visit("neighbors", o.neighbors, "of each row, that tend to be of its own part; 2 or more");
  visit("zeta", o.zeta, "how much they do; 0.5: not at all");
  visit("prior_shape", o.prior.shape, "of the Gamma prior of each dimension");
  visit("prior_rate", o.prior.rate, "of the same");
  visit("concentration", o.concentration, "of the Dirichlet prior of the weights");
  visit("chains", o.chains, "each from a start of its own; 2 or more");
  visit("burn_in", o.burn_in, "sweeps of each chain that are not kept");
  visit("sweeps", o.sweeps, "of each chain that are kept");
  visit("confidence", o.confidence, "of the intervals");
  visit("exclude", o.exclude, "rows that may not be neighbours");
  visit("duplicates", o.duplicates, "what to do with rows that coincide");
  visit("precision", o.precision, "that the points were stored in at any time, to merge by");
  visit("tolerance", o.tolerance, "of rows that are merged, in units in the last place");
  visit("seed", o.seed, "of the chains");
  visit_work(visit, o.threads, o.on_progress);
}

namespace {

struct described_estimator {
  std::string_view name;
  const char* doc;
};
constexpr std::array described = {
    described_estimator{"two_nn", "ratios of the distances to two neighbours (Facco 2017)"},
    described_estimator{"gride", "ratios of the distances to neighbours n1 and n2 (Denti 2022)"},
    described_estimator{"mle",
                        "maximum likelihood of distances to k neighbours (Levina, Bickel 2004)"},
    described_estimator{"mle_global", "maximum likelihood of the smallest distances of all pairs"},
    described_estimator{"mom", "method of moments of distances to k neighbours (Amsaleg 2015)"},
    described_estimator{"mada", "distances to neighbours k and k / 2 (Farahmand 2007)"},
    described_estimator{"mind_ml",
                        "likelihood of the ratio of the nearest of k neighbours (Rozza 2012)"},
    described_estimator{"tle", "tight locality: pairs within each neighbourhood (Amsaleg 2019)"},
    described_estimator{"ess", "expected simplex skewness (Johnsson 2015)"},
    described_estimator{"danco", "distances and angles against simulated balls (Ceruti 2014)"},
    described_estimator{"correlation_integral",
                        "growth of the correlation integral (Grassberger, Procaccia 1983)"},
    described_estimator{"box_counting",
                        "counts of boxes of several sides (Hentschel, Procaccia 1983)"},
    described_estimator{"binomial", "counts in two concentric balls (Macocco 2023)"},
    described_estimator{"k_star", "the scale at which density stays constant (Di Noia 2024)"},
    described_estimator{"knn_graph", "growth of the length of a graph of neighbours (Costa 2004)"},
    described_estimator{"spanning_tree",
                        "growth of the length of a minimum spanning tree (Schweinhart 2020)"},
    described_estimator{"fisher_separability",
                        "how many rows are linearly separable (Albergante 2019)"},
    described_estimator{"local_pca", "directions that a principal component analysis counts"},
};

const char* doc_of(std::string_view name) {
  for (const described_estimator& e : described)
    if (e.name == name) return e.doc;
  return "";
}

atlas::any_estimator estimator_named(const std::string& name) {
  std::string all;
  for (const atlas::any_estimator& e : atlas::all_estimators()) {
    if (atlas::name_of(e) == name) return e;
    all += (all.empty() ? "" : ", ") + std::string(atlas::name_of(e));
  }
  throw atlas::value_error("estimator", "one of " + all, "'" + name + "'");
}

measured_dimension measured(atlas::dimension_estimate estimate, atlas::any_estimator estimator,
                            atlas::dimension_options options) {
  options.on_progress = {};
  return {std::move(estimate), std::move(estimator), std::move(options)};
}

measured_dimension measure(const watched_call& call, const nb::object& points,
                           const atlas::any_estimator& estimator,
                           const atlas::dimension_options& o) {
  return measured(compute<2>(call, {points, "points"},
                             [&](const auto& x) {
                               return atlas::estimate_dimension(
                                   x, atlas::estimators::chosen{estimator}, o);
                             }),
                  estimator, o);
}

void add_estimator_type(nb::module_& m) {
  nb::class_<named_estimator>(
      m, "Estimator", "An estimator of dimension with its parameters: Estimator('mle', k=20).")
      .def(
          "__init__",
          [](named_estimator* made, const std::string& name, const nb::kwargs& parameters) {
            watched_call call;
            named_estimator out{estimator_named(name)};
            keyword_reader reader("Estimator('" + name + "')", parameters, call);
            atlas::visit_parameters(out.of,
                                    [&](const char* key, auto& value) { reader(key, value); });
            reader.refuse_others();
            atlas::check_estimator(out.of);
            new (made) named_estimator(out);
          },
          nb::arg("name"), nb::arg("parameters"),
          nb::sig("def __init__(self, name: str, **parameters: float | int | bool | str) -> None"),
          "name: one of `estimator_names`; parameters as of the function of that name")
      .def_prop_ro(
          "name", [](const named_estimator& e) { return std::string(atlas::name_of(e.of)); },
          nb::sig("def name(self) -> str"), "one of `estimator_names`")
      .def_prop_ro(
          "parameters",
          [](named_estimator& e) {
            nb::dict all;
            atlas::visit_parameters(e.of, [&](const char* key, auto& value) {
              all[key] = field_of(value, nb::none());
            });
            return all;
          },
          nb::sig("def parameters(self) -> dict[str, float | int | bool | str]"),
          "all of them, with their values")
      .def(
          "__repr__",
          [](named_estimator& e) {
            std::string text = "Estimator('" + std::string(atlas::name_of(e.of)) + "'";
            atlas::visit_parameters(e.of, [&](const char* key, auto& value) {
              text += std::string(", ") + key + "=" + text_of(value);
            });
            return text + ")";
          },
          nb::sig("def __repr__(self) -> str"));
}

void add_estimate_record(nb::module_& m) {
  const auto of = [](auto member) {
    return [member](const measured_dimension& x) -> const auto& {
      return x.estimate.*member;
    };
  };
  using r = atlas::dimension_estimate;
  record<measured_dimension>(m, "What every estimator returns. Numbers that there are not are NaN.")
      .field("dimension", of(&r::dimension), "the intrinsic dimension")
      .field("interval", of(&r::interval), "of what `claim` says")
      .field("standard_error", of(&r::standard_error), "of the dimension")
      .field("error_from", of(&r::error_from), "what the error was made from")
      .field("claim", of(&r::claim), "what the interval is an interval of, as rows become many")
      .field("local", of(&r::local),
             "[N], of the neighbourhood of each row; empty for estimators that have none")
      .field("points_used", of(&r::points_used), "rows that entered")
      .field("neighbors", of(&r::neighbors), "of each row, that were looked at")
      .field("duplicates", of(&r::duplicates), "rows whose nearest neighbour is at distance 0")
      .field("merged", of(&r::merged), "rows left out because they coincide with one that is not")
      .field("isolated", of(&r::isolated), "rows to which the exclusion left too few neighbours")
      .field("contexts", of(&r::contexts), "that are the units; 0: rows are")
      .field("few_contexts", of(&r::few_contexts), "fewer than 6: too few to know the error by")
      .field("fault", of(&r::fault), "why the dimension is no estimate, if it is none")
      .field("remark", of(&r::remark), "what else a reader has to know, or empty")
      .field_as(
          "estimator", "Estimator",
          [](const measured_dimension& x) { return nb::cast(named_estimator{x.estimator}); },
          "that it was made by");
}

/// A function of its own for each, but for TwoNN, which has its own results.
void add_each_estimator(nb::module_& m) {
  nb::list names;
  for (const atlas::any_estimator& estimator : atlas::all_estimators()) {
    const std::string name(atlas::name_of(estimator));
    names.append(name);
    if (name == "two_nn") continue;
    define(m, name.c_str(), {"points: atlas.types.Array"}, "DimensionEstimate",
           "Intrinsic dimension by " + std::string(doc_of(name)) +
               ".\n\npoints: [N, d], N >= 3. Its parameters, and what it costs: "
               "docs/methods/estimators.md.",
           estimator_keywords{estimator, {}},
           [](const watched_call& call, const nb::object& points, const estimator_keywords& o) {
             return measure(call, points, o.estimator, o.options);
           });
  }
  m.attr("estimator_names") = nb::tuple(names);
}

std::vector<atlas::any_estimator> estimators_of(nb::handle given) {
  if (given.is_none()) return atlas::all_estimators();
  std::vector<atlas::any_estimator> all;
  for (const nb::handle one : given) all.push_back(estimator_of(one));
  return all;
}

void add_hidalgo(nb::module_& m) {
  using p = atlas::posterior_summary;
  using r = atlas::hidalgo_result;
  record<p>(m, "The posterior of one number.")
      .field("mean", &p::mean, "its mean")
      .field("sd", &p::sd, "its standard deviation")
      .field("interval", &p::interval, "central")
      .field("r_hat", &p::r_hat, "near 1 where chains agree")
      .field("effective_draws", &p::effective_draws, "independent draws that all chains are worth");
  record<r>(m, "What `hidalgo` returns.")
      .field("dimensions", &r::dimensions, "[K], ascending in every draw")
      .field("weights", &r::weights, "[K], of the parts in that order")
      .field("membership", &r::membership, "[N, K], probability of each row to be of each part")
      .field("part", &r::part, "[N], the likeliest part of each row; -1: none")
      .field("worst_r_hat", &r::worst_r_hat, "of all dimensions and weights")
      .field("converged", &r::converged, "whether it is below 1.05")
      .field("points_used", &r::points_used, "rows with a ratio")
      .field("duplicates", &r::duplicates, "rows whose nearest neighbour is at distance 0")
      .field("merged", &r::merged, "rows that coincide with one that has a part")
      .field("isolated", &r::isolated, "rows with too few neighbours left");
  define(m, "hidalgo", {"points: atlas.types.Array"}, "Hidalgo",
         "Several dimensions in one cloud, by Gibbs sampling (Allegra and others 2020).\n\n"
         "points: [N, d], N >= 3.",
         atlas::hidalgo_options{},
         [](const watched_call& call, const nb::object& points, const atlas::hidalgo_options& o) {
           return compute<2>(call, {points, "points"},
                             [&](const auto& x) { return atlas::hidalgo(x, o); });
         });
}

}  // namespace

atlas::any_estimator estimator_of(nb::handle given) {
  if (nb::isinstance<named_estimator>(given)) return nb::cast<const named_estimator&>(given).of;
  if (PyUnicode_Check(given.ptr())) return estimator_named(nb::cast<std::string>(given));
  PyErr_Format(PyExc_TypeError, "estimator: expected a name or an Estimator, got %R", given.ptr());
  throw nb::python_error();
}

void add_estimators(nb::module_& m) {
  add_estimator_type(m);
  add_estimate_record(m);
  add_each_estimator(m);
  add_hidalgo(m);
  define(m, "estimate_dimension", {"points: atlas.types.Array", "estimator: str | Estimator"},
         "DimensionEstimate",
         "Intrinsic dimension by any estimator: a name, or Estimator('mle', k=20).\n\n"
         "points: [N, d], N >= 3.",
         atlas::dimension_options{},
         [](const watched_call& call, const nb::object& points, const nb::object& estimator,
            const atlas::dimension_options& o) {
           return measure(call, points, estimator_of(estimator), o);
         });
  define(
      m, "estimate_dimensions",
      {"points: atlas.types.Array", "estimators: collections.abc.Iterable[str | Estimator] | None"},
      "list[DimensionEstimate]",
      "The dimension by several estimators from one search for neighbours; None: by all.\n\n"
      "points: [N, d], N >= 3. Where one has no estimate its dimension is NaN and its remark or "
      "fault says why.",
      atlas::dimension_options{},
      [](const watched_call& call, const nb::object& points, const nb::object& estimators,
         const atlas::dimension_options& o) {
        const std::vector<atlas::any_estimator> list = estimators_of(estimators);
        const auto found = compute<2>(call, {points, "points"}, [&](const auto& x) {
          return atlas::estimate_dimensions(x, list, o);
        });
        nb::list out;
        for (std::size_t i = 0; i < list.size(); ++i)
          out.append(nb::cast(measured(found[i], list[i], o)));
        return out;
      });
}

}  // namespace atlas_python
