#include <memory>

#include "atlas/io/npy.hpp"
#include "atlas/subspace/principal_frame.hpp"
#include "measure_report.hpp"

namespace atlas_program {

namespace {

struct overlap_command {
  common_options common;
  std::string file;
  atlas::index_t local_dimension = 7, group_size = 1;

  void run() const {
    begin_stage(common, "reading the clouds");
    const auto clouds = atlas::io::read_npy<double, 3>(file);
    begin_stage(common, "principal frames");
    const auto frames = atlas::principal_frames(clouds, local_dimension, common.threads);
    const auto overlap = atlas::head_overlap(frames, {.group_size = group_size,
                                                      .seed = common.seed,
                                                      .threads = common.threads,
                                                      .on_progress = progress_bar(common)});
    json matrix = json::array();
    for (const auto& row : overlap.matrix.rowwise())
      matrix.push_back(std::vector<double>(row.begin(), row.end()));
    const json out = {{"local_dimension", overlap.local_dimension},
                      {"head_coordinates", overlap_json(overlap)},
                      {"matrix", matrix}};
    std::vector<std::vector<std::string>> rows = {
        overlap_header("k = " + std::to_string(overlap.local_dimension))};
    for (auto& row : overlap_rows("all pairs", overlap, nullptr)) rows.push_back(std::move(row));
    report(common, out, table_text(rows));
  }
};

}  // namespace

void add_overlap(CLI::App& program) {
  const auto command = std::make_shared<overlap_command>();
  CLI::App& app = *program.add_subcommand(
      "overlap", "Overlap of the heads' principal subspaces, beside that of random ones.");
  app.add_option("CLOUDS.npy", command->file, "one cloud a head, [H, N, d]")->required();
  app.add_option("--local-dim", command->local_dimension, "dimension of the subspaces")
      ->capture_default_str();
  app.add_option("--group-size", command->group_size, "query heads per key/value head")
      ->capture_default_str();
  add_common_options(app, command->common, "atlas overlap clouds.npy --local-dim 7 --group-size 3");
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
