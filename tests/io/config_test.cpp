#include "atlas/io/config.hpp"

#include <string>

#include "../catch.hpp"
#include "../messages.hpp"

using atlas::format_error;
using atlas::io::parse_transformer_config;

namespace {

atlas::transformer_config llama(const std::string& more, const std::string& type = "llama") {
  return parse_transformer_config(
      R"({"model_type":")" + type + R"(","hidden_size":64,"num_hidden_layers":4,)" +
          R"("num_attention_heads":8,"num_key_value_heads":2,"intermediate_size":96,"vocab_size":100)" +
          (more.empty() ? "" : ",") + more + "}",
      "config.json");
}

}  // namespace

TEST_CASE("rotary parameters of both generations are the same configuration") {
  const auto old_style = llama(
      R"("rope_theta":500000.0,"rope_scaling":{"rope_type":"llama3","factor":8.0,)"
      R"("low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":4096})");
  const auto new_style = llama(
      R"("rope_parameters":{"rope_theta":500000.0,"rope_type":"llama3","factor":8.0,)"
      R"("low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":4096})");
  for (const auto& c : {old_style, new_style}) {
    CHECK(c.rotary.theta == 500000);
    CHECK(c.rotary.kind == atlas::rotary_options::rescaling::llama3);
    CHECK(c.rotary.factor == 8);
    CHECK(c.rotary.original_positions == 4096);
  }
  CHECK(llama(R"("rope_scaling":{"type":"linear","factor":2})").rotary.kind ==
        atlas::rotary_options::rescaling::linear);
  CHECK(llama(R"("rope_scaling":null)").rotary.kind == atlas::rotary_options::rescaling::none);
}

TEST_CASE("defaults are those of the families") {
  const auto c = llama("");
  CHECK(c.head_dimension == 8);
  CHECK(c.rotary.theta == 10000);
  CHECK(c.norm_epsilon == 1e-6);
  CHECK_FALSE(c.tied);
  CHECK_FALSE(c.query_key_value_bias);
  CHECK(c.n_rep() == 4);
  CHECK(llama(R"("head_dim":16)").head_dimension == 16);
  CHECK(llama(R"("attention_bias":true)").output_bias);
  const auto qwen = llama("", "qwen2");
  CHECK(qwen.query_key_value_bias);
  CHECK_FALSE(qwen.output_bias);
  CHECK(llama("", "mistral").window(3) == 4096);
  CHECK(llama(R"("sliding_window":null)", "mistral").window(3) == 0);
  CHECK(llama(R"("sliding_window":7)", "mistral").window(0) == 7);
}

TEST_CASE("Qwen2 slides where its configuration says so") {
  CHECK(llama(R"("sliding_window":9,"use_sliding_window":false)", "qwen2").window(3) == 0);
  const auto from =
      llama(R"("sliding_window":9,"use_sliding_window":true,"max_window_layers":2)", "qwen2");
  CHECK(from.windows == std::vector<atlas::index_t>{0, 0, 9, 9});
  const auto types =
      llama(R"("sliding_window":9,"use_sliding_window":true,"layer_types":)"
            R"(["sliding_attention","full_attention","full_attention","sliding_attention"])",
            "qwen2");
  CHECK(types.windows == std::vector<atlas::index_t>{9, 0, 0, 9});
}

TEST_CASE("the architecture may stand for the model type") {
  const auto c = parse_transformer_config(
      R"({"architectures":["GPT2LMHeadModel"],"n_layer":2,"n_embd":8,"n_head":2,"vocab_size":5})",
      "x");
  CHECK(c.family == atlas::model_family::gpt2);
  CHECK(c.mlp_dimension == 32);
  CHECK(c.positions == 1024);
}

TEST_CASE("what is not supported or not there is refused, by file and field") {
  CHECK_REFUSED(format_error, llama("", "mamba"), "config.json", "mamba");
  CHECK_REFUSED(format_error, llama(R"("rope_scaling":{"rope_type":"yarn","factor":4})"),
                "rope_type", "yarn");
  CHECK_REFUSED(format_error, llama(R"("hidden_act":"mish")"), "hidden_act", "mish");
  CHECK_REFUSED(format_error, llama(R"("quantization_config":{"bits":4})"), "quantization_config",
                "not supported");
  CHECK_REFUSED(format_error, llama(R"("head_dim":7)"), "config.json", "head_dimension");
  CHECK_REFUSED(format_error, llama(R"("head_dim":-1)"), "head_dim", "-1");
  CHECK_REFUSED(format_error, llama(R"("rms_norm_eps":"small")"), "rms_norm_eps", "small");
  CHECK_REFUSED(format_error, llama(R"("tie_word_embeddings":1)"), "tie_word_embeddings", "number");
  CHECK_REFUSED(format_error, parse_transformer_config("{}", "x"), "x", "architectures");
  CHECK_REFUSED(format_error, parse_transformer_config("[]", "x"), "x", "object");
  CHECK_REFUSED(format_error, parse_transformer_config("{", "x"), "x", "JSON");
  CHECK_REFUSED(format_error, parse_transformer_config(R"({"model_type":"gpt2","n_layer":1})", "x"),
                "x", "n_embd");
}
