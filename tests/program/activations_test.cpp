// SPDX-License-Identifier: MIT
/// \file
/// Clouds of a file of activations: against NumPy's numbers, transformers' and this library's own
/// model, and what a file lacks or contradicts by name.

#include "activations.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/io/model.hpp"
#include "atlas/io/npy.hpp"
#include "atlas/protocols/collect_clouds.hpp"
#include "atlas/reference/transformer.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;
using atlas::index_t;
using atlas::owned_tensor;
using atlas_program::activation_options;
using atlas_program::array_file;
using atlas_program::read_activations;
using atlas_program::source_layer;

namespace {

const std::string test_data = std::string(ATLAS_TEST_DATA) + "/";
const std::string numpy_archives = test_data + "activations/";

/// All places from `first` on.
activation_options all_places(index_t first, const std::string& rows = "residual") {
  return {.rows = rows, .min_context = first, .points = index_t{1} << 30};
}

double point_of(const source_layer& layer, index_t h, index_t n, index_t k) {
  return std::visit([&](const auto& x) { return static_cast<double>(x(h, n, k)); }, layer.points);
}

atlas::shape<3> extents_of_points(const source_layer& layer) {
  return std::visit([](const auto& x) { return x.extents(); }, layer.points);
}

/// A tensor of a test with the name that it has in a file.
template <class T>
struct named_tensor {
  std::vector<index_t> extents;
  std::vector<T> elements;
};

/// A file of activations, of float unless told otherwise, and what else is put into it.
class activation_maker {
 public:
  void put(const std::string& name, std::vector<index_t> extents, std::vector<float> elements) {
    tensors[name] = {std::move(extents), std::move(elements)};
  }
  /// As an archive has it.
  void put(const array_file& from, const std::string& name) {
    const auto x = from.at(name);
    std::size_t count = 1;
    for (const index_t e : x.extents) count *= static_cast<std::size_t>(e);
    std::vector<float> elements(count);
    atlas_program::read_elements(x, 0, std::span(elements));
    put(name, x.extents, std::move(elements));
  }
  /// The elements as `Stored`, such as half precision.
  template <class Stored = float>
  std::string written(const std::string& name = "activations.safetensors") const {
    std::vector<std::vector<Stored>> memory;
    std::vector<atlas::io::tensor_entry> entries;
    for (const auto& [array, x] : tensors) {
      auto& stored = memory.emplace_back();
      for (const float e : x.elements) stored.push_back(static_cast<Stored>(e));
      entries.push_back({array, atlas::io::dtype_of<Stored>(), x.extents,
                         std::as_bytes(std::span(stored.data(), stored.size()))});
    }
    atlas::io::write_safetensors(folder / name, entries, metadata);
    return (folder / name).string();
  }
  atlas_program::activations read(const activation_options& options = all_places(2)) const {
    const array_file file(written());
    return read_activations(file, atlas_program::layers_of_activations(file), options);
  }
  /// What is said against it, on one line.
  std::string refused(const activation_options& options = all_places(2)) const {
    const std::string said = message_of<atlas::error>([&] { (void)read(options); });
    CHECK(one_line(said));
    return said;
  }

  temporary_folder folder;
  std::map<std::string, named_tensor<float>> tensors;
  std::map<std::string, std::string> metadata;
};

/// The first layer of the archive that NumPy stored: pattern, v, z, W_O and tokens.
void put_first_layer(activation_maker& maker) {
  const array_file stored(numpy_archives + "stored.npz");
  for (const char* name : {"hook_pattern", "hook_v", "hook_z", "W_O"})
    maker.put(stored, std::string("blocks.0.attn.") + name);
  maker.put(stored, "tokens");
}

std::vector<float>& elements(activation_maker& maker, const std::string& name) {
  return maker.tensors.at("blocks.0.attn." + name).elements;
}
std::vector<index_t>& extents(activation_maker& maker, const std::string& name) {
  return maker.tensors.at("blocks.0.attn." + name).extents;
}

/// Labels and residuals are NumPy's, from position `first` of each passage on.
void check_against_numpy(const source_layer& layer, index_t passages, index_t first_passage,
                         index_t first, double tolerance) {
  const auto residual = atlas::io::read_npy<double, 5>(numpy_archives + "residual.npy");
  const index_t length = residual.extent(3), each = length - first;
  REQUIRE(extents_of_points(layer) ==
          atlas::shape<3>{residual.extent(2), passages * each, residual.extent(4)});
  double worst = 0;
  for (index_t n = 0; n < passages * each; ++n) {
    CHECK(layer.context[n] == n / each);
    CHECK(layer.position[n] == first + n % each);
    for (index_t h = 0; h < residual.extent(2); ++h)
      for (index_t k = 0; k < residual.extent(4); ++k)
        worst = std::max(worst, std::abs(point_of(layer, h, n, k) -
                                         residual(layer.layer, first_passage + n / each, h,
                                                  first + n % each, k)));
  }
  CHECK(worst < tolerance);
}

}  // namespace

TEST_CASE("residuals of NumPy's activations are those that NumPy computes") {
  const auto attended = atlas::io::read_npy<index_t, 4>(numpy_archives + "attended.npy");
  for (const std::string name : {"stored.npz", "mixed.npz"}) {
    const array_file file(numpy_archives + name);
    REQUIRE(atlas_program::holds_activations(file));
    const auto layers = atlas_program::layers_of_activations(file);
    CHECK(layers == std::vector<index_t>{0, 1});
    const auto found = read_activations(file, layers, all_places(2));
    CHECK(found.heads_per_group == 2);
    REQUIRE(found.layers.size() == 2);
    std::vector<index_t> tokens(24);
    atlas_program::read_elements(file.at("tokens"), 0, std::span(tokens));
    for (const source_layer& layer : found.layers) {
      const bool wide = std::holds_alternative<owned_tensor<double, 3>>(layer.points);
      CHECK(wide == (name == "mixed.npz"));
      check_against_numpy(layer, 3, 0, 2, wide ? 1e-14 : 2e-6);
      for (index_t n = 0; n < layer.context.size(); ++n) {
        const index_t passage = 8 * layer.context[n];
        CHECK(layer.token[n] == tokens[static_cast<std::size_t>(passage + layer.position[n])]);
        for (index_t h = 0; h < 4; ++h) {
          const index_t key = attended(layer.layer, layer.context[n], h, layer.position[n]);
          CHECK(layer.attended(h, n) == tokens[static_cast<std::size_t>(passage + key)]);
        }
      }
    }
  }
}

