// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Autoencoders: points to codes and back.

#include <Eigen/Core>
#include <algorithm>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/nn/mlp_pass.hpp"

namespace atlas::inline ATLAS_ABI {

/// The first `encoder_layers` of the model turn a point, less the mean and over the scale, into its
/// code; the others turn the code into the point again, which the scale and the mean bring back.
struct autoencoder {
  mlp model;
  index_t encoder_layers = 0;
  Eigen::RowVectorXd mean;  ///< `[d]`
  double scale = 1;

  [[nodiscard]] index_t dimension() const { return mean.size(); }
  [[nodiscard]] index_t code_dimension() const {
    return model.layers[static_cast<std::size_t>(encoder_layers) - 1].out;
  }
};

namespace detail {

/// Coordinate k of a point in the units of the model. Of halves, as the difference of two numbers
/// may be more than a double can hold.
inline float normalized(const autoencoder& a, double x, index_t k) {
  return static_cast<float>((0.5 * x - 0.5 * a.mean(k)) / (0.5 * a.scale));
}

/// Points in the units of the model, `[N, d]`.
template <class Scalar>
row_matrix<float> normalized_points(const autoencoder& a, const tensor_view<Scalar, 2>& points) {
  check_not_empty(points, "points");
  check_extent(points.extent(1), a.dimension(), "points", "columns");
  check_finite(points, "points");
  row_matrix<float> x(points.extent(0), points.extent(1));
  for (index_t i = 0; i < x.rows(); ++i)
    for (index_t k = 0; k < x.cols(); ++k)
      x(i, k) = normalized(a, static_cast<double>(points(i, k)), k);
  return x;
}

/// Calls `take(first, rows)` with what layers [first, last) make of each tile of rows.
template <class Take>
void for_each_output(const mlp& model, index_t first, index_t last, const row_matrix<float>& x,
                     Take&& take) {
  mlp_pass<float> pass(model);
  for (index_t r = 0; r < x.rows(); r += mlp_tile)
    take(r, pass.forward(x.middleRows(r, (std::min)(mlp_tile, x.rows() - r)),
                         static_cast<std::size_t>(first), static_cast<std::size_t>(last)));
}

/// Writes points in their units from what the model puts out.
template <class Scalar>
void write_points(const autoencoder& a, const row_matrix<float>& x, index_t first_layer,
                  const tensor_view<Scalar, 2>& points) {
  const auto layers = static_cast<index_t>(a.model.layers.size());
  for_each_output(a.model, first_layer, layers, x, [&](index_t first, const auto& rows) {
    for (index_t i = 0; i < rows.rows(); ++i)
      for (index_t k = 0; k < rows.cols(); ++k)
        points(first + i, k) =
            static_cast<Scalar>(a.mean(k) + a.scale * static_cast<double>(rows(i, k)));
  });
}

template <class Scalar>
owned_tensor<float, 2> encode(const autoencoder& a, const tensor_view<const Scalar, 2>& points) {
  const row_matrix<float> x = normalized_points(a, points);
  owned_tensor<float, 2> codes({x.rows(), a.code_dimension()});
  for_each_output(a.model, 0, a.encoder_layers, x, [&](index_t first, const auto& rows) {
    as_map(codes.mutable_view()).middleRows(first, rows.rows()) = rows;
  });
  return codes;
}

template <class Scalar>
owned_tensor<float, 2> decode(const autoencoder& a, const tensor_view<const Scalar, 2>& codes) {
  check_not_empty(codes, "codes");
  check_extent(codes.extent(1), a.code_dimension(), "codes", "columns");
  check_finite(codes, "codes");
  row_matrix<float> x(codes.extent(0), codes.extent(1));
  for (index_t i = 0; i < x.rows(); ++i)
    for (index_t k = 0; k < x.cols(); ++k) x(i, k) = static_cast<float>(codes(i, k));
  owned_tensor<float, 2> points({x.rows(), a.dimension()});
  write_points(a, x, a.encoder_layers, points.mutable_view());
  return points;
}

template <class Scalar>
owned_tensor<float, 2> reconstruct(const autoencoder& a,
                                   const tensor_view<const Scalar, 2>& points) {
  const row_matrix<float> x = normalized_points(a, points);
  owned_tensor<float, 2> out({x.rows(), a.dimension()});
  write_points(a, x, 0, out.mutable_view());
  return out;
}

}  // namespace detail

/// The codes of points, `[N, k]`.
/// \param points `[N, d]`
/// \throws shape_error for no rows or another number of columns, value_error for NaN
///
/// O(N parameters) time.
template <real_tensor<2> Points>
[[nodiscard]] owned_tensor<float, 2> encode(const autoencoder& a, const Points& points) {
  const auto view = as_view<2>(points);
  return detail::encode<scalar_of<Points, 2>>(a, view);
}

/// The points of codes, `[N, d]`.
/// \param codes `[N, k]`
/// \throws shape_error for no rows or another number of columns, value_error for NaN
template <real_tensor<2> Codes>
[[nodiscard]] owned_tensor<float, 2> decode(const autoencoder& a, const Codes& codes) {
  const auto view = as_view<2>(codes);
  return detail::decode<scalar_of<Codes, 2>>(a, view);
}

/// `decode(encode(points))`, `[N, d]`. Arguments and errors as `encode`.
template <real_tensor<2> Points>
[[nodiscard]] owned_tensor<float, 2> reconstruct(const autoencoder& a, const Points& points) {
  const auto view = as_view<2>(points);
  return detail::reconstruct<scalar_of<Points, 2>>(a, view);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_AUTOENCODER owned_tensor<float, 2> encode<float>(const autoencoder&,
                                                          const tensor_view<const float, 2>&);
ATLAS_OF_AUTOENCODER owned_tensor<float, 2> encode<double>(const autoencoder&,
                                                           const tensor_view<const double, 2>&);
ATLAS_OF_AUTOENCODER owned_tensor<float, 2> decode<float>(const autoencoder&,
                                                          const tensor_view<const float, 2>&);
ATLAS_OF_AUTOENCODER owned_tensor<float, 2> decode<double>(const autoencoder&,
                                                           const tensor_view<const double, 2>&);
ATLAS_OF_AUTOENCODER owned_tensor<float, 2> reconstruct<float>(const autoencoder&,
                                                               const tensor_view<const float, 2>&);
ATLAS_OF_AUTOENCODER owned_tensor<float, 2> reconstruct<double>(
    const autoencoder&, const tensor_view<const double, 2>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
