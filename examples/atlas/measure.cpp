// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <set>

#include "atlas/core/parallel.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/io/files.hpp"
#include "atlas/manifold/atlas_test.hpp"
#include "atlas/neighbors/label_share.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/subspace/principal_spectra.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "cloud_file.hpp"
#include "head_bytes.hpp"
#include "hook_arrays.hpp"
#include "interrupts.hpp"
#include "layer_division.hpp"
#include "measure_layer.hpp"
#include "options.hpp"
#include "own_clouds.hpp"
#include "ranks.hpp"
#include "share_work.hpp"
#include "sink_choice.hpp"
#include "surrogate_names.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// Another for each head of each layer, so that their nulls are independent.
std::uint64_t stream_of(const source_layer& layer, index_t head) {
  return static_cast<std::uint64_t>(layer.layer * 65536 + head + 1);
}

/// Shares of rows whose nearest neighbour has a label in common with them.
template <class Scalar>
void add_shares(const atlas::neighbor_table& found, const source_layer& layer, index_t head,
                head_report& out) {
  const auto add = [&](label_kind name, const atlas::tensor_view<const index_t, 1>& labels) {
    out.same.push_back({name, atlas::label_share(found, labels)});
  };
  if (!layer.context.empty()) add(label_kind::context, layer.context);
  if (!layer.token.empty()) add(label_kind::token, layer.token);
  if (!layer.attended.empty()) add(label_kind::attended, layer.attended[head]);
}

/// What rows may not have in common to be neighbours, beside what `exclude` says.
atlas::exclusion with_labels(atlas::exclusion exclude, const source_layer& layer, index_t head,
                             const measure_options& o) {
  for (const std::string& name : o.apart)
    exclude = name == "token" ? atlas::also_excluding(std::move(exclude), layer.token)
                              : atlas::also_excluding(std::move(exclude), layer.attended[head]);
  return exclude;
}

/// The estimates under each exclusion, with contexts as the units of their intervals.
template <class Scalar>
void add_dimensions(const atlas::tensor_view<const Scalar, 2>& points, const source_layer& layer,
                    const measure_options& o, head_report& out) {
  atlas::two_nn_options options{.discard_fraction = o.discard,
                                .degenerate = atlas::degenerate_policy::report,
                                .context = layer.context,
                                .threads = 1};
  if (!layer.precision.empty())
    options.precision = layer.precision[static_cast<std::size_t>(out.head)];
  const auto under = [&](const atlas::exclusion& exclude) {
    options.exclude = with_labels(exclude, layer, out.head, o);
    return atlas::two_nn(points, options);
  };
  out.none = under({});
  if (!layer.context.empty()) {
    out.distinct = under(atlas::distinct_contexts(layer.context));
    out.whole = under(atlas::same_context(layer.context));
  }
  const auto found = atlas::nearest_neighbors(points, {.k = 2, .threads = 1});
  add_shares<Scalar>(found, layer, out.head, out);
  options.estimator = atlas::two_nn_estimator::truncated;
  out.truncated = atlas::two_nn_from_neighbors(found, options);
}

/// What the rows say is said of every estimate; a table of neighbours does not show it.
void add_fault(atlas::cloud_fault of_rows, head_report& out) {
  out.fault = of_rows;
  const auto kept = [&](std::optional<atlas::two_nn_result>& r) { return r ? &*r : &out.none; };
  for (atlas::two_nn_result* r : {&out.none, &out.truncated, kept(out.distinct), kept(out.whole)}) {
    if (of_rows != atlas::cloud_fault::none) r->fault = of_rows;
    if (out.fault == atlas::cloud_fault::none) out.fault = r->fault;
  }
}

/// Rows that have no variance, and so no principal components.
template <class Scalar>
bool all_rows_equal(const atlas::tensor_view<const Scalar, 2>& points) {
  for (index_t i = 1; i < points.extent(0); ++i)
    for (index_t k = 0; k < points.extent(1); ++k)
      if (points(i, k) != points(0, k)) return false;
  return true;
}