TEST_CASE("one passage without a batch, and scores in the place of weights") {
  const array_file file(numpy_archives + "single.npz");
  const auto found =
      read_activations(file, atlas_program::layers_of_activations(file), all_places(1));
  REQUIRE(found.layers.size() == 1);
  CHECK(found.layers[0].layer == 1);
  CHECK(found.layers[0].token.empty());
  CHECK(found.layers[0].attended.empty());
  CHECK(found.layers[0].output_projection.empty());
  check_against_numpy(found.layers[0], 1, 1, 1, 2e-6);
}

TEST_CASE("residuals of transformers' weights and values are its residuals") {
  for (const auto& [model, groups] : {std::pair("micro-gpt2", 4), std::pair("micro-llama", 2)}) {
    INFO(model);
    const auto golden = atlas::io::safetensors::open(test_data + model + "/golden.safetensors");
    activation_maker maker;
    for (const std::string layer : {"0", "1"}) {
      const auto weights = golden.read<float, 3>("attention." + layer);
      const auto values = golden.read<float, 3>("values." + layer);  // one a query head
      const index_t length = values.extent(1), d = values.extent(2), each = 4 / groups;
      std::vector<float> by_position;
      for (index_t t = 0; t < length; ++t)
        for (index_t g = 0; g < groups; ++g)
          for (index_t k = 0; k < d; ++k) by_position.push_back(values(g * each, t, k));
      const std::string prefix = "blocks." + layer + ".attn.hook_";
      maker.put(prefix + "pattern", {4, length, length}, {weights.begin(), weights.end()});
      maker.put(prefix + "v", {length, groups, d}, by_position);
    }
    const auto found = maker.read(all_places(0));
    CHECK(found.heads_per_group == 4 / groups);
    for (const source_layer& layer : found.layers) {
      const auto epsilon = golden.read<float, 3>("epsilon." + std::to_string(layer.layer));
      REQUIRE(extents_of_points(layer) == epsilon.extents());
      double worst = 0;
      for (index_t h = 0; h < 4; ++h)
        for (index_t t = 0; t < epsilon.extent(1); ++t)
          for (index_t k = 0; k < epsilon.extent(2); ++k)
            worst = std::max(
                worst, std::abs(point_of(layer, h, t, k) - static_cast<double>(epsilon(h, t, k))));
      CHECK(worst < 1e-6);
    }
  }
}

TEST_CASE("all that hooks of TransformerLens see is read, and z is weights times values") {
  const array_file file(numpy_archives + "transformer_lens.npz");
  CHECK(file.names().size() == 38);
  const auto layers = atlas_program::layers_of_activations(file);
  CHECK(layers == std::vector<index_t>{0, 1});
  const auto found = read_activations(file, layers, all_places(1));
  CHECK(found.heads_per_group == 1);
  std::vector<double> z(2 * 6 * 2 * 3), v(z.size()), pattern(2 * 2 * 6 * 6);
  atlas_program::read_elements(file.at("blocks.1.attn.hook_z"), 0, std::span(z));
  atlas_program::read_elements(file.at("blocks.1.attn.hook_v"), 0, std::span(v));
  atlas_program::read_elements(file.at("blocks.1.attn.hook_pattern"), 0, std::span(pattern));
  const auto row_of = [](index_t n, index_t h) { return ((n / 5 * 6 + 1 + n % 5) * 2 + h) * 3; };
  double worst = 0;
  for (index_t n = 0; n < 10; ++n)
    for (index_t h = 0; h < 2; ++h) {
      const auto weights = pattern.begin() + ((n / 5 * 2 + h) * 6 + 1 + n % 5) * 6;
      const index_t most = std::max_element(weights, weights + 6) - weights;
      for (index_t k = 0; k < 3; ++k) {
        const double value = v[static_cast<std::size_t>(((n / 5 * 6 + most) * 2 + h) * 3 + k)];
        const double residual = z[static_cast<std::size_t>(row_of(n, h) + k)] - value;
        worst = std::max(worst, std::abs(point_of(found.layers[1], h, n, k) - residual));
      }
    }
  CHECK(worst < 1e-6);
}

namespace {

/// What hooks of this library's own model have seen of a text, `[B, T]`.
void put_captures(activation_maker& maker, const atlas::transformer& model,
                  const owned_tensor<index_t, 2>& blocks) {
  const auto& c = model.config();
  const index_t b = blocks.extent(0), t = blocks.extent(1), h = c.heads, d = c.head_dimension;
  const index_t g = h / c.heads_per_group();
  for (index_t l = 0; l < c.layers; ++l) {
    const std::string prefix = "blocks." + std::to_string(l) + ".attn.hook_";
    const auto room = [](index_t n) { return std::vector<float>(static_cast<std::size_t>(n)); };
    maker.put(prefix + "pattern", {b, h, t, t}, room(b * h * t * t));
    maker.put(prefix + "attn_scores", {b, h, t, t}, room(b * h * t * t));
    maker.put(prefix + "v", {b, t, g, d}, room(b * t * g * d));
    for (const char* hook : {"q", "z"}) maker.put(prefix + hook, {b, t, h, d}, room(b * t * h * d));
  }
  const auto see = [&](const atlas::head_capture& capture) {
    const std::string prefix = "blocks." + std::to_string(capture.layer) + ".attn.hook_";
    const auto element = [&](const char* hook, index_t at) -> float& {
      return maker.tensors.at(prefix + hook).elements[static_cast<std::size_t>(at)];
    };
    for (index_t i = 0; i < t; ++i) {
      const index_t row = capture.block * t + i;
      for (index_t j = 0; j < t; ++j) {
        const index_t at = ((capture.block * h + capture.head) * t + i) * t + j;
        element("pattern", at) = capture.weights(i, j);
        element("attn_scores", at) = capture.logits(i, j);
      }
      for (index_t k = 0; k < d; ++k) {
        element("v", (row * g + capture.key_value_head) * d + k) = capture.values(i, k);
        element("q", (row * h + capture.head) * d + k) = capture.queries(i, k);
        element("z", (row * h + capture.head) * d + k) = capture.context(i, k);
      }
    }
  };
  std::vector<index_t> layers;
  for (index_t l = 0; l < c.layers; ++l) layers.push_back(l);
  model.forward(blocks, {.observed_layers = layers, .observer = see, .threads = 1});
}

owned_tensor<index_t, 2> counted_blocks(index_t passages) {
  owned_tensor<index_t, 2> blocks({passages, 20});
  for (index_t i = 0; i < blocks.size(); ++i)
    blocks.mutable_view()(i / 20, i % 20) = (i * i * 7 + i) % 96;
  return blocks;
}

}  // namespace

