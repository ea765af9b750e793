#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh COMPILER SOURCE GENERATOR: installs with other folders than the usual ones for headers and data,
# relative to the prefix and absolute, and compiles and runs a program with what CMake and pkg-config
# say of each.
set -euo pipefail
compiler=$1 source=$2 generator=$3
here=$(cd "$(dirname "$0")" && pwd)
# Not below the source: CMake refuses to install headers there.
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT

configure() { # name, include folder, data folder
  cmake -S "$source" -B "$folder/$1/build" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" \
    -DATLAS_BUILD_TESTS=OFF -DATLAS_BUILD_EXAMPLES=OFF -DCMAKE_INSTALL_PREFIX="$folder/$1/prefix" \
    -DCMAKE_INSTALL_INCLUDEDIR="$2" -DCMAKE_INSTALL_DATADIR="$3" >/dev/null
}

runs_with() { # data folder
  local flags
  read -ra flags <<<"$(PKG_CONFIG_PATH=$1/pkgconfig pkg-config --cflags --libs 'atlas >= 0.1')"
  "$compiler" -std=c++20 "$here/main.cpp" "${flags[@]}" -o "$1/consumer"
  [ "$("$1/consumer")" = found ] || { echo "pkg-config in $1" && exit 1; }
  cmake -S "$here" -B "$1/build" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" \
    -Datlas_DIR="$1/cmake/atlas" >/dev/null
  cmake --build "$1/build" >/dev/null
  [ "$("$1/build/consumer")" = found ] || { echo "CMake in $1" && exit 1; }
}

check() { # name, include folder, data folder, where the data are then
  configure "$1" "$2" "$3"
  cmake --install "$folder/$1/build" >/dev/null
  runs_with "$4"
}

check nested include/third/party lib/some/share "$folder/nested/prefix/lib/some/share"
check headers "$folder/headers/elsewhere" share "$folder/headers/prefix/share"
check data include "$folder/data/elsewhere" "$folder/data/elsewhere"
check both "$folder/both/one" "$folder/both/other/share" "$folder/both/other/share"

# Moved as a whole, or installed to another prefix: what is relative goes along.
mv "$folder/nested/prefix" "$folder/nested/moved"
rm -r "$folder/nested/moved/lib/some/share/build"
runs_with "$folder/nested/moved/lib/some/share"
if cmake --install "$folder/data/build" --prefix "$folder/data/other" 2>"$folder/said" >/dev/null; then
  echo "installed to a prefix that the absolute data folder does not know" && exit 1
fi
grep -q "CMAKE_INSTALL_DATADIR" "$folder/said"
echo "as it should be"
