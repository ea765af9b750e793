// SPDX-License-Identifier: MIT
/// \file
/// Files of clouds: what they say of themselves is understood or refused, and heads that cannot
/// carry an estimate say so.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/core/random.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;
using atlas::owned_tensor;

namespace {

constexpr atlas::index_t cloud_heads = 3, cloud_rows = 80, cloud_width = 4;
constexpr atlas::index_t cloud_model = cloud_heads * cloud_width;  // so that a projection is square

owned_tensor<float, 2> random_matrix(atlas::index_t rows, atlas::index_t width,
                                     std::uint64_t seed) {
  owned_tensor<float, 2> out({rows, width});
  atlas::random_stream random(seed);
  for (float* x = out.mutable_view().data(); x != out.data() + out.size(); ++x)
    *x = static_cast<float>(random.normal());
  return out;
}

owned_tensor<float, 2> turned(const owned_tensor<float, 2>& x) {
  owned_tensor<float, 2> out({x.extent(1), x.extent(0)});
  for (atlas::index_t i = 0; i < out.extent(0); ++i)
    for (atlas::index_t k = 0; k < out.extent(1); ++k) out.mutable_view()(i, k) = x(k, i);
  return out;
}

/// A file of layer 0, and what else is put into it.
class cloud_maker {
 public:
  cloud_maker() {
    for (atlas::index_t h = 0; h < cloud_heads; ++h)
      matrices["layer.0.head." + std::to_string(h)] =
          random_matrix(cloud_rows, cloud_width, static_cast<std::uint64_t>(h) + 1);
  }

  /// What head h writes with this projection, `[H d, d_model]`; beyond the cloud's last row, zeros.
  owned_tensor<float, 2> written(atlas::index_t h, const owned_tensor<float, 2>& projection,
                                 atlas::index_t rows) const {
    const auto& cloud = matrices.at("layer.0.head." + std::to_string(h));
    owned_tensor<float, 2> out({rows, projection.extent(1)});
    for (atlas::index_t n = 0; n < std::min(rows, cloud.extent(0)); ++n)
      for (atlas::index_t m = 0; m < projection.extent(1); ++m) {
        double sum = 0;
        for (atlas::index_t k = 0; k < cloud_width; ++k)
          sum += static_cast<double>(cloud(n, k)) *
                 static_cast<double>(projection(h * cloud_width + k, m));
        out.mutable_view()(n, m) = static_cast<float>(sum);
      }
    return out;
  }

  program_run measured(const temporary_folder& folder, const std::string& more = "") const {
    std::vector<atlas::io::tensor_entry> entries;
    for (const auto& [name, x] : matrices)
      entries.push_back(entry(name, static_cast<const atlas::tensor_view<const float, 2>&>(x)));
    for (const auto& [name, x] : labels)
      entries.push_back(
          entry(name, static_cast<const atlas::tensor_view<const atlas::index_t, 1>&>(x)));
    const auto file = folder / "clouds.safetensors";
    atlas::io::write_safetensors(file, entries, metadata);
    return run(folder, "measure --surrogates 10 --local-dim 2 --json - --clouds " + quoted(file) +
                           " " + more);
  }
  /// What the program says against it.
  std::string refused(const temporary_folder& folder, const std::string& more = "") const {
    const program_run r = measured(folder, more);
    INFO(r.out << r.err);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    CHECK(r.out.empty());
    return r.err;
  }

  std::map<std::string, owned_tensor<float, 2>> matrices;
  std::map<std::string, owned_tensor<atlas::index_t, 1>> labels;
  std::map<std::string, std::string> metadata;
};

owned_tensor<atlas::index_t, 1> passages(atlas::index_t n) {
  owned_tensor<atlas::index_t, 1> out({n});
  for (atlas::index_t i = 0; i < n; ++i) out.mutable_view()[i] = i / 10;
  return out;
}

owned_tensor<atlas::index_t, 1> places(atlas::index_t n) {
  owned_tensor<atlas::index_t, 1> out({n});
  for (atlas::index_t i = 0; i < n; ++i) out.mutable_view()[i] = i % 10;
  return out;
}

}  // namespace

