// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Multilayer perceptrons forward and back, on a tile of rows that stays in the cache.

#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/nn/mlp.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Rows that go through all layers together.
inline constexpr index_t mlp_tile = 128;

template <class Scalar>
class mlp_pass {
 public:
  using rows_of_values = typename row_matrix<Scalar>::RowsBlockXpr;

  /// The model must outlive this object; its parameters may change between calls.
  explicit mlp_pass(const basic_mlp<Scalar>& model) : model_(model) {
    for (const mlp_layer& layer : model.layers) {
      values_.emplace_back(mlp_tile, layer.out);
      slopes_.emplace_back(layer.activated ? mlp_tile : 0, layer.out);
    }
  }

  /// What layers [first, last) make of the rows of x, `[at most mlp_tile, in]`. Valid until the
  /// next call.
  rows_of_values forward(const const_rows<Scalar>& x, std::size_t first, std::size_t last);

  /// The summed squares of `output - target`; adds the gradient of `share` times them.
  /// \param x `[at most mlp_tile, in]`
  /// \param target `[as many, out]`
  /// \param gradient laid out, and aligned, as the parameters are
  double add_gradient(const const_rows<Scalar>& x, const const_rows<Scalar>& target, Scalar share,
                      Scalar* gradient);

 private:
  const_rows<Scalar> input_of(std::size_t l, const const_rows<Scalar>& x) const {
    return l == 0 ? x : const_rows<Scalar>(values_[l - 1].topRows(x.rows()));
  }

  void step(const const_rows<Scalar>& x, std::size_t l, bool with_slope) {
    const mlp_layer& layer = model_.layers[l];
    const Scalar* parameters = model_.parameters.data();
    auto y = values_[l].topRows(x.rows());
    y.noalias() = x * weight_of(parameters, layer).transpose();
    y.rowwise() += bias_of(parameters, layer);
    if (layer.activated)
      gelu(y.data(), x.rows() * layer.out, with_slope ? slopes_[l].data() : nullptr);
  }

  void step_back(const const_rows<Scalar>& x, std::size_t l, Scalar* gradient) {
    const mlp_layer& layer = model_.layers[l];
    auto flow = values_[l].topRows(x.rows());
    if (layer.activated) flow.array() *= slopes_[l].topRows(x.rows()).array();
    weight_of(gradient, layer).noalias() += flow.transpose() * x;
    bias_of(gradient, layer) += flow.colwise().sum();
    if (l > 0)
      values_[l - 1].topRows(x.rows()).noalias() =
          flow * weight_of(model_.parameters.data(), layer);
  }

  /// In Scalar over a row, in double over the rows.
  static double squares(const const_rows<Scalar>& x) {
    double sum = 0;
    for (index_t i = 0; i < x.rows(); ++i) sum += static_cast<double>(x.row(i).squaredNorm());
    return sum;
  }

  const basic_mlp<Scalar>& model_;
  std::vector<row_matrix<Scalar>> values_, slopes_;  ///< of each layer
};

template <class Scalar>
typename mlp_pass<Scalar>::rows_of_values mlp_pass<Scalar>::forward(const const_rows<Scalar>& x,
                                                                    std::size_t first,
                                                                    std::size_t last) {
  for (std::size_t l = first; l < last; ++l)
    step(l == first ? x : const_rows<Scalar>(values_[l - 1].topRows(x.rows())), l, false);
  return values_[last - 1].topRows(x.rows());
}

template <class Scalar>
double mlp_pass<Scalar>::add_gradient(const const_rows<Scalar>& x, const const_rows<Scalar>& target,
                                      Scalar share, Scalar* gradient) {
  const std::size_t last = model_.layers.size() - 1;
  for (std::size_t l = 0; l <= last; ++l) step(input_of(l, x), l, true);
  auto output = values_[last].topRows(x.rows());
  output -= target;
  const double sum = squares(output);
  output *= 2 * share;
  // From here on values_[l] is the gradient of what layer l puts out.
  for (std::size_t l = last;; --l) {
    step_back(input_of(l, x), l, gradient);
    if (l == 0) return sum;
  }
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_NN mlp_pass<float>::rows_of_values mlp_pass<float>::forward(const const_rows<float>&,
                                                                     std::size_t, std::size_t);
ATLAS_OF_NN mlp_pass<double>::rows_of_values mlp_pass<double>::forward(const const_rows<double>&,
                                                                       std::size_t, std::size_t);
ATLAS_OF_NN double mlp_pass<float>::add_gradient(const const_rows<float>&, const const_rows<float>&,
                                                 float, float*);
ATLAS_OF_NN double mlp_pass<double>::add_gradient(const const_rows<double>&,
                                                  const const_rows<double>&, double, double*);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
