// SPDX-License-Identifier: MIT
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>

#include "atlas/core/random.hpp"
#include "program_for_tests.hpp"
#include "report/readings.hpp"

namespace {

using atlas_test::program_run;
using atlas_test::quoted;
using atlas_test::run;
using atlas_test::temporary_folder;
namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const atlas_program::reading_words of_overlaps{"Heads overlap",
                                               "more than chance",
                                               "less than chance",
                                               "as by chance",
                                               "layer",
                                               "layers",
                                               2,
                                               "So there is something."};

std::string read(std::vector<atlas::finding> family) {
  const auto readings = atlas_program::read_family(std::move(family), of_overlaps);
  return readings.empty() ? "" : readings.front().text;
}

/// What a study's parts say of their study: a hash of its description (FNV-1a of 64 bits).
std::string fnv_1a(const std::string& text) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(hash));
  return out;
}

/// A result of `measure` with one layer of two heads, of a model of this name.
nlohmann::json small_result(const std::string& model) {
  const nlohmann::json estimate = {{"dimension", 4.0}, {"lower", 3.0}, {"upper", 5.0}};
  nlohmann::json heads = nlohmann::json::array();
  for (int h = 0; h < 2; ++h)
    heads.push_back({{"head", h},
                     {"pca_rank", 9},
                     {"two_nn",
                      {{"none", estimate},
                       {"surrogate", {{"mean", 9.0}, {"sd", 0.5}, {"z", -10.0}, {"p", 1e-8}}}}}});
  return {
      {"run", {{"program", "atlas"}, {"version", "0.1.0"}, {"command", "measure"}, {"seed", 0}}},
      {"source", {{"model", model}, {"text", "a text"}}},
      {"layers", {{{"layer", 0}, {"heads", heads}}}}};
}

}  // namespace

TEST_CASE("what a family of comparisons says is what its p carry after Holm's correction") {
  using atlas_program::compared;
  CHECK(read({compared(0.40, 0.40, 0.01, 0.9), compared(0.41, 0.40, 0.01, 0.3)}) ==
        "Heads overlap as by chance in all 2 layers (0.40 to 0.41, null 0.40).");
  CHECK(read({compared(0.50, 0.40, 0.01, 1e-9), compared(0.40, 0.40, 0.01, 0.9)}) ==
        "Heads overlap more than chance in 1 of 2 layers (0.50, null 0.40); as by chance in 1 of 2 "
        "layers (0.40, null 0.40). So there is something.");
  CHECK(
      read({compared(0.30, 0.40, 0.01, 1e-9)}) ==
      "Heads overlap less than chance in the one layer (0.30, null 0.40). So there is something.");
  // 0.03 alone is below 0.05; doubled for the two of the family it is not.
  const std::string open = read({compared(0.42, 0.40, 0.01, 0.03), compared(0.4, 0.4, 0.01, 0.9)});
  CHECK(contains(open, "undecided"));
  CHECK(!contains(open, "So there is something"));
  CHECK(read({compared(0.42, 0.40, NAN, NAN)}).empty());
  CHECK(read({}).empty());
}

TEST_CASE("how readings stand to their nulls") {
  using atlas_program::compared;
  using atlas_program::standing;
  const auto stands = [](std::vector<atlas::finding> family) {
    return atlas_program::read_family(std::move(family), of_overlaps).front().standing;
  };
  CHECK(stands({compared(0.4, 0.4, 0.01, 0.9)}) == standing::chance);
  CHECK(stands({compared(0.5, 0.4, 0.01, 1e-9)}) == standing::holds);
  CHECK(stands({compared(0.42, 0.4, 0.01, 0.03), compared(0.4, 0.4, 0.01, 0.9)}) ==
        standing::unknown);
}

