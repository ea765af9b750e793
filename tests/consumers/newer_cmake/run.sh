#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh COMPILER SOURCE PREFIX FOLDER GENERATOR: a CMake of version 4, from Python's package index, configures
# the project and its users' projects without a warning. Ends with 77 where it cannot be had.
set -euo pipefail
compiler=$1 source=$2 prefix=$3 folder=$4 generator=$5
unavailable() { echo "not available here: $1"; exit 77; }
mkdir -p "$folder"
if [ ! -e "$folder/done" ]; then
  python3 -m pip --version >/dev/null 2>&1 || unavailable pip
  python3 -m pip install -q --target "$folder/python" 'cmake==4.*' >/dev/null 2>&1 || unavailable "CMake 4"
  touch "$folder/done"
fi
cmake=$folder/python/cmake/data/bin/cmake
[ -x "$cmake" ] || unavailable "an executable of CMake 4"

quietly() { # name, source, options...
  local name=$1 from=$2
  shift 2
  rm -rf "$folder/$name"
  if ! "$cmake" -S "$from" -B "$folder/$name" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" \
    "$@" >"$folder/$name.log" 2>&1 ||
    grep -qE '^CMake (Warning|Deprecation)' "$folder/$name.log"; then
    cat "$folder/$name.log" && exit 1
  fi
}

consumers=$source/tests/consumers
quietly project "$source" -DATLAS_BUILD_BENCHMARKS=ON
quietly installed "$consumers/installed" -DCMAKE_PREFIX_PATH="$prefix"
quietly subdirectory "$consumers/subdirectory" -DATLAS_SOURCE="$source"
quietly fetched "$consumers/fetched" -DATLAS_SOURCE="$source"
# Where users say where Boost is, and where it has no package.
quietly rooted "$consumers/layouts" -DCMAKE_PREFIX_PATH="$prefix" -DBOOST_ROOT=/usr
quietly headers "$consumers/layouts" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON
echo "as it should be"
