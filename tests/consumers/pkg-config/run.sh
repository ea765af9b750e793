#!/bin/bash
# run.sh COMPILER PREFIX FOLDER: builds and runs the program with what pkg-config says, without CMake.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
export PKG_CONFIG_PATH=$2/share/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs 'atlas >= 0.1')"
mkdir -p "$3"
"$1" -std=c++20 "$here/main.cpp" "$here/measure.cpp" "${flags[@]}" -o "$3/consumer"
"$3/consumer"