TEST_CASE("a claim is read by its comparisons, those without p apart") {
  using atlas_program::compared;
  using atlas_program::standing;
  const atlas_program::claim_words words{"Heads overlap", "O_h of each layer", "random subspaces"};
  const auto claim = [&](const std::vector<atlas::finding>& family) {
    return atlas_program::read_claim(family, words);
  };
  const std::string end = " Measured: O_h of each layer. Its null: random subspaces.";
  const std::string name = "\u201cHeads overlap\u201d:";
  const auto above = claim({compared(0.5, 0.4, 0.01, 1e-9), compared(0.4, 0.4, 0.01, 0.9)});
  CHECK(above.standing == standing::holds);
  CHECK(above.text == name +
                          " above its null in 1 of 2 comparisons (0.500, null 0.400); what its "
                          "null gives in 1 of 2 comparisons (0.400, null 0.400)." +
                          end);
  const auto some = claim({compared(12, 12.5, 1, 0.9), compared(1, 1, 0, NAN)});
  CHECK(some.standing == standing::chance);
  CHECK(some.text == name +
                         " what its null gives in the one comparison (12.0, null 12.5). 1 of 2 "
                         "comparisons has no p." +
                         end);
  const auto none = claim({compared(1, 1, 0, NAN)});
  CHECK(none.standing == standing::unknown);
  CHECK(none.text == name + " 1 of 1 comparison has no p." + end);
  CHECK(claim({}).text == name + " nothing to compare." + end);
  CHECK(contains(atlas_program::count_claims({above, above, some, none}).text,
                 "Of 4 claims 2 are beyond their null in some comparison"));
  CHECK(contains(atlas_program::count_claims({above, above, some, none}).text,
                 "1 are what the null gives; 1 cannot be told"));
}

TEST_CASE("what was measured on two texts holds where it does on both") {
  using atlas_program::compared;
  using atlas_program::standing;
  const auto both = [](std::vector<atlas::finding> a, std::vector<atlas::finding> b) {
    auto words = of_overlaps;
    words.open = "not alike on both";
    const auto read = atlas_program::read_both(std::move(a), std::move(b), words);
    return read.empty() ? atlas_program::reading{standing::fact, "nothing"} : read.front();
  };
  const atlas::finding above = compared(0.5, 0, NAN, 1e-4), below = compared(-0.5, 0, NAN, 1e-4),
                       chance = compared(0.1, 0, NAN, 0.6), none = compared(0.3, 0, NAN, NAN);
  CHECK(both({above, chance}, {above, chance}).standing == standing::holds);
  CHECK(both({above, chance}, {above, chance}).text ==
        "Heads overlap more than chance in 1 of 2 layers (0.50, null 0.00); as by chance in 1 of 2 "
        "layers (0.10, null 0.00). So there is something.");
  CHECK(both({above}, {below}).text ==
        "Heads overlap not alike on both in the one layer (0.50, null 0.00).");
  CHECK(both({above}, {below}).standing == standing::unknown);
  CHECK(both({above}, {chance}).standing == standing::unknown);
  CHECK(both({chance}, {chance}).standing == standing::chance);
  CHECK(both({none}, {above}).text == "nothing");
  CHECK(contains(both({none, above}, {above, above}).text, "in the one layer"));
  // Holm's correction is for all that has a p on a text, also what the other text has none of.
  const atlas::finding weak = compared(0.5, 0, NAN, 0.04);
  CHECK(both({weak, none}, {above, above}).standing == standing::holds);
  CHECK(both({weak, chance}, {above, none}).standing == standing::unknown);
  CHECK_THROWS_AS(both({weak}, {}), atlas::shape_error);
}

