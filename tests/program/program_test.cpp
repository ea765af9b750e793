// SPDX-License-Identifier: MIT
/// \file
/// The program's results, against the library's and against what is known.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/boltzmann/density_matrix.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/io/npy.hpp"
#include "atlas/io/safetensors.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;
using atlas::owned_tensor;

namespace {

owned_tensor<float, 3> normal_clouds(atlas::index_t heads, atlas::index_t n, atlas::index_t d) {
  owned_tensor<float, 3> clouds({heads, n, d});
  atlas::random_stream random(11);
  for (float* x = clouds.mutable_view().data(); x != clouds.data() + clouds.size(); ++x)
    *x = static_cast<float>(random.normal());
  return clouds;
}

}  // namespace

TEST_CASE("measure gives the same bytes for every number of threads", "[bytes]") {
  const temporary_folder folder;
  for (const std::string& model : models) {
    const std::string common =
        "measure --model " + model +
        (sanitized ? " --blocks 12 --points 300 --surrogates 10" : " --blocks 30") +
        " --json - --threads ";
    const program_run one = run(folder, common + "1"), two = run(folder, common + "2");
    CHECK(one.status == 0);
    CHECK(one.err.empty());
    CHECK(one.out == two.out);
    const auto layers = one.json()["layers"];
    CHECK(layers.size() == 6);
    for (const auto& layer : layers) CHECK(layer["heads"].size() == 6);
  }
}

TEST_CASE("a GGUF file is measured as the folder that it was made from") {
  const temporary_folder folder;
  const std::filesystem::path data = std::string(ATLAS_TEST_DATA) + "/gguf";
  const auto measured = [&](const std::string& model) {
    const program_run r =
        run(folder,
            "measure --blocks 12 --block-size 64 --min-context 8 --points 200 --surrogates 0 "
            "--perplexity --json - --model " +
                quoted(data / model));
    INFO(r.err);
    REQUIRE(r.status == 0);
    return r.json();
  };
  const auto of_file = measured("llama.gguf"), of_folder = measured("llama");
  CHECK(of_file["layers"].size() == 2);
  CHECK(of_file["layers"][1]["heads"].size() == 4);
  CHECK(of_file["source"]["perplexity"]["value"].get<double>() ==
        Approx(of_folder["source"]["perplexity"]["value"].get<double>()).epsilon(1e-6));
}

TEST_CASE("measure has the members that its documentation says") {
  const temporary_folder folder;
  const program_run r = run(
      folder, "measure --blocks 12 --layers 3 --points 400 --surrogates 10 --perplexity --json -");
  REQUIRE(r.status == 0);
  const auto result = r.json();
  CHECK(result["source"]["perplexity"]["value"].get<double>() ==
        Approx(42.2536).epsilon(tolerance::perplexity));
  CHECK(result["run"]["options"]["--points"] == 400);
  CHECK(result["run"]["options"]["--layers"] == 3);
  CHECK(result["run"]["options"]["--perplexity"] == true);
  CHECK(result["run"]["options"]["--blocks"] == 12);
  for (const char* not_given : {"--model", "--text"}) {
    INFO(not_given);
    REQUIRE(result["run"]["options"].contains(not_given));
    CHECK(result["run"]["options"][not_given].is_null());
  }
  const auto layer = result["layers"][0];
  CHECK(layer["layer"] == 3);
  const auto head = layer["heads"][5];
  CHECK(head["head"] == 5);
  CHECK(head["points"] == 400);
  CHECK(head["pca_rank"].get<int>() > 1);
  for (const char* kind : {"none", "distinct", "whole"}) {
    const auto two_nn = head["two_nn"][kind];
    CHECK(two_nn["lower"].get<double>() < two_nn["dimension"].get<double>());
    CHECK(two_nn["dimension"].get<double>() < two_nn["upper"].get<double>());
  }
  CHECK(head["two_nn"]["truncated"]["dimension"].get<double>() >
        head["two_nn"]["none"]["dimension"].get<double>());
  CHECK(head["two_nn"]["surrogate"]["sd"].get<double>() > 0);
  CHECK(head["two_nn"]["surrogate"]["kind"] == "passages");
  CHECK(head["two_nn"]["distinct"]["contexts"] == 12);
  CHECK(layer["design"]["passages"] == 12);
  CHECK(layer["design"]["correlation_length"].get<double>() > 0);
  CHECK(layer["overlap"]["local_dimension"] == 7);
  for (const char* space : {"head_coordinates", "residual_stream"}) {
    const auto global = layer["overlap"][space]["global"];
    for (const char* key : {"mean", "lower", "upper", "null_mean", "null_sd", "z", "p"})
      CHECK(global[key].is_number());
    CHECK(global["pairs"] == 15);
    CHECK(layer["overlap"][space]["intra"]["mean"].is_null());
  }
  CHECK(layer["overlap"]["residual_stream"]["global"]["turned_null_mean"].get<double>() > 0.1);
}

