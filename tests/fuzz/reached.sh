#!/bin/bash
# SPDX-License-Identifier: MIT
# reached.sh TARGET <COVERAGE: of what libFuzzer prints with -print_coverage=1, the edges that were
# reached in the files that a target is about, and how many there are in all their functions that it
# was compiled with.
case $1 in
  safetensors) files='io/safetensors|formats/safetensors_header|io/json[.]hpp' ;;
  gguf) files='io/gguf|formats/gguf_|configuration/gguf_config|folders/gguf_weights|tokenization/gguf_|io/blocks/' ;;
  npy) files='io/npy|formats/npy_header|io/tokens' ;;
  npz) files='npz_file' ;;
  config) files='io/config|io/configuration/(architectures|config_|rotary|window)' ;;
  shards) files='io/checkpoint' ;;
  tokenizer) files='io/tokenizer|io/tokenization/[^g]' ;;
  text) files='io/tokenization/(added_tokens|bpe_word|match_ranges|regex[.]|seen_words|unicode|utf8|first_symbols)' ;;
  training) files='training_checkpoint' ;;
  clouds) files='atlas/(cloud_file|array_file|activations|hook_)' ;;
  result) files='atlas/report/' ;;
  *) files='$^' ;;
esac
awk -v files="$files" '
  /^(UN)?COVERED_FUNC: / && $0 ~ files {
    for (i = 1; i < NF; ++i) if ($i == "edges:") { split($(i + 1), share, "/"); hit += share[1]; all += share[2] }
  }
  END { if (all > 0) printf "%d of %d (%.0f %%)\n", hit, all, 100 * hit / all; else print "-" }'
