// SPDX-License-Identifier: MIT
#include "measure_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "atlas/stats/multiple_testing.hpp"
#include "atlas/stats/summary.hpp"
#include "profile_report.hpp"
#include "share_work.hpp"

namespace atlas_program {

namespace {

json estimate_json(const atlas::overlap_estimate& e, const atlas::turned_estimate* turned) {
  json out = {{"mean", number(e.mean)},
              {"lower", number(e.interval.lower)},
              {"upper", number(e.interval.upper)},
              {"pairs", e.pairs},
              {"null_mean", number(e.null_mean)},
              {"null_sd", number(e.null_sd)},
              {"z", number(e.z)},
              {"p", number(e.p)}};
  if (!turned) return out;
  out["turned_null_mean"] = number(turned->mean);
  out["turned_null_sd"] = number(turned->sd);
  out["turned_z"] = number(turned->z);
  out["turned_p"] = number(turned->p);
  out["turned_rank_p"] = number(turned->rank_p);
  return out;
}

constexpr double level = 0.05;

/// z and p, which stand out where the value is beyond its null.
void add_score(double z, double p, bool beyond, std::vector<std::string>& row) {
  for (const std::string& text : {digits(z, 1), p_text(p)})
    row.push_back(beyond ? beyond_cell(text) : text);
}

/// `mean (sd)`, z and p.
void add_null(double mean, double sd, double z, double p, std::vector<std::string>& row) {
  row.push_back(null_cell(fmt::format("{} ({})", digits(mean, 3), digits(sd, 3))));
  add_score(z, p, p <= level, row);
}

std::vector<std::string> estimate_row(const std::string& name, const atlas::overlap_estimate& e,
                                      const atlas::turned_estimate* turned) {
  std::vector<std::string> row = {name, with_interval(e.mean, e.interval, 3),
                                  std::to_string(e.pairs)};
  add_null(e.null_mean, e.null_sd, e.z, e.p, row);
  if (turned) add_null(turned->mean, turned->sd, turned->z, turned->p, row);
  return row;
}

using turned_group = atlas::turned_estimate atlas::turned_null_result::*;

const atlas::turned_estimate* group_of(const overlap_references& of, turned_group group) {
  return of.turned ? &(of.turned->*group) : nullptr;
}

json share_json(const atlas::label_share_result& s) {
  return {{"share", number(s.share)}, {"chance", number(s.chance)}};
}

json two_nn_json(const head_report& h) {
  const auto of = [](const atlas::two_nn_result& r) {
    json out = dimension_json(r);
    out["points_used"] = r.points_used;
    out["duplicates"] = r.duplicates;
    out["merged"] = r.merged;
    return out;
  };
  json out = {{"none", of(h.none)}};
  if (h.distinct) out["distinct"] = of(*h.distinct);
  if (h.whole) out["whole"] = of(*h.whole);
  out["truncated"] = {{"dimension", dimension_json(h.truncated)["dimension"]}};
  out["fit"] = fit_json(h.estimate());
  if (h.surrogate) out["surrogate"] = surrogate_json(*h.surrogate);
  if (h.profile) out["profile"] = profile_json(*h.profile);
  for (const shared_label& s : h.same)
    out[fmt::format("same_{}_neighbors", name_of(s.name))] = share_json(s.neighbors);
  return out;
}

std::string estimate_text(const atlas::two_nn_result& r) {
  if (r.fault != atlas::cloud_fault::none) return "no estimate";
  return with_interval(r.dimension, r.interval, 1);
}

/// "share (chance)" of a label, "-" where it is not known.
std::string share_text(const head_report& h, std::string_view name) {
  for (const shared_label& s : h.same)
    if (name_of(s.name) == name)
      return fmt::format("{} % ({} %)", digits(100 * s.neighbors.share, 0),
                         digits(100 * s.neighbors.chance, 0));
  return "-";
}

/// p of each head's dimension after Holm's correction for the layer; NaN for heads without.
std::vector<double> adjusted_p(const layer_report& layer) {
  const auto has_p = [](const head_report& h) {
    return h.surrogate && std::isfinite(h.surrogate->p);
  };
  std::vector<double> p;
  for (const head_report& h : layer.heads)
    if (has_p(h)) p.push_back(h.surrogate->p);
  if (!p.empty()) p = atlas::holm_correction(p);
  std::vector<double> out;
  auto next = p.begin();
  for (const head_report& h : layer.heads)
    out.push_back(has_p(h) ? *next++ : std::numeric_limits<double>::quiet_NaN());
  return out;
}

std::vector<std::string> head_row(const head_report& h, double adjusted) {
  std::vector<std::string> row = {std::to_string(h.head), estimate_text(h.none),
                                  h.distinct ? estimate_text(*h.distinct) : "-"};
  if (h.surrogate) {
    row.push_back(null_cell(
        fmt::format("{} ({})", digits(h.surrogate->mean, 1), digits(h.surrogate->sd, 1))));
    add_score(h.surrogate->z, h.surrogate->p, adjusted <= level, row);
  } else {
    row.insert(row.end(), 3, "-");
  }
  row.insert(row.end(), {share_text(h, "context"), share_text(h, "token"),
                         h.pca_rank ? std::to_string(*h.pca_rank) : "-"});
  return row;
}

/// What there is to read an overlap beside.
overlap_references references(const std::optional<atlas::split_half_result>& ceiling,
                              const std::optional<atlas::turned_null_result>& turned = {}) {
  return {turned ? &*turned : nullptr, ceiling ? &*ceiling : nullptr};
}

/// Median over heads of the correlation lengths; NaN where none is known.
double correlation_length(const layer_report& layer) {
  std::vector<double> lengths;
  for (const head_report& h : layer.heads)
    if (h.passages && !std::isnan(h.passages->length)) lengths.push_back(h.passages->length);
  std::sort(lengths.begin(), lengths.end());
  return atlas::sorted_quantile(lengths, 0.5);
}

/// Of the head that varies and has rows of the fewest passages. All have rows of the same places,
/// unless some are left out of each.
const atlas::passage_correlation_result* design_of(const layer_report& layer) {
  const atlas::passage_correlation_result* fewest = nullptr;
  for (const head_report& h : layer.heads)
    if (h.passages && (!fewest || h.passages->contexts < fewest->contexts)) fewest = &*h.passages;
  return fewest;
}

json design_json(const layer_report& layer) {
  const auto* design = design_of(layer);
  if (!design) return nullptr;
  return {{"passages", design->contexts},
          {"fewest_rows", design->fewest_rows},
          {"most_rows", design->most_rows},
          {"correlation_length", number(correlation_length(layer))}};
}

/// With fewer passages the neighbours in distinct ones are of another density than the rows'.
constexpr atlas::index_t enough_passages = 50;

std::string design_text(const layer_report& layer) {
  const auto* design = design_of(layer);
  if (!design) return "";
  std::string rows = std::to_string(design->fewest_rows);
  if (design->most_rows != design->fewest_rows) rows += fmt::format(" to {}", design->most_rows);
  std::string text = fmt::format("{} passages of {} rows", design->contexts, rows);
  if (const double length = correlation_length(layer); std::isfinite(length))
    text += fmt::format(", which hang together over {} positions", digits(length, 1));
  else if (std::isinf(length))
    text += ", which hang together throughout";
  text += "\n";
  if (design->contexts < enough_passages)
    text += fmt::format(
        "Warning: {} passages are few. Dimensions depend on how rows of a passage hang together;\n"
        "trust their distance from serial surrogates alone, or take 100 passages with fewer "
        "rows.\n",
        design->contexts);
  return text;
}

/// A line for heads that have no frame, if there are any.
std::string left_out_text(const std::string& space, const atlas::head_overlap_result& overlap) {
  if (overlap.left_out.empty()) return "";
  return fmt::format(
      "Left out of the overlaps in {}, with variance in fewer than {} directions: "
      "head {}\n",
      space, overlap.local_dimension, fmt::join(overlap.left_out, ", "));
}

/// A line for each head that has no estimate.
std::string faults_text(const layer_report& layer) {
  std::string text;
  for (const head_report& h : layer.heads)
    if (h.fault != atlas::cloud_fault::none)
      text +=
          fmt::format("Head {} cannot carry an estimate: {}\n", h.head, atlas::describe(h.fault));
  return text;
}

}  // namespace

json fault_json(atlas::cloud_fault fault) {
  return fault == atlas::cloud_fault::none ? json(nullptr) : json(atlas::describe(fault));
}

json dimension_json(const atlas::two_nn_result& r) {
  if (r.fault != atlas::cloud_fault::none)
    return {{"dimension", nullptr}, {"lower", nullptr}, {"upper", nullptr}, {"contexts", nullptr}};
  json out = {{"dimension", number(r.dimension)}};
  out.update(bounds(r.interval));
  out["contexts"] = r.contexts > 0 ? json(r.contexts) : json(nullptr);
  return out;
}

json fit_json(const atlas::two_nn_result& r) {
  return {{"statistic", number(r.fit.statistic)}, {"p", number(r.fit.p)}};
}

std::string few_contexts_text(const atlas::two_nn_result& r) {
  if (!r.few_contexts) return "";
  return fmt::format(
      "The interval counts {} passages: too few to know the error by; take 6 at least, better "
      "100.\n",
      r.contexts);
}

json surrogate_json(const atlas::surrogate_null& null) {
  return {{"mean", number(null.mean)},
          {"sd", number(null.sd)},
          {"z", number(null.z)},
          {"p", number(null.p)},
          {"kind", std::string(name_of(null.kind))}};
}

namespace {

/// Of all pairs of heads; null for heads that are left out.
json matrix_json(const Eigen::MatrixXd& matrix) {
  json out = json::array();
  for (Eigen::Index r = 0; r < matrix.rows(); ++r) {
    json row = json::array();
    for (Eigen::Index c = 0; c < matrix.cols(); ++c) row.push_back(number(matrix(r, c)));
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace

json overlap_json(const atlas::head_overlap_result& overlap, const overlap_references& of) {
  using turned = atlas::turned_null_result;
  json out = {{"global", estimate_json(overlap.global, group_of(of, &turned::global))},
              {"intra", estimate_json(overlap.intra, group_of(of, &turned::intra))},
              {"inter", estimate_json(overlap.inter, group_of(of, &turned::inter))},
              {"left_out", overlap.left_out},
              {"matrix", matrix_json(overlap.matrix)}};
  if (of.ceiling)
    out["ceiling"] = {{"mean", number(of.ceiling->mean)},
                      {"sd", number(of.ceiling->sd)},
                      {"contexts", of.ceiling->contexts},
                      {"halvings", of.ceiling->halvings}};
  return out;
}

std::vector<std::string> overlap_header(const std::string& first) {
  return {first, "overlap [95 %]", "pairs", "Haar null (sd)", "z", "p"};
}

std::vector<std::vector<std::string>> overlap_rows(const std::string& space,
                                                   const atlas::head_overlap_result& overlap,
                                                   const overlap_references& of) {
  using turned = atlas::turned_null_result;
  std::vector<std::vector<std::string>> rows = {
      estimate_row(space, overlap.global, group_of(of, &turned::global))};
  if (overlap.intra.pairs > 0) {
    rows.push_back(
        estimate_row("same key/value head", overlap.intra, group_of(of, &turned::intra)));
    rows.push_back(
        estimate_row("other key/value head", overlap.inter, group_of(of, &turned::inter)));
  }
  if (of.ceiling)
    rows.push_back(
        {"a head with itself, halves",
         fmt::format("{} ({})", digits(of.ceiling->mean, 3), digits(of.ceiling->sd, 3))});
  return rows;
}

namespace {

json rank_json(const rank_report& r) {
  json out = {{"local_dimension", r.local_dimension},
              {"head_coordinates", overlap_json(r.head_coordinates)}};
  if (r.residual_stream)
    out["residual_stream"] =
        overlap_json(*r.residual_stream, {.turned = r.turned ? &*r.turned : nullptr});
  return out;
}

}  // namespace

json layer_json(const layer_report& layer) {
  json heads = json::array();
  for (const head_report& h : layer.heads) {
    json one = {{"head", h.head},
                {"points", h.points},
                {"fault", fault_json(h.fault)},
                {"two_nn", two_nn_json(h)},
                {"pca_rank", h.pca_rank ? json(*h.pca_rank) : json(nullptr)}};
    if (!layer.left_out_rows.empty())
      one["left_out_rows"] = layer.left_out_rows[static_cast<std::size_t>(h.head)];
    heads.push_back(std::move(one));
  }
  json out = {{"layer", layer.layer}, {"design", design_json(layer)}, {"heads", heads}};
  if (!layer.head_coordinates) return out;
  out["overlap"] = {
      {"local_dimension", layer.head_coordinates->local_dimension},
      {"head_coordinates", overlap_json(*layer.head_coordinates, references(layer.head_ceiling))}};
  if (layer.residual_stream)
    out["overlap"]["residual_stream"] =
        overlap_json(*layer.residual_stream, references(layer.stream_ceiling, layer.turned));
  if (!layer.ranks.empty()) {
    json ranks = json::array();
    for (const rank_report& r : layer.ranks) ranks.push_back(rank_json(r));
    out["overlap"]["by_dimension"] = std::move(ranks);
  }
  return out;
}

namespace {

/// The scales of all heads, if asked for.
std::string profiles_table(const layer_report& layer) {
  std::vector<std::vector<std::string>> rows = {profile_header("head")};
  for (const head_report& h : layer.heads)
    if (h.profile)
      for (auto& row : profile_rows(std::to_string(h.head), *h.profile))
        rows.push_back(std::move(row));
  return rows.size() > 1 ? table_text(rows) : "";
}

}  // namespace

namespace {

/// Of each head, where not all have as many.
std::string points_text(const layer_report& layer) {
  const auto fewer = [](const head_report& a, const head_report& b) { return a.points < b.points; };
  const auto [low, high] = std::minmax_element(layer.heads.begin(), layer.heads.end(), fewer);
  if (layer.left_out_rows.empty()) return fmt::format("{} points", low->points);
  return fmt::format("{} to {} points that do not rest on a sink", low->points, high->points);
}

}  // namespace

std::string layer_table(const layer_report& layer) {
  std::vector<std::vector<std::string>> rows = {
      {"head", "TwoNN [95 %]", "distinct passages", "surrogates (sd)", "z", "p",
       "same passage (chance)", "same token (chance)", "PCA rank"}};
  const std::vector<double> adjusted = adjusted_p(layer);
  for (std::size_t h = 0; h < layer.heads.size(); ++h)
    rows.push_back(head_row(layer.heads[h], adjusted[h]));
  std::string text = fmt::format("Layer {}: {} heads of {}\n", layer.layer, layer.heads.size(),
                                 points_text(layer)) +
                     design_text(layer) + table_text(rows) + profiles_table(layer) +
                     faults_text(layer);
  if (!layer.head_coordinates) return text + "\n";
  rows = {overlap_header(fmt::format("k = {}", layer.head_coordinates->local_dimension))};
  for (const char* name : {"turned null (sd)", "z", "p"}) rows.front().push_back(name);
  for (auto& row :
       overlap_rows("head coordinates", *layer.head_coordinates, references(layer.head_ceiling)))
    rows.push_back(std::move(row));
  if (layer.residual_stream)
    for (auto& row : overlap_rows("residual stream", *layer.residual_stream,
                                  references(layer.stream_ceiling, layer.turned)))
      rows.push_back(std::move(row));
  text += table_text(rows) + left_out_text("head coordinates", *layer.head_coordinates);
  if (layer.residual_stream) text += left_out_text("the residual stream", *layer.residual_stream);
  return text + "\n";
}

namespace {

/// Mean over the heads that have an estimate, and the lowest and the highest.
std::string heads_span(const layer_report& layer) {
  std::vector<double> all;
  for (const head_report& h : layer.heads)
    if (h.estimate().fault == atlas::cloud_fault::none) all.push_back(h.estimate().dimension);
  if (all.empty()) return "no estimate";
  const auto [low, high] = std::minmax_element(all.begin(), all.end());
  return fmt::format("{} ({} to {})", digits(atlas::summarize(all).mean, 1), digits(*low, 1),
                     digits(*high, 1));
}

double surrogate_mean(const layer_report& layer) {
  double sum = 0, count = 0;
  for (const head_report& h : layer.heads)
    if (h.surrogate && std::isfinite(h.surrogate->mean)) {
      sum += h.surrogate->mean;
      ++count;
    }
  return sum / count;
}

/// Heads whose dimension is beyond surrogates with p of 0.05 or less after Holm's correction for
/// the layer.
std::string heads_beyond(const layer_report& layer) {
  const std::vector<double> adjusted = adjusted_p(layer);
  const auto count = [&](double most) {
    return std::count_if(adjusted.begin(), adjusted.end(), [&](double p) { return p <= most; });
  };
  return count(1) > 0 ? fmt::format("{} of {}", count(level), count(1)) : "-";
}

double mean_share(const layer_report& layer) {
  double sum = 0, count = 0;
  for (const head_report& h : layer.heads)
    for (const shared_label& s : h.same)
      if (s.name == label_kind::context) {
        sum += s.neighbors.share;
        ++count;
      }
  return 100 * sum / count;
}

/// Those of pairs that do not share keys and values, where there are such.
template <class Result>
const auto& pairs_apart(const Result& r, const atlas::head_overlap_result& overlap) {
  return overlap.intra.pairs > 0 ? r.inter : r.global;
}

void add_overlap(const std::optional<atlas::head_overlap_result>& overlap,
                 const std::optional<atlas::turned_null_result>& turned,
                 std::vector<std::string>& row) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  double mean = none, null = none, z = none;
  if (overlap) {
    const auto& e = pairs_apart(*overlap, *overlap);
    mean = e.mean;
    null = turned ? pairs_apart(*turned, *overlap).mean : e.null_mean;
    z = turned ? pairs_apart(*turned, *overlap).z : e.z;
  }
  row.push_back(overlap ? fmt::format("{} ({})", digits(mean, 3), digits(null, 3)) : "-");
  row.push_back(digits(z, 1));
}

/// What the tables of heads say of a layer beside their rows.
std::string notes_text(const layer_report& layer) {
  std::string text = faults_text(layer);
  if (layer.head_coordinates) text += left_out_text("head coordinates", *layer.head_coordinates);
  if (layer.residual_stream) text += left_out_text("the residual stream", *layer.residual_stream);
  return text.empty() ? "" : fmt::format("Layer {}:\n{}", layer.layer, text);
}

}  // namespace

layer_texts texts_of(const layer_report& layer) {
  const double share = mean_share(layer);
  std::vector<std::string> row = {
      std::to_string(layer.layer), std::to_string(layer.heads.size()),
      heads_span(layer),           digits(surrogate_mean(layer), 1),
      heads_beyond(layer),         std::isnan(share) ? "-" : digits(share, 0) + " %"};
  add_overlap(layer.head_coordinates, {}, row);
  add_overlap(layer.residual_stream, layer.turned, row);
  return {layer_json(layer), std::move(row), design_text(layer), notes_text(layer),
          layer_table(layer)};
}

std::string bytes_of(const layer_texts& layer) {
  return packed({{"found", layer.found},
                 {"summary", layer.summary},
                 {"design", layer.design},
                 {"notes", layer.notes},
                 {"table", layer.table}});
}

layer_texts texts_of_bytes(const std::string& bytes) {
  json all = unpacked(bytes);
  return {std::move(all["found"]), all["summary"], all["design"], all["notes"], all["table"]};
}

std::string summary_table(const std::vector<layer_texts>& layers) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "heads", "dimension (heads)", "surrogates", "beyond", "same passage",
       "overlap (null)", "z", "in the stream (turned null)", "z"}};
  std::string notes;
  for (const layer_texts& layer : layers) {
    rows.push_back(layer.summary);
    notes += layer.notes;
  }
  return layers.front().design + table_text(rows) + notes + "\n";
}