TEST_CASE("layers are chosen by number, from the end and by depth") {
  const temporary_folder folder;
  const auto layers = [&](const std::string& choice) {
    std::vector<int> numbers;
    const auto result =
        run(folder, "measure --blocks 4 --points 100 --surrogates 0 --json - " + choice).json();
    for (const auto& layer : result["layers"]) numbers.push_back(layer["layer"]);
    return numbers;
  };
  CHECK(layers("--layers 4,1") == std::vector{1, 4});
  CHECK(layers("--layers 1-2,4") == std::vector{1, 2, 4});
  CHECK(layers("--deepest 2") == std::vector{4, 5});
  CHECK(layers("--relative-depth 0.5") == std::vector{3});
}

TEST_CASE("measure reads clouds from a file") {
  const temporary_folder folder;
  const auto clouds = normal_clouds(4, 300, 8);
  const auto projection = normal_clouds(1, 32, 20);
  owned_tensor<atlas::index_t, 1> context({300});
  for (atlas::index_t i = 0; i < 300; ++i) context.mutable_view()[i] = i / 50;
  std::vector<atlas::io::tensor_entry> entries;
  for (atlas::index_t h = 0; h < 4; ++h)
    entries.push_back(entry<float, 2>("layer.2.head." + std::to_string(h), clouds[h]));
  entries.push_back(entry<float, 2>("layer.2.output_projection", projection[0]));
  entries.push_back(entry<atlas::index_t, 1>("layer.2.context", context));
  const auto file = folder / "clouds.safetensors";
  atlas::io::write_safetensors(file, entries, {{"n_rep", "2"}});
  const program_run r =
      run(folder, "measure --clouds '" + file.string() + "' --local-dim 3 --json -");
  REQUIRE(r.status == 0);
  const auto layer = r.json()["layers"][0];
  CHECK(layer["layer"] == 2);
  const auto head = layer["heads"][1]["two_nn"];
  CHECK(head["none"]["dimension"].get<double>() == atlas::two_nn(clouds[1]).dimension);
  CHECK(head["whole"]["dimension"].get<double>() ==
        atlas::two_nn(clouds[1], {.exclude = atlas::same_context(context)}).dimension);
  const auto overlap = layer["overlap"];
  CHECK(overlap["head_coordinates"]["intra"]["pairs"] == 2);
  CHECK(overlap["head_coordinates"]["inter"]["pairs"] == 4);
  CHECK(std::abs(overlap["head_coordinates"]["global"]["z"].get<double>()) < 5);
  CHECK(overlap["residual_stream"]["global"].contains("turned_null_mean"));
}

TEST_CASE("two-nn, rank and overlap read npy files") {
  const temporary_folder folder;
  const auto clouds = normal_clouds(6, 500, 10);
  const auto all = (folder / "clouds.npy").string(), one = (folder / "one.npy").string();
  const atlas::tensor_view<const float, 3> view = clouds;
  atlas::io::write_npy(all, view);
  atlas::io::write_npy(one, clouds[0]);
  const auto two_nn = run(folder, "two-nn " + one + " --surrogates 10 --json -").json();
  CHECK(two_nn["dimension"].get<double>() == atlas::two_nn(clouds[0]).dimension);
  CHECK(two_nn["points_used"] == 500);
  CHECK(two_nn["estimator"] == "censored");
  CHECK(std::abs(two_nn["surrogate"]["z"].get<double>()) < 5);
  CHECK(run(folder, "rank " + one + " --json -").json()["rank"] == 9);
  const auto overlap =
      run(folder, "overlap " + all + " --local-dim 4 --heads-per-group 3 --json -");
  CHECK(overlap.json()["head_coordinates"]["matrix"].size() == 6);
  CHECK(overlap.json()["head_coordinates"]["intra"]["pairs"] == 6);
}

