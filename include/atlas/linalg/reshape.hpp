// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Another shape for a matrix that has been used before.

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `x.resize(rows, columns)`, safe where there is no memory for it. Eigen 3.4 frees what a matrix
/// has before it asks for the new, and keeps the pointer where that throws, so that the matrix's
/// own destructor frees it again; here the matrix is empty by then. An assignment of another size
/// than the matrix has does what `resize` does: give it its shape by this first.
template <class Matrix>
void reshape(Matrix& x, index_t rows, index_t columns) {
  if (x.size() != rows * columns) x.resize(0, 0);
  x.resize(rows, columns);
}

/// The same of a vector.
template <class Vector>
void reshape(Vector& x, index_t size) {
  if (x.size() != size) x.resize(0);
  x.resize(size);
}

}  // namespace atlas::inline ATLAS_ABI::detail
