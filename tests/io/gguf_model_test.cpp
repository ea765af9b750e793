// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/io/model.hpp"
#include "atlas/io/save_model.hpp"
#include "files_for_tests.hpp"
#include "gguf_for_tests.hpp"

namespace gguf_model_tests {

using namespace atlas_test;
namespace io = atlas::io;

namespace {

std::vector<float> parameters_of(const atlas::transformer& model) {
  std::vector<float> all;
  model.for_each_parameter([&](const auto&, const auto&, auto values) {
    all.insert(all.end(), values.begin(), values.end());
  });
  return all;
}

/// Of one block that has all tokens up to the 20th, in an order that says where they are.
std::vector<float> logits_of(const atlas::transformer& model, atlas::index_t tokens) {
  atlas::owned_tensor<atlas::index_t, 2> block({1, tokens});
  for (atlas::index_t i = 0; i < tokens; ++i) block.mutable_view()(0, i) = (i * 7 + i / 20) % 20;
  std::vector<float> logits;
  atlas::forward_options options;
  options.logits_observer = [&](atlas::index_t, const atlas::tensor_view<const float, 2>& rows) {
    for (atlas::index_t r = 0; r < rows.extent(0); ++r)
      for (atlas::index_t c = 0; c < rows.extent(1); ++c) logits.push_back(rows(r, c));
  };
  model.forward(block, options);
  return logits;
}

double relative_distance(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / norm);
}

/// What reading the changed file throws, which has both parts.
void model_refused(const gguf_for_tests& file, const char* part, const char* other) {
  const std::string bytes = file.bytes();
  const auto opened = io::gguf::from_memory(bytes_of(bytes), "x.gguf");
  CHECK_REFUSED(atlas::error, io::read_gguf_transformer(opened), part, other);
}

/// The message of a file after `change`; empty for one that is read.
template <class Change>
void model_refused_after(const char* name, const char* part, const char* other, Change&& change) {
  gguf_for_tests file = copy_of(gguf_data(name));
  change(file);
  model_refused(file, part, other);
}

void model_refused_with(const char* name, const char* key, const std::string& value,
                        const char* part, const char* other) {
  model_refused_after(name, part, other, [&](gguf_for_tests& file) { file.key(key) = value; });
}

atlas::transformer_config config_after(const char* name, auto&& change) {
  gguf_for_tests file = copy_of(gguf_data(name));
  change(file);
  const std::string bytes = file.bytes();
  return io::read_gguf_config(io::gguf::from_memory(bytes_of(bytes), "x.gguf"));
}

/// What gguf's Python package calls the tensors of the architectures that are converted below; `+`
/// is of those with norms after attention.
const std::map<std::string, std::string> converted_names = {
    {"embed_tokens", "token_embd"},
    {"embed_in", "token_embd"},
    {"norm", "output_norm"},
    {"final_layer_norm", "output_norm"},
    {"lm_head", "output"},
    {"embed_out", "output"},
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"+post_attention_layernorm", "post_attention_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.gate_up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"attention.query_key_value", "attn_qkv"},
    {"attention.dense", "attn_output"},
    {"mlp.dense_h_to_4h", "ffn_up"},
    {"mlp.dense_4h_to_h", "ffn_down"}};

std::string converted_name(const std::string& name, bool norms_after) {
  std::string part = name.substr(0, name.rfind('.')), block;
  const std::string kind = name.substr(name.rfind('.'));
  for (const std::string begin : {"model.", "gpt_neox."})
    if (part.starts_with(begin)) part = part.substr(begin.size());
  if (part.starts_with("layers.")) {
    const std::size_t dot = part.find('.', 7);
    block = "blk." + part.substr(7, dot - 7) + ".";
    part = part.substr(dot + 1);
  }
  if (norms_after && part == "post_attention_layernorm") part = "+" + part;
  return block + converted_names.at(part) + kind;
}

/// The three of each of two heads to all queries, all keys, all values, as llama.cpp has them.
std::string parted(const std::string& bytes) {
  const std::size_t group = bytes.size() / 6;
  std::string out;
  for (std::size_t part = 0; part < 3; ++part)
    for (std::size_t head = 0; head < 2; ++head)
      out += bytes.substr((head * 3 + part) * group, group);
  return out;
}

/// The weights of a folder as llama.cpp's convert_hf_to_gguf.py writes them: vectors in F32, norms
/// of Gemma with 1 added. Its keys are that script's too, and the base of GPT-NeoX and the pattern
/// of Gemma 3's windows, which the script takes as those of all such models.
gguf_for_tests converted(const std::string& name, const std::string& architecture) {
  const std::string folder = std::string(ATLAS_TEST_DATA) + "/architectures/" + name;
  const auto c = io::open_transformer_config(folder);
  const auto tensors = io::checkpoint::open(folder);
  const bool gemma = c.norm_offset == 1;
  gguf_for_tests file;
  const auto add = [&](const std::string& key, const std::string& value) {
    file.key(architecture + "." + key) = value;
  };
  const auto whole = [](atlas::index_t x) { return gguf_u32(static_cast<std::uint32_t>(x)); };
  const auto real = [](double x) { return gguf_f32(static_cast<float>(x)); };
  file.key("general.architecture") = gguf_text(architecture);
  file.key("general.type") = gguf_text("model");
  add("block_count", whole(c.layers));
  add("context_length", whole(c.positions));
  add("embedding_length", whole(c.model_dimension));
  add("feed_forward_length", whole(c.mlp_dimension));
  add("attention.head_count", whole(c.heads));
  const bool neox = architecture == "gptneox";
  add(neox ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
      real(c.norm_epsilon));
  if (neox) add("use_parallel_residual", gguf_flag(c.parallel_residual));
  if (!neox) add("attention.head_count_kv", whole(c.key_value_heads));
  if (gemma || architecture == "qwen3") {
    add("attention.key_length", whole(c.head_dimension));
    add("attention.value_length", whole(c.head_dimension));
  }
  if (neox || architecture == "phi3") add("rope.dimension_count", whole(c.rotary_dimension()));
  add("rope.freq_base", real(c.rotary.theta));
  if (architecture == "gemma3") {
    add("rope.scaling.type", gguf_text("linear"));
    add("rope.scaling.factor", real(c.rotary.factor));
    add("rope.freq_base_swa", real(c.window_rotary->theta));
    add("attention.sliding_window_pattern", whole(2));
  }
  if (gemma || architecture == "phi3") add("attention.sliding_window", whole(5));
  if (gemma) add("final_logit_softcapping", real(c.output_cap));
  if (architecture == "gemma2") add("attn_logit_softcapping", real(c.logit_cap));
  for (const std::string& tensor : tensors.names()) {
    const auto& entry = tensors.at(tensor);
    std::string bytes(reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size());
    if (entry.extents.size() == 1) {
      const auto values = tensors.read<float, 1>(tensor);
      bytes.clear();
      for (atlas::index_t i = 0; i < values.extent(0); ++i)
        bytes += little_bytes(values[i] + (gemma ? 1.0F : 0.0F));
    }
    if (tensor.find("query_key_value") != std::string::npos) bytes = parted(bytes);
    const std::string stored = converted_name(tensor, c.norms != atlas::norm_position::before);
    file.tensors.push_back({stored,
                            {entry.extents.rbegin(), entry.extents.rend()},
                            entry.extents.size() == 1 ? 0U : 1U,
                            bytes,
                            -1});
  }
  return file;
}

atlas::transformer read_converted(const gguf_for_tests& file) {
  const std::string bytes = file.bytes();
  return io::read_gguf_transformer(io::gguf::from_memory(bytes_of(bytes), "x.gguf"));
}

}  // namespace

