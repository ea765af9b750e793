// SPDX-License-Identifier: MIT
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

/// A model of which little more than the heads is said.
atlas::transformer_config sizes(const std::string& more) {
  return parse_transformer_config(
      R"({"hidden_size":64,"num_hidden_layers":1,"intermediate_size":96,"vocab_size":100,)" + more +
          "}",
      "config.json");
}

atlas::transformer_config neox(const std::string& more) {
  return parse_transformer_config(
      R"({"model_type":"gpt_neox","hidden_size":64,"num_hidden_layers":4,"intermediate_size":96,)"
      R"("vocab_size":100)" +
          std::string(more.find("num_attention_heads") == std::string::npos
                          ? R"(,"num_attention_heads":8)"
                          : "") +
          (more.empty() ? "" : ",") + more + "}",
      "config.json");
}

using list = std::vector<atlas::index_t>;

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
  CHECK(c.heads_per_group() == 4);
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

TEST_CASE("rope_scaling comes before rope_parameters") {
  using kind = atlas::rotary_options::rescaling;
  const auto both =
      llama(R"("rope_theta":5e5,"rope_parameters":{"rope_theta":7e3,"rope_type":"default"},)"
            R"("rope_scaling":{"rope_type":"linear","factor":4})");
  CHECK(both.rotary.kind == kind::linear);
  CHECK(both.rotary.factor == 4);
  CHECK(both.rotary.theta == 5e5);
  const auto empty = llama(R"("rope_parameters":{"rope_theta":7e3},"rope_scaling":{})");
  CHECK(empty.rotary.theta == 7e3);
  CHECK(llama(R"("rope_parameters":{},"rope_theta":7e3)").rotary.theta == 7e3);
}

TEST_CASE("llama3 frequencies know the length of the first training") {
  const auto original = [](const std::string& top, const std::string& in_group) {
    return llama(top + R"("max_position_embeddings":64,"rope_scaling":{"rope_type":"llama3",)" +
                 in_group + R"("factor":8,"low_freq_factor":1,"high_freq_factor":4})")
        .rotary.original_positions;
  };
  const std::string here = R"("original_max_position_embeddings":16,)",
                    top = R"("original_max_position_embeddings":32,)";
  CHECK(original("", "") == 64);
  CHECK(original("", here) == 16);
  CHECK(original(top, "") == 32);
  CHECK(original(top, here) == 32);
  for (const std::string missing : {"factor", "low_freq_factor", "high_freq_factor"}) {
    std::string group = R"("rope_type":"llama3")";
    for (const std::string key : {"factor", "low_freq_factor", "high_freq_factor"})
      if (key != missing) group += ",\"" + key + "\":" + (key[0] == 'h' ? "4" : "2");
    CHECK_REFUSED(format_error, llama("\"rope_scaling\":{" + group + "}"), "rope_scaling",
                  "\"" + missing + "\"");
  }
}

TEST_CASE("rotary parameters by layer type are read where all layers share them") {
  const auto nested = [](const std::string& full, const std::string& sliding,
                         const std::string& types) {
    return llama(R"("sliding_window":9,"layer_types":[)" + types +
                     R"(],"rope_parameters":{"full_attention":{"rope_theta":)" + full +
                     R"(},"sliding_attention":{"rope_theta":)" + sliding + "}}",
                 "mistral");
  };
  const std::string f = "\"full_attention\"", s = "\"sliding_attention\"", c = ",";
  CHECK(nested("7e3", "7e3", f + c + s + c + f + c + s).rotary.theta == 7e3);
  CHECK(nested("7e3", "1", f + c + f + c + f + c + f).rotary.theta == 7e3);
  CHECK(nested("1", "7e3", s + c + s + c + s + c + s).rotary.theta == 7e3);
  CHECK_REFUSED(format_error, nested("7e3", "1", f + c + s + c + f + c + s), "rope_parameters",
                "one setting");
  CHECK_REFUSED(format_error, llama(R"("rope_parameters":{"sliding_attention":{"rope_theta":7}})"),
                "full_attention", "null");
  CHECK_REFUSED(format_error,
                llama(R"("rope_parameters":{"full_attention":{"rope_theta":7},"rope_theta":8})"),
                "rope_parameters", "\"rope_theta\"");
  CHECK_REFUSED(
      format_error,
      llama(R"("rope_parameters":{"full_attention":{"rope_theta":7,"attention_factor":2}})"),
      "rope_parameters: full_attention", "attention_factor");
}

