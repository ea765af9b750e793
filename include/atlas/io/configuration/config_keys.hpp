// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Keys of a `config.json` that cannot change what a model computes, each with the reason why. A
/// key that is neither used nor listed here is refused.

#include <algorithm>
#include <array>
#include <string_view>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Where the file comes from and what wrote it.
inline constexpr std::array origin_keys = std::to_array<std::string_view>(
    {"_commit_hash", "_from_model_config", "_name_or_path", "author", "created_date",
     "is_llama_config", "license", "name_or_path", "transformers.js_config", "transformers_version",
     "unsloth_fixed", "unsloth_version"});

/// The type of weights and activations elsewhere: here everything is computed in float32, from the
/// types that the tensors themselves name.
inline constexpr std::array precision_keys =
    std::to_array<std::string_view>({"bf16", "dtype", "fp16", "torch_dtype", "use_bfloat16"});

/// Training only: dropout, first values, gradients, losses.
inline constexpr std::array training_keys = std::to_array<std::string_view>(
    {"attention_dropout", "attention_probs_dropout_prob", "attn_pdrop", "classifier_dropout",
     "embd_pdrop", "gradient_checkpointing", "hidden_dropout", "hidden_dropout_prob",
     "initializer_range", "resid_pdrop", "summary_first_dropout", "tf_legacy_loss"});

/// Other ways to the same numbers: caches, kernels, the splitting and the order of products.
/// `n_ctx` is the size of a buffer, and models that generate are decoders whatever `is_decoder`
/// says.
inline constexpr std::array computation_keys = std::to_array<std::string_view>(
    {"_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal",
     "_flash_attn_2_enabled", "attn_implementation", "cache_implementation",
     "chunk_size_feed_forward", "is_decoder", "keys_to_ignore_at_inference", "n_ctx",
     "pretraining_tp", "reorder_and_upcast_attn", "tie_encoder_decoder", "torchscript", "use_cache",
     "xla_device"});

/// Which of the results are handed out.
inline constexpr std::array output_keys =
    std::to_array<std::string_view>({"output_attentions", "output_hidden_states", "output_past",
                                     "output_scores", "return_dict", "return_dict_in_generate"});

/// How text is drawn from the logits.
inline constexpr std::array generation_keys =
    std::to_array<std::string_view>({"bad_words_ids",
                                     "begin_suppress_tokens",
                                     "diversity_penalty",
                                     "do_sample",
                                     "early_stopping",
                                     "encoder_no_repeat_ngram_size",
                                     "exponential_decay_length_penalty",
                                     "forced_bos_token_id",
                                     "forced_eos_token_id",
                                     "length_penalty",
                                     "max_length",
                                     "max_new_tokens",
                                     "min_length",
                                     "no_repeat_ngram_size",
                                     "num_beam_groups",
                                     "num_beams",
                                     "num_return_sequences",
                                     "remove_invalid_values",
                                     "repetition_penalty",
                                     "suppress_tokens",
                                     "temperature",
                                     "top_k",
                                     "top_p",
                                     "typical_p"});

/// The tokenizer, which has a file of its own, and the ids of special tokens, which are embedded
/// like all others. Here no block is padded.
inline constexpr std::array token_keys = std::to_array<std::string_view>(
    {"bos_token_id", "cls_token_id", "decoder_start_token_id", "eos_token_id", "mask_token_id",
     "max_sequence_length", "model_max_length", "pad_token_id", "prefix", "sep_token_id",
     "tokenizer_class", "tokenizer_model_max_length", "tokenizer_padding_side", "unk_token_id"});

/// Heads for other tasks; `architectures` tells which head the file has.
inline constexpr std::array task_keys = std::to_array<std::string_view>(
    {"_num_labels", "finetuning_task", "id2label", "label2id", "num_labels",
     "predict_special_tokens", "problem_type", "summary_activation", "summary_proj_to_labels",
     "summary_type", "summary_use_proj", "task_specific_params"});

inline bool is_harmless_key(std::string_view key) {
  const auto in = [key](const auto& keys) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  return in(origin_keys) || in(precision_keys) || in(training_keys) || in(computation_keys) ||
         in(output_keys) || in(generation_keys) || in(token_keys) || in(task_keys);
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
