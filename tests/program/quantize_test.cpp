// SPDX-License-Identifier: MIT
/// \file
/// Quantization through the program.

#include <cmath>
#include <filesystem>
#include <iterator>
#include <map>
#include <string>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/core/random.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/npy.hpp"
#include "atlas/quantize/quantize_matrix.hpp"
#include "atlas/quantize/second_moment_accumulator.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;
using atlas::owned_tensor;
using atlas::tensor_view;

namespace {

/// Normal numbers whose columns have standard deviations from 1 down to exp(-3).
owned_tensor<float, 2> decaying(atlas::index_t n, atlas::index_t d, std::uint64_t seed) {
  owned_tensor<float, 2> x({n, d});
  atlas::random_stream random(seed);
  for (atlas::index_t i = 0; i < n; ++i)
    for (atlas::index_t k = 0; k < d; ++k)
      x.mutable_view()(i, k) = static_cast<float>(
          random.normal() * std::exp(-3 * static_cast<double>(k) / static_cast<double>(d)));
  return x;
}

std::string written(const temporary_folder& folder, const std::string& name,
                    const tensor_view<const float, 2>& x) {
  atlas::io::write_npy(folder / name, x);
  return quoted(folder / name);
}

/// Output errors of each matrix, bits and method.
using errors_by_method = std::map<std::string, double>;
std::map<std::string, errors_by_method> output_errors(const nlohmann::json& result) {
  std::map<std::string, errors_by_method> out;
  for (const auto& layer : result["layers"])
    for (const auto& matrix : layer["matrices"])
      for (const auto& r : matrix["results"])
        out[matrix["name"].get<std::string>() + ", bits " + r["bits"].dump()]
           [r["method"].get<std::string>()] = r["output_error"].get<double>();
  return out;
}

}  // namespace

TEST_CASE("quantize: GPTQ is no worse than round to nearest on any matrix, and LDLQ is GPTQ") {
  const temporary_folder folder;
  for (const std::string& model : models)
    for (const std::string granularity : {"column", "row"}) {
      if (sanitized && granularity == "row") continue;  // each matrix is rounded by the same code
      const std::string bits = sanitized ? "3" : "2,3,4";
      const program_run r = run(folder,
                                "quantize --methods identity,gptq,gptq-act-order,ldlq --blocks 2 "
                                "--json - --bits " +
                                    bits + " --model " + model + " --granularity " + granularity);
      REQUIRE(r.status == 0);
      const auto errors = output_errors(r.json());
      CHECK(errors.size() == 6 * (model == "tiny-gpt2" ? 4 : 7) * (sanitized ? 1 : 3));
      for (const auto& [name, by_method] : errors) {
        CAPTURE(model, granularity, name);
        CHECK(by_method.at("gptq") < by_method.at("identity"));
        CHECK(by_method.at("gptq-act-order") < by_method.at("identity"));
        CHECK(by_method.at("ldlq") == by_method.at("gptq"));
      }
    }
}

TEST_CASE("quantize: perplexities are of the rounded model alone, whatever the threads",
          "[bytes]") {
  const temporary_folder folder;
  const std::string common = "quantize --layers 1,5 --blocks 2 --calibration-blocks 1 --json - ";
  const std::string both = common + "--bits 2,8 --draws 2 --methods random,fisher,kronecker ";
  const program_run one = run(folder, both + "--threads 1");
  REQUIRE(one.status == 0);
  CHECK(one.err.empty());
  CHECK(one.out == run(folder, both + "--threads 2").out);
  const auto result = one.json();
  const double baseline = result["source"]["perplexity"]["value"].get<double>();
  for (const auto& p : result["perplexity"]) {
    CHECK(p.contains("sd_of_draws") == (p["method"] == "random"));
    if (p["bits"] == 8)
      CHECK(p["value"].get<double>() == Approx(baseline).epsilon(tolerance::eight_bits));
    else
      CHECK(p["value"].get<double>() > 1.02 * baseline);
  }
  // What was tried before does not change what comes after.
  const auto alone = run(folder, common + "--bits 8 --methods kronecker").json();
  CHECK(alone["perplexity"][0]["value"] == result["perplexity"][5]["value"]);
  CHECK(alone["verdict"].empty());
  REQUIRE(result["verdict"].size() == 2);
  CHECK(result["verdict"][0]["matrices"] == 8);
  const auto layer = result["layers"][1];
  CHECK(layer["layer"] == 5);
  CHECK(layer["matrices"][0]["name"] == "h.5.attn.c_attn");
  CHECK(layer["matrices"][0]["outputs"] == 3 * layer["matrices"][0]["inputs"].get<int>());
  const auto rank = layer["matrices"][0]["effective_rank"];
  CHECK(rank["second_moments"].get<double>() > 1);
  CHECK(rank["about_mean"].get<double>() > 1);
  CHECK(layer["best"]["2"].is_string());
}

