// SPDX-License-Identifier: MIT
/// \file
/// Folders whose configuration or weights ask for care, against the logits that transformers
/// computes for them.

#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "models_for_tests.hpp"

using namespace atlas_test;

namespace {

std::string odd_folder(const std::string& name) {
  return std::string(ATLAS_TEST_DATA) + "/folders/" + name;
}

/// Relative error of all logits of a folder's `expected.json`.
double error_of_logits(const std::string& name) {
  const auto wanted =
      nlohmann::json::parse(atlas::io::read_text(odd_folder(name) + "/expected.json"));
  const auto ids = wanted["ids"].get<std::vector<atlas::index_t>>();
  const auto rows = wanted["logits"].get<std::vector<std::vector<float>>>();
  atlas::owned_tensor<atlas::index_t, 2> block({1, static_cast<atlas::index_t>(ids.size())});
  std::copy(ids.begin(), ids.end(), block.mutable_view().data());
  atlas::owned_tensor<float, 2> logits(
      {static_cast<atlas::index_t>(rows.size()), static_cast<atlas::index_t>(rows.at(0).size())});
  for (std::size_t r = 0; r < rows.size(); ++r)
    std::copy(rows[r].begin(), rows[r].end(), logits.mutable_view().data() + r * rows[0].size());
  double error = INFINITY;
  atlas::forward_options options;
  options.threads = 1;
  options.logits_observer = [&](atlas::index_t, const atlas::tensor_view<const float, 2>& got) {
    error = relative_error<2>(got, logits);
  };
  atlas::io::open_transformer(odd_folder(name)).forward(block, options);
  return error;
}

}  // namespace

TEST_CASE("folders that need care give the logits of transformers") {
  for (const std::string name :
       {"llama3-no-original", "mistral-layer_types", "rope-params-null-scaling",
        "tied-lm_head-differs", "tied-lm_head-same", "tied-only-lm_head-llama"}) {
    CAPTURE(name);
    CHECK(error_of_logits(name) < tolerance::micro_golden);
  }
}

TEST_CASE("folders that transformers cannot read as they say are refused by name") {
  const auto refused = [](const std::string& name, const char* part, const char* other) {
    CHECK_REFUSED(atlas::format_error, atlas::io::open_transformer(odd_folder(name)), part, other);
  };
  refused("gpt2-bnb-int8", "config.json", "quantization_config");
  refused("rope-nested-qwen2", "rope_parameters", "one setting for all layer types");
  // Its logits are those of a model without the key, which asks for half of the rotations.
  refused("partial-in", "rope_parameters", "partial_rotary_factor");
}

TEST_CASE("a model is tied where its file says so") {
  CHECK_FALSE(atlas::io::open_transformer(odd_folder("tied-lm_head-differs")).config().tied);
  CHECK(atlas::io::open_transformer(odd_folder("tied-lm_head-same")).config().tied);
  CHECK(atlas::io::open_transformer(odd_folder("tied-only-lm_head-llama")).config().tied);
}