TEST_CASE("further architectures of GGUF files are those of their folders", "[io][gguf]") {
  struct pair_of_names {
    std::string folder, architecture;
  };
  for (const auto& [name, architecture] :
       {pair_of_names{"qwen3", "qwen3"}, pair_of_names{"gemma2", "gemma2"},
        pair_of_names{"gemma3", "gemma3"}, pair_of_names{"phi3", "phi3"},
        pair_of_names{"gpt_neox", "gptneox"}, pair_of_names{"gpt_neox_in_turn", "gptneox"},
        pair_of_names{"olmo2", "olmo2"}}) {
    INFO(name);
    const auto from_folder =
        io::open_transformer(std::string(ATLAS_TEST_DATA) + "/architectures/" + name);
    const auto from_file = read_converted(converted(name, architecture));
    CHECK(parameters_of(from_file) == parameters_of(from_folder));
    auto wanted = from_folder.config();
    wanted.norm_epsilon = static_cast<double>(static_cast<float>(wanted.norm_epsilon));
    // What such a file does not say: the scale of queries, windows of Qwen3, which GELU.
    if (wanted.query_scalar > 0) wanted.query_scalar = 6;
    if (name == "qwen3") wanted.windows.clear();
    if (architecture == "gptneox") wanted.mlp_activation = atlas::activation::gelu_tanh;
    CHECK(from_file.config() == wanted);
  }
}