TEST_CASE("residuals of a model's activations are its clouds, bit for bit, at the same places") {
  for (const char* name : {"micro-gpt2", "micro-llama"}) {
    INFO(name);
    const auto model = atlas::io::open_transformer(test_data + name);
    const auto blocks = counted_blocks(3);
    const auto wanted = atlas::collect_clouds(
        model, blocks, {.min_context = 3, .points = 24, .seed = 5, .threads = 1});
    activation_maker maker;
    put_captures(maker, model, blocks);
    const activation_options options{.min_context = 3, .points = 24, .seed = 5};
    const auto found = maker.read(options);
    CHECK(found.heads_per_group == model.config().heads_per_group());
    REQUIRE(found.layers.size() == wanted.layers.size());
    for (std::size_t l = 0; l < found.layers.size(); ++l) {
      const auto& points = std::get<owned_tensor<float, 3>>(found.layers[l].points);
      const auto& expected = wanted.layers[l];
      CHECK(std::ranges::equal(points, expected.points));
      CHECK(points.extents() == expected.points.extents());
      CHECK(std::ranges::equal(found.layers[l].context, expected.context));
      CHECK(std::ranges::equal(found.layers[l].position, expected.position));
    }
    // Scores give the same weights up to rounding.
    for (index_t l = 0; l < model.config().layers; ++l)
      maker.tensors.erase("blocks." + std::to_string(l) + ".attn.hook_pattern");
    const auto of_scores = maker.read(options);
    double worst = 0;
    const auto& exact = std::get<owned_tensor<float, 3>>(found.layers[1].points);
    const auto& close = std::get<owned_tensor<float, 3>>(of_scores.layers[1].points);
    for (index_t i = 0; i < exact.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(exact.data()[i]) -
                                       static_cast<double>(close.data()[i])));
    CHECK(worst < 1e-6);
  }
}

TEST_CASE("the program measures activations as it does their clouds") {
  const auto model = atlas::io::open_transformer(test_data + "micro-gpt2");
  const auto blocks = counted_blocks(12);
  activation_maker maker;
  put_captures(maker, model, blocks);
  const auto projection = model.output_projection(1);
  const auto mixing = atlas::copy_as<float>(projection);
  maker.put("blocks.1.attn.W_O", {4, 8, mixing.extent(1)}, {mixing.begin(), mixing.end()});
  const std::string activations = atlas_test::quoted(maker.written());

  const auto clouds =
      atlas::collect_clouds(model, blocks,
                            {.layers = {1}, .min_context = 3, .points = 96, .threads = 1})
          .layers.front();
  const atlas::tensor_view<const index_t, 1> context = clouds.context, position = clouds.position;
  const atlas::tensor_view<const float, 2> written = mixing;
  std::vector<atlas::io::tensor_entry> entries = {entry("layer.1.context", context),
                                                  entry("layer.1.position", position),
                                                  entry("layer.1.output_projection", written)};
  for (index_t h = 0; h < 4; ++h) {
    const atlas::tensor_view<const float, 2> points = clouds.points[h];
    entries.push_back(entry("layer.1.head." + std::to_string(h), points));
  }
  const auto file = maker.folder / "clouds.safetensors";
  atlas::io::write_safetensors(file, entries, {{"output_projection", "heads-by-model"}});

  for (const std::string command : {"measure --local-dim 2 --surrogates 10 --json - --clouds ",
                                    "autoencode --bottleneck 2 --hidden 8 --epochs 2 --json - "
                                    "--clouds "}) {
    INFO(command);
    const program_run of_clouds = run(maker.folder, command + atlas_test::quoted(file));
    const program_run of_activations =
        run(maker.folder, command + activations + " --layers 1 --min-context 3 --points 96");
    CAPTURE(of_clouds.err, of_activations.err);
    REQUIRE(of_clouds.status == 0);
    REQUIRE(of_activations.status == 0);
    CHECK(of_activations.json()["layers"] == of_clouds.json()["layers"]);
    CHECK(of_activations.json()["source"]["rows"] == "residual");
  }
  const program_run queries =
      run(maker.folder,
          "measure --rows q --local-dim 2 --surrogates 0 --min-context 3 --json - "
          "--clouds " +
              activations);
  CAPTURE(queries.err);
  REQUIRE(queries.status == 0);
  CHECK(queries.json()["layers"].size() == 2);
  CHECK(queries.json()["source"]["rows"] == "q");
  const program_run keys = run(maker.folder, "measure --rows k --clouds " + activations);
  CHECK(keys.status == 2);
  CHECK(keys.one_line_of_error());
  CHECK(has(keys.err, "expected a tensor \"blocks.0.attn.hook_k\", got none of that name"));
}

namespace {

/// Keys that captures have, beside what `put_captures` has of them.
void put_keys(activation_maker& maker, const atlas::transformer& model,
              const owned_tensor<index_t, 2>& blocks) {
  const auto& c = model.config();
  const index_t t = blocks.extent(1), g = c.key_value_heads, d = c.head_dimension;
  for (index_t l = 0; l < c.layers; ++l)
    maker.put("blocks." + std::to_string(l) + ".attn.hook_k", {blocks.extent(0), t, g, d},
              std::vector<float>(static_cast<std::size_t>(blocks.size() * g * d)));
  model.forward(blocks,
                {.observer =
                     [&](const atlas::head_capture& capture) {
                       auto& keys =
                           maker.tensors
                               .at("blocks." + std::to_string(capture.layer) + ".attn.hook_k")
                               .elements;
                       for (index_t i = 0; i < t; ++i)
                         for (index_t k = 0; k < d; ++k)
                           keys[static_cast<std::size_t>(
                               ((capture.block * t + i) * g + capture.key_value_head) * d + k)] =
                               capture.keys(i, k);
                     },
                 .threads = 1});
}

/// Means of an observable, of each head of each layer.
std::vector<double> means_of(const nlohmann::json& result, const std::string& name) {
  std::vector<double> out;
  for (const auto& layer : result["layers"])
    for (const auto& head : layer["heads"])
      out.push_back(head[name]["mean"].is_null() ? NAN : head[name]["mean"].get<double>());
  return out;
}

}  // namespace

