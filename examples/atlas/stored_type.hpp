// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The precision of numbers in a file, by which rows that coincide are merged.

#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/io/npy.hpp"

namespace atlas_program {

/// Of whole numbers that of the scalar that they are read as.
inline atlas::stored_precision precision_of(atlas::io::dtype type) {
  using atlas::io::dtype;
  switch (type) {
    case dtype::f16:
      return atlas::stored_precision::half;
    case dtype::bf16:
      return atlas::stored_precision::bfloat16;
    case dtype::f32:
      return atlas::stored_precision::single;
    default:
      return atlas::stored_precision::of_scalar;
  }
}

/// Calls `use(points, precision)` with a cloud, [N, d], of float where the file's elements are that
/// or shorter, so that neighbours are looked for in float; everything else is read as double.
template <class Use>
void with_cloud(const std::string& file, Use&& use) {
  const atlas::io::dtype type = atlas::io::npy_header(file).type;
  if (type == atlas::io::dtype::f32 || type == atlas::io::dtype::f16)
    use(atlas::io::read_npy<float, 2>(file), precision_of(type));
  else
    use(atlas::io::read_npy<double, 2>(file), precision_of(type));
}

}  // namespace atlas_program
