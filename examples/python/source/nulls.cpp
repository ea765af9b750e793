// SPDX-License-Identifier: MIT
#include "atlas/dimension/chosen_estimator.hpp"
#include "atlas/dimension/estimate_null.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "dimension.hpp"
#include "module.hpp"

namespace atlas_python {

template <>
inline constexpr const char* python_name<atlas::surrogate_null> = "SurrogateNull";

template <class Visit>
void visit_options(Visit& visit, atlas::surrogate_options& o) {
  visit("draws", o.draws, "surrogates, at least 10");
  visit("kind", o.kind, "what surrogates keep of the cloud, each more than the one before");
  visit("context", o.labels.context,
        "[N], the text of each row; where not given, that of the measurement");
  visit("position", o.labels.position, "[N], place in it; likewise");
  visit("seed", o.seed, "of the draws");
  visit("stream", o.stream, "nulls of one seed and different streams are independent");
  visit_work(visit, o.threads, o.on_progress);
}

namespace {

void add_record(nb::module_& m) {
  using r = atlas::surrogate_null;
  record<r>(m, "Where an estimate lies among those of surrogates.")
      .field("observed", &r::observed, "the estimate")
      .field("mean", &r::mean, "of the surrogates")
      .field("sd", &r::sd, "of the surrogates, with n - 1")
      .field("z", &r::z, "(observed - mean) / (sd sqrt(1 + 1/n))")
      .field("p", &r::p, "two-sided, of Student's t with n - 1 degrees of freedom")
      .field("rank_p", &r::rank_p, "two-sided, of the rank among the draws")
      .field("draws", &r::draws, "[n], of each surrogate")
      .field("kind", &r::kind, "of the surrogates")
      .field("fault", &r::fault, "why there is no null, if there is none");
}

template <class T>
const T& given(const nb::object& observed, const char* what) {
  if (nb::isinstance<T>(observed)) return nb::cast<const T&>(observed);
  PyErr_Format(PyExc_TypeError, "observed: expected %s, got %R", what, observed.ptr());
  throw nb::python_error();
}

}  // namespace

void add_nulls(nb::module_& m) {
  add_record(m);
  define(m, "two_nn_null", {"points: atlas.types.Array", "observed: TwoNN"}, "SurrogateNull",
         "The null of `two_nn`: the same estimator and options on clouds of the same mean and "
         "covariance, without structure.\n\npoints: [N, d], those that `observed` is of. Time of "
         "`draws` estimates.",
         atlas::surrogate_options{},
         [](const watched_call& call, const nb::object& points, const nb::object& observed,
            const atlas::surrogate_options& o) {
           const auto& of = given<atlas::two_nn_result>(observed, "what two_nn returned");
           return compute<2>(call, {points, "points"},
                             [&](const auto& x) { return atlas::two_nn_null(x, of, o); });
         });
  define(m, "dimension_null", {"points: atlas.types.Array", "observed: DimensionEstimate"},
         "SurrogateNull",
         "The null of any estimator: the same estimator and options on clouds of the same mean and "
         "covariance, without structure.\n\npoints: [N, d], those that `observed` is of. Time of "
         "`draws` estimates.",
         atlas::surrogate_options{},
         [](const watched_call& call, const nb::object& points, const nb::object& observed,
            const atlas::surrogate_options& o) {
           const auto& of =
               given<measured_dimension>(observed, "what an estimator of dimension returned");
           return compute<2>(call, {points, "points"}, [&](const auto& x) {
             return atlas::dimension_null(x, atlas::estimators::chosen{of.estimator}, of.estimate,
                                          of.options, o);
           });
         });
}

}  // namespace atlas_python