TEST_CASE("tensors and metadata that would be passed over are refused by name") {
  const temporary_folder folder;
  for (const std::string name : {"layer.0.head.0.context", "layer.0.contexts", "layer.00.context",
                                 "context", "layer.0.head.0.writes"}) {
    cloud_maker file;
    file.labels[name] = passages(cloud_rows);
    CHECK(has(file.refused(folder), "\"" + name + "\": expected layer.L.head.H"));
  }
  cloud_maker other;
  other.labels["layer.3.context"] = passages(cloud_rows);
  CHECK(has(other.refused(folder), "\"layer.3.context\": expected clouds layer.3.head.H"));
  cloud_maker keys;
  keys.metadata["nrep"] = "3";
  CHECK(has(keys.refused(folder), "\"nrep\""));
  keys.metadata = {{"output_projection", "rows"}};
  CHECK(has(keys.refused(folder), "heads-by-model or model-by-heads"));
  keys.metadata = {{"model", "mine"}, {"comment", "of a test"}, {"format", "pt"}, {"n_rep", "3"}};
  keys.labels["layer.0.context"] = passages(cloud_rows);
  keys.labels["layer.0.position"] = places(cloud_rows);
  const program_run r = keys.measured(folder);
  REQUIRE(r.status == 0);
  CHECK(r.json()["source"]["model"] == "mine");
  for (const char* kind : {"none", "distinct", "whole"})
    CHECK(r.json()["layers"][0]["heads"][0]["two_nn"].contains(kind));
}

TEST_CASE("neighbours are counted by what they have in common, and can be kept apart by it") {
  const temporary_folder folder;
  cloud_maker file;
  owned_tensor<atlas::index_t, 1> pairs({cloud_rows});
  for (atlas::index_t i = 0; i < cloud_rows; ++i) pairs.mutable_view()[i] = i % (cloud_rows / 2);
  // Rows of one token in two passages are close to each other in head 0.
  auto cloud = file.matrices["layer.0.head.0"].mutable_view();
  for (atlas::index_t i = cloud_rows / 2; i < cloud_rows; ++i)
    for (atlas::index_t k = 0; k < cloud_width; ++k)
      cloud(i, k) = cloud(i - cloud_rows / 2, k) + 1e-3F * cloud(i, k);
  file.labels["layer.0.context"] = passages(cloud_rows);
  file.labels["layer.0.position"] = places(cloud_rows);
  CHECK(
      has(file.refused(folder, "--apart token"), "--apart token: expected a tensor layer.0.token"));
  file.labels["layer.0.token"] = pairs;
  CHECK(has(file.refused(folder, "--apart attended"), "tensors layer.0.head.H.attended"));
  file.labels["layer.0.head.1.attended"] = pairs;
  CHECK(has(file.refused(folder), "\"layer.0.head.0.attended\": expected labels for all heads"));
  for (const char* head : {"0", "2"})
    file.labels[std::string("layer.0.head.") + head + ".attended"] = passages(cloud_rows);
  const auto found = file.measured(folder).json()["layers"][0]["heads"][0]["two_nn"];
  CHECK(found["same_token_neighbors"]["share"] == 1);
  CHECK(found["same_token_neighbors"]["chance"].get<double>() ==
        Approx(1.0 / (cloud_rows - 1)).epsilon(1e-12));
  CHECK(found["same_attended_neighbors"]["share"] == found["same_context_neighbors"]["share"]);
  const auto apart =
      file.measured(folder, "--apart token").json()["layers"][0]["heads"][0]["two_nn"];
  for (const char* kind : {"none", "distinct", "whole"}) {
    INFO(kind);
    CHECK(found[kind]["dimension"].get<double>() < 1);
    CHECK(apart[kind]["dimension"].get<double>() > 2);
    CHECK(apart[kind]["contexts"] == cloud_rows / 10);
  }
}

