// SPDX-License-Identifier: MIT
/// \file
/// Rubbish: one line on standard error, exit status 2, and no output file.

#include <limits>

#include "../catch.hpp"
#include "atlas/io/npy.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;
using atlas::owned_tensor;

namespace {

/// Runs the program with `--json` to a file that must not appear.
class bad_input {
 public:
  temporary_folder folder;

  /// What the program says against it; empty where it behaves otherwise than it should.
  std::string refused(const std::string& arguments) const {
    const auto json = folder / "result.json";
    const program_run r = run(folder, arguments + " --json '" + json.string() + "'");
    INFO(arguments << "\n" << r.out << r.err);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    CHECK(r.out.empty());
    CHECK_FALSE(std::filesystem::exists(json));
    return r.err;
  }
  std::string cloud(const std::string& name, const owned_tensor<double, 2>& points) const {
    const atlas::tensor_view<const double, 2> view = points;
    atlas::io::write_npy(folder / name, view);
    return quoted(folder / name);
  }
  std::string file(const std::string& name, std::string_view bytes) const {
    return quoted(folder.write(name, bytes));
  }
  /// A copy of a model in which one file is another.
  std::string model(const std::string& name, const std::string& changed,
                    std::string_view bytes) const {
    const auto copy = folder / "model";
    std::filesystem::remove_all(copy);
    std::filesystem::copy(std::string(ATLAS_TEST_DATA) + "/" + name, copy);
    std::filesystem::copy(std::string(ATLAS_EXAMPLE_DATA) + "/tiny-gpt2/tokenizer.json",
                          copy / "tokenizer.json");
    atlas::io::write_file(copy / changed, bytes);
    return "measure --block-size 32 --min-context 2 --model '" + copy.string() + "'";
  }
};

owned_tensor<double, 2> counting(atlas::index_t n, atlas::index_t d) {
  owned_tensor<double, 2> points({n, d});
  for (atlas::index_t i = 0; i < n; ++i)
    for (atlas::index_t k = 0; k < d; ++k)
      points.mutable_view()(i, k) = static_cast<double>((i * i * 7 + k * i * 3) % 101);
  return points;
}

std::string safetensors(const std::string& header, const std::string& data) {
  std::string length(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i));
  return length + header + data;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string micro(const std::string& file) {
  return atlas::io::read_text(std::string(ATLAS_TEST_DATA) + "/micro-gpt2/" + file);
}

}  // namespace

TEST_CASE("clouds that nothing can be said about are refused") {
  const bad_input bad;
  auto nan = counting(50, 4);
  nan.mutable_view()(3, 2) = std::numeric_limits<double>::quiet_NaN();
  CHECK(has(bad.refused("two-nn " + bad.cloud("nan.npy", nan)), "NaN at [3, 2]"));
  CHECK(has(bad.refused("rank " + bad.cloud("nan.npy", nan)), "NaN"));
  CHECK(has(bad.refused("two-nn " + bad.cloud("one.npy", counting(1, 4))), "one.npy: expected"));
  CHECK(has(bad.refused("dimension " + bad.cloud("nan.npy", nan)), "nan.npy: expected finite"));
  CHECK(has(bad.refused("dimension " + bad.cloud("two.npy", counting(2, 4))), "at least 3 rows"));
  CHECK(has(bad.refused("dimension " + bad.cloud("none.npy", owned_tensor<double, 2>({0, 3}))),
            "empty"));
  CHECK(has(bad.refused("rank " + bad.cloud("one.npy", counting(1, 4))), "1 row"));
  const owned_tensor<double, 2> equal({40, 3});
  CHECK(has(bad.refused("rank " + bad.cloud("equal.npy", equal)), "equal"));
  CHECK(has(bad.refused("two-nn " + bad.cloud("none.npy", owned_tensor<double, 2>({0, 3}))),
            "empty"));
}