TEST_CASE("settings of further architectures in GGUF files", "[io][gguf]") {
  const auto after = [](const std::string& name, const std::string& architecture, auto&& change) {
    gguf_for_tests file = converted(name, architecture);
    change(file);
    const std::string bytes = file.bytes();
    return io::read_gguf_config(io::gguf::from_memory(bytes_of(bytes), "x.gguf"));
  };
  const auto refused = [](const std::string& name, const std::string& architecture,
                          const std::string& key, const std::string& value, const char* got) {
    gguf_for_tests file = converted(name, architecture);
    file.key(architecture + "." + key) = value;
    model_refused(file, key.c_str(), got);
  };
  const auto gemma2 = after("gemma2", "gemma2", [](gguf_for_tests& file) {
    for (const char* key : {"gemma2.attention.sliding_window", "gemma2.attn_logit_softcapping",
                            "gemma2.final_logit_softcapping"})
      file.erase_key(key);
  });
  CHECK(gemma2.windows == std::vector<atlas::index_t>{4096, 0, 4096});
  CHECK(gemma2.logit_cap == 50);
  CHECK(gemma2.output_cap == 30);
  // The model of 27 B is told by its 46 layers.
  const auto largest = after("gemma2", "gemma2", [](gguf_for_tests& file) {
    file.key("gemma2.block_count") = gguf_u32(46);
  });
  CHECK(largest.query_scalar == 4);
  const auto gemma3 = after("gemma3", "gemma3", [](gguf_for_tests& file) {
    for (const char* key : {"gemma3.attention.sliding_window_pattern", "gemma3.rope.freq_base_swa",
                            "gemma3.final_logit_softcapping"})
      file.erase_key(key);
  });
  CHECK(gemma3.windows == std::vector<atlas::index_t>{5, 5, 5});
  CHECK(gemma3.window_rotary->theta == 10000);
  CHECK(gemma3.output_cap == 0);
  CHECK(after("gemma3", "gemma3", [](gguf_for_tests& file) {
          file.erase_key("gemma3.attention.sliding_window");
        }).windows.empty());
  const auto phi3 = after("phi3", "phi3", [](gguf_for_tests& file) {
    file.key("phi3.attention.sliding_window") = gguf_u32(0);
    file.erase_key("phi3.rope.dimension_count");
  });
  CHECK(phi3.windows.empty());
  CHECK(phi3.rotary_share == 1);
  refused("qwen3", "qwen3", "attention.sliding_window", gguf_u32(9), "9");
  refused("qwen3", "qwen3", "rope.dimension_count", gguf_u32(4), "4");
  refused("olmo2", "olmo2", "attention.sliding_window", gguf_u32(9), "9");
  refused("gemma2", "gemma2", "rope.freq_base_swa", gguf_f32(9), "rope.freq_base_swa");
  refused("gemma2", "gemma2", "attention.sliding_window_pattern", gguf_u32(0), "1 or more");
  refused("gemma2", "gemma2", "attention.sliding_window_pattern", gguf_i32s({1, 0, 1}),
          "a whole number");
  refused("gemma2", "gemma2", "attn_logit_softcapping", gguf_f32(-1), "-1");
  refused("gemma3", "gemma3", "final_logit_softcapping", gguf_f32(-2), "-2");
  refused("gemma3", "gemma3", "attn_logit_softcapping", gguf_f32(50), "understood");
  refused("phi3", "phi3", "rope.dimension_count", gguf_u32(9), "from 2 to 8");
  refused("phi3", "phi3", "rope.dimension_count", gguf_u32(3), "3");
  refused("phi3", "phi3", "rope.scaling.attn_factor", gguf_f32(1.2F), "1.2");
  refused("gpt_neox", "gptneox", "attention.head_count_kv", gguf_u32(1), "1");
  gguf_for_tests longrope = converted("phi3", "phi3");
  longrope.tensor("rope_factors_long.weight") = {
      "rope_factors_long.weight", {2}, 0, std::string(8, '\0'), -1};
  model_refused(longrope, "rope_factors_long.weight", "has no place for");
}

