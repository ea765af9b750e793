#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh COMPILER PREFIX FOLDER GENERATOR: the installed consumer with Eigen 5 and xtensor 0.27. Ends with 77
# where these cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bash "$here/fetch.sh" "$3/headers"
cmake -S "$here/../installed" -B "$3/build" -G "$4" -DCMAKE_CXX_COMPILER="$1" \
  -DCMAKE_PREFIX_PATH="$2;$3/headers/usr" -DEIGEN_WANTED=5 -DBACKENDS=atlas
cmake --build "$3/build"
ctest --test-dir "$3/build" --output-on-failure --no-tests=error
