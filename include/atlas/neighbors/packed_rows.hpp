#pragma once
/// \file
/// Blocks of rows in the order in which the register tile reads them.

#include <vector>

#include "atlas/neighbors/register_tile.hpp"
#include "atlas/neighbors/tile.hpp"

namespace atlas::detail {

/// A block of rows as given: in place where rows are contiguous, otherwise copied.
template <class Scalar>
class raw_rows {
 public:
  void load(const tensor_view<const Scalar, 2>& points, index from, index rows) {
    if (points.stride(1) == 1) {
      first_ = &points(from, index{0});
      stride_ = points.stride(0);
      return;
    }
    const index d = points.extent(1);
    copy_.resize(static_cast<std::size_t>(rows * d));
    for_each_of_rows(points, from, rows, [&](index i, index k, Scalar x) {
      copy_[static_cast<std::size_t>((i - from) * d + k)] = x;
    });
    first_ = copy_.data();
    stride_ = d;
  }
  const Scalar* row(index i) const { return first_ + i * stride_; }

 private:
  const Scalar* first_ = nullptr;
  index stride_ = 0;
  std::vector<Scalar> copy_;
};

/// Groups of `Group` rows, each `[d, Group]`: centred, scaled and rounded; the last is filled up
/// with zeros.
template <class Scalar, int Group>
class packed_rows {
 public:
  void load(const raw_rows<Scalar>& raw, index rows, const centring& c) {
    const auto d = static_cast<index>(c.mean.size());
    const index groups = (rows + Group - 1) / Group;
    size_ = d * Group;
    values_.resize(static_cast<std::size_t>(groups * size_));
    for (index g = 0; g < groups; ++g) load_group(raw, g * Group, rows, c);
  }
  const Scalar* group(index g) const { return values_.data() + g * size_; }

 private:
  void load_group(const raw_rows<Scalar>& raw, index first, index rows, const centring& c) {
    const auto d = static_cast<index>(c.mean.size());
    Scalar* to = values_.data() + first / Group * size_;
    for (index i = 0; i < Group; ++i) {
      const Scalar* from = first + i < rows ? raw.row(first + i) : nullptr;
      for (index k = 0; k < d; ++k)
        to[k * Group + i] = from ? static_cast<Scalar>((static_cast<double>(from[k]) -
                                                        c.mean[static_cast<std::size_t>(k)]) *
                                                       c.scale)
                                 : Scalar(0);
    }
  }

  index size_ = 0;
  std::vector<Scalar> values_;
};

}  // namespace atlas::detail