/// Those of an estimate; the head's progress is counted elsewhere.
atlas::two_nn_options profile_options(const atlas::two_nn_result& estimate) {
  atlas::two_nn_options out = estimate.options;
  out.degenerate = atlas::degenerate_policy::error;
  return out;
}

template <class Scalar>
head_report measure_cloud(const atlas::tensor_view<const Scalar, 2>& points,
                          const source_layer& layer, index_t head, const measure_options& o,
                          atlas::progress_meter& meter) {
  head_report out;
  out.head = head;
  out.points = points.extent(0);
  add_dimensions(points, layer, o, out);
  add_fault(atlas::fault_of_cloud(points), out);
  if (!layer.context.empty() && !all_rows_equal(points))
    out.passages = atlas::passage_correlation(points, {layer.context, layer.position});
  meter.advance();
  if (o.surrogates > 0)
    out.surrogate = atlas::two_nn_null(points, out.estimate(),
                                       {.draws = o.surrogates,
                                        .kind = surrogate_kinds.at(o.surrogate_kind),
                                        .labels = {layer.context, layer.position},
                                        .seed = o.common.seed,
                                        .stream = stream_of(layer, head),
                                        .threads = 1,
                                        .on_progress = advance_with(meter)});
  if (o.profile && out.fault == atlas::cloud_fault::none)
    out.profile = atlas::dimension_profile(points, profile_options(out.estimate()));
  return out;
}

/// Errors say which cloud they are about.
template <class Scalar>
head_report measure_named_head(const atlas::tensor_view<const Scalar, 2>& points,
                               const source_layer& layer, index_t head, const measure_options& o,
                               atlas::progress_meter& meter) {
  try {
    return measure_cloud(points, layer, head, o, meter);
  } catch (const atlas::cancelled&) {
    throw;
  } catch (const atlas::error& e) {
    const std::string name = fmt::format("layer.{}.head.{}", layer.layer, head);
    const std::string what = in_typed_names(
        e.what(), {{"points", name},
                   {"labels", "--surrogate-kind " + o.surrogate_kind},
                   {"labels.context", fmt::format("layer.{}.context", layer.layer)},
                   {"labels.position", fmt::format("layer.{}.position", layer.layer)}});
    const bool named = what.starts_with("layer.") || what.starts_with("--");
    throw atlas::error(named ? what : name + ": " + what);
  }
}

/// A head by all of its rows, or by those that are not left out.
template <class Scalar>
head_report measure_rows_of_head(const atlas::owned_tensor<Scalar, 3>& points,
                                 const source_layer& layer, index_t head, const measure_options& o,
                                 atlas::progress_meter& meter) {
  if (layer.left_out.empty()) return measure_named_head(points[head], layer, head, o, meter);
  const own_cloud<Scalar> own = own_cloud_of(points, layer, head);
  if (own.is_cloud()) return measure_named_head(own.points[0], own.labels, head, o, meter);
  meter.advance(1 + o.surrogates);
  return no_cloud(head, own.rows(), !layer.context.empty());
}

/// That of the heads' estimates: of distinct passages where rows have passages.
index_t automatic_dimension(const std::vector<head_report>& heads, index_t d) {
  std::vector<double> dimensions;
  for (const head_report& h : heads) {
    const atlas::two_nn_result& r = h.estimate();
    if (r.fault == atlas::cloud_fault::none) dimensions.push_back(r.dimension);
  }
  if (dimensions.empty())
    throw atlas::value_error("--local-dim", "a number where no cloud carries an estimate", "auto");
  return atlas::local_dimension_of_heads(dimensions, d);
}

index_t local_dimension(const measure_options& o, const std::vector<head_report>& heads,
                        index_t d) {
  if (o.local_dimension == "auto") return automatic_dimension(heads, d);
  const index_t k = std::stoll(o.local_dimension);
  atlas::check_between(k, 1, d, "--local-dim");
  return k;
}

