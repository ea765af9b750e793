// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How far contexts differ in their own covariance, beyond what their rows give by chance.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/surrogates/options.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The rows of each context less their mean, in units of the components' pooled sd within contexts.
struct context_deviations {
  std::vector<row_matrix<double>> rows;  ///< of contexts of two rows and more
  std::vector<double> log_scale;         ///< logarithm of their mean square, each
  Eigen::RowVectorXd within;             ///< `[components]`, that sd
  Eigen::RowVectorXd between;            ///< `[components]`, mean square of the contexts' means
};

template <class Scalar>
context_deviations deviations_of(const row_matrix<Scalar>& z, const context_places& places) {
  context_deviations out;
  Eigen::RowVectorXd squares = Eigen::RowVectorXd::Zero(z.cols()), means = squares;
  double degrees = 0;
  for (const auto& rows : places.rows) {
    if (rows.size() < 2) continue;
    row_matrix<double>& held = out.rows.emplace_back(static_cast<index_t>(rows.size()), z.cols());
    for (std::size_t i = 0; i < rows.size(); ++i)
      held.row(static_cast<index_t>(i)) = z.row(rows[i]).template cast<double>();
    const Eigen::RowVectorXd mean = held.colwise().mean();
    held.rowwise() -= mean;
    means += mean.cwiseAbs2();
    squares += held.colwise().squaredNorm();
    degrees += static_cast<double>(rows.size() - 1);
  }
  constexpr double none = 1e-9;  // of unit variance: rounding, where a context's rows agree
  out.between = means / (std::max)(1.0, static_cast<double>(out.rows.size()));
  out.within = (squares / (std::max)(1.0, degrees)).cwiseMax(none).cwiseSqrt();
  for (auto& held : out.rows) {
    held.array().rowwise() /= out.within.array();
    const double mean_square =
        held.squaredNorm() / static_cast<double>((held.rows() - 1) * held.cols());
    out.log_scale.push_back(std::log((std::max)(mean_square, none)));
  }
  return out;
}

/// How far contexts' covariances are apart.
struct passage_dispersion {
  double scale = 0;  ///< variance of the logarithm of their scales
  double shape =
      0;  ///< mean squared distance (Frobenius) of covariances of one scale to their mean
};

template <class = lazy>
passage_dispersion dispersion_of(const context_deviations& deviations) {
  const std::size_t contexts = deviations.rows.size();
  const index_t d = deviations.within.size();
  if (contexts < 2 || d == 0) return {};
  Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(d, d);
  double squares = 0;
  for (std::size_t c = 0; c < contexts; ++c) {
    const auto& rows = deviations.rows[c];
    const double unit =
        1 / (static_cast<double>(rows.rows() - 1) * std::exp(deviations.log_scale[c]));
    // The lower triangle of the products of columns or, where these are more, of rows.
    const bool wide = rows.rows() < d;
    const index_t n = wide ? rows.rows() : d;
    Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(n, n);
    if (wide) {
      gram.selfadjointView<Eigen::Lower>().rankUpdate(rows, unit);
      mean.selfadjointView<Eigen::Lower>().rankUpdate(rows.transpose(),
                                                      unit / static_cast<double>(contexts));
    } else {
      gram.selfadjointView<Eigen::Lower>().rankUpdate(rows.transpose(), unit);
      mean += gram / static_cast<double>(contexts);
    }
    squares +=
        (2 * gram.squaredNorm() - gram.diagonal().squaredNorm()) / static_cast<double>(contexts);
  }
  const Eigen::MatrixXd full = mean.selfadjointView<Eigen::Lower>();
  const double sd = summarize(deviations.log_scale).sd;
  return {sd * sd, squares - full.squaredNorm()};
}

/// Gives rows of each context, less what of their mean is the context's and not that of so many
/// rows, a covariance of their own: `scale ((1 - weight) 1 + weight S)` with the context's sample
/// covariance S, of unit scale. Scales are shrunk and the weight is chosen so that contexts differ
/// by as much as they do in the data beyond what chance (serial draws) gives.
template <class Scalar>
class passage_spread {
 public:
  /// \param z      `[N, components]`, the data
  /// \param chance of draws without passages of their own
  passage_spread(const row_matrix<double>& z, const context_places& places,
                 const std::vector<passage_dispersion>& chance)
      : places_(places) {
    const context_deviations deviations = deviations_of(z, places);
    const passage_dispersion found = dispersion_of(deviations);
    std::vector<double> scales, shapes;
    for (const passage_dispersion& p : chance) {
      scales.push_back(p.scale);
      shapes.push_back(p.shape);
    }
    const double scale = excess(found.scale, scales), shape = excess(found.shape, shapes);
    if (scale == 0 && shape == 0) return;
    within_ = deviations.within.template cast<Scalar>();
    between_ = deviations.between.template cast<Scalar>();
    const double middle = summarize(deviations.log_scale).mean;
    for (std::size_t c = 0; c < deviations.rows.size(); ++c)
      contexts_.push_back(root_of(deviations.rows[c], deviations.log_scale[c], shape,
                                  std::exp(0.5 * scale * (deviations.log_scale[c] - middle))));
  }

