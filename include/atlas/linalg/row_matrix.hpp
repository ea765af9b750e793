#pragma once
/// \file
/// Dense matrices whose rows are contiguous.

#include <Eigen/Core>

namespace atlas {

/// `[rows, columns]`, row-major.
template <class Scalar>
using row_matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace atlas
