// SPDX-License-Identifier: MIT
#include "atlas/subspace/haar.hpp"

#include <cmath>
#include <memory>

#include "atlas/core/checks.hpp"
#include "common.hpp"
#include "options.hpp"

namespace atlas_program {

namespace {

struct haar_command {
  common_options common;
  atlas::index_t dimension = 0, local_dimension = 0, heads = 0, draws = 20000;

  void run() const {
    atlas::check_between(local_dimension, 1, dimension, "--local-dim");
    begin_stage(common, "random subspaces");
    const atlas::haar_null null = atlas::haar_overlap(dimension, local_dimension,
                                                      {.draws = draws,
                                                       .seed = common.seed,
                                                       .threads = common.threads,
                                                       .on_progress = progress_bar(common)});
    json out = {{"mean", number(null.mean)},
                {"sd", number(null.sd)},
                {"standard_error", number(null.standard_error)},
                {"mean_squared", number(null.mean_squared)}};
    std::vector<std::vector<std::string>> rows = {
        {"", "mean cosine"},
        {"mean", digits(null.mean, 5)},
        {"sd of a pair", digits(null.sd, 5)},
        {"standard error of the mean", digits(null.standard_error, 6)},
        {"mean squared cosine (exact)", digits(null.mean_squared, 5)}};
    if (heads != 0) {
      const atlas::index_t pairs = heads * (heads - 1) / 2;
      const double sd = null.sd / std::sqrt(static_cast<double>(pairs));
      out["heads"] = heads;
      out["pairs"] = pairs;
      out["overlap_sd"] = number(sd);
      rows.push_back({"sd of the mean over " + std::to_string(pairs) + " pairs", digits(sd, 5)});
    }
    report(common, out, table_text(rows));
  }
};

}  // namespace

void add_haar(CLI::App& program) {
  const auto command = std::make_shared<haar_command>();
  CLI::App& app = *program.add_subcommand(
      "haar", "What the overlap of random subspaces is: the null of head overlap.");
  app.add_option("--dim", command->dimension, "dimension of the space")
      ->transform(whole_number({1, 1 << 20}))
      ->required();
  app.add_option("--local-dim", command->local_dimension, "dimension of the subspaces")
      ->transform(whole_number({1}))
      ->required();
  app.add_option("--heads", command->heads, "also the sd of the mean over all pairs of so many")
      ->transform(whole_number({2, 1 << 20}));
  add_whole(app, "--draws", command->draws, {100}, "of pairs of subspaces");
  add_common_options(app, command->common, "atlas haar --dim 64 --local-dim 7 --heads 8");
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