TEST_CASE("observables of a model's activations are those of the model") {
  const std::vector<std::string> of_energies = {"free_energy", "mean_energy"},
                                 of_weights = {"heat_capacity", "entropy",
                                               "entropy_null",  "effective_temperature",
                                               "purity",        "von_neumann_entropy",
                                               "ratio",         "ratio_null",
                                               "margin"};
  for (const std::string name : {"micro-gpt2", "micro-llama"}) {
    INFO(name);
    const auto model = atlas::io::open_transformer(test_data + name);
    const auto blocks = counted_blocks(4);
    activation_maker maker;
    put_captures(maker, model, blocks);
    put_keys(maker, model, blocks);
    owned_tensor<std::int64_t, 1> ids({blocks.size()});
    std::copy_n(blocks.data(), blocks.size(), ids.mutable_view().data());
    atlas::io::write_npy(maker.folder / "ids.npy", ids);
    const std::string shared = "thermo --min-context 3 --json - ";
    const auto of_model =
        run(maker.folder, shared + "--permutations 9 --blocks 4 --block-size 20 --model " +
                              atlas_test::quoted(test_data + name) + " --tokens " +
                              atlas_test::quoted(maker.folder / "ids.npy"));
    CAPTURE(of_model.err);
    REQUIRE(of_model.status == 0);
    const auto compare = [&](bool energies, bool queries) {
      const program_run r =
          run(maker.folder, shared + "--clouds " + atlas_test::quoted(maker.written()));
      CAPTURE(r.err);
      REQUIRE(r.status == 0);
      const auto check = [&](const std::string& observable, bool known) {
        const auto got = means_of(r.json(), observable),
                   wanted = means_of(of_model.json(), observable);
        REQUIRE(got.size() == wanted.size());
        for (std::size_t i = 0; i < got.size(); ++i) {
          CAPTURE(observable, i, got[i], wanted[i]);
          if (known)
            CHECK(got[i] == Approx(wanted[i]).epsilon(1e-3).margin(1e-4));
          else
            CHECK(std::isnan(got[i]));
        }
      };
      for (const std::string& x : of_weights) check(x, true);
      for (const std::string& x : of_energies) check(x, energies);
      check("argmax_stability", queries);
      const auto result = r.json();
      for (const auto& layer : result["layers"]) {
        CHECK(layer["logits"] == (energies ? "hook_attn_scores" : "ln hook_pattern"));
        CHECK(layer["prediction_entropy"].is_null());
        CHECK(layer["passages"] == 4);
      }
      CHECK(!r.json().contains("crystallization"));
    };
    const auto drop = [&](const std::string& hook) {
      for (index_t l = 0; l < model.config().layers; ++l)
        maker.tensors.erase("blocks." + std::to_string(l) + ".attn." + hook);
    };
    compare(true, true);
    // Other queries than those of the weights, as those before rotary embedding are.
    for (float& x : maker.tensors.at("blocks.0.attn.hook_q").elements) x = -2 * x;
    for (float& x : maker.tensors.at("blocks.1.attn.hook_q").elements) x = -2 * x;
    compare(true, false);
    drop("hook_k");
    compare(true, false);
    drop("hook_attn_scores");
    compare(false, false);
  }
}

TEST_CASE("observables of activations are refused where they are not known") {
  activation_maker maker;
  put_first_layer(maker);
  const std::string file = atlas_test::quoted(maker.written());
  const auto refused = [&](const std::string& command, const std::string& says) {
    const program_run r = run(maker.folder, command);
    CAPTURE(command, r.err, says);
    CHECK(r.status != 0);
    CHECK(r.out.empty());
    CHECK(has(r.err, says));
  };
  for (const std::string option :
       {"--model tiny-gpt2", "--text addresses", "--blocks 3", "--bos none", "--permutations 9"})
    refused("thermo --min-context 0 --clouds " + file + " " + option,
            option.substr(0, option.find(' ')) + ": has no effect with --clouds");
  refused("thermo --min-context 100 --clouds " + file, "--min-context");
  elements(maker, "hook_pattern")[1] += 0.5F;
  elements(maker, "hook_pattern")[0] -= 0.5F;
  refused("thermo --min-context 0 --clouds " + atlas_test::quoted(maker.written()),
          "no weight on later keys");
  maker.tensors.erase("blocks.0.attn.hook_v");
  refused("thermo --min-context 0 --clouds " + atlas_test::quoted(maker.written()),
          "blocks.0.attn.hook_v");
  activation_maker clouds;
  clouds.put("layer.0.head.0", {4, 2}, std::vector<float>(8, 1));
  const std::string of_clouds = atlas_test::quoted(clouds.written());
  refused("thermo --clouds " + of_clouds,
          "blocks.L.attn.hook_pattern or hook_attn_scores and hook_v");
  refused("measure --without-sinks --clouds " + of_clouds,
          "--without-sinks: has no effect with clouds");
  refused("measure --without-sinks --rows q --clouds " + file,
          "--without-sinks: has no effect with --rows");
  refused("measure --sink-weight 0.2", "--sink-weight: has no effect without --without-sinks");
  refused("measure --sink-norm 2", "--sink-norm: has no effect without --without-sinks");
}