TEST_CASE("labels of rows that say nothing or contradict themselves are refused by their file") {
  const bad_input bad;
  const auto cloud = "two-nn " + bad.cloud("cloud.npy", counting(60, 4));
  const auto labels = [&](const std::string& name, atlas::index_t rows, auto&& label) {
    owned_tensor<atlas::index_t, 1> out({rows});
    for (atlas::index_t i = 0; i < rows; ++i) out.mutable_view()[i] = label(i);
    const atlas::tensor_view<const atlas::index_t, 1> view = out;
    atlas::io::write_npy(bad.folder / name, view);
    return quoted(bad.folder / name);
  };
  const auto tens = [](atlas::index_t i) { return i / 10; };
  const auto fives = [](atlas::index_t i) { return i % 5; };
  const std::string contexts = cloud + " --context " + labels("tens.npy", 60, tens);
  const std::string few = labels("few.npy", 59, tens), twice = labels("twice.npy", 60, fives);
  for (const std::string option : {" --context ", " --labels "})
    CHECK(
        has(bad.refused(cloud + option + few), "few.npy: expected one label per row, 60, got 59"));
  for (const char* option : {" --surrogates 10", " --exclude 2"})
    CHECK(has(bad.refused(contexts + option + " --position " + few), "few.npy: expected"));
  for (const char* kind : {"serial", "passages", "automatic"})
    CHECK(has(bad.refused(contexts + " --surrogates 10 --position " + twice + " --surrogate-kind " +
                          kind),
              "twice.npy: expected different positions within a context, got 0 twice"));
  for (const std::string kind : {"serial", "passages"})
    CHECK(has(bad.refused(cloud + " --surrogates 10 --surrogate-kind " + kind),
              "--surrogate-kind " + kind + ": expected contexts or positions"));
}

TEST_CASE("options out of range are refused") {
  const bad_input bad;
  owned_tensor<double, 3> clouds({2, 50, 4});
  std::copy_n(counting(100, 4).data(), 400, clouds.mutable_view().data());
  const atlas::tensor_view<const double, 3> view = clouds;
  atlas::io::write_npy(bad.folder / "clouds.npy", view);
  const std::string overlap = "overlap '" + (bad.folder / "clouds.npy").string() + "'";
  CHECK(has(bad.refused(overlap + " --local-dim 5"),
            "--local-dim: expected a whole number from 1 to 4, got 5"));
  CHECK(has(bad.refused(overlap + " --local-dim 2 --heads-per-group 3"),
            "--heads-per-group: expected a divisor of the 2 heads, got 3"));
  CHECK(has(bad.refused("haar --dim 4 --local-dim 5"),
            "--local-dim: expected a whole number from 1 to 4, got 5"));
  CHECK(has(bad.refused("measure --points 99999"), "--points: expected at most 24000"));
  CHECK(has(bad.refused("measure --blocks 2 --block-size 4 --min-context 3"),
            "--block-size: expected at least 3 positions from 3 on in 2 blocks, got 2"));
  CHECK(has(
      bad.refused("measure --blocks 2 --block-size 20 --local-dim 9 --surrogates 0"),
      "--local-dim: layer.0: expected a head with variance in at least 9 directions, got none"));
  CHECK(has(bad.refused("crystallize --calibration-blocks 1 --block-size 2"), "--block-size"));
  CHECK(has(bad.refused("measure --blocks 1"), "--blocks: expected at least two passages"));
  CHECK(has(bad.refused("measure --min-context 256"), "--min-context"));
  CHECK(has(bad.refused("measure --blocks 4 --points 100 --surrogates 0 --local-dim 33"),
            "--local-dim"));
  CHECK(has(bad.refused("measure --points 100 --surrogates 0 --local-dim many"), "--local-dim"));
  CHECK(has(bad.refused("measure --points 100 --surrogates 9"), "--surrogates"));
  CHECK(has(bad.refused("measure --layers 9"), "--layers"));
  CHECK(has(bad.refused("measure --block-size 9999"), "--block-size"));
  CHECK(has(bad.refused("measure --discard 1"),
            "--discard: expected a number of 0 or more and below 1, got 1"));
  const auto cloud = bad.cloud("cloud.npy", counting(50, 4));
  CHECK(has(bad.refused("two-nn " + cloud + " --exclude whole"), "--context"));
  CHECK(has(bad.refused("two-nn " + cloud + " --exclude some"), "--exclude"));
  CHECK(has(bad.refused("two-nn " + cloud + " --context " + cloud), "cloud.npy"));
  CHECK(has(bad.refused("two-nn nowhere.npy"), "nowhere.npy"));
}