/// A result of `redundancy` with a layer of two heads and one way.
nlohmann::json small_redundancy() {
  const auto rise = [](double x) {
    return nlohmann::json{{"value", x}, {"lower", x - 0.001}, {"upper", x + 0.001}};
  };
  const auto correlation = [](double r, double p) {
    return nlohmann::json{{"coefficient", r},  {"p", p},     {"p_holm", p}, {"standard_error", 0.1},
                          {"null_bound", 0.4}, {"heads", 12}};
  };
  const auto one = [&](int head, double x) {
    return nlohmann::json{{"layer", 3}, {"heads", {head}}, {"way", "zero"}, {"rise", rise(x)}};
  };
  const nlohmann::json pair = {{"layer", 3},
                               {"heads", {0, 1}},
                               {"way", "zero"},
                               {"interaction", rise(0.002)},
                               {"overlap_in_stream", 0.6},
                               {"ceiling", 0.9}};
  const nlohmann::json text = {
      {"layers", {{{"layer", 3}, {"heads", {{{"norm", 1.5}}, {{"norm", 2.5}}}}}}},
      {"left_out", {one(0, 0.004), one(1, 0.016)}},
      {"pairs", {pair}}};
  nlohmann::json norm = correlation(0.8, 1e-4), purity = correlation(0.7, 1e-4);
  purity["beyond_norm"] = correlation(0.1, 0.7);
  return {{"run", {{"program", "atlas"}, {"command", "redundancy"}, {"seed", 0}}},
          {"source", {{"model", "m"}, {"text", "t"}}},
          {"text", text},
          {"held_out", text},
          {"texts_agree", {{"zero", correlation(0.9, 1e-4)}}},
          {"overlap_with_interaction",
           {{"zero", {{"text", correlation(0.5, 0.2)}, {"held_out", correlation(0.5, 0.3)}}}}},
          {"predictions",
           {{{"way", "zero"}, {"predictor", "norm"}, {"text", norm}, {"held_out", norm}},
            {{"way", "zero"}, {"predictor", "purity"}, {"text", purity}, {"held_out", purity}},
            {{"way", "zero"},
             {"predictor", "dimension"},
             {"text", {{"undefined", "why"}}},
             {"held_out", {{"undefined", "why"}}}}}}};
}

/// A result of `compare` of two layers.
nlohmann::json small_comparison() {
  const auto layer = [](int number, double mean, double share, double p) {
    return nlohmann::json{
        {"layer", number},
        {"moved", 1},
        {"maps", {{"mean", 0.9}, {"null_mean", 0.1}, {"null_sd", 0.02}, {"p", 1e-9}}},
        {"self_overlap",
         {{"mean", mean},
          {"floor", 0.2},
          {"floor_sd", 0.01},
          {"ceiling", 0.8},
          {"p", p},
          {"share", {{"value", share}, {"lower", share - 0.25}, {"upper", share + 0.25}}}}}};
  };
  return {{"run", {{"program", "atlas"}, {"command", "compare"}, {"seed", 0}}},
          {"source", {{"a", "models/before"}, {"b", "after"}, {"text", "moby-dick"}}},
          {"layers", {layer(0, 0.5, 0.5, 1e-9), layer(1, 0.2, 0, 0.9)}}};
}

TEST_CASE("results of redundancy and compare are drawn and read") {
  const temporary_folder folder;
  const auto worth = folder / "worth.json", compared = folder / "compared.json",
             out = folder / "report";
  atlas::io::write_file(worth, small_redundancy().dump());
  atlas::io::write_file(compared, small_comparison().dump());
  const program_run report =
      run(folder, "report --from " + quoted(worth) + " --from " + quoted(compared) + " --out " +
                      quoted(out) + " --json -");
  CAPTURE(report.err);
  REQUIRE(report.status == 0);
  const nlohmann::json said = report.json();
  std::vector<std::string> ids;
  for (const auto& figure : said["figures"]) ids.push_back(figure["id"]);
  CHECK(ids == std::vector<std::string>{"head-worth", "worth-predictors", "pairs-left-out",
                                        "self-overlap"});
  const std::string text = said.dump();
  CHECK(contains(text, "thousandths of a nat: 4.0 to 16.0 (zero; half of them 4.0 or less)"));
  CHECK(contains(text, "alike in the one way (0.90, null 0.00)"));
  CHECK(
      contains(text, "on both texts, correlated in all 2 pairs of property and way (0.70 to 0.80"));
  CHECK(contains(text, "on both texts, as shuffled heads have it in the one pair of property"));
  CHECK(contains(text, "interaction are, on both texts, as shuffled heads have it in the one way"));
  CHECK(contains(text, "more than with turned clouds in 1 of 2 layers (0.50, null 0.20)"));
  CHECK(contains(text, "the means of 2 layers are at 0.00 to 0.50."));
  const auto csv = [&](const char* id) {
    return atlas::io::read_text(out / (std::string(id) + ".csv"));
  };
  CHECK(contains(csv("head-worth"), "\"m on t, held-out text\",zero,3,1,2.5,16"));
  CHECK(contains(csv("worth-predictors"), "\"m on t, zero, given norm\",the text,purity,0.1,"));
  CHECK(!contains(csv("worth-predictors"), "TwoNN"));
  CHECK(contains(csv("pairs-left-out"), ",3,0 and 1,0.6,2"));
  // The interval of the share, as overlaps: 0.2 + 0.25 * 0.6 to 0.2 + 0.75 * 0.6.
  const std::string layers = csv("self-overlap");
  CHECK(contains(layers, "before and after on moby-dick,0,0.5,0.35"));
  CHECK(contains(layers, ",0.65"));
}