/// A ceiling needs 2 passages a half, or as many rows where there are no passages.
template <class Scalar>
bool halves_are_known(const atlas::owned_tensor<Scalar, 3>& points, const source_layer& layer) {
  if (layer.context.empty()) return points.extent(1) >= 4;
  std::set<index_t> contexts;
  for (index_t i = 0; i < layer.context.extent(0); ++i) contexts.insert(layer.context[i]);
  return contexts.size() >= 4;
}

/// Of a layer's only head.
template <class Scalar>
void add_rank(const atlas::owned_tensor<Scalar, 3>& points, const source_layer& layer,
              head_report& out) {
  if (layer.left_out.empty()) {
    if (!all_rows_equal(points[0])) out.pca_rank = atlas::pca_rank(points[0]).rank;
    return;
  }
  const own_cloud<Scalar> own = own_cloud_of(points, layer, 0);
  if (own.is_cloud() && !all_rows_equal(own.points[0]))
    out.pca_rank = atlas::pca_rank(own.points[0]).rank;
}

/// The heads' frames, and their PCA ranks beside them.
template <class Scalar>
std::vector<Eigen::MatrixXd> add_ranks(const atlas::owned_tensor<Scalar, 3>& points,
                                       const source_layer& layer, index_t k,
                                       const atlas::frame_options& options, layer_report& out) {
  std::vector<Eigen::MatrixXd> frames;
  auto spectra = spectra_of(points, layer, k, options);
  for (std::size_t h = 0; h < spectra.size(); ++h) {
    if (spectra[h].rank.rank > 0) out.heads[h].pca_rank = spectra[h].rank.rank;
    frames.push_back(std::move(spectra[h].frame));
  }
  return frames;
}

template <class Scalar>
void add_overlaps(const atlas::owned_tensor<Scalar, 3>& points, const source_layer& layer,
                  index_t heads_per_group, index_t k, const measure_options& o, haar_nulls& nulls,
                  layer_report& out) {
  const int threads = o.common.threads;
  const atlas::head_overlap_options options{.heads_per_group = heads_per_group,
                                            .seed = o.common.seed,
                                            .threads = threads,
                                            .on_progress = progress_bar(o.common)};
  const atlas::frame_options frames{.policy = atlas::rank_policy::leave_out, .threads = threads};
  out.head_coordinates = atlas::head_overlap(add_ranks(points, layer, k, frames, out),
                                             nulls.of(points.extent(2), k), options);
  if (layer.output_projection.empty()) return;
  const auto written = written_frames(points, layer, k, frames);
  out.residual_stream =
      atlas::head_overlap(written, nulls.of(layer.output_projection.extent(1), k), options);
  out.turned = turned_of(points, layer, k,
                         {.heads_per_group = heads_per_group,
                          .seed = o.common.seed,
                          .stream = stream_of(layer, points.extent(0)),
                          .threads = threads,
                          .on_progress = progress_bar(o.common)});
}

/// What heads overlap with themselves, learned from two halves of the passages.
template <class Scalar>
void add_ceilings(const atlas::owned_tensor<Scalar, 3>& points, const source_layer& layer,
                  index_t k, const measure_options& o, layer_report& out) {
  if (!halves_are_known(points, layer)) return;
  const atlas::split_half_options halves{
      .seed = o.common.seed, .threads = o.common.threads, .on_progress = progress_bar(o.common)};
  out.head_ceiling = ceiling_of(points, layer, k, halves);
  if (!layer.output_projection.empty())
    out.stream_ceiling = stream_ceiling_of(points, layer, k, halves);
}

/// Numbers as they were asked for; some that d has room for where that was left to the program.
std::vector<index_t> ranks_of(const measure_options& o, index_t d) {
  std::vector<index_t> ranks;
  for (const std::string& text : o.ranks) {
    if (text == "auto") {
      for (const index_t k : {1, 2, 4, 7, 10})
        if (k <= d) ranks.push_back(k);
      continue;
    }
    ranks.push_back(std::stoll(text));
    atlas::check_between(ranks.back(), 1, d, "--ranks");
  }
  return ranks;
}

