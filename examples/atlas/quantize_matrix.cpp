// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <memory>

#include "atlas/io/npy.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/quantize/second_moment_accumulator.hpp"
#include "options.hpp"
#include "places.hpp"
#include "quantizers.hpp"

namespace atlas_program {

namespace {

struct quantize_matrix_command {
  common_options common;
  quantizer_settings settings;
  std::string file, activations, basis = "fisher", out;
  int bits = 4;

  void run() const {
    check_quantizer_options(*common.command, settings, {basis});
    check_place("--out", out);
    begin_stage(common, "reading weights");
    const atlas::io::dtype type = atlas::io::npy_header(file).type;
    if (type == atlas::io::dtype::f32 || type == atlas::io::dtype::f16)
      quantize_named(atlas::io::read_npy<float, 2>(file));
    else
      quantize_named(atlas::io::read_npy<double, 2>(file));
  }

 private:
  template <class Scalar>
  void quantize_named(const atlas::owned_tensor<Scalar, 2>& read) const {
    with_typed_names({{"weights", file},
                      {"rows", activations},
                      {"second_moments", activations},
                      {"kind", "--kind"},
                      {"grid.granularity", "--granularity"}},
                     [&] { quantize(read); });
  }

  atlas::second_moment_accumulator moments(atlas::index_t in) const {
    begin_stage(common, "second moments of activations");
    const auto rows = atlas::io::read_npy<double, 2>(activations);
    const atlas::tensor_view<const double, 2>& view = rows;
    if (view.extent(1) != in)
      throw atlas::shape_error(activations, fmt::format("{} columns, as {}", in, file),
                               std::to_string(view.extent(1)));
    if (view.extent(0) == 0) throw atlas::shape_error(activations, "at least 1 row", "none");
    atlas::second_moment_accumulator sums(in);
    sums.add(view, {common.threads});
    return sums;
  }

  template <class Scalar>
  void quantize(const atlas::owned_tensor<Scalar, 2>& read) const {
    const atlas::tensor_view<const Scalar, 2>& view = read;
    const auto weights = atlas::matrix_copy<Scalar>(view);
    const atlas::second_moment_accumulator sums = moments(weights.cols());
    const Eigen::MatrixXd second_moments = sums.matrix({common.threads});
    const Eigen::VectorXd mean = sums.mean();
    begin_stage(common, "quantizing");
    const auto q = run_quantizer<Scalar>(basis, {weights, second_moments, mean}, bits, settings,
                                         common.seed, common.threads);
    json result = {{"weight_error", number(q.errors.weights)},
                   {"output_error", number(q.errors.output)},
                   {"basis", basis},
                   {"bits", bits},
                   {"activations", atlas::io::npy_header(activations).extents.front()},
                   {"effective_rank", effective_rank_json(q.effective_rank)},
                   {"settings", settings_json(settings)}};
    const json repairs = repairs_json(q.repairs);
    if (!repairs.empty()) result["repairs"] = repairs;
    std::vector<std::vector<std::string>> rows = {
        {"weight error", fmt::format("{:.6g}", q.errors.weights)},
        {"output error", fmt::format("{:.6g}", q.errors.output)},
        {"effective rank of the second moments", digits(q.effective_rank.second_moments, 1)},
        {"effective rank about the mean", digits(q.effective_rank.about_mean, 1)}};
    for (const auto& [name, value] : repairs.items()) rows.push_back({name, value.dump()});
    std::vector<output_file> files;
    if (!out.empty())
      files.push_back({out, [&](const std::string& name) {
                         atlas::io::write_npy(
                             name, atlas::tensor_view<const Scalar, 2>(
                                       q.weights.data(), {q.weights.rows(), q.weights.cols()}));
                       }});
    report(common, result, table_text(rows), files);
  }
};

}  // namespace

void add_quantize_matrix(CLI::App& program) {
  const auto command = std::make_shared<quantize_matrix_command>();
  CLI::App& app = *program.add_subcommand(
      "quantize-matrix", "Rounds the weights of one linear layer, and says what that costs.");
  add_text(app, "W.npy", command->file, "weights, [out, in]")->required();
  add_text(app, "--activations", command->activations, "inputs of the layer, A.npy, [n, in]")
      ->required();
  add_whole(app, "--bits", command->bits, {2, 8}, "2 to 8; the average where they are allocated");
  add_choice(app, "--basis", command->basis, quantizer_names(false), "or method");
  add_text(app, "--out", command->out, "write the weights that the codes stand for, .npy");
  add_quantizer_options(app, command->settings);
  add_common_options(app, command->common,
                     "atlas quantize-matrix W.npy --activations A.npy --bits 3 --basis gptq",
                     {"--out"});
  app.callback([command] { command->run(); });
}

}  // namespace atlas_program
