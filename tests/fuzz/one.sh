#!/bin/bash
# SPDX-License-Identifier: MIT
# one.sh ATLAS_FUZZ TARGET SECONDS [CORPUS]: a target for so long, from its seeds, the cases that were
# found, and what CORPUS has; what is new is kept there. Extra arguments of libFuzzer: FUZZ_ARGUMENTS.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fuzzer=$1 target=$2 seconds=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
corpus=${4:-$scratch/corpus}
mkdir -p "$corpus" "$scratch/seeds" "$scratch/tmp"
number=0
while read -r name file; do
  if [ "$name" = "$target" ]; then cp "$here/../../$file" "$scratch/seeds/$((number++))"; fi
done <"$here/seeds.txt"
folders=("$corpus" "$scratch/seeds")
for folder in "$here/seeds/$target" "$here/regressions/$target"; do
  if [ -d "$folder" ]; then folders+=("$folder"); fi
done
dictionary=()
if [ -f "$here/dictionaries/$target.dict" ]; then dictionary=(-dict="$here/dictionaries/$target.dict"); fi
# What libFuzzer finds is written to the folder that one stands in. The quarantine of freed memory
# would count as memory in use.
export TMPDIR=$scratch/tmp ATLAS_FUZZ_TARGET=$target
export ASAN_OPTIONS=quarantine_size_mb=16:detect_stack_use_after_return=0
"$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -malloc_limit_mb=256 \
  -max_len=65536 -print_final_stats=1 -verbosity=1 -reload=0 "${dictionary[@]}" ${FUZZ_ARGUMENTS:-} \
  "${folders[@]}"