TEST_CASE("Mistral slides by layer where its configuration says so") {
  const std::string types =
      R"("layer_types":["sliding_attention","full_attention","full_attention","sliding_attention"])";
  CHECK(llama(types, "mistral").windows == list{4096, 0, 0, 4096});
  CHECK(llama(types + R"(,"sliding_window":9)", "mistral").windows == list{9, 0, 0, 9});
  const std::string none = R"("sliding_window":null)";
  CHECK_REFUSED(format_error, llama(types + "," + none, "mistral"), "layer_types",
                "without a sliding window");
  CHECK_REFUSED(format_error, llama(types), "layer_types", "without a sliding window");
  CHECK_REFUSED(format_error, llama(types + R"(,"sliding_window":9)", "qwen2"), "layer_types",
                "without a sliding window");
  for (const std::string type : {"mistral", "qwen2", "llama"})
    CHECK_REFUSED(format_error,
                  llama(R"("use_sliding_window":true,"layer_types":["full_attention",)"
                        R"("chunked_attention","full_attention","full_attention"])",
                        type),
                  "layer_types", "chunked_attention");
  CHECK_REFUSED(format_error, llama(R"("layer_types":["full_attention"])"), "layer_types",
                "one entry per layer");
  CHECK_REFUSED(format_error, llama(R"("sliding_window":0)", "mistral"), "sliding_window", "null");
  CHECK_REFUSED(format_error, llama(R"("sliding_window":9)"), "sliding_window", "llama");
  CHECK(llama(R"("sliding_window":9,"use_sliding_window":false)").windows.empty());
  CHECK(llama(R"("use_sliding_window":true,"max_window_layers":2)", "qwen2").windows ==
        list{0, 0, 4096, 4096});
}

TEST_CASE("keys that are neither used nor harmless are refused, at every level") {
  const auto refused = [](const std::string& more, const std::string& key,
                          const std::string& type = "llama") {
    CHECK_REFUSED(format_error, llama(more, type), "config.json", "\"" + key + "\"");
  };
  refused(R"("logit_scale":0.5)", "logit_scale");
  refused(R"("partial_rotary_factor":0.5)", "partial_rotary_factor");
  refused(R"("rope_interleaved":true)", "rope_interleaved");
  refused(R"("is_causal":false)", "is_causal");
  refused(R"("attention_bias":true)", "attention_bias", "mistral");
  refused(R"("use_sliding_window":false)", "use_sliding_window", "mistral");
  refused(R"("mlp_bias":true)", "mlp_bias", "qwen2");
  refused(R"("pruned_heads":{"0":[1]})", "pruned_heads");
  refused(R"("text_config":{})", "text_config");
  refused(R"("max_window_layers":2)", "max_window_layers", "mistral");
  for (const std::string group : {"rope_scaling", "rope_parameters"}) {
    const auto in_group = [&](const std::string& fields, const std::string& key) {
      refused("\"" + group + "\":{" + fields + "}", key);
    };
    in_group(R"("rope_type":"default","partial_rotary_factor":0.5)", "partial_rotary_factor");
    in_group(R"("rope_type":"linear","factor":2,"attention_factor":1.5)", "attention_factor");
    in_group(R"("rope_type":"linear","factor":2,"beta_fast":32)", "beta_fast");
    in_group(R"("rope_type":"linear","factor":2,"low_freq_factor":1)", "low_freq_factor");
    in_group(R"("rope_type":"default","factor":2)", "factor");
    in_group(R"("rope_type":"default","type":"mrope")", "type");
    in_group(R"("type":"dynamic","factor":2)", "type");
    in_group(R"("mrope_section":[1,2])", "mrope_section");
  }
  const std::string gpt2 = R"({"model_type":"gpt2","n_layer":2,"n_embd":8,"n_head":2,)"
                           R"("vocab_size":5,)";
  const auto refused_gpt2 = [&](const std::string& more, const std::string& key) {
    CHECK_REFUSED(format_error, parse_transformer_config(gpt2 + more + "}", "x"), "x",
                  "\"" + key + "\"");
  };
  refused_gpt2(R"("quantization_config":{"load_in_8bit":true})", "quantization_config");
  refused_gpt2(R"("rope_theta":10000)", "rope_theta");
  refused_gpt2(R"("add_cross_attention":true)", "add_cross_attention");
  refused_gpt2(R"("num_hidden_layers":3)", "num_hidden_layers");
  refused_gpt2(R"("n_special":2)", "n_special");
  CHECK(
      parse_transformer_config(gpt2 + R"("num_hidden_layers":2,"max_position_embeddings":7})", "x")
          .positions == 7);
}