/// The overlaps of subspaces of other dimensions.
template <class Scalar>
void add_other_ranks(const atlas::owned_tensor<Scalar, 3>& points, const source_layer& layer,
                     index_t heads_per_group, const measure_options& o, haar_nulls& nulls,
                     layer_report& out) {
  for (const index_t k : ranks_of(o, points.extent(2))) {
    layer_report found;
    found.heads.resize(out.heads.size());
    add_overlaps(points, layer, heads_per_group, k, o, nulls, found);
    out.ranks.push_back(
        {k, *found.head_coordinates, std::move(found.residual_stream), std::move(found.turned)});
  }
}

/// Labels that neighbours are to differ in.
void check_apart(const source_layer& layer, const measure_options& o) {
  for (const std::string& name : o.apart)
    if (name == "token" ? layer.token.empty() : layer.attended.empty())
      throw atlas::value_error("--apart " + name,
                               name == "token"
                                   ? fmt::format("a tensor layer.{}.token", layer.layer)
                                   : fmt::format("tensors layer.{}.head.H.attended", layer.layer),
                               "none");
}

/// Groups that the clouds of a file can have.
void check_groups(const source_layer& layer, index_t heads, index_t heads_per_group) {
  if (heads_per_group > heads || heads % heads_per_group != 0)
    throw atlas::value_error("n_rep", fmt::format("a divisor of {} heads", heads),
                             fmt::format("{} in layer {}", heads_per_group, layer.layer));
}

}  // namespace

const atlas::haar_null& haar_nulls::of(index_t d, index_t k) {
  const auto found = nulls_.find({d, k});
  if (found != nulls_.end()) return found->second;
  return nulls_.emplace(std::pair(d, k), atlas::haar_overlap(d, k, options_)).first->second;
}

index_t steps_of_heads(index_t heads, const measure_options& o) {
  return heads * (1 + o.surrogates);
}

index_t steps_of_layers(const measure_source& source, const measure_options& o) {
  return steps_of_heads(std::accumulate(source.heads.begin(), source.heads.end(), index_t{0}), o);
}

head_report measure_head(const source_layer& layer, index_t head, index_t heads_per_group,
                         const measure_options& o, atlas::progress_meter& meter) {
  return std::visit(
      [&](const auto& points) {
        check_groups(layer, points.extent(0), heads_per_group);
        check_apart(layer, o);
        return measure_rows_of_head(points, layer, head, o, meter);
      },
      layer.points);
}

layer_report measure_together(const source_layer& layer, std::vector<head_report> heads,
                              index_t heads_per_group, const measure_options& o,
                              haar_nulls& nulls) {
  layer_report out;
  out.layer = layer.layer;
  out.heads = std::move(heads);
  out.left_out_rows = left_out_rows(layer);
  std::visit(
      [&](const auto& points) {
        if (points.extent(0) == 1) {  // no overlaps
          add_rank(points, layer, out.heads[0]);
          return;
        }
        if (heads_with_clouds(points, layer) < 2) return;  // all others rest on sinks: no pairs
        const index_t k = local_dimension(o, out.heads, points.extent(2));
        with_typed_names({{"clouds", fmt::format("--local-dim: layer.{}", layer.layer)}}, [&] {
          add_overlaps(points, layer, heads_per_group, k, o, nulls, out);
          add_ceilings(points, layer, k, o, out);
        });
        add_other_ranks(points, layer, heads_per_group, o, nulls, out);
      },
      layer.points);
  return out;
}

layer_report measure_layer(const source_layer& layer, index_t heads_per_group,
                           const measure_options& o, haar_nulls& nulls,
                           atlas::progress_meter& meter) {
  const index_t count =
      std::visit([](const auto& points) { return points.extent(0); }, layer.points);
  std::vector<head_report> heads(static_cast<std::size_t>(count));
  atlas::parallel_for(count, o.common.threads, [&](index_t h) {
    heads[static_cast<std::size_t>(h)] = measure_head(layer, h, heads_per_group, o, meter);
  });
  stop_if_interrupted();
  return measure_together(layer, std::move(heads), heads_per_group, o, nulls);
}