TEST_CASE("rows that differ by the last bit of what a file stores are merged") {
  const temporary_folder folder;
  constexpr atlas::index_t distinct = 300, copies = 30, width = 6;
  std::vector<Eigen::half> stored;
  atlas::random_stream random(12);
  for (atlas::index_t i = 0; i < distinct * width; ++i)
    stored.emplace_back(static_cast<float>(random.normal()));
  for (atlas::index_t i = 0; i < copies * width; ++i) {
    const auto bits = Eigen::numext::bit_cast<std::uint16_t>(stored[static_cast<std::size_t>(i)]);
    stored.push_back(Eigen::numext::bit_cast<Eigen::half>(static_cast<std::uint16_t>(bits + 1)));
  }
  const std::vector<float> widened(stored.begin(), stored.end());
  const std::array<atlas::index_t, 2> extents{distinct + copies, width};
  atlas::io::write_npy(folder / "half.npy",
                       atlas::tensor_view<const Eigen::half, 2>(stored.data(), extents));
  atlas::io::write_npy(folder / "single.npy",
                       atlas::tensor_view<const float, 2>(widened.data(), extents));
  const auto merged = [&](const char* file) {
    return run(folder, "two-nn " + quoted(folder / file) + " --json -").json()["merged"];
  };
  CHECK(merged("half.npy") == copies);
  CHECK(merged("single.npy") == 0);
}

TEST_CASE("haar prints the table's null") {
  const temporary_folder folder;
  const auto r = run(folder, "haar --dim 64 --local-dim 7 --heads 8 --json -").json();
  CHECK(r["mean"].get<double>() == Approx(0.279).margin(tolerance::haar_table));
  CHECK(r["mean_squared"].get<double>() == Approx(7.0 / 64));
}

TEST_CASE("every result says what made it") {
  const temporary_folder folder;
  const auto clouds = normal_clouds(4, 60, 5);
  atlas::io::write_npy(folder / "all.npy",
                       static_cast<const atlas::tensor_view<const float, 3>&>(clouds));
  atlas::io::write_npy(folder / "one.npy", clouds[0]);
  const std::string all = quoted(folder / "all.npy"), one = quoted(folder / "one.npy");
  const std::map<std::string, std::string> commands = {
      {"two-nn", one + " --surrogates 10"},
      {"rank", one},
      {"overlap", all + " --local-dim 2"},
      {"haar", "--dim 8 --local-dim 2"},
      {"boltzmann", one},
      {"quantize-matrix", one + " --activations " + one}};
  for (const auto& [command, arguments] : commands) {
    INFO(command);
    const program_run r =
        run(folder, command + " " + arguments + " --seed 007 --threads 1 --json -");
    REQUIRE(r.status == 0);
    const auto made = r.json()["run"];
    CHECK(made["program"] == "atlas");
    CHECK(run(folder, "--version").out == "atlas " + made["version"].get<std::string>() + "\n");
    CHECK(made["command"] == command);
    CHECK(made["seed"] == 7);
    CHECK_FALSE(made["options"].contains("--threads"));
    CHECK_FALSE(made["options"].contains("--json"));
  }
  const auto two_nn = run(folder, "two-nn " + one + " --surrogates 10 --json -").json();
  CHECK(two_nn["points"] == 60);
  CHECK(two_nn["run"]["options"]["--surrogates"] == 10);
  CHECK(two_nn["run"]["options"]["--discard"] == 0.1);
  CHECK(two_nn["run"]["options"]["--estimator"] == "censored");
  CHECK(two_nn["run"]["options"]["X.npy"] == (folder / "one.npy").string());
  CHECK(run(folder, "rank " + one + " --json -").json()["points"] == 60);
  CHECK(run(folder, "overlap " + all + " --local-dim 2 --json -").json()["points"] == 60);
  CHECK(run(folder, "boltzmann " + one + " --json -").json()["rows"] == 60);
  CHECK(run(folder, "quantize-matrix " + one + " --activations " + one + " --json -")
            .json()["activations"] == 60);
}

TEST_CASE("a dead cloud has no estimate, and no null") {
  const temporary_folder folder;
  auto cloud = normal_clouds(1, 60, 5);
  std::fill_n(cloud.mutable_view().data(), 50 * 5, 0.0F);
  atlas::io::write_npy(folder / "dead.npy", cloud[0]);
  const std::string command = "two-nn " + quoted(folder / "dead.npy") + " --surrogates 10 ";
  const auto r = run(folder, command + "--json -").json();
  CHECK(r["fault"] == "more than half of the rows are equal, to rounding");
  CHECK(r["dimension"].is_null());
  CHECK(r["surrogate"]["z"].is_null());
  CHECK(run(folder, command).out.find("none: more than half of the rows") != std::string::npos);
}

