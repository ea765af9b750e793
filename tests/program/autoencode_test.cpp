// SPDX-License-Identifier: MIT
/// \file
/// Autoencoders through the program.

#include <cmath>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/autoencoder/advantage.hpp"
#include "atlas/autoencoder/train_autoencoder.hpp"
#include "atlas/core/random.hpp"
#include "atlas/io/safetensors.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;
using atlas::owned_tensor;

namespace {

constexpr atlas::index_t contexts = 20, each = 20, columns = 4;

/// Head 0 lies on a bent curve, head 1 is normal.
owned_tensor<float, 3> curve_and_normal() {
  owned_tensor<float, 3> points({2, contexts * each, columns});
  atlas::random_stream random(3);
  for (atlas::index_t i = 0; i < points.extent(1); ++i) {
    const double t = 3 * random.uniform();
    const double curve[] = {std::cos(t), std::sin(t), 0.5 * std::cos(2 * t), 0.5 * std::sin(2 * t)};
    for (atlas::index_t k = 0; k < columns; ++k) {
      points.mutable_view()(0, i, k) = static_cast<float>(curve[k]);
      points.mutable_view()(1, i, k) = static_cast<float>(random.normal());
    }
  }
  return points;
}

owned_tensor<atlas::index_t, 1> labels(atlas::index_t rows_each) {
  owned_tensor<atlas::index_t, 1> context({contexts * each});
  for (atlas::index_t i = 0; i < context.extent(0); ++i) context.mutable_view()[i] = i / rows_each;
  return context;
}

std::string clouds_file(const temporary_folder& folder, const std::string& name,
                        const owned_tensor<float, 3>& points,
                        const owned_tensor<atlas::index_t, 1>& context) {
  atlas::io::write_safetensors(
      folder / name,
      {entry<float, 2>("layer.3.head.0", points[0]), entry<float, 2>("layer.3.head.1", points[1]),
       entry<atlas::index_t, 1>("layer.3.context", context)});
  return std::string("'").append((folder / name).string()).append("'");
}

}  // namespace

TEST_CASE("autoencode tells a curve from a cloud, with the library's numbers") {
  const temporary_folder folder;
  const auto points = curve_and_normal();
  const auto context = labels(each);
  const std::string command =
      std::string("autoencode --clouds ")
          .append(clouds_file(folder, "clouds.safetensors", points, context)) +
      " --bottleneck 1 --hidden 16 --batch 16 --epochs 80 --patience 0 --learning-rate 0.01 "
      "--seed 2 --json - --threads ";
  const program_run r = run(folder, command + "1");
  REQUIRE(r.status == 0);
  CHECK(r.out == run(folder, command + "2").out);
  const auto own = atlas::train_autoencoders(points, {.hidden = 16,
                                                      .bottleneck = 1,
                                                      .epochs = 80,
                                                      .batch = 16,
                                                      .adam = {.learning_rate = 0.01},
                                                      .context = context,
                                                      .patience = 0,
                                                      .seed = 2});
  const auto mean = atlas::mean_advantage(own);
  const auto result = r.json();
  CHECK_FALSE(result.contains("interventions"));
  REQUIRE(result["layers"].size() == 1);
  const auto layer = result["layers"][0];
  CHECK(layer["layer"] == 3);
  CHECK(layer["held_out_contexts"] == 4);
  CHECK(layer["held_out_rows"] == 80);
  for (const std::size_t h : {0U, 1U}) {
    const auto head = layer["heads"][h];
    CHECK(head["autoencoder"]["value"] == own[h].held_out_unexplained);
    CHECK(head["pca"]["value"] == own[h].pca_unexplained);
    CHECK(head["advantage"]["standard_error"] == own[h].advantage_standard_error);
    CHECK(head["training"]["autoencoder"] == own[h].train_unexplained);
    CHECK(head["epochs"] == 80);
    CHECK(head["advantage"]["t"].get<double>() ==
          Approx(own[h].advantage / own[h].advantage_standard_error));
    CHECK(head["p_holm"].get<double>() >= head["advantage"]["p"].get<double>());
  }
  CHECK(layer["mean_advantage"]["value"] == mean.value);
  CHECK(layer["mean_advantage"]["standard_error"] == mean.standard_error);
  CHECK(layer["mean_advantage"]["lower"].get<double>() ==
        Approx(mean.interval.lower).epsilon(tolerance::double_rounding));
  CHECK(layer["mean_advantage"]["p"].get<double>() ==
        Approx(mean.p).epsilon(tolerance::double_rounding));
  CHECK(layer["heads"][0]["better"] == "autoencoder");
  CHECK(layer["heads"][1]["better"] != "autoencoder");
}

