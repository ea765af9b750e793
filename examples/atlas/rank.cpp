// SPDX-License-Identifier: MIT
#include <memory>

#include "atlas/dimension/pca_rank.hpp"
#include "atlas/io/npy.hpp"
#include "common.hpp"
#include "options.hpp"
#include "picked_cloud.hpp"

namespace atlas_program {

namespace {

struct rank_command {
  common_options common;
  std::string file;
  picked_cloud picked;
  double variance = 0.9;

  void run() const {
    check_picked_cloud(*common.command, picked);
    begin_stage(common, "reading the cloud");
    if (!picked.is_there()) return measure(atlas::io::read_npy<double, 2>(file), file);
    with_picked_head(read_picked_layer(common, picked), picked, [&](const auto& points, auto) {
      measure(atlas::copy_as<double>(points), picked.name());
    });
  }

 private:
  void measure(const atlas::owned_tensor<double, 2>& points, const std::string& name) const {
    begin_stage(common, "principal components");
    const auto result = with_typed_names(
        {{"points", name}}, [&] { return atlas::pca_rank(points, {.variance = variance}); });
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
  auto* file = add_text(app, "X.npy", command->file, "cloud, [N, d]")->required();
  add_picked_cloud(app, *file, command->picked, true);
  add_real(app, "--variance", command->variance, {.low = 0, .high = 1, .with_low = false},
           "share to hold");
  add_common_options(app, command->common, "atlas rank cloud.npy --variance 0.9");
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