TEST_CASE("a GGUF file is the model of the folder that it was made from", "[io][gguf]") {
  for (const std::string name : {"llama", "llama-biased", "qwen2", "gpt2"}) {
    INFO(name);
    const auto from_folder = io::open_transformer(gguf_data(name));
    const auto from_file = io::open_transformer(gguf_data(name + ".gguf"));
    const auto &a = from_file.config(), &b = from_folder.config();
    CHECK(a.family == b.family);
    CHECK(a.layers == b.layers);
    CHECK(a.model_dimension == b.model_dimension);
    CHECK(a.heads == b.heads);
    CHECK(a.key_value_heads == b.key_value_heads);
    CHECK(a.head_dimension == b.head_dimension);
    CHECK(a.mlp_dimension == b.mlp_dimension);
    CHECK(a.vocabulary == b.vocabulary);
    CHECK(a.positions == b.positions);
    CHECK(a.norm_epsilon == static_cast<double>(static_cast<float>(b.norm_epsilon)));
    CHECK(a.mlp_activation == b.mlp_activation);
    CHECK(a.rotary.theta == b.rotary.theta);
    CHECK(a.query_key_value_bias == b.query_key_value_bias);
    CHECK(a.output_bias == b.output_bias);
    CHECK(a.mlp_bias == b.mlp_bias);
    CHECK(a.tied == b.tied);
    CHECK(a == io::open_transformer_config(gguf_data(name + ".gguf")));
    CHECK(parameters_of(from_file) == parameters_of(from_folder));
    // Rotary positions of llama3 are divisors in the file, and a rule in the folder.
    CHECK(a.rotary.divisors.size() == (name == "llama" ? 4U : 0U));
    const atlas::index_t tokens = name == "gpt2" ? 16 : 100;
    CHECK(relative_distance(logits_of(from_file, tokens), logits_of(from_folder, tokens)) < 1e-5);
  }
}

TEST_CASE("rotary settings of GGUF files", "[io][gguf]") {
  using kind = atlas::rotary_options::rescaling;
  const auto rotary = [](auto&& change) {
    return config_after("llama-biased.gguf", change).rotary;
  };
  CHECK(rotary([](gguf_for_tests&) {}).kind == kind::linear);
  CHECK(rotary([](gguf_for_tests&) {}).factor == 2.5);
  const auto none = rotary([](auto& f) { f.key("llama.rope.scaling.type") = gguf_text("none"); });
  CHECK(none.kind == kind::none);
  CHECK(none == atlas::rotary_options{.theta = 100});
  // As in llama.cpp, a factor alone is linear, under its old name too, and 0 and 1 are none.
  const auto alone = rotary([](auto& f) { f.erase_key("llama.rope.scaling.type"); });
  CHECK(alone.kind == kind::linear);
  const auto old = rotary([](auto& f) {
    f.erase_key("llama.rope.scaling.factor");
    f.key("llama.rope.scale_linear") = gguf_f32(4);
  });
  CHECK(old.factor == 4);
  for (const float factor : {0.F, 1.F})
    CHECK(rotary([&](auto& f) { f.key("llama.rope.scaling.factor") = gguf_f32(factor); }).kind ==
          kind::none);
  CHECK(rotary([](auto& f) { f.erase_key("llama.rope.freq_base"); }).theta == 10000);
  const auto refused_rotary = [](const char* key, const std::string& value, const char* got) {
    model_refused_with("llama.gguf", key, value, key + 6, got);
  };
  refused_rotary("llama.rope.scaling.type", gguf_text("yarn"), "yarn");
  refused_rotary("llama.rope.scaling.factor", gguf_f32(-1), "-1");
  refused_rotary("llama.rope.scaling.attn_factor", gguf_f32(0.5F), "0.5");
  refused_rotary("llama.rope.dimension_count", gguf_u32(4), "4");
  refused_rotary("llama.rope.freq_base", gguf_text("many"), "many");
  model_refused_with("llama.gguf", "llama.rope.freq_base", gguf_f32(-1), "rotary", "-1");
  model_refused_after("llama.gguf", "rope_freqs.weight", "[3]",
                      [](gguf_for_tests& file) { file.tensor("rope_freqs.weight").extents = {3}; });
  model_refused_after("llama.gguf", "rotary.divisors", "0", [](gguf_for_tests& file) {
    file.tensor("rope_freqs.weight").bytes = std::string(16, '\0');
  });
}