TEST_CASE("numbers are decimal, with zeros before them, too") {
  const temporary_folder folder;
  const auto ten = run(folder, "haar --dim 010 --local-dim 02 --draws 100 --seed 010 --json -");
  CHECK(ten.json()["mean_squared"].get<double>() == Approx(2.0 / 10));
  CHECK(ten.json()["run"]["seed"] == 10);
  CHECK(ten.json()["run"]["options"]["--dim"] == 10);
  CHECK(run(folder, "haar --dim 0x10 --local-dim 2").status == 2);
}

TEST_CASE("json goes to the file, the table to standard output, and quiet says nothing") {
  const temporary_folder folder;
  const auto file = folder / "out.json";
  const auto r = run(folder, "haar --dim 8 --local-dim 2 --json '" + file.string() + "'");
  CHECK(r.out.find("mean cosine") != std::string::npos);
  CHECK(nlohmann::json::parse(atlas::io::read_text(file)).contains("sd"));
  const auto quiet = run(folder, "haar --dim 8 --local-dim 2 --quiet --json " + file.string());
  CHECK(quiet.status == 0);
  CHECK(quiet.out.empty());
}

TEST_CASE("help has an example for each subcommand") {
  const temporary_folder folder;
  for (const std::string command : {"measure", "two-nn", "rank", "overlap", "haar"}) {
    const auto r = run(folder, command + " --help");
    CHECK(r.status == 0);
    CHECK(r.out.find("Example:\n  atlas " + command) != std::string::npos);
  }
}

TEST_CASE("crystallize measures rules by the damage of V*, with random directions beside") {
  const temporary_folder folder;
  const std::string common =
      "crystallize --blocks 3 --calibration-blocks 3 --points 600 --ranks 8,32 --json - ";
  const program_run one = run(folder, common + "--layers 5 --threads 1");
  REQUIRE(one.status == 0);
  CHECK(one.out == run(folder, common + "--layers 5 --threads 2").out);
  const auto found = one.json()["interventions"];
  REQUIRE(found.size() == 1);
  CHECK(found[0]["layers"] == std::vector<int>{5});
  const auto rules = found[0]["rules"];
  REQUIRE(rules.size() == 8);
  CHECK(rules[0]["rule"] == "V* (top-1)");
  CHECK(rules[0]["recovered"]["value"] == 0.0);
  CHECK(rules[1]["rule"] == "one value for all");
  CHECK(rules[1]["change"]["value"] != rules[0]["change"]["value"]);
  CHECK(rules[2]["rule"] == "V* of other keys");
  CHECK(rules[3]["rule"] == "nothing");
  CHECK(rules[4]["rule"] == "top-2");
  CHECK(rules[5]["rule"] == "V* + mean");
  const double eight = rules[6]["recovered"]["value"].get<double>();
  CHECK(eight > rules[6]["recovered_in_random_directions"]["value"].get<double>());
  CHECK(eight < 1);
  CHECK(rules[7]["rule"] == "V* + rank 32");
  CHECK(rules[7]["recovered"]["value"].get<double>() ==
        Approx(1).epsilon(tolerance::float_rounding));
  const program_run deeper = run(folder, common + "--progressive --deepest 2 --top-k 1");
  REQUIRE(deeper.status == 0);
  CHECK(deeper.json()["interventions"][0]["layers"] == std::vector<int>{5});
  CHECK(deeper.json()["interventions"][1]["layers"] == std::vector<int>{4, 5});
}

