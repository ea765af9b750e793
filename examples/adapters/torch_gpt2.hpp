// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// GPT-2 (Radford et al. 2019) in LibTorch's operations, with the module names of Hugging Face.

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "atlas/io/checkpoint.hpp"
#include "atlas/reference/config.hpp"

namespace torch_gpt2 {

/// A tensor of a checkpoint as float, `[rows, columns]` or `[elements]`. Read once, by the library;
/// the tensor takes over the memory.
inline at::Tensor weight(const atlas::io::checkpoint& file, const std::string& name) {
  const auto adopt = [](auto memory) {
    const std::vector<std::int64_t> sizes(memory.extents().begin(), memory.extents().end());
    float* data = memory.mutable_view().data();
    return at::from_blob(
        data, sizes, [memory](void*) {}, at::kFloat);
  };
  return file.at(name).extents.size() == 1 ? adopt(file.read<float, 1>(name))
                                           : adopt(file.read<float, 2>(name));
}

/// The weights and values of all heads, `[B, H, T, T]` and `[B, H, T, d_head]`.
using attention_observer = std::function<void(const at::Tensor& weights, const at::Tensor& values)>;

/// A module with a weight and a bias.
struct affine : torch::nn::Module {
  affine(const atlas::io::checkpoint& file, const std::string& name)
      : weight(register_parameter("weight", torch_gpt2::weight(file, name + ".weight"))),
        bias(register_parameter("bias", torch_gpt2::weight(file, name + ".bias"))) {}
  at::Tensor linear(const at::Tensor& x) const { return at::matmul(x, weight) + bias; }
  at::Tensor normalized(const at::Tensor& x, double epsilon) const {
    return at::layer_norm(x, bias.sizes(), weight, bias, epsilon);
  }
  at::Tensor weight, bias;
};

/// Causal attention: `[B, T, d_model]` to the same.
class attention : public torch::nn::Module {
 public:
  attention(const atlas::io::checkpoint& file, const std::string& name, std::int64_t heads)
      : heads_(heads),
        c_attn_(register_module("c_attn", std::make_shared<affine>(file, name + ".c_attn"))),
        c_proj_(register_module("c_proj", std::make_shared<affine>(file, name + ".c_proj"))) {}

  at::Tensor forward(const at::Tensor& x, const attention_observer& observer) const {
    const std::int64_t t = x.size(1);
    const std::vector<at::Tensor> qkv = c_attn_->linear(x).chunk(3, -1);
    const at::Tensor q = per_head(qkv[0]), k = per_head(qkv[1]), v = per_head(qkv[2]);
    const at::Tensor future = at::ones({t, t}, at::kBool).triu(1);
    const at::Tensor logits =
        at::matmul(q, k.transpose(-2, -1)) / std::sqrt(static_cast<double>(q.size(-1)));
    const at::Tensor weights =
        at::softmax(logits.masked_fill(future, -std::numeric_limits<double>::infinity()), -1);
    if (observer) observer(weights, v);
    return c_proj_->linear(at::matmul(weights, v).transpose(1, 2).reshape(x.sizes()));
  }

 private:
  /// `[B, H, T, d_head]`, of the same memory.
  at::Tensor per_head(const at::Tensor& x) const {
    return x.unflatten(-1, {heads_, x.size(-1) / heads_}).transpose(1, 2);
  }

  std::int64_t heads_;
  std::shared_ptr<affine> c_attn_, c_proj_;
};

/// One layer: attention and MLP, each on a normalized stream and added to it.
class block : public torch::nn::Module {
 public:
  block(const atlas::io::checkpoint& file, const std::string& name,
        const atlas::transformer_config& c)
      : epsilon_(c.norm_epsilon),
        ln_1_(register_module("ln_1", std::make_shared<affine>(file, name + ".ln_1"))),
        ln_2_(register_module("ln_2", std::make_shared<affine>(file, name + ".ln_2"))),
        c_fc_(register_module("c_fc", std::make_shared<affine>(file, name + ".mlp.c_fc"))),
        c_proj_(register_module("c_proj", std::make_shared<affine>(file, name + ".mlp.c_proj"))),
        attn_(register_module("attn", std::make_shared<attention>(file, name + ".attn", c.heads))) {
  }

  at::Tensor forward(const at::Tensor& x, const attention_observer& observer) const {
    const at::Tensor y = x + attn_->forward(ln_1_->normalized(x, epsilon_), observer);
    const at::Tensor wide = c_fc_->linear(ln_2_->normalized(y, epsilon_));
    return y + c_proj_->linear(at::gelu(wide, "tanh"));
  }

 private:
  double epsilon_;
  std::shared_ptr<affine> ln_1_, ln_2_, c_fc_, c_proj_;
  std::shared_ptr<attention> attn_;
};

class model : public torch::nn::Module {
 public:
  model(const atlas::io::checkpoint& file, const atlas::transformer_config& c)
      : epsilon_(c.norm_epsilon),
        wte_(register_parameter("wte", weight(file, "transformer.wte.weight"))),
        wpe_(register_parameter("wpe", weight(file, "transformer.wpe.weight"))),
        ln_f_(register_module("ln_f", std::make_shared<affine>(file, "transformer.ln_f"))) {
    for (atlas::index_t l = 0; l < c.layers; ++l) {
      const std::string number = std::to_string(l);
      layers_.push_back(register_module(
          "h" + number, std::make_shared<block>(file, "transformer.h." + number, c)));
    }
  }

  /// \param tokens `[B, T]` ids
  /// \param observer sees the attention of the deepest layer
  /// \return logits, `[B, T, vocabulary]`
  at::Tensor forward(const at::Tensor& tokens, const attention_observer& observer) const {
    at::Tensor x = at::embedding(wte_, tokens) + wpe_.slice(0, 0, tokens.size(1));
    for (const auto& layer : layers_)
      x = layer->forward(x, layer == layers_.back() ? observer : attention_observer());
    return at::matmul(ln_f_->normalized(x, epsilon_), wte_.t());
  }

 private:
  double epsilon_;
  at::Tensor wte_, wpe_;
  std::shared_ptr<affine> ln_f_;
  std::vector<std::shared_ptr<block>> layers_;
};

}  // namespace torch_gpt2
