#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh COMPILER PREFIX FOLDER MODEL_FOLDER: builds and runs the programs with what pkg-config says,
# without CMake; the one that reads files without run-time type information.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
export PKG_CONFIG_PATH=$2/share/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs 'atlas >= 0.1')"
read -ra io_flags <<<"$(pkg-config --cflags --libs 'atlas-io >= 0.1')"
mkdir -p "$3"
"$1" -std=c++20 -fno-rtti "$here/files.cpp" "${io_flags[@]}" -o "$3/files"
[ "$("$3/files" "$4" "$3")" = read ] || { echo "files.cpp" && exit 1; }
"$1" -std=c++20 "$here/main.cpp" "$here/measure.cpp" "${flags[@]}" -o "$3/consumer"
"$3/consumer"
