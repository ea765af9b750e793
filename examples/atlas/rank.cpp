// SPDX-License-Identifier: MIT
#include <memory>

#include "atlas/dimension/pca_rank.hpp"
#include "atlas/io/npy.hpp"
#include "common.hpp"
#include "options.hpp"

namespace atlas_program {

namespace {

struct rank_command {
  common_options common;
  std::string file;
  double variance = 0.9;

  void run() const {
    begin_stage(common, "reading the cloud");
    const auto points = atlas::io::read_npy<double, 2>(file);
    begin_stage(common, "principal components");
    const auto result = with_typed_names(
        {{"points", file}}, [&] { return atlas::pca_rank(points, {.variance = variance}); });
    const json out = {{"points", points.extent(0)},
                      {"coordinates", points.extent(1)},
                      {"rank", result.rank},
                      {"participation_ratio", number(result.participation_ratio)}};
    report(common, out,
           table_text({{"points", std::to_string(points.extent(0))},
                       {"dimensions", std::to_string(points.extent(1))},
                       {"rank at " + digits(100 * variance, 1) + " % of the variance",
                        std::to_string(result.rank)},
                       {"participation ratio", digits(result.participation_ratio, 3)}}));
  }
};

}  // namespace

void add_rank(CLI::App& program) {
  const auto command = std::make_shared<rank_command>();
  CLI::App& app =
      *program.add_subcommand("rank", "Number of principal components that hold the variance.");
  add_text(app, "X.npy", command->file, "cloud, [N, d]")->required();
  add_real(app, "--variance", command->variance, {.low = 0, .high = 1, .with_low = false},
           "share to hold");
  add_common_options(app, command->common, "atlas rank cloud.npy --variance 0.9");
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