namespace {

constexpr const char* how_to_read_measure =
    "How to read this. A dimension says something only as far as it differs from that of the\n"
    "surrogates, clouds without structure that keep mean, covariance and how rows of a passage\n"
    "hang together (z, and p of Student's t). Below them a cloud is not Gaussian; that it is "
    "curved\n"
    "does not follow (--surrogate-kind marginal). TwoNN takes neighbours from the same passage of\n"
    "text, more often than chance would; the next column takes each of its two from another\n"
    "passage. Intervals count passages, not rows.\n"
    "Overlaps mean something as far as they differ from their null: random frames (Haar) in a\n"
    "head's own coordinates; in the residual stream, the heads' own clouds turned at random and\n"
    "written by their weights (turned; heads that share keys and values turn together). The\n"
    "ceiling is what a head overlaps with itself, learned from two halves of the passages.\n";

/// Rows that rest on sinks are known where attention is.
void check_sink_options(const measure_options& o) {
  const CLI::App& typed = *o.common.command;
  if (!o.without_sinks)
    return refuse_typed(typed, {"--sink-weight", "--sink-norm"}, "without --without-sinks");
  if (o.clouds_file.empty()) return;
  if (!holds_activations(array_file(o.clouds_file)))
    refuse_typed(typed, {"--without-sinks"},
                 "with clouds of layer.L.head.H, which say nothing of attention");
  if (o.rows != "residual")
    refuse_typed(typed, {"--without-sinks"},
                 "with --rows q, k, v or z: rows are left out of residuals alone");
}

/// Overlaps are of at least two heads.
void check_overlaps(const measure_options& o, const measure_source& source) {
  const bool overlaps = std::any_of(source.heads.begin(), source.heads.end(),
                                    [](index_t heads) { return heads > 1; });
  if (!overlaps)
    refuse_typed(*o.common.command, {"--local-dim"}, "where every layer has a single head");
}

/// Heads of layers that were asked for, or of all if that was; otherwise a row a layer.
std::string tables_text(const measure_options& o, const std::vector<layer_texts>& layers) {
  const CLI::App& typed = *o.common.command;
  const bool heads = o.heads || layers.size() == 1 || was_typed(typed, "--layers") ||
                     was_typed(typed, "--deepest") || was_typed(typed, "--relative-depth");
  std::string text = layers.size() > 1 ? summary_table(layers) : "";
  if (heads)
    for (const layer_texts& layer : layers) text += layer.table;
  else
    text += "--heads shows each head; --layers 3,5 those of some layers.\n\n";
  return text;
}

/// All heads on their ranks; known to all ranks then, by layer.
std::vector<std::vector<head_report>> measure_heads(const measure_source& source,
                                                    const measure_options& o) {
  const layer_division division(source.heads);
  atlas::progress_meter meter(progress_bar(o.common), "heads",
                              steps_of_heads(division.own_heads(), o));
  const auto bytes = share_work_with_all(
      {.shards = division.heads(),
       .owner = [&](index_t i) { return division.owner(division.at(i)); },
       .name =
           [&](index_t i) {
             const auto [place, head] = division.at(i);
             return fmt::format("layer.{}.head.{}", source.layers[place].layer, head);
           },
       .work =
           [&](index_t i) {
             const auto [place, head] = division.at(i);
             return bytes_of(
                 measure_head(source.layers[place], head, source.heads_per_group, o, meter));
           },
       .threads = o.common.threads});
  stop_if_interrupted();
  std::vector<std::vector<head_report>> out(source.layers.size());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    out[division.at(static_cast<index_t>(i)).layer].push_back(head_of(bytes[i]));
  return out;
}

/// What is said of all layers: at rank 0, elsewhere nothing.
std::vector<layer_texts> measure_layers(const measure_source& source, const measure_options& o) {
  auto heads = measure_heads(source, o);
  haar_nulls nulls(
      {.seed = o.common.seed, .threads = o.common.threads, .on_progress = progress_bar(o.common)});
  const auto one = [&](index_t i) {
    const auto place = static_cast<std::size_t>(i);
    measure_options of_layer = o;
    if (place + 1 < source.layers.size()) of_layer.ranks.clear();  // of the deepest alone
    return bytes_of(texts_of(measure_together(source.layers[place], std::move(heads[place]),
                                              source.heads_per_group, of_layer, nulls)));
  };
  std::vector<layer_texts> out;
  for (const std::string& bytes : share_work(
           {.shards = static_cast<index_t>(source.layers.size()),
            .name =
                [&](index_t i) {
                  return fmt::format("layer.{}", source.layers[static_cast<std::size_t>(i)].layer);
                },
            .work = one}))
    out.push_back(texts_of_bytes(bytes));
  return out;
}

void run_measure(measure_options o) {
  o.source.fewer_will_do = !was_typed(*o.common.command, "--blocks");
  check_cloud_file_options(o, {"--perplexity"});
  check_sink_options(o);
  if (o.clouds_file.empty()) check_two_passages("--blocks", o.source.blocks);
  const measure_source source = open_source(o, layer_division::is_of_this_rank);
  check_overlaps(o, source);
  const std::vector<layer_texts> layers = measure_layers(source, o);
  if (rank() > 0) return;
  json found = json::array();
  for (const layer_texts& layer : layers) found.push_back(layer.found);
  std::vector<output_file> files;
  if (!o.csv_file.empty()) files.push_back({o.csv_file, {}, heads_csv(o.common, layers)});
  report(o.common, {{"source", source.description}, {"layers", found}},
         heading(source.description) + tables_text(o, layers) + how_to_read_measure, files);
}

void add_sampling_options(CLI::App& app, measure_options& o) {
  add_min_context(app, o.min_context);
  add_whole(app, "--points", o.points, {3}, "rows of a cloud, drawn from all positions");
  add_checked(app, "--local-dim", o.local_dimension, whole_number_or({1}, {"auto"}),
              "dimension of the heads' subspaces; auto: that of the clouds");
  add_real(app, "--discard", o.discard, discard_range,
           "share of the largest TwoNN ratios left out");
  add_surrogate_options(app, o.surrogates, o.surrogate_kind);
  add_checked(app, "--apart", o.apart, one_of({"token", "attended"}),
              "what neighbours may not have in common beside the passage: their token, or the one "
              "that the head attends to");
  add_checked(
      app, "--ranks", o.ranks, whole_number_or({1}, {"auto"}),
      "also the overlap of the deepest layer for subspaces of these dimensions; auto: 1, 2, "
      "4, 7 and 10, as far as there are so many");
  add_sink_options(app, o.without_sinks, o.sinks,
                   "clouds without the rows that rest on a sink of their head, each head's own");
  app.add_flag("--profile", o.profile,
               "also the dimension at several scales, and whether it moves");
  app.add_flag("--heads", o.heads,
               "tables of heads, which are shown anyway of layers that are asked for");
  add_text(app, "--csv", o.csv_file, "also a CSV file, a row for each head");
  app.add_flag("--perplexity", o.perplexity, "also how well the model reads the text");
}

}  // namespace

void add_measure(CLI::App& program) {
  const auto options = std::make_shared<measure_options>();
  options->source.blocks = 100;  // many passages with few rows each
  CLI::App& app = *program.add_subcommand(
      "measure", "Dimension, rank and overlap of the attention residuals of a model's heads.");
  add_model_options(app, options->source);
  add_cloud_file_options(app, *options);
  add_layer_options(app, options->layers, "all unless told otherwise");
  add_sampling_options(app, *options);
  add_common_options(app, options->common,
                     "atlas measure --model tiny-llama --text addresses --deepest 2", {"--csv"});
  app.callback([options] { run_measure(*options); });
}

}  // namespace atlas_program