TEST_CASE("a study's claims are read, and its neighbours stand beside chance") {
  const temporary_folder folder;
  nlohmann::json layer = small_result("m")["layers"][0];
  for (auto& head : layer["heads"]) {
    head["none"] = head["two_nn"]["none"];
    head.erase("two_nn");
    head["same_context_neighbors"] = 0.5;
  }
  layer["findings"]["same_context"] = {{"null_mean", 0.125}};
  const nlohmann::json finding = {{"label", "m on t, layer 0"},
                                  {"value", 0.5},
                                  {"null_mean", 0.125},
                                  {"null_sd", 0.01},
                                  {"p", 1e-9}};
  const nlohmann::json study = {
      {"run", {{"program", "atlas"}, {"command", "study"}, {"seed", 0}}},
      {"study", {{"models", {{{"name", "m"}}}}, {"texts", {{{"name", "t"}}}}}},
      {"claims",
       {{{"claim", "A claim"},
         {"measured", "a share"},
         {"null", "permutations"},
         {"findings", {finding}}}}},
      {"parts", {{"model-0-text-0-layer-0", layer}}}};
  const auto file = folder / "study.json", out = folder / "report";
  atlas::io::write_file(file, study.dump());
  const program_run report =
      run(folder, "report --from " + quoted(file) + " --out " + quoted(out) + " --json -");
  CAPTURE(report.err);
  REQUIRE(report.status == 0);
  const nlohmann::json said = report.json();
  CHECK(said["figures"][0]["id"] == "claims");
  CHECK(contains(said["figures"][0]["readings"][1]["text"], "above its null in the one"));
  CHECK(contains(said.dump(), "chance would give 12.5 %"));
  CHECK(contains(atlas::io::read_text(out / "neighbours.csv"), "0.125"));
  CHECK(contains(atlas::io::read_text(out / "claims.csv"), "m on t, layer 0"));
}

TEST_CASE("autoencoders are drawn as the command writes them") {
  const temporary_folder folder;
  const auto share = [](double x) {
    return nlohmann::json{{"value", x}, {"standard_error", 0.01}};
  };
  const nlohmann::json head = {{"head", 0},
                               {"autoencoder", share(0.4)},
                               {"pca", share(0.5)},
                               {"advantage", {{"value", 0.1}, {"p", 1e-6}}}};
  const nlohmann::json result = {
      {"run", {{"program", "atlas"}, {"command", "autoencode"}, {"seed", 0}}},
      {"source", {{"model", "m"}}},
      {"layers", {{{"layer", 3}, {"heads", {head}}}}}};
  const auto file = folder / "autoencode.json", out = folder / "report";
  atlas::io::write_file(file, result.dump());
  const program_run report =
      run(folder, "report --from " + quoted(file) + " --out " + quoted(out) + " --json -");
  CAPTURE(report.err);
  REQUIRE(report.status == 0);
  CHECK(contains(report.out, "above 0 in the one head (0.100, null 0.000)"));
  CHECK(contains(atlas::io::read_text(out / "autoencoders-against-pca.csv"),
                 "\"m, layer 3\",0,autoencoder,0.4,"));
}

