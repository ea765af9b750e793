// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds of one layer of a file of clouds or of activations, in the place of a .npy file.

#include <optional>
#include <string>
#include <variant>

#include "label_options.hpp"
#include "measure_source.hpp"
#include "source_layer.hpp"
#include "stored_type.hpp"

namespace CLI {
class Option;
}

namespace atlas_program {

struct picked_cloud {
  measure_options source;  ///< its file, and how rows are drawn from activations
  std::optional<atlas::index_t> layer, head;

  bool is_there() const { return !source.clouds_file.empty(); }
  /// What it is, for messages and tables.
  std::string name() const;
};

/// Adds `--clouds`, `--layer`, `--rows`, `--min-context` and `--points`, which exclude the .npy
/// file and are asked for where there is none, and `--head` where a single head is looked at.
void add_picked_cloud(CLI::App& app, CLI::Option& file, picked_cloud& picked, bool one_head);

/// With a file of clouds its layer was typed, and a head where there is to be one.
/// \throws error naming what is lacking, value_error for options that would change nothing
void check_picked_cloud(const CLI::App& command, const picked_cloud& picked);

/// The layer's clouds and labels.
/// \throws as `read_clouds`
source_layer read_picked_layer(const common_options& common, const picked_cloud& picked,
                               atlas::index_t* heads_per_group = nullptr);

/// The labels that the file has stand for those of the command line.
/// \throws value_error for labels that were typed too
void take_labels(const CLI::App& command, const source_layer& layer, label_options& labels);

/// One of the layer's heads, `[N, d]`, as `with_cloud` calls `use`.
/// \throws value_error for a head that there is not
template <class Use>
void with_picked_head(const source_layer& layer, const picked_cloud& picked, Use&& use) {
  std::visit(
      [&](const auto& points) {
        atlas::check_between(*picked.head, 0, points.extent(0) - 1, "--head");
        using scalar = std::remove_cvref_t<decltype(points(0, 0, 0))>;
        const auto precision = layer.precision.empty()
                                   ? atlas::stored_precision::of_scalar
                                   : layer.precision[static_cast<std::size_t>(*picked.head)];
        use(atlas::copy_as<scalar>(points[*picked.head]), precision);
      },
      layer.points);
}

}  // namespace atlas_program
