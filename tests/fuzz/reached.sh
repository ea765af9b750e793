#!/bin/bash
# SPDX-License-Identifier: MIT
# reached.sh TARGET REACHED LINES: how many of the lines at which a block of code begins were reached in
# the files that a target is about, of all such lines in functions that it was compiled with. REACHED is
# what ATLAS_FUZZ_REACHED names, LINES has the file and line of each of its places.
case $1 in
  safetensors) files='io/safetensors|formats/safetensors_header|io/json[.]hpp' ;;
  gguf) files='io/gguf|formats/gguf_|configuration/gguf_config|folders/gguf_weights|tokenization/gguf_|io/blocks/' ;;
  npy) files='io/npy|formats/npy_header|io/tokens' ;;
  npz) files='npz_file' ;;
  config) files="io/config[.]hpp|io/configuration/(architectures|config_|rotary|window)" ;;
  shards) files='io/checkpoint' ;;
  tokenizer) files='io/tokenizer|io/tokenization/[^g]' ;;
  text) files='io/tokenization/(added_tokens|bpe_word|match_ranges|regex[.]|seen_words|unicode|utf8|first_symbols)' ;;
  training) files='training_checkpoint' ;;
  clouds) files='atlas/(cloud_file|array_file|activations|hook_)' ;;
  result) files='atlas/report/' ;;
  *) files='$^' ;;
esac
paste -d ' ' "$2" "$3" | awk -v files="$files" '
  $3 ~ files { split($3, place, ":"); line = place[1] ":" place[2]; all[line]; if ($2 == 1) hit[line] }
  END {
    if (length(all) > 0)
      printf "%d of %d (%.0f %%)\n", length(hit), length(all), 100 * length(hit) / length(all)
    else
      print "-"
  }'