TEST_CASE("a quantization that was killed goes on and ends as if it had not been", "[bytes]") {
  const temporary_folder folder;
  const std::string command = "quantize --layers 5 --blocks 2 --calibration-blocks 1 --json ";
  const std::string all = command + "--bits 2,3 --draws 2 --methods random,fisher,gptq,kronecker ";
  const std::string out = "--out " + quoted(folder / "kept");
  const program_run whole = run(folder, all);
  REQUIRE(whole.status == 0);
  program_run r;
  int attempts = 0;
  for (double seconds = 0.2; attempts < 40; seconds *= 1.6, ++attempts) {
    r = run(folder, all + out, "timeout -s KILL " + std::to_string(seconds));
    if (r.status == 0) break;
    CHECK(whole.out.starts_with(r.out));
  }
  CHECK(attempts > 0);
  CHECK(r.out == whole.out);
  CHECK(atlas::io::read_text(folder / "kept" / "result.json") == whole.out);
  const auto parts = [&] {
    return std::distance(std::filesystem::directory_iterator(folder / "kept" / "parts"), {});
  };
  CHECK(parts() == 1 + 2 * (2 + 3));
  // A part that is damaged is made anew; one that is not is taken as it is.
  const auto part = folder / "kept" / "parts" / "gptq-2-bits-0.json";
  const std::string good = atlas::io::read_text(part);
  atlas::io::write_file(part, good.substr(0, good.size() / 2));
  CHECK(run(folder, all + out).out == whole.out);
  CHECK(atlas::io::read_text(part) == good);
  // More draws and methods are added, and fewer need no more.
  const std::string more = command + "--bits 2 --draws 3 --methods random,identity ";
  CHECK(run(folder, more + out).out == run(folder, more).out);
  CHECK(parts() == 1 + 2 * (2 + 3) + 2);
}

TEST_CASE("a quantization does not go on under other options, and says which", "[bytes]") {
  const temporary_folder folder;
  const std::string out = "--out " + quoted(folder / "kept"), methods = " --bits 3 --methods gptq ";
  const std::string command = "quantize --layers 5 --blocks 2 --calibration-blocks 1" + methods;
  REQUIRE(run(folder, command + out).status == 0);
  const auto refused = [&](const std::string& other, const std::string& says) {
    const program_run r = run(folder, other + out);
    CAPTURE(other, r.err);
    CHECK(r.status == 2);
    CHECK(r.out.empty());
    CHECK(r.err.find(says) != std::string::npos);
  };
  refused(command + "--seed 1 ", "seed 0 (now 1)");
  refused(command + "--damping 0.02 ", "\"damping\":0.02");
  refused(command + "--block-size 128 ", "block_size 256 (now 128)");
  refused(command + "--bos none ", "bos \"default\" (now \"none\")");
  refused(command + "--model tiny-llama ", "model {\"name\":\"tiny-gpt2\"");
  refused(command + "--text addresses ", "text {\"name\":\"moby-dick\"");
  refused("quantize --layers 4,5 --blocks 2 --calibration-blocks 1" + methods, "(now [4,5])");
  refused("quantize --layers 5 --blocks 3 --calibration-blocks 1" + methods, "blocks 2 (now 3)");
  refused("quantize --layers 5 --blocks 2 --calibration-blocks 2" + methods,
          "calibration_blocks 1 (now 2)");
  atlas::io::write_file(folder / "kept" / "parts" / "study.json", "{");
  refused(command, "damaged");
  atlas::io::write_file(folder / "other.txt", "mine");
  CHECK(run(folder, command + "--out " + quoted(folder.path())).err.find("other things") !=
        std::string::npos);
}