TEST_CASE("sizes of GGUF files: by layer, by default, and those that contradict", "[io][gguf]") {
  const auto c = config_after("llama.gguf", [](gguf_for_tests& file) {
    file.key("llama.attention.head_count") = gguf_i32s({4, 4});
    file.key("llama.attention.head_count_kv") = gguf_i32s({2, 2});
    file.key("llama.feed_forward_length") = gguf_i32s({12, 12});
    file.erase_key("llama.vocab_size");
    file.key("llama.rope.scaling.finetuned") = gguf_flag(1);
    file.key("llama.tensor_data_layout") = gguf_text("Meta AI original pth");
    file.key("llama.expert_count") = gguf_u32(0);
    file.key("general.quantization_version") = gguf_u32(2);
    file.key("split.count") = gguf_u32(1);
    file.key("someone.else") = gguf_text("is harmless");
  });
  CHECK(c == io::open_transformer_config(gguf_data("llama.gguf")));
  const auto q = config_after("qwen2.gguf", [](gguf_for_tests& file) {
    file.erase_key("qwen2.attention.key_length");
    file.erase_key("qwen2.attention.value_length");
  });
  CHECK(q.head_dimension == 4);
  const auto g = config_after("gpt2.gguf", [](gguf_for_tests& file) {
    file.key("gpt2.attention.head_count_kv") = gguf_u32(2);
  });
  CHECK(g.key_value_heads == 2);
  model_refused_with("gpt2.gguf", "gpt2.attention.head_count_kv", gguf_u32(1), "head_count_kv",
                     "1");
  model_refused_with("llama.gguf", "llama.attention.head_count", gguf_i32s({4, 2}), "head_count",
                     "the same for all layers");
  model_refused_with("llama.gguf", "llama.attention.head_count", gguf_i32s({4}), "head_count",
                     "each of 2 layers");
  model_refused_with("llama.gguf", "llama.attention.head_count", gguf_u32(0), "head_count",
                     "1 or more");
  model_refused_with("llama.gguf", "llama.attention.value_length", gguf_u32(4), "value_length",
                     "8");
  model_refused_with("llama.gguf", "llama.block_count", gguf_text("two"), "block_count", "two");
  model_refused_with("llama.gguf", "llama.context_length", gguf_u32(0), "consistent", "positions");
  model_refused_with("llama.gguf", "llama.attention.head_count_kv", gguf_u32(3), "consistent",
                     "key_value_heads");
  model_refused_with("llama.gguf", "llama.vocab_size", gguf_u32(299), "token_embd.weight",
                     "[300, 8]");
  model_refused_with("llama.gguf", "llama.attention.head_count",
                     gguf_array(0, 70000, std::string(70000, '\4')), "head_count", "70000");
  for (const char* key : {"llama.block_count", "llama.context_length", "llama.embedding_length",
                          "llama.feed_forward_length", "llama.attention.head_count",
                          "llama.attention.layer_norm_rms_epsilon"})
    model_refused_after("llama.gguf", "x.gguf: llama", key + 6,
                        [&](gguf_for_tests& file) { file.erase_key(key); });
}

TEST_CASE("what a GGUF file asks for and nothing here computes is refused by name", "[io][gguf]") {
  const auto of_llama = [](const char* key, const std::string& value, const char* got) {
    model_refused_with("llama.gguf", key, value, key + 6, got);
  };
  of_llama("llama.attention.causal", gguf_flag(0), "false");
  of_llama("llama.attention.sliding_window", gguf_u32(4096), "4096");
  of_llama("llama.use_parallel_residual", gguf_flag(1), "true");
  of_llama("llama.attention.clamp_kqv", gguf_f32(8), "8.0");
  of_llama("llama.attention.max_alibi_bias", gguf_f32(8), "8.0");
  of_llama("llama.expert_count", gguf_u32(8), "8");
  of_llama("llama.expert_used_count", gguf_u32(2), "2");
  of_llama("llama.pooling_type", gguf_u32(1), "1");
  of_llama("llama.tensor_data_layout", gguf_text("reference"), "reference");
  of_llama("llama.logit_scale", gguf_f32(0.5F), "keys that are understood");
  of_llama("llama.attention.scale", gguf_f32(0.5F), "keys that are understood");
  model_refused_with("llama.gguf", "general.architecture", gguf_text("gemma"),
                     "general.architecture", "\"gemma\"");
  model_refused_with("llama.gguf", "general.architecture", gguf_u32(1), "general.architecture",
                     "UINT32");
  model_refused_after("llama.gguf", "general.architecture", "none",
                      [](gguf_for_tests& file) { file.erase_key("general.architecture"); });
  model_refused_with("llama.gguf", "general.type", gguf_text("adapter"), "general.type", "adapter");
  model_refused_with("llama.gguf", "general.quantization_version", gguf_u32(1),
                     "quantization_version", "1");
  model_refused_with("llama.gguf", "split.count", gguf_u32(3), "split.count",
                     "llama-gguf-split --merge");
}