TEST_CASE("settings of windows that no layer has, and of biases that are there, are no matter") {
  for (const std::string flag : {"true", "false"})
    CHECK(
        llama("\"sliding_window\":null,\"use_sliding_window\":" + flag, "mistral").windows.empty());
  CHECK(llama(R"("sliding_window":null,"max_window_layers":2)", "mistral").windows.empty());
  CHECK(llama(R"("max_window_layers":2)").windows.empty());
  CHECK(llama(R"("use_sliding_window":true,"sliding_window":9)", "mistral").window(3) == 9);
  for (const std::string flag : {"true", "false"}) {
    const auto qwen = llama("\"attention_bias\":" + flag, "qwen2");
    CHECK(qwen.query_key_value_bias);
    CHECK_FALSE(qwen.output_bias);
  }
  CHECK(llama(R"("author":"somebody","license":"mit","created_date":"2024-01-01")").heads == 8);
}

TEST_CASE("configurations as they are found open") {
  // Keys of SmolLM2, TinyLlama, Llama 2 and 3, Mistral, Qwen2 and GPT-2 of transformers 4 and 5.
  const std::string everywhere =
      R"("_name_or_path":"somewhere","attention_dropout":0.0,"bos_token_id":1,"eos_token_id":[2,3],)"
      R"("pad_token_id":-1,"initializer_range":0.02,"use_cache":true,"torch_dtype":"bfloat16",)"
      R"("transformers_version":"4.48.0","tie_word_embeddings":false,"hidden_act":"silu",)"
      R"("rms_norm_eps":1e-5,"max_position_embeddings":8192,"quantization_config":null,)"
      R"("return_dict":true,"id2label":{"0":"LABEL_0"},"label2id":{"LABEL_0":0},"top_k":50,)"
      R"("auto_map":{"AutoTokenizer":["tokenization_x.Y",null]},"unheard_of":null)";
  CHECK(llama(everywhere + R"(,"architectures":["LlamaForCausalLM"],"is_llama_config":true,)"
                           R"("rope_interleaved":false,"rope_scaling":null,"rope_theta":100000,)"
                           R"("transformers.js_config":{"dtype":"q4"},"pretraining_tp":2,)"
                           R"("attention_bias":false,"mlp_bias":false,"head_dim":8)")
            .rotary.theta == 100000);
  CHECK(llama(everywhere + R"(,"architectures":["Qwen2ForCausalLM"],"max_window_layers":21,)"
                           R"("rope_theta":1000000.0,"sliding_window":32768,"use_mrope":false,)"
                           R"("use_sliding_window":false)",
              "qwen2")
            .windows.empty());
  CHECK(llama(everywhere + R"(,"architectures":["MistralForCausalLM"],"sliding_window":4096,)"
                           R"("dtype":"bfloat16","partial_rotary_factor":1.0,)"
                           R"("rope_parameters":{"rope_theta":1e6,"rope_type":"default",)"
                           R"("type":"default","partial_rotary_factor":1.0,"factor":1.0})",
              "mistral")
            .rotary.theta == 1e6);
  CHECK(
      parse_transformer_config(
          R"({"activation_function":"gelu_new","architectures":["GPT2LMHeadModel"],)"
          R"("attn_pdrop":0.1,"embd_pdrop":0.1,"resid_pdrop":0.1,"initializer_range":0.02,)"
          R"("layer_norm_epsilon":1e-05,"model_type":"gpt2","n_ctx":1024,"n_embd":768,)"
          R"("n_head":12,"n_layer":12,"n_positions":1024,"summary_activation":null,"n_special":0,)"
          R"("predict_special_tokens":true,"output_past":true,"_num_labels":1,)"
          R"("summary_first_dropout":0.1,"summary_proj_to_labels":true,"finetuning_task":null,)"
          R"("summary_type":"cls_index","summary_use_proj":true,"num_labels":1,)"
          R"("task_specific_params":{"text-generation":{"do_sample":true,"max_length":50}},)"
          R"("pruned_heads":{},"is_decoder":false,"torchscript":false,"vocab_size":50257})",
          "x")
          .heads == 12);
}