TEST_CASE("quantize-matrix gives the library's numbers") {
  const temporary_folder folder;
  const auto w = decaying(24, 40, 1), a = decaying(300, 40, 2);
  const std::string command = "quantize-matrix " + written(folder, "w.npy", w) + " --activations " +
                              written(folder, "a.npy", a) + " --seed 3 ";
  atlas::second_moment_accumulator sums(40);
  sums.add(a);
  for (const auto method : atlas::all_quantization_methods) {
    CAPTURE(std::string(atlas::name_of(method)));
    const program_run r = run(
        folder, command + "--bits 3 --basis " + std::string(atlas::name_of(method)) + " --json");
    REQUIRE(r.status == 0);
    const auto q = atlas::quantize_matrix(
        w, sums.matrix(), {.method = method, .bits = 3, .seed = 3, .input_mean = sums.mean()});
    CHECK(r.json()["weight_error"] == q.errors.weights);
    CHECK(r.json()["output_error"] == q.errors.output);
    CHECK(r.json()["effective_rank"]["second_moments"] == q.effective_rank.second_moments);
    CHECK(r.json()["effective_rank"]["about_mean"] == q.effective_rank.about_mean);
  }
  const auto out = folder / "rounded.npy";
  REQUIRE(run(folder, command + "--basis fisher-allocated --out '" + out.string() + "'").status ==
          0);
  const auto rounded = atlas::io::read_npy<float, 2>(out);
  const auto q = atlas::quantize_matrix(w, sums.matrix(), {.average_bits = 4, .min_bits = 0});
  for (atlas::index_t i = 0; i < 24; ++i)
    for (atlas::index_t k = 0; k < 40; ++k) REQUIRE(rounded(i, k) == q.weights(i, k));
}

TEST_CASE("quantize-matrix says how singular moments were damped, and which inputs are dead") {
  const temporary_folder folder;
  const auto w = decaying(24, 40, 1);
  auto a = decaying(5, 40, 2);  // rank 5
  for (atlas::index_t i = 0; i < 5; ++i) a.mutable_view()(i, 7) = 0;
  const auto result =
      run(folder, "quantize-matrix " + written(folder, "w.npy", w) + " --activations " +
                      written(folder, "a.npy", a) + " --basis gptq --json -")
          .json();
  CHECK(result["repairs"]["damping"] == 0.01);
  CHECK(result["repairs"]["dead_columns"] == 1);
  CHECK(result["output_error"].get<double>() < 0.05);
}

TEST_CASE("uncertainty and pareto report every matrix, whatever the threads") {
  const temporary_folder folder;
  const std::string common = " --model tiny-llama --layers 2 --blocks 4 --json - --threads ";
  const auto both = [&](const std::string& command) {
    const program_run one = run(folder, command + common + "1");
    REQUIRE(one.status == 0);
    CHECK(one.out == run(folder, command + common + "2").out);
    REQUIRE(one.json()["matrices"].size() == 7);
    return one.json()["matrices"];
  };
  for (const auto& m : both("uncertainty --draws 10 --k 5")) {
    CHECK(m["angles"].size() == 5);
    double cosines = 0;
    for (const auto& angle : m["angles"]) cosines += std::cos(angle.get<double>()) / 5;
    CHECK(m["mean_cosine"]["value"].get<double>() ==
          Approx(cosines).epsilon(tolerance::float_rounding));
    CHECK(m["mean_cosine"]["z"].get<double>() > 3);  // the gradient's rows are sums of inputs
    for (const char* of : {"effective_rank_weights", "effective_rank_activations"})
      for (const char* which : {"second_moments", "about_mean"})
        CHECK(m[of][which].get<double>() > 1);
    CHECK(m["commutator"]["value"].get<double>() > 0);
    CHECK(m["commutator"]["value"].get<double>() < 1);
    CHECK(m["commutator"]["null_sd"].get<double>() > 0);
  }
  for (const auto& m : both("pareto --steps 3 --rows 100 --bits 3")) {
    REQUIRE(m["points"].size() == 3);
    double floor = 1;
    for (const auto& p : m["points"])
      floor =
          std::min(floor, p["weight_error"].get<double>() * p["activation_error"].get<double>());
    CHECK(m["product_floor"].get<double>() == Approx(floor).epsilon(tolerance::double_rounding));
    CHECK(m["points"][0]["angle"] == 0);
    CHECK(m["points"][2]["angle"] == m["angle"]);
    CHECK(m["points"][1]["angle"].get<double>() ==
          Approx(m["angle"].get<double>() / 2).epsilon(tolerance::double_rounding));
  }
}
