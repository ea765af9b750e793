#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh [SECONDS [TARGET...]]: builds the fuzz targets with Clang and runs all of them, or some, for
# so long each (60 s unless told otherwise). Prints executions, edges reached anywhere, and of the files
# that a target is about how many of the lines at which code begins or branches were reached. Corpora
# grow in build/fuzz/corpus; what fails is left in build/fuzz/found/TARGET.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
shift || true
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for file in tests/fuzz/targets/*.cpp; do targets+=("$(basename "$file" .cpp)"); done
fi
. tests/packages.sh
install_missing "${packages[@]}" clang libclang-rt-14-dev llvm
cmake -S . -B build/fuzz -G Ninja -DATLAS_SANITIZE=ON -DCMAKE_BUILD_TYPE=None \
  -DCMAKE_CXX_COMPILER=clang++ -DATLAS_TORCH_INCLUDE=OFF -DATLAS_MPI=OFF >/dev/null
cmake --build build/fuzz --target atlas_fuzz
root=$PWD
fuzzer=$root/build/fuzz/tests/fuzz/atlas_fuzz
lines=$root/build/fuzz/lines
[ "$lines" -nt "$fuzzer" ] || rm -f "$lines"  # those of another build
failed=0
printf '%-12s %12s %8s %8s %9s  %s\n' target executions seconds edges corpus 'lines of its files'
for target in "${targets[@]}"; do
  corpus=$root/build/fuzz/corpus/$target found=$root/build/fuzz/found/$target
  mkdir -p "$corpus" "$found"
  status=0
  (cd "$found" && bash "$root/tests/fuzz/one.sh" "$fuzzer" "$target" "$seconds" "$corpus") \
    >"$found/log" 2>&1 || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$found/log")
  took=$(sed -n 's/^Done .* in \([0-9]*\) second.*/\1/p' "$found/log")
  edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$found/log" | tail -1)
  rm -f "$found/reached"
  (cd "$found" && ATLAS_FUZZ_REACHED=$found/reached FUZZ_ARGUMENTS=-runs=0 \
    bash "$root/tests/fuzz/one.sh" "$fuzzer" "$target" 0 "$corpus" >/dev/null 2>&1) || true
  if [ -f "$found/reached" ] && [ ! -f "$lines" ]; then
    cut -d ' ' -f 1 "$found/reached" |
      llvm-symbolizer --obj="$fuzzer" --functions=none --no-inlines --output-style=GNU >"$lines"
  fi
  reached=$(bash tests/fuzz/reached.sh "$target" "$found/reached" "$lines")
  printf '%-12s %12s %8s %8s %9s  %s\n' "$target" "${executions:--}" "${took:--}" "${edges:--}" \
    "$(find "$corpus" -type f | wc -l)" "$reached"
  if [ $status != 0 ]; then
    failed=1
    grep -E -m1 'ERROR|SUMMARY|terminate' "$found/log" || tail -3 "$found/log"
    ls "$found"
  fi
done
exit $failed