TEST_CASE("architectures must be those of the model type, and language models") {
  const auto of = [](const std::string& names, const std::string& type = "llama") {
    return llama("\"architectures\":" + names, type);
  };
  CHECK(of("[\"LlamaModel\"]").heads == 8);
  CHECK(of("null").heads == 8);
  CHECK(of("[]").heads == 8);
  CHECK_REFUSED(format_error, of(R"(["Qwen3ForCausalLM"])"), "architectures", "Qwen3ForCausalLM");
  CHECK(of(R"(["Olmo2ForCausalLM"])", "olmo2").heads == 8);
  CHECK_REFUSED(format_error, of(R"(["Gemma3ForConditionalGeneration"])", "gemma3_text"),
                "architectures", "ForConditionalGeneration");
  CHECK_REFUSED(format_error, of(R"(["LlamaForCausalLM"])", "mistral"), "architectures", "mistral");
  CHECK_REFUSED(format_error, of(R"(["Qwen2ForSequenceClassification"])", "qwen2"), "architectures",
                "ForSequenceClassification");
  CHECK_REFUSED(format_error, of(R"("LlamaForCausalLM")"), "architectures", "list of names");
  CHECK_REFUSED(
      format_error,
      parse_transformer_config(R"({"architectures":["GPT2ForSequenceClassification"]})", "x"), "x",
      "GPT2ForSequenceClassification");
  CHECK_REFUSED(format_error, llama(R"("auto_map":{"AutoModelForCausalLM":"modeling_x.Y"})"),
                "auto_map", "modeling_x.Y");
}

TEST_CASE("Qwen3 has norms of queries and keys, and the windows of Qwen2") {
  const auto c = llama("", "qwen3");
  CHECK(c.family == atlas::model_family::llama);
  CHECK(c.head_norm == atlas::query_key_norm::heads);
  CHECK(c.head_dimension == 128);
  CHECK(c.positions == 32768);
  CHECK(c.windows.empty());
  CHECK_FALSE(c.query_key_value_bias);
  CHECK(llama(R"("attention_bias":true)", "qwen3").output_bias);
  CHECK(llama(R"("use_sliding_window":true,"max_window_layers":3,"sliding_window":5)", "qwen3")
            .windows == list{0, 0, 0, 5});
  CHECK(sizes(R"("model_type":"qwen3","num_attention_heads":64)").key_value_heads == 32);
  CHECK(sizes(R"("model_type":"qwen3","num_attention_heads":8,"num_key_value_heads":null)")
            .key_value_heads == 8);
}

TEST_CASE("Gemma 2 has its scales, caps, norms and every other window") {
  const auto c = llama("", "gemma2");
  CHECK(c.family == atlas::model_family::gemma);
  CHECK(c.norms == atlas::norm_position::both);
  CHECK(c.norm_offset == 1);
  CHECK(c.embedding_scale == 8);
  CHECK(c.query_scalar == 256);
  CHECK(c.logit_cap == 50);
  CHECK(c.output_cap == 30);
  CHECK(c.head_dimension == 256);
  CHECK(c.tied);
  CHECK(c.mlp_activation == atlas::activation::gelu_tanh);
  CHECK(c.windows == list{4096, 0, 4096, 0});
  CHECK_FALSE(c.window_rotary);
  const auto none =
      llama(R"("attn_logit_softcapping":null,"final_logit_softcapping":null)", "gemma2");
  CHECK(none.logit_cap == 0);
  CHECK(none.output_cap == 0);
  CHECK(sizes(R"("model_type":"gemma2","num_attention_heads":8)").key_value_heads == 4);
  CHECK(llama(R"("sliding_window":7,"sliding_window_size":7,"layer_types":["full_attention",)"
              R"("full_attention","sliding_attention","full_attention"])",
              "gemma2")
            .windows == list{0, 0, 7, 0});
}