TEST_CASE("files of clouds that contradict themselves are refused") {
  const bad_input bad;
  const auto clouds = [&](const std::string& bytes) {
    return bad.refused("measure --clouds " + bad.file("bad.safetensors", bytes));
  };
  const std::string data(64, '\0');
  const auto one = [](const std::string& type, const std::string& shape, int from, int to,
                      int head = 0) {
    return "\"layer.0.head." + std::to_string(head) + R"(":{"dtype":")" + type + R"(","shape":)" +
           shape + R"(,"data_offsets":[)" + std::to_string(from) + "," + std::to_string(to) + "]}";
  };
  const std::string good = "{" + one("F32", "[4,4]", 0, 64) + "}";
  CHECK(has(clouds(safetensors(good, data).substr(0, 100)), "bad.safetensors"));
  CHECK(has(clouds(std::string(5, '\0')), "bad.safetensors"));
  std::string past = safetensors(good, data);
  past[5] = 1;
  CHECK(has(clouds(past), "header"));
  CHECK(has(clouds(safetensors(
                "{" + one("F32", "[2,4]", 0, 32) + "," + one("F32", "[2,4]", 16, 48, 1) + "}",
                data.substr(0, 48))),
            "layer.0.head.1"));
  CHECK(has(clouds(safetensors("{" + one("F32", "[4,4]", 64, 128) + "}", data)), "layer.0.head.0"));
  CHECK(has(clouds(safetensors("{" + one("F33", "[4,4]", 0, 64) + "}", data)), "F33"));
  CHECK(has(clouds(safetensors("{" + one("F32", "[4,5]", 0, 64) + "}", data)), "layer.0.head.0"));
  CHECK(
      has(clouds(safetensors(
              "{" + one("F32", "[2,4]", 0, 32) + "," + one("F32", "[4,2]", 32, 64, 1) + "}", data)),
          "layer.0.head.1"));
  CHECK(
      has(clouds(safetensors(
              "{" + one("F32", "[2,4]", 0, 32) + "," + one("F32", "[2,4]", 32, 64, 2) + "}", data)),
          "layer.0.head.1"));
  CHECK(has(clouds(safetensors("{\"layer.0.head.0\":", data)), "JSON"));
}