namespace {

/// Random heads of 8 passages of 40 positions, with values of 4 coordinates: head 0 has a sink at
/// key 0 that some queries look at most, head 1 has none, and head 2 looks at its sink always.
void put_heads_with_sinks(activation_maker& maker) {
  const index_t passages = 8, length = 40, heads = 3, d = 4;
  std::vector<float> scores(static_cast<std::size_t>(passages * heads * length * length)),
      values(static_cast<std::size_t>(passages * length * heads * d));
  atlas::random_stream random(3);
  for (index_t b = 0; b < passages; ++b)
    for (index_t h = 0; h < heads; ++h)
      for (index_t t = 0; t < length; ++t) {
        for (index_t j = 0; j < length; ++j) {
          const double drawn = 2 * random.normal() + (j > 0 ? 0 : h == 0 ? 4.5 : h == 2 ? 40 : 0);
          scores[static_cast<std::size_t>(((b * heads + h) * length + t) * length + j)] =
              j > t ? -1e5F : static_cast<float>(drawn);
        }
        for (index_t k = 0; k < d; ++k)
          values[static_cast<std::size_t>(((b * length + t) * heads + h) * d + k)] =
              static_cast<float>(random.normal() * (t == 0 && h != 1 ? 0.01 : 1));
      }
  maker.put("blocks.0.attn.hook_attn_scores", {passages, heads, length, length}, scores);
  maker.put("blocks.0.attn.hook_v", {passages, length, heads, d}, values);
}

}  // namespace

TEST_CASE("clouds without sinks have each head's rows that do not rest on one") {
  activation_maker maker;
  put_heads_with_sinks(maker);
  const std::string activations = atlas_test::quoted(maker.written());
  const std::string command = "measure --local-dim 2 --surrogates 10 --min-context 2 --json - ";
  const program_run all = run(maker.folder, command + "--clouds " + activations),
                    without =
                        run(maker.folder, command + "--without-sinks --clouds " + activations);
  CAPTURE(all.err, without.err);
  REQUIRE(all.status == 0);
  REQUIRE(without.status == 0);
  CHECK(without.out ==
        run(maker.folder, command + "--threads 1 --without-sinks --clouds " + activations).out);
  CHECK(without.json()["source"]["without_sinks"] == true);
  const auto layer = without.json()["layers"][0];
  const index_t rows = all.json()["layers"][0]["heads"][0]["points"];
  CHECK(!all.json()["layers"][0]["heads"][0].contains("left_out_rows"));
  for (std::size_t h = 0; h < 3; ++h)
    CHECK(layer["heads"][h]["points"].get<index_t>() +
              layer["heads"][h]["left_out_rows"].get<index_t>() ==
          rows);
  CHECK(layer["heads"][0]["points"].get<index_t>() > 60);
  CHECK(layer["heads"][0]["left_out_rows"].get<index_t>() > 60);
  CHECK(layer["heads"][1]["left_out_rows"] == 0);
  CHECK(layer["heads"][1]["two_nn"] == all.json()["layers"][0]["heads"][1]["two_nn"]);
  CHECK(layer["heads"][2]["points"] == 0);
  CHECK(layer["heads"][2]["fault"].is_string());
  CHECK(layer["heads"][2]["two_nn"]["none"]["dimension"].is_null());
  CHECK(layer["overlap"]["head_coordinates"]["left_out"] == std::vector<int>{2});
  CHECK(layer["overlap"]["head_coordinates"]["global"]["pairs"] == 1);
  CHECK(layer["overlap"]["head_coordinates"]["ceiling"]["mean"].is_number());

  // The rows of head 0 that the library keeps, as a file of clouds: the same numbers of it.
  const array_file file(maker.written());
  const auto read = read_activations(file, {0}, {.min_context = 2, .without_sinks = true});
  const source_layer& source = read.layers.front();
  std::vector<index_t> context, position;
  std::vector<float> points;
  for (index_t n = 0; n < rows; ++n) {
    if (source.left_out(0, n) != 0) continue;
    context.push_back(source.context[n]);
    position.push_back(source.position[n]);
    for (index_t k = 0; k < 4; ++k) points.push_back(static_cast<float>(point_of(source, 0, n, k)));
  }
  const auto count = std::ssize(context);
  const std::vector<atlas::io::tensor_entry> entries = {
      entry("layer.0.context", atlas::tensor_view<const index_t, 1>(context.data(), {count})),
      entry("layer.0.position", atlas::tensor_view<const index_t, 1>(position.data(), {count})),
      entry("layer.0.head.0", atlas::tensor_view<const float, 2>(points.data(), {count, 4}))};
  atlas::io::write_safetensors(maker.folder / "clouds.safetensors", entries, {});
  const program_run kept =
      run(maker.folder, "measure --surrogates 10 --json - --clouds " +
                            atlas_test::quoted(maker.folder / "clouds.safetensors"));
  CAPTURE(kept.err);
  REQUIRE(kept.status == 0);
  const auto of_kept = kept.json()["layers"][0]["heads"][0];
  CHECK(of_kept["points"] == layer["heads"][0]["points"]);
  for (const char* estimate : {"none", "distinct", "whole", "truncated", "surrogate", "fit"})
    CHECK(of_kept["two_nn"][estimate] == layer["heads"][0]["two_nn"][estimate]);
  CHECK(of_kept["pca_rank"] == layer["heads"][0]["pca_rank"]);
}

TEST_CASE("measure leaves out rows of a model's heads that rest on sinks") {
  const temporary_folder folder;
  const std::string command =
      "measure --model tiny-llama --layers 5 --blocks 12 --points 240 --surrogates 0 --json - ";
  const auto layer = run(folder, command + "--without-sinks --sink-weight 0.01 --sink-norm 1000")
                         .json()["layers"][0];
  index_t left_out = 0;
  for (const auto& head : layer["heads"]) {
    CHECK(head["points"].get<index_t>() + head["left_out_rows"].get<index_t>() == 240);
    left_out += head["left_out_rows"].get<index_t>();
  }
  CHECK(left_out > 0);
  CHECK(layer["overlap"]["residual_stream"]["global"]["turned_z"].is_number());
  CHECK(layer["overlap"]["residual_stream"]["ceiling"]["mean"].is_number());
}

TEST_CASE("heads whose own rows are no cloud, or too few, are in no pair") {
  const temporary_folder folder;
  const std::string command =
      "measure --model tiny-llama --layers 5 --surrogates 0 --json - --without-sinks ";
  const auto few = run(folder, command +
                                   "--blocks 20 --points 33 --local-dim 32 "
                                   "--sink-weight 0.01 --sink-norm 1000")
                       .json()["layers"][0];
  CHECK(few["heads"].size() == 6);
  CHECK(few["overlap"]["residual_stream"]["left_out"].size() > 0);
  const auto none = run(folder, command + "--blocks 5 --points 25").json()["layers"][0];
  for (const auto& head : none["heads"]) CHECK(head["two_nn"]["none"]["dimension"].is_null());
  CHECK(!none.contains("overlap"));
}