TEST_CASE("effects of factors are drawn with their intervals and read by their p") {
  const temporary_folder folder;
  const auto effect = [](const char* outcome, const char* factor, double x, double p) {
    return nlohmann::json{
        {"outcome", outcome}, {"factor", factor},
        {"effect", x},        {"interval", {{"lower", x - 0.25}, {"upper", x + 0.25}}},
        {"degrees", 2},       {"p", p},
        {"p_holm", p}};
  };
  const nlohmann::json result = {
      {"run", {{"program", "atlas"}, {"command", "ablate"}, {"seed", 0}}},
      {"source", {{"layers", 2}}},
      {"effects",
       {effect("loss", "rotary", -0.5, 1e-6), effect("loss", "rms", 0.125, 0.5),
        effect("overlap_excess", "rotary", 0, 0.9)}}};
  const auto file = folder / "factors.json", out = folder / "report";
  atlas::io::write_file(file, result.dump());
  const program_run report =
      run(folder, "report --from " + quoted(file) + " --out " + quoted(out) + " --json -");
  CAPTURE(report.err);
  REQUIRE(report.status == 0);
  CHECK(report.json()["figures"][0]["id"] == "effects");
  CHECK(contains(report.out, "Effects on loss, nats a token are below 0 in 1 of 2 factors"));
  CHECK(contains(report.out, "Effects on O_h less Haar are what chance gives"));
  const std::string numbers = atlas::io::read_text(out / "effects.csv");
  CHECK(contains(numbers, "\"loss, nats a token\",factors,rotary,-0.5,-0.75,-0.25,0,"));
}

TEST_CASE("report draws what commands measured, with the numbers beside it") {
  const temporary_folder folder;
  const auto result = folder / "measure.json", out = folder / "report";
  REQUIRE(run(folder,
              "measure --blocks 12 --layers 4,5 --points 200 --surrogates 10 --profile "
              "--ranks 2,4 --quiet --json " +
                  quoted(result))
              .status == 0);
  const program_run report =
      run(folder, "report --from " + quoted(result) + " --out " + quoted(out) + " --json -");
  REQUIRE(report.status == 0);
  const nlohmann::json said = report.json();
  std::vector<std::string> ids;
  for (const auto& figure : said["figures"]) ids.push_back(figure["id"]);
  CHECK(ids == std::vector<std::string>{"overlap-by-layer", "overlap-matrices",
                                        "overlap-by-dimension", "dimension-by-layer",
                                        "dimension-map", "dimension-by-scale", "neighbours"});
  const std::string html = atlas::io::read_text(out / "report.html");
  for (const std::string& id : ids) {
    CAPTURE(id);
    CHECK(contains(html, "data-figure=\"" + id + "\""));
    CHECK(atlas::io::read_text(out / (id + ".csv")).size() > 100);
    const auto spec = nlohmann::json::parse(atlas::io::read_text(out / (id + ".vg.json")));
    CHECK(!spec["data"][0]["values"].empty());
  }
  // 2 layers x 15 pairs x 2 spaces, and a header.
  const std::string pairs = atlas::io::read_text(out / "overlap-matrices.csv");
  CHECK(std::count(pairs.begin(), pairs.end(), '\n') == 61);
  CHECK(contains(html, "--blocks 12 "));
  // Nothing is loaded from elsewhere.
  for (const char* from : {"<link", " src=\"", "href=\"http", "@import", "url(http"})
    CHECK(!contains(html, from));
  CHECK(said["missing"].size() == 4);
}

TEST_CASE("names in results are shown as text") {
  const temporary_folder folder;
  const std::string evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&";
  const auto result = folder / "evil.json", out = folder / "report";
  atlas::io::write_file(result, small_result(evil).dump());
  REQUIRE(run(folder, "report --quiet --from " + quoted(result) + " --out " + quoted(out)).status ==
          0);
  const std::string html = atlas::io::read_text(out / "report.html");
  CHECK(!contains(html, "<script>alert"));
  CHECK(!contains(html, "<img"));
  CHECK(contains(html, "&lt;img src=x"));
}