TEST_CASE("models that contradict themselves are refused") {
  const bad_input bad;
  const auto tensors = micro("model.safetensors"), config = micro("config.json");
  const auto with_tensors = [&](const std::string& bytes) {
    return bad.refused(bad.model("micro-gpt2", "model.safetensors", bytes));
  };
  const auto with_config = [&](const std::string& from, const std::string& to) {
    return bad.refused(bad.model("micro-gpt2", "config.json", replaced(config, from, to)));
  };
  CHECK(has(with_tensors(tensors.substr(0, tensors.size() / 2)), "model.safetensors"));
  CHECK(has(with_tensors(replaced(tensors, "h.1.ln_2.bias", "h.1.ln_3.bias")), "h.1.ln_2.bias"));
  CHECK(has(with_config("\"n_positions\": 64", "\"n_positions\": 65"), "wpe.weight"));
  CHECK(has(with_config("\"model_type\": \"gpt2\"", "\"model_type\": \"gptj\""), "gptj"));
  CHECK(has(with_config("\"n_layer\": 2", "\"n_layer\": 0"), "layers"));
  CHECK(has(with_config("\"n_layer\": 2", "\"n_layer\": \"2\""), "n_layer"));
  CHECK(has(with_config("\"n_layer\": 2", "\"n_layer\": 2,,"), "JSON"));
  CHECK(has(bad.refused(bad.model("micro-gpt2", "tokenizer.json", "{")), "tokenizer.json"));
  CHECK(has(bad.refused("measure --model nowhere"), "nowhere"));
  CHECK(has(bad.refused("measure --model some-owner/some-model"), "hf download"));
  CHECK(has(with_config("\"n_layer\": 2", "\"n_layer\": 2, \"mystery\": 2"), "\"mystery\""));
  CHECK(has(with_tensors("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"));
}

TEST_CASE("GGUF files that cannot be measured are refused") {
  const bad_input bad;
  const std::string whole = atlas::io::read_text(std::string(ATLAS_TEST_DATA) + "/gguf/llama.gguf");
  const auto with = [&](const std::string& bytes) {
    return bad.refused("measure --block-size 32 --min-context 2 --model " +
                       bad.file("model.gguf", bytes));
  };
  CHECK(has(with(whole.substr(0, 20)), "model.gguf"));
  CHECK(has(with(whole.substr(0, whole.size() - 100)), "within the"));
  CHECK(has(with(replaced(whole, "attn_k.weight", "attn_x.weight")), "blk.0.attn_k.weight"));
  CHECK(has(with(replaced(whole, "llama.block_count", "llama.block_color")), "block_count"));
  CHECK(has(with(replaced(whole, "llama-bpe", "lhama-bpe")), "tokenizer.ggml.pre"));
}

TEST_CASE("texts that cannot be measured are refused") {
  const bad_input bad;
  const auto text = [&](std::string_view words) {
    return bad.refused("measure --text " + bad.file("text.txt", words));
  };
  CHECK(has(text(""), "empty"));
  CHECK(has(text("too short for a block"), "tokens"));
  CHECK(has(text("fine until \xC3\x28 here"), "UTF-8"));
  CHECK(has(bad.refused("measure --text nowhere.txt"), "nowhere.txt"));
}

TEST_CASE("interventions that make no sense are refused") {
  const bad_input bad;
  CHECK(has(bad.refused("crystallize --top-k 0"), "--top-k"));
  CHECK(has(bad.refused("crystallize --ranks 33"), "--ranks"));
  CHECK(has(bad.refused("crystallize --ranks 0"), "--ranks"));
  CHECK(has(bad.refused("crystallize --deepest 7"), "--deepest"));
  CHECK(has(bad.refused("crystallize --calibration nowhere.txt"), "nowhere.txt"));
}

TEST_CASE("quantization that makes no sense is refused") {
  const bad_input bad;
  const auto w = bad.cloud("w.npy", counting(8, 4)), a = bad.cloud("a.npy", counting(30, 4));
  const auto with = [&](const std::string& weights, const std::string& activations,
                        const std::string& more = "") {
    return bad.refused("quantize-matrix " + weights + " --activations " + activations + more);
  };
  for (const std::string bits : {"0", "1", "9", "-3"})
    CHECK(has(with(w, a, std::string(" --bits ").append(bits)),
              std::string("from 2 to 8, got ").append(bits)));
  CHECK(has(with(w, a, " --bits many"), "--bits"));
  CHECK(has(with(w, a, " --basis kronecker"), "--basis"));
  CHECK(has(with(w, a, " --granularity some"), "--granularity"));
  CHECK(has(with(w, a, " --basis diagonal --kind asymmetric"),
            "--kind: expected symmetric with diagonal, got asymmetric"));
  CHECK(has(with(w, a, " --basis fisher-allocated --granularity row"),
            "--granularity: expected column with fisher-allocated, got row"));
  CHECK(has(bad.refused("quantize --kind asymmetric"), "--kind: expected symmetric with fisher-l"));
  CHECK(has(with(w, a, " --basis gptq --damping -1"), "--damping"));
  CHECK(has(with(w, a, " --granularity group --group-size 0"), "--group-size"));
  CHECK(has(with(w, bad.cloud("wide.npy", counting(30, 5))), "wide.npy: expected 4 columns"));
  CHECK(has(with(w, bad.cloud("none.npy", owned_tensor<double, 2>({0, 4}))), "none.npy"));
  CHECK(has(with(w, bad.cloud("zero.npy", owned_tensor<double, 2>({9, 4}))),
            "zero.npy: expected a positive trace"));
  CHECK(has(with(bad.cloud("empty.npy", owned_tensor<double, 2>({0, 4})), a),
            "empty.npy: expected at least one element"));
  auto nan = counting(8, 4);
  nan.mutable_view()(5, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(has(with(bad.cloud("nan.npy", nan), a), "NaN at [5, 1]"));
  CHECK(has(with(w, bad.cloud("nan.npy", nan)), "NaN at [5, 1]"));
  CHECK(has(with(w, "nowhere.npy"), "nowhere.npy"));
  CHECK(has(with("nowhere.npy", a), "nowhere.npy"));
  CHECK(has(bad.refused("quantize --bits 3,9"), "--bits"));
  CHECK(has(bad.refused("quantize --methods gptq,gtpq"), "gtpq"));
  CHECK(has(bad.refused("quantize --calibration nowhere.txt"), "nowhere.txt"));
  CHECK(has(bad.refused("quantize --calibration-blocks 0"), "--calibration-blocks"));
  CHECK(has(bad.refused("quantize --draws 0"), "--draws"));
  CHECK(has(bad.refused("uncertainty --blocks 1 --layers 0 --k 193"), "--k"));
  CHECK(has(bad.refused("uncertainty --draws 9"), "--draws"));
  CHECK(has(bad.refused("pareto --steps 1"), "--steps"));
  CHECK(has(bad.refused("pareto --activation-bits 1"), "--activation-bits"));
  CHECK(has(bad.refused("pareto --path straight"), "--path"));
}

TEST_CASE("logits and values that make no sense are refused") {
  const bad_input bad;
  constexpr double masked = -std::numeric_limits<double>::infinity();
  owned_tensor<double, 2> logits = counting(6, 4), hidden = counting(6, 4), nan = counting(6, 4);
  for (atlas::index_t k = 0; k < 4; ++k) hidden.mutable_view()(2, k) = masked;
  nan.mutable_view()(1, 3) = std::numeric_limits<double>::quiet_NaN();
  const std::string good = "boltzmann " + bad.cloud("logits.npy", logits);
  CHECK(has(bad.refused("boltzmann " + bad.cloud("hidden.npy", hidden)), "row [2, all]"));
  CHECK(has(bad.refused("boltzmann " + bad.cloud("nan.npy", nan)), "NaN at [1, 3]"));
  CHECK(has(bad.refused(good + " --beta 0"), "--beta"));
  CHECK(has(bad.refused(good + " --values " + bad.cloud("values.npy", counting(5, 3))),
            "values.npy: expected"));
  CHECK(has(bad.refused(good + " --values nowhere.npy"), "nowhere.npy"));
  CHECK(has(bad.refused("thermo --min-context 256"), "--min-context"));
  CHECK(has(bad.refused("thermo --noise -1"), "--noise"));
  CHECK(has(bad.refused("thermo --blocks 3 --block-size 8 --min-context 7"),
            "--min-context: expected at least 4 positions"));
  CHECK(has(bad.refused("thermo --layers 6"), "--layers"));
}

namespace {

/// An option, a value that it cannot have, and what it could.
struct bad_value {
  const char *option, *value, *expected;
};

/// Every option of numbers of every subcommand, at values that none of them has.
std::vector<std::pair<std::string, std::vector<bad_value>>> bad_values() {
  const char *count = "a whole number of 1 or more", *any = "a whole number of 0 or more";
  const std::vector<bad_value> model = {
      {"--blocks", "0", "a whole number from 1 to"},
      {"--block-size", "1", "of 2 or more"},
      {"--block-size", "many", "a whole number"},
      {"--deepest", "0", count},
      {"--relative-depth", "1.5", "from 0 to 1"},
      {"--relative-depth", "nan", "from 0 to 1"},
      {"--layers", "x", "numbers such as 3,4,5 or a range such as 3-5"},
      {"--layers", "5-3", "a range such as 3-5"},
      {"--model", "", "a name"},
      {"--text", "", "a name"},
      {"--tokens", "", "a name"},
      {"--bos", "some", "a whole number of 0 or more, or default or none"}};
  const auto with_model = [&](std::vector<bad_value> more) {
    more.insert(more.end(), model.begin(), model.end());
    return more;
  };
  return {
      {"measure", with_model({{"--points", "2", "of 3 or more"},
                              {"--points", "", "got nothing"},
                              {"--min-context", "-1", any},
                              {"--local-dim", "0", "of 1 or more, or auto"},
                              {"--discard", "1", "below 1"},
                              {"--discard", "nan", "below 1"},
                              {"--surrogates", "1", "0, or a whole number of 10 or more"},
                              {"--clouds", "", "a name"},
                              {"--rows", "weights", "one of residual, q, k, v, z"},
                              {"--points", "99999999999999999999", "got 9999"}})},
      {"two-nn x.npy",
       {{"--estimator", "best", "one of bayes, censored"},
        {"--discard", "-0.1", "of 0 or more"},
        {"--exclude", "some", "a whole number of 0 or more, or none or distinct or whole"},
        {"--exclude", "-1", any},
        {"--surrogates", "9", "10 or more"},
        {"--context", "", "a name"},
        {"--position", "", "a name"}}},
      {"dimension x.npy",
       {{"--estimators", "momm", "did you mean mom?"},
        {"--estimators", "umbrella", "estimators of "},
        {"--estimators", "", "a name"},
        {"--estimators", "mom,mom", "different ones"},
        {"--exclude", "some", "a whole number of 0 or more, or none or distinct or whole"},
        {"--confidence", "1", "below 1"},
        {"--confidence", "0", "above 0"},
        {"--periods", "-1", "of 0 or more"},
        {"--periods", "1,x", "of 0 or more"},
        {"--surrogates", "9", "10 or more"},
        {"--context", "", "a name"},
        {"--csv", "", "a name"}}},
      {"estimators",
       {{"--manifolds", "cube", "cube_<dimension>"},
        {"--manifolds", "swis_roll", "did you mean swiss_roll?"},
        {"--manifolds", "torus_2,torus_2", "different ones"},
        {"--manifolds", "", "a name"},
        {"--estimators", "momm", "did you mean mom?"},
        {"--points", "9", "from 10 to"},
        {"--repeats", "1", "from 2 to"},
        {"--noise", "-1", "of 0 or more"},
        {"--noise", "nan", "of 0 or more"},
        {"--ambient", "-1", "0, or a whole number"},
        {"--ambient", "2", "columns that"},
        {"--out", "", "a name"}}},
      {"rank x.npy",
       {{"--variance", "0", "above 0 and at most 1"}, {"--variance", "1.1", "at most 1"}}},
      {"overlap x.npy", {{"--local-dim", "0", count}, {"--heads-per-group", "0", count}}},
      {"haar --dim 4 --local-dim 2",
       {{"--heads", "1", "from 2 to"}, {"--draws", "99", "of 100 or more"}}},
      {"haar --local-dim 2", {{"--dim", "0", "from 1 to"}}},
      {"haar --dim 2", {{"--local-dim", "-1", count}}},
      {"calibrate",
       {{"--what", "all", "one of two-nn, contexts"},
        {"--what", "", "one of two-nn"},
        {"--clouds", "19", "0, or a whole number from 20 to"}}},
      {"thermo", with_model({{"--permutations", "0", "from 1 to"},
                             {"--noise", "inf", "of 0 or more"},
                             {"--draws", "0", count},
                             {"--min-context", "x", any}})},
      {"crystallize", with_model({{"--top-k", "0", count},
                                  {"--ranks", "1,0", count},
                                  {"--calibration", "", "a name"},
                                  {"--points", "0", "of 3 or more"},
                                  {"--calibration-blocks", "0", "from 1 to"}})},
      {"autoencode", with_model({{"--bottleneck", "0", count},
                                 {"--epochs", "0", count},
                                 {"--batch", "-1", any},
                                 {"--learning-rate", "0", "above 0"},
                                 {"--held-out", "1", "above 0 and below 1"},
                                 {"--points", "1", "of 3"}})},
      {"boltzmann x.npy",
       {{"--beta", "0", "above 0"}, {"--beta", "nan", "above 0"}, {"--values", "", "a name"}}},
      {"study",
       {{"--blocks", "4", "from 5 to"},
        {"--points", "59", "from 60 to"},
        {"--surrogates", "9", "from 10 to"},
        {"--manifold-draws", "0", "from 10 to"},
        {"--epochs", "-1", "from 0 to"},
        {"--local-dim", "0", count},
        {"--out", "", "a name"}}},
      {"quantize", with_model({{"--bits", "3,9", "from 2 to 8"},
                               {"--draws", "0", "from 1 to 1000"},
                               {"--methods", "gtpq", "one of identity"},
                               {"--kind", "odd", "one of"},
                               {"--granularity", "all", "one of"},
                               {"--group-size", "0", count},
                               {"--min-bits", "1", "0, or a whole number from 2 to 8"},
                               {"--damping", "-1", "of 0 or more"},
                               {"--out", "", "a name"}})},
      {"quantize-matrix w.npy --activations a.npy",
       {{"--bits", "1", "from 2 to 8"}, {"--basis", "x", "one of"}, {"--out", "", "a name"}}},
      {"uncertainty", with_model({{"--k", "-1", any}, {"--draws", "9", "from 10 to"}})},
      {"pareto", with_model({{"--path", "x", "one of blend, geodesic"},
                             {"--steps", "1", "from 2 to"},
                             {"--bits", "9", "from 2 to 8"},
                             {"--activation-bits", "1", "from 2 to 8"},
                             {"--rows", "0", "from 1 to"}})},
      {"ablate",
       {{"--head-dims", "1", "of 2 or more"},
        {"--model-dim", "3", "from 4 to"},
        {"--layers", "0", "from 1 to"},
        {"--steps", "0", count},
        {"--batch", "0", "from 1 to"},
        {"--block-size", "1", "from 2 to"},
        {"--learning-rate", "0", "above 0"},
        {"--held-out", "1", "below 1"},
        {"--checkpoints", "0,2", "from 0 to 1"},
        {"--points", "2", "of 3 or more"},
        {"--surrogates", "9", "10 or more"},
        {"--save-every", "0", count},
        {"--factors", "layers", "one of d_head, kv_heads, grouped, rotary, rms, gated"},
        {"--kv-heads", "1", "of 2 or more"},
        {"--design", "third", "one of full, half, quarter, eighth"},
        {"--match", "size", "one of parameters, width"},
        {"--seeds", "1", "from 2 to"},
        {"--passages", "3", "from 4 to"},
        {"--permutations", "0", "from 1 to"},
        {"--text", "", "a name"},
        {"--csv", "", "a name"}}},
      {"redundancy", with_model({{"--ways", "none", "one of zero, mean, resample"},
                                 {"--draws", "0", "from 1 to"},
                                 {"--pairs", "-1", "0, or a whole number"},
                                 {"--permutations", "0", "from 1 to"},
                                 {"--points", "7", "of 8 or more"},
                                 {"--local-dim", "0", count},
                                 {"--min-context", "x", any},
                                 {"--held-out", "", "a name"},
                                 {"--out", "", "a name"},
                                 {"--csv", "", "a name"}})},
      {"compare tiny-gpt2 tiny-gpt2",
       {{"--blocks", "0", "from 1 to"},
        {"--block-size", "1", "of 2 or more"},
        {"--points", "7", "of 8 or more"},
        {"--local-dim", "0", count},
        {"--halvings", "0", "from 1 to"},
        {"--draws", "9", "from 10 to"},
        {"--min-context", "-1", any},
        {"--text", "", "a name"},
        {"--csv", "", "a name"}}},
      {"report",
       {{"--blocks", "0", "a whole number from 1 to"},
        {"--surrogates", "9", "10 or more"},
        {"--parts", "nothing", "one of measure"},
        {"--model", "", "a name"},
        {"--out", "", "a name"}}},
  };
}

}  // namespace

TEST_CASE("an option out of range is named, with what it may be and what came") {
  const bad_input bad;
  for (const auto& [command, values] : bad_values())
    for (const bad_value& v : values) {
      const std::string said = bad.refused(command + " " + v.option + " '" + v.value + "'");
      INFO(said);
      CHECK(said.starts_with(std::string("atlas: ") + v.option + ": expected "));
      CHECK(has(said, v.expected));
      CHECK(has(said, *v.value == 0 ? ", got nothing" : ", got "));
    }
  const std::vector<std::string> commands = {"measure",
                                             "two-nn x.npy",
                                             "dimension x.npy",
                                             "estimators",
                                             "rank x.npy",
                                             "overlap x.npy",
                                             "haar --dim 4 --local-dim 2",
                                             "thermo",
                                             "crystallize",
                                             "autoencode",
                                             "boltzmann x.npy",
                                             "study",
                                             "quantize",
                                             "quantize-matrix w.npy --activations a.npy",
                                             "uncertainty",
                                             "pareto",
                                             "ablate",
                                             "redundancy",
                                             "compare tiny-gpt2 tiny-gpt2",
                                             "calibrate",
                                             "report"};
  for (const std::string& command : commands) {
    CHECK(has(bad.refused(command + " --seed -1"),
              "--seed: expected a whole number from 0 to 18446"));
    CHECK(has(bad.refused(command + " --threads -1"), "--threads: expected a whole number from 0"));
    CHECK(has(bad.refused(command + " --seeed 1"), "--seeed: no option of"));
    CHECK(has(bad.refused(command + " --seeed 1"), "did you mean --seed?"));
  }
}

TEST_CASE("commands that need a model that runs say so of activations") {
  const bad_input bad;
  for (const std::string command : {"crystallize", "quantize", "uncertainty", "pareto", "study"})
    CHECK(has(bad.refused(command + " --clouds a.npz"),
              "--clouds: no option of " + command + ", which needs a model that runs"));
  CHECK(
      has(bad.refused("haar --dim 4 --local-dim 2 --clouds a.npz"), "--clouds: no option of haar"));
}

TEST_CASE("a mistyped subcommand is answered with the nearest") {
  const temporary_folder folder;
  const auto said = [&](const std::string& arguments) {
    const program_run r = run(folder, arguments);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    CHECK(r.out.empty());
    return r.err;
  };
  CHECK(has(said("mesure"), "mesure: expected a subcommand; did you mean measure?"));
  CHECK(has(said("twonn x.npy"), "did you mean two-nn?"));
  CHECK(has(said("quantise --bits 3"), "did you mean quantize?"));
  CHECK(has(said("umbrella"), "expected a subcommand, one of measure, two-nn"));
  CHECK_FALSE(has(said("umbrella"), "did you mean"));
  CHECK(has(said(""), "got none"));
  CHECK(has(said("haar --dim 4 --local-dim 2 more"), "more: expected no further argument of haar"));
  CHECK(has(said("two-nn"), "X.npy is required"));
  CHECK(has(said("haar --local-dim 2 --dim"), "--dim: expected one value, got none"));
  CHECK(has(said("haar --local-dim 2 --dim 4 --dim 5"), "--dim: expected one value, got 2"));
}

TEST_CASE("options that would change nothing are refused") {
  const bad_input bad;
  const auto cloud = bad.cloud("cloud.npy", counting(50, 4));
  const auto labels = bad.folder / "labels.npy";
  owned_tensor<atlas::index_t, 1> ones({50});
  atlas::io::write_npy(labels,
                       static_cast<const atlas::tensor_view<const atlas::index_t, 1>&>(ones));
  const auto nothing = [&](const std::string& command, const std::string& option,
                           const std::string& why) {
    const std::string said = bad.refused(command);
    INFO(said);
    CHECK(said.starts_with("atlas: " + option + ": has no effect"));
    CHECK(has(said, why));
  };
  for (const std::string command : {"measure", "autoencode"})
    for (const std::string option : {"--model tiny-gpt2", "--text moby-dick", "--tokens x.npy",
                                     "--bos 0", "--blocks 3", "--block-size 64"})
      nothing(command + " --clouds x.safetensors " + option, option.substr(0, option.find(' ')),
              "with --clouds");
  const std::string clouds = bad.file(
      "clouds.safetensors",
      safetensors(R"({"layer.0.head.0":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}})",
                  std::string(64, '\0')));
  for (const std::string command : {"measure", "autoencode"}) {
    for (const std::string option : {"--min-context 2", "--points 100"})
      nothing(command + " --clouds " + clouds + " " + option, option.substr(0, option.find(' ')),
              "with --clouds");
    nothing(command + " --clouds " + clouds + " --rows z", "--rows", "with clouds");
    nothing(command + " --rows z", "--rows", "without --clouds");
    nothing(command + " --output-projection heads-by-model --clouds '" +
                std::string(ATLAS_TEST_DATA) + "/activations/stored.npz'",
            "--output-projection", "with activations");
  }
  nothing("measure --clouds x.safetensors --perplexity", "--perplexity", "with --clouds");
  nothing("autoencode --clouds x.safetensors --calibration addresses", "--calibration", "--clouds");
  nothing("autoencode --clouds x.safetensors --calibration-tokens x.npy", "--calibration-tokens",
          "");
  nothing("autoencode --clouds x.safetensors --calibration-blocks 4", "--calibration-blocks", "");
  nothing("measure --output-projection heads-by-model", "--output-projection", "without --clouds");
  for (const std::string command : {"two-nn ", "dimension "}) {
    nothing(command + cloud + " --surrogate-kind serial", "--surrogate-kind",
            "without --surrogates");
    nothing(command + cloud + " --position " + quoted(labels), "--position", "without a window");
  }
  nothing("thermo --blocks 1 --permutations 99", "--permutations", "one block");
  nothing("thermo --noise 0 --draws 3", "--draws", "without --noise");
  nothing("calibrate --quick --clouds 20", "--quick", "with --clouds");
  nothing("crystallize --layers 3 --progressive", "--progressive", "single layer");
  nothing("quantize --methods fisher --draws 3", "--draws", "draws its basis");
  nothing("quantize --methods fisher --min-bits 2", "--min-bits", "allocates bits");
  nothing("quantize --methods fisher --damping 0.1", "--damping", "gptq, ldlq or quip");
  nothing("quantize --group-size 32", "--group-size", "without --granularity group");
  nothing("quantize-matrix w.npy --activations a.npy --damping 0.1", "--damping", "gptq");
  nothing("quantize-matrix w.npy --activations a.npy --group-size 4", "--group-size", "group");
  nothing("quantize-matrix w.npy --activations a.npy --basis diagonal --granularity row",
          "--granularity", "steps are their own");
  nothing("ablate --save-every 10", "--save-every", "without --out");
  nothing("ablate --seeds 3", "--seeds", "without --factors");
  nothing("ablate --factors rms --checkpoints 1", "--checkpoints", "with --factors");
  const program_run r = run(bad.folder, "haar --dim 8 --local-dim 2 --quiet");
  CHECK(r.status == 2);
  CHECK(has(r.err, "--quiet: expected --json beside it"));
}