std::string heads_csv(const common_options& common, const std::vector<layer_texts>& layers) {
  constexpr const char* names[] = {"dimension", "lower", "upper"};
  std::string text = "layer,head,points,fault";
  for (const char* neighbors : {"any", "distinct_passages"})
    for (const char* name : names) text += fmt::format(",{}_{}", name, neighbors);
  text +=
      ",surrogate_mean,surrogate_sd,surrogate_z,surrogate_p,same_passage,same_passage_chance,"
      "pca_rank,";
  text += std::string(run_columns) + "\n";
  const auto field = [](const json& value) {
    if (value.is_null()) return std::string();
    return value.is_string() ? csv_field(value.get<std::string>()) : value.dump();
  };
  for (const layer_texts& layer : layers) {
    for (const json& h : layer.found["heads"]) {
      const json& estimates = h["two_nn"];
      const auto member = [&](const char* of, const char* name) {
        return estimates.contains(of) && estimates[of].contains(name) ? field(estimates[of][name])
                                                                      : std::string();
      };
      text += fmt::format("{},{},{},{}", field(layer.found["layer"]), field(h["head"]),
                          field(h["points"]), field(h["fault"]));
      for (const char* neighbors : {"none", "distinct"})
        for (const char* name : names) text += "," + member(neighbors, name);
      for (const char* name : {"mean", "sd", "z", "p"}) text += "," + member("surrogate", name);
      for (const char* name : {"share", "chance"})
        text += "," + member("same_context_neighbors", name);
      text += "," + field(h["pca_rank"]) + "," + run_fields(common) + "\n";
    }
  }
  return text;
}

}  // namespace atlas_program
