// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What `atlas measure` found, as JSON and as tables.

#include <optional>
#include <string>
#include <vector>

#include "atlas/dimension/dimension_profile.hpp"
#include "atlas/dimension/passage_correlation.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/neighbors/label_share.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/split_half.hpp"
#include "atlas/subspace/turned_null.hpp"
#include "common.hpp"

namespace atlas_program {

/// What rows and their neighbours may have in common.
enum class label_kind { context, token, attended };

constexpr const char* name_of(label_kind kind) {
  constexpr const char* names[] = {"context", "token", "attended"};
  return names[static_cast<int>(kind)];
}

/// How many nearest neighbours have a label in common with their row.
struct shared_label {
  label_kind name = label_kind::context;
  atlas::label_share_result neighbors = {};
};

struct head_report {
  atlas::index_t head = 0;
  atlas::index_t points = 0;
  atlas::two_nn_result none, truncated;
  std::optional<atlas::two_nn_result> distinct, whole;        ///< where contexts are known
  std::vector<shared_label> same;                             ///< as far as labels are known
  std::optional<atlas::passage_correlation_result> passages;  ///< where contexts are known
  std::optional<atlas::surrogate_null> surrogate;             ///< of `estimate()`
  std::optional<atlas::dimension_profile_result> profile;     ///< if asked for
  /// Why the cloud cannot carry an estimate, as far as its rows say.
  atlas::cloud_fault fault = atlas::cloud_fault::none;
  std::optional<atlas::index_t> pca_rank;  ///< of clouds with variance

  /// The one that is compared with surrogates.
  const atlas::two_nn_result& estimate() const { return distinct ? *distinct : none; }
};

/// Overlaps of subspaces of another dimension.
struct rank_report {
  atlas::index_t local_dimension = 0;
  atlas::head_overlap_result head_coordinates;
  std::optional<atlas::head_overlap_result> residual_stream;
  std::optional<atlas::turned_null_result> turned;
};

struct layer_report {
  atlas::index_t layer = 0;
  std::vector<head_report> heads;
  std::optional<atlas::head_overlap_result> head_coordinates;  ///< from 2 heads on
  std::optional<atlas::head_overlap_result> residual_stream;   ///< with an output projection
  std::optional<atlas::turned_null_result> turned;             ///< likewise
  std::optional<atlas::split_half_result> head_ceiling, stream_ceiling;
  std::vector<rank_report> ranks;             ///< if asked for
  std::vector<atlas::index_t> left_out_rows;  ///< `[H]`, of each head's cloud; empty: none are
};

/// An estimate's members, null where there is a fault.
json dimension_json(const atlas::two_nn_result& result);
/// `{"statistic", "p"}` of the ratios that an estimate is of.
json fit_json(const atlas::two_nn_result& result);
/// A line of warning where the interval counts fewer than 6 contexts, or nothing.
std::string few_contexts_text(const atlas::two_nn_result& result);
/// `{"mean", "sd", "z", "p", "kind"}`, null where the cloud has no null.
json surrogate_json(const atlas::surrogate_null& null);
/// What is wrong with a cloud, or null.
json fault_json(atlas::cloud_fault fault);

/// What else an overlap is read beside; null for what there is not.
struct overlap_references {
  const atlas::turned_null_result* turned = nullptr;
  const atlas::split_half_result* ceiling = nullptr;
};

/// `{"global": {...}, "intra": {...}, "inter": {...}}`, and `"ceiling"` where it is known.
json overlap_json(const atlas::head_overlap_result& overlap, const overlap_references& of = {});

/// Rows for a table of overlaps, without its header.
std::vector<std::vector<std::string>> overlap_rows(const std::string& space,
                                                   const atlas::head_overlap_result& overlap,
                                                   const overlap_references& of = {});
std::vector<std::string> overlap_header(const std::string& first);

/// What is said of a layer, wherever it was measured.
struct layer_texts {
  json found;                        ///< as the result has it
  std::vector<std::string> summary;  ///< its row of the summary
  std::string design, notes, table;
};

json layer_json(const layer_report& layer);
std::string layer_table(const layer_report& layer);
layer_texts texts_of(const layer_report& layer);
std::string bytes_of(const layer_texts& layer);
layer_texts texts_of_bytes(const std::string& bytes);
/// A row for each layer, and what is to be said of their clouds.
std::string summary_table(const std::vector<layer_texts>& layers);
/// A row for each head of all layers (RFC 4180).
std::string heads_csv(const common_options& common, const std::vector<layer_texts>& layers);

}  // namespace atlas_program