TEST_CASE("autoencode puts autoencoders and PCA between V* and full attention") {
  const temporary_folder folder;
  const std::string common =
      "autoencode --blocks 3 --calibration-blocks 10 --points 900 --epochs 15 --json - ";
  const program_run one = run(folder, common + "--bottleneck 8 --deepest 2 --threads 1");
  REQUIRE(one.status == 0);
  CHECK(one.err.empty());
  CHECK(one.out == run(folder, common + "--bottleneck 8 --deepest 2 --threads 2").out);
  const auto result = one.json();
  CHECK(result["source"]["text"] == "moby-dick");
  CHECK(result["source"]["calibration"] == "addresses");
  REQUIRE(result["layers"].size() == 2);
  CHECK(result["layers"][1]["heads"].size() == 6);
  CHECK(result["layers"][1]["held_out_contexts"] == 2);
  const auto rules = result["interventions"]["rules"];
  REQUIRE(rules.size() == 4);
  CHECK(rules[0]["change"]["value"] == 0.0);
  CHECK(rules[1]["recovered"]["value"] == 0.0);
  CHECK(rules[2]["rule"] == "V* + PCA of rank 8");
  for (const std::size_t i : {2U, 3U}) {
    const double recovered = rules[i]["recovered"]["value"].get<double>();
    CHECK(recovered > 0.1);
    CHECK(recovered < 1);
  }
  const auto value = [&](std::size_t i) { return rules[i]["perplexity"]["value"].get<double>(); };
  CHECK(result["interventions"]["pca_less_autoencoder"]["value"].get<double>() ==
        Approx(value(2) - value(3)).margin(tolerance::double_rounding));
  const auto whole = run(folder, common + "--bottleneck 32").json();
  CHECK(whole["layers"][0]["layer"] == 5);
  CHECK(whole["layers"][0]["heads"][0]["pca"]["value"].get<double>() < tolerance::float_rounding);
  CHECK(whole["interventions"]["rules"][2]["recovered"]["value"].get<double>() ==
        Approx(1).epsilon(tolerance::float_rounding));
}

TEST_CASE("autoencode trains to convergence, or as the study did where that is asked for") {
  const temporary_folder folder;
  const auto points = curve_and_normal();
  const auto context = labels(each);
  const std::string command = "autoencode --bottleneck 1 --hidden 16 --json - --clouds " +
                              clouds_file(folder, "clouds.safetensors", points, context);
  const auto converged = run(folder, command).json(),
             original = run(folder, command + " --training study").json();
  CHECK(converged["settings"]["training"] == "converged");
  CHECK(original["settings"]["training"] == "study");
  const auto of = [](const nlohmann::json& result) { return result["layers"][0]["heads"][0]; };
  CHECK(original["layers"][0]["schedule"] ==
        nlohmann::json({{"epochs", 300}, {"batch", 0}, {"patience", 0}}));
  CHECK(of(original)["epochs"] == 300);
  CHECK(converged["layers"][0]["validation_rows"] == 40);
  CHECK(of(converged)["autoencoder"]["value"].get<double>() <
        0.3 * of(original)["autoencoder"]["value"].get<double>());
  CHECK(of(converged)["autoencoder"]["value"].get<double>() < 0.05);
  CHECK(run(folder, command + " --training neither").status == 2);
}

TEST_CASE("autoencode refuses what it cannot learn from") {
  const temporary_folder folder;
  const auto json = folder / "result.json";
  const auto refused = [&](const std::string& arguments, const std::string& reason) {
    const program_run r =
        run(folder, "autoencode " + arguments + " --json '" + json.string() + "'");
    INFO(arguments << "\n" << r.out << r.err);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    CHECK(r.out.empty());
    CHECK(r.err.find(reason) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(json));
  };
  refused("--bottleneck 33", "--bottleneck: expected a whole number from 1 to 32, got 33");
  refused("--bottleneck 0", "--bottleneck");
  refused("--hidden 0", "--hidden");
  refused("--epochs 0", "--epochs");
  refused("--batch -1", "--batch");
  refused("--patience -1", "--patience");
  refused("--held-out 1", "--held-out");
  refused("--learning-rate nan --calibration-blocks 4 --points 100", "--learning-rate");
  refused("--calibration-blocks 1", "--calibration-blocks: expected at least two passages");
  refused("--calibration nowhere.txt", "nowhere.txt");
  refused("--layers 6", "--layers");
  const auto points = curve_and_normal();
  const std::string one = clouds_file(folder, "one.safetensors", points, labels(contexts * each));
  refused("--bottleneck 2 --clouds " + one, "layer.3: context: expected at least 2 contexts");
  refused("--bottleneck 5 --clouds " + one, "--bottleneck");
  refused("--model tiny-llama --clouds " + one, "--model: has no effect with --clouds");
}

TEST_CASE("autoencode has an example and says how to read its table") {
  const temporary_folder folder;
  CHECK(run(folder, "autoencode --help").out.find("Example:\n  atlas autoencode") !=
        std::string::npos);
  const auto clouds = clouds_file(folder, "clouds.safetensors", curve_and_normal(), labels(each));
  const program_run r = run(folder, "autoencode --bottleneck 1 --epochs 2 --clouds " + clouds);
  REQUIRE(r.status == 0);
  CHECK(r.out.find("4 held-out contexts") != std::string::npos);
  CHECK(r.out.find("How to read this.") != std::string::npos);
}
