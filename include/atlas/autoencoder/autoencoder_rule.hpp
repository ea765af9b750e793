// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The context rule of autoencoders: the value that a head looks at most, and the rest as far as it
/// gets through the bottleneck.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "atlas/attention/residual_rules.hpp"
#include "atlas/autoencoder/autoencoder.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI {

/// `V* + decode(encode(Attn - V*))`: full attention where the autoencoder is the identity.
/// \param models one a query head
/// \throws value_error for no models; the rule throws shape_error where a head has no model or one
///         of another size
template <class = lazy>
[[nodiscard]] context_rule autoencoder_rule(std::vector<autoencoder> models) {
  if (models.empty()) throw value_error("models", "one a head", "none");
  const auto shared = std::make_shared<const std::vector<autoencoder>>(std::move(models));
  return residual_rule([shared](const head_capture& head, const tensor_view<float, 2>& residuals) {
    if (head.head >= static_cast<index_t>(shared->size()))
      throw shape_error("models", "one a head, " + std::to_string(head.head + 1) + " or more",
                        std::to_string(shared->size()));
    const autoencoder& a = (*shared)[static_cast<std::size_t>(head.head)];
    check_extent(a.dimension(), residuals.extent(1), "models", "head_dimension");
    detail::write_points(a, detail::normalized_points(a, residuals), 0, residuals);
  });
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_AUTOENCODER context_rule autoencoder_rule<void>(std::vector<autoencoder>);
}  // namespace atlas::inline ATLAS_ABI
#endif