TEST_CASE("boltzmann prints the library's numbers in the logits' leading shape") {
  const temporary_folder folder;
  const auto logits = normal_clouds(4, 5, 7), values = normal_clouds(2, 7, 3);
  atlas::io::write_npy(folder / "logits.npy",
                       static_cast<const atlas::tensor_view<const float, 3>&>(logits));
  atlas::io::write_npy(folder / "values.npy",
                       static_cast<const atlas::tensor_view<const float, 3>&>(values));
  const std::string file = "boltzmann '" + (folder / "logits.npy").string() + "' --beta 0.5";
  const program_run r =
      run(folder, file + " --values '" + (folder / "values.npy").string() + "' --json -");
  REQUIRE(r.status == 0);
  const auto out = r.json();
  const auto o = atlas::boltzmann_observables<3>(logits, {.beta = 0.5});
  const auto wide =
      atlas::copy_as<double>(static_cast<const atlas::tensor_view<const float, 3>&>(logits));
  const auto states = atlas::density_matrices(
      atlas::softmax<3>(wide, {.beta = 0.5}),
      atlas::copy_as<double>(static_cast<const atlas::tensor_view<const float, 3>&>(values)));
  for (const std::size_t h : {0U, 3U})
    for (const std::size_t q : {0U, 4U}) {
      const auto i = static_cast<atlas::index_t>(h), j = static_cast<atlas::index_t>(q);
      CHECK(out["free_energy"][h][q] == o.free_energy(i, j));
      CHECK(out["mean_energy"][h][q] == o.mean_energy(i, j));
      CHECK(out["heat_capacity"][h][q] == o.heat_capacity(i, j));
      CHECK(out["entropy"][h][q] == o.entropy(i, j));
      CHECK(out["t_eff"][h][q] == o.effective_temperature(i, j));
      CHECK(out["purity"][h][q] == states.purity(i, j));
      CHECK(out["von_neumann_entropy"][h][q] == states.von_neumann_entropy(i, j));
    }
  CHECK(out["entropy"].size() == 4);
  CHECK(out["entropy"][0].size() == 5);
  owned_tensor<float, 1> row({4});
  atlas::io::write_npy(folder / "row.npy",
                       static_cast<const atlas::tensor_view<const float, 1>&>(row));
  const program_run single =
      run(folder, "boltzmann '" + (folder / "row.npy").string() + "' --json -");
  REQUIRE(single.status == 0);
  CHECK(single.json()["entropy"].get<double>() == Approx(std::log(4.0)).epsilon(1e-15));
}

TEST_CASE("thermo reports every head, its nulls and its correlations, whatever the threads") {
  const temporary_folder folder;
  const std::string common = "thermo --permutations 99 --draws 2 --json - ";
  for (const std::string& model : models) {
    const program_run one = run(folder, common + "--blocks 4 --threads 1 --model " + model);
    REQUIRE(one.status == 0);
    CHECK(one.out == run(folder, common + "--blocks 4 --threads 2 --model " + model).out);
    const auto result = one.json();
    REQUIRE(result["layers"].size() == 6);
    CHECK(result["crystallization"].contains("layer"));
    for (const auto& layer : result["layers"]) {
      CHECK(layer["undefined_rows"] == 0);
      REQUIRE(layer["heads"].size() == 6);
      for (const auto& head : layer["heads"]) {
        const auto mean = [&](const char* name) { return head[name]["mean"].get<double>(); };
        CHECK(mean("free_energy") ==
              Approx(mean("mean_energy") - mean("entropy")).epsilon(tolerance::double_rounding));
        CHECK(mean("ratio") > 0);
        CHECK(mean("ratio") < 1);
        CHECK(mean("entropy_null") > 0);
        CHECK(mean("argmax_stability") > 0.8);
        CHECK(mean("von_neumann_entropy") <= mean("entropy") + 1e-9);  // Holevo's bound
        CHECK(mean("purity") > 1.0 / 32);
        CHECK(head["entropy"]["standard_error"].get<double>() > 0);
        CHECK(head["sink"]["blocks"].get<int>() <= 4);
        CHECK(head["sink"].contains("position") == (head["sink"]["blocks"] != 0));
      }
      const auto r = layer["prediction_entropy"]["heat_capacity"]["spearman"];
      CHECK(std::abs(r["coefficient"].get<double>()) < 1);
      CHECK(r["p"].get<double>() > 0);
    }
  }
  // Any key with some weight counts as a sink: then each head has one in every block, and its
  // weight is what is left out.
  const std::string all_sinks = "--blocks 4 --layers 1 --sink-weight 0.001 --sink-norm 1000 ";
  const program_run kept = run(folder, common + all_sinks),
                    without = run(folder, common + all_sinks + "--without-sinks");
  REQUIRE(kept.status == 0);
  REQUIRE(without.status == 0);
  CHECK(without.json()["source"]["without_sinks"] == true);
  CHECK(without.json()["sinks"]["value_norm"] == 1000);
  for (std::size_t h = 0; h < 6; ++h) {
    const auto with_sink = kept.json()["layers"][0]["heads"][h],
               rest = without.json()["layers"][0]["heads"][h];
    CHECK(with_sink["sink"]["blocks"] == 4);
    CHECK(with_sink["sink"] == rest["sink"]);
    CHECK(with_sink["entropy"] != rest["entropy"]);
  }
  const program_run lone = run(folder, "thermo --draws 2 --json - --blocks 1 --layers 2");
  REQUIRE(lone.status == 0);
  CHECK(lone.json()["layers"][0]["prediction_entropy"]["heat_capacity"]["pearson"].is_null());
  CHECK_FALSE(lone.json().contains("crystallization"));
}
