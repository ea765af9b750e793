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
  using list = std::vector<atlas::index_t>;
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
  CHECK_REFUSED(format_error, llama(R"("sliding_window":9)"), "sliding_window", "Llama");
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
