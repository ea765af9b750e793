// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Estimates of dimension as Python has them, with what they were made by, for their nulls.

#include <nanobind/nanobind.h>

#include "atlas/dimension/any_estimator.hpp"
#include "atlas/dimension/estimate.hpp"
#include "atlas/dimension/two_nn_options.hpp"
#include "options.hpp"
#include "records.hpp"

namespace atlas_python {

/// An estimate, its estimator and its options (but for the progress).
struct measured_dimension {
  atlas::dimension_estimate estimate;
  atlas::any_estimator estimator;
  atlas::dimension_options options;
};

/// An estimator with its parameters.
struct named_estimator {
  atlas::any_estimator of;
};

template <>
inline constexpr const char* python_name<atlas::goodness_of_fit> = "GoodnessOfFit";
template <>
inline constexpr const char* python_name<atlas::two_nn_result> = "TwoNN";
template <>
inline constexpr const char* python_name<measured_dimension> = "DimensionEstimate";
template <>
inline constexpr const char* python_name<named_estimator> = "Estimator";

/// Of a name or an Estimator.
/// \throws TypeError, and value_error for a name that is none
atlas::any_estimator estimator_of(nb::handle given);

template <class Visit>
void visit_options(Visit& visit, atlas::two_nn_options& o) {
  visit("estimator", o.estimator, "of the exponent of the ratios");
  visit("discard_fraction", o.discard_fraction,
        "share of the largest ratios that is not observed, in [0, 1)");
  visit("confidence", o.confidence, "of the interval");
  visit("duplicates", o.duplicates, "what to do with rows that coincide");
  visit("precision", o.precision, "that the points were stored in at any time, to merge by");
  visit("tolerance", o.tolerance, "of rows that are merged, in units in the last place");
  visit("degenerate", o.degenerate, "whether a cloud without a dimension is an error");
  visit("exclude", o.exclude, "rows that may not be neighbours");
  visit("context", o.context,
        "[N], the text that each row comes from: the interval counts these, not rows");
  visit("prior_shape", o.prior.shape, "of the Bayesian estimator's Gamma prior");
  visit("prior_rate", o.prior.rate, "of the same");
  visit_work(visit, o.threads, o.on_progress);
}

template <class Visit>
void visit_options(Visit& visit, atlas::dimension_options& o) {
  visit("confidence", o.confidence, "of the interval");
  visit("duplicates", o.duplicates, "what to do with rows that coincide");
  visit("precision", o.precision, "that the points were stored in at any time, to merge by");
  visit("tolerance", o.tolerance, "of rows that are merged, in units in the last place");
  visit("degenerate", o.degenerate, "whether a cloud without a dimension is an error");
  visit("exclude", o.exclude, "rows that may not be neighbours");
  visit("context", o.context,
        "[N], the text that each row comes from: the interval counts these, not rows");
  visit("periods", o.periods,
        "[d], length after which each coordinate begins again; 0 or inf where one does not");
  visit("errors", o.errors, "whether to compute the standard error and the interval");
  visit("resamples", o.resamples, "halves of the rows, for estimators whose rows have no scores");
  visit("seed", o.seed, "of these, and of estimators that draw");
  visit_work(visit, o.threads, o.on_progress);
}

}  // namespace atlas_python