  /// Whether contexts differ beyond chance.
  bool active() const { return !contexts_.empty(); }

  /// \param z `[N, components]`; in place
  void apply(row_matrix<Scalar>& z) const {
    if (!active()) return;
    std::size_t next = 0;
    for (const auto& rows : places_.rows)
      if (rows.size() > 1) apply(rows, contexts_[next++], z);
  }

 private:
  /// The root `factor (kept 1 + axes diag(added) axes^T)` between units of `within_`: as one
  /// matrix, or where it is of few axes, `kept` and two factors of the rest.
  struct root {
    Scalar kept = 1;
    Eigen::MatrixX<Scalar> whole, down, up;
  };

  /// Square root of the share of a dispersion that is beyond chance and its error.
  static double excess(double found, const std::vector<double>& chance) {
    const sample_summary s = summarize(chance);
    const double beyond = found - s.mean - s.sd;
    return beyond > 0 ? std::sqrt(beyond / found) : 0;
  }

  root root_of(const row_matrix<double>& rows, double log_scale, double weight,
               double factor) const {
    root out;
    const double kept = factor * std::sqrt(1 - weight);
    out.kept = static_cast<Scalar>(kept);
    if (weight == 0) return out;
    const double unit = 1 / (static_cast<double>(rows.rows() - 1) * std::exp(log_scale));
    const bool wide = rows.rows() < rows.cols();
    const eigenbasis basis =
        symmetric_eigenbasis(wide ? Eigen::MatrixXd(unit * rows * rows.transpose())
                                  : Eigen::MatrixXd(unit * rows.transpose() * rows));
    index_t rank = 0;
    while (rank < basis.values.size() && basis.values(rank) > 1e-9 * basis.values(0)) ++rank;
    Eigen::MatrixXd axes = basis.vectors.leftCols(rank);
    if (wide) {
      axes = rows.transpose() * axes;
      axes.colwise().normalize();
    }
    const Eigen::ArrayXd values = basis.values.head(rank).array();
    const Eigen::VectorXd added =
        factor * ((1 - weight + weight * values).sqrt() - std::sqrt(1 - weight)).matrix();
    const Eigen::VectorXd within = within_.template cast<double>().transpose();
    const Eigen::MatrixXd down = within.cwiseInverse().asDiagonal() * axes * added.asDiagonal();
    const Eigen::MatrixXd up = axes.transpose() * within.asDiagonal();
    if (2 * rank < rows.cols()) {
      out.down = down.cast<Scalar>();
      out.up = up.cast<Scalar>();
      return out;
    }
    Eigen::MatrixXd whole = down * up;
    whole.diagonal().array() += kept;
    out.whole = whole.cast<Scalar>();
    return out;
  }

  void apply(const std::vector<index_t>& rows, const root& r, row_matrix<Scalar>& z) const {
    row_matrix<Scalar> held(static_cast<index_t>(rows.size()), z.cols());
    for (std::size_t i = 0; i < rows.size(); ++i)
      held.row(static_cast<index_t>(i)) = z.row(rows[i]);
    const Eigen::RowVectorX<Scalar> mean = held.colwise().mean();
    // What of the mean is that of so many rows, and not of the context, is theirs as well.
    const Eigen::RowVectorX<Scalar> share =
        (within_.array().square() / (static_cast<Scalar>(rows.size()) * between_.array())).matrix();
    const Eigen::RowVectorX<Scalar> of_rows = mean.cwiseProduct(share.cwiseMin(Scalar(1)));
    const Eigen::RowVectorX<Scalar> of_context = mean - of_rows;
    held.rowwise() -= of_context;
    row_matrix<Scalar> out;
    if (r.whole.size() > 0)
      out.noalias() = held * r.whole;
    else
      out = r.kept * held;
    if (r.down.size() > 0) out += held * r.down * r.up;
    for (std::size_t i = 0; i < rows.size(); ++i)
      z.row(rows[i]) = out.row(static_cast<index_t>(i)) + of_context;
  }

  context_places places_;
  Eigen::RowVectorX<Scalar> within_, between_;
  std::vector<root> contexts_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