TEST_CASE("Gemma 3 turns layers with a window otherwise, as files of both generations say") {
  const auto c = llama("", "gemma3_text");
  CHECK(c.head_norm == atlas::query_key_norm::heads);
  CHECK(c.rotary.theta == 1e6);
  REQUIRE(c.window_rotary);
  CHECK(c.window_rotary->theta == 1e4);
  CHECK(c.logit_cap == 0);
  CHECK(c.output_cap == 0);
  CHECK(c.windows == list{4096, 4096, 4096, 4096});
  CHECK(c.positions == 131072);
  const auto before =
      llama(R"("rope_theta":5e5,"rope_local_base_freq":70,"rope_scaling":{"rope_type":"linear",)"
            R"("factor":8.0},"sliding_window":9,"sliding_window_pattern":3,)"
            R"("_sliding_window_pattern":3)",
            "gemma3_text");
  const auto after =
      llama(R"("rope_parameters":{"full_attention":{"rope_type":"linear","factor":8.0,)"
            R"("rope_theta":5e5},"sliding_attention":{"rope_type":"default","rope_theta":70}},)"
            R"("sliding_window":9,"_sliding_window_pattern":6,"layer_types":["sliding_attention",)"
            R"("sliding_attention","full_attention","sliding_attention"])",
            "gemma3_text");
  CHECK(before == after);
  CHECK(before.windows == list{9, 9, 0, 9});
  CHECK(before.rotary.factor == 8);
  CHECK(before.window_rotary->kind == atlas::rotary_options::rescaling::none);
  CHECK(llama(R"("rope_parameters":{"sliding_attention":{}},"rope_scaling":{})", "gemma3_text")
            .window_rotary->theta == 1e4);
}

TEST_CASE("Phi-3 turns a share of each head, and slides where it has a window") {
  const auto c = llama("", "phi3");
  CHECK(c.family == atlas::model_family::phi3);
  CHECK(c.windows.empty());
  CHECK(c.rotary_share == 1);
  CHECK(c.norm_epsilon == 1e-5);
  const auto before = llama(R"("partial_rotary_factor":0.75,"rope_theta":7e3)", "phi3");
  CHECK(before ==
        llama(R"("rope_parameters":{"partial_rotary_factor":0.75,"rope_theta":7e3})", "phi3"));
  CHECK(before.rotary_dimension() == 6);
  CHECK(llama(R"("sliding_window":7)", "phi3").windows == list{7, 7, 7, 7});
}

TEST_CASE("GPT-NeoX has names of its own for rotary positions") {
  const auto c = neox("");
  CHECK(c.family == atlas::model_family::gpt_neox);
  CHECK(c.norm == atlas::norm_kind::layer);
  CHECK(c.parallel_residual);
  CHECK(c.rotary_share == 0.25);
  CHECK(c.rotary.theta == 10000);
  CHECK(c.query_key_value_bias);
  CHECK(c.mlp_bias);
  CHECK_FALSE(c.tied);
  CHECK_FALSE(c.gated_mlp);
  CHECK(c.mlp_activation == atlas::activation::gelu);
  const auto before = neox(R"("rotary_pct":0.5,"rotary_emb_base":7000,"rope_theta":7000.0,)"
                           R"("partial_rotary_factor":0.5,"use_parallel_residual":false)");
  const auto after = neox(R"("rope_parameters":{"partial_rotary_factor":0.5,"rope_theta":7e3,)"
                          R"("rope_type":"default"},"use_parallel_residual":false)");
  CHECK(before == after);
  CHECK(before.rotary_dimension() == 4);
  CHECK_FALSE(before.parallel_residual);
  const auto bare = neox(R"("attention_bias":false)");
  CHECK_FALSE(bare.query_key_value_bias);
  CHECK_FALSE(bare.output_bias);
  CHECK(bare.mlp_bias);
}