TEST_CASE("surrogates are of what the labels of a file tell, and poor labels leave no estimate") {
  const temporary_folder folder;
  const auto first_head = [&](const cloud_maker& file, const std::string& more = "") {
    return file.measured(folder, more).json()["layers"][0]["heads"][0];
  };
  owned_tensor<atlas::index_t, 1> one({cloud_rows}), own({cloud_rows});
  for (atlas::index_t i = 0; i < cloud_rows; ++i) own.mutable_view()[i] = i;
  cloud_maker unlabelled, unplaced, alone, single;
  unplaced.labels["layer.0.context"] = passages(cloud_rows);
  alone.labels["layer.0.context"] = own;
  single.labels["layer.0.context"] = one;
  single.labels["layer.0.position"] = own;
  for (const char* kind : {"automatic", "serial", "passages"})
    CHECK(first_head(unplaced, std::string("--surrogate-kind ") + kind)["two_nn"]["surrogate"]["z"]
              .is_number());
  CHECK(first_head(unplaced)["two_nn"]["surrogate"]["kind"] == "passages");
  CHECK(first_head(unlabelled)["two_nn"]["surrogate"]["kind"] == "independent");
  for (const std::string kind : {"serial", "passages"})
    CHECK(has(unlabelled.refused(folder, "--surrogate-kind " + kind),
              "--surrogate-kind " + kind + ": expected contexts or positions"));
  const auto of_rows = first_head(alone)["two_nn"];
  CHECK(of_rows["surrogate"]["kind"] == "independent");
  for (const char* exclude : {"distinct", "whole"}) CHECK(of_rows[exclude] == of_rows["none"]);
  const auto of_one = first_head(single);
  CHECK(of_one["fault"].is_string());
  CHECK(of_one["two_nn"]["distinct"]["dimension"].is_null());
  CHECK(of_one["two_nn"]["none"]["dimension"].is_number());
  CHECK(of_one["two_nn"]["none"]["lower"].is_null());
  CHECK(of_one["two_nn"]["surrogate"]["z"].is_null());
  cloud_maker twice = unplaced, other = unplaced;
  twice.labels["layer.0.position"] = one;
  CHECK(has(twice.refused(folder), "layer.0.position: expected different positions"));
  other.labels["layer.0.position"] = passages(cloud_rows - 1);
  CHECK(has(other.refused(folder), "\"layer.0.position\": expected shape [80], got [79]"));
}

TEST_CASE("a square projection says how it lies") {
  const temporary_folder folder;
  const auto projection = random_matrix(cloud_heads * cloud_width, cloud_model, 9);
  cloud_maker named, stated, transposed, typed, unknown;
  named.matrices["layer.0.o_proj.weight"] = turned(projection);
  stated.matrices["layer.0.output_projection"] = projection;
  unknown = typed = stated;
  stated.metadata["output_projection"] = "heads-by-model";
  transposed.matrices["layer.0.output_projection"] = turned(projection);
  transposed.metadata["output_projection"] = "model-by-heads";
  const auto layers = stated.measured(folder).json()["layers"];
  CHECK(layers[0]["overlap"].contains("residual_stream"));
  CHECK(named.measured(folder).json()["layers"] == layers);
  CHECK(transposed.measured(folder).json()["layers"] == layers);
  CHECK(typed.measured(folder, "--output-projection heads-by-model").json()["layers"] == layers);
  CHECK(typed.measured(folder, "--output-projection model-by-heads").json()["layers"] != layers);
  const std::string said = unknown.refused(folder);
  CHECK(has(said, "layer.0.output_projection"));
  CHECK(has(said, "--output-projection"));
  CHECK(has(stated.refused(folder, "--output-projection model-by-heads"),
            "--output-projection: expected heads-by-model"));
  CHECK(has(cloud_maker().refused(folder, "--output-projection heads-by-model"),
            "without a tensor layer.L.output_projection"));
  named.matrices["layer.0.output_projection"] = projection;
  CHECK(has(named.refused(folder), "one projection a layer"));
}

TEST_CASE("a projection that is not square shows how it lies") {
  const temporary_folder folder;
  const auto projection = random_matrix(cloud_heads * cloud_width, 20, 9);
  cloud_maker file, wrong;
  file.matrices["layer.0.output_projection"] = projection;
  CHECK(file.measured(folder).status == 0);
  wrong.matrices["layer.0.output_projection"] = turned(projection);
  CHECK(has(wrong.refused(folder), "H * d_head = 12 rows"));
  wrong.metadata["output_projection"] = "model-by-heads";
  CHECK(wrong.measured(folder).status == 0);
}