TEST_CASE("a cloud of a file of activations is one for commands of a single cloud") {
  activation_maker maker;
  put_heads_with_sinks(maker);
  const std::string file = " --clouds " + atlas_test::quoted(maker.written());
  const array_file read(maker.written());
  const auto layer = read_activations(read, {0}, {.min_context = 2, .points = 200}).layers.front();
  const auto& points = std::get<owned_tensor<float, 3>>(layer.points);
  const atlas::tensor_view<const float, 3> all = points;
  const atlas::tensor_view<const float, 2> one = points[1];
  const atlas::tensor_view<const index_t, 1> context = layer.context, position = layer.position;
  atlas::io::write_npy(maker.folder / "all.npy", all);
  atlas::io::write_npy(maker.folder / "one.npy", one);
  atlas::io::write_npy(maker.folder / "context.npy", context);
  atlas::io::write_npy(maker.folder / "position.npy", position);
  const auto npy = [&](const char* name) { return " " + atlas_test::quoted(maker.folder / name); };
  const std::string labels =
      " --context" + npy("context.npy") + " --position" + npy("position.npy");
  const std::string picked = file + " --layer 0 --min-context 2 --points 200";
  const auto same = [&](const std::string& of_npy, const std::string& of_file) {
    const program_run a = run(maker.folder, of_npy), b = run(maker.folder, of_file);
    CAPTURE(of_npy, of_file, a.err, b.err);
    REQUIRE(a.status == 0);
    REQUIRE(b.status == 0);
    auto x = a.json(), y = b.json();
    x.erase("run"), y.erase("run");
    CHECK(x == y);
  };
  same("rank --json -" + npy("one.npy"), "rank --json -" + picked + " --head 1");
  same("two-nn --json - --surrogates 10" + npy("one.npy") + labels,
       "two-nn --json - --surrogates 10" + picked + " --head 1");
  same("two-nn --json - --exclude 3" + npy("one.npy") + labels,
       "two-nn --json - --exclude 3" + picked + " --head 1");
  const std::string estimators = " --json - --estimators two_nn,mom:k=20";
  same("dimension" + npy("one.npy") + labels.substr(0, labels.find(" --pos")) + estimators,
       "dimension" + picked + " --head 1" + estimators);
  same("overlap --json - --local-dim 2" + npy("all.npy"),
       "overlap --json - --local-dim 2" + picked);
  const auto refused = [&](const std::string& command, const std::string& says) {
    const program_run r = run(maker.folder, command);
    CAPTURE(command, r.err, says);
    CHECK(r.status != 0);
    CHECK(has(r.err, says));
  };
  for (const std::string command : {"rank", "two-nn", "dimension"}) {
    refused(command, "X.npy is required");
    refused(command + picked, "--head: expected the number of a head of layer 0");
    refused(command + picked + " --head 3", "--head");
    refused(command + file, "--layer: expected the number of a layer");
    refused(command + npy("one.npy") + " --layer 0", "--layer");
    refused(command + npy("one.npy") + picked + " --head 0", "--clouds");
  }
  refused("overlap", "CLOUDS.npy is required");
  refused("overlap" + picked + " --heads-per-group 3", "--heads-per-group: has no effect");
  refused("two-nn" + picked + " --head 0 --context" + npy("context.npy"),
          "--context: has no effect");
  refused("rank" + file + " --layer 7 --head 0", "7");
}

TEST_CASE("tokens and projections of activations come along") {
  activation_maker maker;
  put_first_layer(maker);
  const auto layer = maker.read().layers[0];
  const auto& projection = maker.tensors.at("blocks.0.attn.W_O");
  CHECK(layer.output_projection.extents() == atlas::shape<2>{12, 5});
  CHECK(std::ranges::equal(layer.output_projection, projection.elements));
  CHECK(layer.token.size() == 18);
  CHECK(layer.attended.extents() == atlas::shape<2>{4, 18});
  CHECK(layer.precision.empty());
}

namespace {

/// How far residuals of activations that were rounded to `Stored` are from those of the rounded
/// numbers in double.
template <class Stored>
double error_of_rounded(const activation_maker& maker) {
  const auto rounded = [&](const char* name, index_t at) {
    const auto& all = maker.tensors.at(std::string("blocks.0.attn.hook_") + name).elements;
    return static_cast<double>(static_cast<Stored>(all[static_cast<std::size_t>(at)]));
  };
  const auto found =
      read_activations(array_file(maker.written<Stored>()), {0}, all_places(2)).layers[0];
  double worst = 0;
  for (index_t n = 0; n < 18; ++n)
    for (index_t h = 0; h < 4; ++h) {
      const index_t passage = n / 6, row = ((passage * 4 + h) * 8 + 2 + n % 6) * 8;
      index_t most = 0;
      for (index_t i = 1; i < 8; ++i)
        if (rounded("pattern", row + i) > rounded("pattern", row + most)) most = i;
      for (index_t k = 0; k < 3; ++k) {
        const auto value = [&](index_t i) {
          return rounded("v", ((passage * 8 + i) * 2 + h / 2) * 3 + k);
        };
        double residual = 0;
        for (index_t i = 0; i < 8; ++i)
          residual += rounded("pattern", row + i) * (value(i) - value(most));
        worst = std::max(worst, std::abs(point_of(found, h, n, k) - residual));
      }
    }
  return worst;
}

}  // namespace

TEST_CASE("activations of half precision and in float64") {
  activation_maker maker;
  put_first_layer(maker);
  maker.tensors.erase("tokens");
  CHECK(error_of_rounded<double>(maker) < 1e-14);
  CHECK(error_of_rounded<float>(maker) < 1e-6);
  CHECK(error_of_rounded<Eigen::half>(maker) < 1e-6);
  CHECK(error_of_rounded<Eigen::bfloat16>(maker) < 1e-6);
  const auto z =
      read_activations(array_file(maker.written<Eigen::half>()), {0}, all_places(2, "z"));
  CHECK(z.layers[0].precision ==
        std::vector<atlas::stored_precision>(4, atlas::stored_precision::half));
  const auto wide = read_activations(array_file(maker.written<double>()), {0}, all_places(2, "z"));
  CHECK(std::holds_alternative<owned_tensor<double, 3>>(wide.layers[0].points));
}

