// SPDX-License-Identifier: MIT
#include <memory>

#include "atlas/io/npy.hpp"
#include "atlas/subspace/principal_frame.hpp"
#include "measure_report.hpp"
#include "options.hpp"
#include "picked_cloud.hpp"

namespace atlas_program {

namespace {

struct overlap_command {
  common_options common;
  std::string file;
  picked_cloud picked;
  atlas::index_t local_dimension = 7, heads_per_group = 1;

  void run() {
    check_picked_cloud(*common.command, picked);
    begin_stage(common, "reading the clouds");
    if (!picked.is_there()) return measure(atlas::io::read_npy<double, 3>(file));
    refuse_typed(*common.command, {"--heads-per-group"},
                 "with --clouds, whose file says how heads are grouped");
    const source_layer layer = read_picked_layer(common, picked, &heads_per_group);
    file = picked.name();
    std::visit([&](const auto& points) { measure(atlas::copy_as<double>(points)); }, layer.points);
  }

 private:
  void measure(const atlas::owned_tensor<double, 3>& clouds) const {
    check(clouds);
    const auto overlap = with_typed_names({{"clouds", file}}, [&] { return measured(clouds); });
    const json out = {{"heads", clouds.extent(0)},
                      {"points", clouds.extent(1)},
                      {"local_dimension", overlap.local_dimension},
                      {"head_coordinates", overlap_json(overlap)}};
    std::vector<std::vector<std::string>> rows = {
        overlap_header("k = " + std::to_string(overlap.local_dimension))};
    for (auto& row : overlap_rows("all pairs", overlap)) rows.push_back(std::move(row));
    report(common, out, table_text(rows));
  }

  /// What depends on the file.
  void check(const atlas::tensor_view<const double, 3>& clouds) const {
    const atlas::index_t heads = clouds.extent(0);
    if (heads < 2)
      throw atlas::shape_error(file, "at least 2 heads, [H, N, d]", std::to_string(heads));
    atlas::check_between(local_dimension, 1, clouds.extent(2), "--local-dim");
    if (heads_per_group > heads || heads % heads_per_group != 0)
      throw atlas::value_error("--heads-per-group",
                               "a divisor of the " + std::to_string(heads) + " heads",
                               std::to_string(heads_per_group));
  }

  atlas::head_overlap_result measured(const atlas::tensor_view<const double, 3>& clouds) const {
    begin_stage(common, "principal frames");
    const auto frames =
        atlas::principal_frames(clouds, local_dimension, {.threads = common.threads});
    return atlas::head_overlap(frames, {.heads_per_group = heads_per_group,
                                        .seed = common.seed,
                                        .threads = common.threads,
                                        .on_progress = progress_bar(common)});
  }
};

}  // namespace

void add_overlap(CLI::App& program) {
  const auto command = std::make_shared<overlap_command>();
  CLI::App& app = *program.add_subcommand(
      "overlap", "Overlap of the heads' principal subspaces, beside that of random ones.");
  auto* file =
      add_text(app, "CLOUDS.npy", command->file, "one cloud a head, [H, N, d]")->required();
  add_picked_cloud(app, *file, command->picked, false);
  add_whole(app, "--local-dim", command->local_dimension, {1}, "dimension of the subspaces");
  add_whole(app, "--heads-per-group", command->heads_per_group, {1},
            "query heads per key/value head");
  add_common_options(app, command->common,
                     "atlas overlap clouds.npy --local-dim 7 --heads-per-group 3");
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