TEST_CASE("OLMo-2 has norms after attention and MLP, and of whole projections") {
  const auto c = llama("", "olmo2");
  CHECK(c.family == atlas::model_family::gemma);
  CHECK(c.norms == atlas::norm_position::after);
  CHECK(c.head_norm == atlas::query_key_norm::projections);
  CHECK(c.norm_offset == 0);
  CHECK(c.embedding_scale == 1);
  CHECK(c.norm_epsilon == 1e-5);
  CHECK(llama(R"("attention_bias":true)", "olmo2").query_key_value_bias);
}

TEST_CASE("what the further architectures do not compute is refused by key") {
  const auto refused = [](const std::string& type, const std::string& more, const std::string& key,
                          const std::string& other) {
    CHECK_REFUSED(format_error, llama(more, type), "\"" + key + "\"", other);
  };
  refused("qwen3", R"("mlp_bias":true)", "mlp_bias", "false or absent");
  refused("qwen3", R"("partial_rotary_factor":0.5)", "partial_rotary_factor", "0.5");
  refused("gemma2", R"("attn_logit_softcapping":0)", "attn_logit_softcapping", "positive");
  refused("gemma2", R"("final_logit_softcapping":-1.0)", "final_logit_softcapping", "positive");
  refused("gemma2", R"("query_pre_attn_scalar":0)", "query_pre_attn_scalar", "positive");
  refused("gemma2", R"("hidden_act":"gelu")", "hidden_act", "hidden_activation");
  refused("gemma2", R"("sliding_window_size":5)", "sliding_window_size", "4096");
  refused("gemma2", R"("sliding_window_pattern":3)", "sliding_window_pattern", "2 or absent");
  refused("gemma2", R"("sliding_window":null)", "sliding_window", "1 or more");
  refused("gemma2", R"("sliding_window":0)", "sliding_window", "1 or more");
  refused("gemma2", R"("use_bidirectional_attention":true)", "use_bidirectional_attention",
          "false");
  refused("gemma2", R"("rope_local_base_freq":7)", "rope_local_base_freq", "understood");
  refused("gemma3_text", R"("attn_logit_softcapping":50.0)", "attn_logit_softcapping", "null");
  refused("gemma3_text", R"("sliding_window_pattern":0)", "sliding_window_pattern", "1 or more");
  refused("gemma3_text", R"("_sliding_window_pattern":2)", "_sliding_window_pattern", "6");
  refused("gemma3_text", R"("rope_parameters":{"rope_theta":7})", "rope_theta", "understood");
  refused("gemma3_text", R"("rope_parameters":[1])", "rope_parameters", "object");
  refused("gemma3_text", R"("rope_parameters":{"full_attention":3})", "full_attention", "object");
  refused("gemma3_text",
          R"("rope_scaling":{"rope_type":"linear","factor":8},"rope_parameters":{)"
          R"("full_attention":{"rope_theta":7}})",
          "rope_scaling", "rope_parameters");
  refused("gemma3_text", R"("rope_scaling":{"rope_type":"yarn","factor":8})", "rope_type", "yarn");
  refused("phi3", R"("rope_scaling":{"type":"longrope","short_factor":[1],"long_factor":[1]})",
          "type", "longrope");
  refused("phi3", R"("rope_scaling":{"type":"linear","factor":2})", "rope_scaling", "default");
  refused("phi3",
          R"("sliding_window":5,"layer_types":["full_attention","sliding_attention",)"
          R"("full_attention","sliding_attention"])",
          "layer_types", "the same for all layers");
  refused("phi3", R"("partial_rotary_factor":0)", "partial_rotary_factor", "at most 1");
  refused("phi3", R"("rope_parameters":{"rope_type":"linear","factor":2})", "rope_parameters",
          "default");
  refused("phi3", R"("partial_rotary_factor":1.5)", "partial_rotary_factor", "at most 1");
  refused("phi3", R"("attention_bias":true)", "attention_bias", "false");
  refused("olmo2", R"("clip_qkv":8)", "clip_qkv", "understood");
  refused("olmo2", R"("sliding_window":8)", "sliding_window", "olmo2");
  const auto refused_neox = [](const std::string& more, const std::string& key,
                               const std::string& other) {
    CHECK_REFUSED(format_error, neox(more), "\"" + key + "\"", other);
  };
  refused_neox(R"("rope_theta":7)", "rope_theta", "10000");
  refused_neox(R"("partial_rotary_factor":0.5)", "partial_rotary_factor", "0.25");
  refused_neox(R"("rotary_pct":0)", "partial_rotary_factor", "at most 1");
  refused_neox(R"("num_key_value_heads":2)", "num_key_value_heads", "understood");
  refused_neox(R"("sliding_window":2)", "sliding_window", "understood");
  refused_neox(R"("num_attention_heads":3)", "num_attention_heads", "divisor");
  // A part of a head that rotary positions cannot pair.
  CHECK_REFUSED(format_error, llama(R"("partial_rotary_factor":0.4)", "phi3"), "head_dimension",
                "3 of 8");
}

