// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The assignment problem: which row goes with which column, so that their scores add up to the
/// most. Kuhn, "The Hungarian method for the assignment problem", Naval Res. Logist. Q. 2, 83
/// (1955), with shortest augmenting paths as Jonker and Volgenant, Computing 38, 325 (1987).

#include <Eigen/Core>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI {

struct assignment {
  std::vector<index_t> column;  ///< `[n]`, that of each row; every column once
  double total = 0;             ///< sum of their scores, in the order of the rows
};

namespace detail {

/// Potentials of rows and columns, and which row has which column: columns are counted from 1,
/// column 0 being the row that has none yet.
template <class Real = double>
class assignment_solver {
 public:
  explicit assignment_solver(const Eigen::MatrixX<Real>& costs)
      : costs_(costs),
        n_(costs.rows()),
        of_row_(Eigen::VectorX<Real>::Zero(n_ + 1)),
        of_column_(Eigen::VectorX<Real>::Zero(n_ + 1)),
        row_of_(static_cast<std::size_t>(n_) + 1, 0) {}

  /// The column of each row at the least cost. O(n^3).
  std::vector<index_t> solve() {
    for (index_t row = 1; row <= n_; ++row) add(row);
    std::vector<index_t> column(static_cast<std::size_t>(n_));
    for (index_t c = 1; c <= n_; ++c)
      column[static_cast<std::size_t>(row_of_[static_cast<std::size_t>(c)]) - 1] = c - 1;
    return column;
  }

 private:
  /// Gives a row a column along the cheapest path of rows that change theirs.
  void add(index_t row) {
    const auto count = static_cast<std::size_t>(n_) + 1;
    std::vector<Real> distance(count, std::numeric_limits<Real>::infinity());
    std::vector<char> done(count, 0);
    std::vector<std::size_t> before(count, 0);
    row_of_[0] = row;
    std::size_t at = 0;
    do {
      done[at] = 1;
      at = step(at, distance, done, before);
    } while (row_of_[at] != 0);
    for (; at != 0; at = before[at]) row_of_[at] = row_of_[before[at]];
  }

  /// Lengthens the paths by the row of column `at`. \return the nearest column that is not done
  std::size_t step(std::size_t at, std::vector<Real>& distance, const std::vector<char>& done,
                   std::vector<std::size_t>& before) {
    const index_t row = row_of_[at];
    std::size_t next = 0;
    Real nearest = std::numeric_limits<Real>::infinity();
    for (std::size_t c = 1; c < done.size(); ++c) {
      if (done[c]) continue;
      const auto column = static_cast<index_t>(c);
      const Real reduced = costs_(row - 1, column - 1) - of_row_(row) - of_column_(column);
      if (reduced < distance[c]) {
        distance[c] = reduced;
        before[c] = at;
      }
      if (distance[c] < nearest) {
        nearest = distance[c];
        next = c;
      }
    }
    for (std::size_t c = 0; c < done.size(); ++c)
      if (done[c]) {
        of_row_(row_of_[c]) += nearest;
        of_column_(static_cast<index_t>(c)) -= nearest;
      } else {
        distance[c] -= nearest;
      }
    return next;
  }

  const Eigen::MatrixX<Real>& costs_;
  index_t n_;
  Eigen::VectorX<Real> of_row_, of_column_;
  std::vector<index_t> row_of_;
};

template <class = lazy>
assignment best_assignment(const Eigen::MatrixXd& scores) {
  const Eigen::MatrixXd costs = -scores;
  assignment out{assignment_solver<double>(costs).solve(), 0};
  for (std::size_t r = 0; r < out.column.size(); ++r)
    out.total += scores(static_cast<index_t>(r), out.column[r]);
  return out;
}

/// Groups are assigned by what the best assignment of their rows scores.
template <class = lazy>
assignment best_assignment_of_groups(const Eigen::MatrixXd& scores, index_t size) {
  const index_t groups = scores.rows() / size;
  Eigen::MatrixXd of_groups(groups, groups);
  std::vector<assignment> within;
  for (index_t a = 0; a < groups; ++a)
    for (index_t b = 0; b < groups; ++b) {
      within.push_back(best_assignment(scores.block(a * size, b * size, size, size)));
      of_groups(a, b) = within.back().total;
    }
  const assignment outer = best_assignment(of_groups);
  assignment out{{}, outer.total};
  for (index_t a = 0; a < groups; ++a) {
    const index_t b = outer.column[static_cast<std::size_t>(a)];
    for (const index_t column : within[static_cast<std::size_t>(a * groups + b)].column)
      out.column.push_back(b * size + column);
  }
  return out;
}

/// \throws shape_error unless square; value_error for NaN or infinities
template <class Scalar>
Eigen::MatrixXd square_scores(const tensor_view<const Scalar, 2>& scores) {
  check_not_empty(scores, "scores");
  check_extent(scores.extent(1), scores.extent(0), "scores", "as many columns as rows,");
  check_finite(scores, "scores");
  Eigen::MatrixXd out(scores.extent(0), scores.extent(1));
  for (index_t r = 0; r < out.rows(); ++r)
    for (index_t c = 0; c < out.cols(); ++c) out(r, c) = static_cast<double>(scores(r, c));
  return out;
}

}  // namespace detail

/// The permutation of columns whose scores with the rows add up to the most. Of equally good ones
/// it is always the same.
///
/// \param scores `[n, n]`
/// \throws shape_error unless square; value_error for NaN or infinities
///
/// O(n^3) time, O(n^2) memory.
/// \code
/// const auto found = atlas::best_assignment(similarities);
/// std::cout << "head 0 is now head " << found.column[0] << "\n";
/// \endcode
template <real_tensor<2> Scores>
[[nodiscard]] assignment best_assignment(const Scores& scores) {
  const auto view = as_view<2>(scores);
  return detail::best_assignment(detail::square_scores<scalar_of<Scores, 2>>(view));
}

/// The same where rows go in groups that stay together, as query heads that share keys and values:
/// a group goes with a group, and within it rows with columns.
/// \param group_size rows of each; 1: no groups
/// \throws also value_error for a size that does not divide n
///
/// O(n^2 group_size + (n / group_size)^3) time.
template <real_tensor<2> Scores>
[[nodiscard]] assignment best_assignment_of_groups(const Scores& scores, index_t group_size) {
  const auto view = as_view<2>(scores);
  const Eigen::MatrixXd copy = detail::square_scores<scalar_of<Scores, 2>>(view);
  check_between(group_size, 1, copy.rows(), "group_size");
  if (copy.rows() % group_size != 0)
    throw value_error("group_size", "a divisor of " + std::to_string(copy.rows()),
                      std::to_string(group_size));
  return detail::best_assignment_of_groups(copy, group_size);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG assignment best_assignment<void>(const Eigen::MatrixXd&);
ATLAS_OF_LINALG assignment best_assignment_of_groups<void>(const Eigen::MatrixXd&, index_t);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
