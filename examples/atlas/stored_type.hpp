// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The precision of numbers in a file, by which rows that coincide are merged.

#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/io/dtype.hpp"

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

}  // namespace atlas_program