TEST_CASE("rows of hooks themselves, each with its heads") {
  const array_file file(numpy_archives + "stored.npz");
  for (const std::string hook : {"q", "k", "v", "z"}) {
    INFO(hook);
    const bool shared = hook == "k" || hook == "v";
    const auto found = read_activations(file, {0, 1}, all_places(2, hook));
    CHECK(found.heads_per_group == (shared ? 1 : 2));
    const index_t heads = shared ? 2 : 4;
    CHECK(extents_of_points(found.layers[1]) == atlas::shape<3>{heads, 18, 3});
    CHECK(found.layers[1].output_projection.empty() == (hook != "z"));
    CHECK(found.layers[1].attended.empty());
    CHECK(found.layers[1].token.size() == 18);
    std::vector<float> elements(static_cast<std::size_t>(3 * 8 * heads * 3));
    atlas_program::read_elements(file.at("blocks.1.attn.hook_" + hook), 0, std::span(elements));
    bool equal = true;
    for (index_t h = 0; h < heads; ++h)
      for (index_t n = 0; n < 18; ++n)
        for (index_t k = 0; k < 3; ++k) {
          const index_t row = n / 6 * 8 + 2 + n % 6;
          equal = equal && point_of(found.layers[1], h, n, k) ==
                               static_cast<double>(
                                   elements[static_cast<std::size_t>((row * heads + h) * 3 + k)]);
        }
    CHECK(equal);
  }
}

TEST_CASE("groups of heads are the file's own, or n_rep's where it cannot tell") {
  activation_maker maker;
  put_first_layer(maker);
  maker.metadata["n_rep"] = "2";
  CHECK(maker.read().heads_per_group == 2);
  maker.metadata["n_rep"] = "4";
  CHECK(has(maker.refused(), "metadata n_rep to be 2, as the hooks of layer 0 are, got 4"));
  maker.metadata["n_rep"] = "two";
  CHECK(has(maker.refused(), "n_rep"));
  // Values that were repeated for each query head.
  auto& values = maker.tensors.at("blocks.0.attn.hook_v");
  std::vector<float> repeated;
  for (std::size_t at = 0; at < values.elements.size(); at += 3)
    for (int i = 0; i < 2; ++i)
      repeated.insert(repeated.end(), values.elements.begin() + static_cast<std::ptrdiff_t>(at),
                      values.elements.begin() + static_cast<std::ptrdiff_t>(at + 3));
  values = {{3, 8, 4, 3}, repeated};
  maker.metadata = {{"n_rep", "2"}};
  CHECK(maker.read().heads_per_group == 2);
  CHECK(maker.read(all_places(2, "v")).heads_per_group == 2);
  check_against_numpy(maker.read().layers[0], 3, 0, 2, 2e-6);
  maker.metadata.clear();
  CHECK(maker.read().heads_per_group == 1);
  maker.tensors = {{"blocks.0.attn.hook_q", maker.tensors.at("blocks.0.attn.hook_z")}};
  maker.metadata = {{"n_rep", "4"}, {"model", "mine"}, {"format", "np"}};
  CHECK(maker.read(all_places(2, "q")).heads_per_group == 4);
}

TEST_CASE("hooks that a file of activations lacks are named, and names that no hook has refused") {
  activation_maker maker;
  put_first_layer(maker);
  activation_maker unweighted, valueless;
  unweighted.tensors = valueless.tensors = maker.tensors;
  unweighted.tensors.erase("blocks.0.attn.hook_pattern");
  valueless.tensors.erase("blocks.0.attn.hook_v");
  CHECK(has(
      unweighted.refused(),
      "layer 0: expected a tensor blocks.0.attn.hook_pattern or blocks.0.attn.hook_attn_scores"));
  CHECK(has(valueless.refused(), "layer 0: expected a tensor blocks.0.attn.hook_v"));
  CHECK(has(valueless.refused(all_places(2, "v")), "a tensor \"blocks.0.attn.hook_v\""));
  CHECK(has(maker.refused(all_places(2, "q")), "a tensor \"blocks.0.attn.hook_q\""));

  for (const char* name :
       {"hook_embed", "ln_final.hook_scale", "blocks.0.hook_resid_pre", "blocks.0.ln1.hook_scale",
        "blocks.0.mlp.hook_post", "blocks.0.attn.hook_result", "blocks.0.attn.hook_rot_q"}) {
    activation_maker whole;
    whole.tensors = maker.tensors;
    whole.put(name, {1}, {0});
    CHECK(whole.read().layers.size() == 1);
  }
  for (const std::string name :
       {"blocks.0.attn.hook_values", "blocks.00.attn.hook_v", "blocks.0.attn.W_V", "blocks.x",
        "blocks.0.attn.hook_pattern.0", "token", "blocks.0attn.hook_v", "layer.0.head.0"}) {
    activation_maker other;
    other.tensors = maker.tensors;
    other.put(name, {1}, {0});
    CHECK(has(other.refused(), "tensor \"" + name + "\": expected blocks.L.attn.hook_"));
  }
  activation_maker none;
  none.put("blocks.0.attn.W_O", {1}, {0});
  CHECK(
      has(none.refused(), "tensors blocks.L.attn.hook_q, k, v, z, pattern, attn_scores, got none"));
  maker.metadata["output_projection"] = "heads-by-model";
  CHECK(has(maker.refused(),
            "metadata n_rep, format, model, text, comment, got \"output_projection\""));
}

