#!/bin/bash
# SPDX-License-Identifier: MIT
# Lines and branches of include/ that the tests run, by clang's source-based coverage: the whole, then
# the files with the most branches left. Arguments: how many files to show (15), and "lines" to show
# the lines that no test runs, too.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh
# Clang 14 ends with an error of its own where it maps a function of the transformer.
clang=$(newest_clang)
version=${clang#clang-}
install_missing "${packages[@]}" "$clang" "llvm-$version" "libclang-rt-$version-dev"
shown=${1:-15}
build=$PWD/build/coverage
# What a precompiled header includes is a system header to Clang, of which it counts nothing.
cmake -S . -B "$build" -G Ninja -DATLAS_COMPILED=ON -DATLAS_UNITY=ON -DCMAKE_BUILD_TYPE=None \
  -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DATLAS_TORCH_INCLUDE=OFF \
  -DCMAKE_CXX_COMPILER="clang++-$version" \
  -DCMAKE_CXX_FLAGS="-O1 -fprofile-instr-generate -fcoverage-mapping -Wno-deprecated-declarations" \
  >/dev/null
# What is compiled a second time with other flags runs the same lines.
tests=$(ninja -C "$build" -t targets all | sed -n 's/^\(\(tests\/\)*test_[a-z_]*\): phony$/\1/p' |
  grep -v '_native$\|_plain$\|_blas$\|_vectors$\|aligned\|torch\|threads$' | sort -u)
cmake --build "$build" --target atlas_program $tests
rm -rf "$build/profiles"
export LLVM_PROFILE_FILE=$build/profiles/%4m.profraw
objects=()
while read -r test; do
  objects+=(-object "$test")
  "$test" </dev/null >"$build/log" 2>&1 || { tail -40 "$build/log"; echo "failed: $test"; }
done < <(find "$build/tests" -name 'test_*' -type f -perm -u+x | sort)
"llvm-profdata-$version" merge -sparse "$build"/profiles/*.profraw -o "$build/all.profdata"
objects+=(-object "$(find "$build/examples" -name atlas -type f -perm -u+x)")
"llvm-cov-$version" export -summary-only -instr-profile="$build/all.profdata" "${objects[@]:1}" \
  "$PWD/include" >"$build/coverage.json"
python3 - "$build/coverage.json" "$shown" <<'END'
import json, sys
files = json.load(open(sys.argv[1]))["data"][0]["files"]
def share(of):
    count, covered = (sum(f["summary"][of][k] for f in files) for k in ("count", "covered"))
    return f"{of} {100 * covered / count:.2f} % ({covered} of {count})"
print(f"include/: {len(files)} files,", ", ".join(share(of) for of in ("lines", "branches", "functions")))
def left(f, of="branches"):
    return f["summary"][of]["count"] - f["summary"][of]["covered"]
for f in sorted(files, key=left, reverse=True)[: int(sys.argv[2])]:
    name = f["filename"].split("/include/")[-1]
    print(f"{left(f):4} branches and {left(f, 'lines'):4} lines left in {name}")
END
if [ "${2:-}" = lines ]; then
  "llvm-cov-$version" show -show-line-counts -show-instantiations=false \
    -instr-profile="$build/all.profdata" "${objects[@]:1}" "$PWD/include" | grep -E '^/|^ +[0-9]+\| +0\|'
fi