TEST_CASE("commands are shown as a shell takes them, and what is not known of them is said") {
  const temporary_folder folder;
  const auto result = folder / "measure.json", out = folder / "report";
  nlohmann::json content = small_result("m");
  const auto shown = [&](const std::string& command) {
    atlas::io::write_file(result, content.dump());
    REQUIRE(
        run(folder, "report --quiet --from " + quoted(result) + " --out " + quoted(out)).status ==
        0);
    const std::string html = atlas::io::read_text(out / "report.html");
    CAPTURE(command);
    CHECK(contains(html, "<code>" + command + "</code>"));
  };
  shown("atlas measure --seed 0  # not known: its options");
  content["run"]["options"] = {
      {"--model", nullptr}, {"--points", 12}, {"--profile", true}, {"--text", "it's $HOME"}};
  shown(
      "atlas measure --points 12 --profile --text &apos;it&apos;\\&apos;&apos;s $HOME&apos; "
      "--seed 0");
  content["run"]["options"] = {{"A", "tiny-gpt2"}, {"B", "my model"}, {"--draws", 30}};
  shown("atlas measure --draws 30 tiny-gpt2 &apos;my model&apos; --seed 0");
}

TEST_CASE("a run that fails leaves the older report, and a report leaves none of an older one") {
  const temporary_folder folder;
  const auto result = folder / "measure.json", out = folder / "report";
  atlas::io::write_file(result, small_result("m").dump());
  REQUIRE(run(folder, "report --quiet --from " + quoted(result) + " --out " + quoted(out)).status ==
          0);
  CHECK(fs::exists(out / "dimension-map.csv"));
  const std::string older = atlas::io::read_text(out / "report.html");
  // One block is enough for thermo, and not for measure.
  const std::string parts = " --quiet --blocks 1 --layers 5 --out " + quoted(out);
  CHECK(run(folder, "report --parts thermo,measure" + parts).status == 2);
  CHECK(atlas::io::read_text(out / "report.html") == older);
  CHECK(!fs::exists(out / "thermo.json"));
  CHECK(fs::exists(out / "unfinished" / "thermo.json"));
  REQUIRE(run(folder, "report --parts thermo" + parts).status == 0);
  CHECK(fs::exists(out / "thermo.json"));
  CHECK(!fs::exists(out / "unfinished"));
  CHECK(fs::exists(out / "phase-map.csv"));
  CHECK(!fs::exists(out / "dimension-map.csv"));
}

TEST_CASE("a report of clouds says what needs a model") {
  const temporary_folder folder;
  atlas::random_stream random(3);
  atlas::owned_tensor<float, 2> cloud({60, 4});
  for (atlas::index_t i = 0; i < cloud.size(); ++i)
    cloud.mutable_view().data()[i] = static_cast<float>(random.normal());
  const auto file = folder / "clouds.safetensors", out = folder / "report";
  const atlas::tensor_view<const float, 2> view = cloud;
  atlas::io::write_safetensors(
      file, {atlas_test::entry("layer.0.head.0", view), atlas_test::entry("layer.0.head.1", view)});
  const program_run report = run(folder, "report --surrogates 10 --local-dim 2 --clouds " +
                                             quoted(file) + " --out " + quoted(out) + " --json -");
  CAPTURE(report.err);
  REQUIRE(report.status == 0);
  const std::string missing = report.json()["missing"].dump();
  CHECK(contains(missing, "thermo: needs a model"));
  CHECK(contains(missing, "crystallize: needs a model"));
  CHECK(fs::exists(out / "report.html"));
  CHECK(fs::exists(out / "measure.json"));
}

TEST_CASE("a report of a killed study draws its parts and names what is missing") {
  const temporary_folder folder;
  const auto study = folder / "study";
  fs::create_directories(study / "parts");
  const std::string description =
      R"({"program":"atlas 0.1.0","models":[{"name":"m"}],"texts":[{"name":"t"}],"seed":0})";
  atlas::io::write_file(study / "parts" / "study.json", description);
  const auto write_part = [&](int layer, const std::string& key) {
    const std::string name = "model-0-text-0-layer-" + std::to_string(layer);
    nlohmann::json result = small_result("m")["layers"][0];
    result["layer"] = layer;
    atlas::io::write_file(
        study / "parts" / (name + ".json"),
        nlohmann::json{{"part", name}, {"study", key}, {"result", result}}.dump());
  };
  write_part(1, fnv_1a(description));  // layer 0 is not there yet
  write_part(2, "of another study");
  const program_run report = run(folder, "report --from " + quoted(study) + " --out " +
                                             quoted(folder / "report") + " --json -");
  CAPTURE(report.err);
  REQUIRE(report.status == 0);
  CHECK(contains(report.json()["missing"][0], "1 parts are there"));
  CHECK(contains(atlas::io::read_text(folder / "report" / "report.html"),
                 "# not known: where its models and texts are"));
  CHECK(report.json()["figures"].size() >= 2);
}