TEST_CASE("shapes of activations that contradict each other are refused by name") {
  const auto refused = [](const std::string& array, const std::vector<index_t>& shape,
                          const std::string& message) {
    activation_maker maker;
    put_first_layer(maker);
    auto& x = maker.tensors.at(array);
    index_t count = 1;
    for (const index_t e : shape) count *= e;
    x = {shape, std::vector<float>(static_cast<std::size_t>(count))};
    const std::string said = maker.refused();
    INFO(said);
    CHECK(has(said, "\"" + array + "\": expected " + message));
    CHECK(has(said, ", got ["));
  };
  const std::string prefix = "blocks.0.attn.";
  refused(prefix + "hook_v", {24, 6}, "[batch, position, head, d_head], the batch perhaps");
  refused(prefix + "hook_v", {1, 3, 8, 2, 3}, "[batch, position, head, d_head]");
  refused(prefix + "hook_v", {3, 8, 2, 0}, "[batch, position, head, d_head]");
  refused(prefix + "hook_pattern", {8, 8}, "[batch, head, query, key]");
  refused(prefix + "hook_pattern", {3, 4, 8, 7}, "shape [any, any, any, 8], as many keys");
  refused(prefix + "hook_v", {3, 7, 2, 3}, "shape [3, 8, any, any], as hook_pattern");
  refused(prefix + "hook_v", {2, 8, 2, 3}, "shape [3, 8, any, any], as hook_pattern");
  refused(prefix + "hook_z", {3, 8, 4, 2}, "shape [3, 8, 4, 3], as the weights and values");
  refused(prefix + "W_O", {12, 5}, "[4, 3, d_model]");
  refused(prefix + "W_O", {4, 2, 5}, "[4, 3, d_model]");
  refused("tokens", {24}, "shape [3, 8]");
  refused("tokens", {3, 7}, "shape [3, 8]");

  activation_maker heads;
  put_first_layer(heads);
  extents(heads, "hook_z") = {3, 8, 2, 6};
  CHECK(has(heads.refused(), "expected 2 heads, as another hook of the layer, got 4"));
  put_first_layer(heads);
  extents(heads, "hook_v") = {3, 8, 3, 2};
  CHECK(has(heads.refused(), "groups of one size, got 4 of them and 3 of keys and values"));

  activation_maker layers;
  put_first_layer(layers);
  layers.put("blocks.1.attn.hook_v", {2, 8, 2, 3}, std::vector<float>(96));
  layers.put("blocks.1.attn.hook_pattern", {2, 4, 8, 8}, std::vector<float>(512));
  CHECK(has(layers.refused(),
            "\"blocks.1.attn.hook_v\": expected shape [3, 8, any, any], as the "
            "hooks of other layers"));
  layers.put("blocks.1.attn.hook_v", {3, 8, 4, 3}, std::vector<float>(288));
  layers.put("blocks.1.attn.hook_pattern", {3, 4, 8, 8}, std::vector<float>(768));
  CHECK(has(layers.refused(), "layer 1: expected 2 heads a group, as layer 0 has, got 1"));
}

TEST_CASE("activations that are no weights, no numbers, or not of one run are refused") {
  activation_maker maker;
  put_first_layer(maker);
  const auto changed = [&](const std::string& name, std::size_t at, float to) {
    activation_maker other;
    other.tensors = maker.tensors;
    elements(other, name)[at] = to;
    return other.refused();
  };
  const std::size_t last = 3 * 4 * 8 * 8 - 1;  // head 3, passage 2, position 7
  const std::string row =
      "\"blocks.0.attn.hook_pattern\": head 3, passage 2, position 7: expected ";
  CHECK(has(changed("hook_pattern", last, -0.5F), row + "weights of 0 or more, got -0.5"));
  CHECK(has(changed("hook_pattern", last, std::nanf("")), row + "weights of 0 or more, got nan"));
  CHECK(has(changed("hook_pattern", last, 3), row + "weights that sum to 1, got "));
  CHECK(has(changed("hook_v", 143, std::numeric_limits<float>::infinity()),
            "\"blocks.0.attn.hook_v\": passage 2: expected finite"));
  CHECK(has(changed("hook_z", 287, 100),
            "\"blocks.0.attn.hook_z\": head 3: expected the weights "
            "times the values of its layer"));
  CHECK(has(changed("hook_z", 287, std::nanf("")), "hook_z\": head 3"));
  activation_maker scored;
  scored.tensors = maker.tensors;
  auto scores = scored.tensors.extract("blocks.0.attn.hook_pattern");
  scores.key() = "blocks.0.attn.hook_attn_scores";
  std::fill(scores.mapped().elements.end() - 8, scores.mapped().elements.end(),
            -std::numeric_limits<float>::infinity());
  scored.tensors.insert(std::move(scores));
  scored.tensors.erase("blocks.0.attn.hook_z");
  CHECK(has(scored.refused(), "\"blocks.0.attn.hook_attn_scores\": head 3, passage 2, position 7"));
  activation_maker coarse;  // two weights that bfloat16 rounds up
  coarse.tensors = maker.tensors;
  coarse.tensors.erase("blocks.0.attn.hook_z");
  auto& weights = elements(coarse, "hook_pattern");
  std::fill(weights.end() - 8, weights.end(), 0.0F);
  weights[last - 1] = 0.6015625F;
  weights[last] = 0.400390625F;
  CHECK(has(coarse.refused(), row + "weights that sum to 1, got 1.001953125"));
  const array_file rounded(coarse.written<Eigen::bfloat16>("bfloat16.safetensors"));
  CHECK(read_activations(rounded, {0}, all_places(2)).layers.size() == 1);
  activation_maker fractions;
  fractions.tensors = maker.tensors;
  fractions.tensors.at("tokens").elements[0] = 0.5F;
  CHECK(has(fractions.refused(), "tensor \"tokens\": expected elements that fit"));
}

TEST_CASE("places of activations that are not there are refused") {
  activation_maker maker;
  put_first_layer(maker);
  CHECK(has(maker.refused(all_places(8)), "--min-context: expected a position of passages of 8"));
  CHECK(has(maker.refused(all_places(-1)), "--min-context"));
  CHECK(maker.read(all_places(7)).layers[0].context.size() == 3);
  auto typed = all_places(2);
  typed.points = 19;
  CHECK(maker.read(typed).layers[0].context.size() == 18);
  typed.points_are_there = true;
  CHECK(has(maker.refused(typed),
            "--points: expected at most 18, the positions from 2 on of 3 "
            "passages of 8, got 19"));
  typed.points = 6;
  const auto six = maker.read(typed).layers[0];
  CHECK(six.context.size() == 6);
  CHECK(six.context[5] == 2);
  const array_file single(numpy_archives + "single.npz");
  CHECK(has(message_of<atlas::error>([&] { (void)read_activations(single, {1}, all_places(6)); }),
            "--min-context: expected to leave 3 positions or more, got 2"));
}