TEST_CASE("tensors of GGUF files that are missing, left over or unusable are named", "[io][gguf]") {
  for (const char* name : {"token_embd.weight", "blk.1.attn_k.weight", "output_norm.weight"})
    model_refused_after("llama.gguf", name, "none of that name",
                        [&](gguf_for_tests& file) { file.erase_tensor(name); });
  for (const char* name : {"blk.0.attn_q_norm.weight", "blk.2.attn_q.weight",
                           "rope_factors_long.weight", "blk.1.attn_q.bias"})
    model_refused_after("llama.gguf", name, "has no place for", [&](gguf_for_tests& file) {
      file.tensor(name) = {name, {8}, 0, std::string(32, '\0'), -1};
    });
  model_refused_after("llama.gguf", "blk.0.ffn_up.weight", "[8, 12]", [](gguf_for_tests& file) {
    file.tensor("blk.0.ffn_up.weight").extents = {12, 8};
  });
  model_refused_after("llama.gguf", "blk.0.attn_norm.weight", "I8", [](gguf_for_tests& file) {
    file.tensor("blk.0.attn_norm.weight").type = 24;
  });
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    gguf_for_tests file = copy_of(gguf_data("llama.gguf"));
    file.tensor("blk.0.attn_norm.weight").bytes.replace(4, 4, little_bytes(value));
    const std::string bytes = file.bytes();
    const auto model = io::read_gguf_transformer(io::gguf::from_memory(bytes_of(bytes), "x.gguf"));
    CHECK_REFUSED(atlas::value_error, logits_of(model, 3),
                  "x.gguf: tensor \"blk.0.attn_norm.weight\"", "at [1]");
  }
  // Without a matrix of its own the head is the embedding.
  gguf_for_tests file = copy_of(gguf_data("llama.gguf"));
  file.erase_tensor("output.weight");
  const std::string bytes = file.bytes();
  CHECK(io::read_gguf_transformer(io::gguf::from_memory(bytes_of(bytes), "x.gguf")).config().tied);
}

TEST_CASE("a GGUF file is told by its first bytes or by its name", "[io][gguf]") {
  const temporary_folder folder;
  std::filesystem::copy_file(gguf_data("llama.gguf"), folder / "weights");
  CHECK(io::open_model(folder / "weights").model.config().heads == 4);
  CHECK_REFUSED(atlas::format_error, io::open_model(folder.write("short.gguf", "GG")), "short.gguf",
                "4 bytes");
  std::filesystem::create_directories(folder / "inner");
  std::filesystem::copy_file(gguf_data("llama.gguf"), folder / "inner/model.gguf");
  CHECK_REFUSED(atlas::format_error, io::open_model(folder / "inner"), "model.gguf",
                "in the place of its folder");
  CHECK_REFUSED(atlas::format_error, io::open_model(folder / "none.gguf"), "none.gguf",
                "nothing there");
}

TEST_CASE("a model of a GGUF file is written as a folder, where config.json can say what it is",
          "[io][gguf]") {
  const temporary_folder folder;
  const auto model = io::open_transformer(gguf_data("llama-biased.gguf"));
  io::save_transformer(folder / "biased", model);
  const auto copy = io::open_transformer(folder / "biased");
  CHECK(copy.config() == model.config());
  CHECK(parameters_of(copy) == parameters_of(model));
  CHECK_REFUSED(
      atlas::value_error,
      io::save_transformer(folder / "llama", io::open_transformer(gguf_data("llama.gguf"))),
      "config.rotary", "config.json");
}

}  // namespace gguf_model_tests
