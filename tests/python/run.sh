#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh <source> <prefix of an installed atlas> <folder> <compiler> <atlas program>
# Installs the Python module in a fresh virtual environment and runs its tests and its page.
set -euo pipefail
source=$1 prefix=$2 folder=$3 compiler=$4 program=$5
# Debian's own Python, if there is one, has Debian's NumPy and torch.
python=$(PATH=/usr/bin:$PATH type -P python3)
rm -rf "$folder/venv"
"$python" -m venv --system-site-packages "$folder/venv"

# The compiler's commands and what it says are in the log. Where a build was before, it goes on.
install() {
  "$folder/venv/bin/pip" install -v --disable-pip-version-check --no-cache-dir "$source/examples/python" \
    --config-settings=build-dir="$folder/build" \
    --config-settings=cmake.define.CMAKE_CXX_COMPILER="$compiler" \
    --config-settings=cmake.define.CMAKE_COMPILE_WARNING_AS_ERROR=ON \
    --config-settings="cmake.define.CMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG" \
    --config-settings=cmake.define.atlas_ROOT="$prefix"
}
if ! install >"$folder/pip.log" 2>&1; then
  tail -n 60 "$folder/pip.log"
  if grep -qE "Could not find a version|No matching distribution" "$folder/pip.log"; then
    echo "This test needs scikit-build-core and nanobind from a package index: pip reached none." >&2
  fi
  exit 1
fi

cd "$folder"  # where no folder is called atlas
ATLAS_PROGRAM=$program "$folder/venv/bin/python" -m unittest discover -s "$source/examples/python/tests"

# Every block of the page, one after the other in one folder.
rm -rf "$folder/page"
mkdir "$folder/page"
bash "$source/tests/docs/commands_of.sh" "$folder/page" "$source/docs/guide/python.md" >/dev/null
cd "$folder/page"
count=0
for block in python_*.py; do
  echo "$block"
  "$folder/venv/bin/python" "$block"
  count=$((count + 1))
done
[ $count -ge 4 ] || { echo "docs/guide/python.md: expected 4 blocks of Python or more, got $count" >&2; exit 1; }