TEST_CASE("damaged results are refused, each in a line, or drawn without what is damaged") {
  const temporary_folder folder;
  const auto file = folder / "damaged.json";
  const auto drawn = [&](const nlohmann::json& content) {
    atlas::io::write_file(file, content.dump());
    const program_run r = run(
        folder, "report --quiet --from " + quoted(file) + " --out " + quoted(folder / "report"));
    CAPTURE(content.dump().substr(0, 200), r.err);
    CHECK((r.status == 0 || (r.status == 2 && r.one_line_of_error())));
  };
  nlohmann::json whole = small_result("m");
  auto& layer = whole["layers"][0];
  layer["overlap"]["head_coordinates"]["matrix"] = {nlohmann::json::array(), {1, 2}, nullptr, "x"};
  layer["overlap"]["head_coordinates"]["global"] = {{"mean", 0.4}, {"p", 7}, {"null_mean", 0.4}};
  drawn(whole);
  for (const nlohmann::json& other : {nlohmann::json("text"), nlohmann::json(3),
                                      nlohmann::json(nullptr), nlohmann::json::array({1})}) {
    for (const nlohmann::json& result : {small_redundancy(), small_comparison()})
      for (const auto& [name, value] : result.items()) {
        if (name == "run") continue;
        nlohmann::json damaged = result;
        damaged[name] = other;
        drawn(damaged);
        if (!value.is_object()) continue;
        for (const auto& [deeper, below] : value.items()) {
          damaged = result;
          damaged[name][deeper] = other;
          drawn(damaged);
        }
      }
    for (const char* name : {"heads", "overlap", "layer", "design"}) {
      nlohmann::json damaged = whole;
      damaged["layers"][0][name] = other;
      drawn(damaged);
    }
    nlohmann::json damaged = whole;
    damaged["layers"] = other;
    drawn(damaged);
  }
  atlas::io::write_file(file, std::string(100000, '[') + std::string(100000, ']'));
  const program_run deep = run(folder, "report --from " + quoted(file) + " --out x");
  CHECK(deep.status == 2);
  CHECK(deep.one_line_of_error());
}

TEST_CASE("report refuses what it cannot draw") {
  const temporary_folder folder;
  const auto refused = [&](const std::string& arguments, const std::string& part) {
    const program_run r = run(folder, "report " + arguments);
    CAPTURE(arguments, r.err);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    CHECK(contains(r.err, part));
  };
  const auto file = folder / "file.json";
  const std::string out = " --out " + quoted(folder / "report");
  refused("--from nowhere.json" + out, "nowhere.json");
  atlas::io::write_file(file, "not JSON");
  refused("--from " + quoted(file) + out, "expected JSON, got a mistake at byte 2");
  atlas::io::write_file(file, "{\"a\": 1}");
  refused("--from " + quoted(file) + out, "JSON of something else");
  nlohmann::json twice = small_result("m");
  twice["layers"][0]["a\u200Eb"] = twice["layers"][0]["a\u200Fb"] = 1;
  atlas::io::write_file(file, twice.dump());
  refused("--from " + quoted(file) + out,
          "expected keys that differ in characters that are shown, got two of them");
  refused("--from " + quoted(folder / "") + out, "study.json");
  refused("--model tiny-gpt2 --from " + quoted(file) + out, "with --from");
  refused("--parts nothing" + out, "--parts");
  refused("--parts thermo,thermo" + out, "twice");
  refused("--clouds x.safetensors --parts thermo" + out, "--parts");
  refused("--json " + quoted(folder / "report" / "report.html") + out, "--json");
  atlas::io::write_file(file, small_result("m").dump());
  refused("--from " + quoted(file) + " --out " + quoted(file), "--out");
  refused("--from " + quoted(file) + " --from " + quoted(file) + out, "twice");
  refused("--from " + quoted(folder / "") + " --out " + quoted(folder / ""), "--out");
  CHECK(!fs::exists(folder / "report"));
}
