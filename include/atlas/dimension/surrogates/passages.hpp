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
  if (contexts < 2) return {};
  const index_t d = deviations.within.size();
  Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(d, d);
  double squares = 0;
  for (std::size_t c = 0; c < contexts; ++c) {
    const auto& rows = deviations.rows[c];
    const double unit =
        1 / (static_cast<double>(rows.rows() - 1) * std::exp(deviations.log_scale[c]));
    mean.selfadjointView<Eigen::Lower>().rankUpdate(rows.transpose(),
                                                    unit / static_cast<double>(contexts));
    const bool wide = rows.rows() < d;
    const Eigen::MatrixXd gram =
        wide ? Eigen::MatrixXd(rows * rows.transpose()) : Eigen::MatrixXd(rows.transpose() * rows);
    squares += gram.squaredNorm() * unit * unit / static_cast<double>(contexts);
  }
  const Eigen::MatrixXd full = mean.selfadjointView<Eigen::Lower>();
  const double sd = summarize(deviations.log_scale).sd;
  return {sd * sd, squares - full.squaredNorm()};
}

/// The share of contexts' means that is that of so many rows, and not of the context,
/// `[components]` for a context of one row.
inline Eigen::RowVectorXd chance_of_means(const context_deviations& deviations) {
  return deviations.within.cwiseAbs2().cwiseQuotient(deviations.between);
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
    kept_ = excess(found, chance, &passage_dispersion::scale);
    shape_ = excess(found, chance, &passage_dispersion::shape);
    if (kept_ == 0 && shape_ == 0) return;
    factors_.assign(deviations.rows.size(), 1);
    set_scales(deviations.log_scale);
    set_shapes(deviations);
  }

  /// Whether contexts differ beyond chance.
  bool active() const { return !factors_.empty(); }
  /// Whether their scales do.
  bool scaled() const { return kept_ > 0; }

  /// Adds to the scales what is left of them, shrunk as all of them are.
  /// \param left logarithms, of the data at the scales that were found so far
  void set_scales(const std::vector<double>& left) {
    std::vector<double> all;
    for (std::size_t c = 0; c < left.size(); ++c)
      all.push_back(2 * std::log(factors_[c]) + left[c]);
    const double middle = summarize(all).mean;
    for (std::size_t c = 0; c < all.size(); ++c)
      factors_[c] = std::exp(0.5 * kept_ * (all[c] - middle));
  }

  /// The data, were all contexts of one scale; rows of mean 0.
  row_matrix<double> unscaled(row_matrix<double> z) const {
    for_each_context([&](const std::vector<index_t>& rows, std::size_t c) {
      const row_matrix<double> held = rows_of(rows, z);
      const row_matrix<double> own = held.rowwise() - kept_mean(held);
      put(rows, held + (1 / factors_[c] - 1) * own, z);
    });
    const Eigen::RowVectorXd mean = z.colwise().mean();
    z.rowwise() -= mean;
    return z;
  }
  /// For data of one scale in coordinates of their own, and draws in these.
  void set_coordinates(const row_matrix<double>& z, const std::vector<passage_dispersion>& chance) {
    const context_deviations deviations = deviations_of(z, places_);
    shape_ = excess(dispersion_of(deviations), chance, &passage_dispersion::shape);
    set_shapes(deviations);
  }

  /// \param z `[N, components]`; in place
  void apply_shapes(row_matrix<Scalar>& z) const {
    if (shape_ == 0) return;
    for_each_context([&](const std::vector<index_t>& rows, std::size_t c) {
      const row_matrix<Scalar> all = rows_of(rows, z);
      const Eigen::RowVectorX<Scalar> mean = kept_mean(all);
      const row_matrix<Scalar> held =
          (all.rowwise() - mean).array().rowwise() / within_.template cast<Scalar>().array();
      const root& r = roots_[c];
      row_matrix<Scalar> out = r.kept * held;
      out += held * r.axes * r.added.asDiagonal() * r.axes.transpose();
      out.array().rowwise() *= within_.template cast<Scalar>().array();
      put(rows, out.rowwise() + mean, z);
    });
  }
  /// The same; leaves rows of mean 0.
  void apply_scales(row_matrix<Scalar>& z) const {
    if (!scaled()) return;
    for_each_context([&](const std::vector<index_t>& rows, std::size_t c) {
      const row_matrix<Scalar> held = rows_of(rows, z);
      const row_matrix<Scalar> own = held.rowwise() - kept_mean(held);
      put(rows, held + static_cast<Scalar>(factors_[c] - 1) * own, z);
    });
    const Eigen::RowVectorX<Scalar> mean = z.colwise().mean();
    z.rowwise() -= mean;
  }

 private:
  /// The root `kept 1 + axes diag(added) axes^T`.
  struct root {
    Scalar kept = 1;
    Eigen::MatrixX<Scalar> axes;
    Eigen::VectorX<Scalar> added;
  };

  /// Square root of the share of a dispersion that is beyond chance and its error.
  static double excess(const passage_dispersion& all, const std::vector<passage_dispersion>& chance,
                       double passage_dispersion::*part) {
    std::vector<double> by_chance;
    for (const passage_dispersion& p : chance) by_chance.push_back(p.*part);
    const sample_summary s = summarize(by_chance);
    const double found = all.*part, beyond = found - s.mean - s.sd;
    return beyond > 0 ? std::sqrt(beyond / found) : 0;
  }

  void set_shapes(const context_deviations& deviations) {
    within_ = deviations.within;
    of_rows_ = chance_of_means(deviations);
    roots_.clear();
    if (shape_ == 0) return;
    for (std::size_t c = 0; c < deviations.rows.size(); ++c)
      roots_.push_back(root_of(deviations.rows[c], deviations.log_scale[c], shape_));
  }

  static root root_of(const row_matrix<double>& rows, double log_scale, double weight) {
    root out;
    out.kept = static_cast<Scalar>(std::sqrt(1 - weight));
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
    out.axes = axes.cast<Scalar>();
    out.added = ((1 - weight + weight * values).sqrt() - std::sqrt(1 - weight))
                    .matrix()
                    .template cast<Scalar>();
    return out;
  }

  /// Of contexts of two rows and more, each with its number among these.
  template <class Call>
  void for_each_context(Call&& call) const {
    std::size_t next = 0;
    if (!active()) return;
    for (const auto& rows : places_.rows)
      if (rows.size() > 1) call(rows, next++);
  }
  template <class Real>
  static row_matrix<Real> rows_of(const std::vector<index_t>& rows, const row_matrix<Real>& z) {
    row_matrix<Real> held(static_cast<index_t>(rows.size()), z.cols());
    for (std::size_t i = 0; i < rows.size(); ++i)
      held.row(static_cast<index_t>(i)) = z.row(rows[i]);
    return held;
  }
  template <class Held, class Real>
  static void put(const std::vector<index_t>& rows, const Held& held, row_matrix<Real>& z) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      z.row(rows[i]) = held.row(static_cast<index_t>(i));
  }
  /// What of the mean of a context's rows is the context's: the rest is that of so many rows.
  template <class Real>
  Eigen::RowVectorX<Real> kept_mean(const row_matrix<Real>& held) const {
    const Eigen::RowVectorXd share = (of_rows_ / static_cast<double>(held.rows())).cwiseMin(1.0);
    const Eigen::RowVectorX<Real> mean = held.colwise().mean();
    return mean.cwiseProduct((1 - share.array()).matrix().template cast<Real>());
  }

  context_places places_;
  double kept_ = 0;   ///< of scales, shrunk towards their mean
  double shape_ = 0;  ///< weight of contexts' own covariances
  Eigen::RowVectorXd within_, of_rows_;
  std::vector<root> roots_;
  std::vector<double> factors_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