TEST_CASE("files of the further architectures open as they are found") {
  const auto open = [](const std::string& text) { return parse_transformer_config(text, "x"); };
  const auto qwen3 = open(
      R"({"architectures":["Qwen3ForCausalLM"],"attention_bias":false,"attention_dropout":0.0,)"
      R"("bos_token_id":151643,"eos_token_id":151645,"head_dim":128,"hidden_act":"silu",)"
      R"("hidden_size":1024,"initializer_range":0.02,"intermediate_size":3072,)"
      R"("max_position_embeddings":40960,"max_window_layers":28,"model_type":"qwen3",)"
      R"("num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":8,)"
      R"("rms_norm_eps":1e-06,"rope_scaling":null,"rope_theta":1000000,"sliding_window":null,)"
      R"("tie_word_embeddings":true,"torch_dtype":"bfloat16","transformers_version":"4.51.0",)"
      R"("use_cache":true,"use_sliding_window":false,"vocab_size":151936})");
  CHECK(qwen3.windows.empty());
  const auto gemma2 = open(
      R"({"architectures":["Gemma2ForCausalLM"],"attention_bias":false,"attention_dropout":0.0,)"
      R"("attn_logit_softcapping":50.0,"bos_token_id":2,"cache_implementation":"hybrid",)"
      R"("eos_token_id":1,"final_logit_softcapping":30.0,"head_dim":256,)"
      R"("hidden_act":"gelu_pytorch_tanh","hidden_activation":"gelu_pytorch_tanh",)"
      R"("hidden_size":2304,"initializer_range":0.02,"intermediate_size":9216,)"
      R"("max_position_embeddings":8192,"model_type":"gemma2","num_attention_heads":8,)"
      R"("num_hidden_layers":26,"num_key_value_heads":4,"pad_token_id":0,)"
      R"("query_pre_attn_scalar":256,"rms_norm_eps":1e-06,"rope_theta":10000.0,)"
      R"("sliding_window":4096,"torch_dtype":"float32","transformers_version":"4.42.4",)"
      R"("use_cache":true,"vocab_size":256000})");
  CHECK(gemma2.embedding_scale == 48);
  const auto gemma3 = open(
      R"({"architectures":["Gemma3ForCausalLM"],"attention_bias":false,"attention_dropout":0.0,)"
      R"("attn_logit_softcapping":null,"bos_token_id":2,"cache_implementation":"hybrid",)"
      R"("eos_token_id":[1,106],"final_logit_softcapping":null,"head_dim":256,)"
      R"("hidden_activation":"gelu_pytorch_tanh","hidden_size":1152,"initializer_range":0.02,)"
      R"("intermediate_size":6912,"max_position_embeddings":32768,"model_type":"gemma3_text",)"
      R"("num_attention_heads":4,"num_hidden_layers":26,"num_key_value_heads":1,)"
      R"("pad_token_id":0,"query_pre_attn_scalar":256,"rms_norm_eps":1e-06,)"
      R"("rope_local_base_freq":10000,"rope_scaling":null,"rope_theta":1000000,)"
      R"("sliding_window":512,"sliding_window_pattern":6,"torch_dtype":"bfloat16",)"
      R"("transformers_version":"4.50.0.dev0","use_cache":true,"vocab_size":262144})");
  CHECK(gemma3.window(4) == 512);
  CHECK(gemma3.window(5) == 0);
  const auto phi3 =
      open(R"({"architectures":["Phi3ForCausalLM"],"attention_dropout":0.0,"bos_token_id":1,)"
           R"("embd_pdrop":0.0,"eos_token_id":32000,"hidden_act":"silu","hidden_size":3072,)"
           R"("initializer_range":0.02,"intermediate_size":8192,"max_position_embeddings":4096,)"
           R"("model_type":"phi3","num_attention_heads":32,"num_hidden_layers":32,)"
           R"("num_key_value_heads":32,"original_max_position_embeddings":4096,)"
           R"("pad_token_id":32000,"resid_pdrop":0.0,"rms_norm_eps":1e-05,"rope_scaling":null,)"
           R"("rope_theta":10000.0,"sliding_window":2047,"tie_word_embeddings":false,)"
           R"("torch_dtype":"bfloat16","transformers_version":"4.40.2","use_cache":true,)"
           R"("attention_bias":false,"vocab_size":32064})");
  CHECK(phi3.window(31) == 2047);
  const auto pythia =
      open(R"({"architectures":["GPTNeoXForCausalLM"],"bos_token_id":0,"eos_token_id":0,)"
           R"("hidden_act":"gelu","hidden_size":768,"initializer_range":0.02,)"
           R"("intermediate_size":3072,"layer_norm_eps":1e-05,"max_position_embeddings":2048,)"
           R"("model_type":"gpt_neox","num_attention_heads":12,"num_hidden_layers":12,)"
           R"("rotary_emb_base":10000,"rotary_pct":0.25,"tie_word_embeddings":false,)"
           R"("torch_dtype":"float16","transformers_version":"4.24.0","use_cache":true,)"
           R"("use_parallel_residual":true,"vocab_size":50304,"attention_probs_dropout_prob":0,)"
           R"("hidden_dropout_prob":0})");
  CHECK(pythia.rotary_dimension() == 16);
  const auto olmo2 = open(
      R"({"architectures":["Olmo2ForCausalLM"],"attention_bias":false,"attention_dropout":0.0,)"
      R"("eos_token_id":100257,"hidden_act":"silu","hidden_size":4096,)"
      R"("initializer_range":0.02,"intermediate_size":11008,"max_position_embeddings":4096,)"
      R"("model_type":"olmo2","num_attention_heads":32,"num_hidden_layers":32,)"
      R"("num_key_value_heads":32,"pad_token_id":100277,"rms_norm_eps":1e-06,)"
      R"("rope_scaling":null,"rope_theta":500000,"tie_word_embeddings":false,)"
      R"("torch_dtype":"float32","transformers_version":"4.47.0.dev0","use_cache":false,)"
      R"("vocab_size":100352})");
  CHECK(olmo2.rotary.theta == 500000);
}

