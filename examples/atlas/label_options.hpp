// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Labels of the rows of a cloud, in files of their own, and the neighbours that they leave out.

#include <string>
#include <vector>

#include "atlas/dimension/surrogates/options.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "common.hpp"

namespace atlas_program {

struct label_options {
  std::string context_file, position_file;
  std::vector<std::string> label_files;
  /// Of a file of clouds, where files of labels are not given; empty: none.
  atlas::owned_tensor<atlas::index_t, 1> context_of_clouds, position_of_clouds;
  std::string exclude;  ///< empty: distinct where contexts are given, none otherwise

  /// "none", "distinct", "whole", or the width of a window.
  std::string exclusion_kind() const;
  /// Whether positions decide which neighbours are left out.
  bool has_window() const;
  atlas::exclusion exclusion() const;
  atlas::owned_tensor<atlas::index_t, 1> context() const;
  atlas::owned_tensor<atlas::index_t, 1> position() const;
  /// What surrogates follow.
  atlas::row_labels rows() const;
  /// Adds the files that stand for the library's arguments.
  void add_names(typed_names& names) const;
};

/// Adds `--context`, `--position`, `--exclude` and `--labels`.
void add_label_options(CLI::App& app, label_options& labels);

}  // namespace atlas_program
