// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The values of one weight tensor of a model, for who visits them all: made floats only where they
/// are looked at.

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "atlas/reference/parameters.hpp"

namespace atlas::inline ATLAS_ABI {

/// Row-major values, like a `std::span<const float>` and convertible to one. Those of a stored
/// tensor are made floats when they are first looked at, which one thread has to do before others
/// look; copies share them. Valid as long as the model, and for stored tensors as long as a copy of
/// this object.
///
/// All that looks at values throws value_error naming a stored tensor of which one is not finite.
class weight_values {
 public:
  explicit weight_values(const parameter& of) : of_(&of) {}

  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(detail::element_count(of_->extents));
  }
  [[nodiscard]] const float* data() const {
    if (!of_->stored) return of_->values.data();
    if (!widened_)
      widened_ = std::make_shared<const std::vector<float>>(detail::read_whole(*of_->stored));
    return widened_->data();
  }
  [[nodiscard]] const float* begin() const { return data(); }
  [[nodiscard]] const float* end() const { return data() + size(); }
  const float& operator[](std::size_t i) const { return data()[i]; }
  operator std::span<const float>() const { return {data(), size()}; }

 private:
  const parameter* of_;
  mutable std::shared_ptr<const std::vector<float>> widened_;
};

/// The same for values that may be changed: those of a stored tensor become the model's own, float,
/// when one thread first looks at them, before others do. Valid as long as the model.
class mutable_weight_values {
 public:
  explicit mutable_weight_values(parameter& of) : of_(&of) {}

  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(detail::element_count(of_->extents));
  }
  [[nodiscard]] float* data() const { return detail::owned_values(*of_).data(); }
  [[nodiscard]] float* begin() const { return data(); }
  [[nodiscard]] float* end() const { return data() + size(); }
  float& operator[](std::size_t i) const { return data()[i]; }
  operator std::span<float>() const { return {data(), size()}; }
  operator std::span<const float>() const { return {data(), size()}; }

 private:
  parameter* of_;
};

}  // namespace atlas::inline ATLAS_ABI