TEST_CASE("nothing may follow a configuration but blanks") {
  const std::string text = R"({"architectures":["GPT2LMHeadModel"],"n_layer":2,"n_embd":8,)"
                           R"("n_head":2,"vocab_size":5})";
  CHECK(parse_transformer_config(text + " \n\t ", "x").layers == 2);
  using namespace std::string_literals;
  for (const std::string& more : {"\0"s, "\0 hidden"s, "{}"s, "x"s})
    CHECK_REFUSED(format_error, parse_transformer_config(text + more, "x"), "x", "JSON");
  CHECK_REFUSED(format_error, parse_transformer_config("\0"s + text, "x"), "NUL", "byte 1");
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
  for (const char* none :
       {R"({})", R"({"model_type":null})", R"({"model_type":""})",
        R"({"model_type":"","architectures":[]})", R"({"model_type":null,"architectures":null})"})
    CHECK_REFUSED(format_error, parse_transformer_config(none, "x"), "x", "architectures");
  CHECK_REFUSED(format_error, parse_transformer_config(R"({"architectures":[""]})", "x"), "x",
                "model_type");
  CHECK_REFUSED(format_error, parse_transformer_config("[]", "x"), "x", "object");
  CHECK_REFUSED(format_error, parse_transformer_config("{", "x"), "x", "JSON");
  CHECK_REFUSED(format_error, parse_transformer_config(R"({"model_type":"gpt2","n_layer":1})", "x"),
                "x", "n_embd");
}