TEST_CASE("what heads write is compared with cloud times projection") {
  const temporary_folder folder;
  const auto projection = random_matrix(cloud_heads * cloud_width, cloud_model, 9);
  cloud_maker file;
  file.matrices["layer.0.output_projection"] = projection;
  file.matrices["layer.0.head.1.write"] = file.written(1, projection, 20);
  CHECK(file.measured(folder).status == 0);
  cloud_maker transposed = file;
  transposed.matrices["layer.0.output_projection"] = turned(projection);
  const std::string said = transposed.refused(folder);
  CHECK(has(said, "layer.0.head.1.write"));
  CHECK(has(said, "transposed"));
  cloud_maker other = file;
  other.matrices["layer.0.head.1.write"] = file.written(2, projection, 20);
  CHECK(has(other.refused(folder), "layer.0.head.1.write"));
  other.matrices["layer.0.head.1.write"] = file.written(1, projection, cloud_rows + 1);
  CHECK(has(other.refused(folder), "at most 80 rows of 12"));
  other.matrices.erase("layer.0.output_projection");
  CHECK(has(other.refused(folder), "an output projection that it was written by"));
}

TEST_CASE("a head whose cloud cannot carry an estimate says so") {
  const temporary_folder folder;
  cloud_maker file;
  auto& cloud = file.matrices["layer.0.head.1"];
  // Weight 1 on one key nearly always: residuals of zero but for a few.
  for (atlas::index_t n = 0; n < cloud_rows - 5; ++n)
    for (atlas::index_t k = 0; k < cloud_width; ++k) cloud.mutable_view()(n, k) = 0;
  const program_run r = file.measured(folder);
  REQUIRE(r.status == 0);
  const auto heads = r.json()["layers"][0]["heads"];
  CHECK(heads[0]["fault"].is_null());
  CHECK(heads[0]["two_nn"]["surrogate"]["z"].is_number());
  CHECK(heads[1]["fault"] == "more than half of the rows are equal, to rounding");
  CHECK(heads[1]["two_nn"]["none"]["dimension"].is_null());
  CHECK(heads[1]["two_nn"]["truncated"]["dimension"].is_null());
  for (const char* key : {"mean", "sd", "z", "p"})
    CHECK(heads[1]["two_nn"]["surrogate"][key].is_null());
  const program_run table = run(folder, "measure --surrogates 10 --local-dim 2 --clouds " +
                                            quoted(folder / "clouds.safetensors"));
  CHECK(has(table.out, "Head 1 cannot carry an estimate: more than half of the rows are equal"));
}

TEST_CASE("heads without directions are left out of the overlaps of their layer") {
  const temporary_folder folder;
  cloud_maker file;
  file.matrices["layer.0.output_projection"] = random_matrix(cloud_heads * cloud_width, 20, 9);
  const auto whole = file.measured(folder).json()["layers"][0];
  CHECK(whole["overlap"]["head_coordinates"]["left_out"].empty());
  auto line = file.matrices["layer.0.head.1"].mutable_view();
  for (atlas::index_t n = 0; n < cloud_rows; ++n)
    for (atlas::index_t k = 1; k < cloud_width; ++k) line(n, k) = 0;
  program_run r = file.measured(folder);
  REQUIRE(r.status == 0);
  auto layer = r.json()["layers"][0];
  CHECK(layer["heads"][1]["fault"] == "all rows lie on one line, to rounding");
  CHECK(layer["heads"][1]["pca_rank"] == 1);
  for (const char* space : {"head_coordinates", "residual_stream"}) {
    CHECK(layer["overlap"][space]["left_out"] == std::vector<int>{1});
    CHECK(layer["overlap"][space]["global"]["pairs"] == 1);
    CHECK(layer["overlap"][space]["global"]["mean"].is_number());
  }
  for (atlas::index_t n = 0; n < cloud_rows; ++n) line(n, 0) = 0;
  r = file.measured(folder);
  REQUIRE(r.status == 0);
  layer = r.json()["layers"][0];
  CHECK(layer["heads"][1]["pca_rank"].is_null());
  CHECK(layer["overlap"]["residual_stream"]["left_out"] == std::vector<int>{1});
  const program_run table = run(folder, "measure --surrogates 10 --local-dim 2 --clouds " +
                                            quoted(folder / "clouds.safetensors"));
  CHECK(has(table.out,
            "Left out of the overlaps in head coordinates, with variance in fewer "
            "than 2 directions: head 1"));
}
